//! What was learned, and the folder that holds it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use sdmad_base::{AtomicDir, Error, Result, read, read_to_string, sha256_hex, write_atomic};
use sdmad_encoders::Encoder;
use sdmad_engine::{Matrix, Matrix64};
use sdmad_synthesis::{Attribute, Domain};

use super::fit::DomainReport;
use super::normal_variation::{BlockVariation, NormalVariation};
use super::{AttributeReader, Presence, TextReader};

/// The number that grows when the folder's shape changes so that older ones cannot be read; tensors that may be missing leave it.
const FORMAT: u32 = 1;
const RECORD: &str = "alignment.json";
const TENSORS: &str = "alignment.safetensors";

/// Record and tensors of an alignment that comes with this version.
struct Shipped {
    name: &'static str,
    record: &'static str,
    tensors: &'static [u8],
}

macro_rules! shipped {
    ($name:literal) => {
        Shipped {
            name: $name,
            record: include_str!(concat!("../../alignment/", $name, "/alignment.json")),
            tensors: include_bytes!(concat!("../../alignment/", $name, "/alignment.safetensors")),
        }
    };
}

/// The alignments that come with this version, for the default encoder, each as `sdmad align` made it. Together they have every domain once.
const SHIPPED: [Shipped; 3] = [shipped!("first-six"), shipped!("brain_mri"), shipped!("endoscopy")];

/// An alignment of one encoder.
#[derive(Clone, Debug)]
pub struct Alignment {
    /// What it was made of.
    pub record: AlignmentRecord,
    /// SHA-256 of its tensors.
    pub sha256: String,
    /// What was learned in each domain.
    pub domains: Vec<DomainAlignment>,
    /// How normal images differ, over all domains; none in what is kept of a single domain on the way.
    pub variation: Option<Arc<NormalVariation>>,
}

/// What was learned in one domain.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainAlignment {
    /// The kind of image.
    pub domain: Domain,
    /// From images to attributes.
    pub reader: AttributeReader,
    /// From texts to attributes.
    pub text: TextReader,
    /// Covariance of the attributes over rendered images, `[attributes, attributes]`.
    pub covariance: Matrix64,
    /// What is read in images with each attribute and without it; none in alignments of before it was kept.
    pub presence: Option<Presence>,
}

/// What an alignment was made of: `alignment.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlignmentRecord {
    /// The number that grows when the folder's shape changes.
    pub format: u32,
    /// The version of sdmad that made it.
    pub sdmad: String,
    /// The command that made it.
    pub command: String,
    /// The encoder that it belongs to.
    pub encoder: AlignedEncoder,
    /// Seed of everything that was drawn.
    pub seed: u64,
    /// Images rendered in each domain.
    pub images: usize,
    /// Attributes, in the order of every list.
    pub attributes: Vec<String>,
    /// Domains in their order, and how well each was learned.
    pub domains: Vec<DomainReport>,
}

/// The encoder that an alignment belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlignedEncoder {
    /// SHA-256 of the image tower's weights.
    pub image_sha256: String,
    /// SHA-256 of its architecture and preprocessing.
    pub image_recipe_sha256: String,
    /// SHA-256 of the text tower's weights.
    pub text_sha256: String,
}

impl AlignedEncoder {
    /// The towers of an encoder.
    pub fn of(encoder: &Encoder) -> Self {
        let identity = encoder.identity();
        AlignedEncoder {
            image_sha256: identity.image_sha256.clone(),
            image_recipe_sha256: encoder.image_tower().recipe_sha256().to_string(),
            text_sha256: identity.text_sha256.clone(),
        }
    }
}

impl Shipped {
    fn read(&self) -> Result<Alignment> {
        Alignment::from_bytes(self.record, self.tensors, &Path::new(self.name).join(RECORD))
    }
}

impl Alignment {
    pub(crate) fn new(
        mut record: AlignmentRecord,
        domains: Vec<DomainAlignment>,
        variation: Option<Arc<NormalVariation>>,
    ) -> Result<Self> {
        record.format = FORMAT;
        record.attributes = Attribute::ALL.iter().map(|a| a.id().to_string()).collect();
        let sha256 = sha256_hex(&encode(&domains, variation.as_deref())?);
        Ok(Alignment { record, sha256, domains, variation })
    }

    /// The alignments of this version, each with domains of its own; none when they belong to other towers.
    ///
    /// # Errors
    /// Never in a released version: tests read them.
    pub fn shipped(encoder: &Encoder) -> Result<Vec<Self>> {
        let expected = AlignedEncoder::of(encoder);
        let mut alignments = SHIPPED.iter().map(Shipped::read).collect::<Result<Vec<_>>>()?;
        alignments.retain(|alignment| alignment.record.encoder == expected);
        Ok(alignments)
    }

    /// Opens the folder of an alignment for an encoder.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the alignment belongs to other towers.
    pub fn open(folder: &Path, encoder: &Encoder) -> Result<Self> {
        let path = folder.join(RECORD);
        let text = read_to_string(&path)
            .map_err(|e| e.with_hint(format!("{} is no alignment; `sdmad align --out` makes one", folder.display())))?;
        let alignment = Alignment::from_bytes(&text, &read(&folder.join(TENSORS))?, &path)?;
        let expected = AlignedEncoder::of(encoder);
        if alignment.record.encoder != expected {
            return Err(Error::bad_input(format!(
                "{}: made for an image tower with SHA-256 {}; the encoder's has {}",
                path.display(),
                alignment.record.encoder.image_sha256,
                expected.image_sha256
            ))
            .with_hint("align this encoder with `sdmad align`, or name the encoder that it was made for"));
        }
        Ok(alignment)
    }

    fn from_bytes(json: &str, tensors: &[u8], path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let broken = |e: serde_json::Error| {
            Error::bad_input(format!("{}: {e}", path.display())).with_hint("make it again with `sdmad align`")
        };
        let Format { format } = serde_json::from_str(json).map_err(broken)?;
        if format != FORMAT {
            return Err(Error::bad_input(format!(
                "{}: alignment format {format}; this version of sdmad reads format {FORMAT}",
                path.display()
            ))
            .with_hint("make it again with `sdmad align`"));
        }
        let record: AlignmentRecord = serde_json::from_str(json).map_err(broken)?;
        let known: Vec<&str> = Attribute::ALL.iter().map(|a| a.id()).collect();
        if record.attributes != known {
            return Err(Error::bad_input(format!("{}: attributes of another version", path.display()))
                .with_hint("make it again with `sdmad align`"));
        }
        let (domains, variation) =
            decode(tensors, &record).map_err(|e| e.at(path.with_file_name(TENSORS).display()))?;
        Ok(Alignment { record, sha256: sha256_hex(tensors), domains, variation: variation.map(Arc::new) })
    }

    /// Writes the folder, whole or not at all.
    ///
    /// # Errors
    /// When `folder` exists and is not empty, or cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let dir = AtomicDir::create(folder)?;
        let json = serde_json::to_string_pretty(&self.record)
            .map_err(|e| Error::environment(format!("{RECORD}: cannot be written as JSON: {e}")))?;
        write_atomic(&dir.path().join(RECORD), (json + "\n").as_bytes())?;
        write_atomic(&dir.path().join(TENSORS), &encode(&self.domains, self.variation.as_deref())?)?;
        dir.commit()
    }
}

/// A number as a bfloat16 is kept, to nearest even.
pub(crate) fn rounded(value: f32) -> f32 {
    let bits = value.to_bits();
    f32::from_bits((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
}

fn encode(domains: &[DomainAlignment], variation: Option<&NormalVariation>) -> Result<Vec<u8>> {
    let mut tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    // Numbers were rounded when they were learned, so nothing is lost.
    let bf16 = |matrix: &Matrix| -> Vec<u8> {
        matrix.data().iter().flat_map(|v| ((v.to_bits() >> 16) as u16).to_le_bytes()).collect()
    };
    for (number, block) in variation.iter().flat_map(|v| &v.blocks).enumerate() {
        let shape = vec![block.directions.rows(), block.directions.columns()];
        tensors.insert(format!("variation.{number:02}.directions"), (Dtype::BF16, shape, bf16(&block.directions)));
        let variances = block.variances.iter().flat_map(|v| v.to_le_bytes()).collect();
        tensors
            .insert(format!("variation.{number:02}.variances"), (Dtype::F32, vec![block.variances.len()], variances));
    }
    for domain in domains {
        let id = domain.domain.id();
        let mut put_bf16 = |name: &str, matrix: &Matrix| {
            let shape = vec![matrix.rows(), matrix.columns()];
            tensors.insert(format!("{id}.{name}"), (Dtype::BF16, shape, bf16(matrix)));
        };
        put_bf16("whole", &domain.reader.whole);
        put_bf16("patch", &domain.reader.patch);
        put_bf16("text", &domain.text.weights);
        if let Some(presence) = &domain.presence {
            put_bf16("with", &presence.with);
            put_bf16("without", &presence.without);
        }
        let covariance: Vec<f32> = domain.covariance.data().iter().map(|&v| v as f32).collect();
        let lists = [
            ("offset", &domain.reader.offset),
            ("text_mean", &domain.text.mean),
            ("text_bias", &domain.text.bias),
            ("covariance", &covariance),
        ];
        let shares = domain.presence.iter().map(|presence| ("shares", &presence.shares));
        for (name, list) in lists.into_iter().chain(shares) {
            let bytes = list.iter().flat_map(|v| v.to_le_bytes()).collect();
            tensors.insert(format!("{id}.{name}"), (Dtype::F32, vec![list.len()], bytes));
        }
    }
    let broken = |e: safetensors::SafeTensorError| Error::environment(format!("{TENSORS}: cannot be written: {e}"));
    let views = tensors
        .iter()
        .map(|(name, (dtype, shape, bytes))| Ok((name, TensorView::new(*dtype, shape.clone(), bytes).map_err(broken)?)))
        .collect::<Result<Vec<_>>>()?;
    safetensors::serialize(views, None::<HashMap<String, String>>).map_err(broken)
}

fn decode(bytes: &[u8], record: &AlignmentRecord) -> Result<(Vec<DomainAlignment>, Option<NormalVariation>)> {
    let damaged = |message: String| Error::bad_input(message).with_hint("make it again with `sdmad align`");
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| damaged(format!("no safetensors file: {e}")))?;
    let take = |name: String, rows: usize| -> Result<Matrix> {
        let view = tensors.tensor(&name).map_err(|_| damaged(format!("tensor {name} is missing")))?;
        let values: Vec<f32> = match view.dtype() {
            Dtype::BF16 => view
                .data()
                .as_chunks::<2>()
                .0
                .iter()
                .map(|b| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16))
                .collect(),
            Dtype::F32 => view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            other => return Err(damaged(format!("tensor {name} is {other:?}; expected BF16 or F32"))),
        };
        if values.is_empty() || !values.len().is_multiple_of(rows) || view.shape().first() != Some(&rows) && rows > 1 {
            return Err(damaged(format!("tensor {name} has shape {:?}; expected {rows} rows", view.shape())));
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(damaged(format!("tensor {name} holds {} at {at}; expected finite numbers", values[at])));
        }
        let columns = values.len() / rows;
        Ok(Matrix::from_vec(rows, columns, values))
    };
    let attributes = Attribute::ALL.len();
    let list = |name: String, length: usize| -> Result<Vec<f32>> {
        let values = take(name.clone(), 1)?.into_vec();
        if values.len() != length {
            return Err(damaged(format!("tensor {name} has {} numbers; expected {length}", values.len())));
        }
        Ok(values)
    };
    let square = |name: String| -> Result<Matrix> {
        let matrix = take(name.clone(), attributes)?;
        if matrix.columns() != attributes {
            return Err(damaged(format!("tensor {name} has {} columns; expected {attributes}", matrix.columns())));
        }
        Ok(matrix)
    };
    let mut blocks = Vec::new();
    while tensors.tensor(&format!("variation.{:02}.variances", blocks.len())).is_ok() {
        let name = format!("variation.{:02}", blocks.len());
        let variances = take(format!("{name}.variances"), 1)?.into_vec();
        let directions = take(format!("{name}.directions"), (variances.len() - 1).max(1))?;
        blocks.push(BlockVariation { directions, variances });
    }
    let variation = (!blocks.is_empty()).then_some(NormalVariation { blocks });
    let domains = record
        .domains
        .iter()
        .map(|report| {
            let domain = Domain::from_id(&report.domain)?;
            let id = domain.id();
            let text = take(format!("{id}.text"), 2 * attributes)?;
            let covariance = list(format!("{id}.covariance"), attributes * attributes)?;
            let presence = match tensors.tensor(&format!("{id}.shares")) {
                Ok(_) => Some(Presence {
                    shares: list(format!("{id}.shares"), attributes)?,
                    with: square(format!("{id}.with"))?,
                    without: square(format!("{id}.without"))?,
                }),
                Err(_) => None,
            };
            Ok(DomainAlignment {
                domain,
                reader: AttributeReader {
                    whole: take(format!("{id}.whole"), attributes)?,
                    patch: take(format!("{id}.patch"), attributes)?,
                    offset: list(format!("{id}.offset"), attributes)?,
                },
                text: TextReader {
                    mean: list(format!("{id}.text_mean"), text.columns())?,
                    bias: list(format!("{id}.text_bias"), 2 * attributes)?,
                    weights: text,
                },
                covariance: Matrix64::from_vec(
                    attributes,
                    attributes,
                    covariance.iter().map(|&v| f64::from(v)).collect(),
                ),
                presence,
            })
        })
        .collect::<Result<_>>()?;
    Ok((domains, variation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_alignments_have_every_domain_once_and_are_what_their_records_say() {
        let mut domains = Vec::new();
        for shipped in &SHIPPED {
            let alignment = shipped.read().unwrap();
            domains.extend(alignment.domains.iter().map(|d| d.domain));
            // Written again, it is the same file.
            assert!(encode(&alignment.domains, alignment.variation.as_deref()).unwrap() == shipped.tensors);
        }
        domains.sort();
        assert_eq!(domains, Domain::ALL);
    }

    #[test]
    fn numbers_are_kept_as_they_were_rounded() {
        for value in [0.0f32, 1.0, -2.7654321, 1e-20, 6.5e8] {
            let kept = rounded(value);
            assert_eq!(kept.to_bits() & 0xFFFF, 0);
            assert!((kept - value).abs() <= value.abs() / 256.0);
            assert_eq!(rounded(kept), kept);
        }
    }
}
