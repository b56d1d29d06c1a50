//! A slice while findings are drawn, and what several of them share.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use super::anatomy::Head;
use super::effect;
use super::lump::Lump;
use super::mass::Paint;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, noise, weighted};
use crate::plane::{Plane, length, soft_step};

/// A slice being changed.
pub(super) struct Section {
    /// The picture so far.
    pub(super) image: Plane,
    /// Its landmarks.
    pub(super) head: Head,
    /// What is too faint or too small to be told.
    pub(super) unknown: AttributeSet,
}

/// What was drawn: what can be said of it, and where it is.
pub(super) type Drawn = (AttributeSet, Plane);

/// What a body may do to the brain around it.
type Effect = fn(&mut Stream, &mut Plane, &Head, &Lump) -> effect::Seen;

impl Section {
    /// A place in the brain.
    pub(super) fn place(&self, stream: &mut Stream) -> (f32, f32) {
        let angle = between(stream, 0.0, TAU);
        let edge = self.head.surface(angle);
        let share = between(stream, 0.0, 0.9).sqrt();
        let along = |centre: f32, edge: f32| centre + share * (edge - centre);
        (along(self.head.centre.0, edge.0), along(self.head.centre.1, edge.1))
    }

    /// A place in the brain for a body of `radius` pixels, away from others.
    pub(super) fn free_place(
        &self,
        stream: &mut Stream,
        radius: f32,
        others: &[(f32, f32, f32)],
    ) -> Option<(f32, f32)> {
        (0..14).map(|_| self.place(stream)).find(|&(x, y)| {
            let clear = others.iter().all(|o| length(o.0 - x, o.1 - y) > 1.5 * (o.2 + radius));
            clear && self.head.depth_at((x, y)) > 0.5 * radius
        })
    }

    /// Draws a body with what it does to the brain. Where it is `within`, it destroys the cortex that it reaches.
    pub(super) fn body(&mut self, stream: &mut Stream, lump: &Lump, within: bool, number: A) -> Drawn {
        let mut set = lump.words.union([number].into());
        self.unknown = self.unknown.union(lump.unknown);
        let push = if within { 0.32 } else { 0.45 };
        let mut effects: Vec<Effect> = Vec::new();
        match weighted(stream, &[(0, 0.85 - push), (1, push), (2, 0.15)]) {
            0 => {}
            1 => effects.push(effect::push),
            _ => effects.push(effect::pull),
        }
        if stream.chance(if within { 0.42 } else { 0.25 }) {
            effects.push(effect::oedema);
        }
        for effect in effects {
            let (seen, unknown) = effect(stream, &mut self.image, &self.head, lump);
            set = set.union(seen);
            self.unknown = self.unknown.union(unknown);
        }
        let paint = Paint::choose(stream, &self.image, &self.head, lump);
        let stands_out = paint.stands_out();
        let (seen, unknown, mask) = paint.draw(stream, &mut self.image);
        self.unknown = self.unknown.union(unknown);
        let unit = self.head.unit();
        let cortex = mask.values().iter().zip(self.head.depth.values());
        let reached = cortex.filter(|&(&m, &d)| m > 0.0 && (0.0..7.0 * unit).contains(&d)).count();
        if within && stands_out && reached as f32 > 70.0 * unit * unit {
            set.insert(A::InterruptedLayer);
        }
        (set.union(seen), mask)
    }

    /// A bright band along the skull from the foot of a body to both sides.
    pub(super) fn tail(&mut self, stream: &mut Stream, lump: &Lump, set: &mut AttributeSet) {
        let (dx, dy) = (lump.centre.0 - self.head.centre.0, lump.centre.1 - self.head.centre.1);
        let half = (lump.radius / length(dx, dy).max(8.0)).min(1.0) + between(stream, 0.12, 0.3);
        let width = between(stream, 2.6, 4.5) * self.head.unit();
        let before = self.image.clone();
        let mask = self.band(stream, dy.atan2(dx), half, width);
        let outside = mask.zip(&lump.depth, |m, d| if d < 0.0 { m } else { 0.0 });
        let change = self.image.mean_under(&outside) - before.mean_under(&outside);
        let word: AttributeSet = [A::ThickLayer].into();
        if change > 0.12 {
            *set = set.union(word);
        } else {
            self.unknown = self.unknown.union(word);
        }
    }

    /// A bright band under the skull, `half` radians to both sides of an angle and `width` pixels thick, thinner to its
    /// ends. Returns where it is.
    pub(super) fn band(&mut self, stream: &mut Stream, angle: f32, half: f32, width: f32) -> Plane {
        let side = self.image.side();
        let unit = self.head.unit();
        let waves = noise(stream, side, 10.0 * unit);
        let bright = (self.head.level + between(stream, 0.3, 0.5)).clamp(0.7, 0.97);
        let head = &self.head;
        let share = Plane::from_fn(side, |x, y| {
            let index = y as usize * side + x as usize;
            let depth = head.depth.values()[index];
            if depth < -2.0 || depth > 3.0 * width {
                return 0.0;
            }
            let here = (y - head.centre.1).atan2(x - head.centre.0);
            let away = ((here - angle + 3.0 * PI).rem_euclid(TAU) - PI).abs() / half;
            let thick = width * (1.0 + 0.2 * waves.values()[index]) * soft_step(1.0 - away, 0.12);
            soft_step(thick - depth, 0.8) * soft_step(depth + 0.5, 0.6) * soft_step(1.0 - away, 0.08)
        });
        self.image = self.image.clone().zip(&share, |v, s| v + 0.9 * s * (bright - v).max(0.0));
        share.map(|s| if s > 0.35 { 1.0 } else { 0.0 })
    }

    /// A thin line of fluid between a body and the brain.
    pub(super) fn cleft(&mut self, lump: &Lump) {
        let unit = self.head.unit();
        let fluid = if self.head.bright_water == Some(true) { 0.9 } else { 0.1 };
        for (index, value) in self.image.values_mut().iter_mut().enumerate() {
            let (outside, depth) = (-lump.depth.values()[index], self.head.depth.values()[index]);
            let line = soft_step(1.0 * unit - (outside - 1.6 * unit).abs(), 0.7 * unit) * soft_step(depth, 1.5 * unit);
            *value += 0.75 * line * (fluid - *value);
        }
    }

    /// Swollen gyri: folds under `cover` close.
    pub(super) fn flatten(&mut self, stream: &mut Stream, cover: &Plane) {
        let unit = self.head.unit();
        let smooth = self.image.blurred(between(stream, 3.0, 5.0) * unit);
        let level = self.head.level;
        for (index, value) in self.image.values_mut().iter_mut().enumerate() {
            let depth = self.head.depth.values()[index];
            let share = cover.values()[index].sqrt() * soft_step(26.0 * unit - depth, 10.0 * unit);
            let plain = level + 0.4 * (smooth.values()[index] - level);
            *value += 0.85 * share * (plain - *value);
        }
    }
}
