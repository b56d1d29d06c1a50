//! Manifests for data sets as their publishers laid them out.

use std::path::{Path, PathBuf};

use sdmad_base::{Error, Monitor, Result};
use serde::Serialize;

use super::{Label, Manifest, Split, SplitFractions};

mod bmad;
mod chestxray14;
mod chexpert;
mod draft;
mod flags;
mod folders;
mod idrid;
mod isic;
mod kind;
mod mask_files;
mod medianomaly;
mod medmnist;
mod mimic;
mod mvtec;
mod names;
mod npy;
mod npz;
mod odir;
mod options;
mod paths;
mod pixels;
mod rsna;
mod sheet;
mod sorted;
mod survey;
mod table;
mod tree;
mod vindr;
mod vocabulary;
mod xml;

pub use kind::ImportKind;
pub use options::{ImportBoxes, ImportLabels, ImportOptions, ImportPart, ImportReaders, ImportViews};

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
/// PNG into `<name of the manifest>_images` beside the manifest; masks that are JPEG files are written anew into
/// `<name of the manifest>_masks`. An existing manifest is never written over, and
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
    kind.check(options)?;
    if let Some([train, valid, test]) = options.fractions {
        SplitFractions::new(train, valid, test)?;
    }
    refuse_existing(out)?;
    let root = std::fs::canonicalize(root).map_err(|e| Error::io("read", root, e))?;
    if kind == ImportKind::Medmnist {
        if options.fractions.is_some() {
            return Err(has_splits(&root));
        }
        return medmnist::import(&root, options, out, monitor);
    }
    let mut drafted = draft(kind, &root, options, monitor)?;
    if options.fractions.is_some() && drafted.images.iter().all(|found| found.split.is_some()) {
        return Err(has_splits(&root));
    }
    drafted.drop_unseen();
    drafted.notices.extend(bank_notice(kind, options));
    if let Some(wanted) = &options.categories {
        drafted.order(wanted)?;
    }
    let folder = paths::out_folder(out)?;
    let draft::Finished { manifest, mut notices, masks } = drafted.finish(options, out, &folder)?;
    let target = folder.join(draft::mask_folder(out));
    if !masks.is_empty() {
        mask_files::write(&masks, &target, monitor)?;
        notices.push(format!("{} masks were written anew into {}", masks.len(), target.display()));
    }
    if let Err(error) = monitor.check().and_then(|()| refuse_existing(out)).and_then(|()| manifest.write(out)) {
        if !masks.is_empty() {
            // Masks without a manifest would only stand in the way of the next try.
            let _ = std::fs::remove_dir_all(&target);
        }
        return Err(error);
    }
    Ok(summary(&manifest, notices))
}

/// What a set of any kind but MedMNIST holds.
fn draft(kind: ImportKind, root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<draft::Draft> {
    match kind {
        ImportKind::Folders | ImportKind::Medmnist => folders::draft(root, monitor),
        ImportKind::Bmad => bmad::draft(root, monitor),
        ImportKind::Mvtec => mvtec::draft(root, monitor),
        ImportKind::Medianomaly => medianomaly::draft(root, monitor),
        ImportKind::ChestXray14 => chestxray14::draft(root, options, monitor),
        ImportKind::Chexpert => chexpert::draft(root, options, monitor),
        ImportKind::MimicCxrJpg => mimic::draft(root, options, monitor),
        ImportKind::Vindr => vindr::draft(root, options, monitor),
        ImportKind::Rsna => rsna::draft(root, options, monitor),
        ImportKind::Oct2017 => sorted::draft(&sorted::OCT2017, root, options, monitor),
        ImportKind::Odir => odir::draft(root, options, monitor),
        ImportKind::Idrid => idrid::draft(root, options, monitor),
        ImportKind::Isic2018 => isic::draft_isic(root, options, monitor),
        ImportKind::Ham10000 => isic::draft_ham(root, options, monitor),
        ImportKind::Hyperkvasir => sorted::draft(&sorted::HYPERKVASIR, root, options, monitor),
        ImportKind::Busi => sorted::draft(&sorted::BUSI, root, options, monitor),
    }
}

/// Which bank fits the manifest.
fn bank_notice(kind: ImportKind, options: &ImportOptions) -> Option<String> {
    let bank = kind.bank()?;
    let by_lesion = options.part == Some(ImportPart::Segmentation);
    Some(if options.labels == Some(ImportLabels::Source) {
        let whose = if by_lesion { "lesions" } else { "findings" };
        format!(
            "the categories are the source's {whose}; the bank `{bank}` has not all of them, so `train` needs a bank of your own"
        )
    } else {
        format!("the categories are those of the bank `{bank}`: sdmad train --signs {bank}")
    })
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
