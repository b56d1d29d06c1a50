//! Textures as planes with values from 0 to 1.

use sdmad_base::Stream;

use crate::field::{between, noise};
use crate::plane::{Plane, soft_step};

/// A net of lines with holes of about `pitch` pixels; `width` (0 to 1) is the share of the lines, `disorder` (0 to 1)
/// how uneven the holes are.
pub(crate) fn mesh(stream: &mut Stream, side: usize, pitch: f32, width: f32, disorder: f32) -> Plane {
    // Walls between the cells of scattered points.
    cells(stream, side, pitch, disorder).map(|away| soft_step(width * pitch * 0.5 - away, 0.22 * pitch))
}

/// Rings side by side, as of a comb, with a pitch in pixels.
pub(crate) fn honeycomb(stream: &mut Stream, side: usize, pitch: f32) -> Plane {
    cells(stream, side, pitch, 0.35).map(|away| soft_step(0.16 * pitch - away, 0.12 * pitch))
}

/// The distance of each pixel to the wall between the cells of a jittered hexagonal grid, in pixels.
pub(crate) fn cells(stream: &mut Stream, side: usize, pitch: f32, disorder: f32) -> Plane {
    let columns = (side as f32 / pitch).ceil() as i64 + 5;
    let rows = (side as f32 / (pitch * 0.866)).ceil() as i64 + 5;
    let mut points = Vec::with_capacity((columns * rows) as usize);
    let turn = between(stream, -1.0, 1.0);
    for row in 0..rows {
        for column in 0..columns {
            let shift = if row % 2 == 0 { 0.0 } else { 0.5 };
            points.push((
                (column as f32 - 2.0 + shift + disorder * between(stream, -0.6, 0.6)) * pitch + turn,
                (row as f32 - 2.0) * pitch * 0.866 + disorder * between(stream, -0.6, 0.6) * pitch + turn,
            ));
        }
    }
    let mut plane = Plane::filled(side, 0.0);
    for top in (0..side).step_by(TILE) {
        for left in (0..side).step_by(TILE) {
            let middle = (left as f32 + HALF_TILE, top as f32 + HALF_TILE);
            let (row, column) = ((middle.1 / (pitch * 0.866)) as i64 + 2, (middle.0 / pitch) as i64 + 2);
            let reach = 2 + (HALF_TILE / (0.866 * pitch)).ceil() as i64;
            let around = ((row - reach).max(0)..(row + reach + 1).min(rows)).flat_map(|r| {
                let (from, to) = ((column - reach).max(0), (column + reach + 1).min(columns));
                &points[(r * columns + from) as usize..(r * columns + to) as usize]
            });
            wall_distances(&mut plane, (left, top), &near(around, middle));
        }
    }
    plane
}

/// Pixels of a side of a tile, for which points are searched at once.
const TILE: usize = 8;
/// From the corner pixel of a tile to its middle, in pixels across or down.
const HALF_TILE: f32 = 0.5 * (TILE - 1) as f32;

/// The points that may be nearest or second for a pixel of the tile around `middle`.
fn near<'a>(points: impl Iterator<Item = &'a (f32, f32)>, middle: (f32, f32)) -> Vec<(f32, f32)> {
    let (mut first, mut second) = (f32::MAX, f32::MAX);
    let candidates: Vec<(f32, (f32, f32))> = points
        .map(|&(x, y)| {
            let square = (x - middle.0).powi(2) + (y - middle.1).powi(2);
            (first, second) = (first.min(square), second.min(first.max(square)));
            (square, (x, y))
        })
        .collect();
    // A pixel is at most half a diagonal from the middle, and so is what it sees nearer or farther.
    let limit = (second.sqrt() + 2.0 * 1.4143 * HALF_TILE).powi(2);
    candidates.into_iter().filter(|candidate| candidate.0 <= limit).map(|candidate| candidate.1).collect()
}

/// Half of how much farther the second of `points` is than the nearest, for each pixel of a tile.
fn wall_distances(plane: &mut Plane, (left, top): (usize, usize), points: &[(f32, f32)]) {
    let side = plane.side();
    let width = TILE.min(side - left);
    for y in top..(top + TILE).min(side) {
        let (mut first, mut second) = ([f32::MAX; TILE], [f32::MAX; TILE]);
        for &(px, py) in points {
            let down = (py - y as f32).powi(2);
            for (step, (first, second)) in first.iter_mut().zip(&mut second).enumerate() {
                let across = px - (left + step) as f32;
                let square = across * across + down;
                *second = if square < *first {
                    *first
                } else if square < *second {
                    square
                } else {
                    *second
                };
                *first = if square < *first { square } else { *first };
            }
        }
        let row = &mut plane.values_mut()[y * side + left..][..width];
        for (value, (first, second)) in row.iter_mut().zip(first.iter().zip(&second)) {
            *value = 0.5 * (second.sqrt() - first.sqrt());
        }
    }
}

/// `count` round spots with radii between `radii`, centred where `under` is above one half; `softness` of their edges
/// in pixels. Empty where `under` is.
pub(crate) fn dots(stream: &mut Stream, under: &Plane, count: usize, radii: (f32, f32), softness: f32) -> Plane {
    let side = under.side();
    let places: Vec<usize> = (0..side * side).filter(|&i| under.values()[i] > 0.5).collect();
    let mut plane = Plane::filled(side, 0.0);
    if places.is_empty() {
        return plane;
    }
    for _ in 0..count {
        let place = places[stream.below(places.len())];
        let radius = between(stream, radii.0, radii.1);
        spot(&mut plane, ((place % side) as f32, (place / side) as f32), radius, softness);
    }
    plane
}

/// Round spots of one radius at the points of a jittered grid under a mask.
pub(crate) fn grid_dots(stream: &mut Stream, under: &Plane, pitch: f32, radius: f32, jitter: f32) -> Plane {
    let side = under.side();
    let mut plane = Plane::filled(side, 0.0);
    let count = (side as f32 / pitch) as usize + 1;
    for row in 0..count {
        for column in 0..count {
            let shift = if row % 2 == 0 { 0.0 } else { 0.5 };
            let x = (column as f32 + shift + jitter * between(stream, -0.5, 0.5)) * pitch;
            let y = (row as f32 + jitter * between(stream, -0.5, 0.5)) * pitch;
            if under.at(x as i64, y as i64) > 0.5 {
                spot(&mut plane, (x, y), radius, 0.8);
            }
        }
    }
    plane
}

/// Puts one round spot onto a plane; where spots meet, the stronger counts.
pub(crate) fn spot(plane: &mut Plane, centre: (f32, f32), radius: f32, softness: f32) {
    let side = plane.side() as i64;
    let reach = radius + softness + 1.0;
    let range = |c: f32| ((c - reach).floor() as i64).max(0)..((c + reach).ceil() as i64 + 1).min(side);
    for y in range(centre.1) {
        for x in range(centre.0) {
            let away = ((x as f32 - centre.0).powi(2) + (y as f32 - centre.1).powi(2)).sqrt();
            let value = &mut plane.values_mut()[(y * side + x) as usize];
            *value = value.max(soft_step(radius - away, softness));
        }
    }
}

/// Draws a line through `points`, `width` pixels thick; where lines meet, the stronger counts.
pub(crate) fn thread(plane: &mut Plane, points: &[(f32, f32)], width: f32, softness: f32) {
    /// Long strokes are cut: the box around a slanted one is mostly empty.
    const LONGEST: f32 = 10.0;
    for pair in points.windows(2) {
        let (across, down) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        let parts = ((across * across + down * down).sqrt() / LONGEST).ceil().clamp(1.0, 1e4);
        let point = |part: f32| (pair[0].0 + across * part / parts, pair[0].1 + down * part / parts);
        for part in 0..parts as usize {
            stroke(plane, point(part as f32), point(part as f32 + 1.0), 0.5 * width, softness);
        }
    }
}

/// Draws all that is within `radius` of the way from one point to another.
fn stroke(plane: &mut Plane, from: (f32, f32), to: (f32, f32), radius: f32, softness: f32) {
    let side = plane.side();
    let reach = radius + softness + 1.0;
    let range = |a: f32, b: f32| {
        let (low, high) = ((a.min(b) - reach).floor().max(0.0), (a.max(b) + reach).ceil() + 1.0);
        low as usize..(high.max(0.0) as usize).min(side)
    };
    let (across, down) = (to.0 - from.0, to.1 - from.1);
    let scale = 1.0 / (across * across + down * down).max(1e-6);
    for y in range(from.1, to.1) {
        let dy = y as f32 - from.1;
        for x in range(from.0, to.0) {
            let dx = x as f32 - from.0;
            let t = ((dx * across + dy * down) * scale).clamp(0.0, 1.0);
            let (u, v) = (dx - t * across, dy - t * down);
            let square = u * u + v * v;
            if square < reach * reach {
                let value = &mut plane.values_mut()[y * side + x];
                *value = value.max(soft_step(radius - square.sqrt(), softness));
            }
        }
    }
}

/// Parallel lines at an angle, wavy, with a pitch in pixels.
pub(crate) fn streaks(stream: &mut Stream, side: usize, pitch: f32, angle: f32, waviness: f32) -> Plane {
    let bend = noise(stream, side, 5.0 * pitch);
    let (cosine, sine) = (angle.cos(), angle.sin());
    Plane::from_fn(side, |x, y| y * cosine - x * sine).zip(&bend, |across, bend| {
        (std::f32::consts::PI * (across / pitch + 0.5 * waviness * bend)).cos().abs().powi(5)
    })
}
