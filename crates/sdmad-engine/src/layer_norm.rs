use rayon::prelude::*;

use crate::Matrix;
use crate::kernel::vectorised;
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
            let (mean, inverse) = norm.moments(x);
            for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(&norm.weight).zip(&norm.bias) {
                *y = (x - mean) * inverse * weight + bias;
            }
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
