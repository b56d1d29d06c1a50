use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::bank::{Bank, Sign};
use super::lexicon::{CODE_SCHEMES, NOT_VISUAL};
use super::structure::{normalised, structural_problems};

/// A text tower: text to embedding, all of one length.
pub type TextEmbedding<'a> = dyn Fn(&str) -> Vec<f32> + 'a;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Must be mended.
    Error,
    /// Should be looked at.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// One thing that [`check()`] found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The sign's id, where it is about a sign.
    pub sign: Option<String>,
    /// The category's id, where it is about a category.
    pub category: Option<String>,
    /// Which lint; one of [`LINTS`].
    pub code: &'static str,
    /// What is wrong, with the value and what was expected.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// A rule of [`check()`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Its name in findings.
    pub code: &'static str,
    /// The severity of its findings.
    pub severity: Severity,
    /// What it finds.
    pub finds: &'static str,
}

/// All lints; docs/signs.md shows the same table.
#[rustfmt::skip]
pub const LINTS: [Lint; 20] = [
    error("duplicate_id", "an id that stands twice"),
    error("duplicate_text", "two signs with the same text, whatever the case, hyphens or article"),
    error("empty_code", "a code with an empty scheme or value"),
    error("empty_text", "a text or name without words"),
    error("code_conflict", "one code with different meanings"),
    error("id_not_snake_case", "an id that is not snake_case"),
    error("repeated_category", "a category that a sign lists twice"),
    error("sign_without_category", "a sign that lists no category"),
    error("too_few_signs", "a category with fewer than 4 signs"),
    error("unknown_category", "a listed category that the bank does not have"),
    error("unused_category", "a category without any sign"),
    warning("class_name", "the id or name of a category inside a text"),
    warning("duplicate_code", "one code on several signs"),
    warning("few_or_many_signs", "a category with fewer than 8 or more than 12 signs"),
    warning("indistinct_categories", "two categories with the same signs"),
    warning("near_duplicate", "two texts that a text tower can hardly tell apart"),
    warning("not_visual", "a word about what no image shows"),
    warning("provenance_missing", "no model, date, prompt (or its sha256) or reviewed_by"),
    warning("too_long", "a text of more than 20 words"),
    warning("unknown_code_scheme", "a code of a terminology that is not known here, or without a meaning"),
];

const fn error(code: &'static str, finds: &'static str) -> Lint {
    Lint { code, severity: Severity::Error, finds }
}

const fn warning(code: &'static str, finds: &'static str) -> Lint {
    Lint { code, severity: Severity::Warning, finds }
}

/// Fewer signs than this cannot be selected from.
const FEWEST: usize = 4;
/// docs/signs.md, "Writing a good bank".
const RECOMMENDED: std::ops::RangeInclusive<usize> = 8..=12;
/// docs/signs.md, "Writing a good bank"; CLIP's text tower ends at 77 tokens as well.
const MOST_WORDS: usize = 20;
/// Cosine of centred embeddings above which two texts say the same; docs/signs.md tells how it was measured.
const NEAR: f64 = 0.70;
/// With fewer texts their mean is no estimate of what all texts share.
const FEWEST_TO_CENTRE: usize = 8;

/// Lists what is wrong with a bank, errors first, otherwise in the bank's order.
///
/// With `text_embedding`, texts that the tower places nearly alike are found too. Raw cosines of sentence
/// embeddings of one domain are all high, so the bank's mean embedding is taken off first.
pub fn check(bank: &Bank, text_embedding: Option<&TextEmbedding<'_>>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = structural_problems(bank).into_iter().map(|(_, finding)| finding).collect();
    let mut report = Report { bank, findings: &mut findings };
    report.counts();
    report.twins();
    for sign in &bank.signs {
        report.wording(sign);
    }
    report.codes();
    report.provenance();
    if let Some(embed) = text_embedding {
        report.near_duplicates(embed);
    }
    findings.sort_by_key(|f| f.severity);
    findings
}

struct Report<'a> {
    bank: &'a Bank,
    findings: &'a mut Vec<Finding>,
}

impl Report<'_> {
    fn add(&mut self, code: &'static str, sign: Option<&str>, category: Option<&str>, message: String, hint: &str) {
        let severity = LINTS.iter().find(|l| l.code == code).map_or(Severity::Error, |l| l.severity);
        let (sign, category) = (sign.map(String::from), category.map(String::from));
        self.findings.push(Finding { severity, sign, category, code, message, hint: hint.into() });
    }

    fn counts(&mut self) {
        for category in &self.bank.categories {
            let n = self.bank.signs_of(&category.id).len();
            let id = category.id.as_str();
            match n {
                0 => {} // `unused_category` says so already
                n if n < FEWEST => self.add(
                    "too_few_signs",
                    None,
                    Some(id),
                    format!(
                        "category `{id}` has {n} sign{}; expected at least {FEWEST}",
                        if n == 1 { "" } else { "s" }
                    ),
                    "write more, or list the category in signs that it shares with others; 8 to 12 work best",
                ),
                n if !RECOMMENDED.contains(&n) => self.add(
                    "few_or_many_signs",
                    None,
                    Some(id),
                    format!("category `{id}` has {n} signs; 8 to 12 are recommended"),
                    if n < *RECOMMENDED.start() {
                        "write more, or list the category in signs that it shares with others"
                    } else {
                        "keep those that are seen most clearly"
                    },
                ),
                _ => {}
            }
        }
    }

    fn twins(&mut self) {
        let mut seen: BTreeMap<Vec<usize>, &str> = BTreeMap::new();
        for category in &self.bank.categories {
            let signs = self.bank.signs_of(&category.id);
            if signs.is_empty() {
                continue;
            }
            if let Some(first) = seen.get(&signs) {
                self.add(
                    "indistinct_categories",
                    None,
                    Some(&category.id),
                    format!("categories `{first}` and `{}` have exactly the same signs", category.id),
                    "give each at least one sign of its own; otherwise nothing can tell them apart",
                );
            } else {
                seen.insert(signs, &category.id);
            }
        }
    }

    fn wording(&mut self, sign: &Sign) {
        let id = Some(sign.id.as_str());
        let length = sign.text.split_whitespace().count();
        if length > MOST_WORDS {
            self.add(
                "too_long",
                id,
                None,
                format!("the text of sign `{}` has {length} words; at most {MOST_WORDS} are read well", sign.id),
                "say one thing in each sign",
            );
        }
        // Spaces on both sides let a phrase be found as whole words only.
        let text = format!(" {} ", normalised(&sign.text));
        for (speaks_of, words) in NOT_VISUAL {
            for word in words.iter().filter(|w| text.contains(&format!(" {w} "))) {
                self.add(
                    "not_visual",
                    id,
                    None,
                    format!("`{word}` in the text of sign `{}` speaks of {speaks_of}", sign.id),
                    "say only what can be seen in the image",
                );
            }
        }
        for category in &self.bank.categories {
            let forms = [normalised(&category.id), normalised(&category.name)];
            let inside = |form: &String| {
                !form.is_empty() && ["", "s", "es"].iter().any(|end| text.contains(&format!(" {form}{end} ")))
            };
            if let Some(form) = forms.iter().find(|f| inside(f)) {
                self.add(
                    "class_name",
                    id,
                    Some(&category.id),
                    format!("the text of sign `{}` names the category `{}` (`{form}`)", sign.id, category.id),
                    "describe what it looks like instead; a class name hides what the sign itself says",
                );
            }
        }
    }

    fn codes(&mut self) {
        let bank = self.bank;
        let mut seen: BTreeMap<(String, String), (&str, String)> = BTreeMap::new();
        for sign in &bank.signs {
            let Some(code) = &sign.code else { continue };
            let id = Some(sign.id.as_str());
            if code.scheme.trim().is_empty() || code.value.trim().is_empty() {
                self.add(
                    "empty_code",
                    id,
                    None,
                    format!("the code of sign `{}` has an empty scheme or value", sign.id),
                    "fill it in from a verified table, or remove it: code is optional",
                );
                continue;
            }
            let plain = |s: &str| s.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_uppercase();
            let scheme = plain(&code.scheme);
            if !CODE_SCHEMES.contains(&scheme.as_str()) || code.meaning.trim().is_empty() {
                self.add(
                    "unknown_code_scheme",
                    id,
                    None,
                    format!(
                        "the code {} {} of sign `{}` has an unknown scheme or no meaning; known: {}",
                        code.scheme,
                        code.value,
                        sign.id,
                        CODE_SCHEMES.join(", ")
                    ),
                    "name a known terminology, and copy the entry's own name into `meaning`",
                );
            }
            let meaning = normalised(&code.meaning);
            match seen.get(&(scheme.clone(), plain(&code.value))) {
                None => {
                    seen.insert((scheme, plain(&code.value)), (&sign.id, meaning));
                }
                Some((first, other)) if *other != meaning => self.add(
                    "code_conflict",
                    id,
                    None,
                    format!("signs `{first}` and `{}` give {} {} different meanings", sign.id, code.scheme, code.value),
                    "look the value up in the terminology's own table",
                ),
                Some((first, _)) => self.add(
                    "duplicate_code",
                    id,
                    None,
                    format!("signs `{first}` and `{}` have the same code {} {}", sign.id, code.scheme, code.value),
                    "if they are one sign, keep one and list the categories of both; otherwise remove a code",
                ),
            }
        }
    }

    fn provenance(&mut self) {
        let p = &self.bank.provenance;
        let empty = |v: &Option<String>| v.as_deref().is_none_or(|v| v.trim().is_empty());
        let missing: Vec<&str> = [
            ("model", empty(&p.model)),
            ("date", empty(&p.date)),
            ("prompt", empty(&p.prompt) && empty(&p.prompt_sha256)),
            ("reviewed_by", empty(&p.reviewed_by)),
        ]
        .into_iter()
        .filter_map(|(key, missing)| missing.then_some(key))
        .collect();
        if !missing.is_empty() {
            self.add(
                "provenance_missing",
                None,
                None,
                format!("[provenance] lacks {}", missing.join(", ")),
                "say who wrote the bank, when, asked what, and who reviewed it (or \"not reviewed by a clinician\")",
            );
        }
    }

    fn near_duplicates(&mut self, embed: &TextEmbedding<'_>) {
        let bank = self.bank;
        let signs: Vec<&Sign> = bank.signs.iter().filter(|s| !normalised(&s.text).is_empty()).collect();
        if signs.len() < FEWEST_TO_CENTRE {
            return;
        }
        let embeddings: Vec<Vec<f32>> = signs.iter().map(|s| embed(&s.text)).collect();
        let centred = centred_units(&embeddings);
        for j in 1..centred.len() {
            for i in 0..j {
                let cosine: f64 = centred[i].iter().zip(&centred[j]).map(|(a, b)| a * b).sum();
                // Equal texts are `duplicate_text` already.
                if cosine > NEAR && normalised(&signs[i].text) != normalised(&signs[j].text) {
                    self.add(
                        "near_duplicate",
                        Some(&signs[j].id),
                        None,
                        format!(
                            "signs `{}` and `{}` say nearly the same (centred cosine {cosine:.2} > {NEAR}): `{}` / `{}`",
                            signs[i].id, signs[j].id, signs[i].text, signs[j].text
                        ),
                        "keep one and list the categories of both, or word what sets them apart",
                    );
                }
            }
        }
    }
}

/// Unit vectors in f64 after the mean of all is taken off; a vector at the mean stays zero.
fn centred_units(embeddings: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let width = embeddings.iter().map(Vec::len).min().unwrap_or(0);
    let mut mean = vec![0.0; width];
    for embedding in embeddings {
        for (m, &x) in mean.iter_mut().zip(embedding) {
            *m += f64::from(x) / embeddings.len() as f64;
        }
    }
    let unit = |embedding: &Vec<f32>| {
        let moved: Vec<f64> = embedding.iter().zip(&mean).map(|(&x, m)| f64::from(x) - m).collect();
        let norm = moved.iter().map(|x| x * x).sum::<f64>().sqrt();
        moved.into_iter().map(|x| if norm > 0.0 { x / norm } else { 0.0 }).collect()
    };
    embeddings.iter().map(unit).collect()
}

#[cfg(test)]
mod tests;
