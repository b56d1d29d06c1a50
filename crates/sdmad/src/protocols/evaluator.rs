use sdmad_base::Result;

use super::answers::{Answers, class_number};
use super::{DrawOutputs, FigureId, Measure, Outputs, Scope, TestSet};
use crate::Label;
use crate::metrics::{Cell, FEW, Figure, MultiLabel, MultiLabelValues, Ranked, SignPairs};

/// Every figure of one draw, laid out so that any resampling of the test images is measured in one pass over them.
pub(crate) struct Evaluator {
    ids: Vec<FigureId>,
    detection: Ranked,
    /// Against normal, against others, among all: one problem for each category.
    families: [Family; 3],
    decisions: MultiLabel,
    /// The same pairs with probabilities as they would be without calibration.
    before: MultiLabel,
    answers: Answers,
    signs: Vec<Ranked>,
    pairs: SignPairs,
}

/// Score and class of an image in the problem of a category, by their numbers; none if it takes no part.
type Member<'a> = dyn Fn(usize, usize, &Outputs) -> Option<(f64, bool)> + 'a;

struct Family {
    problems: Vec<Ranked>,
    positive: &'static str,
    negative: &'static str,
}

impl Family {
    /// Whether the mean over categories takes this category in: decided once, by the whole test set.
    fn takes(&self, category: usize) -> bool {
        self.problems[category].positives > 0 && self.problems[category].negatives > 0
    }
}

impl Evaluator {
    /// # Errors
    /// When the outputs do not fit the set, or one is not a number.
    pub(crate) fn new(set: &TestSet, draw: &DrawOutputs) -> Result<Self> {
        set.check(draw)?;
        let categories = set.categories().len();
        let kept: Vec<(usize, &Outputs)> =
            draw.outputs.iter().enumerate().filter_map(|(i, o)| o.as_ref().map(|o| (i, o))).collect();
        let images = set.images();

        // The rules for unknown labels are these four selections; docs/protocols.md states them in words.
        let detection = Ranked::new(kept.iter().filter_map(|&(i, o)| {
            let image = &images[i];
            (image.is_abnormal() || image.is_normal()).then_some((i, o.detection, image.is_abnormal()))
        }));
        let problems = |member: &Member| -> Vec<Ranked> {
            let of_category = |c| kept.iter().filter_map(move |&(i, o)| member(c, i, o).map(|(s, p)| (i, s, p)));
            (0..categories).map(|c| Ranked::new(of_category(c))).collect()
        };
        let vs_normal = problems(&|c, i, o| match images[i].labels[c] {
            Label::Present => Some((o.against_normal[c], true)),
            _ if images[i].is_normal() => Some((o.against_normal[c], false)),
            _ => None,
        });
        let vs_other = problems(&|c, i, o| match images[i].labels[c] {
            Label::Present => Some((o.among_all[c], true)),
            Label::Absent if images[i].is_abnormal() => Some((o.among_all[c], false)),
            _ => None,
        });
        let among_all = problems(&|c, i, o| match images[i].labels[c] {
            Label::Present => Some((o.among_all[c], true)),
            Label::Absent => Some((o.among_all[c], false)),
            Label::Unknown => None,
        });

        let (mut cells, mut before) = (Vec::new(), Vec::new());
        for category in 0..categories {
            for &(image, outputs) in &kept {
                let label = images[image].labels[category];
                if label != Label::Unknown {
                    let probability = outputs.probability[category];
                    let decided = probability >= draw.thresholds[category];
                    let positive = label == Label::Present;
                    cells.push(Cell { image, category, positive, decided, probability });
                    let probability = outputs.uncalibrated[category];
                    before.push(Cell { image, category, positive, decided, probability });
                }
            }
        }
        let whole = kept.iter().map(|k| k.0).filter(|&i| !images[i].labels.contains(&Label::Unknown)).collect();

        let sign = |s: usize| {
            Ranked::new(kept.iter().filter_map(|&(i, o)| match set.sign_truth(i)[s] {
                Label::Present => Some((i, o.signs[s], true)),
                Label::Absent => Some((i, o.signs[s], false)),
                Label::Unknown => None,
            }))
        };
        let sign_rows: Vec<_> = kept.iter().map(|&(i, o)| (i, &o.signs[..], set.sign_truth(i))).collect();
        let family = |problems, positive, negative| Family { problems, positive, negative };
        Ok(Evaluator {
            ids: FigureId::all(categories, set.signs().len()),
            detection,
            families: [
                family(vs_normal, "with", "that is normal"),
                family(vs_other, "with", "with another category and without"),
                family(among_all, "with", "known to be without"),
            ],
            decisions: MultiLabel::new(categories, cells, whole),
            before: MultiLabel::new(categories, before, Vec::new()),
            answers: Answers::new(categories, images, &kept),
            signs: (0..set.signs().len()).map(sign).collect(),
            pairs: SignPairs::new(set.signs().len(), &sign_rows),
        })
    }

    /// Every figure, in the order of [`FigureId::all`], when image `i` occurs `weights[i]` times; NaN where it is not
    /// defined then. A mean over categories is defined only if each category that it takes in is.
    pub(crate) fn measure(&self, weights: &[u32]) -> Vec<f64> {
        let ranks = |problem: &Ranked| problem.measure(weights).unwrap_or((f64::NAN, f64::NAN));
        let detection = ranks(&self.detection);
        let families: Vec<Vec<(f64, f64)>> =
            self.families.iter().map(|f| f.problems.iter().map(ranks).collect()).collect();
        let decisions = self.decisions.measure(weights);
        let before = self.before.measure(weights);
        let answers = self.answers.measure(weights);
        let signs: Vec<f64> = self.signs.iter().map(|s| ranks(s).0).collect();
        let value = |&id: &FigureId| match id {
            FigureId::Detection(measure) => pick(detection, measure),
            FigureId::VsNormal(scope, measure) => self.scoped(0, scope, |c| pick(families[0][c], measure)),
            FigureId::VsOther(scope, measure) => self.scoped(1, scope, |c| pick(families[1][c], measure)),
            FigureId::AmongAll(scope, measure) => self.scoped(2, scope, |c| pick(families[2][c], measure)),
            FigureId::F1(scope) => self.f1(&decisions, scope),
            FigureId::MicroF1 => decisions.micro_f1.unwrap_or(f64::NAN),
            FigureId::ExactMatch => decisions.exact_match.unwrap_or(f64::NAN),
            FigureId::Hamming => decisions.hamming.unwrap_or(f64::NAN),
            FigureId::CalibrationError => decisions.calibration_error.unwrap_or(f64::NAN),
            FigureId::CalibrationErrorBefore => before.calibration_error.unwrap_or(f64::NAN),
            FigureId::Covered(scope, class) => self.answered(scope, class, |c| answers[c][class_number(class)].covered),
            FigureId::Uncertain(scope, class) => {
                self.answered(scope, class, |c| answers[c][class_number(class)].uncertain)
            }
            FigureId::Sign(sign) => signs[sign],
            FigureId::SignPairs => self.pairs.measure(weights).unwrap_or(f64::NAN),
        };
        self.ids.iter().map(value).collect()
    }

    fn scoped(&self, family: usize, scope: Scope, of: impl Fn(usize) -> f64) -> f64 {
        let family = &self.families[family];
        match scope {
            Scope::Category(c) => of(c),
            Scope::Macro => mean((0..family.problems.len()).filter(|&c| family.takes(c)).map(of)),
        }
    }

    fn f1(&self, decisions: &MultiLabelValues, scope: Scope) -> f64 {
        let of = |c: usize| decisions.f1[c].unwrap_or(f64::NAN);
        match scope {
            Scope::Category(c) => of(c),
            Scope::Macro => mean((0..decisions.f1.len()).filter(|&c| self.has_positive(c)).map(of)),
        }
    }

    fn answered(&self, scope: Scope, class: Label, of: impl Fn(usize) -> f64) -> f64 {
        match scope {
            Scope::Category(c) => of(c),
            Scope::Macro => {
                mean((0..self.families[2].problems.len()).filter(|&c| self.answers.count(c, class) > 0).map(of))
            }
        }
    }

    fn has_positive(&self, category: usize) -> bool {
        self.families[2].problems[category].positives > 0
    }

    /// Every figure over the whole test set with its marks and reasons, in the order of [`FigureId::all`].
    pub(crate) fn figures(&self, set: &TestSet) -> Vec<Figure> {
        let values = self.measure(&vec![1; set.images().len()]);
        let figure = |(&id, value): (&FigureId, f64)| match id {
            FigureId::Detection(_) => two_class(&self.detection, value, "abnormal", "normal"),
            FigureId::VsNormal(scope, _) => self.family_figure(0, scope, value, set),
            FigureId::VsOther(scope, _) => self.family_figure(1, scope, value, set),
            FigureId::AmongAll(scope, _) => self.family_figure(2, scope, value, set),
            FigureId::F1(Scope::Category(c)) if !self.has_positive(c) => {
                Figure::missing(format!("no test image with `{}`", set.categories()[c])).marked_few(true)
            }
            FigureId::F1(Scope::Category(c)) => {
                let problem = &self.families[2].problems[c];
                Figure::of(value).marked_few(problem.positives < FEW || problem.negatives < FEW)
            }
            FigureId::F1(Scope::Macro) => {
                let problems = &self.families[2].problems;
                self.mean_figure(value, set, &|c| self.has_positive(c), &|c| {
                    problems[c].positives.min(problems[c].negatives) < FEW
                })
            }
            FigureId::Covered(scope, class) | FigureId::Uncertain(scope, class) => {
                self.answer_figure(scope, class, value, set)
            }
            FigureId::MicroF1 | FigureId::CalibrationError | FigureId::CalibrationErrorBefore => {
                let (positives, negatives) = self.decisions.counts();
                let why = if id == FigureId::MicroF1 { "no positive label in the test set" } else { "no known label" };
                or_missing(value, why).marked_few(positives < FEW || negatives < FEW)
            }
            FigureId::ExactMatch | FigureId::Hamming => or_missing(value, "no test image with every label known")
                .marked_few(self.decisions.whole_images() < FEW),
            FigureId::Sign(sign) => {
                let id = &set.signs()[sign];
                two_class(&self.signs[sign], value, &format!("with `{id}`"), &format!("known to be without `{id}`"))
            }
            FigureId::SignPairs => or_missing(value, SignPairs::NONE).marked_few(self.pairs.fewest() < FEW),
        };
        self.ids.iter().zip(values).map(figure).collect()
    }

    fn answer_figure(&self, scope: Scope, class: Label, value: f64, set: &TestSet) -> Figure {
        let count = |c: usize| self.answers.count(c, class) as u64;
        match scope {
            Scope::Category(c) => {
                let with = if class == Label::Present { "with" } else { "known to be without" };
                let why = format!("no test image {with} `{}`", set.categories()[c]);
                or_missing(value, &why).marked_few(count(c) < FEW)
            }
            Scope::Macro => self.mean_figure(value, set, &|c| count(c) > 0, &|c| count(c) < FEW),
        }
    }

    fn family_figure(&self, family: usize, scope: Scope, value: f64, set: &TestSet) -> Figure {
        let family = &self.families[family];
        match scope {
            Scope::Category(c) => {
                let id = &set.categories()[c];
                let negative = match family.negative {
                    "that is normal" => "that is normal".to_string(),
                    other => format!("{other} `{id}`"),
                };
                two_class(&family.problems[c], value, &format!("{} `{id}`", family.positive), &negative)
            }
            Scope::Macro => self.mean_figure(value, set, &|c| family.takes(c), &|c| few(&family.problems[c])),
        }
    }

    fn mean_figure(
        &self,
        value: f64,
        set: &TestSet,
        takes: &dyn Fn(usize) -> bool,
        few: &dyn Fn(usize) -> bool,
    ) -> Figure {
        let ids = set.categories();
        let (taken, left): (Vec<usize>, Vec<usize>) = (0..ids.len()).partition(|&c| takes(c));
        if taken.is_empty() {
            return Figure::missing("it can be computed for no category").marked_few(true);
        }
        Figure::of(value)
            .marked_few(taken.iter().any(|&c| few(c)))
            .with_left_out(left.into_iter().map(|c| ids[c].clone()).collect())
    }
}

fn few(problem: &Ranked) -> bool {
    problem.positives.min(problem.negatives) < FEW
}

fn two_class(problem: &Ranked, value: f64, positive: &str, negative: &str) -> Figure {
    let figure = match (problem.positives, problem.negatives) {
        (0, _) => Figure::missing(format!("no test image {positive}")),
        (_, 0) => Figure::missing(format!("no test image {negative}")),
        _ => Figure::of(value),
    };
    figure.marked_few(few(problem))
}

fn or_missing(value: f64, why: &str) -> Figure {
    if value.is_nan() { Figure::missing(why) } else { Figure::of(value) }
}

fn pick(values: (f64, f64), measure: Measure) -> f64 {
    match measure {
        Measure::Auroc => values.0,
        Measure::AveragePrecision => values.1,
    }
}

/// NaN without values.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), v| (sum + v, count + 1));
    sum / f64::from(count)
}
