//! Sums over rendered images or patches, from which every discriminant follows: added to batch by batch, so that memory
//! does not grow with the number of images.

use sdmad_engine::Matrix64;
use sdmad_synthesis::{Attribute, AttributeSet};

/// What is known of one row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth {
    /// Attributes that are there.
    pub(crate) present: AttributeSet,
    /// Attributes that may or may not be there.
    pub(crate) unknown: AttributeSet,
    /// Whether the row is of a finding, or of an image with one.
    pub(crate) finding: bool,
}

/// Counts and sums of rows by attribute.
#[derive(Clone, Debug)]
pub(crate) struct Sums {
    /// `[attributes]`.
    pub(crate) count: Vec<f64>,
    /// `[attributes, width]`.
    pub(crate) sum: Matrix64,
}

impl Sums {
    fn new(width: usize) -> Self {
        let attributes = Attribute::ALL.len();
        Sums { count: vec![0.0; attributes], sum: Matrix64::zeros(attributes, width) }
    }

    fn add(&mut self, attribute: usize, row: &[f64]) {
        self.count[attribute] += 1.0;
        self.sum.row_mut(attribute).iter_mut().zip(row).for_each(|(s, x)| *s += x);
    }

    /// The mean of an attribute's rows; `None` where there are fewer than `least`.
    pub(crate) fn mean(&self, attribute: usize, least: usize) -> Option<Vec<f64>> {
        let count = self.count[attribute];
        (count >= least as f64).then(|| self.sum.row(attribute).iter().map(|s| s / count).collect())
    }
}

/// First and second moments of rows.
#[derive(Clone, Debug)]
pub(crate) struct SecondMoments {
    count: f64,
    sum: Vec<f64>,
    /// Σ x xᵀ, `[width, width]`.
    scatter: Matrix64,
}

impl SecondMoments {
    pub(crate) fn new(width: usize) -> Self {
        SecondMoments { count: 0.0, sum: vec![0.0; width], scatter: Matrix64::zeros(width, width) }
    }

    /// Adds rows `[rows, width]`.
    pub(crate) fn add(&mut self, rows: &Matrix64) {
        self.count += rows.rows() as f64;
        let product = rows.transposed_times(rows);
        self.scatter.data_mut().iter_mut().zip(product.data()).for_each(|(s, p)| *s += p);
        for row in 0..rows.rows() {
            self.sum.iter_mut().zip(rows.row(row)).for_each(|(s, x)| *s += x);
        }
    }

    /// The mean row.
    pub(crate) fn mean(&self) -> Vec<f64> {
        self.sum.iter().map(|s| s / self.count.max(1.0)).collect()
    }

    /// The covariance of the rows, `[width, width]`, with a ridge in units of the mean variance.
    pub(crate) fn covariance(&self, ridge: f64) -> Matrix64 {
        let mean = self.mean();
        let width = mean.len();
        let mut covariance = self.scatter.clone();
        for row in 0..width {
            let values = covariance.row_mut(row);
            for (column, value) in values.iter_mut().enumerate() {
                *value = *value / self.count.max(1.0) - mean[row] * mean[column];
            }
        }
        let trace: f64 = (0..width).map(|i| covariance.row(i)[i]).sum();
        covariance.add_to_diagonal(ridge * trace / width as f64 + 1e-12);
        covariance
    }
}

/// First and second moments of rows, and first moments by attribute.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    /// Of all rows.
    pub(crate) all: SecondMoments,
    /// Rows that have the attribute.
    pub(crate) present: Sums,
    /// Rows of a finding without it.
    pub(crate) absent_in_finding: Sums,
    /// Rows of nothing, without it.
    pub(crate) absent_in_nothing: Sums,
    /// Rows of a finding, and of nothing, of which nobody knows whether they have it.
    pub(crate) unknown: [Sums; 2],
    /// How many of the rows that have the attribute are of a finding.
    pub(crate) present_in_finding: Vec<f64>,
}

impl Moments {
    pub(crate) fn new(width: usize) -> Self {
        Moments {
            all: SecondMoments::new(width),
            present: Sums::new(width),
            absent_in_finding: Sums::new(width),
            absent_in_nothing: Sums::new(width),
            unknown: [Sums::new(width), Sums::new(width)],
            present_in_finding: vec![0.0; Attribute::ALL.len()],
        }
    }

    /// Adds rows `[rows, width]` with the truth of each.
    pub(crate) fn add(&mut self, rows: &Matrix64, truth: &[Truth]) {
        self.all.add(rows);
        for (index, truth) in truth.iter().enumerate() {
            let row = rows.row(index);
            for (number, &attribute) in Attribute::ALL.iter().enumerate() {
                if truth.present.contains(attribute) {
                    self.present.add(number, row);
                    self.present_in_finding[number] += f64::from(u8::from(truth.finding));
                } else if truth.unknown.contains(attribute) {
                    self.unknown[usize::from(!truth.finding)].add(number, row);
                } else if truth.finding {
                    self.absent_in_finding.add(number, row);
                } else {
                    self.absent_in_nothing.add(number, row);
                }
            }
        }
    }
}
