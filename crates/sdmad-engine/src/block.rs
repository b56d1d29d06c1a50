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

    /// The adjoint of [`Block::forward_sequences`].
    pub fn backward_sequences(&self, x: &Matrix, sequences: &Sequences, dy: &Matrix) -> Matrix {
        x.assert_shape_of(dy);
        let weights = &self.weights;
        match self.placement {
            NormPlacement::Pre => {
                let n1 = weights.norm1.forward_into(x, &weights.query_key_value);
                let query_key_value = weights.query_key_value.forward_then(&n1, |_| {});
                let h = self.attend_from(&query_key_value, x, sequences);
                let n2 = weights.norm2.forward_into(&h, &weights.expand);
                let mut dh = weights.norm2.backward(&h, &self.transform_backward(&n2, dy));
                dh.add(dy);
                let mut dx = weights.norm1.backward(x, &self.attend_backward(&query_key_value, sequences, &dh));
                dx.add(&dh);
                dx
            }
            NormPlacement::Post => {
                let query_key_value = weights.query_key_value.forward(x);
                let a = self.attend_from(&query_key_value, x, sequences);
                let h = weights.norm1.forward(&a);
                let expanding = weights.expand.input_of(&h);
                let df = weights.norm2.backward(&self.transform(&expanding, &h), dy);
                let mut dh = self.transform_backward(&expanding, &df);
                dh.add(&df);
                let da = weights.norm1.backward(&a, &dh);
                let mut dx = self.attend_backward(&query_key_value, sequences, &da);
                dx.add(&da);
                dx
            }
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

    fn transform_backward(&self, input: &Left, dy: &Matrix) -> Matrix {
        let BlockWeights { expand, contract, .. } = &self.weights;
        let scale = self.weights.layer_scale.as_ref().map(|(_, second)| second.as_slice());
        let hidden = expand.forward_then(input, |_| {});
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
