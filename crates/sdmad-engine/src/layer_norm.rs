use rayon::prelude::*;

use crate::factor::Left;
use crate::kernel::vectorised;
use crate::tile::{Format, Steps, bf16_bits, bf16_number, put_row};
use crate::vector::{sum, sum_of};
use crate::{Linear, Matrix};

/// A frozen layer norm: each row to mean 0 and variance 1, then times a weight and plus a bias.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

/// Rows that one task takes on.
const TASK_ROWS: usize = 64;

impl LayerNorm {
    /// `weight` and `bias` have the width of a row; `epsilon` is added to the variance.
    ///
    /// # Panics
    /// When the two are empty or have different lengths.
    pub fn new(weight: Vec<f32>, bias: Vec<f32>, epsilon: f32) -> Self {
        assert!(!weight.is_empty(), "a layer norm has a width");
        assert_eq!(weight.len(), bias.len(), "weight and bias of a layer norm");
        LayerNorm { weight, bias, epsilon }
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.weight.len()
    }

    /// `x [rows, width]` to `(x − mean) / sqrt(variance + epsilon) * weight + bias`, row by row.
    pub fn forward(&self, x: &Matrix) -> Matrix {
        let mut y = Matrix::zeros(x.rows(), x.columns());
        self.by_rows(x, &mut y, forward_rows);
        y
    }

    /// As [`LayerNorm::forward`], packed as the input of the layer `next`.
    pub(crate) fn forward_into(&self, x: &Matrix, next: &Linear) -> Left {
        assert_eq!(x.columns(), self.width(), "input of a layer norm");
        let (format, width) = (next.input_format(), self.width());
        let round = next.rounds_inputs();
        Left::from_groups(format, x.rows(), width, |first, count, group, scales| {
            forward_packed(self, &x.data()[first * width..][..count * width], (format, round), group, scales);
        })
    }

    /// The adjoint at the input `x`; weight and bias are frozen and have no gradient.
    ///
    /// With n the normalised row and g = dy * weight: dx = (g − mean(g) − n mean(g n)) / sqrt(variance + epsilon).
    pub fn backward(&self, x: &Matrix, dy: &Matrix) -> Matrix {
        x.assert_shape_of(dy);
        let mut dx = dy.clone();
        self.by_rows(x, &mut dx, backward_rows);
        dx
    }

    fn by_rows(&self, x: &Matrix, y: &mut Matrix, f: impl Fn(&LayerNorm, &[f32], &mut [f32]) + Sync) {
        assert_eq!(x.columns(), self.width(), "input of a layer norm");
        let piece = TASK_ROWS * self.width();
        y.data_mut().par_chunks_mut(piece).zip(x.data().par_chunks(piece)).for_each(|(y, x)| f(self, x, y));
    }

    #[inline(always)]
    fn row(&self, x: &[f32], y: &mut [f32]) {
        let (mean, inverse) = self.moments(x);
        for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(&self.weight).zip(&self.bias) {
            *y = (x - mean) * inverse * weight + bias;
        }
    }

    /// Mean and 1 / sqrt(variance + epsilon) of a row.
    #[inline(always)]
    fn moments(&self, x: &[f32]) -> (f32, f32) {
        let width = x.len() as f32;
        let mean = sum(x) / width;
        let variance = sum_of(x, x, |x, _| (x - mean) * (x - mean)) / width;
        (mean, 1.0 / (variance + self.epsilon).sqrt())
    }
}

vectorised! {
    fn forward_rows(norm: &LayerNorm, x: &[f32], y: &mut [f32]) {
        for (y, x) in y.chunks_exact_mut(norm.width()).zip(x.chunks_exact(norm.width())) {
            norm.row(x, y);
        }
    }
}

vectorised! {
    /// `dx` holds dy when it is called.
    fn backward_rows(norm: &LayerNorm, x: &[f32], dx: &mut [f32]) {
        let width = norm.width() as f32;
        for (dx, x) in dx.chunks_exact_mut(norm.width()).zip(x.chunks_exact(norm.width())) {
            let (mean, inverse) = norm.moments(x);
            for (d, weight) in dx.iter_mut().zip(&norm.weight) {
                *d *= weight;
            }
            let mean_g = sum(dx) / width;
            let mean_gn = sum_of(dx, x, |g, x| g * (x - mean)) * inverse / width;
            for (d, x) in dx.iter_mut().zip(x) {
                *d = (*d - mean_g - (x - mean) * inverse * mean_gn) * inverse;
            }
        }
    }
}

vectorised! {
    /// Rows of a group, packed in a format; `true` beside it for numbers rounded to bf16.
    fn forward_packed(norm: &LayerNorm, x: &[f32], format: (Format, bool), group: &mut [u8], scales: &mut [Steps]) {
        let mut y = vec![0.0; norm.width()];
        for (line, x) in x.chunks_exact(norm.width()).enumerate() {
            norm.row(x, &mut y);
            if format.1 {
                y.iter_mut().for_each(|y| *y = bf16_number(bf16_bits(*y)));
            }
            let scale = put_row(format.0, &y, line, group);
            if let Some(to) = scales.get_mut(line) {
                *to = scale;
            }
        }
    }
}
