//! `BertModel` of Hugging Face transformers (modeling_bert.py): "BERT: Pre-training of Deep Bidirectional Transformers for Language
//! Understanding", Devlin et al., arXiv 1810.04805. open_clip puts a projection of its own behind it (hf_model.py).

use sdmad_base::Result;
use sdmad_engine::BlockWeights;

use super::{TextLayers, text_blocks, unsupported};
use crate::head::{Head, ProjectionLayers};
use crate::text_tower::TextStem;
use crate::weights::Weights;
use crate::{ProjectionShape, TextArchitecture};

/// `projected`: where open_clip's projection stands, if the model is inside open_clip.
pub(super) fn text(
    model: &Weights,
    projected: Option<&Weights>,
    architecture: &TextArchitecture,
) -> Result<TextLayers> {
    let &TextArchitecture { vocabulary, positions, token_types, width, norm_epsilon, .. } = architecture;
    let embeddings = model.pp("embeddings");
    let tokens = embeddings.pp("word_embeddings").matrix("weight", vocabulary, width)?;
    let mut positions = embeddings.pp("position_embeddings").matrix("weight", positions, width)?;
    if token_types > 0 {
        // Every token is of type 0, so its row can be added once and for all.
        let types = embeddings.pp("token_type_embeddings").matrix("weight", token_types, width)?;
        for place in 0..positions.rows() {
            positions.row_mut(place).iter_mut().zip(types.row(0)).for_each(|(sum, number)| *sum += number);
        }
    }
    let norm = embeddings.pp("LayerNorm").layer_norm(width, norm_epsilon)?;
    let blocks = text_blocks(architecture, |layer| block(&model.pp("encoder.layer").pp(layer), architecture))?;
    let projection = match (architecture.projection, projected) {
        (ProjectionShape::None, _) => ProjectionLayers::None,
        (ProjectionShape::Linear { width: output, bias }, Some(weights)) => {
            ProjectionLayers::Linear(weights.linear(width, output, bias)?)
        }
        // 0, 2: places in torch's `Sequential`; 1 is the activation.
        (ProjectionShape::Mlp { hidden, hidden_bias, width: output, bias }, Some(weights)) => ProjectionLayers::Mlp(
            weights.pp(0).linear(width, hidden, hidden_bias)?,
            weights.pp(2).linear(hidden, output, bias)?,
        ),
        (other, None) => return unsupported(other),
    };
    Ok(TextLayers {
        stem: TextStem { tokens, positions, norm: Some(norm) },
        blocks,
        head: Head { norm: None, projection },
    })
}

fn block(weights: &Weights, architecture: &TextArchitecture) -> Result<BlockWeights> {
    let &TextArchitecture { width, mlp_width, norm_epsilon, .. } = architecture;
    let attention = weights.pp("attention");
    Ok(BlockWeights {
        norm1: attention.pp("output.LayerNorm").layer_norm(width, norm_epsilon)?,
        query_key_value: attention.pp("self").query_key_value(["query", "key", "value"], width)?,
        output: attention.pp("output.dense").block_linear(width, width)?,
        norm2: weights.pp("output.LayerNorm").layer_norm(width, norm_epsilon)?,
        expand: weights.pp("intermediate.dense").block_linear(width, mlp_width)?,
        contract: weights.pp("output.dense").block_linear(mlp_width, width)?,
        layer_scale: None,
    })
}
