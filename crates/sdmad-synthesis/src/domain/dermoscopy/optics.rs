//! Light absorbed by pigment, and zones of another colour under the skin's own relief.

use crate::canvas::{Canvas, Colour};
use crate::plane::Plane;

/// What a pigment of density 1 absorbs of red, green and blue: the negative logarithm of what it lets pass.
pub(super) type Dye = [f32; 3];

/// Blood.
pub(super) const BLOOD: Dye = [0.15, 1.0, 0.85];
/// Melanin deep in the skin, which looks blue-grey.
pub(super) const DEEP: Dye = [1.1, 0.85, 0.6];
/// Dense melanin, nearly black.
pub(super) const DENSE: Dye = [0.85, 1.0, 1.1];

/// What comes back from the surface however dark the pigment.
const GLOSS: f32 = 0.055;

/// Darkens by a pigment; where the density is negative, lightens up to `bare`, the skin without a lesion.
pub(super) fn absorb(canvas: &mut Canvas, density: &Plane, dye: Dye, bare: &Canvas) {
    for ((plane, below), absorbance) in canvas.planes_mut().iter_mut().zip(bare.planes()).zip(dye) {
        let values = plane.values_mut().iter_mut().zip(density.values()).zip(below.values());
        for ((value, &amount), &limit) in values {
            if amount > 0.0 {
                let above = (*value - GLOSS).max(0.0);
                *value += above * ((-amount * absorbance).exp() - 1.0);
            } else if amount < 0.0 {
                *value = (*value * (-amount * absorbance).exp()).min(limit.max(*value));
            }
        }
    }
}

/// Moves towards a colour by the share `alpha`, keeping the share `relief` of the image's fine detail.
pub(super) fn tint(canvas: &mut Canvas, alpha: &Plane, colour: Colour, relief: f32) {
    let luma = canvas.luma();
    let smooth = luma.blurred(3.0);
    let detail = luma.zip(&smooth, |v, s| 1.0 + relief * ((v + 0.05) / (s + 0.05) - 1.0).clamp(-0.5, 0.7));
    for (plane, target) in canvas.planes_mut().iter_mut().zip(colour) {
        for ((value, &share), &gain) in plane.values_mut().iter_mut().zip(alpha.values()).zip(detail.values()) {
            *value += share * (target * gain - *value);
        }
    }
}

/// The mean colour, weighted.
pub(super) fn mean_colour(canvas: &Canvas, weight: &Plane) -> Colour {
    let [red, green, blue] = canvas.planes();
    [red.mean_under(weight), green.mean_under(weight), blue.mean_under(weight)]
}
