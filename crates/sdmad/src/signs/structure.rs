use std::collections::{BTreeMap, BTreeSet};

use super::bank::{Bank, NORMAL, is_snake_case};
use super::check::{Finding, Severity};

/// What of a bank a problem is about, by its place in the bank's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Bank,
    Category(usize),
    Sign(usize),
}

/// What makes a bank unusable; the reader refuses the first of these, `check` lists them all.
pub(super) fn structural_problems(bank: &Bank) -> Vec<(Place, Finding)> {
    let mut problems = Problems { bank, found: Vec::new() };
    problems.header();
    problems.categories();
    problems.signs();
    problems.empty_categories();
    problems.found
}

struct Problems<'a> {
    bank: &'a Bank,
    found: Vec<(Place, Finding)>,
}

impl Problems<'_> {
    fn add(&mut self, place: Place, code: &'static str, message: String, hint: &str) {
        let (mut sign, mut category) = (None, None);
        match place {
            Place::Bank => {}
            Place::Category(i) => category = Some(self.bank.categories[i].id.clone()),
            Place::Sign(i) => sign = Some(self.bank.signs[i].id.clone()),
        }
        let finding = Finding { severity: Severity::Error, sign, category, code, message, hint: hint.into() };
        self.found.push((place, finding));
    }

    fn header(&mut self) {
        for (key, value) in [("name", &self.bank.name), ("modality", &self.bank.modality)] {
            if value.trim().is_empty() {
                self.add(
                    Place::Bank,
                    "empty_text",
                    format!("`{key}` is empty; expected some words"),
                    "for example modality = \"a breast ultrasound image\"",
                );
            }
        }
    }

    fn categories(&mut self) {
        let mut seen = BTreeSet::new();
        for (i, category) in self.bank.categories.iter().enumerate() {
            self.id(Place::Category(i), "category", &category.id, !seen.insert(&category.id));
            if category.name.trim().is_empty() {
                self.add(
                    Place::Category(i),
                    "empty_text",
                    format!("category `{}` has an empty name; expected some words", category.id),
                    "name it as a report would: name = \"malignant breast mass\"",
                );
            }
        }
    }

    fn id(&mut self, place: Place, what: &str, id: &str, again: bool) {
        if !is_snake_case(id) {
            self.add(
                place,
                "id_not_snake_case",
                format!(
                    "{what} id `{id}` is not snake_case; expected lower-case letters, digits and single underscores"
                ),
                "for example id = \"posterior_shadowing\"",
            );
        }
        if again {
            self.add(
                place,
                "duplicate_id",
                format!("{what} id `{id}` stands twice; expected each id once"),
                "a shared sign is one [[sign]] whose `categories` lists several; otherwise choose another id",
            );
        }
    }

    fn signs(&mut self) {
        let bank = self.bank;
        let known: Vec<&str> = bank.categories.iter().map(|c| c.id.as_str()).collect();
        let mut seen = BTreeSet::new();
        let mut texts: BTreeMap<String, usize> = BTreeMap::new();
        for (i, sign) in bank.signs.iter().enumerate() {
            let place = Place::Sign(i);
            self.id(place, "sign", &sign.id, !seen.insert(&sign.id));
            let words = normalised(&sign.text);
            if words.is_empty() {
                self.add(
                    place,
                    "empty_text",
                    format!("sign `{}` has no text; expected a short noun phrase", sign.id),
                    "say what is seen: text = \"dark acoustic shadow behind the mass\"",
                );
            } else if let Some(&first) = texts.get(&words) {
                self.add(
                    place,
                    "duplicate_text",
                    format!("signs `{}` and `{}` have the same text `{}`", bank.signs[first].id, sign.id, sign.text),
                    "keep one of them, and list the categories of both in it",
                );
            } else {
                texts.insert(words, i);
            }
            if sign.categories.is_empty() {
                self.add(
                    place,
                    "sign_without_category",
                    format!("sign `{}` lists no category; expected at least one of: {}", sign.id, known.join(", ")),
                    "list the categories that show it, or remove the sign",
                );
            }
            let mut listed = BTreeSet::new();
            for category in &sign.categories {
                if !known.contains(&category.as_str()) {
                    self.add(
                        place,
                        "unknown_category",
                        format!(
                            "sign `{}` lists the unknown category `{category}`; expected: {}",
                            sign.id,
                            known.join(", ")
                        ),
                        "mend the id, or add a [[category]] for it",
                    );
                }
                if !listed.insert(category) {
                    self.add(
                        place,
                        "repeated_category",
                        format!("sign `{}` lists the category `{category}` twice", sign.id),
                        "list it once",
                    );
                }
            }
        }
    }

    fn empty_categories(&mut self) {
        if self.bank.categories.iter().all(|c| c.id == NORMAL) {
            self.add(
                Place::Bank,
                "unused_category",
                "the bank has no category besides `normal`; expected at least one".into(),
                "add a [[category]] with id and name, and its signs",
            );
        }
        if self.bank.category_index(NORMAL).is_none() {
            self.add(
                Place::Bank,
                "unused_category",
                "no sign lists `normal`; expected signs of an image without findings".into(),
                "add signs with categories = [\"normal\"], such as \"uninterrupted tissue layers\"",
            );
        }
        for (i, category) in self.bank.categories.iter().enumerate() {
            if self.bank.signs_of(&category.id).is_empty() {
                self.add(
                    Place::Category(i),
                    "unused_category",
                    format!("category `{}` has no sign; expected at least one", category.id),
                    "write signs for it (8 to 12 work best), or remove the category",
                );
            }
        }
    }
}

/// Words in lower case without punctuation, hyphens, accents' case or a leading article: equal texts, equal strings.
pub(super) fn normalised(text: &str) -> String {
    let lower = text.to_lowercase();
    let mut words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    if words.len() > 1 && matches!(words[0], "a" | "an" | "the") {
        words.remove(0);
    }
    words.join(" ")
}
