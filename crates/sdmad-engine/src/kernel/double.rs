//! Products of f64 matrices, for heads in closed form: the call of the `gemm` crate, which chooses its instructions itself.
//!
//! The `gemm` crate chooses its blocking from the sizes it is called with. So it is called with at most [`TILE_ROWS`] rows and at most
//! [`PANEL`] columns, a multiple of 16: for such sizes it splits the reduction at fixed depths, which depend on the depth alone, and
//! each element is one chain of fused multiply-adds over them, whatever row or column of the tile it stands in. Single rows, for which it
//! has another path, are computed as two equal rows. Threads share whole tiles, never a reduction.

use rayon::prelude::*;

use super::Target;
use crate::dense::packed::Packed;

/// Columns of a panel: one call of `gemm` makes at most this many output columns.
pub(crate) const PANEL: usize = 64;
/// Rows of a tile: one call of `gemm` makes at most this many output rows.
const TILE_ROWS: usize = 48;
/// Rows that one task takes on.
const TASK_ROWS: usize = 16 * TILE_ROWS;

/// A matrix `[rows, depth]` read with any strides, the left factor of [`multiply`].
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) data: &'a [f64],
    pub(crate) rows: usize,
    pub(crate) depth: usize,
    pub(crate) row_stride: usize,
    pub(crate) depth_stride: usize,
}

impl<'a> View<'a> {
    /// Row-major `[rows, depth]`, rows `stride` apart.
    pub(crate) fn rows_of(data: &'a [f64], rows: usize, depth: usize, stride: usize) -> Self {
        View { data, rows, depth, row_stride: stride, depth_stride: 1 }
    }

    /// The transpose of a row-major `[depth, rows]`, its rows `stride` apart.
    pub(crate) fn columns_of(data: &'a [f64], rows: usize, depth: usize, stride: usize) -> Self {
        View { data, rows, depth, row_stride: 1, depth_stride: stride }
    }

    /// `count` rows from `first` on.
    fn part(&self, first: usize, count: usize) -> Self {
        View { data: &self.data[(first * self.row_stride).min(self.data.len())..], rows: count, ..*self }
    }
}

/// `out [left.rows, right.columns] = left · right`, row-major and dense.
pub(crate) fn multiply(left: View<'_>, right: &Packed, out: &mut [f64]) {
    let columns = right.columns;
    assert_eq!(left.depth, right.depth, "depths of a product");
    assert_eq!(out.len(), left.rows * columns, "output of a product");
    if out.is_empty() {
        return;
    }
    let target = Target::new(out);
    let row_tasks = left.rows.div_ceil(TASK_ROWS);
    let task = |index: usize| {
        let (panel_index, row_task) = (index / row_tasks, index % row_tasks);
        let first_column = panel_index * PANEL;
        let width = PANEL.min(columns - first_column);
        let mut tile = [0.0; TILE_ROWS * PANEL];
        let (panel, panel_width) = right.panel(panel_index);
        let end = left.rows.min((row_task + 1) * TASK_ROWS);
        for first_row in (row_task * TASK_ROWS..end).step_by(TILE_ROWS) {
            let rows = TILE_ROWS.min(end - first_row);
            multiply_tile(left.part(first_row, rows), panel, panel_width, &mut tile);
            for row in 0..rows {
                // SAFETY: tasks differ in panel or in rows, so no other task writes this piece of the row.
                let piece = unsafe { target.piece((first_row + row) * columns + first_column, width) };
                piece.copy_from_slice(&tile[row * PANEL..][..width]);
            }
        }
    };
    let tasks = row_tasks * columns.div_ceil(PANEL);
    // A product of a few tiles is not worth waking another thread for.
    if left.rows * columns * left.depth < 1 << 18 {
        (0..tasks).for_each(task);
    } else {
        (0..tasks).into_par_iter().for_each(task);
    }
}

/// `tile [left.rows, PANEL] = left · panel`, the panel `[depth, panel_width]` row-major.
fn multiply_tile(left: View<'_>, panel: &[f64], panel_width: usize, tile: &mut [f64; TILE_ROWS * PANEL]) {
    assert!(0 < left.rows && left.rows <= TILE_ROWS && panel_width <= PANEL && panel_width.is_multiple_of(16));
    assert!(panel.len() >= left.depth * panel_width);
    if left.depth == 0 {
        tile.fill(0.0);
        return;
    }
    assert!(left.data.len() > (left.rows - 1) * left.row_stride + (left.depth - 1) * left.depth_stride);
    // One row would take a matrix-vector path with another order of summation: it is computed twice instead.
    let (rows, row_stride) = if left.rows == 1 { (2, 0) } else { (left.rows, left.row_stride) };
    // SAFETY: `gemm` reads panel[d * panel_width + c] and left[r * row_stride + d * depth_stride] and writes tile[r * PANEL + c] for
    // d < depth, c < panel_width <= PANEL, r < rows <= TILE_ROWS; the asserts above bound each of them. All three are
    // f64, for which `gemm` has a kernel, and the tile does not overlap the others, since it is borrowed mutably.
    unsafe {
        gemm::gemm(
            panel_width,
            rows,
            left.depth,
            tile.as_mut_ptr(),
            PANEL as isize,
            1,
            false,
            panel.as_ptr(),
            panel_width as isize,
            1,
            left.data.as_ptr(),
            row_stride as isize,
            left.depth_stride as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
