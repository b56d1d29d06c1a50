use sdmad_encoders::ImageTower;
use sdmad_engine::Matrix;
use sdmad_imaging::RgbImage;

use crate::align::{patch_layers, patches_of_pass};
use crate::features::PlainPass;

/// What is read of each patch: its tokens in the middle layer and in those that an alignment reads, after the tower's last norm, side by side.
pub(super) struct PatchTokens {
    /// `[patches, layers · width]`, row by row over the grid.
    pub(super) rows: Matrix,
    /// Rows and columns of the grid.
    pub(super) grid: (usize, usize),
}

impl PatchTokens {
    /// Of the whole image, and with more than one window to a side also of each window by itself: then a patch is one of a window, averaged with
    /// the patch of the whole image that it lies in, which knows what is around.
    pub(super) fn of(tower: &ImageTower, image: &RgbImage, windows: usize) -> Self {
        PatchTokens::of_pass(&PlainPass::of(tower, image, layers(tower)), image, windows)
    }

    /// The same of an image whose [`layers`] are there.
    pub(super) fn of_pass(pass: &PlainPass<'_>, image: &RgbImage, windows: usize) -> Self {
        let tower = pass.tower;
        let (rows, columns) = tower.patch_grid();
        let tokens_of = |pass: &PlainPass<'_>| patches_of_pass(pass, &layers(tower));
        let whole = tokens_of(pass);
        if windows <= 1 {
            return PatchTokens { rows: whole, grid: (rows, columns) };
        }
        let seen = tower.preprocess().seen(image.width(), image.height());
        let parts: Vec<Matrix> = (0..windows * windows)
            .map(|place| {
                let part = window(image, seen, windows, (place / windows, place % windows));
                tokens_of(&PlainPass::of(tower, &part, layers(tower)))
            })
            .collect();
        let grid = PatchTokens::grid(tower, windows);
        let mut all = Matrix::zeros(grid.0 * grid.1, whole.columns());
        for row in 0..grid.0 {
            for column in 0..grid.1 {
                let around = whole.row(row / windows * columns + column / windows);
                let part = &parts[row / rows * windows + column / columns];
                let own = part.row(row % rows * columns + column % columns);
                let patch = all.row_mut(row * grid.1 + column);
                patch.iter_mut().zip(own.iter().zip(around)).for_each(|(p, (o, a))| *p = 0.5 * (o + a));
            }
        }
        PatchTokens { rows: all, grid }
    }

    /// Rows and columns of the grid of an image.
    pub(super) fn grid(tower: &ImageTower, windows: usize) -> (usize, usize) {
        let (rows, columns) = tower.patch_grid();
        (rows * windows.max(1), columns * windows.max(1))
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

/// The part of an image in a row and column of `windows` equal ones to a side of what the tower sees of it, to the nearest pixel.
fn window(image: &RgbImage, seen: [f64; 4], windows: usize, (row, column): (usize, usize)) -> RgbImage {
    let along = |start: f64, length: f64, place: usize, side: usize| {
        let edge = |i: usize| (start + length * i as f64 / windows as f64).round().max(0.0) as usize;
        let first = edge(place).min(side - 1);
        (first, edge(place + 1).clamp(first + 1, side) - first)
    };
    let [left, top, width, height] = seen;
    let (x, w) = along(left, width, column, image.width());
    let (y, h) = along(top, height, row, image.height());
    image.cropped(x, y, w, h)
}

/// The middle, where patches are most of a place, and what an alignment reads; ascending.
pub(super) fn layers(tower: &ImageTower) -> Vec<usize> {
    let read = patch_layers(tower);
    let middle = (tower.layers() / 2).max(1);
    let before = read.first().is_none_or(|&first| middle < first).then_some(middle);
    before.into_iter().chain(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_lie_side_by_side_on_what_is_seen() {
        let data = (0..10 * 6).flat_map(|i| [(i % 10) as u8, (i / 10) as u8, 0]).collect();
        let image = RgbImage::new(10, 6, data).unwrap();
        // Only the middle square of the wide image is seen: columns 2 to 7.
        let seen = [2.0, 0.0, 6.0, 6.0];
        let of = |row, column| window(&image, seen, 2, (row, column));
        for (place, first) in [((0, 0), [2, 0, 0]), ((0, 1), [5, 0, 0]), ((1, 0), [2, 3, 0]), ((1, 1), [5, 3, 0])] {
            let part = of(place.0, place.1);
            assert_eq!(((part.width(), part.height()), part.pixel(0, 0)), ((3, 3), first));
        }
        // An image of fewer pixels than windows still has a pixel in each.
        let dot = RgbImage::new(1, 1, vec![1, 2, 3]).unwrap();
        assert_eq!(window(&dot, [0.0, 0.0, 1.0, 1.0], 4, (3, 3)).pixel(0, 0), [1, 2, 3]);
    }
}
