//! L2-regularised multinomial logistic regression on a Gram matrix.
//!
//! Minimises, over weights w_c and unpenalised biases b_c of all classes,
//!
//! ```text
//! l2/2 Σ_c |w_c|² + Σ_i Σ_c s_ic (log Σ_k exp z_ik − z_ic)        z_ic = w_c·x_i + b_c
//! ```
//!
//! with s_ic how much sample i counts as one of class c: scikit-learn's problem with C = 1/l2. L-BFGS (Liu and Nocedal 1989)
//! in the space of the weights, w_c = Σ a_ic x_i, so that one product with the Gram matrix is all a step costs.

use sdmad_base::Result;
use sdmad_engine::Matrix64;

use super::wrong;

/// A fitted multinomial regression whose features are known only by their inner products.
#[derive(Clone, Debug, PartialEq)]
pub struct GramMultinomialRegression {
    /// One coefficient for each class and sample: w_c = Σ a_ic x_i. `[classes][samples]`; over classes they sum to 0.
    pub coefficients: Vec<Vec<f64>>,
    /// One for each class; they sum to 0.
    pub biases: Vec<f64>,
}

const STEPS: usize = 400;
/// Length of the gradient, by total weight, at which the fit is done.
const TOLERANCE: f64 = 1e-8;
/// Pairs of step and change of gradient that L-BFGS remembers.
const MEMORY: usize = 12;

/// Coefficients and biases, or a gradient or step of them; with the products of the Gram matrix, which are linear too.
#[derive(Clone)]
struct Vector {
    a: Vec<f64>,
    ka: Vec<f64>,
    b: Vec<f64>,
}

impl Vector {
    fn inner(&self, other: &Vector) -> f64 {
        super::dot(&self.a, &other.ka) + super::dot(&self.b, &other.b)
    }

    fn add(&mut self, factor: f64, other: &Vector) {
        super::add_scaled(&mut self.a, &other.a, factor);
        super::add_scaled(&mut self.ka, &other.ka, factor);
        super::add_scaled(&mut self.b, &other.b, factor);
    }

    fn scale(&mut self, factor: f64) {
        self.a.iter_mut().chain(&mut self.ka).chain(&mut self.b).for_each(|x| *x *= factor);
    }
}

struct Problem<'a> {
    gram: &'a Matrix64,
    /// s: `[samples][classes]`.
    shares: &'a [Vec<f64>],
    classes: usize,
    l2: f64,
}

impl Problem<'_> {
    fn value_and_gradient(&self, at: &Vector) -> (f64, Vector) {
        let samples = self.shares.len();
        let mut value = 0.5 * self.l2 * super::dot(&at.a, &at.ka);
        let mut residual = vec![0.0; self.classes * samples];
        let mut b = vec![0.0; self.classes];
        for (i, shares) in self.shares.iter().enumerate() {
            let z: Vec<f64> = (0..self.classes).map(|c| at.ka[c * samples + i] + at.b[c]).collect();
            let all = crate::baseline::log_sum_exp(&z);
            let weight: f64 = shares.iter().sum();
            for c in 0..self.classes {
                value += shares[c] * (all - z[c]);
                let r = weight * (z[c] - all).exp() - shares[c];
                residual[c * samples + i] = r;
                b[c] += r;
            }
        }
        // Few rows by a large symmetric matrix: to pack it would cost more than the product.
        let mut ka = vec![0.0; residual.len()];
        for (of_class, residual) in ka.chunks_exact_mut(samples).zip(residual.chunks_exact(samples)) {
            residual.iter().enumerate().for_each(|(i, &r)| super::add_scaled(of_class, self.gram.row(i), r));
        }
        let mut gradient = Vector { a: residual, ka, b };
        super::add_scaled(&mut gradient.a, &at.a, self.l2);
        super::add_scaled(&mut gradient.ka, &at.ka, self.l2);
        (value, gradient)
    }
}

impl GramMultinomialRegression {
    /// Fits samples whose inner products are `gram` (`[n, n]`, symmetric) to `shares` (`[n][classes]`, each 0 or more): how
    /// much a sample counts as one of each class.
    ///
    /// # Errors
    /// [`Kind::BadInput`](sdmad_base::Kind::BadInput) when shapes differ, a number is not finite, `l2` or a share is out of range,
    /// or fewer than two classes have a share.
    pub fn fit(gram: &Matrix64, shares: &[Vec<f64>], l2: f64) -> Result<Self> {
        let (samples, classes) = (shares.len(), shares.first().map_or(0, Vec::len));
        if gram.rows() != samples || gram.columns() != samples || gram.data().iter().any(|x| !x.is_finite()) {
            return Err(wrong(format!("the Gram matrix is not {samples} rows of {samples} finite numbers")));
        }
        if !(l2 > 0.0 && l2.is_finite()) {
            return Err(wrong(format!("l2 is {l2}; expected a finite number greater than 0")));
        }
        if let Some(row) =
            shares.iter().position(|s| s.len() != classes || s.iter().any(|s| !(s.is_finite() && *s >= 0.0)))
        {
            return Err(wrong(format!("the shares of sample {row} are not {classes} finite numbers, 0 or more")));
        }
        let there = (0..classes).filter(|&c| shares.iter().any(|s| s[c] > 0.0)).count();
        if there < 2 {
            return Err(wrong(format!("{there} classes have a sample; expected at least two")));
        }
        let problem = Problem { gram, shares, classes, l2 };
        let total: f64 = shares.iter().flatten().sum();
        let solution = minimise(&problem, TOLERANCE * total);
        let mut coefficients: Vec<Vec<f64>> = solution.a.chunks_exact(samples).map(<[f64]>::to_vec).collect();
        // Adding the same to all classes changes no probability; the penalty wants a sum of 0, biases may have any.
        let centre = |values: Vec<&mut f64>| {
            let mean = values.iter().map(|v| **v).sum::<f64>() / values.len() as f64;
            values.into_iter().for_each(|v| *v -= mean);
        };
        for i in 0..samples {
            centre(coefficients.iter_mut().map(|c| &mut c[i]).collect());
        }
        let mut biases = solution.b;
        centre(biases.iter_mut().collect());
        Ok(GramMultinomialRegression { coefficients, biases })
    }

    /// The logits of a sample with these inner products with the samples of the fit.
    pub fn logits(&self, products: &[f64]) -> Vec<f64> {
        self.coefficients.iter().zip(&self.biases).map(|(a, b)| super::dot(a, products) + b).collect()
    }
}

fn minimise(problem: &Problem<'_>, tolerance: f64) -> Vector {
    let size = problem.classes * problem.shares.len();
    let mut at = Vector { a: vec![0.0; size], ka: vec![0.0; size], b: vec![0.0; problem.classes] };
    let (mut value, mut gradient) = problem.value_and_gradient(&at);
    let mut pairs: Vec<(Vector, Vector, f64)> = Vec::new();
    for _ in 0..STEPS {
        if gradient.inner(&gradient).max(0.0).sqrt() <= tolerance {
            break;
        }
        let mut step = direction(&gradient, &pairs);
        let mut slope = step.inner(&gradient);
        if slope >= 0.0 {
            pairs.clear();
            step = direction(&gradient, &pairs);
            slope = step.inner(&gradient);
        }
        // Armijo's rule, halving from the full step; the first step has no curvature to go by.
        let mut length = if pairs.is_empty() { 1.0 / gradient.inner(&gradient).sqrt().max(1.0) } else { 1.0 };
        let mut moved = None;
        for _ in 0..40 {
            let mut next = at.clone();
            next.add(length, &step);
            let (next_value, next_gradient) = problem.value_and_gradient(&next);
            if next_value <= value + 1e-4 * length * slope {
                moved = Some((next, next_value, next_gradient));
                break;
            }
            length *= 0.5;
        }
        let Some((next, next_value, next_gradient)) = moved else { break };
        step.scale(length);
        let mut change = next_gradient.clone();
        change.add(-1.0, &gradient);
        let curvature = step.inner(&change);
        if curvature > 0.0 {
            if pairs.len() == MEMORY {
                pairs.remove(0);
            }
            pairs.push((step, change, curvature));
        }
        (at, value, gradient) = (next, next_value, next_gradient);
    }
    at
}

/// Minus the approximate inverse Hessian times the gradient: the two-loop recursion.
fn direction(gradient: &Vector, pairs: &[(Vector, Vector, f64)]) -> Vector {
    let mut q = gradient.clone();
    let mut factors = vec![0.0; pairs.len()];
    for (n, (step, change, curvature)) in pairs.iter().enumerate().rev() {
        factors[n] = step.inner(&q) / curvature;
        q.add(-factors[n], change);
    }
    if let Some((_, change, curvature)) = pairs.last() {
        q.scale(curvature / change.inner(change).max(1e-300));
    }
    for (n, (step, change, curvature)) in pairs.iter().enumerate() {
        let back = change.inner(&q) / curvature;
        q.add(factors[n] - back, step);
    }
    q.scale(-1.0);
    q
}

#[cfg(test)]
mod tests;
