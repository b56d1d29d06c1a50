//! Products of plain f32 matrices, for weights that change at every step.

use crate::Matrix;
use crate::bytes::AlignedBytes;
use crate::factor::{Left, Right, pack_rows_of, pack_transpose_of, right_length};
use crate::kernel::{Spread, multiplied};
use crate::panels::Panels;
use crate::tile::Format;

/// `x [rows, input] · wᵀ`, with w `[output, input]`.
pub(crate) fn times_transposed(x: &Matrix, w: &Matrix) -> Matrix {
    let (columns, depth) = (w.rows(), w.columns());
    let mut right = AlignedBytes::zeroed(right_length(Format::F32, columns, depth));
    pack_transpose_of(Format::F32, w.data(), (columns, depth), depth, &mut right, &mut []);
    product(&rows_of(x), &right, columns)
}

/// `dy [rows, output] · w`, with w `[output, input]`.
pub(crate) fn times(dy: &Matrix, w: &Matrix) -> Matrix {
    product(&rows_of(dy), &right_of(w), w.columns())
}

/// `dyᵀ · x [output, input]`, summed over the rows.
pub(crate) fn transposed_times(dy: &Matrix, x: &Matrix) -> Matrix {
    assert_eq!(dy.rows(), x.rows(), "rows of a weight gradient");
    let left = Left::columns_of(Format::F32, dy.data(), dy.columns(), dy.rows(), dy.columns());
    product(&left, &right_of(x), x.columns())
}

fn rows_of(x: &Matrix) -> Left {
    Left::rows_of(Format::F32, x.data(), x.rows(), x.columns(), x.columns())
}

fn right_of(w: &Matrix) -> AlignedBytes {
    let mut right = AlignedBytes::zeroed(right_length(Format::F32, w.columns(), w.rows()));
    pack_rows_of(Format::F32, w.data(), (w.rows(), w.columns()), w.columns(), &mut right);
    right
}

fn product(left: &Left, right: &[u8], columns: usize) -> Matrix {
    let right = Right { format: Format::F32, columns, depth: left.depth, bytes: right };
    Matrix::from_vec(left.rows, columns, multiplied(left, Panels::Packed(right), Spread::Pool, |_| {}))
}
