//! Flat changes: patches of another colour, salmon tongues and islands in pale lining, a narrowed lumen, lost vessels.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::domain::general;
use crate::field::{between, noise, normal, one_of, weighted};
use crate::outline::{Form, Outline};
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;
use crate::smooth::smooth_inside;

use super::tint::{self, BLACK, BLOOD, BLUE, BROWN, PINK, SALMON, WHITE, YELLOW};
use super::view::View;
use super::{refute, size, spots};

/// A flat patch of any form, edge, texture and colour.
pub(super) fn patch(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let (form, words, stretch) = general::form(stream);
    let radius = view.unit() * one_of(stream, &[7.0, 13.0, 22.0, 38.0]) * between(stream, 0.8, 1.3);
    let at = view.place(stream, 0.6 * radius);
    let tilt = between(stream, 0.0, PI);
    let outline = Outline::draw(stream, form, at, radius, stretch, tilt);
    let sharp = stream.chance(0.5);
    let softness = if sharp { between(stream, 0.5, 1.2) } else { radius * between(stream, 0.25, 0.5) + 1.0 };
    let mut set = form.seen(scene, words.union(outline.orientation_words()), radius, softness);
    set = set.union(size(radius, scene.side()));
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    set.insert(A::Single);
    set.insert(A::OneColour);
    let mut alpha = outline.fill(scene.side(), softness);
    let mask = tint::mask(&alpha, view);
    if radius > 9.0 * view.unit() {
        let texture = general::texture(stream, scene.side(), &mask, &mut set);
        alpha = alpha.zip(&texture, |a, t| (a * t).clamp(0.0, 1.0));
    } else {
        scene.unknown.insert(A::Homogeneous);
    }
    let red = tint::red(stream);
    let tint = one_of(stream, &[red, red, WHITE, WHITE, YELLOW, PINK, PINK, BROWN, BLACK, BLUE, BLUE, BLOOD]);
    let share = between(stream, 0.5, 1.0);
    tint::lay(scene, view, &alpha, share, tint, &mut set);
    scene.note(set, mask);
}

/// Salmon tongues or islands, in pale lining; points of blood where it is not pale.
pub(super) fn tongues(stream: &mut Stream, scene: &mut Scene, view: &View) {
    if !view.is_pale {
        return spots::blood(stream, scene, view);
    }
    let unit = view.unit();
    let islands = stream.chance(0.45);
    let count = weighted(stream, &[(1, 0.3), (3, 0.4), (6, 0.3)]);
    let mut plane = Plane::filled(scene.side(), 0.0);
    let hole = view.hole.unwrap_or(12.0 * unit);
    let start = between(stream, 0.0, TAU);
    for part in 0..count {
        let outline = if islands {
            let (at, radius) = (view.place(stream, 8.0 * unit), unit * between(stream, 7.0, 16.0));
            Outline::draw(stream, Form::Irregular, at, radius, 1.4, 0.3)
        } else {
            let angle = start + TAU * (part as f32 + 0.25 * normal(stream)) / count as f32;
            let (reach, radius) = (hole + unit * between(stream, 20.0, 45.0), unit * between(stream, 14.0, 26.0));
            let at = (view.depth.0 + reach * angle.cos(), view.depth.1 + reach * angle.sin());
            let stretch = between(stream, 1.8, 3.5);
            Outline::draw(stream, Form::Irregular, at, radius, stretch, angle)
        };
        plane = plane.max(&outline.fill(scene.side(), between(stream, 0.6, 1.6)));
    }
    let open = view.lumen.clone().map(|l| 1.0 - l);
    let velvet = noise(stream, scene.side(), 3.0 * unit).map(|n| (0.9 + 0.08 * n).clamp(0.5, 1.0));
    let mut set: AttributeSet = [A::Irregular, A::Sharp, A::of_count(count)].into();
    if !islands {
        set.insert(A::Linear);
    }
    let share = between(stream, 0.6, 1.0);
    tint::show(scene, view, &plane.times(&open).times(&velvet), share, SALMON, set);
}

/// A ring that narrows the lumen.
pub(super) fn narrowing(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let unit = view.unit();
    let at = match view.hole {
        Some(_) => view.depth,
        None => view.place(stream, 35.0 * unit),
    };
    let (hole, width) = (unit * between(stream, 5.0, 13.0), unit * between(stream, 9.0, 26.0));
    let uneven = if stream.chance(0.4) { Form::Irregular } else { Form::Round };
    let outline = Outline::draw(stream, uneven, at, hole, 1.15, 0.5);
    let deep = Plane::from_fn(scene.side(), |x, y| outline.depth(x, y));
    let shelf = deep.clone().map(|d| soft_step(d + width, 0.15 * width) * (1.0 - soft_step(d, 1.5)));
    let gain = deep.clone().map(|d| {
        let crest = (-((d + 0.3 * width) / (0.3 * width)).powi(2)).exp();
        let ditch = (-((d + 1.15 * width) / (0.25 * width)).powi(2)).exp();
        (1.0 + 0.35 * crest - 0.4 * ditch) * (1.0 - 0.93 * soft_step(d, 2.0))
    });
    // The ring stands where there was the dark of the lumen: it is lit as the lining is.
    let own = [0, 1, 2].map(|c| 0.8 * scene.canvas.planes()[c].mean_under(&view.field));
    let alpha = shelf.clone().zip(&view.field, |s, f| 0.85 * s * f);
    scene.canvas.mix(&alpha, own);
    scene.canvas.scale(&gain.zip(&view.field, |g, f| 1.0 + f * (g - 1.0)));
    let mut set: AttributeSet = [A::Ring, A::Single].into();
    if width > 16.0 * unit {
        set.insert(A::ThickLayer);
    }
    if uneven == Form::Irregular {
        set = set.union(uneven.seen(scene, [A::Irregular].into(), hole, 1.5));
    }
    let red = tint::red(stream);
    let tint = one_of(stream, &[None, Some(WHITE), Some(red), Some(PINK)]);
    if let Some(tint) = tint {
        let share = between(stream, 0.3, 0.8);
        tint::lay(scene, view, &shelf, share, tint, &mut set);
    }
    scene.note(set, tint::mask(&shelf, view));
}

/// Takes the vessels out of a part of the view or of all; draws a patch where there are none.
pub(super) fn bare(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let whole = stream.chance(0.5);
    let radius = scene.side() as f32 * between(stream, 0.2, 0.35);
    let area = if whole {
        view.field.clone()
    } else {
        let at = view.place(stream, 0.3 * radius);
        Outline::draw(stream, Form::Irregular, at, radius, 1.2, 0.5).fill(scene.side(), 0.2 * radius)
    };
    let lines = view.vessels.blurred(0.8 * view.unit()).map(|v| (2.4 * v).min(1.0)).times(&view.field);
    let hidden = lines.clone().times(&area);
    if hidden.mean() < 0.006 {
        return patch(stream, scene, view);
    }
    let rest = lines.zip(&view.field, |l, f| (1.02 - l) * f);
    let filled = [0, 1, 2].map(|c| smooth_inside(&scene.canvas.planes()[c], &rest, 3.0 * view.unit()));
    scene.canvas.mix_canvas(&hidden, &Canvas::from_planes(filled));
    let mut set: AttributeSet = [A::LostVessels].into();
    if whole {
        set.insert(A::Diffuse);
    } else {
        scene.doubt([A::ClearView]);
    }
    if scene.note(set, tint::mask(&area, view)) && whole {
        refute(scene, A::ClearView);
    }
}
