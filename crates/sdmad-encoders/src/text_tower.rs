use std::path::Path;

use sdmad_base::Result;
use sdmad_engine::{Block, LayerNorm, Matrix, Precision, Sequences};

use crate::head::{Head, Pooled};
use crate::image_tower::unit;
use crate::{Adapted, EncoderOptions, ShiftAdapters, TextArchitecture, TextPooling, Tokenizer};

/// A frozen text transformer: text to token ids, tokens, blocks, one vector, embedding.
///
/// Every text runs for itself, without padding, so that its embedding does not depend on what stands beside it.
pub struct TextTower {
    pub(crate) architecture: TextArchitecture,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) stem: TextStem,
    pub(crate) blocks: Vec<Block>,
    pub(crate) head: Head,
    pub(crate) precision: Precision,
    /// Of the weight file.
    pub(crate) sha256: String,
}

/// What stands before the first block.
pub(crate) struct TextStem {
    /// `[vocabulary, width]`.
    pub(crate) tokens: Matrix,
    /// `[positions, width]`; the row of token type 0 is already added, where there are types.
    pub(crate) positions: Matrix,
    pub(crate) norm: Option<LayerNorm>,
}

impl TextTower {
    /// Loads the text tower of a model folder and leaves the image tower where it is.
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
        crate::encoder::open_text_tower(folder, options)
    }

    /// SHA-256 of the file that the weights came from, as 64 hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// That of the linear layers in the blocks.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What the tower is made of.
    pub fn architecture(&self) -> &TextArchitecture {
        &self.architecture
    }

    /// The tokenizer; its context is that of the tower.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
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

    /// Token ids of a text, with start and end, cut to the context length.
    pub fn tokenize(&self, text: &str) -> Vec<u32> {
        self.tokenizer.encode(text)
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The norm behind the last block, which [`TextTower::pool`] applies; towers with norms behind their residual sums have none.
    pub fn final_norm(&self) -> Option<&LayerNorm> {
        self.head.norm.as_ref()
    }

    /// The input of the first block, `[tokens, width]`.
    ///
    /// # Panics
    /// When there are no ids, more than the context length, or one that the vocabulary lacks. [`TextTower::tokenize`] gives none of these.
    pub fn tokens(&self, ids: &[u32]) -> Matrix {
        let TextArchitecture { vocabulary, context_length, width, .. } = self.architecture;
        assert!(
            (1..=context_length).contains(&ids.len()),
            "{} tokens; the tower takes 1 to {context_length}",
            ids.len()
        );
        let mut tokens = Matrix::zeros(ids.len(), width);
        for (place, id) in ids.iter().enumerate() {
            let id = *id as usize;
            assert!(id < vocabulary, "token id {id} of a vocabulary of {vocabulary}");
            let (token, position) = (self.stem.tokens.row(id), self.stem.positions.row(place));
            let sums = tokens.row_mut(place).iter_mut().zip(token).zip(position);
            sums.for_each(|((sum, token), position)| *sum = token + position);
        }
        match &self.stem.norm {
            Some(norm) => norm.forward(&tokens),
            None => tokens,
        }
    }

    /// The output of the last block, `[tokens, width]`, before the final norm.
    pub fn last(&self, ids: &[u32]) -> Matrix {
        self.blocks.iter().fold(self.tokens(ids), |x, block| block.forward(&x))
    }

    /// The outputs of the named blocks, as they are, in the order of `layers`, which count from 1.
    ///
    /// # Panics
    /// When a layer is 0 or more than [`TextTower::layers`], and as [`TextTower::tokens`].
    pub fn hidden(&self, ids: &[u32], layers: &[usize]) -> Vec<Matrix> {
        assert!(layers.iter().all(|l| (1..=self.layers()).contains(l)), "layers are 1 to {}", self.layers());
        crate::blocks::hidden(&self.blocks, self.tokens(ids), layers)
    }

    /// The model's own vector of a text, before projection, from the output of the last block and the ids that it came from.
    pub fn pool(&self, ids: &[u32], last: &Matrix) -> Vec<f32> {
        self.head.pool(last, self.pooled(ids))
    }

    /// The adjoint of [`TextTower::pool`]: gradient with respect to `last`.
    pub fn pool_backward(&self, ids: &[u32], last: &Matrix, gradient: &[f32]) -> Matrix {
        self.head.pool_backward(last, self.pooled(ids), gradient)
    }

    /// The embedding, not normalised, of what [`TextTower::pool`] gave. Without a projection it is the same.
    pub fn project(&self, pooled: &[f32]) -> Vec<f32> {
        self.head.project(pooled)
    }

    /// The adjoint of [`TextTower::project`]: gradient with respect to `pooled`.
    pub fn project_backward(&self, pooled: &[f32], gradient: &[f32]) -> Vec<f32> {
        self.head.project_backward(pooled, gradient)
    }

    /// The embedding of a text, of Euclidean norm 1.
    pub fn embed(&self, text: &str) -> Vec<f32> {
        let ids = self.tokenize(text);
        unit(self.project(&self.pool(&ids, &self.last(&ids))))
    }

    /// The embeddings of several texts, in their order: the bits of [`TextTower::embed`], sooner.
    pub fn embed_all<T: AsRef<str>>(&self, texts: &[T]) -> Vec<Vec<f32>> {
        // Larger layers are multiplied at a better rate, up to some hundred rows.
        const ROWS: usize = 512;
        let ids: Vec<Vec<u32>> = texts.iter().map(|text| self.tokenize(text.as_ref())).collect();
        let mut embeddings = Vec::with_capacity(ids.len());
        let mut rest = ids.as_slice();
        while !rest.is_empty() {
            let mut rows = 0;
            let fitting = rest.iter().take_while(|ids| (rows == 0, rows += ids.len()).0 || rows <= ROWS).count();
            let (now, later) = rest.split_at(fitting);
            rest = later;
            let parts: Vec<Matrix> = now.iter().map(|ids| self.tokens(ids)).collect();
            let sequences = Sequences::stacked(&parts.iter().map(Matrix::rows).collect::<Vec<_>>());
            let tokens = Matrix::stacked(&parts);
            let last = self.blocks.iter().fold(tokens, |x, block| block.forward_sequences(&x, &sequences));
            let mut first = 0;
            for ids in now {
                let last = last.rows_from(first, ids.len());
                embeddings.push(unit(self.project(&self.pool(ids, &last))));
                first += ids.len();
            }
        }
        embeddings
    }

    /// This tower with adapters behind some of its layers.
    ///
    /// # Errors
    /// When an adapter's layer or shape is not of this tower.
    pub fn adapted(&self, adapters: ShiftAdapters) -> Result<Adapted<'_>> {
        Adapted::new(&self.blocks, adapters)
    }

    fn pooled(&self, ids: &[u32]) -> Pooled {
        match self.architecture.pooling {
            TextPooling::First => Pooled::Token(0),
            TextPooling::Mean => Pooled::MeanFrom(0),
            TextPooling::Id(id) => Pooled::Token(ids.iter().position(|other| *other == id).unwrap_or(0)),
            TextPooling::LargestId => {
                let largest = ids.iter().max();
                Pooled::Token(ids.iter().position(|id| Some(id) == largest).unwrap_or(0))
            }
        }
    }
}
