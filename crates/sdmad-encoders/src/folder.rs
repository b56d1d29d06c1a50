//! Model folders: which kind one is, and what it says about its towers.

use std::path::{Path, PathBuf};

use sdmad_base::{Error, Result, read_to_string};
use serde::de::DeserializeOwned;

use crate::{EncoderFile, ImageArchitecture, PreprocessEntry, TextArchitecture};

mod fields;
mod hugging_face;
mod known;
mod open_clip;

/// What a model folder says, without its numbers.
pub(crate) struct ModelFolder {
    pub(crate) folder: PathBuf,
    pub(crate) name: String,
    pub(crate) image: ImageArchitecture,
    pub(crate) preprocess: PreprocessEntry,
    pub(crate) text: TextArchitecture,
    pub(crate) weights: WeightFiles,
}

/// Where the numbers of the two towers stand.
pub(crate) enum WeightFiles {
    /// A file for each tower, with the SHA-256 that it must have. There is no joint space.
    Apart { image: (PathBuf, String), text: (PathBuf, String), tokenizer: (PathBuf, String) },
    /// One file for both, with the temperature of their joint space.
    Together(PathBuf),
}

const OURS: &str = "encoder.json";
const OPEN_CLIP: &str = "open_clip_config.json";
const HUGGING_FACE: &str = "config.json";

impl ModelFolder {
    /// Finds out what a folder holds.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            let hint = if folder.is_file() {
                "name the folder that the model's files are in; a single checkpoint file (.pt, .bin) cannot be read, see the crate's documentation on converting it"
            } else {
                "check the path; `sdmad encoder pull` fetches the default encoder"
            };
            return Err(Error::bad_input(format!("{} is no folder", folder.display())).with_hint(hint));
        }
        let has = |name: &str| folder.join(name).is_file();
        let model = if has(OURS) {
            ours(folder)?
        } else if has(OPEN_CLIP) {
            open_clip::read(folder)?
        } else if has(HUGGING_FACE) {
            hugging_face::read(folder)?
        } else {
            return Err(Error::bad_input(format!(
                "{} is no model folder: it has none of {OURS}, {OPEN_CLIP} and {HUGGING_FACE}",
                folder.display()
            ))
            .with_hint(match checkpoint_in(folder) {
                Some(_) => TO_CONVERT,
                None => "name the folder that the model's configuration and weights are in",
            }));
        };
        model.image.check().map_err(|e| e.at(format!("{}, image tower", folder.display())))?;
        model.text.check().map_err(|e| e.at(format!("{}, text tower", folder.display())))?;
        if model.preprocess.size != model.image.image_size {
            return Err(Error::bad_input(format!(
                "{}: preprocessing gives pictures of {} pixels, and the image tower takes {}",
                folder.display(),
                model.preprocess.size,
                model.image.image_size
            )));
        }
        Ok(model)
    }
}

fn ours(folder: &Path) -> Result<ModelFolder> {
    let file = EncoderFile::read(&folder.join(OURS))?;
    let hashed = |named: crate::HashedFile| (folder.join(named.file), named.sha256);
    Ok(ModelFolder {
        folder: folder.to_path_buf(),
        name: file.name,
        image: file.image.architecture,
        preprocess: file.image.preprocess,
        text: file.text.architecture,
        weights: WeightFiles::Apart {
            image: hashed(file.image.weights),
            text: hashed(file.text.weights),
            tokenizer: hashed(file.text.tokenizer),
        },
    })
}

/// The next step for a checkpoint that is no safetensors file.
const TO_CONVERT: &str = "sdmad reads safetensors: load the model in Python with the library that it is for, and save it with `save_pretrained(…, safe_serialization=True)` (transformers) or `open_clip.push_to_hf_hub.save_for_hf` (open_clip; it loads OpenAI's .pt files too)";

/// The weights file of a folder: the first of `names` that is there.
fn weights_file(folder: &Path, names: &[&str]) -> Result<PathBuf> {
    if let Some(name) = names.iter().find(|name| folder.join(name).is_file()) {
        return Ok(folder.join(name));
    }
    let error = Error::bad_input(match checkpoint_in(folder) {
        Some(name) => format!("{} has `{name}`, and no {}", folder.display(), names.join(" or ")),
        None => format!("{} has no weights: no {}", folder.display(), names.join(" or ")),
    });
    Err(if folder.join("model.safetensors.index.json").is_file() {
        error.with_hint("weights in several files are not supported: save the model with `max_shard_size=\"10GB\"`")
    } else if checkpoint_in(folder).is_some() {
        error.with_hint(TO_CONVERT)
    } else {
        error.with_hint("fetch the whole folder")
    })
}

/// The name of a checkpoint of PyTorch in the folder, first by name.
fn checkpoint_in(folder: &Path) -> Option<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| [".pt", ".bin", ".pth", ".ckpt"].iter().any(|end| name.ends_with(end)))
        .collect();
    names.sort();
    names.into_iter().next()
}

/// Last part of a path, as a model's name.
fn folder_name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    whole.file_name().map_or_else(|| "model".to_string(), |name| name.to_string_lossy().into_owned())
}

/// Reads a JSON file of a model folder.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_str(&read_to_string(path)?)
        .map_err(|e| Error::bad_input(format!("{}: {e}", path.display())).with_hint("fetch the model's folder again"))
}

/// CLIP's own mean and standard deviation of red, green and blue.
const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

#[cfg(test)]
mod tests;
