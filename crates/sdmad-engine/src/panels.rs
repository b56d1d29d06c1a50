//! Right factors, given to products panel by panel.

use crate::bytes::AlignedBytes;
use crate::factor::Right;
use crate::kernel::vectorised;
use crate::tile::{Format, GROUP, LINE, TILE, bf16_bits, put_units, transposed, units};

/// Columns of a panel: two groups.
pub(crate) const PANEL: usize = 2 * GROUP;

/// The right factor of a product, given panel by panel of 32 columns.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Panels<'a> {
    /// As it is packed.
    Packed(Right<'a>),
    /// Its transpose, each panel made when it is needed: the adjoint of a linear layer without a second copy of its weight. int8 becomes
    /// bf16, exactly.
    Transposed(Right<'a>),
}

impl Panels<'_> {
    pub(crate) fn format(&self) -> Format {
        match self {
            Panels::Packed(right) => right.format,
            Panels::Transposed(right) if right.format == Format::F32 => Format::F32,
            Panels::Transposed(_) => Format::Bf16,
        }
    }

    pub(crate) fn columns(&self) -> usize {
        match self {
            Panels::Packed(right) => right.columns,
            Panels::Transposed(right) => right.depth,
        }
    }

    pub(crate) fn depth(&self) -> usize {
        match self {
            Panels::Packed(right) => right.depth,
            Panels::Transposed(right) => right.columns,
        }
    }

    /// Whether panels are made when they are needed.
    pub(crate) fn are_made(&self) -> bool {
        matches!(self, Panels::Transposed(_))
    }

    /// Tiles of a group.
    pub(crate) fn tiles(&self) -> usize {
        self.format().tiles(self.depth())
    }

    /// Groups of panel `index`: 2, or 1 at the end of an odd number of groups.
    pub(crate) fn groups(&self, index: usize) -> usize {
        2.min(self.columns().div_ceil(GROUP) - 2 * index)
    }

    /// The groups of panel `index`; `scratch` is room to make them in.
    pub(crate) fn panel<'s>(&'s self, index: usize, scratch: &'s mut AlignedBytes) -> &'s [u8] {
        let size = self.tiles() * TILE;
        match self {
            Panels::Packed(right) => &right.bytes[2 * index * size..][..self.groups(index) * size],
            Panels::Transposed(right) => {
                scratch.lengthen(2 * size);
                match right.format {
                    Format::F32 => transpose_panel_f32(right.bytes, right.format.tiles(right.depth), index, scratch),
                    Format::Bf16 | Format::Int8 => {
                        transpose_panel(right.format, right.bytes, right.format.tiles(right.depth), index, scratch)
                    }
                }
                &scratch[..self.groups(index) * size]
            }
        }
    }
}

vectorised! {
    fn transpose_panel_f32(weight: &[u8], tiles: usize, index: usize, panel: &mut [u8]) {
        let size = panel.len() / 2;
        for (half, group) in panel.chunks_exact_mut(size).enumerate() {
            let tile = 2 * index + half;
            let mut targets = group.chunks_exact_mut(TILE);
            for (from, to) in weight.chunks_exact(tiles * TILE).zip(targets.by_ref()) {
                put_units(&transposed(&units(&from[tile * TILE..][..TILE])), to);
            }
            // What is left of an even number of tiles.
            targets.for_each(|to| to.fill(0));
        }
    }
}

vectorised! {
    /// Panel `index` of the transpose, in bf16, of a bf16 or int8 weight whose groups have so many tiles.
    fn transpose_panel(format: Format, weight: &[u8], tiles: usize, index: usize, panel: &mut [u8]) {
        let size = panel.len() / 2;
        let (low, high) = panel.split_at_mut(size);
        let targets = low.chunks_exact_mut(TILE).zip(high.chunks_exact_mut(TILE));
        let groups = weight.len() / (tiles * TILE);
        for (pair, (low, high)) in targets.enumerate() {
            // 32 rows of the weight, each 32 numbers as bf16: two groups of its outputs.
            let mut rows = [[0_u16; PANEL]; PANEL];
            for half in 0..2 {
                let group = 2 * pair + half;
                if group == groups {
                    break;
                }
                let rows = &mut rows[half * GROUP..][..GROUP];
                let source = &weight[group * tiles * TILE..];
                if format == Format::Bf16 {
                    let tile = transposed(&units(&source[index * TILE..][..TILE]));
                    for (row, units) in rows.iter_mut().zip(tile.as_chunks::<GROUP>().0) {
                        for (numbers, unit) in row.as_chunks_mut::<2>().0.iter_mut().zip(units) {
                            *numbers = [*unit as u16, (*unit >> 16) as u16];
                        }
                    }
                } else {
                    let tile = transposed(&units(&source[index / 2 * TILE..][..TILE]));
                    for (row, units) in rows.iter_mut().zip(tile.as_chunks::<GROUP>().0) {
                        let units = &units[index % 2 * (GROUP / 2)..][..GROUP / 2];
                        for (numbers, unit) in row.as_chunks_mut::<4>().0.iter_mut().zip(units) {
                            *numbers = unit.to_le_bytes().map(|x| bf16_bits(f32::from(x as i8)));
                        }
                    }
                }
            }
            for (line, rows) in rows.as_chunks::<2>().0.iter().enumerate() {
                let mut units = [0_u32; PANEL];
                for ((unit, even), odd) in units.iter_mut().zip(&rows[0]).zip(&rows[1]) {
                    *unit = u32::from(*even) | u32::from(*odd) << 16;
                }
                put_units(&units[..GROUP], &mut low[line * LINE..][..LINE]);
                put_units(&units[GROUP..], &mut high[line * LINE..][..LINE]);
            }
        }
    }
}
