//! Tiles: how factors of products lie in memory, alike for every precision and instruction path.
//!
//! A **unit** is four bytes of depth: one f32, two bf16 or four int8 that follow one another in a row of the left factor or a column of
//! the right one. A **tile** is 16 x 16 units, 1024 bytes. In the left factor a tile holds 16 rows, each a line of 16 units; in the
//! right factor it holds 16 lines of depth, each with a unit of 16 columns. So one is the other transposed by units; a line is a
//! register of AVX-512 and a line of the cache; and a tile is one register of AMX. Both factors are **groups** of 16
//! rows or columns, the tiles of a group one after another by depth. What is beyond the last row, column or depth is zero.

use crate::kernel::vectorised;

/// Rows or columns of a group, and lines of a tile.
pub(crate) const GROUP: usize = 16;
/// Bytes of a line.
pub(crate) const LINE: usize = 64;
/// Bytes of a tile.
pub(crate) const TILE: usize = GROUP * LINE;

/// What the numbers of a factor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    F32,
    /// The upper half of an f32.
    Bf16,
    /// Signed in a right factor, unsigned in a left one, as `vpdpbusd` multiplies them.
    Int8,
}

impl Format {
    /// Numbers of depth that a tile holds.
    pub(crate) fn depth_of_tile(self) -> usize {
        match self {
            Format::F32 => 16,
            Format::Bf16 => 32,
            Format::Int8 => 64,
        }
    }

    /// Tiles of a group of this depth. Of f32 an even number, so that two meet one of bf16.
    pub(crate) fn tiles(self, depth: usize) -> usize {
        match self {
            Format::F32 => 2 * depth.div_ceil(32),
            Format::Bf16 => depth.div_ceil(32),
            Format::Int8 => depth.div_ceil(64),
        }
    }
}

/// Rounds to the nearest bf16, ties to even; its bits. What is not a number stays none, what is too large becomes infinite.
#[inline(always)]
pub(crate) fn bf16_bits(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    let quiet = bits | 0x0040_0000;
    ((if x.is_nan() { quiet } else { rounded }) >> 16) as u16
}

/// The number that these bits stand for.
#[inline(always)]
pub(crate) fn bf16_number(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// What the integers of a row of a left factor stand for: `(integer − zero) * step`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Steps {
    pub(crate) step: f32,
    pub(crate) zero: u8,
}

/// Largest absolute number of a row, as long as all are finite.
#[inline(always)]
fn largest(row: &[f32]) -> Option<f32> {
    // NaN has the largest bits of all, then infinity: the bits are ordered as the absolute numbers are.
    let largest = f32::from_bits(row.iter().fold(0, |largest: u32, x| largest.max(x.to_bits() & 0x7fff_ffff)));
    largest.is_finite().then_some(largest)
}

/// Rows whose absolute numbers are all below this count as zero.
const SMALLEST: f32 = 1e-36;

/// Factor from the numbers of a row of a weight to int8, and back: `127 / largest` and `largest / 127`, with `largest` the largest absolute number.
///
/// A row with a number that is not finite gets 0 and NaN, so that all that is computed from it is NaN. A row of zeros, or of numbers
/// below 1e-36, gets 0 and 0.
#[inline(always)]
pub(crate) fn int8_factors(row: &[f32]) -> (f32, f32) {
    match largest(row) {
        None => (0.0, f32::NAN),
        Some(largest) if largest < SMALLEST => (0.0, 0.0),
        Some(largest) => (127.0 / largest, largest / 127.0),
    }
}

/// Factor from the numbers of a row of a left factor to integers from 0 to 255, and back: the range from its least number to its largest,
/// zero included, has 254 steps. Where numbers are mostly of one sign, as behind an activation, steps are up to half as large as around zero.
///
/// Other rows as with [`int8_factors`].
#[inline(always)]
pub(crate) fn byte_factors(row: &[f32]) -> (f32, Steps) {
    match largest(row) {
        None => (0.0, Steps { step: f32::NAN, zero: 0 }),
        Some(largest) if largest < SMALLEST => (0.0, Steps::default()),
        Some(_) => {
            let (least, most) = row.iter().fold((0.0_f32, 0.0_f32), |(least, most), x| (least.min(*x), most.max(*x)));
            // Each divided by itself, since their difference may be too large.
            let step = most / 254.0 - least / 254.0;
            let factor = 1.0 / step;
            // With the same rounding as other numbers, so that the least becomes 0, and none more than 255.
            (factor, Steps { step, zero: (int8_number(least, factor) as u8).wrapping_neg() })
        }
    }
}

/// The integer nearest to `x * factor`, ties to even, without what its eight lowest bits cannot say. For a factor of 0 it is 0.
#[inline(always)]
pub(crate) fn int8_number(x: f32, factor: f32) -> i8 {
    // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
    let product = if factor == 0.0 { 0.0 } else { x * factor };
    (product + 12_582_912.0).to_bits() as u8 as i8
}

/// Writes a line of f32 from at most 16 numbers.
#[inline(always)]
pub(crate) fn put_f32(numbers: &[f32], line: &mut [u8]) {
    let mut put = |numbers: &[f32; 16]| {
        for (bytes, x) in line.as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
            *bytes = x.to_le_bytes();
        }
    };
    with_all(numbers, &mut put);
}

/// Writes a line of bf16 from at most 32 numbers.
#[inline(always)]
pub(crate) fn put_bf16(numbers: &[f32], line: &mut [u8]) {
    let mut put = |numbers: &[f32; 32]| {
        for (bytes, x) in line.as_chunks_mut::<2>().0.iter_mut().zip(numbers) {
            *bytes = bf16_bits(*x).to_le_bytes();
        }
    };
    with_all(numbers, &mut put);
}

/// Writes a line of int8 with `offset` added from at most 64 numbers.
#[inline(always)]
pub(crate) fn put_int8(numbers: &[f32], factor: f32, offset: u8, line: &mut [u8]) {
    let mut put = |numbers: &[f32; 64]| {
        for (byte, x) in line.iter_mut().zip(numbers) {
            *byte = (int8_number(*x, factor) as u8).wrapping_add(offset);
        }
    };
    with_all(numbers, &mut put);
}

/// Calls with all N numbers, zeros where there are none.
#[inline(always)]
fn with_all<const N: usize>(numbers: &[f32], put: &mut impl FnMut(&[f32; N])) {
    match numbers.first_chunk::<N>() {
        Some(numbers) => put(numbers),
        None => {
            let mut all = [0.0; N];
            all[..numbers.len()].copy_from_slice(numbers);
            put(&all);
        }
    }
}

/// Writes a row of numbers as line `line` of every tile of a left factor's group, zeros behind its end. For int8 it gives what integers
/// stand for.
#[inline(always)]
pub(crate) fn put_row(format: Format, row: &[f32], line: usize, group: &mut [u8]) -> Steps {
    let (factor, steps) = if format == Format::Int8 { byte_factors(row) } else { (1.0, Steps::default()) };
    put_line(format, row, line, group, (factor, steps.zero));
    steps
}

/// As [`put_row`], a row of a weight: int8 with its sign. Gives the factor back from int8 to numbers, or 1.
#[inline(always)]
pub(crate) fn put_weight_row(format: Format, row: &[f32], line: usize, group: &mut [u8]) -> f32 {
    let (factor, back) = if format == Format::Int8 { int8_factors(row) } else { (1.0, 1.0) };
    put_line(format, row, line, group, (factor, 0));
    back
}

/// As [`put_row`], int8 of numbers times a factor, and an offset added.
#[inline(always)]
fn put_line(format: Format, row: &[f32], line: usize, group: &mut [u8], (factor, offset): (f32, u8)) {
    let lines = group.chunks_exact_mut(TILE).map(|tile| &mut tile[line * LINE..][..LINE]);
    let pieces = lines.zip(row.chunks(format.depth_of_tile()));
    match format {
        Format::F32 => pieces.for_each(|(line, numbers)| put_f32(numbers, line)),
        Format::Bf16 => pieces.for_each(|(line, numbers)| put_bf16(numbers, line)),
        Format::Int8 => pieces.for_each(|(line, numbers)| put_int8(numbers, factor, offset, line)),
    }
    let used = row.len().div_ceil(format.depth_of_tile());
    for tile in group.chunks_exact_mut(TILE).skip(used) {
        tile[line * LINE..][..LINE].fill(0);
    }
}

vectorised! {
    /// Swaps rows and columns of units of each tile.
    pub(crate) fn transpose_tiles(from: &[u8], to: &mut [u8]) {
        for (from, to) in from.chunks_exact(TILE).zip(to.chunks_exact_mut(TILE)) {
            let turned = transposed(&units(from));
            put_units(&turned, to);
        }
    }
}

vectorised! {
    /// As [`transpose_tiles`], in place.
    pub(crate) fn transpose_tiles_in_place(tiles: &mut [u8]) {
        for tile in tiles.chunks_exact_mut(TILE) {
            let turned = transposed(&units(tile));
            put_units(&turned, tile);
        }
    }
}

/// The units of a tile.
#[inline(always)]
pub(crate) fn units(tile: &[u8]) -> [u32; GROUP * GROUP] {
    let mut units = [0; GROUP * GROUP];
    for (unit, bytes) in units.iter_mut().zip(tile.as_chunks::<4>().0) {
        *unit = u32::from_le_bytes(*bytes);
    }
    units
}

/// Writes the units of a tile, or of some lines of one.
#[inline(always)]
pub(crate) fn put_units(units: &[u32], tile: &mut [u8]) {
    for (bytes, unit) in tile.as_chunks_mut::<4>().0.iter_mut().zip(units) {
        *bytes = unit.to_le_bytes();
    }
}

/// Rows and columns swapped.
#[inline(always)]
pub(crate) fn transposed(block: &[u32; GROUP * GROUP]) -> [u32; GROUP * GROUP] {
    // Each perfect shuffle moves the highest bit of the index to its end; four of them swap row and column.
    shuffled(&shuffled(&shuffled(&shuffled(block))))
}

/// The first half and the second half, interleaved.
#[inline(always)]
fn shuffled(from: &[u32; GROUP * GROUP]) -> [u32; GROUP * GROUP] {
    let mut to = [0; GROUP * GROUP];
    let (low, high) = from.split_at(GROUP * GROUP / 2);
    for ((pair, low), high) in to.as_chunks_mut::<2>().0.iter_mut().zip(low).zip(high) {
        *pair = [*low, *high];
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bf16_rounds_to_nearest_even_and_keeps_what_is_no_number() {
        for (x, expected) in [(1.0, 1.0), (1.0 + 1.0 / 256.0, 1.0), (1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0)] {
            assert_eq!(bf16_number(bf16_bits(x)), expected, "{x}");
            assert_eq!(bf16_number(bf16_bits(-x)), -expected, "-{x}");
        }
        assert_eq!(bf16_number(bf16_bits(f32::MAX)), f32::INFINITY);
        assert_eq!(bf16_number(bf16_bits(f32::NEG_INFINITY)), f32::NEG_INFINITY);
        assert!(bf16_number(bf16_bits(f32::from_bits(0x7f80_0001))).is_nan());
        assert!(bf16_number(bf16_bits(f32::NAN)).is_nan());
    }

    #[test]
    fn int8_takes_the_largest_to_127_and_gives_up_on_what_is_not_finite() {
        let row = [0.5, -2.0, 1.0, 0.0];
        let (factor, back) = int8_factors(&row);
        assert_eq!(row.map(|x| int8_number(x, factor)), [32, -127, 64, 0]);
        assert_eq!(back, 2.0 / 127.0);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let (factor, back) = int8_factors(&[1.0, bad]);
            assert!(back.is_nan());
            assert_eq!(int8_number(bad, factor), 0);
        }
        assert_eq!(int8_factors(&[1e-40, 0.0]), (0.0, 0.0));
    }

    #[test]
    fn integers_of_a_row_reach_from_its_least_number_to_its_largest() {
        let symmetric = [127.0, -127.0, 3.4, 0.0];
        let (rows, none) =
            ([[-0.17, 6.3, 0.0, 1.0], [5.0, 0.5, 1.0, 2.0], [-3.0, -1.0, -2.0, -0.1], symmetric], [0.0; 2]);
        for row in rows.iter().chain([&[f32::MAX, -f32::MAX, 0.0, 1.0], &[1e-36, 0.0, -1e-37, 0.0]]) {
            let (factor, steps) = byte_factors(row);
            let integer = |x: f32| (int8_number(x, factor) as u8).wrapping_add(steps.zero);
            assert_eq!(integer(0.0), steps.zero, "zero is itself: {row:?}");
            for x in row {
                let (back, half) = ((f64::from(integer(*x)) - f64::from(steps.zero)) * f64::from(steps.step), 0.501);
                assert!((back - f64::from(*x)).abs() <= half * f64::from(steps.step), "{x} of {row:?}: {back}");
            }
        }
        assert_eq!(byte_factors(&symmetric).1, Steps { step: 1.0, zero: 127 });
        assert_eq!(byte_factors(&[254.0, 0.0]).1, Steps { step: 1.0, zero: 0 });
        assert_eq!(byte_factors(&[-254.0, 0.0]).1, Steps { step: 1.0, zero: 254 });
        assert_eq!(byte_factors(&none).1, Steps::default());
        assert!(byte_factors(&[1.0, f32::NAN]).1.step.is_nan() && byte_factors(&[f32::INFINITY]).1.step.is_nan());
    }

    #[test]
    fn transposing_twice_changes_nothing() {
        let tile: Vec<u8> = (0..TILE).map(|i| (i * 7 % 251) as u8).collect();
        let (mut turned, mut back) = (vec![0; TILE], vec![0; TILE]);
        transpose_tiles(&tile, &mut turned);
        assert_eq!(turned[LINE + 4 * 3..][..4], tile[3 * LINE + 4..][..4]);
        transpose_tiles(&turned, &mut back);
        assert_eq!(back, tile);
    }
}
