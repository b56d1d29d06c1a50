//! Masses and cysts on the canvas.

use std::f64::consts::TAU;

use sdmad_base::Stream;

use super::canvas::{Canvas, mix};
use super::field::{Curve, Field, blend};
use super::shape::Shape;
use super::traits::{Behind, Interior, Mass, Traits};

/// A lesion in its place.
pub(super) struct Lesion {
    pub(super) traits: Traits,
    pub(super) shape: Shape,
}

impl Lesion {
    /// Whether a pixel belongs to the lesion's mask.
    pub(super) fn covers(&self, x: f64, y: f64) -> bool {
        self.shape.distance(x - self.shape.x, y - self.shape.y).0 <= 0.0
    }

    /// The mask, 255 inside, `size` × `size`.
    pub(super) fn mask(&self, size: usize) -> Vec<u8> {
        (0..size * size).map(|i| if self.covers((i % size) as f64, (i / size) as f64) { 255 } else { 0 }).collect()
    }

    /// Paints the lesion and what it does to the sound behind it.
    pub(super) fn paint(&self, canvas: &mut Canvas, stream: &mut Stream) {
        let around = self.mean_echo(canvas);
        if self.traits.halo {
            self.paint_halo(canvas, stream);
        }
        if self.traits.spiculated {
            self.paint_spicules(canvas, stream);
        }
        self.paint_body(canvas, around, stream);
        if self.traits.wall {
            self.paint_wall(canvas, stream);
        }
        self.paint_loss(canvas, stream);
    }

    fn mean_echo(&self, canvas: &mut Canvas) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        let reach = (1.3 * self.shape.extent.0, 1.3 * self.shape.extent.1);
        canvas.around(self.shape.x, self.shape.y, reach, |canvas, index, _, _| {
            sum += canvas.echo[index];
            count += 1.0;
        });
        sum / f64::max(count, 1.0)
    }

    fn paint_body(&self, canvas: &mut Canvas, around: f64, stream: &mut Stream) {
        let unit = canvas.unit();
        let radius = self.shape.radius();
        let level = match self.traits.interior {
            Interior::Anechoic => -60.0,
            Interior::Hypoechoic => {
                let darker = if self.traits.mass == Mass::Malignant { 2.5 } else { 0.0 };
                -stream.between(15.0, 20.0) - darker
            }
            Interior::Isoechoic => around + stream.between(-1.5, 1.0),
        };
        let coarse = (0.45 * radius).max(5.0 * unit);
        let coarse = Field::draw(stream, canvas.size, (coarse, 0.8 * coarse));
        let rough = if self.traits.heterogeneous { 8.0 } else { 0.0 };
        // A sharp edge is as sharp as the pixels; a fading one has its own width at each angle.
        let fading = Curve::draw(stream, 4, 3.0);
        let width = |angle: f64| {
            if self.traits.indistinct {
                radius * (0.30 + 0.15 * fading.at(angle.abs() / TAU)).clamp(0.15, 0.45)
            } else {
                0.8 * unit
            }
        };
        // Echoes from the side of the beam make the upper end of a cyst hazy.
        let haze = if self.traits.interior == Interior::Anechoic { stream.between(-38.0, -26.0) } else { -90.0 };
        let reach = (self.shape.extent.0 + radius, self.shape.extent.1 + radius);
        canvas.around(self.shape.x, self.shape.y, reach, |canvas, index, dx, dy| {
            let (distance, angle) = self.shape.distance(dx, dy);
            let width = width(angle);
            if distance > width {
                return;
            }
            let cover = blend(0.5 - 0.5 * distance / width);
            let (x, y) = (self.shape.x + dx, self.shape.y + dy);
            let below_top = (dy + self.shape.extent.1) / radius;
            let inside = level.max(haze - 22.0 * below_top) + rough * coarse.at(x, y);
            canvas.echo[index] = mix(canvas.echo[index], inside, cover);
            canvas.reflector[index] *= 1.0 - cover;
        });
    }

    fn paint_wall(&self, canvas: &mut Canvas, stream: &mut Stream) {
        let unit = canvas.unit();
        let strength = stream.between(0.9, 1.5);
        let steps = (TAU * self.shape.extent.0.max(self.shape.extent.1) * 2.0).ceil() as usize;
        for step in 0..steps {
            let angle = TAU * step as f64 / steps as f64;
            let (x, y) = self.shape.point(angle);
            // A wall across the beam returns more than one along it.
            let across = ((y - self.shape.y) / self.shape.extent.1).abs().min(1.0);
            canvas.thread(&[(x, y)], 0.9 * unit, strength * (0.4 + 0.6 * across));
        }
    }

    fn paint_halo(&self, canvas: &mut Canvas, stream: &mut Stream) {
        let radius = self.shape.radius();
        let width = radius * stream.between(0.35, 0.6);
        let strength = stream.between(6.0, 9.0);
        let texture = Field::draw(stream, canvas.size, (0.5 * radius, 0.4 * radius));
        let reach = (self.shape.extent.0 + width, self.shape.extent.1 + width);
        canvas.around(self.shape.x, self.shape.y, reach, |canvas, index, dx, dy| {
            let distance = self.shape.distance(dx, dy).0;
            if distance < width {
                let near = blend(1.0 - distance.max(0.0) / width);
                let patchy = 1.0 + 0.35 * texture.at(self.shape.x + dx, self.shape.y + dy);
                // Up to bright tissue, not above it.
                let target = canvas.echo[index].max(-4.0) + strength;
                canvas.echo[index] = mix(canvas.echo[index], target.min(8.0), (near * patchy).clamp(0.0, 1.0));
            }
        });
    }

    /// Dark lines outwards, each with a bright one beside it.
    fn paint_spicules(&self, canvas: &mut Canvas, stream: &mut Stream) {
        let unit = canvas.unit();
        let radius = self.shape.radius();
        let count = 10 + stream.below(8);
        for i in 0..count {
            let angle = TAU * (i as f64 + stream.between(-0.35, 0.35)) / count as f64;
            let (x, y) = self.shape.point(angle);
            let (dx, dy) = (x - self.shape.x, y - self.shape.y);
            let norm = (dx * dx + dy * dy).sqrt().max(1e-9);
            let turn = stream.between(-0.3, 0.3);
            let (dx, dy) = ((dx - turn * dy) / norm, (dy + turn * dx) / norm);
            let length = radius * stream.between(0.45, 1.15);
            let half_width = unit * stream.between(1.2, 2.0);
            let steps = (length / (0.5 * unit)).ceil() as usize;
            for step in 0..steps {
                let t = step as f64 / steps as f64;
                let along = t * length - 0.15 * radius;
                let (px, py) = (x + dx * along, y + dy * along);
                let width = half_width * (1.0 - 0.7 * t);
                canvas.around(px, py, (2.5 * width, 2.5 * width), |canvas, index, ox, oy| {
                    let near = (-(ox * ox + oy * oy) / (width * width)).exp();
                    canvas.echo[index] =
                        mix(canvas.echo[index], canvas.echo[index].min(-16.0), 0.5 * near * (1.0 - 0.5 * t));
                });
                let (bx, by) = (px - dy * 2.4 * half_width, py + dx * 2.4 * half_width);
                canvas.around(bx, by, (2.0 * width, 2.0 * width), |canvas, index, ox, oy| {
                    let near = (-(ox * ox + oy * oy) / (width * width)).exp();
                    canvas.echo[index] = mix(canvas.echo[index], canvas.echo[index].max(3.0), 0.35 * near * (1.0 - t));
                });
            }
        }
    }

    /// Loss or gain of the columns through the lesion, and the thin refraction shadows of a smooth edge.
    fn paint_loss(&self, canvas: &mut Canvas, stream: &mut Stream) {
        let total = match self.traits.behind {
            Behind::Nothing => 0.0,
            Behind::Enhancement => -stream.between(6.0, 11.0),
            Behind::Shadow => stream.between(12.0, 22.0),
        };
        let extent = self.shape.extent;
        let each = total / (2.0 * extent.1);
        let unit = canvas.unit();
        let refraction = if self.traits.wall { stream.between(1.5, 4.0) } else { 0.0 };
        canvas.around(self.shape.x, self.shape.y, (extent.0 + 4.0 * unit, extent.1), |canvas, index, dx, dy| {
            if self.shape.distance(dx, dy).0 <= 0.0 {
                canvas.loss[index] += each;
            }
            let beside = (dx.abs() - extent.0) / (2.5 * unit);
            if dy >= 0.0 {
                canvas.loss[index] += refraction / extent.1 * (-beside * beside).exp();
            }
        });
    }
}
