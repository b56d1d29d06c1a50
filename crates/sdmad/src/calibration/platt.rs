use serde::{Deserialize, Serialize};

use super::logistic;

/// σ(slope · score + offset), fitted by maximum likelihood with weak priors.
///
/// The priors are those of Platt (1999), each class's target drawn in by one pseudo-count of either outcome, and a ridge
/// on the slope of the standardised score; so the fit is finite when scores separate the classes, and with one score
/// of each. A slope is never negative: where the score falls with the category, out of fold, the fit is the share of
/// positives, whatever the score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Platt {
    /// Factor of the score, at least 0.
    pub slope: f64,
    /// What is added.
    pub offset: f64,
    /// How sure both are.
    pub spread: FitSpread,
}

/// Variances of slope and offset, and their covariance, by the curvature of the likelihood at its best (Laplace).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitSpread {
    /// Variance of the slope.
    pub slope: f64,
    /// Covariance of slope and offset.
    pub both: f64,
    /// Variance of the offset.
    pub offset: f64,
}

impl FitSpread {
    /// Standard deviation of slope · score + offset.
    pub fn of_log_odds(self, score: f64) -> f64 {
        (score * score * self.slope + 2.0 * score * self.both + self.offset).max(0.0).sqrt()
    }
}

/// Ridge on the standardised slope: a prior of standard deviation 10 (slopes beyond that are steps).
const SLOPE_RIDGE: f64 = 0.01;
/// Newton's steps; the problem is convex in two unknowns and takes fewer than ten.
const STEPS: usize = 50;

impl Platt {
    /// Fits finite `scores`; without both classes the fit is the smoothed share of positives.
    pub fn fit(scores: &[f64], positive: &[bool]) -> Self {
        let count = scores.len().max(1) as f64;
        let positives = positive.iter().filter(|p| **p).count() as f64;
        let negatives = positive.len() as f64 - positives;
        let targets = [1.0 / (negatives + 2.0), (positives + 1.0) / (positives + 2.0)];
        let constant = {
            let share = (negatives * targets[0] + positives * targets[1]) / (positives + negatives).max(1.0);
            let share = if share > 0.0 { share } else { 0.5 };
            let offset = 1.0 / (count * share * (1.0 - share));
            Platt {
                slope: 0.0,
                offset: (share / (1.0 - share)).ln(),
                spread: FitSpread { offset, ..FitSpread::default() },
            }
        };
        let mean = scores.iter().sum::<f64>() / count;
        let deviation = (scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / count).sqrt();
        // All scores alike up to rounding: there is nothing to fit a slope on.
        if !(deviation > 1e-12 * mean.abs() && deviation > f64::MIN_POSITIVE) || positives == 0.0 || negatives == 0.0 {
            return constant;
        }
        let standard: Vec<f64> = scores.iter().map(|s| (s - mean) / deviation).collect();
        let target = |p: bool| targets[usize::from(p)];
        let loss = |a: f64, b: f64| -> f64 {
            let of = |(&x, &p): (&f64, &bool)| {
                let z = a * x + b;
                // −t ln σ(z) − (1 − t) ln(1 − σ(z)), without overflow.
                z.max(0.0) + (-z.abs()).exp().ln_1p() - target(p) * z
            };
            standard.iter().zip(positive).map(of).sum::<f64>() + 0.5 * SLOPE_RIDGE * a * a
        };
        let (mut a, mut b) = (0.0, constant.offset);
        // Gradient in a and b, and second derivatives in aa, ab and bb.
        let derivatives = |a: f64, b: f64| {
            let mut all = [SLOPE_RIDGE * a, 0.0, SLOPE_RIDGE, 0.0, 1e-12];
            for (&x, &p) in standard.iter().zip(positive) {
                let q = logistic(a * x + b);
                let (residual, curvature) = (q - target(p), q * (1.0 - q));
                let parts = [residual * x, residual, curvature * x * x, curvature * x, curvature];
                all.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
            }
            all
        };
        let mut current = loss(a, b);
        for _ in 0..STEPS {
            let [ga, gb, haa, hab, hbb] = derivatives(a, b);
            let determinant = haa * hbb - hab * hab;
            let (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
            // Halve the step until the loss falls: Newton alone can overshoot far from the optimum.
            let Some((step, next)) = (0..30)
                .map(|halvings| 0.5f64.powi(halvings))
                .map(|step| (step, loss(a - step * da, b - step * db)))
                .find(|&(_, next)| next < current)
            else {
                break;
            };
            (a, b, current) = (a - step * da, b - step * db, next);
            if da.abs() + db.abs() < 1e-10 {
                break;
            }
        }
        if a <= 0.0 {
            return constant;
        }
        let [_, _, haa, hab, hbb] = derivatives(a, b);
        let determinant = (haa * hbb - hab * hab).max(f64::MIN_POSITIVE);
        let (vaa, vab, vbb) = (hbb / determinant, -hab / determinant, haa / determinant);
        let centre = mean / deviation;
        Platt {
            slope: a / deviation,
            offset: b - a * centre,
            spread: FitSpread {
                slope: vaa / deviation.powi(2),
                both: (vab - centre * vaa) / deviation,
                offset: vbb - 2.0 * centre * vab + centre * centre * vaa,
            },
        }
    }

    /// The probability of a score.
    pub fn probability(&self, score: f64) -> f64 {
        logistic(self.slope * score + self.offset)
    }
}

/// σ(score / temperature), fitted by maximum likelihood with a weak log-normal prior around 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperature(pub f64);

/// Weight of the prior on ln(temperature): a standard deviation of 2.
const TEMPERATURE_RIDGE: f64 = 0.25;

impl Temperature {
    /// Fits finite scores that are log-odds. The temperature lies between 1/1000 and 1000; without scores it is 1.
    pub fn fit(scores: &[f64], positive: &[bool]) -> Self {
        // In u = ln(1/T) the slope of the loss is found by bisection of its derivative: Newton's steps are taken where
        // they stay inside the bracket, since the loss in u is not convex everywhere.
        let slope_at = |u: f64| -> (f64, f64) {
            let factor = u.exp();
            let (mut first, mut second) = (TEMPERATURE_RIDGE * u, TEMPERATURE_RIDGE);
            for (&s, &p) in scores.iter().zip(positive) {
                let z = factor * s;
                let q = logistic(z);
                let residual = q - f64::from(u8::from(p));
                first += residual * z;
                second += residual * z + q * (1.0 - q) * z * z;
            }
            (first, second)
        };
        let bound = 1000f64.ln();
        let (mut low, mut high) = (-bound, bound);
        if slope_at(high).0 < 0.0 {
            return Temperature((-high).exp());
        }
        if slope_at(low).0 > 0.0 {
            return Temperature((-low).exp());
        }
        let mut u = 0.0;
        for _ in 0..200 {
            let (first, second) = slope_at(u);
            if first > 0.0 {
                high = u;
            } else {
                low = u;
            }
            let newton = u - first / second;
            let next = if second > 0.0 && newton >= low && newton <= high { newton } else { 0.5 * (low + high) };
            if (next - u).abs() < 1e-12 {
                break;
            }
            u = next;
        }
        Temperature((-u).exp())
    }
}

#[cfg(test)]
mod tests {
    use sdmad_base::Stream;

    use super::*;

    #[test]
    fn finds_the_map_that_made_the_labels() {
        let mut stream = Stream::new(1, "platt");
        let scores: Vec<f64> = (0..20_000).map(|_| 5.0 + 3.0 * stream.normal()).collect();
        let positive: Vec<bool> = scores.iter().map(|s| stream.chance(logistic(0.8 * s - 3.0))).collect();
        let platt = Platt::fit(&scores, &positive);
        assert!((platt.slope - 0.8).abs() < 0.04 && (platt.offset + 3.0).abs() < 0.2, "{platt:?}");
        let positive: Vec<bool> = scores.iter().map(|s| stream.chance(logistic(s / 4.0))).collect();
        assert!((Temperature::fit(&scores, &positive).0 - 4.0).abs() < 0.2);
    }

    #[test]
    fn separable_and_tiny_sets_stay_finite() {
        let platt = Platt::fit(&[1.0, 2.0], &[false, true]);
        assert!((platt.probability(2.0) - 2.0 / 3.0).abs() < 0.01, "{platt:?}");
        let platt = Platt::fit(&[-1e6, -1e6 + 1.0, 1e6, 1e6 + 1.0], &[false, false, true, true]);
        assert!((platt.probability(1e6) - 0.75).abs() < 0.01);
        let separable = Temperature::fit(&[-1.0, -2.0, 1.0, 2.0], &[false, false, true, true]).0;
        assert!((0.001..1.0).contains(&separable));
    }

    #[test]
    fn without_a_slope_the_share_of_positives_remains() {
        for scores in [[2.0; 4], [1.0, 2.0, 0.0, -1.0]] {
            let platt = Platt::fit(&scores, &[false, false, true, true]);
            assert_eq!((platt.slope, platt.probability(9.0)), (0.0, 0.5));
        }
        let one_class = Platt::fit(&[1.0, 2.0], &[true, true]);
        assert!(one_class.slope == 0.0 && one_class.probability(0.0) > 0.5);
        assert_eq!(Platt::fit(&[], &[]).probability(1.0), 0.5);
        assert_eq!(Temperature::fit(&[], &[]).0, 1.0);
    }

    #[test]
    fn scale_and_shift_of_the_scores_change_no_probability() {
        let mut stream = Stream::new(2, "platt/scale");
        let scores: Vec<f64> = (0..40).map(|_| stream.normal()).collect();
        let positive: Vec<bool> = scores.iter().map(|s| stream.chance(logistic(2.0 * s))).collect();
        let moved: Vec<f64> = scores.iter().map(|s| 1e-3 * s - 7.0).collect();
        let (a, b) = (Platt::fit(&scores, &positive), Platt::fit(&moved, &positive));
        for (s, m) in scores.iter().zip(&moved) {
            assert!((a.probability(*s) - b.probability(*m)).abs() < 1e-6);
        }
    }
}
