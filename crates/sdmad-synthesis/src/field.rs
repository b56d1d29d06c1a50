//! Smooth randomness over a plane.

use sdmad_base::Stream;

use crate::plane::Plane;

/// A smooth random field with structures of about `cell` pixels, mean 0 and standard deviation near 1: normal numbers
/// on a grid, blended by cubics.
pub(crate) fn noise(stream: &mut Stream, side: usize, cell: f32) -> Plane {
    stretched_noise(stream, side, (cell, cell))
}

/// As [`noise`], with structures of another size across than down.
pub(crate) fn stretched_noise(stream: &mut Stream, side: usize, cell: (f32, f32)) -> Plane {
    let columns = (side as f32 / cell.0).ceil() as usize + 2;
    let rows = (side as f32 / cell.1).ceil() as usize + 2;
    let nodes: Vec<f32> = normals(stream, columns * rows);
    let offset = (stream.uniform() as f32, stream.uniform() as f32);
    let across: Vec<(usize, f32)> = (0..side).map(|x| split(x as f32 / cell.0 + offset.0 * 0.99, columns)).collect();
    let mut blend = vec![0.0f32; columns];
    let mut plane = Plane::filled(side, 0.0);
    for (y, row) in plane.values_mut().chunks_exact_mut(side).enumerate() {
        let (top, v) = split(y as f32 / cell.1 + offset.1 * 0.99, rows);
        let (upper, lower) = (&nodes[top * columns..], &nodes[(top + 1) * columns..]);
        // Between the nodes the blend has less spread than at them; 1.35 evens it out on average.
        blend.iter_mut().zip(upper.iter().zip(lower)).for_each(|(node, (a, b))| *node = 1.35 * (a + v * (b - a)));
        for (value, &(left, u)) in row.iter_mut().zip(&across) {
            *value = blend[left] + u * (blend[left + 1] - blend[left]);
        }
    }
    plane
}

/// Fields of `octaves` sizes, each half as large and `roughness` as strong as the one before; standard deviation near 1.
pub(crate) fn fractal(stream: &mut Stream, side: usize, cell: f32, octaves: usize, roughness: f32) -> Plane {
    let mut sum = Plane::filled(side, 0.0);
    let (mut size, mut strength, mut power) = (cell, 1.0f32, 0.0f32);
    for _ in 0..octaves {
        sum = sum.zip(&noise(stream, side, size.max(1.0)), |a, b| a + strength * b);
        power += strength * strength;
        size *= 0.5;
        strength *= roughness;
    }
    sum.map(|v| v / power.sqrt())
}

/// Independent normal numbers, one for each pixel.
pub(crate) fn grain(stream: &mut Stream, side: usize) -> Plane {
    let mut plane = Plane::filled(side, 0.0);
    plane.values_mut().copy_from_slice(&normals(stream, side * side));
    plane
}

/// `count` standard normal numbers: both of each pair (Box and Muller 1958), from the halves of 64 bits.
fn normals(stream: &mut Stream, count: usize) -> Vec<f32> {
    const SHARE: f32 = 1.0 / (1 << 24) as f32;
    let mut numbers = vec![0.0; count];
    for pair in numbers.chunks_mut(2) {
        let bits = stream.bits();
        // In (0, 1], so that the logarithm is finite, and in [0, 1).
        let (first, second) = (((bits >> 40) + 1) as f32 * SHARE, (bits & 0xff_ffff) as f32 * SHARE);
        let radius = (-2.0 * first.ln()).sqrt();
        let (sine, cosine) = (std::f32::consts::TAU * second).sin_cos();
        pair.iter_mut().zip([radius * cosine, radius * sine]).for_each(|(value, number)| *value = number);
    }
    numbers
}

/// A standard normal number.
pub(crate) fn normal(stream: &mut Stream) -> f32 {
    stream.normal() as f32
}

/// Uniform in `[low, high)`.
pub(crate) fn between(stream: &mut Stream, low: f32, high: f32) -> f32 {
    stream.between(f64::from(low), f64::from(high)) as f32
}

/// One of `items`, all equally likely.
///
/// # Panics
/// When there is none.
pub(crate) fn one_of<T: Copy>(stream: &mut Stream, items: &[T]) -> T {
    items[stream.below(items.len())]
}

/// One of `items` with the weight beside it.
///
/// # Panics
/// When there is none.
pub(crate) fn weighted<T: Copy>(stream: &mut Stream, items: &[(T, f32)]) -> T {
    let total: f32 = items.iter().map(|i| i.1).sum();
    let mut left = between(stream, 0.0, total);
    for &(item, weight) in items {
        left -= weight;
        if left < 0.0 {
            return item;
        }
    }
    items[items.len() - 1].0
}

/// The node before a place, and the blended share of the next.
fn split(place: f32, nodes: usize) -> (usize, f32) {
    let node = (place as usize).min(nodes - 2);
    let t = (place - node as f32).clamp(0.0, 1.0);
    (node, t * t * (3.0 - 2.0 * t))
}
