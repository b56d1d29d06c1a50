use super::SignSets;

/// A loss on the text embeddings of signs, with its gradient.
#[derive(Clone, Debug)]
pub(crate) struct TextLoss {
    pub(crate) value: f64,
    /// With respect to the embeddings, `[signs][width]`.
    pub(crate) gradient: Vec<Vec<f64>>,
}

/// Orthogonality of category text anchors (docs/method.md, "Training by gradient"): the mean over pairs of categories, normal among them,
/// of the squared cosine between their anchors; an anchor is the mean of its signs' text embeddings.
///
/// `embeddings` are `[signs][width]`. Where width is 0 there is no text, and nothing to train: value and gradient are 0.
pub(crate) fn orthogonality_loss(embeddings: &[Vec<f64>], sets: &SignSets) -> TextLoss {
    let width = embeddings.first().map_or(0, Vec::len);
    let mut gradient = vec![vec![0.0; width]; embeddings.len()];
    let groups = sets.categories() + 1;
    let signs_of = |group: usize| if group == 0 { sets.normal() } else { sets.category(group - 1) };
    let anchors: Vec<(Vec<f64>, f64)> = (0..groups)
        .map(|group| {
            let signs = signs_of(group);
            let mut mean = vec![0.0; width];
            for &sign in signs {
                mean.iter_mut().zip(&embeddings[sign]).for_each(|(m, e)| *m += e / signs.len() as f64);
            }
            let length = dot(&mean, &mean).sqrt();
            // An anchor of length 0 has no direction: its cosines count as 0.
            mean.iter_mut().for_each(|m| *m /= length.max(SMALLEST));
            (mean, length)
        })
        .collect();
    let share = 1.0 / (groups * (groups - 1) / 2).max(1) as f64;
    let mut value = 0.0;
    for first in 0..groups {
        for second in first + 1..groups {
            let cosine = dot(&anchors[first].0, &anchors[second].0);
            value += share * cosine * cosine;
            for (own, other) in [(first, second), (second, first)] {
                let (direction, length) = &anchors[own];
                if *length < SMALLEST {
                    continue;
                }
                let signs = signs_of(own);
                let factor = 2.0 * share * cosine / (length * signs.len() as f64);
                for &sign in signs {
                    for ((g, o), d) in gradient[sign].iter_mut().zip(&anchors[other].0).zip(direction) {
                        *g += factor * (o - cosine * d);
                    }
                }
            }
        }
    }
    TextLoss { value, gradient }
}

/// Below this length an anchor counts as zero.
const SMALLEST: f64 = 1e-12;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sdmad_base::Stream;

    /// Sign 3 is shared by both categories.
    fn sets() -> SignSets {
        SignSets::new(vec![vec![0, 1], vec![2, 3], vec![3, 4, 5]], 6)
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let mut stream = Stream::new(1, "orthogonality test");
        let embeddings: Vec<Vec<f64>> = (0..6).map(|_| (0..5).map(|_| 0.4 + 0.5 * stream.normal()).collect()).collect();
        let loss = orthogonality_loss(&embeddings, &sets());
        assert!(loss.value > 0.01);
        for (sign, d) in (0..6).flat_map(|sign| (0..5).map(move |d| (sign, d))) {
            let moved = |h: f64| {
                let mut embeddings = embeddings.clone();
                embeddings[sign][d] += h;
                orthogonality_loss(&embeddings, &sets()).value
            };
            let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((numeric - loss.gradient[sign][d]).abs() < 1e-8, "sign {sign} number {d}");
        }
    }

    #[test]
    fn right_angles_cost_nothing_and_equal_anchors_cost_one() {
        let sets = SignSets::new(vec![vec![0], vec![1]], 2);
        let right = orthogonality_loss(&[vec![1.0, 0.0], vec![0.0, 2.0]], &sets);
        assert_eq!(right.value, 0.0);
        let equal = orthogonality_loss(&[vec![1.0, 1.0], vec![2.0, 2.0]], &sets);
        assert!((equal.value - 1.0).abs() < 1e-12);
        assert!(equal.gradient.iter().flatten().all(|g| g.abs() < 1e-12), "the top of the hill is flat");
    }

    #[test]
    fn no_text_and_no_direction_give_numbers() {
        assert_eq!(orthogonality_loss(&vec![Vec::new(); 6], &sets()).value, 0.0);
        let zero = orthogonality_loss(&vec![vec![0.0; 3]; 6], &sets());
        assert!(zero.value == 0.0 && zero.gradient.iter().flatten().all(|g| *g == 0.0));
    }
}
