//! Curves for pictures: means over draws.

use serde::Serialize;

use crate::{CALIBRATION_BINS, DrawOutputs, Label, TestSet};

/// Steps of the grids.
const STEPS: usize = 50;

/// What is drawn of a method.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Curves {
    /// Detection: (false-positive rate, mean true-positive rate over draws).
    pub(crate) roc: Vec<(f64, f64)>,
    /// Detection: (recall, mean precision over draws).
    pub(crate) precision_recall: Vec<(f64, f64)>,
    /// All known (image, category) pairs of all draws, by bins of their probability.
    pub(crate) reliability: Vec<Bin>,
}

/// A bin of the reliability diagram.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bin {
    /// Mean probability.
    pub(crate) probability: f64,
    /// Share of positives.
    pub(crate) positives: f64,
    /// Pairs.
    pub(crate) count: usize,
}

impl Curves {
    pub(crate) fn of(set: &TestSet, draws: &[DrawOutputs]) -> Self {
        let steps: Vec<Vec<Step>> = draws.iter().filter_map(|draw| steps(set, draw)).collect();
        let mean = |of: &dyn Fn(&[Step], f64) -> f64| -> Vec<(f64, f64)> {
            if steps.is_empty() {
                return Vec::new();
            }
            let at = |i: usize| i as f64 / STEPS as f64;
            (0..=STEPS).map(|i| (at(i), steps.iter().map(|s| of(s, at(i))).sum::<f64>() / steps.len() as f64)).collect()
        };
        Curves { roc: mean(&true_positives), precision_recall: mean(&precision), reliability: reliability(set, draws) }
    }
}

/// The classifier at one threshold.
struct Step {
    false_positives: f64,
    true_positives: f64,
    precision: f64,
}

/// From the strictest threshold to the laxest; none without both classes.
fn steps(set: &TestSet, draw: &DrawOutputs) -> Option<Vec<Step>> {
    let mut scores: Vec<(f64, bool)> = Vec::new();
    for (image, outputs) in set.images().iter().zip(&draw.outputs) {
        if let Some(outputs) = outputs.as_ref().filter(|_| image.is_abnormal() || image.is_normal()) {
            scores.push((outputs.detection, image.is_abnormal()));
        }
    }
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = scores.iter().filter(|s| s.1).count();
    let negatives = scores.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let mut steps = vec![Step { false_positives: 0.0, true_positives: 0.0, precision: 1.0 }];
    let (mut hits, mut alarms) = (0, 0);
    for (at, &(score, positive)) in scores.iter().enumerate() {
        hits += usize::from(positive);
        alarms += usize::from(!positive);
        if scores.get(at + 1).is_none_or(|next| next.0 != score) {
            steps.push(Step {
                false_positives: alarms as f64 / negatives as f64,
                true_positives: hits as f64 / positives as f64,
                precision: hits as f64 / (hits + alarms) as f64,
            });
        }
    }
    Some(steps)
}

/// On the line between two thresholds; at a jump its upper end.
fn true_positives(steps: &[Step], rate: f64) -> f64 {
    let after = steps.iter().position(|s| s.false_positives > rate).unwrap_or(steps.len());
    let below = &steps[after.max(1) - 1];
    match steps.get(after) {
        None => below.true_positives,
        Some(above) => {
            let share = (rate - below.false_positives) / (above.false_positives - below.false_positives);
            below.true_positives + share * (above.true_positives - below.true_positives)
        }
    }
}

/// At the strictest threshold that reaches a recall, without interpolation, as average precision counts it.
fn precision(steps: &[Step], recall: f64) -> f64 {
    let reaches = steps.iter().skip(1).find(|s| s.true_positives >= recall);
    reaches.or(steps.last()).map_or(0.0, |s| s.precision)
}

fn reliability(set: &TestSet, draws: &[DrawOutputs]) -> Vec<Bin> {
    let mut bins = vec![(0.0, 0usize, 0usize); CALIBRATION_BINS];
    for draw in draws {
        for (image, outputs) in set.images().iter().zip(&draw.outputs) {
            let Some(outputs) = outputs else { continue };
            for (&p, &label) in outputs.probability.iter().zip(&image.labels).filter(|(_, l)| **l != Label::Unknown) {
                let bin = &mut bins[((p * CALIBRATION_BINS as f64) as usize).min(CALIBRATION_BINS - 1)];
                bin.0 += p;
                bin.1 += usize::from(label == Label::Present);
                bin.2 += 1;
            }
        }
    }
    let full = bins.into_iter().filter(|b| b.2 > 0);
    full.map(|(sum, hits, count)| Bin { probability: sum / count as f64, positives: hits as f64 / count as f64, count })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Outputs, TestImage};

    #[test]
    fn curves_by_hand() {
        // Scores 4 and 2 are positive, 3 and 1 negative; of probabilities .9 and .9 one holds, of .1 and .1 one.
        let cases = [(4.0, true, 0.9), (3.0, false, 0.9), (2.0, true, 0.1), (1.0, false, 0.1)];
        let label = |positive| if positive { Label::Present } else { Label::Absent };
        let image = |&(_, positive, _): &(f64, bool, f64)| TestImage {
            image: "i".into(),
            patient: None,
            labels: vec![label(positive)],
        };
        let outputs = |&(d, _, p): &(f64, bool, f64)| {
            Some(Outputs {
                detection: d,
                against_normal: vec![d],
                among_all: vec![d],
                probability: vec![p],
                uncalibrated: vec![p],
                answers: vec![crate::Decision::Uncertain],
                signs: Vec::new(),
            })
        };
        let set = TestSet::new(vec!["c".into()], cases.iter().map(image).collect()).unwrap();
        let draw = DrawOutputs { outputs: cases.iter().map(outputs).collect(), thresholds: vec![0.5] };
        let curves = Curves::of(&set, &[draw]);
        assert_eq!(curves.roc[0], (0.0, 0.5));
        assert_eq!(curves.roc[STEPS / 2], (0.5, 1.0));
        assert_eq!(curves.roc[STEPS / 4].1, 0.5);
        assert_eq!(curves.precision_recall[STEPS / 2], (0.5, 1.0));
        assert_eq!(curves.precision_recall[STEPS], (1.0, 2.0 / 3.0));
        let bins: Vec<(f64, f64, usize)> =
            curves.reliability.iter().map(|b| (b.probability, b.positives, b.count)).collect();
        assert_eq!(bins, [(0.1, 0.5, 2), (0.9, 0.5, 2)]);
    }
}
