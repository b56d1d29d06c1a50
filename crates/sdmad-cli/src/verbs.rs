//! One file for each verb.

pub(crate) mod align;
pub(crate) mod benchmark;
pub(crate) mod compare;
pub(crate) mod data;
pub(crate) mod demo;
pub(crate) mod encoder;
pub(crate) mod evaluate;
pub(crate) mod merge;
pub(crate) mod predict;
mod reread;
mod shelf;
pub(crate) mod signs;
pub(crate) mod train;

pub(crate) use reread::{open_encoder_of, reread, signs_of};
pub(crate) use shelf::Shelf;

use std::path::{Path, PathBuf};
use std::sync::Once;

use sdmad::{Extractor, FeatureSettings, ImageReader, PrecisionChoice, Run};
use sdmad_base::{Error, Monitor, Result};
use sdmad_encoders::{Encoder, EncoderOptions, ImageTower, PackedWeights, cache_dir, ensure};
use sdmad_engine::{Precision, instruction_path};

use crate::args::{AnswerArgs, PrecisionName};

/// Opens an encoder by name, pulling it when it is missing, or a model folder.
pub(crate) fn open_encoder(name: &str, precision: Precision, monitor: &dyn Monitor) -> Result<Encoder> {
    let folder = encoder_at(name, monitor)?;
    say_how(name, precision, monitor);
    Encoder::open_with(&folder, &kept(precision)?)
}

/// The same of the image tower alone.
pub(crate) fn open_image_tower(name: &str, precision: Precision, monitor: &dyn Monitor) -> Result<ImageTower> {
    ImageTower::open_with(&encoder_at(name, monitor)?, &kept(precision)?)
}

/// The image tower that a run was trained with, at its precision.
pub(crate) fn open_tower_of(run: &Run, monitor: &dyn Monitor) -> Result<Option<ImageTower>> {
    let Some(record) = &run.config.encoder else { return Ok(None) };
    let tower = open_image_tower(&record.name, record.precision, monitor)?;
    run.check_image_tower(&tower)?;
    say_how(&record.name, record.precision, monitor);
    if let Some(notice) = run.instructions_notice() {
        monitor.notice(&notice);
    }
    Ok(Some(tower))
}

/// Where an encoder is.
pub(crate) fn encoder_at(name: &str, monitor: &dyn Monitor) -> Result<PathBuf> {
    let path = Path::new(name);
    if path.is_dir() {
        return Ok(path.to_path_buf());
    }
    if name.contains(['/', '\\']) && !name.starts_with("hf:") {
        return Err(Error::bad_input(format!("there is no folder {name}"))
            .with_hint("name an encoder of `sdmad encoder list`, or a model folder"));
    }
    ensure(name, monitor)
}

fn kept(precision: Precision) -> Result<EncoderOptions> {
    Ok(EncoderOptions { precision, packed: PackedWeights::Kept(PackedWeights::folder()?) })
}

/// Says once what is computed with.
fn say_how(name: &str, precision: Precision, monitor: &dyn Monitor) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        monitor.notice(&format!("encoder {name}: {precision}, instruction path {}", instruction_path()));
    });
}

impl From<PrecisionName> for PrecisionChoice {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::F32 => PrecisionChoice::Fixed(Precision::F32),
            PrecisionName::Bf16 => PrecisionChoice::Fixed(Precision::Bf16),
            PrecisionName::Int8 => PrecisionChoice::Fixed(Precision::Int8),
            PrecisionName::Auto => PrecisionChoice::Auto,
        }
    }
}

/// Refuses another precision than the run's.
pub(crate) fn check_precision(run: &Run, asked: PrecisionName) -> Result<()> {
    match asked.into() {
        PrecisionChoice::Auto => Ok(()),
        PrecisionChoice::Fixed(precision) => run.check_precision(precision),
    }
}

/// Opens a run, its answers at the coverage and for the prevalence that were asked for.
pub(crate) fn open_run(folder: &Path, answers: &AnswerArgs) -> Result<Run> {
    let mut run = Run::open(folder)?;
    for stated in &answers.prevalence {
        let share = stated.split_once('=').and_then(|(id, share)| Some((id, share.parse::<f64>().ok()?)));
        let (id, share) = share.ok_or_else(|| {
            Error::bad_input(format!(
                "--prevalence {stated}: expected CATEGORY=SHARE, SHARE a number above 0 and below 1"
            ))
            .with_hint("for example --prevalence malignant=0.02 --prevalence normal=0.9")
        })?;
        run.model.state_prevalence(id, share).map_err(|e| e.at("--prevalence"))?;
    }
    if let Some(coverage) = answers.coverage {
        if !(coverage > 0.0 && coverage < 1.0) {
            return Err(Error::bad_input(format!("--coverage {coverage}: expected above 0 and below 1"))
                .with_hint("0.9 promises that at most one in ten images of a class is denied it"));
        }
        run.model.coverage = coverage;
    }
    Ok(run)
}

/// Features of an image tower, kept in the cache folder between runs.
pub(crate) fn cached_features<'a>(tower: &'a ImageTower, settings: &FeatureSettings) -> Result<Extractor<'a>> {
    Ok(Extractor::tower(tower, settings.clone()).cached_in(&cache_dir()?.join("features")))
}

/// The same with what is read in an image beside its features, as the run reads it.
pub(crate) fn features_of_run<'a>(tower: &'a ImageTower, run: &Run) -> Result<Extractor<'a>> {
    let extractor = cached_features(tower, &run.config.settings.features)?.adapted(&run.adapters.image)?;
    match run.model.reader() {
        Some(reader) => reading(extractor, reader),
        None => Ok(extractor),
    }
}

/// The same extractor with a reading, kept in the cache folder between runs.
pub(crate) fn reading(extractor: Extractor<'_>, reader: impl Into<ImageReader>) -> Result<Extractor<'_>> {
    Ok(extractor.reading(reader, Some(&cache_dir()?.join("features"))))
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::environment(format!("cannot write JSON to stdout: {e}")))?;
    print_line(&text)
}

/// Prints a line; a reader that closed the pipe is no error of ours but ends the output.
pub(crate) fn print_line(text: &str) -> Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{text}").map_err(|e| Error::environment(format!("cannot write to stdout: {e}")))
}
