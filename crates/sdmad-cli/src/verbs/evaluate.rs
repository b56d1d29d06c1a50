use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use rayon::prelude::*;

use sdmad::{
    Bank, DEFAULT_BATCH, Evaluation, Extractor, Looked, Manifest, Measured, ReportHead, ReportImage, ReportKind, Run,
    SignTruth, evaluate, measured_rows, report_set, write_report,
};
use sdmad_base::{AtomicDir, Error, Monitor, Result};

use super::{
    check_precision, features_of_run, open_encoder_of, open_run, open_tower_of, print_json, print_line, reread,
    signs_of,
};
use crate::args::EvaluateArgs;
use crate::tables::figure_table;
use crate::terminal::Terminal;

pub(crate) fn run(args: EvaluateArgs, terminal: &Terminal) -> Result<ExitCode> {
    drop(AtomicDir::create(&args.out)?);
    if args.batch == 0 {
        return Err(Error::bad_input("--batch 0: expected 1 or more"));
    }
    let mut run = open_run(&args.run, &args.answers)?;
    check_precision(&run, args.precision)?;
    let manifest = Manifest::read(&args.data)?;
    if let Some(spec) = &args.signs {
        run = with_bank(&run, spec, terminal)?;
    }
    let truth = args.sign_truth.as_deref().map(SignTruth::read).transpose()?;
    let measured = Measured::named(&args.split)?;
    let report = if args.no_report { Page::None } else { Page::Written };
    let evaluation = evaluate_run(&run, &manifest, measured, truth.as_ref(), args.batch, &args.out, report, terminal)?;
    if args.json {
        print_json(&evaluation.metrics)?;
    } else {
        print_line(&figure_table(&evaluation.set, &evaluation.table))?;
    }
    terminal.notice(&format!("wrote {}", args.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// The run with its signs read from the bank that was named.
fn with_bank(run: &Run, spec: &str, terminal: &Terminal) -> Result<Run> {
    signs_of(run)?;
    let (bank, notices) = Bank::open(spec)?.restricted_to(&run.config.categories)?;
    let encoder = open_encoder_of(run, terminal)?;
    notices.iter().for_each(|n| terminal.notice(n));
    reread(run, bank, &encoder)
}

/// Whether an evaluation has a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// It has.
    Written,
    /// It has none.
    None,
}

/// Measures a run and writes its files.
#[allow(clippy::too_many_arguments)]
pub(crate) fn evaluate_run(
    run: &Run,
    manifest: &Manifest,
    measured: Measured,
    truth: Option<&SignTruth>,
    batch: usize,
    out: &Path,
    page: Page,
    monitor: &dyn Monitor,
) -> Result<Evaluation> {
    let tower = open_tower_of(run, monitor)?;
    let extractor = match &tower {
        Some(tower) => features_of_run(tower, run)?,
        None => Extractor::Pixels,
    };
    let evaluation = evaluate(run, manifest, measured, truth, &extractor, batch, monitor)?;
    evaluation.write(out, |folder| match page {
        Page::Written => write_page(run, manifest, measured, &evaluation, &extractor, folder, monitor),
        Page::None => Ok(()),
    })?;
    Ok(evaluation)
}

/// Writes the report of a labelled set, image by image.
fn write_page(
    run: &Run,
    manifest: &Manifest,
    measured: Measured,
    evaluation: &Evaluation,
    extractor: &Extractor<'_>,
    folder: &Path,
    monitor: &dyn Monitor,
) -> Result<()> {
    let rows = measured_rows(manifest, measured)?;
    let kept: Vec<(usize, usize)> =
        rows.into_iter().enumerate().filter(|&(image, _)| evaluation.outputs.outputs[image].is_some()).collect();
    let lines = folder.join("report.lines");
    let fail = |e| Error::io("write", &lines, e);
    let mut file = BufWriter::new(File::create(&lines).map_err(fail)?);
    monitor.begin("writing the report", kept.len());
    for batch in kept.chunks(DEFAULT_BATCH) {
        let read = |&(image, row): &(usize, usize)| -> Result<String> {
            monitor.check()?;
            let of = &evaluation.set.images()[image];
            let looked = Looked::at(run, extractor, &manifest.image_path(&manifest.rows[row]), true)?;
            monitor.advance(1);
            ReportImage::answered(run, &of.image, &looked, Some(&of.labels))?.line()
        };
        for line in batch.par_iter().map(read).collect::<Result<Vec<_>>>()? {
            writeln!(file, "{line}").map_err(fail)?;
        }
    }
    monitor.end();
    file.flush().map_err(fail)?;
    let name = manifest.path.display();
    let head = ReportHead {
        title: format!("{name}, {}", measured.title()),
        kind: ReportKind::Evaluate,
        set: Some(report_set(
            &evaluation.set,
            &evaluation.outputs,
            &evaluation.table,
            &evaluation.metrics,
            run.model.coverage,
        )),
    };
    let written = BufReader::new(File::open(&lines).map_err(|e| Error::io("read", &lines, e))?);
    write_report(&folder.join("report.html"), run, &head, written)?;
    std::fs::remove_file(&lines).map_err(|e| Error::io("remove", &lines, e))
}
