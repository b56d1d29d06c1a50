use std::sync::Arc;

use rayon::prelude::*;

use sdmad_base::Result;
use sdmad_engine::{Cholesky, Matrix64};

use super::{LinearMap, SupportSet, balanced, column_label};
use crate::{Label, NormalVariation};

/// One block of the support set's feature rows.
pub(super) struct BlockRows {
    /// `[rows, width]`, centred.
    rows: Matrix64,
    mean: Vec<f64>,
    /// The mean squared length of a centred row; strengths are in its units.
    square: f64,
    /// The image that each row is a view of.
    image_of_row: Vec<usize>,
    /// What the rows were whitened by, and the number of the block in it.
    variation: Option<(Arc<NormalVariation>, usize)>,
}

impl BlockRows {
    /// The numbers of block `number`, from `first` on and `width` of them, of every view of every image; whitened by how normal
    /// images differ, where that is known.
    pub(super) fn of(support: &SupportSet, number: usize, first: usize, width: usize) -> Self {
        let mut image_of_row = Vec::new();
        let mut data = Vec::new();
        for (image, views) in support.views.iter().enumerate() {
            for view in views {
                image_of_row.push(image);
                data.extend(view[first..first + width].iter().map(|&x| f64::from(x)));
            }
        }
        let mut rows = Matrix64::from_vec(image_of_row.len(), width, data);
        let variation = support.variation.as_ref().map(|v| (v.clone(), number));
        if let Some((variation, number)) = &variation {
            rows.data_mut().par_chunks_mut(width).for_each(|row| variation.whiten(*number, row));
        }
        let mut mean = vec![0.0; width];
        for row in 0..rows.rows() {
            mean.iter_mut().zip(rows.row(row)).for_each(|(m, x)| *m += x / image_of_row.len() as f64);
        }
        for row in 0..rows.rows() {
            rows.row_mut(row).iter_mut().zip(&mean).for_each(|(x, m)| *x -= m);
        }
        let total: f64 = rows.data().iter().map(|x| x * x).sum();
        // Rows that are all alike have no scale of their own.
        let square = if total > 0.0 { total / image_of_row.len() as f64 } else { 1.0 };
        BlockRows { rows, mean, square, image_of_row, variation }
    }

    /// Class-balanced ridge regression with an unpenalised bias, for each column of truth on its own and at each of `strengths`; every map
    /// is scaled to unit spread over the rows and columns that it was fitted on, and the mean over the strengths is given.
    ///
    /// Minimises Σ w_i (v · x_i + b − y_i)² + λ s |v|² with weights that give either class half of their sum and average 1, and s the mean
    /// squared length of a row. With x̄ the weighted mean, Z the rows √w_i (x_i − x̄) and t the numbers √w_i (y_i − ½), it is
    /// v = (ZᵀZ + λ s I)⁻¹ Zᵀ t = Zᵀ (Z Zᵀ + λ s I)⁻¹ t; the smaller system is solved. A column of one class only is left at 0.
    pub(super) fn fit(&self, support: &SupportSet, columns: usize, strengths: &[f64]) -> Result<LinearMap> {
        // By column, then by strength.
        let solved: Vec<Vec<(Vec<f64>, f64)>> = (0..columns)
            .into_par_iter()
            .map(|column| self.fit_column(support, column, strengths))
            .collect::<Result<_>>()?;
        let width = self.rows.columns();
        let mut sum = LinearMap::zeros(columns, width);
        for strength in 0..strengths.len() {
            let weights =
                Matrix64::from_vec(columns, width, solved.iter().flat_map(|s| s[strength].0.clone()).collect());
            let bias: Vec<f64> = solved.iter().map(|s| s[strength].1).collect();
            let mut fitted = self.rows.times_transposed(&weights);
            for row in 0..fitted.rows() {
                fitted.row_mut(row).iter_mut().zip(&bias).for_each(|(f, b)| *f += b);
            }
            let share = 1.0 / (strengths.len() as f64 * spread(fitted.data()));
            for (column, bias) in bias.iter().enumerate() {
                let offset: f64 = weights.row(column).iter().zip(&self.mean).map(|(w, m)| w * m).sum();
                sum.weights[column].iter_mut().zip(weights.row(column)).for_each(|(s, w)| *s += share * w);
                sum.bias[column] += share * (bias - offset);
            }
        }
        // v · (W x) = (W v) · x with the symmetric W that whitens.
        if let Some((variation, number)) = &self.variation {
            sum.weights.iter_mut().for_each(|weights| variation.whiten(*number, weights));
        }
        Ok(sum)
    }

    /// Weights on centred rows and bias for each strength.
    fn fit_column(&self, support: &SupportSet, column: usize, strengths: &[f64]) -> Result<Vec<(Vec<f64>, f64)>> {
        let (known, truth): (Vec<usize>, Vec<bool>) = (0..self.rows.rows())
            .filter_map(|row| match column_label(&support.labels[self.image_of_row[row]], column) {
                Label::Present => Some((row, true)),
                Label::Absent => Some((row, false)),
                Label::Unknown => None,
            })
            .unzip();
        let width = self.rows.columns();
        if !(truth.contains(&true) && truth.contains(&false)) {
            return Ok(vec![(vec![0.0; width], 0.0); strengths.len()]);
        }
        let weights = balanced(&truth);
        let mut mean = vec![0.0; width];
        for (&row, w) in known.iter().zip(&weights) {
            mean.iter_mut().zip(self.rows.row(row)).for_each(|(m, x)| *m += w * x / known.len() as f64);
        }
        let mut z = Matrix64::zeros(known.len(), width);
        let mut t = Matrix64::zeros(known.len(), 1);
        for (i, ((&row, w), &positive)) in known.iter().zip(&weights).zip(&truth).enumerate() {
            let root = w.sqrt();
            for ((z, x), m) in z.row_mut(i).iter_mut().zip(self.rows.row(row)).zip(&mean) {
                *z = root * (x - m);
            }
            t.row_mut(i)[0] = root * if positive { 0.5 } else { -0.5 };
        }
        let primal = width <= known.len();
        let products = if primal { z.transposed_times(&z) } else { z.times_transposed(&z) };
        let side = if primal { z.transposed_times(&t) } else { t };
        strengths
            .iter()
            .map(|strength| {
                let mut system = products.clone();
                system.add_to_diagonal(strength * self.square);
                let solution = Cholesky::new(system)?.solve(&side);
                let v = if primal { solution } else { z.transposed_times(&solution) };
                let bias = 0.5 - v.data().iter().zip(&mean).map(|(v, m)| v * m).sum::<f64>();
                Ok((v.data().to_vec(), bias))
            })
            .collect()
    }
}

/// The standard deviation of numbers; 1 where there is none.
pub(super) fn spread(numbers: &[f64]) -> f64 {
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let spread = (numbers.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / numbers.len() as f64).sqrt();
    if spread > 1e-12 { spread } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sdmad_base::Stream;

    /// The gradient of what is minimised is 0 at the solution, whichever system was solved.
    #[test]
    fn both_systems_reach_the_minimum() {
        let mut stream = Stream::new(1, "ridge test");
        for (images, width) in [(4, 12), (30, 5)] {
            let labels: Vec<Vec<Label>> =
                (0..images).map(|i| vec![if i % 3 == 0 { Label::Present } else { Label::Absent }]).collect();
            let views = (0..images).map(|_| vec![(0..width).map(|_| stream.normal() as f32).collect()]).collect();
            let support = SupportSet { views, labels, patients: vec![None; images], blocks: vec![], variation: None };
            let block = BlockRows::of(&support, 0, 0, width);
            let strength = 0.7;
            let (v, bias) = block.fit_column(&support, 1, &[strength]).unwrap().remove(0);
            let truth: Vec<bool> = (0..images).map(|i| i % 3 == 0).collect();
            let weights = balanced(&truth);
            let mut gradient: Vec<f64> = v.iter().map(|v| strength * block.square * v).collect();
            let mut bias_gradient = 0.0;
            for (i, (w, &positive)) in weights.iter().zip(&truth).enumerate() {
                let x = block.rows.row(i);
                let error = x.iter().zip(&v).map(|(x, v)| x * v).sum::<f64>() + bias - f64::from(u8::from(positive));
                gradient.iter_mut().zip(x).for_each(|(g, x)| *g += w * error * x);
                bias_gradient += w * error;
            }
            assert!(gradient.iter().chain([&bias_gradient]).all(|g| g.abs() < 1e-9), "{images} {width}: {gradient:?}");
        }
    }
}
