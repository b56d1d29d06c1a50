//! A vision transformer of timm (vision_transformer.py) as the image tower of open_clip (timm_model.py): BiomedCLIP, arXiv 2303.00915.

use sdmad_base::Result;
use sdmad_engine::{BlockWeights, Matrix};

use super::{ImageLayers, image_blocks, patch_embedding, position_rows};
use crate::head::{Head, ProjectionLayers};
use crate::image_tower::ImageStem;
use crate::weights::Weights;
use crate::{ImageArchitecture, ProjectionShape};

pub(super) fn image(weights: &Weights, architecture: &ImageArchitecture) -> Result<ImageLayers> {
    let &ImageArchitecture { width, norm_epsilon, .. } = architecture;
    let trunk = weights.pp("visual.trunk");
    let class = architecture.class_token.then(|| trunk.tensor("cls_token", &[1, 1, width])).transpose()?;
    let rows = position_rows(architecture);
    let positions = Matrix::from_vec(rows, width, trunk.tensor("pos_embed", &[1, rows, width])?);
    let patch = patch_embedding(&trunk.pp("patch_embed.proj"), architecture)?;
    let norm =
        architecture.norm_before_blocks.then(|| trunk.pp("norm_pre").layer_norm(width, norm_epsilon)).transpose()?;
    let blocks = image_blocks(architecture, |layer| block(&trunk.pp("blocks").pp(layer), architecture))?;
    let final_norm = trunk.pp("norm").layer_norm(width, norm_epsilon)?;
    let head = weights.pp("visual.head");
    let projection = match architecture.projection {
        ProjectionShape::None => ProjectionLayers::None,
        ProjectionShape::Linear { width: output, bias } => {
            ProjectionLayers::Linear(head.pp("proj").linear(width, output, bias)?)
        }
        ProjectionShape::Mlp { hidden, hidden_bias, width: output, bias } => ProjectionLayers::Mlp(
            head.pp("mlp.fc1").linear(width, hidden, hidden_bias)?,
            head.pp("mlp.fc2").linear(hidden, output, bias)?,
        ),
    };
    Ok(ImageLayers {
        stem: ImageStem { patch, class, positions, norm },
        blocks,
        head: Head { norm: Some(final_norm), projection },
    })
}

fn block(weights: &Weights, architecture: &ImageArchitecture) -> Result<BlockWeights> {
    let &ImageArchitecture { width, mlp_width, norm_epsilon, layer_scale, .. } = architecture;
    let attention = weights.pp("attn");
    let scale = |name: &str| weights.pp(name).vector("gamma", width);
    Ok(BlockWeights {
        norm1: weights.pp("norm1").layer_norm(width, norm_epsilon)?,
        query_key_value: attention.pp("qkv").block_linear(width, 3 * width)?,
        output: attention.pp("proj").block_linear(width, width)?,
        norm2: weights.pp("norm2").layer_norm(width, norm_epsilon)?,
        expand: weights.pp("mlp.fc1").block_linear(width, mlp_width)?,
        contract: weights.pp("mlp.fc2").block_linear(mlp_width, width)?,
        layer_scale: if layer_scale { Some((scale("ls1")?, scale("ls2")?)) } else { None },
    })
}
