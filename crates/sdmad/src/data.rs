//! Labelled images on disk.
mod label;
mod manifest;
mod masks;
mod read;

pub use label::{Label, Split};
pub use manifest::{Manifest, PatientKey, Row};
pub use masks::Masks;
