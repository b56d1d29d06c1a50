//! Findings that are no mass.

use std::f32::consts::PI;

use sdmad_base::Stream;

use super::tissue::speckle;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::field::{between, noise, one_of};
use crate::outline::{Form, Outline};
use crate::pattern;
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;

/// One of them.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene) {
    let mut image = scene.canvas.luma();
    let (attributes, mask) = match stream.below(4) {
        0 => fluid_pocket(stream, &mut image),
        1 => thick_skin(stream, &mut image),
        2 => wide_ducts(stream, &mut image),
        _ => scattered_specks(stream, &mut image),
    };
    scene.canvas = Canvas::grey(image);
    scene.unknown.insert(A::SmoothLayers);
    scene.present = scene.present.without([A::SmoothLayers].into());
    scene.note(attributes, mask);
}

/// Flat black fluid along the layers.
fn fluid_pocket(stream: &mut Stream, image: &mut Plane) -> (AttributeSet, Plane) {
    let size = image.side() as f32;
    let centre = (between(stream, 0.25, 0.75) * size, between(stream, 0.2, 0.6) * size);
    let radius = size * between(stream, 0.09, 0.17);
    let form = one_of(stream, &[Form::Oval, Form::Lobulated, Form::Irregular]);
    let (stretch, tilt) = (between(stream, 4.0, 8.0), between(stream, -0.12, 0.12));
    let alpha = Outline::draw(stream, form, centre, radius, stretch, tilt).fill(image.side(), 1.2);
    let level = between(stream, 0.01, 0.05);
    let grains = speckle(stream, image.side());
    let mut after = image.clone();
    for (index, value) in after.values_mut().iter_mut().enumerate() {
        let fluid = level * (1.0 + 0.3 * grains.values()[index]);
        *value += alpha.values()[index] * (fluid.max(0.0) - *value);
    }
    *image = after;
    let set = [A::FluidPocket, A::EchoFree, A::Dark, A::Sharp, A::Wide, A::Single, A::Homogeneous];
    (set.into(), alpha.map(|a| if a > 0.4 { 1.0 } else { 0.0 }))
}

/// A broad bright band of skin at the top.
fn thick_skin(stream: &mut Stream, image: &mut Plane) -> (AttributeSet, Plane) {
    let side = image.side();
    let size = side as f32;
    let thickness = size * between(stream, 0.09, 0.16);
    let (strength, target) = (between(stream, 0.6, 0.85), between(stream, 0.55, 0.75));
    let waves = noise(stream, side, 50.0);
    let grains = speckle(stream, side);
    let band = Plane::from_fn(side, |_, y| y).zip(&waves, |y, wave| soft_step(thickness + 2.0 * wave - y, 2.0));
    let mut after = image.clone();
    for (index, value) in after.values_mut().iter_mut().enumerate() {
        let skin = target * (1.0 + 0.15 * grains.values()[index]);
        *value += strength * band.values()[index] * (skin - *value);
    }
    *image = after;
    ([A::ThickLayer, A::Bright, A::Linear, A::Wide].into(), band)
}

/// Dark tubes that run together.
fn wide_ducts(stream: &mut Stream, image: &mut Plane) -> (AttributeSet, Plane) {
    let side = image.side();
    let size = side as f32;
    let mut plane = Plane::filled(side, 0.0);
    let meeting = (between(stream, 0.3, 0.7) * size, between(stream, 0.25, 0.5) * size);
    let width = between(stream, 4.0, 9.0);
    let count = 1 + stream.below(4);
    let heading = one_of(stream, &[0.0, PI]);
    for duct in 0..count {
        let fan = 0.45 * (duct as f32 - 0.5 * (count as f32 - 1.0));
        let mut heading = heading + fan + between(stream, -0.15, 0.15);
        let step = size * between(stream, 0.025, 0.045);
        let mut points = vec![meeting];
        let mut at = meeting;
        for _ in 0..9 {
            heading += between(stream, -0.15, 0.15);
            at = (at.0 + heading.cos() * step, at.1 + heading.sin() * step);
            points.push(at);
        }
        pattern::thread(&mut plane, &points, width * between(stream, 0.7, 1.0), 1.0);
    }
    let rest = between(stream, 0.03, 0.25);
    *image = image.clone().zip(&plane, |v, p| v * (1.0 - p * (1.0 - rest)));
    let mut set: AttributeSet = [A::Linear, A::Dark, A::Sharp].into();
    set.insert(if count > 1 { A::Branching } else { A::Single });
    (set, plane.map(|p| if p > 0.4 { 1.0 } else { 0.0 }))
}

/// Tiny bright points in tissue without a mass.
fn scattered_specks(stream: &mut Stream, image: &mut Plane) -> (AttributeSet, Plane) {
    let size = image.side() as f32;
    let centre = (between(stream, 0.2, 0.8) * size, between(stream, 0.2, 0.6) * size);
    let radius = size * between(stream, 0.06, 0.16);
    let area = Outline::draw(stream, Form::Irregular, centre, radius, 1.2, 0.0).fill(image.side(), 1.0);
    let count = 10 + stream.below(20);
    let points = pattern::dots(stream, &area, count, (0.6, 1.4), 0.7);
    *image = image.clone().zip(&points, |v, p| v + p * (0.97 - v).max(0.0));
    ([A::BrightSpecks, A::Multiple, A::Bright].into(), area)
}
