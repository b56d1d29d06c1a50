//! Smooth random curves and fields.

use std::f64::consts::TAU;

use sdmad_base::Stream;

/// A smooth random curve over `0..1`: a few sinusoids, r.m.s. about 1.
pub(super) struct Curve(Vec<(f64, f64, f64)>);

impl Curve {
    /// `waves` sinusoids of up to `fastest` periods over the width; slow ones are the strongest.
    pub(super) fn draw(stream: &mut Stream, waves: usize, fastest: f64) -> Self {
        let mut parts: Vec<(f64, f64, f64)> = (0..waves)
            .map(|_| {
                let periods = stream.between(0.3, fastest);
                (periods, stream.uniform() * TAU, stream.normal() / (0.4 + periods))
            })
            .collect();
        let power: f64 = parts.iter().map(|p| 0.5 * p.2 * p.2).sum();
        let scale = 1.0 / power.sqrt().max(1e-6);
        parts.iter_mut().for_each(|p| p.2 *= scale);
        Curve(parts)
    }

    pub(super) fn at(&self, x: f64) -> f64 {
        self.0.iter().map(|&(periods, phase, amplitude)| amplitude * (TAU * periods * x + phase).sin()).sum()
    }
}

/// A smooth random field: normal numbers on a grid, interpolated by cubic blending. Standard deviation about 0.75.
pub(super) struct Field {
    columns: usize,
    cell: (f64, f64),
    nodes: Vec<f64>,
}

impl Field {
    /// A field over `size` × `size` pixels with structures of about `cell` pixels (across, down).
    pub(super) fn draw(stream: &mut Stream, size: usize, cell: (f64, f64)) -> Self {
        let columns = (size as f64 / cell.0).ceil() as usize + 2;
        let rows = (size as f64 / cell.1).ceil() as usize + 2;
        let nodes = (0..columns * rows).map(|_| stream.normal()).collect();
        Field { columns, cell, nodes }
    }

    /// The value at a pixel; outside of the image the border's value.
    pub(super) fn at(&self, x: f64, y: f64) -> f64 {
        let rows = self.nodes.len() / self.columns;
        let (x, y) = ((x / self.cell.0).max(0.0), (y / self.cell.1).max(0.0));
        let (column, row) = ((x as usize).min(self.columns - 2), (y as usize).min(rows - 2));
        let (u, v) = (blend(x - column as f64), blend(y - row as f64));
        let node = |dx: usize, dy: usize| self.nodes[(row + dy) * self.columns + column + dx];
        let top = node(0, 0) + u * (node(1, 0) - node(0, 0));
        let bottom = node(0, 1) + u * (node(1, 1) - node(0, 1));
        top + v * (bottom - top)
    }
}

/// 0 below 0, 1 above 1, and `3t² − 2t³` between.
pub(super) fn blend(t: f64) -> f64 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Two independent standard normal numbers (Box and Muller), at half the price of two single ones.
pub(super) fn normal_pair(stream: &mut Stream) -> (f64, f64) {
    let radius = (-2.0 * (1.0 - stream.uniform()).ln()).sqrt();
    let (sine, cosine) = (TAU * stream.uniform()).sin_cos();
    (radius * cosine, radius * sine)
}
