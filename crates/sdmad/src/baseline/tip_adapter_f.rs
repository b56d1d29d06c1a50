//! Tip-Adapter-F (Zhang et al. 2022, arXiv 2207.09519): the cache's keys trained from the shots on, its
//! values and the names fixed.

use rayon::prelude::*;
use sdmad_engine::{AdamW, Matrix, Matrix64, cosine_decay};

use super::problem::{Part, Problem, least};
use super::tip_adapter::{Blend, HeldAffinities, choose_blend, values};
use super::{BaselineChoices, FeatureSpace, Fitted, FittedBaseline, SpaceName, tip_adapter};

/// Steps, all shots in each, one view of each in turn. The paper has 20 epochs on ImageNet, up to 100 on small sets.
const STEPS: usize = 100;
/// Steps after which training may end, chosen out of fold; the first where nothing can be measured.
const ENDS: [usize; 3] = [20, 50, STEPS];
/// Theirs.
const LEARNING_RATE: f32 = 1e-3;
/// PyTorch's default for AdamW, which theirs has.
const WEIGHT_DECAY: f32 = 1e-2;

/// One training of keys.
struct Training<'a> {
    problem: &'a Problem<'a>,
    images: &'a [usize],
    space: &'a FeatureSpace,
    values: Matrix64,
    blend: Blend,
}

/// Loss and its gradient with respect to the keys, for queries of all images.
pub(super) fn loss_and_gradient(
    keys: &Matrix64,
    queries: &Matrix64,
    values: &Matrix64,
    blend: Blend,
    mut gradient_of: impl FnMut(usize, &[f64]) -> (f64, Vec<f64>),
) -> (f64, Matrix64) {
    let affinities = queries.times_transposed(keys);
    let mut slopes = Matrix64::zeros(queries.rows(), keys.rows());
    let mut total = 0.0;
    for image in 0..queries.rows() {
        let columns = tip_adapter::cached(affinities.row(image), values, blend.beta);
        let (loss, gradient) = gradient_of(image, &columns.iter().map(|z| blend.alpha * z).collect::<Vec<_>>());
        total += loss;
        for (k, slope) in slopes.row_mut(image).iter_mut().enumerate() {
            let strength = (-blend.beta * (1.0 - affinities.row(image)[k])).exp();
            let said: f64 = values.row(k).iter().zip(&gradient).map(|(v, g)| v * g).sum();
            *slope = blend.alpha * blend.beta * strength * said;
        }
    }
    (total, slopes.transposed_times(queries))
}

impl Training<'_> {
    /// Keys after each number of steps that training may end at, in their order.
    fn run(&self, keys: &Matrix64, ends: &[usize]) -> Vec<Matrix64> {
        let problem = self.problem;
        let loss = problem.loss(self.images);
        let text: Vec<Vec<f64>> =
            self.images.iter().map(|&i| problem.text_logits(i).iter().map(|t| self.blend.text * t).collect()).collect();
        let views = problem.support.views.first().map_or(1, Vec::len);
        let queries: Vec<Matrix64> = (0..views)
            .map(|view| self.space.rows(self.images.iter().map(|&i| problem.support.views[i][view].as_slice())))
            .collect();
        let mut keys = Matrix::from(keys);
        let mut optimizer = AdamW::new(LEARNING_RATE, WEIGHT_DECAY);
        let mut kept = Vec::new();
        for step in 0..ends.last().copied().unwrap_or(0) {
            let (_, gradient) = loss_and_gradient(
                &Matrix64::from(&keys),
                &queries[step % views],
                &self.values,
                self.blend,
                |image, columns| {
                    let z: Vec<f64> = columns.iter().zip(&text[image]).map(|(z, t)| z + t).collect();
                    (loss.of_image(image, &z), loss.gradient(image, &z))
                },
            );
            optimizer.step(&mut [(&mut keys, &Matrix::from(&gradient))], cosine_decay(step, STEPS));
            if ends.contains(&(step + 1)) {
                kept.push(Matrix64::from(&keys));
            }
        }
        kept
    }
}

/// Held-out affinities with keys after each end.
fn trained_part(problem: &Problem<'_>, name: SpaceName, blend: Blend, part: &Part) -> Vec<HeldAffinities> {
    let (space, keys) = problem.space(name, &part.fitted);
    let values = values(problem, &part.fitted);
    let training = Training { problem, images: &part.fitted, space: &space, values: values.clone(), blend };
    let held = problem.means_of(&part.held);
    let queries = space.rows(held.iter().map(Vec::as_slice));
    let trained = training.run(&keys, &ENDS);
    trained
        .iter()
        .map(|keys| HeldAffinities {
            held: part.held.clone(),
            affinities: queries.times_transposed(keys),
            values: values.clone(),
        })
        .collect()
}

/// Trains from what Tip-Adapter chose; how long, and α, β and the weight of the names after it, are chosen out of fold.
pub(super) fn fit(problem: &Problem<'_>) -> Fitted {
    let start = tip_adapter::fit(problem);
    let FittedBaseline::TipAdapter(mut model) = start.baseline else { return start };
    let name = model.space.name;
    let blend = model.blend;
    let parts = problem.parts();
    let trained: Vec<Vec<HeldAffinities>> =
        parts.par_iter().map(|part| trained_part(problem, name, blend, part)).collect();
    let mut by_end: Vec<Vec<HeldAffinities>> = ENDS.iter().map(|_| Vec::new()).collect();
    for part in trained {
        part.into_iter().zip(&mut by_end).for_each(|(held, all)| all.push(held));
    }
    let candidates = ENDS.iter().zip(&by_end).filter(|(_, held)| !held.is_empty());
    let found = candidates.filter_map(|(&end, held)| choose_blend(problem, held).map(|found| (end, found)));
    let chosen = least(found, |(_, (_, _, value))| *value).map(|(chosen, _)| chosen);
    let (end, after, columns, value) = match chosen {
        Some((end, (blend, columns, value))) => (end, blend, Some(columns), Some(value)),
        None => (ENDS[0], blend, None, None),
    };
    let whole = problem.whole();
    let training =
        Training { problem, images: &whole.fitted, space: &model.space, values: values(problem, &whole.fitted), blend };
    if let Some(keys) = training.run(&Matrix64::from(&model.keys), &[end]).pop() {
        model.keys = Matrix::from(&keys);
    }
    model.blend = after;
    model.text = problem.text.clone().filter(|_| after.text > 0.0);
    let choices = BaselineChoices { steps: Some(end), ..model.choices(value) };
    Fitted { baseline: FittedBaseline::TipAdapter(model), choices, out_of_fold: columns }
}
