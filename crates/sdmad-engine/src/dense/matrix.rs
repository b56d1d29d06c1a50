use crate::Matrix;
use crate::dense::packed::Packed;
use crate::kernel::double::{View, multiply};

/// A row-major matrix of f64, `[rows, columns]`.
///
/// Wrong lengths and indices are errors of the programmer and panic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix64 {
    rows: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Matrix64 {
    /// All zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Matrix64 { rows, columns, data: vec![0.0; rows * columns] }
    }

    /// Takes row-major numbers.
    ///
    /// # Panics
    /// When `data.len() != rows * columns`.
    pub fn from_vec(rows: usize, columns: usize, data: Vec<f64>) -> Self {
        assert_eq!(data.len(), rows * columns, "a matrix [{rows}, {columns}]");
        Matrix64 { rows, columns, data }
    }

    /// Ones on the diagonal.
    pub fn identity(size: usize) -> Self {
        let mut identity = Matrix64::zeros(size, size);
        identity.add_to_diagonal(1.0);
        identity
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.columns..(row + 1) * self.columns]
    }

    /// One row, to write.
    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.data[row * self.columns..(row + 1) * self.columns]
    }

    /// All numbers, row by row.
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// All numbers, row by row, to write.
    pub fn data_mut(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// Adds `number` to the diagonal: the ridge.
    pub fn add_to_diagonal(&mut self, number: f64) {
        for index in 0..self.rows.min(self.columns) {
            self.data[index * self.columns + index] += number;
        }
    }

    /// The matrix with rows and columns swapped.
    pub fn transposed(&self) -> Matrix64 {
        let mut data = Vec::with_capacity(self.data.len());
        for column in 0..self.columns {
            data.extend((0..self.rows).map(|row| self.data[row * self.columns + column]));
        }
        Matrix64 { rows: self.columns, columns: self.rows, data }
    }

    /// `self · other`.
    ///
    /// # Panics
    /// When the inner sizes differ; so in the other products.
    pub fn times(&self, other: &Matrix64) -> Matrix64 {
        let packed = Packed::rows_of(&other.data, other.rows, other.columns, other.columns);
        self.product(View::rows_of(&self.data, self.rows, self.columns, self.columns), &packed, other.columns)
    }

    /// `self · otherᵀ`; with itself, the Gram matrix of the rows.
    pub fn times_transposed(&self, other: &Matrix64) -> Matrix64 {
        let packed = Packed::transpose_of(&other.data, other.rows, other.columns, other.columns);
        self.product(View::rows_of(&self.data, self.rows, self.columns, self.columns), &packed, other.rows)
    }

    /// `selfᵀ · other`; with itself, the Gram matrix of the columns.
    pub fn transposed_times(&self, other: &Matrix64) -> Matrix64 {
        assert_eq!(self.rows, other.rows, "rows of a product");
        let packed = Packed::rows_of(&other.data, other.rows, other.columns, other.columns);
        self.product(View::columns_of(&self.data, self.columns, self.rows, self.columns), &packed, other.columns)
    }

    fn product(&self, left: View<'_>, right: &Packed, columns: usize) -> Matrix64 {
        let mut out = Matrix64::zeros(left.rows, columns);
        multiply(left, right, &mut out.data);
        out
    }
}

impl From<&Matrix> for Matrix64 {
    fn from(matrix: &Matrix) -> Self {
        let data = matrix.data().iter().map(|&x| f64::from(x)).collect();
        Matrix64 { rows: matrix.rows(), columns: matrix.columns(), data }
    }
}

impl From<&Matrix64> for Matrix {
    /// Rounds every number to f32.
    fn from(matrix: &Matrix64) -> Self {
        Matrix::from_vec(matrix.rows, matrix.columns, matrix.data.iter().map(|&x| x as f32).collect())
    }
}
