use crate::transpose::transpose;

/// A row-major matrix of f32, `[rows, columns]`.
///
/// Wrong lengths and indices are errors of the programmer and panic; what a user can send is checked before it comes here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    data: Vec<f32>,
}

impl Matrix {
    /// All zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Matrix { rows, columns, data: vec![0.0; rows * columns] }
    }

    /// Takes row-major numbers.
    ///
    /// # Panics
    /// When `data.len() != rows * columns`.
    pub fn from_vec(rows: usize, columns: usize, data: Vec<f32>) -> Self {
        assert_eq!(data.len(), rows * columns, "a matrix [{rows}, {columns}]");
        Matrix { rows, columns, data }
    }

    /// Puts matrices of equal width below one another.
    ///
    /// # Panics
    /// When widths differ.
    pub fn stacked<'a>(parts: impl IntoIterator<Item = &'a Matrix>) -> Self {
        let mut all = Matrix::default();
        for part in parts {
            if all.rows == 0 {
                all.columns = part.columns;
            }
            assert_eq!(all.columns, part.columns, "matrices of different widths cannot be stacked");
            all.rows += part.rows;
            all.data.extend_from_slice(&part.data);
        }
        all
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
    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.columns..(row + 1) * self.columns]
    }

    /// One row, to write.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.data[row * self.columns..(row + 1) * self.columns]
    }

    /// A copy of `count` rows from `first` on.
    pub fn rows_from(&self, first: usize, count: usize) -> Matrix {
        let data = self.data[first * self.columns..(first + count) * self.columns].to_vec();
        Matrix { rows: count, columns: self.columns, data }
    }

    /// All numbers, row by row.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// All numbers, row by row, to write.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Gives the numbers away, row by row.
    pub fn into_vec(self) -> Vec<f32> {
        self.data
    }

    /// The matrix with rows and columns swapped.
    pub fn transposed(&self) -> Matrix {
        let mut data = vec![0.0; self.data.len()];
        transpose(&self.data, self.columns, (self.rows, self.columns), &mut data, self.rows);
        Matrix { rows: self.columns, columns: self.rows, data }
    }

    /// Adds `other`, element by element.
    ///
    /// # Panics
    /// When shapes differ.
    pub fn add(&mut self, other: &Matrix) {
        self.assert_shape_of(other);
        for (a, b) in self.data.iter_mut().zip(&other.data) {
            *a += b;
        }
    }

    /// Multiplies every element by `factor`.
    pub fn scale(&mut self, factor: f32) {
        for a in &mut self.data {
            *a *= factor;
        }
    }

    pub(crate) fn assert_shape_of(&self, other: &Matrix) {
        assert_eq!((self.rows, self.columns), (other.rows, other.columns), "shapes differ");
    }
}
