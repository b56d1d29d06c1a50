use rayon::prelude::*;

use crate::Matrix;
use crate::vector::{sum, sum_of};

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
    /// When the two have different lengths.
    pub fn new(weight: Vec<f32>, bias: Vec<f32>, epsilon: f32) -> Self {
        assert_eq!(weight.len(), bias.len(), "weight and bias of a layer norm");
        LayerNorm { weight, bias, epsilon }
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.weight.len()
    }

    /// `x [rows, width]` to `(x − mean) / sqrt(variance + epsilon) * weight + bias`, row by row.
    pub fn forward(&self, x: &Matrix) -> Matrix {
        let width = self.checked(x);
        let mut y = Matrix::zeros(x.rows(), width);
        y.data_mut().par_chunks_mut(TASK_ROWS * width).zip(x.data().par_chunks(TASK_ROWS * width)).for_each(
            |(y, x)| {
                for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                    let (mean, inverse) = self.moments(x);
                    for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(&self.weight).zip(&self.bias) {
                        *y = (x - mean) * inverse * weight + bias;
                    }
                }
            },
        );
        y
    }

    /// The adjoint at the input `x`; weight and bias are frozen and have no gradient.
    ///
    /// With n the normalised row and g = dy * weight: dx = (g − mean(g) − n mean(g n)) / sqrt(variance + epsilon).
    pub fn backward(&self, x: &Matrix, dy: &Matrix) -> Matrix {
        let width = self.checked(x);
        x.assert_shape_of(dy);
        let mut dx = dy.clone();
        dx.data_mut().par_chunks_mut(TASK_ROWS * width).zip(x.data().par_chunks(TASK_ROWS * width)).for_each(
            |(dx, x)| {
                for (dx, x) in dx.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                    let (mean, inverse) = self.moments(x);
                    dx.iter_mut().zip(&self.weight).for_each(|(d, weight)| *d *= weight);
                    let mean_g = sum(dx) / width as f32;
                    let mean_gn = sum_of(dx, x, |g, x| g * (x - mean)) * inverse / width as f32;
                    for (d, x) in dx.iter_mut().zip(x) {
                        *d = (*d - mean_g - (x - mean) * inverse * mean_gn) * inverse;
                    }
                }
            },
        );
        dx
    }

    /// Mean and 1 / sqrt(variance + epsilon) of a row.
    #[inline(always)]
    fn moments(&self, x: &[f32]) -> (f32, f32) {
        let width = x.len() as f32;
        let mean = sum(x) / width;
        let variance = sum_of(x, x, |x, _| (x - mean) * (x - mean)) / width;
        (mean, 1.0 / (variance + self.epsilon).sqrt())
    }

    fn checked(&self, x: &Matrix) -> usize {
        assert_eq!(x.columns(), self.width(), "input of a layer norm");
        self.width()
    }
}
