//! MIMIC-CXR-JPG (Johnson et al. 2019): labels by study, views and split by image, in gzipped tables.

use std::collections::HashMap;
use std::path::Path;

use sdmad_base::{Monitor, Result};

use super::super::{Label, Split};
use super::chexpert::{Cells, LATERAL, TERMS};
use super::draft::{Draft, Found};
use super::survey::Survey;
use super::table::Table;
use super::vocabulary::Vocabulary;
use super::{ImportOptions, ImportViews};

const LOOKED_FOR: &str =
    "`mimic-cxr-….-chexpert.csv.gz`, `…-split.csv.gz` or `…-metadata.csv.gz`, and files/p…/p…/s…/….jpg";
/// Views of a chest from the front or the back.
const FRONTAL: [&str; 4] = ["PA", "AP", "AP AXIAL", "PA AXIAL"];

pub(super) fn draft(root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::default();
    let mut survey = Survey::read("mimic-cxr-jpg", root, 1, monitor)?;
    let table = |part: &str| {
        let part = part.to_string();
        move |name: &str| {
            name.starts_with("mimic-cxr")
                && (name.ends_with(&format!("-{part}.csv")) || name.ends_with(&format!("-{part}.csv.gz")))
        }
    };
    let labels = match survey.file(table("chexpert"))? {
        Some(path) => path,
        None => {
            let path = survey.needed(LOOKED_FOR, table("negbio"))?;
            draft.notices.push(
                "the labels are those of NegBio; with `…-chexpert.csv.gz` they would be those of CheXpert's labeller"
                    .to_string(),
            );
            path
        }
    };
    let split = survey.file(table("split"))?;
    let metadata = survey.file(table("metadata"))?;
    let by_hand = survey.file(|name| name.starts_with("mimic-cxr") && name.contains("test-set-labeled"))?;

    let vocabulary = Vocabulary::new(TERMS, options.labels);
    let (mut studies, notice) = read_studies(&labels, &vocabulary, options)?;
    draft.notices.push(notice);
    if let Some(path) = &by_hand {
        let (better, _) = read_studies(path, &vocabulary, options)?;
        draft.notices.push(format!("{} studies have the labels of {}", better.len(), path.display()));
        studies.extend(better);
    }
    let metadata = metadata.map(|path| Table::read(&path)).transpose()?;
    let views = match (&metadata, options.views.unwrap_or_default()) {
        (Some(table), ImportViews::Frontal) => Some(read_views(table)?),
        (None, ImportViews::Frontal) => {
            draft.notices.push(
                "without `…-metadata.csv.gz` frontal and lateral views cannot be told apart: all were taken"
                    .to_string(),
            );
            None
        }
        (_, ImportViews::All) => None,
    };
    let split = split.map(|path| Table::read(&path)).transpose()?;
    // Both tables name every image; the split is preferred for what it adds.
    let Some(images) = split.as_ref().or(metadata.as_ref()) else { return Err(survey.unexpected(LOOKED_FOR)) };
    let image = images.column(&["dicom_id"])?;
    let study = images.column(&["study_id"])?;
    let patient = images.column(&["subject_id"])?;
    let part = split.as_ref().map(|table| table.column(&["split"])).transpose()?;
    for line in images.lines() {
        let id = line.cell(image);
        let Some(path) = survey.claim(id, &mut draft)? else { continue };
        if views.as_ref().is_some_and(|views| views.get(id).is_some_and(|frontal| !frontal)) {
            draft.skip(LATERAL);
            continue;
        }
        let split = match part {
            Some(part) => Some(match line.cell(part) {
                "train" => Split::Train,
                "validate" | "valid" => Split::Valid,
                "test" => Split::Test,
                _ => return Err(line.unexpected(part, "train, validate or test")),
            }),
            None => None,
        };
        let Some(labels) = studies.get(line.cell(study)) else {
            draft.skip("their study has no labels");
            continue;
        };
        let found = Found { image: path, split, patient: Some(line.cell(patient).to_string()), ..Found::default() };
        vocabulary.add(&mut draft, found, labels);
    }
    draft.notices.push("labels are those of a study, so all its images have the same".to_string());
    draft.categories = vocabulary.categories;
    survey.finish(LOOKED_FOR, &mut draft)?;
    Ok(draft)
}

/// Labels by study, and what became of uncertain ones.
fn read_studies(
    path: &Path,
    vocabulary: &Vocabulary,
    options: &ImportOptions,
) -> Result<(HashMap<String, Vec<Label>>, String)> {
    let table = Table::read(path)?;
    let cells = Cells::new(&table, vocabulary, options)?;
    let study = table.column(&["study_id"])?;
    let mut studies = HashMap::new();
    for line in table.lines() {
        studies.insert(line.cell(study).to_string(), cells.labels(line)?);
    }
    Ok((studies, cells.notice()))
}

/// Whether an image is a frontal view; images without a named view are not in it.
fn read_views(table: &Table) -> Result<HashMap<String, bool>> {
    let (image, view) = (table.column(&["dicom_id"])?, table.column(&["ViewPosition"])?);
    let named = table.lines().filter(|line| !line.cell(view).is_empty());
    Ok(named.map(|line| (line.cell(image).to_string(), FRONTAL.contains(&line.cell(view)))).collect())
}
