//! Fluid, thick pleura and air around the lungs, and too much air in them.

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, noise, weighted};
use crate::outline::Form;
use crate::plane::{Plane, length, soft_step};
use crate::scene::Scene;

use super::chest::Lung;
use super::film::{Film, extent, mask_of};

/// How much fluid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    /// The angle is blunted, no more.
    Small,
    /// The lower fourth to half of the lung.
    Medium,
    /// More than half.
    Large,
}

/// Fluid on one side or both: a meniscus, a straight level, a blunted angle, or a veil denser towards the base.
pub(super) fn fluid(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    let amount = weighted(stream, &[(Amount::Small, 0.35), (Amount::Medium, 0.42), (Amount::Large, 0.23)]);
    let veil = amount != Amount::Small && stream.chance(0.15);
    let straight = amount == Amount::Medium && !veil && stream.chance(0.2);
    let sharp = straight || stream.chance(0.4);
    let side = film.side();
    let only = stream.chance(0.6).then(|| film.chest.one(stream));
    let sides: Vec<usize> = (0..2).filter(|i| only.is_none_or(|o| o == *i) && film.chest.lungs[*i].seen).collect();
    let mut shape = Plane::filled(side, 0.0);
    for &index in &sides {
        let lung = film.chest.lungs[index].clone();
        let softness = if sharp { between(stream, 1.2, 2.8) } else { between(stream, 5.0, 11.0) };
        let surface = surface(stream, &lung, amount, straight);
        let softness = if veil { 0.2 * lung.height() } else { softness };
        shape = shape.max(&below(&lung, side, &surface, softness));
    }
    let mask = mask_of(&shape, 0.45);
    let mut set: AttributeSet = [A::Homogeneous, A::Bright, A::BluntedAngle].into();
    let strength = if veil { between(stream, 0.5, 0.95) } else { between(stream, 1.0, 2.4) };
    match (veil, amount) {
        (true, _) => set = set.union([A::Haze, A::Blurred].into()),
        (false, Amount::Small) => set.insert(A::Small),
        _ => {
            set = set.union([A::FluidLevel, A::LostVessels].into());
            set.insert(if sharp { A::Sharp } else { A::Blurred });
            if amount == Amount::Large {
                set = set.union([A::WhiteLung, A::Large].into());
            }
        }
    }
    let smear = (!veil).then(|| (shape.clone().map(|v| 0.8 * v), 2.5));
    if !film.veil(smear, &shape.map(|v| v * strength), &mask) {
        return;
    }
    let clear = scene.present.contains(A::ClearLungs) && amount == Amount::Small;
    if !film.note_counted(scene, set, &mask, [0, 0]) {
        return;
    }
    // A blunted angle alone leaves the lungs clear.
    if clear {
        scene.present.insert(A::ClearLungs);
    }
    scene.present = scene.present.without([A::SharpAngles].into());
    scene.unknown = scene.unknown.without([A::SharpAngles].into());
}

/// Row of the fluid's surface for each column.
fn surface(stream: &mut Stream, lung: &Lung, amount: Amount, straight: bool) -> Vec<f32> {
    let columns = lung.floor.len();
    let (height, width) = (lung.height(), lung.width());
    let wall = lung.place(1.0, 0.95);
    let (flat, climb) = match amount {
        Amount::Small => (between(stream, -0.04, 0.0), between(stream, 0.14, 0.22)),
        Amount::Medium => (between(stream, 0.08, 0.3), between(stream, 0.1, 0.24)),
        Amount::Large => (between(stream, 0.42, 0.85), between(stream, 0.08, 0.2)),
    };
    let climb = if straight { 0.0 } else { climb };
    let reach = width * if amount == Amount::Small { between(stream, 0.16, 0.3) } else { between(stream, 0.2, 0.5) };
    let bottom = lung.place(0.5, 1.0).1.max(lung.place(0.9, 1.0).1);
    (0..columns)
        .map(|x| {
            let from_wall = (lung.outward * (wall.0 - x as f32)).max(0.0);
            let meniscus = climb * height * (-from_wall / reach).exp();
            bottom - flat * height - meniscus
        })
        .collect()
}

/// 1 in one half of the chest below a surface, down to under the diaphragm.
fn below(lung: &Lung, side: usize, surface: &[f32], softness: f32) -> Plane {
    let margin = 0.02 * side as f32;
    Plane::from_fn(side, |x, y| {
        let (row, column) = (y as usize, x as usize);
        let under = y - surface[column];
        let inside = (lung.outward * (x - lung.inner[row])).min(lung.outward * (lung.outer[row] - x)) + margin;
        let floor = lung.floor[column] + 3.0 * margin - y;
        soft_step(under, softness).min(soft_step(inside - 1.5 * margin, margin)).min(soft_step(floor, 2.0 * margin))
    })
}

/// A white band between ribs and lung, even or lumpy, along the side or over the top.
pub(super) fn thick(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    let side = film.side();
    let lung = film.chest.lungs[film.chest.one(stream)].clone();
    let width = side as f32 * between(stream, 0.014, 0.04);
    let lumpy = stream.chance(0.4);
    let cell = between(stream, 9.0, 18.0);
    let uneven = if lumpy { 0.5 } else { 0.0 };
    let bumps = noise(stream, side, cell).map(|v| uneven * v.clamp(-1.2, 1.6));
    let cap = stream.chance(0.4);
    let (low, high) = if cap {
        (-0.05, between(stream, 0.06, 0.13))
    } else {
        (between(stream, 0.1, 0.4), between(stream, 0.7, 0.95))
    };
    let (top, bottom) = (lung.apex + low * lung.height(), lung.apex + high * lung.height());
    let sharp = stream.chance(0.6);
    let softness = if sharp { 1.0 } else { 3.0 };
    let shape = Plane::from_fn(side, |x, y| {
        let row = y as usize;
        let from_wall = lung.outward * (lung.outer[row] - x);
        let thick = width * (1.0 + bumps.values()[row * side + x as usize]);
        let along = soft_step(y - top, 4.0).min(soft_step(bottom - y, if cap { softness + 1.0 } else { 6.0 }));
        let across = if cap {
            soft_step(lung.outward * (x - lung.inner[row]), 3.0)
        } else {
            soft_step(thick - from_wall, softness)
        };
        along.min(across).min(soft_step(from_wall + 2.0, 2.0))
    });
    let mask = mask_of(&shape, 0.4);
    let mut set: AttributeSet = [A::Bright, A::Single, A::Homogeneous].into();
    if !cap {
        set = set.union([A::Linear, A::Peripheral].into());
    }
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    if lumpy && !cap {
        set.insert(A::Irregular);
    }
    let strength = between(stream, 0.4, 1.3);
    if film.absorb(&shape.map(|v| v * strength), &mask) {
        film.note(scene, set.union(extent(&mask)), mask);
    }
}

/// A black zone without vessels between chest wall and a thin white lung edge.
pub(super) fn air(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    let side = film.side();
    let index = film.chest.one(stream);
    let lung = film.chest.lungs[index].clone();
    let gap = lung.width() * between(stream, 0.14, 0.5);
    let low = lung.apex + lung.height() * between(stream, 0.45, 1.1);
    let dome = lung.height() * between(stream, 0.06, 0.2);
    let middle = lung.place(0.4, 0.2).0;
    // How far outside of the lung's new edge a pixel is.
    let outside = Plane::from_fn(side, |x, y| {
        let row = y as usize;
        let narrowing = ((low - y) / (low - lung.apex)).clamp(0.0, 1.0).sqrt();
        let from_wall = lung.outward * (lung.outer[row] - x);
        let top = lung.apex + dome + ((x - middle) / (0.55 * lung.width())).powi(2) * dome - y;
        (gap * narrowing - from_wall).max(top)
    });
    let cover = film.covers[index].clone();
    let zone = outside.clone().map(|d| soft_step(d, 1.0)).times(&cover);
    let edge = outside.map(|d| soft_step(0.9 - d.abs(), 0.7)).times(&cover);
    let mask = mask_of(&zone, 0.5);
    let smear = (zone.clone(), between(stream, 1.5, 3.0));
    let (darker, line) = (between(stream, 0.15, 0.45), between(stream, 0.08, 0.35));
    let density = zone.zip(&edge, |z, e| line * e - darker * z);
    if film.veil(Some(smear), &density, &mask) {
        let set: AttributeSet = [A::Dark, A::Homogeneous, A::LostVessels, A::Linear, A::Sharp, A::Single].into();
        film.note(scene, set.union(extent(&mask)), mask);
    }
}

/// Lungs that are too dark, or round black spaces with thin walls in them.
pub(super) fn too_much_air(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    if stream.chance(0.5) {
        bubbles(stream, film, scene);
        return;
    }
    let lungs = film.lungs();
    let strength = between(stream, 0.25, 0.5);
    let mask = mask_of(&lungs, 0.5);
    if film.absorb(&lungs.map(|v| -v * strength), &mask)
        && film.note_sides(scene, [A::Dark, A::Diffuse, A::Homogeneous].into(), &mask)
    {
        scene.doubt([A::ClearLungs]);
    }
}

/// One to many round spaces.
fn bubbles(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    let side = film.side();
    let count = weighted(stream, &[(1, 0.5), (3, 0.3), (6, 0.2)]);
    let (mut inside, mut wall) = (Plane::filled(side, 0.0), Plane::filled(side, 0.0));
    let index = film.chest.one(stream);
    let thickness = between(stream, 0.6, 1.1);
    for _ in 0..count {
        let lung = &film.chest.lungs[index];
        let (x0, y0) = lung.place(between(stream, 0.25, 0.8), between(stream, 0.15, 0.8));
        let radius = side as f32 * if count == 1 { between(stream, 0.045, 0.12) } else { between(stream, 0.03, 0.06) };
        for (at, (space, rim)) in inside.values_mut().iter_mut().zip(wall.values_mut()).enumerate() {
            let depth = radius - length((at % side) as f32 - x0, (at / side) as f32 - y0);
            *space = space.max(soft_step(depth, 1.0));
            *rim = rim.max(soft_step(thickness - depth.abs(), 0.7));
        }
    }
    let mask = mask_of(&inside, 0.5);
    let (darker, line) = (between(stream, 0.25, 0.6), between(stream, 0.15, 0.5));
    let density = inside.zip(&wall, |i, w| line * w - darker * i);
    let mut set: AttributeSet = [A::Dark, A::Ring, A::Sharp, A::Homogeneous].into();
    let radius = side as f32 * if count == 1 { 0.08 } else { 0.045 };
    set = set.union(Form::Round.seen(scene, [A::Round].into(), radius, 1.0));
    if count == 1 {
        set = set.union(extent(&mask).intersection([A::Small, A::Large].into()));
    }
    if film.absorb(&density, &mask) {
        let mut drawn = [0, 0];
        drawn[index] = count;
        film.note_counted(scene, set, &mask, drawn);
    }
}
