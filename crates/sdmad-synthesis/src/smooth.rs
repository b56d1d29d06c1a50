//! Smoothing inside a field of view, and what is darker than its surroundings there.

use crate::canvas::Canvas;
use crate::plane::Plane;

/// The side of a block of pixels that counts as one where smoothing is broad.
pub(crate) const BLOCK: usize = 4;

/// How much darker than its surroundings each pixel is in green, as a share; 0 where it is brighter.
pub(crate) fn darkness(canvas: &Canvas, field: &Plane, unit: f32) -> Plane {
    let green = &canvas.planes()[1];
    let around = smooth_inside(green, field, 4.5 * unit);
    green.blurred(0.6 * unit).zip(&around, |g, a| ((a - g) / (a + 0.03)).max(0.0))
}

/// Smoothed by `sigma` pixels without what is outside the field; broad smoothing is done on blocks.
pub(crate) fn smooth_inside(plane: &Plane, field: &Plane, sigma: f32) -> Plane {
    let inside = plane.clone().times(field);
    let block = BLOCK as f32;
    if sigma < block || plane.side() < 16 * BLOCK {
        return quotient(inside.blurred(sigma), &field.blurred(sigma));
    }
    let sigma = sigma / block;
    enlarged(&quotient(reduced(&inside).blurred(sigma), &reduced(field).blurred(sigma)), plane.side())
}

/// The mean where there is weight.
fn quotient(sum: Plane, weight: &Plane) -> Plane {
    sum.zip(weight, |v, w| v / w.max(0.02))
}

/// Means over blocks.
pub(crate) fn reduced(plane: &Plane) -> Plane {
    let side = plane.side() / BLOCK;
    let mut small = Plane::filled(side, 0.0);
    for (y, row) in plane.values().chunks_exact(plane.side()).take(side * BLOCK).enumerate() {
        let means = &mut small.values_mut()[y / BLOCK * side..][..side];
        for (mean, block) in means.iter_mut().zip(row.chunks_exact(BLOCK)) {
            *mean += block.iter().sum::<f32>() / (BLOCK * BLOCK) as f32;
        }
    }
    small
}

/// A value for each pixel between the middles of blocks.
fn enlarged(small: &Plane, side: usize) -> Plane {
    let last = small.side() - 1;
    let place = |x: usize| {
        let at = ((x as f32 + 0.5) / BLOCK as f32 - 0.5).clamp(0.0, last as f32);
        let node = (at as usize).min(last - 1);
        (node, at - node as f32)
    };
    let across: Vec<(usize, f32)> = (0..side).map(place).collect();
    let mut large = Plane::filled(side, 0.0);
    for (row, &(top, v)) in large.values_mut().chunks_exact_mut(side).zip(&across) {
        let rows = &small.values()[top * small.side()..];
        let blend: Vec<f32> = (0..small.side()).map(|x| rows[x] + v * (rows[small.side() + x] - rows[x])).collect();
        for (value, &(left, u)) in row.iter_mut().zip(&across) {
            *value = blend[left] + u * (blend[left + 1] - blend[left]);
        }
    }
    large
}
