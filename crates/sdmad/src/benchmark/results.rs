//! `results.json`: everything that follows from a plan and its cells.

use std::path::Path;

use serde::Serialize;

use sdmad_base::{Error, Monitor, Result, write_atomic};

use super::average::{self, Average, Part};
use super::config::PIXELS;
use super::measure::{self, Measured, MethodCells, Name, PairDifferences, Paired};
use super::peers::{self, Claim};
use super::{CellOutcome, CellStore, Found, Plan, PlannedCell, PlannedEncoder, PlannedMethod, PlannedSet};
use crate::curves::Curves;
use crate::protocols::Ordered;
use crate::{Bootstrap, DataSummary, Figure, Verdict};

/// The number that grows when the file's shape changes.
const SCHEMA: u32 = 1;
/// Stands in every output.
pub(super) const RESEARCH_USE: &str = "Research use only, not a medical device.";

/// What a benchmark found: the content of `results.json`, from which tables and page are made.
#[derive(Debug, Serialize)]
pub struct Results {
    pub(super) schema: u32,
    pub(super) title: String,
    pub(super) notice: &'static str,
    pub(super) sdmad: String,
    pub(super) instructions: String,
    pub(super) config_sha256: String,
    pub(super) split: String,
    pub(super) shots: Vec<usize>,
    pub(super) draws: u64,
    pub(super) bootstrap: BootstrapRecord,
    pub(super) sets: Vec<PlannedSet>,
    pub(super) encoders: Vec<PlannedEncoder>,
    pub(super) methods: Vec<PlannedMethod>,
    pub(super) groups: Vec<Group>,
    pub(super) averages: Vec<Averages>,
    pub(super) cells: Vec<CellLine>,
}

#[derive(Debug, Serialize)]
pub(super) struct BootstrapRecord {
    pub(super) replicates: usize,
    pub(super) seed: u64,
    pub(super) level: f64,
}

/// One set, one encoder, one number of shots.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    pub(super) set: String,
    pub(super) encoder: String,
    pub(super) shots: usize,
    /// What the bootstrap resampled beside the draws.
    pub(super) resampled: Option<&'static str>,
    /// Images left out in all draws together, since they share a patient with a shot, and since they nearly duplicate one.
    pub(super) left_out: [usize; 2],
    /// Categories whose shots use up more than half of their train patients.
    pub(super) used_up: Vec<String>,
    /// Categories that had fewer shots than asked for.
    pub(super) short: Vec<String>,
    /// Figures in which pixels do as well as the first method.
    pub(super) proves_nothing: Vec<String>,
    pub(super) methods: Vec<GroupMethod>,
    pub(super) differences: Vec<GroupDifference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) peers_protocol: Vec<Claims>,
}

#[derive(Debug, Serialize)]
pub(super) struct GroupMethod {
    pub(super) method: String,
    /// The draws that figures are means over.
    pub(super) draws: Vec<u64>,
    /// The cells that they come from.
    pub(super) cells: Vec<String>,
    /// Why there are fewer draws than asked for.
    pub(super) why: Vec<String>,
    pub(super) figures: Ordered<Figure>,
    pub(super) curves: Option<Curves>,
}

#[derive(Debug, Serialize)]
pub(super) struct GroupDifference {
    pub(super) method: String,
    pub(super) minus: String,
    pub(super) draws: Vec<u64>,
    pub(super) why: Option<String>,
    pub(super) figures: Ordered<DifferenceFigure>,
}

/// A paired difference.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DifferenceFigure {
    pub(super) value: Option<f64>,
    pub(super) lo: Option<f64>,
    pub(super) hi: Option<f64>,
    pub(super) verdict: Verdict,
    pub(super) few: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Claims {
    pub(super) method: String,
    pub(super) figures: Ordered<Claim>,
}

/// Means over sets, for one encoder and one number of shots.
#[derive(Debug, Serialize)]
pub(super) struct Averages {
    pub(super) encoder: String,
    pub(super) shots: usize,
    pub(super) methods: Vec<AverageMethod>,
    pub(super) differences: Vec<AverageDifference>,
}

#[derive(Debug, Serialize)]
pub(super) struct AverageMethod {
    pub(super) method: String,
    pub(super) figures: Ordered<OverSets<Figure>>,
}

#[derive(Debug, Serialize)]
pub(super) struct AverageDifference {
    pub(super) method: String,
    pub(super) minus: String,
    pub(super) figures: Ordered<OverSets<DifferenceFigure>>,
}

/// A mean and the sets that it is over.
#[derive(Clone, Debug, Serialize)]
pub(super) struct OverSets<T> {
    pub(super) mean: T,
    pub(super) sets: Vec<String>,
}

/// Where a cell's files are, and what their hashes are.
#[derive(Debug, Serialize)]
pub(super) struct CellLine {
    set: String,
    encoder: String,
    shots: usize,
    draw: u64,
    method: String,
    key: Option<String>,
    why: Option<String>,
    #[serde(flatten)]
    facts: Option<super::CellFacts>,
    scores: Option<String>,
    shots_list: Option<String>,
}

impl From<&Paired> for DifferenceFigure {
    fn from(paired: &Paired) -> Self {
        let (lo, hi) = paired.interval.unzip();
        DifferenceFigure { value: paired.difference, lo, hi, verdict: paired.verdict, few: paired.few }
    }
}

/// What follows from a plan and its cells.
///
/// # Errors
/// When a cell is missing or damaged, or `monitor` asks to stop.
pub fn benchmark_results(plan: &Plan, store: &CellStore, monitor: &dyn Monitor) -> Result<Results> {
    let bootstrap = Bootstrap { replicates: plan.replicates, ..Bootstrap::default() };
    let mut groups = Vec::new();
    let mut averages = Vec::new();
    for encoder in 0..plan.encoders.len() {
        for &shots in &plan.shots {
            let mut of_sets = Vec::new();
            for (set, planned) in plan.sets.iter().enumerate().filter(|(_, s)| s.skipped.is_none()) {
                let measured = MeasuredGroup::of(plan, (set, encoder, shots), store, &bootstrap, monitor)?;
                groups.push((set, encoder, measured.group(plan, planned, encoder, shots)?));
                of_sets.push((planned.name.as_str(), measured));
            }
            averages.push(averages_of(plan, encoder, shots, &of_sets, &bootstrap));
        }
    }
    groups.sort_by_key(|(set, encoder, group)| (*set, *encoder, group.shots));
    Ok(Results {
        schema: SCHEMA,
        title: plan.title.clone(),
        notice: RESEARCH_USE,
        sdmad: plan.sdmad.clone(),
        instructions: plan.instructions.clone(),
        config_sha256: plan.config_sha256.clone(),
        split: plan.split.clone(),
        shots: plan.shots.clone(),
        draws: plan.draws,
        bootstrap: BootstrapRecord { replicates: bootstrap.replicates, seed: bootstrap.seed, level: bootstrap.level },
        sets: plan.sets.clone(),
        encoders: plan.encoders.clone(),
        methods: plan.methods.clone(),
        groups: groups.into_iter().map(|(_, _, group)| group).collect(),
        averages,
        cells: plan.cells.iter().map(|cell| cell_line(plan, cell, store)).collect(),
    })
}

/// All that is measured of a group, with the replicates.
struct MeasuredGroup {
    cells: Vec<MethodCells>,
    measured: Vec<Option<Measured>>,
    differences: Vec<PairDifferences>,
    proves_nothing: Vec<String>,
}

impl MeasuredGroup {
    fn of(
        plan: &Plan,
        (set, encoder, shots): (usize, usize, usize),
        store: &CellStore,
        bootstrap: &Bootstrap,
        monitor: &dyn Monitor,
    ) -> Result<Self> {
        let of_method = |method: usize| -> Vec<&PlannedCell> {
            let here = |c: &&PlannedCell| (c.set, c.encoder, c.shots, c.method) == (set, encoder, shots, method);
            plan.cells.iter().filter(here).collect()
        };
        let cells: Vec<MethodCells> =
            (0..plan.methods.len()).map(|m| MethodCells::read(&of_method(m), store)).collect::<Result<_>>()?;
        let shown = cells.iter().zip(&plan.methods).filter(|(_, m)| m.variant_of.is_none()).count();
        let pairs = &plan.sets[set].critical_pairs;
        // Variants stand behind all methods; their figures need no intervals.
        let measured = measure::measure(&cells[..shown], pairs, bootstrap, monitor)?;
        let compare = |a: usize, b: usize| {
            let side = |m: usize| (&cells[m], measured[m].as_ref());
            measure::differences(side(a), side(b), pairs, bootstrap, monitor)
        };
        let differences = plan.compare.iter().map(|&(a, b)| compare(a, b)).collect::<Result<_>>()?;
        let pixels = plan.methods.iter().position(|m| m.method == PIXELS);
        let proves_nothing = match pixels {
            Some(pixels) if pixels > 0 => match compare(pixels, 0)?.1 {
                Ok(differences) => {
                    let told = differences.iter().filter(|d| !d.name.id.needs_no_skill() && as_good(d));
                    told.map(|d| d.name.text.clone()).collect()
                }
                Err(_) => Vec::new(),
            },
            _ => Vec::new(),
        };
        Ok(MeasuredGroup { cells, measured, differences, proves_nothing })
    }

    fn group(&self, plan: &Plan, set: &PlannedSet, encoder: usize, shots: usize) -> Result<Group> {
        let facts = || self.cells.iter().flat_map(|c| &c.facts);
        // All methods of a draw left out the same images: the method with most draws says how many.
        let most = self.cells.iter().max_by_key(|c| c.facts.len());
        let sum = |of: &dyn Fn(&super::CellFacts) -> usize| most.map_or(0, |c| c.facts.iter().map(of).sum());
        let distinct = |of: &dyn Fn(&super::CellFacts) -> Vec<String>| {
            let mut all: Vec<String> = facts().flat_map(of).collect();
            all.sort();
            all.dedup();
            all
        };
        let first_set = self.cells.iter().find_map(|c| c.set.as_ref());
        let method = |(number, cells): (usize, &MethodCells)| GroupMethod {
            method: plan.methods[number].name.clone(),
            draws: cells.draws.clone(),
            cells: cells.keys.clone(),
            why: cells.why.clone(),
            figures: Ordered(self.measured[number].as_ref().map_or_else(Vec::new, |measured| {
                measured.names.iter().map(|n| n.text.clone()).zip(measured.figures.iter().cloned()).collect()
            })),
            curves: cells.set.as_ref().map(|set| Curves::of(set, &cells.outputs)),
        };
        let difference = |(&(a, b), (draws, found)): (&(usize, usize), &PairDifferences)| GroupDifference {
            method: plan.methods[a].name.clone(),
            minus: plan.methods[b].name.clone(),
            draws: draws.clone(),
            why: found.as_ref().err().cloned(),
            figures: Ordered(
                found.iter().flatten().map(|d| (d.name.text.clone(), DifferenceFigure::from(d))).collect(),
            ),
        };
        Ok(Group {
            set: set.name.clone(),
            encoder: plan.encoders[encoder].name.clone(),
            shots,
            resampled: first_set.map(|s| DataSummary::of("", s, &[]).resampled),
            left_out: [sum(&|f| f.same_patient), sum(&|f| f.near_duplicate)],
            used_up: distinct(&|f| f.used_up.clone()),
            short: distinct(&|f| f.short.clone()),
            proves_nothing: self.proves_nothing.clone(),
            methods: self.cells[..self.measured.len()].iter().enumerate().map(method).collect(),
            differences: plan.compare.iter().zip(&self.differences).map(difference).collect(),
            peers_protocol: if plan.peers_protocol && shots > 0 { self.claims(plan)? } else { Vec::new() },
        })
    }

    fn claims(&self, plan: &Plan) -> Result<Vec<Claims>> {
        let of = |number: usize| -> Result<Claims> {
            let variants = plan.methods.iter().zip(&self.cells).filter(|(m, _)| m.variant_of == Some(number));
            let variants: Vec<&MethodCells> = variants.map(|(_, cells)| cells).collect();
            let figures = Ordered(peers::claims(&self.cells[number], &variants)?);
            Ok(Claims { method: plan.methods[number].name.clone(), figures })
        };
        let with_draws = (0..self.measured.len()).filter(|&m| !self.cells[m].draws.is_empty());
        with_draws.map(of).collect()
    }
}

/// Whether pixels (the first of the difference) do as well as a method: level or above, or not worse in the mean.
fn as_good(pixels: &Paired) -> bool {
    let ahead = pixels.difference.is_some_and(|d| if pixels.name.id.lower_is_better() { d <= 0.0 } else { d >= 0.0 });
    ahead || matches!(pixels.verdict, Verdict::Above | Verdict::Level)
}

fn averages_of(
    plan: &Plan,
    encoder: usize,
    shots: usize,
    of_sets: &[(&str, MeasuredGroup)],
    bootstrap: &Bootstrap,
) -> Averages {
    let parts: Vec<Part<'_>> = of_sets
        .iter()
        .map(|(set, group)| Part {
            set,
            methods: &group.measured,
            pairs: group.differences.iter().map(|(_, d)| d.as_deref().ok()).collect(),
            proves_nothing: &group.proves_nothing,
        })
        .collect();
    let shown = plan.methods.iter().filter(|m| m.variant_of.is_none());
    let over =
        |Average { name: Name { text, .. }, value, sets }: Average<Figure>| (text, OverSets { mean: value, sets });
    let method = |(number, method): (usize, &PlannedMethod)| AverageMethod {
        method: method.name.clone(),
        figures: Ordered(average::figures(&parts, number, bootstrap).into_iter().map(over).collect()),
    };
    let difference = |(number, &(a, b)): (usize, &(usize, usize))| AverageDifference {
        method: plan.methods[a].name.clone(),
        minus: plan.methods[b].name.clone(),
        figures: Ordered(
            average::differences(&parts, number, bootstrap)
                .into_iter()
                .map(|a| (a.name.text, OverSets { mean: DifferenceFigure::from(&a.value), sets: a.sets }))
                .collect(),
        ),
    };
    Averages {
        encoder: plan.encoders[encoder].name.clone(),
        shots,
        methods: shown.enumerate().map(method).collect(),
        differences: plan.compare.iter().enumerate().map(difference).collect(),
    }
}

fn cell_line(plan: &Plan, cell: &PlannedCell, store: &CellStore) -> CellLine {
    let (facts, why) = match cell.key.as_deref().map(|k| store.find(k)) {
        Some(Found::Whole(record)) => match record.outcome {
            CellOutcome::Done(facts) => (Some(*facts), None),
            CellOutcome::Cannot(why) => (None, Some(why)),
        },
        _ => (None, cell.cannot.clone()),
    };
    let file = |name: &str| facts.as_ref().and(cell.key.as_ref()).map(|key| format!("cells/{key}/{name}"));
    CellLine {
        set: plan.sets[cell.set].name.clone(),
        encoder: plan.encoders[cell.encoder].name.clone(),
        shots: cell.shots,
        draw: cell.draw,
        method: plan.methods[cell.method].name.clone(),
        key: cell.key.clone(),
        why,
        scores: file("scores.csv"),
        shots_list: file("shots.csv"),
        facts,
    }
}

impl Results {
    /// As indented JSON with a line break at its end.
    ///
    /// # Errors
    /// Never for what [`benchmark_results`] gives.
    pub fn to_json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::environment(format!("the results cannot be written as JSON: {e}")))?;
        Ok(text + "\n")
    }

    /// Writes `results.json`, `results.md` and `results.html`, each whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_atomic(&folder.join("results.json"), self.to_json()?.as_bytes())?;
        write_atomic(&folder.join("results.md"), (self.to_markdown() + "\n").as_bytes())?;
        write_atomic(&folder.join("results.html"), self.to_html().as_bytes())
    }
}
