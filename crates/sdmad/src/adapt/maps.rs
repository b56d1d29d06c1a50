//! Category maps of training images, and their part of a step's gradients.
//!
//! A patch goes the way of an image: its tokens in the layers that make an image's features, each through the tower's
//! last norm and of length 1, are put through the bridge to scores u; a(patch, s) = q_s · u, and the logit of category c
//! is κ (z_c − z_0). Since all of this is linear in u, it is one direction among the anchors for each category.

use rayon::prelude::*;

use sdmad_engine::Matrix;

use super::TrainingImages;
use super::images::ImagePass;
use crate::loss::localisation_loss;
use crate::{LossSettings, SignSets};

/// What a step's maps say.
pub(super) struct MapStep {
    /// L_loc, unweighted.
    pub(super) value: f64,
    /// Weighted gradients with respect to patch scores, `[images][patches][categories + 1]`; none for images without part.
    pub(super) scores: Vec<Option<Vec<Vec<f64>>>>,
    /// Weighted gradients with respect to sign coordinates, `[signs][categories + 1]`.
    pub(super) coordinates: Vec<Vec<f64>>,
}

impl MapStep {
    /// L_loc of the views that have targets; `None` when its weight is 0 or no view has any.
    pub(super) fn of(
        images: &TrainingImages<'_>,
        passes: &[ImagePass],
        bridge: &Matrix,
        coordinates: &[Vec<f64>],
        sets: &SignSets,
        settings: &LossSettings,
    ) -> Option<Self> {
        let targets_of = |i: usize| images.targets(passes[i].image, passes[i].view);
        let part: Vec<usize> = (0..passes.len()).filter(|&i| !targets_of(i).is_empty()).collect();
        if settings.localisation_weight == 0.0 || part.is_empty() {
            return None;
        }
        let directions = Directions::new(coordinates, sets, settings.logit_scale);
        let scores: Vec<_> = part.par_iter().map(|&i| images.patch_scores(&passes[i], bridge)).collect();
        let logits: Vec<_> = scores.iter().map(|u| directions.logits(u)).collect();
        let targets: Vec<_> = part.iter().map(|&i| targets_of(i)).collect();
        let mut loss = localisation_loss(&logits, &targets);
        loss.gradient.iter_mut().flatten().flatten().for_each(|g| *g *= settings.localisation_weight);

        let mut d_scores = vec![None; passes.len()];
        for (&i, d_logits) in part.iter().zip(&loss.gradient) {
            d_scores[i] = Some(directions.backward(d_logits));
        }
        let coordinates = directions.coordinates_backward(&scores, &loss.gradient, sets);
        Some(MapStep { value: loss.value, scores: d_scores, coordinates })
    }
}

/// For each category the direction in the space of the anchors along which its logit grows, κ (mean q of c − mean q of normal).
pub(super) struct Directions {
    /// `[categories][categories + 1]`.
    rows: Vec<Vec<f64>>,
    logit_scale: f64,
}

impl Directions {
    /// From sign coordinates, `[signs][categories + 1]`.
    pub(super) fn new(coordinates: &[Vec<f64>], sets: &SignSets, logit_scale: f64) -> Self {
        let mean = |signs: &[usize], column: usize| {
            signs.iter().map(|&s| coordinates[s][column]).sum::<f64>() / signs.len() as f64
        };
        let rows = (0..sets.categories())
            .map(|c| {
                (0..=sets.categories())
                    .map(|k| logit_scale * (mean(sets.category(c), k) - mean(sets.normal(), k)))
                    .collect()
            })
            .collect();
        Directions { rows, logit_scale }
    }

    /// Logits `[categories][patches]` from patch scores `[patches][categories + 1]`.
    pub(super) fn logits(&self, scores: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let along = |row: &[f64], u: &[f64]| row.iter().zip(u).map(|(r, u)| r * u).sum();
        self.rows.iter().map(|row| scores.iter().map(|u| along(row, u)).collect()).collect()
    }

    /// The adjoint of [`Directions::logits`] with respect to the scores, `[patches][categories + 1]`.
    fn backward(&self, d_logits: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let patches = d_logits.first().map_or(0, Vec::len);
        let columns = self.rows.len() + 1;
        let along = |p: usize, k: usize| d_logits.iter().zip(&self.rows).map(|(d, row)| d[p] * row[k]).sum();
        (0..patches).map(|p| (0..columns).map(|k| along(p, k)).collect()).collect()
    }

    /// The adjoint with respect to sign coordinates, summed over images: `[signs][categories + 1]`.
    fn coordinates_backward(
        &self,
        scores: &[Vec<Vec<f64>>],
        d_logits: &[Vec<Vec<f64>>],
        sets: &SignSets,
    ) -> Vec<Vec<f64>> {
        let columns = self.rows.len() + 1;
        let mut gradient = vec![vec![0.0; columns]; sets.signs()];
        for c in 0..self.rows.len() {
            for k in 0..columns {
                let of_image = |(u, d): (&Vec<Vec<f64>>, &Vec<Vec<f64>>)| -> f64 {
                    u.iter().zip(&d[c]).map(|(u, d)| d * u[k]).sum()
                };
                let d_row = self.logit_scale * scores.iter().zip(d_logits).map(of_image).sum::<f64>();
                for (signs, sign) in [(sets.category(c), 1.0), (sets.normal(), -1.0)] {
                    signs.iter().for_each(|&s| gradient[s][k] += sign * d_row / signs.len() as f64);
                }
            }
        }
        gradient
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SignMap;

    #[test]
    fn a_patch_scores_as_an_image_does() {
        let sets = SignSets::new(vec![vec![0, 1], vec![2, 3], vec![3, 4]], 5);
        let text: Vec<Vec<f64>> =
            (0..5).map(|s| (0..6).map(|d| ((s * 7 + d * 3) % 5) as f64 / 5.0).collect()).collect();
        let map = SignMap::new(&text, sets, 0.5).unwrap();
        let scores = [0.3, -1.2, 2.0];
        let a = map.similarities(&scores);
        let mean = |signs: &[usize]| signs.iter().map(|&s| a[s]).sum::<f64>() / signs.len() as f64;
        let logits = Directions::new(&map.coordinates, &map.sets, 10.0).logits(&[scores.to_vec()]);
        for (c, logit) in logits.iter().enumerate() {
            let expected = 10.0 * (mean(map.sets.category(c)) - mean(map.sets.normal()));
            assert!((logit[0] - expected).abs() < 1e-9);
        }
    }
}
