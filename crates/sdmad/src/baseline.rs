//! Other people's methods on the same shots and the same frozen towers (docs/baselines.md).
//!
//! A baseline gives one logit for normal and one for each category; what a run says of an image follows from them by one
//! rule for all ([`Model::score`](crate::Model::score)). Its settings are chosen by the class-balanced loss out of fold,
//! where the support set allows folds, and are the constants of its file where it does not.
//!
//! | module | holds |
//! |---|---|
//! | `problem` | what a baseline is fitted on, and the choice of least loss |
//! | `balanced_loss` | the loss of training and of every choice |
//! | `feature_space` | where feature rows are compared |
//! | `class_text` | what the names of the classes say of an image |
//! | `prototype`, `zero_shot_name`, `tip_adapter`, `tip_adapter_f`, `clip_adapter`, `coop`, `normal_knn`, `mvfa` | the methods |
//! | `patch_memory` | patches of normal images |
//! | `patch_detector`, `adapted_patches` | what `mvfa` trains, and what it reads in an image |
//! | `probe_form` | whether the linear probe is one against the rest, or multinomial |
//! | `train` | from shots to a fitted baseline |

mod adapted_patches;
mod balanced_loss;
mod class_text;
mod clip_adapter;
mod coop;
mod feature_space;
mod mvfa;
mod normal_knn;
mod patch_detector;
mod patch_memory;
mod probe_form;
mod problem;
mod prototype;
mod tip_adapter;
mod tip_adapter_f;
mod train;
mod zero_shot_name;

use sdmad_base::{Error, Result};
use sdmad_encoders::ImageTower;
use serde::{Deserialize, Serialize};

pub use adapted_patches::{AdaptedPatches, PatchLevel};
pub(crate) use balanced_loss::{BalancedLoss, log_sum_exp};
pub use class_text::{ClassText, text_reader};
pub use clip_adapter::ClipAdapter;
pub use feature_space::{FeatureSpace, SpaceName};
pub use mvfa::Mvfa;
pub use normal_knn::{NormalKnn, Statistic};
pub use patch_detector::PatchDetector;
pub use patch_memory::PatchMemory;
pub(crate) use probe_form::choose_probe_form;
pub use prototype::Prototype;
pub use tip_adapter::{Blend, TipAdapter};
pub(crate) use train::{BaselinePlan, fit_baseline};

use crate::align::ImageTokens;
use crate::features::ImageReader;

/// A fitted baseline: all that it needs to score an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// The method and its numbers.
    pub fitted: FittedBaseline,
    /// What reads an image for it beside the features, if anything does.
    pub reader: Option<ImageReader>,
    /// What was chosen inside the support set.
    pub choices: BaselineChoices,
    /// Numbers of a feature row.
    pub width: usize,
}

/// The numbers of a fitted baseline.
#[derive(Clone, Debug, PartialEq)]
pub enum FittedBaseline {
    /// Nearest class mean.
    Prototype(Prototype),
    /// The names alone, with a learned context or without.
    Names(ClassText),
    /// A cache of the shots, trained or not.
    TipAdapter(TipAdapter),
    /// An adapter before fixed class weights.
    ClipAdapter(ClipAdapter),
    /// Distances from normal patches.
    NormalKnn(NormalKnn),
    /// Adapted patches.
    Mvfa(Mvfa),
}

/// What a baseline chose inside the support set, or its defaults; a method leaves out what it does not have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BaselineChoices {
    /// Where features are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceName>,
    /// Factor of distances or cosines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Tip-Adapter's α.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// Tip-Adapter's β.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta: Option<f64>,
    /// Weight of what the names say beside the shots; none where no names are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_weight: Option<f64>,
    /// Share of an adapter's output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Steps of training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// What numbers of patches are summed up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<Statistic>,
    /// The distance in the middle between normal and not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centre: Option<f64>,
    /// The unit of distances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// The class-balanced loss out of fold of what was chosen; none where nothing could be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_fold_loss: Option<f64>,
}

/// A fitted baseline with what was measured on the way.
pub(crate) struct Fitted {
    pub(crate) baseline: FittedBaseline,
    pub(crate) choices: BaselineChoices,
    /// Columns of each shot by a fit without its fold.
    pub(crate) out_of_fold: Option<Vec<Vec<f64>>>,
}

impl Baseline {
    /// A logit for normal and for each category, from an image's mean feature row and its reading.
    pub fn columns(&self, features: &[f32], reading: &[f32]) -> Vec<f64> {
        match &self.fitted {
            FittedBaseline::Prototype(model) => model.columns(features),
            FittedBaseline::Names(text) => text.logits(reading),
            FittedBaseline::TipAdapter(model) => model.columns(features, reading),
            FittedBaseline::ClipAdapter(model) => model.columns(features, reading),
            FittedBaseline::NormalKnn(model) => model.columns(reading),
            FittedBaseline::Mvfa(model) => model.columns(reading),
        }
    }
}

impl Baseline {
    /// Checks that what is read in an image by this tower is what the baseline's numbers are for.
    ///
    /// # Errors
    /// Names both widths when it is not.
    pub(crate) fn check_tower(&self, tower: &ImageTower) -> Result<()> {
        let wrong = |what: &str, found: usize, expected: usize| {
            Err(Error::bad_input(format!("{what} of {found} numbers; the encoder's have {expected}"))
                .with_hint("the run folder is damaged: train again"))
        };
        let patch = ImageTokens::widths(tower).1;
        match (&self.fitted, &self.reader) {
            (_, Some(ImageReader::Patches(memory))) if memory.patches.columns() != patch => {
                wrong("patches", memory.patches.columns(), patch)
            }
            (_, Some(ImageReader::AdaptedPatches(patches))) => {
                let levels = AdaptedPatches::layers(tower).len();
                let other = patches.levels.iter().map(|l| l.detector.head.columns()).find(|&w| w != tower.width());
                match other {
                    Some(width) => wrong("adapted patches", width, tower.width()),
                    None if patches.levels.len() != levels => {
                        wrong("levels of adapted patches", patches.levels.len(), levels)
                    }
                    None => Ok(()),
                }
            }
            (FittedBaseline::ClipAdapter(model), Some(ImageReader::Embedding))
                if model.down.columns() != tower.embedding_width() =>
            {
                wrong("an adapter behind embeddings", model.down.columns(), tower.embedding_width())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
