//! Folders as `CLIPModel.save_pretrained` and `CLIPProcessor.save_pretrained` write them.

use std::path::Path;

use sdmad_base::{Error, Result};
use serde_json::{Map, Value};

use super::fields::Fields;
use super::{CLIP_MEAN, CLIP_STD, HUGGING_FACE, ModelFolder, WeightFiles, folder_name, read_json, weights_file};
use crate::{
    ActivationName, FilterName, FitName, ImageArchitecture, ImageLayout, ImagePooling, NormPosition, PreprocessEntry,
    ProjectionShape, TextArchitecture, TextLayout, TextPooling,
};

pub(super) fn read(folder: &Path) -> Result<ModelFolder> {
    let path = folder.join(HUGGING_FACE);
    let mut config = Fields::new(read_json(&path)?, path.display().to_string())?;
    let model_type: String = config.or("model_type", String::new())?;
    if model_type != "clip" {
        return Err(config
            .error(format!("`model_type` is `{model_type}`; `clip` can be read"))
            .with_hint("an encoder is a pair of an image tower and a text tower; name a CLIP folder"));
    }
    // Defaults are those of CLIPConfig, CLIPVisionConfig and CLIPTextConfig: a file holds only what differs.
    let projection = ProjectionShape::Linear { width: config.or("projection_dim", 512)?, bias: false };
    let image = image(part(&mut config, "vision")?, projection)?;
    let text = text(part(&mut config, "text")?, projection)?;
    let preprocess = preprocess(folder, image.image_size)?;
    Ok(ModelFolder {
        folder: folder.to_path_buf(),
        name: folder_name(folder),
        image,
        preprocess,
        text,
        weights: WeightFiles::Together(weights_file(folder, &["model.safetensors"])?),
    })
}

/// `vision_config` or `text_config`. Older files repeat it as `…_config_dict`, which wins as a whole in `transformers`.
fn part(config: &mut Fields, name: &str) -> Result<Fields> {
    let own = config.object(&format!("{name}_config"))?;
    let repeated: Option<Map<String, Value>> = config.optional(&format!("{name}_config_dict"))?;
    match repeated {
        Some(map) => Fields::new(Value::Object(map), format!("{name}_config_dict")),
        None => Ok(own),
    }
}

fn image(mut config: Fields, projection: ProjectionShape) -> Result<ImageArchitecture> {
    let image_size = config.side("image_size")?.unwrap_or(224);
    let patch_size = config.side("patch_size")?.unwrap_or(32);
    let channels = config.or("num_channels", 3usize)?;
    if channels != 3 {
        return Err(config.error(format!("`num_channels` is {channels}; 3 is expected")));
    }
    Ok(ImageArchitecture {
        layout: ImageLayout::HuggingFaceClip,
        image_size,
        patch_size,
        position_grid: image_size.checked_div(patch_size).unwrap_or(0),
        width: config.or("hidden_size", 768)?,
        layers: config.or("num_hidden_layers", 12)?,
        heads: config.or("num_attention_heads", 12)?,
        mlp_width: config.or("intermediate_size", 3072)?,
        activation: activation(&mut config)?,
        norm_epsilon: config.or("layer_norm_eps", 1e-5)?,
        patch_bias: false,
        norm_before_blocks: true,
        class_token: true,
        layer_scale: false,
        pooling: ImagePooling::ClassToken,
        projection,
    })
}

fn text(mut config: Fields, projection: ProjectionShape) -> Result<TextArchitecture> {
    let positions = config.or("max_position_embeddings", 77)?;
    Ok(TextArchitecture {
        layout: TextLayout::HuggingFaceClip,
        vocabulary: config.or("vocab_size", 49408)?,
        positions,
        context_length: positions,
        token_types: 0,
        width: config.or("hidden_size", 512)?,
        layers: config.or("num_hidden_layers", 12)?,
        heads: config.or("num_attention_heads", 8)?,
        mlp_width: config.or("intermediate_size", 2048)?,
        activation: activation(&mut config)?,
        norm_epsilon: config.or("layer_norm_eps", 1e-5)?,
        norm: NormPosition::Pre,
        causal: true,
        // 2 is a mistake of the first files, for which `transformers` looks for the largest id.
        pooling: match config.or("eos_token_id", 49407u32)? {
            2 => TextPooling::LargestId,
            id => TextPooling::Id(id),
        },
        projection,
    })
}

fn activation(config: &mut Fields) -> Result<ActivationName> {
    match config.or("hidden_act", "quick_gelu".to_string())?.as_str() {
        "quick_gelu" => Ok(ActivationName::QuickGelu),
        "gelu" => Ok(ActivationName::Gelu),
        other => Err(config.error(format!("`hidden_act` is `{other}`; quick_gelu and gelu are supported"))),
    }
}

/// `preprocessor_config.json`, or `image_processor` in the newer `processor_config.json`.
fn preprocess(folder: &Path, image_size: usize) -> Result<PreprocessEntry> {
    let (own, shared) = (folder.join("preprocessor_config.json"), folder.join("processor_config.json"));
    let mut config = if own.is_file() {
        Fields::new(read_json(&own)?, own.display().to_string())?
    } else if shared.is_file() {
        Fields::new(read_json(&shared)?, shared.display().to_string())?.object("image_processor")?
    } else {
        return Err(Error::bad_input(format!("{} lacks preprocessor_config.json", folder.display()))
            .with_hint("fetch the whole folder: how a picture is resized and normalised stands there"));
    };
    for (key, wanted) in [("do_resize", true), ("do_rescale", true), ("do_normalize", true)] {
        if config.or(key, wanted)? != wanted {
            return Err(config.error(format!("`{key}` is {}; {wanted} is expected", !wanted)));
        }
    }
    let crop = config.or("do_center_crop", true)?;
    let (size, fit) = match config.optional::<Value>("size")? {
        None => (image_size, FitName::ShortestThenCenterCrop),
        Some(value) => match (value.as_u64(), sides(&value)) {
            (Some(shortest), _) => (to_size(shortest), FitName::ShortestThenCenterCrop),
            (_, (Some(shortest), ..)) => (to_size(shortest), FitName::ShortestThenCenterCrop),
            (_, (_, Some(height), Some(width))) if height == width => (to_size(height), FitName::Squash),
            _ => return Err(config.error(format!("`size` is {value}; a shortest edge or a square is expected"))),
        },
    };
    let cropped = match config.optional::<Value>("crop_size")? {
        None => size,
        Some(value) => match (value.as_u64(), sides(&value)) {
            (Some(side), _) => to_size(side),
            (_, (_, Some(height), Some(width))) if height == width => to_size(height),
            _ => return Err(config.error(format!("`crop_size` is {value}; a square is expected"))),
        },
    };
    if fit == FitName::ShortestThenCenterCrop && (!crop || cropped != size) {
        return Err(config.error(format!(
            "the shorter side becomes {size} pixels, and then {}; a centre crop of the same size is expected",
            if crop { format!("{cropped} are cut out") } else { "nothing is cut out".to_string() }
        )));
    }
    Ok(PreprocessEntry {
        size,
        fit,
        // Numbers of Pillow's filters.
        filter: match config.or("resample", 3)? {
            1 => FilterName::Lanczos3,
            2 => FilterName::Bilinear,
            3 => FilterName::Bicubic,
            other => return Err(config.error(format!("`resample` is {other}; 1, 2 and 3 are supported"))),
        },
        mean: config.or("image_mean", CLIP_MEAN)?,
        std: config.or("image_std", CLIP_STD)?,
    })
}

/// `shortest_edge`, `height` and `width` of a size object.
fn sides(value: &Value) -> (Option<u64>, Option<u64>, Option<u64>) {
    (value["shortest_edge"].as_u64(), value["height"].as_u64(), value["width"].as_u64())
}

/// What is too large for a size fails the comparison with the tower's.
fn to_size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
