//! bf16 and int8 layers against sums in f64, within bounds that follow from the rounding alone.

use crate::reference::random;
use sdmad_base::Stream;
use sdmad_engine::{Linear, Matrix, Precision};

/// Rows, input width, output width: around the sizes of units, tiles and panels, and at random.
fn shapes() -> Vec<(usize, usize, usize)> {
    let mut stream = Stream::new(7, "shapes of precision");
    let mut shapes = vec![(1, 1, 1), (3, 2, 17), (5, 63, 31), (17, 64, 33), (33, 65, 16), (2, 1025, 40), (70, 31, 100)];
    shapes.extend((0..20).map(|_| (1 + stream.below(70), 1 + stream.below(300), 1 + stream.below(80))));
    shapes
}

/// Half the distance of neighbouring bf16, relative to the smaller: 8 bits of precision.
const BF16: f64 = 1.0 / 256.0;
/// The same of f32.
const F32: f64 = 1.0 / 16_777_216.0;

/// Each output with what it may be off: `error(|x|, |w|, largest of the row of x, largest of the row of w)` for each product, and rounding of
/// f32 for each of its sums.
fn check(what: &str, found: &Matrix, x: &Matrix, weight: &Matrix, error: impl Fn(f64, f64, f64, f64) -> f64) {
    let largest = |row: &[f32]| row.iter().fold(0.0_f64, |largest, x| largest.max(f64::from(x.abs())));
    for row in 0..x.rows() {
        for column in 0..weight.rows() {
            let (a, b) = (x.row(row), weight.row(column));
            let (mut sum, mut size, mut allowed) = (0.0, 0.0, 0.0);
            for (a, b) in a.iter().zip(b) {
                let (a, b) = (f64::from(*a), f64::from(*b));
                sum += a * b;
                size += (a * b).abs();
                allowed += error(a.abs(), b.abs(), largest(x.row(row)), largest(weight.row(column)));
            }
            allowed += (a.len() + 4) as f64 * F32 * (size + allowed);
            let difference = (f64::from(found.row(row)[column]) - sum).abs();
            assert!(difference <= allowed, "{what} [{row}, {column}]: off by {difference:e}, allowed {allowed:e}");
        }
    }
}

#[test]
fn bf16_is_within_the_rounding_of_its_factors() {
    let error = |x: f64, w: f64, _: f64, _: f64| (2.0 * BF16 + BF16 * BF16) * x * w;
    for (rows, input, output) in shapes() {
        let (x, weight) = (random("x", rows, input, 1.0), random("w", output, input, 1.0));
        let dy = random("dy", rows, output, 1.0);
        let layer = Linear::new(weight.clone(), None, Precision::Bf16);
        check("forward", &layer.forward(&x), &x, &weight, error);
        check("backward", &layer.backward(&dy), &dy, &weight.transposed(), error);
    }
}

#[test]
fn bf16_numbers_are_multiplied_without_further_rounding() {
    // Eighths up to 2: bf16 holds them, and f32 all their sums.
    let eighths = |name: &str, rows, columns| {
        let mut matrix = random(name, rows, columns, 4.0);
        matrix.data_mut().iter_mut().for_each(|x| *x = x.round().clamp(-16.0, 16.0) / 8.0);
        matrix
    };
    for (rows, input, output) in shapes() {
        let (x, weight) = (eighths("x", rows, input), eighths("w", output, input));
        let dy = eighths("dy", rows, output);
        let exact = Linear::new(weight.clone(), None, Precision::F32);
        let layer = Linear::new(weight, None, Precision::Bf16);
        assert!(layer.forward(&x) == exact.forward(&x) && layer.backward(&dy) == exact.backward(&dy));
    }
}

#[test]
fn int8_is_within_half_a_step_of_each_factor() {
    // A little more than half, for scales and products that are rounded to f32.
    const HALF: f64 = 0.500_01;
    for (rows, input, output) in shapes() {
        let (x, weight) = (random("x", rows, input, 1.0), random("w", output, input, 1.0));
        let layer = Linear::new(weight.clone(), None, Precision::Int8);
        check("forward", &layer.forward(&x), &x, &weight, |x, w, largest_x, largest_w| {
            let (step_x, step_w) = (HALF * largest_x / 127.0, HALF * largest_w / 127.0);
            x * step_w + w * step_x + step_x * step_w
        });
        // Of one sign, all 254 steps lie between zero and the largest.
        let mut x = x;
        x.data_mut().iter_mut().for_each(|x| *x = x.abs());
        check("forward of one sign", &layer.forward(&x), &x, &weight, |x, w, largest_x, largest_w| {
            let (step_x, step_w) = (HALF * largest_x / 254.0, HALF * largest_w / 127.0);
            x * step_w + w * step_x + step_x * step_w
        });
        // The scales are those of the weight's rows, which are the columns here: the largest step of all bounds each.
        let dy = random("dy", rows, output, 1.0);
        let largest = weight.data().iter().fold(0.0_f64, |largest, w| largest.max(f64::from(w.abs())));
        check("backward", &layer.backward(&dy), &dy, &weight.transposed(), |dy, w, _, _| {
            let step_w = HALF * largest / 127.0;
            dy * step_w + 2.0 * BF16 * dy * (w + step_w)
        });
    }
}

/// ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ with A what the layer has stored: x that its input rounding leaves alone, and y that the adjoint's does.
#[test]
fn the_adjoint_is_that_of_the_stored_weight() {
    let inner = |a: &Matrix, b: &Matrix| -> (f64, f64) {
        let products = a.data().iter().zip(b.data()).map(|(a, b)| f64::from(*a) * f64::from(*b));
        products.fold((0.0, 0.0), |(sum, size), product| (sum + product, size + product.abs()))
    };
    for (rows, input, output) in shapes() {
        let weight = random("w", output, input, 1.0);
        let mut x = random("x", rows, input, 30.0);
        x.data_mut().iter_mut().for_each(|x| *x = x.round().clamp(-127.0, 127.0));
        // From -127 to 127 steps are 1; of one number they are as fine.
        for row in 0..rows {
            x.row_mut(row)[0] = 127.0;
            x.row_mut(row)[1..].iter_mut().take(1).for_each(|x| *x = -127.0);
        }
        let mut y = random("y", rows, output, 2.0);
        y.data_mut().iter_mut().for_each(|y| *y = y.round());
        // With int8, y times the scale of the output is rounded to bf16.
        for (precision, tolerance) in [(Precision::F32, 1e-5), (Precision::Bf16, 1e-5), (Precision::Int8, BF16)] {
            let layer = Linear::new(weight.clone(), None, precision);
            let ((left, size), (right, _)) = (inner(&layer.forward(&x), &y), inner(&x, &layer.backward(&y)));
            assert!((left - right).abs() <= tolerance * size.max(1e-6) * 1.5, "{precision:?}: {left} and {right}");
        }
    }
}
