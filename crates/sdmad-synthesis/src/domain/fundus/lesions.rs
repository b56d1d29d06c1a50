//! Findings away from the disc: blood, deposits, scars, pigment and vessels.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::domain::general;
use crate::field::{between, grain, normal, one_of, weighted};
use crate::ink::{self, Ink, lay};
use crate::outline::{Form, Outline};
use crate::pattern;
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;
use crate::smooth::smooth_inside;

use super::eye::Eye;
use super::tone::{BLACK, BLOOD, BROWN, GREY, PINK, Tone, WHITE, YELLOW};

/// One kind of finding.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let kind = weighted(
        stream,
        &[
            (blood_spots as fn(&mut Stream, &mut Scene, &Eye), 1.2),
            (flames, 0.6),
            (exudates, 1.0),
            (deposits, 1.0),
            (patch, 2.2),
            (pool, 0.25),
            (pigment, 0.5),
            (mottled_macula, 0.4),
            (cracks, 0.4),
            (lost_vessels, 0.6),
            (silver_vessels, 0.25),
            (tuft, 0.4),
        ],
    );
    kind(stream, scene, eye);
}

/// A place in the field and off the disc: around the macula, or anywhere.
fn place(stream: &mut Stream, eye: &Eye, at_macula: bool) -> (f32, f32) {
    for _ in 0..12 {
        let place = if at_macula {
            let spread = 0.9 * eye.disc_radius;
            (eye.macula.0 + spread * normal(stream), eye.macula.1 + spread * normal(stream))
        } else {
            let (out, angle) = (0.85 * eye.radius * between(stream, 0.0, 1.0).sqrt(), between(stream, 0.0, TAU));
            (eye.centre.0 + out * angle.cos(), eye.centre.1 + out * angle.sin())
        };
        if eye.holds(place, 0.1 * eye.radius) && !eye.on_disc(place) {
            return place;
        }
    }
    eye.macula
}

/// Places around a middle, in the field and off the disc.
fn scatter(stream: &mut Stream, eye: &Eye, middle: (f32, f32), spread: f32, count: usize) -> Vec<(f32, f32)> {
    let mut places = Vec::with_capacity(count);
    for _ in 0..4 * count {
        let place = (middle.0 + spread * normal(stream), middle.1 + spread * normal(stream));
        if places.len() < count && eye.holds(place, 3.0) && !eye.on_disc(place) {
            places.push(place);
        }
    }
    if places.is_empty() {
        places.push(eye.macula);
    }
    places
}

/// A share drawn from faint to plain.
fn strength(stream: &mut Stream) -> f32 {
    between(stream, 0.45, 1.0)
}

/// Lays a tone over the scene and notes it.
fn show(scene: &mut Scene, eye: &Eye, alpha: Plane, share: f32, tone: Tone, mut set: AttributeSet) {
    let alpha = alpha.times(&eye.field);
    lay(&mut scene.canvas, &alpha.clone().map(|a| share * a), &eye.light, tone.ink);
    set.insert(tone.colour);
    set.insert(tone.density);
    scene.note(set, ink::mask(&alpha));
}

/// Dots and blots of blood, round or ragged, crisp or smeared.
fn blood_spots(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let unit = eye.unit();
    let count = weighted(stream, &[(1, 0.6), (3, 1.0), (8, 1.0), (20, 1.0), (40, 0.6)]);
    let at_macula = stream.chance(0.4);
    let middle = place(stream, eye, at_macula);
    let spread = eye.radius * between(stream, 0.12, 0.5);
    let places = scatter(stream, eye, middle, spread, count);
    let blots = stream.chance(0.5);
    let sharp = !blots || stream.chance(0.5);
    let ragged = blots && stream.chance(0.5);
    let mut plane = Plane::filled(scene.side(), 0.0);
    let mut form = AttributeSet::EMPTY;
    for &at in &places {
        let radius = unit * if blots { between(stream, 2.6, 6.0) } else { between(stream, 1.0, 2.0) };
        let softness = if sharp { 0.7 * unit } else { 0.9 * radius };
        blot(stream, &mut plane, at, radius, softness, ragged);
        form = form.union(spot_form(scene, radius, softness, ragged));
    }
    let mut set: AttributeSet = [A::Haemorrhage, A::Small, A::of_count(places.len())].into();
    set = set.union(form);
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    if places.len() > 1 {
        set.insert(A::Dots);
    }
    if places.len() > 15 && spread > 0.35 * eye.radius {
        set.insert(A::Diffuse);
    }
    let share = strength(stream);
    show(scene, eye, plane, share, BLOOD, set);
}

/// The word for the form of a spot, where it is large and crisp enough for one.
fn spot_form(scene: &mut Scene, radius: f32, softness: f32, ragged: bool) -> AttributeSet {
    let (form, word) = if ragged { (Form::Irregular, A::Irregular) } else { (Form::Round, A::Round) };
    form.seen(scene, [word].into(), radius, softness)
}

/// A round spot, or several that overlap.
fn blot(stream: &mut Stream, plane: &mut Plane, at: (f32, f32), radius: f32, softness: f32, ragged: bool) {
    if !ragged {
        return pattern::spot(plane, at, radius, softness);
    }
    for _ in 0..5 {
        let off = (0.6 * radius * normal(stream), 0.6 * radius * normal(stream));
        let part = radius * between(stream, 0.35, 0.75);
        pattern::spot(plane, (at.0 + off.0, at.1 + off.1), part, softness.min(part));
    }
}

/// Streaks of blood along the nerve fibres, which run from the disc.
fn flames(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let count = weighted(stream, &[(1, 0.5), (3, 1.0), (7, 1.0), (16, 0.5)]);
    let middle = place(stream, eye, false);
    let spread = eye.radius * between(stream, 0.08, 0.35);
    let places = scatter(stream, eye, middle, spread, count);
    let mut plane = Plane::filled(scene.side(), 0.0);
    for &at in &places {
        let angle = (at.1 - eye.disc.1).atan2(at.0 - eye.disc.0) + between(stream, -0.3, 0.3);
        let length = eye.unit() * between(stream, 7.0, 20.0);
        for _ in 0..3 + stream.below(4) {
            let heading = angle + 0.12 * normal(stream);
            let (from, to) = (between(stream, -0.35, -0.1) * length, between(stream, 0.2, 0.65) * length);
            let aside = 0.05 * length * normal(stream);
            let foot = (at.0 - aside * angle.sin(), at.1 + aside * angle.cos());
            let point = |along: f32| (foot.0 + along * heading.cos(), foot.1 + along * heading.sin());
            let width = eye.unit() * between(stream, 1.4, 3.0);
            pattern::thread(&mut plane, &[point(0.5 * from), point(0.5 * to)], width, 1.4);
            pattern::thread(&mut plane, &[point(from), point(to)], 0.5 * width, 1.2);
        }
    }
    let set = [A::Haemorrhage, A::Linear, A::Streaks, A::of_count(places.len())];
    let share = strength(stream);
    show(scene, eye, plane, share, BLOOD, set.into());
}

/// Yellow flecks with hard edges: a cluster, a ring or a star.
fn exudates(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let count = weighted(stream, &[(3, 0.6), (8, 1.0), (20, 1.0), (45, 0.8)]);
    let at_macula = stream.chance(0.6);
    let middle = place(stream, eye, at_macula);
    let spread = eye.radius * between(stream, 0.05, 0.18);
    let mut set: AttributeSet = [A::Exudates, A::Sharp, A::Small, A::Dots].into();
    let places = match weighted(stream, &[(0, 0.6), (1, 0.22), (2, 0.18)]) {
        1 if count > 8 => {
            set.insert(A::Ring);
            let start = between(stream, 0.0, TAU);
            (0..count)
                .map(|i| {
                    let angle = start + 0.85 * TAU * (i as f32 + 0.4 * normal(stream)) / count as f32;
                    let out = 1.3 * spread * (1.0 + 0.08 * normal(stream));
                    (middle.0 + out * angle.cos(), middle.1 + out * angle.sin())
                })
                .collect()
        }
        2 if count > 8 => {
            set.insert(A::Streaks);
            let arms = 8 + stream.below(5);
            (0..count)
                .map(|i| {
                    let angle = TAU * (i % arms) as f32 / arms as f32 + 0.05 * normal(stream);
                    let out = spread * between(stream, 0.5, 1.8);
                    (eye.macula.0 + out * angle.cos(), eye.macula.1 + out * angle.sin())
                })
                .collect()
        }
        _ => scatter(stream, eye, middle, spread, count),
    };
    set.insert(A::of_count(places.len()));
    let mut plane = Plane::filled(scene.side(), 0.0);
    for &at in &places {
        let large = between(stream, 0.0, 1.0).powi(3);
        let (radius, ragged) = (eye.unit() * (0.8 + 2.4 * large), stream.chance(0.6));
        blot(stream, &mut plane, at, radius, 0.6, ragged);
    }
    let share = strength(stream);
    show(scene, eye, plane, share, YELLOW, set);
}

/// Round yellow or white deposits at the macula, hard or soft, single or merging.
fn deposits(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let count = weighted(stream, &[(4, 0.5), (10, 1.0), (25, 1.0), (50, 0.7)]);
    let middle = place(stream, eye, true);
    let spread = eye.disc_radius * between(stream, 0.8, 2.4);
    let places = scatter(stream, eye, middle, spread, count);
    let sharp = stream.chance(0.4);
    let most = eye.unit() * if sharp { 2.2 } else { between(stream, 2.5, 5.5) };
    let mut plane = Plane::filled(scene.side(), 0.0);
    let mut form = AttributeSet::EMPTY;
    for &at in &places {
        let radius = most * (0.4 + 0.6 * between(stream, 0.0, 1.0).powi(2));
        let softness = if sharp { 0.6 } else { 0.9 * radius + 0.6 };
        pattern::spot(&mut plane, at, radius, softness);
        form = form.union(spot_form(scene, radius, softness, false));
    }
    let tone = if stream.chance(0.7) { YELLOW } else { WHITE };
    let mut set: AttributeSet = [A::Dots, A::Small, A::of_count(places.len())].into();
    set = set.union(form);
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    if sharp && tone.colour == A::Yellow {
        set.insert(A::Exudates);
    }
    let share = strength(stream);
    show(scene, eye, plane, share, tone, set);
}

/// A patch of any form, edge, texture and colour: scar, atrophy, cotton wool, blood, membrane, naevus.
fn patch(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let (form, mut set, stretch) = general::form(stream);
    let radius = eye.unit()
        * weighted(stream, &[(5.0, 1.0), (11.0, 1.0), (22.0, 1.0), (38.0, 0.6)])
        * between(stream, 0.75, 1.35);
    let at_macula = stream.chance(0.55);
    let centre = place(stream, eye, at_macula);
    let tilt = between(stream, 0.0, PI);
    let outline = Outline::draw(stream, form, centre, radius, stretch, tilt);
    let sharp = stream.chance(0.5);
    let softness = if sharp { between(stream, 0.5, 1.2) } else { radius * between(stream, 0.3, 0.6) + 1.0 };
    set = form.seen(scene, set.union(outline.orientation_words()), radius, softness);
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    let side = scene.side() as f32;
    if radius < 0.06 * side {
        set.insert(A::Small);
    } else if radius > 0.14 * side {
        set.insert(A::Large);
    }
    let mut alpha = outline.fill(scene.side(), softness);
    let hollow = radius > 9.0 * eye.unit() && stream.chance(0.12);
    if hollow {
        set.insert(A::Ring);
        let width = radius * between(stream, 0.25, 0.4);
        alpha = outline.rim(scene.side(), -0.5 * width, width, softness.min(0.35 * width));
    }
    let tone = one_of(stream, &[BLOOD, BLOOD, YELLOW, YELLOW, WHITE, WHITE, WHITE, GREY, BROWN, BLACK, PINK]);
    let mask = ink::mask(&alpha);
    if radius > 9.0 * eye.unit() {
        let texture = general::texture(stream, scene.side(), &mask, &mut set);
        alpha = alpha.zip(&texture, |a, t| (a * 0.85 * t).clamp(0.0, 1.0));
    }
    if tone.colour == A::Red {
        set.insert(A::Haemorrhage);
    }
    if tone.colour == A::Yellow && sharp && radius < 0.06 * side {
        set.insert(A::Exudates);
    }
    set.insert(A::Single);
    set.insert(A::OneColour);
    // Some lie behind the vessels, which then cross them.
    if stream.chance(0.6) {
        alpha = alpha.zip(&eye.vessels, |a, v| a * (1.0 - 0.8 * v));
    }
    let share = strength(stream);
    let alpha = alpha.times(&eye.field);
    lay(&mut scene.canvas, &alpha.map(|a| share * a), &eye.light, tone.ink);
    set.insert(tone.colour);
    set.insert(tone.density);
    scene.note(set, mask.times(&eye.field));
}

/// A dark red pool in front of the retina with a level upper edge.
fn pool(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let at_macula = stream.chance(0.6);
    let centre = place(stream, eye, at_macula);
    let radius = eye.unit() * between(stream, 12.0, 32.0);
    let stretch = between(stream, 1.0, 1.7);
    let level = centre.1 - radius * between(stream, -0.1, 0.4);
    let outline = Outline::draw(stream, Form::Round, centre, radius, stretch, 0.0);
    let softness = between(stream, 0.6, 2.0);
    let alpha = Plane::from_fn(scene.side(), |x, y| soft_step(outline.depth(x, y).min(y - level), softness));
    let mut set: AttributeSet = [A::FluidLevel, A::Haemorrhage, A::Sharp, A::Homogeneous, A::Single].into();
    if stretch > 1.2 {
        set.insert(A::Wide);
    }
    if radius > 0.12 * scene.side() as f32 {
        set.insert(A::Large);
    }
    let share = between(stream, 0.7, 1.0);
    show(scene, eye, alpha, share, BLOOD, set);
}

/// Clumps of black or brown pigment.
fn pigment(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let count = weighted(stream, &[(1, 0.6), (4, 1.0), (10, 1.0), (22, 0.5)]);
    let at_macula = stream.chance(0.6);
    let middle = place(stream, eye, at_macula);
    let spread = eye.radius * between(stream, 0.06, 0.25);
    let places = scatter(stream, eye, middle, spread, count);
    let sharp = stream.chance(0.6);
    let mut plane = Plane::filled(scene.side(), 0.0);
    let mut form = AttributeSet::EMPTY;
    for &at in &places {
        let radius = eye.unit() * between(stream, 1.6, 4.5);
        let softness = if sharp { 0.7 } else { radius };
        blot(stream, &mut plane, at, radius, softness, true);
        form = form.union(spot_form(scene, radius, softness, true));
    }
    let mut set: AttributeSet = [A::Small, A::of_count(places.len())].into();
    set = set.union(form);
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    if places.len() > 1 {
        set.insert(A::Dots);
    }
    let tone = one_of(stream, &[BLACK, BROWN]);
    let share = between(stream, 0.6, 1.0);
    show(scene, eye, plane, share, tone, set);
}

/// Fine light and dark speckles at the macula.
fn mottled_macula(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let radius = eye.disc_radius * between(stream, 1.2, 2.6);
    let outline = Outline::draw(stream, Form::Irregular, eye.macula, radius, 1.1, 0.4);
    let area = outline.fill(scene.side(), 0.4 * radius).times(&eye.field);
    let level = between(stream, 0.15, 0.45);
    let speckles = grain(stream, scene.side()).blurred(eye.unit() * between(stream, 0.9, 1.5)).map(|v| 3.0 * v);
    let gain = area.clone().zip(&speckles, |a, s| 1.0 + a * level * s.clamp(-1.2, 1.2));
    scene.canvas.scale(&gain);
    let set = [A::Granular, A::MixedDensity, A::Heterogeneous, A::Blurred, A::Single];
    scene.note(set, ink::mask(&area));
}

/// Fine yellow-white lines that branch across the macula.
fn cracks(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let mut plane = Plane::filled(scene.side(), 0.0);
    let step = 0.4 * eye.disc_radius;
    let heading = between(stream, 0.0, PI);
    let middle = place(stream, eye, true);
    let start = (middle.0 - 4.0 * step * heading.cos(), middle.1 - 4.0 * step * heading.sin());
    let width = eye.unit() * between(stream, 1.3, 2.4);
    let branches = stream.below(4);
    let trunk = walk(stream, start, heading, step, 9);
    pattern::thread(&mut plane, &trunk, width, 0.8);
    for _ in 0..branches {
        let from = trunk[2 + stream.below(6)];
        let turn = heading + one_of(stream, &[-1.0, 1.0]) * between(stream, 0.4, 1.0);
        let branch = walk(stream, from, turn, step, 4);
        pattern::thread(&mut plane, &branch, 0.8 * width, 0.8);
    }
    let mut set: AttributeSet = [A::Linear, A::Sharp].into();
    set.insert(if branches > 0 { A::Branching } else { A::Single });
    let tone = one_of(stream, &[YELLOW, WHITE]);
    let share = strength(stream);
    show(scene, eye, plane, share, tone, set);
}

/// A line that meanders.
fn walk(stream: &mut Stream, start: (f32, f32), heading: f32, step: f32, count: usize) -> Vec<(f32, f32)> {
    let (mut at, mut heading) = (start, heading);
    let mut line = vec![at];
    for _ in 0..count {
        heading += 0.18 * normal(stream);
        at = (at.0 + step * heading.cos(), at.1 + step * heading.sin());
        line.push(at);
    }
    line
}

/// Takes most of the vessels out of a sector or the whole field.
fn lost_vessels(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let whole = stream.chance(0.5);
    let middle = place(stream, eye, false);
    let radius = eye.radius * between(stream, 0.4, 0.65);
    let area = if whole {
        eye.field.clone()
    } else {
        Outline::draw(stream, Form::Irregular, middle, radius, 1.2, 0.5).fill(scene.side(), 0.15 * radius)
    };
    let lines = eye.vessels.blurred(0.8 * eye.unit()).map(|v| (2.2 * v).min(1.0)).times(&eye.field);
    let hidden = lines.clone().times(&area);
    if hidden.mean() < 0.012 {
        // Hardly any vessel was there to be lost.
        return;
    }
    let bare = lines.map(|l| 1.02 - l).times(&eye.field);
    let filled = [0, 1, 2].map(|c| smooth_inside(&scene.canvas.planes()[c], &bare, 3.0 * eye.unit()));
    scene.canvas.mix_canvas(&hidden, &Canvas::from_planes(filled));
    let mut set: AttributeSet = [A::LostVessels].into();
    if whole {
        set.insert(A::Diffuse);
    }
    scene.note(set, ink::mask(&area.times(&eye.field)));
}

/// Vessels that shine like silver or copper wires.
fn silver_vessels(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let middle = place(stream, eye, false);
    let radius = eye.radius * between(stream, 0.35, 0.8);
    let area = Outline::draw(stream, Form::Irregular, middle, radius, 1.2, 0.5).fill(scene.side(), 0.15 * radius);
    let alpha = eye.vessels.clone().times(&area);
    if alpha.mean() < 0.01 {
        return;
    }
    let tone = one_of(stream, &[WHITE, YELLOW]);
    let share = between(stream, 0.4, 0.8);
    show(scene, eye, alpha, share, tone, [A::Linear, A::Branching, A::Multiple].into());
}

/// A tangle of fine new vessels.
fn tuft(stream: &mut Stream, scene: &mut Scene, eye: &Eye) {
    let on_disc = eye.disc_seen && stream.chance(0.4);
    let middle = if on_disc { eye.disc } else { place(stream, eye, false) };
    let mut plane = Plane::filled(scene.side(), 0.0);
    for _ in 0..5 + stream.below(7) {
        let (mut at, mut heading) = (middle, between(stream, 0.0, TAU));
        let mut line = vec![at];
        let curl = between(stream, -0.5, 0.5);
        for _ in 0..8 + stream.below(10) {
            heading += curl + 0.35 * normal(stream);
            at = (at.0 + 2.2 * eye.unit() * heading.cos(), at.1 + 2.2 * eye.unit() * heading.sin());
            line.push(at);
        }
        pattern::thread(&mut plane, &line, eye.unit() * between(stream, 0.9, 1.5), 0.7);
    }
    let share = strength(stream);
    let tone = Tone { ink: Ink::Absorb([0.75, 0.35, 0.4]), ..BLOOD };
    show(scene, eye, plane, share, tone, [A::Branching, A::Mesh, A::Small].into());
}
