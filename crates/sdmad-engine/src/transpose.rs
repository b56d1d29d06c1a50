use crate::kernel::vectorised;

/// Sixteen by sixteen numbers: a line of the cache a row.
const SIDE: usize = 16;

vectorised! {
    /// Writes the transpose of `source [shape.0, shape.1]` to `target`, their rows `source_stride` and `target_stride` apart.
    pub(crate) fn transpose(
        source: &[f32],
        source_stride: usize,
        shape: (usize, usize),
        target: &mut [f32],
        target_stride: usize,
    ) {
        let (rows, columns) = shape;
        for first_row in (0..rows).step_by(SIDE) {
            let height = SIDE.min(rows - first_row);
            for first_column in (0..columns).step_by(SIDE) {
                let width = SIDE.min(columns - first_column);
                let source = &source[first_row * source_stride + first_column..];
                let target = &mut target[first_column * target_stride + first_row..];
                if (height, width) == (SIDE, SIDE) {
                    transpose_block(source, source_stride, target, target_stride);
                    continue;
                }
                for row in 0..height {
                    for column in 0..width {
                        target[column * target_stride + row] = source[row * source_stride + column];
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn transpose_block(source: &[f32], source_stride: usize, target: &mut [f32], target_stride: usize) {
    let mut block = [0.0; SIDE * SIDE];
    for (row, to) in block.chunks_exact_mut(SIDE).enumerate() {
        to.copy_from_slice(&source[row * source_stride..][..SIDE]);
    }
    // Each perfect shuffle moves the highest bit of the index to its end; four of them swap row and column.
    let block = shuffled(&shuffled(&shuffled(&shuffled(&block))));
    for (column, from) in block.chunks_exact(SIDE).enumerate() {
        target[column * target_stride..][..SIDE].copy_from_slice(from);
    }
}

/// The first half and the second half, interleaved.
#[inline(always)]
fn shuffled(from: &[f32; SIDE * SIDE]) -> [f32; SIDE * SIDE] {
    let mut to = [0.0; SIDE * SIDE];
    let (low, high) = from.split_at(SIDE * SIDE / 2);
    for ((pair, low), high) in to.chunks_exact_mut(2).zip(low).zip(high) {
        pair[0] = *low;
        pair[1] = *high;
    }
    to
}
