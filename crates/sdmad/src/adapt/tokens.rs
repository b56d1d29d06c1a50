//! Adjoints of the way from a layer's output to what the bridge reads of it: final norm, length 1.

use sdmad_encoders::ImageTower;
use sdmad_engine::{Matrix, l2_normalize, l2_normalize_backward};

use crate::features::summary_token;

/// The adjoint of [`finished_token`](crate::features::finished_token): gradient with respect to the layer's output.
pub(super) fn finished_token_backward(tower: &ImageTower, hidden: &Matrix, gradient: &[f32]) -> Matrix {
    let summary = summary_token(tower, hidden);
    let dy = Matrix::from_vec(1, gradient.len(), gradient.to_vec());
    let token_gradient = finished_backward(tower, &summary, &dy);
    let mut hidden_gradient = Matrix::zeros(hidden.rows(), hidden.columns());
    if tower.class_token() {
        hidden_gradient.row_mut(0).copy_from_slice(token_gradient.row(0));
    } else {
        let share = 1.0 / hidden.rows() as f32;
        for row in 0..hidden.rows() {
            hidden_gradient.row_mut(row).iter_mut().zip(token_gradient.row(0)).for_each(|(h, t)| *h = share * t);
        }
    }
    hidden_gradient
}

/// The patches of a layer's output after the tower's last normalisation, each of length 1. `[patches, width]`.
pub(super) fn finished_patches(tower: &ImageTower, hidden: &Matrix) -> Matrix {
    let patches = patch_rows(tower, hidden);
    l2_normalize(&tower.final_norm().map_or_else(|| patches.clone(), |norm| norm.forward(&patches)))
}

/// The adjoint of [`finished_patches`], added to the gradient with respect to the layer's output.
pub(super) fn finished_patches_backward(tower: &ImageTower, hidden: &Matrix, gradient: &Matrix, sum: &mut Matrix) {
    let first = usize::from(tower.class_token());
    let rows = finished_backward(tower, &patch_rows(tower, hidden), gradient);
    for row in 0..rows.rows() {
        sum.row_mut(first + row).iter_mut().zip(rows.row(row)).for_each(|(s, g)| *s += g);
    }
}

fn patch_rows(tower: &ImageTower, hidden: &Matrix) -> Matrix {
    let first = usize::from(tower.class_token());
    hidden.rows_from(first, hidden.rows() - first)
}

/// The adjoint of final norm and scaling to length 1, row by row.
fn finished_backward(tower: &ImageTower, rows: &Matrix, gradient: &Matrix) -> Matrix {
    match tower.final_norm() {
        Some(norm) => norm.backward(rows, &l2_normalize_backward(&norm.forward(rows), gradient)),
        None => l2_normalize_backward(rows, gradient),
    }
}
