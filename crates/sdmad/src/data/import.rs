//! Manifests for data sets as their publishers laid them out.

use std::path::{Path, PathBuf};

use sdmad_base::{Error, Monitor, Result};
use serde::Serialize;

use super::{Label, Manifest, Split, SplitFractions};

mod bmad;
mod draft;
mod flags;
mod folders;
mod medmnist;
mod mvtec;
mod names;
mod npy;
mod npz;
mod paths;
mod pixels;
mod tree;

/// How a data set is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImportKind {
    /// `ROOT/<category>/…`, with or without `train`, `valid` and `test` above.
    Folders,
    /// One set of BMAD, in any of its four layouts.
    Bmad,
    /// One class of MVTec AD, or a set in its layout.
    Mvtec,
    /// A `.npz` file of MedMNIST.
    Medmnist,
}

impl ImportKind {
    /// All kinds.
    pub const ALL: [ImportKind; 4] = [ImportKind::Folders, ImportKind::Bmad, ImportKind::Mvtec, ImportKind::Medmnist];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ImportKind::Folders => "folders",
            ImportKind::Bmad => "bmad",
            ImportKind::Mvtec => "mvtec",
            ImportKind::Medmnist => "medmnist",
        }
    }

    /// The kind of a name.
    ///
    /// # Errors
    /// [`Kind::BadInput`](sdmad_base::Kind::BadInput) for another name; lists the kinds.
    pub fn named(name: &str) -> Result<Self> {
        ImportKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let known = ImportKind::ALL.map(ImportKind::name).join(", ");
            Error::bad_input(format!("`{name}` is no layout; expected one of {known}"))
                .with_hint("sort the images into one folder for each category, and import `folders`")
        })
    }
}

/// What [`import`] may be told beyond the layout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportOptions {
    /// Category ids. For MedMNIST one for each class of the file, where `normal` may be one and an id may stand
    /// several times, which merges classes; elsewhere the ids that are found, in the order in which the manifest
    /// shall have them. A set with the one category `anomaly` takes another name from here.
    pub categories: Option<Vec<String>>,
    /// Shares of train, valid and test for a set without splits of its own; .4, 0 and .6 unless told. Refused for a
    /// set that has splits.
    pub fractions: Option<[f64; 3]>,
    /// The seed of the split.
    pub seed: u64,
}

/// What [`import`] wrote. Arrays have one number for each of [`Split::ALL`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImportSummary {
    /// The manifest.
    pub manifest: PathBuf,
    /// Images in all.
    pub rows: usize,
    /// Images of each split.
    pub images: [usize; 3],
    /// Normal images of each split.
    pub normal: [usize; 3],
    /// Images of each category, in the manifest's order.
    pub categories: Vec<ImportedCategory>,
    /// What the user should know: names that were changed, files that were left out, shots that cannot be drawn.
    pub notices: Vec<String>,
}

/// A category of an [`ImportSummary`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedCategory {
    /// The id.
    pub id: String,
    /// Images of each split in which it is present.
    pub images: [usize; 3],
}

/// Writes the manifest `out` for the data set at `root`; `docs/data.md` shows the trees.
///
/// Images are not opened (that is the matter of `data check`), and stay where they are: the manifest names them
/// relative to its own folder where the two have a folder in common. MedMNIST is one file: its images are written as
/// PNG into `<name of the manifest>_images` beside the manifest. An existing manifest is never written over, and
/// after an error nothing is left behind.
///
/// # Errors
/// [`Kind::BadInput`](sdmad_base::Kind::BadInput) when `root` has another layout (says what was looked for and what
/// was found), an option does not fit the set, or `out` exists;
/// [`Kind::Environment`](sdmad_base::Kind::Environment) when something cannot be read or written.
pub fn import(
    kind: ImportKind,
    root: &Path,
    options: &ImportOptions,
    out: &Path,
    monitor: &dyn Monitor,
) -> Result<ImportSummary> {
    if let Some([train, valid, test]) = options.fractions {
        SplitFractions::new(train, valid, test)?;
        if kind != ImportKind::Folders {
            return Err(has_splits(root));
        }
    }
    refuse_existing(out)?;
    let root = std::fs::canonicalize(root).map_err(|e| Error::io("read", root, e))?;
    let mut drafted = match kind {
        ImportKind::Folders => folders::draft(&root, options, monitor)?,
        ImportKind::Bmad => bmad::draft(&root, monitor)?,
        ImportKind::Mvtec => mvtec::draft(&root, monitor)?,
        ImportKind::Medmnist => return medmnist::import(&root, options, out, monitor),
    };
    if let Some(wanted) = &options.categories {
        drafted.order(wanted)?;
    }
    let folder = paths::out_folder(out)?;
    let (manifest, notices) = drafted.finish(options, out, &folder)?;
    monitor.check()?;
    refuse_existing(out)?;
    manifest.write(out)?;
    Ok(summary(&manifest, notices))
}

fn refuse_existing(out: &Path) -> Result<()> {
    if out.symlink_metadata().is_ok() {
        return Err(Error::bad_input(format!("{} is there already; nothing was written over", out.display()))
            .with_hint("name another manifest with --out, or remove this one"));
    }
    Ok(())
}

fn has_splits(root: &Path) -> Error {
    Error::bad_input(format!("{} has splits of its own, so it takes no fractions", root.display()))
        .with_hint("leave --fractions out; to split otherwise, run `sdmad data split` on the manifest")
}

fn summary(manifest: &Manifest, notices: Vec<String>) -> ImportSummary {
    let count = |of: &dyn Fn(&super::Row) -> bool| {
        Split::ALL.map(|split| manifest.rows_of(split).filter(|(_, row)| of(row)).count())
    };
    let categories = manifest.categories.iter().enumerate().map(|(number, id)| ImportedCategory {
        id: id.clone(),
        images: count(&|row| row.labels.get(number) == Some(&Label::Present)),
    });
    ImportSummary {
        manifest: manifest.path.clone(),
        rows: manifest.rows.len(),
        images: count(&|_| true),
        normal: count(&super::Row::is_normal),
        categories: categories.collect(),
        notices,
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
