//! Ways to change a colour picture that keep its own texture.

use crate::canvas::{Canvas, Colour};
use crate::plane::Plane;

/// How a finding changes the light that comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ink {
    /// Takes away: each channel falls to this share.
    Absorb(Colour),
    /// Adds: each channel moves this share of its way to white, less in dim light.
    Reflect(Colour),
    /// Replaces colour by a grey of the same brightness, times a gain.
    Fade(f32),
}

/// Lays an ink over the canvas by the share `alpha`; `light` is the brightness without detail.
pub(crate) fn lay(canvas: &mut Canvas, alpha: &Plane, light: &Plane, ink: Ink) {
    let [red, green, blue] = canvas.planes_mut();
    let pixels = red.values_mut().iter_mut().zip(green.values_mut()).zip(blue.values_mut());
    for (((r, g), b), (&a, &level)) in pixels.zip(alpha.values().iter().zip(light.values())) {
        if a > 0.002 {
            let after = inked([*r, *g, *b], level, ink);
            for (value, target) in [r, g, b].into_iter().zip(after) {
                *value += a * (target - *value);
            }
        }
    }
}

/// A pixel under an ink.
fn inked(before: Colour, level: f32, ink: Ink) -> Colour {
    match ink {
        Ink::Absorb(keep) => [before[0] * keep[0], before[1] * keep[1], before[2] * keep[2]],
        Ink::Reflect(share) => {
            let dim = (level / 0.35).clamp(0.3, 1.0);
            [0, 1, 2].map(|c| before[c] + (1.0 - before[c]).max(0.0) * share[c] * dim)
        }
        Ink::Fade(gain) => {
            let grey = (before[0] + before[1] + before[2]) / 3.0;
            [0, 1, 2].map(|c| gain * (grey + 0.12 * (before[c] - grey)))
        }
    }
}

/// 1 where `alpha` is above a third, 0 elsewhere.
pub(crate) fn mask(alpha: &Plane) -> Plane {
    alpha.clone().map(|a| if a > 0.33 { 1.0 } else { 0.0 })
}
