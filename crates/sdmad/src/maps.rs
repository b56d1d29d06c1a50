//! Where in an image: maps of "any anomaly", of each category and of each sign, read in the patch tokens of the frozen image tower.
//!
//! A map is linear in a patch's tokens: z = w · tokens, in units of the spread over patches of the *normal shots*, with their mean as 0. Its
//! value is σ(z − 2): about .12 where a patch looks as normal ones do on average, ½ at two standard deviations above, near 1 beyond four. So a value means the
//! same in every image, and no image changes another's. Where w comes from (`maps.source`):
//!
//! - **words**: an alignment was taught, on drawn findings, which patches belong to a finding and what attributes they have ([`AttributeReader`](crate::AttributeReader)).
//!   Any anomaly is its attribute "finding"; a sign is the attributes that its words name; a category is any anomaly plus half of how much more a patch has of the
//!   attributes of its signs than of those of the other categories'. No mask and no label of a real lesion takes part.
//! - **masks**, where shots have them: linear discriminants (Fisher 1936, with a ridge) of the patches inside against all others, plus what words say; a category is any anomaly plus
//!   half of the discriminant of its own masks.
//!
//! | module | holds |
//! |---|---|
//! | `tokens` | which tokens of a patch are read |
//! | `fit` | from shots to [`PatchMaps`] |
//! | `spread_out` | a map of patches on the pixels of an image |
//! | `localisation` | [`localisation`](localisation()): pixel figures of a run on a manifest |

mod fit;
mod localisation;
mod settings;
mod spread_out;
mod tokens;

use sdmad_base::{Error, Result};
use sdmad_encoders::ImageTower;
use sdmad_engine::Matrix;
use sdmad_imaging::RgbImage;

pub(crate) use fit::{MapPlan, fit_maps};
pub use localisation::localisation;
pub use settings::{MapOrigin, MapSettings, MapSource};
pub use spread_out::spread_out;
use tokens::PatchTokens;

use crate::align::dot;
use crate::calibration::logistic;
use crate::features::PlainPass;

/// Standard deviations above the mean of normal patches at which a map says ½.
const MIDDLE: f64 = 2.0;

/// What a run reads in patches.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchMaps {
    /// `[1 + categories + signs, numbers of a patch]`: any anomaly, each category, each sign of the run's bank (none without an alignment).
    pub weights: Matrix,
    /// What is added to each.
    pub bias: Vec<f32>,
    /// How many categories there are.
    pub categories: usize,
    /// Where the maps of any anomaly and of the categories come from.
    pub origin: MapOrigin,
    /// Windows to a side that are read beside the whole image; 1 for none.
    pub windows: usize,
}

/// The maps of one image, each row by row over the grid of patches, values in [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct ImageMaps {
    /// Rows and columns of the grid.
    pub grid: (usize, usize),
    /// The part of the image that the grid covers: left, top, width and height in pixels of the image.
    pub seen: [f64; 4],
    /// Any anomaly.
    pub any: Vec<f32>,
    /// Each category.
    pub categories: Vec<Vec<f32>>,
    /// Each sign of the run's bank; empty without an alignment.
    pub signs: Vec<Vec<f32>>,
}

impl PatchMaps {
    /// Checks that a tower's patches have as many numbers as the maps read.
    ///
    /// # Errors
    /// Names both when they have not.
    pub(crate) fn check_tower(&self, tower: &ImageTower) -> Result<()> {
        let found = PatchTokens::width(tower);
        if self.weights.columns() == found {
            return Ok(());
        }
        let expected = self.weights.columns();
        Err(Error::bad_input(format!(
            "tensor maps.weight reads {expected} numbers of a patch; the tower's have {found}"
        ))
        .with_hint("the run folder is damaged: train again"))
    }

    /// The same without the readings of signs, which are in the order of one bank.
    pub(crate) fn without_signs(&self) -> Self {
        let (rows, columns) = (1 + self.categories, self.weights.columns());
        let weights = Matrix::from_vec(rows, columns, self.weights.data()[..rows * columns].to_vec());
        PatchMaps { weights, bias: self.bias[..rows].to_vec(), ..self.clone() }
    }

    /// The maps of an image. They depend on this image alone.
    pub fn read(&self, tower: &ImageTower, image: &RgbImage) -> ImageMaps {
        self.read_pass(&PlainPass::of(tower, image, PatchMaps::layers(tower)), image)
    }

    /// The layers that maps read.
    pub(crate) fn layers(tower: &ImageTower) -> Vec<usize> {
        tokens::layers(tower)
    }

    /// The maps of an image whose [`PatchMaps::layers`] are there.
    pub(crate) fn read_pass(&self, pass: &PlainPass<'_>, image: &RgbImage) -> ImageMaps {
        let PatchTokens { rows: tokens, grid } = PatchTokens::of_pass(pass, image, self.windows);
        let map = |reading: usize| -> Vec<f32> {
            let (weights, bias) = (self.weights.row(reading), f64::from(self.bias[reading]));
            (0..tokens.rows()).map(|patch| logistic(dot(weights, tokens.row(patch)) + bias) as f32).collect()
        };
        let first_sign = 1 + self.categories;
        ImageMaps {
            grid,
            seen: pass.tower.preprocess().seen(image.width(), image.height()),
            any: map(0),
            categories: (1..first_sign).map(map).collect(),
            signs: (first_sign..self.weights.rows()).map(map).collect(),
        }
    }
}
