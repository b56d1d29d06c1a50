//! Products of plain matrices, for weights that change at every step.

use crate::Matrix;
use crate::kernel::{View, multiply};
use crate::packed::Packed;

/// `x [rows, input] · wᵀ`, with w `[output, input]`.
pub(crate) fn times_transposed(x: &Matrix, w: &Matrix) -> Matrix {
    let packed = Packed::transpose_of(w.data(), w.rows(), w.columns(), w.columns());
    product(View::rows_of(x.data(), x.rows(), x.columns(), x.columns()), &packed, w.rows())
}

/// `dy [rows, output] · w`, with w `[output, input]`.
pub(crate) fn times(dy: &Matrix, w: &Matrix) -> Matrix {
    let packed = Packed::rows_of(w.data(), w.rows(), w.columns(), w.columns());
    product(View::rows_of(dy.data(), dy.rows(), dy.columns(), dy.columns()), &packed, w.columns())
}

/// `dyᵀ · x [output, input]`, summed over the rows.
pub(crate) fn transposed_times(dy: &Matrix, x: &Matrix) -> Matrix {
    assert_eq!(dy.rows(), x.rows(), "rows of a weight gradient");
    let packed = Packed::rows_of(x.data(), x.rows(), x.columns(), x.columns());
    product(View::columns_of(dy.data(), dy.columns(), dy.rows(), dy.columns()), &packed, x.columns())
}

fn product(left: View<'_>, packed: &Packed<f32>, columns: usize) -> Matrix {
    let mut y = Matrix::zeros(left.rows, columns);
    multiply(left, packed, y.data_mut(), |_, _, _| {});
    y
}
