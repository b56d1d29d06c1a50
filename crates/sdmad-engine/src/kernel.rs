//! The only file with `unsafe`: the call of the `gemm` crate, and writing a product tile by tile from several threads.
//!
//! **Same bits for any number of threads and any batch.** The `gemm` crate chooses its blocking from the sizes it is called with. So it is
//! called with at most [`TILE_ROWS`] rows and at most [`PANEL`] columns, a multiple of 16: for such sizes it splits the reduction at fixed
//! depths, which depend on the depth alone, and each element is one chain of fused multiply-adds over them, whatever row or column of the tile
//! it stands in. Single rows, for which it has another path, are computed as two equal rows. Threads share whole tiles, never a reduction.
#![allow(unsafe_code)]

use rayon::prelude::*;

use crate::packed::Panels;

/// Columns of a panel: one call of `gemm` makes at most this many output columns.
pub(crate) const PANEL: usize = 64;
/// Rows of a tile: one call of `gemm` makes at most this many output rows. Eight times the rows of its AVX-512 kernel; beyond it, it copies the panel.
pub(crate) const TILE_ROWS: usize = 48;
/// Rows that one task takes on, so that a panel made for the task serves several tiles.
const TASK_ROWS: usize = 16 * TILE_ROWS;

/// The numbers that products are made of.
pub(crate) trait Number: Copy + Default + Send + Sync + 'static {
    const ZERO: Self;
    const ONE: Self;
    /// Writes the transpose of `source [shape.0, shape.1]` to `target`, their rows `source_stride` and `target_stride` apart.
    fn transpose(
        source: &[Self],
        source_stride: usize,
        shape: (usize, usize),
        target: &mut [Self],
        target_stride: usize,
    );
}

/// A matrix `[rows, depth]` read with any strides, the left factor of [`multiply`].
#[derive(Clone, Copy)]
pub(crate) struct View<'a, T = f32> {
    pub(crate) data: &'a [T],
    pub(crate) rows: usize,
    pub(crate) depth: usize,
    pub(crate) row_stride: usize,
    pub(crate) depth_stride: usize,
}

impl<'a, T> View<'a, T> {
    /// Row-major `[rows, depth]`, rows `stride` apart.
    pub(crate) fn rows_of(data: &'a [T], rows: usize, depth: usize, stride: usize) -> Self {
        View { data, rows, depth, row_stride: stride, depth_stride: 1 }
    }

    /// The transpose of a row-major `[depth, rows]`, its rows `stride` apart.
    pub(crate) fn columns_of(data: &'a [T], rows: usize, depth: usize, stride: usize) -> Self {
        View { data, rows, depth, row_stride: 1, depth_stride: stride }
    }

    /// `count` rows from `first` on.
    fn part(&self, first: usize, count: usize) -> Self {
        View { data: &self.data[(first * self.row_stride).min(self.data.len())..], rows: count, ..*self }
    }
}

/// Where tasks write: disjoint rectangles of one row-major matrix.
#[derive(Clone, Copy)]
struct Target<T> {
    start: *mut T,
    columns: usize,
}

// SAFETY: a `Target` is only used inside `multiply`, whose tasks write disjoint rectangles of a matrix that it borrows mutably meanwhile.
unsafe impl<T: Number> Send for Target<T> {}
// SAFETY: as above.
unsafe impl<T: Number> Sync for Target<T> {}

/// `out [left.rows, panels.columns()] = finish(left · panels)`, row-major and dense.
///
/// `finish(row, first_column, numbers)` may change a piece of an output row before it is written.
pub(crate) fn multiply<T, P, F>(left: View<'_, T>, panels: &P, out: &mut [T], finish: F)
where
    T: Number,
    P: Panels<T>,
    F: Fn(usize, usize, &mut [T]) + Sync,
{
    let columns = panels.columns();
    assert_eq!(left.depth, panels.depth(), "depths of a product");
    assert_eq!(out.len(), left.rows * columns, "output of a product");
    if out.is_empty() {
        return;
    }
    let target = Target { start: out.as_mut_ptr(), columns };
    let row_tasks = left.rows.div_ceil(TASK_ROWS);
    let panel_count = columns.div_ceil(PANEL);
    let target = &target;
    let task = |scratch: &mut Vec<T>, index: usize| {
        let (panel_index, row_task) = (index / row_tasks, index % row_tasks);
        let first_column = panel_index * PANEL;
        let width = PANEL.min(columns - first_column);
        let mut tile = [T::ZERO; TILE_ROWS * PANEL];
        let (panel, panel_width) = panels.panel(panel_index, scratch);
        let end = left.rows.min((row_task + 1) * TASK_ROWS);
        for first_row in (row_task * TASK_ROWS..end).step_by(TILE_ROWS) {
            let rows = TILE_ROWS.min(end - first_row);
            multiply_tile(left.part(first_row, rows), panel, panel_width, &mut tile);
            for row in 0..rows {
                let numbers = &mut tile[row * PANEL..row * PANEL + width];
                finish(first_row + row, first_column, numbers);
                // SAFETY: row < left.rows and first_column + width <= columns, so the piece lies inside `out` (length checked above);
                // tasks differ in panel or in rows, so no other task touches it, and `out` stays borrowed until all tasks have ended.
                let piece = unsafe {
                    let start = target.start.add((first_row + row) * target.columns + first_column);
                    std::slice::from_raw_parts_mut(start, width)
                };
                piece.copy_from_slice(numbers);
            }
        }
    };
    let tasks = row_tasks * panel_count;
    // A product of a few tiles is not worth waking another thread for.
    if left.rows * columns * left.depth < 1 << 18 {
        let mut scratch = Vec::new();
        (0..tasks).for_each(|index| task(&mut scratch, index));
    } else {
        (0..tasks).into_par_iter().for_each_init(Vec::new, |scratch, index| task(scratch, index));
    }
}

/// `tile [left.rows, PANEL] = left · panel`, the panel `[depth, panel_width]` row-major.
fn multiply_tile<T: Number>(left: View<'_, T>, panel: &[T], panel_width: usize, tile: &mut [T; TILE_ROWS * PANEL]) {
    assert!(0 < left.rows && left.rows <= TILE_ROWS && panel_width <= PANEL && panel_width.is_multiple_of(16));
    assert!(panel.len() >= left.depth * panel_width);
    if left.depth == 0 {
        tile.fill(T::ZERO);
        return;
    }
    assert!(left.data.len() > (left.rows - 1) * left.row_stride + (left.depth - 1) * left.depth_stride);
    // One row would take a matrix-vector path with another order of summation: it is computed twice instead.
    let (rows, row_stride) = if left.rows == 1 { (2, 0) } else { (left.rows, left.row_stride) };
    // SAFETY: `gemm` reads panel[d * panel_width + c] and left[r * row_stride + d * depth_stride] and writes tile[r * PANEL + c] for
    // d < depth, c < panel_width <= PANEL, r < rows <= TILE_ROWS; the asserts above bound each of them. All three are
    // of one type, for which `gemm` has a kernel (`Number` is f32 or f64), and the
    // tile does not overlap the others, since it is borrowed mutably.
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
            T::ZERO,
            T::ONE,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// The vectors that this processor has, of those that [`vectorised`] makes code for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code))]
pub(crate) enum Vectors {
    Avx512,
    Avx2,
    Portable,
}

/// Asks the processor once.
pub(crate) fn vectors() -> Vectors {
    static VECTORS: std::sync::OnceLock<Vectors> = std::sync::OnceLock::new();
    #[cfg(test)]
    if let Some(forced) = tests::FORCED.get() {
        return forced;
    }
    *VECTORS.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            let has = |found: [bool; 4]| found.into_iter().all(|found| found);
            if has([
                is_x86_feature_detected!("avx512f"),
                is_x86_feature_detected!("avx512vl"),
                is_x86_feature_detected!("avx512bw"),
                is_x86_feature_detected!("avx512dq"),
            ]) {
                return Vectors::Avx512;
            }
            if is_x86_feature_detected!("avx2") {
                return Vectors::Avx2;
            }
        }
        Vectors::Portable
    })
}

/// Compiles a function of plain loops over slices once for each instruction set, and chooses at run time.
///
/// Since the compiler never fuses a multiplication and an addition unasked, all copies give the same bits.
macro_rules! vectorised {
    ($(#[$attribute:meta])* $visible:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$attribute])*
        #[allow(unsafe_code)]
        $visible fn $name($($argument: $type),*) {
            #[inline(always)]
            fn portable($($argument: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq")]
                fn avx512($($argument: $type),*) {
                    portable($($argument),*);
                }
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) {
                    portable($($argument),*);
                }
                match $crate::kernel::vectors() {
                    // SAFETY: the processor has these instructions: `vectors` asked for the very features that are enabled.
                    $crate::kernel::Vectors::Avx512 => return unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    $crate::kernel::Vectors::Avx2 => return unsafe { avx2($($argument),*) },
                    $crate::kernel::Vectors::Portable => {}
                }
            }
            portable($($argument),*);
        }
    };
}
pub(crate) use vectorised;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::{Activation, LayerNorm, Mask, Matrix, Sequences, attention, symmetric_eigen};

    thread_local! {
        pub(super) static FORCED: Cell<Option<Vectors>> = const { Cell::new(None) };
    }

    /// Everything that chooses its instructions at run time, on awkward sizes.
    fn everything() -> Vec<u64> {
        let x = Matrix::from_vec(7, 99, (0..7 * 99).map(|i| ((i * 37 % 101) as f32 - 50.0) * 0.13).collect());
        let norm = LayerNorm::new(vec![0.7; 99], vec![0.1; 99], 1e-5);
        let mut all = vec![norm.forward(&x), norm.backward(&x, &x), x.transposed()];
        for activation in [Activation::Gelu, Activation::QuickGelu] {
            let (mut y, mut dy) = (x.clone(), x.clone());
            activation.forward(y.data_mut());
            activation.backward(x.data(), dy.data_mut());
            all.extend([y, dy]);
        }
        let sequences = Sequences::single(7);
        all.push(attention(&x, 3, Mask::Causal, &sequences));
        let dy = Matrix::from_vec(7, 33, x.data()[..7 * 33].to_vec());
        all.push(crate::attention_backward(&x, 3, Mask::None, &sequences, &dy));
        let gram = crate::Matrix64::from(&x).transposed_times(&crate::Matrix64::from(&x));
        let mut bits: Vec<u64> = all.iter().flat_map(|m| m.data()).map(|x| u64::from(x.to_bits())).collect();
        let eigen = symmetric_eigen(&gram).unwrap();
        bits.extend(eigen.values.iter().chain(eigen.vectors.data()).map(|x| x.to_bits()));
        bits
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let best = vectors();
        let widest = everything();
        let narrower = match best {
            Vectors::Avx512 => vec![Vectors::Avx2, Vectors::Portable],
            Vectors::Avx2 => vec![Vectors::Portable],
            Vectors::Portable => vec![],
        };
        for forced in narrower {
            FORCED.set(Some(forced));
            let found = everything();
            FORCED.set(None);
            assert!(found == widest, "{forced:?} differs from {best:?}");
        }
    }
}
