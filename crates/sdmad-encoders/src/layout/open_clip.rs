//! The transformers of open_clip (transformer.py), whose names are those of OpenAI's CLIP.

use sdmad_base::Result;
use sdmad_engine::BlockWeights;

use super::{
    ImageLayers, TextLayers, image_blocks, patch_embedding, position_rows, text_blocks, transposed_projection,
};
use crate::head::Head;
use crate::image_tower::ImageStem;
use crate::text_tower::TextStem;
use crate::weights::Weights;
use crate::{ImageArchitecture, TextArchitecture};

pub(super) fn image(weights: &Weights, architecture: &ImageArchitecture) -> Result<ImageLayers> {
    let &ImageArchitecture { width, mlp_width, norm_epsilon, layer_scale, .. } = architecture;
    let model = weights.pp("visual");
    let class = architecture.class_token.then(|| model.vector("class_embedding", width)).transpose()?;
    let positions = model.matrix("positional_embedding", position_rows(architecture), width)?;
    let patch = patch_embedding(&model.pp("conv1"), architecture)?;
    let norm =
        architecture.norm_before_blocks.then(|| model.pp("ln_pre").layer_norm(width, norm_epsilon)).transpose()?;
    let blocks = image_blocks(architecture, |layer| {
        block(&model.pp("transformer.resblocks").pp(layer), width, mlp_width, norm_epsilon, layer_scale)
    })?;
    let final_norm = model.pp("ln_post").layer_norm(width, norm_epsilon)?;
    let projection = transposed_projection(&model, "proj", architecture.projection, width)?;
    Ok(ImageLayers {
        stem: ImageStem { patch, class, positions, norm },
        blocks,
        head: Head { norm: Some(final_norm), projection },
    })
}

pub(super) fn text(model: &Weights, architecture: &TextArchitecture) -> Result<TextLayers> {
    let &TextArchitecture { vocabulary, positions, width, mlp_width, norm_epsilon, .. } = architecture;
    let tokens = model.pp("token_embedding").matrix("weight", vocabulary, width)?;
    let positions = model.matrix("positional_embedding", positions, width)?;
    let blocks = text_blocks(architecture, |layer| {
        block(&model.pp("transformer.resblocks").pp(layer), width, mlp_width, norm_epsilon, false)
    })?;
    let final_norm = model.pp("ln_final").layer_norm(width, norm_epsilon)?;
    let projection = transposed_projection(model, "text_projection", architecture.projection, width)?;
    Ok(TextLayers {
        stem: TextStem { tokens, positions, norm: None },
        blocks,
        head: Head { norm: Some(final_norm), projection },
    })
}

fn block(weights: &Weights, width: usize, mlp_width: usize, epsilon: f32, layer_scale: bool) -> Result<BlockWeights> {
    let attention = weights.pp("attn");
    let scale = |name: &str| weights.pp(name).vector("gamma", width);
    Ok(BlockWeights {
        norm1: weights.pp("ln_1").layer_norm(width, epsilon)?,
        query_key_value: attention.in_projection(width)?,
        output: attention.pp("out_proj").block_linear(width, width)?,
        norm2: weights.pp("ln_2").layer_norm(width, epsilon)?,
        expand: weights.pp("mlp.c_fc").block_linear(width, mlp_width)?,
        contract: weights.pp("mlp.c_proj").block_linear(mlp_width, width)?,
        layer_scale: if layer_scale { Some((scale("ls_1")?, scale("ls_2")?)) } else { None },
    })
}
