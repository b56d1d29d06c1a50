//! Findings of the brain, its covers and the sella.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use super::anatomy::Head;
use super::effect;
use super::lump::Lump;
use super::mass::Paint;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::field::{between, fractal, noise, weighted};
use crate::pattern;
use crate::plane::{Plane, length, soft_step};
use crate::scene::Scene;

/// A slice being changed.
struct Section {
    image: Plane,
    head: Head,
    /// What is too faint or too small to be told.
    unknown: AttributeSet,
}

/// What was drawn: what can be said of it, and where it is.
type Drawn = (AttributeSet, Plane);

/// What a body may do to the brain around it.
type Effect = fn(&mut Stream, &mut Plane, &Head, &Lump) -> effect::Seen;

/// Draws one or two kinds of findings.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene, head: Head) {
    let mut section = Section { image: scene.canvas.luma(), head, unknown: AttributeSet::EMPTY };
    for _ in 0..weighted(stream, &[(1, 0.78), (2, 0.22)]) {
        let kind = weighted(
            stream,
            &[
                (inner as fn(&mut Stream, &mut Section) -> Vec<Drawn>, 0.42),
                (outer, 0.16),
                (sellar, if section.head.sella.is_some() { 0.35 } else { 0.0 }),
                (crossing, if section.head.midline.is_some() { 0.06 } else { 0.0 }),
                (spots, 0.1),
                (diffuse, 0.1),
                (cover, 0.06),
            ],
        );
        for (attributes, mask) in kind(stream, &mut section) {
            note(scene, &section.head, attributes, mask);
        }
    }
    scene.unknown = scene.unknown.union(section.unknown);
    scene.canvas = Canvas::grey(section.image);
}

/// Notes a finding with what follows from where it is, and takes back what no longer holds of the slice.
fn note(scene: &mut Scene, head: &Head, mut attributes: AttributeSet, mask: Plane) {
    if attributes.contains(A::InterruptedLayer) {
        scene.present = scene.present.without([A::SmoothLayers].into());
    } else if touches_cortex(head, attributes, &mask) {
        scene.doubt([A::SmoothLayers]);
        scene.unknown.insert(A::InterruptedLayer);
    }
    match imbalance(head, &mask) {
        Some(share) if share > 0.01 => {
            scene.present = scene.present.without([A::Symmetric].into());
            attributes.insert(A::Asymmetric);
        }
        Some(share) if share < 0.003 => {}
        _ => {
            scene.doubt([A::Symmetric]);
            scene.unknown.insert(A::Asymmetric);
        }
    }
    scene.note(attributes, mask);
}

/// Whether the cortex is not as it was: it is covered, moved or soaked.
fn touches_cortex(head: &Head, attributes: AttributeSet, mask: &Plane) -> bool {
    let moving: AttributeSet = [A::DisplacedLayers, A::Distortion, A::Halo, A::Haze].into();
    let rim = 8.0 * head.unit();
    let touched = |(&m, &depth): (&f32, &f32)| m > 0.0 && (0.0..rim).contains(&depth);
    !attributes.intersection(moving).is_empty() || mask.values().iter().zip(head.depth.values()).any(touched)
}

/// By which share of the image a mask is larger in one half of the brain than in the other.
fn imbalance(head: &Head, mask: &Plane) -> Option<f32> {
    head.midline?;
    let side = mask.side();
    let sum: f32 = (mask.values().iter().enumerate().filter(|pixel| *pixel.1 > 0.0))
        .filter_map(|(index, &m)| Some(m * head.beside(((index % side) as f32, (index / side) as f32))?.signum()))
        .sum();
    Some(sum.abs() / (side * side) as f32)
}

/// Masses within the brain.
fn inner(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let count = weighted(stream, &[(1, 0.8), (2, 0.05), (3, 0.05), (6, 0.1)]);
    let side = section.image.side();
    let largest = if count == 1 { 0.17 } else { 0.075 };
    let mut places: Vec<(f32, f32, f32)> = Vec::new();
    for _ in 0..count {
        let radius = side as f32 * 0.03 * (largest / 0.03f32).powf(between(stream, 0.0, 1.0));
        if let Some(place) = section.free_place(stream, radius, &places) {
            places.push((place.0, place.1, radius));
        }
    }
    let number = match places.len() {
        1 => A::Single,
        2..=4 => A::Few,
        _ => A::Multiple,
    };
    let draw = |&(x, y, radius): &(f32, f32, f32)| {
        let lump = Lump::choose(stream, side, (x, y), radius);
        let lump = if stream.chance(0.9) { lump.within(&section.head) } else { lump };
        section.body(stream, &lump, true, number)
    };
    places.iter().map(draw).collect()
}

/// A mass with a broad base on the skull or on the falx.
fn outer(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let side = section.image.side();
    let radius = side as f32 * 0.045 * (0.16f32 / 0.045).powf(between(stream, 0.0, 1.0));
    let head = &section.head;
    let on_falx = head.midline.filter(|_| stream.chance(0.25));
    let lump = match on_falx {
        Some(line) => {
            let along = between(stream, -0.7, 0.7) * length_of(head, line);
            let foot = (head.centre.0 + line.0 * along, head.centre.1 + line.1 * along);
            let sign = if stream.chance(0.5) { 1.0 } else { -1.0 };
            let out = radius * between(stream, 0.2, 0.6) * sign;
            let centre = (foot.0 + line.1 * out, foot.1 - line.0 * out);
            let flat = Plane::from_fn(side, |x, y| sign * head.beside((x, y)).unwrap_or(0.0) + 1.0);
            Lump::choose(stream, side, centre, radius).cut(&flat).within(head)
        }
        None => {
            let angle = between(stream, 0.0, TAU);
            let foot = head.surface(angle);
            let inwards = radius * between(stream, 0.15, 0.7);
            let centre = (foot.0 - angle.cos() * inwards, foot.1 - angle.sin() * inwards);
            Lump::choose(stream, side, centre, radius).cut(&head.depth.clone().map(|d| d + 1.0))
        }
    };
    let (mut set, mask) = section.body(stream, &lump, false, A::Single);
    if on_falx.is_none() && stream.chance(0.4) {
        section.tail(stream, &lump, &mut set);
    }
    if stream.chance(0.3) {
        section.cleft(&lump);
    }
    vec![(set, mask)]
}

/// Half of the brain's length along a direction.
fn length_of(head: &Head, line: (f32, f32)) -> f32 {
    let end = head.surface(line.1.atan2(line.0));
    length(end.0 - head.centre.0, end.1 - head.centre.1)
}

/// A mass that rises from the sella, at times with a waist.
fn sellar(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let side = section.image.side();
    let Some(sella) = section.head.sella else { return Vec::new() };
    let radius = side as f32 * between(stream, 0.025, 0.1);
    // Upright slices show it rise; on axial ones it lies around its place.
    let upright = sella.1 > section.head.centre.1 + 0.08 * side as f32;
    let rise = if upright { radius * between(stream, 0.1, 0.8) } else { 0.0 };
    let centre = (sella.0 + between(stream, -0.15, 0.15) * radius, sella.1 - rise);
    let mut lump = Lump::choose(stream, side, centre, radius);
    if upright && radius > 0.04 * side as f32 && stream.chance(0.35) {
        let upper = radius * between(stream, 0.75, 1.05);
        let above = (centre.0 + between(stream, -0.2, 0.2) * radius, centre.1 - 0.8 * (radius + upper));
        let top = Lump { softness: lump.softness, ..Lump::choose(stream, side, above, upper) };
        let waisted = lump.softness < 0.35 * radius;
        lump = lump.joined(&top, if waisted { [A::Lobulated, A::Tall].into() } else { [A::Tall].into() });
    }
    vec![section.body(stream, &lump, false, A::Single)]
}

/// A mass in both hemispheres, joined across the midline.
fn crossing(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let side = section.image.side();
    let Some(line) = section.head.midline else { return Vec::new() };
    let along = between(stream, -0.5, 0.4) * length_of(&section.head, line);
    let centre = (section.head.centre.0 + line.0 * along, section.head.centre.1 + line.1 * along);
    let radius = side as f32 * between(stream, 0.06, 0.12);
    let place = |share: f32| (centre.0 + line.1 * share * radius, centre.1 - line.0 * share * radius);
    let (left, right) = (between(stream, 0.75, 1.1), between(stream, 0.75, 1.1));
    let first = Lump::choose(stream, side, place(left), radius);
    let other = radius * between(stream, 0.7, 1.1);
    let second = Lump::choose(stream, side, place(-right), other);
    let mut lump = first.joined(&second, [A::Wide].into()).within(&section.head);
    lump.words = lump.words.without([A::Small].into()).union([A::Bilateral].into());
    lump.centre = centre;
    vec![section.body(stream, &lump, true, A::Single)]
}

/// Many small spots, bright or dark.
fn spots(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let side = section.image.side();
    let unit = section.head.unit();
    let count = weighted(stream, &[(3, 1.0), (7, 1.0), (14, 1.0), (28, 0.7)]);
    let tiny = stream.chance(0.35);
    let bright = stream.chance(0.65);
    let everywhere = stream.chance(0.5);
    let (middle, spread) = (section.place(stream), between(stream, 0.1, 0.22) * side as f32);
    let under = Plane::from_fn(side, |x, y| {
        let near = everywhere || length(x - middle.0, y - middle.1) < spread;
        if near && section.head.depth_at((x, y)) > 5.0 * unit { 1.0 } else { 0.0 }
    });
    let radii = if tiny { (0.9, 1.7) } else { (2.0, 4.8) };
    let softness = if tiny { 0.7 } else { between(stream, 0.8, 2.0) * unit }.max(section.head.blur);
    let points = pattern::dots(stream, &under, count, ((radii.0 * unit).max(0.9), (radii.1 * unit).max(1.6)), softness);
    let level = section.head.level;
    let target =
        if bright { (level + between(stream, 0.3, 0.5)).min(0.97) } else { level * between(stream, 0.05, 0.35) };
    section.image = section.image.clone().zip(&points, |v, p| v + p * (target - v));
    let mut set: AttributeSet = [A::Small, if bright { A::Bright } else { A::Dark }].into();
    set.insert(if count < 5 { A::Few } else { A::Multiple });
    set.insert(if tiny && bright { A::BrightSpecks } else { A::Dots });
    if everywhere && count > 10 {
        set.insert(A::Diffuse);
    }
    section.unknown = section.unknown.union([A::Round, A::Sharp, A::Blurred, A::Bilateral].into());
    vec![(set, points.blurred(1.2).map(|p| if p > 0.08 { 1.0 } else { 0.0 }))]
}

/// A broad change of signal in one half or in both, with swollen gyri or without.
fn diffuse(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let side = section.image.side();
    let unit = section.head.unit();
    let one_half = section.head.midline.is_some() && stream.chance(0.5);
    let sign = if stream.chance(0.5) { 1.0 } else { -1.0 };
    let clouds = fractal(stream, side, 34.0 * unit, 2, 0.6);
    let least = if one_half { between(stream, -0.7, 0.2) } else { between(stream, -1.4, -0.5) };
    let smooth = section.image.blurred(1.2 * unit);
    let head = &section.head;
    let cover = Plane::from_fn(side, |x, y| {
        let index = y as usize * side + x as usize;
        let half = if one_half { soft_step(sign * head.beside((x, y)).unwrap_or(0.0), 6.0 * unit) } else { 1.0 };
        let tissue = soft_step(0.26 - (smooth.values()[index] - head.level).abs(), 0.1);
        let within = soft_step(head.depth.values()[index] - 5.0 * unit, 4.0 * unit);
        half * within * (0.12 + 0.88 * tissue) * soft_step(clouds.values()[index] - least, 0.7)
    });
    let bright = stream.chance(if head.bright_water == Some(false) { 0.3 } else { 0.65 });
    let target = if bright {
        (head.level + between(stream, 0.18, 0.35)).min(0.92)
    } else {
        head.level * between(stream, 0.45, 0.7)
    };
    let (strength, wave) = (between(stream, 0.5, 0.85), noise(stream, side, 12.0 * unit));
    if stream.chance(0.5) {
        section.flatten(stream, &cover);
    }
    let change = cover.clone().zip(&wave, |c, n| (c * strength * (1.0 + 0.15 * n)).clamp(0.0, 1.0));
    section.image = section.image.clone().zip(&change, |v, c| v + c * (target - v));
    let mut set: AttributeSet = [A::Haze, A::Blurred, A::Large, if bright { A::Bright } else { A::Dark }].into();
    if !one_half {
        set.insert(A::Diffuse);
        if section.head.midline.is_some() {
            set.insert(A::Bilateral);
        }
    }
    vec![(set, cover.map(|c| if c > 0.3 { 1.0 } else { 0.0 }))]
}

/// Thick bright meninges along a part of the skull.
fn cover(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let unit = section.head.unit();
    let (angle, half) = (between(stream, 0.0, TAU), between(stream, 0.25, 1.1));
    let width = between(stream, 3.0, 7.0) * unit;
    let before = section.image.clone();
    let mask = section.band(stream, angle, half, width);
    let change = section.image.mean_under(&mask) - before.mean_under(&mask);
    let set: AttributeSet = [A::ThickLayer, A::Bright, A::Homogeneous, A::Single].into();
    section.unknown = section.unknown.union([A::Sharp, A::Linear, A::Capsule].into());
    if change < 0.12 {
        // On bright fluid it is not seen.
        section.unknown = section.unknown.union(set);
        return Vec::new();
    }
    vec![(set, mask)]
}

impl Section {
    /// A place in the brain.
    fn place(&self, stream: &mut Stream) -> (f32, f32) {
        let angle = between(stream, 0.0, TAU);
        let edge = self.head.surface(angle);
        let share = between(stream, 0.0, 0.9).sqrt();
        let along = |centre: f32, edge: f32| centre + share * (edge - centre);
        (along(self.head.centre.0, edge.0), along(self.head.centre.1, edge.1))
    }

    /// A place in the brain for a body of `radius` pixels, away from others.
    fn free_place(&self, stream: &mut Stream, radius: f32, others: &[(f32, f32, f32)]) -> Option<(f32, f32)> {
        (0..14).map(|_| self.place(stream)).find(|&(x, y)| {
            let clear = others.iter().all(|o| length(o.0 - x, o.1 - y) > 1.5 * (o.2 + radius));
            clear && self.head.depth_at((x, y)) > 0.5 * radius
        })
    }

    /// Draws a body with what it does to the brain. Where it is `within`, it destroys the cortex that it reaches.
    fn body(&mut self, stream: &mut Stream, lump: &Lump, within: bool, number: A) -> Drawn {
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
    fn tail(&mut self, stream: &mut Stream, lump: &Lump, set: &mut AttributeSet) {
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
    fn band(&mut self, stream: &mut Stream, angle: f32, half: f32, width: f32) -> Plane {
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
    fn cleft(&mut self, lump: &Lump) {
        let unit = self.head.unit();
        let fluid = if self.head.bright_water == Some(true) { 0.9 } else { 0.1 };
        for (index, value) in self.image.values_mut().iter_mut().enumerate() {
            let (outside, depth) = (-lump.depth.values()[index], self.head.depth.values()[index]);
            let line = soft_step(1.0 * unit - (outside - 1.6 * unit).abs(), 0.7 * unit) * soft_step(depth, 1.5 * unit);
            *value += 0.75 * line * (fluid - *value);
        }
    }

    /// Swollen gyri: folds under `cover` close.
    fn flatten(&mut self, stream: &mut Stream, cover: &Plane) {
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
