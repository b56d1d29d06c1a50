//! Normal layers of the retina.

use sdmad_base::Stream;

use crate::field::{between, fractal, grain, normal};
use crate::plane::{Plane, soft_step};

/// Where layers run, in pixels for each column, and how bright they are.
struct Retina {
    inner: Vec<f32>,
    /// Between the inner and the outer retina.
    middle: Vec<f32>,
    /// The lower edge of the pigment epithelium.
    outer: Vec<f32>,
    levels: [f32; 8],
    choroid: f32,
}

impl Retina {
    fn choose(stream: &mut Stream, side: usize) -> Self {
        let size = side as f32;
        let (floor, tilt, bow) =
            (between(stream, 0.5, 0.72), between(stream, -0.12, 0.12), between(stream, -0.02, 0.12));
        let (inner, outer) = (between(stream, 0.1, 0.17) * size, between(stream, 0.1, 0.14) * size);
        let (fovea, width) = (between(stream, 0.35, 0.65), between(stream, 0.07, 0.14));
        // A section beside the fovea has no pit.
        let pit = if stream.chance(0.8) { between(stream, 0.6, 0.95) } else { between(stream, 0.0, 0.2) };
        let wave = (between(stream, 0.5, 2.5), between(stream, 0.0, 0.012), between(stream, 0.0, 6.0));
        let thicker = between(stream, -0.15, 0.15);
        let mut retina = Retina {
            inner: Vec::with_capacity(side),
            middle: Vec::with_capacity(side),
            outer: Vec::with_capacity(side),
            levels: levels(stream),
            choroid: between(stream, 0.1, 0.3) * size,
        };
        for column in 0..side {
            let x = column as f32 / size;
            let row = floor + tilt * (x - 0.5) - bow * (1.0 - 4.0 * (x - 0.5).powi(2)) * 0.5
                + wave.1 * (6.3 * wave.0 * x + wave.2).sin();
            let hollow = (-((x - fovea) / width).powi(2)).exp();
            let lower = row * size;
            let middle = lower - outer * (1.0 + 0.12 * pit * hollow);
            retina.outer.push(lower);
            retina.middle.push(middle);
            retina.inner.push(middle - inner * (1.0 + thicker * (x - fovea)) * (1.0 - pit * hollow));
        }
        retina
    }

    /// The brightness at a row of a column, before speckle.
    fn level(&self, column: usize, y: f32) -> f32 {
        let (inner, middle, outer) = (self.inner[column], self.middle[column], self.outer[column]);
        let [vitreous, fibres, plexus, nuclei, junction, dark, ellipsoid, pigment] = self.levels;
        let above = (y - inner) / (middle - inner).max(1.0);
        let below = (y - middle) / (outer - middle).max(1.0);
        let mut value = vitreous + (fibres - vitreous) * soft_step(y - inner, 1.0);
        let mut change = |target: f32, share: f32| value += (target - value) * share;
        change(plexus, soft_step(above - 0.2, 0.08));
        change(nuclei, soft_step(above - 0.6, 0.05));
        change(junction, soft_step(above - 0.84, 0.05));
        change(dark, soft_step(below - 0.06, 0.04));
        change(0.5 * (dark + ellipsoid), 0.6 * soft_step(0.02 - (below - 0.56).abs(), 0.02));
        change(ellipsoid, soft_step(0.04 - (below - 0.7).abs(), 0.03));
        change(pigment, soft_step(below - 0.85, 0.04));
        let depth = y - outer;
        change(0.75 * pigment, soft_step(depth, 1.2));
        value * (1.0 - soft_step(depth, 1.0)) + self.choroid_level(depth) * soft_step(depth, 1.0)
    }

    /// The choroid's brightness below the pigment epithelium.
    fn choroid_level(&self, depth: f32) -> f32 {
        0.05 + 0.48 * self.levels[7] * (-(depth.max(0.0) / self.choroid).powi(2)).exp()
    }
}

/// Of vitreous, nerve fibres, inner plexus, inner nuclei, outer plexus, outer nuclei, ellipsoid line and pigment.
fn levels(stream: &mut Stream) -> [f32; 8] {
    let gain = between(stream, 0.8, 1.15);
    let ranges =
        [(0.03, 0.14), (0.5, 0.75), (0.36, 0.5), (0.22, 0.34), (0.36, 0.5), (0.13, 0.24), (0.5, 0.7), (0.72, 0.92)];
    ranges.map(|(low, high)| gain * between(stream, low, high))
}

/// A normal section.
pub(super) fn draw(stream: &mut Stream, side: usize) -> Plane {
    let retina = Retina::choose(stream, side);
    let vessels = vessels(stream, &retina, side);
    let lump = between(stream, 7.0, 14.0);
    let lumps = fractal(stream, side, lump, 3, 0.6);
    let smoothing = between(stream, 0.4, 1.0);
    let grains = grain(stream, side).blurred(smoothing);
    let speckle = between(stream, 0.4, 1.2) * (0.3 + smoothing);
    let uneven = between(stream, 0.08, 0.24);
    let fading = between(stream, -0.25, 0.25);
    let size = side as f32;
    Plane::from_fn(side, |x, y| {
        let (column, index) = (x as usize, y as usize * side + x as usize);
        let depth = y - retina.outer[column];
        let mut value = retina.level(column, y);
        if depth > 2.0 {
            value *= (1.0 + uneven * lumps.values()[index]).max(0.2);
        }
        if y > retina.inner[column] + 4.0 {
            value *= vessels[column];
        }
        let grain = grains.values()[index];
        (value + (0.03 + 0.35 * value) * speckle * grain) * (1.0 + fading * (x / size - 0.5))
    })
}

/// How much light passes vessels of the inner retina, for each column.
fn vessels(stream: &mut Stream, retina: &Retina, side: usize) -> Vec<f32> {
    let mut passing = vec![1.0f32; side];
    for _ in 0..stream.below(7) {
        let (middle, width) = (between(stream, 0.0, side as f32), between(stream, 1.5, 4.0));
        // None cross the pit.
        let column = (middle as usize).min(side - 1);
        if retina.middle[column] - retina.inner[column] < 12.0 {
            continue;
        }
        let strength = (0.3 + 0.12 * normal(stream)).clamp(0.1, 0.55);
        for (x, value) in passing.iter_mut().enumerate() {
            let away = (x as f32 - middle) / width;
            *value *= 1.0 - strength * (-away * away).exp();
        }
    }
    passing
}
