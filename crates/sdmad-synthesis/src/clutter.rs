//! What is no finding and may be on any grey picture: patches of other sharpness, letters.

use sdmad_base::Stream;

use crate::field::{between, one_of};
use crate::outline::{Form, Outline};
use crate::plane::Plane;
use crate::window::Window;

/// A patch that is blurred or has another contrast, without meaning.
pub(crate) fn patch(stream: &mut Stream, image: &mut Plane) {
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

/// A few white letter-like signs in a row.
pub(crate) fn letters(stream: &mut Stream, image: &mut Plane) {
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
pub(crate) fn mark(image: &mut Plane, at: (f32, f32), level: f32) {
    let side = image.side() as i64;
    let (x, y) = (at.0.round() as i64, at.1.round() as i64);
    if (0..side).contains(&x) && (0..side).contains(&y) {
        let value = &mut image.values_mut()[(y * side + x) as usize];
        *value += 0.9 * (level - *value);
    }
}
