use crate::bridge::column_label;
use crate::calibration::logistic;
use crate::{Coexistence, Label};

/// The loss that baselines are trained by and that their settings are chosen by: every class counts the same.
///
/// Where categories exclude each other it is the cross-entropy of the softmax over normal and the categories (an image
/// with two categories is half of each); else the mean over columns of the binary cross-entropy of "it is there"
/// against "it is not", over known labels.
#[derive(Clone, Debug)]
pub(crate) struct BalancedLoss {
    coexistence: Coexistence,
    /// `[images][columns]`; 0 where a label is unknown. They sum to 1, if any label is known.
    weights: Vec<Vec<f64>>,
    /// `[images][columns]`; read in multi-label sets alone.
    positive: Vec<Vec<bool>>,
}

impl BalancedLoss {
    pub(crate) fn of(labels: &[Vec<Label>], coexistence: Coexistence) -> Self {
        let columns = labels.first().map_or(0, |l| l.len() + 1);
        let truth: Vec<Vec<Label>> =
            labels.iter().map(|l| (0..columns).map(|c| column_label(l, c)).collect()).collect();
        let positive: Vec<Vec<bool>> = truth.iter().map(|t| t.iter().map(|&l| l == Label::Present).collect()).collect();
        let mut weights: Vec<Vec<f64>> = match coexistence {
            Coexistence::Exclusive => positive
                .iter()
                .map(|p| {
                    let count = p.iter().filter(|&&p| p).count().max(1) as f64;
                    p.iter().map(|&p| f64::from(u8::from(p)) / count).collect()
                })
                .collect(),
            Coexistence::MultiLabel => {
                truth.iter().map(|t| t.iter().map(|&l| f64::from(u8::from(l != Label::Unknown))).collect()).collect()
            }
        };
        for column in 0..columns {
            // In exclusive sets only positives have weight.
            let mut sums = [0.0; 2];
            weights.iter().zip(&positive).for_each(|(w, p)| sums[usize::from(p[column])] += w[column]);
            let both = sums[0] > 0.0 && sums[1] > 0.0;
            for (weight, positive) in weights.iter_mut().zip(&positive) {
                let sum = sums[usize::from(positive[column])];
                let counts = coexistence == Coexistence::Exclusive || both;
                weight[column] = if sum > 0.0 && counts { weight[column] / sum } else { 0.0 };
            }
        }
        let sum: f64 = weights.iter().flatten().sum();
        if sum > 0.0 {
            weights.iter_mut().flatten().for_each(|w| *w /= sum);
        }
        BalancedLoss { coexistence, weights, positive }
    }

    /// The part of one image, for its columns as logits.
    pub(crate) fn of_image(&self, image: usize, z: &[f64]) -> f64 {
        let weights = self.weights[image].iter();
        match self.coexistence {
            Coexistence::Exclusive => {
                let all = log_sum_exp(z);
                weights.zip(z).map(|(w, z)| w * (all - z)).sum()
            }
            Coexistence::MultiLabel => weights
                .zip(z)
                .zip(&self.positive[image])
                .map(|((w, &z), &positive)| {
                    let margin = if positive { z } else { -z };
                    w * ((-margin.abs()).exp().ln_1p() + (-margin).max(0.0))
                })
                .sum(),
        }
    }

    /// Its gradient with respect to the columns.
    pub(crate) fn gradient(&self, image: usize, z: &[f64]) -> Vec<f64> {
        let weights = &self.weights[image];
        match self.coexistence {
            Coexistence::Exclusive => {
                let all = log_sum_exp(z);
                let sum: f64 = weights.iter().sum();
                weights.iter().zip(z).map(|(w, z)| sum * (z - all).exp() - w).collect()
            }
            Coexistence::MultiLabel => {
                let residual = |(z, positive): (&f64, &bool)| logistic(*z) - f64::from(u8::from(*positive));
                weights.iter().zip(z.iter().zip(&self.positive[image]).map(residual)).map(|(w, r)| w * r).collect()
            }
        }
    }

    /// The loss of all images, in their order.
    pub(crate) fn total(&self, columns: &[Vec<f64>]) -> f64 {
        columns.iter().enumerate().map(|(image, z)| self.of_image(image, z)).sum()
    }
}

/// log Σ exp z, without overflow.
pub(crate) fn log_sum_exp(z: &[f64]) -> f64 {
    let top = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top.is_finite() { top + z.iter().map(|z| (z - top).exp()).sum::<f64>().ln() } else { top }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Absent as A, Present as P, Unknown as U};

    #[test]
    fn gradients_equal_finite_differences_and_classes_count_the_same() {
        let labels = [vec![A, A], vec![A, A], vec![P, A], vec![A, P], vec![P, P], vec![U, A], vec![A, U]];
        for coexistence in [Coexistence::Exclusive, Coexistence::MultiLabel] {
            let loss = BalancedLoss::of(&labels, coexistence);
            assert!((loss.weights.iter().flatten().sum::<f64>() - 1.0).abs() < 1e-12);
            let z = vec![0.3, -1.0, 0.7];
            for image in 0..labels.len() {
                let gradient = loss.gradient(image, &z);
                for column in 0..3 {
                    let moved = |step: f64| {
                        let mut z = z.clone();
                        z[column] += step;
                        loss.of_image(image, &z)
                    };
                    let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    assert!((gradient[column] - expected).abs() < 1e-9, "{coexistence:?} {image} {column}");
                }
            }
        }
        // Three classes of unequal size: logits that are all equal lose log 3.
        let loss = BalancedLoss::of(&labels[..4], Coexistence::Exclusive);
        assert!((loss.total(&vec![vec![0.0; 3]; 4]) - 3f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn unknown_labels_take_no_part() {
        let loss = BalancedLoss::of(&[vec![P], vec![A], vec![U]], Coexistence::MultiLabel);
        assert_eq!(loss.of_image(2, &[5.0, 5.0]), 0.0);
        assert_eq!(loss.gradient(2, &[5.0, 5.0]), [0.0, 0.0]);
    }
}
