//! Plain f64 versions of the operations, and finite differences of them.
#![allow(dead_code, unreachable_pub)]

use sdmad_base::Stream;
use sdmad_engine::Matrix;

/// A row-major f64 matrix.
#[derive(Clone, Debug)]
pub struct Plain {
    pub rows: usize,
    pub columns: usize,
    pub data: Vec<f64>,
}

impl Plain {
    pub fn of(matrix: &Matrix) -> Self {
        let data = matrix.data().iter().map(|&x| f64::from(x)).collect();
        Plain { rows: matrix.rows(), columns: matrix.columns(), data }
    }
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Plain { rows, columns, data: vec![0.0; rows * columns] }
    }
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.data[row * self.columns + column]
    }
    pub fn set(&mut self, row: usize, column: usize, value: f64) {
        self.data[row * self.columns + column] = value;
    }
    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.columns..(row + 1) * self.columns]
    }
    pub fn transposed(&self) -> Plain {
        build(self.columns, self.rows, |r, c| self.at(c, r))
    }
    /// `self · otherᵀ`
    pub fn times_transposed(&self, other: &Plain) -> Plain {
        build(self.rows, other.rows, |r, c| self.row(r).iter().zip(other.row(c)).map(|(a, b)| a * b).sum())
    }
    pub fn plus(&self, other: &Plain) -> Plain {
        build(self.rows, self.columns, |r, c| self.at(r, c) + other.at(r, c))
    }
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Plain {
        build(self.rows, self.columns, |r, c| f(self.at(r, c)))
    }
    pub fn part(&self, first_row: usize, rows: usize, first_column: usize, columns: usize) -> Plain {
        build(rows, columns, |r, c| self.at(first_row + r, first_column + c))
    }
}

pub fn build(rows: usize, columns: usize, f: impl Fn(usize, usize) -> f64) -> Plain {
    let data = (0..rows * columns).map(|i| f(i / columns, i % columns)).collect();
    Plain { rows, columns, data }
}

/// Normal numbers times `scale`, from a stream named after the test.
pub fn random(name: &str, rows: usize, columns: usize, scale: f32) -> Matrix {
    let mut stream = Stream::new(7, name);
    let data = (0..rows * columns).map(|_| stream.normal() as f32 * scale).collect();
    Matrix::from_vec(rows, columns, data)
}

/// Largest difference, relative to the largest reference number.
pub fn difference(found: &Matrix, expected: &Plain) -> f64 {
    assert_eq!((found.rows(), found.columns()), (expected.rows, expected.columns));
    let largest = expected.data.iter().fold(0.0_f64, |a, b| a.max(b.abs())).max(1e-30);
    let worst = found.data().iter().zip(&expected.data).map(|(a, b)| (f64::from(*a) - b).abs());
    worst.fold(0.0, |a, b| if b > a || b.is_nan() { b } else { a }) / largest
}

/// The gradient of `Σ weights * f(x)` at x by central differences: what an adjoint must give for `dy = weights`.
pub fn finite_difference(x: &Plain, weights: &Plain, f: impl Fn(&Plain) -> Plain) -> Plain {
    const STEP: f64 = 1e-5;
    let value = |x: &Plain| -> f64 { f(x).data.iter().zip(&weights.data).map(|(y, w)| y * w).sum() };
    let mut moved = x.clone();
    let mut gradient = x.clone();
    for index in 0..x.data.len() {
        let here = x.data[index];
        moved.data[index] = here + STEP;
        let above = value(&moved);
        moved.data[index] = here - STEP;
        let below = value(&moved);
        moved.data[index] = here;
        gradient.data[index] = (above - below) / (2.0 * STEP);
    }
    gradient
}

pub fn linear(x: &Plain, weight: &Plain, bias: Option<&[f32]>) -> Plain {
    let y = x.times_transposed(weight);
    build(y.rows, y.columns, |r, c| y.at(r, c) + bias.map_or(0.0, |b| f64::from(b[c])))
}

pub fn layer_norm(x: &Plain, weight: &[f32], bias: &[f32], epsilon: f64) -> Plain {
    build(x.rows, x.columns, |r, c| {
        let row = x.row(r);
        let mean = row.iter().sum::<f64>() / row.len() as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / row.len() as f64;
        (x.at(r, c) - mean) / (variance + epsilon).sqrt() * f64::from(weight[c]) + f64::from(bias[c])
    })
}

pub fn gelu(x: f64) -> f64 {
    0.5 * x * libm::erfc(-x / 2.0_f64.sqrt())
}

pub fn quick_gelu(x: f64) -> f64 {
    x / (1.0 + (-1.702 * x).exp())
}

pub fn attention(qkv: &Plain, heads: usize, causal: bool, spans: &[(usize, usize)]) -> Plain {
    let width = qkv.columns / 3;
    let head_width = width / heads;
    let mut y = Plain::zeros(qkv.rows, width);
    for &(first, tokens) in spans {
        for head in 0..heads {
            let part = |which| qkv.part(first, tokens, which * width + head * head_width, head_width);
            let (q, k, v) = (part(0), part(1), part(2));
            for i in 0..tokens {
                let seen = if causal { i + 1 } else { tokens };
                let score = |j: usize| -> f64 {
                    q.row(i).iter().zip(k.row(j)).map(|(a, b)| a * b).sum::<f64>() / (head_width as f64).sqrt()
                };
                let weights: Vec<f64> = (0..seen).map(|j| score(j).exp()).collect();
                let total: f64 = weights.iter().sum();
                for c in 0..head_width {
                    let sum: f64 = (0..seen).map(|j| weights[j] * v.at(j, c)).sum();
                    y.set(first + i, head * head_width + c, sum / total);
                }
            }
        }
    }
    y
}

pub fn leaky(x: f64) -> f64 {
    if x < 0.0 { 0.01 * x } else { x }
}

pub fn l2_normalize(x: &Plain) -> Plain {
    build(x.rows, x.columns, |r, c| {
        let norm = x.row(r).iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm == 0.0 { 0.0 } else { x.at(r, c) / norm }
    })
}
