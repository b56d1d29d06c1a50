//! Breaks of the lining: ulcers and erosions with a coated base and a red or swollen rim.

use std::f32::consts::PI;

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, noise, one_of, weighted};
use crate::outline::{Form, Outline, each_depth};
use crate::pattern;
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;

use super::raised::relief;
use super::tint::{self, BLACK, BLOOD, BROWN, PINK, WHITE, YELLOW};
use super::view::View;
use super::{of_one_direction, refute, size};

/// What is put together before it is drawn.
struct Break {
    base: Plane,
    rim: Plane,
    /// Pixels above the lining; below 0 in the base.
    height: Plane,
}

/// One break, or several of a kind.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let count = weighted(stream, &[(1, 0.55), (3, 0.22), (8, 0.23)]);
    let most = if count == 1 { one_of(stream, &[8.0, 15.0, 25.0, 38.0]) } else { between(stream, 4.5, 11.0) };
    let radius = view.unit() * most * between(stream, 0.8, 1.2);
    let middle = view.place(stream, 0.7 * radius);
    let places = if count == 1 { vec![middle] } else { view.scatter(stream, middle, 9.0 * radius, count) };
    let form = weighted(
        stream,
        &[(Form::Round, 1.0), (Form::Oval, 0.8), (Form::Irregular, 1.2), (Form::Angular, 0.4), (Form::Spiculated, 0.2)],
    );
    let linear = stream.chance(0.25);
    let form = if linear { Form::Irregular } else { form };
    let sharp = stream.chance(0.65);
    let mut set: AttributeSet = [A::InterruptedLayer, A::of_count(places.len())].into();
    let size = size(radius, scene.side());
    if linear {
        scene.unknown = scene.unknown.union(size);
    } else {
        set = set.union(size);
    }
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    let empty = || Plane::filled(scene.side(), 0.0);
    let mut broken = Break { base: empty(), rim: empty(), height: empty() };
    let rim = radius * between(stream, 0.25, 0.55);
    for &at in &places {
        let own = radius * between(stream, 0.8, 1.15);
        let words = part(stream, scene, view, &mut broken, (form, at, own), (linear, sharp, rim));
        set = set.union(words);
    }
    let set = of_one_direction(scene, set);
    finish(stream, scene, view, broken, radius, set);
}

/// Adds one break; its words where they can be told.
fn part(
    stream: &mut Stream,
    scene: &mut Scene,
    view: &View,
    broken: &mut Break,
    (form, at, radius): (Form, (f32, f32), f32),
    (linear, sharp, rim): (bool, bool, f32),
) -> AttributeSet {
    // Those that are long run along the wall.
    let along = view.inwards(at);
    let (stretch, tilt) = match form {
        _ if linear => (between(stream, 4.0, 8.0), along.1.atan2(along.0) + between(stream, -0.3, 0.3)),
        Form::Round => (between(stream, 1.0, 1.1), 0.0),
        _ => (between(stream, 1.3, 1.8), between(stream, 0.0, PI)),
    };
    let outline = Outline::draw(stream, form, at, radius, stretch, tilt);
    let softness = if sharp { between(stream, 0.5, 1.1) } else { radius * between(stream, 0.25, 0.45) + 0.8 };
    let softness = if linear { softness.min(0.35 * radius / stretch.sqrt() + 0.5) } else { softness };
    each_depth(&outline, scene.side(), (2.4 * stretch.sqrt()).max(3.2) * radius + rim, |index, depth| {
        let inside = soft_step(depth, softness);
        let around = soft_step(rim - depth.abs(), 0.8 * rim) * (1.0 - inside);
        let (base, ring) = (&mut broken.base.values_mut()[index], &mut broken.rim.values_mut()[index]);
        (*base, *ring) = (base.max(inside), ring.max(around));
        let swell = (1.0 - (depth / rim + 0.6).abs()).clamp(0.0, 1.0);
        let height = &mut broken.height.values_mut()[index];
        *height += 0.3 * rim * swell * swell * (3.0 - 2.0 * swell) - 0.2 * radius * inside;
    });
    let word = match form {
        _ if linear => A::Linear,
        Form::Round => A::Round,
        Form::Oval => A::Oval,
        Form::Angular => A::Angular,
        Form::Spiculated => A::Spiculated,
        _ => A::Irregular,
    };
    let words = AttributeSet::from([word]).union(outline.orientation_words());
    if linear { words } else { form.seen(scene, words, radius, softness) }
}

/// Colours base and rim, lets light fall, and notes it.
fn finish(stream: &mut Stream, scene: &mut Scene, view: &View, broken: Break, radius: f32, mut set: AttributeSet) {
    let Break { base, rim, height } = broken;
    let rim = rim.zip(&base, |r, b| r * (1.0 - b));
    let around = match weighted(stream, &[(0, 0.4), (1, 0.3), (2, 0.3)]) {
        0 => {
            let share = between(stream, 0.55, 1.0);
            let red = tint::red(stream);
            tint::lay(scene, view, &rim, share, red, &mut set);
            set.insert(A::Ring);
            Some(A::Red)
        }
        1 => {
            let share = between(stream, 0.5, 0.9);
            let pale = one_of(stream, &[PINK, WHITE]);
            tint::lay(scene, view, &rim, share, pale, &mut set);
            set.insert(A::Halo);
            Some(pale.colour)
        }
        _ => {
            scene.unknown.insert(A::Halo);
            None
        }
    };
    let depth = between(stream, 0.5, 1.0);
    scene
        .canvas
        .scale(&relief(&height, view.inwards(middle_of(&base)), depth).zip(&view.field, |g, f| 1.0 + f * (g - 1.0)));
    coat(stream, scene, view, &base, (radius, around), &mut set);
    if radius > 8.0 * view.unit() && stream.chance(0.18) {
        blood(stream, scene, view, &base, &mut set);
    }
    let whole = base.max(&rim.map(|r| 0.6 * r));
    if scene.note(set, tint::mask(&whole, view)) {
        refute(scene, A::SmoothLayers);
    }
}

/// Fibrin, pus or old blood in the base, of another colour than what is around it.
fn coat(
    stream: &mut Stream,
    scene: &mut Scene,
    view: &View,
    base: &Plane,
    (radius, around): (f32, Option<A>),
    set: &mut AttributeSet,
) {
    let red = tint::red(stream);
    let unlike = |chance: f32, colours: &[A]| if around.is_some_and(|a| colours.contains(&a)) { 0.0 } else { chance };
    let tint = weighted(
        stream,
        &[
            (WHITE, unlike(1.0, &[A::White])),
            (YELLOW, 1.0),
            (PINK, unlike(0.3, &[A::Pink, A::White, A::Red])),
            (red, unlike(0.9, &[A::Red])),
            (BROWN, 0.35),
        ],
    );
    let mut alpha = base.clone();
    if radius > 10.0 * view.unit() && stream.chance(0.5) {
        let cell = 0.4 * radius;
        let patches = noise(stream, scene.side(), cell);
        alpha = alpha.zip(&patches, |a, n| a * (0.85 + 0.45 * n).clamp(0.15, 1.0));
        set.insert(A::Heterogeneous);
    } else if radius > 10.0 * view.unit() {
        set.insert(A::Homogeneous);
    } else {
        scene.unknown.insert(A::Homogeneous);
    }
    let share = between(stream, 0.6, 1.0);
    tint::lay(scene, view, &alpha, share, tint, set);
    if matches!(tint.colour, A::White | A::Yellow) {
        set.insert(A::Exudates);
    }
}

/// Spots of blood in the base.
fn blood(stream: &mut Stream, scene: &mut Scene, view: &View, base: &Plane, set: &mut AttributeSet) {
    let count = 1 + stream.below(5);
    let spots = pattern::dots(stream, base, count, (1.2 * view.unit(), 3.2 * view.unit()), 0.9);
    let tint = one_of(stream, &[BLOOD, BLOOD, BLACK]);
    tint::lay(scene, view, &spots, 0.95, tint, set);
    // Black is old blood, not fresh.
    if tint.colour == A::Black {
        scene.unknown.insert(A::Haemorrhage);
    } else {
        set.insert(A::Haemorrhage);
    }
    *set = set.without([A::Homogeneous].into());
}

/// The middle of what a plane covers.
fn middle_of(plane: &Plane) -> (f32, f32) {
    let side = plane.side();
    let (mut x, mut y, mut weight) = (0.0f32, 0.0f32, 0.01f32);
    for (index, &value) in plane.values().iter().enumerate() {
        (x, y, weight) = (x + value * (index % side) as f32, y + value * (index / side) as f32, weight + value);
    }
    (x / weight, y / weight)
}
