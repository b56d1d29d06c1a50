use sdmad_engine::{Activation, LayerNorm, Linear, Matrix};

/// What follows the last block of either tower: final norm, pooling, projection.
pub(crate) struct Head {
    pub(crate) norm: Option<LayerNorm>,
    pub(crate) projection: ProjectionLayers,
}

/// Which tokens make the pooled vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pooled {
    /// This one.
    Token(usize),
    /// The mean of all from this one on.
    MeanFrom(usize),
}

/// From the pooled vector to the embedding.
pub(crate) enum ProjectionLayers {
    None,
    Linear(Linear),
    /// With the exact GELU between the two.
    Mlp(Linear, Linear),
}

impl Head {
    /// The rows that are pooled, normalised. The norm works row by row, so the others need not be.
    fn normed(&self, rows: &Matrix) -> Matrix {
        self.norm.as_ref().map_or_else(|| rows.clone(), |norm| norm.forward(rows))
    }

    /// The pooled vector of a last hidden state `[tokens, width]`.
    pub(crate) fn pool(&self, last: &Matrix, pooled: Pooled) -> Vec<f32> {
        match pooled {
            Pooled::Token(token) => self.normed(&last.rows_from(token, 1)).into_vec(),
            Pooled::MeanFrom(first) => {
                let normed = self.normed(&last.rows_from(first, last.rows() - first));
                let mut mean = vec![0.0; normed.columns()];
                for row in 0..normed.rows() {
                    mean.iter_mut().zip(normed.row(row)).for_each(|(sum, number)| *sum += number);
                }
                mean.iter_mut().for_each(|sum| *sum /= normed.rows() as f32);
                mean
            }
        }
    }

    /// The adjoint of [`Head::pool`]: gradient of the pooled vector to gradient of the last hidden state.
    pub(crate) fn pool_backward(&self, last: &Matrix, pooled: Pooled, gradient: &[f32]) -> Matrix {
        let (first, rows) = match pooled {
            Pooled::Token(token) => (token, 1),
            Pooled::MeanFrom(first) => (first, last.rows() - first),
        };
        let mut d_normed = Matrix::zeros(rows, last.columns());
        for row in 0..rows {
            d_normed.row_mut(row).iter_mut().zip(gradient).for_each(|(d, g)| *d = g / rows as f32);
        }
        let d_rows = match &self.norm {
            Some(norm) => norm.backward(&last.rows_from(first, rows), &d_normed),
            None => d_normed,
        };
        let mut d_last = Matrix::zeros(last.rows(), last.columns());
        for row in 0..rows {
            d_last.row_mut(first + row).copy_from_slice(d_rows.row(row));
        }
        d_last
    }

    /// The embedding, not normalised, of a pooled vector.
    pub(crate) fn project(&self, pooled: &[f32]) -> Vec<f32> {
        match &self.projection {
            ProjectionLayers::None => pooled.to_vec(),
            ProjectionLayers::Linear(layer) => layer.forward(&one_row(pooled)).into_vec(),
            ProjectionLayers::Mlp(first, second) => {
                let mut hidden = first.forward(&one_row(pooled));
                Activation::Gelu.forward(hidden.data_mut());
                second.forward(&hidden).into_vec()
            }
        }
    }

    /// The adjoint of [`Head::project`] at a pooled vector.
    pub(crate) fn project_backward(&self, pooled: &[f32], gradient: &[f32]) -> Vec<f32> {
        match &self.projection {
            ProjectionLayers::None => gradient.to_vec(),
            ProjectionLayers::Linear(layer) => layer.backward(&one_row(gradient)).into_vec(),
            ProjectionLayers::Mlp(first, second) => {
                let hidden = first.forward(&one_row(pooled));
                let mut d_hidden = second.backward(&one_row(gradient));
                Activation::Gelu.backward(hidden.data(), d_hidden.data_mut());
                first.backward(&d_hidden).into_vec()
            }
        }
    }
}

fn one_row(numbers: &[f32]) -> Matrix {
    Matrix::from_vec(1, numbers.len(), numbers.to_vec())
}
