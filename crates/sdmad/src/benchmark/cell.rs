use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use sdmad_base::{AtomicDir, Error, Result, read, read_to_string, sha256_hex, write_atomic};

use super::CellInputs;
use crate::evaluate::metrics_file;
use crate::{FigureTable, Manifest, Measured, Run, RunAlignment, Scored, ScoresFile, write_shots};

const RECORD: &str = "cell.json";
const SCORES: &str = "scores.csv";
const SHOTS: &str = "shots.csv";
const METRICS: &str = "metrics.json";
const SUMS: &str = "SHA256SUMS";
const FORMAT: u32 = 1;

/// What a cell gave: the content of `cell.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellRecord {
    /// The number that grows when the folder's shape changes.
    pub format: u32,
    /// The name of its folder: [`CellInputs::key`] of its inputs when it was written.
    pub key: String,
    /// All that it depends on.
    pub inputs: CellInputs,
    /// What came of it.
    pub outcome: CellOutcome,
}

/// What came of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellOutcome {
    /// It was trained and measured.
    Done(Box<CellFacts>),
    /// It cannot be, for this reason.
    Cannot(String),
}

/// What is known of a cell beside its scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellFacts {
    /// Measured rows of the manifest.
    pub images: usize,
    /// How many of them share a patient with a shot and were left out.
    pub same_patient: usize,
    /// How many nearly duplicate a shot and were left out.
    pub near_duplicate: usize,
    /// Images of normal and of each category among the shots.
    pub support_counts: Vec<usize>,
    /// Categories with fewer shots than asked for.
    pub short: Vec<String>,
    /// Categories whose shots use up more than half of their train patients.
    pub used_up: Vec<String>,
    /// The precision of the towers.
    pub precision: Option<String>,
    /// The domain of the alignment that signs are read by.
    pub alignment_domain: Option<String>,
    /// Layers with a trained adapter, in image and text tower.
    pub adapters: [Vec<usize>; 2],
    /// SHA-256 of the scores.
    pub scores_sha256: String,
    /// SHA-256 of the list of shots.
    pub shots_sha256: String,
}

/// Where the cells of a benchmark are.
#[derive(Clone, Debug)]
pub struct CellStore {
    folder: PathBuf,
}

/// What is found in the place of a cell.
#[derive(Clone, Debug)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A whole cell.
    Whole(Box<CellRecord>),
    /// Something that is not what was written, for this reason.
    Damaged(String),
}

impl CellStore {
    /// The cells below the folder of a benchmark.
    pub fn of(benchmark: &Path) -> Self {
        CellStore { folder: benchmark.join("cells") }
    }

    /// The folder of a cell.
    pub fn place(&self, key: &str) -> PathBuf {
        self.folder.join(key)
    }

    /// Looks for a cell, and at every byte of it.
    pub fn find(&self, key: &str) -> Found {
        let folder = self.place(key);
        if !folder.exists() {
            return Found::Nothing;
        }
        match open(&folder, key) {
            Ok(record) => Found::Whole(Box::new(record)),
            Err(e) => Found::Damaged(e.to_string()),
        }
    }

    /// The scores of a cell that was done.
    ///
    /// # Errors
    /// When the file is not what was written.
    pub fn scores(&self, key: &str) -> Result<ScoresFile> {
        ScoresFile::read(&self.place(key).join(SCORES))
    }

    /// Takes a damaged cell away.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, key: &str) -> Result<()> {
        let folder = self.place(key);
        let removed = if folder.is_dir() { std::fs::remove_dir_all(&folder) } else { std::fs::remove_file(&folder) };
        removed.map_err(|e| Error::io("remove", &folder, e))
    }

    /// Takes away what a killed run left half written.
    ///
    /// # Errors
    /// When the folder cannot be listed, or such a thing not be removed.
    pub fn sweep(&self) -> Result<()> {
        if !self.folder.is_dir() {
            return Ok(());
        }
        for entry in std::fs::read_dir(&self.folder).map_err(|e| Error::io("list", &self.folder, e))? {
            let path = entry.map_err(|e| Error::io("list", &self.folder, e))?.path();
            if path.extension().is_some_and(|e| e == "partial") {
                std::fs::remove_dir_all(&path).map_err(|e| Error::io("remove", &path, e))?;
            }
        }
        Ok(())
    }

    /// Names of all cells that are there.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
        names.retain(|n| !n.ends_with(".partial"));
        names.sort();
        names
    }

    /// Copies a whole cell of another store.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn copy_from(&self, other: &CellStore, key: &str) -> Result<()> {
        let dir = AtomicDir::create(&self.place(key))?;
        let from = other.place(key);
        for name in [RECORD, SCORES, SHOTS, METRICS, SUMS] {
            let path = from.join(name);
            if path.exists() {
                write_atomic(&dir.path().join(name), &read(&path)?)?;
            }
        }
        dir.commit()
    }

    /// Writes a cell that cannot be, whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write_refusal(&self, inputs: CellInputs, why: String) -> Result<CellRecord> {
        let dir = AtomicDir::create(&self.place(&inputs.key()))?;
        let record = CellRecord { format: FORMAT, key: inputs.key(), inputs, outcome: CellOutcome::Cannot(why) };
        finish(&dir, &record, &[])?;
        dir.commit()?;
        Ok(record)
    }

    /// Begins a cell: a folder under a temporary name.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn begin(&self, key: &str) -> Result<AtomicDir> {
        AtomicDir::create(&self.place(key))
    }

    /// Writes a cell into the folder that [`CellStore::begin`] gave, and gives it its name.
    ///
    /// # Errors
    /// When the folder cannot be written to, or scores do not fit their set.
    pub fn write(
        dir: AtomicDir,
        inputs: CellInputs,
        run: &Run,
        manifest: &Manifest,
        measured: Measured,
        scored: Scored,
    ) -> Result<CellRecord> {
        let at = |name: &str| dir.path().join(name);
        let Scored { set, outputs, left_out } = scored;
        // Intervals come from all draws together; this draw has its values alone.
        let table = FigureTable::of_draw(&set, &outputs)?;
        metrics_file(run, manifest, measured, &set, &outputs, &table, None).write(&at(METRICS))?;
        let images = set.images().len();
        ScoresFile { set, outputs }.write(&at(SCORES))?;
        write_shots(&at(SHOTS), &run.shots)?;
        let config = &run.config;
        let facts = CellFacts {
            images,
            same_patient: left_out.same_patient,
            near_duplicate: left_out.near_duplicate,
            support_counts: config.support_counts.clone(),
            short: config.short.clone(),
            used_up: config.used_up.clone(),
            precision: config.encoder.as_ref().map(|e| e.precision.name().to_string()),
            alignment_domain: config.alignment.as_ref().map(|RunAlignment { domain, .. }| domain.clone()),
            adapters: [config.image_adapters.clone(), config.text_adapters.clone()],
            scores_sha256: sha256_hex(&read(&at(SCORES))?),
            shots_sha256: sha256_hex(&read(&at(SHOTS))?),
        };
        let record =
            CellRecord { format: FORMAT, key: inputs.key(), inputs, outcome: CellOutcome::Done(Box::new(facts)) };
        finish(&dir, &record, &[SCORES, SHOTS, METRICS])?;
        dir.commit()?;
        Ok(record)
    }
}

/// Writes the record, and the hashes of all files as `sha256sum --check` reads them.
fn finish(dir: &AtomicDir, record: &CellRecord, files: &[&str]) -> Result<()> {
    let text = serde_json::to_string_pretty(record)
        .map_err(|e| Error::environment(format!("{RECORD}: cannot be written as JSON: {e}")))?;
    write_atomic(&dir.path().join(RECORD), (text + "\n").as_bytes())?;
    let mut sums = String::new();
    for name in std::iter::once(&RECORD).chain(files) {
        sums.push_str(&format!("{}  {name}\n", sha256_hex(&read(&dir.path().join(name))?)));
    }
    write_atomic(&dir.path().join(SUMS), sums.as_bytes())
}

fn open(folder: &Path, key: &str) -> Result<CellRecord> {
    let sums = read_to_string(&folder.join(SUMS))?;
    let mut listed = Vec::new();
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").ok_or_else(|| Error::bad_input(format!("{SUMS} has a broken line")))?;
        if ![RECORD, SCORES, SHOTS, METRICS].contains(&name) || sha256_hex(&read(&folder.join(name))?) != sum {
            return Err(Error::bad_input(format!("{name} has not the SHA-256 that {SUMS} says")));
        }
        listed.push(name);
    }
    let text = read_to_string(&folder.join(RECORD))?;
    let record: CellRecord = serde_json::from_str(&text).map_err(|e| Error::bad_input(format!("{RECORD}: {e}")))?;
    let files = match record.outcome {
        CellOutcome::Done(_) => vec![RECORD, SCORES, SHOTS, METRICS],
        CellOutcome::Cannot(_) => vec![RECORD],
    };
    if listed != files {
        return Err(Error::bad_input(format!("{SUMS} does not list {}", files.join(", "))));
    }
    // By what was written, not by its inputs once more: a number with many digits may come back from JSON in another last bit.
    if record.format != FORMAT || record.key != key {
        return Err(Error::bad_input(format!("{RECORD} is of another cell")));
    }
    Ok(record)
}
