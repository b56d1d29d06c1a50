//! Calcifications: bright spots below the resolution, in a group.

use std::f64::consts::TAU;

use sdmad_base::Stream;

use super::canvas::Canvas;
use super::lesion::Lesion;
use super::sign::CALCIFICATION;
use super::tissue::Layers;
use super::traits::Mass;

/// Spots of a cluster lie within this share of the image's width from its centre.
const CLUSTER: f64 = 0.09;

/// A group of calcifications in its place.
pub(super) struct Foci {
    spots: Vec<(f64, f64)>,
    pub(super) clustered: bool,
    pub(super) shadowing: bool,
}

impl Foci {
    /// Draws a group in the gland, or in the first solid mass.
    pub(super) fn draw(size: usize, layers: &Layers, lesions: &[Lesion], stream: &mut Stream) -> Self {
        let s = size as f64;
        let clustered = stream.chance(CALCIFICATION.clustered);
        let shadowing = stream.chance(CALCIFICATION.shadowing);
        let host = stream.chance(CALCIFICATION.in_mass);
        let mass = lesions.iter().find(|l| host && l.traits.mass != Mass::Cyst);
        let radius = s * if clustered { stream.between(0.045, CLUSTER) } else { stream.between(0.20, 0.28) };
        let centre = match mass {
            Some(mass) => (mass.shape.x, mass.shape.y),
            None => {
                let x = stream.between(0.2, 0.8) * s;
                let (top, bottom) = (layers.fat[x as usize], layers.gland[x as usize]);
                (x, top + (bottom - top) * stream.between(0.2, 0.75))
            }
        };
        let wanted = if clustered { 7 + stream.below(9) } else { 5 + stream.below(4) };
        let apart = s * if clustered { 0.014 } else { 0.07 };
        let mut spots: Vec<(f64, f64)> = Vec::new();
        for _ in 0..400 {
            let (angle, distance) = (TAU * stream.uniform(), radius * stream.uniform().sqrt());
            let flat = if clustered { 1.0 } else { 0.6 };
            let spot = (centre.0 + distance * angle.cos(), centre.1 + flat * distance * angle.sin());
            let inside = spot.0 > 0.1 * s && spot.0 < 0.9 * s && spot.1 > 0.09 * s && spot.1 < 0.85 * s;
            let free = spots.iter().all(|p| (p.0 - spot.0).hypot(p.1 - spot.1) >= apart);
            if inside && free {
                spots.push(spot);
            }
            if spots.len() == wanted {
                break;
            }
        }
        Foci { spots, clustered, shadowing }
    }

    pub(super) fn paint(&self, canvas: &mut Canvas, stream: &mut Stream) {
        let unit = canvas.unit();
        for &(x, y) in &self.spots {
            let coarse = if self.shadowing { 1.5 } else { 1.0 };
            let width = unit * coarse * stream.between(0.8, 1.2);
            let amplitude = stream.between(8.0, 14.0) / coarse;
            canvas.around(x, y, (4.0 * width, 4.0 * width), |canvas, index, dx, dy| {
                let value = amplitude * (-(dx * dx + dy * dy) / (width * width)).exp();
                canvas.reflector[index] = canvas.reflector[index].max(value);
            });
            if self.shadowing {
                // Shadows of a cluster overlap.
                let total = stream.between(14.0, 20.0) * if self.clustered { 0.6 } else { 1.0 };
                let depth = 4.0 * unit;
                canvas.around(x, y + width + depth, (3.5 * unit, depth), |canvas, index, dx, _| {
                    canvas.loss[index] += total / (2.0 * depth) * (-(dx / (2.4 * unit)).powi(4)).exp();
                });
            }
        }
    }

    /// Discs of 1.2 % of the width around the spots, 255 inside.
    pub(super) fn mask(&self, size: usize) -> Vec<u8> {
        let radius = (0.012 * size as f64).max(1.5);
        let near = |x: f64, y: f64| self.spots.iter().any(|s| (s.0 - x).hypot(s.1 - y) <= radius);
        (0..size * size).map(|i| if near((i % size) as f64, (i / size) as f64) { 255 } else { 0 }).collect()
    }

    /// Whether a pixel is that of a spot.
    pub(super) fn covers(&self, x: f64, y: f64) -> bool {
        self.spots.iter().any(|s| (s.0 - x).hypot(s.1 - y) <= 2.0)
    }
}
