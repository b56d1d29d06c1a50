use std::path::PathBuf;

use rayon::prelude::*;

use sdmad_base::{Monitor, Result};
use sdmad_encoders::ImageTower;
use sdmad_engine::{Cholesky, Matrix, Matrix64};
use sdmad_imaging::{RgbImage, read_image};
use sdmad_synthesis::Attribute;

use super::tokens::PatchTokens;
use super::{MIDDLE, MapOrigin, MapSettings, MapSource, PatchMaps};
use crate::adapt::ShotMasks;
use crate::align::{SecondMoments, dot};
use crate::loss::PatchTarget;
use crate::{Label, SignPrior, SignSets, View};

/// What maps are fitted on.
pub(crate) struct MapPlan<'a> {
    pub(crate) tower: &'a ImageTower,
    pub(crate) settings: &'a MapSettings,
    /// Files of the shots.
    pub(crate) paths: &'a [PathBuf],
    /// Their labels.
    pub(crate) labels: &'a [Vec<Label>],
    /// Their mask files, `[shots][categories][files]`.
    pub(crate) masks: &'a [Vec<Vec<PathBuf>>],
    /// What reads signs, and which signs belong to what.
    pub(crate) words: Option<(&'a SignPrior, &'a SignSets)>,
}

/// Of so many shots of normal and of each category, at most, patches are read; of fewer where windows give more patches of each (memory still grows with windows).
const MOST_SHOTS: usize = 32;

/// Ridge of the discriminants, in units of the mean variance of a number of a patch.
const RIDGE: f64 = 0.1;

/// How much words count beside masks, in units of the spread over normal patches.
const WORDS_BESIDE_MASKS: f64 = 1.0;

/// How much what is peculiar to a category counts beside what any anomaly has.
const PECULIAR: f64 = 0.5;

/// Fits maps. `None` without a normal shot, or where there are neither masks nor words.
///
/// # Errors
/// When an image or a mask cannot be read, or `monitor` asks to stop.
pub(crate) fn fit_maps(plan: &MapPlan<'_>, monitor: &dyn Monitor) -> Result<Option<PatchMaps>> {
    let wanted_masks = plan.settings.source == MapSource::Auto && plan.masks.iter().flatten().any(|m| !m.is_empty());
    if plan.settings.source == MapSource::Off || (plan.words.is_none() && !wanted_masks) {
        return Ok(None);
    }
    let categories = plan.labels.first().map_or(0, Vec::len);
    let normal = plan.shots_of(None);
    if normal.is_empty() {
        return Ok(None);
    }
    let normal_patches = Matrix::stacked(plan.patches(&normal, monitor)?.iter());
    let words = plan.words.map(|(prior, sets)| WordReadings::new(prior, sets, plan.tower));
    let masked = if wanted_masks { plan.discriminants(&normal_patches, categories, monitor)? } else { None };

    let standard = |w: &[f64]| standardised(w, &normal_patches);
    let joined = |parts: &[(f64, &[f64])]| -> Vec<f64> {
        let width = normal_patches.columns();
        (0..width).map(|i| parts.iter().map(|(share, w)| share * w[i]).sum()).collect()
    };
    let finding = words.as_ref().map(|w| standard(&w.finding));
    let with_words = |mask: &[f64]| match &finding {
        Some(finding) => standard(&joined(&[(1.0, &standard(mask)), (WORDS_BESIDE_MASKS, finding)])),
        None => standard(mask),
    };
    let any = match (masked.as_ref().map(|m| &m.any), &finding) {
        (Some(mask), _) => with_words(mask),
        (None, Some(finding)) => finding.clone(),
        (None, None) => return Ok(None),
    };
    let mut rows = vec![any.clone()];
    for c in 0..categories {
        let of_mask = masked.as_ref().and_then(|m| m.categories[c].clone());
        let own = of_mask.or_else(|| words.as_ref().and_then(|w| w.peculiar(c))).map(|w| standard(&w));
        rows.push(match own {
            Some(own) => standard(&joined(&[(1.0, &any), (PECULIAR, &own)])),
            None => any.clone(),
        });
    }
    rows.extend(words.iter().flat_map(|w| &w.signs).map(|w| standard(w)));
    let origin = match (&masked, &words) {
        (Some(_), Some(_)) => MapOrigin::MasksAndWords,
        (Some(_), None) => MapOrigin::Masks,
        (None, _) => MapOrigin::Words,
    };
    let (weights, bias) = folded(&rows, &normal_patches);
    Ok(Some(PatchMaps { weights, bias, categories, origin, windows: plan.settings.windows }))
}

/// Directions that masks taught.
struct Discriminants {
    any: Vec<f64>,
    /// None for a category without a mask.
    categories: Vec<Option<Vec<f64>>>,
}

impl MapPlan<'_> {
    /// The first shots of normal, or of a category.
    fn shots_of(&self, category: Option<usize>) -> Vec<usize> {
        let is = |labels: &Vec<Label>| match category {
            None => labels.iter().all(|&l| l == Label::Absent),
            Some(c) => labels[c] == Label::Present,
        };
        (0..self.paths.len()).filter(|&i| is(&self.labels[i])).take(MOST_SHOTS / self.settings.windows.max(1)).collect()
    }

    fn patches(&self, shots: &[usize], monitor: &dyn Monitor) -> Result<Vec<Matrix>> {
        let read = |&shot: &usize| {
            monitor.check()?;
            Ok(PatchTokens::of(self.tower, &read_image(&self.paths[shot])?, self.settings.windows).rows)
        };
        shots.par_iter().map(read).collect()
    }

    /// Discriminants of the patches inside masks; `None` where no mask has anything in it.
    fn discriminants(
        &self,
        normal_patches: &Matrix,
        categories: usize,
        monitor: &dyn Monitor,
    ) -> Result<Option<Discriminants>> {
        let mut shots: Vec<usize> = (0..categories).flat_map(|c| self.shots_of(Some(c))).collect();
        shots.sort_unstable();
        shots.dedup();
        let seen: Vec<Option<(Matrix, Vec<PatchTarget>)>> = shots
            .par_iter()
            .map(|&shot| {
                monitor.check()?;
                let image: RgbImage = read_image(&self.paths[shot])?;
                let masks = ShotMasks::read(&self.paths[shot], &image, &self.labels[shot], &self.masks[shot])?;
                let windows = self.settings.windows;
                let targets = masks.targets(View::Plain, self.tower, PatchTokens::grid(self.tower, windows));
                Ok(masks.has_a_mask().then(|| (PatchTokens::of(self.tower, &image, windows).rows, targets)))
            })
            .collect::<Result<_>>()?;
        let seen: Vec<(Matrix, Vec<PatchTarget>)> = seen.into_iter().flatten().collect();
        if seen.is_empty() {
            return Ok(None);
        }
        let width = normal_patches.columns();
        let mut moments = SecondMoments::new(width);
        moments.add(&doubled(normal_patches));
        seen.iter().for_each(|(patches, _)| moments.add(&doubled(patches)));
        let factor = Cholesky::new(moments.covariance(RIDGE))?;

        // What each column calls inside, patch by patch; `None` where that is not known.
        let inside = |column: Option<usize>, targets: &[PatchTarget], patches: usize| -> Option<Vec<f64>> {
            let shares = |target: &PatchTarget| match target {
                PatchTarget::Shares(shares) => Some(shares.clone()),
                PatchTarget::Nowhere => Some(vec![0.0; patches]),
                PatchTarget::Unknown => None,
            };
            match column {
                Some(c) => shares(&targets[c]),
                // Where one category's place is not known, nobody knows where there is none.
                None => targets.iter().map(shares).reduce(|a, b| Some(larger_of(&a?, &b?))).flatten(),
            }
        };
        let direction = |column: Option<usize>| -> Option<Vec<f64>> {
            let mut sides = Sides::new(width);
            for (patches, targets) in &seen {
                if let Some(shares) = inside(column, targets, patches.rows()) {
                    sides.add(patches, &shares);
                }
            }
            sides.add(normal_patches, &vec![0.0; normal_patches.rows()]);
            let difference = sides.difference()?;
            let solved = factor.solve(&Matrix64::from_vec(width, 1, difference));
            Some(solved.data().to_vec())
        };
        let Some(any) = direction(None) else { return Ok(None) };
        Ok(Some(Discriminants { any, categories: (0..categories).map(|c| direction(Some(c))).collect() }))
    }
}

fn larger_of(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a.max(*b)).collect()
}

/// The numbers of patches in double precision.
fn doubled(patches: &Matrix) -> Matrix64 {
    let data = patches.data().iter().map(|&x| f64::from(x)).collect();
    Matrix64::from_vec(patches.rows(), patches.columns(), data)
}

/// Weighted sums of patches inside and outside.
struct Sides {
    sums: [Vec<f64>; 2],
    weights: [f64; 2],
}

impl Sides {
    fn new(width: usize) -> Self {
        Sides { sums: [vec![0.0; width], vec![0.0; width]], weights: [0.0; 2] }
    }

    fn add(&mut self, patches: &Matrix, shares: &[f64]) {
        for (row, &share) in shares.iter().enumerate() {
            for (side, weight) in [share, 1.0 - share].into_iter().enumerate() {
                self.weights[side] += weight;
                self.sums[side].iter_mut().zip(patches.row(row)).for_each(|(s, &x)| *s += weight * f64::from(x));
            }
        }
    }

    /// Mean inside minus mean outside; `None` where nothing is inside.
    fn difference(&self) -> Option<Vec<f64>> {
        let [inside, outside] = self.weights;
        (inside > 0.0 && outside > 0.0)
            .then(|| self.sums[0].iter().zip(&self.sums[1]).map(|(i, o)| i / inside - o / outside).collect())
    }
}

/// What an alignment says of patches, as directions in all of a patch's numbers.
struct WordReadings {
    finding: Vec<f64>,
    /// By sign.
    signs: Vec<Vec<f64>>,
    /// By category, the mean over its signs.
    categories: Vec<Vec<f64>>,
}

impl WordReadings {
    fn new(prior: &SignPrior, sets: &SignSets, tower: &ImageTower) -> Self {
        let (width, first) = (PatchTokens::width(tower), PatchTokens::of_alignment(tower));
        let patch = &prior.reader.patch;
        let direction = |shares: &[f64]| {
            let mut all = vec![0.0; width];
            for (attribute, share) in shares.iter().enumerate().filter(|(_, s)| **s != 0.0) {
                all[first..].iter_mut().zip(patch.row(attribute)).for_each(|(a, &u)| *a += share * f64::from(u));
            }
            all
        };
        let only = |attribute: Attribute| -> Vec<f64> {
            (0..patch.rows()).map(|a| f64::from(u8::from(a == attribute as usize))).collect()
        };
        let signs: Vec<Vec<f64>> = prior.readings.iter().map(|t| direction(t)).collect();
        let mean_of = |of: &[usize]| -> Vec<f64> {
            (0..width).map(|i| of.iter().map(|&s| signs[s][i]).sum::<f64>() / of.len() as f64).collect()
        };
        let categories = (0..sets.categories()).map(|c| mean_of(sets.category(c))).collect();
        WordReadings { finding: direction(&only(Attribute::Finding)), signs, categories }
    }

    /// How a category's signs differ from the other categories'; `None` where there is no other.
    fn peculiar(&self, category: usize) -> Option<Vec<f64>> {
        let others = self.categories.len().checked_sub(1).filter(|&n| n > 0)? as f64;
        let sum = |i: usize| self.categories.iter().map(|m| m[i]).sum::<f64>();
        let own = &self.categories[category];
        Some(own.iter().enumerate().map(|(i, x)| x - (sum(i) - x) / others).collect())
    }
}

/// A direction in units of its spread over patches.
fn standardised(direction: &[f64], patches: &Matrix) -> Vec<f64> {
    let (_, spread) = mean_and_spread(direction, patches);
    direction.iter().map(|w| w / spread).collect()
}

fn mean_and_spread(direction: &[f64], patches: &Matrix) -> (f64, f64) {
    let weights: Vec<f32> = direction.iter().map(|&w| w as f32).collect();
    let scores: Vec<f64> = (0..patches.rows()).map(|p| dot(&weights, patches.row(p))).collect();
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    let variance = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / scores.len() as f64;
    // A direction of zeros has no spread, and its map says the same everywhere.
    (mean, if variance > 1e-24 { variance.sqrt() } else { 1.0 })
}

/// Directions with the mean of normal patches at −2 on the scale of the logit.
fn folded(rows: &[Vec<f64>], normal: &Matrix) -> (Matrix, Vec<f32>) {
    let width = normal.columns();
    let mut weights = Vec::with_capacity(rows.len() * width);
    let mut bias = Vec::with_capacity(rows.len());
    for row in rows {
        let (mean, spread) = mean_and_spread(row, normal);
        weights.extend(row.iter().map(|w| (w / spread) as f32));
        bias.push((-mean / spread - MIDDLE) as f32);
    }
    (Matrix::from_vec(rows.len(), width, weights), bias)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sdmad_base::Stream;

    /// Patches of three numbers: a large common one, one that is high inside, and noise.
    fn patches(stream: &mut Stream, inside: impl Fn(usize) -> bool) -> Matrix {
        let data = (0..64)
            .flat_map(|p| {
                let shared = 4.0 * stream.normal();
                let high = if inside(p) { 2.0 } else { 0.0 };
                [shared, shared + high + 0.3 * stream.normal(), stream.normal()].map(|x| x as f32)
            })
            .collect();
        Matrix::from_vec(64, 3, data)
    }

    #[test]
    fn a_discriminant_finds_what_is_inside_whatever_varies_everywhere() {
        let stream = &mut Stream::new(6, "maps");
        let lesion = |p: usize| p < 12;
        let (normal, abnormal) = (patches(stream, |_| false), patches(stream, lesion));
        let mut moments = SecondMoments::new(3);
        moments.add(&doubled(&normal));
        moments.add(&doubled(&abnormal));
        let mut sides = Sides::new(3);
        sides.add(&normal, &[0.0; 64]);
        sides.add(&abnormal, &(0..64).map(|p| f64::from(u8::from(lesion(p)))).collect::<Vec<_>>());
        let covariance = moments.covariance(RIDGE);
        let direction =
            Cholesky::new(covariance).unwrap().solve(&Matrix64::from_vec(3, 1, sides.difference().unwrap()));
        let rows = [direction.data().to_vec()];
        let (weights, bias) = folded(&rows, &normal);
        let logit = |m: &Matrix, p: usize| dot(weights.row(0), m.row(p)) + f64::from(bias[0]);
        let of_normal: Vec<f64> = (0..64).map(|p| logit(&normal, p)).collect();
        let mean = of_normal.iter().sum::<f64>() / 64.0;
        let spread = (of_normal.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / 64.0).sqrt();
        assert!((mean + MIDDLE).abs() < 1e-4 && (spread - 1.0).abs() < 1e-4, "{mean} {spread}");
        let lowest_inside = (0..12).map(|p| logit(&abnormal, p)).fold(f64::INFINITY, f64::min);
        let highest_outside = (12..64).map(|p| logit(&abnormal, p)).fold(f64::NEG_INFINITY, f64::max);
        assert!(lowest_inside > highest_outside, "{lowest_inside} {highest_outside}");
    }

    #[test]
    fn nothing_inside_gives_no_direction_and_a_flat_reading_stays_finite() {
        let mut sides = Sides::new(2);
        sides.add(&Matrix::from_vec(2, 2, vec![1.0; 4]), &[0.0, 0.0]);
        assert!(sides.difference().is_none());
        let (weights, bias) = folded(&[vec![0.0, 0.0]], &Matrix::from_vec(3, 2, vec![0.5; 6]));
        assert_eq!((weights.data(), bias[0]), (&[0.0f32, 0.0][..], -2.0));
    }
}
