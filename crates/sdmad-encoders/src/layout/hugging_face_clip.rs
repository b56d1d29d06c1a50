//! `CLIPModel` of Hugging Face transformers (modeling_clip.py): "Learning Transferable Visual Models From Natural Language
//! Supervision", Radford et al., arXiv 2103.00020.

use sdmad_base::Result;
use sdmad_engine::BlockWeights;

use super::{ImageLayers, TextLayers, image_blocks, patch_embedding, position_rows, text_blocks, unsupported};
use crate::head::{Head, ProjectionLayers};
use crate::image_tower::ImageStem;
use crate::text_tower::TextStem;
use crate::weights::Weights;
use crate::{ImageArchitecture, ProjectionShape, TextArchitecture};

pub(super) fn image(weights: &Weights, architecture: &ImageArchitecture) -> Result<ImageLayers> {
    let &ImageArchitecture { width, mlp_width, norm_epsilon, .. } = architecture;
    let model = weights.pp("vision_model");
    let embeddings = model.pp("embeddings");
    let class = architecture.class_token.then(|| embeddings.vector("class_embedding", width)).transpose()?;
    let positions = embeddings.pp("position_embedding").matrix("weight", position_rows(architecture), width)?;
    let patch = patch_embedding(&embeddings.pp("patch_embedding"), architecture)?;
    // The name is misspelt in every file.
    let norm = architecture
        .norm_before_blocks
        .then(|| model.pp("pre_layrnorm").layer_norm(width, norm_epsilon))
        .transpose()?;
    let blocks = image_blocks(architecture, |layer| {
        block(&model.pp("encoder.layers").pp(layer), width, mlp_width, norm_epsilon)
    })?;
    let final_norm = model.pp("post_layernorm").layer_norm(width, norm_epsilon)?;
    let projection = projection(&weights.pp("visual_projection"), architecture.projection, width)?;
    Ok(ImageLayers {
        stem: ImageStem { patch, class, positions, norm },
        blocks,
        head: Head { norm: Some(final_norm), projection },
    })
}

pub(super) fn text(weights: &Weights, architecture: &TextArchitecture) -> Result<TextLayers> {
    let &TextArchitecture { vocabulary, positions, width, mlp_width, norm_epsilon, .. } = architecture;
    let model = weights.pp("text_model");
    let embeddings = model.pp("embeddings");
    let tokens = embeddings.pp("token_embedding").matrix("weight", vocabulary, width)?;
    let positions = embeddings.pp("position_embedding").matrix("weight", positions, width)?;
    let blocks = text_blocks(architecture, |layer| {
        block(&model.pp("encoder.layers").pp(layer), width, mlp_width, norm_epsilon)
    })?;
    let final_norm = model.pp("final_layer_norm").layer_norm(width, norm_epsilon)?;
    let projection = projection(&weights.pp("text_projection"), architecture.projection, width)?;
    Ok(TextLayers {
        stem: TextStem { tokens, positions, norm: None },
        blocks,
        head: Head { norm: Some(final_norm), projection },
    })
}

fn block(weights: &Weights, width: usize, mlp_width: usize, epsilon: f32) -> Result<BlockWeights> {
    let attention = weights.pp("self_attn");
    Ok(BlockWeights {
        norm1: weights.pp("layer_norm1").layer_norm(width, epsilon)?,
        query_key_value: attention.query_key_value(["q_proj", "k_proj", "v_proj"], width)?,
        output: attention.pp("out_proj").block_linear(width, width)?,
        norm2: weights.pp("layer_norm2").layer_norm(width, epsilon)?,
        expand: weights.pp("mlp.fc1").block_linear(width, mlp_width)?,
        contract: weights.pp("mlp.fc2").block_linear(mlp_width, width)?,
        layer_scale: None,
    })
}

fn projection(weights: &Weights, shape: ProjectionShape, input: usize) -> Result<ProjectionLayers> {
    match shape {
        ProjectionShape::None => Ok(ProjectionLayers::None),
        ProjectionShape::Linear { width, bias } => Ok(ProjectionLayers::Linear(weights.linear(input, width, bias)?)),
        other @ ProjectionShape::Mlp { .. } => unsupported(other),
    }
}
