//! Stage 2: automatic sign selection, against under-fitting and uncertain samples (docs/method.md, "Selection of signs").

use serde::{Deserialize, Serialize};

use crate::Label;
use crate::loss::SignSets;

/// Which selection is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectionMode {
    /// Every sign of a category counts.
    None,
    /// Signs that told their category apart on support images out of fold.
    Support,
    /// For each image, the more certain half of a category's signs.
    Image,
    /// Support selection first, then image selection.
    Both,
    /// For each image, signs whose similarity is no outlier among those of its category (median and MAD).
    Mad,
    /// Image selection where there are shots, else none.
    Auto,
}

/// Settings of sign selection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelectionSettings {
    /// Which selection is applied.
    pub mode: SelectionMode,
    /// m: at most so many signs of a category are kept by support selection. At least 1.
    pub keep: usize,
    /// τ: a sign further than τ scaled MADs from the median is an outlier. Greater than 0.
    pub outlier: f64,
}

impl Default for SelectionSettings {
    fn default() -> Self {
        SelectionSettings { mode: SelectionMode::None, keep: 5, outlier: 1.5 }
    }
}

/// Why a sign is kept or dropped for a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// It counts.
    Kept,
    /// It counts although its margin is negative, because no sign of the category had a better one.
    KeptAsBest,
    /// Its margin D is negative: on support images it spoke for another category.
    NegativeMargin,
    /// Its margin is not among the best m of its category.
    NotAmongBest,
}

impl Choice {
    /// True for a sign that counts.
    pub fn kept(self) -> bool {
        matches!(self, Choice::Kept | Choice::KeptAsBest)
    }
}

/// The margin of one sign for one category, and what follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignChoice {
    /// Index of the sign in the run's bank.
    pub sign: usize,
    /// D(s, c), in units of similarity; `None` where the support set cannot tell it.
    pub margin: Option<f64>,
    /// Kept or dropped, and why.
    pub choice: Choice,
}

/// Support selection: for normal (index 0) and each category c (index c + 1) its signs with their margins.
pub type SupportSelection = Vec<Vec<SignChoice>>;

/// True where an image is of group `g`: 0 is normal (all labels known absent), c + 1 has category c.
fn of_group(row: &[Label], group: usize) -> bool {
    match group {
        0 => row.iter().all(|&l| l == Label::Absent),
        c => row[c - 1] == Label::Present,
    }
}

/// True where an image is known not to be of group `g`.
fn not_of_group(row: &[Label], group: usize) -> bool {
    match group {
        0 => row.contains(&Label::Present),
        c => row[c - 1] == Label::Absent,
    }
}

/// D(s, g): the smallest, over the other groups g', of the mean similarity on images of g minus that on images with g' and
/// without g. Groups with fewer than two such images are left out; `None` when nothing is left.
///
/// `a[image][sign]` are similarities of support images, each scored out of fold.
pub(crate) fn margin(a: &[Vec<f64>], labels: &[Vec<Label>], sign: usize, group: usize, groups: usize) -> Option<f64> {
    let mean_of = |belongs: &dyn Fn(&[Label]) -> bool, at_least: usize| {
        let values: Vec<f64> =
            a.iter().zip(labels).filter(|(_, row)| belongs(row)).map(|(similarity, _)| similarity[sign]).collect();
        (values.len() >= at_least).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let own = mean_of(&|row| of_group(row, group), 1)?;
    (0..groups)
        .filter(|&other| other != group)
        .filter_map(|other| mean_of(&|row| of_group(row, other) && not_of_group(row, group), 2))
        .map(|other| own - other)
        .min_by(f64::total_cmp)
}

/// Support selection from out-of-fold similarities: D ≥ 0, the best `keep` of them, never fewer than one.
///
/// Ties go to the sign whose id sorts first, so that the order of signs in the bank does not matter.
pub(crate) fn select_by_support(
    a: &[Vec<f64>],
    labels: &[Vec<Label>],
    sets: &SignSets,
    ids: &[String],
    keep: usize,
) -> SupportSelection {
    let groups = sets.categories() + 1;
    (0..groups)
        .map(|group| {
            let signs = if group == 0 { sets.normal() } else { sets.category(group - 1) };
            let margins: Vec<Option<f64>> = signs.iter().map(|&s| margin(a, labels, s, group, groups)).collect();
            let value = |i: usize| margins[i].unwrap_or(f64::NEG_INFINITY);
            let mut order: Vec<usize> = (0..signs.len()).collect();
            order.sort_by(|&i, &j| value(j).total_cmp(&value(i)).then_with(|| ids[signs[i]].cmp(&ids[signs[j]])));
            let mut choices = vec![Choice::NotAmongBest; signs.len()];
            for (rank, &i) in order.iter().enumerate() {
                choices[i] = match margins[i] {
                    // Without two images of any other group nothing can be said against a sign.
                    None => Choice::Kept,
                    Some(d) if d < 0.0 && rank == 0 => Choice::KeptAsBest,
                    Some(d) if d < 0.0 => Choice::NegativeMargin,
                    Some(_) if rank < keep => Choice::Kept,
                    Some(_) => Choice::NotAmongBest,
                };
            }
            signs
                .iter()
                .zip(margins)
                .zip(choices)
                .map(|((&sign, margin), choice)| SignChoice { sign, margin, choice })
                .collect()
        })
        .collect()
}

/// The signs that a support selection keeps.
pub(crate) fn kept_sets(selection: &SupportSelection, signs: usize) -> SignSets {
    let sets =
        selection.iter().map(|group| group.iter().filter(|s| s.choice.kept()).map(|s| s.sign).collect()).collect();
    SignSets::new(sets, signs)
}

/// Image selection: the more certain half (rounded up) of `signs` for one image, by the entropy of q_s = σ(κ (a_s − z_0)).
///
/// Returned in the order of `signs`. It depends on this image alone.
pub(crate) fn most_certain_half(a: &[f64], signs: &[usize], normal_score: f64, logit_scale: f64) -> Vec<usize> {
    // Entropy of q falls as |logit| grows, so the logit's size orders the signs without rounding at q near 0 or 1.
    let certainty = |s: usize| (logit_scale * (a[s] - normal_score)).abs();
    let mut order: Vec<usize> = signs.to_vec();
    order.sort_by(|&s, &t| certainty(t).total_cmp(&certainty(s)).then(s.cmp(&t)));
    order.truncate(signs.len().div_ceil(2));
    signs.iter().copied().filter(|s| order.contains(s)).collect()
}

/// The signs of a category whose similarity is no outlier: |a − median| ≤ τ · 1.4826 · MAD. All when the MAD is 0.
pub(crate) fn without_outliers(a: &[f64], signs: &[usize], tau: f64) -> Vec<usize> {
    let centre = median(signs.iter().map(|&s| a[s]).collect());
    let spread = 1.4826 * median(signs.iter().map(|&s| (a[s] - centre).abs()).collect());
    if spread == 0.0 {
        return signs.to_vec();
    }
    signs.iter().copied().filter(|&s| (a[s] - centre).abs() <= tau * spread).collect()
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { 0.5 * (values[half - 1] + values[half]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Absent as A, Present as P};

    fn ids(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("sign_{i}")).collect()
    }

    /// Two images each of normal, category 0 and category 1; sign 0 normal, 1 and 2 of category 0, 2 and 3 of category 1.
    fn problem() -> (Vec<Vec<f64>>, Vec<Vec<Label>>, SignSets) {
        let a = vec![
            vec![0.9, 0.1, 0.2, 0.0],
            vec![0.7, 0.1, 0.2, 0.0],
            vec![0.1, 0.8, 0.6, 0.5],
            vec![0.1, 0.6, 0.6, 0.5],
            vec![0.2, 0.3, 0.7, 0.1],
            vec![0.2, 0.3, 0.7, 0.3],
        ];
        let labels = vec![vec![A, A], vec![A, A], vec![P, A], vec![P, A], vec![A, P], vec![A, P]];
        (a, labels, SignSets::new(vec![vec![0], vec![1, 2], vec![2, 3]], 4))
    }

    #[test]
    fn margins_are_against_the_worst_other_group() {
        let (a, labels, _) = problem();
        // Sign 1 on category 0: mean .7 against .1 on normal and .3 on category 1.
        assert!((margin(&a, &labels, 1, 1, 3).unwrap() - 0.4).abs() < 1e-12);
        // Sign 3 on category 1: mean .2 against .5 on category 0.
        assert!((margin(&a, &labels, 3, 2, 3).unwrap() + 0.3).abs() < 1e-12);
        assert!((margin(&a, &labels, 0, 0, 3).unwrap() - 0.6).abs() < 1e-12);
    }

    #[test]
    fn a_group_with_one_image_is_left_out() {
        let (a, labels, _) = problem();
        // Without the second image of category 1 only normal is left to compare with.
        assert!((margin(&a[..5], &labels[..5], 1, 1, 3).unwrap() - 0.6).abs() < 1e-12);
        assert_eq!(margin(&a[..1], &labels[..1], 0, 0, 3), None);
    }

    #[test]
    fn keeps_what_speaks_for_the_category_and_never_nothing() {
        let (a, labels, sets) = problem();
        let selection = select_by_support(&a, &labels, &sets, &ids(4), 5);
        assert_eq!(selection[1].iter().map(|s| s.choice).collect::<Vec<_>>(), [Choice::Kept, Choice::NegativeMargin]);
        assert_eq!(selection[2].iter().map(|s| s.choice).collect::<Vec<_>>(), [Choice::Kept, Choice::NegativeMargin]);
        assert_eq!(kept_sets(&selection, 4), SignSets::new(vec![vec![0], vec![1], vec![2]], 4));
        let only_bad = SignSets::new(vec![vec![0], vec![1, 2], vec![3]], 4);
        let selection = select_by_support(&a, &labels, &only_bad, &ids(4), 5);
        assert_eq!(selection[2][0].choice, Choice::KeptAsBest);
    }

    #[test]
    fn the_best_few_are_kept() {
        let (a, labels, _) = problem();
        let sets = SignSets::new(vec![vec![0], vec![1, 2], vec![2]], 4);
        let mut a = a;
        for (row, label) in a.iter_mut().zip(&labels) {
            row[2] = if label[0] == P { 0.9 } else { 0.0 };
        }
        let selection = select_by_support(&a, &labels, &sets, &ids(4), 1);
        assert_eq!(selection[1].iter().map(|s| s.choice).collect::<Vec<_>>(), [Choice::NotAmongBest, Choice::Kept]);
    }

    #[test]
    fn the_order_of_signs_does_not_matter() {
        let (a, labels, _) = problem();
        let keep = |signs: Vec<usize>| {
            let sets = SignSets::new(vec![vec![0], signs, vec![3]], 4);
            let mut kept: Vec<usize> = select_by_support(&a, &labels, &sets, &ids(4), 1)[1]
                .iter()
                .filter(|s| s.choice.kept())
                .map(|s| s.sign)
                .collect();
            kept.sort_unstable();
            kept
        };
        assert_eq!(keep(vec![1, 2]), keep(vec![2, 1]));
    }

    #[test]
    fn uncertain_signs_and_outliers_are_dropped() {
        let a = [0.5, 0.1, 0.52, 0.9, 0.49];
        // Against a normal score of .5 the signs 1 and 3 are the certain ones; half of five is three.
        assert_eq!(most_certain_half(&a, &[0, 1, 2, 3, 4], 0.5, 10.0), [1, 2, 3]);
        assert_eq!(most_certain_half(&a, &[0], 0.5, 10.0), [0]);
        assert_eq!(without_outliers(&a, &[0, 1, 2, 3, 4], 1.5), [0, 2, 4]);
        assert_eq!(without_outliers(&[0.3, 0.3, 0.3], &[0, 1, 2], 1.5), [0, 1, 2]);
    }
}
