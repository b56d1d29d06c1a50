//! Structures of a lesion: networks, globules, streaks at the edge, vessels, milia.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, noise, normal, one_of};
use crate::outline::{Form, Outline};
use crate::pattern;
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;

use super::coarse;
use super::lesion::Lesion;
use super::optics::{self, BLOOD, DENSE, Dye};
use super::zones;

/// The radius of the smallest lesion in which the meshes of a network can be told, in pixels.
const SMALLEST: f32 = 17.0;

/// How lines run between the holes of a network.
struct Net {
    /// Pixels from hole to hole.
    pitch: f32,
    /// The share of lines (0 to 1).
    width: f32,
    /// How uneven the holes are (0 to 1).
    disorder: f32,
    /// By how much lines thicken and thin along their way (0 to 1).
    swelling: f32,
    /// How far the net is bent, in pixels.
    bend: f32,
}

impl Net {
    /// 1 on lines, 0 in holes; drawn around the lesion only.
    fn lines(&self, stream: &mut Stream, lesion: &Lesion) -> Plane {
        let side = lesion.cover.side();
        let half_frame = lesion.extent() + 0.15 * lesion.radius + 10.0;
        let frame = ((2.0 * half_frame) as usize).clamp(8, side);
        let corner = |centre: f32| (centre - 0.5 * frame as f32).clamp(0.0, (side - frame) as f32).floor();
        let (left, top) = (corner(lesion.centre.0), corner(lesion.centre.1));
        let framed = self.framed_lines(stream, frame);
        Plane::from_fn(side, |x, y| framed.at((x - left) as i64, (y - top) as i64))
    }

    fn framed_lines(&self, stream: &mut Stream, frame: usize) -> Plane {
        let away = pattern::cells(stream, frame, self.pitch, self.disorder);
        let across = noise(stream, frame, 2.2 * self.pitch);
        let down = noise(stream, frame, 2.2 * self.pitch);
        let swelling = noise(stream, frame, 2.0 * self.pitch);
        let (half, softness) = (0.5 * self.width * self.pitch, (0.2 * self.pitch).max(0.9));
        let bent = |x: f32, y: f32| {
            let index = y as usize * frame + x as usize;
            away.sample(x + self.bend * across.values()[index], y + self.bend * down.values()[index])
        };
        Plane::from_fn(frame, bent)
            .zip(&swelling, |away, swell| soft_step(half * (1.0 + self.swelling * swell).max(0.25) - away, softness))
    }
}

/// Thin lines with even holes over the lesion, which fade towards the edge. Holds of the image: it is benign.
pub(super) fn regular_network(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let side = scene.side();
    let Some(free) = zones::free(scene, &lesion.cover) else { return };
    if lesion.radius < SMALLEST {
        return;
    }
    let net = Net {
        pitch: pitch(stream, lesion),
        width: between(stream, 0.22, 0.42),
        disorder: between(stream, 0.55, 0.75),
        swelling: between(stream, 0.1, 0.25),
        bend: between(stream, 0.6, 1.5),
    };
    let lines = net.lines(stream, lesion);
    let central = stream.chance(0.3);
    let wide = lesion.cover.blurred(0.12 * lesion.radius + 1.0);
    let fade = wide.zip(&lesion.inside, |cover, inside| {
        let middle = if central { 1.0 - 0.8 * inside } else { 1.0 };
        soft_step(cover - 0.42, 0.34) * middle
    });
    let strength = between(stream, 0.42, 0.85) * (0.6 + 0.3 * lesion.tone);
    let holes = lightening(stream, lesion);
    let patches = noise(stream, side, (0.6 * lesion.radius).max(8.0));
    let density = lines
        .zip(&fade, |line, fade| strength * fade * (line - holes * (1.0 - line)))
        .zip(&patches, |net, patch| net * (0.85 + 0.25 * patch).clamp(0.4, 1.2))
        .zip(&free, |net, free| net * free)
        .blurred(0.4);
    optics::absorb(&mut scene.canvas, &density, lesion.dye, &lesion.bare);
    scene.present = scene.present.union([A::RegularNetwork, A::Mesh].into());
}

/// Thick, broken, dark lines around uneven holes, in parts of the lesion, ending abruptly.
pub(super) fn atypical_network(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let side = scene.side();
    let Some(free) = zones::free(scene, &lesion.cover) else { return };
    if lesion.radius < SMALLEST {
        return;
    }
    let pitch = pitch(stream, lesion) * between(stream, 1.0, 1.3);
    let net = Net {
        pitch,
        width: between(stream, 0.22, 0.42),
        disorder: between(stream, 0.85, 1.15),
        swelling: between(stream, 0.5, 0.8),
        bend: between(stream, 1.0, 0.3 * pitch),
    };
    let lines = net.lines(stream, lesion);
    let patches = noise(stream, side, (0.7 * lesion.radius).max(12.0));
    let gaps = noise(stream, side, 1.6 * pitch);
    let darkness = noise(stream, side, 3.0 * pitch);
    let part = between(stream, -0.2, 1.0);
    let reach = lesion.cover.blurred(between(stream, 1.0, 4.0)).map(|v| soft_step(v - 0.4, 0.2)).times(&free);
    let there = patches.zip(&reach, |patch, cover| cover * soft_step(patch + part, 0.5));
    if there.mean() < 0.2 * lesion.cover.mean() {
        return;
    }
    let broken = gaps.map(|gap| soft_step(gap + 0.75, 0.3));
    let strength = between(stream, 0.55, 1.2) * (0.6 + 0.3 * lesion.tone);
    let holes = lightening(stream, lesion);
    let density = lines
        .zip(&darkness, |line, dark| line * (1.0 + 0.55 * dark).clamp(0.25, 2.2) - holes * (1.0 - line))
        .zip(&broken, |net, whole| net * whole)
        .zip(&there, |net, there| strength * net * there)
        .blurred(0.4);
    let dye = if stream.chance(0.3) { DENSE } else { lesion.dye };
    optics::absorb(&mut scene.canvas, &density, dye, &lesion.bare);
    scene.present = scene.present.without([A::RegularNetwork, A::Symmetric].into());
    scene.note([A::AtypicalNetwork, A::Mesh], there.map(|v| soft_step(v - 0.3, 0.1)));
}

/// By how much the holes of a net are lighter than the ground, against the lines' darkness: on dark ground it is the
/// holes that show.
fn lightening(stream: &mut Stream, lesion: &Lesion) -> f32 {
    between(stream, 0.05, 0.3) + 0.35 * (lesion.tone - 0.5).clamp(0.0, 1.0)
}

/// Pixels from hole to hole, smaller in small lesions.
fn pitch(stream: &mut Stream, lesion: &Lesion) -> f32 {
    between(stream, 4.5, 9.5).min(0.35 * lesion.radius).max(4.2)
}

/// Round brown globules of one size and colour at even distances, all over or as a rim.
pub(super) fn regular_globules(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let radius = between(stream, 0.9, 2.6).min(0.12 * lesion.radius + 0.5);
    let spacing = (radius * between(stream, 2.7, 3.6)).max(4.2);
    let rim = stream.chance(0.3);
    let under = lesion
        .cover
        .clone()
        .zip(&lesion.inside, |cover, inside| if cover > 0.5 && !(rim && inside > 0.35) { 1.0 } else { 0.0 });
    let jitter = between(stream, 0.35, 0.7);
    let spots = pattern::grid_dots(stream, &under, spacing, radius, jitter);
    let strength = between(stream, 0.45, 1.0) * (0.6 + 0.35 * lesion.tone);
    let density = spots.map(|v| strength * v).blurred(0.6);
    optics::absorb(&mut scene.canvas, &density, lesion.dye, &lesion.bare);
    scene.present = scene.present.union([A::RegularGlobules, A::Dots].into());
}

/// Dots and globules from tiny to large, brown to black, gathered in places.
pub(super) fn irregular_globules(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let side = scene.side();
    let clusters = noise(stream, side, (0.45 * lesion.radius).max(7.0));
    let rate = between(stream, -0.2, 0.7);
    let reach = lesion.cover.blurred(2.0);
    let under = clusters.zip(&reach, |cluster, cover| if cover > 0.3 && cluster + rate > 0.0 { 1.0 } else { 0.0 });
    let area: f32 = under.values().iter().sum();
    if area < 30.0 {
        return;
    }
    let mut all = Plane::filled(side, 0.0);
    for (smallest, largest, share) in [(0.6f32, 1.2f32, 0.012), (1.0, 2.3, 0.006), (2.0, 3.8, 0.002)] {
        let count = (area * share * between(stream, 0.2, 1.5)) as usize + 2;
        let largest = largest.min(0.12 * lesion.radius + 0.6);
        let softness = between(stream, 0.9, 1.7);
        let spots = pattern::dots(stream, &under, count, (smallest.min(0.8 * largest), largest), softness);
        let strength = between(stream, 0.3, 0.95) * (0.6 + 0.35 * lesion.tone);
        let dye = one_of(stream, &[lesion.dye, lesion.dye, DENSE]);
        optics::absorb(&mut scene.canvas, &spots.clone().map(|v| strength * v), dye, &lesion.bare);
        all = all.max(&spots);
    }
    scene.present = scene.present.without([A::RegularGlobules].into());
    scene.note([A::IrregularGlobules, A::Dots, A::Multiple], all.blurred(2.0).map(|v| soft_step(v - 0.12, 0.06)));
}

/// Lines that run from the lesion outwards at parts of its edge, or all around: fine radial streaming, or pseudopods
/// with a bulb at the tip.
pub(super) fn edge_streaks(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let side = scene.side();
    let bulbs = stream.chance(0.4);
    let around = !bulbs && stream.chance(0.35);
    let spacing = if bulbs { between(stream, 3.8, 6.5) } else { between(stream, 1.7, 3.2) } / lesion.radius;
    let mut plane = Plane::filled(side, 0.0);
    let arcs = if around { 1 } else { 1 + stream.below(3) };
    for _ in 0..arcs {
        let start = between(stream, 0.0, TAU);
        let width = if around { TAU } else { between(stream, 0.5, 1.4) };
        let length = between(stream, 2.5, 6.0) + 0.05 * lesion.radius;
        let mut angle = start;
        while angle < start + width {
            let line = Streak { angle, length: length * between(stream, 0.3, 1.4), bulb: bulbs };
            line.draw(stream, &mut plane, lesion);
            angle += spacing * between(stream, 0.3, 2.0);
        }
    }
    let strength = between(stream, 0.7, 1.3) * (0.45 + 0.55 * lesion.tone);
    // Inside there is pigment already: lines show less.
    let plane = plane.blurred(0.6);
    let fade = lesion.cover.blurred(3.5);
    let least = if bulbs { 0.75 } else { 0.4 };
    let density = plane
        .clone()
        .zip(&lesion.inside, |v, inside| strength * v * (1.0 - 0.6 * inside))
        .zip(&fade, |v, near| v * (least + 0.9 * (1.0 - least) * (2.0 * near).min(1.0)));
    let dye = if stream.chance(0.35) { DENSE } else { lesion.dye };
    optics::absorb(&mut scene.canvas, &density, dye, &lesion.bare);
    if !around {
        scene.present = scene.present.without([A::Symmetric].into());
    }
    scene.note([A::EdgeStreaks], plane.blurred(2.0).map(|v| soft_step(v - 0.15, 0.1)));
}

/// One line at a lesion's edge.
struct Streak {
    /// Its direction from the lesion's centre.
    angle: f32,
    /// Pixels outside of the edge.
    length: f32,
    /// Whether it ends in a bulb.
    bulb: bool,
}

impl Streak {
    /// Draws it from inside the edge outwards, thinning.
    fn draw(&self, stream: &mut Stream, plane: &mut Plane, lesion: &Lesion) {
        let root = lesion.point(self.angle, between(stream, 0.72, 0.92));
        let edge = lesion.point(self.angle, 1.0);
        let heading = self.angle + 0.28 * normal(stream);
        let tip = (edge.0 + self.length * heading.cos(), edge.1 + self.length * heading.sin());
        let width = if self.bulb { between(stream, 1.8, 3.0) } else { between(stream, 1.2, 2.4) };
        let middle = (0.5 * (edge.0 + tip.0) + 0.5 * normal(stream), 0.5 * (edge.1 + tip.1) + 0.5 * normal(stream));
        pattern::thread(plane, &[root, edge, middle], width, 1.3);
        pattern::thread(plane, &[middle, tip], 0.7 * width, 1.2);
        if self.bulb {
            pattern::spot(plane, tip, between(stream, 1.3, 2.3), 1.2);
        }
    }
}

/// Red vessels in the lesion: dots, crooked lines, or lines that branch like a tree.
pub(super) fn vessels(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let side = scene.side();
    let mut plane = Plane::filled(side, 0.0);
    let (share, offset) = (between(stream, 0.4, 0.9), between(stream, 0.0, 0.5));
    let area = lesion.area(stream, share, offset, 0.1);
    let places: Vec<usize> = (0..side * side).filter(|&i| area.values()[i] > 0.5).collect();
    if places.is_empty() {
        return;
    }
    let kind = one_of(stream, &[A::Dots, A::Linear, A::Branching]);
    let count = if kind == A::Dots { 12 + stream.below(40) } else { 3 + stream.below(7) };
    for _ in 0..count {
        let place = places[stream.below(places.len())];
        let at = ((place % side) as f32, (place / side) as f32);
        if kind == A::Dots {
            pattern::spot(&mut plane, at, between(stream, 0.8, 1.5), 0.8);
            continue;
        }
        let (angle, length) = (between(stream, 0.0, TAU), between(stream, 0.2, 0.6) * lesion.radius);
        let path = crooked(stream, at, angle, length);
        pattern::thread(&mut plane, &path, between(stream, 1.0, 1.8), 0.8);
        if kind == A::Branching {
            for &from in [path[3], path[5], path[7]].iter() {
                let turn = angle + one_of(stream, &[-1.0, 1.0]) * between(stream, 0.5, 1.1);
                let twig = crooked(stream, from, turn, 0.5 * length);
                pattern::thread(&mut plane, &twig, between(stream, 0.8, 1.2), 0.8);
            }
        }
    }
    let skin = lesion.cover.blurred(6.0).map(|v| soft_step(v - 0.1, 0.1));
    let (lift, strength) = (between(stream, 0.1, 0.5), between(stream, 0.4, 1.0));
    let pale = area.map(|v| -lift * lesion.tone * v);
    optics::absorb(&mut scene.canvas, &pale, lesion.dye, &lesion.bare);
    let blood = plane.times(&skin);
    optics::absorb(&mut scene.canvas, &blood.clone().map(|v| strength * v), BLOOD, &lesion.bare);
    let mut words: AttributeSet = [A::Red, kind].into();
    if kind == A::Dots {
        words.insert(A::Multiple);
    }
    scene.note(words, blood.blurred(2.0).map(|v| soft_step(v - 0.1, 0.05)));
}

/// A crooked path of nine points.
fn crooked(stream: &mut Stream, from: (f32, f32), angle: f32, length: f32) -> Vec<(f32, f32)> {
    let (mut at, mut heading) = (from, angle);
    let mut path = vec![at];
    for _ in 0..8 {
        heading += 0.2 * normal(stream);
        at = (at.0 + length / 8.0 * heading.cos(), at.1 + length / 8.0 * heading.sin());
        path.push(at);
    }
    path
}

/// Milia: small round bright points, white or yellowish.
pub(super) fn bright_specks(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let under = lesion.cover.clone();
    let count = 5 + stream.below(22);
    let specks = pattern::dots(stream, &under, count, (0.9, 2.2), 1.1);
    let strength = between(stream, 0.5, 0.9);
    let colour = [0.93, 0.88, between(stream, 0.68, 0.88)];
    scene.canvas.mix(&specks.clone().map(|v| strength * v), colour);
    scene.unknown = scene.unknown.union([A::White, A::Yellow, A::Dots].into());
    scene.note([A::BrightSpecks, A::Multiple], specks.blurred(2.0).map(|v| soft_step(v - 0.1, 0.05)));
}

/// Fine grains under an area: peppering, blue-grey when the pigment is deep.
pub(super) fn peppering(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion, area: &Plane, dye: Dye) {
    let size: f32 = area.values().iter().sum();
    let count = (size * between(stream, 0.012, 0.04)) as usize + 8;
    let grains = pattern::dots(stream, area, count, (0.3, 1.0), 1.1);
    let strength = between(stream, 0.3, 0.75);
    optics::absorb(&mut scene.canvas, &grains.map(|v| strength * v), dye, &lesion.bare);
}

/// Short white lines that cross at right angles.
pub(super) fn white_lines(stream: &mut Stream, side: usize, centre: (f32, f32), radius: f32) -> Plane {
    let mut plane = Plane::filled(side, 0.0);
    let direction = between(stream, 0.0, PI);
    for _ in 0..6 + stream.below(14) {
        let at = (centre.0 + 0.5 * radius * normal(stream), centre.1 + 0.5 * radius * normal(stream));
        let angle = direction + one_of(stream, &[0.0, 0.5 * PI]) + 0.08 * normal(stream);
        let half = between(stream, 0.1, 0.25) * radius;
        let (u, v) = (half * angle.cos(), half * angle.sin());
        let ends = [(at.0 - u, at.1 - v), (at.0 + u, at.1 + v)];
        pattern::thread(&mut plane, &ends, between(stream, 0.8, 1.5), 0.9);
    }
    let round = Outline::draw(stream, Form::Round, centre, radius, 1.0, 0.0);
    let round = coarse::depths(&round, side, 2.0 * radius).map(|depth| soft_step(depth, 0.2 * radius));
    plane.times(&round)
}
