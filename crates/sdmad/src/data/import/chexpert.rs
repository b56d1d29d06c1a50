//! CheXpert (Irvin et al. 2019): `train.csv`, `valid.csv` and the test labels, and what their cells mean. MIMIC-CXR-JPG has the
//! same cells.

use std::path::Path;

use sdmad_base::{Monitor, Result};

use super::super::{Label, Split};
use super::draft::{Draft, Found};
use super::survey::Survey;
use super::table::{Line, Table};
use super::vocabulary::{Term, Vocabulary, ignored, mapped, normal, outside, same};
use super::{ImportOptions, ImportViews};

const LOOKED_FOR: &str =
    "`train.csv`, `valid.csv` or `groundtruth.csv` with a column `Path`, and patient…/study…/view… images";
const TABLES: [(&[&str], Split); 3] = [
    (&["train.csv"], Split::Train),
    (&["valid.csv"], Split::Valid),
    (&["groundtruth.csv", "test_labels.csv", "test.csv"], Split::Test),
];
pub(super) const LATERAL: &str = "they are lateral views (--views all takes them)";

/// The bank describes what is seen, so what is only a guess at the kind (lesion, opacity) has no place in it.
pub(super) const TERMS: &[Term] = &[
    normal("No Finding"),
    outside("Enlarged Cardiomediastinum", "enlarged_cardiomediastinum"),
    same("Cardiomegaly", "cardiomegaly"),
    outside("Lung Opacity", "lung_opacity"),
    outside("Airspace Opacity", "lung_opacity"),
    outside("Lung Lesion", "lung_lesion"),
    same("Edema", "edema"),
    same("Consolidation", "consolidation"),
    same("Pneumonia", "pneumonia"),
    same("Atelectasis", "atelectasis"),
    same("Pneumothorax", "pneumothorax"),
    mapped("Pleural Effusion", "pleural_effusion", "effusion"),
    outside("Pleural Other", "pleural_other"),
    outside("Fracture", "fracture"),
    ignored("Support Devices"),
];

/// Reads the cells of a table with a column for each finding: 1, 0, -1 for uncertain, nothing for not mentioned.
pub(super) struct Cells {
    /// Column and term.
    columns: Vec<(usize, usize)>,
    /// Labels of terms without a column.
    start: Vec<Label>,
    uncertain: Label,
    blank: Label,
}

impl Cells {
    pub(super) fn new(table: &Table, vocabulary: &Vocabulary, options: &ImportOptions) -> Result<Self> {
        table.column(&["No Finding"])?;
        let columns: Vec<(usize, usize)> =
            table.header().filter_map(|(column, name)| Some((column, vocabulary.term(name)?))).collect();
        Ok(Cells {
            start: vocabulary.without(&columns.iter().map(|&(_, term)| term).collect::<Vec<_>>()),
            columns,
            uncertain: options.uncertain.unwrap_or(Label::Unknown),
            blank: options.blank.unwrap_or(Label::Unknown),
        })
    }

    /// One label for each term.
    pub(super) fn labels(&self, line: Line<'_>) -> Result<Vec<Label>> {
        let mut labels = self.start.clone();
        for &(column, term) in &self.columns {
            let cell = line.cell(column);
            labels[term] = match cell.parse::<f64>() {
                _ if cell.is_empty() => self.blank,
                Ok(1.0) => Label::Present,
                Ok(0.0) => Label::Absent,
                Ok(-1.0) => self.uncertain,
                _ => return Err(line.unexpected(column, "1, 0, -1 (uncertain) or nothing (not mentioned)")),
            };
        }
        Ok(labels)
    }

    /// What became of uncertain and blank cells, for the notices.
    pub(super) fn notice(&self) -> String {
        let name = |label| match label {
            Label::Present => "present",
            Label::Absent => "absent",
            Label::Unknown => "unknown",
        };
        format!(
            "uncertain labels (-1) became {}, blank ones {} (--uncertain, --blank); where `No Finding` is 1 all findings are absent. `Support Devices` is no finding",
            name(self.uncertain),
            name(self.blank)
        )
    }
}

pub(super) fn draft(root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::default();
    let mut survey = Survey::read("chexpert", root, 3, monitor)?;
    let vocabulary = Vocabulary::new(TERMS, options.labels);
    let mut notice = None;
    for (names, split) in TABLES {
        let Some(path) = survey.file(|name| names.contains(&name))? else { continue };
        let table = Table::read(&path)?;
        let cells = Cells::new(&table, &vocabulary, options)?;
        let image = table.column(&["Path"])?;
        let view = table.optional(&["Frontal/Lateral"]);
        for line in table.lines() {
            let path = line.cell(image);
            let Some((patient, key)) = patient_and_key(path) else {
                return Err(line.unexpected(image, "a path that ends in patient…/study…/view….jpg"));
            };
            let Some(image) = survey.claim(key, &mut draft)? else { continue };
            let named = view.map_or("", |view| line.cell(view));
            let lateral =
                if named.is_empty() { path.contains("_lateral") } else { named.eq_ignore_ascii_case("lateral") };
            if lateral && options.views.unwrap_or_default() == ImportViews::Frontal {
                draft.skip(LATERAL);
                continue;
            }
            let found = Found { image, split: Some(split), patient: Some(patient.to_string()), ..Found::default() };
            vocabulary.add(&mut draft, found, &cells.labels(line)?);
        }
        notice = Some(cells.notice());
    }
    draft.notices.extend(notice);
    draft.categories = vocabulary.categories;
    survey.finish(LOOKED_FOR, &mut draft)?;
    Ok(draft)
}

/// The patient of `…/train/patient00001/study1/view1_frontal.jpg`, and the part of the path from there on, which no release
/// puts another folder into.
fn patient_and_key(path: &str) -> Option<(&str, &str)> {
    let key = &path[path.find("patient")?..];
    let (patient, rest) = key.split_once('/')?;
    (rest.split('/').count() == 2).then_some((patient, key))
}
