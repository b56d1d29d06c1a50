//! What a body looks like inside, and at its edge.

use sdmad_base::Stream;

use super::anatomy::Head;
use super::interior::Interior;
use super::lump::Lump;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, fractal, grain, noise, one_of, weighted};
use crate::plane::{Plane, soft_step};

/// How bright a body is against the brain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Evenly black.
    Free,
    /// Darker.
    Low,
    /// Alike.
    Equal,
    /// Brighter.
    High,
    /// Darker in some parts, brighter in others.
    Mixed,
    /// A bright rim around a dark core.
    Ring,
}

/// A body of which the tone is chosen, over the brain.
pub(super) struct Paint<'a> {
    head: &'a Head,
    lump: &'a Lump,
    tone: Tone,
    /// The brightness of the brain around it.
    level: f32,
}

/// What was drawn: what is said of it, what is unknown, and its mask.
pub(super) type Painted = (AttributeSet, AttributeSet, Plane);

impl<'a> Paint<'a> {
    /// A tone for a body.
    pub(super) fn choose(stream: &mut Stream, image: &Plane, head: &'a Head, lump: &'a Lump) -> Self {
        let around = lump.around(8.0 * head.unit()).zip(&head.depth, |a, d| if d > 0.0 { a } else { 0.0 });
        let level = if around.mean() > 1e-4 { image.mean_under(&around) } else { head.level };
        let ring = if lump.radius > 8.0 { 0.22 } else { 0.0 };
        let tone = weighted(
            stream,
            &[
                (Tone::Free, 0.09),
                (Tone::Low, 0.22),
                (Tone::Equal, 0.05),
                (Tone::High, 0.38),
                (Tone::Mixed, 0.13),
                (Tone::Ring, ring),
            ],
        );
        // In the dark nothing but brightness can be seen.
        let tone = if level < 0.16 { Tone::High } else { tone };
        // What is as bright as the brain shows by the line around it alone.
        let tone = if tone == Tone::Equal && !lump.words.contains(A::Sharp) { Tone::Low } else { tone };
        Paint { head, lump, tone, level }
    }

    /// Draws it.
    pub(super) fn draw(&self, stream: &mut Stream, image: &mut Plane) -> Painted {
        let unit = self.head.unit();
        let alpha = self.frayed(stream);
        let mask = alpha.clone().map(|a| if a > 0.4 { 1.0 } else { 0.0 });
        let (inside, mut set, unknown) = self.inside(stream, &mask);
        // No finer than the slice.
        let inside = inside.blurred(self.head.blur);
        let detail = image.clone().zip(&image.blurred(1.2 * unit), |v, s| v - s);
        let fine = grain(stream, image.side()).blurred(between(stream, 0.5, 1.2));
        let (kept, grains) = (between(stream, 0.2, 0.8), between(stream, 0.0, 0.05));
        for (index, value) in image.values_mut().iter_mut().enumerate() {
            let share = alpha.values()[index];
            if share > 0.0 {
                let level = inside.values()[index];
                let texture =
                    (kept * detail.values()[index]).clamp(-0.06, 0.06) + grains * level * fine.values()[index];
                *value += share * ((level + texture).clamp(0.0, 1.0) - *value);
            }
        }
        if stream.chance(self.capsule_chance()) {
            self.capsule(stream, image);
            set.insert(A::Capsule);
        }
        (set, unknown, mask)
    }

    /// How often a line around it is drawn: one that would be seen.
    fn capsule_chance(&self) -> f64 {
        match self.tone {
            _ if !self.lump.words.contains(A::Sharp) => 0.0,
            Tone::Ring | Tone::High => 0.0,
            Tone::Equal => 1.0,
            Tone::Free | Tone::Low | Tone::Mixed => 0.25,
        }
    }

    /// Where the body covers the brain: its edge is slightly uneven.
    fn frayed(&self, stream: &mut Stream) -> Plane {
        let side = self.head.depth.side();
        let softness = self.lump.softness.max(1.7 * self.head.blur);
        let uneven = noise(stream, side, 4.0 + 0.6 * softness);
        self.lump.depth.clone().zip(&uneven, |d, n| soft_step(d + 0.3 * softness * n, softness))
    }

    /// The brightness inside, what is said of it, and what is unknown.
    fn inside(&self, stream: &mut Stream, mask: &Plane) -> (Plane, AttributeSet, AttributeSet) {
        let side = mask.side();
        let level = self.level;
        let (share, gain) = (between(stream, 0.0, 1.0), between(stream, 0.17, 0.48));
        let (tone, words): (f32, AttributeSet) = match self.tone {
            Tone::Free => (0.05 * share, [A::EchoFree, A::Dark].into()),
            Tone::Low => (level * (0.25 + 0.43 * share), [A::Dark].into()),
            Tone::Equal => (level * (0.93 + 0.14 * share), AttributeSet::EMPTY),
            Tone::High => ((level + gain).min(0.96), [A::Bright].into()),
            Tone::Mixed => return self.mixed(stream, side),
            Tone::Ring => return self.ring(stream, side),
        };
        let interior = Interior::choose(stream, self.tone, self.lump.radius);
        let words = if interior == Interior::Level { AttributeSet::EMPTY } else { words };
        let (said, unknown) = interior.words();
        (interior.draw(stream, self.lump, mask, tone), words.union(said), unknown)
    }

    /// Dark and bright parts.
    fn mixed(&self, stream: &mut Stream, side: usize) -> (Plane, AttributeSet, AttributeSet) {
        let level = self.level;
        let (dark, bright) = (level * between(stream, 0.15, 0.5), (level + between(stream, 0.18, 0.45)).min(0.97));
        let cell = self.lump.radius * between(stream, 0.5, 1.1);
        let parts = fractal(stream, side, cell, 2, 0.5).map(|v| dark + (bright - dark) * soft_step(v, 0.6));
        (parts, [A::MixedDensity, A::Heterogeneous].into(), [A::FluidPocket, A::Bright, A::Dark].into())
    }

    /// A bright rim, even or uneven in width, around a core that is dark or hardly changed.
    fn ring(&self, stream: &mut Stream, side: usize) -> (Plane, AttributeSet, AttributeSet) {
        let radius = self.lump.radius;
        let width = (radius * between(stream, 0.12, 0.34)).max(2.2 * self.head.unit());
        let uneven = one_of(stream, &[0.05, 0.2, 0.6]);
        let lumps = noise(stream, side, 0.6 * radius);
        let core = self.level * between(stream, 0.12, 0.65);
        let rim = (self.level + between(stream, 0.2, 0.5)).min(0.97);
        let rough = stream.chance(0.4);
        let cloud = fractal(stream, side, 0.4 * radius, 2, 0.7);
        let soft = 0.25 * width + 0.5;
        let share = self
            .lump
            .depth
            .clone()
            .zip(&lumps, |d, n| soft_step(width * (1.0 + uneven * n).clamp(0.25, 2.2) - d, soft));
        let inside = share.zip(&cloud, |s, c| {
            let core = if rough { core * (1.0 + 0.45 * c.clamp(-1.5, 2.0)) } else { core };
            core + s * (rim - core)
        });
        let unknown = [A::MixedDensity, A::Bright, A::Dark, A::Heterogeneous, A::Homogeneous, A::FluidPocket, A::Haze];
        (inside, [A::Ring].into(), unknown.into())
    }

    /// A thin bright line along the edge.
    fn capsule(&self, stream: &mut Stream, image: &mut Plane) {
        let unit = self.head.unit();
        let (width, strength) = (between(stream, 1.4, 2.4) * unit, between(stream, 0.6, 0.9));
        let bright = (self.level + 0.45).clamp(0.7, 0.98);
        for (value, &depth) in image.values_mut().iter_mut().zip(self.lump.depth.values()) {
            let line = soft_step(0.5 * width - (depth + 0.2 * width).abs(), 0.6 * unit);
            *value += strength * line * (bright - *value).max(0.0);
        }
    }

    /// Whether it stands out from the brain at its edge.
    pub(super) fn stands_out(&self) -> bool {
        self.tone != Tone::Equal && self.lump.words.contains(A::Sharp)
    }
}
