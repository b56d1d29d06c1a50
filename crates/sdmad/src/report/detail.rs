use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use sdmad_base::{Error, Result};
use sdmad_imaging::{encode_jpeg, shrink_to};

use super::element_text;
use crate::{Label, Looked, Run};

/// Longest side of a picture on the page.
const LONGEST: usize = 512;
/// JPEG quality of a picture on the page.
const QUALITY: u8 = 82;

/// An image of a report: what stands in the list, and what is shown when it is chosen.
#[derive(Clone, Debug)]
pub struct ReportImage {
    summary: Value,
    detail: Value,
}

impl ReportImage {
    /// An image that was looked at; `truth` has a label for each category where it is known.
    ///
    /// # Errors
    /// When its picture cannot be written as JPEG.
    pub fn answered(run: &Run, name: &str, looked: &Looked, truth: Option<&[Label]>) -> Result<Self> {
        let answers = looked.answers(run);
        let probabilities: Vec<f64> = answers.iter().map(|a| a.probability).collect();
        let known = |label: &Label| match label {
            Label::Present => json!(1),
            Label::Absent => json!(0),
            Label::Unknown => Value::Null,
        };
        let error = |(label, p): (&Label, &f64)| match label {
            Label::Present => 1.0 - p,
            Label::Absent => *p,
            Label::Unknown => 0.0,
        };
        let summary = json!({
            "name": name,
            "error": null,
            "p": probabilities.iter().map(|p| rounded(*p)).collect::<Vec<_>>(),
            "d": answers.iter().map(|a| a.decision).collect::<Vec<_>>(),
            "normal": rounded(looked.scores.normal_probability),
            "warnings": looked.warnings.len(),
            "truth": truth.map(|t| t.iter().map(known).collect::<Vec<_>>()),
            "error_size": truth.map(|t| rounded(t.iter().zip(&probabilities).map(error).fold(0.0, f64::max))),
        });
        let picture = encode_jpeg(&shrink_to(&looked.picture, LONGEST), QUALITY)?;
        let (width, height) = (looked.picture.width() as f64, looked.picture.height() as f64);
        let maps = looked.maps.as_ref();
        let signs = run.model.signs.as_ref();
        let categories: Vec<Value> = answers
            .iter()
            .enumerate()
            .map(|(c, answer)| {
                let of_category = signs.map_or(&[][..], |s| s.map.sets.category(c));
                let signs: Vec<Value> = answer
                    .signs
                    .iter()
                    .zip(of_category)
                    .map(|(sign, &number)| {
                        json!({
                            "sign": number,
                            "similarity": rounded(sign.similarity),
                            "probability": rounded(sign.probability),
                            "standardised": rounded(sign.standardised),
                            "selected": sign.selected,
                            "why_not": sign.why_not,
                            "map": maps.and_then(|m| m.signs.get(number)).map(|m| bytes_of(m)),
                        })
                    })
                    .collect();
                json!({
                    "probability": rounded(answer.probability),
                    "interval": answer.interval.map(|i| i.map(rounded)),
                    "decision": answer.decision,
                    "threshold": rounded(answer.threshold),
                    "beside_signs": rounded(answer.beside_signs),
                    "map": maps.and_then(|m| m.categories.get(c)).map(|m| bytes_of(m)),
                    "signs": signs,
                })
            })
            .collect();
        let nearest: Vec<Value> =
            looked.nearest.iter().map(|n| json!({"support": n.shot, "similarity": rounded(n.similarity)})).collect();
        let detail = json!({
            "picture": data_uri(&picture),
            "width": width,
            "height": height,
            "grid": maps.map(|m| [m.grid.0, m.grid.1]),
            "seen": maps.map_or([0.0, 0.0, 1.0, 1.0], |m| {
                let [left, top, w, h] = m.seen;
                [left / width, top / height, w / width, h / height].map(rounded)
            }),
            "any_map": maps.map(|m| bytes_of(&m.any)),
            "categories": categories,
            "warnings": looked.warnings,
            "nearest": nearest,
        });
        Ok(ReportImage { summary, detail })
    }

    /// An image that could not be read.
    pub fn failed(name: &str, error: &str, categories: usize) -> Self {
        let summary = json!({
            "name": name,
            "error": error,
            "p": vec![Value::Null; categories],
            "d": vec!["uncertain"; categories],
            "normal": null,
            "warnings": 0,
            "truth": null,
            "error_size": null,
        });
        ReportImage { summary, detail: Value::Null }
    }

    /// As one line: what stands in the list, a tab, and what is shown.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn line(&self) -> Result<String> {
        let summary = serde_json::to_string(&self.summary)
            .map_err(|e| Error::environment(format!("the report cannot be written as JSON: {e}")))?;
        Ok(format!("{summary}\t{}", element_text(&self.detail)?))
    }
}

pub(super) fn data_uri(jpeg: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(jpeg))
}

/// A map as bytes, 0 to 255, in base 64.
fn bytes_of(map: &[f32]) -> String {
    let bytes: Vec<u8> = map.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
    BASE64_STANDARD.encode(bytes)
}

/// Four digits: more would be read by nobody and make a large page larger.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
