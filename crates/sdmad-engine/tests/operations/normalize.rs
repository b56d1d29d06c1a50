//! L2 normalisation against plain f64.

use crate::reference::{Plain, difference, finite_difference, l2_normalize as plain, random};
use sdmad_engine::{Matrix, l2_normalize, l2_normalize_backward};

#[test]
fn forward_and_adjoint_match() {
    for (rows, width) in [(1, 1), (3, 7), (2, 16), (5, 37)] {
        let (x, dy) = (random("x", rows, width, 2.0), random("dy", rows, width, 1.0));
        assert!(difference(&l2_normalize(&x), &plain(&Plain::of(&x))) < 1e-6, "[{rows}, {width}]");
        // In one dimension the gradient is zero, so the difference is taken of the gradient plus one.
        let mut found = l2_normalize_backward(&x, &dy);
        found.data_mut().iter_mut().for_each(|d| *d += 1.0);
        let expected = finite_difference(&Plain::of(&x), &Plain::of(&dy), plain).map(|d| d + 1.0);
        assert!(difference(&found, &expected) < 2e-6, "[{rows}, {width}]");
    }
}

#[test]
fn a_row_of_zeros_stays_one() {
    let x = Matrix::zeros(2, 3);
    assert_eq!(l2_normalize(&x), x);
    assert_eq!(l2_normalize_backward(&x, &random("dy", 2, 3, 1.0)), x);
}
