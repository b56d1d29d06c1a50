//! The bridge: a linear map from image features to one score for normal and one for each category.
//!
//! In the space that the category anchors of a sign bank span, these scores are the coordinates of an image; a
//! [`SignMap`](crate::SignMap) reads signs from them. Its closed form is class-balanced ridge regression at several strengths
//! (docs/method.md, "Bridge": the floor that training must beat), fitted on each block of the features on its own, a
//! layer's summary each, and averaged with the blocks' weights: blocks that see the same things differently make
//! different mistakes. Class-balanced logistic regression on all features together can be averaged in, and is
//! the linear probe when it stands alone. All maps are scaled to unit spread on the support set first.

mod kernel;
mod multinomial;
mod probe;
mod ridge;

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Result};

use crate::{FeatureBlock, FoldRow, Folds, Label, NormalVariation};
use kernel::Kernel;
use ridge::BlockRows;

/// Settings of the bridge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BridgeSettings {
    /// Strengths of ridge regression that are averaged, in units of the mean squared length of a block's rows. Greater than 0.
    pub ridge: Vec<f64>,
    /// Weight of logistic regression in the average, 0 to 1. At 1 the bridge is the linear probe.
    pub probe_weight: f64,
    /// Strengths of logistic regression to choose from inside the support set. Greater than 0.
    pub probe_l2: Vec<f64>,
    /// The strength where the support set is too small for folds.
    pub probe_l2_default: f64,
    /// Folds of everything that is chosen or measured out of fold. At least 2.
    pub folds: usize,
}

impl Default for BridgeSettings {
    fn default() -> Self {
        BridgeSettings {
            ridge: vec![0.3, 1.0, 3.0],
            probe_weight: 0.0,
            probe_l2: vec![0.1, 0.3, 1.0, 3.0, 10.0, 30.0],
            probe_l2_default: 0.1,
            folds: 4,
        }
    }
}

impl BridgeSettings {
    pub(crate) fn validate(&self) -> Result<()> {
        let positive = |x: &f64| x.is_finite() && *x > 0.0;
        if self.ridge.is_empty() || !self.ridge.iter().all(positive) {
            return Err(Error::bad_input(format!("bridge.ridge = {:?}: expected numbers above 0", self.ridge)));
        }
        if self.probe_l2.is_empty() || !self.probe_l2.iter().chain([&self.probe_l2_default]).all(positive) {
            return Err(Error::bad_input(format!("bridge.probe_l2 = {:?}: expected numbers above 0", self.probe_l2)));
        }
        if !(0.0..=1.0).contains(&self.probe_weight) {
            return Err(Error::bad_input(format!("bridge.probe_weight = {}: expected 0 to 1", self.probe_weight)));
        }
        if self.folds < 2 {
            return Err(Error::bad_input(format!("bridge.folds = {}: expected 2 or more", self.folds)));
        }
        Ok(())
    }
}

/// The images a bridge is fitted on.
#[derive(Clone, Debug)]
pub struct SupportSet {
    /// Feature rows of each image, one for each view.
    pub views: Vec<Vec<Vec<f32>>>,
    /// Labels of each image.
    pub labels: Vec<Vec<Label>>,
    /// Patient of each image, where known.
    pub patients: Vec<Option<String>>,
    /// The blocks of a feature row, in their order.
    pub blocks: Vec<FeatureBlock>,
    /// How normal images differ, which ridge regression weighs directions by; none leaves all alike.
    pub variation: Option<Arc<NormalVariation>>,
}

/// Rows up to which logistic regression is fitted on all views: the work grows with their third power.
const MOST_ROWS: usize = 2_500;

impl SupportSet {
    /// Folds of the images by patient and category; `None` when there are too few images.
    pub fn folds(&self, wanted: usize, seed: u64) -> Option<Folds> {
        let rows: Vec<FoldRow> = self
            .labels
            .iter()
            .zip(&self.patients)
            .map(|(labels, patient)| FoldRow { patient: patient.clone(), labels: labels.clone() })
            .collect();
        crate::folds(&rows, wanted, seed)
    }

    /// The images for which `keep` is true.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(usize) -> bool) -> SupportSet {
        let chosen: Vec<usize> = (0..self.labels.len()).filter(|&i| keep(i)).collect();
        SupportSet {
            views: chosen.iter().map(|&i| self.views[i].clone()).collect(),
            labels: chosen.iter().map(|&i| self.labels[i].clone()).collect(),
            patients: chosen.iter().map(|&i| self.patients[i].clone()).collect(),
            blocks: self.blocks.clone(),
            variation: self.variation.clone(),
        }
    }

    /// How many views of each image logistic regression is fitted on.
    fn fitted_views(&self) -> usize {
        let views = self.views.first().map_or(0, Vec::len);
        views.min((MOST_ROWS / self.labels.len().max(1)).max(1))
    }
}

/// Truth of column `column` for an image: 0 is normal, c + 1 category c.
pub(crate) fn column_label(labels: &[Label], column: usize) -> Label {
    match column {
        0 if labels.contains(&Label::Present) => Label::Absent,
        0 if labels.contains(&Label::Unknown) => Label::Unknown,
        0 => Label::Present,
        c => labels[c - 1],
    }
}

/// A fitted bridge: `scores = weights · features + bias`, one for normal and one for each category.
#[derive(Clone, Debug, PartialEq)]
pub struct Bridge {
    /// `[categories + 1][features]`; row 0 is normal.
    pub weights: Vec<Vec<f32>>,
    /// `[categories + 1]`.
    pub bias: Vec<f32>,
}

/// A bridge with what was learned about it while fitting.
#[derive(Clone, Debug)]
pub struct FittedBridge {
    /// Fitted on every image.
    pub bridge: Bridge,
    /// Scores of each image by a bridge that was fitted without the image's fold, `[images][categories + 1]`; `None`
    /// when there are too few images for folds.
    pub out_of_fold: Option<Vec<Vec<f64>>>,
    /// The folds of the images.
    pub folds: Option<Folds>,
    /// The bridge without each fold; empty where out-of-fold scores come from elsewhere, or there are none.
    pub without_fold: Vec<Bridge>,
    /// The strength of logistic regression that was chosen.
    pub probe_l2: f64,
    /// How many views of each image it is fitted on.
    pub probe_views: usize,
}

impl FittedBridge {
    /// Of no image: every score is 0.
    pub(crate) fn zeros(columns: usize, blocks: &[FeatureBlock], settings: &BridgeSettings) -> Self {
        let width = blocks.iter().map(|b| b.width).sum();
        let bridge = Bridge { weights: vec![vec![0.0; width]; columns], bias: vec![0.0; columns] };
        FittedBridge {
            bridge,
            out_of_fold: None,
            folds: None,
            without_fold: Vec::new(),
            probe_l2: settings.probe_l2_default,
            probe_views: 0,
        }
    }

    /// The bridge of other images with all that was chosen here.
    pub(crate) fn fit_others(&self, support: &SupportSet, settings: &BridgeSettings) -> Result<Bridge> {
        fit_once(support, settings, ProbeFit { l2: self.probe_l2, views: self.probe_views })
    }
}

/// What is fixed of logistic regression before it is fitted.
#[derive(Clone, Copy)]
struct ProbeFit {
    l2: f64,
    views: usize,
}

impl Bridge {
    /// Scores of feature rows: `[categories + 1]`, normal first.
    pub fn scores(&self, features: &[f32]) -> Vec<f64> {
        self.weights
            .iter()
            .zip(&self.bias)
            .map(|(row, &bias)| {
                row.iter().zip(features).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum::<f64>() + f64::from(bias)
            })
            .collect()
    }

    /// Fits a bridge, and scores each image out of fold.
    ///
    /// # Errors
    /// When the support set is empty or a feature is not finite.
    pub fn fit(support: &SupportSet, settings: &BridgeSettings, seed: u64) -> Result<FittedBridge> {
        if support.labels.is_empty() {
            return Err(Error::bad_input("the support set is empty: expected at least one image")
                .with_hint("give --shots 1 or more"));
        }
        if support.views.iter().flatten().flatten().any(|x| !x.is_finite()) {
            return Err(Error::bad_input("an image's features are not finite numbers")
                .with_hint("run `sdmad encoder check` on the encoder"));
        }
        let width: usize = support.blocks.iter().map(|b| b.width).sum();
        if let Some(row) = support.views.iter().flatten().find(|row| row.len() != width) {
            return Err(Error::bad_input(format!(
                "a feature row of {} numbers, and blocks of {width} in all: expected as many",
                row.len()
            )));
        }
        let folds = support.folds(settings.folds, seed);
        let probe_views = support.fitted_views();
        let probe_l2 = match &folds {
            Some(folds) if settings.probe_weight > 0.0 => {
                probe::choose_l2(&Kernel::of(support, probe_views), support, folds, settings)?
            }
            _ => settings.probe_l2_default,
        };
        let probe = ProbeFit { l2: probe_l2, views: probe_views };
        let bridge = fit_once(support, settings, probe)?;
        let without_fold = match &folds {
            None => Vec::new(),
            Some(folds) => without_each_fold(support, settings, probe, folds)?,
        };
        let out_of_fold = folds.as_ref().map(|folds| {
            let held_out = support.views.iter().zip(&folds.of_row);
            held_out.map(|(views, &fold)| mean_scores(&without_fold[fold], views)).collect()
        });
        Ok(FittedBridge { bridge, out_of_fold, folds, without_fold, probe_l2, probe_views })
    }
}

fn without_each_fold(
    support: &SupportSet,
    settings: &BridgeSettings,
    probe: ProbeFit,
    folds: &Folds,
) -> Result<Vec<Bridge>> {
    (0..folds.count)
        .into_par_iter()
        .map(|fold| {
            let rest = support.filtered(|i| folds.of_row[i] != fold);
            fit_once(&rest, settings, probe)
        })
        .collect()
}

/// The scores of an image: those of the mean of its views, since the map is linear.
fn mean_scores(bridge: &Bridge, views: &[Vec<f32>]) -> Vec<f64> {
    let mut sum = vec![0.0; bridge.bias.len()];
    for view in views {
        sum.iter_mut().zip(bridge.scores(view)).for_each(|(s, x)| *s += x / views.len() as f64);
    }
    sum
}

/// A score column for each column of truth, in terms of features.
pub(crate) struct LinearMap {
    /// `[columns][width]`.
    weights: Vec<Vec<f64>>,
    /// `[columns]`.
    bias: Vec<f64>,
}

impl LinearMap {
    fn zeros(columns: usize, width: usize) -> Self {
        LinearMap { weights: vec![vec![0.0; width]; columns], bias: vec![0.0; columns] }
    }

    /// Adds `share` times a map of the features from `first` on.
    fn add(&mut self, share: f64, map: &LinearMap, first: usize) {
        for (sum, part) in self.weights.iter_mut().zip(&map.weights) {
            sum[first..].iter_mut().zip(part).for_each(|(s, p)| *s += share * p);
        }
        self.bias.iter_mut().zip(&map.bias).for_each(|(s, p)| *s += share * p);
    }
}

/// Weights that give either class half of the sum and average 1.
fn balanced(truth: &[bool]) -> Vec<f64> {
    let positives = truth.iter().filter(|&&t| t).count() as f64;
    let all = truth.len() as f64;
    truth.iter().map(|&t| 0.5 * all / if t { positives } else { all - positives }).collect()
}

fn fit_once(support: &SupportSet, settings: &BridgeSettings, probe: ProbeFit) -> Result<Bridge> {
    let columns = support.labels[0].len() + 1;
    let width = support.blocks.iter().map(|b| b.width).sum();
    let mut total = LinearMap::zeros(columns, width);
    if settings.probe_weight < 1.0 {
        let all: f64 = support.blocks.iter().map(|b| b.weight).sum();
        let starts = support.blocks.iter().scan(0, |next, block| {
            let first = *next;
            *next += block.width;
            Some((first, *block))
        });
        let starts: Vec<(usize, FeatureBlock)> = starts.collect();
        let maps: Vec<LinearMap> = starts
            .par_iter()
            .enumerate()
            .map(|(number, (first, block))| {
                BlockRows::of(support, number, *first, block.width).fit(support, columns, &settings.ridge)
            })
            .collect::<Result<_>>()?;
        for ((first, block), map) in starts.iter().zip(&maps) {
            total.add((1.0 - settings.probe_weight) * block.weight / all, map, *first);
        }
    }
    if settings.probe_weight > 0.0 {
        let kernel = Kernel::of(support, probe.views);
        total.add(settings.probe_weight, &probe::fit(&kernel, support, columns, probe.l2)?, 0);
    }
    let round = |numbers: &Vec<f64>| numbers.iter().map(|&x| x as f32).collect();
    Ok(Bridge { weights: total.weights.iter().map(round).collect(), bias: round(&total.bias) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sdmad_base::Stream;

    /// Two categories on axes 0 and 1 of an 8-dimensional space, with noise; two views each.
    pub(super) fn support(each: usize) -> SupportSet {
        let mut stream = Stream::new(5, "bridge test");
        let blocks = vec![FeatureBlock { width: 5, weight: 1.0 }, FeatureBlock { width: 3, weight: 0.5 }];
        let mut set = SupportSet { views: vec![], labels: vec![], patients: vec![], blocks, variation: None };
        for group in 0..3 {
            for _ in 0..each {
                let centre: Vec<f64> =
                    (0..8).map(|d| f64::from(u8::from(d + 1 == group)) + 0.3 * stream.normal()).collect();
                let view = |stream: &mut Stream| centre.iter().map(|x| (x + 0.05 * stream.normal()) as f32).collect();
                set.views.push(vec![view(&mut stream), view(&mut stream)]);
                set.labels.push((1..3).map(|c| if c == group { Label::Present } else { Label::Absent }).collect());
                set.patients.push(None);
            }
        }
        set
    }

    #[test]
    fn tells_the_categories_apart_out_of_fold() {
        let set = support(8);
        let fitted = Bridge::fit(&set, &BridgeSettings::default(), 0).unwrap();
        let scores = fitted.out_of_fold.unwrap();
        let right = (0..24).filter(|&i| {
            let best = (0..3).max_by(|&a, &b| scores[i][a].total_cmp(&scores[i][b])).unwrap();
            best == i / 8
        });
        assert!(right.count() >= 20);
    }

    #[test]
    fn one_image_of_each_is_enough_for_a_fit_and_too_few_for_folds() {
        let fitted = Bridge::fit(&support(1), &BridgeSettings::default(), 0).unwrap();
        assert!(fitted.out_of_fold.is_none());
        assert!(fitted.bridge.weights.iter().flatten().all(|w| w.is_finite()));
    }

    #[test]
    fn a_category_whose_labels_are_all_unknown_scores_nothing_and_breaks_nothing() {
        let mut set = support(6);
        set.labels.iter_mut().for_each(|l| l[1] = Label::Unknown);
        let fitted = Bridge::fit(&set, &BridgeSettings::default(), 0).unwrap();
        assert!(fitted.bridge.weights[2].iter().all(|&w| w == 0.0));
        assert!(fitted.bridge.weights[1].iter().any(|&w| w != 0.0));
    }

    #[test]
    fn an_empty_support_set_is_refused() {
        let none = SupportSet { views: vec![], labels: vec![], patients: vec![], blocks: vec![], variation: None };
        assert!(Bridge::fit(&none, &BridgeSettings::default(), 0).is_err());
    }
}
