//! Colours of findings, laid over the lining so that its own relief stays.

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::one_of;
use crate::ink::{self, Ink};
use crate::plane::Plane;
use crate::scene::Scene;

use super::view::View;

/// An ink with the name of its colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tint {
    ink: Ink,
    pub(super) colour: A,
    /// The share from which the lining looks like that.
    least: f32,
}

/// Inflamed lining.
const RED: Tint = Tint { least: 0.4, ink: Ink::Absorb([0.92, 0.5, 0.5]), colour: A::Red };
/// Fresh red that is no darker.
const FRESH: Tint = Tint { least: 0.4, ink: Ink::Absorb([1.22, 0.78, 0.76]), colour: A::Red };
/// Lining of the stomach against pale lining.
pub(super) const SALMON: Tint = Tint { least: 0.4, ink: Ink::Absorb([0.95, 0.58, 0.55]), colour: A::Red };
/// Blood.
pub(super) const BLOOD: Tint = Tint { least: 0.5, ink: Ink::Absorb([0.72, 0.16, 0.16]), colour: A::Red };
/// Lining paler than around it.
pub(super) const PINK: Tint = Tint { least: 0.3, ink: Ink::Reflect([0.4, 0.3, 0.32]), colour: A::Pink };
/// Fibrin, yeast, scars.
pub(super) const WHITE: Tint = Tint { least: 0.75, ink: Ink::Reflect([0.72, 0.78, 0.74]), colour: A::White };
/// Mucus, pus, fat.
pub(super) const YELLOW: Tint = Tint { least: 0.7, ink: Ink::Reflect([0.7, 0.62, 0.16]), colour: A::Yellow };
/// Old blood, necrosis.
pub(super) const BROWN: Tint = Tint { least: 0.75, ink: Ink::Absorb([0.5, 0.58, 0.4]), colour: A::Brown };
/// Clots, tar.
pub(super) const BLACK: Tint = Tint { least: 0.8, ink: Ink::Absorb([0.2, 0.2, 0.22]), colour: A::Black };
/// Veins under the lining.
pub(super) const BLUE: Tint = Tint { least: 0.85, ink: Ink::Absorb([0.38, 0.92, 1.7]), colour: A::BlueWhite };

/// The colours' names.
const COLOURS: [A; 7] = [A::Red, A::Pink, A::White, A::Yellow, A::Brown, A::Black, A::BlueWhite];

/// Red, darker than the lining or as bright.
pub(super) fn red(stream: &mut Stream) -> Tint {
    one_of(stream, &[RED, FRESH, FRESH])
}

/// Lays a tint over the scene inside the field, by `share` of the way from its least to all; its name goes to `set`,
/// and so does what the finished picture decides.
pub(super) fn lay(scene: &mut Scene, view: &View, alpha: &Plane, share: f32, tint: Tint, set: &mut AttributeSet) {
    let share = tint.least + (1.0 - tint.least) * share;
    let alpha = alpha.clone().zip(&view.field, |a, f| share * a * f);
    ink::lay(&mut scene.canvas, &alpha, &view.light, tint.ink);
    set.insert(tint.colour);
    if COLOURS.iter().filter(|&&colour| set.contains(colour)).count() > 2 {
        scene.unknown.insert(A::ManyColours);
    }
    // Dark and Bright, of which `settle` leaves one at most.
    set.insert(A::Dark);
    set.insert(A::Bright);
}

/// Lays a tint and notes the finding.
pub(super) fn show(scene: &mut Scene, view: &View, alpha: &Plane, share: f32, tint: Tint, mut set: AttributeSet) {
    lay(scene, view, alpha, share, tint, &mut set);
    scene.note(set, mask(alpha, view));
}

/// 1 where `alpha` is above a third and the field is.
pub(super) fn mask(alpha: &Plane, view: &View) -> Plane {
    ink::mask(&alpha.clone().times(&view.field))
}
