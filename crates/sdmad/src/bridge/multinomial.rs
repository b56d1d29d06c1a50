//! The multinomial form of the linear probe: one softmax over normal and the categories.

use rayon::prelude::*;
use sdmad_base::Result;
use sdmad_engine::Matrix64;

use super::kernel::Kernel;
use super::{Bridge, BridgeSettings, FittedBridge, SupportSet};
use crate::baseline::BalancedLoss;
use crate::{Coexistence, Folds, GramMultinomialRegression, Label};

/// How much each row counts as one of each class: classes have the same sum, rows 1 on average. Unknown rows are left out.
fn shares(kernel: &Kernel, labels: &[Vec<Label>], rows: impl Iterator<Item = usize>) -> (Vec<usize>, Vec<Vec<f64>>) {
    let columns = labels.first().map_or(0, |l| l.len() + 1);
    let mut kept = Vec::new();
    let mut shares: Vec<Vec<f64>> = Vec::new();
    for row in rows {
        let labels = &labels[kernel.image_of_row[row]];
        let has: Vec<f64> =
            (0..columns).map(|c| f64::from(u8::from(super::column_label(labels, c) == Label::Present))).collect();
        let count: f64 = has.iter().sum();
        if count > 0.0 {
            kept.push(row);
            shares.push(has.iter().map(|h| h / count).collect());
        }
    }
    let sums: Vec<f64> = (0..columns).map(|c| shares.iter().map(|s| s[c]).sum()).collect();
    let classes = sums.iter().filter(|&&s| s > 0.0).count().max(1);
    let each = shares.len() as f64 / classes as f64;
    shares
        .iter_mut()
        .for_each(|s| s.iter_mut().zip(&sums).filter(|(_, s)| **s > 0.0).for_each(|(x, s)| *x *= each / s));
    (kept, shares)
}

fn among(kernel: &Kernel, rows: &[usize]) -> Matrix64 {
    Matrix64::from_vec(rows.len(), rows.len(), kernel.among(rows).concat())
}

/// Logits of the held-out images of a fold, the mean over their views.
fn held_logits(
    kernel: &Kernel,
    support: &SupportSet,
    folds: &Folds,
    fold: usize,
    l2: f64,
) -> Result<Vec<(usize, Vec<f64>)>> {
    let held = |row: usize| folds.of_row[kernel.image_of_row[row]] == fold;
    let (rows, shares) = shares(kernel, &support.labels, (0..kernel.rows()).filter(|&r| !held(r)));
    let model = GramMultinomialRegression::fit(&among(kernel, &rows), &shares, l2)?;
    let mut sums: Vec<(usize, Vec<f64>, f64)> = Vec::new();
    for row in (0..kernel.rows()).filter(|&r| held(r)) {
        let products: Vec<f64> = rows.iter().map(|&other| kernel.products[row][other]).collect();
        let logits = model.logits(&products);
        match sums.last_mut() {
            Some((image, sum, count)) if *image == kernel.image_of_row[row] => {
                sum.iter_mut().zip(&logits).for_each(|(s, z)| *s += z);
                *count += 1.0;
            }
            _ => sums.push((kernel.image_of_row[row], logits, 1.0)),
        }
    }
    Ok(sums.into_iter().map(|(image, sum, count)| (image, sum.iter().map(|s| s / count).collect())).collect())
}

impl Bridge {
    /// Class-balanced multinomial logistic regression, its strength chosen by the balanced loss out of fold; none without
    /// folds. Scores are its logits, not scaled to unit spread.
    ///
    /// # Errors
    /// When a feature is not finite.
    pub(crate) fn fit_multinomial(
        support: &SupportSet,
        settings: &BridgeSettings,
        folds: Option<&Folds>,
    ) -> Result<Option<FittedBridge>> {
        let Some(folds) = folds else { return Ok(None) };
        let views = support.fitted_views();
        let kernel = Kernel::of(support, views);
        let cases: Vec<(f64, usize)> =
            settings.probe_l2.iter().flat_map(|&l2| (0..folds.count).map(move |fold| (l2, fold))).collect();
        let found: Vec<Vec<(usize, Vec<f64>)>> = cases
            .par_iter()
            .map(|&(l2, fold)| held_logits(&kernel, support, folds, fold, l2))
            .collect::<Result<_>>()?;
        let loss = BalancedLoss::of(&support.labels, Coexistence::Exclusive);
        let mut best: Option<(f64, f64, Vec<Vec<f64>>)> = None;
        for (part, &l2) in found.chunks_exact(folds.count).zip(&settings.probe_l2) {
            let mut columns = vec![Vec::new(); support.labels.len()];
            part.iter().flatten().for_each(|(image, logits)| columns[*image].clone_from(logits));
            let value = loss.total(&columns);
            // Ties go to the stronger, as in the other form.
            if best.as_ref().is_none_or(|(least, strength, _)| value < *least || (value == *least && l2 > *strength)) {
                best = Some((value, l2, columns));
            }
        }
        let Some((_, l2, columns)) = best else { return Ok(None) };
        let (rows, shares) = shares(&kernel, &support.labels, 0..kernel.rows());
        let model = GramMultinomialRegression::fit(&among(&kernel, &rows), &shares, l2)?;
        let coefficients: Vec<Vec<f64>> = model
            .coefficients
            .iter()
            .map(|of_class| {
                let mut all = vec![0.0; kernel.rows()];
                rows.iter().zip(of_class).for_each(|(&row, &a)| all[row] = a);
                all
            })
            .collect();
        let map = kernel.primal(&coefficients, &model.biases);
        let round = |numbers: &Vec<f64>| numbers.iter().map(|&x| x as f32).collect();
        let bridge = Bridge { weights: map.weights.iter().map(round).collect(), bias: round(&map.bias) };
        Ok(Some(FittedBridge {
            bridge,
            out_of_fold: Some(columns),
            without_fold: Vec::new(),
            folds: Some(folds.clone()),
            probe_l2: l2,
            probe_views: views,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::support;
    use super::*;

    #[test]
    fn tells_the_categories_apart_out_of_fold() {
        let set = support(8);
        let settings = BridgeSettings::default();
        let folds = set.folds(4, 0);
        let fitted = Bridge::fit_multinomial(&set, &settings, folds.as_ref()).unwrap().unwrap();
        let scores = fitted.out_of_fold.unwrap();
        let best = |z: &[f64]| (0..3).max_by(|&a, &b| z[a].total_cmp(&z[b])).unwrap();
        assert!((0..24).filter(|&i| best(&scores[i]) == i / 8).count() >= 20);
        assert!((0..24).filter(|&i| best(&fitted.bridge.scores(&set.views[i][0])) == i / 8).count() >= 22);
        assert!(Bridge::fit_multinomial(&set, &settings, None).unwrap().is_none());
    }
}
