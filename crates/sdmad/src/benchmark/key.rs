use serde::{Deserialize, Serialize};

use sdmad_base::sha256_hex;

use crate::train::RUN_FORMAT;

/// The number that grows when a method gives other scores for equal inputs. Cells of another number are computed again.
pub const METHOD_VERSION: u32 = 6;

/// Everything that the scores of a cell depend on. Names and places of files are not among it: contents are, by their hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellInputs {
    /// [`METHOD_VERSION`].
    pub method_version: u32,
    /// The version of sdmad.
    pub sdmad: String,
    /// The format of run folders.
    pub run_format: u32,
    /// SHA-256 of the manifest.
    pub manifest_sha256: String,
    /// SHA-256 over the names and hashes of all image and mask files that take part.
    pub files_sha256: String,
    /// SHA-256 of the sign truth.
    pub sign_truth_sha256: Option<String>,
    /// SHA-256 of the sign bank, restricted to the manifest's categories; none where no sign is read.
    pub bank_sha256: Option<String>,
    /// The encoder; none for pixels.
    pub encoder: Option<EncoderInputs>,
    /// Hash of the alignment and its domain; none where nothing is aligned.
    pub alignment: Option<String>,
    /// How images are scored.
    pub method: String,
    /// All settings, without the place of the alignment.
    pub settings: serde_json::Value,
    /// The precision of the towers that was asked for; none for pixels.
    pub precision: Option<String>,
    /// The instruction path.
    pub instructions: String,
    /// Images of normal and of each category.
    pub shots: usize,
    /// Which draw.
    pub draw: u64,
    /// Whether a category with too few patients gives what it has.
    pub short_supply: bool,
    /// Which rows are measured.
    pub split: String,
}

/// The hashes of an encoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderInputs {
    /// SHA-256 of the image tower's weights.
    pub image_sha256: String,
    /// SHA-256 of its architecture and preprocessing.
    pub image_recipe_sha256: String,
    /// SHA-256 of the text tower's weights.
    pub text_sha256: String,
}

impl CellInputs {
    /// The version numbers of this build.
    pub(super) fn versions() -> (u32, String, u32) {
        (METHOD_VERSION, env!("CARGO_PKG_VERSION").to_string(), RUN_FORMAT)
    }

    /// The cell's name: half of the SHA-256 of all inputs, as 32 hexadecimal digits.
    pub fn key(&self) -> String {
        // Keys of JSON objects are sorted, so equal inputs give equal text.
        let text = serde_json::to_value(self).map(|v| v.to_string()).unwrap_or_default();
        sha256_hex(text.as_bytes())[..32].to_string()
    }
}
