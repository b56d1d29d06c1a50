//! Vectors of 16 sums with products of bf16 and of int8.

use std::arch::x86_64::*;
use std::mem::transmute;

use super::Piece;
use super::avx512::{strips, unit};
use crate::panels::PANEL;
use crate::tile::{GROUP, LINE, TILE};

strips! {
    /// bf16 by bf16, two products a sum (`vdpbf16ps`).
    bf16, "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16", 1, unrolled 1,
    // Vectors of bf16 have a type of their own, and no function that makes one of bits: SAFETY of `transmute`: both are 64 bytes of numbers.
    prepare(line) transmute::<__m512i, __m512bh>(line),
    add(sum, left, line) _mm512_dpbf16_ps(*sum, transmute::<__m512i, __m512bh>(unit(left)), line)
}

strips! {
    /// Unsigned by signed int8, four products a sum (`vpdpbusd`).
    int8, "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni", 1, unrolled 1,
    prepare(line) line,
    add(sum, left, line) _mm512_castsi512_ps(_mm512_dpbusd_epi32(_mm512_castps_si512(*sum), unit(left), line))
}
