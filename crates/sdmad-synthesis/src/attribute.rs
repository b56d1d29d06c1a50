//! The vocabulary: what can be drawn, and named.

/// Declares [`Attribute`], its list and its identifiers in one place.
macro_rules! attributes {
    ($($(#[$doc:meta])+ $name:ident = $id:literal,)+) => {
        /// A visual property that the renderer draws and the grammar words.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Attribute {
            $($(#[$doc])+ $name,)+
        }

        impl Attribute {
            /// All attributes, in the order of the alignment's coordinates.
            pub const ALL: &'static [Attribute] = &[$(Attribute::$name,)+];

            /// The name in the grammar's files.
            pub fn id(self) -> &'static str {
                match self {
                    $(Attribute::$name => $id,)+
                }
            }
        }
    };
}

attributes! {
    /// Nothing abnormal.
    Nothing = "nothing",
    /// Something abnormal, of any kind.
    Finding = "finding",

    /// As wide as tall, without corners.
    Round = "round",
    /// An ellipse.
    Oval = "oval",
    /// A few shallow, smooth lobes.
    Lobulated = "lobulated",
    /// No simple form.
    Irregular = "irregular",
    /// Lines radiate from the edge.
    Spiculated = "spiculated",
    /// A line or band.
    Linear = "linear",
    /// Lines that divide.
    Branching = "branching",
    /// A rim around another inside.
    Ring = "ring",

    /// The edge is crisp all around.
    Sharp = "sharp",
    /// The edge fades.
    Blurred = "blurred",
    /// Many small scallops along the edge.
    Scalloped = "scalloped",
    /// Pointed corners along the edge.
    Angular = "angular",

    /// Darker than the surroundings.
    Dark = "dark",
    /// Evenly black: free of echoes, or of anything that absorbs.
    EchoFree = "echo_free",
    /// Brighter than the surroundings.
    Bright = "bright",
    /// Dark and bright parts in one finding.
    MixedDensity = "mixed_density",

    /// Red.
    Red = "red",
    /// Pink.
    Pink = "pink",
    /// Brown.
    Brown = "brown",
    /// Black.
    Black = "black",
    /// Blue, blue-grey or blue-white.
    BlueWhite = "blue_white",
    /// Grey.
    Grey = "grey",
    /// Yellow.
    Yellow = "yellow",
    /// White or pale.
    White = "white",
    /// Three or more colours.
    ManyColours = "many_colours",
    /// One even colour.
    OneColour = "one_colour",

    /// The same inside everywhere.
    Homogeneous = "homogeneous",
    /// Uneven inside.
    Heterogeneous = "heterogeneous",
    /// Fine grains.
    Granular = "granular",
    /// Small round spots.
    Dots = "dots",
    /// Parallel or radial lines inside.
    Streaks = "streaks",
    /// A net of lines.
    Mesh = "mesh",
    /// Rings side by side, like a comb.
    Honeycomb = "honeycomb",
    /// A veil that lowers contrast.
    Haze = "haze",
    /// Tiny bright points, as of calcium.
    BrightSpecks = "bright_specks",

    /// Small against the image.
    Small = "small",
    /// Large against the image.
    Large = "large",
    /// One.
    Single = "single",
    /// Two to four.
    Few = "few",
    /// Five or more.
    Multiple = "multiple",
    /// Everywhere.
    Diffuse = "diffuse",

    /// Its centre is above the middle by more than .14 of the side.
    Upper = "upper",
    /// Its centre is below the middle by more than .14 of the side.
    Lower = "lower",
    /// Its centre is left of the middle by more than .14 of the side.
    Left = "left",
    /// Its centre is right of the middle by more than .14 of the side.
    Right = "right",
    /// Its centre is within .15 of the side of the middle.
    Central = "central",
    /// Its centre is more than .32 of the side from the middle.
    Peripheral = "peripheral",
    /// On both sides.
    Bilateral = "bilateral",
    /// Wider than tall.
    Wide = "wide",
    /// Taller than wide.
    Tall = "tall",

    /// A dark band behind the finding, away from the source of sound.
    Shadow = "shadow",
    /// A bright band behind it.
    Enhancement = "enhancement",
    /// Narrow dark bands behind its side edges.
    EdgeShadows = "edge_shadows",
    /// A thin bright line around it.
    Capsule = "capsule",
    /// A broad bright hazy rim around it.
    Halo = "halo",
    /// The surroundings are drawn in.
    Distortion = "distortion",
    /// Layers bend around it.
    DisplacedLayers = "displaced_layers",
    /// A layer is thicker than it should be.
    ThickLayer = "thick_layer",
    /// A layer ends, or is broken.
    InterruptedLayer = "interrupted_layer",
    /// Layers run smoothly and whole.
    SmoothLayers = "smooth_layers",

    /// Fluid with a level or meniscus.
    FluidLevel = "fluid_level",
    /// The angle between diaphragm and chest wall is filled.
    BluntedAngle = "blunted_angle",
    /// Both angles are sharp and dark.
    SharpAngles = "sharp_angles",
    /// Lung is dark and clear on both sides.
    ClearLungs = "clear_lungs",
    /// Dense white lung, as of air spaces filled.
    WhiteLung = "white_lung",
    /// Thin horizontal bands, as of lung without air.
    PlateBands = "plate_bands",
    /// One half of the diaphragm stands high.
    RaisedDiaphragm = "raised_diaphragm",
    /// The heart's shadow is wide.
    WideHeart = "wide_heart",
    /// Whiteness spreads from both hila.
    PerihilarHaze = "perihilar_haze",
    /// Many fine lines in the lungs.
    InterstitialLines = "interstitial_lines",
    /// Vessels with smeared edges.
    FuzzyVessels = "fuzzy_vessels",

    /// The optic cup takes most of the disc; its rim is thin.
    LargeCup = "large_cup",
    /// The cup is small, its rim even.
    SmallCup = "small_cup",
    /// The whole view is clouded.
    CloudedView = "clouded_view",
    /// The view is crisp, fine vessels show.
    ClearView = "clear_view",
    /// Vessels cannot be seen where they should be.
    LostVessels = "lost_vessels",
    /// Red spots of blood.
    Haemorrhage = "haemorrhage",
    /// Yellow, hard-edged spots.
    Exudates = "exudates",

    /// A pigment network with even holes and thin lines.
    RegularNetwork = "regular_network",
    /// A pigment network with uneven holes and thick, broken lines.
    AtypicalNetwork = "atypical_network",
    /// Globules alike in size and spacing.
    RegularGlobules = "regular_globules",
    /// Dots and globules of differing size, unevenly spread.
    IrregularGlobules = "irregular_globules",
    /// Lines that stick out of the lesion's edge.
    EdgeStreaks = "edge_streaks",
    /// White scar-like area, often with blue-grey peppering.
    ScarLikeArea = "scar_like_area",
    /// Blue structureless area under a whitish film.
    BlueWhiteVeil = "blue_white_veil",
    /// A structureless dark area off the centre.
    DarkBlotch = "dark_blotch",
    /// The halves differ.
    Asymmetric = "asymmetric",
    /// The halves match.
    Symmetric = "symmetric",
    /// The border has notches and stops abruptly.
    NotchedBorder = "notched_border",

    /// Dark pockets between layers.
    FluidPocket = "fluid_pocket",
    /// A layer lifted like a dome.
    ElevatedLayer = "elevated_layer",
    /// Small bumps under a layer.
    LayerBumps = "layer_bumps",
}

impl Attribute {
    /// The word for a count: one (or none), two to four, or more.
    pub(crate) fn of_count(count: usize) -> Attribute {
        match count {
            0 | 1 => Attribute::Single,
            2..=4 => Attribute::Few,
            _ => Attribute::Multiple,
        }
    }
}

const _: () = assert!(Attribute::ALL.len() <= 128, "an AttributeSet holds 128");

/// A set of attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AttributeSet(u128);

impl AttributeSet {
    /// The set without a member.
    pub const EMPTY: AttributeSet = AttributeSet(0);

    /// Puts `attribute` in.
    pub fn insert(&mut self, attribute: Attribute) {
        self.0 |= 1 << attribute as u32;
    }

    /// Whether `attribute` is in it.
    pub fn contains(self, attribute: Attribute) -> bool {
        self.0 >> attribute as u32 & 1 == 1
    }

    /// The members of either.
    pub fn union(self, other: AttributeSet) -> AttributeSet {
        AttributeSet(self.0 | other.0)
    }

    /// The members of `self` that are not in `other`.
    pub fn without(self, other: AttributeSet) -> AttributeSet {
        AttributeSet(self.0 & !other.0)
    }

    /// The members of both.
    pub fn intersection(self, other: AttributeSet) -> AttributeSet {
        AttributeSet(self.0 & other.0)
    }

    /// Whether there is no member.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in the order of [`Attribute::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Attribute> {
        Attribute::ALL.iter().copied().filter(move |&a| self.contains(a))
    }
}

impl FromIterator<Attribute> for AttributeSet {
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        let mut set = AttributeSet::EMPTY;
        attributes.into_iter().for_each(|a| set.insert(a));
        set
    }
}

impl<const N: usize> From<[Attribute; N]> for AttributeSet {
    fn from(attributes: [Attribute; N]) -> Self {
        attributes.into_iter().collect()
    }
}
