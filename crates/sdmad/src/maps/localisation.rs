use std::path::PathBuf;

use rayon::prelude::*;

use sdmad_base::{Monitor, Result};
use sdmad_encoders::ImageTower;
use sdmad_imaging::read_image;

use super::{PatchMaps, spread_out};
use crate::adapt::mask_union;
use crate::bootstrap::{Resampled, interval_of, replicate};
use crate::metrics::PixelFigures;
use crate::protocols::{Localisation, MapFigures, Ordered};
use crate::{Bootstrap, Figure, Label, Manifest, Scored, TestImage, TestSet};

/// Bins of a map's values: figures are those of exact scores to about three digits, and one image takes little room.
const BINS: usize = 1024;

/// Images whose maps are in work at a time.
const BATCH: usize = 32;

/// Measures a run's maps on the measured images of a manifest: any anomaly against the union of an image's masks, and each category against its own.
///
/// Normal images take part with nothing inside, and others where every category that they have is masked by a file that is not empty. `rows` are the
/// manifest's rows of the set's images; images that were left out there are left out here. `None` where no image with a mask is measured.
///
/// # Errors
/// When an image or mask cannot be read, sizes differ, or `monitor` asks to stop.
pub fn localisation(
    maps: &PatchMaps,
    tower: &ImageTower,
    manifest: &Manifest,
    rows: &[usize],
    scored: &Scored,
    monitor: &dyn Monitor,
) -> Result<Option<Localisation>> {
    let measured: Vec<(usize, usize)> = rows
        .iter()
        .enumerate()
        .filter(|&(image, &row)| {
            let known = &scored.set.images()[image];
            let masks = crate::train::mask_paths(manifest, row);
            let masked = || (0..masks.len()).all(|c| known.labels[c] != Label::Present || !masks[c].is_empty());
            scored.outputs.outputs[image].is_some() && (known.is_normal() || (known.is_abnormal() && masked()))
        })
        .map(|(image, &row)| (image, row))
        .collect();
    if !measured.iter().any(|&(image, _)| scored.set.images()[image].is_abnormal()) {
        return Ok(None);
    }
    monitor.begin("reading maps", measured.len());
    let mut images = Vec::with_capacity(measured.len());
    for batch in measured.chunks(BATCH) {
        let read = |&(image, row): &(usize, usize)| -> Result<Option<MeasuredImage>> {
            monitor.check()?;
            let of = measure_image(maps, tower, manifest, row, image, &scored.set.images()[image])?;
            monitor.advance(1);
            Ok(of)
        };
        images.extend(batch.par_iter().map(read).collect::<Result<Vec<_>>>()?.into_iter().flatten());
    }
    monitor.end();
    let abnormal = images.iter().filter(|i| scored.set.images()[i.image].is_abnormal()).count();
    if abnormal == 0 {
        return Ok(None);
    }
    let categories = scored.set.categories();
    let problem = PixelProblem { images, categories: categories.len() };
    let mut figures = problem.figures(&scored.set, monitor)?.into_iter();
    let mut next =
        || MapFigures::of(std::array::from_fn(|_| figures.next().unwrap_or_else(|| Figure::missing("not measured"))));
    let any = next();
    let centre_prior = next();
    let per_category = Ordered(categories.iter().map(|id| (id.clone(), next())).collect());
    Ok(Some(Localisation {
        any,
        centre_prior,
        per_category,
        origin: maps.origin,
        images: problem.images.len(),
        abnormal,
    }))
}

/// The pixels of one image, sorted into bins.
struct MeasuredImage {
    image: usize,
    any: PixelFigures,
    centre: PixelFigures,
    /// None where the category's place is not known.
    categories: Vec<Option<PixelFigures>>,
}

/// `None` where a mask that should have something in it is empty.
fn measure_image(
    maps: &PatchMaps,
    tower: &ImageTower,
    manifest: &Manifest,
    row: usize,
    image: usize,
    known: &TestImage,
) -> Result<Option<MeasuredImage>> {
    let path = manifest.image_path(&manifest.rows[row]);
    let pixels = read_image(&path)?;
    let (width, height) = (pixels.width(), pixels.height());
    let files: Vec<Vec<PathBuf>> = crate::train::mask_paths(manifest, row);
    let mut inside: Vec<Option<Vec<bool>>> = Vec::with_capacity(files.len());
    for (label, files) in known.labels.iter().zip(&files) {
        inside.push(match label {
            Label::Absent => Some(vec![false; width * height]),
            Label::Unknown => None,
            Label::Present => match mask_union(&path, &pixels, files)? {
                Some(mask) => Some(mask.data().iter().map(|&m| m > 0).collect()),
                None => return Ok(None),
            },
        });
    }
    let mut union = vec![false; width * height];
    inside.iter().flatten().for_each(|mask| union.iter_mut().zip(mask).for_each(|(u, &m)| *u |= m));
    let read = maps.read(tower, &pixels);
    let figures = |map: &[f32], mask: &[bool]| -> Result<PixelFigures> {
        let mut figures = PixelFigures::new(BINS);
        figures.add(width, map, mask)?;
        Ok(figures)
    };
    let on_pixels = |map: &[f32]| spread_out(map, read.grid, read.seen, width, height);
    let categories = (0..inside.len())
        .map(|c| {
            // Another category's lesion says nothing of where this one is: normal images and its own take part.
            let takes_part = known.labels[c] == Label::Present || known.is_normal();
            inside[c].as_ref().filter(|_| takes_part).map(|m| figures(&on_pixels(&read.categories[c]), m)).transpose()
        })
        .collect::<Result<_>>()?;
    Ok(Some(MeasuredImage {
        image,
        any: figures(&on_pixels(&read.any), &union)?,
        centre: figures(&centre_prior(width, height), &union)?,
        categories,
    }))
}

/// The map of one who has not looked: 1 in the middle of the image, 0 in its corners.
fn centre_prior(width: usize, height: usize) -> Vec<f32> {
    let off = |place: usize, side: usize| 2.0 * (place as f64 + 0.5) / side as f64 - 1.0;
    let value = |x: usize, y: usize| 1.0 - (off(x, width).hypot(off(y, height)) / 2f64.sqrt());
    (0..height).flat_map(|y| (0..width).map(move |x| value(x, y).clamp(0.0, 1.0) as f32)).collect()
}

struct PixelProblem {
    images: Vec<MeasuredImage>,
    categories: usize,
}

impl PixelProblem {
    /// Pixel AUROC, average precision and region overlap of any anomaly, of the centre prior and of each category.
    fn measured(&self, weights: &dyn Fn(usize) -> u64) -> Vec<Figure> {
        let of = |part: &dyn Fn(&MeasuredImage) -> Option<&PixelFigures>| -> [Figure; 3] {
            let mut sum = PixelFigures::new(BINS);
            for image in &self.images {
                if let Some(figures) = part(image) {
                    sum.add_times(figures, weights(image.image));
                }
            }
            [sum.auroc(), sum.average_precision(), sum.region_overlap()]
        };
        let mut all: Vec<Figure> = of(&|i| Some(&i.any)).into();
        all.extend(of(&|i| Some(&i.centre)));
        (0..self.categories).for_each(|c| all.extend(of(&|i| i.categories[c].as_ref())));
        all
    }

    /// The same with intervals: patients are resampled, whole images at a time.
    fn figures(&self, set: &TestSet, monitor: &dyn Monitor) -> Result<Vec<Figure>> {
        let bootstrap = Bootstrap::default();
        let replicates = replicate(set, &[&[self]], &bootstrap, monitor)?;
        let with_interval = |(number, figure): (usize, Figure)| {
            let values = replicates.iter().map(|r| r[0][number]).collect();
            match interval_of(values, &bootstrap).filter(|_| figure.value().is_some()) {
                Some((low, high)) => figure.with_interval(low, high),
                None => figure,
            }
        };
        Ok(self.measured(&|_| 1).into_iter().enumerate().map(with_interval).collect())
    }
}

impl Resampled for &PixelProblem {
    fn measure(&self, weights: &[u32]) -> Vec<f64> {
        self.measured(&|image| u64::from(weights[image])).iter().map(|f| f.value().unwrap_or(f64::NAN)).collect()
    }
}
