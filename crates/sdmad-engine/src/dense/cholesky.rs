use sdmad_base::{Error, Result};

use super::Matrix64;
use crate::dense::packed::Packed;
use crate::kernel::double::{View, multiply};
use crate::kernel::vectorised;

/// The factor L of a symmetric positive definite matrix A = L Lᵀ, to solve A X = B with.
#[derive(Clone, Debug)]
pub struct Cholesky {
    /// Lower triangle; what stands above the diagonal is not read.
    lower: Matrix64,
}

/// Columns that are factored at once; what lies to their left reaches them by one product.
const BLOCK: usize = 64;

impl Cholesky {
    /// Factors `matrix [n, n]`, of which only the lower triangle is read. About n³/3 operations.
    ///
    /// # Errors
    /// When the matrix is not positive definite to rounding, or holds a number that is not finite.
    ///
    /// # Panics
    /// When it is not square.
    pub fn new(matrix: Matrix64) -> Result<Self> {
        let n = matrix.rows();
        assert_eq!(matrix.columns(), n, "a matrix to factor is square");
        let mut lower = matrix;
        for first in (0..n).step_by(BLOCK) {
            let width = BLOCK.min(n - first);
            subtract_left(&mut lower, first, width);
            let diagonal = factor_block(&mut lower, first, width)?;
            let below = &mut lower.data_mut()[(first + width) * n..];
            solve_below(below, n, first, &diagonal, width);
        }
        Ok(Cholesky { lower })
    }

    /// Solves A X = B for `b [n, m]`.
    ///
    /// # Panics
    /// When `b` has another number of rows than A.
    pub fn solve(&self, b: &Matrix64) -> Matrix64 {
        let (n, m) = (self.lower.rows(), b.columns());
        assert_eq!(b.rows(), n, "right side of a system of {n} equations");
        let mut x = b.clone();
        let l = self.lower.data();
        for first in (0..n).step_by(BLOCK) {
            let width = BLOCK.min(n - first);
            let (known, rest) = x.data_mut().split_at_mut(first * m);
            let rows = &mut rest[..width * m];
            subtract_product(View::rows_of(&l[first * n..], width, first, n), known, rows, m);
            for row in 0..width {
                let (solved, rest) = rows.split_at_mut(row * m);
                let coefficients = &l[(first + row) * n + first..][..=row];
                substitute(solved, &mut rest[..m], &coefficients[..row], 1, coefficients[row]);
            }
        }
        for first in (0..n).step_by(BLOCK).rev() {
            let width = BLOCK.min(n - first);
            let (rest, known) = x.data_mut().split_at_mut((first + width) * m);
            let rows = &mut rest[first * m..];
            let below = &l[((first + width) * n + first).min(l.len())..];
            subtract_product(View::columns_of(below, width, n - first - width, n), known, rows, m);
            for row in (0..width).rev() {
                let (rest, solved) = rows.split_at_mut((row + 1) * m);
                let pivot = (first + row) * n + first + row;
                let column = &l[(pivot + n).min(l.len())..];
                substitute(solved, &mut rest[row * m..], column, n, l[pivot]);
            }
        }
        x
    }
}

/// `rows -= left · known`.
fn subtract_product(left: View<'_>, known: &[f64], rows: &mut [f64], columns: usize) {
    if left.depth == 0 || columns == 0 {
        return;
    }
    let packed = Packed::rows_of(known, left.depth, columns, columns);
    let mut product = vec![0.0; rows.len()];
    multiply(left, &packed, &mut product);
    for (to, from) in rows.iter_mut().zip(product) {
        *to -= from;
    }
}

/// Takes what the columns left of a block say about it off the block: `A[first.., block] -= L[first.., ..first] · L[block, ..first]ᵀ`.
fn subtract_left(lower: &mut Matrix64, first: usize, width: usize) {
    let n = lower.rows();
    if first == 0 {
        return;
    }
    let rows = &lower.data()[first * n..];
    let packed = Packed::transpose_of(rows, width, first, n);
    let mut product = vec![0.0; (n - first) * width];
    multiply(View::rows_of(rows, n - first, first, n), &packed, &mut product);
    for (row, from) in product.chunks_exact(width).enumerate() {
        let to = &mut lower.row_mut(first + row)[first..first + width];
        to.iter_mut().zip(from).for_each(|(to, from)| *to -= from);
    }
}

/// Factors a block on the diagonal; gives its transpose, so that columns are contiguous.
fn factor_block(lower: &mut Matrix64, first: usize, width: usize) -> Result<Vec<f64>> {
    let mut transposed = vec![0.0; width * width];
    for row in 0..width {
        for column in 0..=row {
            let mut sum = lower.row(first + row)[first + column];
            for inner in 0..column {
                sum -= transposed[inner * width + row] * transposed[inner * width + column];
            }
            let number = if column < row {
                sum / transposed[column * width + column]
            } else if sum > 0.0 && sum.is_finite() {
                sum.sqrt()
            } else {
                let place = first + row + 1;
                return Err(Error::bad_input(format!("the matrix is not positive definite: pivot {place} is {sum:e}"))
                    .with_hint("raise the ridge, or look for numbers that are not finite or columns that repeat"));
            };
            transposed[column * width + row] = number;
            lower.row_mut(first + row)[first + column] = number;
        }
    }
    Ok(transposed)
}

vectorised! {
    /// Solves X · Dᵀ = A for the rows below a block, in place; `diagonal` is Dᵀ.
    fn solve_below(below: &mut [f64], n: usize, first: usize, diagonal: &[f64], width: usize) {
        for row in below.chunks_exact_mut(n) {
            let row = &mut row[first..first + width];
            for column in 0..width {
                let coefficients = &diagonal[column * width + column..(column + 1) * width];
                let (done, rest) = row[column..].split_at_mut(1);
                done[0] /= coefficients[0];
                for (to, coefficient) in rest.iter_mut().zip(&coefficients[1..]) {
                    *to -= done[0] * coefficient;
                }
            }
        }
    }
}

vectorised! {
    /// `row = (row − Σ coefficient · solved row) / pivot`; coefficients are `stride` apart.
    fn substitute(solved: &[f64], row: &mut [f64], coefficients: &[f64], stride: usize, pivot: f64) {
        if row.is_empty() {
            return;
        }
        for (other, coefficient) in solved.chunks_exact(row.len()).zip(coefficients.iter().step_by(stride)) {
            for (to, from) in row.iter_mut().zip(other) {
                *to -= coefficient * from;
            }
        }
        for to in row.iter_mut() {
            *to /= pivot;
        }
    }
}
