use std::collections::BTreeMap;

use sdmad_base::Stream;

use super::Support;
use crate::{Label, Manifest};

/// A support image, as folds see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldRow {
    /// Its patient, where known; an image without patient is a group of its own.
    pub patient: Option<String>,
    /// A label for each category.
    pub labels: Vec<Label>,
}

impl FoldRow {
    /// The rows of a support set, in its order. Rows that the manifest lacks are left out.
    pub fn of_support(manifest: &Manifest, support: &Support) -> Vec<FoldRow> {
        let rows = support.rows.iter().filter_map(|&r| manifest.rows.get(r));
        rows.map(|row| FoldRow { patient: row.patient.clone(), labels: row.labels.clone() }).collect()
    }
}

/// A division of the support set into folds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    /// The fold of each row, from 0.
    pub of_row: Vec<usize>,
    /// Number of folds.
    pub count: usize,
    /// Categories with fewer than three groups: no out-of-fold figure of theirs promises anything.
    pub thin: Vec<usize>,
}

/// Groups that normal images and a category must have for folds to make sense.
const LEAST_GROUPS: usize = 3;

/// Divides the support set into at most `wanted` folds, stratified by category (normal counts as one) and grouped by
/// patient.
///
/// Groups go one by one, those of the rarest category first, to the fold that lacks this category most (after Sechidis,
/// Tsoumakas and Vlahavas 2011). Every fold's training part then keeps an image of each category that has two groups,
/// where that is possible. There are no more folds than the smallest category that is not thin has groups. None when
/// normal images or all categories have fewer than three groups (K < 3), or fewer than two folds are wanted.
pub fn folds(rows: &[FoldRow], wanted: usize, seed: u64) -> Option<Folds> {
    let categories = rows.first().map_or(0, |r| r.labels.len());
    let groups = groups(rows);
    // Class `categories` is normal.
    let classes: Vec<Vec<bool>> = groups.iter().map(|g| classes_of(rows, g, categories)).collect();
    let size = |class: usize| classes.iter().filter(|c| c[class]).count();
    let sizes: Vec<usize> = (0..=categories).map(size).collect();
    let thin: Vec<usize> = (0..categories).filter(|&c| sizes[c] < LEAST_GROUPS).collect();
    let smallest = sizes.iter().copied().filter(|&s| s >= LEAST_GROUPS).min()?;
    if wanted < 2 || sizes[categories] < LEAST_GROUPS || thin.len() == categories {
        return None;
    }
    let count = wanted.min(smallest);

    let mut order: Vec<usize> = (0..groups.len()).collect();
    Stream::new(seed, "folds").shuffle(&mut order);
    let mut by_rarity: Vec<usize> = (0..=categories).filter(|&c| sizes[c] > 0).collect();
    by_rarity.sort_by_key(|&c| (sizes[c], c));
    let mut fold_of: Vec<Option<usize>> = vec![None; groups.len()];
    let mut filled = vec![vec![0usize; categories + 1]; count];
    let mut images = vec![0usize; count];
    // After the classes come the groups that are neither abnormal nor normal.
    for class in by_rarity.into_iter().map(Some).chain([None]) {
        for &group in &order {
            if fold_of[group].is_some() || class.is_some_and(|c| !classes[group][c]) {
                continue;
            }
            let crowding = |fold: usize| (class.map_or(0, |c| filled[fold][c]), images[fold], fold);
            let fold = (0..count).min_by_key(|&fold| crowding(fold)).unwrap_or(0);
            fold_of[group] = Some(fold);
            images[fold] += groups[group].len();
            filled[fold].iter_mut().zip(&classes[group]).for_each(|(n, &has)| *n += usize::from(has));
        }
    }
    let mut fold_of: Vec<usize> = fold_of.into_iter().map(|f| f.unwrap_or(0)).collect();
    spread(&classes, &sizes, &mut filled, &mut fold_of);

    let mut of_row = vec![0; rows.len()];
    for (group, fold) in groups.iter().zip(fold_of) {
        group.iter().for_each(|&row| of_row[row] = fold);
    }
    Some(Folds { of_row, count, thin })
}

/// Moves a group out of a fold that holds all groups of a class, where no other class is then held by one fold.
fn spread(classes: &[Vec<bool>], sizes: &[usize], filled: &mut [Vec<usize>], fold_of: &mut [usize]) {
    for class in 0..sizes.len() {
        let Some(full) = (0..filled.len()).find(|&f| sizes[class] > 1 && filled[f][class] == sizes[class]) else {
            continue;
        };
        let mut target: Vec<usize> = (0..filled.len()).filter(|&f| f != full).collect();
        target.sort_by_key(|&f| (filled[f].iter().sum::<usize>(), f));
        let harmless = |group: usize, to: usize| {
            let gathers = |c: usize| classes[group][c] && sizes[c] > 1 && filled[to][c] + 1 == sizes[c];
            !(0..sizes.len()).any(gathers)
        };
        let moves = target.iter().flat_map(|&to| (0..fold_of.len()).map(move |group| (group, to)));
        let found = moves.into_iter().find(|&(g, to)| fold_of[g] == full && classes[g][class] && harmless(g, to));
        if let Some((group, to)) = found {
            fold_of[group] = to;
            for c in (0..sizes.len()).filter(|&c| classes[group][c]) {
                filled[full][c] -= 1;
                filled[to][c] += 1;
            }
        }
    }
}

/// Rows of each patient, in the order of first rows.
fn groups(rows: &[FoldRow]) -> Vec<Vec<usize>> {
    let mut of_patient: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let next = groups.len();
        let group = row.patient.as_deref().map_or(next, |p| *of_patient.entry(p).or_insert(next));
        if group == next {
            groups.push(Vec::new());
        }
        groups[group].push(number);
    }
    groups
}

fn classes_of(rows: &[FoldRow], group: &[usize], categories: usize) -> Vec<bool> {
    let has = |c: usize| group.iter().any(|&r| rows[r].labels.get(c) == Some(&Label::Present));
    let normal = group.iter().any(|&r| rows[r].labels.iter().all(|&l| l == Label::Absent));
    (0..categories).map(has).chain([normal]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Absent as A, Present as P, Unknown as U};

    fn row(patient: Option<&str>, labels: &[Label]) -> FoldRow {
        FoldRow { patient: patient.map(String::from), labels: labels.to_vec() }
    }

    fn shots(k: usize) -> Vec<FoldRow> {
        [[A, A], [P, A], [A, P]].iter().flat_map(|labels| vec![row(None, labels); k]).collect()
    }

    #[test]
    fn few_shots_have_no_folds() {
        assert_eq!(folds(&shots(2), 5, 0), None);
        assert_eq!(folds(&shots(8), 1, 0), None);
        assert_eq!(folds(&[], 5, 0), None);
        assert_eq!(folds(&shots(3), 5, 0).unwrap().count, 3);
        assert_eq!(folds(&shots(16), 5, 0).unwrap().count, 5);
    }

    #[test]
    fn every_fold_has_its_share_of_every_class() {
        let rows = shots(16);
        let division = folds(&rows, 4, 3).unwrap();
        for class in 0..3 {
            for fold in 0..4 {
                assert_eq!((0..16).filter(|i| division.of_row[16 * class + i] == fold).count(), 4);
            }
        }
        assert_eq!(division, folds(&rows, 4, 3).unwrap());
        assert_ne!(division.of_row, folds(&rows, 4, 4).unwrap().of_row);
    }

    #[test]
    fn patients_stay_together_and_a_thin_category_is_named() {
        let mut rows = shots(4);
        rows.push(row(Some("p"), &[P, A]));
        rows.push(row(Some("p"), &[A, A]));
        rows.push(row(Some("q"), &[U, U]));
        rows.iter_mut().for_each(|r| r.labels.push(A));
        rows[0].labels[2] = P;
        rows[5].labels[2] = P;
        let division = folds(&rows, 4, 0).unwrap();
        assert_eq!(division.of_row[12], division.of_row[13]);
        assert_eq!(division.thin, [2]);
        assert_ne!(division.of_row[0], division.of_row[5]);
    }

    #[test]
    fn training_parts_keep_each_category() {
        let mut stream = Stream::new(1, "folds/test");
        for case in 0..200 {
            let rows: Vec<FoldRow> = (0..30 + stream.below(30))
                .map(|i| {
                    let patient = stream.chance(0.5).then(|| format!("p{}", stream.below(25)));
                    let label = |s: &mut Stream| if s.chance(0.15) { P } else { A };
                    let labels = if i < 8 { vec![A; 4] } else { (0..4).map(|_| label(&mut stream)).collect() };
                    row(if i < 8 { None } else { patient.as_deref() }, &labels)
                })
                .collect();
            let Some(division) = folds(&rows, 5, case) else { continue };
            for c in 0..4 {
                let having: Vec<usize> = (0..rows.len()).filter(|&r| rows[r].labels[c] == P).collect();
                let patients: std::collections::BTreeSet<_> =
                    having.iter().map(|&r| rows[r].patient.clone().unwrap_or(format!("row {r}"))).collect();
                let used: std::collections::BTreeSet<_> = having.iter().map(|&r| division.of_row[r]).collect();
                assert!(patients.len() < 2 || used.len() > 1, "case {case}, category {c}");
            }
        }
    }
}
