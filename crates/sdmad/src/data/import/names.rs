//! What the names of files and folders say: splits, normality, masks, patients.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::Split;
use super::super::read::snake_case;
use super::tree::stem;

/// Folder names of the splits, in the order of [`Split::ALL`]; case does not matter.
pub(super) const SPLIT_NAMES: [&[&str]; 3] =
    [&["train", "training"], &["valid", "val", "validation"], &["test", "testing"]];

/// Ids of folders with normal images.
const NORMAL_IDS: [&str; 4] = ["normal", "good", "healthy", "no_finding"];

/// The split of a folder's name.
pub(super) fn split_of(name: &str) -> Option<Split> {
    Split::ALL.into_iter().find(|s| SPLIT_NAMES[s.index()].iter().any(|n| n.eq_ignore_ascii_case(name)))
}

/// Whether a folder of this name holds normal images.
pub(super) fn is_normal(name: &str) -> bool {
    NORMAL_IDS.contains(&snake_case(name).as_str())
}

/// The class and the patient in `CNV-1016042-1`, as the files of OCT2017 are named.
pub(super) fn oct_name(stem: &str) -> Option<(&str, &str)> {
    let mut parts = stem.split('-');
    let (class, patient, number) = (parts.next()?, parts.next()?, parts.next()?);
    let numeric = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let known = ["CNV", "DME", "DRUSEN", "NORMAL"].contains(&class);
    (known && parts.next().is_none() && numeric(patient) && numeric(number)).then_some((class, patient))
}

/// The part before the last `_` of `<volume>_<slice>`.
pub(super) fn volume(stem: &str) -> Option<&str> {
    let (volume, slice) = stem.rsplit_once('_')?;
    (!volume.is_empty() && !slice.is_empty() && slice.bytes().all(|b| b.is_ascii_digit())).then_some(volume)
}

/// Images with the masks that lie beside them: `x_mask.png` and `x_mask_1.png` are masks of `x.png`.
pub(super) fn pair_masks(paths: Vec<PathBuf>) -> Vec<(PathBuf, Vec<PathBuf>)> {
    let key = |path: &Path| (path.parent().map(Path::to_path_buf), stem(path).to_string());
    let known: BTreeSet<_> = paths.iter().map(|p| key(p)).collect();
    let owner = |path: &Path| {
        let (folder, stem) = key(path);
        let base = stem.strip_suffix("_mask").or_else(|| {
            let (base, number) = stem.rsplit_once("_mask_")?;
            (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(base)
        })?;
        Some((folder, base.to_string())).filter(|k| known.contains(k))
    };
    let (masks, images): (Vec<_>, Vec<_>) = paths.into_iter().partition(|p| owner(p).is_some());
    let mut of: std::collections::BTreeMap<_, Vec<PathBuf>> = Default::default();
    for mask in masks {
        if let Some(owner) = owner(&mask) {
            of.entry(owner).or_default().push(mask);
        }
    }
    images.into_iter().map(|image| (of.remove(&key(&image)).unwrap_or_default(), image)).map(|(m, i)| (i, m)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_published_sets() {
        assert_eq!(oct_name("DRUSEN-224974-12"), Some(("DRUSEN", "224974")));
        for other in ["DRUSEN-224974", "AMD-1-2", "CNV-x-1", "CNV-1-2-3", "CNV--1"] {
            assert_eq!(oct_name(other), None, "{other}");
        }
        assert_eq!(volume("00021_103"), Some("00021"));
        assert_eq!(volume("case_a"), None);
        assert_eq!(volume("_3"), None);
        assert_eq!(split_of("Val"), Some(Split::Valid));
        assert!(is_normal("No Finding") && is_normal("GOOD") && !is_normal("abnormal"));
    }

    #[test]
    fn masks_beside_their_image() {
        let paths = ["b/x (1).png", "b/x (1)_mask.png", "b/x (1)_mask_1.png", "c/x (1)_mask.png", "b/y_mask_a.png"];
        let pairs = pair_masks(paths.iter().map(PathBuf::from).collect());
        let images: Vec<_> = pairs.iter().map(|(image, masks)| (image.to_str().unwrap(), masks.len())).collect();
        assert_eq!(images, [("b/x (1).png", 2), ("c/x (1)_mask.png", 0), ("b/y_mask_a.png", 0)]);
    }
}
