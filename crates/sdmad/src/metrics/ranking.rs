use super::Figure;

/// Area under the ROC curve: how often a positive scores above a negative, ties counting half.
///
/// `scores` and `positive` have one entry for each image; higher scores mean "more so". Missing when a class is
/// absent, the lengths differ, or a score is not a number. Infinite scores are ranked like any other.
///
/// ```
/// use sdmad::auroc;
/// let figure = auroc(&[0.9, 0.4, 0.4, 0.1], &[true, true, false, false]);
/// assert_eq!(figure.value(), Some(0.875)); // three pairs won, one tied
/// ```
pub fn auroc(scores: &[f64], positive: &[bool]) -> Figure {
    measured(scores, positive, |areas| areas.0)
}

/// Average precision: Σ (R_n − R_{n−1}) P_n over the distinct scores from the highest down, without interpolation.
///
/// Tied scores form one step (scikit-learn's definition). Missing on the same grounds as [`auroc`].
///
/// ```
/// use sdmad::average_precision;
/// let figure = average_precision(&[0.9, 0.8, 0.7], &[true, false, true]);
/// assert_eq!(figure.value(), Some(0.5 * 1.0 + 0.5 * 2.0 / 3.0));
/// ```
pub fn average_precision(scores: &[f64], positive: &[bool]) -> Figure {
    measured(scores, positive, |areas| areas.1)
}

fn measured(scores: &[f64], positive: &[bool], pick: impl Fn((f64, f64)) -> f64) -> Figure {
    if scores.len() != positive.len() {
        return Figure::missing(format!("{} scores for {} labels", scores.len(), positive.len()));
    }
    if scores.iter().any(|s| s.is_nan()) {
        return Figure::missing("a score is not a number");
    }
    let ranked = Ranked::new(positive.iter().enumerate().map(|(i, &p)| (i, scores[i], p)));
    match ranked.measure(&vec![1; scores.len()]) {
        Some(areas) => Figure::of(pick(areas)),
        None if !positive.contains(&true) => Figure::missing("no positive"),
        None => Figure::missing("no negative"),
    }
}

/// One two-class problem, sorted once, so that any resampling of its images is measured in one pass.
#[derive(Clone, Debug)]
pub(crate) struct Ranked {
    /// From the highest score to the lowest.
    entries: Vec<Entry>,
    pub(crate) positives: u64,
    pub(crate) negatives: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    image: u32,
    positive: bool,
    ends_tie: bool,
}

impl Ranked {
    /// Members are `(image, score, positive)`; scores must be numbers.
    pub(crate) fn new(members: impl Iterator<Item = (usize, f64, bool)>) -> Self {
        let mut members: Vec<_> = members.collect();
        // Zeros of either sign are one score; equal scores need no order among themselves.
        members.sort_by(|a, b| (b.1 + 0.0).total_cmp(&(a.1 + 0.0)));
        let entries: Vec<Entry> = members
            .iter()
            .enumerate()
            .map(|(i, &(image, score, positive))| Entry {
                image: image as u32,
                positive,
                ends_tie: members.get(i + 1).is_none_or(|next| next.1 != score),
            })
            .collect();
        let positives = entries.iter().filter(|e| e.positive).count() as u64;
        Ranked { positives, negatives: entries.len() as u64 - positives, entries }
    }

    /// AUROC and average precision when image `i` occurs `weights[i]` times; none when a class is absent then.
    pub(crate) fn measure(&self, weights: &[u32]) -> Option<(f64, f64)> {
        let (mut positives, mut negatives) = (0u64, 0u64);
        // Twice the number of won pairs: whole numbers, so that no order of summation matters.
        let mut twice_won = 0u64;
        let mut precision_sum = 0.0;
        let (mut tied_positives, mut tied_negatives) = (0u64, 0u64);
        for entry in &self.entries {
            let weight = u64::from(weights[entry.image as usize]);
            if entry.positive {
                tied_positives += weight;
            } else {
                tied_negatives += weight;
            }
            if entry.ends_tie {
                twice_won += tied_negatives * (2 * positives + tied_positives);
                positives += tied_positives;
                negatives += tied_negatives;
                if tied_positives > 0 {
                    precision_sum += tied_positives as f64 * (positives as f64 / (positives + negatives) as f64);
                }
                (tied_positives, tied_negatives) = (0, 0);
            }
        }
        if positives == 0 || negatives == 0 {
            return None;
        }
        let auroc = twice_won as f64 / (2 * positives * negatives) as f64;
        Some((auroc, precision_sum / positives as f64))
    }
}

#[cfg(test)]
mod tests {
    use sdmad_base::Stream;

    use super::*;

    fn random_case(stream: &mut Stream, n: usize) -> (Vec<f64>, Vec<bool>) {
        let levels = 2 + stream.below(2 * n);
        let scores = (0..n).map(|_| stream.below(levels) as f64 / levels as f64).collect();
        let mut positive: Vec<bool> = (0..n).map(|_| stream.chance(0.4)).collect();
        positive[0] = true;
        positive[1] = false;
        (scores, positive)
    }

    #[test]
    fn small_cases_by_hand() {
        assert_eq!(auroc(&[3.0, 2.0, 1.0], &[true, false, false]).value(), Some(1.0));
        assert_eq!(auroc(&[1.0, 2.0, 3.0], &[true, false, false]).value(), Some(0.0));
        assert_eq!(auroc(&[1.0; 5], &[true, false, false, true, false]).value(), Some(0.5));
        assert_eq!(average_precision(&[1.0; 5], &[true, false, false, true, false]).value(), Some(0.4));
        assert_eq!(auroc(&[0.0, -0.0], &[true, false]).value(), Some(0.5));
        assert_eq!(auroc(&[f64::INFINITY, f64::NEG_INFINITY], &[true, false]).value(), Some(1.0));
    }

    #[test]
    fn what_cannot_be_computed_says_why() {
        assert_eq!(auroc(&[], &[]).why(), Some("no positive"));
        assert_eq!(auroc(&[1.0], &[false]).why(), Some("no positive"));
        assert_eq!(average_precision(&[1.0], &[true]).why(), Some("no negative"));
        assert_eq!(auroc(&[f64::NAN, 1.0], &[true, false]).why(), Some("a score is not a number"));
        assert_eq!(auroc(&[1.0], &[true, false]).why(), Some("1 scores for 2 labels"));
    }

    #[test]
    fn monotone_maps_and_orders_change_nothing_and_negation_mirrors() {
        let mut stream = Stream::new(1, "ranking");
        for _ in 0..200 {
            let n = 2 + stream.below(60);
            let (scores, positive) = random_case(&mut stream, n);
            let (area, precision) = (auroc(&scores, &positive), average_precision(&scores, &positive));
            let mapped: Vec<f64> = scores.iter().map(|s| (3.0 * s).exp() - 7.0).collect();
            assert_eq!((auroc(&mapped, &positive), average_precision(&mapped, &positive)), (area.clone(), precision));
            let negated: Vec<f64> = scores.iter().map(|s| -s).collect();
            let mirrored = auroc(&negated, &positive).value().unwrap();
            assert!((mirrored + area.value().unwrap() - 1.0).abs() < 1e-12);
            let mut order: Vec<usize> = (0..n).collect();
            stream.shuffle(&mut order);
            let moved: Vec<f64> = order.iter().map(|&i| scores[i]).collect();
            let moved_labels: Vec<bool> = order.iter().map(|&i| positive[i]).collect();
            assert_eq!(auroc(&moved, &moved_labels), area);
            assert_eq!(average_precision(&moved, &moved_labels), average_precision(&scores, &positive));
        }
    }

    #[test]
    fn the_area_is_the_share_of_won_pairs() {
        let mut stream = Stream::new(2, "ranking/pairs");
        for _ in 0..100 {
            let n = 2 + stream.below(30);
            let (scores, positive) = random_case(&mut stream, n);
            let (mut won, mut all) = (0.0, 0.0);
            for i in (0..n).filter(|&i| positive[i]) {
                for j in (0..n).filter(|&j| !positive[j]) {
                    all += 1.0;
                    won += match scores[i].total_cmp(&scores[j]) {
                        std::cmp::Ordering::Greater => 1.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Less => 0.0,
                    };
                }
            }
            assert!((auroc(&scores, &positive).value().unwrap() - won / all).abs() < 1e-12);
        }
    }

    #[test]
    fn weights_are_repetitions() {
        let mut stream = Stream::new(3, "ranking/weights");
        for _ in 0..100 {
            let n = 2 + stream.below(30);
            let (scores, positive) = random_case(&mut stream, n);
            let weights: Vec<u32> = (0..n).map(|_| stream.below(4) as u32).collect();
            let ranked = Ranked::new((0..n).map(|i| (i, scores[i], positive[i])));
            let repeated: Vec<usize> = (0..n).flat_map(|i| std::iter::repeat_n(i, weights[i] as usize)).collect();
            let scores: Vec<f64> = repeated.iter().map(|&i| scores[i]).collect();
            let positive: Vec<bool> = repeated.iter().map(|&i| positive[i]).collect();
            let (area, precision) = ranked.measure(&weights).unzip();
            assert_eq!(area, auroc(&scores, &positive).value());
            match (precision, average_precision(&scores, &positive).value()) {
                (Some(a), Some(b)) => assert!((a - b).abs() < 1e-12),
                (a, b) => assert_eq!(a, b),
            }
        }
    }
}
