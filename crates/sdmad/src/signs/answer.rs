use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::bank::{Bank, Category, NORMAL, Provenance, Sign};
use super::check::{Severity, check};
use super::structure::normalised;

/// An answer longer than this is no bank of signs.
const LONGEST: usize = 1 << 20;
const MOST_SIGNS: usize = 1000;
const LONGEST_ID: usize = 64;
const LONGEST_TEXT: usize = 400;
/// A model is told this many reasons; more would drown them.
const MOST_REASONS: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    signs: Vec<AnswerSign>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerSign {
    id: String,
    text: String,
    categories: Vec<String>,
}

/// What an answer has to look like, as a JSON schema (draft 2020-12, the subset that strict endpoints take).
pub(super) fn answer_schema(categories: &[Category]) -> Value {
    let ids: Vec<&str> = categories.iter().map(|c| c.id.as_str()).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["signs"],
        "properties": {"signs": {"type": "array", "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["id", "text", "categories"],
            "properties": {
                "id": {"type": "string"},
                "text": {"type": "string"},
                "categories": {"type": "array", "items": {"type": "string", "enum": ids}}
            }
        }}}
    })
}

/// An answer that holds a bank.
pub(super) struct Accepted {
    pub(super) bank: Bank,
    /// What `check` would like to see mended; the bank can be used as it is.
    pub(super) warnings: Vec<String>,
}

/// Reads a model's answer as the signs of a bank without provenance.
///
/// # Errors
/// The reasons, worded for the model.
pub(super) fn read_answer(
    text: &str,
    name: &str,
    modality: &str,
    categories: &[Category],
) -> Result<Accepted, Vec<String>> {
    if text.len() > LONGEST {
        return Err(vec![format!("the answer has {} bytes; at most {LONGEST} are read", text.len())]);
    }
    let answer: Answer = serde_json::from_str(json_within(text))
        .map_err(|e| vec![format!("the answer is not JSON of the required schema: {e}")])?;
    if answer.signs.len() > MOST_SIGNS {
        return Err(vec![format!("the answer has {} signs; at most {MOST_SIGNS} are read", answer.signs.len())]);
    }
    let mut reasons = Vec::new();
    for sign in &answer.signs {
        for (what, value, most) in [("id", &sign.id, LONGEST_ID), ("text", &sign.text, LONGEST_TEXT)] {
            if value.chars().count() > most {
                let start: String = value.chars().take(40).collect();
                reasons.push(format!("the {what} `{start}…` is longer than {most} characters"));
            }
        }
    }
    let mut bank = Bank {
        name: name.into(),
        modality: modality.into(),
        provenance: Provenance::default(),
        categories: categories.to_vec(),
        signs: Vec::new(),
    };
    merge(&mut bank.signs, answer.signs);
    let mut warnings = Vec::new();
    for finding in check(&bank, None) {
        match (finding.severity, finding.code) {
            (_, "provenance_missing") => {}
            (Severity::Error, _) => reasons.push(format!("{} ({})", finding.message, finding.hint)),
            (Severity::Warning, _) => warnings.push(format!("{} ({})", finding.message, finding.hint)),
        }
    }
    if reasons.is_empty() {
        return Ok(Accepted { bank, warnings });
    }
    let more = reasons.len().saturating_sub(MOST_REASONS);
    reasons.truncate(MOST_REASONS);
    if more > 0 {
        reasons.push(format!("and {more} more of the kind"));
    }
    Err(reasons)
}

/// One sign that the model wrote once for each category becomes one sign that lists them all.
///
/// Equal texts merge under the first id. Equal ids with different texts stay apart, and the check refuses them.
fn merge(signs: &mut Vec<Sign>, answered: Vec<AnswerSign>) {
    let mut by_text: BTreeMap<String, usize> = BTreeMap::new();
    for sign in answered {
        let words = normalised(&sign.text);
        // Texts without words are for the check to refuse, one by one.
        let first = if words.is_empty() { None } else { by_text.get(&words).copied() };
        match first.and_then(|at| signs.get_mut(at)) {
            Some(first) => {
                for category in sign.categories {
                    if !first.categories.contains(&category) {
                        first.categories.push(category);
                    }
                }
            }
            None => {
                by_text.insert(words, signs.len());
                signs.push(Sign {
                    id: sign.id.trim().into(),
                    text: sign.text.trim().trim_end_matches('.').into(),
                    categories: sign.categories,
                    code: None,
                });
            }
        }
    }
}

/// The JSON inside an answer that may have wrapped it in a code fence or in words.
fn json_within(text: &str) -> &str {
    let text = text.trim();
    if text.starts_with('{') {
        return text;
    }
    match (text.find('{'), text.rfind('}')) {
        (Some(start), Some(end)) if start < end => &text[start..=end],
        _ => text,
    }
}

/// The categories with [`NORMAL`] among them.
pub(super) fn with_normal(categories: &[Category]) -> Vec<Category> {
    let mut all = categories.to_vec();
    if all.iter().all(|c| c.id != NORMAL) {
        all.push(Category { id: NORMAL.into(), name: NORMAL.into() });
    }
    all
}

#[cfg(test)]
pub(crate) mod tests;
