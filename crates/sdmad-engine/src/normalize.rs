use crate::Matrix;
use crate::vector::dot;

/// Norms below this count as this, so that a row of zeros stays one.
const SMALLEST: f32 = 1e-12;

/// Each row divided by its Euclidean norm. A row of zeros stays one.
pub fn l2_normalize(x: &Matrix) -> Matrix {
    let mut y = x.clone();
    for row in 0..y.rows() {
        let row = y.row_mut(row);
        let factor = 1.0 / dot(row, row).sqrt().max(SMALLEST);
        row.iter_mut().for_each(|x| *x *= factor);
    }
    y
}

/// The adjoint of [`l2_normalize`] at its input `x`: dx = (dy − y (y · dy)) / |x|. A row of zeros has the gradient 0.
///
/// # Panics
/// When shapes differ.
pub fn l2_normalize_backward(x: &Matrix, dy: &Matrix) -> Matrix {
    x.assert_shape_of(dy);
    let mut dx = dy.clone();
    for row in 0..x.rows() {
        let (x, dx) = (x.row(row), dx.row_mut(row));
        let norm = dot(x, x).sqrt();
        if norm < SMALLEST {
            dx.fill(0.0);
            continue;
        }
        let along = dot(x, dx) / (norm * norm);
        dx.iter_mut().zip(x).for_each(|(d, x)| *d = (*d - x * along) / norm);
    }
    dx
}
