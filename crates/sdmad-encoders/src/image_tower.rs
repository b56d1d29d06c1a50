use std::path::Path;

use sdmad_base::Result;
use sdmad_engine::{Block, LayerNorm, Linear, Matrix, Precision, l2_normalize};
use sdmad_imaging::{Pixels, Preprocess, RgbImage};

use crate::head::{Head, Pooled};
use crate::{Adapted, EncoderOptions, ImageArchitecture, ImagePooling, ShiftAdapters};

/// A frozen vision transformer: pixels to tokens, blocks, one vector, embedding.
///
/// Tokens are `[tokens, width]`: the class token first, if there is one, then the patches row by row.
pub struct ImageTower {
    pub(crate) architecture: ImageArchitecture,
    pub(crate) preprocess: Preprocess,
    pub(crate) stem: ImageStem,
    pub(crate) blocks: Vec<Block>,
    pub(crate) head: Head,
    pub(crate) precision: Precision,
    /// Of the weight file.
    pub(crate) sha256: String,
    pub(crate) recipe_sha256: String,
}

/// What stands before the first block.
pub(crate) struct ImageStem {
    /// The patch convolution as a linear layer on cut-out patches, `[width, 3 patch²]`.
    pub(crate) patch: Linear,
    pub(crate) class: Option<Vec<f32>>,
    /// One row for each token.
    pub(crate) positions: Matrix,
    pub(crate) norm: Option<LayerNorm>,
}

impl ImageTower {
    /// Loads the image tower of a model folder and leaves the text tower where it is.
    ///
    /// # Errors
    /// As [`Encoder::open`](crate::Encoder::open).
    pub fn open(folder: &Path) -> Result<Self> {
        Self::open_with(folder, &EncoderOptions::default())
    }

    /// The same at a precision, and from packed weights on disk where they are wanted.
    ///
    /// # Errors
    /// As [`Encoder::open`](crate::Encoder::open).
    pub fn open_with(folder: &Path, options: &EncoderOptions) -> Result<Self> {
        crate::encoder::open_image_tower(folder, options)
    }

    /// SHA-256 of the file that the weights came from, as 64 hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// SHA-256 of what else its outputs depend on: architecture and preprocessing, as their canonical JSON.
    pub fn recipe_sha256(&self) -> &str {
        &self.recipe_sha256
    }

    /// That of the linear layers in the blocks.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What the tower is made of.
    pub fn architecture(&self) -> &ImageArchitecture {
        &self.architecture
    }

    /// How a picture becomes [`Pixels`] for this tower.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// Numbers of a token.
    pub fn width(&self) -> usize {
        self.architecture.width
    }

    /// Number of blocks.
    pub fn layers(&self) -> usize {
        self.blocks.len()
    }

    /// Numbers of the embedding.
    pub fn embedding_width(&self) -> usize {
        self.architecture.embedding_width()
    }

    /// Rows and columns of patches.
    pub fn patch_grid(&self) -> (usize, usize) {
        (self.architecture.grid(), self.architecture.grid())
    }

    /// Whether token 0 is the class token, and patches start at 1.
    pub fn class_token(&self) -> bool {
        self.stem.class.is_some()
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The norm behind the last block, which [`ImageTower::pool`] applies.
    pub fn final_norm(&self) -> Option<&LayerNorm> {
        self.head.norm.as_ref()
    }

    /// The input of the first block, `[tokens, width]`.
    ///
    /// # Panics
    /// When the pixels have another size than [`ImageTower::preprocess`] gives.
    pub fn tokens(&self, pixels: &Pixels) -> Matrix {
        let side = self.architecture.image_size;
        assert_eq!(pixels.size(), side, "pixels of another tower's size");
        let patches = self.stem.patch.forward(&cut_patches(pixels.data(), side, self.architecture.patch_size));
        let mut tokens = match &self.stem.class {
            Some(class) => Matrix::stacked([&Matrix::from_vec(1, class.len(), class.clone()), &patches]),
            None => patches,
        };
        tokens.add(&self.stem.positions);
        match &self.stem.norm {
            Some(norm) => norm.forward(&tokens),
            None => tokens,
        }
    }

    /// The output of the last block, `[tokens, width]`, before the final norm.
    pub fn last(&self, pixels: &Pixels) -> Matrix {
        self.blocks.iter().fold(self.tokens(pixels), |x, block| block.forward(&x))
    }

    /// The outputs of the named blocks, as they are, in the order of `layers`, which count from 1. Blocks behind the last one named do not run.
    ///
    /// # Panics
    /// When a layer is 0 or more than [`ImageTower::layers`].
    pub fn hidden(&self, pixels: &Pixels, layers: &[usize]) -> Vec<Matrix> {
        assert!(layers.iter().all(|l| (1..=self.layers()).contains(l)), "layers are 1 to {}", self.layers());
        crate::blocks::hidden(&self.blocks, self.tokens(pixels), layers)
    }

    /// The model's own vector of a picture, before projection, from the output of the last block: final norm, then class token or mean.
    pub fn pool(&self, last: &Matrix) -> Vec<f32> {
        self.head.pool(last, self.pooled())
    }

    /// The adjoint of [`ImageTower::pool`]: gradient with respect to `last`.
    pub fn pool_backward(&self, last: &Matrix, gradient: &[f32]) -> Matrix {
        self.head.pool_backward(last, self.pooled(), gradient)
    }

    /// The embedding, not normalised, of what [`ImageTower::pool`] gave. Without a projection it is the same.
    pub fn project(&self, pooled: &[f32]) -> Vec<f32> {
        self.head.project(pooled)
    }

    /// The adjoint of [`ImageTower::project`]: gradient with respect to `pooled`.
    pub fn project_backward(&self, pooled: &[f32], gradient: &[f32]) -> Vec<f32> {
        self.head.project_backward(pooled, gradient)
    }

    /// The embedding of a picture, of Euclidean norm 1.
    pub fn embed(&self, pixels: &Pixels) -> Vec<f32> {
        self.embedding(&self.last(pixels))
    }

    /// The same of a picture whose output of the last block is there, `[tokens, width]`.
    pub fn embedding(&self, last: &Matrix) -> Vec<f32> {
        unit(self.project(&self.pool(last)))
    }

    /// The embedding of a picture of any size, of Euclidean norm 1.
    pub fn embed_image(&self, image: &RgbImage) -> Vec<f32> {
        self.embed(&self.preprocess.apply(image))
    }

    /// This tower with adapters behind some of its layers.
    ///
    /// # Errors
    /// When an adapter's layer or shape is not of this tower.
    pub fn adapted(&self, adapters: ShiftAdapters) -> Result<Adapted<'_>> {
        Adapted::new(&self.blocks, adapters)
    }

    fn pooled(&self) -> Pooled {
        match self.architecture.pooling {
            ImagePooling::ClassToken => Pooled::Token(0),
            ImagePooling::PatchMean => Pooled::MeanFrom(usize::from(self.class_token())),
        }
    }
}

/// Scales a vector to norm 1.
pub(crate) fn unit(vector: Vec<f32>) -> Vec<f32> {
    l2_normalize(&Matrix::from_vec(1, vector.len(), vector)).into_vec()
}

/// Planar pixels `[3, side, side]` to patches `[patches, 3 patch²]`, in the order of a convolution's weight: channel, row, column.
fn cut_patches(planar: &[f32], side: usize, patch: usize) -> Matrix {
    let grid = side / patch;
    let mut patches = Matrix::zeros(grid * grid, 3 * patch * patch);
    for index in 0..grid * grid {
        let (top, left) = (index / grid * patch, index % grid * patch);
        for (line, target) in patches.row_mut(index).chunks_exact_mut(patch).enumerate() {
            let (channel, y) = (line / patch, top + line % patch);
            let start = (channel * side + y) * side + left;
            target.copy_from_slice(&planar[start..start + patch]);
        }
    }
    patches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_keep_channel_row_column() {
        // Three channels of 4 x 4, numbered through; patches of 2 x 2.
        let planar: Vec<f32> = (0..48).map(|i| i as f32).collect();
        let patches = cut_patches(&planar, 4, 2);
        assert_eq!((patches.rows(), patches.columns()), (4, 12));
        assert_eq!(patches.row(1), [2., 3., 6., 7., 18., 19., 22., 23., 34., 35., 38., 39.]);
    }
}
