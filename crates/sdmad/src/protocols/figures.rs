use sdmad_base::{Error, Result};

use super::{DrawOutputs, Evaluator, TestSet};
use crate::{Figure, Label};

/// How well scores rank positives above negatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Area under the ROC curve.
    Auroc,
    /// Average precision.
    AveragePrecision,
}

/// One category, or the mean over categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The plain mean over the categories whose figure can be computed.
    Macro,
    /// The category of this number, in the order of the test set.
    Category(usize),
}

/// Which figure: of which protocol, over what, measured how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FigureId {
    /// P1: normal or any anomaly, by d.
    Detection(Measure),
    /// P2: a category against normal images, by n_c.
    VsNormal(Scope, Measure),
    /// P2: a category against images with another anomaly and without it, by r_c.
    VsOther(Scope, Measure),
    /// P3: a category in the whole test set, by r_c.
    AmongAll(Scope, Measure),
    /// P3: F1 of the decisions.
    F1(Scope),
    /// P3: F1 of all known (image, category) pairs together.
    MicroF1,
    /// P3: share of images with every decision right.
    ExactMatch,
    /// P3: share of wrong decisions; lower is better.
    Hamming,
    /// P3: expected calibration error of p_c; lower is better.
    CalibrationError,
    /// P3: the same of what the scores would say without calibration.
    CalibrationErrorBefore,
    /// Three-way answers: share of the images that have the category (`Present`) or are known to be without it (`Absent`) for which
    /// that was not ruled out. At least the stated coverage, if the promise is kept.
    Covered(Scope, Label),
    /// Three-way answers: share of those images that was answered `uncertain`; lower is better.
    Uncertain(Scope, Label),
    /// The sign of this number against its truth.
    Sign(usize),
    /// Pairwise sign accuracy.
    SignPairs,
}

const CLASSES: [Label; 2] = [Label::Present, Label::Absent];

const MEASURES: [Measure; 2] = [Measure::Auroc, Measure::AveragePrecision];

impl FigureId {
    /// Every figure of a set with so many categories and signs, in the order of tables.
    pub fn all(categories: usize, signs: usize) -> Vec<FigureId> {
        let scopes: Vec<Scope> = std::iter::once(Scope::Macro).chain((0..categories).map(Scope::Category)).collect();
        let mut all: Vec<FigureId> = MEASURES.map(FigureId::Detection).into();
        for family in [FigureId::VsNormal, FigureId::VsOther, FigureId::AmongAll] {
            all.extend(scopes.iter().flat_map(|&scope| MEASURES.map(|measure| family(scope, measure))));
        }
        all.extend(scopes.iter().map(|&scope| FigureId::F1(scope)));
        all.extend([FigureId::MicroF1, FigureId::ExactMatch, FigureId::Hamming, FigureId::CalibrationError]);
        all.push(FigureId::CalibrationErrorBefore);
        for family in [FigureId::Covered, FigureId::Uncertain] {
            all.extend(scopes.iter().flat_map(|&scope| CLASSES.map(|class| family(scope, class))));
        }
        if signs > 0 {
            all.extend((0..signs).map(FigureId::Sign));
            all.push(FigureId::SignPairs);
        }
        all
    }

    /// Its name in flat tables: `detection.auroc`, `vs_other.cyst.ap`, `multilabel.macro_auroc`, `signs.halo.auroc`.
    pub fn name(self, set: &TestSet) -> String {
        let short = |measure| match measure {
            Measure::Auroc => "auroc",
            Measure::AveragePrecision => "ap",
        };
        let id = |ids: &[String], number: usize| ids.get(number).map_or("?", String::as_str).to_string();
        let scope = |scope| match scope {
            Scope::Macro => "macro".to_string(),
            Scope::Category(c) => id(set.categories(), c),
        };
        match self {
            FigureId::Detection(measure) => format!("detection.{}", short(measure)),
            FigureId::VsNormal(of, measure) => format!("vs_normal.{}.{}", scope(of), short(measure)),
            FigureId::VsOther(of, measure) => format!("vs_other.{}.{}", scope(of), short(measure)),
            FigureId::AmongAll(Scope::Macro, Measure::Auroc) => "multilabel.macro_auroc".into(),
            FigureId::AmongAll(Scope::Macro, Measure::AveragePrecision) => "multilabel.map".into(),
            FigureId::AmongAll(of, measure) => format!("multilabel.{}.{}", scope(of), short(measure)),
            FigureId::F1(Scope::Macro) => "multilabel.macro_f1".into(),
            FigureId::F1(of) => format!("multilabel.{}.f1", scope(of)),
            FigureId::MicroF1 => "multilabel.micro_f1".into(),
            FigureId::ExactMatch => "multilabel.exact_match".into(),
            FigureId::Hamming => "multilabel.hamming".into(),
            FigureId::CalibrationError => "multilabel.ece".into(),
            FigureId::CalibrationErrorBefore => "multilabel.ece_before".into(),
            FigureId::Covered(of, class) => format!("answers.{}.{}.covered", scope(of), class_name(class)),
            FigureId::Uncertain(of, class) => format!("answers.{}.{}.uncertain", scope(of), class_name(class)),
            FigureId::Sign(sign) => format!("signs.{}.auroc", id(set.signs(), sign)),
            FigureId::SignPairs => "signs.pairwise_accuracy".into(),
        }
    }

    /// Whether it can be had without telling anything apart: who always says `uncertain` denies nothing, and who always says how many images have the
    /// category is well calibrated. Being as good in it proves nothing about a set.
    pub fn needs_no_skill(self) -> bool {
        let calibration = matches!(self, FigureId::CalibrationError | FigureId::CalibrationErrorBefore);
        calibration || matches!(self, FigureId::Covered(..) | FigureId::Uncertain(..))
    }

    /// Whether a smaller value is the better one.
    pub fn lower_is_better(self) -> bool {
        matches!(
            self,
            FigureId::Hamming | FigureId::CalibrationError | FigureId::CalibrationErrorBefore | FigureId::Uncertain(..)
        )
    }
}

fn class_name(class: Label) -> &'static str {
    if class == Label::Present { "present" } else { "absent" }
}

/// Every figure of a test set, in the order of [`FigureId::all`].
#[derive(Clone, Debug)]
pub struct FigureTable {
    pub(crate) ids: Vec<FigureId>,
    pub(crate) figures: Vec<Figure>,
}

impl FigureTable {
    /// The figures of one draw, without intervals.
    ///
    /// # Errors
    /// When the outputs do not fit the set, or one is not a number.
    pub fn of_draw(set: &TestSet, draw: &DrawOutputs) -> Result<Self> {
        Ok(FigureTable {
            ids: FigureId::all(set.categories().len(), set.signs().len()),
            figures: Evaluator::new(set, draw)?.figures(set),
        })
    }

    /// The means over draws, without intervals. A figure that one draw lacks is missing, with that draw's reason;
    /// one that is marked in one draw is marked.
    ///
    /// # Errors
    /// As [`FigureTable::of_draw`], and without draws.
    pub fn mean_of_draws(set: &TestSet, draws: &[DrawOutputs]) -> Result<Self> {
        let tables: Vec<FigureTable> = draws.iter().map(|d| FigureTable::of_draw(set, d)).collect::<Result<_>>()?;
        let Some(first) = tables.first() else {
            return Err(Error::bad_input("no draw to evaluate: expected at least one"));
        };
        let mean = |number: usize| {
            let of_draws: Vec<&Figure> = tables.iter().map(|t| &t.figures[number]).collect();
            let few = of_draws.iter().any(|f| f.few());
            if let Some(missing) = of_draws.iter().find(|f| f.value().is_none()) {
                return (*missing).clone().marked_few(few);
            }
            let sum: f64 = of_draws.iter().filter_map(|f| f.value()).sum();
            let left_out = first.figures[number].left_out().to_vec();
            Figure::of(sum / of_draws.len() as f64).marked_few(few).with_left_out(left_out)
        };
        let figures = (0..first.figures.len()).map(mean).collect();
        Ok(FigureTable { ids: first.ids.clone(), figures })
    }

    /// All figures with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (FigureId, &Figure)> {
        self.ids.iter().copied().zip(&self.figures)
    }

    /// One figure; none when the set has no such category or sign.
    pub fn get(&self, id: FigureId) -> Option<&Figure> {
        self.ids.iter().position(|&i| i == id).map(|at| &self.figures[at])
    }
}
