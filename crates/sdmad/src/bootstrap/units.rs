use std::collections::BTreeMap;

use sdmad_base::Stream;

use crate::{Label, TestSet};

/// What the bootstrap resamples: patients, and images whose patient is not known, in strata.
#[derive(Clone, Debug)]
pub(crate) struct Units {
    /// The unit of each image.
    of_image: Vec<u32>,
    /// Units of each stratum: one for each category, one for normal, one for the rest. Empty ones are left out.
    strata: Vec<Vec<u32>>,
    count: usize,
}

impl Units {
    /// Each unit goes to the stratum of the *rarest* category (by units) that one of its images has; without any, to
    /// "normal" if all its labels are known absent, else to "rest".
    ///
    /// Strata by whole label pattern would hold many patterns of a single patient, who would then be in every
    /// replicate, and the intervals would come out too narrow.
    pub(crate) fn of(set: &TestSet) -> Self {
        let categories = set.categories().len();
        let mut patients: BTreeMap<&str, u32> = BTreeMap::new();
        let mut present: Vec<Vec<bool>> = Vec::new();
        let mut normal: Vec<bool> = Vec::new();
        let mut of_image = Vec::new();
        for image in set.images() {
            let next = present.len() as u32;
            let unit = match &image.patient {
                Some(patient) => *patients.entry(patient).or_insert(next),
                None => next,
            };
            if unit == next {
                present.push(vec![false; categories]);
                normal.push(true);
            }
            for (seen, &label) in present[unit as usize].iter_mut().zip(&image.labels) {
                *seen |= label == Label::Present;
            }
            normal[unit as usize] &= image.is_normal();
            of_image.push(unit);
        }
        let frequency: Vec<usize> = (0..categories).map(|c| present.iter().filter(|p| p[c]).count()).collect();
        let mut strata = vec![Vec::new(); categories + 2];
        for (unit, present) in present.iter().enumerate() {
            let rarest = (0..categories).filter(|&c| present[c]).min_by_key(|&c| (frequency[c], c));
            strata[rarest.unwrap_or(categories + usize::from(!normal[unit]))].push(unit as u32);
        }
        strata.retain(|s| !s.is_empty());
        Units { of_image, strata, count: present.len() }
    }

    /// How often each image occurs when the units of each stratum are drawn with replacement, as many as there are.
    pub(crate) fn resample(&self, stream: &mut Stream) -> Vec<u32> {
        let mut times = vec![0u32; self.count];
        for stratum in &self.strata {
            for _ in 0..stratum.len() {
                times[stratum[stream.below(stratum.len())] as usize] += 1;
            }
        }
        self.of_image.iter().map(|&unit| times[unit as usize]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TestImage;
    use Label::{Absent as A, Present as P, Unknown as U};

    fn set(rows: &[(Option<&str>, [Label; 2])]) -> TestSet {
        let image = |&(patient, labels): &(Option<&str>, [Label; 2])| TestImage {
            image: "i".into(),
            patient: patient.map(String::from),
            labels: labels.to_vec(),
        };
        TestSet::new(vec!["often".into(), "rare".into()], rows.iter().map(image).collect()).unwrap()
    }

    #[test]
    fn strata_follow_the_rarest_category_and_patients_stay_whole() {
        let set = set(&[
            (Some("a"), [P, A]),
            (Some("a"), [A, A]),
            (Some("b"), [P, P]),
            (Some("c"), [P, A]),
            (None, [A, A]),
            (None, [A, A]),
            (None, [A, U]),
        ]);
        let units = Units::of(&set);
        assert_eq!(units.of_image, [0, 0, 1, 2, 3, 4, 5]);
        assert_eq!(units.strata, [vec![0, 2], vec![1], vec![3, 4], vec![5]]);
        let mut stream = Stream::new(5, "units");
        for _ in 0..50 {
            let weights = units.resample(&mut stream);
            assert_eq!(weights[0], weights[1]);
            assert_eq!((weights[0] + weights[3], weights[2], weights[4] + weights[5], weights[6]), (2, 1, 2, 1));
        }
    }
}
