//! Broad smoothing at a quarter of the size, and outlines near their place only: what keeps drawing fast.

use crate::outline::{Outline, each_depth};
use crate::plane::Plane;

/// Pixels of a side that become one.
const STEP: usize = 4;

/// The plane at a quarter of its size.
pub(super) fn shrunk(plane: &Plane) -> Plane {
    let side = plane.side();
    let small = side.div_ceil(STEP);
    let mut sums = Plane::filled(small, 0.0);
    for (y, row) in plane.values().chunks_exact(side).enumerate() {
        let sums = &mut sums.values_mut()[y / STEP * small..][..small];
        for (cell, values) in sums.iter_mut().zip(row.chunks(STEP)) {
            *cell += values.iter().sum::<f32>() / values.len() as f32;
        }
    }
    let last = side - (small - 1) * STEP;
    for (y, row) in sums.values_mut().chunks_exact_mut(small).enumerate() {
        let rows = if y + 1 == small { last } else { STEP };
        row.iter_mut().for_each(|v| *v /= rows as f32);
    }
    sums
}

/// A plane of a quarter of the size at its whole size, by linear interpolation.
pub(super) fn grown(small: &Plane, side: usize) -> Plane {
    let last = small.side() - 1;
    let node = |at: usize| {
        let place = ((at as f32 + 0.5) / STEP as f32 - 0.5).clamp(0.0, last as f32);
        let before = place as usize;
        (before, (before + 1).min(last), place - before as f32)
    };
    let across: Vec<(usize, usize, f32)> = (0..side).map(node).collect();
    let row_of = |row: usize| &small.values()[row * small.side()..(row + 1) * small.side()];
    let mut plane = Plane::filled(side, 0.0);
    for (row, &(above, below, v)) in plane.values_mut().chunks_exact_mut(side).zip(&across) {
        let blend: Vec<f32> = row_of(above).iter().zip(row_of(below)).map(|(a, b)| a + v * (b - a)).collect();
        for (value, &(left, right, u)) in row.iter_mut().zip(&across) {
            *value = blend[left] + u * (blend[right] - blend[left]);
        }
    }
    plane
}

/// Smoothed a quarter-size plane by `sigma` pixels of the whole.
pub(super) fn smoothed(small: &Plane, sigma: f32) -> Plane {
    small.blurred(sigma / STEP as f32)
}

/// A plane smoothed broadly: by `sigma` pixels, five or more.
pub(super) fn broad(plane: &Plane, sigma: f32) -> Plane {
    let small = smoothed(&shrunk(plane), sigma);
    grown(&small, plane.side())
}

/// How deep inside an outline each pixel is; beyond `limit` pixels from its centre, far outside.
pub(super) fn depths(outline: &Outline, side: usize, limit: f32) -> Plane {
    let mut plane = Plane::filled(side, -limit);
    let values = plane.values_mut();
    each_depth(outline, side, limit, |index, depth| values[index] = depth);
    plane
}
