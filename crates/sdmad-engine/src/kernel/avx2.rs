//! Vectors of 8 numbers: products in f32 and, in exact integers, of int8. bf16 are widened to f32 before they come here.

use std::arch::x86_64::*;

use super::Piece;
use crate::panels::PANEL;
use crate::tile::{GROUP, LINE, TILE};

/// Makes a kernel that takes a group of columns at a time, and the 16 rows of a group by strips of `rows`. With 6 of them, 12 of 16 registers
/// are sums, with 8 loads for 12 of them, and two lines of the right factor and a unit of the left one have room beside them. int8 prepares
/// more: strips of 4 rows, 6 loads for 8 sums. The rest as in `avx512.rs`, on half a line.
macro_rules! strips {
    ($(#[$doc:meta])* $name:ident, rows $rows:literal, unrolled $unrolled:literal,
     prepare($line:ident) $prepare:expr, add($sum:ident, $left:ident, $prepared:ident) $add:expr) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// The pointers of the piece can be read and written as far as [`Piece`] says, and the processor has AVX2 and FMA.
        pub(super) unsafe fn $name(piece: &Piece) {
            #[target_feature(enable = "avx2,fma")]
            unsafe fn strip<const ROWS: usize>(piece: &Piece, first: usize, group: usize) {
                let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
                // SAFETY: the strip's rows are first .. first + ROWS, all in one group of 16; its sums lie in the block, its lines in the tiles
                // of that group, of which there are as many as in the group of columns.
                unsafe {
                    let out = piece.sums.add(first * PANEL + group * GROUP);
                    if piece.add {
                        for (row, sums) in sums.iter_mut().enumerate() {
                            for (half, sum) in sums.iter_mut().enumerate() {
                                *sum = _mm256_loadu_ps(out.add(row * PANEL + half * 8));
                            }
                        }
                    }
                    let mut left = piece.left.add(first / GROUP * piece.left_stride + first % GROUP * LINE);
                    let mut right = piece.right.add(group * piece.right_stride);
                    for tile in 0..piece.steps {
                        // What comes next of the right factor is far away. Asking for what does not exist never faults.
                        if first == 0 && group == 0 {
                            for line in 0..4 {
                                let next = (tile * 4 + line) * LINE;
                                _mm_prefetch::<_MM_HINT_T1>(piece.ahead.wrapping_add(next).cast());
                            }
                        }
                        for units in (0..GROUP).step_by($unrolled) {
                            for unit in units..units + $unrolled {
                                let mut prepared = [{ let $line = _mm256_setzero_si256(); $prepare }; 2];
                                for (half, prepared) in prepared.iter_mut().enumerate() {
                                    let $line = _mm256_loadu_si256(right.add(half * 32).cast());
                                    *prepared = $prepare;
                                }
                                right = right.add(LINE);
                                for (row, sums) in sums.iter_mut().enumerate() {
                                    let $left = left.add(row * LINE + unit * 4);
                                    for ($sum, $prepared) in sums.iter_mut().zip(prepared) {
                                        *$sum = $add;
                                    }
                                }
                            }
                        }
                        left = left.add(TILE);
                    }
                    for (row, sums) in sums.iter().enumerate() {
                        for (half, sum) in sums.iter().enumerate() {
                            _mm256_storeu_ps(out.add(row * PANEL + half * 8), *sum);
                        }
                    }
                }
            }

            for group in 0..piece.column_groups {
                for first in (0..piece.rows).step_by(GROUP) {
                    let rows = GROUP.min(piece.rows - first);
                    for above in (0..rows).step_by($rows) {
                        // SAFETY: the caller's promise; whole groups of rows may be computed.
                        unsafe {
                            if above + $rows <= GROUP {
                                strip::<$rows>(piece, first + above, group);
                            } else {
                                // What is left of a group; nothing with 4 rows.
                                strip::<{ GROUP % $rows }>(piece, first + above, group);
                            }
                        }
                    }
                }
            }
        }
    };
}

/// An f32 at an address, 8 times.
///
/// # Safety
/// It can be read.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn number(at: *const u8) -> __m256 {
    // SAFETY: the caller's promise; the read may be unaligned.
    _mm256_set1_ps(unsafe { at.cast::<f32>().read_unaligned() })
}

/// A unit at an address, 8 times.
///
/// # Safety
/// It can be read.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn unit(at: *const u8) -> __m256i {
    // SAFETY: the caller's promise; the read may be unaligned.
    _mm256_set1_epi32(unsafe { at.cast::<i32>().read_unaligned() })
}

strips! {
    /// f32 by f32.
    f32, rows 6, unrolled 4,
    prepare(line) _mm256_castsi256_ps(line),
    add(sum, left, line) _mm256_fmadd_ps(number(left), line, *sum)
}

strips! {
    /// int8: even and odd bytes of a unit widened to 16 bits, whose products by pairs are exact in 32.
    int8, rows 4, unrolled 1,
    prepare(line) (
        _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(line)),
        _mm256_srai_epi16::<8>(line)
    ),
    add(sum, left, line) {
        let left = unit(left);
        let even = _mm256_madd_epi16(_mm256_and_si256(left, _mm256_set1_epi16(0xff)), line.0);
        let odd = _mm256_madd_epi16(_mm256_srli_epi16::<8>(left), line.1);
        _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(*sum), _mm256_add_epi32(even, odd)))
    }
}
