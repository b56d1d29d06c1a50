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
        let (column, row) = (x.floor(), y.floor());
        let (u, v) = (x - column, y - row);
        let (column, row) = (column as i64, row as i64);
        let top = self.at(column, row) * (1.0 - u) + self.at(column + 1, row) * u;
        let bottom = self.at(column, row + 1) * (1.0 - u) + self.at(column + 1, row + 1) * u;
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
        self.values.iter().sum::<f32>() / self.values.len() as f32
    }

    /// The mean of the values, weighted; 0 where there is no weight.
    pub fn mean_under(&self, weight: &Plane) -> f32 {
        let total: f32 = weight.values.iter().sum();
        let sum: f32 = self.values.iter().zip(&weight.values).map(|(v, w)| v * w).sum();
        if total > 0.0 { sum / total } else { 0.0 }
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
        let mut plane = self.clone();
        for _ in 0..3 {
            plane.box_rows(half);
        }
        plane = plane.transposed();
        for _ in 0..3 {
            plane.box_rows(half);
        }
        plane.transposed()
    }

    /// The running mean of each row over `half` pixels to both sides.
    fn box_rows(&mut self, half: f32) {
        let side = self.side;
        let whole = half.floor() as usize;
        let part = half - whole as f32;
        let weight = 1.0 / (2.0 * half + 1.0);
        let mut padded = vec![0.0f32; side + 2 * (whole + 1)];
        for row in self.values.chunks_exact_mut(side) {
            padded[..=whole].fill(row[0]);
            padded[whole + 1..whole + 1 + side].copy_from_slice(row);
            padded[whole + 1 + side..].fill(row[side - 1]);
            // f64: the running sum keeps its digits.
            let mut sum: f64 = padded[1..2 * whole + 2].iter().map(|&v| f64::from(v)).sum();
            for (x, value) in row.iter_mut().enumerate() {
                let edges = padded[x] + padded[x + 2 * whole + 2];
                *value = (sum as f32 + part * edges) * weight;
                sum += f64::from(padded[x + 2 * whole + 2]) - f64::from(padded[x + 1]);
            }
        }
    }

    fn transposed(&self) -> Plane {
        let side = self.side;
        let mut values = vec![0.0; side * side];
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
        Plane { side, values }
    }
}

/// 0 far below 0, 1 far above, soft between over about `softness` pixels.
pub(crate) fn soft_step(distance: f32, softness: f32) -> f32 {
    let t = (distance / (2.0 * softness.max(0.05)) + 0.5).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
