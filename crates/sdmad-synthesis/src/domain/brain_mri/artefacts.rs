//! What the scanner and its user add: noise, shading, ghosts, letters. It means nothing.

use std::f32::consts::TAU;

use sdmad_base::Stream;

use crate::canvas::Canvas;
use crate::clutter;
use crate::field::{between, grain, one_of};
use crate::plane::{Plane, length};
use crate::scene::Scene;

/// Draws some of it on any slice.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene) {
    let mut image = scene.canvas.luma();
    if stream.chance(0.7) {
        image = shaded(stream, image);
    }
    if stream.chance(0.2) {
        image = ghosted(stream, &image);
    }
    if stream.chance(0.12) {
        image = rippled(stream, &image);
    }
    if stream.chance(0.6) {
        image = noisy(stream, image);
    }
    for _ in 0..stream.below(3) {
        if stream.chance(0.35) {
            clutter::letters(stream, &mut image);
        }
    }
    scene.canvas = Canvas::grey(image);
}

/// Brighter to one side, and at times by a coil.
fn shaded(stream: &mut Stream, image: Plane) -> Plane {
    let size = image.side() as f32;
    let (angle, slope) = (between(stream, 0.0, TAU), between(stream, 0.0, 0.3));
    let coil = (between(stream, 0.0, 1.0) * size, one_of(stream, &[0.02, 0.98, 0.5]) * size);
    let strength = if stream.chance(0.3) { between(stream, 0.1, 0.5) } else { 0.0 };
    let reach = between(stream, 0.15, 0.35) * size;
    let (across, down) = (angle.cos(), angle.sin());
    let gain = Plane::from_fn(image.side(), |x, y| {
        let along = ((x - 0.5 * size) * across + (y - 0.5 * size) * down) / size;
        let gain = 1.0 + slope * along;
        if strength == 0.0 {
            return gain;
        }
        let away = length(x - coil.0, y - coil.1) / reach;
        gain * (1.0 + strength * (-away * away).exp())
    });
    image.times(&gain)
}

/// Faint copies of the head, moved along rows or columns, as of a patient who moved.
fn ghosted(stream: &mut Stream, image: &Plane) -> Plane {
    let side = image.side();
    let shift = between(stream, 0.06, 0.35) * side as f32;
    let (across, down) = if stream.chance(0.5) { (shift, 0.0) } else { (0.0, shift) };
    let strength = between(stream, 0.03, 0.14);
    let last = side as f32;
    Plane::from_fn(side, |x, y| {
        let copy = |sign: f32| {
            image.sample((x + sign * across + last).rem_euclid(last), (y + sign * down + last).rem_euclid(last))
        };
        image.at(x as i64, y as i64) * (1.0 - strength) + strength * (copy(1.0) + copy(-1.0))
    })
}

/// Narrow ripples beside edges, as of too few lines of a scan.
fn rippled(stream: &mut Stream, image: &Plane) -> Plane {
    let step = between(stream, 2.5, 4.5) * image.side() as f32 / 224.0;
    let strength = between(stream, 0.1, 0.3);
    let upright = stream.chance(0.5);
    Plane::from_fn(image.side(), |x, y| {
        let at = |away: f32| if upright { image.sample(x, y + away) } else { image.sample(x + away, y) };
        let here = at(0.0);
        here + strength * (here - 0.5 * (at(step) + at(-step)))
            - 0.5 * strength * (here - 0.5 * (at(2.0 * step) + at(-2.0 * step)))
    })
}

/// Noise of a magnitude image: of two channels, of which one has no signal (Rice).
fn noisy(stream: &mut Stream, mut image: Plane) -> Plane {
    let side = image.side();
    let level = between(stream, 0.2, 1.0).powi(2) * 0.055;
    let size = between(stream, 0.0, 0.9);
    let strength = level * (1.0 + 1.8 * size);
    let noise = grain(stream, side).blurred(size);
    // The other channel's is the same, from half an image away.
    let (values, half) = (noise.values(), side * (side / 2));
    let other = values[half..].iter().chain(&values[..half]);
    for (value, (first, second)) in image.values_mut().iter_mut().zip(values.iter().zip(other)) {
        *value = length(*value + strength * first, strength * second);
    }
    image
}
