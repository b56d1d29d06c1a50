//! Scores of rendered images by directions, and the reader that is made of both.

use sdmad_engine::{Matrix, Matrix64};
use sdmad_synthesis::Attribute;

use super::AttributeReader;
use super::alignment::rounded;
use super::attribute_reader::{patch_scores, whole_scores};
use super::discriminant::Directions;
use super::moments::Truth;
use super::tokens::ImageTokens;
use crate::auroc;

/// Fewer images with or without an attribute than this say nothing of its score.
const LEAST_SCORED: usize = 8;

/// Directions as maps: zeros for an attribute without one.
pub(super) fn as_matrix(directions: &Directions) -> Matrix {
    let width = directions.mean.len();
    let row = |w: &Option<Vec<f64>>| {
        w.as_ref().map_or_else(|| vec![0.0; width], |w| w.iter().map(|&x| x as f32).collect::<Vec<f32>>())
    };
    Matrix::from_vec(directions.weights.len(), width, directions.weights.iter().flat_map(row).collect())
}

/// What maps say of a rendered image, and the truth.
pub(super) struct Scored {
    /// By attribute.
    whole: Vec<f64>,
    /// By attribute: the mean of the highest over patches.
    patch: Vec<f64>,
    truth: Truth,
}

impl Scored {
    /// What `reader` reads, of an image whose scores are by the reader's own maps.
    pub(super) fn read_by(&self, reader: &AttributeReader) -> Vec<f64> {
        let scores = self.whole.iter().zip(&self.patch).zip(&reader.offset);
        scores.map(|((w, p), &b)| w + p + f64::from(b)).collect()
    }

    pub(super) fn of(tokens: &ImageTokens, truth: Truth, (whole, patch): &(Matrix, Matrix)) -> Self {
        Scored { whole: whole_scores(whole, &tokens.whole), patch: patch_scores(patch, &tokens.patches), truth }
    }
}

#[cfg(test)]
impl Scored {
    /// An image of which only the truth is known.
    pub(super) fn of_truth(present: &[Attribute], unknown: &[Attribute]) -> Self {
        let set = |attributes: &[Attribute]| attributes.iter().copied().collect();
        let truth = Truth { present: set(present), unknown: set(unknown), finding: !present.is_empty() };
        Scored { whole: Vec::new(), patch: Vec::new(), truth }
    }
}

/// The reader: both scores of an attribute joined by a discriminant of their own, weighted by how well it tells the
/// attribute, and standardised over the images.
pub(super) fn reader(whole: &Directions, patch: &Directions, scored: &[Scored]) -> AttributeReader {
    let mut maps = (as_matrix(whole), as_matrix(patch));
    let mut offset = vec![0.0f32; whole.weights.len()];
    for (number, &attribute) in Attribute::ALL.iter().enumerate() {
        let [a, b] = joint_weights(scored, attribute);
        let value = |s: &Scored| a * s.whole[number] + b * s.patch[number];
        let told =
            score_auroc(scored, attribute, |i| value(&scored[i])).map_or(0.0, |auroc| (2.0 * auroc - 1.0).max(0.0));
        let (mean, spread) = moments_of(scored.iter().map(value));
        let scale = if spread > 0.0 { told / spread } else { 0.0 };
        let scaled = |row: &mut [f32], share: f64| {
            row.iter_mut().for_each(|w| *w = rounded((f64::from(*w) * share * scale) as f32));
        };
        scaled(maps.0.row_mut(number), a);
        scaled(maps.1.row_mut(number), b);
        offset[number] = (-mean * scale) as f32;
    }
    AttributeReader { whole: maps.0, patch: maps.1, offset }
}

/// Weights, none below 0, of the whole image's and the patches' score of an attribute: Fisher's discriminant of the two.
fn joint_weights(scored: &[Scored], attribute: Attribute) -> [f64; 2] {
    let number = attribute as usize;
    let known: Vec<(&Scored, bool)> = known(scored, attribute)
        .into_iter()
        .map(|i| (&scored[i], scored[i].truth.present.contains(attribute)))
        .collect();
    let positives = known.iter().filter(|k| k.1).count();
    if positives < LEAST_SCORED || known.len() - positives < LEAST_SCORED {
        return [0.0; 2];
    }
    let parts: [fn(&Scored, usize) -> f64; 2] = [|s, n| s.whole[n], |s, n| s.patch[n]];
    let mut scale = [0.0f64; 2];
    let mut means = [[0.0f64; 2]; 2];
    for (part, of) in parts.iter().enumerate() {
        scale[part] = moments_of(known.iter().map(|k| of(k.0, number))).1.max(1e-12);
        for (class, mean) in means.iter_mut().enumerate() {
            let values = known.iter().filter(|k| usize::from(k.1) == class).map(|k| of(k.0, number) / scale[part]);
            mean[part] = moments_of(values).0;
        }
    }
    let mut within = [[0.0f64; 2]; 2];
    for &(s, positive) in &known {
        let class = usize::from(positive);
        let share = 0.5 / if positive { positives as f64 } else { (known.len() - positives) as f64 };
        let away = [0, 1].map(|part| parts[part](s, number) / scale[part] - means[class][part]);
        for row in 0..2 {
            for column in 0..2 {
                within[row][column] += share * away[row] * away[column];
            }
        }
    }
    // A tenth on the diagonal keeps two scores that say the same from cancelling each other.
    within[0][0] += 0.1;
    within[1][1] += 0.1;
    let apart = [means[1][0] - means[0][0], means[1][1] - means[0][1]];
    let determinant = within[0][0] * within[1][1] - within[0][1] * within[1][0];
    let w = [
        (within[1][1] * apart[0] - within[0][1] * apart[1]) / determinant,
        (within[0][0] * apart[1] - within[1][0] * apart[0]) / determinant,
    ];
    [w[0].max(0.0) / scale[0], w[1].max(0.0) / scale[1]]
}

/// The covariance of attributes over images, rounded as it is kept.
pub(super) fn covariance(values: &[Vec<f64>]) -> Matrix64 {
    let count = values.len().max(1) as f64;
    let width = values.first().map_or(0, Vec::len);
    let mean: Vec<f64> = (0..width).map(|a| values.iter().map(|v| v[a]).sum::<f64>() / count).collect();
    let centred: Vec<f64> = values.iter().flat_map(|v| v.iter().zip(&mean).map(|(x, m)| x - m)).collect();
    let rows = Matrix64::from_vec(values.len(), width, centred);
    let mut covariance = rows.transposed_times(&rows);
    covariance.data_mut().iter_mut().for_each(|c| *c = f64::from((*c / count) as f32));
    covariance
}

/// Mean and standard deviation.
fn moments_of(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|v| (v - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// Images where an attribute is known; all, where it is known of none that it is absent.
fn known(scored: &[Scored], attribute: Attribute) -> Vec<usize> {
    let is_known = |&i: &usize| !scored[i].truth.unknown.contains(attribute);
    let known: Vec<usize> = (0..scored.len()).filter(is_known).collect();
    let absent = known.iter().filter(|&&i| !scored[i].truth.present.contains(attribute)).count();
    if absent < LEAST_SCORED { (0..scored.len()).collect() } else { known }
}

/// The images with an attribute, and those without it, where it is known; `None` where there are too few on either side.
pub(super) fn known_sides(scored: &[Scored], attribute: Attribute) -> Option<(Vec<usize>, Vec<usize>)> {
    let has = |&i: &usize| scored[i].truth.present.contains(attribute);
    let (with, without): (Vec<usize>, Vec<usize>) = known(scored, attribute).into_iter().partition(has);
    (with.len() >= LEAST_SCORED && without.len() >= LEAST_SCORED).then_some((with, without))
}

/// AUROC of a score of an attribute over images where it is known; `None` where there are too few on either side.
pub(super) fn score_auroc(scored: &[Scored], attribute: Attribute, score: impl Fn(usize) -> f64) -> Option<f64> {
    let (with, without) = known_sides(scored, attribute)?;
    let truth: Vec<bool> = with.iter().map(|_| true).chain(without.iter().map(|_| false)).collect();
    auroc(&with.into_iter().chain(without).map(score).collect::<Vec<_>>(), &truth).value()
}
