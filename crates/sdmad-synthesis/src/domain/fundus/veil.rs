//! A clouded lens: the view is smeared and veiled, from slightly to opaque.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::{Canvas, Colour};
use crate::field::{between, noise, weighted};
use crate::plane::{Plane, length, soft_step};
use crate::scene::Scene;
use crate::smooth::{darkness, smooth_inside};

use super::contradict;
use super::eye::Eye;

/// Clouds the whole view; `most` (0 to 1) bounds how densely.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene, eye: &Eye, most: f32) {
    let density = between(stream, 0.15, most);
    let before = vessel_contrast(&scene.canvas, eye);
    let mut set: AttributeSet = [A::Haze, A::CloudedView, A::Blurred, A::Diffuse].into();
    scene.unknown.insert(A::Large);
    smear(stream, &mut scene.canvas, eye, density);
    let uneven = weighted(stream, &[(0.06, 0.5), (0.3, 0.5)]) * between(stream, 0.8, 1.2);
    let passing = transmission(stream, eye, density, uneven);
    let glow = veil_light(stream, &scene.canvas, eye);
    cover(&mut scene.canvas, eye, &passing, &glow);
    if stream.chance(0.1) {
        spokes(stream, &mut scene.canvas, eye, &mut set);
    } else if stream.chance(0.15) {
        central_shadow(stream, &mut scene.canvas, eye, &mut set);
    } else if most > 0.9 {
        set.insert(if uneven > 0.2 { A::Heterogeneous } else { A::Homogeneous });
    }
    let left = vessel_contrast(&scene.canvas, eye) / before.max(0.01);
    if left < 0.22 {
        set.insert(A::LostVessels);
        contradict(scene, [A::SmallCup]);
        scene.unknown = scene.unknown.without([A::SmallCup].into());
    } else if left < 0.7 {
        set.insert(A::FuzzyVessels);
    }
    set = set.union(tone(&scene.canvas, eye));
    contradict(scene, [A::ClearView]);
    scene.unknown = scene.unknown.without([A::ClearView].into());
    for finding in &mut scene.findings {
        finding.attributes = finding.attributes.without([A::Sharp].into());
    }
    scene.note(set, eye.field.clone().map(|f| if f > 0.5 { 1.0 } else { 0.0 }));
}

/// How far vessels stand out where there are some.
fn vessel_contrast(canvas: &Canvas, eye: &Eye) -> f32 {
    darkness(canvas, &eye.field, eye.unit()).mean_under(&eye.vessels)
}

/// Blurs inside the field, the more the denser the cloud.
fn smear(stream: &mut Stream, canvas: &mut Canvas, eye: &Eye, density: f32) {
    let sigma = eye.unit() * (0.7 + 7.0 * density.powf(1.4)) * between(stream, 0.75, 1.35);
    let planes = [0, 1, 2].map(|c| smooth_inside(&canvas.planes()[c], &eye.field, sigma));
    canvas.mix_canvas(&eye.field, &Canvas::from_planes(planes));
}

/// The share of light that passes the lens unscattered.
fn transmission(stream: &mut Stream, eye: &Eye, density: f32, uneven: f32) -> Plane {
    let mean = (0.9 - 0.88 * density.powf(0.8)) * between(stream, 0.8, 1.1);
    let cell = eye.radius * between(stream, 0.35, 1.0);
    noise(stream, eye.field.side(), cell).map(|v| (mean * (1.0 + uneven * v)).clamp(0.02, 0.92))
}

/// Scattered light: of one tone, brighter to one side or at the rim.
fn veil_light(stream: &mut Stream, canvas: &Canvas, eye: &Eye) -> Canvas {
    let own: Colour = [0, 1, 2].map(|c| canvas.planes()[c].mean_under(&eye.field));
    let tone: Colour = weighted(
        stream,
        &[
            ([0.40, 0.20, 0.07], 1.3),
            ([0.92, 0.66, 0.32], 0.8),
            ([0.66, 0.56, 0.26], 1.0),
            ([0.56, 0.55, 0.46], 1.0),
            ([0.42, 0.40, 0.24], 0.8),
            ([0.34, 0.24, 0.24], 0.8),
            ([0.80, 0.76, 0.68], 0.7),
            ([0.62, 0.48, 0.42], 0.6),
        ],
    );
    let share = between(stream, 0.0, 0.45);
    let gain = between(stream, 0.6, 1.12);
    let colour = [0, 1, 2].map(|c| gain * (tone[c] + share * (own[c] - tone[c])) * between(stream, 0.93, 1.07));
    let (angle, slope) = (between(stream, 0.0, TAU), between(stream, 0.0, 0.4));
    let rim = between(stream, -0.35, 0.35);
    let waves = noise(stream, canvas.side(), 0.7 * eye.radius);
    let (cosine, sine) = (angle.cos(), angle.sin());
    let shade = Plane::from_fn(canvas.side(), |x, y| {
        let (u, v) = ((x - eye.centre.0) / eye.radius, (y - eye.centre.1) / eye.radius);
        1.0 + slope * (u * cosine + v * sine) + rim * (u * u + v * v).powf(1.5)
    })
    .zip(&waves, |s, w| (s + 0.07 * w).max(0.1));
    // The rim turns greenish or pale where it is brighter.
    let tints = [1.0, between(stream, 0.97, 1.2), between(stream, 0.95, 1.25)];
    Canvas::from_planes([0, 1, 2].map(|c| shade.clone().map(|s| colour[c] * s * (1.0 + (tints[c] - 1.0) * (s - 0.8)))))
}

/// What passes, and the veil for the rest.
fn cover(canvas: &mut Canvas, eye: &Eye, passing: &Plane, glow: &Canvas) {
    let alpha = eye.field.clone().zip(passing, |f, p| f * (1.0 - p));
    canvas.mix_canvas(&alpha, glow);
}

/// Dark wedges that reach inwards from the edge.
fn spokes(stream: &mut Stream, canvas: &mut Canvas, eye: &Eye, set: &mut AttributeSet) {
    let arms: Vec<(f32, f32, f32)> = (0..3 + stream.below(7))
        .map(|_| (between(stream, 0.0, TAU), between(stream, 0.06, 0.2), between(stream, 0.3, 0.8)))
        .collect();
    let strength = between(stream, 0.18, 0.42);
    let gain = Plane::from_fn(canvas.side(), |x, y| {
        let (u, v) = ((x - eye.centre.0) / eye.radius, (y - eye.centre.1) / eye.radius);
        let (out, angle) = (length(u, v), v.atan2(u));
        let shadow = arms.iter().map(|&(at, width, from)| {
            let away = ((angle - at + PI).rem_euclid(TAU) - PI).abs();
            let room = width * (1.2 * (out - from)).clamp(0.0, 1.0) / 0.6;
            soft_step(room - away, 0.07 / out.max(0.2)) * soft_step(out - from, 0.25)
        });
        1.0 - strength * shadow.fold(0.0, f32::max)
    });
    canvas.scale(&gain);
    set.insert(A::Streaks);
    set.insert(A::Heterogeneous);
}

/// A grey shadow over the middle.
fn central_shadow(stream: &mut Stream, canvas: &mut Canvas, eye: &Eye, set: &mut AttributeSet) {
    let (strength, width) = (between(stream, 0.25, 0.5), eye.radius * between(stream, 0.3, 0.55));
    let gain = Plane::from_fn(canvas.side(), |x, y| {
        let away = length(x - eye.centre.0, y - eye.centre.1) / width;
        1.0 - strength * (-0.5 * away.powi(4)).exp()
    });
    canvas.scale(&gain);
    set.insert(A::Heterogeneous);
    set.insert(A::Central);
}

/// What the whole picture's colour is called, where it is plain.
fn tone(canvas: &Canvas, eye: &Eye) -> AttributeSet {
    let [red, green, blue]: Colour = [0, 1, 2].map(|c| canvas.planes()[c].mean_under(&eye.field));
    let most = red.max(green).max(blue).max(0.01);
    let luma = (red + green + blue) / 3.0;
    let grey = (most - red.min(green).min(blue)) / most < 0.3;
    let mut set = AttributeSet::EMPTY;
    let mut insert = |attribute, holds| {
        if holds {
            set.insert(attribute);
        }
    };
    insert(A::White, grey && luma > 0.62);
    insert(A::Grey, grey && luma <= 0.62);
    insert(A::Yellow, !grey && green > 0.68 * red && most > 0.5);
    insert(A::Brown, !grey && green > 0.42 * red && most <= 0.5);
    insert(A::Dark, luma < 0.22);
    insert(A::Bright, luma > 0.55);
    set
}
