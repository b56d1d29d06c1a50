//! One pass over the files of a manifest.

use std::path::{Component, Path};

use rayon::prelude::*;
use sdmad_base::{Monitor, Result, Sha256};
use sdmad_imaging::{Filter, Fingerprint, RgbImage, read_image, read_mask, resize_grey};

use super::report::{DataFinding, DataSeverity};
use crate::data::{Manifest, Row};

/// Width and height of the thumbnails of the pixel baseline.
pub(super) const THUMBNAIL: usize = 16;

/// What was found behind one row.
pub(super) struct Inspected {
    /// None when the image cannot be read.
    pub(super) image: Option<Looks>,
    image_fault: Option<Fault>,
    mask_faults: Vec<Fault>,
}

#[cfg(test)]
impl Inspected {
    /// A readable image with this fingerprint, whose content is `content`, and no thumbnail.
    pub(super) fn of(words: [u64; 4], content: &str) -> Self {
        let fingerprint = Fingerprint::from_words(words);
        let looks = Looks { fingerprint, content: content.to_string(), thumbnail: Vec::new() };
        Inspected { image: Some(looks), image_fault: None, mask_faults: Vec::new() }
    }
}

/// What the checks need to know of an image's pixels.
pub(super) struct Looks {
    pub(super) fingerprint: Fingerprint,
    /// SHA-256 of size and RGB pixels: the same for lossless copies in whatever format.
    pub(super) content: String,
    /// Grey levels of [`THUMBNAIL`]² pixels, row by row.
    pub(super) thumbnail: Vec<u8>,
}

enum Fault {
    Missing(String),
    Unreadable(String),
    WrongSize(String),
}

/// Reads every image and mask of a manifest.
pub(super) fn inspect(manifest: &Manifest, monitor: &dyn Monitor) -> Result<Vec<Inspected>> {
    monitor.begin("images", manifest.rows.len());
    let inspected = manifest
        .rows
        .par_iter()
        .map(|row| {
            monitor.check()?;
            let inspected = inspect_row(manifest, row);
            monitor.advance(1);
            Ok(inspected)
        })
        .collect();
    monitor.end();
    inspected
}

fn inspect_row(manifest: &Manifest, row: &Row) -> Inspected {
    let path = manifest.image_path(row);
    let (image, image_fault, size) = match read_image(&path) {
        Ok(image) => {
            let thumbnail = resize_grey(&image.to_grey(), THUMBNAIL, THUMBNAIL, Filter::Bilinear).data().to_vec();
            let looks = Looks { fingerprint: Fingerprint::from_image(&image), content: content_of(&image), thumbnail };
            (Some(looks), None, Some((image.width(), image.height())))
        }
        Err(error) => (None, Some(fault(&path, &row.image, &error)), None),
    };
    let mask_faults = row.masks.files().into_iter().filter_map(|name| mask_fault(manifest, row, name, size)).collect();
    Inspected { image, image_fault, mask_faults }
}

fn content_of(image: &RgbImage) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{} x {};", image.width(), image.height()).as_bytes());
    hash.update(image.data());
    hash.finish()
}

fn mask_fault(manifest: &Manifest, row: &Row, name: &str, size: Option<(usize, usize)>) -> Option<Fault> {
    let path = manifest.file_path(name);
    match (read_mask(&path), size) {
        (Err(error), _) => Some(fault(&path, name, &error)),
        (Ok(mask), Some((width, height))) if (mask.width(), mask.height()) != (width, height) => {
            Some(Fault::WrongSize(format!(
                "{name} is {} x {} pixels; {} is {width} x {height}",
                mask.width(),
                mask.height(),
                row.image
            )))
        }
        _ => None,
    }
}

fn fault(path: &Path, name: &str, error: &sdmad_base::Error) -> Fault {
    if path.is_file() { Fault::Unreadable(format!("{name}: {error}")) } else { Fault::Missing(name.to_string()) }
}

/// Files that are missing, cannot be read or do not fit, and paths that leave the manifest's folder.
pub(super) fn findings(manifest: &Manifest, inspected: &[Inspected]) -> Vec<DataFinding> {
    let images = || inspected.iter().filter_map(|i| i.image_fault.as_ref());
    let masks = || inspected.iter().flat_map(|i| &i.mask_faults);
    let missing = |fault: &Fault| matches!(fault, Fault::Missing(_));
    let unreadable = |fault: &Fault| matches!(fault, Fault::Unreadable(_));
    let names = |faults: Vec<&Fault>| -> Vec<String> {
        let text = |fault: &Fault| match fault {
            Fault::Missing(text) | Fault::Unreadable(text) | Fault::WrongSize(text) => text.clone(),
        };
        faults.into_iter().map(text).collect()
    };
    let outside: Vec<String> = manifest
        .rows
        .iter()
        .flat_map(|row| std::iter::once(row.image.as_str()).chain(row.masks.files()))
        .filter(|name| leaves_the_folder(name))
        .map(String::from)
        .collect();
    let error = DataSeverity::Error;
    [
        DataFinding::of(error, "missing_images", "missing images", names(images().filter(|f| missing(f)).collect())),
        DataFinding::of(
            error,
            "unreadable_images",
            "images that cannot be read",
            names(images().filter(|f| unreadable(f)).collect()),
        ),
        DataFinding::of(error, "missing_masks", "missing masks", names(masks().filter(|f| missing(f)).collect())),
        DataFinding::of(
            error,
            "unreadable_masks",
            "masks that cannot be read",
            names(masks().filter(|f| unreadable(f)).collect()),
        ),
        DataFinding::of(
            error,
            "mask_sizes",
            "masks of another size than their image",
            names(masks().filter(|f| matches!(f, Fault::WrongSize(_))).collect()),
        ),
        DataFinding::of(
            DataSeverity::Note,
            "paths_outside",
            "paths that lead out of the manifest's folder: the set cannot be moved as one folder",
            outside,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether a path is absolute, or climbs above where it starts.
fn leaves_the_folder(name: &str) -> bool {
    let mut depth = 0;
    Path::new(name).components().any(|component| {
        match component {
            Component::Normal(_) => depth += 1,
            Component::ParentDir => depth -= 1,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return true,
        }
        depth < 0
    })
}

#[cfg(test)]
mod tests {
    use super::leaves_the_folder;

    #[test]
    fn climbing_back_is_no_leaving() {
        assert!(leaves_the_folder("/a/b.png") && leaves_the_folder("../b.png") && leaves_the_folder("a/../../b.png"));
        assert!(!leaves_the_folder("a/../b.png") && !leaves_the_folder("./a/b.png"));
    }
}
