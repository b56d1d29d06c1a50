//! White areas in the lungs.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, fractal, one_of, weighted};
use crate::outline::{Form, Outline};
use crate::pattern;
use crate::plane::{Plane, length, soft_step};
use crate::scene::Scene;

use super::super::general;
use super::film::{Film, extent, mask_of, stamp};

/// A veil: over both lungs or one, their outer or their lower parts; even or uneven.
pub(super) fn haze(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    let side = film.side();
    let mut set: AttributeSet = [A::Haze, A::Bright, A::Blurred].into();
    let one = stream.chance(0.3).then(|| film.chest.one(stream));
    let mut cover = match one {
        Some(index) => film.covers[index].clone(),
        None => film.lungs(),
    };
    match weighted(stream, &[(0, 0.5), (1, 0.25), (2, 0.25)]) {
        0 if one.is_none() => set.insert(A::Diffuse),
        0 => {}
        1 => cover = cover.times(&outer_part(film)),
        _ => cover = cover.times(&lower_part(stream, film)),
    }
    cover = cover.blurred(0.025 * side as f32);
    let even = stream.chance(0.5);
    set.insert(if even { A::Homogeneous } else { A::Heterogeneous });
    let (cell, depth) = if even { (110.0, 0.08) } else { (between(stream, 18.0, 45.0), 0.5) };
    let clouds = fractal(stream, side, cell, 3, 0.6).map(|v| (1.0 + depth * v).max(0.1));
    let strength = between(stream, 0.25, 0.9);
    let density = cover.clone().times(&clouds).map(|v| v * strength);
    let mask = mask_of(&cover, 0.4);
    let smear = stream.chance(0.3).then(|| (cover, between(stream, 1.4, 2.4)));
    if smear.is_some() {
        set.insert(A::FuzzyVessels);
    }
    if film.veil(smear, &density, &mask) {
        film.note_sides(scene, set.union(large(&mask)), &mask);
    }
}

/// 1 near the chest wall, 0 near the hila.
fn outer_part(film: &Film) -> Plane {
    let (middle, half) = (film.chest.middle, film.chest.half_width());
    Plane::from_fn(film.side(), |x, _| soft_step((x - middle).abs() - 0.68 * half, 0.16 * half))
}

/// 1 in the lower part of the lungs.
fn lower_part(stream: &mut Stream, film: &Film) -> Plane {
    let from = between(stream, 0.4, 0.65);
    let [left, right] = &film.chest.lungs;
    let row = 0.5 * (left.place(0.5, from).1 + right.place(0.5, from).1);
    let softness = 0.12 * left.height();
    Plane::from_fn(film.side(), |_, y| soft_step(y - row, softness))
}

/// Whiteness that spreads from both hila like wings; the outer lung is spared.
pub(super) fn wings(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    if !film.chest.lungs.iter().all(|lung| lung.seen) {
        return;
    }
    let side = film.side();
    let mut set: AttributeSet = [A::PerihilarHaze, A::Bright, A::Blurred, A::Bilateral].into();
    let reach = (between(stream, 0.42, 0.68), between(stream, 0.22, 0.36));
    let tilt = between(stream, -0.1, 0.3);
    let mut shape = Plane::filled(side, 0.0);
    for lung in &film.chest.lungs {
        let (x0, y0) = lung.hilum();
        let (wide, tall) = (reach.0 * lung.width(), reach.1 * lung.height());
        let tilt = tilt * lung.outward;
        for (index, value) in shape.values_mut().iter_mut().enumerate() {
            let (dx, dy) = ((index % side) as f32 - x0, (index / side) as f32 - y0);
            let (u, v) = ((dx + tilt * dy) / wide, (dy - tilt * dx) / tall);
            *value = value.max((-0.9 * (u * u + v * v)).exp());
        }
    }
    let even = stream.chance(0.4);
    set.insert(if even { A::Homogeneous } else { A::Heterogeneous });
    let (cell, depth) = if even { (70.0, 0.12) } else { (between(stream, 12.0, 24.0), 0.5) };
    let clouds = fractal(stream, side, cell, 3, 0.7).map(|v| (1.0 + depth * v).max(0.05));
    let strength = between(stream, 0.35, 1.4);
    set.insert(if strength < 0.9 { A::Haze } else { A::WhiteLung });
    let cover = film.lungs().map(|v| 0.15 + 0.85 * v);
    let density = shape.clone().times(&clouds).times(&cover).map(|v| v * strength);
    let mask = mask_of(&shape, 0.4).times(&film.lungs());
    let smear = stream.chance(0.5).then(|| (shape, between(stream, 1.2, 2.2)));
    if smear.is_some() {
        set.insert(A::FuzzyVessels);
    }
    if film.veil(smear, &density, &mask) {
        film.note(scene, set.union(large(&mask)), mask);
    }
}

/// Patches with any edge, form and texture; thin ones let vessels through, dense ones hide them.
pub(super) fn patches(stream: &mut Stream, film: &mut Film, scene: &mut Scene, dense: bool) {
    let side = film.side();
    let size = side as f32;
    let mut set: AttributeSet = [A::Bright].into();
    let count =
        if dense { [(1, 0.6), (2, 0.25), (4, 0.1), (6, 0.05)] } else { [(1, 0.4), (3, 0.25), (4, 0.1), (7, 0.25)] };
    let count = weighted(stream, &count);
    let sharp = stream.chance(if dense { 0.25 } else { 0.18 });
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    let scale = if dense { 1.2 } else { 1.0 };
    let cell = between(stream, 10.0, 22.0);
    let ruffle = fractal(stream, side, cell, 2, 0.6);
    let mut shape = Plane::filled(side, 0.0);
    let only = (count == 1 || stream.chance(0.5)).then(|| film.chest.one(stream));
    let basal = stream.chance(0.5);
    let mut plainest = AttributeSet::EMPTY;
    for number in 0..count {
        let lung = &film.chest.lungs[only.unwrap_or(number % 2)];
        let down = if basal { between(stream, 0.6, 0.95) } else { between(stream, 0.12, 0.95) };
        let centre = lung.place(between(stream, 0.1, 0.9), down);
        let limits = if count == 1 {
            (0.05, 0.2)
        } else if count < 5 {
            (0.045, 0.11)
        } else {
            (0.03, 0.065)
        };
        let radius = scale * size * between(stream, limits.0, limits.1);
        let (softness, uneven) =
            if sharp { (between(stream, 1.4, 2.8), 0.12) } else { (2.5 + radius * between(stream, 0.35, 0.7), 0.3) };
        let (stretch, tilt) = (between(stream, 1.0, 1.8), between(stream, 0.0, PI));
        let outline = Outline::draw(stream, Form::Oval, centre, radius, stretch, tilt);
        stamp(&mut shape, &outline, softness, Some((&ruffle, uneven * radius)));
        plainest = plainest.union(Form::Irregular.seen(scene, [A::Irregular].into(), radius, softness));
    }
    set = set.union(plainest);
    let shape = shape.times(&film.lungs());
    let mask = mask_of(&shape, 0.4);
    if count == 1 {
        set = set.union(extent(&mask));
    } else if count >= 5 {
        set.insert(A::Small);
    }
    let (texture, words) = inside(stream, &mask, dense);
    let strength = if dense { between(stream, 0.9, 1.9) } else { between(stream, 0.22, 0.7) };
    let smear = dense.then(|| (shape.clone().map(|v| 0.6 * v), 2.5));
    let density = shape.times(&texture).map(|v| v * strength);
    let veil: AttributeSet = if dense { [A::WhiteLung, A::LostVessels].into() } else { [A::Haze].into() };
    if film.veil(smear, &density, &mask) {
        film.note_counted(scene, set.union(words).union(veil), &mask, [0, 0]);
    }
}

/// The absorption inside of a patch, around 1, and its words. In dense ones, airways may show as dark branches.
fn inside(stream: &mut Stream, mask: &Plane, dense: bool) -> (Plane, AttributeSet) {
    let side = mask.side();
    let mut set = AttributeSet::EMPTY;
    if dense && stream.chance(0.25) {
        set = [A::Branching, A::MixedDensity, A::Heterogeneous].into();
        return (airways(stream, mask), set);
    }
    if stream.chance(0.45) {
        set.insert(A::Homogeneous);
        return (Plane::filled(side, 1.0), set);
    }
    if !dense && stream.chance(0.35) {
        let texture = general::texture(stream, side, mask, &mut set);
        return (texture, set);
    }
    set.insert(A::Heterogeneous);
    let cell = between(stream, 10.0, 24.0);
    (fractal(stream, side, cell, 3, 0.7).map(|v| (1.0 + 0.4 * v).clamp(0.25, 2.0)), set)
}

/// Absorption of 1 with dark, dividing airways through the middle of the mask.
fn airways(stream: &mut Stream, mask: &Plane) -> Plane {
    let places: Vec<usize> = (0..mask.values().len()).filter(|&i| mask.values()[i] > 0.5).collect();
    let side = mask.side();
    let mut plane = Plane::filled(side, 0.0);
    for _ in 0..1 + stream.below(2) {
        let Some(&place) = places.get(stream.below(places.len())) else { break };
        let start = ((place % side) as f32, (place / side) as f32);
        let heading = between(stream, 0.0, TAU);
        let length = side as f32 * between(stream, 0.05, 0.1);
        let fork = ahead(start, heading, length);
        let width = between(stream, 2.0, 3.4);
        pattern::thread(&mut plane, &[start, fork], width, 0.9);
        for turn in [-0.45, 0.45] {
            pattern::thread(&mut plane, &[fork, ahead(fork, heading + turn, 0.8 * length)], 0.7 * width, 0.9);
        }
    }
    plane.map(|v| 1.0 - 0.6 * v)
}

/// The point `length` away in the direction `heading`.
fn ahead(from: (f32, f32), heading: f32, length: f32) -> (f32, f32) {
    (from.0 + heading.cos() * length, from.1 + heading.sin() * length)
}

/// A white triangle that points at the hilum, as of a lobe without air.
pub(super) fn triangle(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    let lung = film.chest.lungs[film.chest.one(stream)].clone();
    let tip = lung.hilum();
    let lower = stream.chance(0.65);
    let (near, far) = if lower {
        (lung.place(0.0, 1.0), lung.place(between(stream, 0.3, 0.75), between(stream, 0.95, 1.0)))
    } else {
        (lung.place(0.2, 0.04), lung.place(between(stream, 0.75, 0.95), between(stream, 0.15, 0.35)))
    };
    let sharp = stream.chance(0.6);
    let softness = if sharp { between(stream, 1.0, 2.2) } else { between(stream, 6.0, 11.0) };
    let corners = [tip, near, far];
    let turn = (near.0 - tip.0) * (far.1 - tip.1) - (near.1 - tip.1) * (far.0 - tip.0);
    let shape = Plane::from_fn(film.side(), |x, y| {
        let depth = (0..3).map(|i| away(corners[i], corners[(i + 1) % 3], (x, y)) * turn.signum());
        soft_step(depth.fold(f32::MAX, f32::min), softness)
    });
    let cover = film.covers[usize::from(lung.outward > 0.0)].clone();
    let shape = shape.times(&cover);
    let mask = mask_of(&shape, 0.4);
    let mut set: AttributeSet = [A::Bright, A::Single].into();
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    let radius = (mask.mean() / PI).sqrt() * film.side() as f32;
    set = set.union(Form::Angular.seen(scene, [A::Angular].into(), radius, softness));
    let (texture, words) = inside(stream, &mask, true);
    let strength = between(stream, 0.35, 1.6);
    let smear = (strength > 0.9).then(|| (shape.clone().map(|v| 0.6 * v), 2.0));
    if smear.is_some() {
        set = set.union([A::WhiteLung, A::LostVessels].into());
    }
    let density = shape.times(&texture).map(|v| v * strength);
    if film.veil(smear, &density, &mask) {
        film.note(scene, set.union(words).union(extent(&mask)), mask);
    }
}

/// The signed distance of a point from the line through two others.
fn away(from: (f32, f32), to: (f32, f32), point: (f32, f32)) -> f32 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    (dx * (point.1 - from.1) - dy * (point.0 - from.0)) / length(dx, dy).max(1e-3)
}

/// Round or other shadows: one, a few or many, small or large; solid or hollow, faint or chalky; or countless dots.
pub(super) fn nodules(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    match weighted(stream, &[(1, 0.55), (3, 0.15), (4, 0.05), (7, 0.12), (0, 0.13)]) {
        0 => countless_dots(stream, film, scene),
        1 => lump(stream, film, scene),
        count => several_spots(stream, film, scene, count),
    }
}

/// One nodule or mass of any form, edge, texture and size.
fn lump(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    let side = film.side();
    let radius = side as f32 * 0.022 * between(stream, 0.0, 1.75).exp2().powf(between(stream, 0.8, 1.6));
    let (form, words, stretch) = general::form(stream);
    let lung = &film.chest.lungs[film.chest.one(stream)];
    let centre = lung.place(between(stream, 0.05, 0.92), between(stream, 0.1, 0.92));
    let tilt = between(stream, 0.0, PI);
    let outline = Outline::draw(stream, form, centre, radius, stretch, tilt);
    let sharp = stream.chance(0.5);
    let softness = if sharp { between(stream, 0.5, 1.3) } else { 1.2 + radius * between(stream, 0.2, 0.4) };
    let mut set: AttributeSet = [A::Bright, A::Single].into();
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    set = set.union(form.seen(scene, words, radius, softness));
    let mut shape = Plane::filled(side, 0.0);
    stamp(&mut shape, &outline, softness, None);
    let mask = mask_of(&shape, 0.35);
    let mut absorbed = if radius > 8.0 && stream.chance(0.35) {
        set = set.union([A::Ring, A::MixedDensity].into());
        let width = radius * between(stream, 0.2, 0.45);
        outline.rim(side, -0.5 * width, width, softness.min(0.5 * width))
    } else if radius > 9.0 {
        let texture = general::texture(stream, side, &mask, &mut set);
        shape.clone().times(&texture)
    } else {
        set.insert(A::Homogeneous);
        shape.clone()
    };
    // A ball is thickest in its middle.
    if !set.contains(A::Ring) && stream.chance(0.5) {
        let around = |x: f32, y: f32| 0.55 + 0.45 * (outline.depth(x, y) / radius).clamp(0.0, 1.0).sqrt();
        absorbed = absorbed.times(&Plane::from_fn(side, around));
    }
    if stream.chance(0.12) && radius > 6.0 {
        set.insert(A::Halo);
        let mut glow = Plane::filled(side, 0.0);
        let mut wider = outline.clone();
        wider.radius *= 1.45;
        stamp(&mut glow, &wider, 0.35 * radius, None);
        absorbed = absorbed.zip(&glow, |a, g| a + 0.35 * g);
    }
    let strength = between(stream, -1.2, 0.5).exp();
    set = set.union(extent(&mask));
    let density = absorbed.map(|v| v * strength);
    if film.absorb(&density, &mask) {
        film.note(scene, set, mask);
    }
}

/// Several spots of one style in one lung or both.
fn several_spots(stream: &mut Stream, film: &mut Film, scene: &mut Scene, count: usize) {
    let side = film.side();
    let (form, word) = one_of(stream, &[(Form::Round, A::Round), (Form::Round, A::Round), (Form::Oval, A::Oval)]);
    let sharp = stream.chance(0.5);
    let count = count + stream.below(if count > 4 { 8 } else { 1 });
    let only = stream.chance(0.3).then(|| film.chest.one(stream));
    let range = if stream.chance(0.7) { (0.014, 0.035) } else { (0.04, 0.065) };
    let mut set: AttributeSet = [A::Bright, A::Homogeneous].into();
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    if range.1 < 0.05 {
        set.insert(A::Small);
    }
    let blur = |radius: f32| if sharp { 0.8 } else { 1.5 + 0.35 * radius };
    let usual = 0.5 * (range.0 + range.1) * side as f32;
    set = set.union(form.seen(scene, [word].into(), usual, blur(usual)));
    let (mut shape, mut drawn) = (Plane::filled(side, 0.0), [0, 0]);
    for number in 0..count {
        let index = only.unwrap_or(number % 2);
        drawn[index] += 1;
        let centre = film.chest.lungs[index].place(between(stream, 0.1, 0.9), between(stream, 0.1, 0.95));
        let radius = side as f32 * between(stream, range.0, range.1);
        let stretch = if form == Form::Oval { between(stream, 1.4, 1.9) } else { 1.0 };
        let tilt = between(stream, 0.0, PI);
        let outline = Outline::draw(stream, form, centre, radius, stretch, tilt);
        stamp(&mut shape, &outline, blur(radius), None);
    }
    let mask = mask_of(&shape, 0.35);
    let strength = between(stream, -1.3, 0.1).exp();
    if film.absorb(&shape.map(|v| v * strength), &mask) {
        film.note_counted(scene, set, &mask, drawn);
    }
}

/// Tiny dots of one size all over both lungs.
fn countless_dots(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    let lungs = film.lungs();
    let (count, radius) = (150 + stream.below(250), between(stream, 0.9, 1.7));
    let dots = pattern::dots(stream, &lungs, count, (0.9 * radius, 1.1 * radius), 0.8);
    let specks = stream.chance(0.3);
    let strength = if specks { between(stream, 0.9, 1.6) } else { between(stream, 0.3, 0.8) };
    let mut set: AttributeSet = [A::Dots, A::Bright, A::Small, A::Multiple, A::Diffuse].into();
    if specks {
        set.insert(A::BrightSpecks);
    }
    let mask = mask_of(&lungs, 0.5);
    if film.absorb(&dots.map(|v| v * strength), &mask) {
        film.note_sides(scene, set, &mask);
    }
}

/// [`A::Large`], where a mask is.
fn large(mask: &Plane) -> AttributeSet {
    extent(mask).intersection([A::Large].into())
}
