use crate::Matrix;
use crate::kernel::{View, multiply};
use crate::packed::{Packed, Panels, Transposed};

/// How the numbers of a frozen weight are stored; sums are always in f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// 32-bit floating point.
    #[default]
    F32,
}

/// A frozen linear layer, `y = x Wᵀ + b`, its weight packed once when it is made.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Weight,
    bias: Option<Vec<f32>>,
}

/// Each precision is one way to pack.
#[derive(Clone, Debug)]
enum Weight {
    F32(Packed<f32>),
}

impl Linear {
    /// Packs a weight `[output, input]`; the bias has `output` numbers.
    ///
    /// # Panics
    /// When the bias has another length.
    pub fn new(weight: Matrix, bias: Option<Vec<f32>>, precision: Precision) -> Self {
        let (output, input) = (weight.rows(), weight.columns());
        if let Some(bias) = &bias {
            assert_eq!(bias.len(), output, "bias of a linear layer [{output}, {input}]");
        }
        let weight = match precision {
            Precision::F32 => Weight::F32(Packed::transpose_of(weight.data(), output, input, input)),
        };
        Linear { weight, bias }
    }

    /// Numbers that a row of the input has.
    pub fn input_width(&self) -> usize {
        match &self.weight {
            Weight::F32(packed) => Panels::depth(packed),
        }
    }

    /// Numbers that a row of the output has.
    pub fn output_width(&self) -> usize {
        match &self.weight {
            Weight::F32(packed) => Panels::columns(packed),
        }
    }

    /// `x [rows, input]` to `x Wᵀ + b [rows, output]`.
    pub fn forward(&self, x: &Matrix) -> Matrix {
        self.forward_then(x, |_, _, _| {})
    }

    /// As [`Linear::forward`]; `finish(row, first_column, numbers)` may change each piece of the output while it is in the cache.
    pub(crate) fn forward_then(&self, x: &Matrix, finish: impl Fn(usize, usize, &mut [f32]) + Sync) -> Matrix {
        assert_eq!(x.columns(), self.input_width(), "input of a linear layer");
        let mut y = Matrix::zeros(x.rows(), self.output_width());
        let left = View::rows_of(x.data(), x.rows(), x.columns(), x.columns());
        let finish = |row: usize, first: usize, numbers: &mut [f32]| {
            if let Some(bias) = &self.bias {
                for (number, bias) in numbers.iter_mut().zip(&bias[first..]) {
                    *number += bias;
                }
            }
            finish(row, first, numbers);
        };
        match &self.weight {
            Weight::F32(packed) => multiply(left, packed, y.data_mut(), finish),
        }
        y
    }

    /// The adjoint: `dy [rows, output]` to `dy W [rows, input]`. The weight is frozen and has no gradient.
    pub fn backward(&self, dy: &Matrix) -> Matrix {
        self.backward_then(dy, |_, _, _| {})
    }

    /// As [`Linear::backward`]; `finish` as in [`Linear::forward_then`].
    pub(crate) fn backward_then(&self, dy: &Matrix, finish: impl Fn(usize, usize, &mut [f32]) + Sync) -> Matrix {
        assert_eq!(dy.columns(), self.output_width(), "output gradient of a linear layer");
        let mut dx = Matrix::zeros(dy.rows(), self.input_width());
        let left = View::rows_of(dy.data(), dy.rows(), dy.columns(), dy.columns());
        match &self.weight {
            Weight::F32(packed) => multiply(left, &Transposed(packed), dx.data_mut(), finish),
        }
        dx
    }
}
