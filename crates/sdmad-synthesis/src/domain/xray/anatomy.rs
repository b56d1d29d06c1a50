//! A procedural chest: thicknesses of tissue, added up and exposed.

use std::f32::consts::PI;

use sdmad_base::Stream;

use crate::field::{between, fractal, grain};
use crate::pattern;
use crate::plane::{Plane, length, soft_step};

/// The proportions of one chest; lengths in shares of the image's side.
#[derive(Clone, Copy, Debug)]
struct Build {
    middle: f32,
    half: f32,
    apex: f32,
    bases: [f32; 2],
    heart: (f32, f32),
    shoulders: f32,
    neck: f32,
    body: f32,
}

/// Levels of a normal chest.
pub(super) fn chest(stream: &mut Stream, side: usize) -> Plane {
    let build = build(stream);
    // All but the vessels is smooth enough for half the resolution.
    let scale = 2.0;
    let coarse = side.div_ceil(2).max(1);
    let (still, air) = still(stream, &build, coarse);
    let vessels = vessels(stream, &build, side);
    let fine = grain(stream, side).blurred(0.9);
    let (exposure, bright) = (between(stream, 0.75, 1.25), between(stream, 0.78, 1.0));
    let mut level = vessels.zip(&fine, |v, f| 0.15 * v + 0.015 * f);
    for (index, value) in level.values_mut().iter_mut().enumerate() {
        let (x, y) = ((index % side) as f32 + 0.5, (index / side) as f32 + 0.5);
        let (x, y) = (x / scale - 0.5, y / scale - 0.5);
        let open = air.sample(x, y);
        let thickness = still.sample(x, y) + *value * (0.1 + open);
        *value = bright * (1.0 - (-exposure * thickness).exp());
    }
    level
}

/// The thickness of all but vessels, and the share of lung that nothing covers, at a low resolution.
fn still(stream: &mut Stream, build: &Build, side: usize) -> (Plane, Plane) {
    let size = side as f32;
    let air = between(stream, 0.55, 0.8);
    let clouds = fractal(stream, side, 0.25 * size, 3, 0.5);
    let bones = bones(stream, build, side);
    let gas = stomach(stream, build, side);
    let solid = Plane::from_fn(side, |x, y| organs(build, x / size, y / size));
    let open = Plane::from_fn(side, |x, y| lung(build, x / size, y / size)).zip(&solid, |l, s| l * (1.0 - s));
    let mut thickness = Plane::from_fn(side, |x, y| body(build, x / size, y / size));
    for (index, value) in thickness.values_mut().iter_mut().enumerate() {
        let part = |plane: &Plane| plane.values()[index];
        let tissue = 1.0 - air * part(&open) + 0.06 * part(&solid) + 0.3 * part(&bones);
        *value *= (1.0 + 0.05 * part(&clouds)) * tissue * (1.0 - 0.35 * part(&gas));
    }
    (thickness, open)
}

fn build(stream: &mut Stream) -> Build {
    let base = between(stream, 0.68, 0.92);
    let half = between(stream, 0.29, 0.41);
    Build {
        middle: between(stream, 0.46, 0.54),
        half,
        apex: between(stream, 0.06, 0.2),
        bases: [base - between(stream, 0.0, 0.03), base + between(stream, 0.0, 0.03)],
        heart: (half * between(stream, 0.36, 0.46), between(stream, 0.1, 0.15)),
        shoulders: between(stream, 0.0, 0.12),
        neck: between(stream, 0.09, 0.15),
        body: half * between(stream, 1.12, 1.45),
    }
}

/// Thickness of the trunk, the neck and the shoulders.
fn body(build: &Build, x: f32, y: f32) -> f32 {
    let away = (x - build.middle).abs();
    let slope = build.shoulders + 0.25 * (away - build.neck).max(0.0);
    let shoulder = soft_step(y - slope, 0.05) * soft_step(0.66 - away - 0.1 * (y - 0.3).max(0.0), 0.06);
    let neck = soft_step(build.neck - away, 0.03);
    let trunk = (1.0 - (away / build.body).powi(4)).max(0.0).sqrt();
    let arm = 0.55 * soft_step(build.body + 0.16 - away, 0.04) * soft_step(0.75 - y, 0.25);
    let below = 1.0 + 0.5 * soft_step(y - build.bases[0], 0.15);
    shoulder.max(neck * 0.8) * (1.5 * trunk * below).max(arm).max(0.6 * neck)
}

/// 1 where there is lung.
fn lung(build: &Build, x: f32, y: f32) -> f32 {
    let away = (x - build.middle).abs() / build.half;
    let base = build.bases[usize::from(x > build.middle)];
    let down = (y - build.apex) / (base - build.apex);
    if !(-0.4..1.3).contains(&down) {
        return 0.0;
    }
    let outer = 1.0 - 0.52 * (1.0 - down.min(1.0)).powi(3);
    let dome = 1.0 + 0.16 * ((away - 0.5) / 0.5).powi(2) - 0.02;
    let top = 0.35 * ((away - 0.42) / 0.4).powi(2) * 0.4;
    let depth = ((outer - away) * build.half).min((away - 0.16) * build.half);
    let height = base - build.apex;
    soft_step(depth.min((dome - down) * height).min((down - top) * height), 0.009)
}

/// 1 in spine, mediastinum and heart.
fn organs(build: &Build, x: f32, y: f32) -> f32 {
    let across = x - build.middle;
    let base = build.bases[0];
    let spine = soft_step(0.2 * build.half - across.abs(), 0.015);
    let knob = soft_step(0.05 - length(across - 0.055, y - build.apex - 0.17), 0.01);
    let (wide, tall) = (build.heart.0, build.heart.1 + 0.06);
    let centre = (0.32 * wide, base - 0.75 * tall);
    let (u, v) = (across - centre.0, y - centre.1);
    let (u, v) = (0.92 * u + 0.38 * v, 0.92 * v - 0.38 * u);
    let heart = soft_step(1.0 - length(u / wide, v / tall), 0.12);
    spine.max(knob).max(heart)
}

/// Ribs, clavicles and vertebrae, as thickness.
fn bones(stream: &mut Stream, build: &Build, side: usize) -> Plane {
    let size = side as f32;
    let mut back = Plane::filled(side, 0.0);
    let pitch = (build.bases[0] - build.apex) / between(stream, 7.5, 10.0);
    let drop = between(stream, 0.03, 0.1);
    for outward in [-1.0, 1.0] {
        for number in 0..11 {
            let start = build.apex + (number as f32 - 0.5) * pitch;
            let reach = build.half * (1.03 - 0.5 * (1.0 - number as f32 / 9.0).max(0.0).powi(3));
            let points: Vec<(f32, f32)> = (0..13)
                .map(|i| {
                    let t = i as f32 / 12.0;
                    let y = start - 0.03 * (PI * t).sin() + drop * t * t + 0.06 * t.powi(6);
                    ((build.middle + outward * reach * t) * size, y * size)
                })
                .collect();
            pattern::thread(&mut back, &points, size * 0.026, 0.8);
        }
        let (inner, outer) = (build.apex + 0.07, build.apex + between(stream, -0.04, 0.02));
        let collar = [(0.05, inner), (0.5 * build.half, 0.5 * (inner + outer)), (1.05 * build.half, outer)];
        let points = collar.map(|(a, y)| ((build.middle + outward * a) * size, y * size));
        pattern::thread(&mut back, &points, size * 0.028, 0.7);
    }
    // Ribs are tubes: their edges absorb most.
    let inside = back.blurred(0.008 * size);
    let spine = Plane::from_fn(side, |x, y| {
        let column = soft_step(0.045 * size - (x - build.middle * size).abs(), 1.0);
        column * (0.5 + 0.3 * (y / size * 2.0 * PI / 0.055).sin())
    });
    back.zip(&inside, |b, i| b * (1.35 - 0.6 * i)).zip(&spine, |a, b| a + b)
}

/// Vessels that divide and thin out from both hila.
fn vessels(stream: &mut Stream, build: &Build, side: usize) -> Plane {
    let size = side as f32;
    let mut plane = Plane::filled(side, 0.0);
    for outward in [-1.0, 1.0] {
        let hilum = build.apex + 0.48 * (build.bases[0] - build.apex);
        for _ in 0..11 {
            let start = (
                build.middle + outward * build.half * between(stream, 0.14, 0.24),
                hilum + between(stream, -0.04, 0.04),
            );
            let heading = between(stream, -1.25, 1.25);
            let length = build.half * between(stream, 0.5, 0.95);
            branch(
                stream,
                &mut plane,
                (start.0 * size, start.1 * size),
                (heading, outward),
                length * size,
                0.014 * size,
            );
        }
    }
    plane
}

/// A vessel of a `heading` (up to down), with two generations of branches.
fn branch(stream: &mut Stream, plane: &mut Plane, start: (f32, f32), heading: (f32, f32), length: f32, width: f32) {
    let (mut angle, outward) = heading;
    let mut at = start;
    for step in 0..6 {
        angle += between(stream, -0.2, 0.2);
        let next = (at.0 + outward * angle.cos() * length / 6.0, at.1 + angle.sin() * length / 6.0);
        let thin = width * (1.0 - step as f32 / 6.5);
        pattern::thread(plane, &[at, next], thin.max(0.7), 0.9);
        if width > 1.3 && step > 0 {
            let turn = angle + between(stream, 0.35, 0.8) * if stream.chance(0.5) { 1.0 } else { -1.0 };
            branch(stream, plane, next, (turn, outward), 0.4 * length, 0.4 * width);
        }
        at = next;
    }
}

/// Gas below the diaphragm on the image's right, often none.
fn stomach(stream: &mut Stream, build: &Build, side: usize) -> Plane {
    let size = side as f32;
    let mut plane = Plane::filled(side, 0.0);
    if stream.chance(0.5) {
        let centre =
            (build.middle + build.half * between(stream, 0.4, 0.65), build.bases[1] + between(stream, 0.06, 0.1));
        let radius = size * between(stream, 0.02, 0.045);
        pattern::spot(&mut plane, (centre.0 * size, centre.1 * size), radius, 0.3 * radius);
    }
    plane
}
