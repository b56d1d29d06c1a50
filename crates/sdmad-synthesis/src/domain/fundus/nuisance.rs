//! What a camera and its light add without meaning, on normal and abnormal eyes alike.

use std::f32::consts::TAU;

use sdmad_base::Stream;

use crate::attribute::Attribute as A;
use crate::canvas::{Canvas, Colour};
use crate::field::{between, grain, noise, normal, one_of};
use crate::outline::{Form, Outline};
use crate::pattern;
use crate::plane::{Plane, length, soft_step};
use crate::scene::Scene;
use crate::smooth::smooth_inside;

use super::contradict;
use super::eye::Eye;

/// One or two things without a name.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    for _ in 0..1 + stream.below(2) {
        match stream.below(10) {
            0 => balance(stream, scene),
            1 => vignette(stream, scene, eye),
            2 => glare(stream, scene, eye),
            3 => lens_reflexes(stream, scene, eye),
            4 => dust(stream, scene, eye),
            5 => arc_reflexes(stream, scene, eye),
            6 => defocus(stream, scene, eye),
            7 => blended_patch(stream, scene, eye),
            8 => page(stream, scene, eye),
            _ => frame_marks(stream, scene, eye),
        }
    }
}

/// Another balance of colours.
fn balance(stream: &mut Stream, scene: &mut Scene) {
    for plane in scene.canvas.planes_mut() {
        let (gain, gamma) = (between(stream, 0.86, 1.12), between(stream, 0.92, 1.1));
        plane.values_mut().iter_mut().for_each(|v| *v = gain * v.max(0.0).powf(gamma));
    }
}

/// Darker towards the edge or one side.
fn vignette(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let (angle, slope, fall) = (between(stream, 0.0, TAU), between(stream, 0.0, 0.35), between(stream, 0.05, 0.45));
    let gain = Plane::from_fn(scene.side(), |x, y| {
        let (u, v) = ((x - eye.centre.0) / eye.radius, (y - eye.centre.1) / eye.radius);
        (1.0 + slope * (u * angle.cos() + v * angle.sin()) - fall * (u * u + v * v)).max(0.15)
    });
    scene.canvas.scale(&gain);
}

/// A pale tone of stray light.
fn pale(stream: &mut Stream) -> Colour {
    one_of(stream, &[[0.75, 0.85, 0.72], [0.9, 0.88, 0.8], [0.6, 0.72, 0.78], [0.85, 0.75, 0.5], [0.55, 0.75, 0.6]])
}

/// Stray light that comes in from one side of the field.
fn glare(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let angle = between(stream, 0.0, TAU);
    let (reach, strength) = (between(stream, 0.25, 0.6), between(stream, 0.2, 0.75));
    let off = between(stream, 0.1, 0.8);
    let middle = (eye.centre.0 - off * eye.radius * angle.cos(), eye.centre.1 - off * eye.radius * angle.sin());
    let alpha = Plane::from_fn(scene.side(), |x, y| {
        let away = length(x - middle.0, y - middle.1) / eye.radius - 1.0 - off + reach;
        strength * soft_step(away - 0.5 * reach, 0.5 * reach)
    });
    let colour = pale(stream);
    scene.canvas.mix(&alpha.times(&eye.field), colour);
}

/// One or two small pale spots near the middle: reflexes of the lens.
fn lens_reflexes(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let mut plane = Plane::filled(scene.side(), 0.0);
    let spread = 0.12 * eye.radius;
    let at = (eye.centre.0 + spread * normal(stream), eye.centre.1 + spread * normal(stream));
    for number in 0..1 + stream.below(2) {
        let radius = eye.unit() * between(stream, 1.5, 6.0);
        let place = (at.0 + between(stream, -2.0, 2.0), at.1 + 11.0 * eye.unit() * number as f32);
        pattern::spot(&mut plane, place, radius, 0.8 * radius + 1.0);
    }
    let strength = between(stream, 0.15, 0.5);
    let colour = pale(stream);
    scene.canvas.mix(&plane.map(|p| strength * p).times(&eye.field), colour);
}

/// Faint pale discs out of focus.
fn dust(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let mut plane = Plane::filled(scene.side(), 0.0);
    for _ in 0..1 + stream.below(5) {
        let (out, angle) = (eye.radius * between(stream, 0.5, 0.95), between(stream, 0.0, TAU));
        let radius = eye.unit() * between(stream, 1.5, 4.5);
        let at = (eye.centre.0 + out * angle.cos(), eye.centre.1 + out * angle.sin());
        pattern::spot(&mut plane, at, radius, between(stream, 1.0, 2.5));
    }
    let strength = between(stream, 0.08, 0.3);
    scene.canvas.mix(&plane.map(|p| strength * p).times(&eye.field), [0.75, 0.72, 0.62]);
}

/// Silvery sheens along the arcades, as of young eyes.
fn arc_reflexes(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    if scene.findings.iter().any(|f| f.attributes.contains(A::CloudedView)) {
        return;
    }
    let fibres = noise(stream, scene.side(), 0.09 * eye.radius);
    let patches = noise(stream, scene.side(), 0.22 * eye.radius);
    let strength = between(stream, 0.02, 0.07);
    let ring = eye.disc_radius * between(stream, 3.2, 4.6);
    let sheen = Plane::from_fn(scene.side(), |x, y| {
        let away = length(x - eye.macula.0, y - eye.macula.1);
        (-0.5 * ((away - ring) / (0.8 * eye.disc_radius)).powi(2)).exp()
    });
    let amount = sheen
        .zip(&patches, |s, p| s * (p - 0.3).clamp(0.0, 1.0))
        .zip(&fibres, |s, f| strength * s * (1.0 + 0.5 * f).max(0.0));
    scene.canvas.add(&amount.times(&eye.field));
}

/// A photograph slightly out of focus, with noise: not crisp, yet not clouded.
fn defocus(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let sigma = eye.unit() * between(stream, 0.6, 1.5);
    let smooth = [0, 1, 2].map(|c| smooth_inside(&scene.canvas.planes()[c], &eye.field, sigma));
    scene.canvas.mix_canvas(&eye.field, &Canvas::from_planes(smooth));
    let level = between(stream, 0.005, 0.015);
    let noise = grain(stream, scene.side()).map(|v| level * v);
    scene.canvas.add(&noise.times(&eye.field));
    if scene.present.contains(A::ClearView) {
        contradict(scene, [A::ClearView]);
        scene.unknown.insert(A::ClearView);
    }
    scene.unknown.insert(A::FuzzyVessels);
    scene.unknown.insert(A::Blurred);
}

/// A patch of hardly another contrast or sharpness: something pasted is not a finding.
fn blended_patch(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let (out, angle) = (eye.radius * between(stream, 0.0, 0.75), between(stream, 0.0, TAU));
    let centre = (eye.centre.0 + out * angle.cos(), eye.centre.1 + out * angle.sin());
    let form = one_of(stream, &[Form::Round, Form::Oval, Form::Irregular]);
    let radius = eye.radius * between(stream, 0.08, 0.3);
    let softness = radius * between(stream, 0.05, 0.4);
    let tilt = between(stream, 0.0, TAU);
    let outline = Outline::draw(stream, form, centre, radius, 1.2, tilt);
    let alpha = outline.fill(scene.side(), softness).times(&eye.field);
    let smooth = scene.canvas.blurred(eye.unit() * between(stream, 0.5, 1.0));
    scene.canvas.mix_canvas(&alpha, &smooth);
    let gain = between(stream, -0.03, 0.03);
    scene.canvas.scale(&alpha.map(|a| 1.0 + gain * a));
}

/// The camera's notch at the edge, tiny marks in the black corner.
fn frame_marks(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let mut plane = Plane::filled(scene.side(), 0.0);
    let angle = one_of(stream, &[0.0f32, 0.25, 0.5, 0.75, 0.88]) * TAU;
    let at = (eye.centre.0 + eye.radius * angle.cos(), eye.centre.1 + eye.radius * angle.sin());
    pattern::spot(&mut plane, at, between(stream, 2.0, 5.0) * eye.unit(), 0.8);
    let (x, y) = (scene.side() as f32 * between(stream, 0.02, 0.12), scene.side() as f32 * between(stream, 0.02, 0.05));
    let mut marks = Plane::filled(scene.side(), 0.0);
    for letter in 0..3 + stream.below(8) {
        let left = x + 3.5 * eye.unit() * letter as f32;
        let points =
            [(left, y), (left + between(stream, 0.0, 2.0), y + 3.0), (left + 2.0, y + between(stream, 0.0, 3.0))];
        pattern::thread(&mut marks, &points, 0.8, 0.6);
    }
    scene.canvas.mix(&plane, [0.0; 3]);
    let outside = eye.field.clone().map(|f| 1.0 - f);
    scene.canvas.mix(&marks.map(|m| 0.7 * m).times(&outside), [0.6, 0.75, 0.7]);
}

/// A white page around the black mount of the field, where there is room for it.
fn page(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let (across, down) = (eye.radius * between(stream, 1.08, 1.25), eye.radius * between(stream, 1.15, 1.5));
    let alpha = Plane::from_fn(scene.side(), |x, y| {
        let out = length((x - eye.centre.0) / across, (y - eye.centre.1) / down);
        soft_step((out - 1.0) * across, 0.7)
    });
    let outside = alpha.zip(&eye.field, |a, f| a * (1.0 - f));
    scene.canvas.mix(&outside, [between(stream, 0.93, 1.0); 3]);
}
