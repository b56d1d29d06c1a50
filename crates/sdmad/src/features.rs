//! What the frozen image tower says of an image: summaries of its last layers, over a few views.

mod cache;
mod extractor;
mod image_reader;
mod plain_pass;
mod summary;
mod views;

use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Result};
use sdmad_encoders::ImageTower;
use sdmad_imaging::{Fingerprint, RgbImage};

pub use cache::FeatureCache;
pub(crate) use extractor::Seen;
pub use extractor::{DEFAULT_BATCH, Extractor};
pub use image_reader::ImageReader;
pub(crate) use plain_pass::PlainPass;
pub use summary::Summary;
pub use views::View;

/// Settings of image features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureSettings {
    /// How many of the last layers are summed up. At least 1; a tower with fewer layers gives all.
    pub layers: usize,
    /// What each of them is summed up to. Not empty.
    pub summaries: Vec<Summary>,
    /// Which views of an image are encoded. Not empty.
    pub views: Vec<View>,
}

impl Default for FeatureSettings {
    fn default() -> Self {
        FeatureSettings { layers: 5, summaries: Summary::ALL.to_vec(), views: View::ALL.to_vec() }
    }
}

impl FeatureSettings {
    /// The blocks of a feature row of a tower, in their order.
    pub(crate) fn blocks(&self, tower: &ImageTower) -> Vec<FeatureBlock> {
        let layers = last_layers(tower, self.layers).len();
        let block = |summary: &Summary| FeatureBlock { width: tower.width(), weight: summary.weight() };
        self.summaries.iter().flat_map(|summary| vec![block(summary); layers]).collect()
    }

    pub(crate) fn validate(&self) -> Result<()> {
        if self.layers == 0 {
            return Err(Error::bad_input("features.layers = 0: expected 1 or more"));
        }
        if self.summaries.is_empty() {
            return Err(Error::bad_input("features.summaries is empty: expected at least one summary")
                .with_hint("for example features.summaries=[\"class_token\"]"));
        }
        if let Some(twice) = self.summaries.iter().enumerate().find(|(i, s)| self.summaries[..*i].contains(s)) {
            return Err(Error::bad_input(format!("features.summaries names {:?} twice: expected each once", twice.1)));
        }
        if self.views.is_empty() {
            return Err(Error::bad_input("features.views is empty: expected at least one view")
                .with_hint("for example features.views=[\"plain\"]"));
        }
        Ok(())
    }
}

/// A run of numbers in a feature row that the bridge reads on its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeatureBlock {
    /// How many numbers it has.
    pub width: usize,
    /// How much its scores count in the mean over the blocks.
    pub weight: f64,
}

/// The features of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFeatures {
    /// One row for each view, or their mean alone: summary by summary and in it layer by layer, a block of length 1 each (of a
    /// view; of the mean, below).
    pub views: Vec<Vec<f32>>,
    /// The image's fingerprint, for finding near-duplicates.
    pub fingerprint: Fingerprint,
    /// What an [`ImageReader`] reads in the image, by attribute of an alignment or otherwise; empty without one.
    pub attributes: Vec<f32>,
}

impl ImageFeatures {
    /// These rows of an image, without attributes.
    fn of_views(views: Vec<Vec<f32>>, image: &RgbImage) -> Self {
        ImageFeatures { views, fingerprint: Fingerprint::from_image(image), attributes: Vec::new() }
    }

    /// The mean over the views: what a linear score of the image is computed from.
    pub fn mean(&self) -> Vec<f32> {
        let mut mean = vec![0.0f64; self.views.first().map_or(0, Vec::len)];
        for view in &self.views {
            mean.iter_mut().zip(view).for_each(|(m, &v)| *m += f64::from(v));
        }
        mean.iter().map(|m| (m / self.views.len() as f64) as f32).collect()
    }
}

/// Which rows of an image are wanted, and kept in a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// One for each view: what is fitted on.
    Views,
    /// Their mean alone: all that a score of the image needs, and small to keep.
    Mean,
}

/// The layers, counted from 1, that are summed up.
pub(crate) fn last_layers(tower: &ImageTower, layers: usize) -> Vec<usize> {
    let count = tower.layers();
    (count.saturating_sub(layers) + 1..=count).collect()
}
