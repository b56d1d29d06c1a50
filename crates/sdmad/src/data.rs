//! Labelled images on disk.
mod label;
mod manifest;
mod masks;
mod read;
mod split;

pub use label::{Label, Split};
pub use manifest::{Manifest, PatientKey, Row};
pub use masks::Masks;
pub(crate) use split::assign;
pub use split::{SplitFractions, split};
