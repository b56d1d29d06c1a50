//! Vectors of 16 numbers: products in f32, for bf16 weights too, and of int8 without `vpdpbusd`.

use std::arch::x86_64::*;

use super::Piece;
use crate::panels::PANEL;
use crate::tile::{GROUP, LINE, TILE};

/// Makes a kernel that takes rows by strips of 8: with two groups of columns 16 registers of sums, enough to hide the latency of two sums at
/// a time, and 10 loads for 16 of them.
///
/// `prepare` makes of a line of the right factor what `add` adds to the sums with the unit at `left` of a row; a unit of the right
/// factor meets `left_units` of the left one. A turn of the inner loop goes through `unrolled` of them: more than one where the loop's own
/// instructions show (f32), one where they do not (int8).
macro_rules! strips {
    ($(#[$doc:meta])* $name:ident, $features:literal, $left_units:literal, unrolled $unrolled:literal,
     prepare($line:ident) $prepare:expr, add($sum:ident, $left:ident, $prepared:ident) $add:expr) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// The pointers of the piece can be read and written as far as [`Piece`] says, and the processor has the instructions.
        pub(super) unsafe fn $name(piece: &Piece) {
            const STRIP: usize = 8;

            #[target_feature(enable = $features)]
            unsafe fn strip<const GROUPS: usize>(piece: &Piece, first: usize) {
                let mut sums = [[_mm512_setzero_ps(); GROUPS]; STRIP];
                // SAFETY: the strip's rows are first .. first + 8, in one group of 16; its sums lie in the block, its lines in the tiles
                // of that group, of which there are `left_units` for each of the `steps` tiles of each group of columns.
                unsafe {
                    let out = piece.sums.add(first * PANEL);
                    if piece.add {
                        for (row, sums) in sums.iter_mut().enumerate() {
                            for (group, sum) in sums.iter_mut().enumerate() {
                                *sum = _mm512_loadu_ps(out.add(row * PANEL + group * GROUP));
                            }
                        }
                    }
                    let mut left = piece.left.add(first / GROUP * piece.left_stride + first % GROUP * LINE);
                    let mut right = piece.right;
                    for tile in 0..piece.steps * $left_units {
                        // What comes next of the right factor is far away. Asking for what does not exist never faults.
                        if first == 0 {
                            for line in 0..4 / $left_units {
                                let next = (tile * 4 / $left_units + line) * LINE;
                                _mm_prefetch::<_MM_HINT_T1>(piece.ahead.wrapping_add(next).cast());
                            }
                        }
                        for units in (0..GROUP / $left_units).step_by($unrolled) {
                            for unit in units..units + $unrolled {
                                let mut prepared = [{ let $line = _mm512_setzero_si512(); $prepare }; GROUPS];
                                for (group, prepared) in prepared.iter_mut().enumerate() {
                                    let $line = _mm512_loadu_si512(right.add(group * piece.right_stride).cast());
                                    *prepared = $prepare;
                                }
                                right = right.add(LINE);
                                for (row, sums) in sums.iter_mut().enumerate() {
                                    let $left = left.add(row * LINE + unit * 4 * $left_units);
                                    for ($sum, $prepared) in sums.iter_mut().zip(prepared) {
                                        *$sum = $add;
                                    }
                                }
                            }
                        }
                        left = left.add(TILE);
                    }
                    for (row, sums) in sums.iter().enumerate() {
                        for (group, sum) in sums.iter().enumerate() {
                            _mm512_storeu_ps(out.add(row * PANEL + group * GROUP), *sum);
                        }
                    }
                }
            }

            for first in (0..piece.rows).step_by(STRIP) {
                // SAFETY: the caller's promise; whole groups of rows may be computed.
                unsafe {
                    match piece.column_groups {
                        1 => strip::<1>(piece, first),
                        _ => strip::<2>(piece, first),
                    }
                }
            }
        }
    };
}
pub(super) use strips;

/// An f32 at an address, 16 times.
///
/// # Safety
/// It can be read.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn number(at: *const u8) -> __m512 {
    // SAFETY: the caller's promise; the read may be unaligned.
    _mm512_set1_ps(unsafe { at.cast::<f32>().read_unaligned() })
}

/// A unit at an address, 16 times.
///
/// # Safety
/// It can be read.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn unit(at: *const u8) -> __m512i {
    // SAFETY: the caller's promise; the read may be unaligned.
    _mm512_set1_epi32(unsafe { at.cast::<i32>().read_unaligned() })
}

strips! {
    /// f32 by f32.
    f32, "avx512f,avx512bw,avx512dq,avx512vl", 1, unrolled 4,
    prepare(line) _mm512_castsi512_ps(line),
    add(sum, left, line) _mm512_fmadd_ps(number(left), line, *sum)
}

strips! {
    /// f32 by bf16: the halves of a unit, shifted into place, are f32.
    wide_bf16, "avx512f,avx512bw,avx512dq,avx512vl", 2, unrolled 1,
    prepare(line) (
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(line)),
        _mm512_castsi512_ps(_mm512_and_si512(line, _mm512_set1_epi32(0xffff_0000_u32 as i32)))
    ),
    add(sum, left, line) _mm512_fmadd_ps(
        number(left.add(4)),
        line.1,
        _mm512_fmadd_ps(number(left), line.0, *sum)
    )
}

strips! {
    /// int8: even and odd bytes of a unit widened to 16 bits, whose products by pairs are exact in 32.
    int8, "avx512f,avx512bw,avx512dq,avx512vl", 1, unrolled 1,
    prepare(line) (
        _mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(line)),
        _mm512_srai_epi16::<8>(line)
    ),
    add(sum, left, line) {
        let left = unit(left);
        let even = _mm512_madd_epi16(_mm512_and_si512(left, _mm512_set1_epi16(0xff)), line.0);
        let odd = _mm512_madd_epi16(_mm512_srli_epi16::<8>(left), line.1);
        _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(*sum), _mm512_add_epi32(even, odd)))
    }
}
