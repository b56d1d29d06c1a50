//! Inks of findings in the retina, and what their colours are called.

use crate::attribute::Attribute as A;
use crate::ink::Ink;

/// An ink with its colour and density.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tone {
    pub(super) ink: Ink,
    /// The colour's name.
    pub(super) colour: A,
    /// [`A::Dark`] or [`A::Bright`].
    pub(super) density: A,
}

/// Blood.
pub(super) const BLOOD: Tone = Tone { ink: Ink::Absorb([0.62, 0.22, 0.26]), colour: A::Red, density: A::Dark };
/// Lipid.
pub(super) const YELLOW: Tone = Tone { ink: Ink::Reflect([0.85, 0.74, 0.24]), colour: A::Yellow, density: A::Bright };
/// Swollen fibres, bare sclera.
pub(super) const WHITE: Tone = Tone { ink: Ink::Reflect([0.78, 0.80, 0.74]), colour: A::White, density: A::Bright };
/// Clumped pigment.
pub(super) const BLACK: Tone = Tone { ink: Ink::Absorb([0.16, 0.15, 0.2]), colour: A::Black, density: A::Dark };
/// Pigment.
pub(super) const BROWN: Tone = Tone { ink: Ink::Absorb([0.55, 0.46, 0.42]), colour: A::Brown, density: A::Dark };
/// A membrane under the retina.
pub(super) const GREY: Tone = Tone { ink: Ink::Fade(0.82), colour: A::Grey, density: A::Dark };
/// Thin, congested tissue.
pub(super) const PINK: Tone = Tone { ink: Ink::Reflect([0.62, 0.26, 0.3]), colour: A::Pink, density: A::Bright };
