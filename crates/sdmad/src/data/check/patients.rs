//! Patients whose images are in several splits: a leak.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{DataFinding, DataSeverity};
use crate::data::{Manifest, Split};

pub(super) fn findings(manifest: &Manifest) -> Option<DataFinding> {
    let mut seen: BTreeMap<&str, BTreeSet<Split>> = BTreeMap::new();
    for row in &manifest.rows {
        if let Some(patient) = &row.patient {
            seen.entry(patient).or_default().insert(row.split);
        }
    }
    let shared = seen
        .iter()
        .filter(|(_, splits)| splits.len() > 1)
        .map(|(patient, splits)| {
            let names: Vec<&str> = splits.iter().map(|split| split.name()).collect();
            format!("{patient} ({})", names.join(", "))
        })
        .collect();
    let what = "patients with images in several splits: figures would be too good (try `sdmad data split`)";
    DataFinding::of(DataSeverity::Error, "patients_across_splits", what, shared)
}
