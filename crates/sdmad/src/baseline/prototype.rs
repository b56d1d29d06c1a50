//! Nearest class mean: prototypical networks' classifier (Snell, Swersky and Zemel 2017, arXiv 1703.05175, equations 1
//! and 2) on frozen features, without their episodic training of the embedding.

use sdmad_engine::Matrix;

use super::problem::{Part, Problem, combined, least};
use super::{BaselineChoices, FeatureSpace, Fitted, FittedBaseline, SpaceName};
use crate::Coexistence;

/// A prototype for normal and each category, and in multi-label sets one for its absence.
#[derive(Clone, Debug, PartialEq)]
pub struct Prototype {
    /// Where distances are taken.
    pub space: FeatureSpace,
    /// Means of the images that have it: `[columns, features]`.
    pub present: Matrix,
    /// Means of those that have it not: `[columns, features]`; no rows where categories exclude each other.
    pub absent: Matrix,
    /// What squared distances are multiplied with.
    pub temperature: f64,
}

/// Factors of squared distances to choose from.
fn temperatures() -> impl Iterator<Item = f64> {
    (-2..=12).map(|power| 2f64.powi(power))
}

const SPACES: [SpaceName; 3] = [SpaceName::Raw, SpaceName::Unit, SpaceName::Centred];

/// Spread of the columns over the support set where nothing can be measured out of fold.
const DEFAULT_SPREAD: f64 = 2.0;

impl Prototype {
    fn fit_part(problem: &Problem<'_>, name: SpaceName, part: &Part) -> Self {
        let (space, rows) = problem.space(name, &part.fitted);
        let mean = |places: &Vec<usize>| -> Vec<f32> {
            let mut mean = vec![0.0f64; rows.columns()];
            for &place in places {
                mean.iter_mut().zip(rows.row(place)).for_each(|(m, x)| *m += x / places.len() as f64);
            }
            mean.iter().map(|&m| m as f32).collect()
        };
        let stacked = |groups: Vec<Vec<usize>>| {
            let means: Vec<Vec<f32>> = groups.iter().map(mean).collect();
            Matrix::from_vec(means.len(), rows.columns(), means.concat())
        };
        let present = stacked(problem.members(&part.fitted));
        let absent = match problem.coexistence {
            Coexistence::Exclusive => Matrix::zeros(0, rows.columns()),
            Coexistence::MultiLabel => stacked(problem.others(&part.fitted)),
        };
        Prototype { space, present, absent, temperature: 1.0 }
    }

    /// −τ |f − p_c|², and in multi-label sets τ (|f − n_c|² − |f − p_c|²), with f the features in the space, p_c the
    /// prototype of presence and n_c that of absence.
    pub fn columns(&self, features: &[f32]) -> Vec<f64> {
        let f = self.space.of(features);
        let distance = |row: &[f32]| -> f64 { f.iter().zip(row).map(|(x, &p)| (x - f64::from(p)).powi(2)).sum() };
        (0..self.present.rows())
            .map(|c| {
                let away = if self.absent.rows() > 0 { distance(self.absent.row(c)) } else { 0.0 };
                self.temperature * (away - distance(self.present.row(c)))
            })
            .collect()
    }
}

/// Chooses space and temperature out of fold; raw features, as the paper has them, where there are too few shots.
pub(super) fn fit(problem: &Problem<'_>) -> Fitted {
    let loss = problem.whole_loss();
    let parts = problem.parts();
    let out_of_fold = |name: SpaceName| -> Vec<Vec<f64>> {
        let mut columns = vec![Vec::new(); problem.images()];
        for part in &parts {
            let model = Prototype::fit_part(problem, name, part);
            part.held.iter().for_each(|&i| columns[i] = model.columns(&problem.means[i]));
        }
        columns
    };
    let mut chosen = None;
    if !parts.is_empty() {
        let scores: Vec<(SpaceName, Vec<Vec<f64>>)> = SPACES.iter().map(|&name| (name, out_of_fold(name))).collect();
        let candidates =
            scores.iter().flat_map(|(name, scores)| temperatures().map(move |t| (*name, combined(&[(t, scores)]), t)));
        chosen = least(candidates, |(_, columns, _)| loss.total(columns));
    }
    let (name, columns, temperature, value) = match chosen {
        Some(((name, columns, temperature), value)) => (name, Some(columns), Some(temperature), Some(value)),
        None => (SpaceName::Raw, None, None, None),
    };
    let mut model = Prototype::fit_part(problem, name, &problem.whole());
    model.temperature = temperature.unwrap_or_else(|| {
        let own: Vec<f64> = problem.means.iter().flat_map(|m| centred(model.columns(m))).collect();
        let spread = (own.iter().map(|x| x * x).sum::<f64>() / own.len().max(1) as f64).sqrt();
        if spread > 1e-12 { DEFAULT_SPREAD / spread } else { 1.0 }
    });
    let choices = BaselineChoices {
        space: Some(name),
        temperature: Some(model.temperature),
        out_of_fold_loss: value,
        ..BaselineChoices::default()
    };
    Fitted { baseline: FittedBaseline::Prototype(model), choices, out_of_fold: columns }
}

/// Without the mean over columns, which no softmax sees.
fn centred(columns: Vec<f64>) -> Vec<f64> {
    let mean = columns.iter().sum::<f64>() / columns.len() as f64;
    columns.iter().map(|z| z - mean).collect()
}
