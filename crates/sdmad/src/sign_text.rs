//! Where a sign's words stand among the categories of its bank.
//!
//! Each sign has a vector: its text embedding, joined with its memberships (1 shared evenly over the categories that it
//! belongs to). The mean vectors of the categories' signs, normal among them, are the anchors; a sign's coordinates are
//! those of the least-squares combination of anchors that comes closest to it. The mean over a category's signs has
//! coordinate 1 on that category and 0 on every other, so with all signs selected a category's score is the bridge's
//! own, whatever the texts say. Words shape only single signs and what selection does with them: as long as the towers
//! share no space, text is a code (docs/method.md, "Signs among category anchors").

use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Result};
use sdmad_encoders::Encoder;
use sdmad_engine::{Cholesky, Matrix64, symmetric_eigen};

use crate::align::WordEmbeddings;
use crate::category_names::{WAYS, name_prompts};
use crate::loss::SignSets;
use crate::{Bank, PromptForm, Sign};

/// Anchors count as linearly dependent when the smallest eigenvalue of their inner products is at most this share of
/// the largest. Rounding leaves about 1e-16 of it.
const DEPENDENT: f64 = 1e-9;

/// What stands for the words of a sign. All but the first are controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextSource {
    /// The bank as it is.
    Signs,
    /// Signs exchanged between categories: each category reads another's.
    Swapped,
    /// Random words in place of every sign.
    Random,
    /// No text at all: memberships alone.
    OneHot,
}

/// Settings of what the text tower reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextSettings {
    /// What stands for the words of a sign.
    pub source: TextSource,
    /// How a sign becomes a prompt.
    pub form: PromptForm,
    /// Seed of the controls.
    pub seed: u64,
    /// Weight of memberships beside text embeddings of length 1, 0.001 to 1,000.
    pub membership: f64,
}

impl Default for TextSettings {
    fn default() -> Self {
        TextSettings { source: TextSource::Signs, form: PromptForm::default(), seed: 0, membership: 0.5 }
    }
}

/// The bank that a run reads under these settings: itself, or the control made of it.
pub(crate) fn effective_bank(bank: &Bank, settings: &TextSettings) -> Bank {
    match settings.source {
        TextSource::Swapped => bank.swapped(settings.seed),
        TextSource::Random => bank.with_random_texts(settings.seed),
        TextSource::Signs | TextSource::OneHot => bank.clone(),
    }
}

/// Which signs belong to normal and to each category, in the order of `categories`.
pub(crate) fn sign_sets(bank: &Bank, categories: &[String]) -> SignSets {
    let sets =
        std::iter::once("normal").chain(categories.iter().map(String::as_str)).map(|c| bank.signs_of(c)).collect();
    SignSets::new(sets, bank.signs.len())
}

/// The prompts of a sign: one, or with a form that names the category one for each of its categories.
pub(crate) fn sign_prompts(bank: &Bank, sign: &Sign, settings: &TextSettings) -> Vec<String> {
    let mut prompts: Vec<String> = sign
        .categories
        .iter()
        .filter_map(|id| bank.category_index(id))
        .map(|c| bank.prompt_for(sign, &bank.categories[c], settings.form))
        .collect();
    prompts.dedup();
    prompts
}

/// Text embeddings of all signs, each of length 1; where a sign has several prompts, of their mean.
/// `[signs][text width]`; empty rows for [`TextSource::OneHot`].
pub(crate) fn sign_embeddings(bank: &Bank, encoder: &Encoder, settings: &TextSettings) -> Vec<Vec<f64>> {
    if settings.source == TextSource::OneHot {
        return vec![Vec::new(); bank.signs.len()];
    }
    let prompts: Vec<Vec<String>> = bank.signs.iter().map(|sign| sign_prompts(bank, sign, settings)).collect();
    let flat: Vec<&String> = prompts.iter().flatten().collect();
    let mut embeddings = encoder.text_tower().embed_all(&flat).into_iter();
    prompts
        .iter()
        .map(|prompts| {
            let mut sum = vec![0.0; encoder.text_tower().embedding_width()];
            for embedding in embeddings.by_ref().take(prompts.len()) {
                sum.iter_mut().zip(&embedding).for_each(|(s, &e)| *s += f64::from(e));
            }
            let length = sum.iter().map(|m| m * m).sum::<f64>().sqrt();
            sum.iter().map(|m| m / length.max(1e-12)).collect()
        })
        .collect()
}

/// What an alignment reads of a bank: a sign's own words, since it knows the kind of image, and names in several prompts.
pub(crate) fn word_embeddings(bank: &Bank, categories: &[String], encoder: &Encoder) -> WordEmbeddings {
    let texts: Vec<&str> = bank.signs.iter().map(|s| s.text.as_str()).collect();
    let prompts = name_prompts(Some(bank), categories).concat();
    let named = encoder.text_tower().embed_all(&prompts);
    WordEmbeddings {
        signs: encoder.text_tower().embed_all(&texts),
        names: named.chunks(WAYS).map(<[Vec<f32>]>::to_vec).collect(),
    }
}

/// The map from text embeddings to coordinates among category anchors.
#[derive(Clone, Debug)]
pub(crate) struct SignSpace {
    /// `[categories + 1][text width + categories + 1]`.
    projection: Vec<Vec<f64>>,
    /// `[signs][categories + 1]`: the membership part of each sign's vector.
    shares: Vec<Vec<f64>>,
    pub(crate) sets: SignSets,
}

impl SignSpace {
    /// From text embeddings (`[signs][width]`, width 0 for none) and memberships.
    ///
    /// # Errors
    /// When the anchors are linearly dependent, as with two categories of the same signs: no score can tell them apart.
    pub(crate) fn new(embeddings: &[Vec<f64>], sets: SignSets, membership: f64) -> Result<Self> {
        let groups = sets.categories() + 1;
        let signs_of = |group: usize| if group == 0 { sets.normal() } else { sets.category(group - 1) };
        // Without text, memberships are all there is.
        let membership = if embeddings.iter().all(Vec::is_empty) { 1.0 } else { membership };
        let shares: Vec<Vec<f64>> = (0..sets.signs())
            .map(|sign| {
                let own: Vec<bool> = (0..groups).map(|g| signs_of(g).contains(&sign)).collect();
                let count = own.iter().filter(|&&o| o).count().max(1) as f64;
                own.iter().map(|&o| if o { membership / count } else { 0.0 }).collect()
            })
            .collect();
        let vectors: Vec<Vec<f64>> =
            embeddings.iter().zip(&shares).map(|(e, s)| e.iter().chain(s).copied().collect()).collect();
        let width = vectors.first().map_or(0, Vec::len);
        let mut anchors = Matrix64::zeros(groups, width);
        for group in 0..groups {
            let signs = signs_of(group);
            for (d, value) in anchors.row_mut(group).iter_mut().enumerate() {
                *value = signs.iter().map(|&s| vectors[s][d]).sum::<f64>() / signs.len() as f64;
            }
        }
        let dependent = || {
            Error::bad_input("two categories of the sign bank have the same signs: no score can tell them apart")
                .with_hint("give each category, and normal, a sign of its own")
        };
        let products = anchors.times_transposed(&anchors);
        // Rounding can leave a singular matrix a tiny pivot, which the factorisation takes for a good one.
        let values = symmetric_eigen(&products)?.values;
        if values.last().zip(values.first()).is_none_or(|(smallest, largest)| *smallest <= DEPENDENT * largest) {
            return Err(dependent());
        }
        let solved = Cholesky::new(products).map_err(|_| dependent())?.solve(&anchors);
        Ok(SignSpace { projection: (0..groups).map(|g| solved.row(g).to_vec()).collect(), shares, sets })
    }

    /// Coordinates of a sign with this text embedding.
    pub(crate) fn coordinates_of(&self, sign: usize, embedding: &[f64]) -> Vec<f64> {
        let vector = || embedding.iter().chain(&self.shares[sign]);
        self.projection.iter().map(|row| row.iter().zip(vector()).map(|(p, x)| p * x).sum()).collect()
    }

    /// The adjoint of [`SignSpace::coordinates_of`] with respect to the embedding, for embeddings of `width`.
    pub(crate) fn coordinates_backward(&self, width: usize, gradient: &[f64]) -> Vec<f64> {
        (0..width).map(|d| self.projection.iter().zip(gradient).map(|(row, g)| row[d] * g).sum()).collect()
    }

    /// The coordinates of every sign.
    pub(crate) fn map(&self, embeddings: &[Vec<f64>]) -> SignMap {
        let coordinates = embeddings.iter().enumerate().map(|(sign, e)| self.coordinates_of(sign, e)).collect();
        SignMap { coordinates, sets: self.sets.clone() }
    }
}

/// Coordinates of every sign among the category anchors.
#[derive(Clone, Debug, PartialEq)]
pub struct SignMap {
    /// `[signs][categories + 1]`, normal first.
    pub coordinates: Vec<Vec<f64>>,
    /// Which signs belong to which category.
    pub sets: SignSets,
}

impl SignMap {
    /// From text embeddings (`[signs][width]`, width 0 for none) and memberships.
    ///
    /// # Errors
    /// When the anchors are linearly dependent, as with two categories of the same signs: no score can tell them apart.
    pub fn new(embeddings: &[Vec<f64>], sets: SignSets, membership: f64) -> Result<Self> {
        Ok(SignSpace::new(embeddings, sets, membership)?.map(embeddings))
    }

    /// a(x, s) of every sign for an image with the bridge's scores: about 1 where the image looks like the sign's
    /// categories, about 0 where it does not, in units of the bridge.
    pub fn similarities(&self, scores: &[f64]) -> Vec<f64> {
        self.coordinates.iter().map(|row| row.iter().zip(scores).map(|(q, u)| q * u).sum()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets() -> SignSets {
        // Sign 3 is shared by both categories.
        SignSets::new(vec![vec![0, 1], vec![2, 3], vec![3, 4]], 5)
    }

    fn embeddings() -> Vec<Vec<f64>> {
        (0..5).map(|s| (0..6).map(|d| ((s * 7 + d * 3) % 5) as f64 / 5.0 + 0.1).collect()).collect()
    }

    #[test]
    fn the_mean_of_a_category_is_the_bridges_score_whatever_the_text() {
        for text in [embeddings(), vec![vec![]; 5]] {
            let map = SignMap::new(&text, sets(), 0.5).unwrap();
            let scores = [0.3, -1.2, 2.0];
            let a = map.similarities(&scores);
            let mean = |signs: &[usize]| signs.iter().map(|&s| a[s]).sum::<f64>() / signs.len() as f64;
            assert!((mean(map.sets.normal()) - 0.3).abs() < 1e-9);
            assert!((mean(map.sets.category(0)) + 1.2).abs() < 1e-9);
            assert!((mean(map.sets.category(1)) - 2.0).abs() < 1e-9);
        }
    }

    #[test]
    fn equal_categories_are_refused() {
        let same = SignSets::new(vec![vec![0], vec![1], vec![1]], 2);
        let error = SignMap::new(&[vec![], vec![]], same, 1.0).unwrap_err();
        assert!(error.to_string().contains("same signs"));
        // With text, and with two anchors among many, rounding hides the dependence as well.
        let same = SignSets::new(vec![vec![0, 1], vec![2, 3, 4], vec![2, 3, 4]], 5);
        assert!(SignMap::new(&embeddings(), same, 0.5).is_err());
    }

    #[test]
    fn a_sign_of_one_category_alone_follows_it() {
        let map = SignMap::new(&vec![vec![]; 3], SignSets::new(vec![vec![0], vec![1], vec![2]], 3), 1.0).unwrap();
        assert_eq!(map.similarities(&[0.0, 1.0, 0.5]), [0.0, 1.0, 0.5]);
    }
}
