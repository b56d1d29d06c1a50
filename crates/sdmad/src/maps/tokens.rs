use sdmad_encoders::ImageTower;
use sdmad_engine::Matrix;
use sdmad_imaging::RgbImage;

use crate::align::{patch_layers, patch_rows, side_by_side};

/// What is read of each patch: its tokens in the middle layer and in those that an alignment reads, after the tower's last norm, side by side.
/// `[patches, layers · width]`.
pub(super) struct PatchTokens(pub(super) Matrix);

impl PatchTokens {
    pub(super) fn of(tower: &ImageTower, image: &RgbImage) -> Self {
        let layers = layers(tower);
        let hidden = tower.hidden(&tower.preprocess().apply(image), &layers);
        let parts: Vec<Matrix> = hidden.iter().map(|h| patch_rows(tower, h)).collect();
        PatchTokens(side_by_side(&parts))
    }

    /// How many numbers a patch has.
    pub(super) fn width(tower: &ImageTower) -> usize {
        tower.width() * layers(tower).len()
    }

    /// Where the numbers that an alignment reads begin.
    pub(super) fn of_alignment(tower: &ImageTower) -> usize {
        PatchTokens::width(tower) - tower.width() * patch_layers(tower).len()
    }
}

/// The middle, where patches are most of a place, and what an alignment reads; ascending.
fn layers(tower: &ImageTower) -> Vec<usize> {
    let read = patch_layers(tower);
    let middle = (tower.layers() / 2).max(1);
    let before = read.first().is_none_or(|&first| middle < first).then_some(middle);
    before.into_iter().chain(read).collect()
}
