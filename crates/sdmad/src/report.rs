//! `report.html`: one page that stands alone, with every image's answers, pictures and maps, for one who has neither the project nor a network.
//!
//! The page (`report/page/`) is markup, style and script; data go into it as JSON, one element for each image, which the script reads only when the image is
//! shown. Images are written as they come, so that a report of many takes little memory, and a report that was stopped can go on.

mod detail;
mod set;

use std::io::{BufRead, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use sdmad_base::{AtomicFile, Error, Result};

pub use detail::ReportImage;
pub use set::report_set;

use crate::Run;

const PAGE: &str = include_str!("report/page/index.html");
const STYLE: &str = include_str!("report/page/style.css");
const SCRIPT: &str = include_str!("report/page/script.js");

/// What stands on every page.
pub(crate) const NOTICE: &str = "Research use only, not a medical device.";

/// What a report is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportKind {
    /// Images whose truth nobody knows.
    Predict,
    /// A labelled set.
    Evaluate,
}

/// What stands on a report beside its images.
#[derive(Clone, Debug)]
pub struct ReportHead {
    /// The title.
    pub title: String,
    /// What it is of.
    pub kind: ReportKind,
    /// Figures of a labelled set ([`report_set`]).
    pub set: Option<Value>,
}

/// Writes a report, whole or not at all. `images` holds the lines of [`ReportImage::line`], one for each image, in their order.
///
/// # Errors
/// When the images cannot be read, or the file cannot be written.
pub fn write_report(path: &Path, run: &Run, head: &ReportHead, images: impl BufRead) -> Result<()> {
    let broken = |e| Error::io("write", path, e);
    let mut out = AtomicFile::create(path)?;
    let (before, after) = page()?;
    write!(out, "{}", before.replacen("<!--TITLE-->", &escaped_text(&head.title), 1)).map_err(broken)?;
    let mut summaries = Vec::new();
    for (number, line) in images.lines().enumerate() {
        let line = line.map_err(|e| Error::io("read the images of", path, e))?;
        let (summary, detail) = line.split_once('\t').ok_or_else(|| unreadable(path, number))?;
        summaries.push(serde_json::from_str::<Value>(summary).map_err(|_| unreadable(path, number))?);
        writeln!(out, "<script type=\"application/json\" id=\"image-{number}\">{detail}</script>").map_err(broken)?;
    }
    let all = head_json(run, head, summaries);
    writeln!(out, "<script type=\"application/json\" id=\"report\">{}</script>", element_text(&all)?)
        .map_err(broken)?;
    write!(out, "{after}").map_err(broken)?;
    out.commit()
}

fn unreadable(path: &Path, number: usize) -> Error {
    Error::bad_input(format!("{}: image {} of the report cannot be read", path.display(), number + 1))
        .with_hint("name another folder with --out: what was kept on the way is damaged")
}

/// The page before and after its data.
fn page() -> Result<(String, String)> {
    let whole = PAGE.replacen("/*STYLE*/", STYLE, 1).replacen("/*SCRIPT*/", SCRIPT, 1);
    let (before, after) = whole
        .split_once("<!--DATA-->")
        .ok_or_else(|| Error::environment("the page of a report has no place for data"))?;
    Ok((before.to_string(), after.to_string()))
}

fn head_json(run: &Run, head: &ReportHead, images: Vec<Value>) -> Value {
    let config = &run.config;
    let coverage = run.model.coverage;
    let bank = run.model.signs.as_ref().map(|s| &s.bank);
    let name_of = |id: &str| {
        bank.and_then(|b| b.categories.iter().find(|c| c.id == id)).map_or(id, |c| c.name.as_str()).to_string()
    };
    let categories: Vec<Value> = config
        .categories
        .iter()
        .zip(&run.model.calibration.categories)
        .map(|(id, calibration)| {
            let why = calibration.no_answer(coverage);
            json!({
                "id": id,
                "name": name_of(id),
                "threshold": calibration.threshold,
                "no_promise": calibration.no_promise,
                "promise": why.unwrap_or_else(|| promise(coverage, calibration.positives, calibration.negatives)),
            })
        })
        .collect();
    let signs: Vec<Value> = bank
        .map(|b| b.signs.iter().map(|s| json!({"id": s.id, "text": s.text, "categories": s.categories})).collect())
        .unwrap_or_default();
    let support: Vec<Value> = run
        .shots
        .iter()
        .enumerate()
        .map(|(number, shot)| {
            let labels: Vec<&String> = shot.shows.iter().filter(|s| *s != crate::NORMAL).collect();
            json!({"image": shot.image, "labels": labels, "thumbnail": run.thumbnail(number).map(|b| detail::data_uri(&b))})
        })
        .collect();
    let mut hashes = vec![json!(["manifest of the shots", config.manifest_sha256])];
    if let Some(encoder) = &config.encoder {
        hashes.push(json!(["image tower", encoder.image_sha256]));
        hashes.push(json!(["its architecture and preprocessing", encoder.image_recipe_sha256]));
        hashes.push(json!(["text tower", encoder.text_sha256]));
    }
    if let Some(bank) = bank {
        hashes.push(json!(["sign bank", bank.sha256()]));
    }
    if let Some(alignment) = &config.alignment {
        hashes.push(json!(["alignment", alignment.sha256]));
    }
    let mut facts = vec![json!(["instruction path of training", config.instructions])];
    if let Some(selection) = config.selection {
        facts.push(json!(["selection", selection]));
    }
    for (id, share) in &run.model.prevalence {
        facts.push(json!([format!("stated share of {id}"), share]));
    }
    if let Some(maps) = config.maps {
        facts.push(json!(["maps", maps]));
    }
    json!({
        "schema": 1,
        "kind": head.kind,
        "title": head.title,
        "notice": NOTICE,
        "model": {
            "method": config.method.name(),
            "encoder": config.encoder.as_ref().map(|e| &e.name),
            "precision": config.encoder.as_ref().map(|e| e.precision.name()),
            "bank": bank.map(|b| &b.name),
            "shots": config.shots,
            "draw": config.draw,
            "coverage": coverage,
            "sdmad": config.sdmad,
            "hashes": hashes,
            "facts": facts,
        },
        "categories": categories,
        "signs": signs,
        "support": support,
        "images": images,
        "maps": run.model.maps.as_ref().map(|_| MAPS),
        "set": head.set,
    })
}

const MAPS: &str = "How much each place looks like a finding, against the places of the normal shots: dark as a normal place does on average, the middle two standard deviations above it, bright far above.";

fn promise(coverage: f64, positives: usize, negatives: usize) -> String {
    let wrong = (1000.0 * (1.0 - coverage)).round() / 10.0;
    format!(
        "Answers of present and absent are meant to be wrong for at most {wrong} in 100 images of either kind, by {positives} shots with it and {negatives} without"
    )
}

/// JSON inside a script element: no `<` may stand in it.
fn element_text(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value)
        .map_err(|e| Error::environment(format!("the report cannot be written as JSON: {e}")))?;
    Ok(text.replace('<', "\\u003c"))
}

fn escaped_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
