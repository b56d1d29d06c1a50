use super::{LossSettings, SignSets, add_to_mean, mean, present_absent, sigmoid, softplus};
use crate::Label;

/// L_inter as a margin between categories.
pub(super) fn margin_loss(
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

/// L_inter as InfoNCE over signs.
pub(super) fn info_nce_loss(
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
