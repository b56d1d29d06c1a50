//! One cell: what `train` and `evaluate` do, by the same calls.

use std::fs;

use sdmad::{
    CellStore, DEFAULT_BATCH, Extractor, Method, Run, Scored, ShortSupply, Shots, TrainPlan, draw_shots,
    measured_features, score_features,
};
use sdmad_base::{Error, Kind, Monitor, Result};

use super::prepare::{OpenSet, Pending, Prepared};
use super::stage::Shared;
use crate::verbs::features_of_run;
use crate::verbs::train::fit_plan;

/// Computes a cell and writes it. What the data do not allow is written with its reason.
///
/// # Errors
/// What the environment refuses, and an interrupt.
pub(super) fn compute(
    prepared: &Prepared<'_>,
    pending: &Pending,
    open: &OpenSet,
    shared: &Shared,
    store: &CellStore,
    monitor: &dyn Monitor,
) -> Result<()> {
    let key = pending.inputs.key();
    let dir = store.begin(&key)?;
    // The run goes through its folder, so that a cell is what `train` and `evaluate` give to the last bit.
    let folder = dir.path().join("run");
    let measured = train_and_score(prepared, pending, open, shared, &folder, monitor);
    let (run, scored) = match measured {
        Ok(measured) => measured,
        Err(e) if e.kind() == Kind::BadInput => {
            drop(dir);
            let place = format!("{}/", folder.display());
            let why = prepared.reason(&e).replace(&place, "").replace(&folder.display().to_string(), "of this cell");
            store.write_refusal(pending.inputs.clone(), why)?;
            return Ok(());
        }
        Err(e) => return Err(e),
    };
    fs::remove_dir_all(&folder).map_err(|e| Error::io("remove", &folder, e))?;
    CellStore::write(dir, pending.inputs.clone(), &run, &open.manifest, prepared.config.split, scored)?;
    Ok(())
}

fn train_and_score(
    prepared: &Prepared<'_>,
    pending: &Pending,
    open: &OpenSet,
    shared: &Shared,
    folder: &std::path::Path,
    monitor: &dyn Monitor,
) -> Result<(Run, Scored)> {
    let (config, name) = (prepared.config, &pending.name);
    let method = &config.methods[name.method];
    let shots = if name.shots == 0 { Shots::Zero } else { Shots::Each(name.shots) };
    let short_supply = if config.short_supply { ShortSupply::Take } else { ShortSupply::Refuse };
    let plan = TrainPlan {
        support: draw_shots(&open.manifest, shots, name.draw, short_supply)?,
        manifest: open.manifest.clone(),
        bank: Some(open.bank.clone()),
        method: method.method,
        settings: prepared.settings(name),
        shots: name.shots.to_string(),
        draw: name.draw,
    };
    let shelf = &prepared.shelves[name.encoder];
    fit_plan(&plan, shelf, method.precision, monitor)?.write(folder)?;
    let run = Run::open(folder)?;
    let truth = open.truth.as_ref().filter(|_| run.model.signs.is_some());
    let measured = config.split;
    let take =
        |extractor: &Extractor<'_>| measured_features(&open.manifest, measured, extractor, DEFAULT_BATCH, monitor);
    let scored = match shared.of(&run) {
        Some(features) => score_features(&run, &open.manifest, measured, truth, &features)?,
        None if method.method == Method::Pixels => {
            score_features(&run, &open.manifest, measured, truth, &take(&Extractor::Pixels)?)?
        }
        None => {
            let record = run.config.encoder.as_ref().map(|e| e.precision);
            let precision = record.ok_or_else(|| Error::bad_input("a run without an encoder: expected one"))?;
            let encoder = shelf.open(precision, monitor)?;
            run.check_image_tower(encoder.image_tower())?;
            let features = take(&features_of_run(encoder.image_tower(), &run)?)?;
            score_features(&run, &open.manifest, measured, truth, &features)?
        }
    };
    Ok((run, scored))
}
