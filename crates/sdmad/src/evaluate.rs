//! Measuring a run on a manifest: scores of every image, the three protocols, and the files that hold them.

mod scores_file;

use std::path::{Path, PathBuf};

use serde_json::json;

use sdmad_base::{AtomicDir, Error, Monitor, Result};
use sdmad_engine::instruction_path;

use crate::{
    BankRecord, Bootstrap, DataSummary, DrawOutputs, Extractor, FigureTable, ImageFeatures, LeftOut, Localisation,
    Manifest, MetricsFile, Rows, Run, SignTruth, Split, TestSet, Traits, figures_with_intervals, leave_out,
    localisation,
};

pub use scores_file::ScoresFile;

/// Which rows of a manifest are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// The test rows.
    Test,
    /// The validation rows.
    Valid,
    /// The train rows, of which the shots themselves are left out: for development.
    TrainWithoutShots,
}

impl Measured {
    /// From `test`, `valid` or `train`.
    ///
    /// # Errors
    /// When the name is none of them.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "test" => Ok(Measured::Test),
            "valid" => Ok(Measured::Valid),
            "train" => Ok(Measured::TrainWithoutShots),
            _ => Err(Error::bad_input(format!("--split {name}: expected test, valid or train"))),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Measured::Test => "test",
            Measured::Valid => "valid",
            Measured::TrainWithoutShots => "train without the shots",
        }
    }

    /// What a person calls its images.
    pub fn title(self) -> &'static str {
        match self {
            Measured::Test => "test images",
            Measured::Valid => "validation images",
            Measured::TrainWithoutShots => "train images that the run did not learn from",
        }
    }

    /// The split that its rows are of.
    pub fn split(self) -> Split {
        match self {
            Measured::Test => Split::Test,
            Measured::Valid => Split::Valid,
            Measured::TrainWithoutShots => Split::Train,
        }
    }
}

/// What an evaluation gives.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The measured images and what is known of them.
    pub set: TestSet,
    /// What the run says of them.
    pub outputs: DrawOutputs,
    /// All figures with intervals.
    pub table: FigureTable,
    /// The content of `metrics.json`.
    pub metrics: MetricsFile,
}

/// What a run says of the measured images, before any figure.
#[derive(Clone, Debug)]
pub struct Scored {
    /// The measured images and what is known of them.
    pub set: TestSet,
    /// What the run says of them.
    pub outputs: DrawOutputs,
    /// Which images were left out, and why.
    pub left_out: LeftOut,
}

/// Measures a run.
///
/// Shots, and images that share a patient with a shot or nearly duplicate one, are left out and counted.
///
/// # Errors
/// When the manifest's categories are not the run's, no row is there to measure, an image cannot be read, or `monitor`
/// asks to stop.
pub fn evaluate(
    run: &Run,
    manifest: &Manifest,
    measured: Measured,
    truth: Option<&SignTruth>,
    extractor: &Extractor<'_>,
    batch: usize,
    monitor: &dyn Monitor,
) -> Result<Evaluation> {
    check_categories(run, manifest)?;
    let features = measured_features(manifest, measured, extractor, batch, monitor)?;
    let scored = score_features(run, manifest, measured, truth, &features)?;
    let maps = match (&run.model.maps, extractor) {
        (Some(maps), Extractor::Tower { tower, .. }) => {
            localisation(maps, tower, manifest, &measured_rows(manifest, measured)?, &scored, monitor)?
        }
        _ => None,
    };
    let Scored { set, outputs, .. } = scored;
    let table = figures_with_intervals(&set, std::slice::from_ref(&outputs), &Bootstrap::default(), monitor)?;
    let metrics = metrics_file(run, manifest, measured, &set, &outputs, &table, maps);
    Ok(Evaluation { set, outputs, table, metrics })
}

/// The rows of a manifest that are measured.
///
/// # Errors
/// When there is none.
pub fn measured_rows(manifest: &Manifest, measured: Measured) -> Result<Vec<usize>> {
    let rows: Vec<usize> = manifest.rows_of(measured.split()).map(|(number, _)| number).collect();
    if rows.is_empty() {
        return Err(Error::bad_input(format!("{} has no {} rows", manifest.path.display(), measured.name()))
            .with_hint("--split chooses which rows are measured"));
    }
    Ok(rows)
}

/// The features of the measured images, one for each of [`measured_rows`].
///
/// # Errors
/// When no row is there to measure, an image cannot be read, or `monitor` asks to stop.
pub fn measured_features(
    manifest: &Manifest,
    measured: Measured,
    extractor: &Extractor<'_>,
    batch: usize,
    monitor: &dyn Monitor,
) -> Result<Vec<ImageFeatures>> {
    let rows = measured_rows(manifest, measured)?;
    let paths: Vec<PathBuf> = rows.iter().map(|&r| manifest.image_path(&manifest.rows[r])).collect();
    extractor.files(&paths, Rows::Mean, batch, monitor)?.into_iter().collect()
}

/// What a run says of images with these features, which are those of [`measured_features`] by the run's own extractor.
///
/// # Errors
/// When the manifest's categories are not the run's, there are not as many features as measured rows, or the sign truth
/// does not fit the run.
pub fn score_features(
    run: &Run,
    manifest: &Manifest,
    measured: Measured,
    truth: Option<&SignTruth>,
    features: &[ImageFeatures],
) -> Result<Scored> {
    check_categories(run, manifest)?;
    let rows = measured_rows(manifest, measured)?;
    if features.len() != rows.len() {
        return Err(Error::bad_input(format!("features of {} images: expected {}", features.len(), rows.len())));
    }
    let mut set = TestSet::from_manifest(manifest, &rows)?;
    let sign_columns = match truth {
        None => Vec::new(),
        Some(truth) => {
            set = set.with_signs(truth)?;
            sign_columns(run, truth)?
        }
    };
    let prints: Vec<[u64; 4]> = features.iter().map(|f| f.fingerprint.words()).collect();
    let shot_traits: Vec<Traits> = run.shots.iter().map(|s| s.traits.clone()).collect();
    let left_out = leave_out(&Traits::of_rows(manifest, &rows, &prints), &shot_traits);

    let outputs = features
        .iter()
        .zip(&left_out.kept)
        .map(|(features, &kept)| {
            kept.then(|| {
                let mut outputs = run.model.score(&features.mean(), &features.attributes).outputs;
                outputs.signs = sign_columns.iter().map(|&s| outputs.signs[s]).collect();
                outputs
            })
        })
        .collect();
    let outputs = DrawOutputs { outputs, thresholds: run.model.calibration.thresholds() };
    Ok(Scored { set, outputs, left_out })
}

/// The content of `metrics.json` for what a run says of a set.
pub(crate) fn metrics_file(
    run: &Run,
    manifest: &Manifest,
    measured: Measured,
    set: &TestSet,
    outputs: &DrawOutputs,
    table: &FigureTable,
    localisation: Option<Localisation>,
) -> MetricsFile {
    let about = json!({
        "method": run.config.method,
        "encoder": run.config.encoder,
        "instructions": instruction_path().name(),
        "bank": run.model.signs.as_ref().map(|s| BankRecord::of(&s.bank)),
        "trained_with_bank": run.config.bank,
        "shots": run.config.shots,
        "draw": run.config.draw,
        "selection": run.config.selection,
        "text": run.config.settings.text,
        "coexistence": run.config.coexistence,
        "sdmad": run.config.sdmad,
        "measured": measured.name(),
        "thresholds": outputs.thresholds,
        "coverage": run.model.coverage,
        "prevalence": run.model.prevalence,
        "trained_on_manifest_sha256": run.config.manifest_sha256,
    });
    let summary = DataSummary::of(&manifest.sha256, set, std::slice::from_ref(outputs));
    MetricsFile::new(about, summary, set, table, localisation)
}

impl Evaluation {
    /// Writes `metrics.json` and `scores.csv` into a new folder, and what `more` puts there, whole or not at all.
    ///
    /// # Errors
    /// When `folder` exists and is not empty, or cannot be written to; those of `more`.
    pub fn write(&self, folder: &Path, more: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let dir = AtomicDir::create(folder)?;
        self.metrics.write(&dir.path().join("metrics.json"))?;
        ScoresFile { set: self.set.clone(), outputs: self.outputs.clone() }.write(&dir.path().join("scores.csv"))?;
        more(dir.path())?;
        dir.commit()
    }
}

fn check_categories(run: &Run, manifest: &Manifest) -> Result<()> {
    if run.model.categories == manifest.categories {
        return Ok(());
    }
    Err(Error::bad_input(format!(
        "{} has the categories {}; the run {} was trained on {}",
        manifest.path.display(),
        manifest.categories.join(", "),
        run.folder.display(),
        run.model.categories.join(", ")
    ))
    .with_hint("evaluate on a manifest with the same categories in the same order"))
}

/// For each sign of the truth its place in the run's bank.
fn sign_columns(run: &Run, truth: &SignTruth) -> Result<Vec<usize>> {
    let Some(signs) = &run.model.signs else {
        return Err(Error::bad_input(format!("the run {} has no signs", run.folder.display()))
            .with_hint("leave out --sign-truth, or train with --method sdmad"));
    };
    truth.check_known(signs.bank.signs.iter().map(|s| s.id.as_str()), &signs.bank.name)?;
    Ok(truth.signs().iter().filter_map(|id| signs.bank.sign_index(id)).collect())
}
