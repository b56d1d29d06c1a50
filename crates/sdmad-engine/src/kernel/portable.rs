//! Plain loops: for any processor, and what the other paths are tested against.

use super::Piece;
use crate::panels::PANEL;
use crate::tile::{GROUP, LINE, TILE, bf16_number};

/// A unit.
///
/// # Safety
/// Four bytes can be read at `start`.
#[inline(always)]
unsafe fn unit(start: *const u8) -> u32 {
    // SAFETY: the caller's promise; the read may be unaligned.
    u32::from_le(unsafe { start.cast::<u32>().read_unaligned() })
}

/// Goes through a piece row by row; `add(sum, left, right)` adds the products of a unit, `left` pointing to its numbers, which are
/// `left_units` units, in the left factor.
///
/// # Safety
/// The pointers of the piece can be read and written as far as [`Piece`] says.
#[inline(always)]
unsafe fn rows(piece: &Piece, left_units: usize, add: impl Fn(&mut u32, *const u8, u32)) {
    for row in 0..piece.rows {
        for group in 0..piece.column_groups {
            let mut sums = [0_u32; GROUP];
            // SAFETY: row < 32 and group < 2, so these 16 sums lie in the block; the tiles of the row's group and of the column group
            // are `steps` each, `left_units` times more on the left, and lines and units stay inside their tile.
            unsafe {
                let out = piece.sums.add(row * PANEL + group * GROUP).cast::<[u32; GROUP]>();
                if piece.add {
                    sums = *out;
                }
                let left = piece.left.add(row / GROUP * piece.left_stride + row % GROUP * LINE);
                let right = piece.right.add(group * piece.right_stride);
                for index in 0..piece.steps * GROUP {
                    let from = left_units * index;
                    let left = left.add(from / GROUP * TILE + from % GROUP * 4);
                    let line = right.add(index * LINE);
                    for (column, sum) in sums.iter_mut().enumerate() {
                        add(sum, left, unit(line.add(4 * column)));
                    }
                }
                *out = sums;
            }
        }
    }
}

/// # Safety
/// As [`rows`].
pub(super) unsafe fn f32(piece: &Piece) {
    let add = |sum: &mut u32, left: *const u8, right: u32| {
        // SAFETY: `left` points to a unit.
        let product = f32::from_bits(unsafe { unit(left) }) * f32::from_bits(right);
        *sum = (f32::from_bits(*sum) + product).to_bits();
    };
    // SAFETY: the caller's promise.
    unsafe { rows(piece, 1, add) }
}

/// # Safety
/// As [`rows`].
pub(super) unsafe fn wide_bf16(piece: &Piece) {
    let add = |sum: &mut u32, left: *const u8, right: u32| {
        // SAFETY: `left` points to two units of one line: it holds 16, and the first of a pair has an even index.
        let [even, odd] = unsafe { [unit(left), unit(left.add(4))] }.map(f32::from_bits);
        let sums = f32::from_bits(*sum) + even * bf16_number(right as u16);
        *sum = (sums + odd * bf16_number((right >> 16) as u16)).to_bits();
    };
    // SAFETY: the caller's promise.
    unsafe { rows(piece, 2, add) }
}

/// # Safety
/// As [`rows`].
pub(super) unsafe fn int8(piece: &Piece) {
    let add = |sum: &mut u32, left: *const u8, right: u32| {
        // SAFETY: `left` points to a unit.
        let products = unsafe { unit(left) }.to_le_bytes().into_iter().zip(right.to_le_bytes());
        let products = products.map(|(left, right)| i32::from(left) * i32::from(right as i8));
        *sum = sum.wrapping_add(products.sum::<i32>() as u32);
    };
    // SAFETY: the caller's promise.
    unsafe { rows(piece, 1, add) }
}
