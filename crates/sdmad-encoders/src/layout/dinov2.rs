//! `Dinov2Model` of Hugging Face transformers (modeling_dinov2.py): "DINOv2: Learning Robust Visual Features without Supervision",
//! Oquab et al., arXiv 2304.07193.

use sdmad_base::Result;
use sdmad_engine::{BlockWeights, Matrix};

use super::{ImageLayers, image_blocks, patch_embedding, position_rows, unsupported};
use crate::head::{Head, ProjectionLayers};
use crate::image_tower::ImageStem;
use crate::positions::resize_positions;
use crate::weights::Weights;
use crate::{ImageArchitecture, ProjectionShape};

pub(super) fn image(weights: &Weights, architecture: &ImageArchitecture) -> Result<ImageLayers> {
    let &ImageArchitecture { width, norm_epsilon, position_grid, class_token, .. } = architecture;
    let embeddings = weights.pp("embeddings");
    let class = class_token.then(|| embeddings.tensor("cls_token", &[1, 1, width])).transpose()?;
    let rows = position_rows(architecture);
    let stored = Matrix::from_vec(rows, width, embeddings.tensor("position_embeddings", &[1, rows, width])?);
    let front = usize::from(class_token);
    let grid = stored.rows_from(front, rows - front);
    let positions =
        Matrix::stacked([&stored.rows_from(0, front), &resize_positions(&grid, position_grid, architecture.grid())]);
    let patch = patch_embedding(&embeddings.pp("patch_embeddings.projection"), architecture)?;
    let blocks = image_blocks(architecture, |layer| block(&weights.pp("encoder.layer").pp(layer), architecture))?;
    let final_norm = weights.pp("layernorm").layer_norm(width, norm_epsilon)?;
    let projection = match architecture.projection {
        ProjectionShape::None => ProjectionLayers::None,
        other => return unsupported(other),
    };
    Ok(ImageLayers {
        stem: ImageStem { patch, class, positions, norm: None },
        blocks,
        head: Head { norm: Some(final_norm), projection },
    })
}

fn block(weights: &Weights, architecture: &ImageArchitecture) -> Result<BlockWeights> {
    let &ImageArchitecture { width, mlp_width, norm_epsilon, layer_scale, .. } = architecture;
    let attention = weights.pp("attention");
    let scale = |name: &str| weights.pp(name).vector("lambda1", width);
    Ok(BlockWeights {
        norm1: weights.pp("norm1").layer_norm(width, norm_epsilon)?,
        query_key_value: attention.pp("attention").query_key_value(["query", "key", "value"], width)?,
        output: attention.pp("output.dense").block_linear(width, width)?,
        norm2: weights.pp("norm2").layer_norm(width, norm_epsilon)?,
        expand: weights.pp("mlp.fc1").block_linear(width, mlp_width)?,
        contract: weights.pp("mlp.fc2").block_linear(mlp_width, width)?,
        layer_scale: if layer_scale { Some((scale("layer_scale1")?, scale("layer_scale2")?)) } else { None },
    })
}
