//! A trained model as pure data, and what it says of one image. Nothing here reads a file or another image.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Result};

use crate::baseline::{Baseline, log_sum_exp};
use crate::calibration::logistic;
use crate::features::ImageReader;
use crate::loss::SignSets;
use crate::select::{SelectionMode, SelectionSettings, kept_sets, most_certain_half, without_outliers};
use crate::sign_text::SignMap;
use crate::{Bank, Bridge, Calibration, NORMAL, Outputs, PatchMaps, SignPrior, Standard, SupportSelection};

/// How a run scores images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Sign-driven few-shot multi-anomaly detection.
    Sdmad,
    /// Class-balanced logistic regression on the same features of the same shots, its strength, and where categories exclude each
    /// other its form, chosen inside the support set.
    LinearProbe,
    /// One against the rest, on 16 × 16 grey pixels.
    Pixels,
    /// Nearest class mean.
    Prototype,
    /// The names of the classes, by a joint space or an alignment.
    ZeroShotName,
    /// A cache of the shots beside what the names say.
    TipAdapter,
    /// The same with trained keys.
    TipAdapterF,
    /// A trained bottleneck behind the features.
    ClipAdapter,
    /// Learned words around the names.
    Coop,
    /// Distances from the patches of normal shots.
    NormalKnn,
    /// Adapters on patch tokens, and distances behind them.
    Mvfa,
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 11] = [
        Method::Sdmad,
        Method::LinearProbe,
        Method::Pixels,
        Method::Prototype,
        Method::ZeroShotName,
        Method::TipAdapter,
        Method::TipAdapterF,
        Method::ClipAdapter,
        Method::Coop,
        Method::NormalKnn,
        Method::Mvfa,
    ];

    /// Its name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Method::Sdmad => "sdmad",
            Method::LinearProbe => "linear-probe",
            Method::Pixels => "pixels",
            Method::Prototype => "prototype",
            Method::ZeroShotName => "zero-shot-name",
            Method::TipAdapter => "tip-adapter",
            Method::TipAdapterF => "tip-adapter-f",
            Method::ClipAdapter => "clip-adapter",
            Method::Coop => "coop",
            Method::NormalKnn => "normal-knn",
            Method::Mvfa => "mvfa",
        }
    }

    /// Whether it is one of the methods of others that [`Baseline`] holds.
    pub fn is_baseline(self) -> bool {
        !matches!(self, Method::Sdmad | Method::LinearProbe | Method::Pixels)
    }

    /// Whether it reads words by an alignment where an encoder has no joint space.
    pub fn reads_alignment(self) -> bool {
        self == Method::Sdmad || self == Method::Mvfa || self.reads_names()
    }

    /// Whether it compares images with the names of the classes.
    pub fn reads_names(self) -> bool {
        matches!(
            self,
            Method::ZeroShotName | Method::TipAdapter | Method::TipAdapterF | Method::ClipAdapter | Method::Coop
        )
    }
}

/// What the columns of a model are, and so what follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Scores of unit spread: d is −z₀, and a softmax has the sharpness 2.
    Spread,
    /// Logits: d is the log-odds of not normal. Where categories exclude each other that is log Σ_c exp z_c − z₀; where they go
    /// together, each column is a question of its own, and d is −z₀.
    Logits,
}

/// Which form the linear probe has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeForm {
    /// Each column against the rest, on its own.
    OneAgainstRest,
    /// One softmax over normal and the categories.
    Multinomial,
}

/// How labels go together in the support set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coexistence {
    /// At most one support image in twenty has two categories: r_c is the log-probability of c among them and normal.
    Exclusive,
    /// Categories go together: r_c is the score of c alone.
    MultiLabel,
}

/// Sharpness of the softmax over scores of unit spread.
pub(crate) const SOFTMAX_SCALE: f64 = 2.0;

/// The part of a model that knows signs.
#[derive(Clone, Debug, PartialEq)]
pub struct SignModel {
    /// The bank of the run, only with its categories.
    pub bank: Bank,
    /// Where signs stand among the categories.
    pub map: SignMap,
    /// What an alignment says of them beside the shots.
    pub prior: Option<SignPrior>,
    /// Support selection: each sign's margin and what follows from it.
    pub selection: SupportSelection,
    /// The selection that is applied; never [`SelectionMode::Auto`].
    pub mode: SelectionMode,
    /// Its settings.
    pub settings: SelectionSettings,
    /// κ of image selection.
    pub logit_scale: f64,
    /// What each sign's similarity counts from, and its unit.
    pub standards: Vec<Standard>,
}

/// A trained model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// How images are scored.
    pub method: Method,
    /// Category ids, in the order of every list.
    pub categories: Vec<String>,
    /// From features to scores; without a row for a method of others.
    pub bridge: Bridge,
    /// Signs, for [`Method::Sdmad`].
    pub signs: Option<SignModel>,
    /// A method of others; its columns stand in place of the bridge's.
    pub baseline: Option<Baseline>,
    /// The form of the linear probe; none for every other method.
    pub probe: Option<ProbeForm>,
    /// Whether categories exclude each other.
    pub coexistence: Coexistence,
    /// From r_c to probabilities.
    pub calibration: Calibration,
    /// From the score of normal to its probability; one entry.
    pub normal_calibration: Calibration,
    /// Where findings are in an image, if the run has maps.
    pub maps: Option<PatchMaps>,
    /// The bridge without each fold of the shots, whose held-out scores probabilities and answers rest on; where it is empty, the bridge of all
    /// shots stands in.
    pub without_fold: Vec<Bridge>,
    /// How often, at least, three-way answers shall not rule out what is true, for each class of each category; in (0, 1).
    pub coverage: f64,
    /// The share of images with a category, or of normal ones, where probabilities are read, as it was stated ([`Model::state_prevalence`]).
    pub prevalence: BTreeMap<String, f64>,
}

/// Why a sign does not count for a category and an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// Support selection: on support images it spoke for another category.
    NegativeMargin,
    /// Support selection: others of its category had better margins.
    NotAmongBest,
    /// Image selection: it is among the less certain half for this image.
    Uncertain,
    /// Image selection: its similarity is an outlier among those of its category.
    Outlier,
}

/// What a model says of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// d, n_c, r_c, p_c and standardised sign scores.
    pub outputs: Outputs,
    /// 95 % interval of each p_c, where it was calibrated.
    pub intervals: Vec<Option<[f64; 2]>>,
    /// Probability of normal.
    pub normal_probability: f64,
    /// z of normal and of each category.
    pub columns: Vec<f64>,
    /// a(x, s) of each sign of the run's bank; empty without signs.
    pub similarities: Vec<f64>,
    /// What the name of normal and of each category, and that it is a finding at all, add to the mean over its signs; 0
    /// without an alignment, empty without signs.
    pub beside: Vec<f64>,
    /// For normal and each category the signs that counted.
    pub selected: Vec<Vec<usize>>,
}

impl Model {
    /// States how large a share of images has a category, or is normal, where the probabilities will be read. Without it they are for as many
    /// as among the shots, whose numbers were chosen.
    ///
    /// # Errors
    /// When there is no such category, its probabilities were not fitted, its prevalence was stated before, or it lies outside (0, 1).
    pub fn state_prevalence(&mut self, id: &str, prevalence: f64) -> Result<()> {
        let calibration = match self.categories.iter().position(|c| c == id) {
            Some(c) => self.calibration.categories.get_mut(c),
            None if id == NORMAL => self.normal_calibration.categories.first_mut(),
            None => None,
        };
        let Some(calibration) = calibration else {
            return Err(Error::bad_input(format!("prevalence of `{id}`: the run has no such category"))
                .with_hint(format!("it has {NORMAL}, {}", self.categories.join(", "))));
        };
        if let Some(before) = self.prevalence.get(id) {
            return Err(Error::bad_input(format!(
                "prevalence of `{id}` = {prevalence}: it is stated twice, before as {before}"
            )));
        }
        if calibration.positives == 0 || calibration.negatives == 0 {
            return Err(Error::bad_input(format!(
                "prevalence of `{id}` = {prevalence}: the run's probabilities of it were not fitted, so that nothing follows from it"
            ))
            .with_hint("leave it out, or train with at least three shots of each category"));
        }
        let stated = calibration.at_prevalence(prevalence).map_err(|e| e.at(format!("category `{id}`")))?;
        *calibration = stated;
        self.prevalence.insert(id.to_string(), prevalence);
        Ok(())
    }

    /// Scores one image by its features, and the attributes that an alignment reads in it (none without one).
    pub fn score(&self, features: &[f32], attributes: &[f32]) -> Scores {
        let reading = match &self.baseline {
            Some(baseline) => self.reading_of(baseline.columns(features, attributes)),
            None => self.read_signs(self.bridge.scores(features), attributes),
        };
        let among_all = self.among_all(&reading.columns);
        let Reading { columns, detection, similarities, beside, selected } = reading;
        let folds = self.folds(features, attributes, &among_all, detection);
        let of_category = |c: usize| -> Vec<f64> { folds.iter().map(|f| f.among_all[c]).collect() };
        let by_fold: Vec<Vec<f64>> = (0..among_all.len()).map(of_category).collect();
        let calibrated = || by_fold.iter().zip(&self.calibration.categories);
        let standardised = match &self.signs {
            None => Vec::new(),
            Some(signs) => signs.standards.iter().zip(&similarities).map(|(s, &a)| s.apply(a)).collect(),
        };
        let normal: Vec<f64> = folds.iter().map(|f| -f.detection).collect();
        let normal_probability =
            self.normal_calibration.categories.first().map_or(0.5, |c| c.mean_probability(&normal));
        let outputs = Outputs {
            uncalibrated: among_all.iter().map(|&r| self.uncalibrated(r)).collect(),
            answers: calibrated().map(|(r, c)| c.answer(r, self.coverage)).collect(),
            probability: calibrated().map(|(r, c)| c.mean_probability(r)).collect(),
            detection,
            against_normal: columns[1..].iter().map(|z| z - columns[0]).collect(),
            among_all,
            signs: standardised,
        };
        let intervals = calibrated().map(|(r, c)| c.interval(r)).collect();
        Scores { outputs, intervals, normal_probability, columns, similarities, beside, selected }
    }

    /// What each fold's model says of an image; of the model of all shots alone where there are none.
    fn folds(&self, features: &[f32], attributes: &[f32], among_all: &[f64], detection: f64) -> Vec<FoldReading> {
        if self.without_fold.is_empty() {
            return vec![FoldReading { among_all: among_all.to_vec(), detection }];
        }
        let read = |bridge: &Bridge| {
            let reading = self.read_signs(bridge.scores(features), attributes);
            FoldReading { among_all: self.among_all(&reading.columns), detection: reading.detection }
        };
        self.without_fold.iter().map(read).collect()
    }

    /// r_c as a probability, without calibration: where categories exclude each other it is the logarithm of one, else a logit.
    fn uncalibrated(&self, score: f64) -> f64 {
        match self.coexistence {
            Coexistence::Exclusive => score.exp().min(1.0),
            Coexistence::MultiLabel => logistic(score),
        }
    }

    /// What the columns are.
    fn link(&self) -> Link {
        if self.baseline.is_some() || self.probe == Some(ProbeForm::Multinomial) { Link::Logits } else { Link::Spread }
    }

    /// r_c of scores of normal and each category.
    pub(crate) fn among_all(&self, columns: &[f64]) -> Vec<f64> {
        match self.link() {
            Link::Spread => among_all(columns, self.coexistence),
            Link::Logits => sharpened(columns, self.coexistence, 1.0),
        }
    }

    /// What is read in columns without signs.
    pub(crate) fn reading_of(&self, columns: Vec<f64>) -> Reading {
        let detection = match self.link() {
            Link::Spread => -columns[0],
            Link::Logits if self.coexistence == Coexistence::Exclusive => log_sum_exp(&columns[1..]) - columns[0],
            Link::Logits => -columns[0],
        };
        Reading { detection, columns, similarities: Vec::new(), beside: Vec::new(), selected: Vec::new() }
    }

    /// What reads an image for this model beside its features, if anything does.
    pub fn reader(&self) -> Option<ImageReader> {
        if let Some(baseline) = &self.baseline {
            return baseline.reader.clone();
        }
        let prior = self.signs.as_ref()?.prior.as_ref()?;
        Some(ImageReader::Attributes(prior.reader.clone()))
    }

    /// Numbers of a feature row.
    pub fn width(&self) -> usize {
        match &self.baseline {
            Some(baseline) => baseline.width,
            None => self.bridge.weights.first().map_or(0, Vec::len),
        }
    }

    /// What is read in the bridge's scores and an image's attributes.
    pub(crate) fn read_signs(&self, bridged: Vec<f64>, attributes: &[f32]) -> Reading {
        let Some(signs) = &self.signs else { return self.reading_of(bridged) };
        let from_shots = signs.map.similarities(&bridged);
        let from_words = match &signs.prior {
            Some(prior) => prior.similarities(attributes),
            None => vec![0.0; from_shots.len()],
        };
        let similarities: Vec<f64> = from_shots.iter().zip(&from_words).map(|(a, b)| a + b).collect();
        let selected = signs.selected(&similarities);
        let means = |values: &[f64]| -> Vec<f64> {
            selected.iter().map(|s| s.iter().map(|&i| values[i]).sum::<f64>() / s.len() as f64).collect()
        };
        let (beside, in_detection) = match &signs.prior {
            Some(prior) => (prior.beside_signs(attributes, self.categories.len()), prior.in_detection),
            None => (vec![0.0; selected.len()], 0.0),
        };
        let words: Vec<f64> = means(&from_words).iter().zip(&beside).map(|(signs, more)| signs + more).collect();
        let (columns, detection) = joined(&means(&from_shots), &words, in_detection);
        Reading { columns, detection, similarities, beside, selected }
    }
}

/// r_c and d by one fold's model.
struct FoldReading {
    among_all: Vec<f64>,
    detection: f64,
}

/// What is read in one image.
pub(crate) struct Reading {
    /// z of normal and of each category.
    pub(crate) columns: Vec<f64>,
    /// d: how much speaks against normal.
    pub(crate) detection: f64,
    /// a(x, s) of each sign.
    pub(crate) similarities: Vec<f64>,
    /// What words say of normal and of each category beside its signs; empty without signs.
    pub(crate) beside: Vec<f64>,
    /// For normal and each category the signs that counted.
    pub(crate) selected: Vec<Vec<usize>>,
}

/// Columns of the shots and of the words together, and d.
///
/// What words say of every category alike says nothing of one of them, so their mean is taken off. Shots know normal as a
/// class of its own, and −z_0 tells it best; words know it as the absence of everything, and its best rival tells it best.
fn joined(shots: &[f64], words: &[f64], in_detection: f64) -> (Vec<f64>, f64) {
    let centre = words.iter().sum::<f64>() / words.len() as f64;
    let rival = words[1..].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let columns = shots.iter().zip(words).map(|(s, w)| s + w - centre).collect();
    (columns, -shots[0] + in_detection * (rival - words[0]))
}

/// r_c of scores of unit spread, of normal and each category.
pub(crate) fn among_all(columns: &[f64], coexistence: Coexistence) -> Vec<f64> {
    sharpened(columns, coexistence, SOFTMAX_SCALE)
}

/// r_c with a softmax of this sharpness.
fn sharpened(columns: &[f64], coexistence: Coexistence, sharpness: f64) -> Vec<f64> {
    match coexistence {
        Coexistence::MultiLabel => columns[1..].to_vec(),
        Coexistence::Exclusive => {
            let top = columns.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = columns.iter().map(|z| (sharpness * (z - top)).exp()).sum();
            columns[1..].iter().map(|z| sharpness * (z - top) - sum.ln()).collect()
        }
    }
}

impl SignModel {
    /// The signs of normal and of each category that count for an image with these similarities.
    pub fn selected(&self, similarities: &[f64]) -> Vec<Vec<usize>> {
        let sets = self.support_sets();
        let groups = sets.categories() + 1;
        let signs_of = |g: usize| if g == 0 { sets.normal() } else { sets.category(g - 1) };
        let normal = sets.normal();
        let normal_score = normal.iter().map(|&s| similarities[s]).sum::<f64>() / normal.len() as f64;
        (0..groups)
            .map(|g| match self.mode {
                SelectionMode::None | SelectionMode::Support | SelectionMode::Auto => signs_of(g).to_vec(),
                // Normal is what certainty is measured against: its own signs are all kept.
                SelectionMode::Image | SelectionMode::Both if g == 0 => normal.to_vec(),
                SelectionMode::Image | SelectionMode::Both => {
                    most_certain_half(similarities, signs_of(g), normal_score, self.logit_scale)
                }
                SelectionMode::Mad => without_outliers(similarities, signs_of(g), self.settings.outlier),
            })
            .collect()
    }

    /// The signs that support selection leaves, all where it is not applied.
    fn support_sets(&self) -> SignSets {
        match self.mode {
            SelectionMode::Support | SelectionMode::Both => kept_sets(&self.selection, self.map.sets.signs()),
            _ => self.map.sets.clone(),
        }
    }

    /// Why a sign of `group` (0 is normal) does not count for an image where `selected` count; `None` when it does.
    pub fn why_not(&self, group: usize, sign: usize, selected: &[Vec<usize>]) -> Option<WhyNot> {
        use crate::select::Choice;
        if selected[group].contains(&sign) {
            return None;
        }
        let choice = self.selection.get(group).and_then(|g| g.iter().find(|s| s.sign == sign)).map(|s| s.choice);
        match (self.mode, choice) {
            (SelectionMode::Support | SelectionMode::Both, Some(Choice::NegativeMargin)) => {
                Some(WhyNot::NegativeMargin)
            }
            (SelectionMode::Support | SelectionMode::Both, Some(Choice::NotAmongBest)) => Some(WhyNot::NotAmongBest),
            (SelectionMode::Mad, _) => Some(WhyNot::Outlier),
            _ => Some(WhyNot::Uncertain),
        }
    }
}

#[cfg(test)]
mod tests;
