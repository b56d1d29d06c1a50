use std::path::PathBuf;

use rayon::prelude::*;
use sdmad_base::{Error, Result};
use sdmad_encoders::Encoder;
use sdmad_imaging::{RgbImage, read_image};

use super::problem::Problem;
use super::{
    Baseline, ClassText, Fitted, FittedBaseline, adapted_patches, clip_adapter, coop, mvfa, normal_knn, prototype,
    text_reader, tip_adapter, tip_adapter_f, zero_shot_name,
};
use crate::features::ImageReader;
use crate::{Bank, ChosenAlignment, Coexistence, ImageFeatures, Method, Settings, SupportSet};

/// What a baseline is fitted from.
pub(crate) struct BaselinePlan<'a> {
    pub(crate) method: Method,
    pub(crate) encoder: Option<&'a Encoder>,
    pub(crate) alignment: Option<&'a ChosenAlignment>,
    pub(crate) bank: Option<&'a Bank>,
    pub(crate) categories: &'a [String],
    pub(crate) settings: &'a Settings,
    pub(crate) support: &'a SupportSet,
    pub(crate) features: &'a [ImageFeatures],
    pub(crate) paths: &'a [PathBuf],
    pub(crate) coexistence: Coexistence,
    pub(crate) draw: u64,
}

/// A baseline, and the columns of each shot by a fit without its fold, where there are folds.
pub(crate) fn fit_baseline(plan: &BaselinePlan<'_>) -> Result<(Baseline, Option<Vec<Vec<f64>>>)> {
    let name = plan.method.name();
    let Some(encoder) = plan.encoder else {
        return Err(Error::bad_input(format!("{name} needs an encoder")).with_hint("give --encoder"));
    };
    if plan.support.labels.is_empty() && plan.method != Method::ZeroShotName {
        return Err(Error::bad_input(format!(
            "--shots 0: {name} learns from shots, at least one of normal and of each category"
        ))
        .with_hint("give --shots 1 or more, or --method zero-shot-name or zero-shot-signs"));
    }
    let text = if plan.method.reads_names() {
        ClassText::of(encoder, plan.alignment, plan.bank, plan.categories, plan.settings)
    } else {
        None
    };
    let readings: Vec<Vec<f32>> = plan.features.iter().map(|f| f.attributes.clone()).collect();
    if let Some(text) = &text
        && let Some(reading) = readings.iter().find(|r| r.len() != text.weights.columns())
    {
        return Err(Error::bad_input(format!(
            "{name}: {} numbers were read in an image; the names are compared with {}",
            reading.len(),
            text.weights.columns()
        ))
        .with_hint("give the extractor the reader of `text_reader`"));
    }
    let folds = plan.support.folds(plan.settings.bridge.folds, plan.draw);
    let problem = Problem {
        support: plan.support,
        readings: &readings,
        means: plan.features.iter().map(ImageFeatures::mean).collect(),
        folds,
        coexistence: plan.coexistence,
        text: text.clone(),
        seed: plan.draw,
    };
    let mut reader = text_reader(encoder, plan.alignment);
    let Fitted { baseline: fitted, choices, out_of_fold } = match plan.method {
        Method::Prototype => prototype::fit(&problem),
        Method::TipAdapter => tip_adapter::fit(&problem),
        Method::TipAdapterF => tip_adapter_f::fit(&problem),
        Method::ClipAdapter => clip_adapter::fit(&problem, encoder.joint().is_some()),
        Method::Coop => match coop::fit(&problem, plan, encoder)? {
            Some(fitted) => fitted,
            None => return Err(no_names(name)),
        },
        Method::ZeroShotName => match text {
            Some(text) => zero_shot_name::fit(&problem, text),
            None => return Err(no_names(name)),
        },
        Method::NormalKnn => {
            let images: Vec<RgbImage> = plan.paths.par_iter().map(|path| read_image(path)).collect::<Result<_>>()?;
            let (fitted, memory) = normal_knn::fit(&problem, encoder.image_tower(), &images)?;
            reader = Some(ImageReader::Patches(memory));
            fitted
        }
        Method::Mvfa => {
            let images: Vec<RgbImage> = plan.paths.par_iter().map(|path| read_image(path)).collect::<Result<_>>()?;
            let patches = mvfa::Patches {
                tokens: &adapted_patches::all_tokens(encoder.image_tower(), &images),
                directions: &mvfa::directions(encoder, plan.alignment, plan.bank),
            };
            let (fitted, adapted) = mvfa::fit(&problem, &patches);
            reader = Some(ImageReader::AdaptedPatches(adapted));
            fitted
        }
        Method::Sdmad | Method::LinearProbe | Method::Pixels => {
            return Err(Error::environment(format!("{name} is not fitted as a baseline")));
        }
    };
    let width = plan.support.blocks.iter().map(|b| b.width).sum();
    let reader = reader.filter(|_| fitted.needs_reading());
    Ok((Baseline { fitted, reader, choices, width }, out_of_fold))
}

fn no_names(method: &str) -> Error {
    Error::bad_input(format!("{method} needs a pair of encoders that reads names")).with_hint(
        "a joint encoder (CLIP) does, and the default pair by its shipped alignment; `sdmad align` makes one for another",
    )
}

impl FittedBaseline {
    /// Whether something is read in an image beside its features.
    fn needs_reading(&self) -> bool {
        match self {
            FittedBaseline::Prototype(_) => false,
            FittedBaseline::Names(_) | FittedBaseline::NormalKnn(_) | FittedBaseline::Mvfa(_) => true,
            FittedBaseline::TipAdapter(model) => model.text.is_some(),
            FittedBaseline::ClipAdapter(model) => model.space.is_none() || model.text.is_some(),
        }
    }
}
