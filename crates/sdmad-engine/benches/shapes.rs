//! Linear layers, attention and whole blocks at the shapes of ViT-S/14 at 224 pixels and ViT-L/14 at 336 pixels; dense algebra.
//!
//! Times are CPU seconds of one thread, which a busy machine disturbs less than wall time. `cargo bench -p sdmad-engine`.

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput};
use rustix::time::{ClockId, clock_gettime};
use sdmad_base::Stream;
use sdmad_engine::{
    Activation, Block, BlockWeights, Cholesky, LayerNorm, Linear, Mask, Matrix, Matrix64, NormPlacement, Precision,
    Sequences, attention, attention_backward, symmetric_eigen,
};

/// CPU time of the current thread, in nanoseconds.
struct ThreadTime;

fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

impl Measurement for ThreadTime {
    type Intermediate = f64;
    type Value = f64;
    fn start(&self) -> f64 {
        now()
    }
    fn end(&self, start: f64) -> f64 {
        now() - start
    }
    fn add(&self, a: &f64, b: &f64) -> f64 {
        a + b
    }
    fn zero(&self) -> f64 {
        0.0
    }
    fn to_f64(&self, value: &f64) -> f64 {
        *value
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

struct Tower {
    name: &'static str,
    tokens: usize,
    width: usize,
    heads: usize,
    layers: usize,
}

const TOWERS: &[Tower] = &[
    Tower { name: "vit-s-14@224", tokens: 257, width: 384, heads: 6, layers: 12 },
    Tower { name: "vit-l-14@336", tokens: 577, width: 1024, heads: 16, layers: 24 },
];

fn random(rows: usize, columns: usize, scale: f64) -> Matrix {
    let mut stream = Stream::new(1, "bench");
    Matrix::from_vec(rows, columns, (0..rows * columns).map(|_| (stream.normal() * scale) as f32).collect())
}

fn layer(output: usize, input: usize) -> Linear {
    Linear::new(random(output, input, (input as f64).powf(-0.5)), Some(vec![0.1; output]), Precision::F32)
}

fn norm(width: usize) -> LayerNorm {
    LayerNorm::new(vec![1.0; width], vec![0.0; width], 1e-6)
}

fn block(tower: &Tower) -> Block {
    let width = tower.width;
    let weights = BlockWeights {
        norm1: norm(width),
        query_key_value: layer(3 * width, width),
        output: layer(width, width),
        norm2: norm(width),
        expand: layer(4 * width, width),
        contract: layer(width, 4 * width),
        layer_scale: None,
    };
    Block::new(weights, tower.heads, Activation::Gelu, NormPlacement::Pre, Mask::None)
}

fn towers(criterion: &mut Criterion<ThreadTime>) {
    for tower in TOWERS {
        let (tokens, width) = (tower.tokens as u64, tower.width as u64);
        let mut group = criterion.benchmark_group(tower.name);
        group.sample_size(10);
        for (name, output, input) in
            [("expand", 4 * tower.width, tower.width), ("contract", tower.width, 4 * tower.width)]
        {
            let (linear, x, dy) =
                (layer(output, input), random(tower.tokens, input, 1.0), random(tower.tokens, output, 1.0));
            group.throughput(Throughput::Elements(2 * tokens * output as u64 * input as u64));
            group.bench_function(format!("{name}/forward"), |b| b.iter(|| linear.forward(&x)));
            group.bench_function(format!("{name}/backward"), |b| b.iter(|| linear.backward(&dy)));
        }
        let (qkv, dy) = (random(tower.tokens, 3 * tower.width, 1.0), random(tower.tokens, tower.width, 1.0));
        let sequences = Sequences::single(tower.tokens);
        group.throughput(Throughput::Elements(4 * tokens * tokens * width));
        group.bench_function("attention/forward", |b| {
            b.iter(|| attention(&qkv, tower.heads, Mask::None, &sequences, Precision::F32))
        });
        group.throughput(Throughput::Elements(10 * tokens * tokens * width));
        group.bench_function("attention/backward", |b| {
            b.iter(|| attention_backward(&qkv, tower.heads, Mask::None, &sequences, Precision::F32, &dy));
        });
        let (block, x) = (block(tower), random(tower.tokens, tower.width, 1.0));
        let operations = 24 * tokens * width * width + 4 * tokens * tokens * width;
        group.throughput(Throughput::Elements(operations));
        group.bench_function("block/forward", |b| b.iter(|| block.forward(&x)));
        group.bench_function("block/backward", |b| b.iter(|| block.backward(&x, &dy)));
        // Copies, so that weights come from memory as they do in a tower.
        let blocks = vec![block; tower.layers];
        group.throughput(Throughput::Elements(operations * tower.layers as u64));
        group.bench_function("tower/forward", |b| {
            b.iter(|| blocks.iter().fold(x.clone(), |x, block| block.forward(&x)));
        });
        group.bench_function("tower/forward and backward", |b| {
            b.iter(|| {
                let mut inputs = vec![x.clone()];
                for block in &blocks {
                    inputs.push(block.forward(&inputs[inputs.len() - 1]));
                }
                blocks.iter().zip(&inputs).rev().fold(dy.clone(), |dy, (block, x)| block.backward(x, &dy))
            });
        });
        group.finish();
    }
}

/// Sizes of heads in closed form: shots and views of a large support set, and the width of a tower.
fn dense(criterion: &mut Criterion<ThreadTime>) {
    let mut group = criterion.benchmark_group("dense");
    group.sample_size(10);
    let gram = |n: usize| {
        let factor = Matrix64::from(&random(n, n + 8, 1.0));
        let mut gram = factor.times_transposed(&factor);
        gram.add_to_diagonal(1.0);
        gram
    };
    let (matrix, right) = (gram(1500), Matrix64::from(&random(1500, 384, 1.0)));
    group.bench_function("cholesky/1500", |b| b.iter(|| Cholesky::new(matrix.clone())));
    if let Ok(factor) = Cholesky::new(matrix.clone()) {
        group.bench_function("solve/1500x384", |b| b.iter(|| factor.solve(&right)));
    }
    let matrix = gram(600);
    group.bench_function("eigen/600", |b| b.iter(|| symmetric_eigen(&matrix)));
    group.finish();
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread");
    pool.install(|| {
        let mut criterion = Criterion::default().with_measurement(ThreadTime).configure_from_args();
        towers(&mut criterion);
        dense(&mut criterion);
        criterion.final_summary();
    });
}
