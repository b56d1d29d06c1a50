//! What light, water and instruments add without meaning, on normal and abnormal lining alike.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::attribute::Attribute as A;
use crate::canvas::Colour;
use crate::field::{between, noise, normal, one_of};
use crate::outline::{Form, Outline, each_depth};
use crate::pattern;
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;

use super::view::View;

type Distractor = fn(&mut Stream, &mut Scene, &View);

/// Each by its own chance.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let kinds: [(Distractor, f64); 10] = [
        (glare, 0.2),
        (bubbles, 0.2),
        (foam, 0.06),
        (debris, 0.14),
        (shaft, 0.07),
        (dye, 0.05),
        (balance, 0.4),
        (defocus, 0.14),
        (meaningless_patch, 0.15),
        (lettering, 0.1),
    ];
    for (draw, chance) in kinds {
        if stream.chance(chance) {
            draw(stream, scene, view);
        }
    }
}

/// Another white balance.
fn balance(stream: &mut Stream, scene: &mut Scene, _: &View) {
    for plane in scene.canvas.planes_mut() {
        let (gain, gamma) = (between(stream, 0.92, 1.07), between(stream, 0.94, 1.07));
        plane.values_mut().iter_mut().for_each(|v| *v = gain * v.max(0.0).powf(gamma));
    }
}

/// White reflexes near one place.
fn glare(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let unit = view.unit();
    let middle = view.place(stream, 5.0);
    let mut plane = Plane::filled(scene.side(), 0.0);
    let spread = unit * between(stream, 8.0, 30.0);
    for _ in 0..2 + stream.below(14) {
        let at = (middle.0 + spread * normal(stream), middle.1 + spread * normal(stream));
        let (reach, angle) = (unit * between(stream, 0.0, 7.0), between(stream, 0.0, TAU));
        let end = (at.0 + reach * angle.cos(), at.1 + reach * angle.sin());
        pattern::thread(&mut plane, &[at, end], unit * between(stream, 0.9, 4.5), 1.0);
    }
    let strength = between(stream, 0.5, 1.0);
    scene.canvas.mix(&plane.zip(&view.field, |p, f| strength * p * f), [1.0, 0.98, 0.96]);
}

/// Thin bright rings with a glint each.
fn bubbles(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let unit = view.unit();
    let middle = view.place(stream, 5.0);
    let count = 1 + stream.below(9);
    let spread = unit * between(stream, 10.0, 60.0);
    let (mut rims, mut shade) = (Plane::filled(scene.side(), 0.0), Plane::filled(scene.side(), 0.0));
    for at in view.scatter(stream, middle, spread, count) {
        let radius = unit * between(stream, 1.8, 8.0);
        let outline = Outline::draw(stream, Form::Round, at, radius, 1.05, 0.0);
        each_depth(&outline, scene.side(), 1.5 * radius + 3.0, |index, depth| {
            let rim = &mut rims.values_mut()[index];
            *rim = rim.max(0.7 * soft_step(0.5 - depth.abs(), 0.7));
            let inside = &mut shade.values_mut()[index];
            *inside = inside.max(0.12 * soft_step(depth, 1.0));
        });
        pattern::spot(&mut rims, (at.0 - 0.4 * radius, at.1 - 0.4 * radius), 0.18 * radius, 0.7);
    }
    scene.canvas.scale(&shade.zip(&view.field, |s, f| 1.0 - s * f));
    scene.canvas.mix(&rims.times(&view.field), [0.95, 0.93, 0.9]);
}

/// A patch of fine froth.
fn foam(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let unit = view.unit();
    let (at, radius) = (view.place(stream, 5.0), unit * between(stream, 12.0, 40.0));
    let area = Outline::draw(stream, Form::Irregular, at, radius, 1.6, 0.4).fill(scene.side(), 3.0);
    let pitch = unit * between(stream, 3.5, 6.5);
    let froth = pattern::mesh(stream, scene.side(), pitch, 0.25, 1.0).times(&area).times(&view.field);
    scene.canvas.mix(&froth.map(|f| 0.4 * f), [0.95, 0.92, 0.84]);
    scene.doubt([A::White, A::Mesh]);
}

/// Flecks of stool or food.
fn debris(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let unit = view.unit();
    let middle = view.place(stream, 5.0);
    let count = 1 + stream.below(12);
    let spread = unit * between(stream, 15.0, 80.0);
    let mut plane = Plane::filled(scene.side(), 0.0);
    for at in view.scatter(stream, middle, spread, count) {
        let radius = unit * between(stream, 1.0, 4.0);
        let outline = Outline::draw(stream, Form::Irregular, at, radius, 1.5, 0.7);
        each_depth(&outline, scene.side(), 3.0 * radius + 2.0, |index, depth| {
            let value = &mut plane.values_mut()[index];
            *value = value.max(soft_step(depth, 0.9));
        });
    }
    let colour: Colour = one_of(stream, &[[0.55, 0.42, 0.14], [0.72, 0.6, 0.25], [0.4, 0.3, 0.12], [0.5, 0.5, 0.2]]);
    let share = between(stream, 0.5, 0.9);
    scene.canvas.mix(&plane.zip(&view.field, |p, f| share * p * f), colour);
    scene.doubt([A::Dots, A::Yellow, A::Brown]);
}

/// A black scope or a metal instrument that comes in from an edge and hides no finding.
fn shaft(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let size = scene.side() as f32;
    let angle = between(stream, 0.0, TAU);
    let from = (size * (0.5 + 0.75 * angle.cos()), size * (0.5 + 0.75 * angle.sin()));
    let (reach, heading) = (size * between(stream, 0.3, 0.55), angle + PI + between(stream, -0.5, 0.5));
    let tip = (from.0 + reach * heading.cos(), from.1 + reach * heading.sin());
    let black = stream.chance(0.6);
    let width = size * if black { between(stream, 0.1, 0.22) } else { between(stream, 0.025, 0.06) };
    let mut body = Plane::filled(scene.side(), 0.0);
    pattern::thread(&mut body, &[from, tip], width, 1.0);
    // One that fills much of the view is seen beside it.
    if scene.findings.iter().any(|f| f.mask.mean() < 0.25 && body.mean_under(&f.mask) > 0.1) {
        return;
    }
    let mut shine = Plane::filled(scene.side(), 0.0);
    pattern::thread(&mut shine, &[from, tip], 0.15 * width, 0.3 * width);
    let colour: Colour =
        if black { [0.05, 0.05, 0.06] } else { one_of(stream, &[[0.5, 0.5, 0.52], [0.75, 0.78, 0.8]]) };
    scene.canvas.mix(&body.times(&view.field), colour);
    let share = between(stream, 0.2, 0.6);
    scene.canvas.mix(&shine.zip(&view.field, |s, f| share * s * f), [0.8, 0.8, 0.82]);
    scene.doubt([A::Black, A::Grey]);
}

/// A blue tint of dye, in hollows and patches.
fn dye(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let unit = view.unit();
    let patches = noise(stream, scene.side(), 40.0 * unit);
    let fine = noise(stream, scene.side(), 6.0 * unit);
    let level = between(stream, 0.25, 0.8);
    let alpha = patches.zip(&fine, |p, f| level * (0.5 + 0.4 * p + 0.15 * f).clamp(0.0, 1.0)).times(&view.field);
    for (plane, keep) in scene.canvas.planes_mut().iter_mut().zip([0.5f32, 0.78, 1.06]) {
        plane.values_mut().iter_mut().zip(alpha.values()).for_each(|(v, a)| *v *= 1.0 + a * (keep - 1.0));
    }
    scene.doubt([A::BlueWhite, A::Pink, A::Red]);
    for finding in scene.findings.iter_mut().filter(|f| alpha.mean_under(&f.mask) > 0.12) {
        finding.attributes = finding.attributes.without([A::Pink, A::Red].into());
    }
}

/// Out of focus or in motion.
fn defocus(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let sigma = view.unit() * between(stream, 0.7, 1.7);
    let smooth = scene.canvas.blurred(sigma);
    scene.canvas.mix_canvas(&view.field, &smooth);
    scene.doubt([A::ClearView]);
    scene.unknown.insert(A::Sharp);
    scene.unknown.insert(A::Blurred);
    scene.unknown.insert(A::Haze);
    let fine = [A::Sharp, A::Granular, A::Dots, A::BrightSpecks, A::Mesh].into();
    for finding in &mut scene.findings {
        scene.unknown = scene.unknown.union(finding.attributes.intersection(fine));
        finding.attributes = finding.attributes.without(fine);
    }
}

/// A place a little softer or of another light: something pasted is no finding.
fn meaningless_patch(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let radius = scene.side() as f32 * between(stream, 0.06, 0.22);
    let at = view.place(stream, 5.0);
    let softness = radius * between(stream, 0.1, 0.5);
    let form = one_of(stream, &[Form::Round, Form::Oval, Form::Irregular]);
    let area = Outline::draw(stream, form, at, radius, 1.3, 0.5).fill(scene.side(), softness).times(&view.field);
    let smooth = scene.canvas.blurred(view.unit() * between(stream, 0.5, 1.0));
    scene.canvas.mix_canvas(&area, &smooth);
    let gain = between(stream, -0.04, 0.04);
    scene.canvas.scale(&area.map(|a| 1.0 + gain * a));
}

/// Pale text in the black around the field.
fn lettering(stream: &mut Stream, scene: &mut Scene, view: &View) {
    let size = scene.side() as f32;
    let marks = text(stream, scene.side(), (0.02 * size, 0.24 * size));
    scene.canvas.mix(&marks.zip(&view.field, |m, f| 0.8 * m * (1.0 - f)), [0.8, 0.8, 0.75]);
}

/// Lines of small marks like text between two columns.
pub(super) fn text(stream: &mut Stream, side: usize, (left, right): (f32, f32)) -> Plane {
    let unit = side as f32 / 224.0;
    let mut plane = Plane::filled(side, 0.0);
    let pitch = unit * between(stream, 6.0, 10.0);
    let mut row = side as f32 * between(stream, 0.03, 0.15);
    while row < 0.9 * side as f32 {
        if stream.chance(0.5) {
            let end = left + (right - left) * between(stream, 0.3, 1.0);
            let mut x = left;
            while x < end {
                let (a, b) = (between(stream, 0.0, 3.5) * unit, between(stream, 0.0, 3.5) * unit);
                let points = [(x, row + a), (x + 1.8 * unit, row + b), (x, row + 3.5 * unit)];
                pattern::thread(&mut plane, &points, 0.8 * unit, 0.6);
                x += 3.6 * unit;
            }
        }
        row += pitch;
    }
    plane
}

#[cfg(test)]
mod tests {
    use super::super::{landmarks, mucosa};
    use super::*;

    #[test]
    fn letters_stay_in_the_black_and_all_else_in_the_field() {
        const INSIDE: [Distractor; 8] = [glare, bubbles, foam, debris, shaft, dye, defocus, meaningless_patch];
        for number in 0..6 {
            let mut before = mucosa::tissue(&mut Stream::new(number, "lining"), 224);
            let view = landmarks(&mut before);
            // How many pixels of a field of 0 or 1 are changed.
            let changed = |draw: Distractor, field: f32| {
                let mut scene = before.clone();
                draw(&mut Stream::new(number, "nuisance"), &mut scene, &view);
                let level = |scene: &Scene, i: usize| scene.canvas.planes().each_ref().map(|plane| plane.values()[i]);
                let pixels = (0..224 * 224).filter(|&i| view.field.values()[i] == field);
                pixels.filter(|&i| level(&scene, i) != level(&before, i)).count()
            };
            for (kind, draw) in INSIDE.into_iter().enumerate() {
                assert_eq!(changed(draw, 0.0), 0, "kind {kind} on lining {number} is in the black");
                assert!(changed(draw, 1.0) > 0, "kind {kind} on lining {number} is not to be seen");
            }
            assert_eq!(changed(lettering, 1.0), 0, "letters are on lining {number}");
            assert!(changed(lettering, 0.0) > 0, "no letters are beside lining {number}");
        }
    }
}
