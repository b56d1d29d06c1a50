//! Small things and lines: blood, red points, white specks, curds, veins, tufts of vessels.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, noise, normal, one_of, weighted};
use crate::outline::Form;
use crate::pattern;
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;

use super::raised::{Raised, clump, relief};
use super::tint::{self, BLACK, BLOOD, BLUE, WHITE, YELLOW};
use super::view::View;
use super::{of_clumps, refute, vessels};

/// A pool, a stream or spatters of fresh or old blood.
pub(super) fn blood(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let unit = view.unit();
    let at = view.place(stream, 10.0 * unit);
    let mut plane = Plane::filled(scene.side(), 0.0);
    let mut set = AttributeSet::EMPTY;
    match stream.below(3) {
        0 => {
            let radius = unit * between(stream, 10.0, 34.0);
            let softness = between(stream, 0.8, 2.5);
            plane = pool(stream, scene.side(), at, radius, softness);
            set = [A::Irregular, A::Sharp].into();
            set = set.union(of_clumps(scene, 1)).union(super::size(radius, scene.side()));
        }
        1 => {
            let width = unit * between(stream, 3.0, 8.0);
            let heading = between(stream, 0.25 * PI, 0.75 * PI);
            let line = vessels::walk(stream, at, heading, 7.0 * unit, 8);
            pattern::thread(&mut plane, &line, width, 1.0);
            pattern::spot(&mut plane, at, width * between(stream, 0.8, 1.4), 1.5);
            set = set.union([A::Linear, A::Sharp, A::Single].into());
        }
        _ => {
            let count = one_of(stream, &[4, 9, 20]);
            let spread = unit * between(stream, 20.0, 60.0);
            let places = view.scatter(stream, at, spread, count);
            for &place in &places {
                pattern::spot(&mut plane, place, unit * between(stream, 1.5, 5.0), 1.2);
            }
            set = set.union([A::Dots, A::Small, A::of_count(places.len())].into());
        }
    }
    let tint = one_of(stream, &[BLOOD, BLOOD, BLOOD, BLACK]);
    // Black is old blood, not fresh.
    if tint.colour == A::Black {
        scene.unknown.insert(A::Haemorrhage);
    } else {
        set.insert(A::Haemorrhage);
    }
    let plane = plane.zip(&view.lumen, |p, l| p * (1.0 - 0.7 * l));
    tint::show(scene, view, &plane, between(stream, 0.75, 1.0), tint, set);
}

/// A puddle without a regular form.
fn pool(stream: &mut Stream, side: usize, at: (f32, f32), radius: f32, softness: f32) -> Plane {
    let mut plane = Plane::filled(side, 0.0);
    for part in clump(stream, at, radius) {
        plane = plane.max(&part.fill(side, 0.45 * radius));
    }
    let (broad, fine) = (noise(stream, side, 0.7 * radius), noise(stream, side, 0.3 * radius));
    let edge = broad.zip(&fine, |b, f| 0.13 * b + 0.05 * f);
    plane.zip(&edge, |p, e| if p > 0.0 { soft_step(2.0 * radius * (p + e - 0.5), softness) } else { 0.0 })
}

/// Pinpoint red spots, in a group or everywhere.
pub(super) fn red_points(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let unit = view.unit();
    let (plane, mut set) = points(stream, view, (0.9 * unit, 2.2 * unit));
    if stream.chance(0.5) {
        set.insert(A::Haemorrhage);
        tint::show(scene, view, &plane, between(stream, 0.7, 1.0), BLOOD, set);
    } else {
        scene.unknown.insert(A::Haemorrhage);
        let red = tint::red(stream);
        tint::show(scene, view, &plane, between(stream, 0.9, 1.0), red, set);
    }
}

/// White or yellow specks, in a group or everywhere.
pub(super) fn specks(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let unit = view.unit();
    let (plane, mut set) = points(stream, view, (0.9 * unit, 2.4 * unit));
    set.insert(A::BrightSpecks);
    let tint = one_of(stream, &[WHITE, WHITE, YELLOW]);
    tint::show(scene, view, &plane, between(stream, 0.6, 1.0), tint, set);
}

/// Many small spots with radii between two; their words.
fn points(stream: &mut Stream, view: &View, radii: (f32, f32)) -> (Plane, AttributeSet) {
    let side = view.field.side();
    let count = one_of(stream, &[4, 10, 25, 60]);
    let everywhere = stream.chance(0.45);
    let (middle, spread) = (view.place(stream, 10.0), side as f32 * between(stream, 0.08, 0.24));
    let middle = if everywhere { (0.5 * side as f32, 0.5 * side as f32) } else { middle };
    let places = view.scatter(stream, middle, if everywhere { 0.6 * side as f32 } else { spread }, count);
    let mut plane = Plane::filled(side, 0.0);
    for &at in &places {
        pattern::spot(&mut plane, at, between(stream, radii.0, radii.1), 0.8);
    }
    let mut set: AttributeSet = [A::Dots, A::Small, A::Sharp, A::of_count(places.len())].into();
    if everywhere && places.len() > 15 {
        set.insert(A::Diffuse);
    }
    (plane, set)
}

/// Curd-like white plaques that stand out a little.
pub(super) fn curds(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let unit = view.unit();
    let count = one_of(stream, &[2, 5, 12, 22]);
    let middle = view.place(stream, 10.0 * unit);
    let spread = unit * between(stream, 30.0, 90.0);
    let places = view.scatter(stream, middle, spread, count);
    let mut raised = Raised::new(scene.side(), view.inwards(middle));
    let mut largest = 0.0f32;
    for &at in &places {
        let radius = unit * between(stream, 2.5, 7.0);
        largest = largest.max(radius);
        for part in clump(stream, at, radius) {
            raised.dome(&part, 0.9, 0.5, 0.4, 0.3);
        }
    }
    let mut set = Form::Irregular.seen(scene, [A::Irregular].into(), largest, 0.9);
    set = set.union([A::Sharp, A::Small].into()).union(of_clumps(scene, places.len()));
    let tint = weighted(stream, &[(WHITE, 0.75), (YELLOW, 0.25)]);
    let share = between(stream, 0.7, 1.0);
    tint::lay(scene, view, &raised.alpha, share, tint, &mut set);
    raised.light(&mut scene.canvas, view, 0.6, 0.0);
    set.insert(A::Exudates);
    set.insert(A::LayerBumps);
    scene.note(set, tint::mask(&raised.alpha, view));
}

/// Winding swollen veins that run along the wall, bluish or as the lining is, at times with red marks.
pub(super) fn veins(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let unit = view.unit();
    let side = scene.side();
    let count = one_of(stream, &[1, 2, 3, 4]);
    let width = unit * between(stream, 9.0, 20.0);
    let mut ridge = Plane::filled(side, 0.0);
    let start = between(stream, 0.0, TAU);
    for number in 0..count {
        let angle = start + TAU * (number as f32 + 0.2 * normal(stream)) / count as f32;
        let foot = (view.depth.0 + unit * 26.0 * angle.cos(), view.depth.1 + unit * 26.0 * angle.sin());
        let from = if view.hole.is_some() { foot } else { view.place(stream, width) };
        let line = winding(stream, from, angle, unit);
        pattern::thread(&mut ridge, &line, 0.1, width * between(stream, 0.8, 1.2));
    }
    let ridge = ridge.zip(&view.lumen, |r, l| r * (1.0 - l));
    let alpha = ridge.clone().map(|r| soft_step(r - 0.12, 0.1));
    let height = ridge.map(|r| 0.75 * width * (r * (2.0 - r)).max(0.0).sqrt());
    let mut set: AttributeSet = [A::ElevatedLayer, A::Linear, A::of_count(count)].into();
    if stream.chance(0.7) {
        let share = between(stream, 0.4, 0.95);
        tint::lay(scene, view, &alpha, share, BLUE, &mut set);
    }
    let away = view.inwards(view.place(stream, 10.0));
    let gain = relief(&height, away, between(stream, 0.6, 1.0));
    scene.canvas.scale(&gain.zip(&view.field, |g, f| 1.0 + f * (g - 1.0)));
    if stream.chance(0.3) {
        let many = 4 + stream.below(10);
        let marks = pattern::dots(stream, &alpha, many, (1.2 * unit, 2.6 * unit), 0.9);
        tint::lay(scene, view, &marks, 0.9, BLOOD, &mut set);
        set.insert(A::Dots);
    }
    if scene.note(set, tint::mask(&alpha, view)) {
        refute(scene, A::SmoothLayers);
    }
}

/// A line that sways from side to side as it runs out.
fn winding(stream: &mut Stream, from: (f32, f32), heading: f32, unit: f32) -> Vec<(f32, f32)> {
    let (reach, sway) = (unit * between(stream, 60.0, 120.0), unit * between(stream, 1.0, 5.0));
    let (waves, phase) = (between(stream, 1.0, 3.0), between(stream, 0.0, TAU));
    let (sine, cosine) = heading.sin_cos();
    (0..=20)
        .map(|step| {
            let along = step as f32 / 20.0;
            let aside = sway * ((TAU * waves * along + phase).sin() + (4.1 * waves * along).cos());
            (from.0 + reach * along * cosine - aside * sine, from.1 + reach * along * sine + aside * cosine)
        })
        .collect()
}

/// Red tufts of small vessels that spread like spiders.
pub(super) fn spider(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let unit = view.unit();
    let count = one_of(stream, &[1, 1, 3, 6]);
    let middle = view.place(stream, 12.0 * unit);
    let places = view.scatter(stream, middle, if count > 1 { 70.0 * unit } else { 1.0 }, count);
    let mut plane = Plane::filled(scene.side(), 0.0);
    for &at in &places {
        let reach = unit * between(stream, 8.0, 18.0);
        let width = unit * between(stream, 1.1, 2.0);
        plane = plane.max(&vessels::tuft(stream, scene.side(), at, reach, width));
    }
    let set = [A::Branching, A::Small, A::of_count(places.len())];
    tint::show(scene, view, &plane, between(stream, 0.65, 1.0), BLOOD, set.into());
}
