//! The shift adapter: its equation, its limits, and every gradient.

use crate::reference::{Plain, build, difference, finite_difference, leaky, random};
use sdmad_engine::{AdapterInput, Matrix, ShiftAdapter};

fn plain(adapter: &ShiftAdapter, down: &Plain, up: &Plain, block_input: &Plain, block_output: &Plain) -> Plain {
    let h = match adapter.input {
        AdapterInput::BlockInput => block_input,
        AdapterInput::BlockOutput => block_output,
    };
    let ada = h.times_transposed(down).map(leaky).times_transposed(up).map(leaky);
    let lambda = f64::from(adapter.lambda);
    let norm = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>().sqrt();
    build(h.rows, h.columns, |r, c| {
        let factor = if adapter.norm_matching { norm(block_output.row(r)) / norm(ada.row(r)) } else { 1.0 };
        lambda * block_output.at(r, c) + f64::from(1.0 - adapter.lambda) * factor * ada.at(r, c)
    })
}

fn adapters(width: usize, bottleneck: usize) -> Vec<ShiftAdapter> {
    let mut all = Vec::new();
    for input in [AdapterInput::BlockInput, AdapterInput::BlockOutput] {
        for norm_matching in [false, true] {
            for lambda in [0.9, 0.3, 0.0] {
                let (down, up) = (random("down", bottleneck, width, 0.5), random("up", width, bottleneck, 0.5));
                all.push(ShiftAdapter { down, up, lambda, input, norm_matching });
            }
        }
    }
    all
}

#[test]
fn forward_and_every_gradient_match() {
    for (tokens, width, bottleneck) in [(1, 3, 2), (5, 7, 3), (3, 17, 5)] {
        for adapter in adapters(width, bottleneck) {
            let what = format!("{tokens} {width} {:?} {} {}", adapter.input, adapter.norm_matching, adapter.lambda);
            let (x, y) = (random("in", tokens, width, 1.0), random("out", tokens, width, 1.5));
            let dy = random("dy", tokens, width, 1.0);
            let [x64, y64, dy64, down64, up64] = [&x, &y, &dy, &adapter.down, &adapter.up].map(Plain::of);
            let expected = plain(&adapter, &down64, &up64, &x64, &y64);
            assert!(difference(&adapter.forward(&x, &y), &expected) < 2e-6, "{what}");

            let found = adapter.backward(&x, &y, &dy);
            let expected = finite_difference(&down64, &dy64, |down| plain(&adapter, down, &up64, &x64, &y64));
            assert!(difference(&found.down, &expected) < 5e-6, "down {what}");
            let expected = finite_difference(&up64, &dy64, |up| plain(&adapter, &down64, up, &x64, &y64));
            assert!(difference(&found.up, &expected) < 5e-6, "up {what}");
            let expected = finite_difference(&x64, &dy64, |x| plain(&adapter, &down64, &up64, x, &y64));
            assert!(difference(&found.block_input, &expected) < 5e-6, "input {what}");
            let expected = finite_difference(&y64, &dy64, |y| plain(&adapter, &down64, &up64, &x64, y));
            let found = &found.block_output;
            assert!(difference(found, &expected) < 5e-6, "output {what}");
        }
    }
}

#[test]
fn lambda_one_is_the_frozen_block_bit_for_bit() {
    for mut adapter in adapters(8, 2) {
        adapter.lambda = 1.0;
        adapter.down.data_mut()[0] = f32::NAN;
        let (x, y, dy) = (random("in", 4, 8, 1.0), random("out", 4, 8, 1e20), random("dy", 4, 8, 1.0));
        assert_eq!(adapter.forward(&x, &y), y);
        let gradients = adapter.backward(&x, &y, &dy);
        assert_eq!(gradients.block_output, dy);
        for nothing in [&gradients.block_input, &gradients.down, &gradients.up] {
            assert!(nothing.data().iter().all(|d| *d == 0.0));
        }
    }
}

#[test]
fn norm_matching_keeps_the_norm_and_survives_silence() {
    let mut adapter = adapters(8, 2).into_iter().find(|a| a.norm_matching && a.lambda == 0.0).unwrap();
    let (x, y) = (random("in", 4, 8, 1.0), random("out", 4, 8, 3.0));
    let norm = |row: &[f32]| row.iter().map(|x| x * x).sum::<f32>().sqrt();
    let out = adapter.forward(&x, &y);
    for row in 0..4 {
        assert!((norm(out.row(row)) / norm(y.row(row)) - 1.0).abs() < 1e-5);
    }
    adapter.up = Matrix::zeros(8, 2);
    assert_eq!(adapter.forward(&x, &y), Matrix::zeros(4, 8));
    let gradients = adapter.backward(&x, &y, &y);
    for found in [&gradients.block_input, &gradients.block_output, &gradients.down, &gradients.up] {
        assert!(found.data().iter().all(|d| d.is_finite()));
    }
}
