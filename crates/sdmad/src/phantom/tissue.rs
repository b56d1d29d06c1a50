//! Skin, fat, gland, fascia and muscle.

use sdmad_base::Stream;

use super::canvas::{Canvas, mix};
use super::field::{Curve, Field, blend};

/// What normal variation an image has that a sign speaks of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variation {
    /// The boundary of fat and gland is jagged.
    pub(super) jagged_layers: bool,
    /// Lobules of fat lie in the gland.
    pub(super) mottled: bool,
    /// The deep fascia has a gap.
    pub(super) fascia_gap: bool,
    /// One side of the probe has poor contact.
    pub(super) poor_contact: bool,
}

impl Variation {
    pub(super) fn draw(stream: &mut Stream) -> Self {
        Variation {
            jagged_layers: stream.chance(0.10),
            mottled: stream.chance(0.15),
            fascia_gap: stream.chance(0.10),
            poor_contact: stream.chance(0.12),
        }
    }
}

/// Depths of the layers of one patient, as shares of the image's height.
#[derive(Clone, Copy, Debug)]
pub(super) struct Build {
    skin: f64,
    fat: f64,
    gland: f64,
    retromammary_fat: f64,
    muscle: f64,
    density: f64,
}

impl Build {
    pub(super) fn draw(stream: &mut Stream) -> Self {
        let skin = stream.between(0.035, 0.06);
        let fat = skin + stream.between(0.07, 0.24);
        let gland = stream.between(0.60, 0.80);
        let retromammary_fat = gland + stream.between(0.02, 0.06);
        Build {
            skin,
            fat,
            gland,
            retromammary_fat,
            muscle: retromammary_fat + stream.between(0.09, 0.22),
            density: stream.between(-3.0, 2.0),
        }
    }
}

/// The layers of one image: the depth of the lower end of each, in pixels, for each column.
pub(super) struct Layers {
    pub(super) skin: Vec<f64>,
    pub(super) fat: Vec<f64>,
    pub(super) gland: Vec<f64>,
    pub(super) fascia: Vec<f64>,
    muscle: Vec<f64>,
    /// Columns without fascia.
    pub(super) gap: Option<(f64, f64)>,
}

impl Layers {
    pub(super) fn draw(build: &Build, variation: &Variation, size: usize, stream: &mut Stream) -> Self {
        let s = size as f64;
        let tilt = stream.between(-0.035, 0.035);
        let mut line = |depth: f64, waviness: f64, fastest: f64, tilted: f64| -> Vec<f64> {
            let curve = Curve::draw(stream, 4, fastest);
            (0..size)
                .map(|x| {
                    let x = x as f64 / s;
                    s * (depth + tilted * tilt * (2.0 * x - 1.0) + waviness * curve.at(x))
                })
                .collect()
        };
        let skin = line(build.skin, 0.003, 2.0, 0.2);
        let mut fat = line(build.fat, 0.022, 3.0, 0.6);
        let gland = line(build.gland, 0.014, 2.5, 1.0);
        let fascia = line(build.retromammary_fat, 0.008, 1.5, 1.0);
        let muscle = line(build.muscle, 0.010, 1.5, 1.0);
        if variation.jagged_layers {
            // Steps of up to a fifth of the depth, every 5 to 12 % of the width.
            let mut x = 0;
            while x < size {
                let end = (x + (s * stream.between(0.05, 0.12)) as usize + 1).min(size);
                let step = s * stream.between(0.02, 0.06) * if stream.chance(0.5) { 1.0 } else { -1.0 };
                fat[x..end].iter_mut().for_each(|depth| *depth += step);
                x = end;
            }
        }
        for x in 0..size {
            fat[x] = fat[x].max(skin[x] + 0.03 * s);
        }
        let gap = variation.fascia_gap.then(|| {
            let width = s * stream.between(0.14, 0.24);
            let from = stream.between(0.12 * s, 0.88 * s - width);
            (from, from + width)
        });
        Layers { skin, fat, gland, fascia, muscle, gap }
    }

    /// Whether the deep fascia is drawn in this column.
    pub(super) fn has_fascia(&self, column: usize) -> bool {
        self.gap.is_none_or(|(from, to)| (column as f64) < from || column as f64 > to)
    }
}

/// Fills the canvas with normal tissue.
pub(super) fn paint(canvas: &mut Canvas, layers: &Layers, build: &Build, variation: &Variation, stream: &mut Stream) {
    let size = canvas.size;
    let unit = canvas.unit();
    let mut field = |across: f64, down: f64| Field::draw(stream, size, (across * unit, down * unit));
    let fat_texture = field(26.0, 12.0);
    let (lobes, strands) = (field(50.0, 22.0), field(17.0, 5.0));
    let ducts = field(38.0, 7.0);
    let septa = field(34.0, 17.0);
    let fibres = field(70.0, 3.6);
    let depth_texture = field(40.0, 10.0);
    let patches = field(60.0, 20.0);
    for row in 0..size {
        for column in 0..size {
            let (x, y) = (column as f64, row as f64);
            // Texture follows the layers, as tissue does.
            let below_fat = y - layers.fat[column] + layers.fat[size / 2];
            let below_fascia = y - layers.fascia[column] + layers.fascia[size / 2];
            let skin = 3.0;
            let septum = 7.0 * blend(1.0 - septa.at(x, y).abs() / 0.16);
            let fat = -13.0 + 1.6 * fat_texture.at(x, y) + septum;
            let duct = 6.0 * blend((ducts.at(x, below_fat) - 0.75) / 0.5);
            let gland = build.density + 4.2 * lobes.at(x, below_fat) + 2.6 * strands.at(x, below_fat) - duct;
            let retro = -11.5 + 1.5 * fat_texture.at(x, y);
            let fibre = 13.0 * blend((fibres.at(x, below_fascia) - 0.25) / 0.8);
            let muscle = -13.0 + fibre;
            let deep = -16.0 + 3.0 * depth_texture.at(x, y);
            let mut level = skin;
            for (depth, softness, next) in [
                (layers.skin[column], 2.0, fat),
                (layers.fat[column], 5.0, gland),
                (layers.gland[column], 5.0, retro),
                (layers.fascia[column], 2.0, muscle),
                (layers.muscle[column], 4.0, deep),
            ] {
                level = mix(level, next, blend((y - depth) / (softness * unit) + 0.5));
            }
            let index = row * size + column;
            canvas.echo[index] = level + 1.2 * patches.at(x, y);
        }
    }
    if variation.mottled {
        paint_lobules(canvas, layers, stream);
    }
    paint_lines(canvas, layers, stream);
}

/// Lobules of fat within the gland: as dark as fat, without wall, shadow or enhancement.
fn paint_lobules(canvas: &mut Canvas, layers: &Layers, stream: &mut Stream) {
    let s = canvas.size as f64;
    for _ in 0..3 + stream.below(4) {
        let x = stream.between(0.1, 0.9) * s;
        let column = x as usize;
        let y = stream.between(layers.fat[column], layers.gland[column]);
        let (a, b) = (stream.between(0.045, 0.10) * s, stream.between(0.025, 0.045) * s);
        let wobble = Curve::draw(stream, 3, 2.0);
        canvas.around(x, y, (1.5 * a, 1.5 * b), |canvas, index, dx, dy| {
            let angle = dy.atan2(dx) / std::f64::consts::TAU;
            // The curve does not close by itself: its two ends are blended.
            let edge = 1.0 + 0.12 * wobble.at(angle.abs());
            let distance = ((dx / a).powi(2) + (dy / b).powi(2)).sqrt() / edge;
            canvas.echo[index] = mix(canvas.echo[index], -12.5, 0.9 * blend((1.15 - distance) / 0.3));
        });
    }
}

/// Entry echo, skin line, Cooper's ligaments, superficial and deep fascia.
fn paint_lines(canvas: &mut Canvas, layers: &Layers, stream: &mut Stream) {
    let size = canvas.size;
    let s = size as f64;
    let unit = canvas.unit();
    let gain = Field::draw(stream, size, (30.0 * unit, 30.0 * unit));
    let line = |canvas: &mut Canvas, depth: &dyn Fn(usize) -> Option<f64>, width: f64, amplitude: f64| {
        for column in 0..size {
            if let Some(y) = depth(column) {
                let amplitude = amplitude * (1.0 + 0.6 * gain.at(column as f64, y)).max(0.25);
                canvas.thread(&[(column as f64, y)], width * unit, amplitude);
            }
        }
    };
    line(canvas, &|_| Some(1.0 * unit), 1.2, 2.2);
    line(canvas, &|c| Some(layers.skin[c]), 1.1, 1.5);
    line(canvas, &|c| layers.has_fascia(c).then(|| layers.fascia[c]), 1.1, 1.5);
    line(canvas, &|c| Some(layers.muscle[c]), 1.3, 0.6);
    // Ligaments: bowed threads from the skin to the gland, and some into it.
    for _ in 0..4 + stream.below(5) {
        let top = stream.between(0.0, 1.0) * (s - 1.0);
        let bottom = (top + stream.between(-0.28, 0.28) * s).clamp(0.0, s - 1.0);
        let from = layers.skin[top as usize];
        let to = layers.fat[bottom as usize] + stream.between(0.0, 0.08) * s;
        let bow = stream.between(-0.06, 0.06) * s;
        let strength = stream.between(0.30, 0.75);
        let steps = (2.0 * ((bottom - top).abs() + (to - from).abs())).ceil().max(2.0);
        let points: Vec<(f64, f64)> = (0..=steps as usize)
            .map(|i| {
                let t = i as f64 / steps;
                (mix(top, bottom, t) + bow * (std::f64::consts::PI * t).sin(), mix(from, to, t))
            })
            .collect();
        canvas.thread(&points, stream.between(0.7, 1.2) * unit, strength);
    }
}
