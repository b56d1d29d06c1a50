//! The normal images that findings are drawn on.

use std::path::{Path, PathBuf};

use sdmad_base::{Error, Result, read, sha256_hex};
use sdmad_imaging::{RgbImage, decode_image};
use sdmad_synthesis::Domain;

use super::DomainNormals;
use crate::data::{Label, Manifest, Row, Split};
use crate::{PhantomConfig, phantom_image};

/// The files of normal images that a path names: an image, a folder of images, or a manifest, of which the train rows
/// without a finding are taken.
///
/// # Errors
/// When there is no image.
pub fn read_normals(path: &Path) -> Result<Vec<PathBuf>> {
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        let manifest = Manifest::read(path)?;
        let normal = |row: &&Row| row.labels.iter().all(|&l| l == Label::Absent);
        let rows = manifest.rows_of(Split::Train).map(|(_, row)| row);
        let files: Vec<PathBuf> = rows.filter(normal).map(|row| manifest.image_path(row)).collect();
        if files.is_empty() {
            return Err(Error::bad_input(format!(
                "{}: no train row without a finding, expected at least one",
                path.display()
            ))
            .with_hint("a normal image is a row with split train and 0 in every category"));
        }
        return Ok(files);
    }
    let inputs = crate::image_files(&[path.to_path_buf()])?;
    if inputs.is_empty() {
        return Err(Error::bad_input(format!("{}: no image in it, expected at least one", path.display()))
            .with_hint("name a folder of normal images, or a manifest"));
    }
    Ok(inputs)
}

/// Normal images in memory.
pub(super) struct Normals {
    pub(super) images: Vec<RgbImage>,
    /// Of each given image; empty for tissue and phantoms of our own.
    pub(super) sha256: Vec<String>,
    /// What it is, for the record.
    pub(super) what: String,
    /// Of so many images one is drawn on tissue of the renderer's own; 1 for all, 0 for none.
    pub(super) own_tissue_in: usize,
}

/// Phantoms without a lesion that ultrasound is drawn on, beside the renderer's own tissue.
const PHANTOMS: usize = 120;

/// Keeps them apart from phantoms that anyone generates by the same seed, and may test on.
const PHANTOM_SEED: u64 = 0x616c_6967_6e6d_656e;

impl Normals {
    pub(super) fn read(part: &DomainNormals, seed: u64) -> Result<Self> {
        if !part.files.is_empty() {
            let mut normals = Normals {
                images: vec![],
                sha256: vec![],
                what: format!("{} given images", part.files.len()),
                own_tissue_in: 0,
            };
            for path in &part.files {
                let bytes = read(path)?;
                normals.sha256.push(sha256_hex(&bytes));
                normals.images.push(decode_image(&bytes, &path.display().to_string())?);
            }
            return Ok(normals);
        }
        if part.domain != Domain::Ultrasound {
            return Ok(Normals { images: vec![], sha256: vec![], what: "own tissue".into(), own_tissue_in: 1 });
        }
        let config =
            PhantomConfig { images: 2 * PHANTOMS, normal: 0.5, seed: seed ^ PHANTOM_SEED, ..PhantomConfig::default() };
        let mut images = Vec::new();
        for number in 0..config.images {
            let phantom = phantom_image(&config, number)?;
            if phantom.masks.is_empty() {
                images.push(phantom.image.to_rgb());
            }
        }
        let what = format!("own tissue and {} phantoms", images.len());
        Ok(Normals { images, sha256: vec![], what, own_tissue_in: 2 })
    }

    /// What image `number` is drawn on; `None` for tissue of the renderer's own.
    pub(super) fn of(&self, number: usize) -> Option<&RgbImage> {
        let own = self.images.is_empty() || self.own_tissue_in > 0 && number.is_multiple_of(self.own_tissue_in);
        (!own).then(|| &self.images[number % self.images.len()])
    }
}
