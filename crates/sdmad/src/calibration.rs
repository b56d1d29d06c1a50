//! From scores to probabilities and thresholds, by out-of-fold scores of the support set; never by a test image.

mod conformal;
mod platt;
mod threshold;

use sdmad_base::{Error, Result};
use serde::{Deserialize, Serialize};

pub use conformal::{Conformal, DEFAULT_COVERAGE, Decision, HeldOut};
pub use platt::{FitSpread, Platt, Temperature};
pub use threshold::best_f1_threshold;

use crate::Label;

/// Which map from score to probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalibrationMap {
    /// σ(slope · score + offset).
    Platt,
    /// σ(score / temperature): for scores that are log-odds already.
    Temperature,
}

/// How the probability from which on a category is called present is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdRule {
    /// The threshold of highest F1 over the out-of-fold probabilities.
    BestF1,
    /// One half.
    Half,
}

/// Settings of [`Calibration::fit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationSettings {
    /// The map.
    pub map: CalibrationMap,
    /// The threshold.
    pub threshold: ThresholdRule,
    /// The prevalence of each category where the probabilities will be read, in (0, 1); none keeps that of the support
    /// set. Shots are balanced and a clinic is not: see [`CategoryCalibration::probability`].
    pub prevalence: Option<Vec<f64>>,
}

impl Default for CalibrationSettings {
    fn default() -> Self {
        CalibrationSettings { map: CalibrationMap::Platt, threshold: ThresholdRule::BestF1, prevalence: None }
    }
}

/// Probability and threshold of one category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryCalibration {
    /// Factor of the score.
    pub slope: f64,
    /// What is added: on the scale of log-odds, a shift to a stated prevalence included.
    pub offset: f64,
    /// The probability from which on the category is called present.
    pub threshold: f64,
    /// Out-of-fold scores of images known to have the category.
    pub positives: usize,
    /// Out-of-fold scores of images known not to have it.
    pub negatives: usize,
    /// Why the probability promises nothing, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_promise: Option<String>,
    /// How sure slope and offset are; none where nothing was fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<FitSpread>,
    /// What three-way answers compare an image's scores with; empty until held-out scores are given.
    #[serde(default)]
    pub conformal: Conformal,
}

/// Scores of a class below which a probability is called a guess.
const LEAST_SCORES: usize = 3;

impl CategoryCalibration {
    /// σ(slope · score + offset). A score that is no finite number gives the probability of the offset alone.
    ///
    /// With a stated prevalence π the offset was moved by logit(π) − logit(share of positives in the support set):
    /// Bayes' rule for a change in prevalence alone (Saerens, Latinne and Decaestecker 2002).
    pub fn probability(&self, score: f64) -> f64 {
        let score = if score.is_finite() { score } else { 0.0 };
        logistic(self.slope * score + self.offset)
    }

    /// The same, if it was fitted without a prevalence, where so large a share of images has the category; three-way answers, which keep their promise in each class
    /// on its own, stay as they are. Nothing changes where nothing was fitted.
    ///
    /// # Errors
    /// When the share lies outside (0, 1).
    pub fn at_prevalence(&self, prevalence: f64) -> Result<Self> {
        check_prevalence(&[prevalence], 1)?;
        if self.positives == 0 || self.negatives == 0 {
            return Ok(self.clone());
        }
        let of_shots = self.positives as f64 / (self.positives + self.negatives) as f64;
        let shift = log_odds(prevalence) - log_odds(of_shots);
        // A threshold of 0 or 1 is none that a shift could move.
        let inside = self.threshold > 0.0 && self.threshold < 1.0;
        let threshold = if inside { logistic(log_odds(self.threshold) + shift) } else { self.threshold };
        Ok(CategoryCalibration { offset: self.offset + shift, threshold, ..self.clone() })
    }

    /// The mean probability of an image's scores by several models.
    pub fn mean_probability(&self, scores: &[f64]) -> f64 {
        scores.iter().map(|&s| self.probability(s)).sum::<f64>() / scores.len().max(1) as f64
    }

    /// An interval of 95 % for [`mean_probability`](CategoryCalibration::mean_probability), from how sure the fit is (on the scale of log-odds, by the curvature of its
    /// likelihood); none where nothing was fitted. It is about slope and offset alone, not about another draw of shots.
    pub fn interval(&self, scores: &[f64]) -> Option<[f64; 2]> {
        let spread = self.spread?;
        let end = |sign: f64| {
            let of = |&score: &f64| {
                let score = if score.is_finite() { score } else { 0.0 };
                logistic(self.slope * score + self.offset + sign * 1.96 * spread.of_log_odds(score))
            };
            scores.iter().map(of).sum::<f64>() / scores.len().max(1) as f64
        };
        Some([end(-1.0), end(1.0)])
    }

    /// The three-way answer for an image's scores, one by each fold's model, at a coverage in (0, 1); uncertain wherever the probability promises nothing.
    pub fn answer(&self, by_fold: &[f64], coverage: f64) -> Decision {
        if self.no_promise.is_some() || by_fold.iter().any(|s| !s.is_finite()) {
            return Decision::Uncertain;
        }
        self.conformal.answer(by_fold, coverage)
    }

    /// Why no answer but "uncertain" can come at a coverage, or only one of the other two, if so.
    pub fn no_answer(&self, coverage: f64) -> Option<String> {
        if let Some(why) = &self.no_promise {
            return Some(why.clone());
        }
        if self.conformal == Conformal::default() {
            return Some(
                "the run keeps no held-out scores, as runs of before format 5: train it again for answers".into(),
            );
        }
        let [present, absent] = self.conformal.can_rule_out(coverage);
        let (positives, negatives) = (self.positives, self.negatives);
        let promise = format!("too few for a coverage of {coverage}");
        match (present, absent) {
            (true, true) => None,
            (true, false) => {
                Some(format!("never answered `present`: {negatives} shots known to be without it are {promise}"))
            }
            (false, true) => Some(format!("never answered `absent`: {positives} shots with it are {promise}")),
            (false, false) => Some(format!("{positives} shots with it and {negatives} without are {promise}")),
        }
    }

    /// A map for scores that are log-odds, where nothing can be fitted.
    fn unfitted(positives: usize, negatives: usize, why: &str) -> Self {
        CategoryCalibration {
            slope: 1.0,
            offset: 0.0,
            threshold: 0.5,
            positives,
            negatives,
            no_promise: Some(why.to_string()),
            spread: None,
            conformal: Conformal::default(),
        }
    }
}

/// Probabilities and thresholds of all categories: the content of `calibration.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// What it was fitted with.
    pub settings: CalibrationSettings,
    /// In the order of the categories.
    pub categories: Vec<CategoryCalibration>,
}

impl Calibration {
    /// Fits each category on out-of-fold scores: `scores[image][category]`, `labels[image][category]`; unknown labels
    /// take no part.
    ///
    /// A category with no positive or no negative is left as σ(score) with threshold ½, and one with fewer than three
    /// of either is fitted; both say that they promise nothing.
    ///
    /// # Errors
    /// When shapes differ, a score is no finite number, or a prevalence lies outside (0, 1).
    pub fn fit(scores: &[Vec<f64>], labels: &[Vec<Label>], settings: &CalibrationSettings) -> Result<Self> {
        let categories = labels.first().map_or(0, Vec::len);
        let even = scores.iter().map(Vec::len).chain(labels.iter().map(Vec::len)).all(|n| n == categories);
        if scores.len() != labels.len() || !even {
            return Err(Error::bad_input("calibration: scores and labels differ in shape"));
        }
        if let Some(score) = scores.iter().flatten().find(|s| !s.is_finite()) {
            return Err(Error::bad_input(format!("calibration: score {score}: expected a finite number")));
        }
        if let Some(prevalence) = &settings.prevalence {
            check_prevalence(prevalence, categories)?;
        }
        let fit = |c: usize| {
            let known = scores.iter().zip(labels).filter(|(_, l)| l[c] != Label::Unknown);
            let (scores, positive): (Vec<f64>, Vec<bool>) = known.map(|(s, l)| (s[c], l[c] == Label::Present)).unzip();
            fit_category(&scores, &positive, settings, settings.prevalence.as_ref().map(|p| p[c]))
        };
        Ok(Calibration { settings: settings.clone(), categories: (0..categories).map(fit).collect() })
    }

    /// What there is without out-of-fold scores (K < 3): σ(score), threshold ½, no promise.
    pub fn unfitted(categories: usize, settings: &CalibrationSettings) -> Self {
        let one = CategoryCalibration::unfitted(0, 0, "fewer than three shots: no out-of-fold score to calibrate on");
        Calibration { settings: settings.clone(), categories: vec![one; categories] }
    }

    /// The thresholds, in the order of the categories.
    pub fn thresholds(&self) -> Vec<f64> {
        self.categories.iter().map(|c| c.threshold).collect()
    }
}

fn check_prevalence(prevalence: &[f64], categories: usize) -> Result<()> {
    if prevalence.len() != categories {
        return Err(Error::bad_input(format!("{} prevalences for {categories} categories", prevalence.len())));
    }
    match prevalence.iter().find(|p| !(**p > 0.0 && **p < 1.0)) {
        Some(p) => Err(Error::bad_input(format!("prevalence {p}: expected above 0 and below 1"))),
        None => Ok(()),
    }
}

fn fit_category(
    scores: &[f64],
    positive: &[bool],
    settings: &CalibrationSettings,
    prevalence: Option<f64>,
) -> CategoryCalibration {
    let positives = positive.iter().filter(|p| **p).count();
    let negatives = positive.len() - positives;
    if positives == 0 || negatives == 0 {
        let why = if positives == 0 { "no positive out-of-fold score" } else { "no negative out-of-fold score" };
        return CategoryCalibration::unfitted(positives, negatives, why);
    }
    let (slope, offset, spread) = match settings.map {
        CalibrationMap::Platt => {
            let platt = Platt::fit(scores, positive);
            (platt.slope, platt.offset, Some(platt.spread))
        }
        CalibrationMap::Temperature => (1.0 / Temperature::fit(scores, positive).0, 0.0, None),
    };
    let shift = prevalence.map_or(0.0, |p| log_odds(p) - log_odds(positives as f64 / positive.len() as f64));
    let mut fitted = CategoryCalibration {
        slope,
        offset: offset + shift,
        threshold: 0.5,
        positives,
        negatives,
        no_promise: None,
        spread,
        conformal: Conformal::default(),
    };
    if settings.threshold == ThresholdRule::BestF1 {
        let probabilities: Vec<f64> = scores.iter().map(|&s| fitted.probability(s)).collect();
        fitted.threshold = best_f1_threshold(&probabilities, positive);
    }
    if positives.min(negatives) < LEAST_SCORES {
        fitted.no_promise = Some(format!("{positives} positive and {negatives} negative out-of-fold scores"));
    } else if slope <= 0.0 {
        fitted.no_promise = Some("out of fold, the score does not rise with the category".into());
    }
    fitted
}

/// σ(x), without overflow.
pub(crate) fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

fn log_odds(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Absent as A, Present as P, Unknown as U};

    fn column(scores: &[f64]) -> Vec<Vec<f64>> {
        scores.iter().map(|&s| vec![s]).collect()
    }

    #[test]
    fn a_stated_prevalence_moves_the_odds() {
        let scores = column(&[0.0, 1.0, 2.0, 1.5, 2.5, 3.0, 0.5, 0.2]);
        let labels = [A, A, P, P, P, P, A, A].map(|l| vec![l]);
        let fit = |prevalence: Option<f64>| {
            let settings = CalibrationSettings { prevalence: prevalence.map(|p| vec![p]), ..Default::default() };
            Calibration::fit(&scores, &labels, &settings).unwrap().categories[0].clone()
        };
        let (balanced, rare) = (fit(None), fit(Some(0.1)));
        assert!((fit(Some(0.5)).offset - balanced.offset).abs() < 1e-12);
        assert!((balanced.offset - rare.offset - 9f64.ln()).abs() < 1e-9);
        assert_eq!(balanced.slope, rare.slope);
        assert!(rare.probability(1.5) < balanced.probability(1.5));
        // The decision at the best F1 moves with the probabilities.
        for score in &scores {
            assert_eq!(
                rare.probability(score[0]) >= rare.threshold,
                balanced.probability(score[0]) >= balanced.threshold
            );
        }
    }

    #[test]
    fn a_prevalence_may_be_stated_after_the_fit() {
        let scores = column(&[0.0, 1.0, 2.0, 1.5, 2.5, 3.0, 0.5, 0.2]);
        let labels = [A, A, P, P, P, P, A, A].map(|l| vec![l]);
        let fitted = |prevalence| {
            let settings = CalibrationSettings { prevalence, ..Default::default() };
            Calibration::fit(&scores, &labels, &settings).unwrap().categories[0].clone()
        };
        let (later, before) = (fitted(None).at_prevalence(0.1).unwrap(), fitted(Some(vec![0.1])));
        assert!((later.offset - before.offset).abs() < 1e-12);
        // The threshold goes with the probabilities: the shots are decided as they were.
        let decides = |c: &CategoryCalibration, score: f64| c.probability(score) >= c.threshold;
        assert!(scores.iter().all(|s| decides(&later, s[0]) == decides(&fitted(None), s[0])));
        assert!(fitted(None).at_prevalence(0.0).is_err());
        let unfitted = Calibration::unfitted(1, &Default::default()).categories[0].clone();
        assert_eq!(unfitted.at_prevalence(0.1).unwrap(), unfitted);
    }

    #[test]
    fn intervals_narrow_with_more_shots_and_hold_the_probability() {
        let fit = |copies: usize| {
            let scores: Vec<f64> = (0..20 * copies).map(|i| f64::from((i % 20) as u32) / 4.0).collect();
            let labels: Vec<_> = (0..scores.len()).map(|i| vec![if (i % 20 + i % 3) > 10 { P } else { A }]).collect();
            Calibration::fit(&column(&scores), &labels, &Default::default()).unwrap().categories[0].clone()
        };
        let width = |c: &CategoryCalibration, score: f64| {
            let [low, high] = c.interval(&[score]).unwrap();
            assert!(low < c.probability(score) && c.probability(score) < high);
            high - low
        };
        let (few, many) = (fit(1), fit(30));
        assert!(width(&many, 2.5) < 0.5 * width(&few, 2.5));
        assert!(Calibration::unfitted(1, &Default::default()).categories[0].interval(&[1.0]).is_none());
    }

    #[test]
    fn an_answer_needs_shots_enough_for_its_promise() {
        let scores: Vec<f64> = (0..14).map(f64::from).collect();
        let labels: Vec<_> = (0..14).map(|i| vec![if i >= 10 { P } else { A }]).collect();
        let mut fitted =
            Calibration::fit(&column(&scores), &labels, &Default::default()).unwrap().categories[0].clone();
        let held_out: Vec<HeldOut> = scores.iter().map(|&score| HeldOut { score, fold: 0 }).collect();
        let before = fitted.clone();
        fitted.conformal = Conformal::new(&held_out, &labels, 0);
        assert!(before.no_answer(0.9).unwrap().contains("train it again"));
        assert_eq!(fitted.answer(&[-1.0], 0.9), Decision::Uncertain);
        assert_eq!(fitted.answer(&[12.0], 0.9), Decision::Present);
        assert_eq!(fitted.answer(&[-1.0], 0.8), Decision::Absent);
        assert!(fitted.no_answer(0.9).unwrap().contains("4 shots with it"));
        assert_eq!(fitted.no_answer(0.8), None);
        assert_eq!(fitted.answer(&[f64::NAN], 0.8), Decision::Uncertain);
    }

    #[test]
    fn what_cannot_promise_says_so() {
        let fit = |scores: &[f64], labels: &[Label]| {
            let labels: Vec<_> = labels.iter().map(|&l| vec![l]).collect();
            Calibration::fit(&column(scores), &labels, &Default::default()).unwrap().categories[0].clone()
        };
        let none = fit(&[1.0, 2.0], &[A, U]);
        assert_eq!((none.slope, none.threshold, none.positives, none.negatives), (1.0, 0.5, 0, 1));
        assert_eq!(none.no_promise.as_deref(), Some("no positive out-of-fold score"));
        let few = fit(&[1.0, 2.0], &[A, P]);
        assert_eq!(few.no_promise.as_deref(), Some("1 positive and 1 negative out-of-fold scores"));
        let reversed = fit(&[3.0, 3.5, 4.0, 1.0, 0.5, 0.0], &[A, A, A, P, P, P]);
        assert!(reversed.slope == 0.0 && reversed.no_promise.is_some());
        let good = fit(&[3.0, 3.5, 4.0, 1.0, 0.5, 0.0], &[P, P, P, A, A, A]);
        assert!(good.slope > 0.0 && good.no_promise.is_none());
        assert!(Calibration::unfitted(2, &Default::default()).categories[1].no_promise.is_some());
    }

    #[test]
    fn bad_input_is_refused_and_json_comes_back() {
        let refused = |scores: &[f64], settings: &CalibrationSettings| {
            Calibration::fit(&column(scores), &[vec![P], vec![A]], settings).unwrap_err().to_string()
        };
        assert!(refused(&[f64::NAN, 1.0], &Default::default()).contains("NaN"));
        assert!(refused(&[1.0], &Default::default()).contains("shape"));
        let settings = CalibrationSettings { prevalence: Some(vec![1.0]), ..Default::default() };
        assert!(refused(&[1.0, 2.0], &settings).contains("prevalence 1"));
        let fitted = Calibration::fit(&column(&[1.0, 0.3]), &[vec![P], vec![A]], &Default::default()).unwrap();
        let text = serde_json::to_string(&fitted).unwrap();
        assert_eq!(serde_json::from_str::<Calibration>(&text).unwrap(), fitted);
    }
}
