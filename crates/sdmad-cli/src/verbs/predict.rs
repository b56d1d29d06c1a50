mod partial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rayon::prelude::*;

use sdmad::{
    DEFAULT_BATCH, Extractor, Looked, MapFile, ModelRecord, Prediction, ReportHead, ReportImage, ReportKind, Run,
    image_files, spread_out, write_report,
};
use sdmad_base::{Error, Monitor, Result, sha256_hex};
use sdmad_imaging::{GreyImage, write_png_grey};

use self::partial::Partial;
use super::{check_precision, features_of_run, open_run, open_tower_of, print_line};
use crate::args::PredictArgs;
use crate::tables::RESEARCH_USE;
use crate::terminal::Terminal;

const PREDICTIONS: &str = "predictions.jsonl";
const REPORT: &str = "report.html";
const MAPS: &str = "maps";

pub(crate) fn run(args: PredictArgs, terminal: &Terminal) -> Result<ExitCode> {
    let target = args.out.join(PREDICTIONS);
    let report = args.out.join(REPORT);
    if let Some(there) = [&target, &report].into_iter().find(|path| path.exists()) {
        return Err(Error::bad_input(format!("{} exists", there.display()))
            .with_hint("name another folder with --out, or move this file away; nothing was written over"));
    }
    let run = open_run(&args.run, &args.answers)?;
    check_precision(&run, args.precision)?;
    if args.maps && run.model.maps.is_none() {
        return Err(Error::bad_input(format!("--maps: the run {} has no maps", run.folder.display()))
            .with_hint("maps need a normal shot, and an alignment or masks: docs/report.md"));
    }
    let files = image_files(&args.inputs)?;
    let tower = open_tower_of(&run, terminal)?;
    let extractor = match &tower {
        None => Extractor::Pixels,
        Some(tower) => features_of_run(tower, &run)?,
    };
    let record = run.model_record()?;

    std::fs::create_dir_all(&args.out).map_err(|e| Error::io("make", &args.out, e))?;
    let mut partial = Partial::open(&args.out, &key(&run, &record, &args, &files)?)?;
    if partial.done() > 0 {
        terminal.notice(&format!("{} of {} images are done from before", partial.done(), files.len()));
    }
    let predictor = Predictor { run: &run, record: &record, extractor: &extractor, args: &args };
    terminal.begin("predicting", files.len());
    terminal.advance(partial.done());
    let numbered: Vec<(usize, &PathBuf)> = files.iter().enumerate().skip(partial.done()).collect();
    for batch in numbered.chunks(DEFAULT_BATCH) {
        terminal.check()?;
        let lines = batch
            .par_iter()
            .map(|(number, file)| {
                let lines = predictor.image(*number, file);
                terminal.advance(1);
                lines
            })
            .collect::<Result<Vec<_>>>()?;
        for (prediction, report) in &lines {
            partial.add(prediction, report)?;
        }
        partial.flush()?;
    }
    terminal.end();
    let failed = failures(&partial, &target, terminal)?;
    if !args.no_report {
        let head = ReportHead { title: format!("{} images", files.len()), kind: ReportKind::Predict, set: None };
        write_report(&report, &run, &head, partial.report()?)?;
    }
    partial.finish(&target)?;
    let answered = files.len() - failed;
    let page = if args.no_report { String::new() } else { format!("\nreport: {}", report.display()) };
    print_line(&format!("{answered} of {} images answered: {}{page}\n{RESEARCH_USE}", files.len(), target.display()))?;
    Ok(if failed > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Names everything that a line depends on, so that lines of another run or of changed files are not taken up.
fn key(run: &Run, record: &ModelRecord, args: &PredictArgs, files: &[PathBuf]) -> Result<String> {
    let mut text = serde_json::to_string(record)
        .map_err(|e| Error::environment(format!("the record of the model cannot be written as JSON: {e}")))?;
    let model = &run.model;
    text.push_str(&format!("\n{} {:?} {} {}", model.coverage, model.prevalence, args.maps, args.no_report));
    for file in files {
        let stamp = std::fs::metadata(file).ok().map(|m| (m.len(), m.modified().ok()));
        text.push_str(&format!("\n{} {stamp:?}", file.display()));
    }
    Ok(sha256_hex(text.as_bytes())[..16].to_string())
}

/// Says which images could not be read, and counts them.
fn failures(partial: &Partial, target: &Path, terminal: &Terminal) -> Result<usize> {
    #[derive(serde::Deserialize)]
    struct Line {
        error: Option<String>,
    }
    let mut failed = 0;
    for line in partial.predictions()? {
        let line = line.map_err(|e| Error::io("read the lines of", target, e))?;
        if let Ok(Line { error: Some(error) }) = serde_json::from_str(&line) {
            failed += 1;
            terminal.notice(&error);
        }
    }
    Ok(failed)
}

struct Predictor<'a> {
    run: &'a Run,
    record: &'a ModelRecord,
    extractor: &'a Extractor<'a>,
    args: &'a PredictArgs,
}

impl Predictor<'_> {
    /// The lines of an image in `predictions.jsonl` and in the report.
    fn image(&self, number: usize, file: &Path) -> Result<(String, String)> {
        let name = file.display().to_string();
        let wanted = self.args.maps || !self.args.no_report;
        let (prediction, shown) = match Looked::at(self.run, self.extractor, file, wanted) {
            Ok(looked) => {
                let maps = if self.args.maps { self.write_maps(number, &looked)? } else { Vec::new() };
                let shown = if self.args.no_report {
                    String::new()
                } else {
                    ReportImage::answered(self.run, &name, &looked, None)?.line()?
                };
                (looked.prediction(self.run, self.record, name, maps), shown)
            }
            Err(error) => {
                let prediction = Prediction::failed(name.clone(), &error);
                let shown = ReportImage::failed(&name, &error.to_string(), self.run.model.categories.len()).line()?;
                (prediction, shown)
            }
        };
        let line = serde_json::to_string(&prediction)
            .map_err(|e| Error::environment(format!("a prediction cannot be written as JSON: {e}")))?;
        Ok((line, shown))
    }

    /// Writes the maps of any anomaly and of each category as grey pictures of the image's size.
    fn write_maps(&self, number: usize, looked: &Looked) -> Result<Vec<MapFile>> {
        let Some(maps) = &looked.maps else { return Ok(Vec::new()) };
        let folder = self.args.out.join(MAPS);
        std::fs::create_dir_all(&folder).map_err(|e| Error::io("make", &folder, e))?;
        let (width, height) = (looked.picture.width(), looked.picture.height());
        let named = std::iter::once(("any", &maps.any))
            .chain(self.run.model.categories.iter().map(String::as_str).zip(&maps.categories));
        named
            .map(|(of, map)| {
                let pixels = spread_out(map, maps.grid, maps.seen, width, height);
                let grey = pixels.iter().map(|v| (v * 255.0).round() as u8).collect();
                let file = format!("{MAPS}/{:05}-{of}.png", number + 1);
                write_png_grey(&self.args.out.join(&file), &GreyImage::new(width, height, grey)?)?;
                Ok(MapFile { of: of.to_string(), file })
            })
            .collect()
    }
}
