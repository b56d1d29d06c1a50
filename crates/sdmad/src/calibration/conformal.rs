use serde::{Deserialize, Serialize};

use crate::Label;

/// What is answered for a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It is there: absent is ruled out at the stated coverage.
    Present,
    /// It is not: present is ruled out.
    Absent,
    /// Neither is ruled out, or both are.
    Uncertain,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Decision; 3] = [Decision::Present, Decision::Absent, Decision::Uncertain];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Decision::Present => "present",
            Decision::Absent => "absent",
            Decision::Uncertain => "uncertain",
        }
    }

    /// The decision called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Decision::ALL.into_iter().find(|d| d.name() == name)
    }
}

/// Coverage where nobody asks for another.
pub const DEFAULT_COVERAGE: f64 = 0.9;

/// The score of a shot by a model that was fitted without the shot's fold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// The score.
    pub score: f64,
    /// The fold that was left out.
    pub fold: usize,
}

/// Held-out scores of a category's shots, class by class: what an image's scores are compared with to rule a class out.
///
/// This is CV+ (Romano, Sesia and Candès 2020, after Barber and others 2021), class by class. The image is scored by each fold's model, and each shot's score is compared
/// with the image's by the same model. With n shots of the class, present is ruled out when (1 + number of present shots whose score is not above the image's) / (n + 1) ≤ 1 − coverage,
/// and absent likewise from above. So each class keeps its coverage on its own, and a class with fewer than coverage / (1 − coverage) shots, nine at .9, is never ruled out.
///
/// Shots are drawn in equal numbers, a clinic's images are not. So absent is ruled out only if it is for every group of absent shots that is large
/// enough to be: normal ones, those with each other category, and all of them together. Coverage then does not depend on how frequent the groups are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conformal {
    /// Shots known to have the category.
    pub present: Vec<HeldOut>,
    /// Shots known not to have it: all of them, then normal ones and those with each other category. A shot with two others is in both groups.
    pub absent: Vec<Vec<HeldOut>>,
}

impl Conformal {
    /// From held-out scores of shots and their labels, for one category.
    pub(crate) fn new(scores: &[HeldOut], labels: &[Vec<Label>], category: usize) -> Self {
        let of = |takes: &dyn Fn(&[Label]) -> bool| -> Vec<HeldOut> {
            scores.iter().zip(labels).filter(|(_, l)| takes(l)).map(|(s, _)| *s).collect()
        };
        let absent = |labels: &[Label]| labels[category] == Label::Absent;
        let mut groups = vec![of(&absent), of(&|l| l.iter().all(|&l| l == Label::Absent))];
        let others = (0..labels.first().map_or(0, Vec::len)).filter(|&c| c != category);
        groups.extend(others.map(|other| of(&|l| absent(l) && l[other] == Label::Present)));
        Conformal { present: of(&|l| l[category] == Label::Present), absent: groups }
    }

    /// The answer for an image's scores, one by each fold's model, at a coverage in (0, 1).
    pub fn answer(&self, by_fold: &[f64], coverage: f64) -> Decision {
        let not_above = |shot: &HeldOut, image: f64| shot.score <= image;
        let not_below = |shot: &HeldOut, image: f64| shot.score >= image;
        let present = rules_out(p_value(&self.present, by_fold, not_above), coverage);
        let mut large = self.absent.iter().filter(|group| can_be_ruled_out(group.len(), coverage)).peekable();
        let absent = large.peek().is_some() && large.all(|g| rules_out(p_value(g, by_fold, not_below), coverage));
        match (present, absent) {
            (false, true) => Decision::Present,
            (true, false) => Decision::Absent,
            _ => Decision::Uncertain,
        }
    }

    /// Whether either class can ever be ruled out: `[present, absent]`.
    pub fn can_rule_out(&self, coverage: f64) -> [bool; 2] {
        [self.present.len(), self.absent.first().map_or(0, Vec::len)].map(|shots| can_be_ruled_out(shots, coverage))
    }
}

/// How well an image fits to shots of a class, in (0, 1].
fn p_value(shots: &[HeldOut], by_fold: &[f64], as_unlike: impl Fn(&HeldOut, f64) -> bool) -> f64 {
    let count = shots.iter().filter(|shot| by_fold.get(shot.fold).is_none_or(|&image| as_unlike(shot, image))).count();
    (1 + count) as f64 / (shots.len() + 1) as f64
}

fn can_be_ruled_out(shots: usize, coverage: f64) -> bool {
    rules_out(1.0 / (shots + 1) as f64, coverage)
}

/// p ≤ 1 − coverage, where rounding of the latter does not cost a shot: nine promise .9.
fn rules_out(p: f64, coverage: f64) -> bool {
    p <= 1.0 - coverage + 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Absent as A, Present as P};
    use sdmad_base::Stream;

    fn held_out(scores: impl IntoIterator<Item = f64>) -> Vec<HeldOut> {
        scores.into_iter().map(|score| HeldOut { score, fold: 0 }).collect()
    }

    #[test]
    fn nine_shots_of_a_class_promise_nine_in_ten_and_eight_do_not() {
        let with =
            |n: usize| Conformal { present: held_out((0..n).map(|i| i as f64)), absent: vec![held_out([-5.0; 20])] };
        assert_eq!(with(9).answer(&[-6.0], 0.9), Decision::Absent);
        assert_eq!(with(9).answer(&[-1.0], 0.9), Decision::Uncertain, "unlike either class");
        assert_eq!(with(8).answer(&[-6.0], 0.9), Decision::Uncertain);
        assert_eq!(with(8).answer(&[-6.0], 0.8), Decision::Absent);
        assert_eq!((with(8).can_rule_out(0.9), with(9).can_rule_out(0.9)), ([false, true], [true, true]));
        assert_eq!(with(9).answer(&[3.0], 0.9), Decision::Present);
        assert_eq!(Conformal::default().answer(&[3.0], 0.9), Decision::Uncertain);
    }

    #[test]
    fn a_shot_is_compared_by_the_model_that_has_not_seen_it() {
        let shots = |fold: usize| (0..9).map(move |i| HeldOut { score: f64::from(i), fold });
        let conformal = Conformal {
            present: shots(1).collect(),
            absent: vec![shots(0).map(|s| HeldOut { score: s.score - 20.0, ..s }).collect()],
        };
        assert_eq!(conformal.answer(&[-30.0, 5.0], 0.9), Decision::Uncertain, "low by the first, high by the second");
        assert_eq!(conformal.answer(&[0.0, 5.0], 0.9), Decision::Present);
        assert_eq!(conformal.answer(&[-15.0, -1.0], 0.9), Decision::Absent);
    }

    #[test]
    fn groups_of_absent_shots_are_ruled_out_one_by_one() {
        // Of the shots without the category very many are normal and score 0; those with the other category score 5.
        let set = |others: usize| {
            let kinds = [(300, [A, A], 0.0), (others, [A, P], 5.0), (30, [P, A], 4.0)];
            let all = kinds.iter().flat_map(|(count, labels, score)| vec![(labels.to_vec(), *score); *count]);
            let (labels, scores): (Vec<_>, Vec<f64>) = all.unzip();
            Conformal::new(&held_out(scores), &labels, 0)
        };
        let (many, few) = (set(30), set(3));
        assert_eq!(many.absent.iter().map(Vec::len).collect::<Vec<_>>(), [330, 300, 30]);
        // An image at 5 is unlike nine in ten of all shots without the category, and just like those with the other one.
        assert_eq!(many.answer(&[5.0], 0.9), Decision::Uncertain);
        assert_eq!(many.answer(&[6.0], 0.9), Decision::Present);
        assert_eq!(few.answer(&[5.0], 0.9), Decision::Present, "three shots of the other category are too few to ask");
    }

    #[test]
    fn each_class_is_ruled_out_wrongly_no_more_often_than_promised() {
        let stream = &mut Stream::new(3, "conformal");
        let mut draw = |positive: bool| stream.normal() + if positive { 3.0 } else { 0.0 };
        let (mut wrong, mut uncertain) = ([0usize; 2], 0);
        const TRIALS: usize = 4_000;
        for _ in 0..TRIALS {
            let labels: Vec<Vec<Label>> = (0..32).map(|i| vec![if i % 2 == 0 { P } else { A }]).collect();
            let scores = held_out(labels.iter().map(|l| draw(l[0] == P)));
            let conformal = Conformal::new(&scores, &labels, 0);
            for class in [true, false] {
                match (conformal.answer(&[draw(class)], 0.9), class) {
                    (Decision::Absent, true) | (Decision::Present, false) => wrong[usize::from(class)] += 1,
                    (Decision::Uncertain, _) => uncertain += 1,
                    _ => {}
                }
            }
        }
        // With sixteen shots a class is ruled out wrongly in 1 / 17 of the cases.
        for wrong in wrong {
            assert!((wrong as f64 / TRIALS as f64) < 0.07, "{wrong}");
        }
        assert!(uncertain < TRIALS, "most answers are definite");
    }
}
