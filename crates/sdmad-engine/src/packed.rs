//! Right factors of products, packed into panels.

use crate::kernel::{Number, PANEL};
use crate::transpose::transpose;

/// A right factor `[depth, columns]`, given panel by panel.
///
/// Panel `p` holds columns `64 p ..` as a row-major `[depth, width]`, the width rounded up to a multiple of 16 with zeros.
/// How a weight is stored (f32 now; bf16 and int8 later) hides behind this.
pub(crate) trait Panels<T>: Sync {
    fn columns(&self) -> usize;
    fn depth(&self) -> usize;
    /// The panel and its width; `scratch` is room to unpack into.
    fn panel<'a>(&'a self, index: usize, scratch: &'a mut Vec<T>) -> (&'a [T], usize);
}

/// The width of panel `index` of a factor with so many columns.
fn panel_width(columns: usize, index: usize) -> usize {
    PANEL.min(columns - index * PANEL).next_multiple_of(16)
}

/// A right factor packed once, as it is.
#[derive(Clone, Debug)]
pub(crate) struct Packed<T> {
    columns: usize,
    depth: usize,
    data: Vec<T>,
}

impl<T: Number> Packed<T> {
    /// Packs the transpose of a row-major `[columns, depth]`, rows `stride` apart: the weight of a linear layer.
    pub(crate) fn transpose_of(data: &[T], columns: usize, depth: usize, stride: usize) -> Self {
        Self::pack(columns, depth, |panel, width, first, count| {
            T::transpose(&data[first * stride..], stride, (count, depth), panel, width);
        })
    }

    /// Packs a row-major `[depth, columns]`, rows `stride` apart.
    pub(crate) fn rows_of(data: &[T], depth: usize, columns: usize, stride: usize) -> Self {
        Self::pack(columns, depth, |panel, width, first, count| {
            for (row, target) in panel.chunks_exact_mut(width).enumerate() {
                target[..count].copy_from_slice(&data[row * stride + first..][..count]);
            }
        })
    }

    fn pack(columns: usize, depth: usize, fill: impl Fn(&mut [T], usize, usize, usize)) -> Self {
        let mut data = vec![T::ZERO; columns.next_multiple_of(16) * depth];
        if depth > 0 {
            for (index, panel) in data.chunks_mut(PANEL * depth).enumerate() {
                let first = index * PANEL;
                fill(panel, panel_width(columns, index), first, PANEL.min(columns - first));
            }
        }
        Packed { columns, depth, data }
    }
}

impl<T: Number> Panels<T> for Packed<T> {
    fn columns(&self) -> usize {
        self.columns
    }
    fn depth(&self) -> usize {
        self.depth
    }
    fn panel<'a>(&'a self, index: usize, _scratch: &'a mut Vec<T>) -> (&'a [T], usize) {
        let width = panel_width(self.columns, index);
        (&self.data[index * PANEL * self.depth..][..width * self.depth], width)
    }
}

/// The transpose of a packed factor, its panels made when they are needed: the adjoint of a linear layer without a second copy of its weight.
pub(crate) struct Transposed<'a>(pub(crate) &'a Packed<f32>);

impl Panels<f32> for Transposed<'_> {
    fn columns(&self) -> usize {
        Panels::depth(self.0)
    }
    fn depth(&self) -> usize {
        Panels::columns(self.0)
    }
    fn panel<'a>(&'a self, index: usize, scratch: &'a mut Vec<f32>) -> (&'a [f32], usize) {
        let packed = self.0;
        let (first, width) = (index * PANEL, panel_width(packed.depth, index));
        let count = PANEL.min(packed.depth - first);
        scratch.clear();
        scratch.resize(width * packed.columns, 0.0);
        for (block, source) in packed.data.chunks(PANEL * packed.depth).enumerate() {
            let source_width = panel_width(packed.columns, block);
            let outputs = PANEL.min(packed.columns - block * PANEL);
            let target = &mut scratch[block * PANEL * width..];
            transpose(&source[first * source_width..], source_width, (count, outputs), target, width);
        }
        (scratch, width)
    }
}
