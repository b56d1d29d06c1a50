//! How normal and the categories are named to a text tower.

use crate::{Bank, NORMAL};

/// How a class is named, {} for the name and {m} for the kind of image. The ensemble is CLIP's (Radford et al. 2021).
const TEMPLATES: [&str; WAYS] = ["{}", "{m} showing {}", "{m} of {}", "{m} of a patient with {}"];

/// Prompts for each name.
pub(crate) const WAYS: usize = 4;

/// The names of normal and the categories: the bank's, else their ids in words.
pub(crate) fn names(bank: Option<&Bank>, categories: &[String]) -> Vec<String> {
    std::iter::once(NORMAL)
        .chain(categories.iter().map(String::as_str))
        .map(|id| {
            let known = bank.and_then(|b| b.category_index(id).map(|c| b.categories[c].name.clone()));
            known.unwrap_or_else(|| id.replace('_', " "))
        })
        .collect()
}

/// The kind of image, as prompts say it.
pub(crate) fn modality(bank: Option<&Bank>) -> &str {
    bank.map_or("a medical image", |b| &b.modality)
}

/// For normal and each category, [`WAYS`] prompts with its name.
pub(crate) fn name_prompts(bank: Option<&Bank>, categories: &[String]) -> Vec<Vec<String>> {
    let of = |name: &String| TEMPLATES.iter().map(|t| t.replace("{m}", modality(bank)).replace("{}", name)).collect();
    names(bank, categories).iter().map(of).collect()
}

/// [`WAYS`] prompts of an image that is normal, and of one that is not, whatever it shows.
pub(crate) fn state_prompts(bank: Option<&Bank>) -> [Vec<String>; 2] {
    ["normal findings", "abnormal findings"]
        .map(|state| TEMPLATES.iter().map(|t| t.replace("{m}", modality(bank)).replace("{}", state)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_named_by_the_bank_or_by_their_ids() {
        let categories = vec!["round_mass".to_string()];
        assert_eq!(names(None, &categories), ["normal", "round mass"]);
        assert_eq!(name_prompts(None, &categories)[1][1], "a medical image showing round mass");
        assert_eq!(name_prompts(None, &categories)[1].len(), WAYS);
    }
}
