//! Folders as open_clip writes them: `open_clip_config.json` with `model_cfg` and `preprocess_cfg`.

use std::path::Path;

use sdmad_base::Result;
use serde_json::Value;

use super::fields::Fields;
use super::known::KnownModels;
use super::{CLIP_MEAN, CLIP_STD, ModelFolder, OPEN_CLIP, WeightFiles, folder_name, read_json, weights_file};
use crate::{
    ActivationName, FilterName, FitName, ImageArchitecture, ImageLayout, ImagePooling, NormPosition, PreprocessEntry,
    ProjectionShape, TextArchitecture, TextLayout, TextPooling,
};

pub(super) fn read(folder: &Path) -> Result<ModelFolder> {
    let path = folder.join(OPEN_CLIP);
    let mut config = Fields::new(read_json(&path)?, path.display().to_string())?;
    let known = KnownModels::read(folder)?;
    let mut model = config.object("model_cfg")?;
    let width: usize = model.required("embed_dim")?;
    // Defaults are those of CLIP, CLIPVisionCfg and CLIPTextCfg.
    let activation = if model.or("quick_gelu", false)? { ActivationName::QuickGelu } else { ActivationName::Gelu };
    let custom_text = model.or("custom_text", false)?;
    let image = image(model.object("vision_cfg")?, width, activation, &known)?;
    let text = text(model.object("text_cfg")?, width, activation, custom_text, &known)?;
    model.ignore(&["init_logit_scale", "nonscalar_logit_scale"]);
    model.finish()?;
    let preprocess = preprocess(config.object("preprocess_cfg")?, image.image_size)?;
    Ok(ModelFolder {
        folder: folder.to_path_buf(),
        name: folder_name(folder),
        image,
        preprocess,
        text,
        weights: WeightFiles::Together(weights_file(folder, &["open_clip_model.safetensors", "model.safetensors"])?),
    })
}

fn image(
    mut config: Fields,
    embedding: usize,
    activation: ActivationName,
    known: &KnownModels,
) -> Result<ImageArchitecture> {
    // How it was trained, and what only training does.
    config.ignore(&["patch_dropout", "timm_drop", "timm_drop_path", "timm_model_pretrained", "output_tokens"]);
    // Settings of what is refused below when it is switched on.
    config.ignore(&["attn_pooler_queries", "attn_pooler_heads"]);
    if let Some(name) = config.optional::<String>("timm_model_name")? {
        return timm(config, &name, embedding, known);
    }
    let image_size = config.side("image_size")?.unwrap_or(224);
    let patch_size = config.side("patch_size")?.unwrap_or(16);
    let layers: Value = config.or("layers", Value::from(12))?;
    let Some(layers) = layers.as_u64() else {
        return Err(config
            .error(format!("`layers` is {layers}: a convolutional network"))
            .with_hint("only vision transformers can be read"));
    };
    let width: usize = config.or("width", 768)?;
    let head_width: usize = config.or("head_width", 64)?;
    let pooling = match config.or("pool_type", "tok".to_string())?.as_str() {
        "tok" => ImagePooling::ClassToken,
        "avg" => ImagePooling::PatchMean,
        other => return Err(config.error(format!("`pool_type` is `{other}`; tok and avg are supported"))),
    };
    // For one token, the norm before and behind pooling is the same.
    if config.or("final_ln_after_pool", false)? && pooling == ImagePooling::PatchMean {
        return Err(config.error("`final_ln_after_pool` with `pool_type` `avg` is not supported".to_string()));
    }
    if config.optional::<Value>("ls_init_value")?.is_some() {
        return Err(config.error("`ls_init_value` (LayerScale) is not supported".to_string()));
    }
    known_position_embedding(&mut config)?;
    let architecture = ImageArchitecture {
        layout: ImageLayout::OpenClip,
        image_size,
        patch_size,
        position_grid: image_size.checked_div(patch_size).unwrap_or(0),
        width,
        layers: usize::try_from(layers).unwrap_or(usize::MAX),
        heads: width.checked_div(head_width).unwrap_or(0),
        mlp_width: times(width, config.or("mlp_ratio", 4.0)?),
        activation,
        norm_epsilon: norm_epsilon(&mut config)?,
        patch_bias: false,
        norm_before_blocks: !config.or("no_ln_pre", false)?,
        class_token: true,
        layer_scale: false,
        pooling,
        projection: ProjectionShape::Linear { width: embedding, bias: false },
    };
    config.finish()?;
    Ok(architecture)
}

fn timm(mut config: Fields, name: &str, embedding: usize, known: &KnownModels) -> Result<ImageArchitecture> {
    let model = known.timm(name)?;
    if let Some(size) = config.side("image_size")?
        && size != model.image_size
    {
        return Err(config.error(format!("`image_size` is {size}; `{name}` takes {}", model.image_size)));
    }
    // An empty name leaves the model's own pooling, which is the class token.
    let pooling = match config.or("timm_pool", "avg".to_string())?.as_str() {
        "" | "token" => ImagePooling::ClassToken,
        "avg" => ImagePooling::PatchMean,
        other => return Err(config.error(format!("`timm_pool` is `{other}`; token and avg are supported"))),
    };
    let bias = config.or("timm_proj_bias", false)?;
    let projection = match config.or("timm_proj", "linear".to_string())?.as_str() {
        "linear" => ProjectionShape::Linear { width: embedding, bias },
        "mlp" => ProjectionShape::Mlp { hidden: 2 * embedding, hidden_bias: true, width: embedding, bias },
        "none" => ProjectionShape::None,
        other => return Err(config.error(format!("`timm_proj` is `{other}`; linear, mlp and none are supported"))),
    };
    // open_clip gives these to its own transformers only.
    config.ignore(&["width", "layers", "patch_size", "head_width", "mlp_ratio"]);
    config.finish()?;
    Ok(ImageArchitecture {
        layout: ImageLayout::Timm,
        image_size: model.image_size,
        patch_size: model.patch_size,
        position_grid: model.image_size.checked_div(model.patch_size).unwrap_or(0),
        width: model.width,
        layers: model.layers,
        heads: model.heads,
        mlp_width: model.mlp_width,
        // Whatever `quick_gelu` says.
        activation: ActivationName::Gelu,
        norm_epsilon: 1e-6,
        patch_bias: true,
        norm_before_blocks: false,
        class_token: true,
        layer_scale: false,
        pooling,
        projection,
    })
}

fn text(
    mut config: Fields,
    embedding: usize,
    activation: ActivationName,
    custom_text: bool,
    known: &KnownModels,
) -> Result<TextArchitecture> {
    config.ignore(&["hf_tokenizer_name", "tokenizer_kwargs", "output_tokens", "hf_model_pretrained", "pad_id"]);
    let context_length = config.or("context_length", 77)?;
    if let Some(name) = config.optional::<String>("hf_model_name")? {
        return bert(config, &name, embedding, context_length, known);
    }
    let eos_id = config.or("eos_id", 2u32)?;
    let pooling = match config.or("pool_type", "argmax".to_string())?.as_str() {
        "argmax" => TextPooling::LargestId,
        "eos" => TextPooling::Id(eos_id),
        "first" => TextPooling::First,
        other => return Err(config.error(format!("`pool_type` is `{other}`; argmax, eos and first are supported"))),
    };
    if config.or("final_ln_after_pool", false)? {
        return Err(config.error("`final_ln_after_pool` is not supported".to_string()));
    }
    let bias = config.or("proj_bias", false)?;
    let projection = match config.or("proj_type", "linear".to_string())?.as_str() {
        "linear" => ProjectionShape::Linear { width: embedding, bias },
        "none" => ProjectionShape::None,
        other => return Err(config.error(format!("`proj_type` is `{other}`; linear and none are supported"))),
    };
    let width: usize = config.or("width", 512)?;
    let architecture = TextArchitecture {
        layout: if custom_text { TextLayout::OpenClipCustomText } else { TextLayout::OpenClip },
        vocabulary: config.or("vocab_size", 49408)?,
        positions: context_length,
        context_length,
        token_types: 0,
        width,
        layers: config.or("layers", 12)?,
        heads: config.or("heads", 8)?,
        mlp_width: times(width, config.or("mlp_ratio", 4.0)?),
        activation,
        norm_epsilon: norm_epsilon(&mut config)?,
        norm: NormPosition::Pre,
        causal: true,
        pooling,
        projection,
    };
    config.finish()?;
    Ok(architecture)
}

fn bert(
    mut config: Fields,
    name: &str,
    embedding: usize,
    context_length: usize,
    known: &KnownModels,
) -> Result<TextArchitecture> {
    let model = known.bert(name)?;
    let pooling = match config.or("hf_pooler_type", "mean_pooler".to_string())?.as_str() {
        "mean_pooler" => TextPooling::Mean,
        "cls_last_hidden_state_pooler" => TextPooling::First,
        other => {
            return Err(config.error(format!(
                "`hf_pooler_type` is `{other}`; mean_pooler and cls_last_hidden_state_pooler are supported"
            )));
        }
    };
    let projection = match config.or("hf_proj_type", "mlp".to_string())?.as_str() {
        "linear" => ProjectionShape::Linear { width: embedding, bias: false },
        "mlp" => ProjectionShape::Mlp {
            hidden: (model.width + embedding) / 2,
            hidden_bias: false,
            width: embedding,
            bias: false,
        },
        other => return Err(config.error(format!("`hf_proj_type` is `{other}`; linear and mlp are supported"))),
    };
    // open_clip gives these to its own transformers only.
    config.ignore(&["width", "layers", "heads", "vocab_size", "mlp_ratio"]);
    config.finish()?;
    Ok(TextArchitecture {
        layout: TextLayout::OpenClipBert,
        vocabulary: model.vocabulary,
        positions: model.positions,
        context_length,
        token_types: model.token_types,
        width: model.width,
        layers: model.layers,
        heads: model.heads,
        mlp_width: model.mlp_width,
        activation: ActivationName::Gelu,
        norm_epsilon: 1e-12,
        norm: NormPosition::Post,
        causal: false,
        pooling,
        projection,
    })
}

fn preprocess(mut config: Fields, image_size: usize) -> Result<PreprocessEntry> {
    let entry = PreprocessEntry {
        size: config.side("size")?.unwrap_or(image_size),
        fit: match config.or("resize_mode", "shortest".to_string())?.as_str() {
            "shortest" => FitName::ShortestThenCenterCrop,
            "squash" => FitName::Squash,
            other => return Err(config.error(format!("`resize_mode` is `{other}`; shortest and squash are supported"))),
        },
        filter: match config.or("interpolation", "bicubic".to_string())?.as_str() {
            "bicubic" => FilterName::Bicubic,
            "bilinear" => FilterName::Bilinear,
            other => {
                return Err(config.error(format!("`interpolation` is `{other}`; bicubic and bilinear are supported")));
            }
        },
        mean: config.or("mean", CLIP_MEAN)?,
        std: config.or("std", CLIP_STD)?,
    };
    config.ignore(&["mode", "fill_color"]);
    config.finish()?;
    Ok(entry)
}

/// Sine position embeddings are in the file like learned ones.
fn known_position_embedding(config: &mut Fields) -> Result<()> {
    match config.or("pos_embed_type", "learnable".to_string())?.as_str() {
        "learnable" | "sin_cos_2d" => Ok(()),
        other => Err(config.error(format!("`pos_embed_type` is `{other}`; learnable and sin_cos_2d are supported"))),
    }
}

/// `norm_kwargs: {"eps": …}`; PyTorch's default is 1e-5.
fn norm_epsilon(config: &mut Fields) -> Result<f32> {
    let mut norm = config.object("norm_kwargs")?;
    let epsilon = norm.or("eps", 1e-5)?;
    norm.finish()?;
    Ok(epsilon)
}

/// `int(width * ratio)`.
fn times(width: usize, ratio: f64) -> usize {
    (width as f64 * ratio) as usize
}
