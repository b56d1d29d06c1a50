use std::collections::BTreeSet;

use sdmad_base::{Error, Result};

/// The id of the category that every bank has: an image without any finding.
pub const NORMAL: &str = "normal";

/// Signs for every category of one kind of image: the content of a `bank.toml`.
///
/// Signs and categories are many-to-many, because different anomalies share signs. A bank that was read
/// without complaint has at least one category besides [`NORMAL`], a sign for each, unique snake_case ids and no
/// dangling reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Bank {
    /// What the bank is called, for reports.
    pub name: String,
    /// What every image is, as a noun phrase that a prompt can begin with: `"a breast ultrasound image"`.
    pub modality: String,
    /// Where the signs come from.
    pub provenance: Provenance,
    /// The categories in the file's order; [`NORMAL`] is one of them.
    pub categories: Vec<Category>,
    /// The signs in the file's order.
    pub signs: Vec<Sign>,
}

/// What an image may show, or [`NORMAL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// snake_case; the name of the manifest's column.
    pub id: String,
    /// The name in plain words: `"malignant breast mass"`.
    pub name: String,
}

/// One visual sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// snake_case; the name of the sign truth's column.
    pub id: String,
    /// A short, purely visual noun phrase.
    pub text: String,
    /// Ids of the categories that show it; more than one for a shared sign.
    pub categories: Vec<String>,
    /// Its entry in a terminology, taken from a verified table.
    pub code: Option<Code>,
}

/// A sign's entry in a terminology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The terminology: `"RADLEX"`.
    pub scheme: String,
    /// The entry's identifier there.
    pub value: String,
    /// The entry's own name there.
    pub meaning: String,
}

/// Who wrote a bank, when, asked what, and who read it. What is not known is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The language model, or the person, that wrote the signs.
    pub model: Option<String>,
    /// The day of writing, `YYYY-MM-DD`.
    pub date: Option<String>,
    /// What the writer was asked.
    pub prompt: Option<String>,
    /// SHA-256 of what the writer was asked, when the text itself is kept elsewhere.
    pub prompt_sha256: Option<String>,
    /// SHA-256 of the transcript file beside a drafted bank.
    pub transcript_sha256: Option<String>,
    /// A clinician's name, or `"not reviewed by a clinician"`.
    pub reviewed_by: Option<String>,
    /// Anything that a reader of the bank should know.
    pub note: Option<String>,
}

/// How a sign is said to a text tower (docs/signs.md, "The file").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptForm {
    /// `{modality} showing {sign}`.
    #[default]
    ModalityShowing,
    /// `{sign}, indicating {category}`: names the class, which hides what the sign itself says.
    IndicatingCategory,
}

impl Bank {
    /// The schema number that this version reads and writes.
    pub const SCHEMA: i64 = 1;

    /// The default prompt of a sign: `{modality} showing {sign}`.
    pub fn prompt(&self, sign: &Sign) -> String {
        format!("{} showing {}", self.modality, sign.text)
    }

    /// The prompt of a sign in `form`, said for one of its categories.
    ///
    /// A shared sign has one [`PromptForm::IndicatingCategory`] prompt for each of its categories.
    pub fn prompt_for(&self, sign: &Sign, category: &Category, form: PromptForm) -> String {
        match form {
            PromptForm::ModalityShowing => self.prompt(sign),
            PromptForm::IndicatingCategory => format!("{}, indicating {}", sign.text, category.name),
        }
    }

    /// The place of a category in [`Bank::categories`].
    pub fn category_index(&self, id: &str) -> Option<usize> {
        self.categories.iter().position(|c| c.id == id)
    }

    /// The place of a sign in [`Bank::signs`].
    pub fn sign_index(&self, id: &str) -> Option<usize> {
        self.signs.iter().position(|s| s.id == id)
    }

    /// The places in [`Bank::signs`] of the signs of a category, in the file's order.
    pub fn signs_of(&self, category: &str) -> Vec<usize> {
        let lists = |s: &Sign| s.categories.iter().any(|c| c == category);
        (0..self.signs.len()).filter(|&i| lists(&self.signs[i])).collect()
    }

    /// The sign x category relation, `[signs][categories]`: true where the sign speaks for the category.
    pub fn relation(&self) -> Vec<Vec<bool>> {
        let row = |s: &Sign| self.categories.iter().map(|c| s.categories.contains(&c.id)).collect();
        self.signs.iter().map(row).collect()
    }

    /// The bank as a manifest with the columns `categories` can use it, and what the user should be told.
    ///
    /// The result's categories stand in the manifest's order, and then [`NORMAL`]. Categories that the manifest
    /// lacks are left out with a notice; so are signs that belong to none of the rest.
    ///
    /// # Errors
    /// Names the manifest's categories that the bank lacks.
    pub fn restricted_to(&self, categories: &[String]) -> Result<(Bank, Vec<String>)> {
        let wanted: Vec<&str> = categories.iter().map(String::as_str).filter(|&c| c != NORMAL).collect();
        let missing: Vec<String> =
            wanted.iter().filter(|c| self.category_index(c).is_none()).map(|c| format!("`{c}`")).collect();
        if !missing.is_empty() {
            let known: Vec<&str> = self.categories.iter().map(|c| c.id.as_str()).collect();
            return Err(Error::bad_input(format!(
                "the bank `{}` lacks {} of the manifest: {}; it has: {}",
                self.name,
                if missing.len() == 1 { "a category" } else { "categories" },
                missing.join(", "),
                known.join(", ")
            ))
            .with_hint("name a bank with all categories of the manifest, or add the category and its signs to a copy of this bank"));
        }
        if wanted.is_empty() {
            return Err(Error::bad_input("the manifest has no category column besides `normal`")
                .with_hint("give the manifest one column for each finding"));
        }
        let order: Vec<&str> = wanted.iter().copied().chain([NORMAL]).collect();
        let kept: BTreeSet<&str> = order.iter().copied().collect();
        let mut bank = Bank { categories: Vec::new(), signs: Vec::new(), ..self.clone() };
        let mut placed = BTreeSet::new();
        for id in order {
            if placed.insert(id) {
                bank.categories.extend(self.categories.iter().find(|c| c.id == id).cloned());
            }
        }
        for sign in &self.signs {
            let categories: Vec<String> =
                sign.categories.iter().filter(|c| kept.contains(c.as_str())).cloned().collect();
            if !categories.is_empty() {
                bank.signs.push(Sign { categories, ..sign.clone() });
            }
        }
        let mut notices = Vec::new();
        let left_out: Vec<&str> = self.categories.iter().map(|c| c.id.as_str()).filter(|c| !kept.contains(c)).collect();
        if !left_out.is_empty() {
            notices.push(format!(
                "bank `{}`: the manifest lacks {}; left out, and {} of {} signs with them",
                self.name,
                left_out.join(", "),
                self.signs.len() - bank.signs.len(),
                self.signs.len()
            ));
        }
        Ok((bank, notices))
    }
}

/// True for `posterior_shadowing`, `covid19`: a lower-case letter, then letters, digits and single underscores.
pub(crate) fn is_snake_case(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !id.ends_with('_')
        && !id.contains("__")
}
