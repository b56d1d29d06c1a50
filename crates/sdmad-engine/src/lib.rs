//! Operations of frozen transformer towers, each with a forward pass and a hand-derived adjoint, on the CPU in f32, bf16 or int8.
//!
//! A tower is frozen: its weights are packed once ([`Linear`]), and its adjoints give gradients with respect to inputs only. What trains is
//! small ([`ShiftAdapter`], [`Projection`]) and gets its own gradients. There is no tape: a caller keeps the inputs of blocks, and a
//! [`Block`] computes what lies between again when it goes backward, so memory is that of the block inputs and one block. Where there is
//! more, a caller keeps what lies between too ([`BlockActivations`]), for the same bits sooner.
//!
//! ```
//! use sdmad_engine::{AdamW, AdapterInput, Matrix, ShiftAdapter, cosine_decay};
//!
//! // Two tokens of width 4, as they came into a frozen block and out of it; the adapter learns to shift them to a target.
//! let block_input = Matrix::from_vec(2, 4, vec![0.1, -0.4, 0.3, 0.9, 0.5, 0.2, -0.7, 0.4]);
//! let block_output = Matrix::from_vec(2, 4, vec![0.2, -0.3, 0.4, 1.0, 0.6, 0.1, -0.8, 0.5]);
//! let target = Matrix::from_vec(2, 4, vec![0.3, -0.2, 0.5, 1.1, 0.7, 0.2, -0.6, 0.7]);
//! let mut adapter = ShiftAdapter {
//!     down: Matrix::from_vec(2, 4, vec![0.5, -0.5, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5]),
//!     up: Matrix::from_vec(4, 2, vec![0.5, 0.4, 0.3, 0.2, 0.1, 0.2, 0.3, 0.4]),
//!     lambda: 0.9,
//!     input: AdapterInput::BlockInput,
//!     norm_matching: false,
//! };
//! let mut optimizer = AdamW::new(0.05, 0.0);
//! let mut losses = Vec::new();
//! for step in 0..50 {
//!     let mut error = adapter.forward(&block_input, &block_output);
//!     for (e, t) in error.data_mut().iter_mut().zip(target.data()) {
//!         *e -= t;
//!     }
//!     losses.push(error.data().iter().map(|e| 0.5 * e * e).sum::<f32>());
//!     let gradients = adapter.backward(&block_input, &block_output, &error);
//!     optimizer.step(&mut [(&mut adapter.down, &gradients.down), (&mut adapter.up, &gradients.up)], cosine_decay(step, 50));
//! }
//! assert!(losses[49] < 0.8 * losses[0]);
//! ```
//!
//! # Map
//!
//! | What | Where |
//! |---|---|
//! | Numbers in rows and columns | [`Matrix`]; [`Sequences`] says which rows belong together |
//! | Frozen layers | [`Linear`] at a [`Precision`], [`LayerNorm`], [`Activation`], [`attention`] under a [`Mask`] |
//! | Packed weights as bytes | [`PackedBytes`], from [`Linear::packed`] to [`Linear::from_packed`]; [`PACKED_LAYOUT`]; a mapped file by [`shared_bytes`] |
//! | What the processor can do | [`InstructionPath`], [`instruction_path`], chosen by [`use_instructions`] |
//! | Frozen blocks | [`Block`] of [`BlockWeights`], norms by [`NormPlacement`]; [`BlockActivations`] for the way back |
//! | What trains | [`ShiftAdapter`], [`Projection`], [`l2_normalize`], stepped by [`AdamW`] under [`cosine_decay`] |
//! | Heads in closed form, f64 | [`Matrix64`], [`Cholesky`], [`symmetric_eigen`] |
//!
//! # What holds everywhere
//!
//! - **The same bits** for any number of threads, for a row alone or among others, and for a sequence alone or among others, on one
//!   instruction path and at one precision. The order of a sum depends on its depth alone, a sum over the depth is never shared between threads,
//!   and element-wise functions use only operations that round alike on every instruction set. Work is shared out in the current rayon pool.
//! - **What is not a number is not lost**: a row with NaN gives NaN, one with an infinity gives what is not finite; with int8 both give NaN.
//!   Products in bf16 take subnormal numbers as zero where the instructions do.
//! - **Gradients of weights are sums over the rows given**, in their order; a caller that adds up several sequences does so in an order of its own.
//! - **Shapes that do not fit are errors of the programmer** and panic; loaders check what comes from files before it comes here.
//!   The two factorisations of [`Matrix64`] give errors, since their success depends on the numbers.

mod activation;
mod adapter;
mod attention;
mod block;
mod bytes;
mod dense;
mod factor;
mod heads;
mod instructions;
mod kernel;
mod layer_norm;
mod linear;
mod mapped;
mod matrix;
mod normalize;
mod optimizer;
mod panels;
mod precision;
mod product;
mod projection;
mod sequences;
mod tile;
mod transpose;
mod vector;

pub use activation::Activation;
pub use adapter::{AdapterGradients, AdapterInput, ShiftAdapter};
pub use attention::{Mask, attention, attention_backward};
pub use block::{Block, BlockActivations, BlockWeights, NormPlacement};
pub use bytes::PackedBytes;
pub use dense::{Cholesky, Matrix64, SymmetricEigen, symmetric_eigen};
pub use instructions::{InstructionPath, instruction_path, use_instructions};
pub use layer_norm::LayerNorm;
pub use linear::{Linear, PACKED_LAYOUT, Precision};
pub use mapped::{SharedBytes, shared_bytes};
pub use matrix::Matrix;
pub use normalize::{l2_normalize, l2_normalize_backward};
pub use optimizer::{AdamW, cosine_decay};
pub use projection::Projection;
pub use sequences::Sequences;
