//! Training: from a plan to a model and the record of how it came about.

mod record;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;
use serde_json::json;

use sdmad_base::{Error, Monitor, Result};
use sdmad_encoders::Encoder;
use sdmad_engine::instruction_path;
use sdmad_imaging::read_image;

pub use record::{BankRecord, BaselineRecord, EncoderRecord, RUN_FORMAT, ReaderName, RunConfig, TrainedRun};

use crate::Settings;
use crate::adapt;
use crate::align::mean_of;
use crate::baseline::{BaselinePlan, choose_probe_form, fit_baseline};
use crate::bridge::column_label;
use crate::features::{DEFAULT_BATCH, Rows};
use crate::maps::{MapPlan, fit_maps};
use crate::model::{Coexistence, Reading};
use crate::select::{SelectionMode, select_by_support};
use crate::sign_text::{effective_bank, sign_embeddings, sign_sets, word_embeddings};
use crate::{
    Bank, Baseline, Bridge, Calibration, CalibrationSettings, ChosenAlignment, Conformal, DEFAULT_COVERAGE, Extractor,
    FeatureBlock, FittedBridge, HeldOut, ImageFeatures, ImageReader, Label, Looks, Manifest, Method, Model,
    NormalVariationUse, RunAlignment, ScopeModel, SignMap, SignModel, Standard, Support, SupportSet, TextSource,
    shot_records,
};

/// Everything that a training run depends on.
#[derive(Clone, Debug)]
pub struct TrainPlan {
    /// The data.
    pub manifest: Manifest,
    /// The sign bank with the manifest's categories only ([`Bank::restricted_to`]); of it, methods of others read the
    /// names of the classes alone, and the probe and the pixel baseline nothing.
    pub bank: Option<Bank>,
    /// How images are scored.
    pub method: Method,
    /// All settings.
    pub settings: Settings,
    /// The shots.
    pub support: Support,
    /// How the shots were asked for: `16`, `all`, or the name of a list.
    pub shots: String,
    /// The number of the draw.
    pub draw: u64,
}

/// Most of the support images, one in so many, that may have two categories for them to count as exclusive.
const EXCLUSIVE_ONE_IN: usize = 20;

/// Seconds from which on a stage is worth a line on the terminal; `training.jsonl` has them all.
const WORTH_SAYING: f64 = 1.0;

/// Trains a run.
///
/// # Errors
/// When an image of the support set cannot be read, a category has no image, or `monitor` asks to stop.
pub fn train(
    plan: &TrainPlan,
    encoder: Option<&Encoder>,
    alignment: Option<&ChosenAlignment>,
    extractor: &Extractor<'_>,
    monitor: &dyn Monitor,
) -> Result<TrainedRun> {
    let mut log = Vec::new();
    let mut clock = Instant::now();
    let mut stage = |log: &mut Vec<serde_json::Value>, name: &str| {
        let seconds = (clock.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        log.push(json!({"stage": name, "seconds": seconds}));
        if seconds >= WORTH_SAYING {
            monitor.notice(&format!("{name}: {seconds:.1} s"));
        }
        clock = Instant::now();
    };

    let paths = plan.shot_paths();
    let features =
        extractor.files(&paths, Rows::Views, DEFAULT_BATCH, monitor)?.into_iter().collect::<Result<Vec<_>>>()?;
    stage(&mut log, "image features");

    let mut support = plan.support_set(&features, extractor.blocks())?;
    if plan.method == Method::Sdmad && plan.settings.alignment.normal_variation == NormalVariationUse::Whitened {
        let known = alignment.and_then(|chosen| chosen.variation.clone());
        support.variation = known.filter(|v| v.fits(&plan.settings.features, &support.blocks));
    }
    let settings = plan.applied_settings();
    let zero_shot = plan.support.rows.is_empty();
    let coexistence = coexistence(&support.labels);
    let baseline = if plan.method.is_baseline() {
        let fitted = fit_baseline(&BaselinePlan {
            method: plan.method,
            encoder,
            alignment,
            bank: plan.bank.as_ref(),
            categories: &plan.manifest.categories,
            settings: &settings,
            support: &support,
            features: &features,
            paths: &paths,
            coexistence,
            draw: plan.draw,
        })?;
        stage(&mut log, plan.method.name());
        Some(fitted)
    } else {
        None
    };
    let fitted = if baseline.is_some() {
        FittedBridge::zeros(0, &[], &settings.bridge)
    } else if zero_shot {
        FittedBridge::zeros(plan.manifest.categories.len() + 1, &support.blocks, &settings.bridge)
    } else {
        Bridge::fit(&support, &settings.bridge, plan.draw)?
    };
    let (fitted, probe) = match plan.method {
        Method::LinearProbe => choose_probe_form(fitted, &support, &settings.bridge, coexistence, &mut log)?,
        _ => (fitted, None),
    };
    stage(&mut log, "closed-form bridge");

    let masks: Vec<Vec<Vec<PathBuf>>> = plan.support.rows.iter().map(|&r| mask_paths(&plan.manifest, r)).collect();
    let (fitted, adapters) = match (plan.method, encoder, &plan.bank) {
        (Method::Sdmad, Some(encoder), Some(bank)) if settings.adapters.wanted() && !zero_shot => {
            let outcome = adapt::train_adapters(
                &adapt::AdaptProblem {
                    encoder,
                    bank,
                    settings: &settings,
                    categories: &plan.manifest.categories,
                    paths: &paths,
                    masks: &masks,
                    support: &support,
                    draw: plan.draw,
                },
                fitted,
                monitor,
                &mut log,
            )?;
            stage(&mut log, "adapters");
            outcome
        }
        _ => (fitted, adapt::TowerAdapters::default()),
    };

    let attributes: Vec<Vec<f32>> = features.iter().map(|f| f.attributes.clone()).collect();
    let fewest = std::iter::once(&plan.support.normal).chain(&plan.support.for_category).map(Vec::len).min();
    let fewest = fewest.unwrap_or(0);
    // Without words there is nothing that an alignment could read.
    let worded = plan.method == Method::Sdmad && settings.text.source != TextSource::OneHot;
    let prior_of = alignment.filter(|_| worded).map(|chosen| PriorPlan {
        chosen,
        weight: settings.alignment.weight_at(fewest, chosen.part.domain),
        attributes: &attributes,
    });
    if zero_shot && prior_of.is_none() && baseline.is_none() {
        return Err(Error::bad_input("--shots 0: zero-shot needs a pair of encoders that reads signs").with_hint(
            "the default encoder does by its shipped alignment; `sdmad align` makes one for another encoder",
        ));
    }
    let signs = match (plan.method, encoder, &plan.bank) {
        (Method::Sdmad, Some(encoder), Some(bank)) => Some(sign_model(
            bank,
            encoder,
            &adapters,
            &plan.manifest.categories,
            &settings,
            &support,
            &fitted,
            prior_of.as_ref(),
        )?),
        (Method::Sdmad, ..) => {
            return Err(
                Error::bad_input("sdmad needs an encoder and a sign bank").with_hint("give --signs and --encoder")
            );
        }
        _ => None,
    };
    let (baseline, baseline_out_of_fold) = baseline.unzip();
    let read_by = |chosen: &ChosenAlignment, weight: f64| RunAlignment {
        source: chosen.source.clone(),
        sha256: chosen.sha256.clone(),
        domain: chosen.part.domain.id().to_string(),
        weight,
    };
    let run_alignment = match (&prior_of, &baseline) {
        (Some(prior), _) => Some(read_by(prior.chosen, prior.weight)),
        (None, Some(Baseline { reader: Some(ImageReader::Attributes(_)), choices, .. })) => {
            alignment.map(|chosen| read_by(chosen, choices.text_weight.unwrap_or(1.0)))
        }
        // Where its adapters' training started.
        (None, Some(Baseline { reader: Some(ImageReader::AdaptedPatches(_)), .. })) => {
            alignment.map(|chosen| read_by(chosen, 1.0))
        }
        _ => None,
    };
    let mut model = Model {
        method: plan.method,
        categories: plan.manifest.categories.clone(),
        bridge: fitted.bridge.clone(),
        signs,
        baseline,
        probe,
        coexistence,
        calibration: Calibration::unfitted(plan.manifest.categories.len(), &CalibrationSettings::default()),
        normal_calibration: Calibration::unfitted(1, &CalibrationSettings::default()),
        maps: None,
        without_fold: Vec::new(),
        coverage: DEFAULT_COVERAGE,
        prevalence: BTreeMap::new(),
    };
    let readings: Option<Vec<Reading>> = match (baseline_out_of_fold.flatten(), &fitted.out_of_fold) {
        (Some(columns), _) => Some(columns.into_iter().map(|columns| model.reading_of(columns)).collect()),
        (None, Some(scores)) => {
            Some(scores.iter().zip(&attributes).map(|(u, v)| model.read_signs(u.clone(), v)).collect())
        }
        (None, None) => None,
    };
    if let Some(readings) = readings {
        let of_row = fitted.folds.as_ref().filter(|_| !fitted.without_fold.is_empty()).map(|f| f.of_row.clone());
        model.without_fold.clone_from(&fitted.without_fold);
        calibrate(&mut model, &readings, &support, of_row.as_deref())?;
    }
    stage(&mut log, "selection and calibration");
    if let (Method::Sdmad, Some(encoder)) = (plan.method, encoder) {
        let words = model.signs.as_ref().and_then(|s| s.prior.as_ref().map(|prior| (prior, &s.map.sets)));
        let tower = encoder.image_tower();
        let labels = &support.labels;
        let plan = MapPlan { tower, settings: &settings.maps, paths: &paths, labels, masks: &masks, words };
        model.maps = fit_maps(&plan, monitor)?;
        stage(&mut log, "maps");
    }

    let support_features: Vec<Vec<f32>> = features.iter().map(ImageFeatures::mean).collect();
    let scope = if settings.scope.learnt {
        let look = |path: &PathBuf| {
            monitor.check()?;
            Ok(Looks::of(&read_image(path)?))
        };
        let looks = paths.par_iter().map(look).collect::<Result<Vec<_>>>()?;
        ScopeModel::of(&support_features, &looks)
    } else {
        None
    };
    stage(&mut log, "what shots look like");

    let fingerprints: Vec<[u64; 4]> = features.iter().map(|f| f.fingerprint.words()).collect();
    let config = RunConfig {
        format: RUN_FORMAT,
        sdmad: env!("CARGO_PKG_VERSION").to_string(),
        method: plan.method,
        encoder: encoder.map(EncoderRecord::of),
        instructions: instruction_path().name().to_string(),
        categories: plan.manifest.categories.clone(),
        manifest_sha256: plan.manifest.sha256.clone(),
        bank: model.signs.as_ref().map(|s| BankRecord::of(&s.bank)),
        shots: plan.shots.clone(),
        draw: plan.draw,
        support_counts: std::iter::once(&plan.support.normal).chain(&plan.support.for_category).map(Vec::len).collect(),
        short: plan.support.short.iter().map(|s| s.category.clone()).collect(),
        used_up: plan.support.used_up.clone(),
        coexistence,
        selection: model.signs.as_ref().map(|s| s.mode),
        alignment: run_alignment,
        probe_l2: fitted.probe_l2,
        probe,
        fold_models: model.without_fold.len(),
        maps: model.maps.as_ref().map(|m| m.origin),
        baseline: model.baseline.as_ref().map(BaselineRecord::of),
        image_adapters: adapters.image.keys().copied().collect(),
        text_adapters: adapters.text.keys().copied().collect(),
        settings,
    };
    Ok(TrainedRun {
        config,
        model,
        adapters,
        shots: shot_records(&plan.manifest, &plan.support, &fingerprints)?,
        support_features,
        scope,
        thumbnails: Vec::new(),
        log,
    })
}

/// An alignment, its weight, and what it reads in the support images.
struct PriorPlan<'a> {
    chosen: &'a ChosenAlignment,
    weight: f64,
    attributes: &'a [Vec<f32>],
}

/// The mask files of a row, for each category.
pub(crate) fn mask_paths(manifest: &Manifest, row: usize) -> Vec<Vec<PathBuf>> {
    let masks = &manifest.rows[row].masks;
    let files = |category: &String| masks.of_category(category).into_iter().map(|name| manifest.file_path(name));
    manifest.categories.iter().map(|category| files(category).collect()).collect()
}

impl TrainPlan {
    /// The files of the shots.
    pub fn shot_paths(&self) -> Vec<PathBuf> {
        self.support.rows.iter().map(|&r| self.manifest.image_path(&self.manifest.rows[r])).collect()
    }

    /// The shots with these features.
    pub(crate) fn support_set(&self, features: &[ImageFeatures], blocks: Vec<FeatureBlock>) -> Result<SupportSet> {
        let rows = || self.support.rows.iter().map(|&r| &self.manifest.rows[r]);
        let support = SupportSet {
            views: features.iter().map(|f| f.views.clone()).collect(),
            labels: rows().map(|row| row.labels.clone()).collect(),
            patients: rows().map(|row| row.patient.clone()).collect(),
            blocks,
            variation: None,
        };
        if !self.support.rows.is_empty() {
            check_support(&support, &self.manifest.categories)?;
        }
        Ok(support)
    }

    /// The settings as the method applies them.
    pub(crate) fn applied_settings(&self) -> Settings {
        let mut settings = self.settings.clone();
        if self.method != Method::Sdmad {
            settings.bridge.probe_weight = 1.0;
        }
        settings
    }
}

/// Every category, and normal, needs an image to learn from.
fn check_support(support: &SupportSet, categories: &[String]) -> Result<()> {
    for column in 0..=categories.len() {
        if !support.labels.iter().any(|l| column_label(l, column) == Label::Present) {
            let name = if column == 0 { "normal" } else { &categories[column - 1] };
            return Err(Error::bad_input(format!("the support set has no image of `{name}`: expected at least one"))
                .with_hint("give more shots, or take the category's column out of the manifest"));
        }
    }
    Ok(())
}

fn coexistence(labels: &[Vec<Label>]) -> Coexistence {
    let several = labels.iter().filter(|l| l.iter().filter(|&&l| l == Label::Present).count() > 1).count();
    if several * EXCLUSIVE_ONE_IN > labels.len() { Coexistence::MultiLabel } else { Coexistence::Exclusive }
}

#[allow(clippy::too_many_arguments)]
fn sign_model(
    original: &Bank,
    encoder: &Encoder,
    adapters: &adapt::TowerAdapters,
    categories: &[String],
    settings: &Settings,
    support: &SupportSet,
    fitted: &FittedBridge,
    prior_of: Option<&PriorPlan<'_>>,
) -> Result<SignModel> {
    let bank = effective_bank(original, &settings.text);
    let map = if adapters.text.is_empty() {
        let embeddings = sign_embeddings(&bank, encoder, &settings.text);
        SignMap::new(&embeddings, sign_sets(&bank, categories), settings.text.membership)?
    } else {
        adapt::adapted_sign_coordinates(encoder, original, categories, &settings.text, &adapters.text)?
    };
    let ids: Vec<String> = bank.signs.iter().map(|s| s.id.clone()).collect();
    let prior = prior_of.map(|plan| {
        let words = word_embeddings(&bank, categories, encoder);
        settings.alignment.prior(&plan.chosen.part, &words, &map.sets, plan.weight, settings.text.seed)
    });
    let read = |(image, bridged): (usize, &Vec<f64>)| {
        let mut all = map.similarities(bridged);
        if let (Some(prior), Some(plan)) = (&prior, prior_of) {
            all.iter_mut().zip(prior.similarities(&plan.attributes[image])).for_each(|(a, p)| *a += p);
        }
        all
    };
    let similarities: Option<Vec<Vec<f64>>> =
        fitted.out_of_fold.as_ref().map(|scores| scores.iter().enumerate().map(read).collect());
    let selection = similarities
        .as_ref()
        .map(|a| select_by_support(a, &support.labels, &map.sets, &ids, settings.selection.keep))
        .unwrap_or_default();
    let mode = match (settings.selection.mode, &similarities) {
        (SelectionMode::Auto, _) if support.labels.is_empty() => SelectionMode::None,
        (SelectionMode::Auto, _) => SelectionMode::Image,
        // Without out-of-fold scores nothing can be selected by the support set.
        (SelectionMode::Support, None) => SelectionMode::None,
        (SelectionMode::Both, None) => SelectionMode::Image,
        (mode, _) => mode,
    };
    let taught = mean_taught(&map, fitted, support);
    let by_words = prior.as_ref().zip(prior_of);
    let by_words = by_words.and_then(|(p, plan)| p.standards(&plan.chosen.part, similarities.is_some(), &taught));
    let standards = match (by_words, &similarities, &prior) {
        (Some(by_words), _, _) => by_words,
        (None, Some(a), _) => {
            let of_sign = |s: usize| Standard::of(&a.iter().map(|row| row[s]).collect::<Vec<f64>>());
            (0..bank.signs.len()).map(of_sign).collect()
        }
        (None, None, Some(prior)) => prior.spreads.iter().map(|&spread| Standard::of_spread(spread)).collect(),
        (None, None, None) => vec![Standard::of(&[]); bank.signs.len()],
    };
    Ok(SignModel {
        bank,
        map,
        prior,
        selection,
        mode,
        settings: settings.selection.clone(),
        logit_scale: settings.loss.logit_scale,
        standards,
    })
}

/// What the shots taught of each sign, on average over the shots: out of fold where there are folds; 0 without a shot.
fn mean_taught(map: &SignMap, fitted: &FittedBridge, support: &SupportSet) -> Vec<f64> {
    let taught: Vec<Vec<f64>> = match &fitted.out_of_fold {
        Some(scores) => scores.iter().map(|scores| map.similarities(scores)).collect(),
        None => support.views.iter().flatten().map(|row| map.similarities(&fitted.bridge.scores(row))).collect(),
    };
    if taught.is_empty() { vec![0.0; map.sets.signs()] } else { mean_of(&taught) }
}

/// Fits probabilities and three-way answers on out-of-fold readings, as the model with its selection gives them. `folds` says which
/// fold's model read each shot, where the model keeps them.
fn calibrate(model: &mut Model, readings: &[Reading], support: &SupportSet, folds: Option<&[usize]>) -> Result<()> {
    let among: Vec<Vec<f64>> = readings.iter().map(|r| model.among_all(&r.columns)).collect();
    model.calibration = Calibration::fit(&among, &support.labels, &CalibrationSettings::default())?;
    for (c, category) in model.calibration.categories.iter_mut().enumerate() {
        let held_out: Vec<HeldOut> = among
            .iter()
            .enumerate()
            .map(|(shot, r)| HeldOut { score: r[c], fold: folds.map_or(0, |of_row| of_row[shot]) })
            .collect();
        category.conformal = Conformal::new(&held_out, &support.labels, c);
    }
    let normal: Vec<Vec<f64>> = readings.iter().map(|r| vec![-r.detection]).collect();
    let truth: Vec<Vec<Label>> = support.labels.iter().map(|l| vec![column_label(l, 0)]).collect();
    model.normal_calibration = Calibration::fit(&normal, &truth, &CalibrationSettings::default())?;
    Ok(())
}
