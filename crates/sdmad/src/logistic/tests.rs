use sdmad_base::Stream;
use serde::Deserialize;

use super::*;
use crate::congruential::Congruential;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    samples: usize,
    features: usize,
    share: f64,
    l2: f64,
    weighted: bool,
    first: Vec<f64>,
    positives: usize,
    weights: Vec<f64>,
    bias: f64,
}

#[test]
fn weights_equal_scikit_learns() {
    let fixture: Fixture = serde_json::from_str(include_str!("../../tests/fixtures/logistic.json")).unwrap();
    assert!(fixture.cases.len() >= 6);
    for (seed, case) in fixture.cases.iter().enumerate() {
        let mut random = Congruential(seed as u64);
        let x: Vec<Vec<f64>> =
            (0..case.samples).map(|_| (0..case.features).map(|_| 2.0 * random.uniform() - 1.0).collect()).collect();
        assert_eq!(x[0][..case.first.len()], case.first);
        let y: Vec<bool> = x.iter().map(|x| random.uniform() + 0.3 * x[0] < case.share).collect();
        assert_eq!(y.iter().filter(|&&y| y).count(), case.positives);
        let weights: Vec<f64> =
            (0..case.samples).map(|_| random.uniform()).map(|u| if case.weighted { 2.0 * u } else { 1.0 }).collect();
        let model = LogisticRegression::fit(&x, &y, Some(&weights), case.l2).unwrap();
        assert!((model.bias - case.bias).abs() < 1e-7, "case {seed}: bias {} and {}", model.bias, case.bias);
        for (j, (own, theirs)) in model.weights.iter().zip(&case.weights).enumerate() {
            assert!((own - theirs).abs() < 1e-7, "case {seed}, weight {j}: {own} and {theirs}");
        }
    }
}

fn samples(count: usize, features: usize, seed: u64) -> (Vec<Vec<f64>>, Vec<bool>) {
    let mut stream = Stream::new(seed, "logistic test");
    let x: Vec<Vec<f64>> = (0..count).map(|_| (0..features).map(|_| stream.normal()).collect()).collect();
    let y = x.iter().map(|x| x[0] + stream.normal() > 0.0).collect();
    (x, y)
}

/// The largest entry of the gradient at a model.
fn gradient(x: &[Vec<f64>], y: &[bool], l2: f64, model: &LogisticRegression) -> f64 {
    let mut gradient: Vec<f64> = model.weights.iter().map(|w| l2 * w).collect();
    let mut bias = 0.0;
    for (x, &y) in x.iter().zip(y) {
        let residual = model.probability(x) - f64::from(u8::from(y));
        add_scaled(&mut gradient, x, residual);
        bias += residual;
    }
    gradient.iter().fold(bias.abs(), |m, g| m.max(g.abs()))
}

#[test]
fn the_gradient_vanishes_at_every_strength_and_shape() {
    for (count, features) in [(60, 20), (40, 300)] {
        let (x, y) = samples(count, features, 1);
        for l2 in [1e-6, 1e-3, 1.0, 1e3, 1e6] {
            let model = LogisticRegression::fit(&x, &y, None, l2).unwrap();
            let size = gradient(&x, &y, l2, &model);
            assert!(size < 1e-8, "{count} x {features}, l2 {l2}: gradient {size}");
        }
    }
}

#[test]
fn both_forms_and_both_solvers_agree() {
    let (x, y) = samples(50, 12, 2);
    let primal = LogisticRegression::fit(&x, &y, None, 0.1).unwrap();
    let products = gram(&x);
    let dual = GramLogisticRegression::fit(&products, &y, None, 0.1).unwrap();
    for (x, products) in x.iter().zip(&products) {
        assert!((primal.log_odds(x) - dual.log_odds(products)).abs() < 1e-8);
    }
    // Large enough for conjugate gradients.
    let (x, y) = samples(1100, 1050, 3);
    let model = LogisticRegression::fit(&x, &y, None, 50.0).unwrap();
    assert!(gradient(&x, &y, 50.0, &model) < 1e-6);
}

#[test]
fn threads_do_not_change_a_bit() {
    let fit = |threads: usize, features: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (x, y) = samples(64, features, 4);
        pool.install(|| LogisticRegression::fit(&x, &y, None, 0.5).unwrap())
    };
    for features in [30, 700] {
        let one = fit(1, features);
        assert_eq!(fit(2, features), one);
        assert_eq!(fit(4, features), one);
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let x = vec![vec![0.0, 1.0], vec![1.0, 0.0]];
    let y = [true, false];
    let refused = |x: &[Vec<f64>], y: &[bool], weights: Option<&[f64]>, l2: f64, part: &str| {
        let message = LogisticRegression::fit(x, y, weights, l2).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    };
    refused(&x, &[true, true], None, 1.0, "no negative sample");
    refused(&x, &y, Some(&[0.0, 1.0]), 1.0, "no positive sample");
    refused(&x, &y, None, 0.0, "l2 is 0");
    refused(&x, &y[..1], None, 1.0, "2 samples, 1 labels");
    refused(&x, &y, Some(&[1.0, f64::NAN]), 1.0, "a sample weight is NaN");
    refused(&[vec![0.0], vec![1.0, 2.0]], &y, None, 1.0, "sample 1 has 2 features; expected 1");
    refused(&[vec![0.0], vec![f64::INFINITY]], &y, None, 1.0, "sample 1 has a feature");
    refused(&[], &[], None, 1.0, "no positive sample");
}
