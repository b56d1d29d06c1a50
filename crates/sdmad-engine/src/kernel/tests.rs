//! Every instruction path against plain sums, and the paths against each other.

use rayon::ThreadPoolBuilder;
use sdmad_base::Stream;

use crate::instructions::FORCED;
use crate::{
    Activation, Block, BlockWeights, InstructionPath, LayerNorm, Linear, Mask, Matrix, NormPlacement, Precision,
    Sequences, attention, attention_backward, symmetric_eigen,
};

const PRECISIONS: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];

/// Runs `f` in a pool of one thread on this path.
fn on<T: Send>(path: InstructionPath, f: impl FnOnce() -> T + Send) -> T {
    let pool = ThreadPoolBuilder::new().num_threads(1).start_handler(move |_| FORCED.set(Some(path))).build().unwrap();
    pool.install(f)
}

fn paths() -> impl Iterator<Item = InstructionPath> {
    InstructionPath::ALL.into_iter().filter(|path| path.is_available())
}

fn random(stream: &mut Stream, rows: usize, columns: usize, scale: f32) -> Matrix {
    Matrix::from_vec(rows, columns, (0..rows * columns).map(|_| stream.normal() as f32 * scale).collect())
}

/// Everything element by element that chooses its instructions at run time, on awkward sizes.
fn elements() -> Vec<u64> {
    let x = Matrix::from_vec(7, 99, (0..7 * 99).map(|i| ((i * 37 % 101) as f32 - 50.0) * 0.13).collect());
    let norm = LayerNorm::new(vec![0.7; 99], vec![0.1; 99], 1e-5);
    let mut all = vec![norm.forward(&x), norm.backward(&x, &x), x.transposed()];
    for activation in [Activation::Gelu, Activation::QuickGelu] {
        let (mut y, mut dy) = (x.clone(), x.clone());
        activation.forward(y.data_mut());
        activation.backward(x.data(), dy.data_mut());
        all.extend([y, dy]);
    }
    let gram = crate::Matrix64::from(&x).transposed_times(&crate::Matrix64::from(&x));
    let mut bits: Vec<u64> = all.iter().flat_map(|m| m.data()).map(|x| u64::from(x.to_bits())).collect();
    for precision in PRECISIONS {
        bits.extend(Linear::new(x.clone(), None, precision).packed().as_slice().iter().map(|byte| u64::from(*byte)));
    }
    let eigen = symmetric_eigen(&gram).unwrap();
    bits.extend(eigen.values.iter().chain(eigen.vectors.data()).map(|x| x.to_bits()));
    bits
}

#[test]
fn element_wise_functions_and_packed_weights_are_the_same_bits_on_every_path() {
    let expected = on(InstructionPath::Portable, elements);
    for path in paths() {
        assert!(on(path, elements) == expected, "{path}");
    }
}

/// Largest difference of two matrices, over the root mean square of the second's row.
fn difference(found: &Matrix, expected: &Matrix) -> f64 {
    assert_eq!((found.rows(), found.columns()), (expected.rows(), expected.columns()));
    let mut worst = 0.0_f64;
    for row in 0..found.rows() {
        let (found, expected) = (found.row(row), expected.row(row));
        let square = expected.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / expected.len() as f64;
        for (found, expected) in found.iter().zip(expected) {
            let difference = (f64::from(*found) - f64::from(*expected)).abs() / square.sqrt().max(1e-30);
            worst = if difference.is_nan() { f64::INFINITY } else { worst.max(difference) };
        }
    }
    worst
}

/// Products and their adjoints at a random shape: the paths differ by rounding in f32 alone, whatever the precision.
#[test]
fn products_agree_over_random_shapes() {
    let mut stream = Stream::new(3, "shapes of products");
    let mut shapes: Vec<(usize, usize, usize)> =
        (0..40).map(|_| (1 + stream.below(70), 1 + stream.below(200), 1 + stream.below(100))).collect();
    shapes.extend((1..=70).map(|rows| (rows, 37, 33)));
    shapes.extend([(33, 1030, 49), (70, 2050, 17), (1, 1, 1), (300, 520, 160)]);
    for (rows, input, output) in shapes {
        let (x, dy) = (random(&mut stream, rows, input, 1.0), random(&mut stream, rows, output, 1.0));
        let weight = random(&mut stream, output, input, 1.0);
        let bias = random(&mut stream, 1, output, 1.0).into_vec();
        for precision in PRECISIONS {
            let layer = Linear::new(weight.clone(), Some(bias.clone()), precision);
            let run = || (layer.forward(&x), layer.backward(&dy));
            let (y, dx) = on(InstructionPath::Portable, run);
            for path in paths() {
                let (found_y, found_dx) = on(path, run);
                let what = format!("{path} {precision:?} [{rows}, {input}] to {output}");
                assert!(difference(&found_y, &y) < 2e-5, "{what}: {}", difference(&found_y, &y));
                assert!(difference(&found_dx, &dx) < 2e-5, "adjoint, {what}: {}", difference(&found_dx, &dx));
                if precision == Precision::Int8 {
                    assert!(found_y == y, "sums of integers are exact: {what}");
                }
            }
        }
    }
}

/// Where no instruction multiplies bf16, they are multiplied as the f32 that they are, in the same order: the same bits.
#[test]
fn bf16_without_instructions_of_its_own_is_f32_of_rounded_factors() {
    let rounded = |m: &Matrix| {
        let round = |x: &f32| f32::from_bits((x.to_bits() + 0x7FFF + (x.to_bits() >> 16 & 1)) & 0xFFFF_0000);
        Matrix::from_vec(m.rows(), m.columns(), m.data().iter().map(round).collect())
    };
    let mut stream = Stream::new(4, "widened");
    for (rows, input, output) in [(1, 1, 1), (7, 33, 17), (40, 128, 32), (70, 333, 49), (300, 1030, 80)] {
        let (x, dy) = (random(&mut stream, rows, input, 1.0), random(&mut stream, rows, output, 1.0));
        let weight = random(&mut stream, output, input, 1.0);
        let narrow = Linear::new(weight.clone(), None, Precision::Bf16);
        let wide = Linear::new(rounded(&weight), None, Precision::F32);
        for path in paths().filter(|&path| path < InstructionPath::Avx512Bf16Vnni) {
            let what = format!("{path} [{rows}, {input}] to {output}");
            assert!(on(path, || narrow.forward(&x) == wide.forward(&rounded(&x))), "{what}");
            assert!(on(path, || narrow.backward(&dy) == wide.backward(&rounded(&dy))), "adjoint, {what}");
        }
    }
}

#[test]
fn what_is_not_finite_and_what_is_tiny() {
    let mut stream = Stream::new(3, "not finite");
    let (rows, input, output) = (20, 70, 40);
    let weight = random(&mut stream, output, input, 1.0);
    for precision in PRECISIONS {
        let layer = Linear::new(weight.clone(), None, precision);
        for path in paths() {
            let what = format!("{path} {precision:?}");
            let mut x = random(&mut stream, rows, input, 1.0);
            let clean = on(path, || layer.forward(&x));
            x.row_mut(3)[69] = f32::NAN;
            x.row_mut(17)[0] = f32::INFINITY;
            x.row_mut(18)[5] = f32::NEG_INFINITY;
            let y = on(path, || layer.forward(&x));
            for row in 0..rows {
                match row {
                    3 => assert!(y.row(row).iter().all(|y| y.is_nan()), "{what}"),
                    17 | 18 => assert!(y.row(row).iter().all(|y| !y.is_finite()), "{what}"),
                    _ => assert!(y.row(row) == clean.row(row), "{what}"),
                }
            }
            let tiny = Matrix::from_vec(2, input, vec![1e-40; 2 * input]);
            let y = on(path, || layer.forward(&tiny));
            assert!(y.data().iter().all(|y| y.abs() < 1e-37), "{what}");
        }
    }
}

fn block(stream: &mut Stream, width: usize, hidden: usize, precision: Precision, mask: Mask) -> Block {
    let mut layer = |output: usize, input: usize| {
        let weight = random(stream, output, input, (input as f32).powf(-0.5));
        Linear::new(weight, Some(random(stream, 1, output, 0.1).into_vec()), precision)
    };
    let norm = || LayerNorm::new(vec![1.0; width], vec![0.1; width], 1e-5);
    let weights = BlockWeights {
        norm1: norm(),
        query_key_value: layer(3 * width, width),
        output: layer(width, width),
        norm2: norm(),
        expand: layer(hidden, width),
        contract: layer(width, hidden),
        layer_scale: None,
    };
    Block::new(weights, 3, Activation::Gelu, NormPlacement::Pre, mask)
}

/// Whole blocks: f32 and bf16 differ by rounding; where attention is rounded to bf16 or a quantised number falls to the other side, by more.
#[test]
fn blocks_and_attention_agree() {
    let mut stream = Stream::new(3, "blocks");
    for mask in [Mask::None, Mask::Causal] {
        for precision in PRECISIONS {
            let block = block(&mut stream, 72, 200, precision, mask);
            let (x, dy) = (random(&mut stream, 70, 72, 1.0), random(&mut stream, 70, 72, 1.0));
            let qkv = random(&mut stream, 70, 3 * 72, 1.0);
            let sequences = Sequences::stacked(&[3, 50, 17]);
            let run = || {
                [
                    block.forward_sequences(&x, &sequences),
                    block.backward_sequences(&x, &sequences, &dy),
                    attention(&qkv, 3, mask, &sequences, precision),
                    attention_backward(&qkv, 3, mask, &sequences, precision, &dy),
                ]
            };
            let expected = on(InstructionPath::Portable, run);
            let allowed = if precision == Precision::F32 { 2e-5 } else { 0.1 };
            for path in paths() {
                for (found, expected) in on(path, run).iter().zip(&expected) {
                    let found = difference(found, expected);
                    assert!(found < allowed, "{path} {precision:?} {mask:?}: {found}");
                }
            }
        }
    }
}
