//! The wall's relief as a camera inside sees it: rings of folds around a lumen, long folds, a pylorus, a flat wall.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::field::{between, noise, one_of};
use crate::plane::{Plane, length, soft_step};

/// What part of the tract is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site {
    /// Curved ridges around a lumen.
    Colon,
    /// Many narrow rings.
    SmallBowel,
    /// Long winding folds.
    Stomach,
    /// A round hole with a smooth rim.
    Pylorus,
    /// A pale tube with slight folds along it.
    Gullet,
    /// A wall seen from the front.
    Flat,
}

/// The lit wall.
pub(super) struct Wall {
    /// What light comes back, about 1 near the camera.
    pub(super) gain: Plane,
    /// 1 in the dark hole.
    pub(super) lumen: Plane,
    /// The hole's radius in pixels, where it is in view.
    pub(super) hole: Option<f32>,
    /// The farthest place.
    pub(super) depth: (f32, f32),
}

/// A tube that is looked into.
struct Tube {
    centre: (f32, f32),
    /// Of the hole, in pixels.
    radius: f32,
    warp: [Plane; 2],
    /// How triangular its section is.
    corners: f32,
    turn: f32,
}

/// One ring of a fold: how high it is around the tube.
struct Crest {
    height: f32,
    lobes: f32,
    phase: f32,
}

impl Tube {
    fn draw(stream: &mut Stream, side: usize, radius: f32) -> Tube {
        let size = side as f32;
        // The lumen is off centre, at times beyond the view.
        let spread = one_of(stream, &[0.12f32, 0.3, 0.3, 0.75]);
        let angle = between(stream, 0.0, TAU);
        let out = spread * size * between(stream, 0.4, 1.0);
        let centre = (0.5 * size + out * angle.cos(), 0.5 * size + out * angle.sin());
        let bend = size * between(stream, 0.015, 0.06);
        let warp = [0, 1].map(|_| noise(stream, side, 0.3 * size).map(|v| v * bend));
        Tube { centre, radius, warp, corners: between(stream, 0.0, 0.12), turn: between(stream, 0.0, TAU) }
    }

    /// The logarithm of the distance from the lumen in radii, and the angle.
    fn polar(&self, x: f32, y: f32) -> (f32, f32) {
        let (column, row) = (x as i64, y as i64);
        let (u, v) =
            (x - self.centre.0 + self.warp[0].at(column, row), y - self.centre.1 + self.warp[1].at(column, row));
        let angle = v.atan2(u);
        let away = length(u, v) * (1.0 + self.corners * (3.0 * angle + self.turn).cos());
        (((away + 1.0) / self.radius).ln(), angle)
    }

    fn wall(self, side: usize, fall: f32, mut gain: impl FnMut(f32, f32) -> f32) -> Wall {
        let mut lumen = Plane::filled(side, 0.0);
        let holes = lumen.values_mut();
        let gain = Plane::from_fn(side, |x, y| {
            let (out, angle) = self.polar(x, y);
            holes[y as usize * side + x as usize] = soft_step(-out, 0.3);
            let lit = 1.0 / (1.0 + (-(out - 0.35) * fall).exp());
            (0.02 + lit * gain(out, angle)).max(0.01)
        });
        let last = side as f32 - 1.0;
        let seen = self.centre.0 > 0.0 && self.centre.1 > 0.0 && self.centre.0 < last && self.centre.1 < last;
        Wall { gain, lumen, hole: seen.then_some(self.radius), depth: self.centre }
    }
}

impl Crest {
    fn draw(stream: &mut Stream) -> Crest {
        let lobes = 1 + stream.below(3);
        Crest { height: between(stream, 0.2, 1.0), lobes: lobes as f32, phase: between(stream, 0.0, TAU) }
    }

    fn at(&self, angle: f32) -> f32 {
        self.height * (0.55 + 0.8 * (self.lobes * angle + self.phase).cos()).clamp(0.0, 1.0)
    }
}

/// The wall of a site.
pub(super) fn wall(stream: &mut Stream, side: usize, site: Site) -> Wall {
    match site {
        Site::Colon => ringed(stream, side, (0.35, 0.75), (0.3, 0.75)),
        Site::SmallBowel => ringed(stream, side, (0.16, 0.3), (0.15, 0.4)),
        Site::Stomach => ridged(stream, side),
        Site::Pylorus => holed(stream, side),
        Site::Gullet => pleated(stream, side),
        Site::Flat => flat(stream, side),
    }
}

/// Rings of folds, `pitch` apart on the logarithm of the distance, of a strength.
fn ringed(stream: &mut Stream, side: usize, pitch: (f32, f32), strength: (f32, f32)) -> Wall {
    let radius = side as f32 * between(stream, 0.06, 0.17);
    let tube = Tube::draw(stream, side, radius);
    let crests: Vec<Crest> = (0..64).map(|_| Crest::draw(stream)).collect();
    let pitch = between(stream, pitch.0, pitch.1);
    let (start, strength) = (between(stream, 8.0, 9.0), between(stream, strength.0, strength.1));
    let (edge, fall) = (between(stream, 0.04, 0.14), between(stream, 1.5, 2.6));
    let sway = [between(stream, 0.0, 0.35), between(stream, 0.0, TAU)];
    tube.wall(side, fall, |out, angle| {
        let place = (out / pitch + start + sway[0] * (angle + sway[1]).sin()).clamp(0.0, 60.0);
        let (ring, share) = (place as usize, place.fract());
        let (inner, outer) = (crests[ring].at(angle), crests[ring + 1].at(angle));
        // The near face of the inner crest is bright; behind the outer crest the wall lies in its shade.
        let face = (-share / 0.3).exp() * inner;
        let shade = -1.2 * (-(1.0 - share) / 0.28).exp() * outer;
        let turn = soft_step(share - edge, edge);
        let before = -1.2 * inner;
        1.0 + strength * (turn * (face + shade) + (1.0 - turn) * before)
    })
}

/// A round hole with a smooth rim and a few folds that run to it.
fn holed(stream: &mut Stream, side: usize) -> Wall {
    let radius = side as f32 * between(stream, 0.035, 0.11);
    let tube = Tube::draw(stream, side, radius);
    let (folds, phase) = ((3 + stream.below(4)) as f32, between(stream, 0.0, TAU));
    let (depth, rim, width) = (between(stream, 0.0, 0.15), between(stream, 0.1, 0.4), between(stream, 0.12, 0.3));
    let fall = between(stream, 3.0, 5.5);
    tube.wall(side, fall, |out, angle| {
        let crest = (-((out - 0.35) / width).powi(2)).exp();
        let fold = (folds * angle + phase).cos() * (-(out - 1.2).powi(2)).exp();
        let ditch = 0.5 * rim * (-((out - 0.35 - 2.5 * width) / (1.3 * width)).powi(2)).exp();
        1.0 + rim * crest - ditch + depth * fold
    })
}

/// A tube with slight folds along it.
fn pleated(stream: &mut Stream, side: usize) -> Wall {
    let radius = side as f32 * between(stream, 0.05, 0.14);
    let tube = Tube::draw(stream, side, radius);
    let (folds, phase) = ((4 + stream.below(5)) as f32, between(stream, 0.0, TAU));
    let (depth, fall) = (between(stream, 0.03, 0.25), between(stream, 1.4, 2.4));
    let (pitch, rings) = (between(stream, 0.3, 0.6), between(stream, 0.0, 0.08));
    tube.wall(side, fall, |out, angle| {
        let fold = (folds * angle + phase + 0.5 * out).cos();
        let near = (-0.5 * out.powi(2)).exp();
        1.0 + depth * fold * near + rings * (TAU * out / pitch).cos()
    })
}

/// Long winding folds, and light from one side.
fn ridged(stream: &mut Stream, side: usize) -> Wall {
    let size = side as f32;
    let pitch = size * between(stream, 0.09, 0.22);
    let bend = noise(stream, side, 0.35 * size);
    let patchy = noise(stream, side, 0.4 * size);
    let tilt = between(stream, 0.0, PI);
    let (sine, cosine) = tilt.sin_cos();
    let (sway, strength) = (between(stream, 0.3, 0.9), between(stream, 0.25, 0.6));
    let relief = Plane::from_fn(side, |x, y| {
        let (column, row) = (x as i64, y as i64);
        let phase = PI * ((y * cosine - x * sine) / pitch + sway * bend.at(column, row));
        let crest = phase.cos().abs();
        let groove = (-(crest / 0.3).powi(2)).exp();
        let height = (0.75 + 0.5 * patchy.at(column, row)).clamp(0.0, 1.2);
        height * (0.35 * crest - 0.9 * groove + 0.25 * (2.0 * phase).sin())
    });
    let even = flat(stream, side);
    let gain = even.gain.zip(&relief, |light, r| (light * (1.0 + strength * r)).max(0.02));
    Wall { gain, ..even }
}

/// A wall from the front, with broad humps; light falls off to one side.
fn flat(stream: &mut Stream, side: usize) -> Wall {
    let size = side as f32;
    let angle = between(stream, 0.0, TAU);
    let near = (size * (0.5 - 0.25 * angle.cos()), size * (0.5 - 0.25 * angle.sin()));
    let depth = (size * (0.5 + 0.9 * angle.cos()), size * (0.5 + 0.9 * angle.sin()));
    let reach = size * between(stream, 0.45, 1.1);
    let humps = noise(stream, side, 0.35 * size);
    let hump = between(stream, 0.02, 0.14);
    let gain = Plane::from_fn(side, |x, y| {
        let away = length(x - near.0, y - near.1) / reach;
        (1.15 / (1.0 + 0.55 * away * away)).max(0.05)
    });
    let gain = gain.zip(&humps, |g, h| g * (1.0 + hump * h).max(0.3));
    Wall { gain, lumen: Plane::filled(side, 0.0), hole: None, depth }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_in_view_is_dark_and_of_its_radius() {
        let mut holes = 0;
        for site in [Site::Colon, Site::SmallBowel, Site::Stomach, Site::Pylorus, Site::Gullet, Site::Flat] {
            for number in 0..8 {
                let name = format!("{site:?} {number}");
                let Wall { gain, lumen, hole, depth } = wall(&mut Stream::new(number, "wall"), 224, site);
                assert!(gain.values().iter().all(|&g| g > 0.0 && g < 3.0), "{name}");
                if matches!(site, Site::Stomach | Site::Flat) {
                    assert!(hole.is_none() && lumen.mean() == 0.0, "{name}");
                }
                let Some(radius) = hole else { continue };
                let lit = lumen.clone().map(|l| 1.0 - l);
                assert!(gain.mean_under(&lumen) < 0.5 * gain.mean_under(&lit), "{name}: the hole is not dark");
                let margin = depth.0.min(depth.1).min(224.0 - depth.0).min(224.0 - depth.1);
                if margin > 1.5 * radius {
                    holes += 1;
                    let found = (lumen.values().iter().sum::<f32>() / PI).sqrt();
                    assert!((found / radius - 1.0).abs() < 0.25, "{name}: {found} for {radius} pixels");
                }
            }
        }
        assert!(holes > 16, "{holes} holes are whole");
    }
}
