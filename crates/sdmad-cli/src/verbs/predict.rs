use std::io::Write;
use std::process::ExitCode;

use rayon::prelude::*;

use sdmad::{DEFAULT_BATCH, Extractor, Prediction, Run, image_files, predict};
use sdmad_base::{AtomicFile, Error, Monitor, Result};

use super::{check_precision, features_of_run, open_tower_of, print_line};
use crate::args::PredictArgs;
use crate::tables::RESEARCH_USE;
use crate::terminal::Terminal;

const FILE: &str = "predictions.jsonl";

pub(crate) fn run(args: PredictArgs, terminal: &Terminal) -> Result<ExitCode> {
    let target = args.out.join(FILE);
    if target.exists() {
        return Err(Error::bad_input(format!("{} exists", target.display()))
            .with_hint("name another folder with --out, or move this file away; nothing was written over"));
    }
    let run = Run::open(&args.run)?;
    check_precision(&run, args.precision)?;
    let files = image_files(&args.inputs)?;
    let tower = open_tower_of(&run, terminal)?;
    let extractor = match &tower {
        None => Extractor::Pixels,
        Some(tower) => features_of_run(tower, &run)?,
    };
    let record = run.model_record()?;

    std::fs::create_dir_all(&args.out).map_err(|e| Error::io("make", &args.out, e))?;
    let mut out = AtomicFile::create(&target)?;
    let mut failed = 0;
    terminal.begin("predicting", files.len());
    for batch in files.chunks(DEFAULT_BATCH) {
        terminal.check()?;
        let predictions: Vec<Prediction> = batch
            .par_iter()
            .map(|file| {
                let prediction = predict(&run, &record, &extractor, file);
                terminal.advance(1);
                prediction
            })
            .collect();
        for prediction in &predictions {
            if let Prediction::Failed { error, .. } = prediction {
                failed += 1;
                terminal.notice(error);
            }
            let line = serde_json::to_string(prediction)
                .map_err(|e| Error::environment(format!("cannot write {}: {e}", target.display())))?;
            writeln!(out, "{line}").map_err(|e| Error::io("write", &target, e))?;
        }
    }
    terminal.end();
    out.commit()?;
    let answered = files.len() - failed;
    print_line(&format!("{answered} of {} images answered: {}\n{RESEARCH_USE}", files.len(), target.display()))?;
    Ok(if failed > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
