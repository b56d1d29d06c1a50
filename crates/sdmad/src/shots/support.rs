use std::collections::{BTreeMap, BTreeSet};

use crate::{Label, Manifest, PatientKey, Row, Split};

/// The images that a method learns from.
#[derive(Clone, Debug, PartialEq)]
pub struct Support {
    /// Row numbers in the manifest, in the order of the image names (so that the order of the manifest's rows does not
    /// matter).
    pub rows: Vec<usize>,
    /// Rows that are normal: every label known to be absent.
    pub normal: Vec<usize>,
    /// For each category of the manifest the rows known to have it. An image with two categories stands in both.
    pub for_category: Vec<Vec<usize>>,
    /// Where there were fewer images than asked for.
    pub short: Vec<Shortage>,
    /// Categories (`normal` among them) whose shots use up more than half of their train patients: the draws of such a
    /// category overlap so much that their spread says little.
    pub used_up: Vec<String>,
}

/// A category with fewer eligible images than asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Its id, or `normal`.
    pub category: String,
    /// How many shots were asked for.
    pub wanted: usize,
    /// How many there are.
    pub got: usize,
}

impl Support {
    /// The support made of the given rows, which must be in the manifest.
    pub(crate) fn of(manifest: &Manifest, mut rows: Vec<usize>) -> Self {
        rows.sort_by(|&a, &b| manifest.rows[a].image.cmp(&manifest.rows[b].image).then(a.cmp(&b)));
        let having = |member: &dyn Fn(&Row) -> bool| -> Vec<usize> {
            rows.iter().copied().filter(|&r| member(&manifest.rows[r])).collect()
        };
        let normal = having(&|row| row.is_normal());
        let for_category: Vec<Vec<usize>> =
            (0..manifest.categories.len()).map(|c| having(&|row| row.labels[c] == Label::Present)).collect();
        let mut used_up = Vec::new();
        for pool in Pool::all(manifest) {
            let shots = pool.category.map_or(&normal, |c| &for_category[c]);
            let patients = patients(manifest, shots);
            if 2 * patients > pool.patients.len() && patients > 0 {
                used_up.push(pool.id(manifest).to_string());
            }
        }
        Support { rows, normal, for_category, short: Vec::new(), used_up }
    }
}

/// Number of patients among rows; a row without patient counts as one.
fn patients(manifest: &Manifest, rows: &[usize]) -> usize {
    rows.iter().map(|&r| manifest.rows[r].patient_key()).collect::<BTreeSet<_>>().len()
}

/// The train images that are eligible as shots of one category (or as normal ones), by patient.
pub(crate) struct Pool<'a> {
    /// None: normal images.
    pub(crate) category: Option<usize>,
    /// Patients in the order of their ids, each with its rows in the order of their image names.
    pub(crate) patients: BTreeMap<PatientKey<'a>, Vec<usize>>,
}

impl<'a> Pool<'a> {
    /// The pool of normal images and then that of each category.
    pub(crate) fn all(manifest: &'a Manifest) -> Vec<Pool<'a>> {
        let mut pools: Vec<Pool> = std::iter::once(None)
            .chain((0..manifest.categories.len()).map(Some))
            .map(|category| Pool { category, patients: Default::default() })
            .collect();
        for (number, row) in manifest.rows.iter().enumerate().filter(|(_, r)| r.split == Split::Train) {
            for pool in &mut pools {
                let eligible = match pool.category {
                    None => row.is_normal(),
                    Some(c) => row.labels[c] == Label::Present,
                };
                if eligible {
                    pool.patients.entry(row.patient_key()).or_default().push(number);
                }
            }
        }
        for rows in pools.iter_mut().flat_map(|p| p.patients.values_mut()) {
            rows.sort_by(|&a, &b| manifest.rows[a].image.cmp(&manifest.rows[b].image).then(a.cmp(&b)));
        }
        pools
    }

    pub(crate) fn id(&self, manifest: &'a Manifest) -> &'a str {
        self.category.map_or(crate::NORMAL, |c| &manifest.categories[c])
    }
}
