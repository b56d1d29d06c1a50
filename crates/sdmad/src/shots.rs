//! Which images a method learns from: draws of K shots, given lists, folds among them, and what of the test set they
//! leak into.

mod draw;
mod folds;
mod leakage;
mod list;
mod support;

pub use draw::{ShortSupply, Shots, draw_shots};
pub use folds::{FoldRow, Folds, folds};
pub use leakage::{LeftOut, NEAR_DUPLICATE_BITS, Traits, leave_out};
pub use list::{ShotRecord, read_shots, read_support_list, shot_records, write_shots};
pub(crate) use support::Pool;
pub use support::{Shortage, Support};
