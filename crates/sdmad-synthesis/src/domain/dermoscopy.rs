use sdmad_base::Stream;

use crate::canvas::Canvas;
use crate::scene::Scene;

pub(super) fn tissue(stream: &mut Stream, side: usize) -> Scene {
    super::general::tissue(stream, side)
}

pub(super) fn on_normal(normal: Canvas) -> Scene {
    Scene::new(normal)
}

pub(super) fn draw(stream: &mut Stream, scene: &mut Scene) {
    super::general::draw(stream, scene);
}
