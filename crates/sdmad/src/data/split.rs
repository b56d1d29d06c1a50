//! Patient-wise splits.

use std::collections::BTreeMap;

use sdmad_base::{Error, Result, Stream};

use super::{Label, Manifest, PatientKey, Row, Split};

/// The shares of the images that the splits shall have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitFractions {
    shares: [f64; 3],
}

impl SplitFractions {
    /// Shares for train, valid and test: 0 or more, and together 1 (within 1e-6); train and test are not 0.
    ///
    /// # Errors
    /// [`Kind::BadInput`](sdmad_base::Kind::BadInput) otherwise.
    pub fn new(train: f64, valid: f64, test: f64) -> Result<Self> {
        let shares = [train, valid, test];
        let sum: f64 = shares.iter().sum();
        if shares.iter().any(|s| !(s.is_finite() && *s >= 0.0)) || (sum - 1.0).abs() > 1e-6 || train * test == 0.0 {
            return Err(Error::bad_input(format!(
                "splits {train}, {valid}, {test}; expected three numbers of 0 or more that add up to 1, with train and test above 0"
            ))
            .with_hint("try 0.4,0,0.6 (train, valid, test)"));
        }
        Ok(SplitFractions { shares })
    }

    /// Reads `train,valid,test`, as in `0.4,0.1,0.5`.
    ///
    /// # Errors
    /// When the text is not three numbers, or as [`SplitFractions::new`].
    pub fn parse(text: &str) -> Result<Self> {
        let numbers: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[train, valid, test]) => SplitFractions::new(train, valid, test),
            _ => Err(Error::bad_input(format!("splits `{text}`; expected three numbers, as in 0.4,0.1,0.5"))),
        }
    }

    /// The share of a split.
    pub fn of(&self, split: Split) -> f64 {
        self.shares[split.index()]
    }
}

impl Default for SplitFractions {
    /// Train .5, valid 0, test .5.
    fn default() -> Self {
        SplitFractions { shares: [0.5, 0.0, 0.5] }
    }
}

/// Gives every row of a manifest a split anew, so that no patient is in two.
///
/// Patients are dealt out in a random order, those with the rarest category first, each to the split that lacks most
/// of that category (iterative stratification, Sechidis et al. 2011); a row without a patient is one of its own. The
/// order of the rows makes no difference. Nothing is written.
///
/// # Errors
/// When the result is no manifest; never for a manifest that was read.
pub fn split(manifest: &Manifest, fractions: &SplitFractions, seed: u64) -> Result<Manifest> {
    let mut rows = manifest.rows.clone();
    assign(&mut rows, manifest.categories.len(), fractions, seed);
    Manifest::new(&manifest.path, manifest.categories.clone(), rows)
}

/// [`split`] on rows.
pub(crate) fn assign(rows: &mut [Row], categories: usize, fractions: &SplitFractions, seed: u64) {
    let splits = deal(rows, categories, fractions, seed);
    for (row, split) in rows.iter_mut().zip(splits) {
        row.split = split;
    }
}

fn deal(rows: &[Row], categories: usize, fractions: &SplitFractions, seed: u64) -> Vec<Split> {
    let mut patients: BTreeMap<PatientKey<'_>, Vec<usize>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        patients.entry(row.patient_key()).or_default().push(number);
    }
    let mut groups: Vec<Vec<usize>> = patients.into_values().collect();
    Stream::new(seed, "data/split").shuffle(&mut groups);

    // Class c < categories: c is present; the last class: everything else (normal, or nothing known).
    let classes_of = |row: &Row| -> Vec<usize> {
        let present: Vec<usize> = (0..categories).filter(|&c| row.labels[c] == Label::Present).collect();
        if present.is_empty() { vec![categories] } else { present }
    };
    let count = |group: &[usize]| {
        let mut counts = vec![0.0; categories + 1];
        group.iter().flat_map(|&r| classes_of(&rows[r])).for_each(|c| counts[c] += 1.0);
        counts
    };
    let mut open: Vec<(Vec<usize>, Vec<f64>)> = groups.into_iter().map(|g| (g.clone(), count(&g))).collect();
    let mut totals = vec![0.0; categories + 1];
    open.iter().for_each(|(_, counts)| totals.iter_mut().zip(counts).for_each(|(t, c)| *t += c));
    // What each split still lacks, by class and in all.
    let mut lacking: Vec<Vec<f64>> =
        Split::ALL.iter().map(|&s| totals.iter().map(|t| t * fractions.of(s)).collect()).collect();
    let mut images: Vec<f64> = Split::ALL.iter().map(|&s| rows.len() as f64 * fractions.of(s)).collect();

    let mut result = vec![Split::Train; rows.len()];
    let usable: Vec<usize> = (0..3).filter(|&s| fractions.of(Split::ALL[s]) > 0.0).collect();
    while !open.is_empty() {
        let left = |class: usize| open.iter().map(|(_, counts)| counts[class]).sum::<f64>();
        let rarest = (0..=categories)
            .map(|class| (left(class), class))
            .filter(|(left, _)| *left > 0.0)
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let Some((_, class)) = rarest else { break };
        let (of_class, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(|(_, counts)| counts[class] > 0.0);
        open = rest;
        for (group, counts) in of_class {
            let best = usable.iter().copied().max_by(|&a, &b| {
                let by_class = lacking[a][class].total_cmp(&lacking[b][class]);
                by_class.then(images[a].total_cmp(&images[b])).then(b.cmp(&a))
            });
            let best = best.unwrap_or(0);
            lacking[best].iter_mut().zip(&counts).for_each(|(l, c)| *l -= c);
            images[best] -= group.len() as f64;
            group.iter().for_each(|&row| result[row] = Split::ALL[best]);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::super::Masks;
    use super::*;
    use std::path::Path;

    fn manifest(count: usize) -> Manifest {
        let mut stream = Stream::new(1, "split test");
        let rows = (0..count)
            .map(|i| Row {
                image: format!("{i}.png"),
                split: Split::Train,
                patient: stream.chance(0.7).then(|| format!("p{}", stream.below(count / 3))),
                masks: Masks::None,
                labels: [0.3, 0.05].map(|p| if stream.chance(p) { Label::Present } else { Label::Absent }).to_vec(),
            })
            .collect();
        Manifest::new(Path::new("m.csv"), vec!["common".into(), "rare".into()], rows).unwrap()
    }

    #[test]
    fn patients_stay_whole_and_shares_hold_for_every_category() {
        let fractions = SplitFractions::parse("0.4, 0.1,0.5").unwrap();
        let result = split(&manifest(600), &fractions, 3).unwrap();
        let mut patients: BTreeMap<PatientKey<'_>, Split> = BTreeMap::new();
        for row in &result.rows {
            assert_eq!(*patients.entry(row.patient_key()).or_insert(row.split), row.split);
        }
        for class in 0..2 {
            let total = result.rows.iter().filter(|r| r.labels[class] == Label::Present).count() as f64;
            for s in Split::ALL {
                let part = result.rows_of(s).filter(|(_, r)| r.labels[class] == Label::Present).count() as f64;
                assert!((part - fractions.of(s) * total).abs() <= 4.0, "class {class} {s}: {part} of {total}");
            }
        }
        for s in Split::ALL {
            let part = result.rows_of(s).count() as f64;
            assert!((part - 600.0 * fractions.of(s)).abs() <= 12.0, "{s}: {part}");
        }
    }

    #[test]
    fn the_order_of_rows_makes_no_difference_and_the_seed_does() {
        let table = manifest(90);
        let fractions = SplitFractions::default();
        let by_image =
            |m: &Manifest| -> BTreeMap<String, Split> { m.rows.iter().map(|r| (r.image.clone(), r.split)).collect() };
        let first = by_image(&split(&table, &fractions, 1).unwrap());
        let mut turned = table.clone();
        turned.rows.reverse();
        assert_eq!(by_image(&split(&turned, &fractions, 1).unwrap()), first);
        assert_ne!(by_image(&split(&table, &fractions, 2).unwrap()), first);
        assert!(first.values().all(|&s| s != Split::Valid));
    }

    #[test]
    fn shares_that_are_none_are_refused() {
        for text in ["0.5,0.5", "0.5,0.2,0.2", "1,0,0", "a,b,c", "-0.5,1,0.5", "NaN,0,1"] {
            assert!(SplitFractions::parse(text).is_err(), "{text}");
        }
    }
}
