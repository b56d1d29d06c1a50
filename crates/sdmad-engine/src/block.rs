use crate::attention::{Mask, attention_backward_packed, attention_packed};
use crate::factor::Left;
use crate::kernel::Block as Piece;
use crate::{Activation, LayerNorm, Linear, Matrix, Precision, Sequences};

/// Where the layer norms of a block stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormPlacement {
    /// Before attention and before the linear layers, inside the residual branch: ViT, CLIP, DINOv2.
    Pre,
    /// After each residual sum: BERT, MiniLM.
    Post,
}

/// The frozen weights of one transformer block of a width w.
#[derive(Clone, Debug)]
pub struct BlockWeights {
    /// The norm of the attention branch.
    pub norm1: LayerNorm,
    /// Query, key and value in one layer, `[3 w, w]`.
    pub query_key_value: Linear,
    /// The layer after attention, `[w, w]`.
    pub output: Linear,
    /// The norm of the branch of linear layers.
    pub norm2: LayerNorm,
    /// The first layer of that branch, `[hidden, w]`.
    pub expand: Linear,
    /// The second, `[w, hidden]`.
    pub contract: Linear,
    /// LayerScale: factors of the outputs of the two branches, `w` numbers each.
    pub layer_scale: Option<(Vec<f32>, Vec<f32>)>,
}

/// A frozen transformer block.
///
/// Placed before (a, f the branches, n the norms): h = x + a(n1(x)), y = h + f(n2(h)). Placed after: h = n1(x + a(x)), y = n2(h + f(h)).
#[derive(Clone, Debug)]
pub struct Block {
    weights: BlockWeights,
    heads: usize,
    activation: Activation,
    placement: NormPlacement,
    mask: Mask,
}

/// What lies between input and output of a block, kept by [`Block::forward_keeping`] for [`Block::backward_from`].
#[derive(Clone, Debug)]
pub struct BlockActivations {
    /// `[rows, 3 width]`.
    query_key_value: Matrix,
    /// The sum of the attention branch and its residual, `[rows, width]`.
    middle: Matrix,
    /// What the activation is applied to, `[rows, hidden]`.
    hidden: Matrix,
    /// The sum of the other branch and its residual, `[rows, width]`, where a norm follows it.
    last: Option<Matrix>,
}

impl Block {
    /// A block of these weights.
    ///
    /// # Panics
    /// When the widths of the layers do not fit one another or the number of heads. A loader checks shapes before.
    pub fn new(
        weights: BlockWeights,
        heads: usize,
        activation: Activation,
        placement: NormPlacement,
        mask: Mask,
    ) -> Self {
        let width = weights.norm1.width();
        let shape = |layer: &Linear| (layer.output_width(), layer.input_width());
        let hidden = weights.expand.output_width();
        assert!(heads > 0 && width.is_multiple_of(heads), "width {width} and {heads} heads");
        assert_eq!(weights.norm2.width(), width, "width of the second norm");
        assert_eq!(shape(&weights.query_key_value), (3 * width, width), "query, key and value");
        assert_eq!(shape(&weights.output), (width, width), "output layer");
        assert_eq!(shape(&weights.expand), (hidden, width), "first linear layer");
        assert_eq!(shape(&weights.contract), (width, hidden), "second linear layer");
        if let Some((first, second)) = &weights.layer_scale {
            assert_eq!((first.len(), second.len()), (width, width), "layer scale");
        }
        Block { weights, heads, activation, placement, mask }
    }

    /// Numbers of a token.
    pub fn width(&self) -> usize {
        self.weights.norm1.width()
    }

    /// One sequence, `x [tokens, width]` to `[tokens, width]`.
    pub fn forward(&self, x: &Matrix) -> Matrix {
        self.forward_sequences(x, &Sequences::single(x.rows()))
    }

    /// The adjoint of [`Block::forward`] at the block's input `x`; what lies between is computed again. Nothing in a block is trained.
    pub fn backward(&self, x: &Matrix, dy: &Matrix) -> Matrix {
        self.backward_sequences(x, &Sequences::single(x.rows()), dy)
    }

    /// Several sequences, `x [rows, width]` to `[rows, width]`. Each sequence gets the bits that it would get alone.
    pub fn forward_sequences(&self, x: &Matrix, sequences: &Sequences) -> Matrix {
        let weights = &self.weights;
        match self.placement {
            NormPlacement::Pre => {
                let h = self.attend(&weights.norm1.forward_into(x, &weights.query_key_value), x, sequences);
                self.transform(&weights.norm2.forward_into(&h, &weights.expand), &h)
            }
            NormPlacement::Post => {
                let h = weights.norm1.forward(&self.attend(&weights.query_key_value.input_of(x), x, sequences));
                weights.norm2.forward(&self.transform(&weights.expand.input_of(&h), &h))
            }
        }
    }

    /// As [`Block::forward_sequences`], keeping what lies between for [`Block::backward_from`].
    pub fn forward_keeping(&self, x: &Matrix, sequences: &Sequences) -> (Matrix, BlockActivations) {
        let BlockWeights { norm1, query_key_value, norm2, expand, .. } = &self.weights;
        match self.placement {
            NormPlacement::Pre => {
                let projected = query_key_value.forward_then(&norm1.forward_into(x, query_key_value), |_| {});
                let middle = self.attend_from(&projected, x, sequences);
                let (y, hidden) = self.transform_keeping(&norm2.forward_into(&middle, expand), &middle);
                (y, BlockActivations { query_key_value: projected, middle, hidden, last: None })
            }
            NormPlacement::Post => {
                let projected = query_key_value.forward(x);
                let middle = self.attend_from(&projected, x, sequences);
                let h = norm1.forward(&middle);
                let (last, hidden) = self.transform_keeping(&expand.input_of(&h), &h);
                let y = norm2.forward(&last);
                (y, BlockActivations { query_key_value: projected, middle, hidden, last: Some(last) })
            }
        }
    }

    /// Bytes of the [`BlockActivations`] of so many rows.
    pub fn activation_bytes(&self, rows: usize) -> usize {
        let sums = match self.placement {
            NormPlacement::Pre => 1,
            NormPlacement::Post => 2,
        };
        size_of::<f32>() * rows * ((3 + sums) * self.width() + self.weights.expand.output_width())
    }

    /// The adjoint of [`Block::forward_sequences`]; what lies between is computed again.
    pub fn backward_sequences(&self, x: &Matrix, sequences: &Sequences, dy: &Matrix) -> Matrix {
        self.backward_from(x, sequences, &self.activations(x, sequences), dy)
    }

    /// The adjoint of [`Block::forward_sequences`] from what [`Block::forward_keeping`] kept for the same input: the bits of
    /// [`Block::backward_sequences`], sooner.
    ///
    /// # Panics
    /// When shapes differ, as those of what another block kept may.
    pub fn backward_from(
        &self,
        x: &Matrix,
        sequences: &Sequences,
        activations: &BlockActivations,
        dy: &Matrix,
    ) -> Matrix {
        x.assert_shape_of(dy);
        let BlockActivations { query_key_value, middle, hidden, last } = activations;
        let BlockWeights { norm1, norm2, .. } = &self.weights;
        x.assert_shape_of(middle);
        match last {
            None => {
                let mut dh = norm2.backward(middle, &self.transform_backward(hidden, dy));
                dh.add(dy);
                let mut dx = norm1.backward(x, &self.attend_backward(query_key_value, sequences, &dh));
                dx.add(&dh);
                dx
            }
            Some(last) => {
                let df = norm2.backward(last, dy);
                let mut dh = self.transform_backward(hidden, &df);
                dh.add(&df);
                let da = norm1.backward(middle, &dh);
                let mut dx = self.attend_backward(query_key_value, sequences, &da);
                dx.add(&da);
                dx
            }
        }
    }

    /// What [`Block::forward_keeping`] keeps, without the output where the adjoint can do without it.
    fn activations(&self, x: &Matrix, sequences: &Sequences) -> BlockActivations {
        let BlockWeights { norm1, query_key_value, norm2, expand, .. } = &self.weights;
        match self.placement {
            NormPlacement::Pre => {
                let projected = query_key_value.forward_then(&norm1.forward_into(x, query_key_value), |_| {});
                let middle = self.attend_from(&projected, x, sequences);
                let hidden = expand.forward_then(&norm2.forward_into(&middle, expand), |_| {});
                BlockActivations { query_key_value: projected, middle, hidden, last: None }
            }
            NormPlacement::Post => self.forward_keeping(x, sequences).1,
        }
    }

    /// `residual + scale * output(attention(input))`.
    fn attend(&self, input: &Left, residual: &Matrix, sequences: &Sequences) -> Matrix {
        self.attend_from(&self.weights.query_key_value.forward_then(input, |_| {}), residual, sequences)
    }

    fn attend_from(&self, query_key_value: &Matrix, residual: &Matrix, sequences: &Sequences) -> Matrix {
        let output = &self.weights.output;
        let attended = attention_packed(query_key_value, self.heads, self.mask, sequences, self.precision(), output);
        let scale = self.weights.layer_scale.as_ref().map(|(first, _)| first.as_slice());
        output.forward_then(&attended, |piece| add_residual(piece, residual, scale))
    }

    fn attend_backward(&self, query_key_value: &Matrix, sequences: &Sequences, dy: &Matrix) -> Matrix {
        let scale = self.weights.layer_scale.as_ref().map(|(first, _)| first.as_slice());
        let d = self.weights.output.backward(&scaled(dy, scale));
        let before = &self.weights.query_key_value;
        let d = attention_backward_packed(query_key_value, self.heads, self.mask, sequences, before, &d);
        before.backward_then(&d, |_| {})
    }

    /// `residual + scale * contract(activation(expand(input)))`.
    fn transform(&self, input: &Left, residual: &Matrix) -> Matrix {
        let BlockWeights { expand, contract, .. } = &self.weights;
        let hidden = expand.forward_into(input, contract, |piece| self.activation.forward(piece.numbers));
        let scale = self.weights.layer_scale.as_ref().map(|(_, second)| second.as_slice());
        contract.forward_then(&hidden, |piece| add_residual(piece, residual, scale))
    }

    /// As [`Block::transform`], and what the activation was applied to.
    fn transform_keeping(&self, input: &Left, residual: &Matrix) -> (Matrix, Matrix) {
        let BlockWeights { expand, contract, .. } = &self.weights;
        let change = |piece: &mut Piece<'_>| self.activation.forward(piece.numbers);
        let (hidden, activated) = expand.forward_and_into(input, contract, change);
        let scale = self.weights.layer_scale.as_ref().map(|(_, second)| second.as_slice());
        (contract.forward_then(&activated, |piece| add_residual(piece, residual, scale)), hidden)
    }

    /// The adjoint of [`Block::transform`] without its residual, at what the activation was applied to.
    fn transform_backward(&self, hidden: &Matrix, dy: &Matrix) -> Matrix {
        let BlockWeights { expand, contract, .. } = &self.weights;
        let scale = self.weights.layer_scale.as_ref().map(|(_, second)| second.as_slice());
        let d = contract.backward_into(&contract.gradient_of(&scaled(dy, scale)), expand, |piece| {
            let first = piece.first_column;
            for (row, line) in piece.lines() {
                self.activation.backward(&hidden.row(row)[first..first + line.len()], line);
            }
        });
        expand.backward_then(&d, |_| {})
    }

    /// That of its layers, which are of one.
    fn precision(&self) -> Precision {
        self.weights.query_key_value.precision()
    }
}

fn add_residual(piece: &mut Piece<'_>, residual: &Matrix, scale: Option<&[f32]>) {
    let first = piece.first_column;
    for (row, line) in piece.lines() {
        if let Some(scale) = scale {
            line.iter_mut().zip(&scale[first..]).for_each(|(y, factor)| *y *= factor);
        }
        line.iter_mut().zip(&residual.row(row)[first..]).for_each(|(y, residual)| *y += residual);
    }
}

fn scaled<'a>(dy: &'a Matrix, scale: Option<&[f32]>) -> std::borrow::Cow<'a, Matrix> {
    let Some(scale) = scale else { return std::borrow::Cow::Borrowed(dy) };
    let mut scaled = dy.clone();
    for row in scaled.data_mut().chunks_exact_mut(scale.len()) {
        row.iter_mut().zip(scale).for_each(|(d, factor)| *d *= factor);
    }
    std::borrow::Cow::Owned(scaled)
}
