//! Attention against plain f64: plain, causal and padded.

use crate::reference::{Plain, attention as plain_attention, difference, finite_difference, random};
use sdmad_engine::{Mask, Precision, Sequences, attention, attention_backward};

/// Lengths, heads and width of a head.
const SHAPES: &[(&[usize], usize, usize)] =
    &[(&[1], 1, 1), (&[2], 2, 3), (&[5, 1, 3], 3, 4), (&[49], 2, 16), (&[65, 0, 17], 1, 65), (&[131], 2, 8)];

fn layouts(lengths: &[usize]) -> [Sequences; 2] {
    let longest = lengths.iter().max().copied().unwrap_or(0);
    [Sequences::stacked(lengths), Sequences::padded(lengths, longest + 2)]
}

#[test]
fn forward_matches_plain_sums() {
    for &(lengths, heads, head_width) in SHAPES {
        for sequences in layouts(lengths) {
            for mask in [Mask::None, Mask::Causal] {
                let qkv = random("qkv", sequences.rows(), 3 * heads * head_width, 1.0);
                let y = attention(&qkv, heads, mask, &sequences, Precision::F32);
                let y64 = plain_attention(&Plain::of(&qkv), heads, mask == Mask::Causal, sequences.spans());
                assert!(difference(&y, &y64) < 3e-6, "{lengths:?} {heads} {head_width} {mask:?}");
            }
        }
    }
}

#[test]
fn adjoint_matches_finite_differences() {
    for (lengths, heads, head_width) in [(&[1][..], 1, 2), (&[4, 0, 3], 2, 3), (&[9], 1, 5)] {
        for sequences in layouts(lengths) {
            for mask in [Mask::None, Mask::Causal] {
                let qkv = random("qkv", sequences.rows(), 3 * heads * head_width, 1.0);
                let dy = random("dy", sequences.rows(), heads * head_width, 1.0);
                let expected = finite_difference(&Plain::of(&qkv), &Plain::of(&dy), |qkv| {
                    plain_attention(qkv, heads, mask == Mask::Causal, sequences.spans())
                });
                let found = attention_backward(&qkv, heads, mask, &sequences, Precision::F32, &dy);
                assert!(difference(&found, &expected) < 5e-6, "{lengths:?} {mask:?}");
            }
        }
    }
}

#[test]
fn sharp_scores_do_not_overflow() {
    let qkv = random("qkv", 20, 3 * 8, 40.0);
    let y = attention(&qkv, 2, Mask::None, &Sequences::single(20), Precision::F32);
    let y64 = plain_attention(&Plain::of(&qkv).map(|x| x), 2, false, &[(0, 20)]);
    let finite: bool = y.data().iter().all(|y| y.is_finite());
    assert!(finite);
    if y64.data.iter().all(|y| y.is_finite()) {
        assert!(difference(&y, &y64) < 1e-4);
    }
}
