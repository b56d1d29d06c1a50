//! The signs and categories of the phantoms, and how likely each sign is in each category.

/// The category ids, in the order of the manifest's columns.
pub const PHANTOM_CATEGORIES: [&str; 4] = ["cyst", "benign_mass", "malignant_mass", "calcification"];

macro_rules! signs {
    ($($variant:ident $id:literal $meaning:literal,)*) => {
        /// What can be seen in a phantom; each is drawn by itself and recorded in `signs.csv`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum PhantomSign {
            $(#[doc = $meaning] $variant,)*
        }

        impl PhantomSign {
            /// All signs, in the order of the columns of `signs.csv`.
            pub const ALL: &'static [PhantomSign] = &[$(PhantomSign::$variant,)*];

            /// The id in `signs.csv` and in the bank `phantom`.
            pub fn id(self) -> &'static str {
                match self {
                    $(PhantomSign::$variant => $id,)*
                }
            }

            /// When the sign's truth is 1.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(PhantomSign::$variant => $meaning,)*
                }
            }
        }
    };
}

signs! {
    RoundOrOvalShape "round_or_oval_shape" "A lesion's outline is an ellipse within 4 %.",
    AnechoicInterior "anechoic_interior" "A lesion has no echoes of its own inside.",
    PosteriorEnhancement "posterior_enhancement" "The tissue behind a lesion is 6 to 11 dB brighter.",
    ThinSmoothWall "thin_smooth_wall" "A thin bright line runs along a lesion's outline.",
    CircumscribedMargin "circumscribed_margin" "A lesion that is not irregular has an edge as sharp as the resolution all around.",
    ParallelOrientation "parallel_orientation" "A lesion's mask is at least 1.15 times as wide as tall.",
    HypoechoicInterior "hypoechoic_interior" "A lesion's echoes are present, and weaker than those of fat.",
    HomogeneousTexture "homogeneous_texture" "A lesion with echoes has the same mean echo everywhere inside.",
    IrregularShape "irregular_shape" "A lesion's outline departs from an ellipse by more than 12 % (r.m.s.).",
    SpiculatedMargin "spiculated_margin" "Lines radiate from a lesion's edge into the tissue.",
    IndistinctMargin "indistinct_margin" "A lesion fades into the tissue over 15 to 45 % of its radius.",
    TallerThanWide "taller_than_wide" "A lesion's mask is at least 1.15 times as tall as wide.",
    HeterogeneousTexture "heterogeneous_texture" "A lesion has dark and bright areas inside, some 6 dB r.m.s. apart.",
    PosteriorShadowing "posterior_shadowing" "A lesion or a focus casts a shadow of at least 10 dB.",
    BrightEchogenicFoci "bright_echogenic_foci" "There are spots, below the resolution, far brighter than the tissue.",
    ClusteredFoci "clustered_foci" "The bright spots lie within 9 % of the image's width from their centre.",
    EchogenicHalo "echogenic_halo" "A hazy bright rim surrounds a lesion.",
    IntactTissueLayers "intact_tissue_layers" "No layer boundary is jagged, and no lesion crosses one.",
    UniformSpeckle "uniform_speckle" "There is no lesion and no patch of other echogenicity in the gland.",
    NoFocalLesion "no_focal_lesion" "There is no lesion.",
    UninterruptedFascia "uninterrupted_fascia" "The deep fascia has no gap, is crossed by no lesion and shadowed by less than 8 dB.",
    EvenBrightness "even_brightness" "No column is more than 5 dB darker or brighter than the median column at any depth.",
}

impl PhantomSign {
    /// The position in [`PhantomSign::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Probabilities with which the traits of a lesion are drawn.
///
/// Shape is oval, irregular or, for the rest, gently lobulated (neither sign); orientation is parallel, taller or
/// neither; the rest are independent. What must hold besides is in `traits.rs`.
pub(super) struct Likelihood {
    pub(super) oval: f64,
    pub(super) irregular: f64,
    pub(super) parallel: f64,
    pub(super) taller: f64,
    pub(super) anechoic: f64,
    /// Given that the lesion is not anechoic; otherwise it echoes like the tissue around it.
    pub(super) hypoechoic: f64,
    pub(super) heterogeneous: f64,
    pub(super) spiculated: f64,
    pub(super) indistinct: f64,
    pub(super) wall: f64,
    pub(super) halo: f64,
    pub(super) enhancement: f64,
    /// Given that there is no enhancement.
    pub(super) shadowing: f64,
    /// Radius as a share of the image's width, from and to.
    pub(super) radius: (f64, f64),
}

pub(super) const CYST: Likelihood = Likelihood {
    oval: 0.93,
    irregular: 0.0,
    parallel: 0.40,
    taller: 0.05,
    anechoic: 0.88,
    hypoechoic: 1.0,
    heterogeneous: 0.0,
    spiculated: 0.0,
    indistinct: 0.06,
    wall: 0.75,
    halo: 0.0,
    enhancement: 0.80,
    shadowing: 0.0,
    radius: (0.055, 0.155),
};

pub(super) const BENIGN_MASS: Likelihood = Likelihood {
    oval: 0.85,
    irregular: 0.0,
    parallel: 0.80,
    taller: 0.03,
    anechoic: 0.0,
    hypoechoic: 0.90,
    heterogeneous: 0.15,
    spiculated: 0.0,
    indistinct: 0.10,
    wall: 0.25,
    halo: 0.02,
    enhancement: 0.22,
    shadowing: 0.08,
    radius: (0.07, 0.16),
};

pub(super) const MALIGNANT_MASS: Likelihood = Likelihood {
    oval: 0.06,
    irregular: 0.84,
    parallel: 0.22,
    taller: 0.48,
    anechoic: 0.0,
    hypoechoic: 0.95,
    heterogeneous: 0.72,
    spiculated: 0.52,
    indistinct: 0.50,
    wall: 0.0,
    halo: 0.50,
    enhancement: 0.05,
    shadowing: 0.62,
    radius: (0.07, 0.15),
};

/// Probabilities for a group of calcifications.
pub(super) struct FociLikelihood {
    pub(super) clustered: f64,
    pub(super) shadowing: f64,
    /// That the group lies in a mass when the image has one.
    pub(super) in_mass: f64,
}

pub(super) const CALCIFICATION: FociLikelihood = FociLikelihood { clustered: 0.60, shadowing: 0.45, in_mass: 0.6 };
