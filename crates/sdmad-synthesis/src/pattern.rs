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
    Plane::from_fn(side, |x, y| {
        let (row, column) = ((y / (pitch * 0.866)) as i64 + 2, (x / pitch) as i64 + 2);
        let (mut first, mut second) = (f32::MAX, f32::MAX);
        for r in (row - 2).max(0)..(row + 3).min(rows) {
            for c in (column - 2).max(0)..(column + 3).min(columns) {
                let (px, py) = points[(r * columns + c) as usize];
                let distance = (px - x).powi(2) + (py - y).powi(2);
                if distance < first {
                    second = first;
                    first = distance;
                } else if distance < second {
                    second = distance;
                }
            }
        }
        0.5 * (second.sqrt() - first.sqrt())
    })
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
            let away = (x as f32 - centre.0).hypot(y as f32 - centre.1);
            let value = &mut plane.values_mut()[(y * side + x) as usize];
            *value = value.max(soft_step(radius - away, softness));
        }
    }
}

/// Draws a line through `points`, `width` pixels thick.
pub(crate) fn thread(plane: &mut Plane, points: &[(f32, f32)], width: f32, softness: f32) {
    for pair in points.windows(2) {
        let length = (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1);
        let steps = (length / (0.4 * width).max(0.5)).ceil().max(1.0) as usize;
        for step in 0..steps {
            let t = step as f32 / steps as f32;
            let point = (pair[0].0 + t * (pair[1].0 - pair[0].0), pair[0].1 + t * (pair[1].1 - pair[0].1));
            spot(plane, point, 0.5 * width, softness);
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
