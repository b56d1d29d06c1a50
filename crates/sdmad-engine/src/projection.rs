use crate::Matrix;
use crate::product::{times, times_transposed, transposed_times};

/// A trainable linear layer without bias, `y = x Wᵀ`.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// `[output, input]`.
    pub weight: Matrix,
}

impl Projection {
    /// A layer of this weight, `[output, input]`.
    pub fn new(weight: Matrix) -> Self {
        Projection { weight }
    }

    /// `x [rows, input]` to `[rows, output]`.
    pub fn forward(&self, x: &Matrix) -> Matrix {
        times_transposed(x, &self.weight)
    }

    /// The adjoint at the input `x`: `dy [rows, output]` to the gradients of `x` and of the weight, the latter summed over the rows.
    pub fn backward(&self, x: &Matrix, dy: &Matrix) -> (Matrix, Matrix) {
        (times(dy, &self.weight), transposed_times(dy, x))
    }
}
