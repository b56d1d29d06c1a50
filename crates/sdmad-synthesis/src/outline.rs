//! Closed outlines: a radius for each angle, on an ellipse.

use std::f32::consts::TAU;

use sdmad_base::Stream;

use crate::attribute::{Attribute, AttributeSet};
use crate::field::between;
use crate::plane::{Plane, length, soft_step};
use crate::scene::Scene;

const ANGLES: usize = 720;

/// What an outline looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A circle, hardly disturbed.
    Round,
    /// An ellipse.
    Oval,
    /// Three to five shallow lobes.
    Lobulated,
    /// Harmonics of all orders.
    Irregular,
    /// Spikes on a small body.
    Spiculated,
    /// Corners.
    Angular,
    /// Many small scallops on an ellipse.
    Scalloped,
}

impl Form {
    /// Whether the form can be told at a mean radius and with an edge of `softness` pixels. All forms need some twelve
    /// pixels across; lobes, and even more so corners, scallops and spikes, need more, and drown in a blurred edge.
    pub(crate) fn is_seen(self, radius: f32, softness: f32) -> bool {
        let (least, blur) = match self {
            Form::Round | Form::Oval | Form::Irregular => (6.0, 0.5),
            Form::Lobulated => (8.0, 0.35),
            Form::Angular => (10.0, 0.3),
            Form::Scalloped | Form::Spiculated => (12.0, 0.2),
        };
        radius >= least && softness <= blur * radius
    }

    /// `words` of the form where it can be told; else none, and they are unknown of the scene.
    pub(crate) fn seen(self, scene: &mut Scene, words: AttributeSet, radius: f32, softness: f32) -> AttributeSet {
        if self.is_seen(radius, softness) {
            return words;
        }
        scene.unknown = scene.unknown.union(words);
        AttributeSet::EMPTY
    }
}

/// A closed outline around a centre, in pixels.
#[derive(Clone, Debug)]
pub(crate) struct Outline {
    /// Column and row of the centre.
    pub(crate) centre: (f32, f32),
    /// The mean radius.
    pub(crate) radius: f32,
    stretch: f32,
    tilt: (f32, f32),
    /// The radius at each of [`ANGLES`] angles, as a factor.
    factors: Vec<f32>,
}

impl Outline {
    /// An outline of a form; `stretch` is the ratio of its axes, `tilt` the angle of the long one from horizontal.
    pub(crate) fn draw(
        stream: &mut Stream,
        form: Form,
        centre: (f32, f32),
        radius: f32,
        stretch: f32,
        tilt: f32,
    ) -> Self {
        let factors = factors(stream, form);
        Outline { centre, radius, stretch, tilt: (tilt.cos(), tilt.sin()), factors }
    }

    /// How far inside the outline a pixel is, in pixels along the ray; negative outside.
    pub(crate) fn depth(&self, x: f32, y: f32) -> f32 {
        let (u, v) = self.local(x, y);
        let away = length(u, v);
        self.radius * self.factor_of(direction(u, v) / TAU) - away
    }

    /// Coordinates along the long axis and across it, scaled so that the ellipse is a circle of [`Outline::radius`].
    pub(crate) fn local(&self, x: f32, y: f32) -> (f32, f32) {
        let (dx, dy) = (x - self.centre.0, y - self.centre.1);
        let (u, v) = (dx * self.tilt.0 + dy * self.tilt.1, dy * self.tilt.0 - dx * self.tilt.1);
        let root = self.stretch.sqrt();
        (u / root, v * root)
    }

    /// The point of the outline at an angle, `share` of the radius away from the centre.
    pub(crate) fn point(&self, angle: f32, share: f32) -> (f32, f32) {
        let length = self.radius * self.factor(angle) * share;
        let root = self.stretch.sqrt();
        let (u, v) = (angle.cos() * length * root, angle.sin() * length / root);
        (self.centre.0 + u * self.tilt.0 - v * self.tilt.1, self.centre.1 + u * self.tilt.1 + v * self.tilt.0)
    }

    /// 1 inside, 0 outside, with an edge of about `softness` pixels.
    pub(crate) fn fill(&self, side: usize, softness: f32) -> Plane {
        self.each(side, softness, |depth| soft_step(depth, softness))
    }

    /// 1 in a band along the outline, `width` pixels wide, whose middle is `outside` pixels outside of it.
    pub(crate) fn rim(&self, side: usize, outside: f32, width: f32, softness: f32) -> Plane {
        let reach = 0.5 * width + softness + outside.abs();
        self.each(side, reach, |depth| soft_step(0.5 * width - (depth + outside).abs(), softness))
    }

    /// `value` of the depth of each pixel. More than `reach` pixels from the outline, `value` must not depend on how
    /// far: there the depth is only bounded, which is quick.
    fn each(&self, side: usize, reach: f32, value: impl Fn(f32) -> f32) -> Plane {
        let bounds = self.factors.iter().fold((f32::MAX, 0.0f32), |b, &f| (b.0.min(f), b.1.max(f)));
        let (least, most) = (self.radius * bounds.0 - reach.max(0.05), self.radius * bounds.1 + reach.max(0.05));
        let (inside, outside) = (value(1e6), value(-1e6));
        Plane::from_fn(side, |x, y| {
            let (u, v) = self.local(x, y);
            let away = length(u, v);
            if away >= most {
                outside
            } else if away <= least {
                inside
            } else {
                value(self.radius * self.factor_of(direction(u, v) / TAU) - away)
            }
        })
    }

    fn factor(&self, angle: f32) -> f32 {
        self.factor_of((angle / TAU).rem_euclid(1.0))
    }

    /// The factor at a share of a turn, from -1 to 1.
    fn factor_of(&self, turn: f32) -> f32 {
        let place = if turn < 0.0 { turn + 1.0 } else { turn } * ANGLES as f32;
        let first = place as usize % ANGLES;
        let share = place.fract();
        self.factors[first] * (1.0 - share) + self.factors[(first + 1) % ANGLES] * share
    }

    /// Wide or tall, where it clearly is.
    pub(crate) fn orientation_words(&self) -> AttributeSet {
        match self.orientation() {
            1 => [Attribute::Wide].into(),
            -1 => [Attribute::Tall].into(),
            _ => AttributeSet::EMPTY,
        }
    }

    /// Whether it is clearly wider than tall (> 0), taller than wide (< 0), or neither (0).
    fn orientation(&self) -> i8 {
        let (mut wide, mut tall) = (0.0f32, 0.0f32);
        for i in 0..64 {
            let (x, y) = self.point(TAU * i as f32 / 64.0, 1.0);
            wide = wide.max((x - self.centre.0).abs());
            tall = tall.max((y - self.centre.1).abs());
        }
        i8::from(wide > 1.2 * tall) - i8::from(tall > 1.2 * wide)
    }
}

/// Calls `found` with the index and the depth of each pixel up to `limit` pixels from an outline's centre.
pub(crate) fn each_depth(outline: &Outline, side: usize, limit: f32, mut found: impl FnMut(usize, f32)) {
    for y in 0..side {
        let down = y as f32 - outline.centre.1;
        let half = limit * limit - down * down;
        if half <= 0.0 {
            continue;
        }
        let edge = |x: f32| x.clamp(0.0, side as f32) as usize;
        let columns = edge(outline.centre.0 - half.sqrt())..edge(outline.centre.0 + half.sqrt() + 1.0);
        for x in columns {
            found(y * side + x, outline.depth(x as f32, y as f32));
        }
    }
}

/// The angle of a direction from the first axis, to 1e-4, without a call into the mathematics library.
fn direction(u: f32, v: f32) -> f32 {
    let (long, short) = (u.abs().max(v.abs()), u.abs().min(v.abs()));
    let t = short / long.max(1e-12);
    let square = t * t;
    // Minimax polynomial of the arc tangent on 0..=1 (Abramowitz and Stegun 1964, 4.4.49), error below 1e-5.
    let series = ((0.020_835_1 * square - 0.085_133) * square + 0.180_141) * square - 0.330_299_5;
    let eighth = t * (series * square + 0.999_866);
    let quarter = if v.abs() > u.abs() { 0.25 * TAU - eighth } else { eighth };
    let half = if u < 0.0 { 0.5 * TAU - quarter } else { quarter };
    if v < 0.0 { -half } else { half }
}

fn factors(stream: &mut Stream, form: Form) -> Vec<f32> {
    let mut factors = vec![1.0f32; ANGLES];
    let mut harmonics = |stream: &mut Stream, orders: std::ops::RangeInclusive<u32>, level: f32, decay: f32| {
        let parts: Vec<(f32, f32, f32)> = orders
            .map(|k| (k as f32, stream.normal() as f32 / (k as f32).powf(decay), between(stream, 0.0, TAU)))
            .collect();
        let power = parts.iter().map(|p| 0.5 * p.1 * p.1).sum::<f32>().sqrt().max(1e-6);
        for (i, factor) in factors.iter_mut().enumerate() {
            let angle = TAU * i as f32 / ANGLES as f32;
            *factor += level / power * parts.iter().map(|&(k, a, p)| a * (k * angle + p).cos()).sum::<f32>();
        }
    };
    match form {
        Form::Round | Form::Oval => {
            let level = between(stream, 0.005, 0.025);
            harmonics(stream, 2..=5, level, 1.0);
        }
        Form::Lobulated => {
            let (level, order) = (between(stream, 0.07, 0.12), 3 + stream.below(3) as u32);
            harmonics(stream, order..=order + 1, level, 0.0);
        }
        Form::Irregular => {
            let level = between(stream, 0.14, 0.24);
            harmonics(stream, 2..=12, level, 0.6);
        }
        Form::Scalloped => {
            let (level, order) = (between(stream, 0.035, 0.065), 10 + stream.below(8) as u32);
            harmonics(stream, order..=order + 3, level, 0.0);
            harmonics(stream, 2..=4, 0.05, 0.5);
        }
        Form::Spiculated => {
            let level = between(stream, 0.05, 0.12);
            harmonics(stream, 2..=6, level, 0.5);
            factors.iter_mut().for_each(|f| *f *= 0.8);
            for _ in 0..8 + stream.below(12) {
                let (at, height, width) =
                    (between(stream, 0.0, TAU), between(stream, 0.3, 1.0), between(stream, 0.04, 0.1));
                for (i, factor) in factors.iter_mut().enumerate() {
                    let angle = TAU * i as f32 / ANGLES as f32;
                    let away = ((angle - at + TAU * 1.5).rem_euclid(TAU) - 0.5 * TAU).abs();
                    *factor += height * (-(away / width)).exp();
                }
            }
        }
        Form::Angular => {
            let corners = 4 + stream.below(4);
            let mut angles: Vec<f32> =
                (0..corners).map(|i| (i as f32 + between(stream, -0.3, 0.3)) * TAU / corners as f32).collect();
            angles.sort_by(f32::total_cmp);
            let radii: Vec<f32> = angles.iter().map(|_| between(stream, 0.85, 1.35)).collect();
            for (i, factor) in factors.iter_mut().enumerate() {
                *factor = polygon(TAU * i as f32 / ANGLES as f32, &angles, &radii);
            }
        }
    }
    factors.iter_mut().for_each(|f| *f = f.clamp(0.25, 2.4));
    factors
}

/// The radius of a polygon at an angle: where the ray meets the edge between two corners.
fn polygon(angle: f32, angles: &[f32], radii: &[f32]) -> f32 {
    let next = angles.iter().position(|&a| a > angle).unwrap_or(0);
    let before = (next + angles.len() - 1) % angles.len();
    let to = (angles[next] - angle).rem_euclid(TAU);
    let from = (angle - angles[before]).rem_euclid(TAU);
    let (a, b) = (radii[before], radii[next]);
    a * b * (from + to).sin() / (a * from.sin() + b * to.sin()).max(1e-3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_needs_pixels_and_an_edge() {
        for (form, radius, softness, seen) in [
            (Form::Round, 3.0, 0.8, false),
            (Form::Round, 8.0, 0.8, true),
            (Form::Oval, 20.0, 12.0, false),
            (Form::Irregular, 20.0, 8.0, true),
            (Form::Spiculated, 9.0, 0.8, false),
            (Form::Spiculated, 20.0, 1.0, true),
            (Form::Scalloped, 20.0, 7.0, false),
            (Form::Angular, 20.0, 5.0, true),
        ] {
            assert_eq!(form.is_seen(radius, softness), seen, "{form:?}, {radius} pixels, soft over {softness}");
        }
    }
}
