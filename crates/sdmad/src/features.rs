//! What the frozen image tower says of an image: summaries of its last layers, over a few views.

mod cache;
mod image_reader;
mod summary;
mod views;

use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Monitor, Result};
use sdmad_encoders::{Adapted, ImageTower, ShiftAdapters};
use sdmad_engine::{Matrix, instruction_path};
use sdmad_imaging::{Filter, Fingerprint, RgbImage, decode_image, resize_grey};

pub use cache::FeatureCache;
pub use image_reader::ImageReader;
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

/// How images become features.
pub enum Extractor<'a> {
    /// The image tower of an encoder.
    Tower {
        /// The tower.
        tower: &'a ImageTower,
        /// Which layers and views.
        settings: FeatureSettings,
        /// Where features are kept between runs, if they are.
        cache: Option<FeatureCache>,
        /// The tower with trained adapters, if there are any.
        adapted: Option<Adapted<'a>>,
        /// What reads the image beside its features, if anything does.
        reading: Option<Box<ReadingSource>>,
    },
    /// 16 × 16 grey pixels in [0, 1]: the baseline that shows what a set gives away without any encoder.
    Pixels,
}

/// What reads an image beside its features, and where readings are kept.
pub struct ReadingSource {
    reader: ImageReader,
    cache: Option<FeatureCache>,
}

impl ReadingSource {
    fn of_file(
        &self,
        tower: &ImageTower,
        bytes: &[u8],
        fingerprint: Fingerprint,
        decoded: impl Fn() -> Result<RgbImage>,
    ) -> Result<Vec<f32>> {
        let compute = || {
            let attributes = self.reader.read(tower, &decoded()?);
            Ok(ImageFeatures { views: vec![attributes], fingerprint, attributes: Vec::new() })
        };
        let kept = match &self.cache {
            Some(cache) => cache.get_or(bytes, Rows::Mean, compute)?,
            None => compute()?,
        };
        Ok(kept.views.into_iter().next().unwrap_or_default())
    }
}

/// Images in work at a time where nobody asks for another number.
pub const DEFAULT_BATCH: usize = 16;

/// Side of the thumbnail of [`Extractor::Pixels`].
const THUMBNAIL: usize = 16;

impl<'a> Extractor<'a> {
    /// Features by an image tower, without a cache.
    pub fn tower(tower: &'a ImageTower, settings: FeatureSettings) -> Self {
        Extractor::Tower { tower, settings, cache: None, adapted: None, reading: None }
    }

    /// The same with features kept in `folder`, by all that their bits depend on: hashes of image, weights, architecture and
    /// preprocessing, precision, instruction path and settings.
    #[must_use]
    pub fn cached_in(mut self, folder: &Path) -> Self {
        if let Extractor::Tower { tower, settings, cache, adapted: None, .. } = &mut self {
            let weights = format!("{} {}", tower.sha256(), tower.recipe_sha256());
            *cache = Some(FeatureCache::new(folder, &weights, tower.precision(), instruction_path(), settings));
        }
        self
    }

    /// The same with what `reader` reads, by the frozen tower; kept in `folder`, if one is given, as features are.
    #[must_use]
    pub fn reading(mut self, reader: impl Into<ImageReader>, folder: Option<&Path>) -> Self {
        let reader = reader.into();
        if let Extractor::Tower { tower, settings, reading, .. } = &mut self {
            let cache = folder.map(|folder| {
                let weights = format!("{} {} attributes {}", tower.sha256(), tower.recipe_sha256(), reader.sha256());
                FeatureCache::new(folder, &weights, tower.precision(), instruction_path(), settings)
            });
            *reading = Some(Box::new(ReadingSource { reader, cache }));
        }
        self
    }

    /// The same through trained adapters of the image tower. Such features are not kept: they are of one run.
    ///
    /// # Errors
    /// When an adapter's layer or shape is not of the tower.
    pub fn adapted(mut self, adapters: &ShiftAdapters) -> Result<Self> {
        if let Extractor::Tower { tower, cache, adapted, .. } = &mut self
            && !adapters.is_empty()
        {
            *cache = None;
            *adapted = Some(tower.adapted(adapters.clone())?);
        }
        Ok(self)
    }

    /// The blocks of a feature row, in their order.
    pub fn blocks(&self) -> Vec<FeatureBlock> {
        match self {
            Extractor::Tower { tower, settings, .. } => settings.blocks(tower),
            Extractor::Pixels => vec![FeatureBlock { width: THUMBNAIL * THUMBNAIL, weight: 1.0 }],
        }
    }

    /// The features of one image file.
    ///
    /// # Errors
    /// When the file is missing or is no image that can be decoded.
    pub fn file(&self, path: &Path, rows: Rows) -> Result<ImageFeatures> {
        let bytes = sdmad_base::read(path)?;
        let decoded = || decode_image(&bytes, &path.display().to_string());
        let compute = || {
            let features = self.summaries(&decoded()?);
            Ok(match rows {
                Rows::Views => features,
                Rows::Mean => ImageFeatures { views: vec![features.mean()], ..features },
            })
        };
        let mut features = match self {
            Extractor::Tower { cache: Some(cache), .. } => cache.get_or(&bytes, rows, compute)?,
            _ => compute()?,
        };
        if let Extractor::Tower { tower, reading: Some(reading), .. } = self {
            features.attributes = reading.of_file(tower, &bytes, features.fingerprint, decoded)?;
        }
        Ok(features)
    }

    /// The features of many image files, in their order, `batch` of them in work at a time over all cores.
    ///
    /// Each entry is the file's own result: one unreadable file does not take the others with it. No feature depends on
    /// `batch`.
    ///
    /// # Errors
    /// When `monitor` asks to stop.
    pub fn files<P: AsRef<Path> + Sync>(
        &self,
        paths: &[P],
        rows: Rows,
        batch: usize,
        monitor: &dyn Monitor,
    ) -> Result<Vec<Result<ImageFeatures>>> {
        monitor.begin("encoding images", paths.len());
        let mut all = Vec::with_capacity(paths.len());
        for chunk in paths.chunks(batch.max(1)) {
            let features: Vec<Result<ImageFeatures>> = chunk
                .par_iter()
                .map(|path| {
                    monitor.check()?;
                    let features = self.file(path.as_ref(), rows);
                    monitor.advance(1);
                    Ok(features)
                })
                .collect::<Result<_>>()?;
            all.extend(features);
        }
        monitor.end();
        Ok(all)
    }

    /// The features of decoded pixels.
    pub fn image(&self, image: &RgbImage) -> ImageFeatures {
        let mut features = self.summaries(image);
        if let Extractor::Tower { tower, reading: Some(reading), .. } = self {
            features.attributes = reading.reader.read(tower, image);
        }
        features
    }

    /// The features without attributes.
    fn summaries(&self, image: &RgbImage) -> ImageFeatures {
        let fingerprint = Fingerprint::from_image(image);
        let views = match self {
            // At once, so that one image alone keeps all cores busy.
            Extractor::Tower { tower, settings, adapted, .. } => settings
                .views
                .par_iter()
                .map(|view| tower_features(tower, adapted.as_ref(), &view.of(image), settings))
                .collect(),
            Extractor::Pixels => {
                let small = resize_grey(&image.to_grey(), THUMBNAIL, THUMBNAIL, Filter::Bilinear);
                vec![small.data().iter().map(|&p| f32::from(p) / 255.0).collect()]
            }
        };
        ImageFeatures { views, fingerprint, attributes: Vec::new() }
    }
}

/// The layers, counted from 1, that are summed up.
pub(crate) fn last_layers(tower: &ImageTower, layers: usize) -> Vec<usize> {
    let count = tower.layers();
    (count.saturating_sub(layers) + 1..=count).collect()
}

/// The feature row of one view.
fn tower_features(
    tower: &ImageTower,
    adapted: Option<&Adapted<'_>>,
    view: &RgbImage,
    settings: &FeatureSettings,
) -> Vec<f32> {
    let pixels = tower.preprocess().apply(view);
    let wanted = last_layers(tower, settings.layers);
    let Some(adapted) = adapted else {
        let hidden = tower.hidden(&pixels, &wanted);
        return row_of(tower, &settings.summaries, &hidden.iter().collect::<Vec<_>>());
    };
    let mut early = Vec::new();
    let mut state = tower.tokens(&pixels);
    for layer in 1..adapted.first_layer() {
        state = tower.blocks()[layer - 1].forward(&state);
        if wanted.contains(&layer) {
            early.push(state.clone());
        }
    }
    let trace = adapted.forward(&state);
    let late = wanted.iter().filter(|&&l| l >= adapted.first_layer()).filter_map(|&layer| trace.output(layer));
    row_of(tower, &settings.summaries, &early.iter().chain(late).collect::<Vec<_>>())
}

/// Summary by summary, and in it layer by layer.
fn row_of(tower: &ImageTower, summaries: &[Summary], hidden: &[&Matrix]) -> Vec<f32> {
    summaries.iter().flat_map(|summary| hidden.iter().flat_map(|h| summary.of(tower, h).into_vec())).collect()
}
