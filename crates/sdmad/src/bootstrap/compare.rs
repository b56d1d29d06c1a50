use sdmad_base::{Error, Monitor, Result};
use serde::Serialize;

use super::{Bootstrap, interval_of, replicate};
use crate::protocols::Evaluator;
use crate::{DrawOutputs, FigureId, FigureTable, TestSet};

/// How far the lower end of a paired interval may lie below zero for "level with".
pub const LEVEL_MARGIN: f64 = 0.005;

/// What a paired comparison of A and B allows one to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A is better: the whole interval is on its side.
    Above,
    /// A is not worse by more than [`LEVEL_MARGIN`].
    Level,
    /// A is worse: the whole interval is on B's side, and it is not level.
    Below,
    /// The interval is too wide to say, or the figure rests on too few images to claim anything.
    Undecided,
}

/// A minus B in one figure, over the same draws and the same resampled patients.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Which figure.
    pub id: FigureId,
    /// Mean over draws of A minus mean over draws of B; none where one of the two is missing.
    pub difference: Option<f64>,
    /// Lower and upper end of the interval of the difference.
    pub interval: Option<(f64, f64)>,
    /// Where a smaller figure is the better one, the verdict has turned the sign; the difference has not.
    pub verdict: Verdict,
    /// Whether the figure rests on fewer than 20 positives or negatives; the verdict is then undecided.
    pub few: bool,
}

/// Compares methods A and B on the same set, draw by draw, in every figure.
///
/// # Errors
/// When the methods have different numbers of draws or left out different images, outputs do not fit the set, or
/// `monitor` asks to stop.
pub fn compare_methods(
    set: &TestSet,
    a: &[DrawOutputs],
    b: &[DrawOutputs],
    bootstrap: &Bootstrap,
    monitor: &dyn Monitor,
) -> Result<Vec<Difference>> {
    bootstrap.check()?;
    if a.len() != b.len() {
        return Err(Error::bad_input(format!("{} draws against {}: expected as many", a.len(), b.len()))
            .with_hint("compare methods that ran on the same draws"));
    }
    for (number, (a, b)) in a.iter().zip(b).enumerate() {
        let differs = a.outputs.iter().zip(&b.outputs).position(|(a, b)| a.is_some() != b.is_some());
        if let Some(image) = differs.and_then(|i| set.images().get(i)) {
            return Err(Error::bad_input(format!("draw {number}: only one method was tested on {}", image.image))
                .with_hint("compare methods that ran on the same shots, and so left out the same images"));
        }
    }
    let tables = [FigureTable::mean_of_draws(set, a)?, FigureTable::mean_of_draws(set, b)?];
    let evaluators = |draws: &[DrawOutputs]| draws.iter().map(|d| Evaluator::new(set, d)).collect::<Result<Vec<_>>>();
    let replicates = replicate(set, &[&evaluators(a)?, &evaluators(b)?], bootstrap, monitor)?;
    let difference = |(number, (id, figure)): (usize, (FigureId, &crate::Figure))| {
        let other = &tables[1].figures[number];
        let difference = figure.value().zip(other.value()).map(|(a, b)| a - b);
        let values = replicates.iter().map(|r| r[0][number] - r[1][number]).collect();
        let interval = difference.and_then(|_| interval_of(values, bootstrap));
        let few = figure.few() || other.few();
        let verdict = if few { Verdict::Undecided } else { verdict(id, interval) };
        Difference { id, difference, interval, verdict, few }
    };
    Ok(tables[0].iter().enumerate().map(difference).collect())
}

pub(crate) fn verdict(id: FigureId, interval: Option<(f64, f64)>) -> Verdict {
    let Some((low, high)) = interval else { return Verdict::Undecided };
    let (low, high) = if id.lower_is_better() { (-high, -low) } else { (low, high) };
    if low > 0.0 {
        Verdict::Above
    } else if low > -LEVEL_MARGIN {
        Verdict::Level
    } else if high < 0.0 {
        Verdict::Below
    } else {
        Verdict::Undecided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_follow_the_margins() {
        let of = |low, high| verdict(FigureId::ExactMatch, Some((low, high)));
        assert_eq!(of(0.001, 0.2), Verdict::Above);
        assert_eq!(of(0.0, 0.2), Verdict::Level);
        assert_eq!(of(-0.004, -0.001), Verdict::Level);
        assert_eq!(of(-0.005, 0.2), Verdict::Undecided);
        assert_eq!(of(-0.2, -0.001), Verdict::Below);
        assert_eq!(verdict(FigureId::Hamming, Some((-0.2, -0.001))), Verdict::Above);
        assert_eq!(verdict(FigureId::CalibrationError, Some((0.001, 0.2))), Verdict::Below);
        assert_eq!(verdict(FigureId::MicroF1, None), Verdict::Undecided);
    }
}
