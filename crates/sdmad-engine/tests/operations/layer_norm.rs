//! Layer norm against plain f64.

use crate::reference::{Plain, difference, finite_difference, layer_norm, random};
use sdmad_engine::LayerNorm;

#[test]
fn forward_matches_plain_sums() {
    for (rows, width) in [(1, 1), (1, 2), (3, 15), (2, 16), (65, 17), (130, 384), (5, 1025)] {
        let mut x = random("x", rows, width, 3.0);
        x.data_mut().iter_mut().for_each(|x| *x += 5.0);
        let (weight, bias) = (random("w", 1, width, 1.0).into_vec(), random("b", 1, width, 1.0).into_vec());
        let norm = LayerNorm::new(weight.clone(), bias.clone(), 1e-5);
        let expected = layer_norm(&Plain::of(&x), &weight, &bias, f64::from(1e-5_f32));
        assert!(difference(&norm.forward(&x), &expected) < 3e-6, "[{rows}, {width}]");
    }
}

#[test]
fn adjoint_matches_finite_differences() {
    for (rows, width) in [(1, 3), (3, 15), (66, 5), (2, 33)] {
        let (x, dy) = (random("x", rows, width, 2.0), random("dy", rows, width, 1.0));
        let (weight, bias) = (random("w", 1, width, 1.0).into_vec(), random("b", 1, width, 1.0).into_vec());
        let norm = LayerNorm::new(weight.clone(), bias.clone(), 1e-5);
        let expected =
            finite_difference(&Plain::of(&x), &Plain::of(&dy), |x| layer_norm(x, &weight, &bias, f64::from(1e-5_f32)));
        assert!(difference(&norm.backward(&x, &dy), &expected) < 1e-5, "[{rows}, {width}]");
    }
}
