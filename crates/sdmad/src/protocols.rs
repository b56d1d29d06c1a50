//! The three protocols: from what a method says of each test image to every figure of `metrics.json`.
//!
//! A method gives [`Outputs`] for one image; a [`TestSet`] holds the labels, in which cells may be unknown. Which
//! image counts for which figure is decided here and nowhere else (`docs/protocols.md`).

mod answers;
mod evaluator;
mod figures;
mod outputs;
mod report;
mod signs;

pub(crate) use evaluator::Evaluator;
pub use figures::{FigureId, FigureTable, Measure, Scope};
pub use outputs::{DrawOutputs, Outputs, TestImage, TestSet};
pub(crate) use report::Ordered;
pub use report::{DataSummary, Localisation, METRICS_SCHEMA, MapFigures, MetricsFile};
pub use signs::{SignTruth, Standard};
