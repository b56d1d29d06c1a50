//! One mass: its body, its rim, and the order in which all of it is drawn.

use std::f32::consts::TAU;

use sdmad_base::Stream;

use super::behind;
use super::plan::{Around, Echo, Interior, Plan, Rim};
use super::site::{Site, level_around};
use super::surroundings;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, fractal, noise, one_of};
use crate::pattern;
use crate::plane::{Plane, soft_step};

/// A mass that was drawn.
#[derive(Clone, Debug)]
pub(super) struct Mass {
    /// What can be said of it.
    pub(super) attributes: AttributeSet,
    /// What is too faint to be said, and too plain to be denied.
    pub(super) unknown: AttributeSet,
    /// Its body: 1 inside, 0 outside.
    pub(super) mask: Plane,
}

/// Draws a mass of `radius` pixels around `centre`, with `grains` of speckle.
pub(super) fn draw(stream: &mut Stream, image: &mut Plane, centre: (f32, f32), radius: f32, grains: &Plane) -> Mass {
    let side = image.side();
    let level = level_around(image, centre, radius);
    let plan = Plan::choose(stream, side, centre, radius, level);
    let site = Site::new(plan.outline.clone(), side);
    let mut attributes = plan.attributes;
    attributes = attributes.union(match plan.around {
        Around::Covered => AttributeSet::EMPTY,
        Around::DrawnIn => surroundings::draw_in(stream, image, &site),
        Around::PushedAside => surroundings::push_aside(stream, image, &site),
        Around::Broken => surroundings::broken_layer(stream, image, &site),
    });
    if plan.rim == Rim::Halo {
        halo(stream, image, &site, grains);
        attributes.insert(A::Halo);
    }
    let alpha = edge(stream, &site, &plan, side);
    let mask = alpha.clone().map(|a| if a > 0.4 { 1.0 } else { 0.0 });
    attributes = attributes.union(body(stream, image, &site, &plan, (&alpha, &mask), (level, grains)));
    if plan.rim == Rim::Capsule {
        capsule(stream, image, &site);
        attributes.insert(A::Capsule);
    }
    let (seen, unknown) = behind::draw(stream, image, &site, &plan, &mask);
    Mass { attributes: attributes.union(seen), unknown: unknown.union(plan.unknown), mask }
}

/// 1 inside of the mass, 0 outside, as soft between as planned and slightly uneven.
fn edge(stream: &mut Stream, site: &Site, plan: &Plan, side: usize) -> Plane {
    let frayed = noise(stream, side, 4.0 + 0.6 * plan.softness);
    let mut alpha = Plane::filled(side, 0.0);
    let window = site.window(side, 1.5 * plan.softness + 3.0);
    window.change(&mut alpha, |x, y, index, _| {
        let softness = match plan.blurred_from {
            Some(angle) => {
                let here = (y - site.centre.1).atan2(x - site.centre.0);
                plan.softness * (0.25 + 0.75 * (0.5 + 0.7 * (here - angle).cos()).clamp(0.0, 1.0))
            }
            None => plan.softness,
        };
        soft_step(site.depth.values()[index] + 0.3 * softness * frayed.values()[index], softness)
    });
    if plan.attributes.contains(A::Spiculated) { alpha.max(&spicules(stream, site, plan, side)) } else { alpha }
}

/// Lines that run out from the edge, thinner to their tips.
fn spicules(stream: &mut Stream, site: &Site, plan: &Plan, side: usize) -> Plane {
    let mut plane = Plane::filled(side, 0.0);
    let (count, softness) = (11 + stream.below(12), plan.softness.clamp(1.0, 1.8));
    for spicule in 0..count {
        let angle = (spicule as f32 + between(stream, -0.4, 0.4)) * TAU / count as f32;
        let (tip, bend) = (between(stream, 1.25, 2.1), between(stream, -0.2, 0.2));
        let width = between(stream, 1.4, 2.6) + 0.06 * site.outline.radius;
        let steps = 7;
        for step in 0..steps {
            let at = |step: usize| {
                let share = step as f32 / steps as f32;
                site.outline.point(angle + bend * share, 0.7 + (tip - 0.7) * share)
            };
            let here = width * (1.0 - 0.8 * step as f32 / steps as f32);
            pattern::thread(&mut plane, &[at(step), at(step + 1)], here, softness);
        }
    }
    // Their tips let tissue shine through.
    plane.zip(&site.depth, |p, depth| p * (1.0 + 0.7 * depth / site.outline.radius).clamp(0.35, 1.0))
}

/// Replaces tissue, as far as `alpha` says, by echoes of the mass's own; `level` is that of the tissue around it.
fn body(
    stream: &mut Stream,
    image: &mut Plane,
    site: &Site,
    plan: &Plan,
    (alpha, mask): (&Plane, &Plane),
    (level, grains): (f32, &Plane),
) -> AttributeSet {
    let side = image.side();
    let (tone, mut set) = tone(stream, plan.echo, level);
    let radius = site.outline.radius;
    let change = interior(stream, site, plan, mask, (tone, level), &mut set);
    let fine = image.blurred(2.0);
    let coarse = image.blurred(0.15 * radius + 3.0);
    // Echo-free fluid shows noise alone; else speckle is as strong as the echo, and some of the tissue's own shows.
    let (strength, kept) = match plan.echo {
        Echo::Free => (between(stream, 0.02, 0.15), 0.1),
        _ => (between(stream, 0.1, 0.2), between(stream, 0.4, 0.9) * (tone / level.max(0.05)).clamp(0.4, 1.0)),
    };
    // Some of the tissue's own fading, and more or less of it than around.
    let (shading, steepness) = (between(stream, 0.15, 0.5), between(stream, -0.1, 0.22));
    let window = site.window(side, 1.5 * plan.softness + 3.0);
    let before = image.clone();
    window.change(image, |_, y, index, value| {
        let here = 1.0 + shading * (coarse.values()[index] / level.max(0.05) - 1.0).clamp(-0.7, 0.7);
        let deep = 1.0 - steepness * (y - site.centre.1) / site.half.1;
        let echo = (tone * here * deep + change.values()[index]).clamp(0.0, 0.9);
        let detail = (before.values()[index] - fine.values()[index]).clamp(-0.1, 0.1);
        let inside = echo + strength * (0.05 + 0.5 * echo) * grains.values()[index] + kept * detail;
        value + alpha.values()[index] * (inside.max(0.0) - value)
    });
    if plan.specks {
        specks(stream, image, mask, radius);
        set.insert(A::BrightSpecks);
        set = set.without([A::Homogeneous].into());
    }
    set
}

/// The mass's mean brightness on tissue of brightness `level`, and its name.
fn tone(stream: &mut Stream, echo: Echo, level: f32) -> (f32, AttributeSet) {
    match echo {
        Echo::Free => (between(stream, 0.005, 0.05), [A::EchoFree, A::Dark].into()),
        Echo::Low => (level * between(stream, 0.2, 0.6), [A::Dark].into()),
        Echo::Equal => (level * between(stream, 0.93, 1.07), AttributeSet::EMPTY),
        Echo::Mixed => (level, [A::MixedDensity].into()),
        Echo::High => ((level + between(stream, 0.17, 0.34)).min(0.8), [A::Bright].into()),
    }
}

/// What is added to the mass's mean brightness at each pixel. `levels` are those of the mass and of the tissue.
fn interior(
    stream: &mut Stream,
    site: &Site,
    plan: &Plan,
    mask: &Plane,
    levels: (f32, f32),
    set: &mut AttributeSet,
) -> Plane {
    let side = mask.side();
    let (tone, level) = levels;
    let radius = site.outline.radius;
    let contrast = (between(stream, 0.35, 0.65) * tone + 0.05).min(0.16);
    match plan.interior {
        _ if plan.echo == Echo::Mixed => {
            set.insert(A::Heterogeneous);
            let dark = -between(stream, 0.5, 0.75) * level;
            let bright = between(stream, 0.13, 0.28).min((0.85 - level).max(0.1));
            let cell = radius * between(stream, 0.45, 0.9);
            fractal(stream, side, cell, 3, 0.6).map(|v| dark + (bright - dark) * soft_step(v, 0.4))
        }
        Interior::Even => {
            set.insert(A::Homogeneous);
            noise(stream, side, 0.3 * radius + 3.0).map(|v| 0.12 * contrast * v)
        }
        Interior::Plain => noise(stream, side, 0.4 * radius).map(|v| 0.4 * contrast * v),
        Interior::Uneven => {
            set.insert(A::Heterogeneous);
            let cell = (radius * between(stream, 0.25, 0.6)).max(5.0);
            fractal(stream, side, cell, 2, 0.7).map(|v| 1.1 * contrast * v.clamp(-1.4, 1.7))
        }
        Interior::Strands => {
            set.insert(A::Streaks);
            let (pitch, angle) = (between(stream, 4.0, 8.0), between(stream, -0.3, 0.3));
            let broken = noise(stream, side, 2.0 * pitch);
            pattern::streaks(stream, side, pitch, angle, 2.0)
                .zip(&broken, |s, b| contrast * (1.6 * s * (0.8 + 0.5 * b).clamp(0.0, 1.5) - 0.3))
        }
        Interior::Spots => {
            set.insert(A::Dots);
            let sign = if tone < 0.15 { 1.5 } else { one_of(stream, &[-1.5, 1.5]) };
            let count = 5 + (radius / 5.0) as usize + stream.below(6);
            pattern::dots(stream, mask, count, (1.3, 1.3 + 0.1 * radius), 1.0).map(|d| sign * contrast * d)
        }
        Interior::Level => {
            *set = set.without([A::EchoFree].into());
            set.insert(A::FluidLevel);
            let row = site.centre.1 + site.half.1 * between(stream, -0.2, 0.4);
            let (settled, slope) = ((0.45 * level).max(0.1), between(stream, -0.06, 0.06));
            Plane::from_fn(side, |x, y| settled * soft_step(y - row - slope * (x - site.centre.0), 1.2))
        }
        Interior::Core => {
            set.insert(A::Ring);
            let sign = if tone < 0.35 { between(stream, 0.16, 0.3) } else { -0.6 * tone };
            let start = radius * between(stream, 0.35, 0.5);
            site.depth.clone().map(|depth| sign * soft_step(depth - start, 0.12 * radius))
        }
    }
}

/// Tiny bright points inside of a mass, often in groups.
fn specks(stream: &mut Stream, image: &mut Plane, mask: &Plane, radius: f32) {
    let count = 4 + stream.below(5 + (radius / 4.0) as usize);
    let points = pattern::dots(stream, mask, count, (0.8, 1.7), 0.7);
    let strength = between(stream, 0.35, 0.6);
    *image = std::mem::replace(image, Plane::filled(1, 0.0)).zip(&points, |v, p| v + p * strength * (1.0 - v));
}

/// A thin bright line along the edge, brightest where it faces the transducer.
fn capsule(stream: &mut Stream, image: &mut Plane, site: &Site) {
    let side = image.side();
    let (width, strength) = (between(stream, 1.2, 2.4), between(stream, 0.28, 0.5));
    let uneven = noise(stream, side, 9.0);
    let faces = between(stream, 0.1, 0.45);
    site.window(side, 5.0).change(image, |x, y, index, value| {
        let line = soft_step(0.5 * width - (site.depth.values()[index] + 0.3 * width).abs(), 0.7);
        if line == 0.0 {
            return value;
        }
        let slope = ((y - site.centre.1) / site.half.1).atan2((x - site.centre.0) / site.half.0).sin().abs();
        let here = strength * (1.0 - faces * (1.0 - slope)) * (1.0 + 0.2 * uneven.values()[index]);
        value + line * here.max(0.1) * (1.1 - value)
    });
}

/// A broad bright haze around the edge, uneven in width and brightness.
fn halo(stream: &mut Stream, image: &mut Plane, site: &Site, grains: &Plane) {
    let side = image.side();
    let radius = site.outline.radius;
    let width = radius * between(stream, 0.28, 0.5) + 2.0;
    let strength = between(stream, 0.35, 0.65);
    let target = between(stream, 0.6, 0.85);
    let turn = between(stream, 0.0, TAU);
    let uneven = noise(stream, side, 0.5 * radius + 3.0);
    site.window(side, width + 8.0).change(image, |x, y, index, value| {
        let outside = -site.depth.values()[index];
        let angle = (y - site.centre.1).atan2(x - site.centre.0);
        let reach = width * (1.0 + 0.2 * (angle - turn).cos() + 0.15 * uneven.values()[index]);
        let share = strength * soft_step(reach - outside, 0.7 * width);
        let bright = (target * (1.0 + 0.1 * grains.values()[index])).max(value) + 0.4 * (value - target);
        value + share * (bright - value)
    });
}
