//! HAM10000 (Tschandl et al. 2018) and ISIC 2018, task 3, whose training images it is. Nevi are normal in the bank.

use std::collections::HashMap;
use std::path::Path;

use sdmad_base::{Monitor, Result};

use super::super::{Label, Split};
use super::ImportOptions;
use super::draft::{Draft, Found};
use super::survey::Survey;
use super::table::Table;
use super::vocabulary::{Term, Vocabulary, normal_in_bank, same};

const HAM_LOOKED_FOR: &str = "`HAM10000_metadata.csv` and images called ISIC_…";
const ISIC_LOOKED_FOR: &str = "`ISIC2018_Task3_{Training,Validation,Test}_GroundTruth.csv` and images called ISIC_…";
pub(super) const TERMS: &[Term] = &[
    same("MEL", "melanoma"),
    normal_in_bank("NV", "melanocytic_nevus"),
    same("BCC", "basal_cell_carcinoma"),
    same("AKIEC", "actinic_keratosis"),
    same("BKL", "benign_keratosis"),
    same("DF", "dermatofibroma"),
    same("VASC", "vascular_lesion"),
];
const NEVI: &str =
    "nevi (NV) count as normal, as in the bank `dermoscopy`; atypical ones among them are not told apart";

/// HAM10000: a class and a lesion for each image, no split.
pub(super) fn draft_ham(root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::default();
    let mut survey = Survey::read("ham10000", root, 1, monitor)?;
    let vocabulary = Vocabulary::new(TERMS, options.labels);
    let table = Table::read(&survey.needed(HAM_LOOKED_FOR, |name| name.starts_with("ham10000_metadata"))?)?;
    let image = table.column(&["image_id"])?;
    let lesion = table.column(&["lesion_id"])?;
    let class = table.column(&["dx"])?;
    for line in table.lines() {
        let Some(path) = survey.claim(line.cell(image), &mut draft)? else { continue };
        let mut labels = vocabulary.absent();
        labels[vocabulary.known(line.cell(class), &line.place(class))?] = Label::Present;
        let found = Found { image: path, patient: Some(line.cell(lesion).to_string()), ..Found::default() };
        vocabulary.add(&mut draft, found, &labels);
    }
    draft
        .notices
        .push("the lesion stands for the patient, who is not named: images of one lesion stay together".to_string());
    end(draft, survey, vocabulary, options, HAM_LOOKED_FOR)
}

/// ISIC 2018, task 3: one-hot tables for each split; lesions of the training images from either of two tables.
pub(super) fn draft_isic(root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::default();
    let mut survey = Survey::read("isic2018", root, 1, monitor)?;
    let vocabulary = Vocabulary::new(TERMS, options.labels);
    let lesions = read_lesions(&mut survey)?;
    for (part, split) in [("training", Split::Train), ("validation", Split::Valid), ("test", Split::Test)] {
        let Some(path) = survey.file(|name| name.contains(part) && name.ends_with("groundtruth.csv"))? else {
            continue;
        };
        let table = Table::read(&path)?;
        let image = table.column(&["image"])?;
        let columns: Vec<(usize, usize)> =
            table.header().filter_map(|(column, name)| Some((column, vocabulary.term(name)?))).collect();
        if columns.len() != TERMS.len() {
            let names = vocabulary.names();
            for name in names {
                table.column(&[name])?;
            }
        }
        for line in table.lines() {
            let name = line.cell(image);
            let Some(path) = survey.claim(name, &mut draft)? else { continue };
            let mut labels = vocabulary.absent();
            for &(column, term) in &columns {
                match line.cell(column).parse::<f64>() {
                    Ok(1.0) => labels[term] = Label::Present,
                    Ok(0.0) => {}
                    _ => return Err(line.unexpected(column, "1.0 or 0.0")),
                }
            }
            let patient = lesions.get(name).cloned();
            vocabulary.add(&mut draft, Found { image: path, split: Some(split), patient, ..Found::default() }, &labels);
        }
    }
    if !lesions.is_empty() {
        draft.notices.push(
            "the lesion stands for the patient, who is not named; lesions of validation and test images are not known"
                .to_string(),
        );
    }
    end(draft, survey, vocabulary, options, ISIC_LOOKED_FOR)
}

/// Lesions by image.
fn read_lesions(survey: &mut Survey) -> Result<HashMap<String, String>> {
    let mut lesions = HashMap::new();
    let wanted = |name: &str| name.contains("lesiongroupings") || name.starts_with("ham10000_metadata");
    let path = match survey.file(|name| name.contains("lesiongroupings"))? {
        Some(path) => Some(path),
        None => survey.file(wanted)?,
    };
    if let Some(path) = path {
        let table = Table::read(&path)?;
        let (image, lesion) = (table.column(&["image", "image_id"])?, table.column(&["lesion_id"])?);
        lesions.extend(table.lines().map(|line| (line.cell(image).to_string(), line.cell(lesion).to_string())));
    }
    Ok(lesions)
}

fn end(
    mut draft: Draft,
    survey: Survey,
    vocabulary: Vocabulary,
    options: &ImportOptions,
    looked_for: &str,
) -> Result<Draft> {
    if options.labels.unwrap_or_default() == super::ImportLabels::Bank {
        draft.notices.push(NEVI.to_string());
    }
    draft.categories = vocabulary.categories;
    survey.finish(looked_for, &mut draft)?;
    Ok(draft)
}
