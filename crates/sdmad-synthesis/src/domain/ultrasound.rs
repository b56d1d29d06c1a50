//! Sonograms with a straight transducer on top, of the breast above all.
//!
//! Normal tissue ([`tissue()`]) is skin, fat lobules with septa, glandular tissue, fascia, muscle and now and then ribs,
//! all speckled and fading with depth. Findings are masses ([`mass`]) whose form, margin, echoes, interior, rim and
//! surroundings are drawn independently, the sound behind them ([`behind`]), and what is no mass ([`other`]): fluid
//! between layers, thick skin, wide ducts, specks. Marks of the examiner and lost contact ([`clutter`]) are drawn with
//! and without a finding.

mod behind;
mod clutter;
mod mass;
mod other;
mod plan;
mod site;
mod surroundings;
mod tissue;

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::field::{between, weighted};
use crate::plane::Plane;
use crate::scene::Scene;

/// Layered normal tissue.
pub(super) fn tissue(stream: &mut Stream, side: usize) -> Scene {
    let (image, own) = tissue::draw(stream, side);
    let mut scene = normal_scene(stream, image);
    scene.unknown = scene.unknown.union(own);
    scene
}

/// A real normal sonogram. Lines and nets of its own septa, ducts and muscle fibres may be seen on it.
pub(super) fn on_normal(stream: &mut Stream, normal: Canvas) -> Scene {
    let mut scene = normal_scene(stream, normal.luma());
    scene.unknown = scene
        .unknown
        .union([A::Linear, A::Branching, A::Streaks, A::Mesh, A::Honeycomb, A::Haze, A::Diffuse, A::ThickLayer].into());
    scene
}

/// Whole layers without a finding, and clutter.
fn normal_scene(stream: &mut Stream, mut image: Plane) -> Scene {
    let unknown = clutter::draw(stream, &mut image);
    let mut scene = Scene::new(Canvas::grey(image));
    scene.present = [A::SmoothLayers].into();
    scene.unknown = unknown;
    scene
}

/// One finding or several.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene) {
    if stream.chance(0.1) {
        other::draw(stream, scene);
        if stream.chance(0.7) {
            return;
        }
    }
    let count = weighted(stream, &[(1, 0.85), (2, 0.05), (3, 0.03), (4, 0.02), (6, 0.05)]);
    masses(stream, scene, count);
}

/// `count` masses, or as many of them as find a place.
fn masses(stream: &mut Stream, scene: &mut Scene, count: usize) {
    let mut image = scene.canvas.luma();
    let largest = if count == 1 { 0.26 } else { 0.34 / (count as f32 + 1.0) };
    let mut places: Vec<(f32, f32, f32)> = Vec::new();
    for _ in 0..count {
        // Small ones are as frequent as large ones.
        let radius = image.side() as f32 * 0.055 * (largest / 0.055f32).powf(between(stream, 0.0, 1.0));
        if let Some(centre) = site::free_place(stream, &image, radius, &places) {
            places.push((centre.0, centre.1, radius));
        }
    }
    let number = A::of_count(places.len());
    let grains = tissue::speckle(stream, image.side());
    for (x, y, radius) in places {
        let mass = mass::draw(stream, &mut image, (x, y), radius, &grains);
        let attributes = mass.attributes.union([number].into());
        contradict(scene, attributes, radius);
        scene.unknown = scene.unknown.union(mass.unknown);
        scene.note(attributes, mass.mask);
    }
    scene.canvas = Canvas::grey(image);
}

/// Takes back that the layers are whole. Beside a small mass, or one that they bend around, they may well be.
fn contradict(scene: &mut Scene, attributes: AttributeSet, radius: f32) {
    let whole: AttributeSet = [A::SmoothLayers].into();
    if attributes.contains(A::DisplacedLayers) {
        return;
    }
    scene.present = scene.present.without(whole);
    let broken = attributes.contains(A::InterruptedLayer) || attributes.contains(A::Distortion);
    if !broken && radius < 0.1 * scene.side() as f32 {
        scene.unknown = scene.unknown.union(whole);
    }
    if !broken {
        scene.unknown.insert(A::InterruptedLayer);
    }
}
