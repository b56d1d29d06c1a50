//! Adjoints of the way from a layer's output to what the bridge reads of it: final norm, length 1.

use sdmad_encoders::ImageTower;
use sdmad_engine::{Matrix, l2_normalize, l2_normalize_backward};

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
