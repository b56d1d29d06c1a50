use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Result};

use super::super::read::is_snake_case;
use super::super::{Label, Manifest, Masks, Row, Split, SplitFractions, assign};
use super::ImportOptions;
use super::mask_files::{MaskFile, Rectangle};
use super::paths::manifest_path;
use super::pixels::image_name;
use super::tree::LeftOut;

/// Shares of train, valid and test unless the user says otherwise.
const DEFAULT_FRACTIONS: [f64; 3] = [0.4, 0.0, 0.6];

/// The category of sets that only tell good from bad.
pub(super) const ANOMALY: &str = "anomaly";

/// An image as an importer found it. Paths are absolute.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) image: PathBuf,
    /// `None` when the set has no splits.
    pub(super) split: Option<Split>,
    pub(super) patient: Option<String>,
    pub(super) masks: Vec<FoundMask>,
    /// Positions of the categories that are present.
    pub(super) present: Vec<usize>,
    /// Positions of those of which nothing is known; all others are absent.
    pub(super) unknown: Vec<usize>,
}

/// A mask as an importer found it.
#[derive(Clone, Debug)]
pub(super) struct FoundMask {
    /// The category's position; `None` for everything abnormal in the image.
    pub(super) category: Option<usize>,
    pub(super) path: PathBuf,
    pub(super) form: MaskForm,
}

/// Whether a mask's file can be used as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum MaskForm {
    /// Every pixel above 0 is abnormal, as a manifest wants it.
    #[default]
    Plain,
    /// Compressed with loss: a black and white copy is written beside the manifest.
    Lossy,
    /// No file: boxes on the image that `path` names, drawn beside the manifest.
    Boxes(Vec<Rectangle>),
}

/// What becomes of a [`Draft`].
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) manifest: Manifest,
    /// What the user should know.
    pub(super) notices: Vec<String>,
    /// Masks to be written into the folder [`mask_folder`].
    pub(super) masks: Vec<MaskFile>,
}

/// The name of the folder beside the manifest `out` for masks that are written anew.
pub(super) fn mask_folder(out: &Path) -> String {
    format!("{}_masks", super::tree::stem(out))
}

impl FoundMask {
    /// Masks of everything abnormal.
    pub(super) fn whole(paths: impl IntoIterator<Item = PathBuf>) -> Vec<Self> {
        paths.into_iter().map(|path| FoundMask { category: None, path, form: MaskForm::Plain }).collect()
    }
}

/// What an importer found.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) categories: Vec<String>,
    pub(super) images: Vec<Found>,
    pub(super) notices: Vec<String>,
    pub(super) left_out: LeftOut,
    /// Images without a row, counted by reason.
    skipped: BTreeMap<&'static str, usize>,
}

impl Draft {
    /// A draft with the one category of sets that only tell good from bad.
    pub(super) fn of_anomalies() -> Self {
        Draft { categories: vec![ANOMALY.to_string()], ..Draft::default() }
    }

    /// Counts an image that has no row.
    pub(super) fn skip(&mut self, reason: &'static str) {
        self.skip_all(reason, 1);
    }

    /// Counts images that have no row; none is no matter.
    pub(super) fn skip_all(&mut self, reason: &'static str, images: usize) {
        if images > 0 {
            *self.skipped.entry(reason).or_default() += images;
        }
    }

    /// How many images have no row, and why.
    fn reasons(&self) -> Vec<String> {
        self.skipped.iter().map(|(reason, images)| format!("{images} images were left out: {reason}")).collect()
    }

    /// Takes out the categories that no image shows, since nothing could be learnt or measured of them. A row that is
    /// left with nothing but absent labels goes too if one of those was unknown: it may not be normal.
    pub(super) fn drop_unseen(&mut self) {
        let mut seen = vec![false; self.categories.len()];
        self.images.iter().flat_map(|found| &found.present).for_each(|&category| seen[category] = true);
        if seen.iter().all(|&seen| seen) {
            return;
        }
        let mut place = vec![None; seen.len()];
        let mut kept = Vec::new();
        let mut gone = Vec::new();
        for (number, id) in std::mem::take(&mut self.categories).into_iter().enumerate() {
            if seen[number] {
                place[number] = Some(kept.len());
                kept.push(id);
            } else {
                gone.push(id);
            }
        }
        self.categories = kept;
        self.notices.push(format!("no image shows {}: no column", gone.join(", ")));
        let before = self.images.len();
        self.images.retain_mut(|found| {
            let moved = |old: &[usize]| -> Vec<usize> { old.iter().filter_map(|&category| place[category]).collect() };
            let had_unknown = !found.unknown.is_empty();
            found.present = moved(&found.present);
            found.unknown = moved(&found.unknown);
            found.masks.retain_mut(|mask| match mask.category {
                Some(category) => {
                    mask.category = place[category];
                    mask.category.is_some()
                }
                None => true,
            });
            !(had_unknown && found.unknown.is_empty() && found.present.is_empty())
        });
        self.skip_all(super::vocabulary::Without::Nothing.reason(), before - self.images.len());
    }

    /// Puts the categories into the user's order, or gives the one category `anomaly` the user's name.
    pub(super) fn order(&mut self, wanted: &[String]) -> Result<()> {
        if let (true, [name]) = (self.categories == [ANOMALY], wanted) {
            check_id(name)?;
            self.categories = vec![name.clone()];
            return Ok(());
        }
        let mut found = self.categories.clone();
        let mut asked = wanted.to_vec();
        found.sort_unstable();
        asked.sort_unstable();
        if found != asked {
            return Err(Error::bad_input(format!(
                "categories {}; found {} in the data set, expected the same ids in any order",
                wanted.join(","),
                self.categories.join(",")
            ))
            .with_hint("leave --categories out, or rename the folders of the categories"));
        }
        let place: Vec<usize> =
            self.categories.iter().map(|id| wanted.iter().position(|w| w == id).unwrap_or(0)).collect();
        for image in &mut self.images {
            image.present.iter_mut().chain(&mut image.unknown).for_each(|category| *category = place[*category]);
            image.masks.iter_mut().for_each(|mask| mask.category = mask.category.map(|category| place[category]));
        }
        self.categories = wanted.to_vec();
        Ok(())
    }

    /// The manifest `out`, which lies in `folder`.
    pub(super) fn finish(mut self, options: &ImportOptions, out: &Path, folder: &Path) -> Result<Finished> {
        if self.images.is_empty() {
            return Err(Error::bad_input(format!("no image has a row: {}", self.reasons().join("; ")))
                .with_hint("docs/data.md says what the options of this layout decide"));
        }
        if self.categories.is_empty() {
            return Err(Error::bad_input(format!(
                "all {} images are normal; expected at least one category",
                self.images.len()
            ))
            .with_hint("a manifest needs abnormal images, at least for the test"));
        }
        let splitless = self.images.iter().any(|image| image.split.is_none());
        let mut far = false;
        let mut rows = Vec::with_capacity(self.images.len());
        let mut unnameable = 0;
        let mut written = Vec::new();
        let below = mask_folder(out);
        for found in &self.images {
            let (image, near) = manifest_path(&found.image, folder)?;
            far |= !near;
            let masks = self.masks(found, folder, &below, &mut written, &mut unnameable)?;
            let mut labels = vec![Label::Absent; self.categories.len()];
            for &category in &found.present {
                labels[category] = Label::Present;
            }
            for &category in &found.unknown {
                labels[category] = Label::Unknown;
            }
            let split = found.split.unwrap_or(Split::Train);
            rows.push(Row { image, split, patient: found.patient.clone(), masks, labels });
        }
        if splitless {
            let [train, valid, test] = options.fractions.unwrap_or(DEFAULT_FRACTIONS);
            let fractions = SplitFractions::new(train, valid, test)?;
            assign(&mut rows, self.categories.len(), &fractions, options.seed);
        }
        self.notices.extend(self.reasons());
        self.notices.extend(self.left_out.notice());
        if far {
            self.notices.push(format!(
                "the images and {} have no folder in common, so the manifest names absolute paths; they hold on this machine only",
                out.display()
            ));
        }
        if unnameable > 0 {
            self.notices
                .push(format!("{unnameable} masks were left out: their paths have a `;`, which separates masks"));
        }
        let manifest = Manifest::new(out, self.categories, rows)?;
        self.notices.extend(gaps(&manifest, splitless));
        Ok(Finished { manifest, notices: self.notices, masks: written })
    }

    fn masks(
        &self,
        found: &Found,
        folder: &Path,
        below: &str,
        written: &mut Vec<MaskFile>,
        unnameable: &mut usize,
    ) -> Result<Masks> {
        let mut named = Vec::new();
        for mask in &found.masks {
            let name = match &mask.form {
                MaskForm::Plain => manifest_path(&mask.path, folder)?.0,
                form @ (MaskForm::Lossy | MaskForm::Boxes(_)) => {
                    let name = image_name(written.len());
                    let place = format!("{below}/{name}");
                    written.push(MaskFile { source: mask.path.clone(), form: form.clone(), name });
                    place
                }
            };
            if name.contains(';') {
                *unnameable += 1;
            } else {
                named.push((mask.category, name));
            }
        }
        if let [(None, name)] = named.as_slice()
            && !name.contains('=')
        {
            return Ok(Masks::Whole(name.clone()));
        }
        let id = |category: usize| self.categories[category].clone();
        let mut pairs = Vec::new();
        for (category, name) in named {
            match category {
                Some(category) => pairs.push((id(category), name)),
                None => pairs.extend(found.present.iter().map(|&category| (id(category), name.clone()))),
            }
        }
        Ok(if pairs.is_empty() { Masks::None } else { Masks::PerCategory(pairs) })
    }
}

/// What the splits lack for training and testing.
pub(super) fn gaps(manifest: &Manifest, by_us: bool) -> Vec<String> {
    let mut notices = Vec::new();
    let patients = manifest.rows.iter().filter(|row| row.patient.is_some()).count();
    if patients < manifest.rows.len() {
        let what = if by_us { "these were split one by one" } else { "the splits are the publisher's" };
        notices.push(format!(
            "no patient is known for {} of {} images; {what}. If you know the patients, fill in the column `patient` and run `sdmad data split`",
            manifest.rows.len() - patients,
            manifest.rows.len()
        ));
    }
    let mut splits: BTreeMap<&str, Split> = BTreeMap::new();
    let across: BTreeSet<&str> = manifest
        .rows
        .iter()
        .filter_map(|row| row.patient.as_deref().map(|patient| (patient, row.split)))
        .filter(|&(patient, split)| *splits.entry(patient).or_insert(split) != split)
        .map(|(patient, _)| patient)
        .collect();
    if !across.is_empty() {
        notices.push(format!(
            "{} patients are in several of the publisher's splits: figures would be too good. `sdmad data split` splits anew by patient",
            across.len()
        ));
    }
    if !manifest.rows.iter().any(Row::is_normal) {
        notices.push("there are no normal images: shots and detection need some".to_string());
    }
    for split in [Split::Train, Split::Test] {
        let without: Vec<&str> = manifest
            .categories
            .iter()
            .enumerate()
            .filter_map(|(number, id)| {
                let any = manifest.rows_of(split).any(|(_, row)| row.labels.get(number) == Some(&Label::Present));
                (!any).then_some(id.as_str())
            })
            .collect();
        if !without.is_empty() {
            let so = if split == Split::Train { "no shots can be drawn" } else { "nothing can be measured" };
            let then = if by_us {
                "Add images, or import with other --fractions"
            } else {
                "`sdmad data split` splits anew; figures are then not those of the publisher's split"
            };
            notices.push(format!("the split {split} has no image of {}: {so}. {then}", without.join(", ")));
        }
    }
    notices
}

/// Refuses an id that no column may have.
pub(super) fn check_id(id: &str) -> Result<()> {
    let reserved = ["image", "split", "patient", "mask", "normal"].contains(&id);
    if is_snake_case(id) && !reserved {
        return Ok(());
    }
    Err(Error::bad_input(format!(
        "`{id}` is no category id; expected lower-case letters, digits and single underscores, and not image, split, patient, mask or normal"
    ))
    .with_hint("rename the category's folder, or the id in --categories"))
}
