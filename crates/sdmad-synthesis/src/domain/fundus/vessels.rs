//! Trees of vessels.

use std::f32::consts::TAU;

use sdmad_base::Stream;

use crate::field::{between, noise, normal, stretched_noise};
use crate::pattern;
use crate::plane::{Plane, length};

/// Where vessels run: from the disc in arcades around the macula.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// The middle of the disc.
    pub(super) disc: (f32, f32),
    /// The macula, which vessels spare.
    pub(super) macula: (f32, f32),
    /// Half the width of the field, in pixels.
    pub(super) radius: f32,
    /// Where the arcades leave the disc: angles from the macula's direction, upper and lower, temporal and nasal.
    pub(super) arcades: [(f32, f32); 2],
}

/// One vessel as it grows.
#[derive(Clone, Copy, Debug)]
struct Shoot {
    at: (f32, f32),
    heading: f32,
    width: f32,
    /// Turn for each step, in radians.
    bend: f32,
    steps: usize,
    depth: usize,
}

/// Arteries or veins: four arcades and a few small vessels, `width` pixels at the disc; `winding` is how much they
/// meander, about 1.
pub(super) fn tree(stream: &mut Stream, side: usize, course: Course, width: f32, winding: f32) -> Plane {
    let mut plane = Plane::filled(side, 0.0);
    let step = 0.045 * course.radius;
    let towards = (course.macula.1 - course.disc.1).atan2(course.macula.0 - course.disc.0);
    let mut shoots = Vec::new();
    for (up, (temporal, nasal)) in [-1.0f32, 1.0].into_iter().zip(course.arcades) {
        let heading = towards + up * (temporal + between(stream, -0.14, 0.14));
        let bend = -up * between(stream, 0.05, 0.075);
        shoots.push(shoot(stream, course, heading, width, bend, 36));
        let heading = towards + up * (nasal + between(stream, -0.2, 0.2));
        let bend = up * between(stream, -0.01, 0.03);
        shoots.push(shoot(stream, course, heading, 0.75 * width, bend, 24));
    }
    for _ in 0..2 + stream.below(4) {
        let heading = towards + normal(stream);
        shoots.push(shoot(stream, course, heading, 0.45 * width, 0.0, 12));
    }
    while let Some(shoot) = shoots.pop() {
        grow(stream, &mut plane, course, shoot, step, winding, &mut shoots);
    }
    plane
}

fn shoot(stream: &mut Stream, course: Course, heading: f32, width: f32, bend: f32, steps: usize) -> Shoot {
    let off = 0.025 * course.radius;
    let at = (course.disc.0 + off * normal(stream), course.disc.1 + off * normal(stream));
    Shoot { at, heading, width, bend, steps, depth: 0 }
}

/// Draws one vessel to its end and leaves its branches in `shoots`.
fn grow(
    stream: &mut Stream,
    plane: &mut Plane,
    course: Course,
    mut shoot: Shoot,
    step: f32,
    winding: f32,
    shoots: &mut Vec<Shoot>,
) {
    let fovea = 0.13 * course.radius;
    let mut drift = 0.0f32;
    for number in 0..shoot.steps {
        drift = 0.5 * drift + 0.085 * winding * normal(stream);
        // Arcades straighten once they have passed the macula.
        let bend = if number < 20 { shoot.bend } else { 0.1 * shoot.bend };
        shoot.heading += bend + drift;
        let next = (shoot.at.0 + step * shoot.heading.cos(), shoot.at.1 + step * shoot.heading.sin());
        let outside = next.0 < 0.0 || next.1 < 0.0 || next.0.max(next.1) > plane.side() as f32;
        if outside || length(next.0 - course.macula.0, next.1 - course.macula.1) < fovea || shoot.width < 0.55 {
            return;
        }
        pattern::thread(plane, &[shoot.at, next], shoot.width, 0.6);
        shoot.at = next;
        shoot.width *= 0.978;
        let forks = if shoot.depth == 0 { 0.15 } else { 0.1 };
        if shoot.depth < 3 && number > 2 && stream.chance(forks) {
            let away = if stream.chance(0.5) { 1.0 } else { -1.0 };
            shoots.push(Shoot {
                heading: shoot.heading + away * between(stream, 0.4, 1.0),
                width: shoot.width * between(stream, 0.4, 0.7),
                bend: -away * between(stream, 0.0, 0.04),
                steps: 6 + stream.below(14),
                depth: shoot.depth + 1,
                at: shoot.at,
            });
            shoot.width *= 0.93;
        }
    }
}

/// Winding bands of the deep vessels under the retina, 0 to 1, about `pitch` pixels apart.
pub(super) fn choroid(stream: &mut Stream, side: usize, pitch: f32) -> Plane {
    let ridges = stretched_noise(stream, side, (3.0 * pitch, pitch)).map(|v| (1.0 - v.abs() / 0.6).max(0.0));
    let bends = [noise(stream, side, 4.0 * pitch), noise(stream, side, 4.0 * pitch)];
    let (sine, cosine) = between(stream, 0.0, TAU).sin_cos();
    let middle = 0.5 * side as f32;
    Plane::from_fn(side, |x, y| {
        let (column, row) = (x as i64, y as i64);
        let (u, v) = (x - middle + pitch * bends[0].at(column, row), y - middle + pitch * bends[1].at(column, row));
        ridges.sample(middle + 0.7 * (u * cosine - v * sine), middle + 0.7 * (u * sine + v * cosine))
    })
}
