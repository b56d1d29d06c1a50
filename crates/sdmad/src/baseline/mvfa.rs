//! MVFA (Huang et al. 2024, arXiv 2403.12570): small adapters on the patch tokens of several levels, trained to tell
//! abnormal from normal by the labels of whole images, and a memory of the normal shots' patches behind the same adapters.
//! It tells anomalies from normal, and none from another.

use rayon::prelude::*;
use sdmad_encoders::{Encoder, ImageTower};
use sdmad_engine::Matrix;
use sdmad_synthesis::Attribute;

use super::adapted_patches::{AdaptedPatches, PatchLevel, mean_of};
use super::patch_detector::{PatchDetector, STEPS, Sides};
use super::patch_memory::PatchMemory;
use super::problem::{Part, Problem, least};
use super::{BalancedLoss, BaselineChoices, Fitted, FittedBaseline, Statistic};
use crate::align::patch_layers;
use crate::category_names::state_prompts;
use crate::{Bank, ChosenAlignment, Coexistence, Label};

/// From what is read in an image's patches to its columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Mvfa {
    /// What shares and distances of patches are summed up to.
    pub statistic: Statistic,
    /// Middle between normal and not, and unit, of the trained branch and of the memory: `[2, 2]`.
    pub branches: Matrix,
    /// Normal and the categories.
    pub columns: usize,
}

/// The mean over patches is theirs where no masks are used, the largest where they are.
const STATISTICS: [Statistic; 2] = [Statistic::Mean, Statistic::Largest];
/// Steps after which training may end, chosen out of fold.
const ENDS: [usize; 3] = [10, 30, STEPS];
const DEFAULT_END: usize = 30;

impl Mvfa {
    /// d / 2 for every category and −d / 2 for normal, with d the mean of both standardised branches: n_c
    /// is d, and r_c rises with d.
    pub fn columns(&self, reading: &[f32]) -> Vec<f64> {
        let branch = |b: usize| {
            let (centre, unit) = (f64::from(self.branches.row(b)[0]), f64::from(self.branches.row(b)[1]));
            (branch_of(self.statistic, b, reading) - centre) / unit
        };
        let d = 0.5 * (branch(0) + branch(1));
        (0..self.columns).map(|column| if column == 0 { -d / 2.0 } else { d / 2.0 }).collect()
    }
}

fn branch_of(statistic: Statistic, branch: usize, reading: &[f32]) -> f64 {
    reading.get(branch * PatchMemory::STATISTICS..).map_or(0.0, |numbers| statistic.of(numbers))
}

/// What words say of abnormal against normal in the tokens of each level, before any shot; nothing where they say nothing.
pub(super) fn directions(
    encoder: &Encoder,
    alignment: Option<&ChosenAlignment>,
    bank: Option<&Bank>,
) -> Vec<Option<Vec<f32>>> {
    let tower = encoder.image_tower();
    let levels = AdaptedPatches::layers(tower);
    if encoder.joint().is_some() {
        let direction = joint_direction(encoder, tower, bank);
        return levels.iter().map(|_| Some(direction.clone())).collect();
    }
    let (layers, width) = (patch_layers(tower), tower.width());
    let of_level = |level: &usize| -> Option<Vec<f32>> {
        let row = alignment?.part.reader.patch.row(Attribute::Finding as usize);
        let place = layers.iter().position(|layer| layer == level)?;
        row.get(place * width..(place + 1) * width).map(<[f32]>::to_vec)
    };
    levels.iter().map(of_level).collect()
}

/// The prompts of abnormal less those of normal, taken back through the projection into the joint space.
fn joint_direction(encoder: &Encoder, tower: &ImageTower, bank: Option<&Bank>) -> Vec<f32> {
    let [normal, abnormal] = state_prompts(bank).map(|prompts| {
        let embeddings = encoder.text_tower().embed_all(&prompts.iter().collect::<Vec<_>>());
        let mut mean = vec![0.0f32; embeddings.first().map_or(0, Vec::len)];
        embeddings.iter().for_each(|e| mean.iter_mut().zip(e).for_each(|(m, x)| *m += x));
        let length = mean.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
        mean.iter_mut().for_each(|x| *x /= length);
        mean
    });
    let difference: Vec<f32> = abnormal.iter().zip(&normal).map(|(a, n)| a - n).collect();
    tower.project_backward(&vec![0.0; tower.width()], &difference)
}

/// What is learned from: the tokens of all shots, and what words say of each level.
pub(super) struct Patches<'a> {
    /// `[images][levels]`.
    pub(super) tokens: &'a [Vec<Matrix>],
    /// `[levels]`.
    pub(super) directions: &'a [Option<Vec<f32>>],
}

/// Chooses how long adapters are trained and what patches are summed up to out of fold, by the class-balanced loss of
/// normal against the rest. The second result reads images with what all shots gave.
pub(super) fn fit(problem: &Problem<'_>, patches: &Patches<'_>) -> (Fitted, AdaptedPatches) {
    let all: Vec<usize> = (0..problem.images()).collect();
    let sides = problem.sides(&all);
    let parts = problem.parts();
    let mut readings = vec![vec![Vec::new(); problem.images()]; ENDS.len()];
    for part in &parts {
        for (end, reader) in patches.readers(problem, part, &ENDS).iter().enumerate() {
            part.held.iter().for_each(|&i| readings[end][i] = patches.reading(reader, i));
        }
    }
    let labels: Vec<Vec<Label>> = problem.binary_labels();
    let loss = BalancedLoss::of(&labels, Coexistence::Exclusive);
    let model_of = |readings: &[Vec<f32>], statistic: Statistic| Mvfa {
        statistic,
        branches: standardised(readings, statistic, &sides),
        columns: problem.columns(),
    };
    let candidates = (0..if parts.is_empty() { 0 } else { ENDS.len() })
        .flat_map(|end| STATISTICS.map(|statistic| (end, model_of(&readings[end], statistic))));
    let binary = |model: &Mvfa, reading: &[f32]| model.columns(reading)[..2].to_vec();
    let chosen = least(candidates, |(end, model)| {
        loss.total(&readings[*end].iter().map(|r| binary(model, r)).collect::<Vec<_>>())
    });
    let steps = chosen.as_ref().map_or(DEFAULT_END, |((end, _), _)| ENDS[*end]);
    let reader =
        patches.readers(problem, &problem.whole(), &[steps]).pop().unwrap_or(AdaptedPatches { levels: Vec::new() });
    let (model, value, out_of_fold) = match chosen {
        Some(((end, model), value)) => {
            let columns = readings[end].iter().map(|r| model.columns(r)).collect();
            (model, Some(value), Some(columns))
        }
        None => {
            let readings: Vec<Vec<f32>> = all.iter().map(|&i| patches.reading(&reader, i)).collect();
            let mut model = model_of(&readings, STATISTICS[0]);
            // A normal shot is at no distance from itself: only the others have something to say of distances.
            let rest: Vec<f64> = sides.1.iter().map(|&i| branch_of(model.statistic, 1, &readings[i])).collect();
            let centre = 0.75 * mean(&rest);
            let squares: Vec<f64> = rest.iter().map(|v| (v - centre).powi(2)).collect();
            model.branches.row_mut(1).copy_from_slice(&[centre as f32, unit(&squares)]);
            (model, None, None)
        }
    };
    let choices = BaselineChoices {
        statistic: Some(model.statistic),
        steps: Some(steps),
        out_of_fold_loss: value,
        ..BaselineChoices::default()
    };
    (Fitted { baseline: FittedBaseline::Mvfa(model), choices, out_of_fold }, reader)
}

impl Patches<'_> {
    /// Readers after each number of steps, from the images of a part.
    fn readers(&self, problem: &Problem<'_>, part: &Part, ends: &[usize]) -> Vec<AdaptedPatches> {
        let (normal, abnormal) = problem.sides(&part.fitted);
        let sides = Sides { normal: &normal, abnormal: &abnormal };
        let levels: Vec<Vec<PatchLevel>> = self
            .directions
            .par_iter()
            .enumerate()
            .map(|(level, direction)| {
                let tokens: Vec<&Matrix> = self.tokens.iter().map(|image| &image[level]).collect();
                let of = |places: &[usize]| -> Vec<&Matrix> { places.iter().map(|&i| tokens[i]).collect() };
                let width = tokens.first().map_or(1, |x| x.columns());
                let fitted = of(&part.fitted);
                let start = PatchDetector::start(width, direction.as_deref(), &fitted, problem.seed, level);
                let trained = start.trained(&tokens, &sides, problem.seed, ends);
                trained.into_iter().map(|d| PatchLevel::of(d, &of(&normal), problem.seed)).collect()
            })
            .collect();
        let at = |end: usize| levels.iter().filter_map(|level| level.get(end).cloned()).collect();
        (0..ends.len()).map(|end| AdaptedPatches { levels: at(end) }).collect()
    }

    fn reading(&self, reader: &AdaptedPatches, image: usize) -> Vec<f32> {
        let levels = reader.levels.iter().zip(&self.tokens[image]);
        mean_of(&levels.map(|(level, tokens)| level.statistics(tokens)).collect::<Vec<_>>())
    }
}

/// Middle and unit of both branches. Images of which nobody knows whether they are normal do not count.
fn standardised(readings: &[Vec<f32>], statistic: Statistic, (normal, abnormal): &(Vec<usize>, Vec<usize>)) -> Matrix {
    let numbers = (0..2).flat_map(|branch| {
        let values =
            |of: &[usize]| -> Vec<f64> { of.iter().map(|&i| branch_of(statistic, branch, &readings[i])).collect() };
        let (low, high) = (values(normal), values(abnormal));
        let centre = 0.5 * (mean(&low) + mean(&high));
        let squares: Vec<f64> = low.iter().chain(&high).map(|v| (v - centre).powi(2)).collect();
        [centre as f32, unit(&squares)]
    });
    Matrix::from_vec(2, 2, numbers.collect())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The root of the mean of squares.
fn unit(squares: &[f64]) -> f32 {
    mean(squares).sqrt().max(1e-6) as f32
}

#[cfg(test)]
mod tests;
