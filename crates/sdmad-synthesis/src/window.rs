//! Rectangles of pixels, for what changes a part of an image.

use crate::plane::Plane;

/// A rectangle of pixels within the image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The first column.
    pub(crate) left: usize,
    /// The column after the last.
    pub(crate) right: usize,
    /// The first row.
    pub(crate) top: usize,
    /// The row after the last.
    pub(crate) bottom: usize,
}

impl Window {
    /// Columns and rows between limits in pixels, cut to the image.
    pub(crate) fn new(side: usize, columns: (f32, f32), rows: (f32, f32)) -> Self {
        let cut = |v: f32| v.clamp(0.0, side as f32) as usize;
        Window { left: cut(columns.0), right: cut(columns.1), top: cut(rows.0), bottom: cut(rows.1) }
    }

    /// Changes each pixel from its column, its row, its place in the row-by-row order and its value.
    pub(crate) fn change(self, image: &mut Plane, change: impl Fn(f32, f32, usize, f32) -> f32) {
        let side = image.side();
        for y in self.top..self.bottom {
            for x in self.left..self.right {
                let index = y * side + x;
                let value = image.values()[index];
                image.values_mut()[index] = change(x as f32, y as f32, index, value);
            }
        }
    }
}
