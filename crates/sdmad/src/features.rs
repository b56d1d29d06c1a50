//! What the frozen image tower says of an image: class tokens of its last layers, over a few views.

mod cache;
mod views;

use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Monitor, Result};
use sdmad_encoders::{Adapted, ImageTower, ShiftAdapters};
use sdmad_engine::{Matrix, instruction_path};
use sdmad_imaging::{Filter, Fingerprint, RgbImage, decode_image, resize_grey};

pub use cache::FeatureCache;
pub use views::View;

/// Settings of image features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureSettings {
    /// How many of the last layers give a token each. At least 1; a tower with fewer layers gives all.
    pub layers: usize,
    /// Which views of an image are encoded. Not empty.
    pub views: Vec<View>,
}

impl Default for FeatureSettings {
    fn default() -> Self {
        FeatureSettings { layers: 5, views: View::ALL.to_vec() }
    }
}

impl FeatureSettings {
    pub(crate) fn validate(&self) -> Result<()> {
        if self.layers == 0 {
            return Err(Error::bad_input("features.layers = 0: expected 1 or more"));
        }
        if self.views.is_empty() {
            return Err(Error::bad_input("features.views is empty: expected at least one view")
                .with_hint("for example features.views=[\"plain\"]"));
        }
        Ok(())
    }
}

/// The features of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFeatures {
    /// One row for each view: the tokens of the layers, each of length 1, one after the other.
    pub views: Vec<Vec<f32>>,
    /// The image's fingerprint, for finding near-duplicates.
    pub fingerprint: Fingerprint,
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
    },
    /// 16 × 16 grey pixels in [0, 1]: the baseline that shows what a set gives away without any encoder.
    Pixels,
}

/// Images in work at a time where nobody asks for another number.
pub const DEFAULT_BATCH: usize = 16;

/// Side of the thumbnail of [`Extractor::Pixels`].
const THUMBNAIL: usize = 16;

impl<'a> Extractor<'a> {
    /// Features by an image tower, without a cache.
    pub fn tower(tower: &'a ImageTower, settings: FeatureSettings) -> Self {
        Extractor::Tower { tower, settings, cache: None, adapted: None }
    }

    /// The same with features kept in `folder`, by all that their bits depend on: hashes of image and tower, precision, instruction path
    /// and settings.
    #[must_use]
    pub fn cached_in(mut self, folder: &Path) -> Self {
        if let Extractor::Tower { tower, settings, cache, adapted: None } = &mut self {
            *cache = Some(FeatureCache::new(folder, tower.sha256(), tower.precision(), instruction_path(), settings));
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

    /// The features of one image file.
    ///
    /// # Errors
    /// When the file is missing or is no image that can be decoded.
    pub fn file(&self, path: &Path) -> Result<ImageFeatures> {
        let bytes = sdmad_base::read(path)?;
        let name = path.display().to_string();
        match self {
            Extractor::Tower { cache: Some(cache), .. } => {
                cache.get_or(&bytes, || Ok(self.image(&decode_image(&bytes, &name)?)))
            }
            _ => Ok(self.image(&decode_image(&bytes, &name)?)),
        }
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
                    let features = self.file(path.as_ref());
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
        let fingerprint = Fingerprint::from_image(image);
        let views = match self {
            // At once, so that one image alone keeps all cores busy.
            Extractor::Tower { tower, settings, adapted, .. } => settings
                .views
                .par_iter()
                .map(|view| layer_tokens(tower, adapted.as_ref(), &view.of(image), settings.layers))
                .collect(),
            Extractor::Pixels => {
                let small = resize_grey(&image.to_grey(), THUMBNAIL, THUMBNAIL, Filter::Bilinear);
                vec![small.data().iter().map(|&p| f32::from(p) / 255.0).collect()]
            }
        };
        ImageFeatures { views, fingerprint }
    }
}

/// The layers, counted from 1, whose tokens are taken.
pub(crate) fn last_layers(tower: &ImageTower, layers: usize) -> Vec<usize> {
    let count = tower.layers();
    (count.saturating_sub(layers) + 1..=count).collect()
}

/// The token that stands for an image in the output of a layer: the class token, or the mean patch where there is none.
pub(crate) fn summary_token(tower: &ImageTower, hidden: &Matrix) -> Matrix {
    if tower.class_token() {
        return hidden.rows_from(0, 1);
    }
    let mut mean = Matrix::zeros(1, hidden.columns());
    for row in 0..hidden.rows() {
        mean.row_mut(0).iter_mut().zip(hidden.row(row)).for_each(|(m, x)| *m += x);
    }
    mean.scale(1.0 / hidden.rows() as f32);
    mean
}

fn layer_tokens(tower: &ImageTower, adapted: Option<&Adapted<'_>>, image: &RgbImage, layers: usize) -> Vec<f32> {
    let pixels = tower.preprocess().apply(image);
    let wanted = last_layers(tower, layers);
    let Some(adapted) = adapted else {
        return tower.hidden(&pixels, &wanted).iter().flat_map(|h| finished_token(tower, h).into_vec()).collect();
    };
    let mut features = Vec::new();
    let mut state = tower.tokens(&pixels);
    for layer in 1..adapted.first_layer() {
        state = tower.blocks()[layer - 1].forward(&state);
        if wanted.contains(&layer) {
            features.extend(finished_token(tower, &state).into_vec());
        }
    }
    let trace = adapted.forward(&state);
    for &layer in wanted.iter().filter(|&&l| l >= adapted.first_layer()) {
        if let Some(hidden) = trace.output(layer) {
            features.extend(finished_token(tower, hidden).into_vec());
        }
    }
    features
}

/// The summary token after the tower's last normalisation, scaled to length 1. `[1, width]`.
pub(crate) fn finished_token(tower: &ImageTower, hidden: &Matrix) -> Matrix {
    let token = summary_token(tower, hidden);
    let token = tower.final_norm().map_or_else(|| token.clone(), |norm| norm.forward(&token));
    sdmad_engine::l2_normalize(&token)
}
