use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use sdmad::{
    Bank, FigureId, FigureTable, Manifest, MapSource, Measure, Measured, Method, PhantomConfig, PrecisionChoice, Run,
    Scope, Settings, ShortSupply, Shots, SignTruth, TestSet, TextSource, TrainPlan, View, draw_shots,
    generate_phantoms,
};
use sdmad_base::{AtomicDir, Error, Monitor, Result};
use sdmad_encoders::DEFAULT_ENCODER;

use super::compare::{Compared, measure};
use super::evaluate::{Page, evaluate_run};
use super::train::train_plan;
use super::{print_json, print_line};
use crate::args::DemoArgs;
use crate::tables::{RESEARCH_USE, figure, markdown_rows, short};
use crate::terminal::Terminal;

/// Phantoms of the demo. With these, so many draws and views, two cores with AVX2 alone take less than three minutes.
const IMAGES: usize = 240;
/// Images of normal and of each category that a run learns from.
const SHOTS: usize = 8;
/// Draws of shots that figures are means over.
const DRAWS: u64 = 2;
/// Views of an image, of the thirteen that a run takes by default: encoding them is most of the work.
const VIEWS: [View; 5] = [View::Plain, View::Flipped, View::Cropped, View::Turned, View::CroppedFlipped];

/// What the demo compares: a name, a method, and what stands for the words of a sign.
const METHODS: [(&str, Method, TextSource); 6] = [
    ("sdmad", Method::Sdmad, TextSource::Signs),
    ("linear probe", Method::LinearProbe, TextSource::Signs),
    ("pixels", Method::Pixels, TextSource::Signs),
    ("signs swapped", Method::Sdmad, TextSource::Swapped),
    ("random words", Method::Sdmad, TextSource::Random),
    ("no text", Method::Sdmad, TextSource::OneHot),
];
/// How many of them stand in the first table; the rest are controls.
const SHOWN: usize = 3;

/// Question, figure.
const ROWS: [(&str, FigureId); 5] = [
    ("P1 is there any finding?", FigureId::Detection(Measure::Auroc)),
    ("P2 which finding: against normal", FigureId::VsNormal(Scope::Macro, Measure::Auroc)),
    ("P2 which finding: against the other findings", FigureId::VsOther(Scope::Macro, Measure::Auroc)),
    ("P3 which findings, among all images", FigureId::AmongAll(Scope::Macro, Measure::Auroc)),
    ("P3 mean average precision", FigureId::AmongAll(Scope::Macro, Measure::AveragePrecision)),
];

pub(crate) fn run(args: DemoArgs, terminal: &Terminal) -> Result<ExitCode> {
    let out = match args.out {
        Some(out) => out,
        None => free_name("sdmad-demo"),
    };
    drop(AtomicDir::create(&out)?);
    let phantoms = out.join("phantoms");
    let config = PhantomConfig { images: IMAGES, ..PhantomConfig::default() };
    terminal.notice(&format!("drawing {IMAGES} ultrasound-like phantoms into {}", phantoms.display()));
    generate_phantoms(&config, &phantoms, terminal)?;
    let manifest = Manifest::read(&phantoms.join("manifest.csv"))?;
    let truth = SignTruth::read(&phantoms.join("signs.csv"))?;

    let mut methods = Vec::new();
    let mut set = None;
    for (name, method, source) in METHODS {
        let mut draws = Vec::new();
        for draw in 0..DRAWS {
            let folder = out.join(format!("{}-{draw}", name.replace(' ', "-")));
            let evaluation =
                one_run(&manifest, &truth, method, source, draw, args.precision.into(), &folder, terminal)?;
            set.get_or_insert(evaluation.set);
            draws.push(evaluation.outputs);
        }
        methods.push(Compared { name: name.into(), draws });
    }
    let set = set.ok_or_else(|| Error::bad_input("the demo has no methods"))?;
    // Baselines have no signs: the three protocols are compared on the set without them.
    let plain = set.clone().with_sign_labels(Vec::new(), vec![Vec::new(); set.images().len()])?;
    let with_signs: Vec<Compared> =
        methods.iter().enumerate().filter(|(i, _)| is_sdmad(*i)).map(|(_, m)| clone(m)).collect();
    let without: Vec<Compared> = methods.iter().map(without_signs).collect();
    let (figures, _) = measure(&plain, &without, terminal)?;
    let (sign_figures, _) = measure(&set, &with_signs, terminal)?;
    if args.json {
        print_json(&as_json(&out, &methods, &figures))?;
    } else {
        print_line(&report(&set, &methods, &figures, &sign_figures, &out))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn is_sdmad(index: usize) -> bool {
    METHODS[index].1 == Method::Sdmad
}

fn clone(m: &Compared) -> Compared {
    Compared { name: m.name.clone(), draws: m.draws.clone() }
}

fn without_signs(m: &Compared) -> Compared {
    let mut m = clone(m);
    m.draws.iter_mut().flat_map(|d| d.outputs.iter_mut().flatten()).for_each(|o| o.signs.clear());
    m
}

/// The first of `name`, `name-2`, `name-3` … that is not taken: a second demo writes over nothing.
fn free_name(name: &str) -> PathBuf {
    let taken = |p: &Path| p.exists();
    std::iter::once(PathBuf::from(name))
        .chain((2..).map(|n| PathBuf::from(format!("{name}-{n}"))))
        .find(|p| !taken(p))
        .unwrap_or_else(|| PathBuf::from(name))
}

#[allow(clippy::too_many_arguments)]
fn one_run(
    manifest: &Manifest,
    truth: &SignTruth,
    method: Method,
    source: TextSource,
    draw: u64,
    precision: PrecisionChoice,
    folder: &Path,
    terminal: &Terminal,
) -> Result<sdmad::Evaluation> {
    let (bank, _) = Bank::open("phantom")?.restricted_to(&manifest.categories)?;
    let mut settings = Settings::default();
    settings.text.source = source;
    settings.features.views = VIEWS.to_vec();
    if !is_shown(method, source, draw) {
        settings.maps.source = MapSource::Off;
    }
    let plan = TrainPlan {
        manifest: manifest.clone(),
        bank: Some(bank),
        method,
        settings,
        support: draw_shots(manifest, Shots::Each(SHOTS), draw, ShortSupply::Refuse)?,
        shots: SHOTS.to_string(),
        draw,
    };
    let run_folder = folder.join("run");
    train_plan(&plan, DEFAULT_ENCODER, precision, &run_folder, terminal)?;
    let truth = (method == Method::Sdmad).then_some(truth);
    let batch = sdmad::DEFAULT_BATCH;
    let evaluation = folder.join("evaluation");
    let page = if is_shown(method, source, draw) { Page::Written } else { Page::None };
    evaluate_run(&Run::open(&run_folder)?, manifest, Measured::Test, truth, batch, &evaluation, page, terminal)
}

/// Whether a run is the one whose report is shown: sdmad by its true signs, the first draw.
fn is_shown(method: Method, source: TextSource, draw: u64) -> bool {
    (method, source, draw) == (METHODS[0].1, METHODS[0].2, 0)
}

/// Mean AUROC over the signs of the truth.
fn mean_sign_auroc(set: &TestSet, table: &FigureTable) -> Option<f64> {
    let values: Vec<f64> =
        (0..set.signs().len()).filter_map(|s| table.get(FigureId::Sign(s)).and_then(|f| f.value())).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn report(
    set: &TestSet,
    methods: &[Compared],
    figures: &[FigureTable],
    sign_figures: &[FigureTable],
    out: &Path,
) -> String {
    let mut rows = vec![vec!["question (AUROC; .5 is chance)".to_string()]];
    rows[0].extend(methods.iter().take(SHOWN).map(|m| m.name.clone()));
    for (question, id) in ROWS {
        let cells = figures.iter().take(SHOWN).map(|t| figure(t.get(id)));
        rows.push(std::iter::once(question.to_string()).chain(cells).collect());
    }
    let mut controls = vec![["control", "P3 macro AUROC", "mean AUROC of signs"].map(String::from).to_vec()];
    let mut signs = sign_figures.iter();
    for (index, method) in methods.iter().enumerate().filter(|(i, _)| is_sdmad(*i)) {
        let sign_mean = signs.next().and_then(|t| mean_sign_auroc(set, t)).map_or("–".into(), short);
        let name = if index == 0 { "true signs".to_string() } else { method.name.clone() };
        controls.push(vec![name, figure(figures[index].get(ROWS[3].1)), sign_mean]);
    }
    let images = set.images().len();
    format!(
        "\nsdmad on phantoms: {SHOTS} images of normal and of each of {} findings to learn from, {images} test images,\n\
         means over {DRAWS} draws of shots with 95 % intervals; {} views of each image, where a run takes {} by default\n\n{}\n\n\
         Do the words of the signs matter? Beside the shots, signs are read by an alignment that was taught on drawn findings,\n\
         some of them on lesion-free images of this generator (of another seed), so phantoms flatter it.\n\
         With swapped or random words it says what is false or nothing; without text only the shots speak.\n\n{}\n\n\
         runs, scores and figures: {}\n\
         a report to open in a browser, image by image: {}\n{RESEARCH_USE}",
        set.categories().len(),
        VIEWS.len(),
        View::ALL.len(),
        markdown_rows(&rows),
        markdown_rows(&controls),
        out.display(),
        out.join(format!("{}-0", methods[0].name.replace(' ', "-"))).join("evaluation").join("report.html").display()
    )
}

fn as_json(out: &Path, methods: &[Compared], figures: &[FigureTable]) -> serde_json::Value {
    let methods: Vec<_> = methods
        .iter()
        .zip(figures)
        .map(|(m, table)| {
            let rows: serde_json::Map<_, _> =
                ROWS.iter().map(|(question, id)| (question.to_string(), json!(table.get(*id)))).collect();
            json!({"name": m.name, "figures": rows})
        })
        .collect();
    json!({"schema": 1, "out": out, "shots": SHOTS, "draws": DRAWS, "methods": methods})
}
