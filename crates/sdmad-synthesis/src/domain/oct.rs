//! Optical coherence tomography of the retina: sections through its layers, the vitreous above, the choroid below.
//!
//! Normal tissue ([`tissue()`]) has a foveal pit, bright and dark layers, vessel shadows and speckle. Findings
//! ([`findings`]) follow the surfaces of the retina, which are found in the picture ([`surfaces`]), so that they can be
//! drawn on real normal sections as well: layers that are lifted, bumpy, thick or broken, fluid, bright specks.

mod findings;
mod surfaces;
mod tissue;

use sdmad_base::Stream;

use crate::attribute::Attribute as A;
use crate::canvas::Canvas;
use crate::clutter;
use crate::plane::Plane;
use crate::scene::Scene;

/// Normal layers.
pub(super) fn tissue(stream: &mut Stream, side: usize) -> Scene {
    let image = tissue::draw(stream, side);
    normal_scene(stream, image)
}

/// A real normal section. The vitreous may have specks.
pub(super) fn on_normal(stream: &mut Stream, normal: Canvas) -> Scene {
    let mut scene = normal_scene(stream, normal.luma());
    scene.unknown.insert(A::BrightSpecks);
    scene
}

/// Whole layers without a finding, at times a patch without meaning. Layers are lines, and vessels may cast shadows.
fn normal_scene(stream: &mut Stream, mut image: Plane) -> Scene {
    if stream.chance(0.25) {
        clutter::patch(stream, &mut image);
    }
    let mut scene = Scene::new(Canvas::grey(image));
    scene.present = [A::SmoothLayers].into();
    scene.unknown = [A::Shadow, A::Linear].into();
    scene
}

/// One finding or several.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene) {
    findings::draw(stream, scene);
}
