use rayon::prelude::*;
use sdmad_base::Result;

use super::ridge::spread;
use super::{BridgeSettings, LinearMap, SupportSet, balanced, kernel::Kernel};
use crate::{Folds, GramLogisticRegression};

fn both_classes(truth: &[bool]) -> bool {
    truth.contains(&true) && truth.contains(&false)
}

/// Class-balanced logistic regression of each column against the rest, scaled to unit spread over rows and columns. A column of one class
/// only is left at 0.
pub(super) fn fit(kernel: &Kernel, support: &SupportSet, columns: usize, l2: f64) -> Result<LinearMap> {
    let solved: Vec<(Vec<f64>, f64)> = (0..columns)
        .into_par_iter()
        .map(|column| {
            let (rows, truth) = kernel.known_rows(support, column);
            let mut coefficients = vec![0.0; kernel.rows()];
            if !both_classes(&truth) {
                return Ok((coefficients, 0.0));
            }
            let model = GramLogisticRegression::fit(&kernel.among(&rows), &truth, Some(&balanced(&truth)), l2)?;
            rows.iter().zip(&model.coefficients).for_each(|(&row, &a)| coefficients[row] = a);
            Ok((coefficients, model.bias))
        })
        .collect::<Result<_>>()?;
    let (mut coefficients, mut biases): (Vec<Vec<f64>>, Vec<f64>) = solved.into_iter().unzip();
    let fitted: Vec<f64> =
        coefficients.iter().zip(&biases).flat_map(|(a, b)| kernel.apply(a).into_iter().map(move |s| s + b)).collect();
    let scale = 1.0 / spread(&fitted);
    coefficients.iter_mut().flatten().chain(&mut biases).for_each(|x| *x *= scale);
    Ok(kernel.primal(&coefficients, &biases))
}

/// The strength of lowest class-balanced log loss out of fold, over all columns; folds keep the views of an image
/// and the images of a patient together. Ties go to the stronger.
pub(super) fn choose_l2(
    kernel: &Kernel,
    support: &SupportSet,
    folds: &Folds,
    settings: &BridgeSettings,
) -> Result<f64> {
    let columns = support.labels[0].len() + 1;
    let mut cases: Vec<(f64, usize, usize)> = Vec::new();
    for &l2 in &settings.probe_l2 {
        for fold in 0..folds.count {
            cases.extend((0..columns).map(|column| (l2, fold, column)));
        }
    }
    let losses: Vec<(f64, f64)> = cases
        .par_iter()
        .map(|&(l2, fold, column)| held_out_loss(kernel, support, folds, l2, fold, column))
        .collect::<Result<_>>()?;
    let per_strength = folds.count * columns;
    let mean = |k: usize| {
        let part = &losses[k * per_strength..(k + 1) * per_strength];
        part.iter().map(|p| p.0).sum::<f64>() / part.iter().map(|p| p.1).sum::<f64>().max(1e-300)
    };
    let best = (0..settings.probe_l2.len())
        .min_by(|&a, &b| mean(a).total_cmp(&mean(b)).then(settings.probe_l2[b].total_cmp(&settings.probe_l2[a])));
    Ok(best.map_or(settings.probe_l2_default, |k| settings.probe_l2[k]))
}

/// Sum of weighted log losses of a held-out fold, and the sum of the weights.
fn held_out_loss(
    kernel: &Kernel,
    support: &SupportSet,
    folds: &Folds,
    l2: f64,
    fold: usize,
    column: usize,
) -> Result<(f64, f64)> {
    let (rows, truth) = kernel.known_rows(support, column);
    let held = |row: usize| folds.of_row[kernel.image_of_row[row]] == fold;
    let (train, train_truth): (Vec<usize>, Vec<bool>) =
        rows.iter().zip(&truth).filter(|&(&row, _)| !held(row)).map(|(&row, &t)| (row, t)).unzip();
    if !both_classes(&train_truth) || !both_classes(&truth) {
        return Ok((0.0, 0.0));
    }
    let model = GramLogisticRegression::fit(&kernel.among(&train), &train_truth, Some(&balanced(&train_truth)), l2)?;
    let mut sums = (0.0, 0.0);
    for ((&row, &positive), weight) in rows.iter().zip(&truth).zip(balanced(&truth)) {
        if held(row) {
            let products: Vec<f64> = train.iter().map(|&other| kernel.products[row][other]).collect();
            let margin = model.log_odds(&products) * if positive { 1.0 } else { -1.0 };
            sums.0 += weight * ((-margin.abs()).exp().ln_1p() + (-margin).max(0.0));
            sums.1 += weight;
        }
    }
    Ok(sums)
}
