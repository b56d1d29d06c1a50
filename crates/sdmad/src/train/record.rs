//! What a run writes down about itself.

use serde::{Deserialize, Serialize};

use sdmad_encoders::Encoder;
use sdmad_engine::Precision;

use crate::adapt::TowerAdapters;
use crate::select::SelectionMode;
use crate::{
    Bank, Baseline, BaselineChoices, Coexistence, ImageReader, MapOrigin, Method, Model, ProbeForm, RunAlignment,
    ScopeModel, Settings, ShotRecord,
};

/// What a run is, as `adapter_config.json` says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The number that grows when the run folder's shape changes.
    pub format: u32,
    /// The version of sdmad that wrote it.
    pub sdmad: String,
    /// How images are scored.
    pub method: Method,
    /// The encoder, the hashes of its weights and their precision; none for the pixel baseline.
    pub encoder: Option<EncoderRecord>,
    /// Name of the instruction path that it was trained on: on another one bits may differ.
    pub instructions: String,
    /// Category ids, in the order of every list.
    pub categories: Vec<String>,
    /// SHA-256 of the manifest.
    pub manifest_sha256: String,
    /// Name and SHA-256 of the sign bank.
    pub bank: Option<BankRecord>,
    /// How the shots were asked for.
    pub shots: String,
    /// The number of the draw.
    pub draw: u64,
    /// How many images of normal and of each category there are, in the order of `normal` and the categories.
    pub support_counts: Vec<usize>,
    /// Categories with fewer shots than asked for.
    pub short: Vec<String>,
    /// Categories whose shots use up more than half of their train patients.
    pub used_up: Vec<String>,
    /// Whether categories exclude each other in the support set.
    pub coexistence: Coexistence,
    /// The selection that is applied.
    pub selection: Option<SelectionMode>,
    /// The alignment that signs are read by beside the shots, and its weight.
    pub alignment: Option<RunAlignment>,
    /// The strength of logistic regression that was chosen; its default where it takes no part.
    pub probe_l2: f64,
    /// The form of the linear probe that was chosen; none for every other method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeForm>,
    /// How many fold models the tensors hold; 0 where the model of all shots stands in for them.
    #[serde(default)]
    pub fold_models: usize,
    /// Where the run's maps came from; none without maps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maps: Option<MapOrigin>,
    /// What a method of others is made of; none for every other method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineRecord>,
    /// Layers with a trained adapter in the image tower; empty where training did not beat the closed form.
    pub image_adapters: Vec<usize>,
    /// Layers with a trained adapter in the text tower.
    pub text_adapters: Vec<usize>,
    /// All settings.
    pub settings: Settings,
}

/// An encoder as a run remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderRecord {
    /// Its name, or its folder.
    pub name: String,
    /// SHA-256 of the image tower's weights.
    pub image_sha256: String,
    /// SHA-256 of its architecture and preprocessing.
    pub image_recipe_sha256: String,
    /// SHA-256 of the text tower's weights.
    pub text_sha256: String,
    /// That of the towers' blocks.
    #[serde(with = "crate::precision::name")]
    pub precision: Precision,
}

impl EncoderRecord {
    /// The record of an opened encoder.
    pub fn of(encoder: &Encoder) -> Self {
        let identity = encoder.identity();
        EncoderRecord {
            name: identity.name.clone(),
            image_sha256: identity.image_sha256.clone(),
            image_recipe_sha256: encoder.image_tower().recipe_sha256().to_string(),
            text_sha256: identity.text_sha256.clone(),
            precision: identity.precision,
        }
    }
}

/// A method of others as a run remembers it: what does not stand in the tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineRecord {
    /// Numbers of a feature row.
    pub width: usize,
    /// What reads an image beside its features, if anything does.
    pub reader: Option<ReaderName>,
    /// What was chosen inside the support set.
    pub choices: BaselineChoices,
}

/// What reads an image beside its features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReaderName {
    /// Attributes, by an alignment.
    Attributes,
    /// The joint embedding.
    Embedding,
    /// Distances from normal patches.
    Patches,
    /// What is read in adapted patches.
    AdaptedPatches,
}

impl BaselineRecord {
    /// The record of a fitted baseline.
    pub fn of(baseline: &Baseline) -> Self {
        let reader = baseline.reader.as_ref().map(|reader| match reader {
            ImageReader::Attributes(_) => ReaderName::Attributes,
            ImageReader::Embedding => ReaderName::Embedding,
            ImageReader::Patches(_) => ReaderName::Patches,
            ImageReader::AdaptedPatches(_) => ReaderName::AdaptedPatches,
        });
        BaselineRecord { width: baseline.width, reader, choices: baseline.choices.clone() }
    }
}

/// A bank as a run remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankRecord {
    /// Its name.
    pub name: String,
    /// SHA-256 of its canonical text, restricted to the run's categories.
    pub sha256: String,
}

impl BankRecord {
    /// The record of a bank that has the run's categories and no other.
    pub fn of(bank: &Bank) -> Self {
        BankRecord { name: bank.name.clone(), sha256: bank.sha256() }
    }
}

/// A trained run in memory.
#[derive(Clone, Debug)]
pub struct TrainedRun {
    /// What it is.
    pub config: RunConfig,
    /// The model.
    pub model: Model,
    /// Trained adapters of both towers; empty where training did not beat the closed form.
    pub adapters: TowerAdapters,
    /// The shots.
    pub shots: Vec<ShotRecord>,
    /// Mean features of the shots, in their order.
    pub support_features: Vec<Vec<f32>>,
    /// What the shots look like; none where that was not wanted, or there are fewer than three.
    pub scope: Option<ScopeModel>,
    /// Small JPEG pictures of the shots, in their order; empty unless they are to be kept.
    pub thumbnails: Vec<Vec<u8>>,
    /// One JSON object for each step of training, in order.
    pub log: Vec<serde_json::Value>,
}

/// The run folder's format number that this version writes.
pub const RUN_FORMAT: u32 = 6;
