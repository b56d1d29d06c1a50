//! The sealed benchmark: from a configuration to cells, and from cells to results.

mod cell;
mod estimate;
mod prepare;
mod stage;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use sdmad::{BenchmarkConfig, CellOutcome, CellStore, Found, PLAN, Plan, benchmark_results};
use sdmad_base::{Error, Monitor, Result};
use sdmad_encoders::DEFAULT_ENCODER;

use super::print_line;
use crate::args::BenchmarkArgs;
use crate::terminal::{Terminal, spoken};
use prepare::Prepared;

/// What all results of a benchmark are called.
const RESULTS: [&str; 3] = ["results.json", "results.md", "results.html"];

/// The file that a process holds while it writes into a benchmark's folder.
const LOCK: &str = ".lock";

pub(crate) fn run(args: BenchmarkArgs, terminal: &Terminal) -> Result<ExitCode> {
    let shard = args.shard.as_deref().map(shard).transpose()?;
    // Nothing is computed that could not be written.
    check_folder(&args.out)?;
    let config = BenchmarkConfig::read(&args.config, DEFAULT_ENCODER)?;
    let prepared = Prepared::of(&config, &args.config, terminal)?;
    let _lock = open_folder(&args.out)?;
    let store = CellStore::of(&args.out);
    store.sweep()?;
    if Plan::read(&args.out).ok().as_ref() != Some(&prepared.plan) {
        // Results of another plan would look like those of this one.
        for name in RESULTS {
            let path = args.out.join(name);
            if path.exists() {
                fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
            }
        }
        prepared.plan.write(&args.out)?;
    }
    let keys = prepared.plan.keys();
    let mine: BTreeSet<&str> = match shard {
        None => keys.iter().copied().collect(),
        Some((part, of)) => keys.iter().copied().skip(part - 1).step_by(of).collect(),
    };
    let pending = pending(&store, &keys, &mine, terminal)?;
    compute(&prepared, &store, &pending, mine.len(), terminal)?;
    if let Some((part, of)) = shard {
        let out = args.out.display();
        terminal.notice(&format!(
            "shard {part} of {of} is done: {} cells in {out}; `sdmad merge --out DIR {out} …` puts shards together",
            mine.len()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    write_results(&prepared.plan, &store, &args.out, &args.out, terminal)?;
    Ok(ExitCode::SUCCESS)
}

/// Everything that follows from the cells of a plan, into files of `place` and the tables onto stdout. `out` is what the place is
/// called in the end.
pub(super) fn write_results(
    plan: &Plan,
    store: &CellStore,
    place: &Path,
    out: &Path,
    terminal: &Terminal,
) -> Result<()> {
    let results = benchmark_results(plan, store, terminal)?;
    results.write(place)?;
    print_line(&results.to_markdown())?;
    terminal.notice(&format!("wrote {}", RESULTS.map(|name| out.join(name).display().to_string()).join(", ")));
    Ok(())
}

/// `2/3`: the second part of three.
fn shard(text: &str) -> Result<(usize, usize)> {
    let parts = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((part, of)) if 1 <= part && part <= of => Ok((part, of)),
        _ => Err(Error::bad_input(format!("--shard {text}: expected I/N, I from 1 to N"))
            .with_hint("--shard 2/3 is the second of three parts")),
    }
}

/// Refuses a folder that holds something else than a benchmark.
fn check_folder(out: &Path) -> Result<()> {
    let used = out.exists() && fs::read_dir(out).map_err(|e| Error::io("list", out, e))?.next().is_some();
    if used && !out.join(PLAN).exists() && !out.join(LOCK).exists() {
        return Err(Error::bad_input(format!("{} is not empty and holds no benchmark", out.display()))
            .with_hint("name another folder with --out; nothing was written over"));
    }
    Ok(())
}

/// Makes the folder, or opens one that is a benchmark's; the file that is given back is locked until it is dropped.
fn open_folder(out: &Path) -> Result<File> {
    let lock_path = out.join(LOCK);
    fs::create_dir_all(out).map_err(|e| Error::io("make", out, e))?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(|e| Error::io("write", &lock_path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::environment(format!("another benchmark is writing into {}", out.display()))
                .with_hint("wait for it, or give this one a folder of its own with --shard and merge them"))
        }
        // File systems without locks: nothing is written over in any case.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// The keys of this run that have no scores yet. Damaged cells, and those that could not be, are taken away.
fn pending<'a>(
    store: &CellStore,
    keys: &[&'a str],
    mine: &BTreeSet<&str>,
    monitor: &dyn Monitor,
) -> Result<BTreeSet<&'a str>> {
    let mut pending = BTreeSet::new();
    for &key in keys.iter().filter(|k| mine.contains(**k)) {
        match store.find(key) {
            // Why a cell cannot be may be gone: a folder that was not mounted, a file that was being copied.
            Found::Whole(record) if matches!(record.outcome, CellOutcome::Cannot(_)) => store.remove(key)?,
            Found::Whole(_) => continue,
            Found::Nothing => {}
            Found::Damaged(why) => {
                monitor.notice(&format!("{} is damaged and is computed again: {why}", store.place(key).display()));
                store.remove(key)?;
            }
        }
        pending.insert(key);
    }
    let old = store.names().iter().filter(|n| !keys.contains(&n.as_str())).count();
    let done = mine.len() - pending.len();
    if done > 0 || old > 0 {
        let old = if old > 0 { format!("; {old} of other settings are left alone") } else { String::new() };
        monitor.notice(&format!("{done} of {} cells are there already{old}", mine.len()));
    }
    Ok(pending)
}

fn compute(
    prepared: &Prepared<'_>,
    store: &CellStore,
    pending: &BTreeSet<&str>,
    all: usize,
    terminal: &Terminal,
) -> Result<()> {
    let started = Instant::now();
    let mut left = pending.clone();
    for encoder in 0..prepared.plan.encoders.len() {
        for set in 0..prepared.plan.sets.len() {
            let stage = prepared.stage(encoder, set, &mut left);
            if stage.is_empty() {
                continue;
            }
            let computed = stage::compute(prepared, encoder, set, &stage, store, terminal);
            computed.map_err(|e| match e.kind() {
                sdmad_base::Kind::Interrupted => {
                    let there = prepared.plan.keys().iter().filter(|k| store.place(k).exists()).count();
                    Error::new(e.kind(), format!("interrupted; {there} cells are done and kept"))
                        .with_hint("run the same command again: it goes on from there")
                }
                _ => e,
            })?;
            say_rest(prepared, (encoder, set), started, pending.len(), left.len(), all, terminal);
        }
        prepared.shelves[encoder].close();
    }
    Ok(())
}

/// How far all is, and how long the rest will take at this rate.
fn say_rest(
    prepared: &Prepared<'_>,
    (encoder, set): (usize, usize),
    started: Instant,
    wanted: usize,
    left: usize,
    all: usize,
    terminal: &Terminal,
) {
    let done = wanted - left;
    let rest = started.elapsed().mul_f64(left as f64 / done.max(1) as f64);
    let time = if left > 0 { format!("; about {} to go", spoken(rest)) } else { String::new() };
    terminal.notice(&format!(
        "{}, {}: {} of {all} cells are done{time}",
        prepared.plan.sets[set].name,
        prepared.plan.encoders[encoder].name,
        all - left
    ));
}
