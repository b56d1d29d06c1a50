//! One level of MVFA (Huang et al. 2024, arXiv 2403.12570): a residual bottleneck on frozen patch tokens and a reading of
//! normal and abnormal behind it, and how they are trained.

use sdmad_base::Stream;
use sdmad_engine::{
    AdamW, AdapterGradients, AdapterInput, Matrix, ShiftAdapter, cosine_decay, l2_normalize, l2_normalize_backward,
};

use crate::align::dot;
use crate::calibration::logistic;

/// From an image's patch tokens of one level to how abnormal each patch is.
///
/// x' = 0.8 x + 0.2 A(x), with A(x) = α(W₂ α(W₁ x)) and α the leaky rectifier; the share of abnormal in a softmax over
/// normal and abnormal is σ(w · x' √n / |x'| + b), with n numbers in a token: of two classes only the difference counts.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchDetector {
    /// W₁ and W₂.
    pub adapter: ShiftAdapter,
    /// w: `[1, width]`.
    pub head: Matrix,
    /// b: `[1, 1]`.
    pub bias: Matrix,
}

/// Share of a patch's own token; their two adapters together have the rest.
const LAMBDA: f32 = 0.8;
/// The bottleneck is an eighth of a token, and no wider than this.
const WIDEST: usize = 32;
/// Steps of training.
pub(super) const STEPS: usize = 100;
/// Images of normal and images of the rest in a step, at most.
const BATCH: usize = 8;
const LEARNING_RATE: f32 = 1e-3;
const WEIGHT_DECAY: f32 = 1e-2;
/// Spread, over patches of the shots, of what words say before training: that of the logits of names.
const START_SPREAD: f64 = 2.0;
/// Shares are kept this far from 0 and 1 where their logarithm is taken.
const SMALLEST_SHARE: f64 = 1e-6;

/// Gradients of a detector.
pub(super) struct DetectorGradients {
    pub(super) down: Matrix,
    pub(super) up: Matrix,
    pub(super) head: Matrix,
    pub(super) bias: Matrix,
}

/// The images that a level is trained on, as places in its list of tokens.
pub(super) struct Sides<'a> {
    pub(super) normal: &'a [usize],
    pub(super) abnormal: &'a [usize],
}

impl PatchDetector {
    /// Of two trained matrices of an adapter.
    pub(crate) fn residual(down: Matrix, up: Matrix) -> ShiftAdapter {
        ShiftAdapter { down, up, lambda: LAMBDA, input: AdapterInput::BlockOutput, norm_matching: false }
    }

    /// Before training: a random adapter, and a head that reads `direction` in a token, or nothing.
    pub(super) fn start(width: usize, direction: Option<&[f32]>, tokens: &[&Matrix], seed: u64, level: usize) -> Self {
        let bottleneck = (width / 8).clamp(1, WIDEST);
        let mut stream = Stream::new(seed, &format!("baseline/mvfa/{level}"));
        let mut layer = |rows: usize, columns: usize| {
            let limit = 1.0 / (columns as f64).sqrt();
            let data = (0..rows * columns).map(|_| stream.between(-limit, limit) as f32).collect();
            Matrix::from_vec(rows, columns, data)
        };
        let adapter = Self::residual(layer(bottleneck, width), layer(width, bottleneck));
        let mut detector = PatchDetector { adapter, head: Matrix::zeros(1, width), bias: Matrix::zeros(1, 1) };
        if let Some(direction) = direction {
            detector.head.data_mut().copy_from_slice(direction);
            let margins: Vec<f64> = tokens.iter().flat_map(|x| detector.margins(&detector.adapted(x))).collect();
            let count = margins.len().max(1) as f64;
            let mean = margins.iter().sum::<f64>() / count;
            let spread = (margins.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / count).sqrt();
            let factor = if spread > 1e-9 { START_SPREAD / spread } else { 0.0 };
            detector.head.scale(factor as f32);
            detector.bias.data_mut()[0] = (-mean * factor) as f32;
        }
        detector
    }

    /// x' of an image's patches, of length 1.
    pub(crate) fn adapted(&self, tokens: &Matrix) -> Matrix {
        l2_normalize(&self.adapter.forward(tokens, tokens))
    }

    /// The share of abnormal in each patch, from what [`PatchDetector::adapted`] gives.
    pub(crate) fn shares(&self, adapted: &Matrix) -> Vec<f64> {
        self.margins(adapted).into_iter().map(logistic).collect()
    }

    fn margins(&self, adapted: &Matrix) -> Vec<f64> {
        let (unit, bias) = ((adapted.columns() as f64).sqrt(), f64::from(self.bias.data()[0]));
        (0..adapted.rows()).map(|p| unit * dot(self.head.data(), adapted.row(p)) + bias).collect()
    }

    /// The loss of images (tokens, whether abnormal, weight) and its gradients: the cross-entropy of an image's mean share
    /// over patches.
    pub(super) fn loss_and_gradients(&self, images: &[(&Matrix, bool, f64)]) -> (f64, DetectorGradients) {
        let tokens = Matrix::stacked(images.iter().map(|(tokens, ..)| *tokens));
        let out = self.adapter.forward(&tokens, &tokens);
        let adapted = l2_normalize(&out);
        let shares = self.shares(&adapted);
        let unit = (tokens.columns() as f64).sqrt();
        let (mut loss, mut first, mut d_bias) = (0.0, 0, 0.0);
        let mut d_head = vec![0.0; tokens.columns()];
        let mut d_adapted = Matrix::zeros(tokens.rows(), tokens.columns());
        for &(image, abnormal, weight) in images {
            let patches = first..first + image.rows();
            first = patches.end;
            let count = image.rows().max(1) as f64;
            let mean = shares[patches.clone()].iter().sum::<f64>() / count;
            let right = if abnormal { mean } else { 1.0 - mean };
            loss -= weight * right.max(SMALLEST_SHARE).ln();
            let d_right = if right > SMALLEST_SHARE { -weight / right } else { 0.0 };
            let d_mean = if abnormal { d_right } else { -d_right };
            for patch in patches {
                let d_margin = d_mean / count * shares[patch] * (1.0 - shares[patch]);
                d_bias += d_margin;
                let sums = d_head.iter_mut().zip(adapted.row(patch));
                sums.for_each(|(d, &a)| *d += unit * d_margin * f64::from(a));
                let factor = (unit * d_margin) as f32;
                let row = d_adapted.row_mut(patch).iter_mut().zip(self.head.data());
                row.for_each(|(d, w)| *d = factor * w);
            }
        }
        let d_out = l2_normalize_backward(&out, &d_adapted);
        let AdapterGradients { down, up, .. } = self.adapter.backward(&tokens, &tokens, &d_out);
        let head = Matrix::from_vec(1, d_head.len(), d_head.iter().map(|&d| d as f32).collect());
        let bias = Matrix::from_vec(1, 1, vec![d_bias as f32]);
        (loss, DetectorGradients { down, up, head, bias })
    }

    /// Detectors after each number of steps that training may end at. In a step stand the next few images of normal and
    /// of the rest, in a fixed order.
    pub(super) fn trained(mut self, tokens: &[&Matrix], sides: &Sides<'_>, seed: u64, ends: &[usize]) -> Vec<Self> {
        let mut stream = Stream::new(seed, "baseline/mvfa/order");
        let mut shuffled = |of: &[usize]| {
            let mut order = of.to_vec();
            stream.shuffle(&mut order);
            order
        };
        let sides = [(shuffled(sides.normal), false), (shuffled(sides.abnormal), true)];
        let mut optimizer = AdamW::new(LEARNING_RATE, WEIGHT_DECAY);
        let mut kept = Vec::new();
        for step in 0..ends.last().copied().unwrap_or(0) {
            let mut batch = Vec::new();
            for (order, abnormal) in &sides {
                let count = order.len().min(BATCH);
                let weight = 0.5 / count.max(1) as f64;
                let next = (0..count).map(|i| order[(step * count + i) % order.len()]);
                batch.extend(next.map(|i| (tokens[i], *abnormal, weight)));
            }
            if !batch.is_empty() {
                let (_, d) = self.loss_and_gradients(&batch);
                let PatchDetector { adapter, head, bias } = &mut self;
                let pairs: &mut [(&mut Matrix, &Matrix)] =
                    &mut [(&mut adapter.down, &d.down), (&mut adapter.up, &d.up), (head, &d.head), (bias, &d.bias)];
                optimizer.step(pairs, cosine_decay(step, STEPS));
            }
            if ends.contains(&(step + 1)) {
                kept.push(self.clone());
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_equal_finite_differences() {
        let mut stream = Stream::new(5, "mvfa test");
        let mut normal = |rows: usize, columns: usize, scale: f64| {
            let data = (0..rows * columns).map(|_| (scale * stream.normal()) as f32).collect();
            Matrix::from_vec(rows, columns, data)
        };
        let tokens = [normal(4, 16, 1.0), normal(3, 16, 1.0), normal(4, 16, 1.0)];
        let images: Vec<(&Matrix, bool, f64)> =
            tokens.iter().zip([(false, 0.5), (true, 0.2), (true, 0.3)]).map(|(t, (a, w))| (t, a, w)).collect();
        let detector = PatchDetector {
            adapter: PatchDetector::residual(normal(3, 16, 0.5), normal(16, 3, 0.8)),
            head: normal(1, 16, 0.3),
            bias: normal(1, 1, 0.3),
        };
        let (_, gradients) = detector.loss_and_gradients(&images);
        // Small, so that next to no number steps over the kink of the rectifier.
        let step = 5e-4f32;
        let parts = [&gradients.down, &gradients.up, &gradients.head, &gradients.bias];
        for (part, gradient) in parts.into_iter().enumerate() {
            for (place, &found) in gradient.data().iter().enumerate() {
                let at = |step: f32| {
                    let mut moved = detector.clone();
                    let matrix = match part {
                        0 => &mut moved.adapter.down,
                        1 => &mut moved.adapter.up,
                        2 => &mut moved.head,
                        _ => &mut moved.bias,
                    };
                    matrix.data_mut()[place] += step;
                    moved.loss_and_gradients(&images).0
                };
                let expected = (at(step) - at(-step)) / f64::from(2.0 * step);
                let found = f64::from(found);
                assert!(
                    (found - expected).abs() < 2e-4 + 0.01 * expected.abs(),
                    "part {part} {place}: {found} {expected}"
                );
            }
        }
    }
}
