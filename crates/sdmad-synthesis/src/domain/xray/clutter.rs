//! What any radiograph may show and what means nothing: letters, cables, electrodes, tubes, bright or dark borders,
//! patches of another contrast or sharpness, small warps.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::field::{between, noise, one_of};
use crate::pattern;
use crate::plane::{Plane, length, soft_step};

/// The strokes of letters, in a box of one by one.
const LETTERS: [&[[(f32, f32); 2]]; 3] = [
    &[[(0.0, 0.0), (0.0, 1.0)], [(0.0, 1.0), (0.6, 1.0)]],
    &[
        [(0.0, 0.0), (0.0, 1.0)],
        [(0.0, 0.0), (0.55, 0.05)],
        [(0.55, 0.05), (0.55, 0.45)],
        [(0.55, 0.45), (0.0, 0.5)],
        [(0.1, 0.5), (0.6, 1.0)],
    ],
    &[[(0.3, 0.0), (0.3, 1.0)], [(0.3, 0.0), (0.0, 0.35)], [(0.3, 0.0), (0.6, 0.35)]],
];

/// Draws some of it, often nothing.
pub(super) fn draw(stream: &mut Stream, level: &mut Plane) {
    if stream.chance(0.3) {
        patch(stream, level);
    }
    if stream.chance(0.2) {
        wobble(stream, level);
    }
    let mut metal = Plane::filled(level.side(), 0.0);
    let mut drawn = false;
    for (chance, draw) in PARTS {
        while stream.chance(*chance) {
            draw(stream, &mut metal);
            drawn = true;
        }
    }
    if drawn {
        let top = between(stream, 0.85, 1.0);
        level.values_mut().iter_mut().zip(metal.values()).for_each(|(v, m)| *v += m * (top - *v).max(0.0));
    }
    if stream.chance(0.15) {
        border(stream, level);
    }
    window(stream, level);
}

/// Draws one piece of clutter onto a plane of what absorbs.
type Part = fn(&mut Stream, &mut Plane);

/// What absorbs as metal or plastic does, each with the chance of one more.
const PARTS: &[(f64, Part)] = &[(0.3, letter), (0.2, print), (0.2, cable), (0.17, electrode), (0.17, tube)];

/// A letter or an arrow in an upper corner or at the side.
fn letter(stream: &mut Stream, metal: &mut Plane) {
    let size = metal.side() as f32;
    let height = size * between(stream, 0.025, 0.055);
    let left = one_of(stream, &[0.03, 0.83]);
    let x = (left + between(stream, 0.0, 0.12)) * size;
    let y = between(stream, 0.02, 0.3).powf(1.3) * size;
    let (sine, cosine) = between(stream, -0.4, 0.4).sin_cos();
    let strokes = LETTERS[stream.below(LETTERS.len())];
    let mut glyph = Plane::filled(metal.side(), 0.0);
    for stroke in strokes {
        let points = stroke.map(|(u, v)| (x + height * (u * cosine - v * sine), y + height * (v * cosine + u * sine)));
        pattern::thread(&mut glyph, &points, (0.16 * height).max(1.0), 0.6);
    }
    let strength = between(stream, 0.5, 1.0);
    merge(metal, &glyph, strength);
}

/// A word too small to be read.
fn print(stream: &mut Stream, metal: &mut Plane) {
    let size = metal.side() as f32;
    let (x, y) = (between(stream, 0.03, 0.85) * size, one_of(stream, &[0.03, 0.06, 0.1, 0.9, 0.95]) * size);
    let mut word = Plane::filled(metal.side(), 0.0);
    for letter in 0..3 + stream.below(6) {
        let left = x + 3.4 * letter as f32;
        pattern::thread(&mut word, &[(left, y), (left, y + 3.0)], 1.0, 0.5);
        let bar = y + between(stream, 0.0, 3.0);
        pattern::thread(&mut word, &[(left, bar), (left + 1.8, bar)], 0.9, 0.5);
    }
    merge(metal, &word, 0.8);
}

/// A thin cable in a wide curve.
fn cable(stream: &mut Stream, metal: &mut Plane) {
    let size = metal.side() as f32;
    let mut point = || (between(stream, -0.05, 1.05) * size, between(stream, 0.1, 1.05) * size);
    let points = curve([point(), point(), point()]);
    let mut line = Plane::filled(metal.side(), 0.0);
    pattern::thread(&mut line, &points, between(stream, 0.8, 1.6), 0.6);
    merge(metal, &line, between(stream, 0.15, 0.5));
}

/// A small disc or ring on the skin, with a piece of cable.
fn electrode(stream: &mut Stream, metal: &mut Plane) {
    let size = metal.side() as f32;
    let centre = (between(stream, 0.12, 0.88) * size, between(stream, 0.12, 0.75) * size);
    let radius = between(stream, 1.8, 4.5);
    let mut disc = Plane::filled(metal.side(), 0.0);
    pattern::spot(&mut disc, centre, radius, 0.7);
    if stream.chance(0.6) {
        let mut hole = Plane::filled(metal.side(), 0.0);
        pattern::spot(&mut hole, centre, 0.6 * radius, 0.7);
        disc = disc.zip(&hole, |d, h| d - 0.7 * h);
    }
    let heading = between(stream, 0.0, TAU);
    let end = (centre.0 + heading.cos() * 0.25 * size, centre.1 + heading.sin() * 0.25 * size);
    let bend = (centre.0 + between(stream, -30.0, 30.0), centre.1 + between(stream, -30.0, 30.0));
    pattern::thread(&mut disc, &curve([centre, bend, end]), 0.9, 0.5);
    merge(metal, &disc, between(stream, 0.3, 0.9));
}

/// A tube along the midline, or a line from a shoulder to the middle.
fn tube(stream: &mut Stream, metal: &mut Plane) {
    let size = metal.side() as f32;
    let middle = between(stream, 0.47, 0.53);
    let ends = if stream.chance(0.5) {
        [(middle, -0.02), (middle + 0.01, 0.2), (middle, between(stream, 0.25, 1.0))]
    } else {
        let from = one_of(stream, &[0.15, 0.7]) + between(stream, 0.0, 0.15);
        [(from, between(stream, 0.05, 0.4)), (middle, 0.15), (middle - 0.03, between(stream, 0.35, 0.55))]
    };
    let mut line = Plane::filled(metal.side(), 0.0);
    let points = curve(ends.map(|(x, y)| (x * size, y * size)));
    pattern::thread(&mut line, &points, between(stream, 1.0, 2.4), 0.7);
    merge(metal, &line, between(stream, 0.12, 0.45));
}

/// 25 points of the curve from the first point to the third, bent towards the second.
fn curve([a, b, c]: [(f32, f32); 3]) -> Vec<(f32, f32)> {
    let mix = |t: f32, p: f32, q: f32, r: f32| (1.0 - t).powi(2) * p + 2.0 * t * (1.0 - t) * q + t * t * r;
    (0..25)
        .map(|i| {
            let t = i as f32 / 24.0;
            (mix(t, a.0, b.0, c.0), mix(t, a.1, b.1, c.1))
        })
        .collect()
}

fn merge(metal: &mut Plane, part: &Plane, strength: f32) {
    metal.values_mut().iter_mut().zip(part.values()).for_each(|(m, p)| *m = m.max(strength * p));
}

/// A dark or white border, as of a collimator, on one edge.
fn border(stream: &mut Stream, level: &mut Plane) {
    let size = level.side() as f32;
    let (turn, edge) = (between(stream, -0.03, 0.03), between(stream, 0.01, 0.06) * size);
    let tone = if stream.chance(0.7) { 0.02 } else { 0.97 };
    let which = stream.below(4);
    let side = level.side();
    for (index, value) in level.values_mut().iter_mut().enumerate() {
        let (x, y) = ((index % side) as f32, (index / side) as f32);
        let depth = match which {
            0 => x + turn * y,
            1 => size - x + turn * y,
            2 => y + turn * x,
            _ => size - y + turn * x,
        };
        *value += soft_step(edge - depth, 0.8) * (tone - *value);
    }
}

/// A patch with another contrast, sharpness or grain that means nothing.
fn patch(stream: &mut Stream, level: &mut Plane) {
    let side = level.side();
    let size = side as f32;
    let (x0, y0) = (between(stream, 0.1, 0.9) * size, between(stream, 0.1, 0.9) * size);
    let (radius, softness) = (size * between(stream, 0.05, 0.2), size * between(stream, 0.01, 0.08));
    let smooth = level.blurred(1.0);
    let wide = level.blurred(0.06 * size);
    let detail = between(stream, -0.7, 0.5);
    let contrast = between(stream, -0.12, 0.12);
    for (index, value) in level.values_mut().iter_mut().enumerate() {
        let away = length((index % side) as f32 - x0, (index / side) as f32 - y0);
        let share = soft_step(radius - away, softness);
        *value += share * (detail * (*value - smooth.values()[index]) + contrast * (*value - wide.values()[index]));
    }
}

/// A smooth warp of a few pixels.
fn wobble(stream: &mut Stream, level: &mut Plane) {
    let side = level.side();
    let size = side as f32;
    let strength = between(stream, 0.005, 0.014) * size;
    let (across, down) = (noise(stream, side, 0.3 * size), noise(stream, side, 0.3 * size));
    let still = level.clone();
    *level = Plane::from_fn(side, |x, y| {
        let index = y as usize * side + x as usize;
        still.sample(x + strength * across.values()[index], y + strength * down.values()[index])
    });
}

/// Another window of levels: contrast around a middle, and a slope of exposure across the image.
fn window(stream: &mut Stream, level: &mut Plane) {
    let side = level.side();
    let (contrast, middle) = (between(stream, 0.8, 1.2), between(stream, 0.45, 0.65));
    let heading = between(stream, 0.0, 2.0 * PI);
    let slope = between(stream, 0.0, 0.08) / side as f32;
    let (u, v) = (slope * heading.cos(), slope * heading.sin());
    let half = 0.5 * side as f32;
    for (index, value) in level.values_mut().iter_mut().enumerate() {
        let tilt = u * ((index % side) as f32 - half) + v * ((index / side) as f32 - half);
        *value = (middle + contrast * (*value - middle)) * (1.0 + tilt);
    }
}
