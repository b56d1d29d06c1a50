//! What is no finding and may be on any picture: callipers, letters, lost contact, patches of other sharpness.

use sdmad_base::Stream;

use super::site::Window;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, one_of};
use crate::outline::{Form, Outline};
use crate::plane::{Plane, soft_step};

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

/// A patch that is blurred or has another contrast, without meaning.
pub(in crate::domain) fn patch(stream: &mut Stream, image: &mut Plane) {
    let size = image.side() as f32;
    let centre = (between(stream, 0.1, 0.9) * size, between(stream, 0.1, 0.9) * size);
    let radius = size * between(stream, 0.05, 0.25);
    let softness = radius * between(stream, 0.1, 0.5);
    let stretch = between(stream, 1.0, 1.8);
    let alpha = Outline::draw(stream, Form::Irregular, centre, radius, stretch, 0.0).fill(image.side(), softness);
    let sigma = between(stream, 0.5, 1.3);
    let smooth = image.blurred(sigma);
    let detail = one_of(stream, &[0.2, 0.5, 1.5]);
    let before = image.clone();
    let whole = Window::new(image.side(), (0.0, size), (0.0, size));
    whole.change(image, |_, _, index, value| {
        let other = smooth.values()[index] + detail * (before.values()[index] - smooth.values()[index]);
        value + alpha.values()[index] * (other - value)
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

/// A few white letter-like signs in a row.
pub(in crate::domain) fn letters(stream: &mut Stream, image: &mut Plane) {
    let size = image.side() as f32;
    let start = (between(stream, 0.0, 0.8) * size, between(stream, 0.55, 0.95) * size);
    for letter in 0..2 + stream.below(5) {
        let left = start.0 + 6.0 * letter as f32;
        let (bars, posts) = (stream.below(8), 1 + stream.below(3));
        for step in 0..7 {
            for (bit, x) in [0.0, 4.0].into_iter().enumerate() {
                if posts >> bit & 1 == 1 {
                    mark(image, (left + x, start.1 + step as f32), 0.9);
                }
            }
        }
        for step in 0..5 {
            for (bit, y) in [0.0, 3.0, 6.0].into_iter().enumerate() {
                if bars >> bit & 1 == 1 {
                    mark(image, (left + step as f32, start.1 + y), 0.9);
                }
            }
        }
    }
}

/// One white pixel, if it is within the image.
fn mark(image: &mut Plane, at: (f32, f32), level: f32) {
    let side = image.side() as i64;
    let (x, y) = (at.0.round() as i64, at.1.round() as i64);
    if (0..side).contains(&x) && (0..side).contains(&y) {
        let value = &mut image.values_mut()[(y * side + x) as usize];
        *value += 0.9 * (level - *value);
    }
}
