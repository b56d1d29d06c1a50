//! Intervals and comparisons by a two-level bootstrap: draws of shots, then test patients, stratified by category.
//!
//! One replicate resamples the draws and, once for all of them, the test patients (the draws share the test set, so
//! they share its chance too); its value is the mean over the resampled draws. The ends of an interval are percentiles
//! over replicates. Replicates have their own random streams, so the number of threads changes no bit.

mod compare;
mod intervals;
mod units;

pub(crate) use compare::verdict;
pub use compare::{Difference, LEVEL_MARGIN, Verdict, compare_methods};
pub use intervals::{Bootstrap, figures_with_intervals};
pub(crate) use intervals::{Resampled, interval_of, replicate};
pub(crate) use units::Units;
