use std::path::Path;

use rayon::prelude::*;

use sdmad_base::{Monitor, Result, sha256_hex};
use sdmad_encoders::{Adapted, ImageTower, ShiftAdapters};
use sdmad_engine::{Matrix, instruction_path};
use sdmad_imaging::{Filter, RgbImage, decode_image, resize_grey};

use super::{
    FeatureBlock, FeatureCache, FeatureSettings, ImageFeatures, ImageReader, PlainPass, Rows, Summary, View,
    last_layers,
};
use crate::maps::{ImageMaps, PatchMaps};

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

/// What was seen in one image file.
pub(crate) struct Seen {
    pub(crate) features: ImageFeatures,
    /// The image, if it had to be decoded.
    pub(crate) picture: Option<RgbImage>,
    /// Its maps, if they were asked for and there is a tower.
    pub(crate) maps: Option<ImageMaps>,
}

/// What is to be encoded of an image; all else is known already, or nobody wants it.
struct Wanted<'b> {
    views: bool,
    reader: Option<&'b ImageReader>,
    maps: Option<&'b PatchMaps>,
}

/// What was wanted.
#[derive(Default)]
struct Encoded {
    /// One row for each view.
    views: Vec<Vec<f32>>,
    reading: Option<Vec<f32>>,
    maps: Option<ImageMaps>,
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
        Ok(self.see(path, rows, None)?.features)
    }

    /// The features of one image file, and its maps if they are wanted and there is a tower, in as few passes through it as that takes.
    ///
    /// # Errors
    /// Those of [`Extractor::file`].
    pub(crate) fn see(&self, path: &Path, rows: Rows, maps: Option<&PatchMaps>) -> Result<Seen> {
        let bytes = sdmad_base::read(path)?;
        let decoded = || decode_image(&bytes, &path.display().to_string());
        let summed_up = |features: ImageFeatures| match rows {
            Rows::Views => features,
            Rows::Mean => ImageFeatures { views: vec![features.mean()], ..features },
        };
        let Extractor::Tower { tower, settings, cache, adapted, reading } = self else {
            let picture = decoded()?;
            return Ok(Seen { features: summed_up(self.image(&picture)), picture: Some(picture), maps: None });
        };
        let image_sha256 = sha256_hex(&bytes);
        let kept = cache.as_ref().and_then(|cache| cache.kept(&image_sha256, rows));
        let reading_cache = reading.as_ref().and_then(|r| r.cache.as_ref());
        let kept_reading = reading_cache.and_then(|cache| cache.kept(&image_sha256, Rows::Mean)?.views.pop());
        let reader = reading.as_ref().map(|r| &r.reader).filter(|_| kept_reading.is_none());
        if let (Some(features), None, None) = (&kept, reader, maps) {
            let attributes = kept_reading.unwrap_or_default();
            let features = ImageFeatures { attributes, ..features.clone() };
            return Ok(Seen { features, picture: None, maps: None });
        }
        let picture = decoded()?;
        let wanted = Wanted { views: kept.is_none(), reader, maps };
        let encoded = encode(tower, settings, adapted.as_ref(), &picture, &wanted);
        let features = kept.unwrap_or_else(|| {
            let features = summed_up(ImageFeatures::of_views(encoded.views, &picture));
            cache.iter().for_each(|cache| cache.keep(&image_sha256, rows, &features));
            features
        });
        if let (Some(cache), Some(reading)) = (reading_cache, &encoded.reading) {
            let kept = ImageFeatures { views: vec![reading.clone()], ..features.clone() };
            cache.keep(&image_sha256, Rows::Mean, &kept);
        }
        let attributes = encoded.reading.or(kept_reading).unwrap_or_default();
        Ok(Seen { features: ImageFeatures { attributes, ..features }, picture: Some(picture), maps: encoded.maps })
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
        match self {
            Extractor::Tower { tower, settings, adapted, reading, .. } => {
                let reader = reading.as_ref().map(|r| &r.reader);
                let wanted = Wanted { views: true, reader, maps: None };
                let encoded = encode(tower, settings, adapted.as_ref(), image, &wanted);
                let attributes = encoded.reading.unwrap_or_default();
                ImageFeatures { attributes, ..ImageFeatures::of_views(encoded.views, image) }
            }
            Extractor::Pixels => {
                let small = resize_grey(&image.to_grey(), THUMBNAIL, THUMBNAIL, Filter::Bilinear);
                let row = small.data().iter().map(|&p| f32::from(p) / 255.0).collect();
                ImageFeatures::of_views(vec![row], image)
            }
        }
    }
}

impl Wanted<'_> {
    /// The layers of the image as it is that are read beside its features.
    fn layers(&self, tower: &ImageTower) -> Vec<usize> {
        let mut layers = self.reader.map_or_else(Vec::new, |reader| reader.layers(tower));
        layers.extend(self.maps.iter().flat_map(|_| PatchMaps::layers(tower)));
        layers
    }
}

/// What is wanted of an image. All that reads the image as it is shares one pass through the frozen tower.
fn encode(
    tower: &ImageTower,
    settings: &FeatureSettings,
    adapted: Option<&Adapted<'_>>,
    image: &RgbImage,
    wanted: &Wanted<'_>,
) -> Encoded {
    let mut pass = None;
    let mut views = Vec::new();
    if wanted.views {
        let layers = last_layers(tower, settings.layers);
        let encoded = |view: &View| {
            if let Some(adapted) = adapted {
                return (adapted_row(tower, adapted, &view.of(image), settings), None);
            }
            let plain = *view == View::Plain;
            let beside = if plain { wanted.layers(tower) } else { Vec::new() };
            let pass = PlainPass::of(tower, &view.of(image), [layers.as_slice(), &beside].concat());
            (row_of(tower, &settings.summaries, &pass.hidden(&layers)), plain.then_some(pass))
        };
        // At once, so that one image alone keeps all cores busy.
        let all: Vec<(Vec<f32>, Option<PlainPass<'_>>)> = settings.views.par_iter().map(encoded).collect();
        for (row, plain) in all {
            views.push(row);
            pass = pass.or(plain);
        }
    }
    if wanted.reader.is_none() && wanted.maps.is_none() {
        return Encoded { views, ..Encoded::default() };
    }
    let pass = pass.unwrap_or_else(|| PlainPass::of(tower, image, wanted.layers(tower)));
    let reading = wanted.reader.map(|reader| reader.read(&pass));
    let maps = wanted.maps.map(|maps| maps.read_pass(&pass, image));
    Encoded { views, reading, maps }
}

/// The feature row of one view through trained adapters.
fn adapted_row(tower: &ImageTower, adapted: &Adapted<'_>, view: &RgbImage, settings: &FeatureSettings) -> Vec<f32> {
    let wanted = last_layers(tower, settings.layers);
    let mut early = Vec::new();
    let mut state = tower.tokens(&tower.preprocess().apply(view));
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

#[cfg(test)]
mod tests {
    use sdmad_base::Stream;

    use super::*;
    use crate::AttributeReader;
    use crate::align::ImageTokens;
    use crate::maps::MapOrigin;

    fn random(stream: &mut Stream, rows: usize, columns: usize) -> Matrix {
        Matrix::from_vec(rows, columns, (0..rows * columns).map(|_| stream.normal() as f32).collect())
    }

    #[test]
    fn one_pass_for_all_readers_says_what_one_for_each_would() {
        let towers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdmad-encoders/tests/fixtures/towers");
        let tower = ImageTower::open(&towers.join("hugging-face-clip")).unwrap();
        let mut stream = Stream::new(1, "extractor test");
        let (whole, patch) = ImageTokens::widths(&tower);
        let reader = AttributeReader {
            whole: random(&mut stream, 3, whole),
            patch: random(&mut stream, 3, patch),
            offset: vec![0.0, 0.5, -0.5],
        };
        let of_patch = tower.width() * PatchMaps::layers(&tower).len();
        let maps = PatchMaps {
            weights: random(&mut stream, 2, of_patch),
            bias: vec![0.1, -0.1],
            categories: 1,
            origin: MapOrigin::Words,
            windows: 2,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.png");
        let image = RgbImage::new(20, 16, (0..960).map(|_| stream.below(256) as u8).collect()).unwrap();
        sdmad_imaging::write_png(&path, &image).unwrap();

        let views = vec![View::Flipped, View::Plain, View::Turned];
        let settings = FeatureSettings { views, ..FeatureSettings::default() };
        let plain = || Extractor::tower(&tower, settings.clone());
        let mut expected = plain().image(&image);
        expected.views = vec![expected.mean()];
        expected.attributes = reader.read(&tower, &image);
        let expected_maps = maps.read(&tower, &image);
        assert_eq!(plain().reading(reader.clone(), None).image(&image).attributes, expected.attributes);

        // With nothing kept, the features alone, the reading alone, and both.
        for (features_kept, reading_kept) in [(false, false), (true, false), (false, true), (true, true)] {
            let (features, readings) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            if features_kept {
                plain().cached_in(features.path()).file(&path, Rows::Mean).unwrap();
            }
            if reading_kept {
                plain().reading(reader.clone(), Some(readings.path())).file(&path, Rows::Mean).unwrap();
            }
            let extractor = plain().cached_in(features.path()).reading(reader.clone(), Some(readings.path()));
            for maps in [None, Some(&maps)] {
                let seen = extractor.see(&path, Rows::Mean, maps).unwrap();
                assert_eq!(seen.features, expected, "{features_kept} {reading_kept}");
                assert_eq!(seen.maps.as_ref(), maps.map(|_| &expected_maps));
            }
        }
        // Views without the plain one.
        let turned = FeatureSettings { views: vec![View::Turned], ..settings };
        let read = Extractor::tower(&tower, turned).reading(reader, None).image(&image);
        assert_eq!(read.attributes, expected.attributes);
    }
}
