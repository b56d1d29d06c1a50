//! The run folder: what `train` writes and `evaluate` and `predict` read (the shape of a PEFT adapter folder).

mod card;
mod selection;
mod tensors;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use sdmad_base::{AtomicDir, Error, Result, read_to_string, write_atomic};
use sdmad_encoders::ImageTower;
use sdmad_engine::{Precision, instruction_path};

use crate::train::{RUN_FORMAT, RunConfig, TrainedRun};
use crate::{
    Bank, Calibration, Method, Model, ScopeModel, ShotRecord, SignMap, SignModel, SignPrior, Standard, TowerAdapters,
    read_shots, write_shots,
};
use selection::SelectionFile;

const CONFIG: &str = "adapter_config.json";
const TENSORS: &str = "adapter_model.safetensors";
const SIGNS: &str = "signs.toml";
const SHOTS: &str = "shots.csv";
const SELECTION: &str = "selection.json";
const CALIBRATION: &str = "calibration.json";
const SUPPORT: &str = "support.safetensors";
const SCOPE: &str = "scope.json";
const THUMBNAILS: &str = "thumbnails";
const LOG: &str = "training.jsonl";
const CARD: &str = "README.md";

/// A run folder, opened.
#[derive(Clone, Debug)]
pub struct Run {
    /// The folder.
    pub folder: PathBuf,
    /// What the run is.
    pub config: RunConfig,
    /// The model.
    pub model: Model,
    /// Trained adapters of both towers.
    pub adapters: TowerAdapters,
    /// The shots.
    pub shots: Vec<ShotRecord>,
    /// Mean features of the shots, in their order.
    pub support_features: Vec<Vec<f32>>,
    /// What the shots look like, if the run learnt it.
    pub scope: Option<ScopeModel>,
}

impl Run {
    /// The small JPEG picture of a shot, if the run keeps one.
    pub fn thumbnail(&self, shot: usize) -> Option<Vec<u8>> {
        std::fs::read(self.folder.join(THUMBNAILS).join(thumbnail_name(shot))).ok()
    }
}

fn thumbnail_name(shot: usize) -> String {
    format!("{shot:05}.jpg")
}

/// The content of `calibration.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CalibrationFile {
    format: u32,
    categories: Calibration,
    normal: Calibration,
}

impl TrainedRun {
    /// Writes the run folder, whole or not at all. Pictures of the shots are not among what is written.
    ///
    /// # Errors
    /// When `folder` exists and is not empty, or cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let dir = AtomicDir::create(folder)?;
        let at = |name: &str| dir.path().join(name);
        write_json(&at(CONFIG), &self.config)?;
        write_atomic(&at(TENSORS), &tensors::encode(&self.model, &self.adapters)?)?;
        if let Some(signs) = &self.model.signs {
            write_atomic(&at(SIGNS), signs.bank.to_toml().as_bytes())?;
            write_json(&at(SELECTION), &SelectionFile::of(signs, &self.config.categories))?;
        }
        write_shots(&at(SHOTS), &self.shots)?;
        let calibration = CalibrationFile {
            format: RUN_FORMAT,
            categories: self.model.calibration.clone(),
            normal: self.model.normal_calibration.clone(),
        };
        write_json(&at(CALIBRATION), &calibration)?;
        write_atomic(&at(SUPPORT), &tensors::encode_support(&self.support_features)?)?;
        if let Some(scope) = &self.scope {
            write_json(&at(SCOPE), scope)?;
        }
        if !self.thumbnails.is_empty() {
            let folder = at(THUMBNAILS);
            std::fs::create_dir(&folder).map_err(|e| Error::io("make", &folder, e))?;
            for (shot, bytes) in self.thumbnails.iter().enumerate() {
                write_atomic(&folder.join(thumbnail_name(shot)), bytes)?;
            }
        }
        let lines: String = self.log.iter().map(|line| format!("{line}\n")).collect();
        write_atomic(&at(LOG), lines.as_bytes())?;
        write_atomic(&at(CARD), card::card(self).as_bytes())?;
        dir.commit()
    }
}

impl Run {
    /// Opens a run folder.
    ///
    /// # Errors
    /// When a file is missing or damaged, a tensor is missing, left over or not finite, or the folder was written by a
    /// newer version.
    pub fn open(folder: &Path) -> Result<Self> {
        let config_path = folder.join(CONFIG);
        let text = read_to_string(&config_path).map_err(|e| {
            e.with_hint(format!("{} is no run folder; `sdmad train --out` writes one", folder.display()))
        })?;
        check_format(&text, &config_path)?;
        let config: RunConfig = parse_json(&text, &config_path)?;
        check_config(&config).map_err(|e| e.at(config_path.display()))?;
        let calibration_path = folder.join(CALIBRATION);
        let calibration: CalibrationFile = parse_json(&read_to_string(&calibration_path)?, &calibration_path)?;
        let tensors_path = folder.join(TENSORS);
        let parts = tensors::decode(&sdmad_base::read(&tensors_path)?, &tensors_path, &config)?;
        let signs = match config.method {
            Method::Sdmad => Some(read_signs(folder, &config, parts.coordinates, parts.prior)?),
            _ => None,
        };
        let baseline = parts.baseline;
        let expected = config.categories.len();
        if calibration.categories.categories.len() != expected || calibration.normal.categories.len() != 1 {
            return Err(Error::bad_input(format!(
                "{}: {} categories; {CONFIG} has {expected}",
                calibration_path.display(),
                calibration.categories.categories.len()
            )));
        }
        let model = Model {
            method: config.method,
            categories: config.categories.clone(),
            bridge: parts.bridge,
            signs,
            baseline,
            probe: config.probe,
            coexistence: config.coexistence,
            calibration: calibration.categories,
            normal_calibration: calibration.normal,
            maps: parts.maps,
            without_fold: parts.without_fold,
            coverage: crate::DEFAULT_COVERAGE,
            prevalence: std::collections::BTreeMap::new(),
        };
        let shots_path = folder.join(SHOTS);
        let shots = read_shots(&shots_path)?;
        check_shots(&shots, &config).map_err(|e| e.at(shots_path.display()))?;
        let support_path = folder.join(SUPPORT);
        let support_features = tensors::decode_support(&sdmad_base::read(&support_path)?, &support_path, shots.len())?;
        let scope_path = folder.join(SCOPE);
        // Formats before 5 have none; neither have runs of so few shots that nothing can be learnt of them.
        let expected = config.format >= 5 && config.settings.scope.learnt && shots.len() >= ScopeModel::LEAST_SHOTS;
        let scope = match expected || scope_path.exists() {
            true => Some(parse_json(&read_to_string(&scope_path)?, &scope_path)?),
            false => None,
        };
        let adapters = parts.adapters;
        Ok(Run { folder: folder.to_path_buf(), config, model, adapters, shots, support_features, scope })
    }

    /// Checks that an image tower is the one that the run was trained with, at its precision, and gives as many features as it was trained on.
    /// Signs are read by coordinates that stand in the run, so that the text tower takes no part any more.
    ///
    /// # Errors
    /// Names both hashes, precisions or numbers, when it is not.
    pub fn check_image_tower(&self, tower: &ImageTower) -> Result<()> {
        let Some(record) = &self.config.encoder else { return Ok(()) };
        if record.image_sha256 != tower.sha256() {
            return Err(Error::bad_input(format!(
                "the image tower of encoder {} has SHA-256 {}; the run {} was trained with {}",
                record.name,
                tower.sha256(),
                self.folder.display(),
                record.image_sha256
            ))
            .with_hint("use the encoder that the run was trained with, or train again"));
        }
        if record.image_recipe_sha256 != tower.recipe_sha256() {
            return Err(Error::bad_input(format!(
                "architecture or preprocessing of encoder {} (SHA-256 {}) are not those that the run {} was trained with ({})",
                record.name,
                tower.recipe_sha256(),
                self.folder.display(),
                record.image_recipe_sha256
            ))
            .with_hint("put the encoder's configuration files back as they were, or train again"));
        }
        self.check_precision(tower.precision())?;
        let found: usize = self.config.settings.features.blocks(tower).iter().map(|b| b.width).sum();
        let expected = self.model.width();
        if found != expected {
            return Err(Error::bad_input(format!(
                "{}: {found} features by its settings; {TENSORS} was trained on {expected}",
                self.folder.join(CONFIG).display()
            ))
            .with_hint("a run's settings are not edited by hand: train again"));
        }
        if let Some(maps) = &self.model.maps {
            maps.check_tower(tower).map_err(|e| e.at(self.folder.join(TENSORS).display()))?;
        }
        match &self.model.baseline {
            Some(baseline) => baseline.check_tower(tower).map_err(|e| e.at(self.folder.join(TENSORS).display())),
            None => Ok(()),
        }
    }

    /// Checks that a precision is the run's; a run without an encoder has none.
    ///
    /// # Errors
    /// Names both when it is not.
    pub fn check_precision(&self, asked: Precision) -> Result<()> {
        match &self.config.encoder {
            Some(record) if record.precision != asked => Err(Error::bad_input(format!(
                "the precision {asked} was asked for; the run {} was trained at {}",
                self.folder.display(),
                record.precision
            ))
            .with_hint(format!("leave out --precision, or train again with --precision {asked}"))),
            _ => Ok(()),
        }
    }

    /// What a person should know when the run was trained on another instruction path than that of this process.
    pub fn instructions_notice(&self) -> Option<String> {
        let (trained, here) = (self.config.instructions.as_str(), instruction_path().name());
        (trained != here).then(|| {
            format!(
                "the run {} was trained on the instruction path {trained}, and this is {here}: figures may differ in their last bits",
                self.folder.display()
            )
        })
    }
}

fn read_signs(
    folder: &Path,
    config: &RunConfig,
    coordinates: Vec<Vec<f64>>,
    prior: Option<SignPrior>,
) -> Result<SignModel> {
    let bank = Bank::read(&folder.join(SIGNS))?;
    let hash = bank.sha256();
    if let Some(expected) = config.bank.as_ref().map(|b| &b.sha256)
        && *expected != hash
    {
        return Err(Error::bad_input(format!(
            "{} has SHA-256 {hash}; {CONFIG} says {expected}",
            folder.join(SIGNS).display()
        ))
        .with_hint("a run's signs are not edited by hand: edit the bank and train again"));
    }
    let read = prior.as_ref().map_or(coordinates.len(), |p| p.readings.len());
    if coordinates.len() != bank.signs.len() || read != bank.signs.len() {
        return Err(Error::bad_input(format!(
            "{}: {} signs; {SIGNS} has {}",
            folder.join(TENSORS).display(),
            coordinates.len(),
            bank.signs.len()
        )));
    }
    let sets = crate::sign_text::sign_sets(&bank, &config.categories);
    let path = folder.join(SELECTION);
    let file: SelectionFile = parse_json(&read_to_string(&path)?, &path)?;
    let (selection, standards): (_, Vec<Standard>) = file.resolve(&bank, &config.categories, &path)?;
    Ok(SignModel {
        bank,
        map: SignMap { coordinates, sets },
        prior,
        selection,
        mode: config.selection.unwrap_or(crate::SelectionMode::None),
        settings: config.settings.selection.clone(),
        logit_scale: config.settings.loss.logit_scale,
        standards,
    })
}

/// The first format that this version still reads: 3 had no methods of others and one form of the probe.
const OLDEST_FORMAT: u32 = 3;

/// Refuses a folder of another format before anything else of it is looked at.
fn check_format(text: &str, path: &Path) -> Result<()> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = parse_json(text, path)?;
    if !(OLDEST_FORMAT..=RUN_FORMAT).contains(&format) {
        return Err(Error::bad_input(format!(
            "{}: run format {format}; this version of sdmad reads the formats {OLDEST_FORMAT} to {RUN_FORMAT}",
            path.display()
        ))
        .with_hint("use the version of sdmad that wrote it, or train again"));
    }
    Ok(())
}

/// What types cannot express: settings in their ranges, and an encoder where features come from one.
fn check_config(config: &RunConfig) -> Result<()> {
    config.settings.clone().validated()?;
    if config.method.is_baseline() != config.baseline.is_some() {
        let found = if config.baseline.is_some() { "a record" } else { "no record" };
        return Err(Error::bad_input(format!("{found} of a baseline for the method {}", config.method.name()))
            .with_hint("the run folder is damaged: train again"));
    }
    let needed = config.method != Method::Pixels;
    if needed != config.encoder.is_some() {
        let found = if needed { "no encoder" } else { "an encoder" };
        return Err(Error::bad_input(format!("{found} for the method {:?}", config.method))
            .with_hint("the run folder is damaged: train again"));
    }
    Ok(())
}

/// Shots that are missing in the list would be tested as if they had not been learnt from.
fn check_shots(shots: &[ShotRecord], config: &RunConfig) -> Result<()> {
    let ids = std::iter::once(crate::NORMAL).chain(config.categories.iter().map(String::as_str));
    for (number, id) in ids.enumerate() {
        let found = shots.iter().filter(|s| s.shows.iter().any(|shown| shown == id)).count();
        let expected = config.support_counts.get(number).copied().unwrap_or(0);
        if found != expected {
            return Err(Error::bad_input(format!("{found} shots of `{id}`; {CONFIG} says {expected}"))
                .with_hint("the run folder is damaged: train again"));
        }
    }
    Ok(())
}

fn parse_json<T: for<'a> Deserialize<'a>>(text: &str, path: &Path) -> Result<T> {
    serde_json::from_str(text).map_err(|e| {
        Error::bad_input(format!("{}: {e}", path.display())).with_hint("the run folder is damaged: train again")
    })
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::environment(format!("{}: cannot be written as JSON: {e}", path.display())))?;
    write_atomic(path, (text + "\n").as_bytes())
}
