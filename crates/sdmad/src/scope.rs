//! Whether an image is one that a run can speak of: is it like its shots at all?
//!
//! What is looked at is fixed when the run is trained, and each image is judged alone:
//!
//! - **far from every shot**: the distance of its features to the nearest shot, against the distances of the shots to one another, each to its nearest;
//! - **blank**: hardly any contrast;
//! - **colour or none**: coloured where every shot is grey, grey where every shot is coloured;
//! - **inverted**: its brightness runs against the mean of the shots', as an X-ray does whose photometric interpretation was not heeded.
//!
//! A warning changes no score: it says that the scores may mean nothing.

use serde::{Deserialize, Serialize};

use sdmad_imaging::{Filter, RgbImage, resize_grey};

/// Side of the thumbnail that brightness is compared on.
const SIDE: usize = 16;

/// An image is far when its distance exceeds the mean of the shots' by so many of their standard deviations.
const FAR: f64 = 4.0;

/// Standard deviation of brightness, of 255, below which an image is blank.
const BLANK: f64 = 2.0;

/// Mean difference of the highest and lowest channel, of 255: a grey image stays below the first, a coloured one above the second.
const COLOUR: [f64; 2] = [3.0, 10.0];

/// Correlation with the mean of the shots below which brightness runs the other way.
const INVERTED: f64 = -0.3;

/// Settings of scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScopeSettings {
    /// Whether a run learns what its images look like.
    pub learnt: bool,
}

impl Default for ScopeSettings {
    fn default() -> Self {
        ScopeSettings { learnt: true }
    }
}

/// What a picture looks like, without any encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Looks {
    /// Mean difference of the highest and the lowest channel of a pixel, 0 to 255.
    pub colour: f64,
    /// Standard deviation of grey values, 0 to 127.5.
    pub contrast: f64,
    /// 16 × 16 grey values, 0 to 255.
    pub thumbnail: Vec<f64>,
}

impl Looks {
    /// Of a decoded picture.
    pub fn of(image: &RgbImage) -> Self {
        let pixels = image.data().as_chunks::<3>().0;
        let range = |p: &[u8; 3]| f64::from(p.iter().max().unwrap_or(&0) - p.iter().min().unwrap_or(&0));
        let grey = image.to_grey();
        let small = resize_grey(&grey, SIDE, SIDE, Filter::Bilinear);
        let values = grey.data().iter().map(|&v| f64::from(v));
        Looks {
            colour: pixels.iter().map(range).sum::<f64>() / pixels.len().max(1) as f64,
            contrast: mean_and_spread(values).1,
            thumbnail: small.data().iter().map(|&v| f64::from(v)).collect(),
        }
    }
}

/// What the shots of a run look like: `scope.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeModel {
    /// Mean distance of a shot's features to the nearest other shot.
    pub distance: f64,
    /// Its standard deviation over the shots.
    pub distance_spread: f64,
    /// Lowest and highest colour of a shot, 0 to 255.
    pub colour: [f64; 2],
    /// Mean grey thumbnail of the shots, 16 × 16, row by row.
    pub thumbnail: Vec<f64>,
    /// Lowest correlation of a shot's thumbnail with that mean.
    pub lowest_correlation: f64,
}

impl ScopeModel {
    /// Fewer shots say nothing of how far apart images of their kind are.
    pub(crate) const LEAST_SHOTS: usize = 3;

    /// Of the features and the looks of all shots; `None` with fewer than three.
    pub(crate) fn of(features: &[Vec<f32>], looks: &[Looks]) -> Option<Self> {
        if features.len() < ScopeModel::LEAST_SHOTS || looks.len() != features.len() {
            return None;
        }
        let nearest = |shot: usize| {
            let others = features.iter().enumerate().filter(|(other, _)| *other != shot).map(|(_, f)| f);
            nearest_distance(&features[shot], others)
        };
        let (distance, distance_spread) = mean_and_spread((0..features.len()).map(nearest));
        let thumbnail: Vec<f64> =
            (0..SIDE * SIDE).map(|i| looks.iter().map(|l| l.thumbnail[i]).sum::<f64>() / looks.len() as f64).collect();
        let colours = || looks.iter().map(|l| l.colour);
        let lowest_correlation =
            looks.iter().map(|l| correlation(&l.thumbnail, &thumbnail)).fold(f64::INFINITY, f64::min);
        let colour = [colours().fold(f64::INFINITY, f64::min), colours().fold(0.0, f64::max)];
        Some(ScopeModel { distance, distance_spread, colour, thumbnail, lowest_correlation })
    }

    /// What a reader should know of an image with these looks and features, beside the features of the shots.
    pub fn warnings(&self, looks: &Looks, features: &[f32], shots: &[Vec<f32>]) -> Vec<String> {
        let mut warnings = Vec::new();
        if looks.contrast < BLANK {
            warnings.push("the image is blank or nearly so: its scores mean nothing".to_string());
        }
        if self.colour[1] < COLOUR[0] && looks.colour > COLOUR[1] {
            warnings.push("the image is coloured, and every shot is grey".to_string());
        }
        if self.colour[0] > COLOUR[1] && looks.colour < COLOUR[0] {
            warnings.push("the image is grey, and every shot is coloured".to_string());
        }
        let correlation = correlation(&looks.thumbnail, &self.thumbnail);
        if correlation < INVERTED && correlation < self.lowest_correlation {
            warnings.push("bright and dark look exchanged: the image may be inverted".to_string());
        }
        let distance = nearest_distance(features, shots.iter());
        let away = (distance - self.distance) / self.distance_spread.max(1e-12);
        if distance.is_finite() && away > FAR {
            warnings.push(format!(
                "the image is unlike every shot ({away:.1} standard deviations farther from the nearest than shots are from one another): it may be of another kind"
            ));
        }
        warnings
    }
}

/// A shot that an image is like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NearShot {
    /// Its number among the run's shots.
    pub shot: usize,
    /// Cosine of both images' features, the mean over shots taken off, −1 to 1.
    pub similarity: f64,
}

/// The shots whose features are most like an image's, the most similar first.
pub fn nearest_shots(features: &[f32], shots: &[Vec<f32>], count: usize) -> Vec<NearShot> {
    let mut mean = vec![0.0f64; features.len()];
    for shot in shots {
        mean.iter_mut().zip(shot).for_each(|(m, &x)| *m += f64::from(x) / shots.len() as f64);
    }
    let centred = |row: &[f32]| -> Vec<f64> { row.iter().zip(&mean).map(|(&x, m)| f64::from(x) - m).collect() };
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
    let image = centred(features);
    let mut near: Vec<NearShot> = shots
        .iter()
        .enumerate()
        .map(|(shot, row)| {
            let other = centred(row);
            let product: f64 = image.iter().zip(&other).map(|(a, b)| a * b).sum();
            NearShot { shot, similarity: product / (norm(&image) * norm(&other)) }
        })
        .collect();
    near.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.shot.cmp(&b.shot)));
    near.truncate(count);
    near
}

fn nearest_distance<'a>(from: &[f32], others: impl Iterator<Item = &'a Vec<f32>>) -> f64 {
    let square = |other: &Vec<f32>| from.iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
    others.map(square).fold(f64::INFINITY, f64::min).sqrt()
}

fn mean_and_spread(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    (mean, (values.map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt())
}

/// 0 where one of both does not vary.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let ((a_mean, a_spread), (b_mean, b_spread)) =
        (mean_and_spread(a.iter().copied()), mean_and_spread(b.iter().copied()));
    if a_spread < 1e-9 || b_spread < 1e-9 {
        return 0.0;
    }
    let product: f64 = a.iter().zip(b).map(|(x, y)| (x - a_mean) * (y - b_mean)).sum();
    product / (a.len() as f64 * a_spread * b_spread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sdmad_base::Stream;

    fn picture(of: impl Fn(usize, usize) -> [u8; 3]) -> RgbImage {
        let data = (0..64 * 64).flat_map(|i| of(i % 64, i / 64)).collect();
        RgbImage::new(64, 64, data).unwrap()
    }

    fn grey(value: usize) -> [u8; 3] {
        [value.min(255) as u8; 3]
    }

    fn scope() -> (ScopeModel, Vec<Vec<f32>>) {
        let stream = &mut Stream::new(8, "scope");
        let looks: Vec<Looks> = (0..12).map(|i| Looks::of(&picture(|_, y| grey(3 * y + i)))).collect();
        let features: Vec<Vec<f32>> =
            (0..12).map(|_| (0..20).map(|_| (1.0 + 0.1 * stream.normal()) as f32).collect()).collect();
        (ScopeModel::of(&features, &looks).unwrap(), features)
    }

    #[test]
    fn an_image_like_the_shots_is_not_warned_of() {
        let (scope, shots) = scope();
        assert_eq!(scope.warnings(&Looks::of(&picture(|_, y| grey(3 * y + 20))), &[1.02; 20], &shots), [""; 0]);
    }

    #[test]
    fn each_way_of_being_out_of_scope_is_named() {
        let (scope, shots) = scope();
        let alike = [1.0f32; 20];
        let of = |image: &RgbImage, features: &[f32]| scope.warnings(&Looks::of(image), features, &shots).join("; ");
        assert!(of(&picture(|_, _| grey(90)), &alike).contains("blank"));
        assert!(of(&picture(|_, y| [255, (3 * y) as u8, 0]), &alike).contains("coloured"));
        assert!(of(&picture(|_, y| grey(255 - 3 * y)), &alike).contains("inverted"));
        assert!(of(&picture(|_, y| grey(3 * y)), &[3.0; 20]).contains("unlike every shot"));
    }

    #[test]
    fn nearest_shots_come_first() {
        let shots = vec![vec![1.0, 0.0], vec![0.0, 1.0], vec![-1.0, -1.0]];
        let near = nearest_shots(&[0.9, 0.1], &shots, 2);
        assert_eq!(near.iter().map(|n| n.shot).collect::<Vec<_>>(), [0, 1]);
        assert!(near[0].similarity > 0.9 && near[0].similarity <= 1.0 + 1e-12);
    }
}
