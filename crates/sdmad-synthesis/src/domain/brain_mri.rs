//! Magnetic resonance slices of the brain: axial, coronal and sagittal; T1, T1 with contrast medium, T2 and FLAIR.
//!
//! Normal slices ([`tissue()`]) have a folded cortex, white matter, ventricles and what the plane shows besides, within
//! skull and scalp or stripped of them. Findings ([`findings`]) are placed by landmarks ([`anatomy`]), which are known
//! on slices of our own and looked for in real ones: masses in the brain, on its surface and at the sella, with oedema
//! and mass effect ([`lump`], [`mass`], [`interior`], [`effect`]); spots, diffuse change, thick meninges. Noise, ghosts, shading and letters
//! ([`artefacts`]) lie above all of it and mean nothing.

mod anatomy;
mod artefacts;
mod contrast;
mod effect;
mod findings;
mod interior;
mod lump;
mod mass;
mod parts;
mod section;
mod tissue;

use sdmad_base::Stream;

pub(super) use anatomy::Head;

use crate::attribute::Attribute as A;
use crate::canvas::Canvas;
use crate::clutter;
use crate::domain::{Landmarks, general};
use crate::plane::Plane;
use crate::scene::Scene;

/// A normal slice.
pub(super) fn tissue(stream: &mut Stream, side: usize) -> Scene {
    let (image, head) = tissue::draw(stream, side);
    normal_scene(stream, image, Some(head))
}

/// A real normal slice. White matter may have specks, contrast medium shows vessels, and the face is anything.
pub(super) fn on_normal(stream: &mut Stream, normal: Canvas) -> Scene {
    let image = normal.luma();
    let head = Head::find(&image);
    let mut scene = normal_scene(stream, image, head);
    scene.unknown = scene.unknown.union([A::BrightSpecks, A::Dots, A::Haze].into());
    scene
}

/// A whole cortex without a finding, at times a patch without meaning. Sulci are lines that divide, the cerebellum has
/// streaks, ventricles may be taken for fluid. Halves match where a midline is seen; where none is, nothing can be said of them.
fn normal_scene(stream: &mut Stream, mut image: Plane, head: Option<Head>) -> Scene {
    if stream.chance(0.25) {
        clutter::patch(stream, &mut image);
    }
    let mut scene = Scene::new(Canvas::grey(image));
    scene.present = [A::SmoothLayers].into();
    scene.unknown = [A::Linear, A::Branching, A::FluidPocket, A::Streaks].into();
    match &head {
        Some(head) if head.midline.is_some() => scene.present.insert(A::Symmetric),
        _ => scene.doubt([A::Symmetric, A::Asymmetric]),
    }
    scene.landmarks = head.map(|head| Landmarks::Head(Box::new(head)));
    scene
}

/// One finding or several; shapes without anatomy where no head is seen.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene) {
    match scene.landmarks.take() {
        Some(Landmarks::Head(head)) => findings::draw(stream, scene, *head),
        _ => {
            scene.doubt([A::SmoothLayers, A::Symmetric, A::Asymmetric]);
            general::draw(stream, scene);
        }
    }
}

/// What the scanner adds.
pub(super) fn distract(stream: &mut Stream, scene: &mut Scene) {
    artefacts::draw(stream, scene);
}
