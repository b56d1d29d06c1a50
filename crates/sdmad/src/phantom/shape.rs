//! Outlines of lesions: an ellipse with harmonics.

use std::f64::consts::TAU;

use sdmad_base::Stream;

use super::traits::{Orientation, Outline, Traits};

/// A mask this much wider than tall is parallel, and the other way round taller than wide.
pub(super) const ELONGATED: f64 = 1.15;

/// A closed outline around (x, y), in pixels.
pub(super) struct Shape {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Half axes of the ellipse.
    axes: (f64, f64),
    tilt: (f64, f64),
    /// Periods around the outline, amplitude, phase.
    harmonics: Vec<(f64, f64, f64)>,
    /// Half the width and half the height of the region.
    pub(super) extent: (f64, f64),
}

impl Shape {
    /// An outline at the origin that has the outline and orientation of `traits`; `size` is that of the image.
    pub(super) fn draw(traits: &Traits, size: usize, stream: &mut Stream) -> Self {
        let (from, to) = traits.radius();
        let radius = size as f64 * from * (to / from).powf(stream.uniform());
        loop {
            let ratio = match traits.orientation {
                Orientation::Parallel => stream.between(1.25, 2.0),
                Orientation::Round => stream.between(0.92, 1.1),
                Orientation::Taller => stream.between(0.55, 0.8),
            };
            let tilt = stream.between(-0.25, 0.25);
            let mut shape = Shape {
                x: 0.0,
                y: 0.0,
                axes: (radius * ratio.sqrt(), radius / ratio.sqrt()),
                tilt: (tilt.cos(), tilt.sin()),
                harmonics: harmonics(traits.outline, stream),
                extent: (0.0, 0.0),
            };
            shape.extent = shape.measured();
            let measured = shape.extent.0 / shape.extent.1;
            let fits = match traits.orientation {
                Orientation::Parallel => measured >= ELONGATED,
                Orientation::Round => measured < ELONGATED && measured * ELONGATED > 1.0,
                Orientation::Taller => measured * ELONGATED <= 1.0,
            };
            if fits {
                return shape;
            }
        }
    }

    /// The outline as a factor on the ellipse, at an angle of the ellipse.
    fn factor(&self, angle: f64) -> f64 {
        let departure: f64 = self.harmonics.iter().map(|&(k, a, phase)| a * (k * angle + phase).cos()).sum();
        (1.0 + departure).max(0.4)
    }

    /// Half the width and height of the region, by walking around it; the centre is moved into the middle.
    fn measured(&mut self) -> (f64, f64) {
        let points: Vec<(f64, f64)> = (0..720).map(|i| self.point(TAU * i as f64 / 720.0)).collect();
        let range = |get: fn(&(f64, f64)) -> f64| {
            points.iter().map(get).fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)))
        };
        let (left, right) = range(|p| p.0);
        let (top, bottom) = range(|p| p.1);
        (0.5 * (right - left), 0.5 * (bottom - top))
    }

    /// The point of the outline at an angle of the ellipse.
    pub(super) fn point(&self, angle: f64) -> (f64, f64) {
        let factor = self.factor(angle);
        let (u, v) = (self.axes.0 * factor * angle.cos(), self.axes.1 * factor * angle.sin());
        (self.x + u * self.tilt.0 - v * self.tilt.1, self.y + u * self.tilt.1 + v * self.tilt.0)
    }

    /// How far outside the outline an offset from the centre is, in pixels along the ray, and its angle.
    pub(super) fn distance(&self, dx: f64, dy: f64) -> (f64, f64) {
        let (u, v) = (dx * self.tilt.0 + dy * self.tilt.1, dy * self.tilt.0 - dx * self.tilt.1);
        let (u, v) = (u / self.axes.0, v / self.axes.1);
        let share = (u * u + v * v).sqrt();
        let angle = v.atan2(u);
        if share < 1e-9 {
            return (-self.axes.0.min(self.axes.1), angle);
        }
        let length = (dx * dx + dy * dy).sqrt();
        (length * (1.0 - self.factor(angle) / share), angle)
    }

    /// The mean half axis.
    pub(super) fn radius(&self) -> f64 {
        (self.axes.0 * self.axes.1).sqrt()
    }
}

/// Departures from the ellipse: 1.5 to 2.5 % r.m.s. for oval, 5 to 8 % for lobulated, 14 to 20 % for irregular.
fn harmonics(outline: Outline, stream: &mut Stream) -> Vec<(f64, f64, f64)> {
    let (waves, decay, level): (std::ops::RangeInclusive<u32>, f64, (f64, f64)) = match outline {
        Outline::Oval => (2..=4, 1.0, (0.015, 0.025)),
        Outline::Lobulated => (3..=4, 0.0, (0.05, 0.08)),
        Outline::Irregular => (2..=11, 0.45, (0.14, 0.20)),
    };
    let mut parts: Vec<(f64, f64, f64)> =
        waves.map(|k| (f64::from(k), stream.normal() / f64::from(k).powf(decay), stream.uniform() * TAU)).collect();
    let level = stream.between(level.0, level.1);
    let present = (parts.iter().map(|p| 0.5 * p.1 * p.1).sum::<f64>()).sqrt().max(1e-9);
    parts.iter_mut().for_each(|p| p.1 *= level / present);
    parts
}
