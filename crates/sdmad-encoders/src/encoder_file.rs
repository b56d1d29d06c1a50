use std::collections::BTreeMap;
use std::path::Path;

use sdmad_base::{Error, Result, read_to_string, write_atomic};
use serde::{Deserialize, Serialize};

use crate::{ImageArchitecture, TextArchitecture};

/// The number of the format that [`EncoderFile`] writes.
pub const ENCODER_FORMAT: u32 = 1;

/// `encoder.json`: everything about a converted pair of towers but the numbers, which stand beside it.
///
/// A folder of the cache holds `encoder.json`, `image.safetensors`, `text.safetensors` and `tokenizer.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EncoderFile {
    /// [`ENCODER_FORMAT`].
    pub format: u32,
    /// What the pair is called, and its folder.
    pub name: String,
    /// The image tower.
    pub image: ImageEntry,
    /// The text tower.
    pub text: TextEntry,
}

/// A file of the folder and its hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HashedFile {
    /// Its name, without a folder.
    pub file: String,
    /// SHA-256 as 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// The image tower of an [`EncoderFile`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ImageEntry {
    /// The numbers.
    pub weights: HashedFile,
    /// What is built from them.
    pub architecture: ImageArchitecture,
    /// From a picture to the tower's input.
    pub preprocess: PreprocessEntry,
    /// Where it came from: package, version, hash, licence.
    pub provenance: BTreeMap<String, String>,
}

/// The text tower of an [`EncoderFile`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TextEntry {
    /// The numbers.
    pub weights: HashedFile,
    /// From text to token ids.
    pub tokenizer: HashedFile,
    /// What is built from the weights.
    pub architecture: TextArchitecture,
    /// Where it came from: package, version, hash, licence.
    pub provenance: BTreeMap<String, String>,
}

/// How a picture becomes the input of a tower.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PreprocessEntry {
    /// Side of the input in pixels.
    pub size: usize,
    /// What happens to a picture that is no square.
    pub fit: FitName,
    /// How it is resampled.
    pub filter: FilterName,
    /// Subtracted from red, green and blue, which lie in 0..=1.
    pub mean: [f32; 3],
    /// Divided by.
    pub std: [f32; 3],
}

/// What happens to a picture that is no square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FitName {
    /// Both sides are scaled to the size; nothing is cut off.
    Squash,
    /// The shorter side is scaled to the size, and the middle is cut out.
    ShortestThenCenterCrop,
}

/// How a picture is resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FilterName {
    /// Triangle.
    Bilinear,
    /// Cubic with a = −0.5.
    Bicubic,
    /// Sinc with three lobes.
    Lanczos3,
}

impl EncoderFile {
    /// The default pair, DINOv2 ViT-S/14 and MiniLM-L6, with empty hashes and provenance for the converter to fill in.
    pub fn default_pair() -> Self {
        // Our own data, parsed by a test: it cannot be what a user sent.
        serde_json::from_str(include_str!("../data/default-pair.json")).expect("data/default-pair.json")
    }

    /// Reads and checks `encoder.json`.
    ///
    /// # Errors
    /// [`Kind::BadInput`](sdmad_base::Kind::BadInput) when it is missing, of a newer format, or says what makes no tower.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_to_string(path)?;
        Self::parse(&text).map_err(|e| e.at(path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let damaged = |e: serde_json::Error| {
            Error::bad_input(format!("not an encoder.json of format {ENCODER_FORMAT}: {e}"))
                .with_hint("fetch the encoder again with `sdmad encoder pull`")
        };
        // The number first: a newer file may have keys that this version does not know.
        let Format { format } = serde_json::from_str(text).map_err(damaged)?;
        if format != ENCODER_FORMAT {
            return Err(Error::bad_input(format!("format {format}; this sdmad reads format {ENCODER_FORMAT}"))
                .with_hint("use the version of sdmad that wrote it, or pull the encoder again"));
        }
        let file: EncoderFile = serde_json::from_str(text).map_err(damaged)?;
        file.image.architecture.check().map_err(|e| e.at("image architecture"))?;
        file.text.architecture.check().map_err(|e| e.at("text architecture"))?;
        for named in [&file.image.weights, &file.text.weights, &file.text.tokenizer] {
            // A name with a folder in it could point anywhere.
            if named.file.is_empty() || named.file.contains(['/', '\\']) || named.file.starts_with('.') {
                return Err(Error::bad_input(format!("file name `{}` must be plain, without a folder", named.file)));
            }
        }
        Ok(file)
    }

    /// Writes `encoder.json`, whole or not at all.
    ///
    /// # Errors
    /// When the place cannot be written to.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::bad_input(format!("{} cannot be written: {e}", path.display())))?;
        text.push('\n');
        write_atomic(path, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_pair_is_sound_and_keeps_its_form() {
        let pair = EncoderFile::default_pair();
        let text = serde_json::to_string(&pair).unwrap();
        assert_eq!(EncoderFile::parse(&text).unwrap(), pair);
        assert_eq!(pair.image.architecture.grid(), 16);
        assert_eq!(pair.image.architecture.embedding_width(), 384);
    }

    #[test]
    fn a_newer_format_and_unknown_keys_are_refused() {
        let text = include_str!("../data/default-pair.json");
        let newer = text.replacen("\"format\": 1", "\"format\": 2, \"new\": 0", 1);
        assert!(EncoderFile::parse(&newer).unwrap_err().to_string().contains("format 2"));
        let unknown = text.replacen("\"format\": 1", "\"format\": 1, \"new\": 0", 1);
        assert!(EncoderFile::parse(&unknown).unwrap_err().to_string().contains("new"));
        let outside = text.replacen("image.safetensors", "../image.safetensors", 1);
        assert!(EncoderFile::parse(&outside).unwrap_err().to_string().contains("../image"));
    }
}
