use std::path::Path;
use std::process::ExitCode;

use sdmad::{Evaluation, Extractor, Manifest, Measured, Run, SignTruth, evaluate};
use sdmad_base::{AtomicDir, Error, Monitor, Result};

use super::{check_precision, features_of_run, open_tower_of, print_json, print_line};
use crate::args::EvaluateArgs;
use crate::tables::figure_table;
use crate::terminal::Terminal;

pub(crate) fn run(args: EvaluateArgs, terminal: &Terminal) -> Result<ExitCode> {
    drop(AtomicDir::create(&args.out)?);
    if args.batch == 0 {
        return Err(Error::bad_input("--batch 0: expected 1 or more"));
    }
    let run = Run::open(&args.run)?;
    check_precision(&run, args.precision)?;
    let manifest = Manifest::read(&args.data)?;
    let truth = args.sign_truth.as_deref().map(SignTruth::read).transpose()?;
    let measured = Measured::named(&args.split)?;
    let evaluation = evaluate_run(&run, &manifest, measured, truth.as_ref(), args.batch, &args.out, terminal)?;
    if args.json {
        print_json(&evaluation.metrics)?;
    } else {
        print_line(&figure_table(&evaluation.set, &evaluation.table))?;
    }
    terminal.notice(&format!("wrote {}", args.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// Measures a run and writes its files.
pub(crate) fn evaluate_run(
    run: &Run,
    manifest: &Manifest,
    measured: Measured,
    truth: Option<&SignTruth>,
    batch: usize,
    out: &Path,
    monitor: &dyn Monitor,
) -> Result<Evaluation> {
    let evaluation = match &open_tower_of(run, monitor)? {
        Some(tower) => {
            let extractor = features_of_run(tower, run)?;
            evaluate(run, manifest, measured, truth, &extractor, batch, monitor)?
        }
        None => evaluate(run, manifest, measured, truth, &Extractor::Pixels, batch, monitor)?,
    };
    evaluation.write(out)?;
    Ok(evaluation)
}
