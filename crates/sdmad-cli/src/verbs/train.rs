use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sdmad::{
    Bank, ChosenAlignment, Extractor, Manifest, Method, PrecisionChoice, Preset, Settings, ShortSupply, Shots, Support,
    TrainPlan, TrainedRun, choose_precision, draw_shots, read_support_list, text_reader, train,
};
use sdmad_base::{AtomicDir, Error, Monitor, Result, read_to_string};
use sdmad_imaging::{encode_jpeg, read_image, shrink_to};
use sdmad_synthesis::Domain;

use super::{Shelf, cached_features, open_image_tower, reading};
use crate::args::{MethodName, TrainArgs};
use crate::terminal::Terminal;

pub(crate) fn run(args: TrainArgs, terminal: &Terminal) -> Result<ExitCode> {
    // Nothing is computed that could not be written.
    drop(AtomicDir::create(&args.out)?);
    let plan = plan(&args, terminal)?;
    let mut trained = fit_plan(&plan, &Shelf::new(&args.encoder), args.precision.into(), terminal)?;
    if args.keep_thumbnails {
        trained.thumbnails = thumbnails(&plan)?;
    }
    trained.write(&args.out)?;
    terminal.notice(&format!("wrote {}", args.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// Longest side and JPEG quality of a thumbnail.
const THUMBNAIL: (usize, u8) = (160, 80);

/// Small pictures of the shots.
fn thumbnails(plan: &TrainPlan) -> Result<Vec<Vec<u8>>> {
    let picture = |path: &PathBuf| encode_jpeg(&shrink_to(&read_image(path)?, THUMBNAIL.0), THUMBNAIL.1);
    plan.shot_paths().iter().map(picture).collect()
}

/// Trains a plan and writes its run folder.
pub(crate) fn train_plan(
    plan: &TrainPlan,
    encoder: &str,
    precision: PrecisionChoice,
    out: &Path,
    monitor: &dyn Monitor,
) -> Result<()> {
    fit_plan(plan, &Shelf::new(encoder), precision, monitor)?.write(out)
}

/// Trains a plan with an encoder that may be open already.
pub(crate) fn fit_plan(
    plan: &TrainPlan,
    shelf: &Shelf,
    precision: PrecisionChoice,
    monitor: &dyn Monitor,
) -> Result<TrainedRun> {
    let mut trained = match plan.method {
        Method::Pixels => train(plan, None, None, &Extractor::Pixels, monitor)?,
        _ => {
            let (precision, mut log) = match precision {
                PrecisionChoice::Fixed(precision) => (precision, Vec::new()),
                PrecisionChoice::Auto => choose_precision(
                    plan,
                    &|precision| open_image_tower(shelf.name(), precision, monitor),
                    &|tower| cached_features(tower, &plan.settings.features),
                    monitor,
                )?,
            };
            let encoder = shelf.open(precision, monitor)?;
            let mut extractor = cached_features(encoder.image_tower(), &plan.settings.features)?;
            let alignment = match &plan.bank {
                Some(bank) if plan.method == Method::Sdmad => {
                    ChosenAlignment::of(&plan.settings.alignment, &bank.modality, &encoder)?
                }
                // In a joint space names need no alignment.
                bank if plan.method.reads_alignment() && encoder.joint().is_none() => {
                    let modality = bank.as_ref().map_or("a medical image", |b| b.modality.as_str());
                    ChosenAlignment::of(&plan.settings.alignment, modality, &encoder)?
                }
                _ => None,
            };
            if plan.method.reads_names()
                && let Some(reader) = text_reader(&encoder, alignment.as_ref())
            {
                extractor = reading(extractor, reader)?;
            } else if let (Some(chosen), Method::Sdmad) = (&alignment, plan.method) {
                let domain = chosen.part.domain;
                monitor.notice(&format!("signs are read by the alignment {}, domain {}", chosen.source, domain.id()));
                let asked = &plan.settings.alignment;
                if domain == Domain::General && (asked.source.as_str(), asked.domain.as_str()) == ("shipped", "auto") {
                    let modality = plan.bank.as_ref().map_or("", |bank| bank.modality.as_str());
                    monitor.notice(&format!(
                        "no drawn kind of image is near {modality:?}, so words may tell nothing; \
                         `--set alignment.domain=…` names a kind, `sdmad align --normals` learns from your own normal images"
                    ));
                }
                extractor = reading(extractor, chosen.part.reader.clone())?;
            }
            let mut trained = train(plan, Some(&encoder), alignment.as_ref(), &extractor, monitor)?;
            log.append(&mut trained.log);
            trained.log = log;
            trained
        }
    };
    let place = Path::new(shelf.name());
    if let Some(record) = &mut trained.config.encoder
        && place.is_dir()
    {
        // The folder's own name would be looked for in the cache.
        let folder = std::path::absolute(place).map_err(|e| Error::io("find", place, e))?;
        record.name = folder.display().to_string();
    }
    Ok(trained)
}

fn plan(args: &TrainArgs, terminal: &Terminal) -> Result<TrainPlan> {
    let manifest = Manifest::read(&args.data)?;
    let bank = match &args.signs {
        None if Method::from(args.method) == Method::Sdmad => {
            return Err(Error::bad_input("--signs is missing: sdmad needs a sign bank")
                .with_hint("name a bank.toml or a shipped bank (`sdmad signs list`)"));
        }
        None => None,
        Some(spec) => {
            let (bank, notices) = Bank::open(spec)?.restricted_to(&manifest.categories)?;
            notices.iter().for_each(|n| terminal.notice(n));
            Some(bank)
        }
    };
    let (support, shots) = support(args, &manifest)?;
    for short in &support.short {
        terminal.notice(&format!("only {} of {} shots of {}", short.got, short.wanted, short.category));
    }
    Ok(TrainPlan {
        manifest,
        bank,
        method: args.method.into(),
        settings: settings(args)?,
        support,
        shots,
        draw: args.draw,
    })
}

fn support(args: &TrainArgs, manifest: &Manifest) -> Result<(Support, String)> {
    if let Some(list) = &args.support {
        return Ok((read_support_list(list, manifest)?, format!("list {}", list.display())));
    }
    let zero_shot = matches!(args.method, MethodName::ZeroShotSigns | MethodName::ZeroShotName).then_some("0");
    let Some(asked) = zero_shot.or(args.shots.as_deref()) else {
        return Err(Error::bad_input("neither --shots nor --support is given").with_hint(
            "--shots 16 draws sixteen images of normal and of each category; --shots all takes every train image",
        ));
    };
    let shots = match asked {
        "all" => Shots::All,
        "0" => Shots::Zero,
        number => Shots::Each(
            number.parse().map_err(|_| Error::bad_input(format!("--shots {number}: expected a number, or all")))?,
        ),
    };
    let short_supply = if args.short_supply { ShortSupply::Take } else { ShortSupply::Refuse };
    Ok((draw_shots(manifest, shots, args.draw, short_supply)?, asked.to_string()))
}

fn settings(args: &TrainArgs) -> Result<Settings> {
    let mut settings = Preset::named(&args.preset)?.settings();
    if let Some(path) = &args.config {
        settings = settings.with_toml(&read_to_string(path)?, &path.display().to_string())?;
    }
    if let Some(alignment) = &args.alignment {
        settings.alignment.source.clone_from(alignment);
    }
    for pair in &args.set {
        settings = settings.with_pair(pair)?;
    }
    Ok(settings)
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Sdmad | MethodName::ZeroShotSigns => Method::Sdmad,
            MethodName::LinearProbe => Method::LinearProbe,
            MethodName::Pixels => Method::Pixels,
            MethodName::Prototype => Method::Prototype,
            MethodName::ZeroShotName => Method::ZeroShotName,
            MethodName::TipAdapter => Method::TipAdapter,
            MethodName::TipAdapterF => Method::TipAdapterF,
            MethodName::ClipAdapter => Method::ClipAdapter,
            MethodName::Coop => Method::Coop,
            MethodName::NormalKnn => Method::NormalKnn,
            MethodName::Mvfa => Method::Mvfa,
        }
    }
}
