//! Lines in the lungs: nets, septa, strands, plates; and vessels that smear.

use std::f32::consts::PI;

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, fractal, weighted};
use crate::pattern;
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;

use super::chest::Lung;
use super::film::{Film, mask_of};

/// Many fine lines: a net, a comb of rings, or short septal lines at the wall.
pub(super) fn interstitial(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    match weighted(stream, &[(0, 0.6), (1, 0.2), (2, 0.2)]) {
        0 => net(stream, film, scene, false),
        1 => net(stream, film, scene, true),
        _ => septa(stream, film, scene),
    }
}

/// A net, or a comb of rings, over the lungs or their lower parts; unevenly strong.
fn net(stream: &mut Stream, film: &mut Film, scene: &mut Scene, comb: bool) {
    let side = film.side();
    let everywhere = stream.chance(if comb { 0.3 } else { 0.6 });
    let pitch = between(stream, 4.5, 8.5) * if comb { 1.1 } else { 1.0 };
    let lines = if comb {
        pattern::honeycomb(stream, side, pitch)
    } else {
        let (width, disorder) = (between(stream, 0.15, 0.35), between(stream, 0.7, 1.1));
        pattern::mesh(stream, side, pitch, width, disorder)
    };
    let row = film.chest.lungs[0].place(0.5, 0.55).1;
    let softness = 0.1 * side as f32;
    let cover = film
        .lungs()
        .zip(&Plane::from_fn(side, |_, y| if everywhere { 1.0 } else { soft_step(y - row, softness) }), |a, b| a * b);
    let clouds = fractal(stream, side, 26.0, 2, 0.6).map(|v| (0.9 + 0.4 * v).max(0.1));
    let (strength, veil) = (between(stream, 0.12, 0.42), between(stream, 0.0, 0.12));
    let density = lines.times(&cover).times(&clouds).zip(&cover, |l, c| strength * l + veil * c);
    let mask = mask_of(&cover, 0.4);
    let mut set: AttributeSet = [A::InterstitialLines, A::Bright, A::Multiple].into();
    set.insert(if comb { A::Honeycomb } else { A::Mesh });
    if everywhere {
        set.insert(A::Diffuse);
    }
    if film.absorb(&density, &mask) {
        film.note_sides(scene, set, &mask);
    }
}

/// Short horizontal lines that touch the wall near the bases.
fn septa(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    let side = film.side();
    let size = side as f32;
    let mut plane = Plane::filled(side, 0.0);
    for lung in &film.chest.lungs {
        for _ in 0..5 + stream.below(6) {
            let (x, y) = lung.place(0.97, between(stream, 0.5, 0.95));
            let length = size * between(stream, 0.035, 0.075);
            let drop = length * between(stream, -0.15, 0.25);
            pattern::thread(&mut plane, &[(x, y), (x - lung.outward * length, y + drop)], 1.3, 0.7);
        }
    }
    let strength = between(stream, 0.25, 0.7);
    let mask = mask_of(&plane.blurred(2.5), 0.08);
    if film.absorb(&plane.map(|v| v * strength), &mask) {
        let set = [A::InterstitialLines, A::Linear, A::Bright, A::Multiple, A::Small, A::Sharp].into();
        film.note_sides(scene, set, &mask);
    }
}

/// Vessels made thick and smeared, in both lungs or one.
pub(super) fn fuzzy_vessels(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    let mut set: AttributeSet = [A::FuzzyVessels, A::Blurred].into();
    let cover = if stream.chance(0.75) {
        set.insert(A::Diffuse);
        film.lungs()
    } else {
        film.covers[film.chest.one(stream)].clone()
    };
    let sigma = between(stream, 1.1, 2.0);
    let gain = between(stream, 0.3, 1.1);
    let (near, far) = (film.level.blurred(sigma), film.level.blurred(4.0 * sigma));
    for (index, value) in film.level.values_mut().iter_mut().enumerate() {
        let (near, far) = (near.values()[index], far.values()[index]);
        *value += cover.values()[index] * (near + gain * (near - far) - *value);
    }
    let strength = between(stream, 0.1, 0.35);
    let mask = mask_of(&cover, 0.5);
    // The veil may be too faint to show; the smear is what counts.
    film.absorb(&cover.clone().map(|v| v * strength), &mask);
    film.note_sides(scene, set, &mask);
}

/// Strands that fan out from one hilum or both.
pub(super) fn from_hila(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    let mut plane = Plane::filled(film.side(), 0.0);
    let only = stream.chance(0.5).then(|| film.chest.one(stream));
    let width = between(stream, 1.2, 3.0);
    let sharp = stream.chance(0.5);
    let lungs = film.chest.lungs.clone();
    for (_, lung) in lungs.iter().enumerate().filter(|(i, _)| only.is_none_or(|o| o == *i)) {
        fan(stream, &mut plane, lung, width, if sharp { 0.9 } else { 2.4 });
    }
    let lines = plane.times(&film.lungs());
    let strength = between(stream, 0.18, 0.55);
    let mask = mask_of(&lines.blurred(3.0), 0.08);
    let mut set: AttributeSet = [A::Streaks, A::Linear, A::Bright, A::Multiple].into();
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    if film.absorb(&lines.map(|v| v * strength), &mask) {
        film.note_sides(scene, set, &mask);
    }
}

/// Slightly bent lines from the hilum into one lung, mostly downwards.
fn fan(stream: &mut Stream, plane: &mut Plane, lung: &Lung, width: f32, softness: f32) {
    let start = lung.hilum();
    for _ in 0..6 + stream.below(7) {
        let mut heading = between(stream, -0.25 * PI, 0.45 * PI);
        let length = lung.width() * between(stream, 0.4, 0.95);
        let mut points = vec![(start.0, start.1 + between(stream, -6.0, 6.0))];
        for _ in 0..8 {
            heading += between(stream, -0.12, 0.12);
            let (x, y) = points[points.len() - 1];
            points.push((x + lung.outward * heading.cos() * length / 8.0, y + heading.sin() * length / 8.0));
        }
        let thinner = width * between(stream, 0.6, 1.0);
        pattern::thread(plane, &points[..6], thinner, softness);
        pattern::thread(plane, &points[5..], 0.7 * thinner, softness);
    }
}

/// Thin bands, nearly horizontal, at the bases.
pub(super) fn plates(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    let side = film.side();
    let count = weighted(stream, &[(1, 0.45), (2, 0.25), (3, 0.2), (5, 0.1)]);
    let only = stream.chance(0.55).then(|| film.chest.one(stream));
    let sharp = stream.chance(0.5);
    let mut plane = Plane::filled(side, 0.0);
    for number in 0..count {
        let lung = &film.chest.lungs[only.unwrap_or(number % 2)];
        let middle = lung.place(between(stream, 0.3, 0.75), between(stream, 0.68, 0.95));
        let half = 0.5 * lung.width() * between(stream, 0.4, 0.95);
        let (slope, bow) = (between(stream, -0.25, 0.25), between(stream, -3.0, 3.0));
        let points: Vec<(f32, f32)> = (0..11)
            .map(|i| {
                let t = i as f32 / 5.0 - 1.0;
                (middle.0 + t * half, middle.1 + slope * t * half + bow * t * t)
            })
            .collect();
        pattern::thread(&mut plane, &points, between(stream, 1.6, 4.2), if sharp { 0.8 } else { 2.2 });
    }
    let shape = plane.times(&film.lungs());
    let strength = between(stream, 0.3, 1.0);
    let mask = mask_of(&shape, 0.3);
    let mut set: AttributeSet = [A::PlateBands, A::Linear, A::Bright, A::Wide].into();
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    if film.absorb(&shape.map(|v| v * strength), &mask) {
        film.note_counted(scene, set, &mask, [0, 0]);
    }
}
