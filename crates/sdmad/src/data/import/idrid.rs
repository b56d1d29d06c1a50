//! IDRiD (Porwal et al. 2018): grades of retinopathy and macular oedema for one part, masks of each lesion for another.
//!
//! Training and test images of the grading have the same names, so an image is told by its folder too.

use std::path::{Path, PathBuf};

use sdmad_base::{Monitor, Result};

use super::super::{Label, Split};
use super::draft::{Draft, Found, FoundMask, MaskForm};
use super::survey::Survey;
use super::table::Table;
use super::vocabulary::{Term, Vocabulary, mapped, normal, outside};
use super::{ImportOptions, ImportPart};

const GRADING: &str = "`a. IDRiD_Disease Grading_Training Labels.csv` or `b. … Testing Labels.csv`, and images in `a. Training Set` and `b. Testing Set`";
const SEGMENTATION: &str =
    "images in `a. Training Set` and `b. Testing Set`, and masks called <image>_MA, _HE, _EX or _SE";
/// Folder of the images, word in the table's name, split.
const PARTS: [(&str, &str, Split); 2] =
    [("a. training set", "training labels", Split::Train), ("b. testing set", "testing labels", Split::Test)];

/// Grades 0 to 4, then macular oedema.
pub(super) const GRADES: &[Term] = &[
    normal("0"),
    mapped("1", "retinopathy_grade_1", "diabetic_retinopathy"),
    mapped("2", "retinopathy_grade_2", "diabetic_retinopathy"),
    mapped("3", "retinopathy_grade_3", "diabetic_retinopathy"),
    mapped("4", "retinopathy_grade_4", "diabetic_retinopathy"),
    outside("macular edema", "macular_edema"),
];
const EDEMA: usize = 5;

/// What the masks' names end in. The optic disc (`_OD`) is no lesion.
pub(super) const LESIONS: &[Term] = &[
    mapped("ma", "microaneurysms", "diabetic_retinopathy"),
    mapped("he", "haemorrhages", "diabetic_retinopathy"),
    mapped("ex", "hard_exudates", "diabetic_retinopathy"),
    mapped("se", "soft_exudates", "diabetic_retinopathy"),
];

pub(super) fn draft(root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<Draft> {
    match options.part.unwrap_or_default() {
        ImportPart::Grading => grading(root, options, monitor),
        ImportPart::Segmentation => segmentation(root, options, monitor),
    }
}

fn grading(root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::default();
    let mut survey = Survey::read("idrid", root, 2, monitor)?;
    // The part `C. Localization` has the same images once more.
    survey.prefer("grading");
    let vocabulary = Vocabulary::new(GRADES, options.labels);
    for (folder, word, split) in PARTS {
        let Some(path) = survey.file(|name| name.contains(word) && name.ends_with(".csv"))? else { continue };
        let table = Table::read(&path)?;
        let image = table.column(&["Image name"])?;
        let grade = table.column(&["Retinopathy grade"])?;
        let edema = table.optional(&["Risk of macular edema"]);
        for line in table.lines() {
            let Some(image) = survey.claim(&format!("{folder}/{}", line.cell(image)), &mut draft)? else { continue };
            let number = line.cell(grade).parse::<usize>().ok().filter(|&number| number < EDEMA);
            let mut labels = vocabulary.absent();
            labels[number.ok_or_else(|| line.unexpected(grade, "a grade from 0 to 4"))?] = Label::Present;
            if let Some(column) = edema {
                labels[EDEMA] = match line.cell(column) {
                    "0" => Label::Absent,
                    "1" | "2" => Label::Present,
                    "" => Label::Unknown,
                    _ => return Err(line.unexpected(column, "a risk from 0 to 2")),
                };
            }
            // Retinopathy of grade 0 with oedema is not normal.
            if labels[EDEMA] == Label::Present {
                labels[0] = Label::Absent;
            }
            vocabulary.add(&mut draft, Found { image, split: Some(split), ..Found::default() }, &labels);
        }
    }
    draft.categories = vocabulary.categories;
    survey.finish(GRADING, &mut draft)?;
    Ok(draft)
}

fn segmentation(root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::default();
    let mut survey = Survey::read("idrid", root, 2, monitor)?;
    survey.prefer("segmentation");
    let vocabulary = Vocabulary::new(LESIONS, options.labels);
    let keys = survey.keys();
    let names: Vec<(&str, &str)> = keys.iter().filter_map(|key| key.rsplit_once('/')).collect();
    let mut discs = 0;
    for &(folder, name) in &names {
        let Some((_, _, split)) = PARTS.iter().find(|(set, _, _)| *set == folder) else { continue };
        let mut labels = vocabulary.absent();
        let mut masks = Vec::new();
        for &(mask_folder, mask) in &names {
            let Some(ending) = mask.strip_prefix(name).and_then(|rest| rest.strip_prefix('_')) else { continue };
            discs += usize::from(ending == "od");
            let Some(term) = vocabulary.term(ending) else { continue };
            let paths: &[PathBuf] = survey.paths(&format!("{mask_folder}/{mask}"));
            labels[term] = Label::Present;
            masks.extend(paths.first().map(|path| FoundMask {
                category: vocabulary.category(term),
                path: path.clone(),
                form: MaskForm::Plain,
            }));
        }
        if masks.is_empty() {
            continue;
        }
        if let Some(image) = survey.claim(&format!("{folder}/{name}"), &mut draft)? {
            let found = Found { image, split: Some(*split), masks, ..Found::default() };
            vocabulary.add(&mut draft, found, &labels);
        }
    }
    if discs > 0 {
        draft.notices.push(format!("{discs} masks of the optic disc were left out: it is no lesion"));
    }
    draft.notices.push("a lesion without a mask file was taken as absent".to_string());
    draft.categories = vocabulary.categories;
    // Masks, and images of the other parts, are no images without a label.
    survey.finish_part(SEGMENTATION, &mut draft)?;
    Ok(draft)
}
