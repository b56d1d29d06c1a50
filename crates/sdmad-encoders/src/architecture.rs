//! Architectures as data: what a reader of a model folder finds out, and what a layout builds layers from.

use sdmad_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// How the tensors of an image tower are named, and which fixed habits come with the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageLayout {
    /// `vision_model.encoder.layers.N…`, as `CLIPModel` of Hugging Face transformers saves it.
    HuggingFaceClip,
    /// `visual.transformer.resblocks.N…`, as open_clip and OpenAI save it.
    OpenClip,
    /// `visual.trunk.blocks.N…`, a timm vision transformer inside open_clip.
    Timm,
    /// `encoder.layer.N…`, as `Dinov2Model` of Hugging Face transformers saves it.
    Dinov2,
}

/// How the tensors of a text tower are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextLayout {
    /// `text_model.encoder.layers.N…`, as `CLIPModel` of Hugging Face transformers saves it.
    HuggingFaceClip,
    /// `transformer.resblocks.N…`, as open_clip and OpenAI save it.
    OpenClip,
    /// `text.transformer.resblocks.N…`, as open_clip saves it when `custom_text` is set.
    OpenClipCustomText,
    /// `encoder.layer.N…`, as `BertModel` of Hugging Face transformers saves it.
    Bert,
    /// `text.transformer.encoder.layer.N…`, such a model inside open_clip, with `text.proj…`.
    OpenClipBert,
}

/// What stands between the two linear layers of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationName {
    /// The exact GELU.
    Gelu,
    /// x σ(1.702 x).
    QuickGelu,
}

/// Where the layer norms of a block stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormPosition {
    /// In front of attention and MLP (ViT, CLIP).
    Pre,
    /// Behind the residual sums (BERT).
    Post,
}

/// How an image tower's last hidden state becomes one vector. The final norm comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImagePooling {
    /// The class token.
    ClassToken,
    /// The mean of the patch tokens.
    PatchMean,
}

/// How a text tower's last hidden state becomes one vector. The final norm, if there is one, comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextPooling {
    /// The first place where the largest token id stands: CLIP's end of text.
    LargestId,
    /// The first place where this id stands; the first token when it stands nowhere.
    Id(u32),
    /// The first token: BERT's `[CLS]`.
    First,
    /// The mean of all tokens, special ones too.
    Mean,
}

/// How the pooled vector goes into the space that both towers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProjectionShape {
    /// It does not: the pooled vector is the embedding.
    None,
    /// One matrix.
    Linear {
        /// Width of the shared space.
        width: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Linear, exact GELU, linear.
    Mlp {
        /// Width between the two.
        hidden: usize,
        /// Whether the first adds a bias.
        hidden_bias: bool,
        /// Width of the shared space.
        width: usize,
        /// Whether the second adds a bias.
        bias: bool,
    },
}

impl ProjectionShape {
    /// Width of the embedding when the pooled vector has `pooled` numbers.
    pub fn output_width(self, pooled: usize) -> usize {
        match self {
            ProjectionShape::None => pooled,
            ProjectionShape::Linear { width, .. } | ProjectionShape::Mlp { width, .. } => width,
        }
    }
}

/// A vision transformer: blocks with the norm in front, on square patches of a square image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ImageArchitecture {
    /// How its tensors are named.
    pub layout: ImageLayout,
    /// Side of the image in pixels.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Side of the grid of position embeddings in the file; where it is not `image_size / patch_size`, they are resized.
    pub position_grid: usize,
    /// Numbers of a token.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the hidden layer of a block's MLP.
    pub mlp_width: usize,
    /// Between the two layers of the MLP.
    pub activation: ActivationName,
    /// Added to the variance in every layer norm.
    pub norm_epsilon: f32,
    /// Whether a bias is added to the patch embedding.
    pub patch_bias: bool,
    /// Whether tokens are normalised before the first block (CLIP's `ln_pre`).
    pub norm_before_blocks: bool,
    /// Whether a class token stands in front of the patches.
    pub class_token: bool,
    /// Whether each branch of a block is scaled, number by number, before it is added.
    pub layer_scale: bool,
    /// From the last hidden state to one vector.
    pub pooling: ImagePooling,
    /// From this vector to the embedding.
    pub projection: ProjectionShape,
}

/// A text transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TextArchitecture {
    /// How its tensors are named.
    pub layout: TextLayout,
    /// Number of token ids.
    pub vocabulary: usize,
    /// Rows of the position table.
    pub positions: usize,
    /// Tokens that a text may have, special ones counted; at most `positions`.
    pub context_length: usize,
    /// Rows of the token type table, 0 for none; every token is of type 0.
    pub token_types: usize,
    /// Numbers of a token.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the hidden layer of a block's MLP.
    pub mlp_width: usize,
    /// Between the two layers of the MLP.
    pub activation: ActivationName,
    /// Added to the variance in every layer norm.
    pub norm_epsilon: f32,
    /// Where the layer norms of a block stand. With [`NormPosition::Post`] the token sums are normalised too, and no final norm follows.
    pub norm: NormPosition,
    /// Whether a token sees only itself and what stands before it.
    pub causal: bool,
    /// From the last hidden state to one vector.
    pub pooling: TextPooling,
    /// From this vector to the embedding.
    pub projection: ProjectionShape,
}

/// Largest value of any size in an architecture: what is above is a damaged file, not a model.
const LIMIT: usize = 1 << 20;

impl ImageArchitecture {
    /// Patches along one side of the image.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }

    /// Width of the embedding.
    pub fn embedding_width(&self) -> usize {
        self.projection.output_width(self.width)
    }

    /// Checks that the numbers make a tower.
    ///
    /// # Errors
    /// Names the first value that does not fit.
    pub fn check(&self) -> Result<()> {
        check_sizes(&[
            ("image-size", self.image_size),
            ("patch-size", self.patch_size),
            ("position-grid", self.position_grid),
        ])?;
        check_blocks(self.width, self.layers, self.heads, self.mlp_width, self.norm_epsilon)?;
        check_projection(self.projection)?;
        if self.image_size > 4096 || self.position_grid > 512 {
            return Err(Error::bad_input(format!(
                "image-size {} and position-grid {} must be at most 4096 and 512",
                self.image_size, self.position_grid
            )));
        }
        if !self.image_size.is_multiple_of(self.patch_size) {
            return Err(Error::bad_input(format!(
                "image-size {} is not a multiple of patch-size {}",
                self.image_size, self.patch_size
            )));
        }
        if self.pooling == ImagePooling::ClassToken && !self.class_token {
            return Err(Error::bad_input("pooling is class-token, and the tower has no class token"));
        }
        Ok(())
    }
}

impl TextArchitecture {
    /// Width of the embedding.
    pub fn embedding_width(&self) -> usize {
        self.projection.output_width(self.width)
    }

    /// Checks that the numbers make a tower.
    ///
    /// # Errors
    /// Names the first value that does not fit.
    pub fn check(&self) -> Result<()> {
        check_sizes(&[
            ("vocabulary", self.vocabulary),
            ("positions", self.positions),
            ("context-length", self.context_length),
        ])?;
        check_blocks(self.width, self.layers, self.heads, self.mlp_width, self.norm_epsilon)?;
        check_projection(self.projection)?;
        if self.token_types > LIMIT {
            return Err(Error::bad_input(format!("token-types {} must be at most {LIMIT}", self.token_types)));
        }
        if self.context_length > self.positions {
            return Err(Error::bad_input(format!(
                "context-length {} is more than the {} positions",
                self.context_length, self.positions
            )));
        }
        Ok(())
    }
}

fn check_sizes(sizes: &[(&str, usize)]) -> Result<()> {
    for (name, size) in sizes {
        if *size == 0 || *size > LIMIT {
            return Err(Error::bad_input(format!("{name} {size} must be 1 to {LIMIT}")));
        }
    }
    Ok(())
}

fn check_blocks(width: usize, layers: usize, heads: usize, mlp_width: usize, epsilon: f32) -> Result<()> {
    check_sizes(&[("width", width), ("layers", layers), ("heads", heads), ("mlp-width", mlp_width)])?;
    if layers > 1000 {
        return Err(Error::bad_input(format!("layers {layers} must be at most 1000")));
    }
    if !width.is_multiple_of(heads) {
        return Err(Error::bad_input(format!("width {width} is not a multiple of {heads} heads")));
    }
    if !(epsilon.is_finite() && epsilon > 0.0 && epsilon < 0.1) {
        return Err(Error::bad_input(format!("norm-epsilon {epsilon} must lie between 0 and 0.1")));
    }
    Ok(())
}

fn check_projection(projection: ProjectionShape) -> Result<()> {
    match projection {
        ProjectionShape::None => Ok(()),
        ProjectionShape::Linear { width, .. } => check_sizes(&[("projection width", width)]),
        ProjectionShape::Mlp { hidden, width, .. } => {
            check_sizes(&[("projection hidden", hidden), ("projection width", width)])
        }
    }
}
