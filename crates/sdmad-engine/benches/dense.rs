//! Heads in closed form, f64. `cargo bench -p sdmad-engine --bench dense`.

mod support;

use sdmad_engine::{Cholesky, Matrix64, symmetric_eigen};
use support::{random, run};

fn gram(n: usize) -> Matrix64 {
    let factor = Matrix64::from(&random(n, n + 8, 1.0));
    let mut gram = factor.times_transposed(&factor);
    gram.add_to_diagonal(1.0);
    gram
}

/// Sizes: shots and views of a large support set, and the width of a tower.
fn main() {
    run(|criterion| {
        let mut group = criterion.benchmark_group("dense");
        group.sample_size(10);
        let (matrix, right) = (gram(1500), Matrix64::from(&random(1500, 384, 1.0)));
        group.bench_function("cholesky/1500", |b| b.iter(|| Cholesky::new(matrix.clone())));
        if let Ok(factor) = Cholesky::new(matrix.clone()) {
            group.bench_function("solve/1500x384", |b| b.iter(|| factor.solve(&right)));
        }
        let matrix = gram(600);
        group.bench_function("eigen/600", |b| b.iter(|| symmetric_eigen(&matrix)));
        group.finish();
    });
}
