//! Bare skin, and what is in the picture without meaning anything.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::{Canvas, Colour};
use crate::field::{between, fractal, grain, noise, normal, one_of, stretched_noise};
use crate::outline::{Form, Outline, each_depth};
use crate::pattern;
use crate::plane::{Plane, length, soft_step};

use super::coarse;
use super::optics::{self, BLOOD};

/// Draws something without a meaning.
type Distractor = fn(&mut Stream, &mut Canvas);

/// Skin colours, by camera and by person.
const TONES: [Colour; 7] = [
    [0.94, 0.80, 0.70],
    [0.92, 0.76, 0.74],
    [0.84, 0.74, 0.80],
    [0.80, 0.66, 0.54],
    [0.95, 0.86, 0.72],
    [0.86, 0.64, 0.42],
    [0.66, 0.53, 0.43],
];

/// Skin with furrows, redness, freckles and uneven light, and what freckles may be taken for.
pub(super) fn bare(stream: &mut Stream, side: usize) -> (Canvas, AttributeSet) {
    let tone = one_of(stream, &TONES).map(|v| v * between(stream, 0.97, 1.03));
    let light = light(stream, side);
    let relief = relief(stream, side);
    let level = light.times(&relief);
    let mut canvas = Canvas::from_planes(tone.map(|t| level.clone().map(|v| t * v)));
    let redness = between(stream, 0.0, 0.035);
    let cell = between(stream, 20.0, 90.0);
    let blood = fractal(stream, side, cell, 3, 0.7).map(|v| redness * (v + 0.8));
    optics::absorb(&mut canvas, &blood, BLOOD, &white(side));
    if stream.chance(0.3) {
        freckles(stream, &mut canvas);
        return (canvas, [A::Dots].into());
    }
    (canvas, AttributeSet::EMPTY)
}

/// Uneven light: a gradient and a bright middle.
fn light(stream: &mut Stream, side: usize) -> Plane {
    let (angle, slope, fall) = (between(stream, 0.0, TAU), between(stream, 0.0, 0.12), between(stream, 0.0, 0.16));
    let (along, down) = (angle.cos() * slope, angle.sin() * slope);
    Plane::from_fn(side, |x, y| {
        let (u, v) = (2.0 * x / side as f32 - 1.0, 2.0 * y / side as f32 - 1.0);
        1.0 + along * u + down * v - fall * 0.5 * (u * u + v * v)
    })
}

/// Furrows, folds in one direction, and grain: a gain near 1.
fn relief(stream: &mut Stream, side: usize) -> Plane {
    let (depth, pitch) = (between(stream, -0.05, 0.05), between(stream, 5.0, 11.0));
    // At half the size: a quarter of the work, and furrows are soft.
    let coarse = pattern::mesh(stream, side.div_ceil(2), 0.5 * pitch, 0.2, 0.9);
    let lines = Plane::from_fn(side, |x, y| coarse.sample(0.5 * x, 0.5 * y));
    let cell = if stream.chance(0.5) { (30.0, 5.0) } else { (6.0, 24.0) };
    let folds = stretched_noise(stream, side, cell);
    let fine = grain(stream, side).blurred(between(stream, 0.6, 1.1));
    let (fold, rough) = (between(stream, 0.0, 0.011), between(stream, 0.01, 0.03));
    let patchy = noise(stream, side, 40.0);
    lines
        .zip(&patchy, |line, patch| 1.0 + depth * line * (0.7 + 0.5 * patch).clamp(0.0, 1.5))
        .zip(&folds, |v, f| v + fold * f)
        .zip(&fine, |v, g| v + rough * g)
}

/// Pale brown spots anywhere.
fn freckles(stream: &mut Stream, canvas: &mut Canvas) {
    let everywhere = Plane::filled(canvas.side(), 1.0);
    let count = 1 + stream.below(12);
    let density = between(stream, 0.08, 0.3);
    let spots = pattern::dots(stream, &everywhere, count, (1.0, 5.0), 2.5).map(|v| v * density);
    optics::absorb(canvas, &spots, [0.5, 1.0, 1.5], &white(canvas.side()));
}

/// White: no limit to lightening.
fn white(side: usize) -> Canvas {
    Canvas::filled(side, [1.0; 3])
}

/// Hair, bubbles, glints, a ruler, ink and dark corners, each by its own chance.
pub(super) fn distract(stream: &mut Stream, canvas: &mut Canvas) {
    let kinds: [(Distractor, f64); 7] = [
        (hair, 0.35),
        (bubbles, 0.25),
        (glints, 0.3),
        (ruler, 0.06),
        (ink, 0.05),
        (meaningless_patch, 0.25),
        (dark_corners, 0.6),
    ];
    for (draw, chance) in kinds {
        if stream.chance(chance) {
            draw(stream, canvas);
        }
    }
}

/// A few arcs, dark or pale.
fn hair(stream: &mut Stream, canvas: &mut Canvas) {
    let side = canvas.side() as f32;
    let mut plane = Plane::filled(canvas.side(), 0.0);
    let width = between(stream, 0.7, 1.5);
    let direction = between(stream, 0.0, TAU);
    for _ in 0..1 + stream.below(12) {
        let mut at = (between(stream, 0.0, 1.0) * side, between(stream, 0.0, 1.0) * side);
        let (mut heading, bend) = (direction + 0.6 * normal(stream), 0.06 * normal(stream));
        let step = side * between(stream, 0.01, 0.05);
        let mut points = vec![at];
        for _ in 0..16 {
            heading += bend;
            at = (at.0 + step * heading.cos(), at.1 + step * heading.sin());
            points.push(at);
        }
        pattern::thread(&mut plane, &points, width, 0.7);
    }
    let (strength, shade) = (between(stream, 0.3, 0.85), one_of(stream, &[0.1, 0.15, 0.25, 0.9]));
    canvas.mix(&plane.map(|v| v * strength), [shade, 0.85 * shade, 0.75 * shade]);
}

/// Thin bright rings with a dark side, as of gel.
fn bubbles(stream: &mut Stream, canvas: &mut Canvas) {
    let side = canvas.side() as f32;
    let (mut rims, mut gain) = (Plane::filled(canvas.side(), 0.0), Plane::filled(canvas.side(), 1.0));
    for _ in 0..1 + stream.below(5) {
        let centre = (between(stream, 0.0, 1.0) * side, between(stream, 0.0, 1.0) * side);
        let (radius, stretch) = (between(stream, 2.0, 10.0), between(stream, 1.0, 1.8));
        let tilt = between(stream, 0.0, PI);
        let outline = Outline::draw(stream, Form::Oval, centre, radius, stretch, tilt);
        let strength = between(stream, 0.2, 0.7);
        each_depth(&outline, canvas.side(), 2.0 * radius + 4.0, |index, depth| {
            let rim = &mut rims.values_mut()[index];
            *rim = rim.max(strength * soft_step(0.5 - depth.abs(), 0.7));
            gain.values_mut()[index] *= 1.0 - 0.5 * strength * soft_step(0.5 - (depth - 1.3).abs(), 0.8);
        });
    }
    canvas.mix(&rims, [0.95, 0.93, 0.9]);
    canvas.scale(&gain);
}

/// Short white strokes where light is thrown back, near one place.
fn glints(stream: &mut Stream, canvas: &mut Canvas) {
    let side = canvas.side() as f32;
    let mut plane = Plane::filled(canvas.side(), 0.0);
    let centre = (between(stream, 0.2, 0.8) * side, between(stream, 0.2, 0.8) * side);
    for _ in 0..3 + stream.below(25) {
        let at = (centre.0 + 0.15 * side * normal(stream), centre.1 + 0.15 * side * normal(stream));
        let (length, angle) = (between(stream, 0.5, 5.0), between(stream, 0.0, TAU));
        let end = (at.0 + length * angle.cos(), at.1 + length * angle.sin());
        pattern::thread(&mut plane, &[at, end], between(stream, 0.6, 1.2), 0.8);
    }
    let strength = between(stream, 0.15, 0.7);
    canvas.mix(&plane.map(|v| v * strength), [0.93, 0.93, 0.97]);
}

/// Tick marks along an edge.
fn ruler(stream: &mut Stream, canvas: &mut Canvas) {
    let side = canvas.side() as f32;
    let mut plane = Plane::filled(canvas.side(), 0.0);
    let (pitch, foot) = (between(stream, 7.0, 16.0), between(stream, 0.88, 0.98) * side);
    let upright = stream.chance(0.5);
    for tick in 0..(side / pitch) as usize {
        let length = if tick % 5 == 0 { 10.0 } else { 5.0 };
        let along = tick as f32 * pitch;
        let (from, to) = ((along, foot), (along, foot - length));
        let turned = |p: (f32, f32)| if upright { (p.1, p.0) } else { p };
        pattern::thread(&mut plane, &[turned(from), turned(to)], 1.2, 0.6);
    }
    canvas.mix(&plane.map(|v| 0.8 * v), [0.08, 0.08, 0.1]);
}

/// Dots of a violet or green pen in a corner.
fn ink(stream: &mut Stream, canvas: &mut Canvas) {
    let side = canvas.side() as f32;
    let corner = (one_of(stream, &[0.06, 0.94]) * side, one_of(stream, &[0.06, 0.94]) * side);
    let radius = between(stream, 0.05, 0.13) * side;
    let under = Outline::draw(stream, Form::Irregular, corner, radius, 1.4, 0.6);
    let under = coarse::depths(&under, canvas.side(), 3.0 * radius).map(|depth| soft_step(depth, 1.0));
    let count = 10 + stream.below(60);
    let dots = pattern::dots(stream, &under, count, (0.7, 2.0), 0.8).map(|v| 0.6 * v);
    let colour = one_of(stream, &[[0.35, 0.2, 0.6], [0.2, 0.5, 0.3], [0.2, 0.25, 0.6]]);
    canvas.mix(&dots, colour);
}

/// The round stop of the lens: corners in shadow.
fn dark_corners(stream: &mut Stream, canvas: &mut Canvas) {
    let side = canvas.side() as f32;
    let centre = (side * between(stream, 0.46, 0.54), side * between(stream, 0.46, 0.54));
    let (radius, softness) = (side * between(stream, 0.56, 0.7), side * between(stream, 0.015, 0.06));
    let floor = between(stream, 0.12, 0.45);
    let gain = Plane::from_fn(canvas.side(), |x, y| {
        let outside = length(x - centre.0, y - centre.1) - radius;
        1.0 - (1.0 - floor) * soft_step(outside - softness, softness)
    });
    canvas.scale(&gain);
}

/// A place that is a little softer or of another contrast and light, without a meaning.
fn meaningless_patch(stream: &mut Stream, canvas: &mut Canvas) {
    let side = canvas.side() as f32;
    let centre = (between(stream, 0.1, 0.9) * side, between(stream, 0.1, 0.9) * side);
    let radius = between(stream, 0.08, 0.3) * side;
    let softness = radius * between(stream, 0.1, 0.5);
    let alpha = Outline::draw(stream, Form::Irregular, centre, radius, 1.3, 0.5);
    let alpha = coarse::depths(&alpha, canvas.side(), 3.0 * radius).map(|depth| soft_step(depth, softness));
    let (sigma, contrast) = (between(stream, 0.6, 1.6), between(stream, 0.0, 0.9));
    let gain = between(stream, 0.95, 1.05);
    let mut changed = canvas.blurred(sigma);
    for (plane, own) in changed.planes_mut().iter_mut().zip(canvas.planes()) {
        plane.values_mut().iter_mut().zip(own.values()).for_each(|(s, &v)| *s = gain * (*s + contrast * (v - *s)));
    }
    canvas.mix_canvas(&alpha, &changed);
}
