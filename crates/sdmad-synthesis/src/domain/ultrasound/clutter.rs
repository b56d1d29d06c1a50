//! What is no finding and may be on any sonogram: callipers, letters, lost contact, patches of other sharpness.

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::clutter::{letters, mark, patch};
use crate::field::{between, one_of};
use crate::plane::{Plane, soft_step};
use crate::window::Window;

/// Now and then draws some of it. Returns what may be taken for it.
pub(super) fn draw(stream: &mut Stream, image: &mut Plane) -> AttributeSet {
    let mut unknown = AttributeSet::EMPTY;
    if stream.chance(0.12) {
        lost_contact(stream, image);
        unknown.insert(A::Shadow);
    }
    if stream.chance(0.25) {
        patch(stream, image);
    }
    if stream.chance(0.18) {
        callipers(stream, image);
    }
    if stream.chance(0.2) {
        letters(stream, image);
    }
    unknown
}

/// A dark band from the skin down.
fn lost_contact(stream: &mut Stream, image: &mut Plane) {
    let size = image.side() as f32;
    let place = one_of(stream, &[(0.0, 0.15), (0.85, 1.0), (0.0, 1.0)]);
    let middle = between(stream, place.0, place.1);
    let width = size * between(stream, 0.03, 0.12);
    let (strength, start) = (between(stream, 0.3, 0.8), between(stream, -0.2, 0.3) * size);
    let lean = between(stream, -0.1, 0.1);
    let window = Window::new(image.side(), (0.0, size), (start, size));
    window.change(image, |x, y, _, value| {
        let away = (x - middle * size - lean * y).abs();
        value * (1.0 - strength * soft_step(width - away, 0.6 * width) * soft_step(y - start, 15.0))
    });
}

/// Two crosses with a dotted line between them, or two such pairs.
fn callipers(stream: &mut Stream, image: &mut Plane) {
    let size = image.side() as f32;
    let centre = (between(stream, 0.2, 0.8) * size, between(stream, 0.15, 0.65) * size);
    let mut angle = between(stream, -0.5, 0.5);
    let dotted = stream.chance(0.6);
    for _ in 0..1 + stream.below(2) {
        let half = size * between(stream, 0.05, 0.25);
        let (dx, dy) = (half * angle.cos(), half * angle.sin());
        for sign in [-1.0, 1.0] {
            cross(image, (centre.0 + sign * dx, centre.1 + sign * dy));
        }
        if dotted {
            let dots = (half / 1.5) as usize;
            for dot in 0..=dots {
                let share = 2.0 * dot as f32 / dots as f32 - 1.0;
                mark(image, (centre.0 + share * dx, centre.1 + share * dy), 0.7);
            }
        }
        angle += 1.57;
    }
}

/// A white cross of seven pixels.
fn cross(image: &mut Plane, centre: (f32, f32)) {
    for step in -3..=3 {
        mark(image, (centre.0 + step as f32, centre.1), 0.95);
        mark(image, (centre.0, centre.1 + step as f32), 0.95);
    }
}
