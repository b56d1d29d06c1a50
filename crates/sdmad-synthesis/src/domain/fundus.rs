//! Colour photographs of the retina: a clouded view (cataract), the optic disc and its surroundings (glaucoma), blood,
//! deposits, scars and vessels (other diseases), and what a camera adds without meaning.

mod eye;
mod ground;
mod lesions;
mod nerve;
mod nuisance;
mod tone;
mod veil;
mod vessels;

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::domain::Landmarks;
use crate::field::weighted;
use crate::scene::Scene;
pub(crate) use eye::Eye;

/// Attributes that a hazy photograph of a normal eye may have.
const HAZY: [A; 7] = [A::ClearView, A::CloudedView, A::Haze, A::Blurred, A::LostVessels, A::FuzzyVessels, A::Diffuse];

/// What is drawn on one image.
#[derive(Clone, Copy)]
enum Plan {
    /// Nothing that has a name, at most a small cup.
    Normal,
    /// A clouded view.
    Cloud,
    /// Something at the disc.
    Nerve,
    /// Spots, patches or lines elsewhere.
    Lesions,
    /// At the disc and elsewhere.
    Both,
    /// At the disc or elsewhere, under a slight veil.
    Veiled,
}

/// A normal retina of our own.
pub(super) fn tissue(stream: &mut Stream, side: usize) -> Scene {
    ground::tissue(stream, side)
}

/// A photograph of a normal eye: its cup is not known, nor its clearness unless vessels stand out.
pub(super) fn on_normal(normal: Canvas) -> Scene {
    let mut scene = Scene::new(normal);
    let own = [A::SmallCup, A::Ring, A::Streaks, A::Linear, A::Branching, A::Mesh, A::Dots, A::Granular, A::Yellow];
    scene.unknown = own.into();
    let eye = Eye::find(&scene.canvas);
    if eye.is_clear() {
        scene.present.insert(A::ClearView);
    } else {
        scene.unknown = scene.unknown.union(HAZY.into());
    }
    scene.landmarks = Some(Landmarks::Eye(Box::new(eye)));
    scene
}

/// What a camera adds.
pub(super) fn distract(stream: &mut Stream, scene: &mut Scene) {
    if stream.chance(0.6) {
        let eye = landmarks(scene);
        nuisance::draw(stream, scene, &eye);
    }
}

/// The landmarks, taken from the scene or found in it.
fn landmarks(scene: &mut Scene) -> Box<Eye> {
    match scene.landmarks.take() {
        Some(Landmarks::Eye(eye)) => eye,
        _ => Box::new(Eye::find(&scene.canvas)),
    }
}

/// Findings, or a normal image with a drawn cup.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene) {
    let eye = landmarks(scene);
    let plan = weighted(
        stream,
        &[
            (Plan::Normal, 0.1),
            (Plan::Cloud, 0.28),
            (Plan::Nerve, 0.26),
            (Plan::Lesions, 0.2),
            (Plan::Both, 0.08),
            (Plan::Veiled, 0.08),
        ],
    );
    match plan {
        Plan::Normal => nerve::maybe_small_cup(stream, scene, &eye, 0.6),
        Plan::Cloud => veil::draw(stream, scene, &eye, 1.0),
        Plan::Nerve => nerve_or_lesion(stream, scene, &eye),
        Plan::Lesions => elsewhere(stream, scene, &eye),
        Plan::Both => {
            nerve_or_lesion(stream, scene, &eye);
            lesions::draw(stream, scene, &eye);
        }
        Plan::Veiled => {
            if stream.chance(0.5) {
                nerve_or_lesion(stream, scene, &eye);
            } else {
                elsewhere(stream, scene, &eye);
            }
            veil::draw(stream, scene, &eye, 0.3);
        }
    }
    scene.landmarks = Some(Landmarks::Eye(eye));
}

/// A finding at the disc; elsewhere where the disc cannot be seen.
fn nerve_or_lesion(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    if eye.disc_seen {
        nerve::draw(stream, scene, eye);
    } else {
        lesions::draw(stream, scene, eye);
    }
}

/// One to three kinds of findings away from the disc, at times beside a small cup.
fn elsewhere(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    nerve::maybe_small_cup(stream, scene, eye, 0.3);
    for _ in 0..weighted(stream, &[(1, 0.55), (2, 0.3), (3, 0.15)]) {
        lesions::draw(stream, scene, eye);
    }
}

/// No longer holds of the image.
fn contradict(scene: &mut Scene, attributes: impl Into<AttributeSet>) {
    scene.present = scene.present.without(attributes.into());
}
