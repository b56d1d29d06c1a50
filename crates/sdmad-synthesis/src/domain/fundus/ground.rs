//! A procedural retina: ground, disc, macula and vessels in a round field.

use std::f32::consts::PI;

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::{Canvas, Colour};
use crate::field::{between, fractal, grain, noise, one_of, weighted};
use crate::plane::{Plane, length, soft_step};
use crate::scene::Scene;

use super::nerve::{self, Cup};
use super::vessels::{self, Course};

/// What vessels, disc and cup of any eye show.
const OF_ANY_EYE: [A; 4] = [A::Linear, A::Branching, A::Ring, A::Yellow];

/// A normal retina, crisp.
pub(super) fn tissue(stream: &mut Stream, side: usize) -> Scene {
    let size = side as f32;
    let radius = size * between(stream, 0.475, 0.53);
    let centre = (size * (0.5 + between(stream, -0.012, 0.012)), size * (0.5 + between(stream, -0.012, 0.012)));
    let right = one_of(stream, &[-1.0f32, 1.0]);
    let off = between(stream, 0.3, 0.78);
    let disc = (centre.0 + right * off * radius, centre.1 + radius * between(stream, -0.14, 0.1));
    let disc_radius = radius * between(stream, 0.125, 0.165);
    let macula =
        (disc.0 - right * disc_radius * between(stream, 4.6, 5.6), disc.1 + disc_radius * between(stream, 0.1, 0.9));
    let arcades = [0, 1].map(|_| (PI * between(stream, 0.36, 0.52), PI * between(stream, 0.6, 0.85)));
    let course = Course { disc, macula, radius, arcades };
    let mut scene = Scene::new(ground(stream, side, course));
    let own = choroid(stream, &mut scene.canvas, radius);
    dim_macula(stream, &mut scene.canvas, macula, disc_radius);
    scene.present.insert(A::ClearView);
    scene.unknown = own.union(OF_ANY_EYE.into());
    let (cup, small) = if stream.chance(0.65) {
        scene.present.insert(A::SmallCup);
        (between(stream, 0.18, 0.38), true)
    } else {
        (between(stream, 0.42, 0.54), false)
    };
    if !small {
        scene.unknown.insert(A::SmallCup);
    }
    let cup = Cup::even(stream, cup);
    nerve::fresh_disc(stream, &mut scene.canvas, disc, disc_radius, cup);
    add_vessels(stream, &mut scene.canvas, course);
    close_field(stream, &mut scene.canvas, centre, radius);
    scene
}

/// Orange-red to brown or peach, uneven in light and tint.
fn ground(stream: &mut Stream, side: usize, course: Course) -> Canvas {
    let base: Colour = weighted(
        stream,
        &[
            ([0.72, 0.36, 0.16], 1.0),
            ([0.52, 0.22, 0.12], 1.0),
            ([0.86, 0.52, 0.32], 0.8),
            ([0.55, 0.36, 0.20], 0.7),
            ([0.42, 0.21, 0.16], 0.6),
            ([0.78, 0.62, 0.40], 0.5),
            ([0.80, 0.30, 0.08], 0.6),
        ],
    );
    let (cell, slow_cell) = (between(stream, 8.0, 24.0), between(stream, 50.0, 120.0));
    let clouds = fractal(stream, side, cell, 3, 0.7);
    let slow = noise(stream, side, slow_cell);
    let fine = grain(stream, side).blurred(0.7);
    let (a, b, c) = (between(stream, 0.01, 0.035), between(stream, 0.03, 0.09), between(stream, 0.01, 0.04));
    let (fall, glow) = (between(stream, 0.05, 0.4), between(stream, 0.0, 0.3));
    let mut light = Plane::from_fn(side, |x, y| {
        let out = length(x / side as f32 - 0.5, y / side as f32 - 0.5) * 2.0;
        let near = length(x - course.disc.0, y - course.disc.1) / course.radius;
        1.0 - fall * out * out + glow * (-2.5 * near * near).exp()
    });
    for (value, (cloud, (slow, fine))) in
        light.values_mut().iter_mut().zip(clouds.values().iter().zip(slow.values().iter().zip(fine.values())))
    {
        *value *= 1.0 + a * cloud + b * slow + c * fine;
    }
    let jitter = base.map(|v| v * between(stream, 0.88, 1.12));
    let hue = noise(stream, side, 70.0).map(|v| 1.0 + 0.05 * v);
    let planes = [light.clone().map(|l| l * jitter[0]), light.clone().times(&hue).map(|l| l * jitter[1]), light];
    let [red, green, blue] = planes;
    Canvas::from_planes([red, green, blue.map(|l| l * jitter[2])])
}

/// The deep vessels show through in some; what may then be seen.
fn choroid(stream: &mut Stream, canvas: &mut Canvas, radius: f32) -> AttributeSet {
    if stream.chance(0.72) {
        return [].into();
    }
    let pitch = radius * between(stream, 0.05, 0.09);
    let strength = between(stream, 0.04, 0.22);
    let bands = vessels::choroid(stream, canvas.side(), pitch);
    let patchy = noise(stream, canvas.side(), 0.5 * radius).map(|v| (0.6 + 0.5 * v).clamp(0.0, 1.0));
    let bands = bands.times(&patchy);
    let shares = [0.6, 1.3, 1.2];
    for (plane, share) in canvas.planes_mut().iter_mut().zip(shares) {
        for (value, band) in plane.values_mut().iter_mut().zip(bands.values()) {
            *value *= 1.0 + strength * share * (0.5 - band);
        }
    }
    [A::Streaks, A::Mesh, A::Branching, A::Heterogeneous].into()
}

/// The dark macula, with or without a bright reflex at the fovea.
fn dim_macula(stream: &mut Stream, canvas: &mut Canvas, macula: (f32, f32), disc_radius: f32) {
    let (wide, narrow) = (disc_radius * between(stream, 1.2, 2.4), disc_radius * between(stream, 0.3, 0.6));
    let (broad, deep) = (between(stream, 0.1, 0.3), between(stream, 0.05, 0.25));
    let reflex = if stream.chance(0.3) { between(stream, 0.05, 0.2) } else { 0.0 };
    let gain = Plane::from_fn(canvas.side(), |x, y| {
        let away = length(x - macula.0, y - macula.1);
        let bell = |width: f32| (-0.5 * (away / width).powi(2)).exp();
        1.0 - broad * bell(wide) - deep * bell(narrow) + reflex * soft_step(1.6 - away, 1.0)
    });
    canvas.scale(&gain);
}

/// Veins, broader and darker, and arteries.
fn add_vessels(stream: &mut Stream, canvas: &mut Canvas, course: Course) {
    let side = canvas.side();
    let width = course.radius * between(stream, 0.024, 0.036);
    let winding = between(stream, 0.5, 1.3);
    let depth = between(stream, 0.4, 1.0);
    for (share, keep) in [(1.0f32, [0.70, 0.42, 0.40]), (between(stream, 0.6, 0.8), [0.86, 0.54, 0.48])] {
        let tree = vessels::tree(stream, side, course, width * share, winding);
        for (plane, keep) in canvas.planes_mut().iter_mut().zip(keep) {
            let lost: f32 = (1.0f32 - keep) * depth;
            for (value, t) in plane.values_mut().iter_mut().zip(tree.values()) {
                *value *= 1.0 - lost * t;
            }
        }
    }
}

/// Black around the field, at times cut above and below, or a bright rim.
fn close_field(stream: &mut Stream, canvas: &mut Canvas, centre: (f32, f32), radius: f32) {
    let cut = if stream.chance(0.3) { radius * between(stream, 0.82, 0.98) } else { f32::MAX };
    let squeeze = if stream.chance(0.15) { between(stream, 0.78, 0.95) } else { 1.0 };
    let softness = between(stream, 0.6, 1.6);
    let field = Plane::from_fn(canvas.side(), |x, y| {
        let (dx, dy) = ((x - centre.0) / squeeze, y - centre.1);
        soft_step((radius - length(dx, dy)).min(cut - dy.abs()), softness)
    });
    canvas.scale(&field);
}
