//! Miniature data sets for tests.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use sdmad_base::{Result, Silent};
use zip::write::SimpleFileOptions;

use super::{ImportKind, ImportOptions, ImportSummary, import};
use crate::{Manifest, Row};

/// No option given.
pub(super) const PLAIN: ImportOptions = ImportOptions {
    categories: None,
    fractions: None,
    seed: 0,
    labels: None,
    uncertain: None,
    blank: None,
    views: None,
    readers: None,
    part: None,
    boxes: None,
};

/// A folder with empty files: importers look at names only.
pub(super) struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    pub(super) fn new(files: &[&str]) -> Self {
        let tree = Tree { folder: tempfile::tempdir().unwrap() };
        for file in files {
            tree.write(file, b"");
        }
        tree
    }

    /// Removes the manifest, so that the tree can be imported anew.
    pub(super) fn again(&self) -> &Self {
        fs::remove_file(self.path("manifest.csv")).unwrap();
        self
    }

    pub(super) fn write(&self, file: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Imports `root` of this tree into `manifest.csv`.
    pub(super) fn import(&self, kind: ImportKind, root: &str, options: &ImportOptions) -> Result<Imported> {
        let out = self.path("manifest.csv");
        let summary = import(kind, &self.path(root), options, &out, &Silent)?;
        let manifest = Manifest::read(&out)?;
        for row in &manifest.rows {
            assert!(manifest.image_path(row).is_file(), "{}", row.image);
            for mask in row.masks.files() {
                assert!(manifest.file_path(mask).is_file(), "{mask}");
            }
        }
        Ok(Imported { summary, manifest })
    }

    pub(super) fn refused(&self, kind: ImportKind, root: &str, options: &ImportOptions) -> String {
        let error = self.import(kind, root, options).err().expect("refused");
        assert_eq!(error.kind(), sdmad_base::Kind::BadInput, "{error}");
        assert!(!self.path("manifest.csv").exists() && !self.path("manifest_images").exists());
        format!("{error} ({})", error.hint().unwrap_or_default())
    }
}

pub(super) struct Imported {
    pub(super) summary: ImportSummary,
    pub(super) manifest: Manifest,
}

impl Imported {
    /// `image split patient mask labels` of every row.
    pub(super) fn lines(&self) -> Vec<String> {
        self.manifest.to_csv().lines().skip(1).map(String::from).collect()
    }

    pub(super) fn row(&self, image: &str) -> &Row {
        self.manifest.rows.iter().find(|row| row.image == image).expect(image)
    }

    /// `image name: labels` of every row, with the split and the patient if asked for.
    pub(super) fn labels(&self, more: bool) -> Vec<String> {
        let rows = self.manifest.rows.iter().map(|row| {
            let name = row.image.rsplit('/').next().unwrap_or_default();
            let labels: Vec<&str> = row.labels.iter().map(|label| label.cell()).collect();
            let more =
                if more { format!("{},{},", row.split, row.patient.as_deref().unwrap_or("")) } else { String::new() };
            format!("{name}:{more}{}", labels.join(","))
        });
        rows.collect()
    }

    pub(super) fn has_notice(&self, part: &str) -> bool {
        self.summary.notices.iter().any(|notice| notice.contains(part))
    }
}

/// Bytes of a numpy array, format version 1.
pub(super) fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// Writes arrays as numpy.savez does.
pub(super) fn npz(path: &Path, arrays: &[(&str, Vec<u8>)]) {
    let mut writer = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in arrays {
        writer.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap();
}
