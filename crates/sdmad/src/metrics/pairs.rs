use super::Figure;
use crate::Label;

/// Pairwise sign accuracy: for each pair of signs, over the images with exactly one of the two present (and the other
/// known absent), how often the higher standardised score is that of the present one; then the mean over pairs.
///
/// `scores[image][sign]` must be standardised by figures that do not come from the test set: see `Standard`.
/// Ties count half. Pairs without such an image take no part; with none left, the figure is missing.
pub fn pairwise_sign_accuracy(scores: &[Vec<f64>], truth: &[Vec<Label>]) -> Figure {
    let signs = truth.first().map_or(0, Vec::len);
    let even = scores.iter().map(Vec::len).chain(truth.iter().map(Vec::len)).all(|n| n == signs);
    if scores.len() != truth.len() || !even {
        return Figure::missing("scores and truth differ in shape");
    }
    if scores.iter().flatten().any(|s| s.is_nan()) {
        return Figure::missing("a score is not a number");
    }
    let rows: Vec<_> = scores.iter().zip(truth).enumerate().map(|(i, (s, t))| (i, &s[..], &t[..])).collect();
    let pairs = SignPairs::new(signs, &rows);
    pairs.measure(&vec![1; scores.len()]).map_or_else(|| Figure::missing(SignPairs::NONE), Figure::of)
}

/// For each pair of signs the images that decide it, with two points for a right answer and one for a tie.
#[derive(Clone, Debug)]
pub(crate) struct SignPairs {
    pairs: Vec<Vec<(u32, u8)>>,
}

impl SignPairs {
    pub(crate) const NONE: &str = "no image has exactly one of two signs";

    /// Rows are `(image, scores, truth)`; scores must be numbers.
    pub(crate) fn new(signs: usize, rows: &[(usize, &[f64], &[Label])]) -> Self {
        let mut pairs = Vec::new();
        for s in 0..signs {
            for t in s + 1..signs {
                let answer = |&(image, scores, truth): &(usize, &[f64], &[Label])| {
                    let (present, absent) = match (truth[s], truth[t]) {
                        (Label::Present, Label::Absent) => (scores[s], scores[t]),
                        (Label::Absent, Label::Present) => (scores[t], scores[s]),
                        _ => return None,
                    };
                    Some((image as u32, u8::from(present > absent) + u8::from(present >= absent)))
                };
                let images: Vec<_> = rows.iter().filter_map(answer).collect();
                if !images.is_empty() {
                    pairs.push(images);
                }
            }
        }
        SignPairs { pairs }
    }

    /// The smallest number of images that a pair rests on.
    pub(crate) fn fewest(&self) -> u64 {
        self.pairs.iter().map(Vec::len).min().unwrap_or(0) as u64
    }

    /// Mean over the pairs that have an image, when image `i` occurs `weights[i]` times.
    pub(crate) fn measure(&self, weights: &[u32]) -> Option<f64> {
        let (mut sum, mut pairs) = (0.0, 0u32);
        for images in &self.pairs {
            let (mut points, mut total) = (0u64, 0u64);
            for &(image, point) in images {
                let weight = u64::from(weights[image as usize]);
                points += weight * u64::from(point);
                total += weight;
            }
            if total > 0 {
                sum += points as f64 / (2 * total) as f64;
                pairs += 1;
            }
        }
        (pairs > 0).then(|| sum / f64::from(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Absent as A, Present as P, Unknown as U};

    #[test]
    fn small_case_by_hand() {
        let truth = vec![vec![P, A, U], vec![A, P, A], vec![P, P, A], vec![A, A, A]];
        let scores = vec![vec![1.0, 0.0, 9.0], vec![2.0, 1.0, 1.0], vec![0.0, 3.0, -1.0], vec![5.0, 4.0, 3.0]];
        // Pair 01: image 0 right, image 1 wrong. Pair 02: image 2 right. Pair 12: image 1 tied, image 2 right.
        let expected = (0.5 + 1.0 + 0.75) / 3.0;
        assert!((pairwise_sign_accuracy(&scores, &truth).value().unwrap() - expected).abs() < 1e-12);
        assert_eq!(pairwise_sign_accuracy(&scores[2..3], &[vec![P, P, U]]).why(), Some(SignPairs::NONE));
    }
}
