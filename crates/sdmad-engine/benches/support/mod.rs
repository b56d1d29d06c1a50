//! What the benches share: CPU time of one thread as the measure, random numbers, shapes, and the share of the processor's peak.
#![allow(dead_code, unreachable_pub)]

mod peak;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkGroup, Criterion, Throughput};
use rustix::time::{ClockId, clock_gettime};
use sdmad_base::Stream;
use sdmad_engine::{Linear, Matrix, Precision, instruction_path};

pub use peak::peak;

pub const PRECISIONS: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];

/// CPU time of the current thread, which a busy machine disturbs less than wall time.
pub struct ThreadTime;

/// CPU time of the current thread, in nanoseconds.
pub fn now() -> f64 {
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

pub struct Tower {
    pub name: &'static str,
    pub tokens: usize,
    pub width: usize,
    pub heads: usize,
}

pub const TOWERS: &[Tower] = &[
    Tower { name: "vit-s-14@224", tokens: 257, width: 384, heads: 6 },
    Tower { name: "vit-l-14@336", tokens: 577, width: 1024, heads: 16 },
];

pub fn random(rows: usize, columns: usize, scale: f64) -> Matrix {
    let mut stream = Stream::new(1, "bench");
    Matrix::from_vec(rows, columns, (0..rows * columns).map(|_| (stream.normal() * scale) as f32).collect())
}

pub fn layer(output: usize, input: usize, precision: Precision) -> Linear {
    Linear::new(random(output, input, (input as f64).powf(-0.5)), Some(vec![0.1; output]), precision)
}

/// Benches `f`, which computes so many operations, and says which share it reaches of the peak of its precision, measured just before.
pub fn bench<T>(
    group: &mut BenchmarkGroup<'_, ThreadTime>,
    name: &str,
    operations: usize,
    precision: Precision,
    mut f: impl FnMut() -> T,
) {
    const PASSES: usize = 5;
    group.sample_size(10);
    group.throughput(Throughput::Elements(operations as u64));
    let name = format!("{name}/{precision:?}").to_lowercase();
    let mut ran = false;
    group.bench_function(&name, |bencher| {
        ran = true;
        bencher.iter(&mut f);
    });
    // Not chosen on the command line.
    if !ran {
        return;
    }
    let peak = peak(precision);
    let mut rates: Vec<f64> = (0..PASSES)
        .map(|_| {
            let start = now();
            std::hint::black_box(f());
            operations as f64 / (now() - start)
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let rate = rates[PASSES / 2];
    println!(
        "    {name}: {rate:.0} GFLOP/s, {:.0} % of a peak of {peak:.0} ({})",
        100.0 * rate / peak,
        instruction_path()
    );
}

/// Runs benches in a pool of one thread.
pub fn run(benches: impl FnOnce(&mut Criterion<ThreadTime>) + Send) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread");
    pool.install(|| {
        let mut criterion = Criterion::default().with_measurement(ThreadTime).configure_from_args();
        benches(&mut criterion);
        criterion.final_summary();
    });
}
