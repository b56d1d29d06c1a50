//! Operations of frozen transformer towers, each with a hand-derived adjoint.

mod activation;
mod adapter;
mod attention;
mod block;
mod dense;
mod kernel;
mod layer_norm;
mod linear;
mod matrix;
mod normalize;
mod optimizer;
mod packed;
mod product;
mod projection;
mod sequences;
mod transpose;
mod vector;

pub use activation::Activation;
pub use adapter::{AdapterGradients, AdapterInput, ShiftAdapter};
pub use attention::{Mask, attention, attention_backward};
pub use block::{Block, BlockWeights, NormPlacement};
pub use dense::{Cholesky, Matrix64, SymmetricEigen, symmetric_eigen};
pub use layer_norm::LayerNorm;
pub use linear::{Linear, Precision};
pub use matrix::Matrix;
pub use normalize::{l2_normalize, l2_normalize_backward};
pub use optimizer::{AdamW, cosine_decay};
pub use projection::Projection;
pub use sequences::Sequences;
