//! Figures of merit: pure functions of scores and labels, in double precision.
//!
//! A figure that cannot be computed is a [`Figure`] without a value and with its reason. What the functions
//! compute is checked against scikit-learn (`scripts/reference/metrics.py`).

mod figure;
mod multilabel;
mod pairs;
mod pixels;
mod ranking;

pub use figure::{FEW, Figure};
pub use multilabel::{CALIBRATION_BINS, brier_score, calibration_error, exact_match, hamming_loss, macro_f1, micro_f1};
pub(crate) use multilabel::{Cell, MultiLabel, MultiLabelValues};
pub(crate) use pairs::SignPairs;
pub use pairs::pairwise_sign_accuracy;
pub use pixels::{PRO_LIMIT, PixelFigures};
pub(crate) use ranking::Ranked;
pub use ranking::{auroc, average_precision};
