use sdmad_base::sha256_hex;
use sdmad_encoders::ImageTower;

use super::PlainPass;
use crate::AttributeReader;
use crate::align::ImageTokens;
use crate::baseline::{AdaptedPatches, PatchMemory};

/// What is read in an image beside its features: by the frozen tower, from this image alone.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageReader {
    /// The attributes of an alignment.
    Attributes(AttributeReader),
    /// The embedding in the joint space of a pair like CLIP, of length 1.
    Embedding,
    /// How far the image's patches are from those of normal shots.
    Patches(PatchMemory),
    /// How abnormal the image's adapted patches are, and how far from those of normal shots.
    AdaptedPatches(AdaptedPatches),
}

impl ImageReader {
    /// The layers that a reading needs.
    pub(crate) fn layers(&self, tower: &ImageTower) -> Vec<usize> {
        match self {
            ImageReader::Attributes(_) | ImageReader::Patches(_) => ImageTokens::layers(tower),
            ImageReader::Embedding => vec![tower.layers()],
            ImageReader::AdaptedPatches(_) => AdaptedPatches::layers(tower),
        }
    }

    /// The reading of an image whose [`ImageReader::layers`] are there.
    pub(crate) fn read(&self, pass: &PlainPass<'_>) -> Vec<f32> {
        match self {
            ImageReader::Attributes(reader) => reader.read_tokens(&ImageTokens::of_pass(pass)),
            ImageReader::Embedding => pass.tower.embedding(pass.hidden(&[pass.tower.layers()])[0]),
            ImageReader::Patches(memory) => memory.read(pass),
            ImageReader::AdaptedPatches(patches) => patches.read(pass),
        }
    }

    /// SHA-256 of all that a reading depends on beside tower and image.
    pub fn sha256(&self) -> String {
        match self {
            ImageReader::Attributes(reader) => reader.sha256(),
            ImageReader::Embedding => sha256_hex(b"joint embedding 1"),
            ImageReader::Patches(memory) => memory.sha256(),
            ImageReader::AdaptedPatches(patches) => patches.sha256(),
        }
    }
}

impl From<AttributeReader> for ImageReader {
    fn from(reader: AttributeReader) -> Self {
        ImageReader::Attributes(reader)
    }
}
