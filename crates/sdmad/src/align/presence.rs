//! What a score says of a sign being there: the attributes of rendered images with each attribute and without it.

use sdmad_engine::{Matrix, Matrix64};
use sdmad_synthesis::Attribute;

use super::alignment::rounded;
use super::prior::variance;
use super::scored::{Scored, known_sides};
use crate::Standard;

/// Mean attributes of rendered images with and without each attribute.
///
/// They turn t · v(x), of which only differences between images mean something, into log-odds that what a text names is in the image, and so make
/// different texts comparable in one image without a shot.
#[derive(Clone, Debug, PartialEq)]
pub struct Presence {
    /// For each attribute the share of images with it, in [0, 1], of those where it is known (of all, where it is known of hardly any that it is
    /// absent); 0 where too few are on either side.
    pub shares: Vec<f32>,
    /// Row a is the mean of v over the images with attribute a: `[attributes, attributes]`.
    pub with: Matrix,
    /// The same of those without it.
    pub without: Matrix,
}

/// The least share of a score's variance that is taken to lie within images that are alike in what the text names.
const LEAST_WITHIN: f64 = 0.1;

/// Scores that differ by less say nothing.
const LEAST_STEP: f64 = 1e-9;

impl Presence {
    /// No attribute is told.
    pub(super) fn nothing() -> Self {
        let count = Attribute::ALL.len();
        Presence { shares: vec![0.0; count], with: Matrix::zeros(count, count), without: Matrix::zeros(count, count) }
    }

    /// From what a reader reads in rendered images, and what is known of them.
    pub(super) fn of(values: &[Vec<f64>], scored: &[Scored]) -> Self {
        let mut presence = Presence::nothing();
        for (number, &attribute) in Attribute::ALL.iter().enumerate() {
            let Some((with, without)) = known_sides(scored, attribute) else { continue };
            presence.shares[number] = with.len() as f32 / (with.len() + without.len()) as f32;
            for (images, means) in [(with, &mut presence.with), (without, &mut presence.without)] {
                for (column, mean) in means.row_mut(number).iter_mut().enumerate() {
                    let sum: f64 = images.iter().map(|&i| values[i][column]).sum();
                    *mean = rounded((sum / images.len() as f64) as f32);
                }
            }
        }
        presence
    }

    /// What makes log-odds of `scale` · t · v, at even odds before looking: t's score has one mean in images with what it names, another in those
    /// without, and one spread within both (a linear discriminant of one number). What t names is its attributes, each counting
    /// by its share in t; of one that it denies, the images without it are those with what it says.
    ///
    /// `None` where t names nothing that is told, or reads no higher with what it names than without.
    pub(super) fn log_odds(&self, t: &[f64], scale: f64, covariance: &Matrix64) -> Option<Standard> {
        let said = |a: usize| if self.shares[a] > 0.0 { t[a].abs() } else { 0.0 };
        let total: f64 = (0..t.len()).map(said).sum();
        let score =
            |means: &Matrix, a: usize| -> f64 { means.row(a).iter().zip(t).map(|(&m, t)| f64::from(m) * t).sum() };
        let (mut there, mut not_there, mut prevalence) = (0.0, 0.0, 0.0);
        for a in (0..t.len()).filter(|&a| said(a) > 0.0) {
            let weight = said(a) / total;
            let (with, without, part) = (score(&self.with, a), score(&self.without, a), f64::from(self.shares[a]));
            let (yes, no, part) = if t[a] > 0.0 { (with, without, part) } else { (without, with, 1.0 - part) };
            there += weight * yes;
            not_there += weight * no;
            prevalence += weight * part;
        }
        let step = there - not_there;
        if step < LEAST_STEP {
            return None;
        }
        let whole = variance(t, covariance);
        let within = (whole - prevalence * (1.0 - prevalence) * step * step).max(LEAST_WITHIN * whole);
        let (middle, unit) = (0.5 * (there + not_there), within / step);
        Standard::of_line(scale * middle, scale * unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attribute 0 is read as .9 in the quarter of the images that have it and −.3 in the others, with a spread of ½ in both; of attribute 1
    /// nothing is told.
    fn presence() -> (Presence, Matrix64) {
        let mut presence = Presence::nothing();
        presence.shares[0] = 0.25;
        presence.with.row_mut(0)[0] = 0.9;
        presence.without.row_mut(0)[0] = -0.3;
        let mut covariance = Matrix64::identity(Attribute::ALL.len());
        covariance.row_mut(0)[0] = 0.25 + 0.25 * 0.75 * 1.2 * 1.2;
        (presence, covariance)
    }

    fn text(said: &[f64]) -> Vec<f64> {
        let mut t = vec![0.0; Attribute::ALL.len()];
        t[..said.len()].copy_from_slice(said);
        t
    }

    /// ln of the ratio of two normal densities.
    fn expected(v: f64) -> f64 {
        ((v + 0.3).powi(2) - (v - 0.9).powi(2)) / (2.0 * 0.25)
    }

    #[test]
    fn scores_become_the_log_odds_of_two_normal_densities() {
        let (presence, covariance) = presence();
        for scale in [1.0, 0.3] {
            let says = presence.log_odds(&text(&[1.0]), scale, &covariance).unwrap();
            let half = presence.log_odds(&text(&[0.5, 0.5]), scale, &covariance);
            let denies = presence.log_odds(&text(&[-1.0]), scale, &covariance).unwrap();
            for v in [-1.0, 0.3, 0.9] {
                assert!((says.apply(scale * v) - expected(v)).abs() < 1e-6, "{v}");
                assert!((denies.apply(-scale * v) + expected(v)).abs() < 1e-6, "{v}");
            }
            // What a second attribute says is noise, of which the spread knows.
            assert!(half.unwrap().apply(scale * 0.45).abs() < expected(0.9));
        }
    }

    #[test]
    fn a_text_that_names_nothing_told_has_no_log_odds() {
        let (presence, covariance) = presence();
        assert_eq!(presence.log_odds(&text(&[0.0, 1.0]), 1.0, &covariance), None);
    }

    #[test]
    fn means_are_of_images_where_an_attribute_is_known() {
        let first = Attribute::ALL[0];
        let rare = Attribute::ALL[1];
        let image = |present: &[Attribute], unknown: &[Attribute]| Scored::of_truth(present, unknown);
        let mut scored: Vec<Scored> = (0..8).map(|_| image(&[first], &[])).collect();
        scored.extend((0..24).map(|i| if i < 3 { image(&[rare], &[]) } else { image(&[], &[]) }));
        scored.extend((0..4).map(|_| image(&[], &[first])));
        let read = |i: usize| match i {
            0..8 => 2.0,
            8..32 => -1.0,
            _ => 100.0,
        };
        let values: Vec<Vec<f64>> = (0..36).map(|i| vec![read(i); Attribute::ALL.len()]).collect();
        let presence = Presence::of(&values, &scored);
        assert_eq!(presence.shares[0], 0.25);
        assert_eq!((presence.with.row(0)[1], presence.without.row(0)[1]), (2.0, -1.0));
        // Three images with it are too few.
        assert_eq!(presence.shares[1], 0.0);
        assert!(presence.with.row(1).iter().all(|&mean| mean == 0.0));
    }
}
