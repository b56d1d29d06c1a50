//! How bright tissues are.

use sdmad_base::Stream;

use crate::field::{between, weighted};

/// What a slice is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tissue {
    /// Air, in and around the head.
    Air,
    /// Dense bone.
    Bone,
    /// Fat of scalp, orbit and marrow.
    Fat,
    /// Muscle and other soft tissue.
    Muscle,
    /// Cerebrospinal fluid.
    Fluid,
    /// Grey matter.
    Grey,
    /// White matter.
    White,
    /// The pituitary.
    Gland,
    /// Veins and sinuses.
    Vein,
    /// Falx and tentorium.
    Falx,
}

/// Which weighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weighting {
    T1,
    T1Contrast,
    T2,
    Flair,
}

/// The brightness of each tissue, 0 to 1.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    values: [f32; 10],
    /// Whether water in tissue is bright, as of T2 and FLAIR.
    pub(super) bright_water: bool,
}

impl Levels {
    /// Those of one scan; they differ from scan to scan.
    pub(super) fn choose(stream: &mut Stream) -> Self {
        let weighting = weighted(
            stream,
            &[(Weighting::T1, 1.0), (Weighting::T1Contrast, 1.3), (Weighting::T2, 1.0), (Weighting::Flair, 1.0)],
        );
        let mut values = typical(weighting).map(|v| v * between(stream, 0.88, 1.12));
        let (grey, white) = (values[Tissue::Grey as usize], values[Tissue::White as usize]);
        // Thick slices, and contrast medium, leave little between grey and white matter.
        values[Tissue::White as usize] = grey + (white - grey) * between(stream, 0.35, 1.15);
        let gain = between(stream, 0.8, 1.1);
        let bright_water = matches!(weighting, Weighting::T2 | Weighting::Flair);
        Levels { values: values.map(|v| (v * gain).min(0.98)), bright_water }
    }

    /// The brightness of `tissue`.
    pub(super) fn of(&self, tissue: Tissue) -> f32 {
        self.values[tissue as usize]
    }
}

/// In the order of [`Tissue`].
fn typical(weighting: Weighting) -> [f32; 10] {
    match weighting {
        Weighting::T1 => [0.02, 0.07, 0.85, 0.33, 0.13, 0.42, 0.58, 0.52, 0.22, 0.3],
        Weighting::T1Contrast => [0.02, 0.07, 0.8, 0.36, 0.13, 0.4, 0.5, 0.75, 0.85, 0.55],
        Weighting::T2 => [0.02, 0.06, 0.62, 0.2, 0.92, 0.56, 0.38, 0.48, 0.08, 0.12],
        Weighting::Flair => [0.02, 0.06, 0.55, 0.28, 0.08, 0.5, 0.4, 0.46, 0.2, 0.2],
    }
}
