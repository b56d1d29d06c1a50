//! Losses of stage 1, with their gradients (docs/method.md, "Training by gradient").
//!
//! Everything here is small (images of a step × signs, and where masks train, × patches), so it is computed in f64.
//! [`losses`] has those on similarities; [`orthogonality_loss`] is on text embeddings, [`localisation_loss`] on maps.

mod detection;
mod inter;
mod intra;
mod localisation;
mod orthogonality;
mod sets;
#[cfg(test)]
mod tests;

use crate::Label;
use detection::detection_loss;
use inter::{info_nce_loss, margin_loss};
use intra::intra_loss;
pub(crate) use localisation::{PatchTarget, localisation_loss};
pub(crate) use orthogonality::orthogonality_loss;
pub use sets::SignSets;

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
    /// Weight of the orthogonality of category text anchors.
    pub orthogonality_weight: f64,
    /// δ, the weight of L_loc, where images have masks.
    pub localisation_weight: f64,
}

impl Default for LossSettings {
    fn default() -> Self {
        LossSettings {
            logit_scale: 10.0,
            inter: InterLoss::Margin,
            inter_weight: 1.0,
            margin: 1.0,
            intra_weight: 0.0,
            orthogonality_weight: 0.0,
            localisation_weight: 0.0,
        }
    }
}

/// A loss and its gradient with respect to the similarities.
#[derive(Clone, Debug)]
pub struct LossGradient {
    /// L_det + β L_inter + γ L_intra.
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

/// Present and known-absent categories of one image.
fn present_absent(row: &[Label]) -> (Vec<usize>, Vec<usize>) {
    let of = |label| row.iter().enumerate().filter(|&(_, &l)| l == label).map(|(c, _)| c).collect();
    (of(Label::Present), of(Label::Absent))
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
