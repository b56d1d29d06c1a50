//! What is inside of a body of one tone.

use std::f32::consts::PI;

use sdmad_base::Stream;

use super::lump::Lump;
use super::mass::Tone;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, fractal, noise, weighted};
use crate::pattern;
use crate::plane::{Plane, soft_step};

/// What a tone is broken by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interior {
    /// Nothing.
    Even,
    /// Slight unevenness, which nothing is said of.
    Plain,
    /// Darker and brighter areas.
    Uneven,
    /// Round pockets of fluid.
    Cysts,
    /// Dark flecks, as of vessels or old blood.
    Flecks,
    /// Tiny bright points.
    Specks,
    /// Parallel strands.
    Strands,
    /// What has settled below a horizontal level.
    Level,
}

impl Interior {
    /// One for a body of a tone and a radius in pixels.
    pub(super) fn choose(stream: &mut Stream, tone: Tone, radius: f32) -> Self {
        if tone == Tone::Free {
            return weighted(stream, &[(Interior::Even, 0.9), (Interior::Level, 0.1)]);
        }
        let large = if radius > 11.0 { 1.0 } else { 0.0 };
        // Dark parts do not show in a dark body, nor bright ones in a bright body.
        let pale = if tone == Tone::Low { 0.0 } else { large };
        weighted(
            stream,
            &[
                (Interior::Even, 0.36),
                (Interior::Plain, 0.1),
                (Interior::Uneven, 0.27),
                (Interior::Cysts, 0.14 * pale),
                (Interior::Flecks, 0.12 * pale),
                (Interior::Specks, if tone == Tone::High { 0.0 } else { 0.08 }),
                (Interior::Strands, 0.05 * large),
                (Interior::Level, 0.05 * large),
            ],
        )
    }

    /// What is said of it, and what is unknown.
    pub(super) fn words(self) -> (AttributeSet, AttributeSet) {
        let either: AttributeSet = [A::Homogeneous, A::Heterogeneous].into();
        match self {
            Interior::Even => ([A::Homogeneous].into(), AttributeSet::EMPTY),
            Interior::Plain => (AttributeSet::EMPTY, either),
            Interior::Uneven => ([A::Heterogeneous].into(), AttributeSet::EMPTY),
            Interior::Cysts => ([A::FluidPocket].into(), [A::Heterogeneous, A::MixedDensity].into()),
            Interior::Flecks => ([A::Dots].into(), [A::Heterogeneous].into()),
            Interior::Specks => ([A::BrightSpecks].into(), [A::Dots].into()),
            Interior::Strands => ([A::Streaks].into(), [A::Heterogeneous, A::Linear].into()),
            Interior::Level => {
                ([A::FluidLevel].into(), either.union([A::Bright, A::Dark, A::MixedDensity, A::FluidPocket].into()))
            }
        }
    }

    /// The brightness inside of a body of the level `tone`.
    pub(super) fn draw(self, stream: &mut Stream, lump: &Lump, mask: &Plane, tone: f32) -> Plane {
        let (side, radius) = (mask.side(), lump.radius);
        let slope = between(stream, -0.08, 0.08);
        let base = noise(stream, side, 0.5 * radius + 4.0).map(|v| tone * (1.0 + slope * v));
        let contrast = (0.45 * tone + 0.05).min(0.26);
        match self {
            Interior::Even => base,
            Interior::Plain => base.zip(&noise(stream, side, 0.4 * radius), |v, n| v + 0.35 * contrast * n),
            Interior::Uneven => {
                let cell = (radius * between(stream, 0.25, 0.6)).max(5.0);
                base.zip(&fractal(stream, side, cell, 2, 0.7), |v, n| v + contrast * n.clamp(-1.5, 1.6))
            }
            Interior::Cysts => {
                let count = 1 + stream.below(4);
                let fluid = tone * between(stream, 0.05, 0.3);
                base.zip(&spots(stream, lump, mask, count, (0.16, 0.36)), |v, h| v + h * (fluid - v))
            }
            Interior::Flecks => {
                let count = 6 + stream.below(12);
                base.zip(&spots(stream, lump, mask, count, (0.05, 0.12)), |v, f| v * (1.0 - 0.8 * f))
            }
            Interior::Specks => {
                let count = 5 + stream.below(9);
                base.zip(&pattern::dots(stream, mask, count, (0.9, 1.8), 0.7), |v, s| v + s * 0.8 * (1.0 - v))
            }
            Interior::Strands => {
                let (pitch, angle) = (between(stream, 4.0, 8.0), between(stream, 0.0, PI));
                base.zip(&pattern::streaks(stream, side, pitch, angle, 1.5), |v, s| v + contrast * (0.9 * s - 0.3))
            }
            Interior::Level => {
                let row = lump.centre.1 + radius * between(stream, -0.2, 0.35);
                let settled = if tone < 0.45 { tone + between(stream, 0.25, 0.4) } else { 0.35 * tone };
                Plane::from_fn(side, |_, y| settled * soft_step(y - row, 1.0) + tone * soft_step(row - y, 1.0))
            }
        }
    }
}

/// Round spots inside, whose radii are shares of the body's.
fn spots(stream: &mut Stream, lump: &Lump, mask: &Plane, count: usize, shares: (f32, f32)) -> Plane {
    let radius = lump.radius;
    let deep = lump.depth.clone().map(|d| if d > 0.25 * radius { 1.0 } else { 0.0 }).times(mask);
    let radii = ((shares.0 * radius).max(1.1), (shares.1 * radius).max(1.6));
    pattern::dots(stream, &deep, count, radii, 0.9)
}
