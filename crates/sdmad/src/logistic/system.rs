//! The two forms of the linear algebra behind a Newton step: by features, and by samples (Gram matrix).

use rayon::prelude::*;

use super::newton::{Slopes, Step};
use super::{add_scaled, dot};

/// Above this size a system is solved by conjugate gradients, not by a factorisation.
const DENSE: usize = 1024;
/// Features for one task of a product with Xᵀ; each sum runs over the samples in order.
const COLUMNS: usize = 256;

/// What the iteration needs to know about the samples.
pub(super) trait System: Sync {
    /// How many parameters there are beside the bias.
    fn parameters(&self) -> usize;
    /// w·x for each sample.
    fn products(&self, parameters: &[f64]) -> Vec<f64>;
    /// The inner product of the weights that two parameter vectors stand for.
    fn inner(&self, a: &[f64], b: &[f64]) -> f64;
    /// l2 w + Σ r_i x_i as a parameter vector.
    fn gradient(&self, parameters: &[f64], residual: &[f64], l2: f64) -> Vec<f64>;
    /// Minus the inverse Hessian times the gradient.
    fn newton_step(&self, slopes: &Slopes, l2: f64) -> Step;
    /// The length of the longest sample, for the tolerance.
    fn scale(&self) -> f64;
}

/// Parameters are the weights, one for each feature.
pub(super) struct Primal<'a> {
    x: &'a [Vec<f64>],
    features: usize,
}

impl<'a> Primal<'a> {
    pub(super) fn new(x: &'a [Vec<f64>], features: usize) -> Self {
        Primal { x, features }
    }

    /// Σ r_i x_i.
    fn weighted_sum(&self, r: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.features];
        sum.par_chunks_mut(COLUMNS).enumerate().for_each(|(part, sum)| {
            let first = part * COLUMNS;
            for (row, &r) in self.x.iter().zip(r) {
                add_scaled(sum, &row[first..first + sum.len()], r);
            }
        });
        sum
    }
}

impl System for Primal<'_> {
    fn parameters(&self) -> usize {
        self.features
    }

    fn products(&self, parameters: &[f64]) -> Vec<f64> {
        self.x.par_iter().map(|row| dot(row, parameters)).collect()
    }

    fn inner(&self, a: &[f64], b: &[f64]) -> f64 {
        dot(a, b)
    }

    fn gradient(&self, parameters: &[f64], residual: &[f64], l2: f64) -> Vec<f64> {
        let mut gradient = self.weighted_sum(residual);
        add_scaled(&mut gradient, parameters, l2);
        gradient
    }

    fn newton_step(&self, slopes: &Slopes, l2: f64) -> Step {
        // [ l2 I + XᵀCX   XᵀC1 ] [Δw]     [g  ]
        // [ 1ᵀCX          1ᵀC1 ] [Δb] = − [g_b], by the Schur complement of the bias.
        let c = &slopes.curvature;
        let border = self.weighted_sum(c);
        let solved = if self.features <= DENSE {
            let hessian = (0..self.features)
                .into_par_iter()
                .map(|j| {
                    let mut row = vec![0.0; j + 1];
                    for (x, &c) in self.x.iter().zip(c) {
                        add_scaled(&mut row, &x[..=j], c * x[j]);
                    }
                    row[j] += l2;
                    row
                })
                .collect();
            let factor = Cholesky::new(hessian);
            [&slopes.gradient, &border].map(|right| factor.solve(right))
        } else {
            let product = |v: &[f64]| {
                let scaled: Vec<f64> = self.products(v).iter().zip(c).map(|(p, c)| p * c).collect();
                let mut out = self.weighted_sum(&scaled);
                add_scaled(&mut out, v, l2);
                out
            };
            [&slopes.gradient, &border].map(|right| conjugate_gradients(product, right))
        };
        let [by_gradient, by_border] = solved;
        let complement = c.iter().sum::<f64>() - dot(&border, &by_border);
        let bias = if complement > 0.0 { (dot(&border, &by_gradient) - slopes.bias) / complement } else { 0.0 };
        let parameters = by_gradient.iter().zip(&by_border).map(|(g, b)| -g - bias * b).collect();
        Step { parameters, bias }
    }

    fn scale(&self) -> f64 {
        self.x.iter().map(|row| dot(row, row)).fold(0.0, f64::max).sqrt()
    }
}

/// Parameters are coefficients a, one for each sample: w = Σ a_i x_i. Only inner products K of samples are known.
pub(super) struct Gram<'a> {
    k: &'a [Vec<f64>],
}

impl<'a> Gram<'a> {
    pub(super) fn new(k: &'a [Vec<f64>]) -> Self {
        Gram { k }
    }
}

impl System for Gram<'_> {
    fn parameters(&self) -> usize {
        self.k.len()
    }

    fn products(&self, parameters: &[f64]) -> Vec<f64> {
        self.k.par_iter().map(|row| dot(row, parameters)).collect()
    }

    fn inner(&self, a: &[f64], b: &[f64]) -> f64 {
        dot(a, &self.products(b))
    }

    fn gradient(&self, parameters: &[f64], residual: &[f64], l2: f64) -> Vec<f64> {
        parameters.iter().zip(residual).map(|(a, r)| l2 * a + r).collect()
    }

    fn newton_step(&self, slopes: &Slopes, l2: f64) -> Step {
        // With v = −gradient and t the change of the log-odds, l2 Δa + C t = v and t = K Δa + Δb 1. With s = √C t:
        //   (l2 I + √C K √C) s = √C (K v + l2 Δb 1),   Δa = (v − √C s) / l2,   √c·s = −Σ r  fixes Δb.
        let n = self.k.len();
        let root: Vec<f64> = slopes.curvature.iter().map(|c| c.sqrt()).collect();
        let v: Vec<f64> = slopes.gradient.iter().map(|g| -g).collect();
        let right: Vec<f64> = self.products(&v).iter().zip(&root).map(|(p, r)| p * r).collect();
        let solved = if n <= DENSE {
            let matrix = (0..n)
                .into_par_iter()
                .map(|i| {
                    let mut row: Vec<f64> = (0..=i).map(|j| root[i] * self.k[i][j] * root[j]).collect();
                    row[i] += l2;
                    row
                })
                .collect();
            let factor = Cholesky::new(matrix);
            [&right, &root].map(|right| factor.solve(right))
        } else {
            let product = |s: &[f64]| {
                let scaled: Vec<f64> = s.iter().zip(&root).map(|(s, r)| s * r).collect();
                let mut out: Vec<f64> = self.products(&scaled).iter().zip(&root).map(|(p, r)| p * r).collect();
                add_scaled(&mut out, s, l2);
                out
            };
            [&right, &root].map(|right| conjugate_gradients(product, right))
        };
        let [by_gradient, by_bias] = solved;
        let divisor = l2 * dot(&root, &by_bias);
        let residual: f64 = slopes.residual.iter().sum();
        let bias = if divisor > 0.0 { (-residual - dot(&root, &by_gradient)) / divisor } else { 0.0 };
        let parameters = (0..n).map(|i| (v[i] - root[i] * (by_gradient[i] + l2 * bias * by_bias[i])) / l2).collect();
        Step { parameters, bias }
    }

    fn scale(&self) -> f64 {
        self.k.iter().enumerate().map(|(i, row)| row[i]).fold(0.0, f64::max).sqrt()
    }
}

/// The Cholesky factor of a positive definite matrix, lower rows.
struct Cholesky(Vec<Vec<f64>>);

impl Cholesky {
    /// Factors a matrix given by its lower rows (row i has i + 1 numbers).
    fn new(mut rows: Vec<Vec<f64>>) -> Self {
        for i in 0..rows.len() {
            let (above, rest) = rows.split_at_mut(i);
            let row = &mut rest[0];
            for (j, other) in above.iter().enumerate() {
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
            // l2 > 0 keeps the pivots positive; rounding may not.
            let pivot = row[i] - dot(&row[..i], &row[..i]);
            row[i] = pivot.max(f64::MIN_POSITIVE).sqrt();
        }
        Cholesky(rows)
    }

    fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut x = right.to_vec();
        for (i, row) in self.0.iter().enumerate() {
            x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
        }
        for (i, row) in self.0.iter().enumerate().rev() {
            let value = x[i] / row[i];
            add_scaled(&mut x[..i], &row[..i], -value);
            x[i] = value;
        }
        x
    }
}

/// Solves A x = `right` for a positive definite A that is known by its products (Hestenes and Stiefel 1952).
fn conjugate_gradients(product: impl Fn(&[f64]) -> Vec<f64>, right: &[f64]) -> Vec<f64> {
    let mut x = vec![0.0; right.len()];
    let mut residual = right.to_vec();
    let mut direction = residual.clone();
    let mut square = dot(&residual, &residual);
    let enough = square * 1e-24;
    for _ in 0..4 * right.len() {
        if square <= enough {
            break;
        }
        let image = product(&direction);
        let length = square / dot(&direction, &image);
        add_scaled(&mut x, &direction, length);
        add_scaled(&mut residual, &image, -length);
        let next = dot(&residual, &residual);
        let ratio = next / square;
        square = next;
        direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + ratio * *d);
    }
    x
}
