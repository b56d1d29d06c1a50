//! From a configuration to a plan: what is there is opened and hashed, nothing is computed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sdmad::{
    Bank, BenchmarkConfig, BenchmarkSet, CellInputs, CellName, ChosenAlignment, EncoderInputs, Manifest, Plan,
    PlannedCell, PlannedEncoder, PlannedSet, PrecisionChoice, Row, SignTruth, Split, measured_rows,
};
use sdmad_base::{Error, Kind, Monitor, Result, Sha256, sha256_file};
use sdmad_encoders::Encoder;
use sdmad_engine::{Precision, instruction_path};

use crate::verbs::Shelf;

/// A set that is there, opened.
pub(super) struct OpenSet {
    pub(super) manifest: Manifest,
    pub(super) bank: Bank,
    pub(super) truth: Option<SignTruth>,
}

/// What a benchmark computes with.
pub(super) struct Prepared<'a> {
    pub(super) config: &'a BenchmarkConfig,
    pub(super) plan: Plan,
    /// One for each set; none where it is left out.
    pub(super) sets: Vec<Option<OpenSet>>,
    /// One for each encoder.
    pub(super) shelves: Vec<Shelf>,
    /// What each cell of the plan is called and depends on.
    cells: Vec<(CellName, Option<CellInputs>)>,
    /// The folder that relative paths of the configuration start at, for reasons that must not depend on it.
    base: String,
}

/// A cell that is to be computed.
pub(super) struct Pending {
    pub(super) name: CellName,
    pub(super) inputs: CellInputs,
}

impl<'a> Prepared<'a> {
    /// # Errors
    /// When a set that is not optional is missing or broken, or an encoder cannot be opened.
    pub(super) fn of(config: &'a BenchmarkConfig, path: &Path, monitor: &dyn Monitor) -> Result<Self> {
        let mut sets = Vec::new();
        let mut planned_sets = Vec::new();
        for set in &config.sets {
            let (open, planned) = open_set(config, set, monitor).map_err(|e| e.at(format!("set `{}`", set.name)))?;
            sets.push(open);
            planned_sets.push(planned);
        }
        let mut prepared = Prepared {
            config,
            plan: config.plan(planned_sets, Vec::new(), Vec::new(), instruction_path().name()),
            sets,
            shelves: config.encoder_places.iter().map(|e| Shelf::new(e)).collect(),
            cells: Vec::new(),
            base: path.parent().map(|p| p.display().to_string()).filter(|p| !p.is_empty()).unwrap_or_default(),
        };
        let some_precision = config.methods.iter().find_map(|m| match m.precision {
            PrecisionChoice::Fixed(precision) if m.method != sdmad::Method::Pixels => Some(precision),
            _ => None,
        });
        for number in 0..config.encoders.len() {
            let encoder = prepared.shelves[number].open(some_precision.unwrap_or(Precision::Bf16), monitor)?;
            let identity = encoder.identity();
            prepared.plan.encoders.push(PlannedEncoder {
                name: config.encoders[number].clone(),
                hashes: EncoderInputs {
                    image_sha256: identity.image_sha256.clone(),
                    image_recipe_sha256: encoder.image_tower().recipe_sha256().to_string(),
                    text_sha256: identity.text_sha256.clone(),
                },
            });
            prepared.add_cells(number, &encoder);
            if number > 0 {
                // One after the other: memory holds one at a time.
                prepared.shelves[number].close();
            }
        }
        prepared.order_cells();
        Ok(prepared)
    }

    fn add_cells(&mut self, number: usize, encoder: &Encoder) {
        let config = self.config;
        let mut aligned: BTreeMap<(usize, usize), Result<Option<String>, String>> = BTreeMap::new();
        for name in config.cells().into_iter().filter(|c| c.encoder == number) {
            let Some(set) = &self.sets[name.set] else { continue };
            let mut cannot = config.cannot(&name);
            let place = (name.set, name.method);
            let alignment = aligned.entry(place).or_insert_with(|| self.alignment(&name, set, encoder)).clone();
            if cannot.is_none() {
                cannot = alignment.as_ref().err().cloned();
            }
            let inputs = cannot.is_none().then(|| {
                let (set, encoder) = (&self.plan.sets[name.set], &self.plan.encoders[number]);
                config.inputs(&name, set, encoder, alignment.ok().flatten(), &self.plan.instructions)
            });
            self.plan.cells.push(PlannedCell {
                set: name.set,
                encoder: name.encoder,
                shots: name.shots,
                draw: name.draw,
                method: name.method,
                key: inputs.as_ref().map(CellInputs::key),
                cannot,
            });
            self.cells.push((name, inputs));
        }
    }

    /// Into the order of results.
    fn order_cells(&mut self) {
        let place = |set, encoder, shots, draw, method| (set, encoder, shots, draw, method);
        self.plan.cells.sort_by_key(|c| place(c.set, c.encoder, c.shots, c.draw, c.method));
        self.cells.sort_by_key(|(c, _)| place(c.set, c.encoder, c.shots, c.draw, c.method));
    }

    /// Hash and domain of what signs would be read by, or why that cannot be.
    fn alignment(&self, cell: &CellName, set: &OpenSet, encoder: &Encoder) -> Result<Option<String>, String> {
        if !self.config.reads_signs(cell.method) {
            return Ok(None);
        }
        let settings = self.settings(cell).alignment;
        match ChosenAlignment::of(&settings, &set.bank.modality, encoder) {
            Ok(chosen) => Ok(chosen.map(|c| format!("{} {}", c.sha256, c.part.domain.id()))),
            Err(e) => Err(self.reason(&e)),
        }
    }

    /// The settings of a cell: those of its method, with the alignment of its set where the method names none.
    pub(super) fn settings(&self, cell: &CellName) -> sdmad::Settings {
        let method = &self.config.methods[cell.method];
        let mut settings = method.settings.clone();
        if let Some(alignment) = self.config.sets[cell.set].alignment.as_ref().filter(|_| !method.own_alignment) {
            settings.alignment.source.clone_from(alignment);
        }
        settings
    }

    /// Why something cannot be, without the place where the benchmark stands: shards of other machines say the same.
    pub(super) fn reason(&self, error: &Error) -> String {
        let message = error.to_string();
        if self.base.is_empty() { message } else { message.replace(&format!("{}/", self.base), "") }
    }

    /// The cells of an encoder and a set that are in `left`, which are taken from it.
    pub(super) fn stage(&self, encoder: usize, set: usize, left: &mut BTreeSet<&str>) -> Vec<Pending> {
        let of_stage = self.cells.iter().filter(|(c, _)| (c.encoder, c.set) == (encoder, set));
        of_stage
            .filter_map(|(name, inputs)| {
                let inputs = inputs.as_ref()?;
                left.remove(inputs.key().as_str()).then(|| Pending { name: *name, inputs: inputs.clone() })
            })
            .collect()
    }
}

fn open_set(
    config: &BenchmarkConfig,
    set: &BenchmarkSet,
    monitor: &dyn Monitor,
) -> Result<(Option<OpenSet>, PlannedSet)> {
    let mut planned = PlannedSet {
        name: set.name.clone(),
        manifest: set.manifest.clone(),
        skipped: None,
        manifest_sha256: String::new(),
        files_sha256: String::new(),
        categories: Vec::new(),
        images: 0,
        bank: String::new(),
        bank_sha256: String::new(),
        sign_truth_sha256: None,
        critical_pairs: Vec::new(),
    };
    if set.optional && !set.manifest_place.exists() {
        monitor.notice(&format!("skipped: set `{}`: there is no {}", set.name, set.manifest_place.display()));
        planned.skipped = Some(format!("there is no {}", set.manifest));
        return Ok((None, planned));
    }
    let manifest = Manifest::read(&set.manifest_place)?;
    let rows = measured_rows(&manifest, config.split)?;
    let (bank, notices) = Bank::open(&set.signs)?.restricted_to(&manifest.categories)?;
    notices.iter().for_each(|n| monitor.notice(n));
    let truth = set.sign_truth.as_deref().map(SignTruth::read).transpose()?;
    if let Some(truth) = &truth {
        truth.check_known(bank.signs.iter().map(|s| s.id.as_str()), &bank.name)?;
    }
    planned.manifest_sha256.clone_from(&manifest.sha256);
    planned.files_sha256 = files_sha256(&manifest, config, monitor)?;
    planned.categories.clone_from(&manifest.categories);
    planned.images = rows.len();
    planned.bank.clone_from(&bank.name);
    planned.bank_sha256 = bank.sha256();
    planned.sign_truth_sha256 = set.sign_truth.as_deref().map(sha256_file).transpose()?;
    planned.critical_pairs = set.pairs(&manifest.categories)?;
    Ok((Some(OpenSet { manifest, bank, truth }), planned))
}

/// Names and contents of all files that take part: images of the train rows and of the measured ones, and masks of train rows. A file
/// that cannot be read takes part as that; its cells say so.
fn files_sha256(manifest: &Manifest, config: &BenchmarkConfig, monitor: &dyn Monitor) -> Result<String> {
    let takes_part = |row: &&Row| row.split == Split::Train || row.split == config.split.split();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for row in manifest.rows.iter().filter(takes_part) {
        names.insert(&row.image);
        if row.split == Split::Train {
            names.extend(row.masks.files());
        }
    }
    let mut hash = Sha256::new();
    monitor.begin("hashing images", names.len());
    for name in names {
        monitor.check()?;
        let content = match sha256_file(&manifest.file_path(name)) {
            Ok(content) => content,
            Err(e) if e.kind() == Kind::BadInput => "unreadable".into(),
            Err(e) => return Err(e),
        };
        hash.update(format!("{name}\n{content}\n").as_bytes());
        monitor.advance(1);
    }
    monitor.end();
    Ok(hash.finish())
}
