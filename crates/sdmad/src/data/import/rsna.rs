//! The RSNA Pneumonia Detection Challenge (Shih et al. 2019): a row for each box, and a class for each image.

use std::collections::BTreeMap;
use std::path::Path;

use sdmad_base::{Monitor, Result};

use super::super::Label;
use super::draft::{Draft, Found, FoundMask, MaskForm};
use super::mask_files::Rectangle;
use super::survey::Survey;
use super::table::Table;
use super::tree::is_dicom;
use super::vocabulary::{Term, Vocabulary, mapped, normal, outside};
use super::{ImportBoxes, ImportOptions};

const LOOKED_FOR: &str =
    "`stage_2_detailed_class_info.csv` or `stage_2_train_labels.csv`, and images called <patientId>";
pub(super) const TERMS: &[Term] = &[
    normal("Normal"),
    mapped("Lung Opacity", "lung_opacity", "pneumonia"),
    outside("No Lung Opacity / Not Normal", "no_opacity_not_normal"),
];

/// The term of images with a box.
const OPACITY: usize = 1;

pub(super) fn draft(root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::default();
    let mut survey = Survey::read("rsna", root, 1, monitor)?;
    let vocabulary = Vocabulary::new(TERMS, options.labels);
    let detailed = survey.first(&[&["stage_2_detailed_class_info"], &["detailed_class_info"]])?;
    let boxes = survey.first(&[&["stage_2_train_labels"], &["train_labels.csv"]])?;
    let want_boxes = options.boxes.unwrap_or_default() == ImportBoxes::Masks;
    let rectangles = match &boxes {
        Some(path) if want_boxes => read_boxes(path)?,
        _ => BTreeMap::new(),
    };
    // An image has a row for each of its boxes in either table; all of its rows say the same.
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    if let Some(path) = detailed {
        let table = Table::read(&path)?;
        let (image, class) = (table.column(&["patientId"])?, table.column(&["class"])?);
        for line in table.lines() {
            classes.insert(line.cell(image).to_string(), vocabulary.known(line.cell(class), &line.place(class))?);
        }
    } else {
        let Some(path) = boxes else { return Err(survey.unexpected(LOOKED_FOR)) };
        let table = Table::read(&path)?;
        let (image, target) = (table.column(&["patientId"])?, table.column(&["Target"])?);
        for line in table.lines() {
            let class = match line.cell(target) {
                "0" => 0,
                "1" => 1,
                _ => return Err(line.unexpected(target, "0 or 1")),
            };
            classes.insert(line.cell(image).to_string(), class);
        }
        draft.notices.push(
            "without `stage_2_detailed_class_info.csv` images without an opacity count as normal, though more than half of them show something else".to_string(),
        );
    }
    for (id, class) in classes {
        let Some(image) = survey.claim(&id, &mut draft)? else { continue };
        let mut labels = vocabulary.absent();
        labels[class] = Label::Present;
        let drawn = rectangles.get(&id).filter(|_| !is_dicom(&image.to_string_lossy()));
        let masks = drawn.map(|boxes| FoundMask {
            category: vocabulary.category(OPACITY),
            path: image.clone(),
            form: MaskForm::Boxes(boxes.clone()),
        });
        vocabulary.add(&mut draft, Found { masks: masks.into_iter().collect(), image, ..Found::default() }, &labels);
    }
    draft.notices.push(if want_boxes {
        "boxes became masks, but for DICOM files; they hold more than the finding".to_string()
    } else {
        "boxes were left out (--boxes masks makes masks of them)".to_string()
    });
    draft
        .notices
        .push("`patientId` numbers images; which of them are of one patient is not in these files".to_string());
    draft.categories = vocabulary.categories;
    survey.finish(LOOKED_FOR, &mut draft)?;
    Ok(draft)
}

/// The boxes of each image.
fn read_boxes(path: &Path) -> Result<BTreeMap<String, Vec<Rectangle>>> {
    let table = Table::read(path)?;
    let image = table.column(&["patientId"])?;
    let columns = [table.column(&["x"])?, table.column(&["y"])?, table.column(&["width"])?, table.column(&["height"])?];
    let mut boxes: BTreeMap<String, Vec<Rectangle>> = BTreeMap::new();
    for line in table.lines().filter(|line| !line.cell(columns[0]).is_empty()) {
        boxes.entry(line.cell(image).to_string()).or_default().push(Rectangle::read(line, columns)?);
    }
    Ok(boxes)
}
