//! The sealed benchmark: sets x encoders x shots x draws x methods, from a configuration to tables.
//!
//! What computes cells is the command (`sdmad-cli`, `verbs/benchmark.rs`), by the same calls as `train` and `evaluate`; here is all that needs no
//! encoder: the configuration, what a cell depends on and where it is kept, and everything that follows from scores. Results are a
//! function of `plan.json` and the cells alone, so that shards, kills and threads leave no trace in them.

mod average;
mod cell;
mod config;
mod html;
mod key;
mod labels;
mod markdown;
mod measure;
mod peers;
mod plan;
mod planned_method;
mod results;

pub use cell::{CellFacts, CellOutcome, CellRecord, CellStore, Found};
pub use config::{BenchmarkConfig, BenchmarkMethod, BenchmarkSet};
pub use key::{CellInputs, EncoderInputs, METHOD_VERSION};
pub use plan::{CellName, PLAN, Plan, PlannedCell, PlannedEncoder, PlannedSet};
pub use planned_method::PlannedMethod;
pub use results::{Results as BenchmarkResults, benchmark_results};
