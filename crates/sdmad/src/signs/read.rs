use std::fs;
use std::path::Path;

use sdmad_base::{Error, Result};
use serde::Deserialize;
use toml::Spanned;

use super::bank::{Bank, Category, Code, NORMAL, Provenance, Sign};
use super::check::Finding;
use super::shipped::{shipped_names, shipped_text};
use super::structure::{Place, structural_problems};

/// A bank is a page or two of text; what is longer is another file.
const LONGEST: u64 = 4 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBank {
    #[serde(rename = "schema")]
    _schema: i64,
    name: String,
    modality: String,
    #[serde(default)]
    provenance: RawProvenance,
    #[serde(default)]
    category: Vec<Spanned<RawCategory>>,
    #[serde(default)]
    sign: Vec<Spanned<RawSign>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawProvenance {
    model: Option<String>,
    date: Option<RawDate>,
    prompt: Option<String>,
    prompt_sha256: Option<String>,
    transcript_sha256: Option<String>,
    reviewed_by: Option<String>,
    note: Option<String>,
}

/// A date is easily written without quotes, and is then TOML's own kind of value.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawDate {
    Text(String),
    Date(toml::value::Datetime),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCategory {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSign {
    id: String,
    text: String,
    categories: Vec<String>,
    code: Option<RawCode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCode {
    scheme: String,
    value: String,
    #[serde(default)]
    meaning: String,
}

/// Where the categories and signs of a file begin, as line numbers from 1.
struct Lines {
    categories: Vec<usize>,
    signs: Vec<usize>,
}

impl Bank {
    /// Reads a bank from a file.
    ///
    /// # Errors
    /// Names the file, the line and what was expected.
    pub fn read(path: &Path) -> Result<Bank> {
        Bank::parse(&text_of(path)?, &path.display().to_string())
    }

    /// Reads a bank from text; `place` names it in errors.
    ///
    /// # Errors
    /// A syntax error, an unknown key, another schema, an empty category (`normal` too), a repeated or badly formed
    /// id, an empty text, a sign of an unknown category: each names the place, the line and what was expected.
    pub fn parse(text: &str, place: &str) -> Result<Bank> {
        let (bank, lines) = parse_lines(text, place)?;
        match structural_problems(&bank).first() {
            None => Ok(bank),
            Some((where_, finding)) => Err(refusal(place, *where_, finding, &lines)),
        }
    }

    /// Reads the file's shape only, so that [`check`](super::check()) can list all that is wrong with the content.
    ///
    /// # Errors
    /// A syntax error, an unknown or missing key, another schema.
    pub fn parse_unchecked(text: &str, place: &str) -> Result<Bank> {
        parse_lines(text, place).map(|(bank, _)| bank)
    }

    /// A shipped bank by its name.
    pub fn shipped(name: &str) -> Option<Bank> {
        // That every shipped bank can be read is a test's business; a broken one would be no bank.
        shipped_text(name).and_then(|text| Bank::parse(text, name).ok())
    }

    /// The bank that `--signs` means: a file's path, or the name of a shipped bank.
    ///
    /// # Errors
    /// As [`Bank::read`]; a name that is neither file nor shipped bank is answered with the names there are.
    pub fn open(spec: &str) -> Result<Bank> {
        let (text, place) = source(spec)?;
        Bank::parse(&text, &place)
    }

    /// As [`Bank::open`], with the leniency of [`Bank::parse_unchecked`].
    ///
    /// # Errors
    /// As [`Bank::open`], without the content's own errors.
    pub fn open_unchecked(spec: &str) -> Result<Bank> {
        let (text, place) = source(spec)?;
        Bank::parse_unchecked(&text, &place)
    }
}

/// A shipped name goes first: a stray file of the same name without ending must not change what it means.
fn source(spec: &str) -> Result<(String, String)> {
    if let Some(text) = shipped_text(spec) {
        return Ok((text.to_string(), format!("shipped bank {spec}")));
    }
    let path = Path::new(spec);
    let looks_like_a_name = !spec.contains(['/', '\\', '.']);
    if looks_like_a_name && !path.exists() {
        return Err(Error::bad_input(format!("`{spec}` is neither a shipped bank nor a file"))
            .with_hint(format!("name a bank.toml, or one of the shipped banks: {}", shipped_names().join(", "))));
    }
    Ok((text_of(path)?, spec.to_string()))
}

fn text_of(path: &Path) -> Result<String> {
    let length = fs::metadata(path).map_err(|e| Error::io("read", path, e))?.len();
    if length > LONGEST {
        return Err(Error::bad_input(format!(
            "{} has {length} bytes; a bank of signs has at most {LONGEST}",
            path.display()
        ))
        .with_hint("name a bank.toml"));
    }
    sdmad_base::read_to_string(path)
}

fn parse_lines(text: &str, place: &str) -> Result<(Bank, Lines)> {
    let line_at = |byte: usize| 1 + text.bytes().take(byte).filter(|&b| b == b'\n').count();
    let syntax = |e: toml::de::Error| {
        let line = e.span().map_or(1, |span| line_at(span.start));
        Error::bad_input(format!("{place}, line {line}: {}", e.message().trim_end().replace('\n', "; ")))
            .with_hint("docs/signs.md lists the keys of a bank")
    };
    // The schema number goes first: a newer file's keys are not mistakes.
    let table: toml::Table = text.parse().map_err(syntax)?;
    match table.get("schema") {
        Some(toml::Value::Integer(Bank::SCHEMA)) => {}
        Some(other) => {
            return Err(Error::bad_input(format!("{place}: schema = {other} is unknown; expected {}", Bank::SCHEMA))
                .with_hint("the bank may have been written by a newer sdmad; update sdmad"));
        }
        None => {
            return Err(Error::bad_input(format!("{place}: no `schema`; expected `schema = {}`", Bank::SCHEMA))
                .with_hint("is this a bank of signs? docs/signs.md shows one"));
        }
    }
    let raw: RawBank = toml::from_str(text).map_err(syntax)?;
    let lines = Lines {
        categories: raw.category.iter().map(|c| line_at(c.span().start)).collect(),
        signs: raw.sign.iter().map(|s| line_at(s.span().start)).collect(),
    };
    Ok((Bank::from(raw), lines))
}

fn refusal(place: &str, where_: Place, finding: &Finding, lines: &Lines) -> Error {
    let line = match where_ {
        Place::Bank => None,
        Place::Category(i) => lines.categories.get(i),
        Place::Sign(i) => lines.signs.get(i),
    };
    let place = line.map_or(place.to_string(), |line| format!("{place}, line {line}"));
    Error::bad_input(format!("{place}: {}", finding.message)).with_hint(finding.hint.clone())
}

impl From<RawBank> for Bank {
    fn from(raw: RawBank) -> Bank {
        let mut categories: Vec<Category> = raw
            .category
            .into_iter()
            .map(|c| c.into_inner())
            .map(|RawCategory { id, name }| Category { id, name })
            .collect();
        let signs: Vec<Sign> = raw
            .sign
            .into_iter()
            .map(|s| s.into_inner())
            .map(|RawSign { id, text, categories, code }| Sign { id, text, categories, code: code.map(Code::from) })
            .collect();
        // `normal` needs signs in every bank, but its own [[category]] says nothing new.
        if categories.iter().all(|c| c.id != NORMAL) && signs.iter().any(|s| s.categories.iter().any(|c| c == NORMAL)) {
            categories.push(Category { id: NORMAL.into(), name: NORMAL.into() });
        }
        Bank { name: raw.name, modality: raw.modality, provenance: raw.provenance.into(), categories, signs }
    }
}

impl From<RawCode> for Code {
    fn from(RawCode { scheme, value, meaning }: RawCode) -> Code {
        Code { scheme, value, meaning }
    }
}

impl From<RawProvenance> for Provenance {
    fn from(raw: RawProvenance) -> Provenance {
        let date = raw.date.map(|d| match d {
            RawDate::Text(text) => text,
            RawDate::Date(date) => date.to_string(),
        });
        Provenance {
            model: raw.model,
            date,
            prompt: raw.prompt,
            prompt_sha256: raw.prompt_sha256,
            transcript_sha256: raw.transcript_sha256,
            reviewed_by: raw.reviewed_by,
            note: raw.note,
        }
    }
}

#[cfg(test)]
mod tests;
