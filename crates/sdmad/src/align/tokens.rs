//! What alignment takes from the image tower.

use sdmad_encoders::ImageTower;
use sdmad_engine::Matrix;
use sdmad_imaging::RgbImage;

use crate::Summary;
use crate::features::{PlainPass, last_layers};

/// Class tokens of so many last layers are read for the whole image.
const WHOLE_LAYERS: usize = 5;

/// An image's tokens.
pub(crate) struct ImageTokens {
    /// Class tokens of the last layers, each of length 1, one after another.
    pub(crate) whole: Vec<f32>,
    /// Patch tokens of two layers side by side, after the tower's last norm: `[patches, 2 · width]`.
    pub(crate) patches: Matrix,
}

impl ImageTokens {
    /// The tokens of an image, fitted to the tower's input as any image is.
    pub(crate) fn of(tower: &ImageTower, image: &RgbImage) -> Self {
        ImageTokens::of_pass(&PlainPass::of(tower, image, ImageTokens::layers(tower)))
    }

    /// The same of an image whose [`ImageTokens::layers`] are there.
    pub(crate) fn of_pass(pass: &PlainPass<'_>) -> Self {
        let tower = pass.tower;
        let whole = pass.hidden(&last_layers(tower, WHOLE_LAYERS));
        let whole = whole.into_iter().flat_map(|h| Summary::ClassToken.of(tower, h).into_vec()).collect();
        ImageTokens { whole, patches: patches_of_pass(pass, &patch_layers(tower)) }
    }

    /// The layers that are read.
    pub(crate) fn layers(tower: &ImageTower) -> Vec<usize> {
        [last_layers(tower, WHOLE_LAYERS), patch_layers(tower)].concat()
    }

    /// Numbers of [`ImageTokens::whole`] and of a patch, for a tower.
    pub(crate) fn widths(tower: &ImageTower) -> (usize, usize) {
        let width = tower.width();
        (width * last_layers(tower, WHOLE_LAYERS).len(), width * patch_layers(tower).len())
    }
}

/// The patch tokens of a layer's hidden states, after the tower's last norm.
pub(crate) fn patch_rows(tower: &ImageTower, hidden: &Matrix) -> Matrix {
    let first = usize::from(tower.class_token());
    let patches = hidden.rows_from(first, hidden.rows() - first);
    tower.final_norm().map_or_else(|| patches.clone(), |norm| norm.forward(&patches))
}

/// Three quarters up, where patches still know texture and colour, and the last.
pub(crate) fn patch_layers(tower: &ImageTower) -> Vec<usize> {
    let last = tower.layers();
    let mut layers = vec![(last - last / 4).max(1), last];
    layers.dedup();
    layers
}

/// The patch tokens of some layers side by side, `[patches, layers · width]`.
pub(crate) fn patches_of_pass(pass: &PlainPass<'_>, layers: &[usize]) -> Matrix {
    let parts: Vec<Matrix> = pass.hidden(layers).into_iter().map(|hidden| patch_rows(pass.tower, hidden)).collect();
    side_by_side(&parts)
}

fn side_by_side(parts: &[Matrix]) -> Matrix {
    let rows = parts.first().map_or(0, Matrix::rows);
    let columns: usize = parts.iter().map(Matrix::columns).sum();
    let mut data = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        parts.iter().for_each(|part| data.extend_from_slice(part.row(row)));
    }
    Matrix::from_vec(rows, columns, data)
}
