//! Activations against libm in f64, over the whole range and at its ends.

use crate::reference::{Plain, difference, finite_difference, gelu, quick_gelu, random};
use sdmad_engine::{Activation, Matrix};

type Exact = fn(f64) -> f64;

const BOTH: [(Activation, Exact); 2] = [(Activation::Gelu, gelu), (Activation::QuickGelu, quick_gelu)];

/// Every 1/512 of [-20, 20], and far outside.
fn inputs() -> Vec<f32> {
    let mut inputs: Vec<f32> = (-10240..=10240).map(|i| i as f32 / 512.0).collect();
    inputs.extend([0.0, -0.0, 1e-30, -1e-30, 60.0, -60.0, 1e4, -1e4, 1e30, -1e30]);
    inputs
}

#[test]
fn forward_is_within_a_millionth() {
    for (activation, exact) in BOTH {
        let mut outputs = inputs();
        activation.forward(&mut outputs);
        for (x, y) in inputs().into_iter().zip(outputs) {
            let expected = exact(f64::from(x));
            let allowed = 1e-6 * 1.0_f64.max(expected.abs());
            assert!((f64::from(y) - expected).abs() <= allowed, "{activation:?}({x}) = {y}, not {expected}");
        }
    }
}

#[test]
fn slopes_match_finite_differences() {
    let x: Vec<f32> = inputs().into_iter().filter(|x| x.abs() <= 20.0).collect();
    let ones = vec![1.0; x.len()];
    for (activation, exact) in BOTH {
        let mut slopes = ones.clone();
        activation.backward(&x, &mut slopes);
        for (x, slope) in x.iter().zip(slopes) {
            let (x, step) = (f64::from(*x), 1e-5);
            let expected = (exact(x + step) - exact(x - step)) / (2.0 * step);
            assert!(
                (f64::from(slope) - expected).abs() <= 2e-6,
                "slope of {activation:?} at {x}: {slope}, not {expected}"
            );
        }
    }
}

#[test]
fn the_adjoint_weighs_with_the_gradient() {
    let (x, dy) = (random("x", 3, 37, 2.0), random("dy", 3, 37, 1.0));
    for (activation, exact) in BOTH {
        let mut dx = dy.clone();
        activation.backward(x.data(), dx.data_mut());
        let expected = finite_difference(&Plain::of(&x), &Plain::of(&dy), |x| x.map(exact));
        assert!(difference(&dx, &expected) < 2e-6, "{activation:?}");
    }
}

#[test]
fn what_is_not_a_number_stays_none() {
    for (activation, _) in BOTH {
        let mut y = Matrix::from_vec(1, 2, vec![f32::NAN, 1.0]);
        activation.forward(y.data_mut());
        assert!(y.data()[0].is_nan() && y.data()[1].is_finite());
    }
}
