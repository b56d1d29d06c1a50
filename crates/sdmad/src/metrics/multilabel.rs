use super::Figure;
use crate::Label;

/// Number of bins of equal width in the expected calibration error.
pub const CALIBRATION_BINS: usize = 15;

/// F1 of each category over its known labels, and their mean over the categories with a known positive.
///
/// `labels[image][category]`, `decisions[image][category]`. F1 = 2 TP / (2 TP + FP + FN). A category without a known
/// positive has no F1 and is named in [`Figure::left_out`] by its number; with none left, the figure is missing.
pub fn macro_f1(labels: &[Vec<Label>], decisions: &[Vec<bool>]) -> Figure {
    with_problem(labels, decisions, |problem, weights| {
        let values = problem.measure(weights).f1;
        let left_out: Vec<String> =
            values.iter().enumerate().filter(|(_, v)| v.is_none()).map(|(c, _)| c.to_string()).collect();
        let defined: Vec<f64> = values.into_iter().flatten().collect();
        if defined.is_empty() {
            return Figure::missing("no known positive");
        }
        Figure::of(defined.iter().sum::<f64>() / defined.len() as f64).with_left_out(left_out)
    })
}

/// F1 of all known (image, category) pairs taken together. Missing when no known label is positive.
pub fn micro_f1(labels: &[Vec<Label>], decisions: &[Vec<bool>]) -> Figure {
    with_problem(labels, decisions, |problem, weights| {
        problem.measure(weights).micro_f1.map_or_else(|| Figure::missing("no known positive"), Figure::of)
    })
}

/// Share of images whose decisions are all right, over images with every label known.
pub fn exact_match(labels: &[Vec<Label>], decisions: &[Vec<bool>]) -> Figure {
    with_problem(labels, decisions, |problem, weights| {
        problem.measure(weights).exact_match.map_or_else(|| Figure::missing(NONE_WHOLE), Figure::of)
    })
}

/// Share of wrong decisions, over images with every label known. Lower is better.
pub fn hamming_loss(labels: &[Vec<Label>], decisions: &[Vec<bool>]) -> Figure {
    with_problem(labels, decisions, |problem, weights| {
        problem.measure(weights).hamming.map_or_else(|| Figure::missing(NONE_WHOLE), Figure::of)
    })
}

const NONE_WHOLE: &str = "no image with every label known";

/// Expected calibration error: Σ over bins of (share of the pairs in the bin) · |mean probability − share of positives|.
///
/// One entry for each known (image, category) pair. [`CALIBRATION_BINS`] bins of equal width on [0, 1], each with its
/// lower end, the last with both. Missing without pairs or with a probability outside [0, 1]. Lower is better.
pub fn calibration_error(probabilities: &[f64], positive: &[bool]) -> Figure {
    binary(probabilities, positive, |problem, weights| problem.measure(weights).calibration_error)
}

/// Brier score: mean squared difference of probability and outcome, one entry for each known pair. Lower is better.
pub fn brier_score(probabilities: &[f64], positive: &[bool]) -> Figure {
    binary(probabilities, positive, |problem, _| {
        let sum: f64 = problem.cells.iter().map(|c| (c.probability - f64::from(u8::from(c.positive))).powi(2)).sum();
        Some(sum / problem.cells.len() as f64)
    })
}

fn binary(probabilities: &[f64], positive: &[bool], measure: impl Fn(&MultiLabel, &[u32]) -> Option<f64>) -> Figure {
    if probabilities.len() != positive.len() {
        return Figure::missing(format!("{} probabilities for {} labels", probabilities.len(), positive.len()));
    }
    if let Some(p) = probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Figure::missing(format!("{p} is no probability"));
    }
    if probabilities.is_empty() {
        return Figure::missing("no known label");
    }
    let cell = |(image, (&probability, &positive))| Cell { image, category: 0, positive, decided: false, probability };
    let cells = probabilities.iter().zip(positive).enumerate().map(cell).collect();
    let problem = MultiLabel::new(1, cells, Vec::new());
    measure(&problem, &vec![1; positive.len()]).map_or_else(|| Figure::missing("no known label"), Figure::of)
}

fn with_problem(
    labels: &[Vec<Label>],
    decisions: &[Vec<bool>],
    measure: impl Fn(&MultiLabel, &[u32]) -> Figure,
) -> Figure {
    let categories = labels.first().map_or(0, Vec::len);
    let even = labels.iter().map(Vec::len).chain(decisions.iter().map(Vec::len)).all(|n| n == categories);
    if labels.len() != decisions.len() || !even {
        return Figure::missing("labels and decisions differ in shape");
    }
    let mut cells = Vec::new();
    for category in 0..categories {
        for (image, (known, decided)) in labels.iter().zip(decisions).enumerate() {
            if known[category] != Label::Unknown {
                let positive = known[category] == Label::Present;
                cells.push(Cell { image, category, positive, decided: decided[category], probability: 0.0 });
            }
        }
    }
    let whole = (0..labels.len()).filter(|&i| categories > 0 && !labels[i].contains(&Label::Unknown)).collect();
    measure(&MultiLabel::new(categories, cells, whole), &vec![1; labels.len()])
}

/// A known (image, category) pair.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) image: usize,
    pub(crate) category: usize,
    pub(crate) positive: bool,
    pub(crate) decided: bool,
    pub(crate) probability: f64,
}

/// Decisions and probabilities over known pairs, laid out so that any resampling of images is measured in one pass.
#[derive(Clone, Debug)]
pub(crate) struct MultiLabel {
    categories: usize,
    cells: Vec<Cell>,
    bins: Vec<u8>,
    /// Images with every label known, each with its number of wrong decisions.
    whole: Vec<(usize, u64)>,
}

/// What [`MultiLabel::measure`] gives; none where the images at hand do not define it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MultiLabelValues {
    pub(crate) f1: Vec<Option<f64>>,
    pub(crate) micro_f1: Option<f64>,
    pub(crate) exact_match: Option<f64>,
    pub(crate) hamming: Option<f64>,
    pub(crate) calibration_error: Option<f64>,
}

impl MultiLabel {
    /// `whole`: the images with every label known. Probabilities must lie in [0, 1].
    pub(crate) fn new(categories: usize, cells: Vec<Cell>, whole: Vec<usize>) -> Self {
        let mut wrong = std::collections::BTreeMap::new();
        for cell in &cells {
            *wrong.entry(cell.image).or_insert(0) += u64::from(cell.positive != cell.decided);
        }
        let bin = |p: f64| ((p * CALIBRATION_BINS as f64) as usize).min(CALIBRATION_BINS - 1) as u8;
        MultiLabel {
            categories,
            bins: cells.iter().map(|c| bin(c.probability)).collect(),
            whole: whole.into_iter().map(|image| (image, wrong.get(&image).copied().unwrap_or(0))).collect(),
            cells,
        }
    }

    /// Known positive and known negative pairs.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let positives = self.cells.iter().filter(|c| c.positive).count() as u64;
        (positives, self.cells.len() as u64 - positives)
    }

    /// Images with every label known.
    pub(crate) fn whole_images(&self) -> u64 {
        self.whole.len() as u64
    }

    /// All figures when image `i` occurs `weights[i]` times.
    pub(crate) fn measure(&self, weights: &[u32]) -> MultiLabelValues {
        // [true positives, false positives, false negatives] of each category
        let mut counts = vec![[0u64; 3]; self.categories];
        let mut gaps = [0.0; CALIBRATION_BINS];
        let mut total = 0u64;
        for (cell, &bin) in self.cells.iter().zip(&self.bins) {
            let weight = weights[cell.image];
            if weight == 0 {
                continue;
            }
            let count = u64::from(weight);
            match (cell.positive, cell.decided) {
                (true, true) => counts[cell.category][0] += count,
                (false, true) => counts[cell.category][1] += count,
                (true, false) => counts[cell.category][2] += count,
                (false, false) => {}
            }
            gaps[usize::from(bin)] += f64::from(weight) * (cell.probability - f64::from(u8::from(cell.positive)));
            total += count;
        }
        let all = counts.iter().fold([0; 3], |sum, c| [sum[0] + c[0], sum[1] + c[1], sum[2] + c[2]]);
        let (mut images, mut right, mut wrong) = (0u64, 0u64, 0u64);
        for &(image, mistakes) in &self.whole {
            let weight = u64::from(weights[image]);
            images += weight;
            right += if mistakes == 0 { weight } else { 0 };
            wrong += weight * mistakes;
        }
        let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        MultiLabelValues {
            f1: counts.iter().map(f1).collect(),
            micro_f1: f1(&all),
            exact_match: share(right, images),
            hamming: share(wrong, images * self.categories as u64),
            calibration_error: (total > 0).then(|| gaps.iter().map(|g| g.abs()).sum::<f64>() / total as f64),
        }
    }
}

/// None without a positive: a category that no image has cannot be found.
fn f1(&[hits, false_alarms, misses]: &[u64; 3]) -> Option<f64> {
    (hits + misses > 0).then(|| (2 * hits) as f64 / (2 * hits + false_alarms + misses) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Absent as A, Present as P, Unknown as U};

    #[test]
    fn small_cases_by_hand() {
        let labels = vec![vec![P, A], vec![P, P], vec![A, A], vec![A, U]];
        let decisions = vec![vec![true, false], vec![false, true], vec![true, false], vec![true, true]];
        // Category 0: TP 1, FP 2, FN 1; category 1: TP 1; its unknown label takes no part.
        assert_eq!(macro_f1(&labels, &decisions).value(), Some((2.0 / 5.0 + 1.0) / 2.0));
        assert_eq!(micro_f1(&labels, &decisions).value(), Some(4.0 / 7.0));
        assert_eq!(exact_match(&labels, &decisions).value(), Some(1.0 / 3.0));
        assert_eq!(hamming_loss(&labels, &decisions).value(), Some(2.0 / 6.0));
    }

    #[test]
    fn unknown_and_absent_classes_say_why() {
        let labels = vec![vec![U, A]];
        let decisions = vec![vec![true, false]];
        assert_eq!(macro_f1(&labels, &decisions).why(), Some("no known positive"));
        assert_eq!(exact_match(&labels, &decisions).why(), Some("no image with every label known"));
        assert_eq!(hamming_loss(&[], &[]).why(), Some("no image with every label known"));
        assert_eq!(micro_f1(&labels, &[]).why(), Some("labels and decisions differ in shape"));
        let one = macro_f1(&[vec![P, A]], &[vec![true, true]]);
        assert_eq!((one.value(), one.left_out()), (Some(1.0), &["1".to_string()][..]));
    }

    #[test]
    fn calibration_by_hand() {
        // Bin 0: mean probability .03, no positive; last bin: mean .95, one of two positive.
        let figure = calibration_error(&[0.02, 0.04, 0.95, 0.95], &[false, false, true, false]);
        assert!((figure.value().unwrap() - (0.5 * 0.03 + 0.5 * 0.45)).abs() < 1e-12);
        assert_eq!(calibration_error(&[1.0, 0.0], &[true, false]).value(), Some(0.0));
        assert_eq!(brier_score(&[1.0, 0.5], &[true, false]).value(), Some(0.125));
        assert_eq!(calibration_error(&[1.5], &[true]).why(), Some("1.5 is no probability"));
        assert_eq!(brier_score(&[f64::NAN], &[true]).value(), None);
        assert_eq!(calibration_error(&[], &[]).why(), Some("no known label"));
    }
}
