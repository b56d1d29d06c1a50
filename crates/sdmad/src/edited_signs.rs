//! The effect of other words without training: signs are text, and what reads text is in the encoder and the alignment.

use std::collections::BTreeMap;

use sdmad_base::{Error, Result};
use sdmad_encoders::Encoder;

use crate::align::mean_of;
use crate::sign_text::{sign_embeddings, sign_sets, word_embeddings};
use crate::{Bank, Choice, ChosenAlignment, Model, NORMAL, Run, Sign, SignChoice, SignMap, SignModel, Standard};

/// A change of a run's bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignEdit {
    /// A new sign of a category.
    Added {
        /// Its words.
        text: String,
        /// The category, or normal.
        category: String,
    },
    /// Other words for a sign.
    Reworded {
        /// Id of the sign.
        sign: String,
        /// Its words from now on.
        text: String,
    },
}

/// Id of a sign that was added.
pub const ADDED: &str = "new_sign";

impl SignEdit {
    /// The bank after the edit.
    ///
    /// # Errors
    /// When there is no such category or sign, or the text is empty.
    pub fn apply(&self, bank: &Bank) -> Result<Bank> {
        let mut bank = bank.clone();
        let (SignEdit::Added { text, .. } | SignEdit::Reworded { text, .. }) = self;
        if text.trim().is_empty() {
            return Err(Error::bad_input("the text of the sign is empty: expected what can be seen, in a few words"));
        }
        match self {
            SignEdit::Added { text, category } => {
                if category != NORMAL && !bank.categories.iter().any(|c| c.id == *category) {
                    let known: Vec<&str> = bank.categories.iter().map(|c| c.id.as_str()).collect();
                    return Err(Error::bad_input(format!("the run has no category `{category}`"))
                        .with_hint(format!("expected {NORMAL} or one of {}", known.join(", "))));
                }
                bank.signs.push(Sign {
                    id: ADDED.into(),
                    text: text.clone(),
                    categories: vec![category.clone()],
                    code: None,
                });
            }
            SignEdit::Reworded { sign, text } => {
                let known: Vec<String> = bank.signs.iter().map(|s| s.id.clone()).collect();
                let found = bank.signs.iter_mut().find(|s| s.id == *sign).ok_or_else(|| {
                    Error::bad_input(format!("the run has no sign `{sign}`"))
                        .with_hint(format!("its signs are {}", known.join(", ")))
                })?;
                found.text.clone_from(text);
            }
        }
        Ok(bank)
    }
}

/// The model of a run with other signs: the bridge, its features and the calibration stay, and signs are read anew.
///
/// The run's own bank gives the run's own model, but for a run with adapters in the text tower, which is refused. With
/// another one maps of any anomaly and of categories stay, and signs have none.
///
/// # Errors
/// When the run has no signs or was trained with text adapters, the encoder's text tower is not the run's, or the run reads signs by an alignment and none is given.
pub fn with_signs(run: &Run, bank: Bank, encoder: &Encoder, alignment: Option<&ChosenAlignment>) -> Result<Model> {
    let no_signs = || {
        Error::bad_input(format!("the run {} has no signs that could be changed", run.folder.display()))
            .with_hint("only --method sdmad reads signs")
    };
    let old = run.model.signs.as_ref().ok_or_else(no_signs)?;
    if !run.adapters.text.is_empty() {
        return Err(Error::bad_input(format!("the run {} has trained its text tower", run.folder.display()))
            .with_hint("other words need another training: edit the bank and run `sdmad train`"));
    }
    let settings = &run.config.settings;
    let record = run.config.encoder.as_ref().ok_or_else(no_signs)?;
    if encoder.identity().text_sha256 != record.text_sha256 {
        return Err(Error::bad_input(format!(
            "the text tower of encoder {} has SHA-256 {}; the run was trained with {}",
            record.name,
            encoder.identity().text_sha256,
            record.text_sha256
        ))
        .with_hint("use the encoder that the run was trained with"));
    }
    let embeddings = sign_embeddings(&bank, encoder, &settings.text);
    let map = SignMap::new(&embeddings, sign_sets(&bank, &run.config.categories), settings.text.membership)?;
    let prior = match (&old.prior, alignment, &run.config.alignment) {
        (Some(prior), Some(chosen), Some(known)) => {
            let words = word_embeddings(&bank, &run.config.categories, encoder);
            let mut reading = settings.alignment.clone();
            if prior.names.is_empty() {
                // A run of a format in which words were signs alone.
                (reading.names, reading.finding) = (0.0, 0.0);
            }
            let anew = reading.prior(&chosen.part, &words, &map.sets, known.weight, settings.text.seed);
            Some(if prior.names.is_empty() { anew.in_units_of(prior) } else { anew })
        }
        (Some(_), ..) => {
            let source = run.config.alignment.as_ref().map_or("shipped", |a| a.source.as_str());
            return Err(Error::bad_input(format!(
                "the run {} reads signs by the alignment `{source}`, which is not at hand",
                run.folder.display()
            ))
            .with_hint("put the alignment back where it was, or train the run again"));
        }
        (None, ..) => None,
    };
    let selection = (0..=map.sets.categories())
        .map(|group| {
            let of_group = if group == 0 { map.sets.normal() } else { map.sets.category(group - 1) };
            let known: BTreeMap<&str, &SignChoice> = old
                .selection
                .get(group)
                .into_iter()
                .flatten()
                .map(|choice| (old.bank.signs[choice.sign].id.as_str(), choice))
                .collect();
            let choice = |&sign: &usize| match known.get(bank.signs[sign].id.as_str()) {
                Some(choice) => SignChoice { sign, ..(*choice).clone() },
                None => SignChoice { sign, margin: None, choice: Choice::Kept },
            };
            of_group.iter().map(choice).collect()
        })
        .collect();
    // Only out-of-fold scores select signs.
    let with_folds = !old.selection.is_empty();
    let by_words = match (&prior, alignment) {
        (Some(prior), Some(chosen)) => prior
            .standards(&chosen.part, with_folds, &mean_taught(&map, run))
            .unwrap_or_else(|| prior.spreads.iter().map(|&spread| Standard::of_spread(spread)).collect()),
        _ => vec![Standard::of(&[]); bank.signs.len()],
    };
    let known = |sign: &Sign| old.bank.signs.iter().position(|s| s.id == sign.id && s.text == sign.text);
    let standards = bank
        .signs
        .iter()
        .zip(by_words)
        .map(|(sign, by_words)| known(sign).map_or(by_words, |place| old.standards[place]))
        .collect();
    let maps = run.model.maps.as_ref().map(|maps| if bank == old.bank { maps.clone() } else { maps.without_signs() });
    let signs = SignModel { bank, map, prior, selection, standards, ..old.clone() };
    Ok(Model { signs: Some(signs), maps, ..run.model.clone() })
}

/// What the shots taught of each sign, on average over the shots as the run's bridge reads their kept features: near to what training takes out of fold,
/// which a run does not keep. 0 without a shot.
fn mean_taught(map: &SignMap, run: &Run) -> Vec<f64> {
    let taught: Vec<Vec<f64>> =
        run.support_features.iter().map(|row| map.similarities(&run.model.bridge.scores(row))).collect();
    if taught.is_empty() { vec![0.0; map.sets.signs()] } else { mean_of(&taught) }
}
