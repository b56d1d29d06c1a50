//! The same bits for any number of threads, and for a sequence alone or among others.

use crate::block::Weights;
use crate::reference::random;
use sdmad_engine::{
    Activation, AdapterInput, Block, Linear, Mask, Matrix, NormPlacement, Precision, Projection, Sequences,
    ShiftAdapter,
};

/// Long enough for several tiles and tasks, and short; none a multiple of a tile.
const LENGTHS: [usize; 6] = [1, 131, 2, 49, 800, 17];

fn threads<T: Send>(count: usize, f: impl Fn() -> T + Sync + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap().install(&f)
}

const PRECISIONS: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for precision in PRECISIONS {
        for (placement, mask) in [(NormPlacement::Pre, Mask::Causal), (NormPlacement::Post, Mask::None)] {
            let weights = Weights::random(72, 200, true).packed(precision);
            blocks.push(Block::new(weights, 3, Activation::Gelu, placement, mask));
        }
    }
    blocks
}

/// A sequence's rows of a matrix.
fn part(x: &Matrix, span: (usize, usize)) -> Matrix {
    x.rows_from(span.0, span.1)
}

#[test]
fn any_number_of_threads() {
    let (x, dy) = (random("x", 800, 72, 1.0), random("dy", 800, 72, 1.0));
    let projection = Projection::new(random("w", 70, 72, 1.0));
    let dz = random("dz", 800, 70, 1.0);
    for block in blocks() {
        let run = || (block.forward(&x), block.backward(&x, &dy), projection.forward(&x), projection.backward(&x, &dz));
        let one = threads(1, run);
        for count in [2, 3, 7] {
            assert!(one == threads(count, run), "{count} threads");
        }
    }
}

#[test]
fn a_sequence_alone_or_among_others() {
    let longest = 803;
    for sequences in [Sequences::stacked(&LENGTHS), Sequences::padded(&LENGTHS, longest)] {
        let x = random("x", sequences.rows(), 72, 1.0);
        let dy = random("dy", sequences.rows(), 72, 1.0);
        for block in blocks() {
            let (y, dx) = (block.forward_sequences(&x, &sequences), block.backward_sequences(&x, &sequences, &dy));
            for &span in sequences.spans() {
                let (x, dy) = (part(&x, span), part(&dy, span));
                assert!(block.forward(&x) == part(&y, span), "forward of {} tokens", span.1);
                assert!(block.backward(&x, &dy) == part(&dx, span), "backward of {} tokens", span.1);
            }
        }
    }
}

#[test]
fn a_row_alone_or_among_others() {
    for (input, output) in [(1, 1), (2, 5), (3, 64), (384, 65), (513, 17), (1030, 130)] {
        let (x, dy) = (random("x", 100, input, 1.0), random("dy", 100, output, 1.0));
        let weight = random("w", output, input, 1.0);
        for precision in PRECISIONS {
            let layer = Linear::new(weight.clone(), None, precision);
            let (y, dx) = (layer.forward(&x), layer.backward(&dy));
            if precision == Precision::F32 {
                let projection = Projection::new(weight.clone());
                assert!(y == projection.forward(&x), "packed or not, {input} to {output}");
            }
            for count in [1, 2, 3, 15, 16, 17, 31, 32, 33, 49] {
                let what = format!("{count} rows, {input} to {output}, {precision:?}");
                assert!(layer.forward(&x.rows_from(50, count)) == y.rows_from(50, count), "{what}");
                assert!(layer.backward(&dy.rows_from(50, count)) == dx.rows_from(50, count), "backward of {what}");
            }
        }
    }
}

#[test]
fn an_adapter_sees_each_token_alone() {
    let (down, up) = (random("down", 24, 96, 0.2), random("up", 96, 24, 0.2));
    let adapter = ShiftAdapter { down, up, lambda: 0.9, input: AdapterInput::BlockInput, norm_matching: true };
    let (x, y) = (random("x", 60, 96, 1.0), random("y", 60, 96, 1.0));
    let out = adapter.forward(&x, &y);
    for row in [0, 47, 48, 59] {
        assert!(adapter.forward(&x.rows_from(row, 1), &y.rows_from(row, 1)) == out.rows_from(row, 1));
    }
}
