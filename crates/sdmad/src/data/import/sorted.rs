//! Sets whose images lie in folders of known names: OCT2017, HyperKvasir, BUSI. What the names mean is data.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use sdmad_base::{Monitor, Result};

use super::super::{Label, Split};
use super::draft::{Draft, Found, FoundMask, MaskForm};
use super::names::{oct_name, pair_masks, split_of};
use super::survey::Survey;
use super::table::Table;
use super::tree::{is_dicom, stem};
use super::vocabulary::{Term, Vocabulary, mapped, normal, normal_in_bank, outside, same};
use super::{ImportLabels, ImportOptions};

/// A set in folders of classes.
pub(super) struct Sorted {
    kind: &'static str,
    looked_for: &'static str,
    pub(super) terms: &'static [Term],
    split: SplitBy,
    /// Whether images, where there is such a folder, are taken from below it alone.
    within: Option<&'static str>,
    /// The folder of JPEG masks, named as their images, beside the labelled images.
    masks: Option<&'static str>,
    notice: Option<&'static str>,
}

enum SplitBy {
    /// Not at all.
    Nothing,
    /// By the folder above the class.
    Folder,
    /// By a table `file-name;class-name;split-index`, where there is one.
    Folds,
}

/// OCT2017 (Kermany et al. 2018).
pub(super) const OCT2017: Sorted = Sorted {
    kind: "oct2017",
    looked_for: "folders `CNV`, `DME`, `DRUSEN` and `NORMAL` below `train` and `test`",
    terms: &[same("CNV", "cnv"), same("DME", "dme"), same("DRUSEN", "drusen"), normal("NORMAL")],
    split: SplitBy::Folder,
    within: None,
    masks: None,
    notice: None,
};

/// BUSI (Al-Dhabyani et al. 2020).
pub(super) const BUSI: Sorted = Sorted {
    kind: "busi",
    looked_for: "folders `benign`, `malignant` and `normal` with images such as `benign (1).png`",
    terms: &[same("benign", "benign"), same("malignant", "malignant"), normal("normal")],
    split: SplitBy::Nothing,
    within: None,
    masks: None,
    notice: Some(
        "some of its images are there twice or more: `sdmad data check` names those that look alike across splits",
    ),
};

/// HyperKvasir (Borgli et al. 2020). Classes have other names in its split files; both are known.
pub(super) const HYPERKVASIR: Sorted = Sorted {
    kind: "hyperkvasir",
    looked_for: "folders of its classes, such as `polyps` and `cecum`, below `labeled-images`",
    terms: &[
        same("polyps", "polyp"),
        same("polyp", "polyp"),
        mapped("esophagitis-a", "oesophagitis_a", "oesophagitis"),
        mapped("oesophagitis-a", "oesophagitis_a", "oesophagitis"),
        mapped("esophagitis-b-d", "oesophagitis_b_d", "oesophagitis"),
        mapped("oesophagitis-b-d", "oesophagitis_b_d", "oesophagitis"),
        mapped("ulcerative-colitis-grade-0-1", "ulcerative_colitis_grade_0_1", "ulcerative_colitis"),
        mapped("ulcerative-colitis-grade-1", "ulcerative_colitis_grade_1", "ulcerative_colitis"),
        mapped("ulcerative-colitis-grade-1-2", "ulcerative_colitis_grade_1_2", "ulcerative_colitis"),
        mapped("ulcerative-colitis-grade-2", "ulcerative_colitis_grade_2", "ulcerative_colitis"),
        mapped("ulcerative-colitis-grade-2-3", "ulcerative_colitis_grade_2_3", "ulcerative_colitis"),
        mapped("ulcerative-colitis-grade-3", "ulcerative_colitis_grade_3", "ulcerative_colitis"),
        mapped("barretts", "barretts", "barretts_oesophagus"),
        mapped("barretts-short-segment", "barretts_short_segment", "barretts_oesophagus"),
        mapped("short-segment-barretts", "barretts_short_segment", "barretts_oesophagus"),
        same("hemorrhoids", "haemorrhoids"),
        same("hemorroids", "haemorrhoids"),
        normal_in_bank("cecum", "cecum"),
        normal_in_bank("normal-cecum", "cecum"),
        normal_in_bank("ileum", "ileum"),
        normal_in_bank("pylorus", "pylorus"),
        normal_in_bank("normal-pylorus", "pylorus"),
        normal_in_bank("z-line", "z_line"),
        normal_in_bank("normal-z-line", "z_line"),
        normal_in_bank("retroflex-rectum", "retroflex_rectum"),
        normal_in_bank("retroflex-stomach", "retroflex_stomach"),
        outside("bbps-0-1", "bbps_0_1"),
        outside("bbps-2-3", "bbps_2_3"),
        outside("impacted-stool", "impacted_stool"),
        outside("dyed-lifted-polyps", "dyed_lifted_polyps"),
        outside("dyed-resection-margins", "dyed_resection_margins"),
    ],
    split: SplitBy::Folds,
    within: Some("labeled-images"),
    masks: Some("masks"),
    notice: Some(
        "patients are not named, so frames of one examination can be in several splits: look at the near-duplicates that `sdmad data check` finds",
    ),
};

pub(super) fn draft(set: &Sorted, root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::default();
    let mut survey = Survey::read(set.kind, root, usize::MAX, monitor)?;
    let vocabulary = Vocabulary::new(set.terms, options.labels);
    let folds = if matches!(set.split, SplitBy::Folds) { read_folds(&mut survey, &mut draft)? } else { None };
    survey.leave_files(&mut draft);
    let mut paths: Vec<PathBuf> = survey.keys().iter().flat_map(|key| survey.paths(key)).cloned().collect();
    let all = paths.len();
    paths.retain(|path| !is_dicom(&path.to_string_lossy()));
    draft.skip_all("DICOM files cannot be read yet", all - paths.len());
    let is_within = |path: &Path, part: &str| path.iter().any(|name| name.eq_ignore_ascii_case(part));
    let mut apart: BTreeMap<String, PathBuf> = BTreeMap::new();
    if let Some(part) = set.within
        && paths.iter().any(|path| is_within(path, part))
    {
        let (within, beside): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| is_within(path, part));
        paths = within;
        let all = beside.len();
        let masks = beside.into_iter().filter(|path| set.masks.is_some_and(|masks| name_above(path, 1) == masks));
        apart = masks.map(|path| (stem(&path).to_string(), path)).collect();
        draft.skip_all("they lie beside the folder of labelled images", all - apart.len());
    }
    let mut seen = BTreeSet::new();
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    for (image, masks) in pair_masks(paths) {
        let folder = name_above(&image, 1);
        let above = name_above(&image, 2);
        let split = split_of(&above);
        let Some(term) = vocabulary.term(&folder) else {
            *unknown.entry(folder).or_default() += 1;
            continue;
        };
        // Some archives hold the whole set twice.
        if !seen.insert((split, folder.to_lowercase(), stem(&image).to_string())) {
            draft.skip("a copy with the same name is in another folder of the same class and split");
            continue;
        }
        let split = match (&set.split, &folds) {
            (SplitBy::Folder, _) => split,
            (SplitBy::Folds, Some(folds)) => match folds.get(stem(&image)) {
                Some(&split) => Some(split),
                None => {
                    draft.skip("the split file does not name them");
                    continue;
                }
            },
            _ => None,
        };
        let patient = oct_name(stem(&image)).map(|(_, patient)| patient.to_string());
        let mut labels = vocabulary.absent();
        labels[term] = Label::Present;
        let is_normal = vocabulary.category(term).is_none();
        let mut masks = if is_normal { Vec::new() } else { FoundMask::whole(masks) };
        if let Some(path) = apart.remove(stem(&image)).filter(|_| !is_normal) {
            masks.push(FoundMask { category: None, path, form: MaskForm::Lossy });
        }
        vocabulary.add(&mut draft, Found { image, split, patient, masks, ..Found::default() }, &labels);
    }
    if draft.images.iter().any(|found| found.split.is_some()) {
        let before = draft.images.len();
        draft.images.retain(|found| found.split.is_some());
        draft.skip_all("they lie in no folder of a split, and others do", before - draft.images.len());
    }
    if draft.images.is_empty() {
        return Err(survey.unexpected(set.looked_for));
    }
    if !apart.is_empty() {
        draft.notices.push(format!("{} masks have no labelled image of their name", apart.len()));
    }
    for (folder, images) in unknown {
        draft
            .notices
            .push(format!("{images} images were left out: their folder `{folder}` is no class of `{}`", set.kind));
    }
    if options.labels.unwrap_or_default() == ImportLabels::Bank {
        let normal = vocabulary.names_of_normal();
        if normal.len() > 1 {
            draft.notices.push(format!("normal are the classes {}", normal.join(", ")));
        }
    }
    draft.notices.extend(set.notice.map(String::from));
    draft.categories = vocabulary.categories;
    Ok(draft)
}

/// The split of each file by the publisher's folds: the last fold is the test set.
fn read_folds(survey: &mut Survey, draft: &mut Draft) -> Result<Option<HashMap<String, Split>>> {
    let file = match survey.file(|name| name == "2_fold_split.csv")? {
        Some(path) => Some(path),
        None => survey.file(|name| name == "5_fold_split.csv")?,
    };
    let Some(path) = file else {
        draft.notices.push(
            "there is no `2_fold_split.csv` or `5_fold_split.csv`, so the official folds were not used".to_string(),
        );
        return Ok(None);
    };
    let table = Table::read(&path)?;
    let (file, fold) = (table.column(&["file-name"])?, table.column(&["split-index"])?);
    let mut folds = Vec::new();
    for line in table.lines() {
        let number = line.cell(fold).parse::<u32>().map_err(|_| line.unexpected(fold, "the number of a fold"))?;
        folds.push((stem(Path::new(line.cell(file))).to_string(), number));
    }
    let last = folds.iter().map(|&(_, number)| number).max().unwrap_or(0);
    draft.notices.push(format!("the last fold of {} became test, the others train", path.display()));
    let split = |number| if number == last { Split::Test } else { Split::Train };
    Ok(Some(folds.into_iter().map(|(name, number)| (name, split(number))).collect()))
}

/// The name of the folder so many levels above a file, without blanks at its ends; empty where there is none.
fn name_above(path: &Path, levels: usize) -> String {
    path.iter().rev().nth(levels).map_or(String::new(), |name| name.to_string_lossy().trim().to_string())
}
