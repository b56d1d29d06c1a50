mod baseline;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use sdmad_base::{Error, Result};
use sdmad_encoders::ShiftAdapters;
use sdmad_engine::{Matrix, ShiftAdapter};

use crate::train::RunConfig;
use crate::{AttributeReader, Baseline, Bridge, MapOrigin, Method, Model, PatchMaps, SignPrior, TowerAdapters};

/// The first format whose alignment reads names: before it, words were signs alone, and counted in full in d(x).
const FIRST_WITH_NAMES: u32 = 6;

/// The trained tensors of a run.
pub(super) struct Parts {
    pub(super) bridge: Bridge,
    pub(super) coordinates: Vec<Vec<f64>>,
    pub(super) prior: Option<SignPrior>,
    pub(super) baseline: Option<Baseline>,
    pub(super) maps: Option<PatchMaps>,
    pub(super) without_fold: Vec<Bridge>,
    pub(super) adapters: TowerAdapters,
}

struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    fn f32(shape: Vec<usize>, values: impl Iterator<Item = f32>) -> Self {
        Tensor { dtype: Dtype::F32, shape, bytes: values.flat_map(f32::to_le_bytes).collect() }
    }

    fn matrix(m: &Matrix) -> Self {
        Tensor::f32(vec![m.rows(), m.columns()], m.data().iter().copied())
    }
}

fn serialize(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>> {
    let broken = |e: safetensors::SafeTensorError| Error::environment(format!("the tensors cannot be written: {e}"));
    let views = tensors
        .iter()
        .map(|(name, t)| Ok((name, TensorView::new(t.dtype, t.shape.clone(), &t.bytes).map_err(broken)?)))
        .collect::<Result<Vec<_>>>()?;
    safetensors::serialize(views, None::<HashMap<String, String>>).map_err(broken)
}

pub(super) fn encode(model: &Model, adapters: &TowerAdapters) -> Result<Vec<u8>> {
    let mut tensors = BTreeMap::new();
    let bridge = &model.bridge;
    if let Some(baseline) = &model.baseline {
        baseline::put(&mut tensors, baseline);
    } else {
        put_bridge(&mut tensors, "bridge", bridge);
    }
    if let Some(signs) = &model.signs {
        let rows = &signs.map.coordinates;
        let shape = vec![rows.len(), rows.first().map_or(0, Vec::len)];
        let bytes = rows.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
        tensors.insert("signs.coordinates".into(), Tensor { dtype: Dtype::F64, shape, bytes });
        if let Some(prior) = &signs.prior {
            put_prior(&mut tensors, prior);
        }
    }
    for (fold, bridge) in model.without_fold.iter().enumerate() {
        put_bridge(&mut tensors, &format!("without_fold.{fold}"), bridge);
    }
    if let Some(maps) = &model.maps {
        tensors.insert("maps.weight".into(), Tensor::matrix(&maps.weights));
        tensors.insert("maps.bias".into(), Tensor::f32(vec![maps.bias.len()], maps.bias.iter().copied()));
    }
    for (tower, adapters) in [("image", &adapters.image), ("text", &adapters.text)] {
        for (layer, adapter) in adapters {
            for (part, matrix) in [("down", &adapter.down), ("up", &adapter.up)] {
                let shape = vec![matrix.rows(), matrix.columns()];
                tensors.insert(
                    format!("{tower}.layer.{layer}.{part}.weight"),
                    Tensor::f32(shape, matrix.data().iter().copied()),
                );
            }
        }
    }
    serialize(&tensors)
}

fn put_bridge(tensors: &mut BTreeMap<String, Tensor>, name: &str, bridge: &Bridge) {
    let shape = vec![bridge.weights.len(), bridge.weights.first().map_or(0, Vec::len)];
    tensors.insert(format!("{name}.weight"), Tensor::f32(shape, bridge.weights.iter().flatten().copied()));
    tensors.insert(format!("{name}.bias"), Tensor::f32(vec![bridge.bias.len()], bridge.bias.iter().copied()));
}

fn put_attribute_reader(tensors: &mut BTreeMap<String, Tensor>, reader: &AttributeReader) {
    let mut put = |name: &str, tensor: Tensor| tensors.insert(format!("alignment.{name}"), tensor);
    put("whole", Tensor::matrix(&reader.whole));
    put("patch", Tensor::matrix(&reader.patch));
    put("offset", Tensor::f32(vec![reader.offset.len()], reader.offset.iter().copied()));
}

fn put_prior(tensors: &mut BTreeMap<String, Tensor>, prior: &SignPrior) {
    put_attribute_reader(tensors, &prior.reader);
    let mut put = |name: &str, tensor: Tensor| tensors.insert(format!("alignment.{name}"), tensor);
    let f64s = |shape: Vec<usize>, values: &mut dyn Iterator<Item = f64>| Tensor {
        dtype: Dtype::F64,
        shape,
        bytes: values.flat_map(f64::to_le_bytes).collect(),
    };
    let shape = vec![prior.readings.len(), prior.readings.first().map_or(0, Vec::len)];
    put("readings", f64s(shape, &mut prior.readings.iter().flatten().copied()));
    put("scale", f64s(vec![1], &mut std::iter::once(prior.scale)));
    put("spreads", f64s(vec![prior.spreads.len()], &mut prior.spreads.iter().copied()));
    let shape = vec![prior.names.len(), prior.names.first().map_or(0, Vec::len)];
    put("names", f64s(shape, &mut prior.names.iter().flatten().copied()));
    put("beside", f64s(vec![2], &mut [prior.finding, prior.in_detection].into_iter()));
}

/// `support.safetensors`: the mean features of the shots, `[shots, features]`.
pub(super) fn encode_support(features: &[Vec<f32>]) -> Result<Vec<u8>> {
    let shape = vec![features.len(), features.first().map_or(0, Vec::len)];
    let tensor = Tensor::f32(shape, features.iter().flatten().copied());
    serialize(&BTreeMap::from([("features".to_string(), tensor)]))
}

/// The features of so many shots.
pub(super) fn decode_support(bytes: &[u8], path: &Path, shots: usize) -> Result<Vec<Vec<f32>>> {
    let mut reader = Reader::of(bytes, path)?;
    let (_, width, values) = reader.take("features", Dtype::F32, Some(shots))?;
    Ok(values.chunks_exact(width.max(1)).map(|row| row.iter().map(|&x| x as f32).collect()).collect())
}

/// Takes named tensors out of a file, and says what is missing, left over, of another shape or not finite.
struct Reader<'a> {
    tensors: SafeTensors<'a>,
    path: &'a Path,
    taken: Vec<String>,
}

impl<'a> Reader<'a> {
    fn of(bytes: &'a [u8], path: &'a Path) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| {
            Error::bad_input(format!("{} is no safetensors file: {e}", path.display()))
                .with_hint("the run folder is damaged: train again")
        })?;
        Ok(Reader { tensors, path, taken: Vec::new() })
    }

    fn error(&self, message: String) -> Error {
        Error::bad_input(format!("{}: {message}", self.path.display()))
            .with_hint("the run folder is damaged: train again")
    }

    /// Two dimensions; a vector counts as one row.
    fn take(&mut self, name: &str, dtype: Dtype, rows: Option<usize>) -> Result<(usize, usize, Vec<f64>)> {
        let view = self.tensors.tensor(name).map_err(|_| self.error(format!("tensor {name} is missing")))?;
        let (found_rows, columns) = match *view.shape() {
            [columns] => (1, columns),
            [rows, columns] => (rows, columns),
            _ => return Err(self.error(format!("tensor {name} has shape {:?}; expected two dimensions", view.shape()))),
        };
        if view.dtype() != dtype {
            return Err(self.error(format!("tensor {name} is {:?}; expected {dtype:?}", view.dtype())));
        }
        if let Some(rows) = rows.filter(|&r| r != found_rows) {
            return Err(self.error(format!("tensor {name} has shape {:?}; expected {rows} rows", view.shape())));
        }
        let values: Vec<f64> = match dtype {
            Dtype::F64 => {
                view.data().chunks_exact(8).filter_map(|b| b.try_into().ok().map(f64::from_le_bytes)).collect()
            }
            _ => {
                let numbers = view.data().chunks_exact(4).filter_map(|b| b.try_into().ok().map(f32::from_le_bytes));
                numbers.map(f64::from).collect()
            }
        };
        if let Some(place) = values.iter().position(|v| !v.is_finite()) {
            return Err(
                self.error(format!("tensor {name} holds {} at {place}; expected finite numbers", values[place]))
            );
        }
        self.taken.push(name.to_string());
        Ok((found_rows, columns, values))
    }

    fn matrix(&mut self, name: &str) -> Result<Matrix> {
        let (rows, columns, values) = self.take(name, Dtype::F32, None)?;
        Ok(Matrix::from_vec(rows, columns, values.iter().map(|&v| v as f32).collect()))
    }

    /// A matrix of this many rows and columns, where they are known.
    fn shaped(&mut self, name: &str, rows: Option<usize>, columns: Option<usize>) -> Result<Matrix> {
        let matrix = self.matrix(name)?;
        let other = |found: usize, expected: Option<usize>| expected.is_some_and(|e| e != found);
        if other(matrix.rows(), rows) || other(matrix.columns(), columns) {
            let say = |n: Option<usize>| n.map_or("any".to_string(), |n| n.to_string());
            return Err(self.error(format!(
                "tensor {name} has shape [{}, {}]; expected [{}, {}]",
                matrix.rows(),
                matrix.columns(),
                say(rows),
                say(columns)
            )));
        }
        Ok(matrix)
    }

    fn attribute_reader(&mut self) -> Result<AttributeReader> {
        let whole = self.matrix("alignment.whole")?;
        let patch = self.matrix("alignment.patch")?;
        let offset = self.matrix("alignment.offset")?;
        let attributes = whole.rows();
        if [patch.rows(), offset.columns()] != [attributes; 2] {
            return Err(self.error(format!(
                "tensors alignment.whole, patch and offset are of {attributes}, {} and {} attributes; expected as many",
                patch.rows(),
                offset.columns()
            )));
        }
        Ok(AttributeReader { whole, patch, offset: offset.into_vec() })
    }

    fn prior(&mut self, config: &RunConfig) -> Result<SignPrior> {
        let reader = self.attribute_reader()?;
        let (_, width, readings) = self.take("alignment.readings", Dtype::F64, None)?;
        let (_, _, scale) = self.take("alignment.scale", Dtype::F64, Some(1))?;
        let (_, _, spreads) = self.take("alignment.spreads", Dtype::F64, Some(1))?;
        let attributes = reader.whole.rows();
        if width != attributes || scale.len() != 1 {
            return Err(self.error(format!(
                "tensors alignment.whole and readings are of {attributes} and {width} attributes; expected as many"
            )));
        }
        let (names, finding, in_detection) = if config.format < FIRST_WITH_NAMES {
            (Vec::new(), 0.0, 1.0)
        } else {
            let (_, width, names) = self.take("alignment.names", Dtype::F64, Some(1 + config.categories.len()))?;
            let (_, count, beside) = self.take("alignment.beside", Dtype::F64, Some(1))?;
            if width != attributes || count != 2 {
                return Err(self.error(format!(
                    "tensors alignment.names and beside have {width} and {count} columns; expected {attributes} and 2"
                )));
            }
            (names.chunks_exact(width.max(1)).map(<[f64]>::to_vec).collect(), beside[0], beside[1])
        };
        Ok(SignPrior {
            reader,
            readings: readings.chunks_exact(width.max(1)).map(<[f64]>::to_vec).collect(),
            scale: scale[0],
            spreads,
            names,
            finding,
            in_detection,
        })
    }

    fn maps(&mut self, config: &RunConfig, signs: usize, origin: MapOrigin) -> Result<PatchMaps> {
        let categories = config.categories.len();
        let weights = self.shaped("maps.weight", Some(1 + categories + signs), None)?;
        let bias = self.shaped("maps.bias", Some(1), Some(weights.rows()))?.into_vec();
        Ok(PatchMaps { weights, bias, categories, origin, windows: config.settings.maps.windows })
    }

    fn bridge(&mut self, name: &str, columns: usize) -> Result<Bridge> {
        let (_, width, weights) = self.take(&format!("{name}.weight"), Dtype::F32, Some(columns))?;
        let (_, biases, bias) = self.take(&format!("{name}.bias"), Dtype::F32, Some(1))?;
        if biases != columns || width == 0 {
            return Err(self.error(format!("tensor {name}.bias has {biases} numbers; expected {columns}")));
        }
        Ok(Bridge {
            weights: weights.chunks_exact(width).map(|r| r.iter().map(|&w| w as f32).collect()).collect(),
            bias: bias.iter().map(|&b| b as f32).collect(),
        })
    }

    fn adapters(&mut self, tower: &str, layers: &[usize], config: &RunConfig) -> Result<ShiftAdapters> {
        let settings = &config.settings.adapters;
        layers
            .iter()
            .map(|&layer| {
                let adapter = ShiftAdapter {
                    down: self.matrix(&format!("{tower}.layer.{layer}.down.weight"))?,
                    up: self.matrix(&format!("{tower}.layer.{layer}.up.weight"))?,
                    lambda: settings.lambda as f32,
                    input: settings.input.into(),
                    norm_matching: settings.norm_matching,
                };
                Ok((layer, adapter))
            })
            .collect()
    }
}

pub(super) fn decode(bytes: &[u8], path: &Path, config: &RunConfig) -> Result<Parts> {
    let mut reader = Reader::of(bytes, path)?;
    let columns = config.categories.len() + 1;
    let baseline = match &config.baseline {
        Some(record) => Some(baseline::take(&mut reader, config, record)?),
        None => None,
    };
    let bridge = if baseline.is_some() {
        Bridge { weights: Vec::new(), bias: Vec::new() }
    } else {
        reader.bridge("bridge", columns)?
    };
    let coordinates = if config.method == Method::Sdmad {
        let (_, found, values) = reader.take("signs.coordinates", Dtype::F64, None)?;
        if found != columns {
            return Err(reader.error(format!("tensor signs.coordinates has {found} columns; expected {columns}")));
        }
        values.chunks_exact(found).map(<[f64]>::to_vec).collect()
    } else {
        Vec::new()
    };
    let prior = if config.alignment.is_some() && baseline.is_none() { Some(reader.prior(config)?) } else { None };
    let maps = match config.maps {
        Some(origin) => Some(reader.maps(config, prior.as_ref().map_or(0, |p| p.readings.len()), origin)?),
        None => None,
    };
    let without_fold: Vec<Bridge> = (0..config.fold_models)
        .map(|fold| reader.bridge(&format!("without_fold.{fold}"), columns))
        .collect::<Result<_>>()?;
    let width = |bridge: &Bridge| bridge.weights.first().map_or(0, Vec::len);
    if let Some(other) = without_fold.iter().find(|b| width(b) != width(&bridge)) {
        let (found, expected) = (width(other), width(&bridge));
        return Err(reader.error(format!("the tensors without_fold read {found} features; expected {expected}")));
    }
    let adapters = TowerAdapters {
        image: reader.adapters("image", &config.image_adapters, config)?,
        text: reader.adapters("text", &config.text_adapters, config)?,
    };
    if let Some(left) = reader.tensors.names().iter().find(|n| !reader.taken.iter().any(|t| t == *n)) {
        return Err(reader.error(format!("tensor {left} is left over; adapter_config.json names none such")));
    }
    Ok(Parts { bridge, coordinates, prior, baseline, maps, without_fold, adapters })
}
