use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use safetensors::tensor::{Dtype, Metadata};
use sdmad_base::{Error, Result};
use sdmad_engine::{LayerNorm, Linear, Matrix, Precision};

use crate::packed::PackedFile;

mod decode;

/// The format's own limit, in bytes.
const LONGEST_HEADER: u64 = 100_000_000;

/// A safetensors file that remembers which of its tensors were taken.
///
/// Tensors are read one by one when they are taken. Mapping the file would break when another program shortens it, and would count its pages
/// beside the packed weights.
///
/// A loader takes each tensor by name and shape through [`WeightFile::at`], and ends with [`WeightFile::finish`], which fails when a
/// tensor of the file was left over. What was taken can then be written as a [`PackedFile`].
pub(crate) struct WeightFile {
    path: PathBuf,
    file: Mutex<File>,
    metadata: Metadata,
    /// Where the numbers start: behind the header and its length.
    start: u64,
    taken: Mutex<Taken>,
}

/// What was taken of a file, by name.
#[derive(Default)]
struct Taken {
    tensors: BTreeMap<String, Use>,
    layers: BTreeMap<String, Linear>,
}

/// What became of a tensor.
enum Use {
    /// It was handed out, in this shape.
    Plain(Vec<usize>),
    /// It is in the packed weight of a layer.
    InLayer,
}

impl WeightFile {
    /// Opens a file and reads its header.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let unreadable = |e: io::Error| Error::io("read", path, e);
        let damaged = |what: String| {
            Error::bad_input(format!("{} is no whole safetensors file: {what}", path.display()))
                .with_hint("fetch or convert it again; a download that broke off looks like this")
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(Error::bad_input(format!("{} is no file", path.display())).with_hint("name a safetensors file"));
        }
        let mut length = [0; 8];
        if about.len() < 8 {
            return Err(damaged(format!("it has {} bytes", about.len())));
        }
        file.read_exact(&mut length).map_err(unreadable)?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEADER || length > about.len() - 8 {
            return Err(damaged(format!("it has {} bytes, and gives its header {length}", about.len())));
        }
        // At most 100 MB, and no more than the file has.
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(unreadable)?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|e| damaged(e.to_string()))?;
        let (start, numbers) = (8 + length, metadata.data_len() as u64);
        if start.checked_add(numbers) != Some(about.len()) {
            return Err(damaged(format!("it has {} bytes; its header announces {start} and {numbers}", about.len())));
        }
        Ok(WeightFile { path: path.to_path_buf(), file: Mutex::new(file), metadata, start, taken: Mutex::default() })
    }

    /// Bytes of the file, counted from behind the header.
    fn bytes(&self, from: usize, to: usize) -> Result<Vec<u8>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = vec![0; to - from];
        file.seek(SeekFrom::Start(self.start + from as u64))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|e| Error::io("read", &self.path, e))?;
        Ok(bytes)
    }

    /// A view without a prefix, whose blocks are packed at this precision.
    pub(crate) fn at(&self, precision: Precision) -> Weights<'_> {
        Weights { source: Source::File(self, precision), prefix: String::new() }
    }

    /// Names and shapes of the tensors that were handed out.
    pub(crate) fn plain_tensors(&self) -> Vec<(String, Vec<usize>)> {
        let taken = self.taken();
        let plain = |(name, becomes): (&String, &Use)| match becomes {
            Use::Plain(shape) => Some((name.clone(), shape.clone())),
            Use::InLayer => None,
        };
        taken.tensors.iter().filter_map(plain).collect()
    }

    /// The layers that were packed, by the names of their weights.
    pub(crate) fn packed_layers(&self) -> BTreeMap<String, Linear> {
        self.taken().layers.clone()
    }

    /// Fails when a tensor that `concerns` the tower was not taken, unless `unused` names it.
    ///
    /// `unused` holds last parts of names whose tensors every file of a layout may carry and no tower needs.
    pub(crate) fn finish(&self, concerns: impl Fn(&str) -> bool, unused: &[&str], wanted_by: &str) -> Result<()> {
        let taken = self.taken();
        let mut left: Vec<String> = self.metadata.offset_keys();
        left.retain(|name| {
            let ignored = unused.iter().any(|u| name == u || name.ends_with(&format!(".{u}")));
            concerns(name) && !taken.tensors.contains_key(name) && !ignored
        });
        left.sort();
        if left.is_empty() {
            return Ok(());
        }
        Err(Error::bad_input(format!(
            "{} has {} that the {wanted_by} does not use: {}",
            self.path.display(),
            count(left.len(), "tensor"),
            listed(&left)
        ))
        .with_hint("weights and configuration are of different models, or this variant is not supported"))
    }

    /// A tensor of exactly this shape as f32, row-major.
    pub(crate) fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let path = self.path.display();
        let Some(info) = self.metadata.info(name) else {
            let there = self.neighbours(name);
            return Err(Error::bad_input(format!(
                "{path} lacks the tensor `{name}`, expected with shape {shape:?}; {there}"
            ))
            .with_hint("weights and configuration are of different models, or this variant is not supported"));
        };
        if info.shape != shape {
            return Err(Error::bad_input(format!(
                "{path}: tensor `{name}` has shape {:?}; the configuration expects {shape:?}",
                info.shape
            ))
            .with_hint("weights and configuration are of different models"));
        }
        let (from, to) = info.data_offsets;
        let decode = match info.dtype {
            Dtype::F32 => decode::f32_from_f32,
            Dtype::F16 => decode::f32_from_f16,
            Dtype::BF16 => decode::f32_from_bf16,
            other => {
                return Err(Error::bad_input(format!(
                    "{path}: tensor `{name}` is of type {other:?}; F32, F16 and BF16 can be read"
                ))
                .with_hint("save the model in one of these types"));
            }
        };
        let numbers = decode(&self.bytes(from, to)?);
        if let Some(index) = numbers.iter().position(|x| !x.is_finite()) {
            return Err(Error::bad_input(format!(
                "{path}: tensor `{name}` holds {} at number {index} of {}; weights must be finite",
                numbers[index],
                numbers.len()
            ))
            .with_hint("the file is damaged, or its training diverged"));
        }
        Ok(numbers)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // A map is whole whatever another thread was doing.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the file has where a tensor is missing: the names below the nearest level that is not empty.
    fn neighbours(&self, name: &str) -> String {
        let mut names = self.metadata.offset_keys();
        names.sort();
        let mut level = name;
        while let Some(end) = level.rfind('.') {
            level = &name[..end];
            let below: Vec<String> = names.iter().filter(|other| other.starts_with(&name[..=end])).cloned().collect();
            if !below.is_empty() {
                return format!("below `{level}` it has {}", listed(&below));
            }
        }
        format!("it has {}", listed(&names))
    }
}

/// A place in the names of a [`WeightFile`], or of what was packed of one: `weights.pp("encoder").pp("layer.0")`.
pub(crate) struct Weights<'a> {
    source: Source<'a>,
    prefix: String,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    File(&'a WeightFile, Precision),
    Packed(&'a PackedFile),
}

impl PackedFile {
    /// A view without a prefix.
    pub(crate) fn root(&self) -> Weights<'_> {
        Weights { source: Source::Packed(self), prefix: String::new() }
    }
}

impl<'a> Weights<'a> {
    /// One level down.
    pub(crate) fn pp(&self, name: impl Display) -> Weights<'a> {
        Weights { source: self.source, prefix: self.name(&name.to_string()) }
    }

    /// A tensor of exactly this shape as f32, row-major.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let name = self.name(name);
        match self.source {
            Source::Packed(file) => file.tensor(&name, shape),
            Source::File(file, _) => {
                let numbers = file.read(&name, shape)?;
                file.taken().tensors.insert(name, Use::Plain(shape.to_vec()));
                Ok(numbers)
            }
        }
    }

    /// A vector.
    pub(crate) fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>> {
        self.tensor(name, &[length])
    }

    /// A matrix.
    pub(crate) fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Matrix> {
        Ok(Matrix::from_vec(rows, columns, self.tensor(name, &[rows, columns])?))
    }

    /// One number, stored without a shape or with shape `[1]`.
    pub(crate) fn scalar(&self, name: &str) -> Result<f32> {
        let whole = self.name(name);
        let one = match self.source {
            Source::File(file, _) => file.metadata.info(&whole).is_some_and(|info| info.shape == [1]),
            Source::Packed(file) => file.has(&whole, &[1]),
        };
        Ok(self.tensor(name, if one { &[1] } else { &[] })?[0])
    }

    /// `weight` and `bias` of a layer norm.
    pub(crate) fn layer_norm(&self, width: usize, epsilon: f32) -> Result<LayerNorm> {
        Ok(LayerNorm::new(self.vector("weight", width)?, self.vector("bias", width)?, epsilon))
    }

    /// `weight [output, input]` and, if wanted, `bias` of a linear layer that stays f32.
    pub(crate) fn linear(&self, input: usize, output: usize, bias: bool) -> Result<Linear> {
        let weight = self.matrix("weight", output, input)?;
        let bias = if bias { Some(self.vector("bias", output)?) } else { None };
        Ok(Linear::new(weight, bias, Precision::F32))
    }

    /// `weight [output, input]` and `bias` of a linear layer of a block, at the precision of blocks.
    pub(crate) fn block_linear(&self, input: usize, output: usize) -> Result<Linear> {
        self.packed("weight", &["weight".to_string()], (output, input), self.vector("bias", output)?)
    }

    /// Query, key and value of a block, stored apart as `weight [width, width]` and `bias`, in one layer `[3 width, width]`.
    pub(crate) fn query_key_value(&self, names: [&str; 3], width: usize) -> Result<Linear> {
        let mut bias = Vec::with_capacity(3 * width);
        for name in names {
            bias.extend(self.pp(name).vector("bias", width)?);
        }
        let parts = names.map(|name| format!("{name}.weight"));
        self.packed(&format!("{}.weight", names.join("+")), &parts, (3 * width, width), bias)
    }

    /// The same, stored in one as `in_proj_weight` and `in_proj_bias`.
    pub(crate) fn in_projection(&self, width: usize) -> Result<Linear> {
        let (name, bias) = ("in_proj_weight", self.vector("in_proj_bias", 3 * width)?);
        self.packed(name, &[name.to_string()], (3 * width, width), bias)
    }

    /// A linear layer of a block, called `name` where it is packed, its weight in one or several tensors of equal shape.
    fn packed(&self, name: &str, parts: &[String], (output, input): (usize, usize), bias: Vec<f32>) -> Result<Linear> {
        let name = self.name(name);
        match self.source {
            Source::Packed(file) => {
                let weight = file.weight(&name, output, input)?;
                Linear::from_packed(output, input, Some(bias), file.precision(), weight)
            }
            Source::File(file, precision) => {
                let mut weight = Vec::with_capacity(output * input);
                for part in parts {
                    let part = self.name(part);
                    weight.extend(file.read(&part, &[output / parts.len(), input])?);
                    file.taken().tensors.insert(part, Use::InLayer);
                }
                let layer = Linear::new(Matrix::from_vec(output, input, weight), Some(bias), precision);
                file.taken().layers.insert(name, layer.clone());
                Ok(layer)
            }
        }
    }

    fn name(&self, last: &str) -> String {
        if self.prefix.is_empty() { last.to_string() } else { format!("{}.{last}", self.prefix) }
    }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests;
