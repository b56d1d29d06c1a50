//! The optic disc: its cup and rim, and what is found at its edge.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::{Canvas, Colour};
use crate::field::{between, noise, one_of, weighted};
use crate::ink::{self, Ink, lay};
use crate::outline::{Form, Outline};
use crate::pattern;
use crate::plane::{Plane, length, soft_step};
use crate::scene::Scene;

use super::contradict;
use super::eye::{Eye, ring_mean};
use super::tone::{BLOOD, BROWN, WHITE, YELLOW};

/// The pale hollow in the disc; lengths are shares of the disc's radius.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cup {
    /// Half the height.
    ratio: f32,
    /// Height over width.
    tall: f32,
    /// How soft the edge is.
    softness: f32,
    /// The middle.
    shift: (f32, f32),
    /// Where the rim is bitten out: angle, half width in radians, depth.
    notch: Option<(f32, f32, f32)>,
}

impl Cup {
    /// A cup with an even rim.
    pub(super) fn even(stream: &mut Stream, ratio: f32) -> Cup {
        let room = 0.5 * (0.6 - ratio).max(0.0);
        let shift = (between(stream, -room, room), between(stream, -room, room));
        Cup { ratio, tall: between(stream, 0.92, 1.12), softness: between(stream, 0.06, 0.25), shift, notch: None }
    }

    /// A cup of .6 to .9 of the disc, its edge crisp or fading, with or without a notch.
    fn large(stream: &mut Stream) -> Cup {
        let ratio = between(stream, 0.62, 0.9);
        let room = 0.7 * (0.95 - ratio);
        let shift = (between(stream, -room, room), between(stream, -0.5 * room, 0.5 * room));
        let tall = if stream.chance(0.5) { between(stream, 1.25, 1.5) } else { between(stream, 0.95, 1.1) };
        let softness = if stream.chance(0.5) { between(stream, 0.03, 0.08) } else { between(stream, 0.2, 0.32) };
        let pole = one_of(stream, &[-1.0f32, 1.0]) * 0.5 * PI + between(stream, -0.5, 0.5);
        let notch = stream.chance(0.3).then(|| (pole, between(stream, 0.25, 0.45), between(stream, 0.2, 0.38)));
        Cup { ratio, tall, softness, shift, notch }
    }

    /// The word for its form, where it is large and crisp enough for one.
    fn form(&self, scene: &mut Scene, eye: &Eye, form: Form, word: A) -> AttributeSet {
        form.seen(scene, [word].into(), self.ratio * eye.disc_radius, self.softness * eye.disc_radius)
    }

    /// How far inside the cup a place is, from the disc's middle.
    fn depth(&self, x: f32, y: f32) -> f32 {
        let (u, v) = (x - self.shift.0, y - self.shift.1);
        let bitten = self.notch.map_or(0.0, |(at, width, depth)| {
            let away = ((v.atan2(u) - at + PI).rem_euclid(TAU) - PI) / width;
            depth * (-0.5 * away * away).exp()
        });
        self.ratio + bitten - length(u * self.tall, v)
    }
}

/// The look of a disc.
#[derive(Clone, Copy, Debug)]
struct Disc {
    centre: (f32, f32),
    radius: f32,
    cup: Cup,
    rim: Colour,
    hollow: Colour,
    /// The share of what was there before that shows through as detail: vessels.
    keep: f32,
    /// How far vessels move inside the cup, in pixels.
    kink: (f32, f32),
    /// The softness of the disc's own edge, in pixels.
    edge: f32,
}

/// A disc on bare ground.
pub(super) fn fresh_disc(stream: &mut Stream, canvas: &mut Canvas, centre: (f32, f32), radius: f32, cup: Cup) {
    let around = colour_between(canvas, centre, 0.0, radius);
    let gain = [between(stream, 1.05, 1.35), between(stream, 1.35, 1.75), between(stream, 1.2, 1.6)];
    let [red, green, blue] = [0, 1, 2].map(|c| (around[c] * gain[c]).min(0.97));
    // Never greenish.
    let green = green.min(between(stream, 0.6, 0.8) * red);
    let rim = [red, green, blue.min(0.85 * green)];
    let hollow = hollow_colour(rim, between(stream, 0.25, 0.65), between(stream, 0.45, 0.75));
    let edge = between(stream, 1.0, 2.5);
    let disc = Disc { centre, radius, cup, rim, hollow, keep: 0.3, kink: (0.0, 0.0), edge };
    paint_disc(stream, canvas, &disc);
}

/// With a chance, redraws the disc with a small cup: a drawn disc is not a sign of itself.
pub(super) fn maybe_small_cup(stream: &mut Stream, scene: &mut Scene, eye: &Eye, chance: f64) {
    if !eye.disc_seen || !stream.chance(chance) {
        return;
    }
    let ratio = between(stream, 0.18, 0.38);
    let cup = Cup::even(stream, ratio);
    let (rim, hollow) = (between(stream, 0.0, 0.2), between(stream, 0.3, 0.65));
    redraw(stream, &mut scene.canvas, eye, cup, (rim, hollow), 0.8);
    scene.present.insert(A::SmallCup);
}

/// Findings of the disc.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let crescent = stream.chance(0.3);
    if crescent {
        pale_zone(stream, scene, eye);
    }
    let large = stream.chance(0.68);
    if large {
        large_cup(stream, scene, eye);
    } else if stream.chance(0.3) {
        swollen(stream, scene, eye);
    } else {
        maybe_small_cup(stream, scene, eye, 0.75);
    }
    if stream.chance(0.2) {
        fibre_wedge(stream, scene, eye);
    }
    if stream.chance(0.15) || scene.findings.is_empty() {
        splinter(stream, scene, eye);
    }
}

/// A cup that takes most of the disc.
fn large_cup(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let cup = Cup::large(stream);
    let pale_rim = if stream.chance(0.3) { between(stream, 0.45, 0.7) } else { between(stream, 0.0, 0.2) };
    let contrast = between(stream, 0.5, 1.0);
    let yellow = redraw(stream, &mut scene.canvas, eye, cup, (pale_rim, contrast), 0.75);
    let mut set: AttributeSet = [A::LargeCup, A::Bright, A::Single].into();
    set.insert(if yellow { A::Yellow } else { A::White });
    set.insert(if cup.softness < 0.1 { A::Sharp } else { A::Blurred });
    if cup.notch.is_some() {
        set.insert(A::Asymmetric);
        set.insert(A::NotchedBorder);
        set = set.union(cup.form(scene, eye, Form::Irregular, A::Irregular));
    } else if cup.tall > 1.2 {
        set = set.union(cup.form(scene, eye, Form::Oval, A::Oval));
    } else {
        set = set.union(cup.form(scene, eye, Form::Round, A::Round));
    }
    if cup.tall > 1.2 {
        set.insert(A::Tall);
    }
    contradict(scene, [A::SmallCup]);
    scene.unknown = scene.unknown.without([A::SmallCup].into());
    let (centre, radius) = (eye.disc, eye.disc_radius);
    let mask = Plane::from_fn(scene.side(), |x, y| if length(x - centre.0, y - centre.1) < radius { 1.0 } else { 0.0 });
    scene.note(set, mask);
}

/// Redraws the disc in its own colours with another cup: shares of the rim's and the cup's pallor, and of its vessels
/// that remain. Whether the cup is yellow rather than white.
fn redraw(stream: &mut Stream, canvas: &mut Canvas, eye: &Eye, cup: Cup, pallor: (f32, f32), keep: f32) -> bool {
    let (centre, radius) = (eye.disc, eye.disc_radius * between(stream, 1.0, 1.1));
    let inside = colour_between(canvas, centre, 0.0, 0.95 * radius);
    let around = colour_between(canvas, centre, 1.25 * radius, 1.6 * radius);
    let share = between(stream, 0.45, 0.95);
    let own = [0, 1, 2].map(|c| around[c] + share * (inside[c] - around[c]));
    let yellow = stream.chance(0.5);
    // White is what looks white in this light: creamy in an orange image.
    let light = (2.2 * around[2] / around[0].max(0.05)).clamp(0.76, 1.0);
    let blue = if yellow { between(stream, 0.38, 0.5) } else { light * between(stream, 0.8, 0.92) };
    let rim = hollow_colour(own, pallor.0, blue);
    let hollow = hollow_colour(own, pallor.1, blue);
    let away = if eye.disc.0 > eye.macula.0 { 1.0 } else { -1.0 };
    let kink = (away * between(stream, 0.0, 3.0) * eye.unit(), 0.0);
    let edge = between(stream, 1.0, 2.5);
    paint_disc(stream, canvas, &Disc { centre, radius, cup, rim, hollow, keep, kink, edge });
    yellow
}

/// A colour moved towards pale tissue in the same light; `blue` is how white it is.
fn hollow_colour(own: Colour, share: f32, blue: f32) -> Colour {
    let level = (1.35 * own[0].max(own[1])).clamp(0.25, 1.0);
    let pale = [level, 0.9 * level, blue * level];
    [0, 1, 2].map(|c| own[c] + share * (pale[c] - own[c]))
}

fn colour_between(canvas: &Canvas, centre: (f32, f32), from: f32, to: f32) -> Colour {
    [0, 1, 2].map(|c| ring_mean(&canvas.planes()[c], centre, from, to))
}

/// Paints rim and cup under the detail that is there.
fn paint_disc(stream: &mut Stream, canvas: &mut Canvas, disc: &Disc) {
    let reach = (1.3 * disc.radius) as i64 + 4;
    let window = 2 * reach as usize + 1;
    let (left, top) = (disc.centre.0 as i64 - reach, disc.centre.1 as i64 - reach);
    let mottle = noise(stream, window, 0.3 * disc.radius);
    let slant = between(stream, -0.08, 0.08);
    let outline = Outline::draw(stream, Form::Round, disc.centre, disc.radius, 1.06, 0.5 * PI);
    let side = canvas.side() as i64;
    for channel in 0..3 {
        let plane = &mut canvas.planes_mut()[channel];
        let cut = Plane::from_fn(window, |x, y| plane.at(left + x as i64, top + y as i64));
        let smooth = cut.blurred(0.2 * disc.radius);
        let detail = cut.zip(&smooth, |v, s| ((v + 0.01) / (s + 0.01)).clamp(0.4, 1.08));
        for y in 0..window as i64 {
            for x in 0..window as i64 {
                let (column, row) = (left + x, top + y);
                if column < 0 || row < 0 || column >= side || row >= side {
                    continue;
                }
                let alpha = soft_step(outline.depth(column as f32, row as f32), disc.edge);
                if alpha <= 0.0 {
                    continue;
                }
                let (u, v) =
                    ((column as f32 - disc.centre.0) / disc.radius, (row as f32 - disc.centre.1) / disc.radius);
                let depth = soft_step(disc.cup.depth(u, v), disc.cup.softness);
                let base = disc.rim[channel] + depth * (disc.hollow[channel] - disc.rim[channel]);
                let lines = detail.sample(x as f32 - disc.kink.0 * depth, y as f32 - disc.kink.1 * depth);
                let fine = 1.0 + disc.keep * 1.25 * (lines - 1.0);
                let target = base * fine * (1.0 + 0.025 * mottle.at(x, y) + slant * u);
                let value = &mut plane.values_mut()[(row * side + column) as usize];
                *value += alpha * (target - *value);
            }
        }
    }
}

/// A pale crescent or ring beside the disc, with or without a brown edge.
fn pale_zone(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let whole = stream.chance(0.4);
    let width = eye.disc_radius * between(stream, 0.3, 0.9);
    let temporal = (eye.macula.1 - eye.disc.1).atan2(eye.macula.0 - eye.disc.0) + between(stream, -0.6, 0.6);
    let spread = if whole { TAU } else { between(stream, 0.7, 1.3) };
    let sharp = stream.chance(0.55);
    let softness = if sharp { between(stream, 0.8, 1.5) } else { between(stream, 0.25, 0.45) * width };
    let shape = Outline::draw(stream, Form::Irregular, eye.disc, 1.0, 1.0, 0.0);
    let zone = Plane::from_fn(scene.side(), |x, y| {
        let (dx, dy) = (x - eye.disc.0, y - eye.disc.1);
        let away = length(dx, dy);
        if away > 2.4 * eye.disc_radius {
            return 0.0;
        }
        let angle = dy.atan2(dx);
        let off = ((angle - temporal + PI).rem_euclid(TAU) - PI).abs() / spread;
        let uneven = 1.0 - 0.5 * shape.depth(eye.disc.0 + 0.5 * angle.cos(), eye.disc.1 + 0.5 * angle.sin()).abs();
        let here = width * uneven * if whole { 1.0 } else { (1.0 - off * off).max(0.0).sqrt() };
        let inner = soft_step(away - 0.95 * eye.disc_radius, 1.0);
        inner * soft_step(eye.disc_radius + here - away, softness)
    });
    let zone = zone.times(&eye.field);
    let mut set: AttributeSet = [A::Bright, A::Single].into();
    if whole {
        set.insert(A::Ring);
    } else {
        set.insert(A::Asymmetric);
    }
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    let tone = if stream.chance(0.7) { WHITE } else { YELLOW };
    set.insert(tone.colour);
    let uneven = stream.chance(0.5);
    let cell = between(stream, 3.0, 6.0) * eye.unit();
    let texture = noise(stream, scene.side(), cell).map(|v| if uneven { (1.0 + 0.5 * v).clamp(0.1, 1.6) } else { 1.0 });
    set.insert(if uneven { A::Heterogeneous } else { A::Homogeneous });
    let strength = between(stream, 0.25, 0.6);
    if stream.chance(0.35) {
        let edge = zone.clone().map(|z| 0.7 * (1.0 - (2.0 * z - 1.0).abs())).blurred(1.2 * eye.unit());
        lay(&mut scene.canvas, &edge, &eye.light, BROWN.ink);
        set = set.without([A::Homogeneous].into()).union([A::MixedDensity, A::Brown].into());
    }
    let alpha = zone.clone().times(&texture).map(|z| strength * z);
    lay(&mut scene.canvas, &alpha, &eye.light, tone.ink);
    scene.note(set, ink::mask(&zone));
}

/// A disc whose edge is gone: bright, hazy, vessels buried.
fn swollen(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let radius = eye.disc_radius * between(stream, 1.25, 1.7);
    let softness = radius * between(stream, 0.35, 0.6);
    let shape = Outline::draw(stream, Form::Round, eye.disc, radius, 1.0, 0.0);
    let alpha = shape.fill(scene.side(), softness).times(&eye.field);
    let smooth = scene.canvas.blurred(0.28 * eye.disc_radius);
    let strength = between(stream, 0.6, 0.9);
    scene.canvas.mix_canvas(&alpha.clone().map(|a| strength * a), &smooth);
    let share = between(stream, 0.15, 0.4);
    let ink = Ink::Reflect([0.7, 0.5, 0.4]);
    lay(&mut scene.canvas, &alpha.clone().map(|a| share * a), &eye.light, ink);
    contradict(scene, [A::SmallCup]);
    let mut set: AttributeSet = [A::Blurred, A::Bright, A::Single, A::Haze, A::FuzzyVessels].into();
    set = set.union(Form::Round.seen(scene, [A::Round].into(), radius, softness));
    scene.note(set, ink::mask(&alpha));
}

/// A dark fan from the disc's upper or lower edge, where fibres are missing; bright striations beside it.
fn fibre_wedge(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let towards = if eye.macula.0 > eye.disc.0 { 1.0 } else { -1.0 };
    let up = one_of(stream, &[-1.0f32, 1.0]);
    let start = between(stream, 0.22, 0.42) * PI;
    let (half, bend) = (between(stream, 0.07, 0.16), between(stream, 0.0, 0.07));
    let reach = eye.disc_radius * between(stream, 3.5, 6.5);
    let striped = stream.chance(0.5);
    let mut dark = Plane::filled(scene.side(), 0.0);
    let mut bright = Plane::filled(scene.side(), 0.0);
    for (index, (d, b)) in dark.values_mut().iter_mut().zip(bright.values_mut()).enumerate() {
        let (column, row) = ((index % scene.side()) as f32, (index / scene.side()) as f32);
        let (u, v) = (towards * (column - eye.disc.0), up * (row - eye.disc.1));
        let away = length(u, v);
        if away < 0.9 * eye.disc_radius || away > reach * 1.1 {
            continue;
        }
        // Fibres arch around the macula: the fan's middle turns as it runs.
        let middle = start - bend * (away / eye.disc_radius - 1.0);
        let off = v.atan2(u) - middle;
        let fade = soft_step(away - eye.disc_radius, 3.0) * soft_step(reach - away, 0.3 * reach);
        *d = fade * soft_step(half - off.abs(), 0.05);
        *b = fade * soft_step(3.0 * half - off.abs(), 0.3) * (1.0 - *d) * (0.6 + 0.4 * (off * 70.0).sin());
    }
    let dark = dark.times(&eye.field);
    let strength = between(stream, 0.35, 0.9);
    let ink = Ink::Absorb([0.82, 0.68, 0.66]);
    lay(&mut scene.canvas, &dark.clone().map(|d| strength * d), &eye.light, ink);
    let mut set: AttributeSet = [A::Dark, A::Linear, A::Blurred, A::Single].into();
    if striped {
        let shine = between(stream, 0.06, 0.16);
        let alpha = bright.times(&eye.field).map(|b| shine * b);
        lay(&mut scene.canvas, &alpha, &eye.light, WHITE.ink);
        set.insert(A::Streaks);
    }
    scene.note(set, ink::mask(&dark));
}

/// One or a few thin red lines across the disc's edge.
fn splinter(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let count = weighted(stream, &[(1, 0.75), (2, 0.25)]);
    let mut plane = Plane::filled(scene.side(), 0.0);
    for _ in 0..count {
        let angle = between(stream, 0.0, TAU);
        let (from, to) = (between(stream, 0.75, 1.0), between(stream, 1.25, 1.7));
        let turn = angle + between(stream, -0.12, 0.12);
        let point = |share: f32, angle: f32| {
            let length = share * eye.disc_radius;
            (eye.disc.0 + length * angle.cos(), eye.disc.1 + length * angle.sin())
        };
        let width = between(stream, 1.8, 3.6) * eye.unit();
        pattern::thread(
            &mut plane,
            &[point(from, angle), point(0.5 * (from + to), angle), point(to, turn)],
            width,
            0.8,
        );
    }
    let strength = between(stream, 0.65, 1.0);
    let alpha = plane.times(&eye.field);
    lay(&mut scene.canvas, &alpha.clone().map(|a| strength * a), &eye.light, BLOOD.ink);
    let set = [A::Haemorrhage, A::Red, A::Dark, A::Linear, A::Sharp, A::Small, A::of_count(count)];
    scene.note(set, ink::mask(&alpha));
}
