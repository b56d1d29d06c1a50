//! Newton's method with a line search, whatever the parameters stand for.

use super::system::System;
use super::{sigmoid, softplus};

const STEPS: usize = 100;
/// The length of the gradient, in features of order 1 and one sample's weight, at which the fit is done.
const TOLERANCE: f64 = 1e-12;
/// A predicted gain below this share of the objective cannot be told from rounding: full steps from there on.
const FLAT: f64 = 1e-11;

/// Parameters (weights, or one coefficient for each sample) and bias.
pub(super) struct Solution {
    pub(super) parameters: Vec<f64>,
    pub(super) bias: f64,
}

/// A direction for the parameters and the bias.
pub(super) struct Step {
    pub(super) parameters: Vec<f64>,
    pub(super) bias: f64,
}

/// The slopes of the objective where the iteration stands.
pub(super) struct Slopes {
    /// dLoss/d(log-odds), one for each sample.
    pub(super) residual: Vec<f64>,
    /// d²Loss/d(log-odds)², one for each sample.
    pub(super) curvature: Vec<f64>,
    /// Gradient in the parameters' own representation.
    pub(super) gradient: Vec<f64>,
    /// Gradient of the bias.
    pub(super) bias: f64,
    /// Length of the whole gradient in the space of the weights.
    length: f64,
}

/// Where the iteration stands: log-odds are kept beside the parameters that give them.
struct Point {
    parameters: Vec<f64>,
    bias: f64,
    log_odds: Vec<f64>,
    objective: f64,
}

struct Problem<'a, S> {
    system: &'a S,
    y: &'a [bool],
    weights: &'a [f64],
    l2: f64,
}

impl<S: System> Problem<'_, S> {
    fn evaluate(&self, parameters: Vec<f64>, bias: f64) -> Point {
        let mut log_odds = self.system.products(&parameters);
        log_odds.iter_mut().for_each(|z| *z += bias);
        let penalty = 0.5 * self.l2 * self.system.inner(&parameters, &parameters);
        let loss = |i: usize| self.weights[i] * softplus(if self.y[i] { -log_odds[i] } else { log_odds[i] });
        let objective = penalty + (0..self.y.len()).map(loss).sum::<f64>();
        Point { parameters, bias, log_odds, objective }
    }

    fn slopes(&self, point: &Point) -> Slopes {
        let probability: Vec<f64> = point.log_odds.iter().map(|&z| sigmoid(z)).collect();
        let target = |i: usize| if self.y[i] { 1.0 } else { 0.0 };
        let residual: Vec<f64> = (0..self.y.len()).map(|i| self.weights[i] * (probability[i] - target(i))).collect();
        let curvature = (0..self.y.len()).map(|i| self.weights[i] * probability[i] * (1.0 - probability[i])).collect();
        let gradient = self.system.gradient(&point.parameters, &residual, self.l2);
        let bias: f64 = residual.iter().sum();
        let length = (self.system.inner(&gradient, &gradient).max(0.0) + bias * bias).sqrt();
        Slopes { residual, curvature, gradient, bias, length }
    }

    fn moved(&self, from: &Point, step: &Step, length: f64) -> Point {
        let parameters = from.parameters.iter().zip(&step.parameters).map(|(p, s)| p + length * s).collect();
        self.evaluate(parameters, from.bias + length * step.bias)
    }
}

/// Minimises the objective over samples and weights that the caller has checked.
pub(super) fn solve(system: &impl System, y: &[bool], weights: &[f64], l2: f64) -> Solution {
    let problem = Problem { system, y, weights, l2 };
    // With all weights 0, the best bias is the log-odds of the classes' shares.
    let share = |class: bool| -> f64 { y.iter().zip(weights).filter(|(y, _)| **y == class).map(|(_, w)| w).sum() };
    let mut point = problem.evaluate(vec![0.0; system.parameters()], (share(true) / share(false)).ln());
    let mut slopes = problem.slopes(&point);
    let total: f64 = weights.iter().sum();
    let tolerance = TOLERANCE * total.max(1.0) * system.scale().max(1.0);
    for _ in 0..STEPS {
        if slopes.length <= tolerance {
            break;
        }
        let step = system.newton_step(&slopes, l2);
        let slope = system.inner(&step.parameters, &slopes.gradient) + step.bias * slopes.bias;
        if -slope <= FLAT * (1.0 + point.objective.abs()) {
            let next = problem.moved(&point, &step, 1.0);
            let next_slopes = problem.slopes(&next);
            if next_slopes.length >= slopes.length {
                break; // as flat as f64 allows
            }
            (point, slopes) = (next, next_slopes);
            continue;
        }
        // Armijo's rule, halving from the full step.
        let mut length = 1.0;
        let next = loop {
            let next = problem.moved(&point, &step, length);
            if next.objective <= point.objective + 1e-4 * length * slope || length < 1e-10 {
                break next;
            }
            length *= 0.5;
        };
        slopes = problem.slopes(&next);
        point = next;
    }
    Solution { parameters: point.parameters, bias: point.bias }
}
