//! The cells of one set and one encoder.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use sdmad::{
    CellStore, ChosenAlignment, DEFAULT_BATCH, Extractor, FeatureSettings, ImageFeatures, ImageReader, Method,
    PrecisionChoice, Run, measured_features,
};
use sdmad_base::{Kind, Monitor, Result};
use sdmad_engine::Precision;

use super::cell;
use super::estimate;
use super::prepare::{OpenSet, Pending, Prepared};
use crate::verbs::{cached_features, reading};

/// Cells in work at once, at most: each holds the features of its shots.
const MOST_AT_ONCE: usize = 8;

/// What features of the measured images depend on.
#[derive(Clone, PartialEq)]
pub(super) enum FeatureKind {
    Pixels,
    Tower(Precision, FeatureSettings, Option<ImageReader>),
}

/// Features of the measured images, which many cells share.
pub(super) struct Shared(Vec<(FeatureKind, Arc<Vec<ImageFeatures>>)>);

impl Shared {
    /// The features that a run reads, if they were taken before.
    pub(super) fn of(&self, run: &Run) -> Option<Arc<Vec<ImageFeatures>>> {
        let kind = match (run.config.method, &run.config.encoder) {
            (Method::Pixels, _) => FeatureKind::Pixels,
            (_, Some(encoder)) if run.adapters.is_empty() => {
                FeatureKind::Tower(encoder.precision, run.config.settings.features.clone(), run.model.reader())
            }
            _ => return None,
        };
        self.0.iter().find(|(k, _)| *k == kind).map(|(_, features)| features.clone())
    }
}

/// Computes cells and writes each as it ends.
pub(super) fn compute(
    prepared: &Prepared<'_>,
    encoder: usize,
    set: usize,
    cells: &[Pending],
    store: &CellStore,
    monitor: &dyn Monitor,
) -> Result<()> {
    let Some(open) = &prepared.sets[set] else { return Ok(()) };
    let expensive = |cell: &&Pending| estimate::is_expensive(&prepared.settings(&cell.name));
    let (slow, quick): (Vec<&Pending>, Vec<&Pending>) = cells.iter().partition(expensive);
    if let Some(first) = slow.first() {
        let precision = fixed_precision(prepared, first).unwrap_or(Precision::Bf16);
        let opened = prepared.shelves[encoder].open(precision, monitor)?;
        estimate::say(prepared, &slow, opened.image_tower(), set, monitor)?;
    }
    let shared = share(prepared, encoder, open, &quick, monitor)?;
    let planned = &prepared.plan;
    monitor.begin(&format!("cells of {}, {}", planned.sets[set].name, planned.encoders[encoder].name), cells.len());
    let one = |pending: &Pending| -> Result<()> {
        monitor.check()?;
        cell::compute(prepared, pending, open, &shared, store, &Within(monitor))?;
        monitor.advance(1);
        Ok(())
    };
    at_once(&quick, rayon::current_num_threads().min(MOST_AT_ONCE), &one)?;
    // These keep all threads busy by themselves, and each takes much memory.
    at_once(&slow, 1, &one)?;
    monitor.end();
    Ok(())
}

/// Works on `cells`, so many at once. The order in which they end does not matter: each is a function of its inputs.
fn at_once(cells: &[&Pending], most: usize, one: &(dyn Fn(&Pending) -> Result<()> + Sync)) -> Result<()> {
    let next = AtomicUsize::new(0);
    (0..most.min(cells.len())).into_par_iter().try_for_each(|_| {
        while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
            one(cell)?;
        }
        Ok(())
    })
}

fn fixed_precision(prepared: &Prepared<'_>, cell: &Pending) -> Option<Precision> {
    match prepared.config.methods[cell.name.method].precision {
        PrecisionChoice::Fixed(precision) => Some(precision),
        PrecisionChoice::Auto => None,
    }
}

/// Takes the features that several cells will read, once, before they begin. What cannot be read is no error yet: the cell that
/// needs it says so.
fn share(
    prepared: &Prepared<'_>,
    encoder: usize,
    open: &OpenSet,
    cells: &[&Pending],
    monitor: &dyn Monitor,
) -> Result<Shared> {
    let mut shared: Vec<(FeatureKind, Arc<Vec<ImageFeatures>>)> = Vec::new();
    let mut tried: Vec<FeatureKind> = Vec::new();
    for cell in cells {
        let method = prepared.config.methods[cell.name.method].method;
        let settings = prepared.settings(&cell.name);
        let shelf = &prepared.shelves[encoder];
        let kind = match (method, fixed_precision(prepared, cell)) {
            (Method::Pixels, _) => FeatureKind::Pixels,
            (Method::LinearProbe | Method::Prototype, Some(precision)) => {
                FeatureKind::Tower(precision, settings.features, None)
            }
            (Method::Sdmad, Some(precision)) => {
                let opened = shelf.open(precision, monitor)?;
                let chosen = ChosenAlignment::of(&settings.alignment, &open.bank.modality, &opened)?;
                // Without words nothing is read by an alignment.
                let worded = settings.text.source != sdmad::TextSource::OneHot;
                let reader = chosen.filter(|_| worded).map(|c| ImageReader::Attributes(c.part.reader));
                FeatureKind::Tower(precision, settings.features, reader)
            }
            // What other methods read is found in the cache on disk, cell by cell.
            _ => continue,
        };
        if tried.contains(&kind) {
            continue;
        }
        tried.push(kind.clone());
        let take = |extractor: &Extractor<'_>| {
            measured_features(&open.manifest, prepared.config.split, extractor, DEFAULT_BATCH, monitor)
        };
        let features = match &kind {
            FeatureKind::Pixels => take(&Extractor::Pixels),
            FeatureKind::Tower(precision, settings, reader) => {
                let opened = shelf.open(*precision, monitor)?;
                let mut extractor = cached_features(opened.image_tower(), settings)?;
                if let Some(reader) = reader {
                    extractor = reading(extractor, reader.clone())?;
                }
                take(&extractor)
            }
        };
        match features {
            Ok(features) => shared.push((kind, Arc::new(features))),
            Err(e) if e.kind() == Kind::BadInput => monitor.end(),
            Err(e) => return Err(e),
        }
    }
    Ok(Shared(shared))
}

/// The monitor of a cell among many: it listens and does not draw.
struct Within<'a>(&'a dyn Monitor);

impl Monitor for Within<'_> {
    fn begin(&self, _task: &str, _total: usize) {}
    fn advance(&self, _steps: usize) {}
    fn end(&self) {}
    fn notice(&self, _message: &str) {}
    fn check(&self) -> Result<()> {
        self.0.check()
    }
}
