use super::{LinearMap, SupportSet, column_label};
use crate::{Label, gram};

/// Inner products of the support set's centred feature rows, scaled to a mean square of 1.
pub(super) struct Kernel {
    /// `[rows][rows]`.
    pub(super) products: Vec<Vec<f64>>,
    /// The image that each row is a view of.
    pub(super) image_of_row: Vec<usize>,
    centred: Vec<Vec<f64>>,
    mean: Vec<f64>,
    square: f64,
}

impl Kernel {
    pub(super) fn of(support: &SupportSet, views: usize) -> Self {
        let mut image_of_row = Vec::new();
        let mut rows: Vec<Vec<f64>> = Vec::new();
        for (image, all) in support.views.iter().enumerate() {
            for view in all.iter().take(views) {
                image_of_row.push(image);
                rows.push(view.iter().map(|&x| f64::from(x)).collect());
            }
        }
        let width = rows.first().map_or(0, Vec::len);
        let mut mean = vec![0.0; width];
        rows.iter().for_each(|row| mean.iter_mut().zip(row).for_each(|(m, x)| *m += x / rows.len() as f64));
        rows.iter_mut().for_each(|row| row.iter_mut().zip(&mean).for_each(|(x, m)| *x -= m));
        let mut products = gram(&rows);
        let trace: f64 = (0..rows.len()).map(|i| products[i][i]).sum();
        // Rows that are all alike have no scale of their own.
        let square = if trace > 0.0 { trace / rows.len() as f64 } else { 1.0 };
        products.iter_mut().flatten().for_each(|p| *p /= square);
        Kernel { products, image_of_row, centred: rows, mean, square }
    }

    pub(super) fn rows(&self) -> usize {
        self.image_of_row.len()
    }

    /// Scores of the rows themselves for coefficients of the rows, without bias.
    pub(super) fn apply(&self, coefficients: &[f64]) -> Vec<f64> {
        self.products.iter().map(|row| row.iter().zip(coefficients).map(|(p, a)| p * a).sum()).collect()
    }

    /// Rows whose image has a known truth for a column, with that truth.
    pub(super) fn known_rows(&self, support: &SupportSet, column: usize) -> (Vec<usize>, Vec<bool>) {
        (0..self.rows())
            .filter_map(|row| match column_label(&support.labels[self.image_of_row[row]], column) {
                Label::Present => Some((row, true)),
                Label::Absent => Some((row, false)),
                Label::Unknown => None,
            })
            .unzip()
    }

    /// The part of the kernel among some rows.
    pub(super) fn among(&self, rows: &[usize]) -> Vec<Vec<f64>> {
        rows.iter().map(|&i| rows.iter().map(|&j| self.products[i][j]).collect()).collect()
    }

    /// The map in terms of features, from coefficients of the rows, `[columns][rows]`, and biases.
    pub(super) fn primal(&self, coefficients: &[Vec<f64>], biases: &[f64]) -> LinearMap {
        let mut map = LinearMap::zeros(biases.len(), self.mean.len());
        for (((row, bias), coefficients), b) in map.weights.iter_mut().zip(&mut map.bias).zip(coefficients).zip(biases)
        {
            for (x, a) in self.centred.iter().zip(coefficients) {
                row.iter_mut().zip(x).for_each(|(w, x)| *w += a * x / self.square);
            }
            *bias = b - row.iter().zip(&self.mean).map(|(w, m)| w * m).sum::<f64>();
        }
        map
    }
}
