use crate::Matrix;
use crate::product::{times, times_transposed, transposed_times};
use crate::vector::dot;

/// What a shift adapter looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdapterInput {
    /// The input of its block.
    BlockInput,
    /// The output of its block.
    BlockOutput,
}

/// The shift adapter of a block (docs/method.md, "Training by gradient"): trained, without biases.
///
/// ada = α(W₂ α(W₁ h)) with α the leaky rectifier of slope 0.01, and out = λ h_out + (1 − λ) ada. With norm matching, ada is rescaled token by
/// token to the norm of h_out (and stays zero where it is zero).
#[derive(Clone, Debug, PartialEq)]
pub struct ShiftAdapter {
    /// W₁, `[bottleneck, width]`.
    pub down: Matrix,
    /// W₂, `[width, bottleneck]`.
    pub up: Matrix,
    /// λ, the share of the block's own output, in [0, 1]. With 1, the block's output comes back bit for bit.
    pub lambda: f32,
    /// h.
    pub input: AdapterInput,
    /// Whether ada is rescaled to the norm of the block's output.
    pub norm_matching: bool,
}

/// What [`ShiftAdapter::backward`] gives.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterGradients {
    /// With respect to the block's input, `[tokens, width]`: what comes by the adapter's own way, not through the block.
    pub block_input: Matrix,
    /// With respect to the block's output, `[tokens, width]`.
    pub block_output: Matrix,
    /// With respect to [`ShiftAdapter::down`], summed over the tokens.
    pub down: Matrix,
    /// With respect to [`ShiftAdapter::up`], summed over the tokens.
    pub up: Matrix,
}

const SLOPE: f32 = 0.01;

/// Norms of ada below this count as zero.
const SMALLEST: f32 = 1e-12;

impl ShiftAdapter {
    /// The block's output, shifted: `[tokens, width]`.
    pub fn forward(&self, block_input: &Matrix, block_output: &Matrix) -> Matrix {
        block_input.assert_shape_of(block_output);
        if self.lambda == 1.0 {
            return block_output.clone();
        }
        let mut out = rectified(&times_transposed(&rectified(&self.hidden(block_input, block_output)), &self.up));
        for row in 0..out.rows() {
            let (ada, h_out) = (out.row_mut(row), block_output.row(row));
            let share = (1.0 - self.lambda) * self.matching(ada, h_out);
            ada.iter_mut().zip(h_out).for_each(|(a, h)| *a = self.lambda * h + share * *a);
        }
        out
    }

    /// The adjoint at the block's input and output; `dy [tokens, width]`. With λ = 1, `dy` goes to the block's output unchanged and all else is zero.
    pub fn backward(&self, block_input: &Matrix, block_output: &Matrix, dy: &Matrix) -> AdapterGradients {
        block_input.assert_shape_of(block_output);
        block_output.assert_shape_of(dy);
        if self.lambda == 1.0 {
            return AdapterGradients {
                block_input: Matrix::zeros(dy.rows(), dy.columns()),
                block_output: dy.clone(),
                down: Matrix::zeros(self.down.rows(), self.down.columns()),
                up: Matrix::zeros(self.up.rows(), self.up.columns()),
            };
        }
        let hidden = self.hidden(block_input, block_output);
        let bent = rectified(&hidden);
        let before = times_transposed(&bent, &self.up);

        let mut d_output = dy.clone();
        d_output.scale(self.lambda);
        let mut d_before = dy.clone();
        d_before.scale(1.0 - self.lambda);
        if self.norm_matching {
            self.matching_backward(&rectified(&before), block_output, &mut d_before, &mut d_output);
        }
        rectified_backward(&before, &mut d_before);
        let up = transposed_times(&d_before, &bent);
        let mut d_hidden = times(&d_before, &self.up);
        rectified_backward(&hidden, &mut d_hidden);
        let d_input = times(&d_hidden, &self.down);
        match self.input {
            AdapterInput::BlockInput => {
                let down = transposed_times(&d_hidden, block_input);
                AdapterGradients { block_input: d_input, block_output: d_output, down, up }
            }
            AdapterInput::BlockOutput => {
                let down = transposed_times(&d_hidden, block_output);
                d_output.add(&d_input);
                let nothing = Matrix::zeros(dy.rows(), dy.columns());
                AdapterGradients { block_input: nothing, block_output: d_output, down, up }
            }
        }
    }

    /// W₁ h, `[tokens, bottleneck]`.
    fn hidden(&self, block_input: &Matrix, block_output: &Matrix) -> Matrix {
        let h = match self.input {
            AdapterInput::BlockInput => block_input,
            AdapterInput::BlockOutput => block_output,
        };
        times_transposed(h, &self.down)
    }

    /// |h_out| / |ada| of one token, or 1 without norm matching.
    fn matching(&self, ada: &[f32], h_out: &[f32]) -> f32 {
        let norm = dot(ada, ada).sqrt();
        match self.norm_matching {
            true if norm > SMALLEST => dot(h_out, h_out).sqrt() / norm,
            _ => 1.0,
        }
    }

    /// The adjoint of s = ada |h| / |ada|, with u = ada / |ada|: d_ada = (ds − u (u · ds)) |h| / |ada| and d_h += (u · ds) h / |h|.
    fn matching_backward(&self, ada: &Matrix, h_out: &Matrix, d_ada: &mut Matrix, d_h: &mut Matrix) {
        for row in 0..ada.rows() {
            let (a, h, da, dh) = (ada.row(row), h_out.row(row), d_ada.row_mut(row), d_h.row_mut(row));
            let (norm_a, norm_h) = (dot(a, a).sqrt(), dot(h, h).sqrt());
            if norm_a <= SMALLEST {
                continue;
            }
            let along = dot(a, da) / norm_a;
            let ratio = norm_h / norm_a;
            da.iter_mut().zip(a).for_each(|(d, a)| *d = (*d - a / norm_a * along) * ratio);
            if norm_h > SMALLEST {
                dh.iter_mut().zip(h).for_each(|(d, h)| *d += along * h / norm_h);
            }
        }
    }
}

fn rectified(x: &Matrix) -> Matrix {
    let mut y = x.clone();
    y.data_mut().iter_mut().for_each(|x| *x = if *x < 0.0 { SLOPE * *x } else { *x });
    y
}

fn rectified_backward(x: &Matrix, dy: &mut Matrix) {
    dy.data_mut().iter_mut().zip(x.data()).for_each(|(d, x)| *d = if *x < 0.0 { SLOPE * *d } else { *d });
}
