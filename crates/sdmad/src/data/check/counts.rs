//! Counts by split and category.

use serde::Serialize;

use super::report::{DataFinding, DataSeverity};
use crate::data::{Label, Manifest, Split};

/// What a split holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SplitCount {
    /// The split.
    pub split: Split,
    /// Its images.
    pub images: usize,
    /// Images with every category known to be absent.
    pub normal: usize,
    /// Images with a category known to be present.
    pub abnormal: usize,
    /// Images with two or more present categories.
    pub co_occurring: usize,
    /// Images without a known patient.
    pub without_patient: usize,
    /// Known patients.
    pub patients: usize,
    /// Images with a mask.
    pub with_mask: usize,
    /// One entry for each category of the manifest, in its order.
    pub categories: Vec<CategoryCount>,
}

/// Labels of one category within a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CategoryCount {
    /// The category id.
    pub id: String,
    /// Images with a 1.
    pub present: usize,
    /// Images with a 0.
    pub absent: usize,
    /// Images with an empty cell.
    pub unknown: usize,
}

/// Counts of the three splits.
pub(super) fn splits(manifest: &Manifest) -> Vec<SplitCount> {
    Split::ALL.into_iter().map(|split| count(manifest, split)).collect()
}

fn count(manifest: &Manifest, split: Split) -> SplitCount {
    let rows: Vec<_> = manifest.rows_of(split).map(|(_, row)| row).collect();
    let labelled = |c: usize, label: Label| rows.iter().filter(|row| row.labels[c] == label).count();
    let mut patients: Vec<&str> = rows.iter().filter_map(|row| row.patient.as_deref()).collect();
    let without_patient = rows.len() - patients.len();
    patients.sort_unstable();
    patients.dedup();
    SplitCount {
        split,
        images: rows.len(),
        normal: rows.iter().filter(|row| row.is_normal()).count(),
        abnormal: rows.iter().filter(|row| row.is_abnormal()).count(),
        co_occurring: rows.iter().filter(|r| r.labels.iter().filter(|&&l| l == Label::Present).count() > 1).count(),
        without_patient,
        patients: patients.len(),
        with_mask: rows.iter().filter(|row| !row.masks.is_none()).count(),
        categories: (0..manifest.categories.len())
            .map(|c| CategoryCount {
                id: manifest.categories[c].clone(),
                present: labelled(c, Label::Present),
                absent: labelled(c, Label::Absent),
                unknown: labelled(c, Label::Unknown),
            })
            .collect(),
    }
}

/// Images with both categories present, `[category][category]`; the diagonal counts the category itself.
pub(super) fn co_occurrence(manifest: &Manifest) -> Vec<Vec<usize>> {
    let categories = manifest.categories.len();
    let mut table = vec![vec![0; categories]; categories];
    for row in &manifest.rows {
        let present: Vec<usize> = (0..categories).filter(|&c| row.labels[c] == Label::Present).collect();
        for &a in &present {
            for &b in &present {
                table[a][b] += 1;
            }
        }
    }
    table
}

/// What the counts leave without a figure or a shot.
pub(super) fn findings(manifest: &Manifest) -> Vec<DataFinding> {
    let counts = splits(manifest);
    let [train, _, test] = [&counts[0], &counts[1], &counts[2]];
    let without = |split: &SplitCount| -> Vec<String> {
        split.categories.iter().filter(|c| c.present == 0).map(|c| c.id.clone()).collect()
    };
    let nothing = |split: &SplitCount| if split.normal == 0 { vec![split.split.to_string()] } else { Vec::new() };
    let warning = DataSeverity::Warning;
    let mut found: Vec<Option<DataFinding>> = Vec::new();
    for split in [train, test] {
        if split.images == 0 {
            let name = split.split.to_string();
            found.push(DataFinding::of(
                warning,
                "empty_split",
                "splits without an image (try `sdmad data split`)",
                vec![name],
            ));
            continue;
        }
        let (code, what) = match split.split {
            Split::Train => {
                ("no_shots", "categories without an image in train: no shot can be drawn (try `sdmad data split`)")
            }
            _ => ("no_positives", "categories without an image in test: their figures cannot be computed"),
        };
        found.push(DataFinding::of(warning, code, what, without(split)));
        found.push(DataFinding::of(warning, "no_normals", "splits without a normal image", nothing(split)));
    }
    found.into_iter().flatten().collect()
}
