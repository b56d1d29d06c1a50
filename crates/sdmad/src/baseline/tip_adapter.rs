//! Tip-Adapter (Zhang et al. 2022, arXiv 2207.09519): a cache of the shots' features and labels
//! beside what the classes' names say.

use sdmad_engine::{Matrix, Matrix64};

use super::problem::{Part, Problem, combined, least};
use super::{BaselineChoices, ClassText, FeatureSpace, Fitted, FittedBaseline, SpaceName};
use crate::Coexistence;

/// The cache model, trained or not.
#[derive(Clone, Debug, PartialEq)]
pub struct TipAdapter {
    /// Where affinities are taken.
    pub space: FeatureSpace,
    /// Features of the shots: `[shots, features]`.
    pub keys: Matrix,
    /// What a shot says of a column: `[shots, columns]`.
    pub values: Matrix,
    /// What the names say, if they are read.
    pub text: Option<ClassText>,
    /// α, β and the weight of the names.
    pub blend: Blend,
}

/// The factors of Tip-Adapter's sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blend {
    /// α: weight of the cache.
    pub alpha: f64,
    /// β: sharpness of affinities.
    pub beta: f64,
    /// Weight of what the names say.
    pub text: f64,
}

/// Ours, where nothing can be measured. Their search on ImageNet starts at α 1.17 for sums over 16 shots: 19 for means.
const DEFAULT: Blend = Blend { alpha: 16.0, beta: 5.5, text: 1.0 };
pub(super) const BETAS: [f64; 8] = [0.5, 1.0, 2.0, 4.0, 5.5, 8.0, 16.0, 32.0];
const ALPHAS: [f64; 12] = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
const TEXTS: [f64; 4] = [1.0, 0.5, 0.25, 0.0];
const SPACES: [SpaceName; 2] = [SpaceName::Unit, SpaceName::Centred];

impl TipAdapter {
    /// α Σ_k v_kc exp(−β (1 − f·key_k)) + γ t_c, with f the features in the space, v_kc 1 over the number of shots of c
    /// where shot k has it, and t_c what the name of c says; in multi-label sets, less the same over the shots without c.
    pub fn columns(&self, features: &[f32], reading: &[f32]) -> Vec<f64> {
        let f = self.space.of(features);
        let affinities: Vec<f64> = (0..self.keys.rows())
            .map(|k| self.keys.row(k).iter().zip(&f).map(|(&key, x)| f64::from(key) * x).sum())
            .collect();
        let mut columns: Vec<f64> = cached(&affinities, &Matrix64::from(&self.values), self.blend.beta);
        columns.iter_mut().for_each(|z| *z *= self.blend.alpha);
        if let Some(text) = &self.text {
            columns.iter_mut().zip(text.logits(reading)).for_each(|(z, t)| *z += self.blend.text * t);
        }
        columns
    }
}

/// What the cache says for affinities with its keys.
pub(super) fn cached(affinities: &[f64], values: &Matrix64, beta: f64) -> Vec<f64> {
    let mut columns = vec![0.0; values.columns()];
    for (k, affinity) in affinities.iter().enumerate() {
        let strength = (-beta * (1.0 - affinity)).exp();
        columns.iter_mut().zip(values.row(k)).for_each(|(z, v)| *z += v * strength);
    }
    columns
}

/// v: one over the number of shots of a class, and in multi-label sets minus one over that of the others.
pub(super) fn values(problem: &Problem<'_>, images: &[usize]) -> Matrix64 {
    let mut values = Matrix64::zeros(images.len(), problem.columns());
    let mut put = |groups: Vec<Vec<usize>>, sign: f64| {
        for (column, places) in groups.iter().enumerate() {
            places.iter().for_each(|&place| values.row_mut(place)[column] = sign / places.len() as f64);
        }
    };
    put(problem.members(images), 1.0);
    if problem.coexistence == Coexistence::MultiLabel {
        put(problem.others(images), -1.0);
    }
    values
}

/// Affinities of held-out images with the keys of the rest, and the values of the rest.
pub(super) struct HeldAffinities {
    pub(super) held: Vec<usize>,
    /// `[held, keys]`.
    pub(super) affinities: Matrix64,
    pub(super) values: Matrix64,
}

/// What the cache says of every image, out of fold, at a β.
fn held_columns(problem: &Problem<'_>, parts: &[HeldAffinities], beta: f64) -> Vec<Vec<f64>> {
    let mut columns = vec![Vec::new(); problem.images()];
    for part in parts {
        for (place, &image) in part.held.iter().enumerate() {
            columns[image] = cached(part.affinities.row(place), &part.values, beta);
        }
    }
    columns
}

/// The blend of least loss out of fold, its columns and its loss.
pub(super) fn choose_blend(problem: &Problem<'_>, parts: &[HeldAffinities]) -> Option<(Blend, Vec<Vec<f64>>, f64)> {
    let loss = problem.whole_loss();
    let text: Vec<Vec<f64>> = (0..problem.images()).map(|i| problem.text_logits(i)).collect();
    let texts = if problem.text.is_some() { &TEXTS[..] } else { &TEXTS[3..] };
    let mut best: Option<(Blend, f64)> = None;
    for beta in BETAS {
        let cache = held_columns(problem, parts, beta);
        let candidates = ALPHAS.iter().flat_map(|&alpha| texts.iter().map(move |&text| Blend { alpha, beta, text }));
        let value = |b: &Blend| loss.total(&combined(&[(b.alpha, &cache), (b.text, &text)]));
        if let Some((blend, value)) = least(candidates, value)
            && best.is_none_or(|(_, least)| value < least)
        {
            best = Some((blend, value));
        }
    }
    best.map(|(blend, value)| {
        let cache = held_columns(problem, parts, blend.beta);
        (blend, combined(&[(blend.alpha, &cache), (blend.text, &text)]), value)
    })
}

fn held_affinities(problem: &Problem<'_>, name: SpaceName, part: Part) -> HeldAffinities {
    let (space, keys) = problem.space(name, &part.fitted);
    let held = problem.means_of(&part.held);
    let affinities = space.rows(held.iter().map(Vec::as_slice)).times_transposed(&keys);
    HeldAffinities { values: values(problem, &part.fitted), held: part.held, affinities }
}

/// Chooses space, α, β and the weight of the names out of fold; centred features and the defaults where there are too few
/// shots.
pub(super) fn fit(problem: &Problem<'_>) -> Fitted {
    let by_space = SPACES.map(|name| {
        let parts: Vec<HeldAffinities> =
            problem.parts().into_iter().map(|part| held_affinities(problem, name, part)).collect();
        if parts.is_empty() { None } else { choose_blend(problem, &parts).map(|found| (name, found)) }
    });
    let chosen = least(by_space.into_iter().flatten(), |(_, (_, _, value))| *value).map(|(chosen, _)| chosen);
    let (name, blend, columns, value) = match chosen {
        Some((name, (blend, columns, value))) => (name, blend, Some(columns), Some(value)),
        None => (SpaceName::Centred, DEFAULT, None, None),
    };
    let whole = problem.whole();
    let (space, keys) = problem.space(name, &whole.fitted);
    let model = TipAdapter {
        space,
        keys: Matrix::from(&keys),
        values: Matrix::from(&values(problem, &whole.fitted)),
        // What has no weight need not be read.
        text: problem.text.clone().filter(|_| blend.text > 0.0),
        blend,
    };
    let choices = model.choices(value);
    Fitted { baseline: FittedBaseline::TipAdapter(model), choices, out_of_fold: columns }
}

impl TipAdapter {
    /// What was chosen, for the record of the run.
    pub(super) fn choices(&self, loss: Option<f64>) -> BaselineChoices {
        BaselineChoices {
            space: Some(self.space.name),
            alpha: Some(self.blend.alpha),
            beta: Some(self.blend.beta),
            text_weight: self.text.as_ref().map(|_| self.blend.text),
            out_of_fold_loss: loss,
            ..BaselineChoices::default()
        }
    }
}
