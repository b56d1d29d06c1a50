use serde::Deserialize;

use super::*;
use crate::congruential::Congruential;
use crate::gram;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    samples: usize,
    features: usize,
    classes: usize,
    l2: f64,
    weighted: bool,
    first: Vec<f64>,
    counts: Vec<usize>,
    /// `[classes][features]`.
    weights: Vec<Vec<f64>>,
    biases: Vec<f64>,
}

#[test]
fn weights_equal_scikit_learns() {
    let fixture: Fixture = serde_json::from_str(include_str!("../../../tests/fixtures/multinomial.json")).unwrap();
    assert!(fixture.cases.len() >= 4);
    for (seed, case) in fixture.cases.iter().enumerate() {
        let mut random = Congruential(seed as u64);
        let x: Vec<Vec<f64>> =
            (0..case.samples).map(|_| (0..case.features).map(|_| 2.0 * random.uniform() - 1.0).collect()).collect();
        assert_eq!(x[0][..case.first.len()], case.first);
        let classes = case.classes as f64;
        let class = |x: &Vec<f64>, u: f64| ((u + 0.3 * x[0]) * classes).clamp(0.0, classes - 1.0) as usize;
        let y: Vec<usize> = x.iter().map(|x| class(x, random.uniform())).collect();
        let counts: Vec<usize> = (0..case.classes).map(|c| y.iter().filter(|&&y| y == c).count()).collect();
        assert_eq!(counts, case.counts);
        let weights: Vec<f64> =
            (0..case.samples).map(|_| random.uniform()).map(|u| if case.weighted { 2.0 * u } else { 1.0 }).collect();
        let share = |(&y, &w): (&usize, &f64)| (0..case.classes).map(|c| if c == y { w } else { 0.0 }).collect();
        let shares: Vec<Vec<f64>> = y.iter().zip(&weights).map(share).collect();
        let products = Matrix64::from_vec(case.samples, case.samples, gram(&x).concat());
        let model = GramMultinomialRegression::fit(&products, &shares, case.l2).unwrap();
        for c in 0..case.classes {
            assert!((model.biases[c] - case.biases[c]).abs() < 1e-5, "case {seed}, bias {c}");
            for (j, theirs) in case.weights[c].iter().enumerate() {
                let own: f64 = x.iter().zip(&model.coefficients[c]).map(|(x, a)| a * x[j]).sum();
                assert!((own - theirs).abs() < 1e-5, "case {seed}, class {c}, weight {j}: {own} and {theirs}");
            }
        }
    }
}

#[test]
fn what_cannot_be_fitted_is_named() {
    let two = Matrix64::identity(2);
    let refused = |gram: &Matrix64, shares: &[Vec<f64>], l2: f64| {
        GramMultinomialRegression::fit(gram, shares, l2).unwrap_err().to_string()
    };
    let shares = [vec![1.0, 0.0], vec![0.0, 1.0]];
    assert!(refused(&two, &shares[..1], 1.0).contains("Gram matrix"));
    assert!(refused(&two, &shares, 0.0).contains("l2 is 0"));
    assert!(refused(&two, &[vec![1.0, 0.0], vec![f64::NAN, 1.0]], 1.0).contains("sample 1"));
    assert!(refused(&two, &[vec![1.0, 0.0], vec![1.0, 0.0]], 1.0).contains("1 classes"));
}
