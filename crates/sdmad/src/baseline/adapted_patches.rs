use rayon::prelude::*;
use sdmad_base::Sha256;
use sdmad_encoders::ImageTower;
use sdmad_engine::{Matrix, l2_normalize};
use sdmad_imaging::RgbImage;

use super::PatchDetector;
use super::patch_memory::{PatchMemory, summed_up};
use crate::align::patch_rows;
use crate::features::PlainPass;

/// What MVFA reads in an image: how abnormal its adapted patches are, and how far they are from those of normal shots,
/// level by level.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptedPatches {
    /// One for each quarter of the tower's depth, where the tower is that deep.
    pub levels: Vec<PatchLevel>,
}

/// A level of [`AdaptedPatches`].
#[derive(Clone, Debug, PartialEq)]
pub struct PatchLevel {
    /// What was trained.
    pub detector: PatchDetector,
    /// Adapted patches of normal shots.
    pub memory: PatchMemory,
}

/// Patches are means of squares of so many a side.
const POOLED: usize = 2;
/// Levels: after each quarter of the blocks, as theirs.
const LEVELS: usize = 4;

impl AdaptedPatches {
    /// Numbers of a reading: [`PatchMemory::STATISTICS`] of shares, and as many of distances.
    pub(crate) const NUMBERS: usize = 2 * PatchMemory::STATISTICS;

    /// The shares of abnormal, summed up over patches, and the distances from normal patches in the same way; means over
    /// levels. Of an image whose [`AdaptedPatches::layers`] are there.
    pub(crate) fn read(&self, pass: &PlainPass<'_>) -> Vec<f32> {
        let tokens = level_tokens(pass);
        let levels: Vec<Vec<f32>> = self.levels.iter().zip(&tokens).map(|(level, x)| level.statistics(x)).collect();
        mean_of(&levels)
    }

    /// The layers whose patches are read, from 1 on.
    pub(crate) fn layers(tower: &ImageTower) -> Vec<usize> {
        let mut layers: Vec<usize> = (1..=LEVELS).map(|quarter| (tower.layers() * quarter / LEVELS).max(1)).collect();
        layers.dedup();
        layers
    }

    /// SHA-256 of all its numbers.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"adapted patches 1");
        for PatchLevel { detector, memory } in &self.levels {
            for matrix in
                [&detector.adapter.down, &detector.adapter.up, &detector.head, &detector.bias, &memory.patches]
            {
                matrix.data().iter().for_each(|v| hash.update(&v.to_le_bytes()));
            }
        }
        hash.finish()
    }
}

impl PatchLevel {
    /// A detector, and the patches of normal images as it adapts them.
    pub(super) fn of(detector: PatchDetector, normal: &[&Matrix], seed: u64) -> Self {
        let adapted: Vec<Matrix> = normal.iter().map(|tokens| detector.adapted(tokens)).collect();
        let memory = PatchMemory::of(&adapted.iter().collect::<Vec<_>>(), seed);
        PatchLevel { detector, memory }
    }

    /// What is read in an image's tokens of this level.
    pub(super) fn statistics(&self, tokens: &Matrix) -> Vec<f32> {
        let adapted = self.detector.adapted(tokens);
        let mut reading = summed_up(self.detector.shares(&adapted));
        reading.extend(self.memory.statistics(&adapted));
        reading
    }
}

/// The mean of the levels' readings.
pub(super) fn mean_of(levels: &[Vec<f32>]) -> Vec<f32> {
    let of = |i: usize| levels.iter().map(|l| f64::from(l[i])).sum::<f64>() / levels.len().max(1) as f64;
    (0..AdaptedPatches::NUMBERS).map(|i| of(i) as f32).collect()
}

/// An image's patch tokens of each level, after the tower's last norm: means of 2 × 2, of length √width.
fn level_tokens(pass: &PlainPass<'_>) -> Vec<Matrix> {
    let tower = pass.tower;
    let factor = (tower.width() as f32).sqrt();
    let tokens = |hidden: &Matrix| {
        let mut tokens = l2_normalize(&pooled(&patch_rows(tower, hidden), tower.patch_grid()));
        tokens.scale(factor);
        tokens
    };
    pass.hidden(&AdaptedPatches::layers(tower)).into_iter().map(tokens).collect()
}

/// The same of many images.
pub(super) fn all_tokens(tower: &ImageTower, images: &[RgbImage]) -> Vec<Vec<Matrix>> {
    images.par_iter().map(|image| level_tokens(&PlainPass::of(tower, image, AdaptedPatches::layers(tower)))).collect()
}

/// Means over squares of patches, of fewer at the edge.
fn pooled(patches: &Matrix, (rows, columns): (usize, usize)) -> Matrix {
    let (down, across) = (rows.div_ceil(POOLED), columns.div_ceil(POOLED));
    let mut means = Matrix::zeros(down * across, patches.columns());
    let mut counts = vec![0.0f32; down * across];
    for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
        let square = y / POOLED * across + x / POOLED;
        counts[square] += 1.0;
        let row = means.row_mut(square).iter_mut().zip(patches.row(y * columns + x));
        row.for_each(|(m, p)| *m += p);
    }
    for (square, count) in counts.iter().enumerate() {
        means.row_mut(square).iter_mut().for_each(|m| *m /= count);
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_smaller_at_the_edge() {
        let grid = Matrix::from_vec(9, 1, (1..10).map(|i| i as f32).collect());
        assert_eq!(pooled(&grid, (3, 3)).data(), [3.0, 4.5, 7.5, 9.0]);
    }
}
