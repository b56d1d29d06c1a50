use serde::{Deserialize, Serialize};

use sdmad_imaging::{GreyImage, RgbImage};

/// A mild change of an image that no finding depends on. None flips top and bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The image as it is.
    Plain,
    /// Left and right exchanged.
    Flipped,
    /// The middle 88 % of each side.
    Cropped,
    /// Turned by 7 degrees counter-clockwise about its centre.
    Turned,
    /// The middle 88 %, left and right exchanged.
    CroppedFlipped,
}

/// Share of a side that a crop takes off at each end.
const CROP: f64 = 0.06;
/// Degrees of [`View::Turned`].
const TURN: f64 = 7.0;

impl View {
    /// Every view, the plain image first.
    pub const ALL: [View; 5] = [View::Plain, View::Flipped, View::Cropped, View::Turned, View::CroppedFlipped];

    /// This view of an image.
    pub fn of(self, image: &RgbImage) -> RgbImage {
        match self {
            View::Plain => image.clone(),
            View::Flipped => image.flipped_horizontally(),
            View::Cropped => middle(image),
            View::Turned => image.rotated(TURN),
            View::CroppedFlipped => middle(image).flipped_horizontally(),
        }
    }

    /// The same view of a mask: the same pixels move to the same places. A turn gives values between at edges.
    pub(crate) fn of_mask(self, mask: &GreyImage) -> GreyImage {
        self.of(&mask.to_rgb()).to_grey()
    }
}

fn middle(image: &RgbImage) -> RgbImage {
    let cut = |side: usize| (side as f64 * CROP) as usize;
    let (x, y) = (cut(image.width()), cut(image.height()));
    image.cropped(x, y, image.width() - 2 * x, image.height() - 2 * y)
}
