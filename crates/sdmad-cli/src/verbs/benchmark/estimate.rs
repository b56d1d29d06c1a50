//! How long expensive cells will take, said before they begin.

use std::time::Instant;

use sdmad::Settings;
use sdmad_base::{Monitor, Result};
use sdmad_encoders::ImageTower;
use sdmad_imaging::RgbImage;

use super::prepare::{Pending, Prepared};
use crate::terminal::spoken;

/// Side of the grey image that one pass is timed on; the tower resizes it.
const SIDE: usize = 64;

/// Whether a method adapts towers: its features are of one run and cannot be shared, and its memory is not small.
pub(super) fn is_expensive(settings: &Settings) -> bool {
    settings.adapters.wanted()
}

/// Passes through the image tower that one cell takes: a step of training counts three (forward, and backward as two), in each fold
/// and once for all; then every view of every measured image.
fn passes(settings: &Settings, shots: usize, measured: usize) -> usize {
    let trainings = if shots < 3 { 1 } else { settings.bridge.folds + 1 };
    3 * settings.adapters.epochs * shots * trainings + measured * settings.features.views.len()
}

/// Says how many of these cells train adapters and how long that will take, judged by one image through the tower.
pub(super) fn say(
    prepared: &Prepared<'_>,
    cells: &[&Pending],
    tower: &ImageTower,
    set: usize,
    monitor: &dyn Monitor,
) -> Result<()> {
    if cells.is_empty() {
        return Ok(());
    }
    monitor.check()?;
    let image = RgbImage::new(SIDE, SIDE, vec![128; 3 * SIDE * SIDE])?;
    let pixels = tower.preprocess().apply(&image);
    let started = Instant::now();
    let _ = tower.hidden(&pixels, &[tower.layers()]);
    let pass = started.elapsed();
    let planned = &prepared.plan.sets[set];
    let total: usize = cells
        .iter()
        .map(|cell| {
            let shots = cell.name.shots * (planned.categories.len() + 1);
            passes(&prepared.settings(&cell.name), shots, planned.images)
        })
        .sum();
    monitor.notice(&format!(
        "{}: {} cells train adapters in the towers: about {}, judged by {:.0} ms for one image",
        planned.name,
        cells.len(),
        spoken(pass.mul_f64(total as f64)),
        pass.as_secs_f64() * 1000.0
    ));
    Ok(())
}
