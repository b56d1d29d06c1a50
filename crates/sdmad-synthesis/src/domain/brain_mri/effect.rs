//! What a body does to the brain around it: pushes it away, draws it in, soaks it with water.

use sdmad_base::Stream;

use super::anatomy::Head;
use super::lump::Lump;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, fractal, noise};
use crate::plane::{Plane, length, soft_step};

/// A mean change of brightness around a body that is clear to see.
const CLEAR: f32 = 0.022;
/// One that is hardly seen.
const FAINT: f32 = 0.008;

/// What is seen, and what is too faint to be said and too plain to be denied.
pub(super) type Seen = (AttributeSet, AttributeSet);

/// Moves the brain away from a body; the midline and the ventricles give way.
pub(super) fn push(stream: &mut Stream, image: &mut Plane, head: &Head, lump: &Lump) -> Seen {
    let amount = (lump.radius * between(stream, 0.45, 0.9)).min(17.0 * head.unit());
    let decay = lump.radius * between(stream, 0.9, 1.6) + 10.0 * head.unit();
    moved(image, head, lump, A::DisplacedLayers, |beyond| -amount * (-beyond / decay).exp())
}

/// Moves the brain towards a body.
pub(super) fn pull(stream: &mut Stream, image: &mut Plane, head: &Head, lump: &Lump) -> Seen {
    let decay = lump.radius * between(stream, 0.6, 1.0) + 8.0 * head.unit();
    // Slower than 1 to 1, lest the brain be smeared or turned over.
    let amount = (decay * between(stream, 0.45, 0.75)).min(14.0 * head.unit());
    moved(image, head, lump, A::Distortion, |beyond| amount * (-beyond / decay).exp())
}

/// Fetches each pixel of the brain from `farther` pixels farther away from the body; less near the skull, which stays.
fn moved(image: &mut Plane, head: &Head, lump: &Lump, word: A, farther: impl Fn(f32) -> f32) -> Seen {
    let before = image.clone();
    let side = image.side();
    let stiff = 9.0 * head.unit();
    *image = Plane::from_fn(side, |x, y| {
        let index = y as usize * side + x as usize;
        let depth = head.depth.values()[index];
        if depth <= 0.0 {
            return before.values()[index];
        }
        let (dx, dy) = (x - lump.centre.0, y - lump.centre.1);
        let away = length(dx, dy).max(1.0);
        let step = farther((away - lump.radius).max(0.0)) * (depth / stiff).min(1.0) * (away / lump.radius).min(1.0);
        // Nothing comes from beyond the skull.
        let factor = (1.0 + step.min(0.8 * depth) / away).max(0.1);
        before.sample(lump.centre.0 + dx * factor, lump.centre.1 + dy * factor)
    });
    let around = lump.around(1.2 * lump.radius + 8.0 * head.unit());
    let around = around.zip(&head.depth, |a, d| if d > 0.0 { a } else { 0.0 });
    let change = before.zip(image, |a, b| (a - b).abs()).mean_under(&around);
    judged(word, change)
}

/// Whether a change can be seen.
fn judged(word: A, change: f32) -> Seen {
    match change {
        c if c > CLEAR => ([word].into(), AttributeSet::EMPTY),
        c if c > FAINT => (AttributeSet::EMPTY, [word].into()),
        _ => (AttributeSet::EMPTY, AttributeSet::EMPTY),
    }
}

/// Water in the white matter around a body: a broad haze with fingers, bright or dark. Fluid and skull stay as they
/// are.
pub(super) fn oedema(stream: &mut Stream, image: &mut Plane, head: &Head, lump: &Lump) -> Seen {
    let side = image.side();
    let unit = head.unit();
    let bright = head.bright_water.unwrap_or_else(|| stream.chance(0.6));
    let reach = lump.radius * between(stream, 0.3, 0.9) + between(stream, 5.0, 10.0) * unit;
    let fingers = fractal(stream, side, 16.0 * unit, 2, 0.6);
    let clouds = noise(stream, side, 8.0 * unit);
    let strength = between(stream, 0.55, 0.9);
    let target = if bright {
        (head.level + between(stream, 0.2, 0.4)).min(0.92)
    } else {
        head.level * between(stream, 0.35, 0.6)
    };
    let smooth = image.blurred(1.5 * unit);
    let before = image.clone();
    for (index, value) in image.values_mut().iter_mut().enumerate() {
        let (outside, depth) = (-lump.depth.values()[index], head.depth.values()[index]);
        if depth <= 0.0 || outside > 3.0 * reach {
            continue;
        }
        let here = reach * (1.0 + 0.4 * fingers.values()[index]).clamp(0.25, 2.0);
        let fluid = (smooth.values()[index] - head.level).abs();
        let share = strength
            * soft_step(here - outside, 0.3 * reach)
            * soft_step(depth - 4.0 * unit, 3.0 * unit)
            * (0.1 + 0.9 * soft_step(0.24 - fluid, 0.1));
        *value += share * (target * (1.0 + 0.05 * clouds.values()[index]) - *value);
    }
    let change = before.zip(image, |a, b| (a - b).abs()).mean_under(&lump.around(reach));
    judged(if bright { A::Halo } else { A::Haze }, 0.5 * change)
}
