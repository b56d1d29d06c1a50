//! Right factors of f64 products, packed into panels.

use crate::kernel::double::PANEL;

/// A right factor `[depth, columns]`, packed once.
///
/// Panel `p` holds columns `64 p ..` as a row-major `[depth, width]`, the width rounded up to a multiple of 16 with zeros.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub(crate) columns: usize,
    pub(crate) depth: usize,
    data: Vec<f64>,
}

impl Packed {
    /// Packs the transpose of a row-major `[columns, depth]`, rows `stride` apart.
    pub(crate) fn transpose_of(data: &[f64], columns: usize, depth: usize, stride: usize) -> Self {
        Self::pack(columns, depth, |panel, width, first, count| {
            for (column, source) in data[first * stride..].chunks(stride).take(count).enumerate() {
                for (row, number) in source[..depth].iter().enumerate() {
                    panel[row * width + column] = *number;
                }
            }
        })
    }

    /// Packs a row-major `[depth, columns]`, rows `stride` apart.
    pub(crate) fn rows_of(data: &[f64], depth: usize, columns: usize, stride: usize) -> Self {
        Self::pack(columns, depth, |panel, width, first, count| {
            for (row, target) in panel.chunks_exact_mut(width).enumerate() {
                target[..count].copy_from_slice(&data[row * stride + first..][..count]);
            }
        })
    }

    fn pack(columns: usize, depth: usize, fill: impl Fn(&mut [f64], usize, usize, usize)) -> Self {
        let mut data = vec![0.0; columns.next_multiple_of(16) * depth];
        if depth > 0 {
            for (index, panel) in data.chunks_mut(PANEL * depth).enumerate() {
                let first = index * PANEL;
                fill(panel, panel_width(columns, index), first, PANEL.min(columns - first));
            }
        }
        Packed { columns, depth, data }
    }

    /// Panel `index` and its width.
    pub(crate) fn panel(&self, index: usize) -> (&[f64], usize) {
        let width = panel_width(self.columns, index);
        (&self.data[index * PANEL * self.depth..][..width * self.depth], width)
    }
}

/// The width of panel `index` of a factor with so many columns.
fn panel_width(columns: usize, index: usize) -> usize {
    PANEL.min(columns - index * PANEL).next_multiple_of(16)
}
