//! ChestX-ray14 (Wang et al. 2017): `Data_Entry_2017….csv`, the lists of the official split, and images in any folders.
//!
//! The header has commas within brackets, so its columns are more than its names; all that is needed stands before them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use sdmad_base::{Monitor, Result};

use super::super::{Label, Split};
use super::draft::{Draft, Found, FoundMask, MaskForm};
use super::mask_files::Rectangle;
use super::survey::Survey;
use super::table::Table;
use super::vocabulary::{Term, Vocabulary, normal, same};
use super::{ImportBoxes, ImportOptions};

const LOOKED_FOR: &str = "`Data_Entry_2017….csv` and the images that it names";
/// The official split: one file name a line.
const LISTS: [(&str, Split); 2] = [("train_val_list.txt", Split::Train), ("test_list.txt", Split::Test)];

pub(super) const TERMS: &[Term] = &[
    normal("No Finding"),
    same("Atelectasis", "atelectasis"),
    same("Cardiomegaly", "cardiomegaly"),
    same("Consolidation", "consolidation"),
    same("Edema", "edema"),
    same("Effusion", "effusion"),
    same("Emphysema", "emphysema"),
    same("Fibrosis", "fibrosis"),
    same("Hernia", "hernia"),
    same("Infiltration", "infiltration"),
    same("Infiltrate", "infiltration"),
    same("Mass", "mass"),
    same("Nodule", "nodule"),
    same("Pleural_Thickening", "pleural_thickening"),
    same("Pneumonia", "pneumonia"),
    same("Pneumothorax", "pneumothorax"),
];

pub(super) fn draft(root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::default();
    let mut survey = Survey::read("chestxray14", root, 1, monitor)?;
    let table =
        Table::read(&survey.needed(LOOKED_FOR, |name| name.starts_with("data_entry") && name.contains(".csv"))?)?;
    let splits = read_lists(&mut survey, &mut draft)?;
    let vocabulary = Vocabulary::new(TERMS, None);
    let boxes = read_boxes(&mut survey, &mut draft, &vocabulary, options)?;
    let image = table.column(&["Image Index"])?;
    let findings = table.column(&["Finding Labels"])?;
    let patient = table.column(&["Patient ID"])?;
    for line in table.lines() {
        let name = line.cell(image);
        let Some(path) = survey.claim(name, &mut draft)? else { continue };
        let split = match &splits {
            Some(splits) => match splits.get(name) {
                Some(&split) => Some(split),
                None => {
                    draft.skip("they are in neither list of the official split");
                    continue;
                }
            },
            None => None,
        };
        let mut labels = vocabulary.absent();
        for finding in line.cell(findings).split('|') {
            labels[vocabulary.known(finding.trim(), &line.place(findings))?] = Label::Present;
        }
        let patient = Some(line.cell(patient).to_string()).filter(|patient| !patient.is_empty());
        let masks = boxes.get(name).into_iter().flatten().filter(|&(&term, _)| labels[term] == Label::Present);
        let masks = masks.map(|(term, boxes)| FoundMask {
            category: vocabulary.category(*term),
            path: path.clone(),
            form: MaskForm::Boxes(boxes.clone()),
        });
        let found = Found { masks: masks.collect(), image: path.clone(), split, patient, ..Found::default() };
        vocabulary.add(&mut draft, found, &labels);
    }
    draft.categories = vocabulary.categories;
    draft.notices.push("the labels were mined from reports by the publisher, and are noisy".to_string());
    survey.finish(LOOKED_FOR, &mut draft)?;
    Ok(draft)
}

/// The split of each file name; `None` without both lists.
fn read_lists(survey: &mut Survey, draft: &mut Draft) -> Result<Option<HashMap<String, Split>>> {
    let mut splits = HashMap::new();
    for (list, split) in LISTS {
        let Some(path) = survey.file(|name| name == list)? else {
            draft.notices.push(format!("there is no `{list}`, so the official split was not used"));
            return Ok(None);
        };
        let text = sdmad_base::read_to_string(&path)?;
        splits.extend(text.lines().map(|line| (line.trim().to_string(), split)));
    }
    Ok(Some(splits))
}

/// The boxes of each image and finding, where they are wanted. The table calls one finding otherwise than the labels do.
fn read_boxes(
    survey: &mut Survey,
    draft: &mut Draft,
    vocabulary: &Vocabulary,
    options: &ImportOptions,
) -> Result<HashMap<String, BTreeMap<usize, Vec<Rectangle>>>> {
    let mut boxes: HashMap<String, BTreeMap<usize, Vec<Rectangle>>> = HashMap::new();
    let Some(path) = survey.file(|name| name.starts_with("bbox_list"))? else { return Ok(boxes) };
    if options.boxes.unwrap_or_default() == ImportBoxes::Leave {
        draft.notices.push("the boxes of BBox_List were left out (--boxes masks makes masks of them)".to_string());
        return Ok(boxes);
    }
    let table = Table::read(&path)?;
    let image = table.column(&["Image Index"])?;
    let finding = table.column(&["Finding Label"])?;
    // `Bbox [x,y,w,h]` makes four columns.
    let first = table.column(&["Bbox [x"])?;
    for line in table.lines() {
        let named = vocabulary.known(line.cell(finding), &line.place(finding))?;
        // Labels say `Infiltration` where boxes say `Infiltrate`: the first term of the category stands for it.
        let category = vocabulary.category(named);
        let term = (0..=named).find(|&term| vocabulary.category(term) == category).unwrap_or(named);
        let rectangle = Rectangle::read(line, [0, 1, 2, 3].map(|number| first + number))?;
        boxes.entry(line.cell(image).to_string()).or_default().entry(term).or_default().push(rectangle);
    }
    draft.notices.push("boxes became masks; they hold more than the finding".to_string());
    Ok(boxes)
}
