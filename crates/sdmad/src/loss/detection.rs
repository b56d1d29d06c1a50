use super::{LossSettings, SignSets, add_to_mean, mean, sigmoid, softplus};
use crate::Label;

/// L_det: the mean over categories of class-balanced binary cross-entropy.
pub(super) fn detection_loss(
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
