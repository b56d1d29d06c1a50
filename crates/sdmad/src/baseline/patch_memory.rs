//! Patches of normal images, and how far another image's patches are from them.

use sdmad_base::{Sha256, Stream};
use sdmad_encoders::ImageTower;
use sdmad_engine::{Linear, Matrix, Precision, l2_normalize};
use sdmad_imaging::RgbImage;

use crate::align::ImageTokens;
use crate::features::PlainPass;

/// Patches of normal images, each of length 1.
///
/// As in PatchCore (Roth et al. 2022, arXiv 2106.08265) a patch is the mean of its 3 × 3 neighbourhood over two layers'
/// tokens, and of too many patches a greedy coreset is kept; as in WinCLIP (Jeong et al. 2023, arXiv 2303.14814) a
/// distance is 1 − cosine.
#[derive(Clone, Debug)]
pub struct PatchMemory {
    /// `[patches, width]`.
    pub patches: Matrix,
    /// The same, packed for products.
    products: Linear,
}

/// Patches that are kept at most: those of 16 images of 16 × 16.
const MOST: usize = 4096;
/// Width of the random projection that the coreset is chosen in.
const PROJECTED: usize = 64;
/// A fiftieth of the patches makes the mean of the most distant.
const TOP_SHARE: usize = 50;

impl PartialEq for PatchMemory {
    fn eq(&self, other: &Self) -> bool {
        self.patches == other.patches
    }
}

impl PatchMemory {
    /// How many numbers [`PatchMemory::read`] gives: the largest distance, the mean of the largest fiftieth, the mean.
    pub(crate) const STATISTICS: usize = 3;

    /// Of patches of length 1 as they are.
    pub(crate) fn new(patches: Matrix) -> Self {
        let products = Linear::new(patches.clone(), None, Precision::F32);
        PatchMemory { patches, products }
    }

    /// Of images' patches, at most 4,096 of them.
    pub(crate) fn of(images: &[&Matrix], seed: u64) -> Self {
        let all = Matrix::stacked(images.iter().copied());
        let kept = coreset(&all, MOST, seed);
        let data = kept.iter().flat_map(|&row| all.row(row).iter().copied()).collect();
        PatchMemory::new(Matrix::from_vec(kept.len(), all.columns(), data))
    }

    /// The distances of an image whose [`ImageTokens::layers`] are there, summed up.
    pub(crate) fn read(&self, pass: &PlainPass<'_>) -> Vec<f32> {
        self.statistics(&neighbourhoods(&ImageTokens::of_pass(pass), pass.tower))
    }

    /// The same of an image's patches.
    pub(crate) fn statistics(&self, patches: &Matrix) -> Vec<f32> {
        let cosines = self.products.forward(patches);
        let nearest = |p: usize| f64::from(1.0 - cosines.row(p).iter().copied().fold(f32::NEG_INFINITY, f32::max));
        summed_up((0..cosines.rows()).map(nearest).collect())
    }

    /// SHA-256 of all its numbers.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"patch memory 1");
        self.patches.data().iter().for_each(|v| hash.update(&v.to_le_bytes()));
        hash.finish()
    }
}

/// The largest, the mean of the largest fiftieth, and the mean of patches' numbers.
pub(super) fn summed_up(mut numbers: Vec<f64>) -> Vec<f32> {
    numbers.sort_unstable_by(|a, b| b.total_cmp(a));
    let top = (numbers.len() / TOP_SHARE).max(1).min(numbers.len());
    let mean = |part: &[f64]| (part.iter().sum::<f64>() / part.len().max(1) as f64) as f32;
    vec![mean(&numbers[..top.min(1)]), mean(&numbers[..top]), mean(&numbers)]
}

/// An image's patches: the means of their neighbourhoods, of length 1.
pub(crate) fn patches_of(tower: &ImageTower, image: &RgbImage) -> Matrix {
    neighbourhoods(&ImageTokens::of(tower, image), tower)
}

fn neighbourhoods(tokens: &ImageTokens, tower: &ImageTower) -> Matrix {
    l2_normalize(&neighbourhood_means(&tokens.patches, tower.patch_grid()))
}

/// Means over 3 × 3 patches, fewer at the edge.
fn neighbourhood_means(patches: &Matrix, (rows, columns): (usize, usize)) -> Matrix {
    let mut means = Matrix::zeros(patches.rows(), patches.columns());
    for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
        let near = |centre: usize, side: usize| centre.saturating_sub(1)..(centre + 2).min(side);
        let mut count = 0;
        for (other_y, other_x) in near(y, rows).flat_map(|y| near(x, columns).map(move |x| (y, x))) {
            let row = means.row_mut(y * columns + x);
            row.iter_mut().zip(patches.row(other_y * columns + other_x)).for_each(|(m, p)| *m += p);
            count += 1;
        }
        means.row_mut(y * columns + x).iter_mut().for_each(|m| *m /= count as f32);
    }
    means
}

/// Rows that cover all others, each next one the farthest from those before; all rows where there are no more than
/// `most`. Distances are taken in a random projection, as PatchCore's are.
fn coreset(rows: &Matrix, most: usize, seed: u64) -> Vec<usize> {
    if rows.rows() <= most {
        return (0..rows.rows()).collect();
    }
    let mut stream = Stream::new(seed, "baseline/coreset");
    let directions = (0..PROJECTED * rows.columns()).map(|_| stream.normal() as f32).collect();
    let directions = Linear::new(Matrix::from_vec(PROJECTED, rows.columns(), directions), None, Precision::F32);
    let projected = directions.forward(rows);
    let mut farthest = stream.below(rows.rows());
    let mut distances = vec![f32::INFINITY; rows.rows()];
    let mut kept = Vec::with_capacity(most);
    while kept.len() < most {
        kept.push(farthest);
        let new = projected.row(farthest).to_vec();
        for (row, distance) in distances.iter_mut().enumerate() {
            let square: f32 = projected.row(row).iter().zip(&new).map(|(a, b)| (a - b) * (a - b)).sum();
            *distance = distance.min(square);
        }
        let last = |best: usize, row: usize| if distances[row] > distances[best] { row } else { best };
        farthest = (0..rows.rows()).fold(0, last);
    }
    kept.sort_unstable();
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbourhoods_end_at_the_edge() {
        let grid = Matrix::from_vec(6, 1, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let means = neighbourhood_means(&grid, (2, 3));
        assert_eq!(means.data(), [3.0, 3.5, 4.0, 3.0, 3.5, 4.0]);
    }

    #[test]
    fn a_coreset_keeps_what_is_far_from_the_rest() {
        let mut data: Vec<f32> = (0..40).flat_map(|i| [1.0, i as f32 * 1e-4]).collect();
        data.extend([-1.0, 0.0]);
        let rows = Matrix::from_vec(41, 2, data);
        assert!(coreset(&rows, 3, 0).contains(&40));
        assert_eq!(coreset(&rows, 3, 0), coreset(&rows, 3, 0));
        assert_eq!(coreset(&rows, 50, 0).len(), 41);
    }

    #[test]
    fn known_patches_are_near_and_others_are_not() {
        let memory = PatchMemory::new(Matrix::from_vec(2, 2, vec![1.0, 0.0, 0.0, 1.0]));
        assert_eq!(
            memory.statistics(&Matrix::from_vec(2, 2, vec![0.0, 1.0, 1.0, 0.0])),
            [0.0; PatchMemory::STATISTICS]
        );
        let half = memory.statistics(&Matrix::from_vec(2, 2, vec![-1.0, 0.0, 1.0, 0.0]));
        assert_eq!(half, [1.0, 1.0, 0.5]);
    }
}
