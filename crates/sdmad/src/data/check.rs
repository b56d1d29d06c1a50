//! What is wrong with a set, or would make figures on it mean less than they seem.
//!
//! | file | holds |
//! |---|---|
//! | `inspect` | one pass over the files: sizes, fingerprints, thumbnails, what cannot be read |
//! | `counts` | counts by split and category, co-occurrence |
//! | `supply` | how many shots train can give |
//! | `patients` | patients across splits |
//! | `duplicates` | images that look alike |
//! | `baseline` | what 16 x 16 grey pixels already tell |
//! | `report` | the findings, and their text |

mod baseline;
mod counts;
mod duplicates;
mod inspect;
mod patients;
mod report;
mod supply;

use sdmad_base::{Monitor, Result};

use super::Manifest;
pub use baseline::{BaselineFigure, PixelBaseline};
pub use counts::{CategoryCount, SplitCount};
pub use duplicates::{NearDuplicate, NearDuplicates};
pub use report::{DataFinding, DataReport, DataSeverity};
pub use supply::ShotSupply;

/// Checks the set behind a manifest: its files, patients and duplicates, and what raw pixels already tell.
///
/// Reads every image and mask once, in parallel. The report is the same for any number of threads.
///
/// # Errors
/// Only when `monitor` asks to stop: what is wrong with the set is in the report. A command exits with 1 when
/// [`DataReport::has_errors`].
pub fn check(manifest: &Manifest, monitor: &dyn Monitor) -> Result<DataReport> {
    let files = inspect::inspect(manifest, monitor)?;
    let mut findings = inspect::findings(manifest, &files);
    findings.extend(counts::findings(manifest));
    let shots = supply::supply(manifest);
    findings.extend(supply::findings(&shots));
    findings.extend(patients::findings(manifest));
    monitor.check()?;
    let near_duplicates = duplicates::find(manifest, &files, monitor)?;
    findings.extend(duplicates::findings(&near_duplicates));
    monitor.check()?;
    let pixel_baseline = baseline::measure(manifest, &files, monitor)?;
    findings.extend(baseline::findings(&pixel_baseline));
    findings.sort_by_key(|finding| finding.severity);
    Ok(DataReport {
        schema: report::SCHEMA,
        manifest: manifest.path.display().to_string(),
        manifest_sha256: manifest.sha256.clone(),
        images: manifest.rows.len(),
        splits: counts::splits(manifest),
        categories: manifest.categories.clone(),
        co_occurrence: counts::co_occurrence(manifest),
        shots,
        near_duplicates,
        pixel_baseline,
        findings,
    })
}

#[cfg(test)]
mod tests;
