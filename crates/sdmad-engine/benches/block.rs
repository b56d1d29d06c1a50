//! Whole blocks, forward and backward, and their element-wise parts. `cargo bench -p sdmad-engine --bench block`.
//!
//! Seconds and memory of whole towers: the example `tower`.

mod support;

use criterion::Throughput;
use sdmad_engine::{Activation, Block, BlockWeights, LayerNorm, Mask, NormPlacement, Precision};
use support::{PRECISIONS, TOWERS, Tower, bench, layer, random, run};

fn norm(width: usize) -> LayerNorm {
    LayerNorm::new(vec![1.0; width], vec![0.0; width], 1e-6)
}

fn block(tower: &Tower, precision: Precision) -> Block {
    let width = tower.width;
    let weights = BlockWeights {
        norm1: norm(width),
        query_key_value: layer(3 * width, width, precision),
        output: layer(width, width, precision),
        norm2: norm(width),
        expand: layer(4 * width, width, precision),
        contract: layer(width, 4 * width, precision),
        layer_scale: None,
    };
    Block::new(weights, tower.heads, Activation::Gelu, NormPlacement::Pre, Mask::None)
}

fn main() {
    run(|criterion| {
        for tower in TOWERS {
            let mut group = criterion.benchmark_group(tower.name);
            let (tokens, width) = (tower.tokens, tower.width);
            let (x, dy) = (random(tokens, width, 1.0), random(tokens, width, 1.0));
            for precision in PRECISIONS {
                let block = block(tower, precision);
                let (products, scores) = (24 * tokens * width * width, 4 * tokens * tokens * width);
                bench(&mut group, "block/forward", products + scores, precision, || block.forward(&x));
                // The adjoint, and all of the forward pass but its last layer once more.
                let again = products / 3 * 2 + scores;
                bench(&mut group, "block/backward", again + products + 5 * scores / 2, precision, || {
                    block.backward(&x, &dy)
                });
            }
            group.throughput(Throughput::Elements((tokens * width) as u64));
            let norm = norm(width);
            group.bench_function("layer norm/forward", |b| b.iter(|| norm.forward(&x)));
            group.bench_function("layer norm/backward", |b| b.iter(|| norm.backward(&x, &dy)));
            for activation in [Activation::Gelu, Activation::QuickGelu] {
                let mut y = x.clone();
                group.bench_function(format!("{activation:?}/forward").to_lowercase(), |b| {
                    b.iter(|| activation.forward(y.data_mut()));
                });
            }
            group.finish();
        }
    });
}
