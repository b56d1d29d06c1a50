//! Dense linear algebra in f64 for heads in closed form.

mod cholesky;
mod eigen;
mod matrix;
pub(crate) mod packed;

pub use cholesky::Cholesky;
pub use eigen::{SymmetricEigen, symmetric_eigen};
pub use matrix::Matrix64;
