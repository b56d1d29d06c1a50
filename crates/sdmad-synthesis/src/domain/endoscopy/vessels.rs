//! Fine vessels under the lining.

use std::f32::consts::TAU;

use sdmad_base::Stream;

use crate::field::{between, normal, one_of};
use crate::pattern;
use crate::plane::Plane;

/// One vessel as it grows.
#[derive(Clone, Copy)]
struct Shoot {
    at: (f32, f32),
    heading: f32,
    width: f32,
    depth: usize,
}

/// `count` trees of vessels that start anywhere, `width` pixels thick at first; 0 to 1.
pub(super) fn trees(stream: &mut Stream, side: usize, count: usize, width: f32) -> Plane {
    let size = side as f32;
    let mut plane = Plane::filled(side, 0.0);
    let mut shoots: Vec<Shoot> = (0..count)
        .map(|_| {
            let at = (between(stream, 0.0, 1.0) * size, between(stream, 0.0, 1.0) * size);
            Shoot { at, heading: between(stream, 0.0, TAU), width: width * between(stream, 0.6, 1.0), depth: 0 }
        })
        .collect();
    while let Some(shoot) = shoots.pop() {
        grow(stream, &mut plane, shoot, &mut shoots);
    }
    plane
}

/// A small tuft of vessels that run out from a place.
pub(super) fn tuft(stream: &mut Stream, side: usize, at: (f32, f32), reach: f32, width: f32) -> Plane {
    let mut plane = Plane::filled(side, 0.0);
    let arms = 3 + stream.below(5);
    let start = between(stream, 0.0, TAU);
    for arm in 0..arms {
        let heading = start + TAU * arm as f32 / arms as f32 + 0.45 * normal(stream);
        let line = walk(stream, at, heading, reach / 6.0, 6);
        pattern::thread(&mut plane, &line, width, 0.7);
        for from in [line[2], line[4]] {
            let turn = heading + one_of(stream, &[-1.0, 1.0]) * between(stream, 0.5, 1.0);
            let twig = walk(stream, from, turn, reach / 8.0, 3);
            pattern::thread(&mut plane, &twig, 0.75 * width, 0.7);
        }
    }
    plane
}

/// A line that meanders.
pub(super) fn walk(stream: &mut Stream, start: (f32, f32), heading: f32, step: f32, count: usize) -> Vec<(f32, f32)> {
    let (mut at, mut heading) = (start, heading);
    let mut line = vec![at];
    for _ in 0..count {
        heading += 0.28 * normal(stream);
        at = (at.0 + step * heading.cos(), at.1 + step * heading.sin());
        line.push(at);
    }
    line
}

/// Draws one vessel to its end and leaves its branches in `shoots`.
fn grow(stream: &mut Stream, plane: &mut Plane, mut shoot: Shoot, shoots: &mut Vec<Shoot>) {
    let unit = plane.side() as f32 / 224.0;
    let step = 4.0 * unit;
    for number in 0..10 + stream.below(14) {
        shoot.heading += 0.22 * normal(stream);
        let next = (shoot.at.0 + step * shoot.heading.cos(), shoot.at.1 + step * shoot.heading.sin());
        if next.0.min(next.1) < -8.0 || next.0.max(next.1) > plane.side() as f32 + 8.0 || shoot.width < 0.45 * unit {
            return;
        }
        pattern::thread(plane, &[shoot.at, next], shoot.width, 0.6);
        shoot.at = next;
        shoot.width *= 0.985;
        if shoot.depth < 3 && number > 1 && stream.chance(0.16) {
            let away = one_of(stream, &[-1.0, 1.0]);
            shoots.push(Shoot {
                heading: shoot.heading + away * between(stream, 0.4, 1.0),
                width: shoot.width * between(stream, 0.5, 0.8),
                depth: shoot.depth + 1,
                at: shoot.at,
            });
        }
    }
}
