//! Left and right factors of products, packed into tiles.

use rayon::prelude::*;

use crate::bytes::PooledBytes;
use crate::kernel::vectorised;
use crate::panels::PANEL;
use crate::tile::{
    Format, GROUP, LINE, Steps, TILE, bf16_bits, bf16_number, put_f32, put_row, put_units, put_weight_row,
    transpose_tiles, transpose_tiles_in_place,
};

/// Numbers below which packing is not worth waking another thread for.
const FEW: usize = 1 << 16;

/// A left factor `[rows, depth]`: activations.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) format: Format,
    pub(crate) rows: usize,
    pub(crate) depth: usize,
    /// Groups of rows, one after another.
    pub(crate) bytes: PooledBytes,
    /// For int8, what an integer of each row stands for.
    pub(crate) scales: Vec<Steps>,
}

impl Left {
    /// Room for a factor. What is beyond the last row and depth is zero; every row must be written to its last number and the end of the line
    /// that it is in.
    pub(crate) fn room(format: Format, rows: usize, depth: usize) -> Self {
        let (groups, tiles) = (rows.div_ceil(GROUP), format.tiles(depth));
        let size = tiles * TILE;
        let mut bytes = PooledBytes::new(groups * size);
        if !rows.is_multiple_of(GROUP) {
            bytes[(groups - 1) * size..].fill(0);
        }
        // Tiles of f32 are an even number, and the last may have no numbers.
        if size > 0 {
            for group in bytes.chunks_exact_mut(size) {
                group[depth.div_ceil(format.depth_of_tile()) * TILE..].fill(0);
            }
        }
        let scales = if format == Format::Int8 { vec![Steps::default(); rows] } else { Vec::new() };
        Left { format, rows, depth, bytes, scales }
    }

    /// Packs row-major `[rows, depth]`, rows `stride` apart.
    pub(crate) fn rows_of(format: Format, data: &[f32], rows: usize, depth: usize, stride: usize) -> Self {
        Left::from_groups(format, rows, depth, |first, count, group, scales| {
            pack_rows(format, &data[first * stride..], (count, depth), stride, group, scales);
        })
    }

    /// Packs the transpose of a row-major `[depth, rows]`, its rows `stride` apart. Not for int8, whose scales are by row.
    pub(crate) fn columns_of(format: Format, data: &[f32], rows: usize, depth: usize, stride: usize) -> Self {
        let mut left = Left::room(format, rows, depth);
        pack_depth(format, data, (depth, rows), stride, &mut left.bytes);
        transpose_tiles_in_place(&mut left.bytes);
        left
    }

    /// A bf16 factor as int8.
    pub(crate) fn to_int8(&self) -> Left {
        assert_eq!(self.format, Format::Bf16, "a factor to quantise");
        let size = self.format.tiles(self.depth) * TILE;
        Left::from_groups(Format::Int8, self.rows, self.depth, |first, count, group, scales| {
            quantise_group(&self.bytes[first / GROUP * size..][..size], count, group, scales);
        })
    }

    /// `fill(first row, rows, group, scales)` packs a group of rows.
    pub(crate) fn from_groups(
        format: Format,
        rows: usize,
        depth: usize,
        fill: impl Fn(usize, usize, &mut [u8], &mut [Steps]) + Sync,
    ) -> Self {
        let mut left = Left::room(format, rows, depth);
        let size = format.tiles(depth) * TILE;
        if size == 0 {
            return left;
        }
        let mut none = vec![[]; if format == Format::Int8 { 0 } else { rows.div_ceil(GROUP) }];
        let scales = left.scales.chunks_mut(GROUP).chain(none.iter_mut().map(|none| &mut none[..]));
        let groups = left.bytes.chunks_exact_mut(size).zip(scales).enumerate();
        let fill = |(index, (group, scales)): (usize, (&mut [u8], &mut [Steps]))| {
            let first = index * GROUP;
            fill(first, GROUP.min(rows - first), group, scales);
        };
        if rows * depth < FEW {
            groups.for_each(fill);
        } else {
            groups.collect::<Vec<_>>().into_par_iter().for_each(fill);
        }
        left
    }
}

/// A right factor `[depth, columns]`, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Right<'a> {
    pub(crate) format: Format,
    pub(crate) columns: usize,
    pub(crate) depth: usize,
    /// Groups of columns, one after another.
    pub(crate) bytes: &'a [u8],
}

/// Bytes of the groups of a right factor.
pub(crate) fn right_length(format: Format, columns: usize, depth: usize) -> usize {
    columns.div_ceil(GROUP) * format.tiles(depth) * TILE
}

/// Packs the transpose of a row-major `[columns, depth]`, rows `stride` apart, as a right factor: the weight of a linear layer.
/// For int8 `scales` gets what an integer of each column stands for.
pub(crate) fn pack_transpose_of(
    format: Format,
    data: &[f32],
    (columns, depth): (usize, usize),
    stride: usize,
    groups: &mut [u8],
    scales: &mut [f32],
) {
    let size = format.tiles(depth) * TILE;
    if size == 0 {
        return;
    }
    let pack = |(index, group): (usize, &mut [u8])| {
        let (first, mut scales) = (index * GROUP, [1.0; GROUP]);
        let mut across = vec![0; group.len()];
        let count = GROUP.min(columns - first);
        pack_weight_rows(format, &data[first * stride..], (count, depth), stride, &mut across, &mut scales);
        transpose_tiles(&across, group);
        scales
    };
    let groups = groups[..right_length(format, columns, depth)].chunks_exact_mut(size).enumerate();
    let found: Vec<_> = if columns * depth < FEW {
        groups.map(pack).collect()
    } else {
        groups.collect::<Vec<_>>().into_par_iter().map(pack).collect()
    };
    for (scale, found) in scales.iter_mut().zip(found.iter().flatten()) {
        *scale = *found;
    }
}

/// Packs a row-major `[depth, columns]`, rows `stride` apart, as a right factor. Not for int8.
pub(crate) fn pack_rows_of(
    format: Format,
    data: &[f32],
    (depth, columns): (usize, usize),
    stride: usize,
    to: &mut [u8],
) {
    pack_depth(format, data, (depth, columns), stride, &mut to[..right_length(format, columns, depth)]);
}

vectorised! {
    /// Rows of a left factor.
    fn pack_rows(
        format: Format,
        data: &[f32],
        shape: (usize, usize),
        stride: usize,
        group: &mut [u8],
        scales: &mut [Steps],
    ) {
        for line in 0..shape.0 {
            let scale = put_row(format, &data[line * stride..][..shape.1], line, group);
            if let Some(to) = scales.get_mut(line) {
                *to = scale;
            }
        }
    }
}

vectorised! {
    /// Rows of a bf16 group as int8.
    fn quantise_group(from: &[u8], count: usize, group: &mut [u8], scales: &mut [Steps]) {
        let mut row = vec![0.0; from.len() / TILE * PANEL];
        for line in 0..count {
            for (numbers, tile) in row.as_chunks_mut::<PANEL>().0.iter_mut().zip(from.chunks_exact(TILE)) {
                let bits = tile[line * LINE..][..LINE].as_chunks::<2>().0;
                for (number, bits) in numbers.iter_mut().zip(bits) {
                    *number = bf16_number(u16::from_le_bytes(*bits));
                }
            }
            scales[line] = put_row(Format::Int8, &row, line, group);
        }
    }
}

vectorised! {
    /// Rows of a weight: as of a left factor, int8 with its sign.
    fn pack_weight_rows(
        format: Format,
        data: &[f32],
        shape: (usize, usize),
        stride: usize,
        group: &mut [u8],
        scales: &mut [f32],
    ) {
        for line in 0..shape.0 {
            scales[line] = put_weight_row(format, &data[line * stride..][..shape.1], line, group);
        }
    }
}

vectorised! {
    /// All groups of a right factor from row-major `[depth, columns]`: rows one after another, since these lie far apart.
    fn pack_depth(format: Format, data: &[f32], shape: (usize, usize), stride: usize, groups: &mut [u8]) {
        let (depth, columns) = shape;
        let size = format.tiles(depth) * TILE;
        let row = |index: usize| if index < depth { &data[index * stride..][..columns] } else { &[] };
        for line in 0..size / LINE {
            let lines = groups.chunks_exact_mut(size).map(|group| &mut group[line * LINE..][..LINE]);
            match format {
                Format::F32 => {
                    let row = row(line);
                    for (index, to) in lines.enumerate() {
                        put_f32(sixteen(row, index), to);
                    }
                }
                Format::Bf16 => {
                    let (even, odd) = (row(2 * line), row(2 * line + 1));
                    for (index, to) in lines.enumerate() {
                        let (even, odd) = (sixteen(even, index), sixteen(odd, index));
                        match (even.first_chunk::<GROUP>(), odd.first_chunk::<GROUP>()) {
                            (Some(even), Some(odd)) => put_pairs(even, odd, to),
                            _ => put_pairs(&full_row(even), &full_row(odd), to),
                        }
                    }
                }
                Format::Int8 => unreachable!("int8 factors have scales by row"),
            }
        }
    }
}

/// The numbers of group `index` of a row; fewer than 16, or none, at its end.
#[inline(always)]
fn sixteen(row: &[f32], index: usize) -> &[f32] {
    let first = (index * GROUP).min(row.len());
    &row[first..row.len().min(first + GROUP)]
}

/// Writes a line of units of two bf16.
#[inline(always)]
fn put_pairs(even: &[f32; GROUP], odd: &[f32; GROUP], line: &mut [u8]) {
    let mut pairs = [0_u32; GROUP];
    for ((pair, even), odd) in pairs.iter_mut().zip(even).zip(odd) {
        *pair = u32::from(bf16_bits(*even)) | u32::from(bf16_bits(*odd)) << 16;
    }
    put_units(&pairs, line);
}

#[inline(always)]
fn full_row(row: &[f32]) -> [f32; GROUP] {
    let mut full = [0.0; GROUP];
    full[..row.len()].copy_from_slice(row);
    full
}
