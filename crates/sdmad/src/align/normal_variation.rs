//! How normal images differ from each other, by which the bridge weighs directions.

use rayon::prelude::*;

use sdmad_base::{Monitor, Result};
use sdmad_encoders::ImageTower;
use sdmad_engine::{Matrix, Matrix64, symmetric_eigen};
use sdmad_synthesis::{Domain, Renderer, SMALLEST_SIDE};

use super::alignment::rounded;
use super::normals::Normals;
use crate::{Extractor, FeatureBlock, FeatureSettings, View};

/// The covariance of feature rows over normal images, a block at a time, as its largest directions and one variance for
/// all others; in units in which the mean variance of a block is 1.
///
/// Few shots cannot tell what differs between any two images from what a finding changes. Images without a finding can: the
/// more they differ in a direction by themselves, the less a difference there means. Whitening makes
/// them differ alike in all directions, so that a ridge penalty on whitened rows is wᵀ(C + γI)w on the rows themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalVariation {
    pub(super) blocks: Vec<BlockVariation>,
}

/// That of one block.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BlockVariation {
    /// Unit vectors, `[directions, width]`, largest variance first.
    pub(super) directions: Matrix,
    /// Their variances, then that of every other direction: `[directions + 1]`.
    pub(super) variances: Vec<f32>,
}

/// Directions that are kept of a block; more gained nothing (docs/alignment.md).
const DIRECTIONS: usize = 64;

/// γ, added to each variance, in units of the mean one.
const SMOOTHING: f64 = 0.25;

/// The least share of a block's squared length that its variances must have to say anything.
const LEAST_SHARE: f64 = 1e-12;

/// Normal images of a domain.
const IMAGES: usize = 200;

impl NormalVariation {
    /// Whether it was learned on blocks like these.
    pub(crate) fn fits(&self, settings: &FeatureSettings, blocks: &[FeatureBlock]) -> bool {
        let learned = learned_from();
        let alike = (settings.layers, &settings.summaries) == (learned.layers, &learned.summaries);
        alike
            && self.blocks.len() == blocks.len()
            && self.blocks.iter().zip(blocks).all(|(own, block)| own.directions.columns() == block.width)
    }

    /// Multiplies a row of block number `block` by the symmetric matrix (C + γI)^(−½), in place.
    pub(crate) fn whiten(&self, block: usize, row: &mut [f64]) {
        let BlockVariation { directions, variances } = &self.blocks[block];
        let gain = |variance: f32| 1.0 / (f64::from(variance).max(0.0) + SMOOTHING).sqrt();
        let (of_others, of_directions) = variances.split_last().map_or((1.0, &[][..]), |(l, rest)| (gain(*l), rest));
        let parts: Vec<f64> = (0..directions.rows())
            .map(|d| directions.row(d).iter().zip(row.iter()).map(|(&u, x)| f64::from(u) * x).sum())
            .collect();
        row.iter_mut().for_each(|x| *x *= of_others);
        for (d, (part, &variance)) in parts.iter().zip(of_directions).enumerate() {
            let step = (gain(variance) - of_others) * part;
            row.iter_mut().zip(directions.row(d)).for_each(|(x, &u)| *x += step * f64::from(u));
        }
    }
}

/// The features that it is learned from: the default ones, of the plain image.
fn learned_from() -> FeatureSettings {
    FeatureSettings { views: vec![View::Plain], ..FeatureSettings::default() }
}

/// Covariances of the blocks, added up over domains, each domain counting alike.
#[derive(Default)]
pub(super) struct VariationSums {
    blocks: Vec<Matrix64>,
    domains: usize,
}

impl VariationSums {
    /// Adds a domain: its tissue, or the given normal images, with all that may lie on an image without a finding.
    /// `first` is the number of the first image.
    pub(super) fn add(
        &mut self,
        tower: &ImageTower,
        domain: Domain,
        normals: &Normals,
        (seed, first): (u64, usize),
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let side = tower.preprocess().size.max(SMALLEST_SIDE);
        let renderer = Renderer { side, normal_share: 1.0, ..Renderer::new(domain, seed) };
        let extractor = Extractor::tower(tower, learned_from());
        monitor.begin(&format!("how normal images differ, {}", domain.id()), IMAGES);
        let rows: Vec<Vec<f32>> = (first..first + IMAGES)
            .into_par_iter()
            .map(|number| {
                monitor.check()?;
                let image = renderer.render(normals.of(number), number as u64)?.image;
                monitor.advance(1);
                Ok(extractor.image(&image).mean())
            })
            .collect::<Result<_>>()?;
        monitor.end();
        let mut start = 0;
        for (index, block) in extractor.blocks().iter().enumerate() {
            let covariance = covariance(&rows, start, block.width);
            match self.blocks.get_mut(index) {
                Some(sum) => sum.data_mut().iter_mut().zip(covariance.data()).for_each(|(s, c)| *s += c),
                None => self.blocks.push(covariance),
            }
            start += block.width;
        }
        self.domains += 1;
        Ok(())
    }

    /// What was learned of all domains.
    pub(super) fn finish(&self) -> Result<NormalVariation> {
        let blocks = self.blocks.par_iter().map(|sum| {
            let eigen = symmetric_eigen(sum)?;
            let width = sum.rows();
            let kept = DIRECTIONS.min(width);
            let scale = 1.0 / self.domains.max(1) as f64;
            let rest = &eigen.values[kept..];
            let others = rest.iter().sum::<f64>() / rest.len().max(1) as f64;
            let numbers = (0..kept).flat_map(|d| eigen.vectors.row(d)).map(|&u| rounded(u as f32)).collect();
            Ok(BlockVariation {
                directions: Matrix::from_vec(kept, width, numbers),
                variances: eigen.values[..kept].iter().chain([&others]).map(|v| (scale * v) as f32).collect(),
            })
        });
        Ok(NormalVariation { blocks: blocks.collect::<Result<_>>()? })
    }
}

/// The covariance of `width` columns from `start` on, scaled so that the mean variance is 1 (0 where nothing differs).
fn covariance(rows: &[Vec<f32>], start: usize, width: usize) -> Matrix64 {
    let data = rows.iter().flat_map(|r| r[start..start + width].iter().map(|&x| f64::from(x))).collect();
    let mut centred = Matrix64::from_vec(rows.len(), width, data);
    let total: f64 = centred.data().iter().map(|x| x * x).sum();
    let mut mean = vec![0.0; width];
    for row in 0..rows.len() {
        mean.iter_mut().zip(centred.row(row)).for_each(|(m, x)| *m += x / rows.len() as f64);
    }
    for row in 0..rows.len() {
        centred.row_mut(row).iter_mut().zip(&mean).for_each(|(x, m)| *x -= m);
    }
    let mut products = centred.transposed_times(&centred);
    let trace: f64 = (0..width).map(|i| products.row(i)[i]).sum();
    if trace > LEAST_SHARE * total {
        let scale = width as f64 / trace;
        products.data_mut().iter_mut().for_each(|p| *p *= scale);
    } else {
        // What is left after the mean is taken off is rounding.
        products.data_mut().fill(0.0);
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;
    use sdmad_base::Stream;

    /// Variation of rows whose first direction differs most.
    fn variation() -> (NormalVariation, Matrix64) {
        let mut stream = Stream::new(2, "normal variation test");
        let rows: Vec<Vec<f32>> = (0..400)
            .map(|_| (0..6).map(|d| (stream.normal() * if d == 0 { 3.0 } else { 0.5 }) as f32).collect())
            .collect();
        let covariance = covariance(&rows, 0, 6);
        let sums = VariationSums { blocks: vec![covariance.clone()], domains: 1 };
        (sums.finish().unwrap(), covariance)
    }

    #[test]
    fn whitening_twice_is_the_inverse_of_the_smoothed_covariance() {
        let (variation, covariance) = variation();
        for d in 0..6 {
            let mut row: Vec<f64> = (0..6).map(|i| f64::from(u8::from(i == d))).collect();
            variation.whiten(0, &mut row);
            variation.whiten(0, &mut row);
            // (C + γI) (C + γI)^(−1) e = e, but for directions that were rounded to eight bits.
            for i in 0..6 {
                let back: f64 = (0..6).map(|j| covariance.row(i)[j] * row[j]).sum::<f64>() + SMOOTHING * row[i];
                assert!((back - f64::from(u8::from(i == d))).abs() < 0.03, "{d} {i}: {back}");
            }
        }
    }

    #[test]
    fn images_that_are_all_alike_say_nothing() {
        let sums = VariationSums { blocks: vec![covariance(&vec![vec![1.0; 4]; 9], 0, 4)], domains: 1 };
        let mut row = vec![1.0, 2.0, 3.0, 4.0];
        sums.finish().unwrap().whiten(0, &mut row);
        let all_alike = row.iter().zip([1.0, 2.0, 3.0, 4.0]).all(|(x, y)| (x - 2.0 * y).abs() < 1e-9);
        assert!(all_alike, "{row:?}");
    }

    #[test]
    fn other_features_do_not_fit() {
        let (variation, _) = variation();
        let block = FeatureBlock { width: 6, weight: 1.0 };
        assert!(variation.fits(&FeatureSettings::default(), &[block]));
        assert!(!variation.fits(&FeatureSettings { layers: 1, ..FeatureSettings::default() }, &[block]));
        assert!(!variation.fits(&FeatureSettings::default(), &[block, block]));
    }
}
