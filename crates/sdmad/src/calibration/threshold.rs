/// The threshold of highest F1: a value is called positive from the threshold on.
///
/// Candidates lie halfway between neighbouring distinct probabilities, and one at the lowest of them (all positive).
/// Among equally good ones the highest is taken: it calls the fewest images positive. ½ without both classes.
///
/// ```
/// use sdmad::best_f1_threshold;
/// assert_eq!(best_f1_threshold(&[0.1, 0.3, 0.7], &[false, false, true]), 0.5);
/// ```
pub fn best_f1_threshold(probabilities: &[f64], positive: &[bool]) -> f64 {
    let mut order: Vec<(f64, bool)> = probabilities.iter().copied().zip(positive.iter().copied()).collect();
    let positives = order.iter().filter(|o| o.1).count();
    if positives == 0 || positives == order.len() {
        return 0.5;
    }
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut best, mut threshold) = ((0, 1), 0.5);
    let mut hits = 0;
    for (position, &(probability, is_positive)) in order.iter().enumerate() {
        hits += usize::from(is_positive);
        let next = order.get(position + 1).map(|n| n.0);
        if next == Some(probability) {
            continue;
        }
        // F1 = 2 hits / (called + positives), compared as a fraction: whole numbers have no rounding.
        let candidate = (2 * hits, position + 1 + positives);
        if candidate.0 * best.1 > best.0 * candidate.1 {
            best = candidate;
            threshold = next.map_or(probability, |n| n + (probability - n) / 2.0);
        }
    }
    threshold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_cases_by_hand() {
        // Called 1: F1 2/3. Called 2: 1/2. Called 3: 4/5, the best. Called 4: 2/3.
        assert!((best_f1_threshold(&[0.9, 0.8, 0.6, 0.2], &[true, false, true, false]) - 0.4).abs() < 1e-12);
        // Tied probabilities are called together.
        assert_eq!(best_f1_threshold(&[0.5, 0.5, 0.5], &[true, false, false]), 0.5);
        assert_eq!(best_f1_threshold(&[0.9, 0.2], &[false, true]), 0.2);
        assert_eq!(best_f1_threshold(&[0.9], &[true]), 0.5);
        assert_eq!(best_f1_threshold(&[], &[]), 0.5);
    }
}
