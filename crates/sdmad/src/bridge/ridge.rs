use rayon::prelude::*;
use sdmad_base::Result;
use sdmad_engine::{Cholesky, Matrix64};

use super::{DualMap, SupportSet, kernel::Kernel};

/// Class-balanced kernel ridge regression with an unpenalised bias, for each column on its own.
///
/// Minimises Σ w_i (f(x_i) + b − y_i)² + λ |f|² with weights that give either class half of the sum; in the dual
/// (K + λ W⁻¹) a = y − b with Σ a = 0. A column of one class only is left at 0.
pub(super) fn fit(kernel: &Kernel, support: &SupportSet, columns: usize, strength: f64) -> Result<DualMap> {
    let solved: Vec<(Vec<f64>, f64)> = (0..columns)
        .into_par_iter()
        .map(|column| {
            let (rows, truth) = kernel.known_rows(support, column);
            let mut coefficients = vec![0.0; kernel.rows()];
            let positives = truth.iter().filter(|&&t| t).count() as f64;
            let negatives = rows.len() as f64 - positives;
            if positives == 0.0 || negatives == 0.0 {
                return Ok((coefficients, 0.0));
            }
            let n = rows.len();
            let mut system = Matrix64::zeros(n, n);
            // Two right-hand sides: y and 1.
            let mut sides = Matrix64::zeros(n, 2);
            for (i, (&row, &positive)) in rows.iter().zip(&truth).enumerate() {
                for (j, &other) in rows.iter().enumerate() {
                    system.row_mut(i)[j] = kernel.products[row][other];
                }
                // Weights average 1, so that strengths mean the same whatever the balance.
                let weight = n as f64 * 0.5 / if positive { positives } else { negatives };
                system.row_mut(i)[i] += strength / weight;
                sides.row_mut(i).copy_from_slice(&[f64::from(u8::from(positive)), 1.0]);
            }
            let solution = Cholesky::new(system)?.solve(&sides);
            let sum = |k: usize| (0..n).map(|i| solution.row(i)[k]).sum::<f64>();
            let bias = sum(0) / sum(1);
            for (i, &row) in rows.iter().enumerate() {
                coefficients[row] = solution.row(i)[0] - bias * solution.row(i)[1];
            }
            Ok((coefficients, bias))
        })
        .collect::<Result<_>>()?;
    let (coefficients, bias) = solved.into_iter().unzip();
    Ok(DualMap { coefficients, bias })
}
