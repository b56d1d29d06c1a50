use std::path::Path;

use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Result};

use crate::train::RUN_FORMAT;
use crate::{Bank, Choice, NORMAL, SelectionMode, SignChoice, SignModel, Standard, SupportSelection};

/// The content of `selection.json`: D of every sign and category, kept or dropped and why; and each sign's mean and
/// spread over the support set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SelectionFile {
    format: u32,
    mode: SelectionMode,
    categories: Vec<CategoryEntry>,
    signs: Vec<SignEntry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CategoryEntry {
    id: String,
    signs: Vec<ChoiceEntry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChoiceEntry {
    id: String,
    /// D(s, c); null where the support set cannot tell it.
    margin: Option<f64>,
    choice: Choice,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignEntry {
    id: String,
    standard: Standard,
}

impl SelectionFile {
    pub(super) fn of(signs: &SignModel, categories: &[String]) -> Self {
        let id = |sign: usize| signs.bank.signs[sign].id.clone();
        let entry = |(category, choices): (&str, &Vec<SignChoice>)| CategoryEntry {
            id: category.to_string(),
            signs: choices.iter().map(|c| ChoiceEntry { id: id(c.sign), margin: c.margin, choice: c.choice }).collect(),
        };
        let ids = std::iter::once(NORMAL).chain(categories.iter().map(String::as_str));
        SelectionFile {
            format: RUN_FORMAT,
            mode: signs.mode,
            categories: ids.zip(&signs.selection).map(entry).collect(),
            signs: signs.standards.iter().enumerate().map(|(s, &standard)| SignEntry { id: id(s), standard }).collect(),
        }
    }

    pub(super) fn resolve(
        self,
        bank: &Bank,
        categories: &[String],
        path: &Path,
    ) -> Result<(SupportSelection, Vec<Standard>)> {
        let unknown = |id: &str| Error::bad_input(format!("{}: sign `{id}` is not in signs.toml", path.display()));
        let mut selection = Vec::new();
        for (entry, expected) in
            self.categories.iter().zip(std::iter::once(NORMAL).chain(categories.iter().map(String::as_str)))
        {
            if entry.id != expected {
                return Err(Error::bad_input(format!(
                    "{}: category `{}`; expected `{expected}`",
                    path.display(),
                    entry.id
                )));
            }
            let mut choices = Vec::new();
            for c in &entry.signs {
                let sign = bank.sign_index(&c.id).ok_or_else(|| unknown(&c.id))?;
                if !bank.signs[sign].categories.iter().any(|c| c == expected) {
                    return Err(Error::bad_input(format!(
                        "{}: sign `{}` is not one of `{expected}` in signs.toml",
                        path.display(),
                        c.id
                    )));
                }
                choices.push(SignChoice { sign, margin: c.margin, choice: c.choice });
            }
            if choices.iter().all(|c| !c.choice.kept()) {
                return Err(Error::bad_input(format!(
                    "{}: `{expected}` keeps no sign; expected at least one",
                    path.display()
                )));
            }
            selection.push(choices);
        }
        if !selection.is_empty() && selection.len() != categories.len() + 1 {
            return Err(Error::bad_input(format!(
                "{}: {} categories; expected normal and {}",
                path.display(),
                selection.len(),
                categories.len()
            )));
        }
        if self.signs.len() != bank.signs.len() {
            return Err(Error::bad_input(format!(
                "{}: mean and spread of {} signs; signs.toml has {}",
                path.display(),
                self.signs.len(),
                bank.signs.len()
            )));
        }
        let mut standards = vec![Standard::of(&[]); bank.signs.len()];
        for entry in &self.signs {
            standards[bank.sign_index(&entry.id).ok_or_else(|| unknown(&entry.id))?] = entry.standard;
        }
        Ok((selection, standards))
    }
}
