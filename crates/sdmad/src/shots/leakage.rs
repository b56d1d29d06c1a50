use std::collections::BTreeSet;

use crate::Manifest;

/// Test images whose fingerprint differs from a shot's in at most this many of 256 bits are near-duplicates.
pub const NEAR_DUPLICATE_BITS: u32 = 10;

/// By what an image may be recognised in another set: its patient and its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traits {
    /// The patient, where known.
    pub patient: Option<String>,
    /// The dHash of 256 bits, where it was made.
    pub fingerprint: Option<[u64; 4]>,
}

impl Traits {
    /// The traits of rows of a manifest; `fingerprints` has one entry for each of `rows`, or none.
    ///
    /// Rows that the manifest lacks have no traits.
    pub fn of_rows(manifest: &Manifest, rows: &[usize], fingerprints: &[[u64; 4]]) -> Vec<Traits> {
        let of = |(position, &row): (usize, &usize)| Traits {
            patient: manifest.rows.get(row).and_then(|r| r.patient.clone()),
            fingerprint: fingerprints.get(position).copied(),
        };
        rows.iter().enumerate().map(of).collect()
    }
}

/// Which test images may be used, and how many may not, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// For each test image whether it may be used.
    pub kept: Vec<bool>,
    /// How many share a patient with a shot.
    pub same_patient: usize,
    /// How many nearly duplicate a shot, and do not share its patient.
    pub near_duplicate: usize,
}

impl LeftOut {
    /// How many test images are left out in all.
    pub fn count(&self) -> usize {
        self.same_patient + self.near_duplicate
    }
}

/// Finds the test images that a method has already seen something of: those that share a patient with a shot, or whose
/// fingerprint is within 10 of 256 bits of a shot's.
pub fn leave_out(test: &[Traits], shots: &[Traits]) -> LeftOut {
    let patients: BTreeSet<&str> = shots.iter().filter_map(|s| s.patient.as_deref()).collect();
    let fingerprints: Vec<[u64; 4]> = shots.iter().filter_map(|s| s.fingerprint).collect();
    let mut result = LeftOut::default();
    for image in test {
        let near = |print: &[u64; 4]| fingerprints.iter().any(|shot| distance(print, shot) <= NEAR_DUPLICATE_BITS);
        let same_patient = image.patient.as_deref().is_some_and(|p| patients.contains(p));
        let near_duplicate = !same_patient && image.fingerprint.as_ref().is_some_and(near);
        result.same_patient += usize::from(same_patient);
        result.near_duplicate += usize::from(near_duplicate);
        result.kept.push(!same_patient && !near_duplicate);
    }
    result
}

fn distance(a: &[u64; 4], b: &[u64; 4]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patients_and_near_duplicates_are_left_out_and_counted() {
        let image = |patient: Option<&str>, bits: Option<u64>| Traits {
            patient: patient.map(String::from),
            fingerprint: bits.map(|b| [0, b, 0, 0]),
        };
        let shots = [image(Some("p"), Some(0)), image(None, None)];
        let test = [
            image(Some("p"), Some(0)),
            image(Some("q"), Some((1 << 10) - 1)),
            image(None, Some((1 << 11) - 1)),
            image(None, None),
        ];
        let result = leave_out(&test, &shots);
        assert_eq!(result, LeftOut { kept: vec![false, false, true, true], same_patient: 1, near_duplicate: 1 });
        assert_eq!(result.count(), 2);
        assert_eq!(leave_out(&test, &[]).count(), 0);
    }
}
