//! Images that look alike: difference hashes at most 10 of 256 bits apart (protocols.md, rule 4).

use std::collections::BTreeSet;

use rayon::prelude::*;
use sdmad_base::{Error, Monitor, Result};
use serde::Serialize;

use super::inspect::{Inspected, Looks};
use super::report::{DataFinding, DataSeverity};
use crate::NEAR_DUPLICATE_BITS;
use crate::data::{Manifest, Split};

/// Pairs of each kind that the report lists; all are counted.
const LISTED: usize = 200;

/// Two images that look alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearDuplicate {
    /// The image that stands first in the manifest.
    pub first: String,
    /// The other.
    pub second: String,
    /// Their splits, in the same order.
    pub splits: [Split; 2],
    /// Bits in which their fingerprints differ; 0 to 10.
    pub distance: u32,
    /// Whether all their pixels are equal.
    pub identical: bool,
    /// Whether their labels differ.
    pub labels_differ: bool,
}

impl NearDuplicate {
    /// Whether they are in different splits.
    pub fn across_splits(&self) -> bool {
        self.splits[0] != self.splits[1]
    }
}

/// All pairs of images that look alike and are not known to be of one patient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NearDuplicates {
    /// The greatest distance of a pair, in bits of 256.
    pub bits: u32,
    /// Pairs within one split.
    pub within_splits: usize,
    /// Of these, pairs with equal pixels.
    pub identical_within_splits: usize,
    /// Pairs in different splits.
    pub across_splits: usize,
    /// Of these, pairs with equal pixels.
    pub identical_across_splits: usize,
    /// Pairs of a train and a test image.
    pub train_and_test: usize,
    /// Test images that look like a train image.
    pub test_images_like_train: usize,
    /// Pairs whose labels differ.
    pub labels_differ: usize,
    /// Pairs of one known patient: they look alike for a good reason and are counted nowhere else.
    pub same_patient: usize,
    /// The pairs, those across splits first, then the closest; not more than 200 across and 200 within splits.
    pub pairs: Vec<NearDuplicate>,
}

/// Two rows that look alike, in the order in which they are listed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    differing_pixels: bool,
    distance: u32,
    rows: [usize; 2],
}

/// What the comparison of one image with all later ones gives. Bounded, however many copies a set holds.
#[derive(Default)]
struct Found {
    /// Counts only; its list stays empty.
    counts: NearDuplicates,
    across: Vec<Pair>,
    within: Vec<Pair>,
    test_like_train: BTreeSet<usize>,
}

impl Found {
    fn merge(mut self, other: Found) -> Found {
        let (sum, more) = (&mut self.counts, &other.counts);
        sum.within_splits += more.within_splits;
        sum.identical_within_splits += more.identical_within_splits;
        sum.across_splits += more.across_splits;
        sum.identical_across_splits += more.identical_across_splits;
        sum.train_and_test += more.train_and_test;
        sum.labels_differ += more.labels_differ;
        sum.same_patient += more.same_patient;
        self.test_like_train.extend(other.test_like_train);
        self.across.extend(other.across);
        self.within.extend(other.within);
        self.bounded()
    }

    fn bounded(mut self) -> Found {
        for list in [&mut self.across, &mut self.within] {
            if list.len() > LISTED {
                list.sort_unstable();
                list.truncate(LISTED);
            }
        }
        self
    }

    fn add(&mut self, manifest: &Manifest, pair: Pair) {
        let [first, second] = pair.rows.map(|row| &manifest.rows[row]);
        let counts = &mut self.counts;
        if first.patient.is_some() && first.patient == second.patient {
            counts.same_patient += 1;
            return;
        }
        counts.labels_differ += usize::from(first.labels != second.labels);
        let identical = usize::from(!pair.differing_pixels);
        if first.split == second.split {
            counts.within_splits += 1;
            counts.identical_within_splits += identical;
            self.within.push(pair);
            return;
        }
        counts.across_splits += 1;
        counts.identical_across_splits += identical;
        self.across.push(pair);
        let test = match (first.split, second.split) {
            (Split::Train, Split::Test) => pair.rows[1],
            (Split::Test, Split::Train) => pair.rows[0],
            _ => return,
        };
        counts.train_and_test += 1;
        self.test_like_train.insert(test);
    }
}

/// Compares every image with every other: n²/2 distances of four words.
pub(super) fn find(manifest: &Manifest, files: &[Inspected], monitor: &dyn Monitor) -> Result<NearDuplicates> {
    let images: Vec<(usize, [u64; 4], &Looks)> = files
        .iter()
        .enumerate()
        .filter_map(|(row, file)| file.image.as_ref().map(|looks| (row, looks.fingerprint.words(), looks)))
        .collect();
    monitor.begin("near-duplicates", images.len());
    let found = images
        .par_iter()
        .enumerate()
        .map(|(position, (row, words, looks))| {
            monitor.check()?;
            let mut found = Found::default();
            for (other, other_words, other_looks) in &images[position + 1..] {
                let distance: u32 = words.iter().zip(other_words).map(|(a, b)| (a ^ b).count_ones()).sum();
                if distance <= NEAR_DUPLICATE_BITS {
                    let differing_pixels = looks.content != other_looks.content;
                    found.add(manifest, Pair { differing_pixels, distance, rows: [*row, *other] });
                }
            }
            monitor.advance(1);
            Ok::<Found, Error>(found.bounded())
        })
        .try_reduce(Found::default, |a, b| Ok(a.merge(b)))?;
    monitor.end();
    Ok(report(manifest, found))
}

fn report(manifest: &Manifest, mut found: Found) -> NearDuplicates {
    found.across.sort_unstable();
    found.within.sort_unstable();
    let listed = found.across.iter().take(LISTED).chain(found.within.iter().take(LISTED)).map(|pair| {
        let [first, second] = pair.rows.map(|row| &manifest.rows[row]);
        NearDuplicate {
            first: first.image.clone(),
            second: second.image.clone(),
            splits: [first.split, second.split],
            distance: pair.distance,
            identical: !pair.differing_pixels,
            labels_differ: first.labels != second.labels,
        }
    });
    NearDuplicates {
        bits: NEAR_DUPLICATE_BITS,
        test_images_like_train: found.test_like_train.len(),
        pairs: listed.collect(),
        ..found.counts
    }
}

pub(super) fn findings(found: &NearDuplicates) -> Vec<DataFinding> {
    let list = |keep: fn(&NearDuplicate) -> bool| -> Vec<String> {
        let text = |p: &NearDuplicate| {
            let likeness = if p.identical { "identical".to_string() } else { format!("{} bits", p.distance) };
            format!("{} ({}) and {} ({}): {likeness}", p.first, p.splits[0], p.second, p.splits[1])
        };
        found.pairs.iter().filter(|pair| keep(pair)).map(text).collect()
    };
    let across = format!(
        "pairs of images in different splits that look alike, {} of them identical; {} pairs are of train and test, and \
         {} test images look like a train image (those that look like a shot are left out of the figures)",
        found.identical_across_splits, found.train_and_test, found.test_images_like_train
    );
    let within = format!(
        "pairs of images of one split that look alike, {} of them identical, and are not known to be of one patient",
        found.identical_within_splits
    );
    let labels = "pairs of images that look alike and have different labels";
    let warning = DataSeverity::Warning;
    // The lists are bounded, so a count can stand without an item.
    [
        (warning, "near_duplicates_across_splits", across, found.across_splits, list(NearDuplicate::across_splits)),
        (
            warning,
            "near_duplicates_with_other_labels",
            labels.to_string(),
            found.labels_differ,
            list(|pair| pair.labels_differ),
        ),
        (
            DataSeverity::Note,
            "near_duplicates_within_splits",
            within,
            found.within_splits,
            list(|pair| !pair.across_splits()),
        ),
    ]
    .into_iter()
    .filter_map(|(severity, code, what, count, items)| DataFinding::counted(severity, code, &what, count, items))
    .collect()
}
