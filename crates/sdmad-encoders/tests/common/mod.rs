//! Fixtures that scripts/reference/towers.py wrote.
#![allow(dead_code)] // Each test binary uses its part.

use std::fs;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use sdmad_base::sha256_file;
use sdmad_encoders::EncoderFile;
use sdmad_engine::Matrix;
use sdmad_imaging::Pixels;

/// A folder of tests/fixtures/towers.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/towers").join(name)
}

/// A copy of such a folder, to damage.
pub(crate) fn copied(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    if name == "dinov2-minilm" {
        write_encoder_file(folder.path(), |_| {});
    }
    folder
}

/// Writes encoder.json for the small pair: the default pair's, with the sizes of the fixture.
pub(crate) fn write_encoder_file(folder: &Path, change: impl FnOnce(&mut EncoderFile)) {
    let mut file = EncoderFile::default_pair();
    file.name = "fixture".to_string();
    let image = &mut file.image.architecture;
    (image.image_size, image.patch_size, image.position_grid) = (24, 6, 9);
    (image.width, image.layers, image.heads, image.mlp_width) = (32, 3, 4, 64);
    file.image.preprocess.size = 24;
    let text = &mut file.text.architecture;
    (text.vocabulary, text.positions, text.context_length) = (19, 32, 24);
    (text.width, text.layers, text.heads, text.mlp_width) = (24, 2, 3, 48);
    file.image.weights.sha256 = sha256_file(&folder.join("image.safetensors")).unwrap();
    file.text.weights.sha256 = sha256_file(&folder.join("text.safetensors")).unwrap();
    file.text.tokenizer.sha256 = sha256_file(&folder.join("tokenizer.json")).unwrap();
    change(&mut file);
    file.write(&folder.join("encoder.json")).unwrap();
}

/// What the other implementation gave.
pub(crate) struct Expected(Vec<u8>);

impl Expected {
    pub(crate) fn of(name: &str) -> Self {
        Expected(fs::read(fixture(name).join("expected.safetensors")).unwrap())
    }

    /// Shape and numbers of a tensor.
    pub(crate) fn tensor(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        let numbers = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        (tensor.shape().to_vec(), numbers)
    }

    pub(crate) fn numbers(&self, name: &str) -> Vec<f32> {
        self.tensor(name).1
    }

    pub(crate) fn matrix(&self, name: &str) -> Matrix {
        let (shape, numbers) = self.tensor(name);
        Matrix::from_vec(shape[0], shape[1], numbers)
    }

    /// The part of a tensor that belongs to one picture.
    pub(crate) fn of_picture(&self, name: &str, picture: usize) -> Vec<f32> {
        let (shape, numbers) = self.tensor(name);
        let length = numbers.len() / shape[0];
        numbers[picture * length..(picture + 1) * length].to_vec()
    }

    pub(crate) fn pixels(&self, picture: usize) -> Pixels {
        let (shape, _) = self.tensor("pixels");
        Pixels::new(shape[2], self.of_picture("pixels", picture)).unwrap()
    }

    pub(crate) fn pictures(&self) -> usize {
        self.tensor("pixels").0[0]
    }

    pub(crate) fn ids(&self, text: usize) -> Vec<u32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(&format!("text.{text}.ids")).unwrap();
        tensor.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as u32).collect()
    }
}

/// Largest difference of two lists of equal length.
pub(crate) fn difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, |a, b| if b.is_nan() { b } else { a.max(b) })
}
