//! Means over sets, with draws and patients resampled within each set.

use sdmad_base::Stream;

use super::measure::{Measured, Name, Paired, paired};
use crate::bootstrap::interval_of;
use crate::{Bootstrap, Figure};

/// A set's part in an average.
pub(super) struct Part<'a> {
    /// Its name.
    pub(super) set: &'a str,
    /// The figures of each method.
    pub(super) methods: &'a [Option<Measured>],
    /// The differences of each pair; none where the two could not be compared.
    pub(super) pairs: Vec<Option<&'a [Paired]>>,
    /// Names of the figures in which pixels do as well as the first method: the set proves nothing there.
    pub(super) proves_nothing: &'a [String],
}

/// A mean over sets.
pub(super) struct Average<T> {
    pub(super) name: Name,
    pub(super) value: T,
    /// The sets that it is over.
    pub(super) sets: Vec<String>,
}

/// The replicates of a set in an order of its own.
///
/// Replicates of one set are drawn by the same streams as those of another; put side by side as they are, the luck of two
/// sets would go together. Within a set all methods keep the same order, so that differences stay paired.
fn shuffled(set: &str, values: &[f64], bootstrap: &Bootstrap) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    Stream::new(bootstrap.seed, &format!("benchmark/average/{set}")).shuffle(&mut order);
    order.into_iter().map(|i| values[i]).collect()
}

/// Sets, value, replicates and marks that go into one mean.
struct Pool {
    sets: Vec<String>,
    sum: f64,
    replicates: Vec<f64>,
    few: bool,
}

impl Pool {
    fn new(bootstrap: &Bootstrap) -> Self {
        Pool { sets: Vec::new(), sum: 0.0, replicates: vec![0.0; bootstrap.replicates], few: false }
    }

    fn add(&mut self, set: &str, value: f64, replicates: &[f64], few: bool, bootstrap: &Bootstrap) {
        self.sets.push(set.to_string());
        self.sum += value;
        self.few |= few;
        self.replicates.iter_mut().zip(shuffled(set, replicates, bootstrap)).for_each(|(sum, v)| *sum += v);
    }

    /// Mean and its replicates; none without sets.
    fn mean(self) -> Option<(f64, Vec<f64>)> {
        let count = self.sets.len() as f64;
        (count > 0.0).then(|| (self.sum / count, self.replicates.iter().map(|v| v / count).collect()))
    }
}

/// Names of all main figures, in the order in which they first occur.
fn names<'a>(all: impl Iterator<Item = &'a Name>) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for name in all.filter(|n| n.is_main()) {
        if !names.iter().any(|n| n.text == name.text) {
            names.push(name.clone());
        }
    }
    names
}

/// The mean of a method's figures over the sets that count.
pub(super) fn figures(parts: &[Part<'_>], method: usize, bootstrap: &Bootstrap) -> Vec<Average<Figure>> {
    let of_method: Vec<(&Part<'_>, &Measured)> =
        parts.iter().filter_map(|p| p.methods[method].as_ref().map(|m| (p, m))).collect();
    let average = |name: Name| {
        let mut pool = Pool::new(bootstrap);
        for (part, measured) in of_method.iter().filter(|(p, _)| !p.proves_nothing.contains(&name.text)) {
            let Some(at) = measured.position(&name.text) else { continue };
            let figure = &measured.figures[at];
            if let Some(value) = figure.value() {
                pool.add(part.set, value, &measured.replicates[at], figure.few(), bootstrap);
            }
        }
        let (sets, few) = (pool.sets.clone(), pool.few);
        let value = match pool.mean() {
            None => Figure::missing("no set counts"),
            Some((value, replicates)) => match interval_of(replicates, bootstrap) {
                Some((low, high)) => Figure::of(value).with_interval(low, high),
                None => Figure::of(value).without_interval("fewer than half of the resampled test sets define it"),
            },
        };
        Average { name, value: value.marked_few(few), sets }
    };
    names(of_method.iter().flat_map(|(_, m)| &m.names)).into_iter().map(average).collect()
}

/// The mean of a pair's differences over the sets that count.
pub(super) fn differences(parts: &[Part<'_>], pair: usize, bootstrap: &Bootstrap) -> Vec<Average<Paired>> {
    let of_pair: Vec<(&Part<'_>, &[Paired])> = parts.iter().filter_map(|p| p.pairs[pair].map(|d| (p, d))).collect();
    let average = |name: Name| {
        let mut pool = Pool::new(bootstrap);
        for (part, differences) in of_pair.iter().filter(|(p, _)| !p.proves_nothing.contains(&name.text)) {
            let Some(found) = differences.iter().find(|d| d.name.text == name.text) else { continue };
            if let Some(value) = found.difference {
                pool.add(part.set, value, &found.replicates, found.few, bootstrap);
            }
        }
        let (sets, few) = (pool.sets.clone(), pool.few);
        let (value, replicates) = pool.mean().unzip();
        Average { value: paired(name.clone(), value, replicates.unwrap_or_default(), few, bootstrap), name, sets }
    };
    names(of_pair.iter().flat_map(|(_, d)| d.iter().map(|d| &d.name))).into_iter().map(average).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FigureId, Measure};

    const BOOTSTRAP: Bootstrap = Bootstrap { replicates: 400, seed: 0, level: 0.95 };

    /// One figure of value `value` whose replicates spread evenly around it by `spread` on each side.
    fn measured(value: f64, spread: f64) -> Option<Measured> {
        let name = Name { text: "detection.auroc".into(), id: FigureId::Detection(Measure::Auroc), pair: false };
        let last = BOOTSTRAP.replicates as f64 - 1.0;
        let replicates = (0..BOOTSTRAP.replicates).map(|i| value + spread * (2.0 * i as f64 / last - 1.0)).collect();
        Some(Measured { names: vec![name], figures: vec![Figure::of(value)], replicates: vec![replicates] })
    }

    #[test]
    fn a_mean_is_over_sets_that_count_and_their_luck_is_their_own() {
        let methods = [[measured(0.6, 0.1)], [measured(0.8, 0.1)], [measured(0.1, 0.1)]];
        let nothing = ["detection.auroc".to_string()];
        let part = |set, number: usize, proves_nothing| Part {
            set,
            methods: &methods[number][..],
            pairs: Vec::new(),
            proves_nothing,
        };
        let parts = [part("a", 0, &[][..]), part("b", 1, &[][..]), part("solved", 2, &nothing[..])];
        let averages = figures(&parts, 0, &BOOTSTRAP);
        assert_eq!(averages[0].sets, ["a", "b"]);
        assert!((averages[0].value.value().unwrap() - 0.7).abs() < 1e-12);
        // Side by side in one order the half width would be .095; of two independent uniform ones it is .078.
        let (low, high) = averages[0].value.interval().unwrap();
        assert!((0.14..0.17).contains(&(high - low)), "{low} {high}");
        let none = figures(&parts[2..], 0, &BOOTSTRAP);
        assert_eq!((none[0].value.value(), none[0].value.why()), (None, Some("no set counts")));
    }

    #[test]
    fn differences_stay_paired_within_a_set() {
        let (a, b) = (measured(0.8, 0.1).unwrap(), measured(0.7, 0.1).unwrap());
        let replicates = a.replicates[0].iter().zip(&b.replicates[0]).map(|(a, b)| a - b).collect();
        let difference = paired(a.names[0].clone(), Some(0.1), replicates, false, &BOOTSTRAP);
        let pairs = [difference];
        let part = |set| Part { set, methods: &[], pairs: vec![Some(&pairs[..])], proves_nothing: &[] };
        let average = differences(&[part("a"), part("b")], 0, &BOOTSTRAP).remove(0).value;
        // The luck of a set is that of both methods, so nothing of it is left.
        let (low, high) = average.interval.unwrap();
        assert!((low - 0.1).abs() < 1e-9 && (high - 0.1).abs() < 1e-9);
        assert_eq!(average.verdict, crate::Verdict::Above);
    }
}
