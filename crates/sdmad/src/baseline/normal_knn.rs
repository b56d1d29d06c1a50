//! A memory of normal patches alone (PatchCore, Roth et al. 2022, arXiv 2106.08265; WinCLIP+, Jeong et al. 2023, arXiv
//! 2303.14814): what is far from every normal patch is no normal. It tells anomalies from normal, and none from another.

use rayon::prelude::*;
use sdmad_base::Result;
use sdmad_encoders::ImageTower;
use sdmad_engine::Matrix;
use sdmad_imaging::RgbImage;
use serde::{Deserialize, Serialize};

use super::patch_memory::{PatchMemory, patches_of};
use super::problem::Problem;
use super::{BaselineChoices, Fitted, FittedBaseline};
use crate::auroc;

/// What the distances of an image's patches are summed up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The largest, as in both papers.
    Largest,
    /// The mean of the largest fiftieth.
    LargestFiftieth,
    /// The mean of all.
    Mean,
}

impl Statistic {
    const ALL: [Statistic; PatchMemory::STATISTICS] = [Statistic::Largest, Statistic::LargestFiftieth, Statistic::Mean];

    pub(super) fn of(self, reading: &[f32]) -> f64 {
        reading.get(self as usize).map_or(0.0, |&x| f64::from(x))
    }
}

/// From the distances of an image's patches to its columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalKnn {
    /// Which distance counts.
    pub statistic: Statistic,
    /// The distance in the middle between normal and not.
    pub centre: f64,
    /// The unit of distances.
    pub scale: f64,
    /// Normal and the categories.
    pub columns: usize,
}

impl NormalKnn {
    /// d / 2 for every category and −d / 2 for normal, with d the standardised distance: n_c is d, and r_c rises with d.
    pub fn columns(&self, reading: &[f32]) -> Vec<f64> {
        let distance = (self.statistic.of(reading) - self.centre) / self.scale;
        (0..self.columns).map(|column| if column == 0 { -distance / 2.0 } else { distance / 2.0 }).collect()
    }
}

/// Chooses the statistic out of fold, by AUROC of normal against the rest; the largest distance where there are too few
/// shots. The second result is the memory of all normal shots.
pub(super) fn fit(problem: &Problem<'_>, tower: &ImageTower, images: &[RgbImage]) -> Result<(Fitted, PatchMemory)> {
    let patches: Vec<Matrix> = images.par_iter().map(|image| patches_of(tower, image)).collect();
    let normal_of = |part: &[usize]| -> Vec<usize> {
        problem.members(part).first().map_or_else(Vec::new, |places| places.iter().map(|&p| part[p]).collect())
    };
    let memory_of = |normal: &[usize]| -> PatchMemory {
        PatchMemory::of(&normal.iter().map(|&i| &patches[i]).collect::<Vec<_>>(), problem.seed)
    };
    let all: Vec<usize> = (0..problem.images()).collect();
    let normal = normal_of(&all);
    let memory = memory_of(&normal);
    let mut readings = vec![Vec::new(); problem.images()];
    let parts = problem.parts();
    for part in &parts {
        let memory = memory_of(&normal_of(&part.fitted));
        part.held.iter().for_each(|&i| readings[i] = memory.statistics(&patches[i]));
    }
    if parts.is_empty() {
        // A normal shot is at no distance from itself: only the others have something to say.
        all.iter().filter(|i| !normal.contains(i)).for_each(|&i| readings[i] = memory.statistics(&patches[i]));
    }
    let anomalous: Vec<usize> = all.iter().copied().filter(|i| !normal.contains(i)).collect();
    let values = |statistic: Statistic, of: &[usize]| -> Vec<f64> {
        of.iter().filter(|&&i| !readings[i].is_empty()).map(|&i| statistic.of(&readings[i])).collect()
    };
    let merit = |statistic: Statistic| -> f64 {
        let (low, high) = (values(statistic, &normal), values(statistic, &anomalous));
        let truth: Vec<bool> = low.iter().map(|_| false).chain(high.iter().map(|_| true)).collect();
        auroc(&[low, high].concat(), &truth).value().unwrap_or(0.5)
    };
    let mut statistic = Statistic::Largest;
    if !parts.is_empty() {
        for other in Statistic::ALL {
            if merit(other) > merit(statistic) {
                statistic = other;
            }
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (low, high) = (values(statistic, &normal), values(statistic, &anomalous));
    let centre = if low.is_empty() { 0.75 * mean(&high) } else { 0.5 * (mean(&low) + mean(&high)) };
    let squares: Vec<f64> = low.iter().chain(&high).map(|v| (v - centre).powi(2)).collect();
    let scale = mean(&squares).sqrt().max(1e-6);
    let model = NormalKnn { statistic, centre, scale, columns: problem.columns() };
    let out_of_fold = (!parts.is_empty()).then(|| readings.iter().map(|r| model.columns(r)).collect());
    let choices = BaselineChoices {
        statistic: Some(statistic),
        centre: Some(centre),
        scale: Some(scale),
        ..BaselineChoices::default()
    };
    Ok((Fitted { baseline: FittedBaseline::NormalKnn(model), choices, out_of_fold }, memory))
}
