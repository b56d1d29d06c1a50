//! Images that look alike: difference hashes at most 10 of 256 bits apart (protocols.md, rule 4).

use rayon::prelude::*;
use sdmad_base::{Monitor, Result};
use serde::Serialize;

use super::inspect::Inspected;
use super::report::{DataFinding, DataSeverity};
use crate::NEAR_DUPLICATE_BITS;
use crate::data::Manifest;

/// Pairs that the report lists; all are counted.
const LISTED: usize = 200;

/// Two images that look alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearDuplicate {
    /// The image that stands first in the manifest.
    pub first: String,
    /// The other.
    pub second: String,
    /// Bits in which their fingerprints differ; 0 to 10.
    pub distance: u32,
    /// Whether they are in different splits.
    pub across_splits: bool,
    /// Whether their labels differ.
    pub labels_differ: bool,
}

/// All pairs of images that look alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearDuplicates {
    /// The greatest distance of a pair, in bits of 256.
    pub bits: u32,
    /// Pairs within one split.
    pub within_splits: usize,
    /// Pairs in different splits.
    pub across_splits: usize,
    /// Pairs whose labels differ.
    pub labels_differ: usize,
    /// The pairs, those across splits first; not more than 200.
    pub pairs: Vec<NearDuplicate>,
}

/// Compares every image with every other: n²/2 distances of four words.
pub(super) fn find(manifest: &Manifest, files: &[Inspected], monitor: &dyn Monitor) -> Result<NearDuplicates> {
    let prints: Vec<(usize, [u64; 4])> = files
        .iter()
        .enumerate()
        .filter_map(|(row, file)| file.image.as_ref().map(|looks| (row, looks.fingerprint.words())))
        .collect();
    let distance = |a: &[u64; 4], b: &[u64; 4]| -> u32 { a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum() };
    monitor.begin("near-duplicates", prints.len());
    let found: Vec<Vec<(usize, usize, u32)>> = prints
        .par_iter()
        .enumerate()
        .map(|(position, (row, print))| {
            monitor.check()?;
            let pairs = prints[position + 1..]
                .iter()
                .map(|(other, words)| (*row, *other, distance(print, words)))
                .filter(|(_, _, distance)| *distance <= NEAR_DUPLICATE_BITS)
                .collect();
            monitor.advance(1);
            Ok(pairs)
        })
        .collect::<Result<_>>()?;
    monitor.end();
    let mut pairs: Vec<NearDuplicate> = found
        .into_iter()
        .flatten()
        .map(|(a, b, distance)| {
            let (first, second) = (&manifest.rows[a], &manifest.rows[b]);
            NearDuplicate {
                first: first.image.clone(),
                second: second.image.clone(),
                distance,
                across_splits: first.split != second.split,
                labels_differ: first.labels != second.labels,
            }
        })
        .collect();
    let across_splits = pairs.iter().filter(|pair| pair.across_splits).count();
    let labels_differ = pairs.iter().filter(|pair| pair.labels_differ).count();
    let within_splits = pairs.len() - across_splits;
    pairs.sort_by_key(|pair| (!pair.across_splits, pair.distance));
    pairs.truncate(LISTED);
    Ok(NearDuplicates { bits: NEAR_DUPLICATE_BITS, within_splits, across_splits, labels_differ, pairs })
}

pub(super) fn findings(found: &NearDuplicates) -> Vec<DataFinding> {
    let list = |keep: fn(&NearDuplicate) -> bool| -> Vec<String> {
        let text = |p: &NearDuplicate| format!("{} and {} ({} bits)", p.first, p.second, p.distance);
        found.pairs.iter().filter(|pair| keep(pair)).map(text).collect()
    };
    let make = |severity, code, what: &str, count: usize, items: Vec<String>| {
        DataFinding::of(severity, code, what, items).map(|finding| DataFinding { count, ..finding })
    };
    [
        make(
            DataSeverity::Warning,
            "near_duplicates_across_splits",
            "pairs of images in different splits that look alike: test images like a shot are left out of the figures",
            found.across_splits,
            list(|pair| pair.across_splits),
        ),
        make(
            DataSeverity::Warning,
            "near_duplicates_with_other_labels",
            "pairs of images that look alike and have different labels",
            found.labels_differ,
            list(|pair| pair.labels_differ),
        ),
        make(
            DataSeverity::Note,
            "near_duplicates_within_splits",
            "pairs of images of one split that look alike",
            found.within_splits,
            list(|pair| !pair.across_splits),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
