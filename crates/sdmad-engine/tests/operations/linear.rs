//! Linear layers and projections against plain f64, over shapes that fill no tile.

use crate::reference::{Plain, difference, finite_difference, linear, random};
use sdmad_engine::{Linear, PACKED_LAYOUT, PackedBytes, Precision, Projection};
use std::sync::Arc;

/// Rows, input width, output width: around the sizes of tiles (48, 64, 16) and of the pieces of the reduction (512), and tiny.
const SHAPES: &[(usize, usize, usize)] = &[
    (1, 1, 1),
    (1, 2, 3),
    (2, 3, 1),
    (3, 1, 65),
    (1, 384, 64),
    (5, 7, 17),
    (47, 33, 63),
    (48, 64, 64),
    (49, 65, 66),
    (97, 513, 129),
    (145, 20, 1025),
    (577, 96, 40),
    (2, 1537, 16),
    (385, 31, 3),
];

#[test]
fn forward_and_adjoint_match_plain_sums() {
    for &(rows, input, output) in SHAPES {
        let x = random("x", rows, input, 1.0);
        let weight = random("weight", output, input, 1.0);
        let bias = random("bias", 1, output, 1.0).into_vec();
        let dy = random("dy", rows, output, 1.0);
        let (x64, w64, dy64) = (Plain::of(&x), Plain::of(&weight), Plain::of(&dy));
        let dx64 = dy64.times_transposed(&w64.transposed());
        let dw64 = dy64.transposed().times_transposed(&x64.transposed());
        let shape = (rows, input, output);

        let layer = Linear::new(weight.clone(), Some(bias.clone()), Precision::F32);
        assert_eq!((layer.input_width(), layer.output_width()), (input, output));
        assert!(difference(&layer.forward(&x), &linear(&x64, &w64, Some(&bias))) < 2e-6, "forward {shape:?}");
        assert!(difference(&layer.backward(&dy), &dx64) < 2e-6, "backward {shape:?}");

        let projection = Projection::new(weight);
        assert!(difference(&projection.forward(&x), &linear(&x64, &w64, None)) < 2e-6, "projection {shape:?}");
        let (dx, dw) = projection.backward(&x, &dy);
        assert!(difference(&dx, &dx64) < 2e-6, "input of projection {shape:?}");
        assert!(difference(&dw, &dw64) < 2e-6, "weight of projection {shape:?}");
    }
}

#[test]
fn adjoints_match_finite_differences() {
    let (x, weight, dy) = (random("x", 3, 5, 1.0), random("w", 7, 5, 1.0), random("dy", 3, 7, 1.0));
    let (x64, w64, dy64) = (Plain::of(&x), Plain::of(&weight), Plain::of(&dy));
    let by_input = finite_difference(&x64, &dy64, |x| linear(x, &w64, None));
    let by_weight = finite_difference(&w64, &dy64, |w| linear(&x64, w, None));
    let layer = Linear::new(weight.clone(), None, Precision::F32);
    assert!(difference(&layer.backward(&dy), &by_input) < 1e-6);
    let (dx, dw) = Projection::new(weight).backward(&x, &dy);
    assert!(difference(&dx, &by_input) < 1e-6);
    assert!(difference(&dw, &by_weight) < 1e-6);
}

#[test]
fn no_rows_give_no_rows() {
    let layer = Linear::new(random("w", 7, 5, 1.0), None, Precision::F32);
    assert_eq!(layer.forward(&random("x", 0, 5, 1.0)).rows(), 0);
    assert_eq!(layer.backward(&random("x", 0, 7, 1.0)).rows(), 0);
}

#[test]
fn packed_bytes_make_the_same_layer() {
    for precision in [Precision::F32, Precision::Bf16, Precision::Int8] {
        let (x, dy) = (random("x", 5, 70, 1.0), random("dy", 5, 33, 1.0));
        let layer = Linear::new(random("w", 33, 70, 1.0), Some(vec![0.5; 33]), precision);
        let bytes = layer.packed().as_slice();
        assert_eq!(bytes.len(), Linear::packed_length(33, 70, precision));
        // A region with something before and behind, at an odd address.
        let region: Vec<u8> = [&[7; 13], bytes, &[9; 5]].concat();
        let packed = PackedBytes::shared(Arc::new(region), 13..13 + bytes.len()).unwrap();
        let again = Linear::from_packed(33, 70, Some(vec![0.5; 33]), precision, packed.clone()).unwrap();
        assert!(again.forward(&x) == layer.forward(&x) && again.backward(&dy) == layer.backward(&dy), "{precision:?}");
        let error = Linear::from_packed(34, 700, None, precision, packed).unwrap_err();
        assert!(error.to_string().contains("weight [34, 700]; expected"), "{error}");
    }
}

/// Where each number lies is part of [`PACKED_LAYOUT`]: by output in groups of 16, by depth in tiles, by units of four bytes.
#[test]
fn packed_bytes_lie_where_layout_1_says() {
    let (output, input) = (33, 70);
    let weight = random("w", output, input, 1.0);
    for (precision, unit, tiles) in [(Precision::F32, 1, 6), (Precision::Bf16, 2, 3), (Precision::Int8, 4, 2)] {
        let layer = Linear::new(weight.clone(), None, precision);
        let bytes = layer.packed().as_slice();
        let extra = if precision == Precision::Int8 { 48 * 8 } else { 0 };
        assert_eq!((PACKED_LAYOUT, bytes.len()), (1, 3 * tiles * 1024 + extra));
        for row in 0..output {
            let numbers = weight.row(row);
            let scale = numbers.iter().fold(0.0_f32, |largest, x| largest.max(x.abs())) / 127.0;
            for (depth, x) in numbers.iter().enumerate() {
                let line = row / 16 * tiles * 16 + depth / unit;
                let at = line * 64 + row % 16 * 4 + depth % unit * (4 / unit);
                match precision {
                    Precision::F32 => assert_eq!(bytes[at..at + 4], x.to_le_bytes()),
                    Precision::Bf16 => {
                        let found = f32::from_bits(u32::from_le_bytes([0, 0, bytes[at], bytes[at + 1]]));
                        assert!((found - x).abs() <= x.abs() / 256.0, "{found} for {x}");
                    }
                    _ => assert!((f32::from(bytes[at] as i8) * scale - x).abs() <= 0.501 * scale, "{x}"),
                }
            }
        }
    }
}
