//! Normal lining: its colour, relief, vessels and wet glints, in the lit field of a camera.

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::{Canvas, Colour};
use crate::domain::Landmarks;
use crate::field::{between, fractal, grain, noise, one_of, weighted};
use crate::outline::{Form, Outline};
use crate::plane::{Plane, length, soft_step};
use crate::scene::Scene;

use super::OF_ANY_LINING;
use super::folds::{self, Site, Wall};
use super::vessels;
use super::view::{self, View};

/// Lining of the gut, pink to orange-red.
const GUT: [Colour; 7] = [
    [0.86, 0.50, 0.40],
    [0.80, 0.42, 0.32],
    [0.78, 0.35, 0.24],
    [0.90, 0.60, 0.52],
    [0.72, 0.40, 0.37],
    [0.88, 0.54, 0.36],
    [0.70, 0.30, 0.26],
];
/// Lining of the stomach.
const STOMACH: [Colour; 5] =
    [[0.84, 0.46, 0.34], [0.88, 0.54, 0.44], [0.80, 0.38, 0.28], [0.76, 0.48, 0.34], [0.86, 0.50, 0.30]];
/// Pale lining of the oesophagus.
const PALE: [Colour; 4] = [[0.90, 0.68, 0.62], [0.86, 0.66, 0.63], [0.92, 0.70, 0.58], [0.84, 0.60, 0.53]];
/// Vessels that show more plainly than this are seen.
const PLAIN: f32 = 0.42;

/// A normal view.
pub(super) fn tissue(stream: &mut Stream, side: usize) -> Scene {
    let site = weighted(
        stream,
        &[
            (Site::Colon, 2.4),
            (Site::SmallBowel, 0.6),
            (Site::Stomach, 1.2),
            (Site::Pylorus, 0.9),
            (Site::Gullet, 1.7),
            (Site::Flat, 1.4),
        ],
    );
    let wall = folds::wall(stream, side, site);
    let mut canvas = lining(stream, side, site, &wall);
    let (vessels, seen) = veins(stream, &mut canvas, site, &wall);
    glints(stream, &mut canvas, &wall);
    let field = frame(stream, &mut canvas);
    let mut scene = Scene::new(canvas);
    describe(&mut scene, site, seen);
    let light = view::light(&scene.canvas, &field);
    let Wall { lumen, hole, depth, .. } = wall;
    let view = View { lumen, hole, depth, vessels, light, is_pale: site == Site::Gullet, field };
    scene.landmarks = Some(Landmarks::View(Box::new(view)));
    scene
}

/// What can be said of a normal view; `seen` is how plainly vessels show, 0 to 1.
fn describe(scene: &mut Scene, site: Site, seen: f32) {
    scene.unknown = OF_ANY_LINING.into();
    if seen > PLAIN {
        scene.present.insert(A::ClearView);
    } else {
        let open: AttributeSet = [A::LostVessels, A::ClearView].into();
        scene.unknown = scene.unknown.union(open);
    }
    match site {
        Site::Colon | Site::SmallBowel | Site::Gullet => scene.present.insert(A::SmoothLayers),
        _ => scene.unknown.insert(A::SmoothLayers),
    }
    if site == Site::Gullet {
        scene.unknown = scene.unknown.union([A::White, A::Red].into());
    }
}

/// Coloured lining of a wall: where it is dim, it is redder.
fn lining(stream: &mut Stream, side: usize, site: Site, wall: &Wall) -> Canvas {
    let palette: &[Colour] = match site {
        Site::Stomach | Site::Pylorus => &STOMACH,
        Site::Gullet => &PALE,
        _ => &GUT,
    };
    let balance = [0, 1, 2].map(|_| between(stream, 0.95, 1.05));
    let base = one_of(stream, palette);
    let (cell, fine_cell) = (between(stream, 25.0, 70.0), between(stream, 1.2, 3.5));
    let clouds = fractal(stream, side, cell, 3, 0.6);
    let fine = noise(stream, side, fine_cell);
    let rough = grain(stream, side).blurred(0.7);
    let (a, b, c) = (between(stream, 0.01, 0.05), between(stream, 0.004, 0.03), between(stream, 0.005, 0.025));
    let texture = clouds.zip(&fine, |v, f| a * v + b * f).zip(&rough, |v, g| v + c * g);
    let exposure = between(stream, 0.85, 1.12);
    let gain = wall.gain.clone().zip(&texture, |g, t| (exposure * g * (1.0 + t)).max(0.0));
    let hue = noise(stream, side, 60.0).map(|v| 1.0 + 0.025 * v);
    let level = |channel: usize| balance[channel] * base[channel];
    let red = gain.clone().map(|g| level(0) * g.sqrt() * g.sqrt().sqrt());
    let green = gain.clone().times(&hue).map(|g| level(1) * g);
    let mut canvas = Canvas::from_planes([red, green, gain.map(|g| level(2) * g)]);
    if site == Site::Gullet && stream.chance(0.65) {
        junction(stream, &mut canvas, wall);
    }
    canvas
}

/// The border of the salmon lining of the stomach around the lumen.
fn junction(stream: &mut Stream, canvas: &mut Canvas, wall: &Wall) {
    let side = canvas.side();
    let size = side as f32;
    let radius = size * between(stream, 0.16, 0.36);
    let border = Outline::draw(stream, Form::Round, wall.depth, radius, 1.0, 0.0);
    let (broad, ragged) = (noise(stream, side, 0.2 * size), noise(stream, side, 0.05 * size));
    let (wave, tooth) = (size * between(stream, 0.01, 0.05), size * between(stream, 0.004, 0.016));
    let softness = between(stream, 1.0, 3.0);
    let inside = Plane::from_fn(side, |x, y| border.depth(x, y))
        .zip(&broad, |d, n| d + wave * n)
        .zip(&ragged, |d, n| soft_step(d + tooth * n, softness));
    let keep = [between(stream, 0.88, 0.98), between(stream, 0.55, 0.72), between(stream, 0.5, 0.7)];
    for (plane, keep) in canvas.planes_mut().iter_mut().zip(keep) {
        plane.values_mut().iter_mut().zip(inside.values()).for_each(|(v, i)| *v *= 1.0 - (1.0 - keep) * i);
    }
}

/// Fine vessels where the site has them: where they can be seen, and how plainly they show.
fn veins(stream: &mut Stream, canvas: &mut Canvas, site: Site, wall: &Wall) -> (Plane, f32) {
    let side = canvas.side();
    let chance = match site {
        Site::Flat | Site::Gullet => 0.75,
        Site::Colon => 0.6,
        _ => 0.12,
    };
    if !stream.chance(chance) {
        return (Plane::filled(side, 0.0), 0.0);
    }
    let unit = side as f32 / 224.0;
    let (count, width) = (8 + stream.below(16), unit * between(stream, 0.9, 2.4));
    let trees = vessels::trees(stream, side, count, width);
    let patchy = noise(stream, side, 70.0 * unit).map(|v| (0.8 + 0.5 * v).clamp(0.0, 1.0));
    let lit = trees.times(&patchy).zip(&wall.gain, |v, g| v * soft_step(g - 0.35, 0.2));
    let strength = between(stream, 0.2, 1.0);
    let keep = if stream.chance(0.75) { [0.84, 0.5, 0.52] } else { [0.68, 0.6, 0.72] };
    for (plane, keep) in canvas.planes_mut().iter_mut().zip(keep) {
        let lost: f32 = (1.0f32 - keep) * strength;
        plane.values_mut().iter_mut().zip(lit.values()).for_each(|(v, t)| *v *= 1.0 - lost * t);
    }
    let seen = if lit.mean() > 0.015 { strength } else { 0.0 };
    (if seen > PLAIN { lit } else { Plane::filled(side, 0.0) }, seen)
}

/// White reflexes of wet lining, the more the brighter it is.
fn glints(stream: &mut Stream, canvas: &mut Canvas, wall: &Wall) {
    if stream.chance(0.12) {
        return;
    }
    let side = canvas.side();
    let unit = side as f32 / 224.0;
    let (cell, slow_cell) = (unit * between(stream, 2.5, 6.0), unit * between(stream, 25.0, 60.0));
    // Two grids that do not match: the edges of blots do not follow one.
    let (wide, narrow) = (noise(stream, side, cell), noise(stream, side, 0.63 * cell));
    let slow = noise(stream, side, slow_cell);
    let bar = between(stream, 2.1, 3.4);
    let share = between(stream, 0.5, 0.95);
    let fine = wide.zip(&narrow, |w, n| 0.75 * w + 0.66 * n).zip(&slow, |f, s| f + 0.6 * s);
    let alpha = fine.zip(&wall.gain, |v, g| share * soft_step(v + 1.2 * (g - 0.9) - bar, 0.25));
    canvas.mix(&alpha, [1.0, 0.98, 0.95]);
}

/// Black around the lit field, its corners cut or round, at times with an inset and lines of text; returns the field.
fn frame(stream: &mut Stream, canvas: &mut Canvas) -> Plane {
    let side = canvas.side();
    let size = side as f32;
    let softness = between(stream, 0.6, 1.4);
    let mut left = 0.0;
    let field = match stream.below(10) {
        0 | 1 => Plane::filled(side, 1.0),
        2 => {
            let radius = size * between(stream, 0.47, 0.6);
            Plane::from_fn(side, |x, y| soft_step(radius - length(x - 0.5 * size, y - 0.5 * size), softness))
        }
        _ => {
            left =
                if stream.chance(0.4) { size * between(stream, 0.08, 0.3) } else { size * between(stream, 0.0, 0.06) };
            let (right, edge) = (size * between(stream, 0.94, 1.0), size * between(stream, 0.0, 0.05));
            let cuts = octagon_cuts(stream, size);
            Plane::from_fn(side, |x, y| {
                let (across, down) = ((x - left).min(right - x), (y - edge).min(size - edge - y));
                let cut = if x < 0.5 * size { cuts.0 } else { cuts.1 };
                let corner = (across + down - cut) * std::f32::consts::FRAC_1_SQRT_2;
                soft_step(across.min(down).min(corner), softness)
            })
        }
    };
    let black = between(stream, 0.0, 0.04);
    canvas.mix(&field.clone().map(|f| 1.0 - f), [black; 3]);
    if left > 0.15 * size && stream.chance(0.8) {
        text(stream, canvas, left);
    }
    if stream.chance(0.14) { inset(stream, canvas, field) } else { field }
}

/// How much the left and the right corners are cut, in pixels.
fn octagon_cuts(stream: &mut Stream, size: f32) -> (f32, f32) {
    let cut = size * between(stream, 0.0, 0.22);
    (cut, if stream.chance(0.5) { cut } else { size * between(stream, 0.0, 0.1) })
}

/// Lines of small pale text left of the field.
fn text(stream: &mut Stream, canvas: &mut Canvas, left: f32) {
    let side = canvas.side();
    let marks = super::nuisance::text(stream, side, (0.02 * side as f32, 0.9 * left));
    canvas.mix(&marks, [0.8, 0.8, 0.78]);
}

/// A green or blue square with the scope's position at the lower left; returns what is left of the field.
fn inset(stream: &mut Stream, canvas: &mut Canvas, field: Plane) -> Plane {
    let side = canvas.side();
    let size = side as f32;
    let (width, height) = (size * between(stream, 0.2, 0.34), size * between(stream, 0.2, 0.36));
    let (x0, y0) = (size * between(stream, 0.0, 0.03), size - height - size * between(stream, 0.0, 0.03));
    let square =
        Plane::from_fn(side, |x, y| soft_step((x - x0).min(x0 + width - x).min(y - y0).min(y0 + height - y), 0.6));
    canvas.mix(&square, one_of(stream, &[[0.05, 0.5, 0.35], [0.1, 0.55, 0.2], [0.05, 0.3, 0.55]]));
    let start = (x0 + 0.5 * width, y0 + 0.9 * height);
    let mut line = Plane::filled(side, 0.0);
    let curve = vessels::walk(stream, start, -1.6, 0.09 * height, 8);
    crate::pattern::thread(&mut line, &curve, 2.0, 0.8);
    canvas.mix(&line.times(&square), [0.85, 0.9, 0.6]);
    field.zip(&square, |f, s| f * (1.0 - s))
}
