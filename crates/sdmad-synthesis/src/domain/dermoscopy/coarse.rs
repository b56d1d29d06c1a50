//! Broad smoothing at a quarter of the size, and outlines near their place only: what keeps drawing fast.

use crate::outline::Outline;
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

/// The value of a plane of a quarter of the size at a pixel of the whole.
pub(super) fn grown(small: &Plane, x: f32, y: f32) -> f32 {
    let scale = 1.0 / STEP as f32;
    small.sample((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5)
}

/// Smoothed a quarter-size plane by `sigma` pixels of the whole.
pub(super) fn smoothed(small: &Plane, sigma: f32) -> Plane {
    small.blurred(sigma / STEP as f32)
}

/// A plane smoothed broadly: by `sigma` pixels, five or more.
pub(super) fn broad(plane: &Plane, sigma: f32) -> Plane {
    let small = smoothed(&shrunk(plane), sigma);
    Plane::from_fn(plane.side(), |x, y| grown(&small, x, y))
}

/// How deep inside an outline each pixel is; beyond `limit` pixels from its centre, far outside.
pub(super) fn depths(outline: &Outline, side: usize, limit: f32) -> Plane {
    let (left, top) = outline.centre;
    Plane::from_fn(side, |x, y| {
        let (across, down) = (x - left, y - top);
        let square = across * across + down * down;
        if square > limit * limit { -limit } else { outline.depth(x, y) }
    })
}
