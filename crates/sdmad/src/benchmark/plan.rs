use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Result, read_to_string, write_atomic};

use super::{BenchmarkConfig, CellInputs, EncoderInputs, PlannedMethod};
use crate::Method;

/// The file in a benchmark's folder from which, with the cells, all results follow.
pub const PLAN: &str = "plan.json";
const SCHEMA: u32 = 1;

/// A benchmark, worked out: the content of `plan.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The number that grows when the file's shape changes.
    pub schema: u32,
    /// What stands above the tables.
    pub title: String,
    /// The version of sdmad.
    pub sdmad: String,
    /// The instruction path.
    pub instructions: String,
    /// SHA-256 of the configuration file.
    pub config_sha256: String,
    /// Images of normal and of each category.
    pub shots: Vec<usize>,
    /// Draws of shots.
    pub draws: u64,
    /// Which rows are measured.
    pub split: String,
    /// Whether the peers' protocol stands beside the sealed figures.
    pub peers_protocol: bool,
    /// Replicates of the bootstrap.
    pub replicates: usize,
    /// The data sets.
    pub sets: Vec<PlannedSet>,
    /// The encoders.
    pub encoders: Vec<PlannedEncoder>,
    /// The methods, variants of the peers' protocol last.
    pub methods: Vec<PlannedMethod>,
    /// Pairs of methods to compare.
    pub compare: Vec<(usize, usize)>,
    /// The cells.
    pub cells: Vec<PlannedCell>,
}

/// A data set of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedSet {
    /// Its name.
    pub name: String,
    /// Its manifest as the configuration writes it.
    pub manifest: String,
    /// Why it is left out, if it is; all below is then empty.
    pub skipped: Option<String>,
    /// SHA-256 of the manifest.
    pub manifest_sha256: String,
    /// SHA-256 over image and mask files that take part.
    pub files_sha256: String,
    /// Category ids.
    pub categories: Vec<String>,
    /// Measured rows.
    pub images: usize,
    /// Name of the sign bank.
    pub bank: String,
    /// SHA-256 of the bank, restricted to the categories.
    pub bank_sha256: String,
    /// SHA-256 of the sign truth.
    pub sign_truth_sha256: Option<String>,
    /// Pairs of categories that are told apart on their own.
    pub critical_pairs: Vec<(usize, usize)>,
}

/// An encoder of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedEncoder {
    /// Its name as the configuration writes it.
    pub name: String,
    /// Its hashes.
    pub hashes: EncoderInputs,
}

/// A cell of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedCell {
    /// Number of the set.
    pub set: usize,
    /// Number of the encoder.
    pub encoder: usize,
    /// Images of normal and of each category.
    pub shots: usize,
    /// Which draw.
    pub draw: u64,
    /// Number of the method.
    pub method: usize,
    /// Where its result is; none when it cannot be, as `cannot` says.
    pub key: Option<String>,
    /// Why it cannot be, where that is known before anything is computed.
    pub cannot: Option<String>,
}

/// What a cell is called before its inputs are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellName {
    /// Number of the set.
    pub set: usize,
    /// Number of the encoder.
    pub encoder: usize,
    /// Images of normal and of each category.
    pub shots: usize,
    /// Which draw.
    pub draw: u64,
    /// Number of the method.
    pub method: usize,
}

impl BenchmarkConfig {
    /// Every cell, in the order of results: set, encoder, shots, draw, method. Without shots there is but one draw; variants have none
    /// there.
    pub fn cells(&self) -> Vec<CellName> {
        let mut cells = Vec::new();
        for set in 0..self.sets.len() {
            for encoder in 0..self.encoders.len() {
                for &shots in &self.shots {
                    for draw in 0..if shots == 0 { 1 } else { self.draws } {
                        let methods = (0..self.methods.len())
                            .filter(|&m| shots > 0 || self.methods[m].variant_of.is_none())
                            .map(|method| CellName { set, encoder, shots, draw, method });
                        cells.extend(methods);
                    }
                }
            }
        }
        cells
    }

    /// Why a method cannot learn from so many shots, where its kind alone says so.
    pub fn cannot(&self, cell: &CellName) -> Option<String> {
        let method = &self.methods[cell.method];
        match (method.zero_shot, cell.shots) {
            (true, 1..) => Some("it learns from no shot: its figures stand at K = 0".into()),
            (false, 0) if method.method == Method::Pixels => Some("it needs shots to learn from".into()),
            _ => None,
        }
    }

    /// The inputs of a cell of a set and an encoder. `alignment` is the hash of what signs would be read by.
    pub fn inputs(
        &self,
        cell: &CellName,
        set: &PlannedSet,
        encoder: &PlannedEncoder,
        alignment: Option<String>,
        instructions: &str,
    ) -> CellInputs {
        let method = &self.methods[cell.method];
        let planned = PlannedMethod::of(method);
        let reads_images = method.method != Method::Pixels;
        let reads_signs = self.reads_signs(cell.method);
        let mut settings = method.settings.clone();
        settings.alignment.source = String::new();
        let (method_version, sdmad, run_format) = CellInputs::versions();
        CellInputs {
            method_version,
            sdmad,
            run_format,
            manifest_sha256: set.manifest_sha256.clone(),
            files_sha256: set.files_sha256.clone(),
            sign_truth_sha256: set.sign_truth_sha256.clone().filter(|_| reads_signs),
            bank_sha256: reads_signs.then(|| set.bank_sha256.clone()),
            encoder: reads_images.then(|| encoder.hashes.clone()),
            alignment: alignment.filter(|_| reads_signs),
            method: planned.method,
            settings: serde_json::to_value(settings).unwrap_or_default(),
            precision: reads_images.then_some(planned.precision),
            instructions: instructions.to_string(),
            shots: cell.shots,
            draw: cell.draw,
            short_supply: self.short_supply,
            split: self.split.name().to_string(),
        }
    }

    /// Whether a method may read signs or the words of categories. Of methods that are not known here it is assumed.
    pub fn reads_signs(&self, method: usize) -> bool {
        !matches!(self.methods[method].method, Method::Pixels | Method::LinearProbe)
    }

    /// The plan of these sets, encoders and cells.
    pub fn plan(
        &self,
        sets: Vec<PlannedSet>,
        encoders: Vec<PlannedEncoder>,
        cells: Vec<PlannedCell>,
        instructions: &str,
    ) -> Plan {
        Plan {
            schema: SCHEMA,
            title: self.title.clone(),
            sdmad: env!("CARGO_PKG_VERSION").to_string(),
            instructions: instructions.to_string(),
            config_sha256: self.sha256.clone(),
            shots: self.shots.clone(),
            draws: self.draws,
            split: self.split.name().to_string(),
            peers_protocol: self.peers_protocol,
            replicates: self.bootstrap.replicates,
            sets,
            encoders,
            methods: self.methods.iter().map(PlannedMethod::of).collect(),
            compare: self.compare.clone(),
            cells,
        }
    }
}

impl Plan {
    /// Writes `plan.json` into the folder of a benchmark.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::environment(format!("{PLAN}: cannot be written as JSON: {e}")))?;
        write_atomic(&folder.join(PLAN), (text + "\n").as_bytes())
    }

    /// Reads the plan in the folder of a benchmark.
    ///
    /// # Errors
    /// When there is none, or it is of another version.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(PLAN);
        let text = read_to_string(&path).map_err(|e| {
            e.with_hint(format!("{} is no folder of a benchmark; `sdmad benchmark --out` writes one", folder.display()))
        })?;
        let plan: Plan = serde_json::from_str(&text).map_err(|e| {
            Error::bad_input(format!("{}: {e}", path.display())).with_hint("run `sdmad benchmark` again")
        })?;
        if plan.schema != SCHEMA {
            return Err(Error::bad_input(format!(
                "{}: schema {}; this version of sdmad reads {SCHEMA}",
                path.display(),
                plan.schema
            )));
        }
        Ok(plan)
    }

    /// The keys of all cells, each once, in the order of the cells.
    pub fn keys(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.cells.iter().filter_map(|c| c.key.as_deref()).filter(|k| seen.insert(*k)).collect()
    }
}
