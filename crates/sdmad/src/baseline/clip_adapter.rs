//! CLIP-Adapter (Gao et al. 2021, arXiv 2110.04544): a bottleneck behind the frozen image features,
//! blended with them, before fixed class weights. The visual adapter alone, as in their code.

use rayon::prelude::*;
use sdmad_base::Stream;
use sdmad_engine::{AdamW, Matrix, Matrix64, cosine_decay};

use super::problem::{Part, Problem, combined, least};
use super::{BaselineChoices, ClassText, FeatureSpace, Fitted, FittedBaseline, SpaceName};
use crate::Coexistence;

/// A trained adapter before fixed class weights.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipAdapter {
    /// Where the features are; none where the adapter stands behind the joint embedding.
    pub space: Option<FeatureSpace>,
    /// `[bottleneck, features]`.
    pub down: Matrix,
    /// `[features, bottleneck]`.
    pub up: Matrix,
    /// Share of the adapter's output.
    pub ratio: f64,
    /// Class weights, with their temperature: `[columns, features]`.
    pub weights: Matrix,
    /// What the names say beside them, where the weights are not the names' own.
    pub text: Option<ClassText>,
    /// Its weight.
    pub text_weight: f64,
}

/// Shares to choose from; 0.2 is that of their code.
const RATIOS: [f64; 2] = [0.2, 0.6];
/// Factors of cosines with class means to choose from.
const TEMPERATURES: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
const DEFAULT_TEMPERATURE: f64 = 8.0;
const TEXTS: [f64; 4] = [1.0, 0.5, 0.25, 0.0];
/// Steps, all shots in each, one view of each in turn.
const STEPS: usize = 100;
/// Steps after which training may end, chosen out of fold; the first where nothing can be measured.
const ENDS: [usize; 3] = [20, 50, STEPS];
const LEARNING_RATE: f32 = 1e-3;
const WEIGHT_DECAY: f32 = 1e-2;
/// The bottleneck is a quarter of the features, as theirs, and no wider than this.
const WIDEST: usize = 64;

/// An adapter while it is trained.
#[derive(Clone)]
struct Adapter {
    down: Matrix64,
    up: Matrix64,
    ratio: f64,
}

/// What a forward pass keeps.
struct Pass {
    hidden: Matrix64,
    adapted: Matrix64,
    unit: Matrix64,
    lengths: Vec<f64>,
}

impl Adapter {
    fn new(width: usize, ratio: f64, seed: u64) -> Self {
        let bottleneck = (width / 4).clamp(1, WIDEST);
        let mut stream = Stream::new(seed, "baseline/clip-adapter");
        let mut layer = |rows: usize, columns: usize| {
            let limit = 1.0 / (columns as f64).sqrt();
            // Rounded, so that training starts from what a run can hold.
            let draw = |_| f64::from(stream.between(-limit, limit) as f32);
            Matrix64::from_vec(rows, columns, (0..rows * columns).map(draw).collect())
        };
        Adapter { down: layer(bottleneck, width), up: layer(width, bottleneck), ratio }
    }

    fn forward(&self, f: &Matrix64) -> Pass {
        let rectified = |mut m: Matrix64| {
            m.data_mut().iter_mut().for_each(|x| *x = x.max(0.0));
            m
        };
        let hidden = rectified(f.times_transposed(&self.down));
        let adapted = rectified(hidden.times_transposed(&self.up));
        let mut unit = adapted.clone();
        unit.data_mut().iter_mut().zip(f.data()).for_each(|(u, x)| *u = self.ratio * *u + (1.0 - self.ratio) * x);
        let mut lengths = Vec::with_capacity(unit.rows());
        for row in 0..unit.rows() {
            let length = unit.row(row).iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
            unit.row_mut(row).iter_mut().for_each(|x| *x /= length);
            lengths.push(length);
        }
        Pass { hidden, adapted, unit, lengths }
    }

    /// Gradients of `down` and `up`, from those of the columns.
    fn backward(&self, f: &Matrix64, pass: &Pass, weights: &Matrix64, columns: &Matrix64) -> (Matrix64, Matrix64) {
        let mut d = columns.times(weights);
        for row in 0..d.rows() {
            let unit = pass.unit.row(row);
            let along: f64 = d.row(row).iter().zip(unit).map(|(d, u)| d * u).sum();
            let length = pass.lengths[row];
            let numbers = d.row_mut(row).iter_mut().zip(unit).zip(pass.adapted.row(row));
            numbers.for_each(|((d, u), &a)| {
                *d = if a > 0.0 { self.ratio * (*d - along * u) / length } else { 0.0 };
            });
        }
        let up = d.transposed_times(&pass.hidden);
        let mut hidden = d.times(&self.up);
        hidden.data_mut().iter_mut().zip(pass.hidden.data()).for_each(|(d, &h)| {
            if h <= 0.0 {
                *d = 0.0;
            }
        });
        (hidden.transposed_times(f), up)
    }
}

/// What is fixed while an adapter is trained.
struct Frozen {
    space: Option<FeatureSpace>,
    weights: Matrix64,
}

impl Frozen {
    fn of(problem: &Problem<'_>, joint: bool, images: &[usize], temperature: f64) -> Self {
        if let (true, Some(text)) = (joint, &problem.text) {
            return Frozen { space: None, weights: Matrix64::from(&text.weights) };
        }
        let (space, rows) = problem.space(SpaceName::Centred, images);
        let means = |groups: Vec<Vec<usize>>| -> Vec<Vec<f64>> {
            let mean = |places: &Vec<usize>| {
                let mut mean = vec![0.0; rows.columns()];
                places.iter().for_each(|&p| mean.iter_mut().zip(rows.row(p)).for_each(|(m, x)| *m += x));
                let length = mean.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
                mean.iter().map(|x| temperature * x / length).collect()
            };
            groups.iter().map(mean).collect()
        };
        let mut weights = means(problem.members(images));
        if problem.coexistence == Coexistence::MultiLabel {
            let others = means(problem.others(images));
            weights.iter_mut().flatten().zip(others.iter().flatten()).for_each(|(w, o)| *w -= o);
        }
        Frozen { space: Some(space), weights: Matrix64::from_vec(weights.len(), rows.columns(), weights.concat()) }
    }

    /// Feature rows of images: of a view, or of the mean over views; the joint embedding knows the plain image alone.
    fn features(&self, problem: &Problem<'_>, images: &[usize], view: Option<usize>) -> Matrix64 {
        match &self.space {
            Some(space) => space.rows(images.iter().map(|&i| match view {
                Some(view) => problem.support.views[i][view].as_slice(),
                None => problem.means[i].as_slice(),
            })),
            None => {
                let rows: Vec<f64> = images.iter().flat_map(|&i| &problem.readings[i]).map(|&x| f64::from(x)).collect();
                Matrix64::from_vec(images.len(), self.weights.columns(), rows)
            }
        }
    }

    /// Adapters after each number of steps that training may end at.
    fn train(&self, problem: &Problem<'_>, images: &[usize], ratio: f64, ends: &[usize]) -> Vec<Adapter> {
        let loss = problem.loss(images);
        let views = if self.space.is_some() { problem.support.views.first().map_or(1, Vec::len) } else { 1 };
        let queries: Vec<Matrix64> =
            (0..views).map(|view| self.features(problem, images, self.space.as_ref().map(|_| view))).collect();
        let start = Adapter::new(self.weights.columns(), ratio, problem.seed);
        let (mut down, mut up) = (Matrix::from(&start.down), Matrix::from(&start.up));
        let mut optimizer = AdamW::new(LEARNING_RATE, WEIGHT_DECAY);
        let mut kept = Vec::new();
        for step in 0..ends.last().copied().unwrap_or(0) {
            let adapter = Adapter { down: Matrix64::from(&down), up: Matrix64::from(&up), ratio };
            let f = &queries[step % views];
            let pass = adapter.forward(f);
            let mut columns = pass.unit.times_transposed(&self.weights);
            for image in 0..images.len() {
                let gradient = loss.gradient(image, columns.row(image));
                columns.row_mut(image).copy_from_slice(&gradient);
            }
            let (d_down, d_up) = adapter.backward(f, &pass, &self.weights, &columns);
            let (d_down, d_up) = (Matrix::from(&d_down), Matrix::from(&d_up));
            optimizer.step(&mut [(&mut down, &d_down), (&mut up, &d_up)], cosine_decay(step, STEPS));
            if ends.contains(&(step + 1)) {
                kept.push(Adapter { down: Matrix64::from(&down), up: Matrix64::from(&up), ratio });
            }
        }
        kept
    }
}

fn rows_of(matrix: &Matrix64) -> impl Iterator<Item = Vec<f64>> {
    (0..matrix.rows()).map(|row| matrix.row(row).to_vec())
}

impl ClipAdapter {
    /// w_c · (ρ A(f) + (1 − ρ) f) / |…|, with A(f) = ReLU(W₂ ReLU(W₁ f)), and what the names say.
    pub fn columns(&self, features: &[f32], reading: &[f32]) -> Vec<f64> {
        let f: Vec<f64> = match &self.space {
            Some(space) => space.of(features),
            None => reading.iter().map(|&x| f64::from(x)).collect(),
        };
        let f = Matrix64::from_vec(1, f.len(), f);
        let adapter = Adapter { down: Matrix64::from(&self.down), up: Matrix64::from(&self.up), ratio: self.ratio };
        let mut columns = adapter.forward(&f).unit.times_transposed(&Matrix64::from(&self.weights)).row(0).to_vec();
        if let Some(text) = &self.text {
            columns.iter_mut().zip(text.logits(reading)).for_each(|(z, t)| *z += self.text_weight * t);
        }
        columns
    }
}

/// Chooses the share of the adapter, how long it is trained, and without a joint space the temperature and the weight of
/// the names, out of fold.
pub(super) fn fit(problem: &Problem<'_>, joint: bool) -> Fitted {
    let loss = problem.whole_loss();
    let parts = problem.parts();
    let joint = joint && problem.text.is_some();
    let scattered = |pieces: &[(&Part, Matrix64)]| -> Vec<Vec<f64>> {
        let mut columns = vec![Vec::new(); problem.images()];
        for (part, found) in pieces {
            part.held.iter().zip(rows_of(found)).for_each(|(&i, row)| columns[i] = row);
        }
        columns
    };
    let mut temperature = DEFAULT_TEMPERATURE;
    if !joint && !parts.is_empty() {
        // The classifier before any adapter, at temperature 1.
        let plain: Vec<(&Part, Matrix64)> = parts
            .iter()
            .map(|part| {
                let frozen = Frozen::of(problem, joint, &part.fitted, 1.0);
                (part, frozen.features(problem, &part.held, None).times_transposed(&frozen.weights))
            })
            .collect();
        let plain = scattered(&plain);
        let best = least(TEMPERATURES, |&t| loss.total(&combined(&[(t, &plain)])));
        temperature = best.map_or(DEFAULT_TEMPERATURE, |(t, _)| t);
    }
    let cases: Vec<(f64, &Part)> = RATIOS.iter().flat_map(|&r| parts.iter().map(move |part| (r, part))).collect();
    let trained: Vec<Vec<Matrix64>> = cases
        .par_iter()
        .map(|&(ratio, part)| {
            let frozen = Frozen::of(problem, joint, &part.fitted, temperature);
            let held = frozen.features(problem, &part.held, None);
            let adapters = frozen.train(problem, &part.fitted, ratio, &ENDS);
            adapters.iter().map(|a| a.forward(&held).unit.times_transposed(&frozen.weights)).collect()
        })
        .collect();
    let text: Vec<Vec<f64>> = (0..problem.images()).map(|i| problem.text_logits(i)).collect();
    // Where the weights are the names' own, the names say nothing more.
    let texts = if problem.text.is_some() && !joint { &TEXTS[..] } else { &TEXTS[3..] };
    let mut candidates = Vec::new();
    for (r, &ratio) in RATIOS.iter().enumerate().filter(|_| !parts.is_empty()) {
        for (e, &end) in ENDS.iter().enumerate() {
            let pieces: Vec<(&Part, Matrix64)> =
                parts.iter().enumerate().map(|(p, part)| (part, trained[r * parts.len() + p][e].clone())).collect();
            let found = scattered(&pieces);
            let with = |&weight: &f64| (ratio, end, weight, combined(&[(1.0, &found), (weight, &text)]));
            candidates.extend(texts.iter().map(with));
        }
    }
    let chosen = least(candidates, |(.., columns)| loss.total(columns));
    let (ratio, end, text_weight, columns, value) = match chosen {
        Some(((ratio, end, weight, columns), value)) => (ratio, end, weight, Some(columns), Some(value)),
        None => (RATIOS[0], ENDS[0], texts[0], None, None),
    };
    let whole = problem.whole();
    let frozen = Frozen::of(problem, joint, &whole.fitted, temperature);
    let adapter = frozen.train(problem, &whole.fitted, ratio, &[end]).pop();
    let adapter = adapter.unwrap_or_else(|| Adapter::new(frozen.weights.columns(), ratio, problem.seed));
    let model = ClipAdapter {
        space: frozen.space,
        down: Matrix::from(&adapter.down),
        up: Matrix::from(&adapter.up),
        ratio,
        weights: Matrix::from(&frozen.weights),
        // What has no weight need not be read.
        text: problem.text.clone().filter(|_| text_weight > 0.0),
        text_weight,
    };
    let choices = BaselineChoices {
        space: model.space.as_ref().map(|s| s.name),
        temperature: (!joint).then_some(temperature),
        text_weight: Some(text_weight).filter(|_| model.text.is_some()),
        ratio: Some(ratio),
        steps: Some(end),
        out_of_fold_loss: value,
        ..BaselineChoices::default()
    };
    Fitted { baseline: FittedBaseline::ClipAdapter(model), choices, out_of_fold: columns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Label::{Absent as A, Present as P};
    use crate::baseline::BalancedLoss;

    #[test]
    fn gradients_equal_finite_differences() {
        let mut stream = Stream::new(4, "clip adapter test");
        let mut normal = |rows: usize, columns: usize| {
            Matrix64::from_vec(rows, columns, (0..rows * columns).map(|_| stream.normal()).collect())
        };
        let (f, weights) = (normal(5, 12), normal(3, 12));
        let mut adapter = Adapter { down: normal(3, 12), up: normal(12, 3), ratio: 0.4 };
        let labels = [vec![A, A], vec![P, A], vec![A, P], vec![P, P], vec![A, A]];
        for coexistence in [Coexistence::Exclusive, Coexistence::MultiLabel] {
            let loss = BalancedLoss::of(&labels, coexistence);
            let value = |a: &Adapter| -> f64 {
                loss.total(&rows_of(&a.forward(&f).unit.times_transposed(&weights)).collect::<Vec<_>>())
            };
            let pass = adapter.forward(&f);
            let mut columns = pass.unit.times_transposed(&weights);
            for image in 0..labels.len() {
                let gradient = loss.gradient(image, columns.row(image));
                columns.row_mut(image).copy_from_slice(&gradient);
            }
            let (down, up) = adapter.backward(&f, &pass, &weights, &columns);
            for place in 0..36 {
                for (part, found) in [(0, down.data()[place]), (1, up.data()[place])] {
                    let mut at = |step: f64| {
                        let data = if part == 0 { adapter.down.data_mut() } else { adapter.up.data_mut() };
                        data[place] += step;
                        let found = value(&adapter);
                        let data = if part == 0 { adapter.down.data_mut() } else { adapter.up.data_mut() };
                        data[place] -= step;
                        found
                    };
                    let expected = (at(1e-6) - at(-1e-6)) / 2e-6;
                    assert!((found - expected).abs() < 1e-7, "{coexistence:?} part {part} {place}: {found} {expected}");
                }
            }
        }
    }
}
