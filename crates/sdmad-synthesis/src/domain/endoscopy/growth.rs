//! Growths: domes, heads on a stalk and flat plaques of any form, colour and surface.

use std::f32::consts::PI;

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::domain::general;
use crate::field::{between, grain, one_of, weighted};
use crate::outline::{Form, Outline};
use crate::pattern;
use crate::plane::Plane;
use crate::scene::Scene;

use super::raised::{Raised, clump};
use super::tint::{self, BLUE, BROWN, PINK, Tint, WHITE, YELLOW};
use super::view::View;
use super::{has_vessels, of_clumps, of_one_direction, size};

/// How a growth stands on the lining.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    Dome,
    Stalk,
    Plaque,
}

/// One growth, or several of a kind.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let stand = weighted(stream, &[(Stand::Dome, 0.5), (Stand::Stalk, 0.22), (Stand::Plaque, 0.28)]);
    let count = weighted(stream, &[(1, 0.66), (3, 0.18), (7, 0.16)]);
    let most = if count == 1 { one_of(stream, &[11.0, 20.0, 34.0, 48.0]) } else { between(stream, 8.0, 15.0) };
    let radius = view.unit() * most * between(stream, 0.75, 1.2);
    let middle = view.place(stream, 0.6 * radius);
    let places = if count == 1 { vec![middle] } else { view.scatter(stream, middle, 8.0 * radius, count) };
    let mut raised = Raised::new(scene.side(), view.inwards(middle));
    let form = form(stream);
    let sharp = stream.chance(0.6);
    let mut set =
        if form.0 == Form::Irregular { of_clumps(scene, places.len()) } else { [A::of_count(places.len())].into() };
    set = set.union(size(radius, scene.side()));
    match (sharp, stand) {
        // A stalk is crisp under a head that is not.
        (false, Stand::Stalk) => scene.unknown = scene.unknown.union([A::Sharp, A::Blurred].into()),
        (true, _) => set.insert(A::Sharp),
        (false, _) => set.insert(A::Blurred),
    }
    let lift = if stand == Stand::Plaque { between(stream, 0.06, 0.16) } else { between(stream, 0.5, 1.0) };
    for &at in &places {
        let own = radius * between(stream, 0.85, 1.1);
        let words = part(stream, scene, &mut raised, (form, at, own), (sharp, lift, stand));
        set = set.union(words);
    }
    if stand != Stand::Plaque {
        set.insert(A::ElevatedLayer);
        if places.len() > 4 {
            set.insert(A::LayerBumps);
        }
    } else {
        scene.unknown.insert(A::ElevatedLayer);
    }
    let set = of_one_direction(scene, set);
    finish(stream, scene, view, raised, radius, set);
}

/// The form, with the ratio of its axes.
fn form(stream: &mut Stream) -> (Form, f32) {
    let form = weighted(
        stream,
        &[
            (Form::Round, 1.0),
            (Form::Oval, 1.0),
            (Form::Lobulated, 1.0),
            (Form::Irregular, 1.0),
            (Form::Scalloped, 0.3),
        ],
    );
    let stretch = match form {
        Form::Round => between(stream, 1.0, 1.1),
        Form::Oval => between(stream, 1.35, 2.0),
        _ => between(stream, 1.0, 1.6),
    };
    (form, stretch)
}

/// Adds one growth; its words where they can be told.
fn part(
    stream: &mut Stream,
    scene: &mut Scene,
    raised: &mut Raised,
    ((form, stretch), at, radius): ((Form, f32), (f32, f32), f32),
    (sharp, lift, stand): (bool, f32, Stand),
) -> AttributeSet {
    let tilt = between(stream, 0.0, PI);
    let outline = Outline::draw(stream, form, at, radius, stretch, tilt);
    let softness = if sharp { between(stream, 0.5, 1.2) } else { radius * between(stream, 0.28, 0.45) + 1.0 };
    let mut words: AttributeSet = match form {
        Form::Round => [A::Round],
        Form::Oval => [A::Oval],
        Form::Lobulated => [A::Lobulated],
        Form::Scalloped => [A::Scalloped],
        _ => [A::Irregular],
    }
    .into();
    if stand == Stand::Stalk {
        words = words.union(stalk(stream, raised, at, radius));
    } else if form != Form::Irregular {
        words = words.union(outline.orientation_words());
    }
    words = form.seen(scene, words, radius, softness);
    let (flatness, shade) = match stand {
        Stand::Plaque => (0.9, between(stream, 0.0, 0.25)),
        _ => (between(stream, 0.0, 0.5), between(stream, 0.25, 0.6)),
    };
    if form == Form::Irregular {
        for lump in clump(stream, at, radius) {
            raised.dome(&lump, softness, lift, flatness, shade);
        }
    } else {
        raised.dome(&outline, softness, lift, flatness, shade);
    }
    if stand != Stand::Plaque || stream.chance(0.4) {
        raised.glint(stream, &outline);
    }
    words
}

/// A stalk from the head to the wall; its words.
fn stalk(stream: &mut Stream, raised: &mut Raised, at: (f32, f32), radius: f32) -> AttributeSet {
    let angle = between(stream, 0.0, 2.0 * PI);
    let reach = radius * between(stream, 1.8, 2.7);
    let bend = between(stream, -0.4, 0.4);
    let mut stem = vec![at];
    for step in 1..=6 {
        let share = step as f32 / 6.0;
        let turn = angle + bend * share;
        stem.push((at.0 + reach * share * turn.cos(), at.1 + reach * share * turn.sin()));
    }
    let width = radius * between(stream, 0.55, 0.95);
    let mut line = Plane::filled(raised.alpha.side(), 0.0);
    pattern::thread(&mut line, &stem, width, 0.9);
    let mut ridge = Plane::filled(raised.alpha.side(), 0.0);
    pattern::thread(&mut ridge, &stem, 0.1, width);
    raised.alpha.values_mut().iter_mut().zip(line.values()).for_each(|(v, l)| *v = v.max(*l));
    let ridge = ridge.map(|r| 0.5 * width * (r * (2.0 - r)).max(0.0).sqrt());
    raised.height.values_mut().iter_mut().zip(ridge.values()).for_each(|(v, r)| *v = v.max(*r));
    let (across, down) = (angle.cos().abs(), angle.sin().abs());
    let mut words: AttributeSet = [A::Linear].into();
    if down > 1.8 * across {
        words.insert(A::Tall);
    } else if across > 1.8 * down {
        words.insert(A::Wide);
    }
    words
}

/// Colours, textures and lights a growth, and notes it.
fn finish(stream: &mut Stream, scene: &mut Scene, view: &View, mut raised: Raised, radius: f32, mut set: AttributeSet) {
    let mask = tint::mask(&raised.alpha, view);
    let covered = has_vessels(view, &mask);
    let share = if covered { 0.95 } else { between(stream, 0.5, 0.95) };
    raised.cover(&mut scene.canvas, view, share);
    if covered {
        set.insert(A::LostVessels);
    }
    if stream.chance(0.12) {
        halo(stream, scene, view, &raised.alpha, radius, &mut set);
    }
    colour(stream, scene, view, &raised.alpha, &mut set);
    if radius > 9.0 * view.unit() {
        surface(stream, scene, view, &mut raised, &mut set);
    } else {
        scene.unknown.insert(A::Homogeneous);
    }
    let (strength, glint) = (between(stream, 0.55, 1.0), between(stream, 0.4, 0.95));
    raised.light(&mut scene.canvas, view, strength, glint);
    if stream.chance(0.12) {
        cap(stream, scene, view, &raised.alpha, radius, &mut set);
    }
    scene.note(set, mask);
}

/// A pale rim around it.
fn halo(stream: &mut Stream, scene: &mut Scene, view: &View, alpha: &Plane, radius: f32, set: &mut AttributeSet) {
    let width = (0.3 * radius).clamp(2.0 * view.unit(), 9.0 * view.unit());
    let around = alpha.blurred(width).map(|a| (2.4 * a).min(1.0)).zip(alpha, |near, a| near * (1.0 - a));
    let share = between(stream, 0.6, 1.0);
    let tint = one_of(stream, &[PINK, WHITE, YELLOW]);
    tint::lay(scene, view, &around, share, tint, set);
    set.insert(A::Halo);
}

/// Another colour than the lining's, or the same.
fn colour(stream: &mut Stream, scene: &mut Scene, view: &View, alpha: &Plane, set: &mut AttributeSet) {
    let red = tint::red(stream);
    let tint: Option<Tint> = weighted(
        stream,
        &[
            (None, 0.9),
            (Some(red), 1.5),
            (Some(PINK), 1.0),
            (Some(WHITE), 0.5),
            (Some(YELLOW), 0.35),
            (Some(BROWN), 0.2),
            (Some(BLUE), 0.2),
        ],
    );
    if let Some(tint) = tint {
        let share = between(stream, 0.45, 1.0);
        tint::lay(scene, view, alpha, share, tint, set);
        if set.contains(A::Halo) {
            scene.unknown.insert(A::OneColour);
        } else {
            set.insert(A::OneColour);
        }
    }
}

/// A smooth, pebbled, furrowed, grained or uneven surface.
fn surface(stream: &mut Stream, scene: &mut Scene, view: &View, raised: &mut Raised, set: &mut AttributeSet) {
    let side = scene.side();
    match stream.below(7) {
        0 => {
            let pitch = view.unit() * between(stream, 5.0, 11.0);
            let pebbles = pattern::cells(stream, side, pitch, 0.7).map(|d| (d / pitch).min(0.5).sqrt());
            let lift = 0.55 * pitch;
            raised.height = pebbles.zip(&raised.alpha, |p, a| lift * p * a).zip(&raised.height, |p, h| p + h);
            set.insert(A::Granular);
            set.insert(A::LayerBumps);
        }
        1 => {
            let sigma = view.unit() * between(stream, 0.8, 1.4);
            let lift = between(stream, 1.5, 3.0);
            let grains = grain(stream, side).blurred(sigma).zip(&raised.alpha, |g, a| lift * g * a);
            raised.height = grains.zip(&raised.height, |g, h| g + h);
            set.insert(A::Granular);
        }
        2 => set.insert(A::Homogeneous),
        _ => {
            let mask = tint::mask(&raised.alpha, view);
            let texture = general::texture(stream, side, &mask, set);
            let depth = between(stream, 0.35, 0.7);
            let gain = texture.zip(&raised.alpha, |t, a| 1.0 + depth * a * (t - 1.0).clamp(-0.7, 0.7));
            scene.canvas.scale(&gain.zip(&view.field, |g, f| 1.0 + f * (g - 1.0)));
        }
    }
}

/// Mucus or fibrin on top.
fn cap(stream: &mut Stream, scene: &mut Scene, view: &View, alpha: &Plane, radius: f32, set: &mut AttributeSet) {
    let tint = one_of(stream, &[YELLOW, WHITE]);
    let inside: Vec<usize> = (0..alpha.values().len()).filter(|&i| alpha.values()[i] > 0.8).collect();
    if inside.is_empty() || radius < 9.0 * view.unit() {
        return;
    }
    let place = inside[stream.below(inside.len())];
    let at = ((place % scene.side()) as f32, (place / scene.side()) as f32);
    let own = radius * between(stream, 0.45, 0.7);
    let coat = Outline::draw(stream, Form::Irregular, at, own, 1.3, 0.5).fill(scene.side(), 1.5).times(alpha);
    let share = between(stream, 0.7, 1.0);
    tint::lay(scene, view, &coat, share, tint, set);
    *set = set.without([A::OneColour, A::Homogeneous].into());
    set.insert(A::Exudates);
}
