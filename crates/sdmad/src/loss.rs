//! Losses of stage 1 on the similarities of images and signs, with their gradients (method.md, section 4).
//!
//! Everything here is small (images of a step × signs), so it is computed in f64.

use crate::Label;

/// Which form the inter-anomaly discrepancy loss takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterLoss {
    /// `softplus(m − κ (z_c − z_c'))` for present c and absent c', signs shared by both left out of `z_c'`.
    Margin,
    /// Multi-positive InfoNCE over signs; signs that a present category shares are no negatives.
    InfoNce,
}

/// Weights and constants of the losses.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossSettings {
    /// Logit scale κ on cosines. Greater than 0; CLIP's is 100.
    pub logit_scale: f64,
    /// The form of L_inter.
    pub inter: InterLoss,
    /// β, the weight of L_inter.
    pub inter_weight: f64,
    /// The margin m of [`InterLoss::Margin`], in logits.
    pub margin: f64,
    /// γ, the weight of L_intra, the spread of a present category's signs.
    pub intra_weight: f64,
}

impl Default for LossSettings {
    fn default() -> Self {
        LossSettings { logit_scale: 10.0, inter: InterLoss::Margin, inter_weight: 1.0, margin: 1.0, intra_weight: 0.0 }
    }
}

/// Which signs belong to which category: index 0 is normal, index c + 1 is category c of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignSets {
    sets: Vec<Vec<usize>>,
    signs: usize,
}

impl SignSets {
    /// `sets[0]` lists the signs of normal, `sets[c + 1]` those of category c; indices below `signs`, no set empty.
    pub fn new(sets: Vec<Vec<usize>>, signs: usize) -> Self {
        debug_assert!(sets.iter().all(|s| !s.is_empty() && s.iter().all(|&i| i < signs)));
        SignSets { sets, signs }
    }

    /// The signs of normal.
    pub fn normal(&self) -> &[usize] {
        &self.sets[0]
    }

    /// The signs of category c.
    pub fn category(&self, c: usize) -> &[usize] {
        &self.sets[c + 1]
    }

    /// How many categories there are, normal not counted.
    pub fn categories(&self) -> usize {
        self.sets.len() - 1
    }

    /// How many signs there are.
    pub fn signs(&self) -> usize {
        self.signs
    }
}

/// A loss and its gradient with respect to the similarities.
#[derive(Clone, Debug)]
pub struct LossGradient {
    /// L = L_det + β L_inter + γ L_intra.
    pub total: f64,
    /// L_det alone.
    pub detection: f64,
    /// L_inter alone, unweighted.
    pub inter: f64,
    /// L_intra alone, unweighted.
    pub intra: f64,
    /// dL/da, `[images][signs]`.
    pub gradient: Vec<Vec<f64>>,
}

/// The losses of similarities `a[image][sign]` (cosines) under `labels[image][category]`.
///
/// Unknown labels take part in nothing. A category without a known positive or negative among the images has no
/// L_det; an image without a present category has no L_inter and no L_intra.
pub fn losses(a: &[Vec<f64>], labels: &[Vec<Label>], sets: &SignSets, settings: &LossSettings) -> LossGradient {
    let mut gradient = vec![vec![0.0; sets.signs()]; a.len()];
    let detection = detection_loss(a, labels, sets, settings, &mut gradient);
    let inter = match settings.inter {
        _ if settings.inter_weight == 0.0 => 0.0,
        InterLoss::Margin => margin_loss(a, labels, sets, settings, &mut gradient),
        InterLoss::InfoNce => info_nce_loss(a, labels, sets, settings, &mut gradient),
    };
    let intra = match settings.intra_weight {
        0.0 => 0.0,
        weight => intra_loss(a, labels, sets, weight, &mut gradient),
    };
    let total = detection + settings.inter_weight * inter + settings.intra_weight * intra;
    LossGradient { total, detection, inter, intra, gradient }
}

fn mean(a: &[f64], signs: &[usize]) -> f64 {
    signs.iter().map(|&s| a[s]).sum::<f64>() / signs.len() as f64
}

fn add_to_mean(gradient: &mut [f64], signs: &[usize], amount: f64) {
    for &s in signs {
        gradient[s] += amount / signs.len() as f64;
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn detection_loss(
    a: &[Vec<f64>],
    labels: &[Vec<Label>],
    sets: &SignSets,
    settings: &LossSettings,
    gradient: &mut [Vec<f64>],
) -> f64 {
    let kappa = settings.logit_scale;
    let count = |c: usize, label: Label| labels.iter().filter(|row| row[c] == label).count();
    let counted: Vec<(usize, f64, f64)> = (0..sets.categories())
        .map(|c| (c, count(c, Label::Present) as f64, count(c, Label::Absent) as f64))
        .filter(|&(_, present, absent)| present > 0.0 && absent > 0.0)
        .collect();
    let mut loss = 0.0;
    for &(c, present, absent) in &counted {
        for ((a, row), gradient) in a.iter().zip(labels).zip(gradient.iter_mut()) {
            let (target, weight) = match row[c] {
                Label::Present => (1.0, 0.5 / present),
                Label::Absent => (0.0, 0.5 / absent),
                Label::Unknown => continue,
            };
            let weight = weight / counted.len() as f64;
            let logit = kappa * (mean(a, sets.category(c)) - mean(a, sets.normal()));
            loss += weight * (softplus(logit) - target * logit);
            let d = weight * kappa * (sigmoid(logit) - target);
            add_to_mean(gradient, sets.category(c), d);
            add_to_mean(gradient, sets.normal(), -d);
        }
    }
    loss
}

/// Present and known-absent categories of one image.
fn present_absent(row: &[Label]) -> (Vec<usize>, Vec<usize>) {
    let of = |label| row.iter().enumerate().filter(|&(_, &l)| l == label).map(|(c, _)| c).collect();
    (of(Label::Present), of(Label::Absent))
}

fn margin_loss(
    a: &[Vec<f64>],
    labels: &[Vec<Label>],
    sets: &SignSets,
    settings: &LossSettings,
    gradient: &mut [Vec<f64>],
) -> f64 {
    let kappa = settings.logit_scale;
    // Image, present category, and the signs of an absent one that they do not share.
    let mut pairs: Vec<(usize, usize, Vec<usize>)> = Vec::new();
    let mut per_image = vec![0usize; a.len()];
    for (i, row) in labels.iter().enumerate() {
        let (present, absent) = present_absent(row);
        for &c in &present {
            for &other in &absent {
                let own = sets.category(c);
                let rest: Vec<usize> = sets.category(other).iter().copied().filter(|s| !own.contains(s)).collect();
                if !rest.is_empty() {
                    pairs.push((i, c, rest));
                    per_image[i] += 1;
                }
            }
        }
    }
    let images = per_image.iter().filter(|&&n| n > 0).count() as f64;
    let mut loss = 0.0;
    for (i, c, rest) in &pairs {
        let weight = 1.0 / (images * per_image[*i] as f64);
        let gap = settings.margin - kappa * (mean(&a[*i], sets.category(*c)) - mean(&a[*i], rest));
        loss += weight * softplus(gap);
        let d = settings.inter_weight * weight * kappa * sigmoid(gap);
        add_to_mean(&mut gradient[*i], sets.category(*c), -d);
        add_to_mean(&mut gradient[*i], rest, d);
    }
    loss
}

fn info_nce_loss(
    a: &[Vec<f64>],
    labels: &[Vec<Label>],
    sets: &SignSets,
    settings: &LossSettings,
    gradient: &mut [Vec<f64>],
) -> f64 {
    let kappa = settings.logit_scale;
    let cases: Vec<(usize, Vec<usize>, Vec<usize>)> = labels
        .iter()
        .enumerate()
        .filter_map(|(i, row)| {
            let (present, absent) = present_absent(row);
            let of = |categories: &[usize]| {
                let mut signs: Vec<usize> = categories.iter().flat_map(|&c| sets.category(c)).copied().collect();
                signs.sort_unstable();
                signs.dedup();
                signs
            };
            let positive = of(&present);
            let negative: Vec<usize> = of(&absent).into_iter().filter(|s| !positive.contains(s)).collect();
            (!positive.is_empty() && !negative.is_empty()).then_some((i, positive, negative))
        })
        .collect();
    let mut loss = 0.0;
    for (i, positive, negative) in &cases {
        let a = &a[*i];
        let weight = 1.0 / (cases.len() * positive.len()) as f64;
        for &p in positive {
            // −log( e_p / (e_p + Σ_n e_n) ), with the largest exponent taken out.
            let top = negative.iter().map(|&n| a[n]).fold(a[p], f64::max);
            let own = (kappa * (a[p] - top)).exp();
            let others: Vec<f64> = negative.iter().map(|&n| (kappa * (a[n] - top)).exp()).collect();
            let sum = own + others.iter().sum::<f64>();
            loss += weight * (sum.ln() - kappa * (a[p] - top));
            let d = settings.inter_weight * weight * kappa;
            gradient[*i][p] += d * (own / sum - 1.0);
            for (&n, e) in negative.iter().zip(&others) {
                gradient[*i][n] += d * e / sum;
            }
        }
    }
    loss
}

fn intra_loss(a: &[Vec<f64>], labels: &[Vec<Label>], sets: &SignSets, outer: f64, gradient: &mut [Vec<f64>]) -> f64 {
    let cases: Vec<(usize, usize)> =
        labels.iter().enumerate().flat_map(|(i, row)| present_absent(row).0.into_iter().map(move |c| (i, c))).collect();
    let mut loss = 0.0;
    for &(i, c) in &cases {
        let signs = sets.category(c);
        let centre = mean(&a[i], signs);
        let weight = 1.0 / (cases.len() * signs.len()) as f64;
        for &s in signs {
            // The centre's own derivative cancels: deviations add up to 0.
            loss += weight * (a[i][s] - centre).powi(2);
            gradient[i][s] += outer * weight * 2.0 * (a[i][s] - centre);
        }
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Absent, Present, Unknown};
    use sdmad_base::Stream;

    fn problem() -> (Vec<Vec<f64>>, Vec<Vec<Label>>, SignSets) {
        let mut stream = Stream::new(1, "loss test");
        let a = (0..5).map(|_| (0..8).map(|_| stream.between(-1.0, 1.0)).collect()).collect();
        let labels = vec![
            vec![Absent, Absent, Absent],
            vec![Present, Absent, Absent],
            vec![Present, Present, Absent],
            vec![Absent, Present, Unknown],
            vec![Unknown, Absent, Present],
        ];
        // Sign 3 is shared by categories 0 and 1; category 2 shares all of its signs with category 1.
        let sets = SignSets::new(vec![vec![0, 1], vec![2, 3], vec![3, 4, 5, 6], vec![5, 6]], 8);
        (a, labels, sets)
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let (a, labels, sets) = problem();
        for inter in [InterLoss::Margin, InterLoss::InfoNce] {
            let settings = LossSettings { logit_scale: 5.0, inter, inter_weight: 0.7, margin: 0.5, intra_weight: 0.3 };
            let result = losses(&a, &labels, &sets, &settings);
            for i in 0..a.len() {
                for s in 0..sets.signs() {
                    let moved = |h: f64| {
                        let mut a = a.clone();
                        a[i][s] += h;
                        losses(&a, &labels, &sets, &settings).total
                    };
                    let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    assert!((numeric - result.gradient[i][s]).abs() < 1e-7, "{inter:?} image {i} sign {s}");
                }
            }
        }
    }

    #[test]
    fn a_sign_that_both_share_is_no_evidence_against() {
        let (a, _, sets) = problem();
        let labels = vec![vec![Absent, Present, Absent]; 5];
        let settings = LossSettings { inter_weight: 1.0, ..LossSettings::default() };
        let before = losses(&a, &labels, &sets, &settings).inter;
        let mut moved = a.clone();
        // All signs of category 2 are signs of category 1: only category 0's own sign 2 counts against it.
        for row in &mut moved {
            row[2] -= 0.5;
        }
        assert!(losses(&moved, &labels, &sets, &settings).inter < before);
        let only_shared = vec![vec![Unknown, Present, Absent]; 5];
        assert_eq!(losses(&a, &only_shared, &sets, &settings).inter, 0.0);
    }

    #[test]
    fn unknown_labels_change_nothing() {
        let (a, _, sets) = problem();
        let unknown = vec![vec![Unknown; 3]; 5];
        let result = losses(&a, &unknown, &sets, &LossSettings { intra_weight: 1.0, ..LossSettings::default() });
        assert_eq!(result.total, 0.0);
        assert!(result.gradient.iter().flatten().all(|&g| g == 0.0));
    }

    #[test]
    fn detection_loss_is_class_balanced() {
        let sets = SignSets::new(vec![vec![0], vec![1]], 2);
        let settings = LossSettings { logit_scale: 1.0, inter_weight: 0.0, ..LossSettings::default() };
        // Logit 0 everywhere: balanced cross entropy is ln 2 whatever the counts.
        let a = vec![vec![0.2, 0.2]; 4];
        let labels = vec![vec![Present], vec![Absent], vec![Absent], vec![Absent]];
        assert!((losses(&a, &labels, &sets, &settings).total - 2f64.ln()).abs() < 1e-12);
    }
}
