//! What a lesion looks like, drawn sign by sign.

use sdmad_base::Stream;

use super::sign::{BENIGN_MASS, CYST, Likelihood, MALIGNANT_MASS};

/// The category of a lesion that is no calcification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mass {
    Cyst,
    Benign,
    Malignant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outline {
    Oval,
    /// Three or four gentle lobes: neither oval nor irregular.
    Lobulated,
    Irregular,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orientation {
    Parallel,
    Round,
    Taller,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interior {
    Anechoic,
    Hypoechoic,
    /// As the tissue around it: seen by its wall or its edge alone.
    Isoechoic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    Nothing,
    Enhancement,
    Shadow,
}

/// The traits of one mass. Each is independent of the others but for what [`Traits::draw`] says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traits {
    pub(super) mass: Mass,
    pub(super) outline: Outline,
    pub(super) orientation: Orientation,
    pub(super) interior: Interior,
    pub(super) heterogeneous: bool,
    pub(super) spiculated: bool,
    pub(super) indistinct: bool,
    pub(super) wall: bool,
    pub(super) halo: bool,
    pub(super) behind: Behind,
}

impl Traits {
    /// Draws traits until they make the category recognisable: a cyst with echoes has both wall and enhancement,
    /// an isoechoic mass has a wall, a malignant mass has at least three suspicious traits.
    pub(super) fn draw(mass: Mass, stream: &mut Stream) -> Self {
        let likelihood = match mass {
            Mass::Cyst => &CYST,
            Mass::Benign => &BENIGN_MASS,
            Mass::Malignant => &MALIGNANT_MASS,
        };
        loop {
            let mut traits = Traits::draw_once(mass, likelihood, stream);
            match (mass, traits.interior) {
                (Mass::Cyst, Interior::Hypoechoic) => {
                    traits.wall = true;
                    traits.behind = Behind::Enhancement;
                    traits.indistinct = false;
                }
                (_, Interior::Isoechoic) => {
                    traits.wall = true;
                    traits.indistinct = false;
                }
                _ => {}
            }
            if mass != Mass::Malignant || traits.suspicious() >= 3 {
                return traits;
            }
        }
    }

    fn draw_once(mass: Mass, likelihood: &Likelihood, stream: &mut Stream) -> Self {
        let shape = stream.uniform();
        let outline = if shape < likelihood.oval {
            Outline::Oval
        } else if shape < likelihood.oval + likelihood.irregular {
            Outline::Irregular
        } else {
            Outline::Lobulated
        };
        let lie = stream.uniform();
        let orientation = if lie < likelihood.parallel {
            Orientation::Parallel
        } else if lie < likelihood.parallel + likelihood.taller {
            Orientation::Taller
        } else {
            Orientation::Round
        };
        let (anechoic, hypoechoic) = (stream.chance(likelihood.anechoic), stream.chance(likelihood.hypoechoic));
        let interior = match (anechoic, hypoechoic) {
            (true, _) => Interior::Anechoic,
            (false, true) => Interior::Hypoechoic,
            (false, false) => Interior::Isoechoic,
        };
        let (enhancement, shadow) = (stream.chance(likelihood.enhancement), stream.chance(likelihood.shadowing));
        let behind = match (enhancement, shadow) {
            (true, _) => Behind::Enhancement,
            (false, true) => Behind::Shadow,
            (false, false) => Behind::Nothing,
        };
        Traits {
            mass,
            outline,
            orientation,
            interior,
            heterogeneous: stream.chance(likelihood.heterogeneous),
            spiculated: stream.chance(likelihood.spiculated),
            indistinct: stream.chance(likelihood.indistinct),
            wall: stream.chance(likelihood.wall),
            halo: stream.chance(likelihood.halo),
            behind,
        }
    }

    fn suspicious(&self) -> usize {
        [
            self.outline == Outline::Irregular,
            self.orientation == Orientation::Taller,
            self.heterogeneous,
            self.spiculated,
            self.indistinct,
            self.halo,
            self.behind == Behind::Shadow,
        ]
        .into_iter()
        .filter(|&t| t)
        .count()
    }

    /// Radius as a share of the image's width, from and to.
    pub(super) fn radius(&self) -> (f64, f64) {
        match self.mass {
            Mass::Cyst => CYST.radius,
            Mass::Benign => BENIGN_MASS.radius,
            Mass::Malignant => MALIGNANT_MASS.radius,
        }
    }
}
