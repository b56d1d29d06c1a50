use rayon::prelude::*;
use sdmad_base::{Error, Monitor, Result, Stream};

use super::Units;
use crate::protocols::Evaluator;
use crate::{DrawOutputs, FigureTable, TestSet};

/// How intervals are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// Number of replicates.
    pub replicates: usize,
    /// Seed of the resampling. One seed for all sets and methods, so that comparisons are paired.
    pub seed: u64,
    /// Share of the replicates inside an interval.
    pub level: f64,
}

impl Default for Bootstrap {
    /// 1,000 replicates, seed 0, 95 %.
    fn default() -> Self {
        Bootstrap { replicates: 1000, seed: 0, level: 0.95 }
    }
}

impl Bootstrap {
    pub(crate) fn check(&self) -> Result<()> {
        if self.replicates == 0 {
            return Err(Error::bad_input("0 bootstrap replicates: expected at least 1"));
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(Error::bad_input(format!("interval level {}: expected between 0 and 1", self.level)));
        }
        Ok(())
    }
}

/// Every figure of a method as mean over its draws, with an interval.
///
/// With one draw only patients are resampled. A figure that fewer than half of the replicates define has no interval
/// and says so.
///
/// # Errors
/// When there is no draw, outputs do not fit the set, or `monitor` asks to stop.
pub fn figures_with_intervals(
    set: &TestSet,
    draws: &[DrawOutputs],
    bootstrap: &Bootstrap,
    monitor: &dyn Monitor,
) -> Result<FigureTable> {
    bootstrap.check()?;
    let mut table = FigureTable::mean_of_draws(set, draws)?;
    let evaluators: Vec<Evaluator> = draws.iter().map(|d| Evaluator::new(set, d)).collect::<Result<_>>()?;
    let replicates = replicate(set, &[&evaluators], bootstrap, monitor)?;
    for (number, figure) in table.figures.iter_mut().enumerate() {
        let values = replicates.iter().map(|r| r[0][number]).collect();
        *figure = match interval_of(values, bootstrap) {
            Some((low, high)) => figure.clone().with_interval(low, high),
            None => figure.clone().without_interval("fewer than half of the resampled test sets define it"),
        };
    }
    Ok(table)
}

/// What can be measured on any resampling of a test set.
pub(crate) trait Resampled: Sync {
    /// Every figure when image `i` occurs `weights[i]` times; NaN where one is not defined then.
    fn measure(&self, weights: &[u32]) -> Vec<f64>;
}

impl Resampled for Evaluator {
    fn measure(&self, weights: &[u32]) -> Vec<f64> {
        Evaluator::measure(self, weights)
    }
}

/// For each replicate and each method the mean of every figure over the resampled draws; NaN where it is not defined.
///
/// All methods of a replicate see the same draws and the same patients.
pub(crate) fn replicate<M: Resampled>(
    set: &TestSet,
    methods: &[&[M]],
    bootstrap: &Bootstrap,
    monitor: &dyn Monitor,
) -> Result<Vec<Vec<Vec<f64>>>> {
    let units = Units::of(set);
    let draws = methods.first().map_or(0, |m| m.len());
    monitor.begin("resampling the test set", bootstrap.replicates);
    let replicates = (0..bootstrap.replicates)
        .into_par_iter()
        .map(|number| {
            monitor.check()?;
            // Streams of their own: the patients of a replicate do not depend on the number of draws.
            let weights = units.resample(&mut Stream::new(bootstrap.seed, &format!("bootstrap/{number}/patients")));
            let mut stream = Stream::new(bootstrap.seed, &format!("bootstrap/{number}/draws"));
            let mut times = vec![0u32; draws];
            (0..draws).for_each(|_| times[stream.below(draws)] += 1);
            let values = methods.iter().map(|evaluators| mean_of_resampled(evaluators, &times, &weights)).collect();
            monitor.advance(1);
            Ok(values)
        })
        .collect();
    monitor.end();
    replicates
}

fn mean_of_resampled<M: Resampled>(evaluators: &[M], times: &[u32], weights: &[u32]) -> Vec<f64> {
    let mut sums: Vec<f64> = Vec::new();
    for (evaluator, &times) in evaluators.iter().zip(times).filter(|(_, times)| **times > 0) {
        let values = evaluator.measure(weights);
        sums.resize(values.len(), 0.0);
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(times) * value);
    }
    sums.iter_mut().for_each(|sum| *sum /= evaluators.len() as f64);
    sums
}

/// Percentile interval (linear between order statistics) of the values that are numbers; none when they are fewer
/// than half.
pub(crate) fn interval_of(mut values: Vec<f64>, bootstrap: &Bootstrap) -> Option<(f64, f64)> {
    let all = values.len();
    values.retain(|v| v.is_finite());
    if values.is_empty() || 2 * values.len() < all {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - bootstrap.level) / 2.0;
    Some((percentile(&values, tail), percentile(&values, 1.0 - tail)))
}

/// `sorted` must not be empty; `share` in [0, 1].
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = (position as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_order_statistics() {
        let bootstrap = Bootstrap { level: 0.5, ..Bootstrap::default() };
        assert_eq!(interval_of(vec![4.0, 1.0, 3.0, 2.0, 5.0], &bootstrap), Some((2.0, 4.0)));
        assert_eq!(interval_of(vec![0.0, 1.0, f64::NAN], &bootstrap), Some((0.25, 0.75)));
        assert_eq!(interval_of(vec![0.0, f64::NAN, f64::NAN], &bootstrap), None);
        assert_eq!(interval_of(vec![], &bootstrap), None);
    }

    #[test]
    fn settings_without_sense_are_refused() {
        assert!(Bootstrap { replicates: 0, ..Bootstrap::default() }.check().is_err());
        assert!(Bootstrap { level: 1.0, ..Bootstrap::default() }.check().is_err());
        assert!(Bootstrap { level: f64::NAN, ..Bootstrap::default() }.check().is_err());
    }
}
