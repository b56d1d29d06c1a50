//! One channel of an image, or a map of weights over it.

/// `side` × `side` values, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    side: usize,
    values: Vec<f32>,
}

impl Plane {
    /// `value` everywhere.
    pub fn filled(side: usize, value: f32) -> Self {
        Plane { side, values: vec![value; side * side] }
    }

    /// The value of each pixel, from its column and row.
    pub fn from_fn(side: usize, mut value: impl FnMut(f32, f32) -> f32) -> Self {
        let mut values = Vec::with_capacity(side * side);
        for y in 0..side {
            values.extend((0..side).map(|x| value(x as f32, y as f32)));
        }
        Plane { side, values }
    }

    /// Pixels of a side.
    pub fn side(&self) -> usize {
        self.side
    }

    /// All values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All values, to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The value at a pixel; outside, that of the nearest pixel.
    pub fn at(&self, x: i64, y: i64) -> f32 {
        let clamp = |v: i64| v.clamp(0, self.side as i64 - 1) as usize;
        self.values[clamp(y) * self.side + clamp(x)]
    }

    /// The value between pixels, by linear interpolation; outside, that of the nearest edge.
    pub fn sample(&self, x: f32, y: f32) -> f32 {
        // Where there is no interpolation, clamping changes nothing, and truncation is the floor.
        let last = (self.side - 1) as f32;
        let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
        let (column, row) = (x as usize, y as usize);
        let (u, v) = (x - column as f32, y - row as f32);
        let right = usize::from(column + 1 < self.side);
        let upper = &self.values[row * self.side..];
        let lower = if row + 1 < self.side { &upper[self.side..] } else { upper };
        let top = upper[column] * (1.0 - u) + upper[column + right] * u;
        let bottom = lower[column] * (1.0 - u) + lower[column + right] * u;
        top * (1.0 - v) + bottom * v
    }

    /// Each value changed by `f`.
    pub fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        self.values.iter_mut().for_each(|v| *v = f(*v));
        self
    }

    /// Values of two planes put together.
    ///
    /// # Panics
    /// When their sides differ.
    pub fn zip(mut self, other: &Plane, f: impl Fn(f32, f32) -> f32) -> Self {
        assert_eq!(self.side, other.side, "planes of one size");
        self.values.iter_mut().zip(&other.values).for_each(|(a, &b)| *a = f(*a, b));
        self
    }

    /// The product.
    pub fn times(self, other: &Plane) -> Self {
        self.zip(other, |a, b| a * b)
    }

    /// The larger value.
    pub fn max(self, other: &Plane) -> Self {
        self.zip(other, f32::max)
    }

    /// The mean of the values.
    pub fn mean(&self) -> f32 {
        total(&self.values) / self.values.len() as f32
    }

    /// The mean of the values, weighted; 0 where there is no weight.
    pub fn mean_under(&self, weight: &Plane) -> f32 {
        let weights = total(&weight.values);
        if weights > 0.0 { dot(&self.values, &weight.values) / weights } else { 0.0 }
    }

    /// Where the largest value is: column and row.
    pub fn brightest(&self) -> (usize, usize) {
        let mut best = 0;
        for (i, &v) in self.values.iter().enumerate() {
            if v > self.values[best] {
                best = i;
            }
        }
        (best % self.side, best / self.side)
    }

    /// Smoothed by about a Gaussian of standard deviation `sigma` pixels: three running means, whose price does not
    /// depend on `sigma`. Outside, the nearest pixel counts.
    pub fn blurred(&self, sigma: f32) -> Plane {
        if sigma < 0.3 {
            return self.clone();
        }
        // Three boxes of width w have the variance (w² − 1) / 4; a fractional edge makes the width continuous.
        let half = ((4.0 * sigma * sigma + 1.0).sqrt() - 1.0) * 0.5;
        let (mut plane, mut other) = (self.clone(), Plane::filled(self.side, 0.0));
        for _ in 0..2 {
            for _ in 0..3 {
                plane.box_columns(half, &mut other);
                std::mem::swap(&mut plane, &mut other);
            }
            plane.transpose(&mut other);
            std::mem::swap(&mut plane, &mut other);
        }
        plane
    }

    /// Writes the running mean of each column over `half` pixels up and down to `means`. All columns of a row go
    /// together.
    fn box_columns(&self, half: f32, means: &mut Plane) {
        let side = self.side;
        let whole = half.floor() as usize;
        let part = half - whole as f32;
        let weight = 1.0 / (2.0 * half + 1.0);
        // The row `y - shift`, or that of the nearest edge.
        let row = |y: usize, shift: usize| {
            let y = y.saturating_sub(shift).min(side - 1);
            &self.values[y * side..(y + 1) * side]
        };
        if whole == 0 {
            // Three rows count: no sum has to run.
            for (y, mean) in means.values.chunks_exact_mut(side).enumerate() {
                let near = row(y, 1).iter().zip(row(y, 0)).zip(row(y + 1, 0));
                let mean = mean.iter_mut().zip(near);
                mean.for_each(|(value, ((&above, &here), &below))| *value = (here + part * (above + below)) * weight);
            }
            return;
        }
        // f64: the running sum keeps its digits.
        let mut sums = vec![0.0f64; side];
        for y in 0..2 * whole + 1 {
            sums.iter_mut().zip(row(y, whole)).for_each(|(sum, &v)| *sum += f64::from(v));
        }
        for (y, mean) in means.values.chunks_exact_mut(side).enumerate() {
            let (above, first, below) = (row(y, whole + 1), row(y, whole), row(y + whole + 1, 0));
            let columns = mean.iter_mut().zip(&mut sums).zip(above).zip(first).zip(below);
            for ((((value, sum), &above), &first), &below) in columns {
                *value = (*sum as f32 + part * (above + below)) * weight;
                *sum += f64::from(below) - f64::from(first);
            }
        }
    }

    /// Writes rows as columns to `turned`.
    fn transpose(&self, turned: &mut Plane) {
        let (side, values) = (self.side, &mut turned.values);
        const TILE: usize = 16;
        for top in (0..side).step_by(TILE) {
            for left in (0..side).step_by(TILE) {
                for y in top..(top + TILE).min(side) {
                    for x in left..(left + TILE).min(side) {
                        values[x * side + y] = self.values[y * side + x];
                    }
                }
            }
        }
    }
}

/// The sum of products, in eight parts that do not wait for one another.
fn dot(values: &[f32], weights: &[f32]) -> f32 {
    let mut parts = [0.0f32; 8];
    let (values, weights) = (values.chunks_exact(8), weights.chunks_exact(8));
    let rest: f32 = values.remainder().iter().zip(weights.remainder()).map(|(v, w)| v * w).sum();
    for (values, weights) in values.zip(weights) {
        parts.iter_mut().zip(values.iter().zip(weights)).for_each(|(part, (v, w))| *part += v * w);
    }
    parts.iter().sum::<f32>() + rest
}

/// The sum, in eight parts that do not wait for one another.
fn total(values: &[f32]) -> f32 {
    let mut parts = [0.0f32; 8];
    let chunks = values.chunks_exact(8);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        parts.iter_mut().zip(chunk).for_each(|(part, v)| *part += v);
    }
    parts.iter().sum::<f32>() + rest
}

/// The length of a vector. Unlike `hypot` it is no call into a library, and the same on every machine.
pub(crate) fn length(across: f32, down: f32) -> f32 {
    (across * across + down * down).sqrt()
}

/// 0 far below 0, 1 far above, soft between over about `softness` pixels.
pub(crate) fn soft_step(distance: f32, softness: f32) -> f32 {
    let t = (distance / (2.0 * softness.max(0.05)) + 0.5).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
