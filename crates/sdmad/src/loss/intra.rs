use super::{SignSets, mean, present_absent};
use crate::Label;

/// L_intra: the squared spread of a present category's signs.
pub(super) fn intra_loss(
    a: &[Vec<f64>],
    labels: &[Vec<Label>],
    sets: &SignSets,
    outer: f64,
    gradient: &mut [Vec<f64>],
) -> f64 {
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
