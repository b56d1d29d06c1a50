//! Zones of a lesion with another colour or without structure: veil, scar, blotch, film, notches.

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Colour;
use crate::field::{between, noise, one_of};
use crate::outline::{Form, Outline, each_depth};
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;

use super::lesion::Lesion;
use super::optics::{self, DEEP, DENSE};
use super::structures;

/// The noted extent of a soft area.
fn mask(area: &Plane) -> Plane {
    area.clone().map(|v| soft_step(v - 0.35, 0.1))
}

/// How far off the centre a zone lies; whether that is clearly off it.
fn offset(stream: &mut Stream) -> (f32, bool) {
    let offset = if stream.chance(0.3) { between(stream, 0.0, 0.1) } else { between(stream, 0.3, 0.7) };
    (offset, offset > 0.2)
}

/// Where no zone has been drawn yet: there a structure shows. None when zones leave too little of `cover`.
pub(super) fn free(scene: &Scene, cover: &Plane) -> Option<Plane> {
    let free = outside_zones(scene);
    let left = free.mean_under(cover);
    (left > 0.3).then_some(free)
}

/// 1 where there is no zone.
fn outside_zones(scene: &Scene) -> Plane {
    let kinds =
        [A::BlueWhiteVeil, A::ScarLikeArea, A::DarkBlotch, A::Red, A::Pink, A::Grey, A::White, A::Yellow, A::Black];
    let is_zone = |set: AttributeSet| set.contains(A::BlueWhite) || kinds.into_iter().any(|kind| set.contains(kind));
    let side = scene.side();
    let taken = scene
        .findings
        .iter()
        .filter(|finding| is_zone(finding.attributes))
        .fold(Plane::filled(side, 0.0), |taken, finding| taken.max(&finding.mask));
    taken.blurred(1.5).map(|v| 1.0 - v)
}

/// What a nevus has of structure.
const STRUCTURE: [A; 4] = [A::RegularNetwork, A::RegularGlobules, A::Mesh, A::Dots];

/// Structure that the nevus had before is no longer known when zones lie over most of it.
pub(super) fn doubt_below_zones(scene: &mut Scene, lesion: &Lesion) {
    let there = scene.present.intersection(STRUCTURE.into());
    if !there.is_empty() && outside_zones(scene).mean_under(&lesion.cover) < 0.5 {
        scene.doubt(there);
    }
}

/// What a film over `area` hides, of the nevus and of findings below, is no longer known.
fn doubt_below_film(scene: &mut Scene, lesion: &Lesion, area: &Plane) {
    let most = |of: &Plane| area.mean_under(of) > 0.5;
    if most(&lesion.cover) {
        scene.doubt(scene.present.intersection(STRUCTURE.into()));
    }
    let fine: AttributeSet = [A::AtypicalNetwork, A::IrregularGlobules, A::EdgeStreaks, A::Linear, A::Branching].into();
    let fine = fine.union([A::Mesh, A::Dots, A::Granular].into());
    let mut hidden = AttributeSet::EMPTY;
    for finding in scene.findings.iter_mut().filter(|finding| most(&finding.mask)) {
        hidden = hidden.union(finding.attributes.intersection(fine));
        finding.attributes = finding.attributes.without(fine);
    }
    scene.unknown = scene.unknown.union(hidden);
}

/// What other zones leave of an area; none when that is little.
fn open_area(scene: &Scene, area: Plane) -> Option<Plane> {
    free(scene, &area).map(|free| area.times(&free)).filter(|area| area.values().iter().sum::<f32>() > 60.0)
}

/// A zone of its own: the lesion is no longer even, and its halves differ when the zone is off the centre.
fn differ(scene: &mut Scene, off_centre: bool) {
    let even: AttributeSet = [A::OneColour, A::Homogeneous].into();
    scene.present = scene.present.without(even);
    scene.unknown = scene.unknown.without(even);
    if off_centre {
        scene.present.insert(A::Asymmetric);
        scene.present = scene.present.without([A::Symmetric].into());
        scene.unknown = scene.unknown.without([A::Symmetric].into());
    }
}

/// A blue zone without structure under a whitish film of ground glass, over a part of the lesion or most of it.
pub(super) fn veil(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let side = scene.side();
    let (offset, off_centre) = offset(stream);
    let (share, softness) = (between(stream, 0.4, 1.0), between(stream, 0.2, 0.65));
    let Some(area) = open_area(scene, lesion.area(stream, share, offset, softness)) else { return };
    let cloud = noise(stream, side, (0.4 * lesion.radius).max(8.0));
    let (depth, level) = (between(stream, 0.55, 0.88), between(stream, 0.22, 0.44));
    let hue = [1.0, between(stream, 1.02, 1.12), between(stream, 1.15, 1.42)];
    let light = lighting(lesion);
    let blue = [0, 1, 2].map(|c| level * hue[c] * light[c]);
    let deep = area.clone().zip(&cloud, |v, c| v * (depth + 0.1 * c).clamp(0.0, 0.95));
    optics::tint(&mut scene.canvas, &deep, blue, 0.5);
    let thickness = between(stream, 0.1, 0.4);
    let streaky = noise(stream, side, (0.25 * lesion.radius).max(5.0));
    let film = area.clone().zip(&streaky, |v, c| v * thickness * (0.6 + 0.5 * c).clamp(0.0, 1.4));
    scene.canvas.mix(&film, [0, 1, 2].map(|c| [0.68, 0.71, 0.77][c] * light[c]));
    differ(scene, off_centre);
    scene.unknown = scene.unknown.union([A::Grey, A::White].into());
    let mut words: AttributeSet = [A::BlueWhiteVeil, A::BlueWhite].into();
    if thickness > 0.22 {
        words.insert(A::Haze);
    } else {
        scene.unknown.insert(A::Haze);
    }
    scene.note(words, mask(&area));
}

/// A white, smooth area like a scar, often with blue-grey peppering, now and then with crossing white lines.
pub(super) fn scar(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let side = scene.side();
    let (offset, off_centre) = offset(stream);
    let (share, softness) = (between(stream, 0.28, 0.65), between(stream, 0.25, 0.75));
    let Some(area) = open_area(scene, lesion.area(stream, share, offset, softness)) else { return };
    let [red, green, blue] = optics::mean_colour(&lesion.bare, &lesion.cover);
    let white = between(stream, 0.1, 0.5);
    let level = between(stream, 0.8, 0.95);
    let colour = [red, green, blue].map(|v| v + white * (level - v));
    let remains = noise(stream, side, (0.35 * lesion.radius).max(6.0));
    let strength = between(stream, 0.5, 0.85);
    let alpha = area.clone().zip(&remains, |v, r| v * (strength + 0.22 * r).clamp(0.1, 0.95));
    optics::tint(&mut scene.canvas, &alpha, colour, 0.6);
    let mut words: AttributeSet = [A::ScarLikeArea, A::White].into();
    if stream.chance(0.65) {
        let around = area.blurred(0.15 * lesion.radius).times(&lesion.cover).map(|v| soft_step(v - 0.3, 0.3));
        let grey = stream.chance(0.7);
        structures::peppering(stream, scene, lesion, &around, if grey { DEEP } else { lesion.dye });
        words.insert(A::Granular);
        if grey {
            words.insert(A::Grey);
            scene.unknown.insert(A::BlueWhite);
        }
    }
    if stream.chance(0.15) {
        let centre = area.blurred(0.2 * lesion.radius).brightest();
        let radius = share * lesion.radius;
        let lines = structures::white_lines(stream, side, (centre.0 as f32, centre.1 as f32), radius);
        scene.canvas.mix(&lines.map(|v| 0.6 * v), [0.95, 0.93, 0.95]);
        words.insert(A::Linear);
    }
    differ(scene, off_centre);
    scene.note(words, mask(&area));
}

/// A dark zone without structure, off the centre.
pub(super) fn blotch(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let (offset, share) = (between(stream, 0.3, 0.7), between(stream, 0.25, 0.55));
    let softness = between(stream, 0.15, 0.5);
    let Some(area) = open_area(scene, lesion.area(stream, share, offset, softness)) else { return };
    let black = stream.chance(0.5);
    let density = if black { between(stream, 1.0, 1.8) } else { between(stream, 0.6, 1.1) };
    let dye = if black { DENSE } else { lesion.dye };
    optics::absorb(&mut scene.canvas, &area.clone().map(|v| density * v), dye, &lesion.bare);
    let [red, green, blue] = optics::mean_colour(&scene.canvas, &mask(&area));
    let mut words: AttributeSet = [A::DarkBlotch, A::Dark].into();
    if red + green + blue < 0.6 {
        words.insert(A::Black);
    } else if red > 1.3 * blue {
        words.insert(A::Brown);
    }
    differ(scene, true);
    scene.note(words, mask(&area));
}

/// A colour as this camera shows it: pale ones are those of skin with more or less blood.
fn colour_of(word: A, lesion: &Lesion) -> Colour {
    let skin = optics::mean_colour(&lesion.bare, &lesion.cover);
    let light = lighting(lesion);
    let of_skin = |gains: Colour| [0, 1, 2].map(|c| skin[c] * gains[c]);
    let lit = |levels: Colour| [0, 1, 2].map(|c| levels[c] * light[c]);
    match word {
        A::Red => of_skin([0.82, 0.36, 0.36]),
        A::Pink => of_skin([1.0, 0.74, 0.80]),
        A::White => skin.map(|v| v + 0.55 * (0.92 - v)),
        A::Yellow => of_skin([1.0, 0.9, 0.6]),
        A::Grey => lit([0.46, 0.45, 0.46]),
        A::BlueWhite => lit([0.36, 0.41, 0.52]),
        A::Black => lit([0.10, 0.08, 0.08]),
        _ => of_skin([0.55, 0.40, 0.28]),
    }
}

/// The tint of the light, from the skin: a gain near 1 for each channel.
fn lighting(lesion: &Lesion) -> Colour {
    let skin = optics::mean_colour(&lesion.bare, &lesion.cover);
    let mean = (skin[0] + skin[1] + skin[2]) / 3.0 + 0.01;
    // Skin itself is reddish: only what goes beyond counts.
    let usual = [1.16f32, 0.97, 0.87];
    [0, 1, 2].map(|c| ((skin[c] / mean) / usual[c]).clamp(0.5, 1.6).powf(0.7))
}

/// A zone of one other colour: red, pink, grey, white, yellow, black, blue or another brown.
pub(super) fn coloured(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    const COLOURS: [A; 12] = [
        A::Red,
        A::Pink,
        A::Pink,
        A::Grey,
        A::Grey,
        A::White,
        A::White,
        A::Yellow,
        A::Black,
        A::BlueWhite,
        A::BlueWhite,
        A::Brown,
    ];
    let word = one_of(stream, &COLOURS);
    let colour = colour_of(word, lesion);
    let (offset, off_centre) = offset(stream);
    let (share, softness) = (between(stream, 0.25, 0.7), between(stream, 0.2, 0.7));
    let Some(area) = open_area(scene, lesion.area(stream, share, offset, softness)) else { return };
    let strength = between(stream, 0.5, 0.88);
    let shade = colour.map(|v: f32| (v * between(stream, 0.92, 1.08)).min(1.0));
    optics::tint(&mut scene.canvas, &area.clone().map(|v| strength * v), shade, 0.9);
    differ(scene, off_centre);
    let mut words: AttributeSet = [word].into();
    if matches!(word, A::Black | A::BlueWhite) {
        words.insert(A::Dark);
    }
    scene.note(words, mask(&area));
}

/// A milky film over a part of the lesion or all of it, which lowers contrast.
pub(super) fn film(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let side = scene.side();
    let (offset, _) = offset(stream);
    let share = between(stream, 0.5, 1.1);
    let area = lesion.area(stream, share, offset, 0.35);
    let smooth = scene.canvas.blurred(between(stream, 1.0, 2.5));
    scene.canvas.mix_canvas(&area.clone().map(|v| 0.7 * v), &smooth);
    let cloud = noise(stream, side, (0.4 * lesion.radius).max(8.0));
    let thickness = between(stream, 0.3, 0.5);
    let alpha = area.clone().zip(&cloud, |v, c| v * (thickness + 0.1 * c).clamp(0.05, 0.8));
    scene.canvas.mix(&alpha, [0.80, 0.76, 0.76]);
    scene.unknown = scene.unknown.union([A::White, A::Pink, A::Grey, A::Symmetric].into());
    let mask = mask(&area);
    doubt_below_film(scene, lesion, &mask);
    scene.note([A::Haze], mask);
}

/// Bites of skin out of the border, with an abrupt edge.
pub(super) fn notches(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let side = scene.side();
    let mut bites = Plane::filled(side, 0.0);
    for _ in 0..2 + stream.below(5) {
        let angle = between(stream, 0.0, std::f32::consts::TAU);
        let centre = lesion.point(angle, between(stream, 1.0, 1.2));
        let radius = lesion.radius * between(stream, 0.16, 0.36);
        let (stretch, tilt) = (between(stream, 1.0, 2.2), angle + between(stream, -0.4, 0.4));
        let bite = Outline::draw(stream, Form::Lobulated, centre, radius, stretch, tilt);
        let softness = between(stream, 0.3, 0.5) * radius;
        let values = bites.values_mut();
        each_depth(&bite, side, 2.5 * radius, |index, depth| {
            values[index] = values[index].max(soft_step(depth, softness));
        });
    }
    let ragged = noise(stream, side, 5.0);
    let crisp = between(stream, 0.2, 0.42);
    let bites = bites.zip(&ragged, |bite, rough| soft_step(bite - 0.5 + 0.12 * rough, crisp));
    scene.canvas.mix_canvas(&bites.clone().map(|v| 0.92 * v), &lesion.bare);
    scene.present = scene.present.without([A::Symmetric].into());
    let border = bites.blurred(3.0).times(&lesion.cover.blurred(3.0)).map(|v| soft_step(v - 0.12, 0.08));
    scene.note([A::NotchedBorder], border);
}
