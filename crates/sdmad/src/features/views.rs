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
    /// The 88 % at the upper left.
    UpperLeft,
    /// The 88 % at the upper right, left and right exchanged.
    UpperRightFlipped,
    /// The 88 % at the lower left, left and right exchanged.
    LowerLeftFlipped,
    /// The 88 % at the lower right.
    LowerRight,
    /// Turned by 7 degrees clockwise.
    TurnedBack,
    /// Turned by 7 degrees counter-clockwise, then left and right exchanged.
    TurnedFlipped,
    /// The middle 76 % of each side.
    Zoomed,
    /// The middle 76 %, left and right exchanged.
    ZoomedFlipped,
}

/// Share of a side that a crop keeps.
const CROP: f64 = 0.88;
/// Share of a side that a zoom keeps.
const ZOOM: f64 = 0.76;
/// Degrees of a turn.
const TURN: f64 = 7.0;

impl View {
    /// Every view, the plain image first.
    pub const ALL: [View; 13] = [
        View::Plain,
        View::Flipped,
        View::Cropped,
        View::Turned,
        View::CroppedFlipped,
        View::UpperLeft,
        View::UpperRightFlipped,
        View::LowerLeftFlipped,
        View::LowerRight,
        View::TurnedBack,
        View::TurnedFlipped,
        View::Zoomed,
        View::ZoomedFlipped,
    ];

    /// This view of an image.
    pub fn of(self, image: &RgbImage) -> RgbImage {
        match self {
            View::Plain => image.clone(),
            View::Flipped => image.flipped_horizontally(),
            View::Cropped => part(image, CROP, (0.5, 0.5)),
            View::Turned => image.rotated(TURN),
            View::CroppedFlipped => part(image, CROP, (0.5, 0.5)).flipped_horizontally(),
            View::UpperLeft => part(image, CROP, (0.0, 0.0)),
            View::UpperRightFlipped => part(image, CROP, (1.0, 0.0)).flipped_horizontally(),
            View::LowerLeftFlipped => part(image, CROP, (0.0, 1.0)).flipped_horizontally(),
            View::LowerRight => part(image, CROP, (1.0, 1.0)),
            View::TurnedBack => image.rotated(-TURN),
            View::TurnedFlipped => image.rotated(TURN).flipped_horizontally(),
            View::Zoomed => part(image, ZOOM, (0.5, 0.5)),
            View::ZoomedFlipped => part(image, ZOOM, (0.5, 0.5)).flipped_horizontally(),
        }
    }

    /// The same view of a mask: the same pixels move to the same places. A turn gives values between at edges.
    pub(crate) fn of_mask(self, mask: &GreyImage) -> GreyImage {
        self.of(&mask.to_rgb()).to_grey()
    }
}

/// `share` of each side, at least one pixel; `place` is 0 at the left or upper edge and 1 at the right or lower one.
fn part(image: &RgbImage, share: f64, place: (f64, f64)) -> RgbImage {
    let kept = |side: usize| ((side as f64 * share) as usize).max(1);
    let start = |side: usize, place: f64| ((side - kept(side)) as f64 * place) as usize;
    let (width, height) = (image.width(), image.height());
    image.cropped(start(width, place.0), start(height, place.1), kept(width), kept(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_of_the_smallest_image_is_an_image() {
        for (width, height) in [(1, 1), (1, 9), (2, 3)] {
            let image = RgbImage::new(width, height, vec![7; 3 * width * height]).unwrap();
            for view in View::ALL {
                let seen = view.of(&image);
                assert!(seen.width() > 0 && seen.height() > 0, "{view:?} of {width} x {height}");
            }
        }
    }

    #[test]
    fn crops_lie_where_their_names_say() {
        let data = (0..100u8).flat_map(|i| [i; 3]).collect();
        let image = RgbImage::new(10, 10, data).unwrap();
        let corner = |view: View| view.of(&image).data()[0];
        assert_eq!(corner(View::UpperLeft), 0);
        assert_eq!(corner(View::LowerRight), 22);
        // 8 of 10 columns: the flipped crop starts at its right edge.
        assert_eq!(corner(View::UpperRightFlipped), 9);
        assert_eq!(corner(View::LowerLeftFlipped), 27);
        assert_eq!(corner(View::Cropped), 11);
    }
}
