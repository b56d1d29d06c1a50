//! L2-regularised logistic regression, binary, in f64.
//!
//! Minimises, over weights w and an unpenalised bias b,
//!
//! ```text
//! l2/2 |w|² + Σ_i s_i log(1 + exp(−y_i (w·x_i + b)))        y_i = ±1, s_i the sample's weight
//! ```
//!
//! which is scikit-learn's problem with C = 1/l2. Newton's method with a line search; the same bits whatever the
//! threads. With more features than samples it works on the Gram matrix, w = Xᵀa, and never forms a square matrix
//! of the features.

mod multinomial;
mod newton;
mod system;

use rayon::prelude::*;
use sdmad_base::{Error, Result};

pub use multinomial::GramMultinomialRegression;
use newton::{Solution, solve};

/// A fitted binary logistic regression.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LogisticRegression {
    /// One weight for each feature.
    pub weights: Vec<f64>,
    /// The bias, unpenalised.
    pub bias: f64,
}

impl LogisticRegression {
    /// Fits `x`, one row of features for each sample, to `y`.
    ///
    /// `sample_weights` are 0 or more, one for each sample (1 when left out). `l2` is greater than 0. Features are
    /// taken as they are: standardise them first when their scales differ.
    ///
    /// # Errors
    /// [`Kind::BadInput`](sdmad_base::Kind::BadInput) when lengths differ, a number is not finite, `l2` or a weight
    /// is out of range, or one of the two classes has no weight.
    ///
    /// ```
    /// use sdmad::LogisticRegression;
    /// let x = vec![vec![0.0], vec![1.0], vec![2.0], vec![3.0]];
    /// let model = LogisticRegression::fit(&x, &[false, false, true, true], None, 1.0)?;
    /// assert!(model.probability(&[3.0]) > 0.8 && (model.probability(&[1.5]) - 0.5).abs() < 1e-9);
    /// # Ok::<(), sdmad_base::Error>(())
    /// ```
    pub fn fit(x: &[Vec<f64>], y: &[bool], sample_weights: Option<&[f64]>, l2: f64) -> Result<Self> {
        let features = x.first().map_or(0, Vec::len);
        if let Some((row, found)) = x.iter().enumerate().find(|(_, r)| r.len() != features) {
            return Err(wrong(format!("sample {row} has {} features; expected {features}, as sample 0", found.len())));
        }
        if let Some(row) = x.iter().position(|r| r.iter().any(|v| !v.is_finite())) {
            return Err(wrong(format!("sample {row} has a feature that is not a finite number")));
        }
        let weights = checked_weights(x.len(), y, sample_weights, l2)?;
        if features > x.len() {
            let solution = solve(&system::Gram::new(&gram(x)), y, &weights, l2);
            let mut w = vec![0.0; features];
            for (row, &a) in x.iter().zip(&solution.parameters) {
                add_scaled(&mut w, row, a);
            }
            return Ok(LogisticRegression { weights: w, bias: solution.bias });
        }
        let Solution { parameters, bias } = solve(&system::Primal::new(x, features), y, &weights, l2);
        Ok(LogisticRegression { weights: parameters, bias })
    }

    /// The log-odds of a sample: w·x + b.
    pub fn log_odds(&self, x: &[f64]) -> f64 {
        dot(&self.weights, x) + self.bias
    }

    /// The probability of the positive class.
    pub fn probability(&self, x: &[f64]) -> f64 {
        sigmoid(self.log_odds(x))
    }
}

/// A logistic regression whose features are known only by their inner products.
///
/// For many fits on subsets of the same samples (folds, strengths): the Gram matrix is computed once.
#[derive(Clone, Debug, PartialEq)]
pub struct GramLogisticRegression {
    /// One coefficient for each sample it was fitted on: w = Σ a_i x_i.
    pub coefficients: Vec<f64>,
    /// The bias, unpenalised.
    pub bias: f64,
}

impl GramLogisticRegression {
    /// Fits samples whose inner products are `gram` (n rows of n numbers, symmetric).
    ///
    /// # Errors
    /// As [`LogisticRegression::fit`].
    pub fn fit(gram: &[Vec<f64>], y: &[bool], sample_weights: Option<&[f64]>, l2: f64) -> Result<Self> {
        if gram.iter().any(|row| row.len() != gram.len() || row.iter().any(|v| !v.is_finite())) {
            return Err(wrong(format!("the Gram matrix is not {0} rows of {0} finite numbers", gram.len())));
        }
        let weights = checked_weights(gram.len(), y, sample_weights, l2)?;
        let Solution { parameters, bias } = solve(&system::Gram::new(gram), y, &weights, l2);
        Ok(GramLogisticRegression { coefficients: parameters, bias })
    }

    /// The log-odds of a sample with these inner products with the samples of the fit.
    pub fn log_odds(&self, products: &[f64]) -> f64 {
        dot(&self.coefficients, products) + self.bias
    }
}

/// The inner products of all pairs of rows, `[n][n]`.
pub fn gram(x: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut products: Vec<Vec<f64>> =
        (0..x.len()).into_par_iter().map(|i| x[..=i].iter().map(|other| dot(&x[i], other)).collect()).collect();
    for i in 1..x.len() {
        let (above, below) = products.split_at_mut(i);
        // Row j < i is complete up to column i − 1 by now.
        for (j, row) in above.iter_mut().enumerate() {
            row.push(below[0][j]);
        }
    }
    products
}

fn checked_weights(samples: usize, y: &[bool], weights: Option<&[f64]>, l2: f64) -> Result<Vec<f64>> {
    if y.len() != samples || weights.is_some_and(|w| w.len() != samples) {
        let given = weights.map_or(samples, <[f64]>::len);
        return Err(wrong(format!(
            "{samples} samples, {} labels and {given} weights; expected as many of each",
            y.len()
        )));
    }
    if !(l2 > 0.0 && l2.is_finite()) {
        return Err(wrong(format!("l2 is {l2}; expected a finite number greater than 0")));
    }
    let weights = weights.map_or_else(|| vec![1.0; samples], <[f64]>::to_vec);
    if let Some(w) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
        return Err(wrong(format!("a sample weight is {w}; expected a finite number, 0 or more")));
    }
    for (class, name) in [(true, "positive"), (false, "negative")] {
        if !y.iter().zip(&weights).any(|(&y, &w)| y == class && w > 0.0) {
            return Err(wrong(format!("no {name} sample; expected at least one of each class")));
        }
    }
    Ok(weights)
}

fn wrong(message: String) -> Error {
    Error::bad_input(format!("logistic regression: {message}"))
}

/// Eight partial sums, in an order that does not depend on the processor.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in a8.zip(b8) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

fn add_scaled(to: &mut [f64], from: &[f64], factor: f64) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}

fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests;
