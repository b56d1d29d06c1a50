//! Tensor names and the layers built from them, one file for each family.

use rayon::prelude::*;
use sdmad_base::{Error, Result};
use sdmad_engine::{Activation, Block, BlockWeights, Linear, Mask, Matrix, NormPlacement, Precision};

use crate::head::{Head, ProjectionLayers};
use crate::image_tower::ImageStem;
use crate::text_tower::TextStem;
use crate::weights::Weights;
use crate::{
    ActivationName, ImageArchitecture, ImageLayout, NormPosition, ProjectionShape, TextArchitecture, TextLayout,
};

mod bert;
mod dinov2;
mod hugging_face_clip;
mod open_clip;
mod timm;

/// The layers of an image tower.
pub(crate) struct ImageLayers {
    pub(crate) stem: ImageStem,
    pub(crate) blocks: Vec<Block>,
    pub(crate) head: Head,
}

/// The layers of a text tower.
pub(crate) struct TextLayers {
    pub(crate) stem: TextStem,
    pub(crate) blocks: Vec<Block>,
    pub(crate) head: Head,
}

/// Last parts of names that files of these layouts may carry and that no tower needs: counts 0, 1, 2 … that old versions of
/// `transformers` saved; DINOv2's token for masked patches, which only training uses; BERT's layer for telling whether sentences follow
/// one another, which neither the mean nor the first token goes through.
pub(crate) const UNUSED: &[&str] = &["position_ids", "mask_token", "pooler.dense.weight", "pooler.dense.bias"];

/// Name of the temperature that both towers share.
pub(crate) const LOGIT_SCALE: &str = "logit_scale";

/// Builds an image tower's layers.
pub(crate) fn image_layers(weights: &Weights, architecture: &ImageArchitecture) -> Result<ImageLayers> {
    match architecture.layout {
        ImageLayout::HuggingFaceClip => hugging_face_clip::image(weights, architecture),
        ImageLayout::OpenClip => open_clip::image(weights, architecture),
        ImageLayout::Timm => timm::image(weights, architecture),
        ImageLayout::Dinov2 => dinov2::image(weights, architecture),
    }
}

/// Builds a text tower's layers.
pub(crate) fn text_layers(weights: &Weights, architecture: &TextArchitecture) -> Result<TextLayers> {
    match architecture.layout {
        TextLayout::HuggingFaceClip => hugging_face_clip::text(weights, architecture),
        TextLayout::OpenClip => open_clip::text(weights, architecture),
        TextLayout::OpenClipCustomText => open_clip::text(&weights.pp("text"), architecture),
        TextLayout::Bert => bert::text(weights, None, architecture),
        TextLayout::OpenClipBert => {
            bert::text(&weights.pp("text.transformer"), Some(&weights.pp("text.proj")), architecture)
        }
    }
}

/// Whether a tensor of this name is the image tower's, where both towers stand in one file. What is not, and is not [`LOGIT_SCALE`], is
/// the text tower's.
pub(crate) fn is_image_tensor(layout: ImageLayout, name: &str) -> bool {
    match layout {
        ImageLayout::HuggingFaceClip => name.starts_with("vision_model.") || name.starts_with("visual_projection."),
        ImageLayout::OpenClip | ImageLayout::Timm => name.starts_with("visual."),
        ImageLayout::Dinov2 => true,
    }
}

impl From<ActivationName> for Activation {
    fn from(name: ActivationName) -> Self {
        match name {
            ActivationName::Gelu => Activation::Gelu,
            ActivationName::QuickGelu => Activation::QuickGelu,
        }
    }
}

/// The blocks of an image tower, several at a time: packing is most of the work of loading.
fn image_blocks(
    architecture: &ImageArchitecture,
    weights: impl Fn(usize) -> Result<BlockWeights> + Sync,
) -> Result<Vec<Block>> {
    let ImageArchitecture { layers, heads, activation, .. } = *architecture;
    let block = |layer| Ok(Block::new(weights(layer)?, heads, activation.into(), NormPlacement::Pre, Mask::None));
    first_error((0..layers).into_par_iter().map(block).collect())
}

/// The blocks of a text tower.
fn text_blocks(
    architecture: &TextArchitecture,
    weights: impl Fn(usize) -> Result<BlockWeights> + Sync,
) -> Result<Vec<Block>> {
    let TextArchitecture { layers, heads, activation, norm, causal, .. } = *architecture;
    let placement = match norm {
        NormPosition::Pre => NormPlacement::Pre,
        NormPosition::Post => NormPlacement::Post,
    };
    let mask = if causal { Mask::Causal } else { Mask::None };
    let block = |layer| Ok(Block::new(weights(layer)?, heads, activation.into(), placement, mask));
    first_error((0..layers).into_par_iter().map(block).collect())
}

/// The error of the lowest layer, so that a message does not depend on which thread came first.
fn first_error(blocks: Vec<Result<Block>>) -> Result<Vec<Block>> {
    blocks.into_iter().collect()
}

/// The patch convolution `weight [width, 3, patch, patch]` as a matrix `[width, 3 patch²]`, and its bias.
fn patch_embedding(weights: &Weights, architecture: &ImageArchitecture) -> Result<Linear> {
    let ImageArchitecture { width, patch_size: patch, patch_bias, .. } = *architecture;
    let weight = Matrix::from_vec(width, 3 * patch * patch, weights.tensor("weight", &[width, 3, patch, patch])?);
    let bias = if patch_bias { Some(weights.vector("bias", width)?) } else { None };
    Ok(Linear::new(weight, bias, Precision::F32))
}

/// Number of rows in an image tower's position table.
fn position_rows(architecture: &ImageArchitecture) -> usize {
    architecture.position_grid * architecture.position_grid + usize::from(architecture.class_token)
}

/// One matrix stored as `[input, output]`, the other way round than a linear layer's.
fn transposed_projection(
    weights: &Weights,
    name: &str,
    shape: ProjectionShape,
    input: usize,
) -> Result<ProjectionLayers> {
    match shape {
        ProjectionShape::None => Ok(ProjectionLayers::None),
        ProjectionShape::Linear { width, bias: false } => {
            let weight = weights.matrix(name, input, width)?.transposed();
            Ok(ProjectionLayers::Linear(Linear::new(weight, None, Precision::F32)))
        }
        other => unsupported(other),
    }
}

/// The error for a projection that a layout has no names for.
fn unsupported<T>(shape: ProjectionShape) -> Result<T> {
    Err(Error::bad_input(format!("this layout has no tensor names for the projection {shape:?}")))
}
