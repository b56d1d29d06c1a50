//! Inflamed lining: red, grained, swollen, pebbled, bleeding, coated, its vessels hidden, each by its own chance; and
//! red streaks.

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, grain, noise, one_of, stretched_noise, weighted};
use crate::outline::{Form, Outline};
use crate::pattern;
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;

use super::raised::{flatten, relief};
use super::tint::{self, BLOOD, WHITE, YELLOW};
use super::vessels;
use super::view::View;
use super::{has_vessels, refute};

/// Changes a part of the lining, or all of it.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let mut set = AttributeSet::EMPTY;
    let area = area(stream, view, &mut set);
    let mask = tint::mask(&area, view);
    let kinds: [(Change, f64); 6] =
        [(pebbled, 0.2), (swollen, 0.38), (reddened, 0.72), (grained, 0.4), (bleeding, 0.25), (coated, 0.2)];
    let mut changes: Vec<Change> = kinds.into_iter().filter(|k| stream.chance(k.1)).map(|k| k.0).collect();
    if changes.is_empty() {
        changes.push(reddened);
    }
    if stream.chance(0.7) {
        let share = between(stream, 0.75, 1.0);
        flatten(&mut scene.canvas, view, &area.clone().map(|a| share * a), 4.0);
        if has_vessels(view, &mask) {
            set.insert(A::LostVessels);
        }
    }
    for change in changes {
        change(stream, scene, view, &area, &mut set);
    }
    scene.doubt([A::SmoothLayers, A::ClearView]);
    let hides_all = set.contains(A::LostVessels) && set.contains(A::Diffuse);
    if scene.note(set, mask) && hides_all {
        refute(scene, A::ClearView);
    }
}

/// One way in which an area is changed.
type Change = fn(&mut Stream, &mut Scene, &View, &Plane, &mut AttributeSet);

/// All of the lining, or a part with a soft edge.
fn area(stream: &mut Stream, view: &View, set: &mut AttributeSet) -> Plane {
    let side = view.field.side();
    let open = view.lumen.clone().map(|l| 1.0 - l);
    if stream.chance(0.55) {
        set.insert(A::Diffuse);
        let cell = between(stream, 0.2, 0.5) * side as f32;
        return noise(stream, side, cell).map(|v| (0.88 + 0.2 * v).clamp(0.45, 1.0)).times(&open).times(&view.field);
    }
    let radius = side as f32 * between(stream, 0.14, 0.32);
    let at = view.place(stream, 0.4 * radius);
    let softness = radius * between(stream, 0.2, 0.5);
    set.insert(A::Blurred);
    if radius > 0.15 * side as f32 {
        set.insert(A::Large);
    }
    set.insert(A::Single);
    Outline::draw(stream, Form::Irregular, at, radius, 1.4, 0.6).fill(side, softness).times(&open).times(&view.field)
}

fn reddened(stream: &mut Stream, scene: &mut Scene, view: &View, area: &Plane, set: &mut AttributeSet) {
    let share = between(stream, 0.4, 1.0);
    let cell = view.unit() * between(stream, 8.0, 40.0);
    let uneven = between(stream, 0.0, 0.3);
    let alpha = noise(stream, scene.side(), cell).zip(area, |n, a| a * (1.0 - uneven + uneven * n).clamp(0.2, 1.0));
    let red = tint::red(stream);
    tint::lay(scene, view, &alpha, share, red, set);
}

fn grained(stream: &mut Stream, scene: &mut Scene, view: &View, area: &Plane, set: &mut AttributeSet) {
    let sigma = view.unit() * between(stream, 0.9, 1.6);
    let lift = between(stream, 2.5, 5.0) * sigma;
    let height = grain(stream, scene.side()).blurred(sigma).zip(area, |g, a| lift * g * a);
    scene.canvas.scale(&relief(&height, (0.7, 0.7), 0.8));
    set.insert(A::Granular);
}

/// Cobblestones.
fn pebbled(stream: &mut Stream, scene: &mut Scene, view: &View, area: &Plane, set: &mut AttributeSet) {
    let pitch = view.unit() * between(stream, 11.0, 24.0);
    let lift = pitch * between(stream, 0.4, 0.7);
    let stones = pattern::cells(stream, scene.side(), pitch, 0.8);
    let height = stones.zip(area, |d, a| lift * a * (2.0 * d / pitch).min(1.0).sqrt());
    scene.canvas.scale(&relief(&height.blurred(0.6), view.inwards(view.depth), 0.8));
    set.insert(A::LayerBumps);
    set.insert(A::Multiple);
    *set = set.without([A::Single].into());
}

/// Broad puffy folds.
fn swollen(stream: &mut Stream, scene: &mut Scene, view: &View, area: &Plane, set: &mut AttributeSet) {
    let (wide, narrow) = (between(stream, 45.0, 70.0), between(stream, 20.0, 34.0));
    let along = view.inwards((0.5 * scene.side() as f32, 0.5 * scene.side() as f32));
    let across = if along.0.abs() > along.1.abs() { (wide, narrow) } else { (narrow, wide) };
    let unit = view.unit();
    // Two grids that do not match: folds do not end at the edges of one.
    let coarse = stretched_noise(stream, scene.side(), (across.0 * unit, across.1 * unit));
    let finer = stretched_noise(stream, scene.side(), (0.62 * across.0 * unit, 0.62 * across.1 * unit));
    let puffs = coarse.zip(&finer, |c, f| 0.8 * c + 0.5 * f);
    let lift = unit * between(stream, 7.0, 13.0);
    let height = puffs.zip(area, |p, a| lift * a * (1.0 - (-p.abs() / 0.55).exp()));
    scene.canvas.scale(&relief(&height.blurred(1.2 * unit), along, 0.9));
    set.insert(A::ThickLayer);
}

fn bleeding(stream: &mut Stream, scene: &mut Scene, view: &View, area: &Plane, set: &mut AttributeSet) {
    let count = 6 + stream.below(40);
    let under = tint::mask(area, view);
    let spots = pattern::dots(stream, &under, count, (0.8 * view.unit(), 2.6 * view.unit()), 0.9);
    let share = between(stream, 0.7, 1.0);
    tint::lay(scene, view, &spots, share, BLOOD, set);
    set.insert(A::Haemorrhage);
    set.insert(A::Dots);
}

/// Specks and patches of mucus and pus.
fn coated(stream: &mut Stream, scene: &mut Scene, view: &View, area: &Plane, set: &mut AttributeSet) {
    let unit = view.unit();
    let (cell, slow_cell) = (unit * between(stream, 6.0, 14.0), unit * between(stream, 25.0, 60.0));
    let bar = between(stream, 1.0, 1.7);
    let fine = noise(stream, scene.side(), cell);
    let slow = noise(stream, scene.side(), slow_cell);
    let alpha = fine.zip(&slow, |f, s| soft_step(f + 0.6 * s - bar, 0.2)).times(area);
    let tint = one_of(stream, &[YELLOW, YELLOW, WHITE]);
    let share = between(stream, 0.6, 1.0);
    tint::lay(scene, view, &alpha, share, tint, set);
    set.insert(A::Exudates);
}

/// Red streaks that run along the wall, flat or on folds.
pub(super) fn red_streaks(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let side = scene.side();
    let unit = view.unit();
    let count = weighted(stream, &[(1, 0.2), (3, 0.4), (8, 0.4)]);
    let middle = view.place(stream, 20.0 * unit);
    let places = view.scatter(stream, middle, 0.4 * side as f32, count);
    let (reach, width) = (unit * between(stream, 20.0, 60.0), unit * between(stream, 2.0, 6.0));
    let mut plane = Plane::filled(side, 0.0);
    for &at in &places {
        let along = view.inwards(at);
        let heading = along.1.atan2(along.0) + between(stream, -0.15, 0.15);
        let line = vessels::walk(stream, at, heading, reach / 8.0, 8);
        let own = width * between(stream, 0.7, 1.2);
        pattern::thread(&mut plane, &line[..6], 0.8 * own, 0.4 * own + 0.5);
        pattern::thread(&mut plane, &line, 0.2 * own, 0.5 * own + 0.6);
    }
    let plane = plane.zip(&view.lumen, |p, l| p * (1.0 - l));
    let share = between(stream, 0.85, 1.0);
    let mut set: AttributeSet = [A::Linear, A::of_count(places.len())].into();
    if places.len() > 1 {
        set.insert(A::Streaks);
    }
    let red = tint::red(stream);
    tint::show(scene, view, &plane, share, red, set);
}
