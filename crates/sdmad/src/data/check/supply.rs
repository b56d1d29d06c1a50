//! How many shots the train split can give.

use serde::Serialize;

use super::report::{DataFinding, DataSeverity};
use crate::data::Manifest;
use crate::shots::Pool;

/// The greatest K of the protocols.
const MOST_SHOTS: usize = 16;

/// What train offers as shots of one category, or as normal ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShotSupply {
    /// The category id, or `normal`.
    pub id: String,
    /// Train images known to be of it.
    pub images: usize,
    /// The greatest K: their patients, where an image without a known patient counts as one. A draw can fall short of
    /// it when two categories need the same patients.
    pub at_most: usize,
}

/// Normal, then each category of the manifest.
pub(super) fn supply(manifest: &Manifest) -> Vec<ShotSupply> {
    let of = |pool: &Pool<'_>| ShotSupply {
        id: pool.id(manifest).to_string(),
        images: pool.patients.values().map(Vec::len).sum(),
        at_most: pool.patients.len(),
    };
    Pool::all(manifest).iter().map(of).collect()
}

/// Categories that have some shots, but fewer than 16. Those without any are another finding.
pub(super) fn findings(supply: &[ShotSupply]) -> Option<DataFinding> {
    let short = |s: &&ShotSupply| s.at_most > 0 && s.at_most < MOST_SHOTS;
    let items = supply.iter().filter(short).map(|s| format!("{} (K at most {})", s.id, s.at_most)).collect();
    let what = "categories with fewer than 16 train patients: larger draws need --short-supply";
    DataFinding::of(DataSeverity::Note, "few_shots", what, items)
}
