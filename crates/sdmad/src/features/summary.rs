use serde::{Deserialize, Serialize};

use sdmad_encoders::ImageTower;
use sdmad_engine::{Matrix, l2_normalize, l2_normalize_backward};

/// What the output of a layer is summed up to, always after the tower's last norm and scaled to length 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Summary {
    /// The class token, or the mean patch token in a tower without one: what the image shows.
    ClassToken,
    /// The standard deviation of each channel over the patch tokens: how much what it shows differs from place to place.
    PatchDeviation,
}

/// Deviations below this have no direction, and pass no gradient.
const SMALLEST: f64 = 1e-12;

impl Summary {
    /// Both, the class token first.
    pub const ALL: [Summary; 2] = [Summary::ClassToken, Summary::PatchDeviation];

    /// How much the part of the bridge that reads it counts in the mean over parts. Measured on train images.
    pub(crate) fn weight(self) -> f64 {
        match self {
            Summary::ClassToken => 1.0,
            Summary::PatchDeviation => 0.5,
        }
    }

    /// The summary of a layer's output `hidden [tokens, width]`: `[1, width]`, of length 1.
    pub(crate) fn of(self, tower: &ImageTower, hidden: &Matrix) -> Matrix {
        l2_normalize(&self.unscaled(tower, hidden))
    }

    /// The adjoint of [`Summary::of`] at `hidden`: the gradient with respect to it, `[tokens, width]`.
    pub(crate) fn backward(self, tower: &ImageTower, hidden: &Matrix, gradient: &[f32]) -> Matrix {
        let dy = Matrix::from_vec(1, gradient.len(), gradient.to_vec());
        let d_unscaled = l2_normalize_backward(&self.unscaled(tower, hidden), &dy);
        let mut hidden_gradient = Matrix::zeros(hidden.rows(), hidden.columns());
        match self {
            Summary::ClassToken if tower.class_token() => {
                let token = norm_backward(tower, &hidden.rows_from(0, 1), &d_unscaled);
                hidden_gradient.row_mut(0).copy_from_slice(token.row(0));
            }
            Summary::ClassToken => {
                let mut token = norm_backward(tower, &mean_token(hidden), &d_unscaled);
                token.scale(1.0 / hidden.rows() as f32);
                for row in 0..hidden.rows() {
                    hidden_gradient.row_mut(row).copy_from_slice(token.row(0));
                }
            }
            Summary::PatchDeviation => {
                let patches = patch_rows(tower, hidden);
                let finished = norm_forward(tower, &patches);
                let (mean, deviation) = moments(&finished);
                let mut d_finished = Matrix::zeros(patches.rows(), patches.columns());
                for row in 0..patches.rows() {
                    let target = d_finished.row_mut(row);
                    for (column, target) in target.iter_mut().enumerate() {
                        if deviation[column] > SMALLEST {
                            let centred = f64::from(finished.row(row)[column]) - mean[column];
                            let slope = centred / (patches.rows() as f64 * deviation[column]);
                            *target = (slope * f64::from(d_unscaled.row(0)[column])) as f32;
                        }
                    }
                }
                let d_patches = norm_backward(tower, &patches, &d_finished);
                let first = hidden.rows() - patches.rows();
                for row in 0..patches.rows() {
                    hidden_gradient.row_mut(first + row).copy_from_slice(d_patches.row(row));
                }
            }
        }
        hidden_gradient
    }

    fn unscaled(self, tower: &ImageTower, hidden: &Matrix) -> Matrix {
        match self {
            Summary::ClassToken if tower.class_token() => norm_forward(tower, &hidden.rows_from(0, 1)),
            Summary::ClassToken => norm_forward(tower, &mean_token(hidden)),
            Summary::PatchDeviation => {
                let (_, deviation) = moments(&norm_forward(tower, &patch_rows(tower, hidden)));
                Matrix::from_vec(1, hidden.columns(), deviation.iter().map(|&d| d as f32).collect())
            }
        }
    }
}

fn norm_forward(tower: &ImageTower, rows: &Matrix) -> Matrix {
    tower.final_norm().map_or_else(|| rows.clone(), |norm| norm.forward(rows))
}

fn norm_backward(tower: &ImageTower, rows: &Matrix, dy: &Matrix) -> Matrix {
    tower.final_norm().map_or_else(|| dy.clone(), |norm| norm.backward(rows, dy))
}

/// The patch tokens of a layer's output, `[patches, width]`.
fn patch_rows(tower: &ImageTower, hidden: &Matrix) -> Matrix {
    let first = usize::from(tower.class_token());
    hidden.rows_from(first, hidden.rows() - first)
}

fn mean_token(hidden: &Matrix) -> Matrix {
    let mut mean = Matrix::zeros(1, hidden.columns());
    for row in 0..hidden.rows() {
        mean.row_mut(0).iter_mut().zip(hidden.row(row)).for_each(|(m, x)| *m += x);
    }
    mean.scale(1.0 / hidden.rows() as f32);
    mean
}

/// Mean and standard deviation of each column, rows counted in their order.
fn moments(rows: &Matrix) -> (Vec<f64>, Vec<f64>) {
    let count = rows.rows() as f64;
    let mut mean = vec![0.0; rows.columns()];
    for row in 0..rows.rows() {
        mean.iter_mut().zip(rows.row(row)).for_each(|(m, &x)| *m += f64::from(x) / count);
    }
    let mut variance = vec![0.0; rows.columns()];
    for row in 0..rows.rows() {
        for ((v, m), &x) in variance.iter_mut().zip(&mean).zip(rows.row(row)) {
            *v += (f64::from(x) - m).powi(2) / count;
        }
    }
    (mean, variance.into_iter().map(f64::sqrt).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sdmad_base::Stream;

    use super::*;

    fn tower(name: &str) -> ImageTower {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdmad-encoders/tests/fixtures/towers").join(name);
        ImageTower::open(&folder).unwrap()
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let tower = tower("hugging-face-clip");
        let mut stream = Stream::new(3, "summary test");
        let mut normal = |rows: usize| {
            let data = (0..rows * tower.width()).map(|_| stream.normal() as f32).collect();
            Matrix::from_vec(rows, tower.width(), data)
        };
        let (hidden, direction, weights) = (normal(7), normal(7), normal(1));
        for summary in Summary::ALL {
            let value = |step: f32| -> f64 {
                let mut moved = direction.clone();
                moved.scale(step);
                moved.add(&hidden);
                let found = summary.of(&tower, &moved);
                found.row(0).iter().zip(weights.row(0)).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum()
            };
            let expected = (value(1e-2) - value(-1e-2)) / 2e-2;
            let gradient = summary.backward(&tower, &hidden, weights.row(0));
            let found: f64 =
                gradient.data().iter().zip(direction.data()).map(|(&g, &d)| f64::from(g) * f64::from(d)).sum();
            assert!((found - expected).abs() < 2e-3 * expected.abs().max(1.0), "{summary:?}: {found} {expected}");
        }
    }

    #[test]
    fn a_summary_has_length_one() {
        let tower = tower("hugging-face-clip");
        let hidden = Matrix::from_vec(5, tower.width(), (0..5 * tower.width()).map(|i| (i % 17) as f32).collect());
        for summary in Summary::ALL {
            let length: f32 = summary.of(&tower, &hidden).row(0).iter().map(|x| x * x).sum();
            assert!((length - 1.0).abs() < 1e-5, "{summary:?}");
        }
    }
}
