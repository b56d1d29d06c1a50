//! VinDr-CXR (Nguyen et al. 2022) as PhysioNet gives it out (a row for each image and reader, a column for each finding), and as
//! Kaggle does (a row for each box).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sdmad_base::{Monitor, Result};

use super::super::{Label, Split};
use super::draft::{Draft, Found};
use super::survey::Survey;
use super::table::Table;
use super::vocabulary::{Term, Vocabulary, mapped, normal, outside, same};
use super::{ImportOptions, ImportReaders};

const LOOKED_FOR: &str = "`image_labels_train.csv` or `image_labels_test.csv` (PhysioNet) or `train.csv` with `class_name` (Kaggle), and images called <image_id>";

/// Nodule and mass are one finding here and two in the bank, so it has no place there.
pub(super) const TERMS: &[Term] = &[
    normal("No finding"),
    outside("Aortic enlargement", "aortic_enlargement"),
    same("Atelectasis", "atelectasis"),
    outside("Calcification", "calcification"),
    same("Cardiomegaly", "cardiomegaly"),
    outside("Clavicle fracture", "clavicle_fracture"),
    same("Consolidation", "consolidation"),
    same("Edema", "edema"),
    same("Emphysema", "emphysema"),
    outside("Enlarged PA", "enlarged_pulmonary_artery"),
    outside("ILD", "interstitial_lung_disease"),
    same("Infiltration", "infiltration"),
    outside("Lung Opacity", "lung_opacity"),
    outside("Lung cavity", "lung_cavity"),
    outside("Lung cyst", "lung_cyst"),
    outside("Mediastinal shift", "mediastinal_shift"),
    outside("Nodule/Mass", "nodule_or_mass"),
    mapped("Pleural effusion", "pleural_effusion", "effusion"),
    same("Pleural thickening", "pleural_thickening"),
    same("Pneumothorax", "pneumothorax"),
    mapped("Pulmonary fibrosis", "pulmonary_fibrosis", "fibrosis"),
    outside("Rib fracture", "rib_fracture"),
    outside("Other lesion", "other_lesion"),
    outside("COPD", "copd"),
    outside("Lung tumor", "lung_tumour"),
    same("Pneumonia", "pneumonia"),
    outside("Tuberculosis", "tuberculosis"),
    outside("Other disease", "other_disease"),
    outside("Other diseases", "other_disease"),
];

/// What the readers of one image said: for each reader the terms that are present.
type Readings = BTreeMap<String, BTreeSet<usize>>;

/// One table: readings by image, and the terms that it can name.
struct Read {
    images: BTreeMap<String, Readings>,
    terms: Vec<usize>,
}

pub(super) fn draft(root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::default();
    let mut survey = Survey::read("vindr", root, 1, monitor)?;
    let vocabulary = Vocabulary::new(TERMS, options.labels);
    let mut tables = Vec::new();
    for (name, split) in [("image_labels_train.csv", Split::Train), ("image_labels_test.csv", Split::Test)] {
        if let Some(path) = survey.file(|n| n == name)? {
            tables.push((by_column(&Table::read(&path)?, &vocabulary)?, Some(split)));
        }
    }
    if tables.is_empty() {
        let table = Table::read(&survey.needed(LOOKED_FOR, |name| name == "train.csv")?)?;
        tables.push((by_box(&table, &vocabulary)?, None));
    }
    let rule = options.readers.unwrap_or_default();
    let (mut several, mut differ) = (0, 0);
    for (read, split) in tables {
        for (id, readings) in read.images {
            let Some(image) = survey.claim(&id, &mut draft)? else { continue };
            several += usize::from(readings.len() > 1);
            let mut labels = vocabulary.absent();
            let mut same = true;
            for &term in &read.terms {
                let votes = readings.values().filter(|terms| terms.contains(&term)).count();
                same &= votes == 0 || votes == readings.len();
                labels[term] = vote(votes, readings.len(), rule);
            }
            differ += usize::from(!same);
            vocabulary.add(&mut draft, Found { image, split, ..Found::default() }, &labels);
        }
    }
    if several > 0 {
        let so = match rule {
            ImportReaders::Majority => "more than half of them decide",
            ImportReaders::Unanimous => "a label on which they differ is unknown",
        };
        draft.notices.push(format!("{several} images have several readers, who differ on {differ}; {so} (--readers)"));
    }
    draft.notices.push("boxes were left out: a manifest names masks".to_string());
    draft.categories = vocabulary.categories;
    survey.finish(LOOKED_FOR, &mut draft)?;
    Ok(draft)
}

fn vote(votes: usize, readers: usize, rule: ImportReaders) -> Label {
    match rule {
        ImportReaders::Majority if 2 * votes > readers => Label::Present,
        ImportReaders::Majority => Label::Absent,
        ImportReaders::Unanimous if votes == 0 => Label::Absent,
        ImportReaders::Unanimous if votes == readers => Label::Present,
        ImportReaders::Unanimous => Label::Unknown,
    }
}

/// A row for each image and reader, with 1 or 0 for each finding; the test set has no readers, but one row for each image.
fn by_column(table: &Table, vocabulary: &Vocabulary) -> Result<Read> {
    let image = table.column(&["image_id"])?;
    let reader = table.optional(&["rad_id"]);
    table.column(&["No finding"])?;
    let columns: Vec<(usize, usize)> =
        table.header().filter_map(|(column, name)| Some((column, vocabulary.term(name)?))).collect();
    let mut images: BTreeMap<String, Readings> = BTreeMap::new();
    for line in table.lines() {
        let reader = reader.map_or("", |reader| line.cell(reader));
        let said = images.entry(line.cell(image).to_string()).or_default().entry(reader.to_string()).or_default();
        for &(column, term) in &columns {
            match line.cell(column).parse::<f64>() {
                Ok(1.0) => drop(said.insert(term)),
                Ok(0.0) => {}
                _ => return Err(line.unexpected(column, "1 or 0")),
            }
        }
    }
    Ok(Read { images, terms: columns.into_iter().map(|(_, term)| term).collect() })
}

/// A row for each box of each reader; `No finding` has a row without a box.
fn by_box(table: &Table, vocabulary: &Vocabulary) -> Result<Read> {
    let image = table.column(&["image_id"])?;
    let class = table.column(&["class_name"])?;
    let reader = table.column(&["rad_id"])?;
    let mut images: BTreeMap<String, Readings> = BTreeMap::new();
    let mut terms = BTreeSet::new();
    for line in table.lines() {
        let term = vocabulary.known(line.cell(class), &line.place(class))?;
        terms.insert(term);
        let readings = images.entry(line.cell(image).to_string()).or_default();
        readings.entry(line.cell(reader).to_string()).or_default().insert(term);
    }
    Ok(Read { images, terms: terms.into_iter().collect() })
}
