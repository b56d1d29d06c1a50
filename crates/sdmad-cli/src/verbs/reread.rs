//! A run with its signs read from another bank, without training.

use sdmad::{Bank, ChosenAlignment, Run, SignModel, with_signs};
use sdmad_base::{Error, Monitor, Result};
use sdmad_encoders::Encoder;

use super::open_encoder;

/// The signs of a run.
pub(crate) fn signs_of(run: &Run) -> Result<&SignModel> {
    run.model.signs.as_ref().ok_or_else(|| {
        Error::bad_input(format!("the run {} has no signs", run.folder.display()))
            .with_hint("only runs of --method sdmad read signs")
    })
}

/// Both towers of the encoder that a run with signs was trained with.
pub(crate) fn open_encoder_of(run: &Run, monitor: &dyn Monitor) -> Result<Encoder> {
    signs_of(run)?;
    let Some(record) = &run.config.encoder else {
        return Err(Error::bad_input(format!("the run {} names no encoder", run.folder.display()))
            .with_hint("the run folder is damaged: train again"));
    };
    let encoder = open_encoder(&record.name, record.precision, monitor)?;
    run.check_image_tower(encoder.image_tower())?;
    Ok(encoder)
}

/// The run with the signs of a bank that has its categories. They are read by the alignment that the run was trained with, in
/// its domain, whatever the bank calls the kind of image.
pub(crate) fn reread(run: &Run, bank: Bank, encoder: &Encoder) -> Result<Run> {
    let modality = &signs_of(run)?.bank.modality;
    let mut settings = run.config.settings.alignment.clone();
    if let Some(known) = &run.config.alignment {
        settings.domain.clone_from(&known.domain);
    }
    let alignment = ChosenAlignment::of(&settings, modality, encoder)?;
    if let (Some(known), Some(found)) = (&run.config.alignment, &alignment)
        && known.sha256 != found.sha256
    {
        return Err(Error::bad_input(format!(
            "the alignment {} has SHA-256 {}; the run was trained with {}",
            found.source, found.sha256, known.sha256
        ))
        .with_hint("train the run again with this version, or name the alignment that it was trained with"));
    }
    Ok(Run { model: with_signs(run, bank, encoder, alignment.as_ref())?, ..run.clone() })
}
