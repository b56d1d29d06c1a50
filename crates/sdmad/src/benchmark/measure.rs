//! From the cells of one set, encoder and number of shots to figures, intervals and paired differences.

use std::collections::BTreeMap;

use sdmad_base::{Error, Monitor, Result};

use super::{CellFacts, CellOutcome, CellStore, Found, PlannedCell};
use crate::bootstrap::{Resampled, interval_of, replicate, verdict};
use crate::metrics::Ranked;
use crate::protocols::Evaluator;
use crate::{Bootstrap, DrawOutputs, FEW, Figure, FigureId, FigureTable, Label, Measure, Scope, TestSet, Verdict};

/// A method's cells at one set, encoder and number of shots: those that are done, in the order of draws.
pub(super) struct MethodCells {
    pub(super) draws: Vec<u64>,
    pub(super) keys: Vec<String>,
    pub(super) facts: Vec<CellFacts>,
    pub(super) set: Option<TestSet>,
    pub(super) outputs: Vec<DrawOutputs>,
    /// Why draws are missing.
    pub(super) why: Vec<String>,
}

impl MethodCells {
    /// Reads the cells of a method.
    ///
    /// # Errors
    /// When a cell is missing or damaged.
    pub(super) fn read(cells: &[&PlannedCell], store: &CellStore) -> Result<Self> {
        let mut of = MethodCells {
            draws: Vec::new(),
            keys: Vec::new(),
            facts: Vec::new(),
            set: None,
            outputs: Vec::new(),
            why: Vec::new(),
        };
        for cell in cells {
            let Some(key) = &cell.key else {
                of.why.push(cell.cannot.clone().unwrap_or_else(|| "no reason is known".into()));
                continue;
            };
            match store.find(key) {
                Found::Whole(record) => match record.outcome {
                    CellOutcome::Cannot(why) => of.why.push(why),
                    CellOutcome::Done(facts) => {
                        let scores = store.scores(key)?;
                        of.draws.push(cell.draw);
                        of.keys.push(key.clone());
                        of.facts.push(*facts);
                        of.set.get_or_insert(scores.set);
                        of.outputs.push(scores.outputs);
                    }
                },
                Found::Nothing | Found::Damaged(_) => {
                    return Err(Error::bad_input(format!("{} is no whole cell", store.place(key).display()))
                        .with_hint("run `sdmad benchmark` again: it computes what is missing"));
                }
            }
        }
        of.why.dedup();
        Ok(of)
    }

    /// Only these draws.
    fn of_draws(&self, draws: &[u64]) -> Vec<DrawOutputs> {
        let wanted = self.draws.iter().zip(&self.outputs).filter(|(d, _)| draws.contains(d));
        wanted.map(|(_, outputs)| outputs.clone()).collect()
    }
}

/// Which figure of a benchmark.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) id: FigureId,
    /// Whether it is a figure of two categories alone; `id` then only says that higher is better.
    pub(super) pair: bool,
}

impl Name {
    /// Whether it is averaged over sets: the figures of the protocols, not those of one category, sign or pair.
    pub(super) fn is_main(&self) -> bool {
        use FigureId as Id;
        let over_all = match self.id {
            Id::VsNormal(scope, _) | Id::VsOther(scope, _) | Id::AmongAll(scope, _) | Id::F1(scope) => {
                scope == Scope::Macro
            }
            Id::Sign(_) => false,
            Id::Covered(scope, _) | Id::Uncertain(scope, _) => scope == Scope::Macro,
            Id::Detection(_)
            | Id::MicroF1
            | Id::ExactMatch
            | Id::Hamming
            | Id::CalibrationError
            | Id::CalibrationErrorBefore
            | Id::SignPairs => true,
        };
        over_all && !self.pair
    }
}

/// All problems of one draw.
struct Problems {
    evaluator: Evaluator,
    pairs: Vec<Ranked>,
}

impl Resampled for Problems {
    fn measure(&self, weights: &[u32]) -> Vec<f64> {
        let mut values = Evaluator::measure(&self.evaluator, weights);
        values.extend(self.pairs.iter().map(|pair| pair.measure(weights).map_or(f64::NAN, |v| v.0)));
        values
    }
}

impl Problems {
    fn of(set: &TestSet, draw: &DrawOutputs, pairs: &[(usize, usize)]) -> Result<Self> {
        let pair = |&(a, b): &(usize, usize)| {
            let images = set.images().iter().zip(&draw.outputs).enumerate();
            Ranked::new(images.filter_map(|(number, (image, outputs))| {
                let outputs = outputs.as_ref()?;
                let score = outputs.among_all[a] - outputs.among_all[b];
                match (image.labels[a], image.labels[b]) {
                    (Label::Present, Label::Absent) => Some((number, score, true)),
                    (Label::Absent, Label::Present) => Some((number, score, false)),
                    _ => None,
                }
            }))
        };
        Ok(Problems { evaluator: Evaluator::new(set, draw)?, pairs: pairs.iter().map(pair).collect() })
    }

    fn of_draws(set: &TestSet, draws: &[DrawOutputs], pairs: &[(usize, usize)]) -> Result<Vec<Self>> {
        draws.iter().map(|d| Problems::of(set, d, pairs)).collect()
    }
}

/// A method's figures.
pub(super) struct Measured {
    pub(super) names: Vec<Name>,
    pub(super) figures: Vec<Figure>,
    /// Values of each figure by replicate, `[figure][replicate]`; NaN where it is not defined.
    pub(super) replicates: Vec<Vec<f64>>,
}

impl Measured {
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n.text == name)
    }
}

/// A minus B.
pub(super) struct Paired {
    pub(super) name: Name,
    pub(super) difference: Option<f64>,
    pub(super) interval: Option<(f64, f64)>,
    pub(super) verdict: Verdict,
    pub(super) few: bool,
    pub(super) replicates: Vec<f64>,
}

/// The draws that two methods have in common, and their differences in every figure or why there are none.
pub(super) type PairDifferences = (Vec<u64>, Result<Vec<Paired>, String>);

/// The figures of every method with draws, one entry for each method.
pub(super) fn measure(
    methods: &[MethodCells],
    pairs: &[(usize, usize)],
    bootstrap: &Bootstrap,
    monitor: &dyn Monitor,
) -> Result<Vec<Option<Measured>>> {
    let mut by_draws: BTreeMap<&[u64], Vec<usize>> = BTreeMap::new();
    for (number, method) in methods.iter().enumerate().filter(|(_, m)| !m.draws.is_empty()) {
        by_draws.entry(&method.draws).or_default().push(number);
    }
    let mut all: Vec<Option<Measured>> = methods.iter().map(|_| None).collect();
    for numbers in by_draws.into_values() {
        let measured = together(&numbers.iter().map(|&n| &methods[n]).collect::<Vec<_>>(), pairs, bootstrap, monitor)?;
        for (number, measured) in numbers.into_iter().zip(measured) {
            all[number] = Some(measured);
        }
    }
    Ok(all)
}

/// Methods with the same draws, on the same resampled draws and patients.
fn together(
    methods: &[&MethodCells],
    pairs: &[(usize, usize)],
    bootstrap: &Bootstrap,
    monitor: &dyn Monitor,
) -> Result<Vec<Measured>> {
    let mut problems = Vec::new();
    let mut measured = Vec::new();
    for method in methods {
        let set = the_set(method)?;
        problems.push(Problems::of_draws(set, &method.outputs, pairs)?);
        measured.push(without_intervals(set, &method.outputs, pairs)?);
    }
    let Some(first) = methods.first() else { return Ok(measured) };
    let slices: Vec<&[Problems]> = problems.iter().map(Vec::as_slice).collect();
    let replicates = replicate(the_set(first)?, &slices, bootstrap, monitor)?;
    for (number, measured) in measured.iter_mut().enumerate() {
        for (at, figure) in measured.figures.iter_mut().enumerate() {
            let values: Vec<f64> = replicates.iter().map(|r| r[number][at]).collect();
            *figure = match interval_of(values.clone(), bootstrap) {
                Some((low, high)) => figure.clone().with_interval(low, high),
                None => figure.clone().without_interval("fewer than half of the resampled test sets define it"),
            };
            measured.replicates.push(values);
        }
    }
    Ok(measured)
}

/// Every figure as the mean over draws.
pub(super) fn without_intervals(set: &TestSet, draws: &[DrawOutputs], pairs: &[(usize, usize)]) -> Result<Measured> {
    let table = FigureTable::mean_of_draws(set, draws)?;
    let (mut names, mut figures): (Vec<Name>, Vec<Figure>) =
        table.iter().map(|(id, f)| (Name { text: id.name(set), id, pair: false }, f.clone())).unzip();
    let problems = Problems::of_draws(set, draws, pairs)?;
    for (at, &(a, b)) in pairs.iter().enumerate() {
        let (a, b) = (&set.categories()[a], &set.categories()[b]);
        let id = FigureId::AmongAll(Scope::Macro, Measure::Auroc);
        names.push(Name { text: format!("pair.{a}.{b}.auroc"), id, pair: true });
        let ones = vec![1; set.images().len()];
        let values: Option<Vec<f64>> = problems.iter().map(|p| p.pairs[at].measure(&ones).map(|v| v.0)).collect();
        let few = problems.iter().any(|p| p.pairs[at].positives.min(p.pairs[at].negatives) < FEW);
        let figure = match values {
            Some(values) => Figure::of(values.iter().sum::<f64>() / values.len() as f64),
            None => Figure::missing(format!("no test image with `{a}` alone, or none with `{b}` alone, of the two")),
        };
        figures.push(figure.marked_few(few));
    }
    Ok(Measured { names, figures, replicates: Vec::new() })
}

fn the_set(method: &MethodCells) -> Result<&TestSet> {
    method.set.as_ref().ok_or_else(|| Error::bad_input("a method without a draw: expected at least one"))
}

/// A minus B in every figure that both have, over the draws that both have; or why they cannot be compared.
pub(super) fn differences(
    (a, of_a): (&MethodCells, Option<&Measured>),
    (b, of_b): (&MethodCells, Option<&Measured>),
    pairs: &[(usize, usize)],
    bootstrap: &Bootstrap,
    monitor: &dyn Monitor,
) -> Result<PairDifferences> {
    let common: Vec<u64> = a.draws.iter().copied().filter(|d| b.draws.contains(d)).collect();
    let (Some(of_a), Some(of_b)) = (of_a, of_b) else {
        return Ok((common, Err("one of the two has no figure here".into())));
    };
    if common.is_empty() {
        return Ok((common, Err("the two have no draw in common".into())));
    }
    let outputs = [a.of_draws(&common), b.of_draws(&common)];
    let kept = |draw: &DrawOutputs| draw.outputs.iter().map(Option::is_some).collect::<Vec<_>>();
    if outputs[0].iter().zip(&outputs[1]).any(|(a, b)| kept(a) != kept(b)) {
        return Ok((common, Err("the two left out different images, so they were not on the same shots".into())));
    }
    if a.draws == b.draws {
        return Ok((common, Ok(subtract(of_a, of_b, bootstrap))));
    }
    let restrict = |of: &MethodCells, outputs: Vec<DrawOutputs>| MethodCells {
        draws: common.clone(),
        keys: Vec::new(),
        facts: Vec::new(),
        set: of.set.clone(),
        outputs,
        why: Vec::new(),
    };
    let [of_a, of_b] = outputs;
    let (a, b) = (restrict(a, of_a), restrict(b, of_b));
    let measured = together(&[&a, &b], pairs, bootstrap, monitor)?;
    Ok((common, Ok(subtract(&measured[0], &measured[1], bootstrap))))
}

fn subtract(a: &Measured, b: &Measured, bootstrap: &Bootstrap) -> Vec<Paired> {
    let one = |(at, name): (usize, &Name)| {
        let other = b.position(&name.text)?;
        let (figure, against) = (&a.figures[at], &b.figures[other]);
        let difference = figure.value().zip(against.value()).map(|(a, b)| a - b);
        let replicates: Vec<f64> = a.replicates[at].iter().zip(&b.replicates[other]).map(|(a, b)| a - b).collect();
        let few = figure.few() || against.few();
        Some(paired(name.clone(), difference, replicates, few, bootstrap))
    };
    a.names.iter().enumerate().filter_map(one).collect()
}

/// A difference with its interval and verdict.
pub(super) fn paired(
    name: Name,
    difference: Option<f64>,
    replicates: Vec<f64>,
    few: bool,
    bootstrap: &Bootstrap,
) -> Paired {
    let interval = difference.and_then(|_| interval_of(replicates.clone(), bootstrap));
    let verdict = if few { Verdict::Undecided } else { verdict(name.id, interval) };
    Paired { name, difference, interval, verdict, few, replicates }
}
