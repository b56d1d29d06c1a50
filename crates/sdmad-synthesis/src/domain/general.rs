//! Shapes, textures, brightness and colours on any image, without physics.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::{Canvas, Colour};
use crate::field::{between, fractal, grain, noise, one_of, weighted};
use crate::outline::{Form, Outline};
use crate::pattern;
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;

/// Smooth tissue of one or two tones.
pub(super) fn tissue(stream: &mut Stream, side: usize) -> Scene {
    let base = between(stream, 0.25, 0.7);
    let tint = [0, 1, 2].map(|_| between(stream, 0.6, 1.1));
    let grey = stream.chance(0.5);
    let cell = between(stream, 20.0, 120.0);
    let clouds = fractal(stream, side, cell, 4, 0.6);
    let fine = grain(stream, side).blurred(between(stream, 0.0, 1.5));
    let (a, b) = (between(stream, 0.03, 0.12), between(stream, 0.01, 0.08));
    let level = clouds.zip(&fine, |c, f| base * (1.0 + a * c + b * f));
    let planes = tint.map(|t| if grey { level.clone() } else { level.clone().map(|v| v * t) });
    Scene::new(Canvas::from_planes(planes))
}

/// One finding, or several alike.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene) {
    let groups = weighted(stream, &[(1, 0.7), (2, 0.3)]);
    for _ in 0..groups {
        match stream.below(5) {
            0 => spots(stream, scene),
            1 => line(stream, scene),
            2 => haze(stream, scene),
            _ => lesion(stream, scene),
        }
    }
}

/// A form with its attributes.
pub(super) fn form(stream: &mut Stream) -> (Form, AttributeSet, f32) {
    let form = weighted(
        stream,
        &[
            (Form::Round, 1.0),
            (Form::Oval, 1.0),
            (Form::Lobulated, 0.8),
            (Form::Irregular, 1.2),
            (Form::Spiculated, 0.7),
            (Form::Angular, 0.6),
            (Form::Scalloped, 0.6),
        ],
    );
    let (set, stretch): (AttributeSet, f32) = match form {
        Form::Round => ([A::Round].into(), between(stream, 1.0, 1.1)),
        Form::Oval => ([A::Oval].into(), between(stream, 1.35, 2.1)),
        Form::Lobulated => ([A::Lobulated].into(), between(stream, 1.0, 1.6)),
        Form::Irregular => ([A::Irregular].into(), between(stream, 1.0, 1.7)),
        Form::Spiculated => ([A::Spiculated, A::Irregular].into(), between(stream, 1.0, 1.4)),
        Form::Angular => ([A::Angular, A::Irregular].into(), between(stream, 1.0, 1.6)),
        Form::Scalloped => ([A::Scalloped].into(), between(stream, 1.0, 1.6)),
    };
    (form, set, stretch)
}

/// A colour with its attribute.
fn colour(stream: &mut Stream) -> (Colour, A) {
    let (base, attribute) = one_of(
        stream,
        &[
            ([0.70, 0.14, 0.12], A::Red),
            ([0.85, 0.50, 0.52], A::Pink),
            ([0.38, 0.23, 0.13], A::Brown),
            ([0.07, 0.06, 0.06], A::Black),
            ([0.55, 0.62, 0.76], A::BlueWhite),
            ([0.92, 0.82, 0.40], A::Yellow),
            ([0.92, 0.90, 0.87], A::White),
            ([0.50, 0.50, 0.51], A::Grey),
        ],
    );
    (base.map(|v: f32| (v * between(stream, 0.85, 1.12)).min(1.0)), attribute)
}

fn lesion(stream: &mut Stream, scene: &mut Scene) {
    let side = scene.side();
    let size = side as f32;
    let (form, mut set, stretch) = form(stream);
    let radius = size * 0.04 * between(stream, 1.0, 7.0);
    let centre = (between(stream, 0.15, 0.85) * size, between(stream, 0.15, 0.85) * size);
    let tilt = between(stream, 0.0, PI);
    let outline = Outline::draw(stream, form, centre, radius, stretch, tilt);
    set = set.union(outline.orientation_words());
    let sharp = stream.chance(0.5);
    let softness = if sharp { between(stream, 0.4, 1.2) } else { radius * between(stream, 0.22, 0.45) + 1.5 };
    set = form.seen(scene, set, radius, softness);
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    if radius < 0.07 * size {
        set.insert(A::Small);
    }
    if radius > 0.17 * size {
        set.insert(A::Large);
    }
    let mut alpha = outline.fill(side, softness);
    if stream.chance(0.15) {
        set.insert(A::Ring);
        let width = radius * between(stream, 0.25, 0.4);
        alpha = outline.rim(side, -0.5 * width, width, softness.min(0.4 * width));
    }
    let mask = alpha.clone().map(|a| if a > 0.35 { 1.0 } else { 0.0 });
    let texture = texture(stream, side, &mask, &mut set);
    let strength = between(stream, 0.45, 0.95);
    let around = scene.canvas.luma();
    let level = around.mean_under(&mask);
    if is_grey(&scene.canvas) || stream.chance(0.3) {
        let brighter = level < 0.25 || (level < 0.7 && stream.chance(0.5));
        set.insert(if brighter { A::Bright } else { A::Dark });
        let change = if brighter { between(stream, 0.18, 0.5) } else { -between(stream, 0.3, 0.75) * level };
        let amount = alpha.zip(&texture, |a, t| a * change * t);
        scene.canvas.add(&amount);
    } else {
        let (colour, attribute) = colour(stream);
        set.insert(attribute);
        let fine = around.clone().zip(&around.blurred(3.0), |v, s| (v / (s + 0.02)).clamp(0.6, 1.5));
        let inside = Canvas::from_planes(colour.map(|v| fine.clone().zip(&texture, |f, t| v * f * (0.5 + 0.5 * t))));
        let weight = alpha.map(|a| a * strength);
        scene.canvas.mix_canvas(&weight, &inside);
        set.insert(A::OneColour);
    }
    set.insert(A::Single);
    scene.note(set, mask);
}

/// A gain around 1 inside of a finding, and its attribute.
pub(super) fn texture(stream: &mut Stream, side: usize, mask: &Plane, set: &mut AttributeSet) -> Plane {
    match stream.below(7) {
        0 => {
            set.insert(A::Heterogeneous);
            let cell = between(stream, 6.0, 18.0);
            noise(stream, side, cell).map(|v| 1.0 + 0.55 * v.clamp(-1.6, 1.6))
        }
        1 => {
            set.insert(A::Granular);
            grain(stream, side).blurred(0.8).map(|v| 1.0 + 1.1 * v.clamp(-0.8, 0.8))
        }
        2 => {
            set.insert(A::Dots);
            let count = 6 + stream.below(18);
            pattern::dots(stream, mask, count, (1.2, 3.2), 0.8).map(|d| 0.45 + 1.1 * d)
        }
        3 => {
            set.insert(A::Streaks);
            let (pitch, angle) = (between(stream, 5.0, 10.0), between(stream, 0.0, PI));
            pattern::streaks(stream, side, pitch, angle, 0.8).map(|s| 0.4 + 1.0 * s)
        }
        4 => {
            set.insert(A::Mesh);
            let pitch = between(stream, 7.0, 13.0);
            pattern::mesh(stream, side, pitch, 0.35, 0.5).map(|m| 0.4 + 0.9 * m)
        }
        _ => {
            set.insert(A::Homogeneous);
            Plane::filled(side, 1.0)
        }
    }
}

/// Pixels in one 224th of the side.
fn unit(side: usize) -> f32 {
    side as f32 / 224.0
}

fn spots(stream: &mut Stream, scene: &mut Scene) {
    let side = scene.side();
    let count = weighted(stream, &[(3, 1.0), (8, 1.0), (20, 1.0), (45, 0.6)]);
    // Too small for their form to be told.
    scene.unknown.insert(A::Round);
    let mut set: AttributeSet = [A::Dots, A::Small, A::Sharp].into();
    set.insert(if count < 5 { A::Few } else { A::Multiple });
    let spread = if count > 15 && stream.chance(0.5) {
        set.insert(A::Diffuse);
        Plane::filled(side, 1.0)
    } else {
        let size = side as f32;
        let centre = (between(stream, 0.2, 0.8) * size, between(stream, 0.2, 0.8) * size);
        let radius = size * between(stream, 0.1, 0.25);
        Outline::draw(stream, Form::Irregular, centre, radius, 1.2, 0.3).fill(side, 1.0)
    };
    let alpha = pattern::dots(stream, &spread, count, (1.3 * unit(side), 4.5 * unit(side)), 0.9);
    if is_grey(&scene.canvas) {
        let bright = stream.chance(0.6);
        set.insert(if bright { A::Bright } else { A::Dark });
        let change = if bright { between(stream, 0.25, 0.6) } else { -between(stream, 0.2, 0.4) };
        scene.canvas.add(&alpha.clone().map(|a| a * change));
    } else {
        let (colour, attribute) = colour(stream);
        set.insert(attribute);
        let strength = between(stream, 0.6, 0.95);
        scene.canvas.mix(&alpha.clone().map(|a| a * strength), colour);
    }
    scene.note(set, alpha.blurred(2.0).map(|a| if a > 0.12 { 1.0 } else { 0.0 }));
}

fn line(stream: &mut Stream, scene: &mut Scene) {
    let side = scene.side();
    let size = side as f32;
    let mut set: AttributeSet = [A::Linear, A::Sharp].into();
    let mut plane = Plane::filled(side, 0.0);
    let start = (between(stream, 0.15, 0.85) * size, between(stream, 0.15, 0.85) * size);
    let angle = between(stream, 0.0, TAU);
    let width = (unit(side) * between(stream, 1.6, 6.0)).max(1.2);
    let length = size * between(stream, 0.2, 0.5);
    let branches = if stream.chance(0.4) { 3 + stream.below(4) } else { 0 };
    set.insert(if branches > 0 { A::Branching } else { A::Single });
    let mut trunk = vec![start];
    let (mut heading, mut at) = (angle, start);
    for _ in 0..14 {
        heading += between(stream, -0.12, 0.12);
        at = (at.0 + heading.cos() * length / 14.0, at.1 + heading.sin() * length / 14.0);
        trunk.push(at);
    }
    pattern::thread(&mut plane, &trunk, width, 0.8);
    for _ in 0..branches {
        let from = trunk[2 + stream.below(10)];
        let turn = angle + between(stream, 0.4, 1.0) * one_of(stream, &[-1.0, 1.0]);
        let reach = length * between(stream, 0.2, 0.5);
        let tip = (from.0 + turn.cos() * reach, from.1 + turn.sin() * reach);
        pattern::thread(&mut plane, &[from, tip], 0.6 * width, 0.8);
    }
    let level = scene.canvas.luma().mean();
    let bright = level < 0.3 || (level < 0.65 && stream.chance(0.5));
    set.insert(if bright { A::Bright } else { A::Dark });
    let change = if bright { between(stream, 0.2, 0.5) } else { -between(stream, 0.4, 0.8) * level };
    scene.canvas.add(&plane.clone().map(|a| a * change));
    scene.note(set, plane.blurred(1.5).map(|a| if a > 0.15 { 1.0 } else { 0.0 }));
}

fn haze(stream: &mut Stream, scene: &mut Scene) {
    let side = scene.side();
    let size = side as f32;
    let mut set: AttributeSet = [A::Haze, A::Blurred, A::Bright, A::Large].into();
    let everywhere = stream.chance(0.4);
    let cover = if everywhere {
        set.insert(A::Diffuse);
        let cell = between(stream, 40.0, 120.0);
        noise(stream, side, cell).map(|v| (0.8 + 0.2 * v).clamp(0.3, 1.0))
    } else {
        let centre = (between(stream, 0.25, 0.75) * size, between(stream, 0.25, 0.75) * size);
        let radius = size * between(stream, 0.15, 0.3);
        Outline::draw(stream, Form::Irregular, centre, radius, 1.3, 0.4).fill(side, 0.35 * radius)
    };
    let strength = between(stream, 0.3, 0.6);
    let smooth = scene.canvas.blurred(between(stream, 1.0, 3.0));
    scene.canvas.mix_canvas(&cover.clone().map(|c| (c * 1.3).min(1.0)), &smooth);
    let tone = between(stream, 0.6, 0.8);
    scene.canvas.mix(&cover.clone().map(|c| c * strength), [tone; 3]);
    scene.note(set, cover.map(|c| soft_step(c - 0.3, 0.05)));
}

/// Whether the channels hardly differ.
pub(super) fn is_grey(canvas: &Canvas) -> bool {
    let [r, g, b] = canvas.planes();
    let apart = |x: &Plane, y: &Plane| {
        x.values().iter().zip(y.values()).map(|(a, b)| (a - b).abs()).sum::<f32>() / x.values().len() as f32
    };
    apart(r, g) < 0.02 && apart(g, b) < 0.02
}
