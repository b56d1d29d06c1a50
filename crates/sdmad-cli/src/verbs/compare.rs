use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use sdmad::{
    Bootstrap, Difference, DrawOutputs, FigureId, FigureTable, ScoresFile, TestSet, Verdict, compare_methods,
    figures_with_intervals,
};
use sdmad_base::{Error, Result};

use super::{print_json, print_line};
use crate::args::CompareArgs;
use crate::tables::{MAIN_FIGURES, RESEARCH_USE, figure, markdown_rows, short};
use crate::terminal::Terminal;

/// A method with its evaluations over several draws.
pub(crate) struct Compared {
    pub(crate) name: String,
    pub(crate) draws: Vec<DrawOutputs>,
}

pub(crate) fn run(args: CompareArgs, terminal: &Terminal) -> Result<ExitCode> {
    let (set, methods) = read(&args.methods)?;
    if args.signs && set.signs().is_empty() {
        return Err(Error::bad_input("--signs: an evaluation has no sign scores")
            .with_hint("evaluate runs of --method sdmad with --sign-truth, and compare those"));
    }
    let (figures, differences) = measure(&set, &methods, terminal)?;
    if args.json {
        print_json(&as_json(&set, &methods, &figures, &differences))?;
    } else {
        print_line(&table(&set, &methods, &figures, &differences, args.signs))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads `NAME=DIR,DIR,…`; all evaluations must be of the same images.
fn read(specs: &[String]) -> Result<(TestSet, Vec<Compared>)> {
    let mut set: Option<TestSet> = None;
    let mut methods = Vec::new();
    for spec in specs {
        let (name, folders) = spec.split_once('=').ok_or_else(|| {
            Error::bad_input(format!("`{spec}`: expected NAME=DIR,DIR,…"))
                .with_hint("for example sdmad=eval/sdmad-0,eval/sdmad-1")
        })?;
        let mut draws = Vec::new();
        for folder in folders.split(',') {
            let path = PathBuf::from(folder).join("scores.csv");
            let file = ScoresFile::read(&path)?;
            match &set {
                None => set = Some(file.set),
                Some(first) if first.images() == file.set.images() && first.categories() == file.set.categories() => {
                    // Signs take part only where every method has them.
                    if first.signs() != file.set.signs() {
                        set = Some(first.clone().with_sign_labels(Vec::new(), vec![Vec::new(); first.images().len()])?);
                    }
                }
                Some(_) => {
                    return Err(Error::bad_input(format!("{} is of other images than the first", path.display()))
                        .with_hint("compare evaluations on the same manifest and split"));
                }
            }
            draws.push(file.outputs);
        }
        methods.push(Compared { name: name.to_string(), draws });
    }
    let set = set.ok_or_else(|| Error::bad_input("nothing to compare: expected NAME=DIR,DIR,…"))?;
    if set.signs().is_empty() {
        methods
            .iter_mut()
            .flat_map(|m| &mut m.draws)
            .flat_map(|d| d.outputs.iter_mut().flatten())
            .for_each(|o| o.signs.clear());
    }
    Ok((set, methods))
}

/// The figures of every method, and the differences of the first from each other.
pub(crate) fn measure(
    set: &TestSet,
    methods: &[Compared],
    terminal: &Terminal,
) -> Result<(Vec<FigureTable>, Vec<Vec<Difference>>)> {
    let bootstrap = Bootstrap::default();
    let figures =
        methods.iter().map(|m| figures_with_intervals(set, &m.draws, &bootstrap, terminal)).collect::<Result<_>>()?;
    let differences = methods
        .iter()
        .skip(1)
        .map(|m| compare_methods(set, &methods[0].draws, &m.draws, &bootstrap, terminal))
        .collect::<Result<_>>()?;
    Ok((figures, differences))
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Above => "above",
        Verdict::Level => "level",
        Verdict::Below => "below",
        Verdict::Undecided => "undecided",
    }
}

/// Figures side by side, then the differences with their paired intervals and verdicts.
pub(crate) fn table(
    set: &TestSet,
    methods: &[Compared],
    figures: &[FigureTable],
    differences: &[Vec<Difference>],
    signs: bool,
) -> String {
    let mut ids: Vec<(String, FigureId)> = Vec::new();
    if !signs {
        ids.extend(MAIN_FIGURES.iter().map(|&(name, id)| (name.to_string(), id)));
    }
    if !set.signs().is_empty() {
        ids.extend(set.signs().iter().enumerate().map(|(s, id)| (format!("sign {id}, AUROC"), FigureId::Sign(s))));
        ids.push(("pairwise sign accuracy".into(), FigureId::SignPairs));
    }
    let mut rows = vec![std::iter::once("figure".to_string()).chain(methods.iter().map(|m| m.name.clone())).collect()];
    for (name, id) in &ids {
        let cells = figures.iter().map(|t| figure(t.get(*id)));
        rows.push(std::iter::once(name.clone()).chain(cells).collect::<Vec<_>>());
    }
    let mut text = markdown_rows(&rows);
    if !differences.is_empty() {
        let first = &methods[0].name;
        let header = methods.iter().skip(1).map(|m| format!("{first} − {}", m.name));
        let mut rows = vec![std::iter::once("paired difference".to_string()).chain(header).collect::<Vec<_>>()];
        for (name, id) in &ids {
            let cells =
                differences.iter().map(|d| d.iter().find(|d| d.id == *id).map_or_else(|| "–".into(), difference));
            rows.push(std::iter::once(name.clone()).chain(cells).collect());
        }
        text = format!("{text}\n\n{}", markdown_rows(&rows));
    }
    let draws = methods.iter().map(|m| m.draws.len()).max().unwrap_or(0);
    format!(
        "{text}\n\nMeans over {draws} draws with 95 % intervals (draws and patients resampled); * marks figures on fewer than 20 \
         positives or negatives. {RESEARCH_USE}"
    )
}

fn difference(d: &Difference) -> String {
    let Some(value) = d.difference else { return "–".into() };
    let sign = if value > 0.0 { "+" } else { "" };
    let interval = d.interval.map_or_else(String::new, |(lo, hi)| format!(" [{}, {}]", short(lo), short(hi)));
    format!("{sign}{}{interval} {}", short(value), word(d.verdict))
}

fn as_json(
    set: &TestSet,
    methods: &[Compared],
    figures: &[FigureTable],
    differences: &[Vec<Difference>],
) -> serde_json::Value {
    let methods_json: Vec<_> = methods
        .iter()
        .zip(figures)
        .map(|(m, table)| {
            let figures: serde_json::Map<_, _> =
                table.iter().map(|(id, figure)| (id.name(set), json!(figure))).collect();
            json!({"name": m.name, "draws": m.draws.len(), "figures": figures})
        })
        .collect();
    let differences_json: Vec<_> = methods
        .iter()
        .skip(1)
        .zip(differences)
        .map(|(m, d)| {
            let figures: serde_json::Map<_, _> = d
                .iter()
                .map(|d| {
                    let (lo, hi) = d.interval.unzip();
                    (
                        d.id.name(set),
                        json!({"value": d.difference, "lo": lo, "hi": hi, "verdict": d.verdict, "few": d.few}),
                    )
                })
                .collect();
            json!({"of": methods[0].name, "minus": m.name, "figures": figures})
        })
        .collect();
    json!({"schema": 1, "methods": methods_json, "differences": differences_json})
}
