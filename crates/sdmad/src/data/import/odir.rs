//! ODIR-5K: labels are given for a patient, keywords for each eye; the keywords make the labels.

use std::collections::BTreeSet;
use std::path::Path;

use sdmad_base::{Monitor, Result};

use super::super::Label;
use super::ImportOptions;
use super::draft::{Draft, Found};
use super::survey::Survey;
use super::table::Table;
use super::vocabulary::{Term, Vocabulary, ignored, normal, outside, same};

const LOOKED_FOR: &str =
    "`full_df.csv`, or `ODIR-5K_Training_Annotations….xlsx` or a CSV of it, and images called <ID>_left and <ID>_right";

/// The keywords of a named disease. What is not here is the publisher's class O, other.
pub(super) const TERMS: &[Term] = &[
    normal("normal fundus"),
    same("diabetic retinopathy", "diabetic_retinopathy"),
    same("mild nonproliferative retinopathy", "diabetic_retinopathy"),
    same("moderate non proliferative retinopathy", "diabetic_retinopathy"),
    same("severe nonproliferative retinopathy", "diabetic_retinopathy"),
    same("proliferative diabetic retinopathy", "diabetic_retinopathy"),
    same("severe proliferative diabetic retinopathy", "diabetic_retinopathy"),
    same("glaucoma", "glaucoma"),
    same("cataract", "cataract"),
    same("age-related macular degeneration", "amd"),
    same("dry age-related macular degeneration", "amd"),
    same("wet age-related macular degeneration", "amd"),
    same("hypertensive retinopathy", "hypertension"),
    same("pathological myopia", "myopia"),
    same("myopia retinopathy", "myopia"),
    same("myopic retinopathy", "myopia"),
    same("myopic maculopathy", "myopia"),
    outside(OTHER, "other"),
    ignored("lens dust"),
    ignored("image offset"),
    ignored("optic disk photographically invisible"),
];
const OTHER: &str = "other";
/// Keywords of photographs that show no fundus, or not well enough for a label.
const UNUSABLE: [&str; 3] = ["low image quality", "no fundus image", "anterior segment image"];
/// What a keyword begins with when it is a guess.
const GUESSES: [&str; 2] = ["suspected ", "suspicious "];
/// Commas between keywords, one of full width.
const COMMAS: [char; 2] = ['，', ','];

pub(super) fn draft(root: &Path, options: &ImportOptions, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::default();
    let mut survey = Survey::read("odir", root, 1, monitor)?;
    let path = match survey.file(|name| name == "full_df.csv")? {
        Some(path) => {
            // This table was made for the images beside it; the tree has the originals too.
            survey.prefer("preprocessed_images");
            path
        }
        None => {
            survey.prefer("training");
            // A CSV that someone made of the Excel file first, then the later of its versions.
            let rows: [&[&str]; 4] = [
                &["annotations", ".csv"],
                &["annotations", "updated", ".xlsx"],
                &["annotations", ".xlsx"],
                &["data.", ".xlsx"],
            ];
            survey.first(&rows)?.ok_or_else(|| survey.unexpected(LOOKED_FOR))?
        }
    };
    let table = Table::read(&path)?;
    let vocabulary = Vocabulary::new(TERMS, options.labels);
    let patient = table.column(&["ID"])?;
    let file = table.optional(&["filename"]);
    let mut eyes = Vec::new();
    for eye in ["left", "right"] {
        let title = if eye == "left" { "Left" } else { "Right" };
        eyes.push((
            eye,
            table.optional(&[&format!("{title}-Fundus")]),
            table.column(&[&format!("{title}-Diagnostic Keywords")])?,
        ));
    }
    let guess = options.uncertain.unwrap_or(Label::Unknown);
    let mut others = BTreeSet::new();
    for line in table.lines() {
        let id = line.cell(patient);
        let only = file.map(|file| line.cell(file)).filter(|name| !name.is_empty());
        for &(eye, image, keywords) in &eyes {
            let named = image.map(|image| line.cell(image)).filter(|name| !name.is_empty());
            let name = only.or(named).map_or_else(|| format!("{id}_{eye}"), String::from);
            // A row of Kaggle's table is for the one eye that its file name ends in.
            if only.is_some() && !name.to_lowercase().contains(&format!("_{eye}")) {
                continue;
            }
            let Some(image) = survey.claim(&name, &mut draft)? else { continue };
            let read = read_keywords(line.cell(keywords), &vocabulary, guess, &mut others);
            match read {
                Ok(labels) => {
                    let found = Found { image, patient: Some(id.to_string()), ..Found::default() };
                    vocabulary.add(&mut draft, found, &labels);
                }
                Err(reason) => draft.skip(reason),
            }
        }
    }
    if !others.is_empty() {
        draft.notices.push(format!("{} keywords count as another disease, such as `{}`", others.len(), {
            let first: Vec<&str> = others.iter().take(4).map(String::as_str).collect();
            first.join("`, `")
        }));
    }
    draft.notices.push(
        "labels are those of each eye's keywords; the columns N to O are of both eyes together, and were not used"
            .to_string(),
    );
    draft.categories = vocabulary.categories;
    survey.finish(LOOKED_FOR, &mut draft)?;
    Ok(draft)
}

/// The labels of an eye, or why it has none.
fn read_keywords(
    cell: &str,
    vocabulary: &Vocabulary,
    guess: Label,
    others: &mut BTreeSet<String>,
) -> std::result::Result<Vec<Label>, &'static str> {
    let mut labels = vocabulary.absent();
    let mut says_something = false;
    for keyword in cell.split(COMMAS) {
        let keyword = keyword.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        if keyword.is_empty() {
            continue;
        }
        if UNUSABLE.contains(&keyword.as_str()) {
            return Err("their keywords say that the photograph shows no fundus, or not well enough");
        }
        let sure = GUESSES.iter().find_map(|guess| keyword.strip_prefix(guess));
        let term = vocabulary.term(sure.unwrap_or(&keyword)).or_else(|| {
            others.insert(keyword.clone());
            vocabulary.term(OTHER)
        });
        let Some(term) = term else { continue };
        let label = if sure.is_some() { guess } else { Label::Present };
        if labels[term] != Label::Present {
            labels[term] = label;
        }
        says_something = true;
    }
    if says_something { Ok(labels) } else { Err("they have no keywords") }
}
