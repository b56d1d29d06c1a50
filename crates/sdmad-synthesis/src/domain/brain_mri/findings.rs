//! Findings of the brain, its covers and the sella.

use sdmad_base::Stream;

use super::anatomy::Head;
use super::lump::Lump;
use super::section::{Drawn, Section};
use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::field::{between, fractal, noise, weighted};
use crate::pattern;
use crate::plane::{Plane, length, soft_step};
use crate::scene::Scene;

/// Draws one or two kinds of findings.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene, head: Head) {
    let mut section = Section { image: scene.canvas.luma(), head, unknown: AttributeSet::EMPTY };
    for _ in 0..weighted(stream, &[(1, 0.78), (2, 0.22)]) {
        let kind = weighted(
            stream,
            &[
                (inner as fn(&mut Stream, &mut Section) -> Vec<Drawn>, 0.42),
                (outer, 0.16),
                (sellar, if section.head.sella.is_some() { 0.35 } else { 0.0 }),
                (crossing, if section.head.midline.is_some() { 0.06 } else { 0.0 }),
                (spots, 0.1),
                (diffuse, 0.1),
                (cover, 0.06),
            ],
        );
        for (attributes, mask) in kind(stream, &mut section) {
            note(scene, &section.head, attributes, mask);
        }
    }
    scene.unknown = scene.unknown.union(section.unknown);
    scene.canvas = Canvas::grey(section.image);
}

/// Notes a finding with what follows from where it is, and takes back what no longer holds of the slice.
fn note(scene: &mut Scene, head: &Head, mut attributes: AttributeSet, mask: Plane) {
    if attributes.contains(A::InterruptedLayer) {
        scene.present = scene.present.without([A::SmoothLayers].into());
    } else if touches_cortex(head, attributes, &mask) {
        scene.doubt([A::SmoothLayers]);
        scene.unknown.insert(A::InterruptedLayer);
    }
    match imbalance(head, &mask) {
        Some((share, of_mask)) if share > 0.01 && of_mask > 0.5 => {
            scene.present = scene.present.without([A::Symmetric].into());
            attributes.insert(A::Asymmetric);
        }
        Some((share, _)) if share < 0.003 => {}
        _ => {
            scene.doubt([A::Symmetric]);
            scene.unknown.insert(A::Asymmetric);
        }
    }
    scene.note(attributes, mask);
}

/// Whether the cortex is not as it was: it is covered, moved or soaked.
fn touches_cortex(head: &Head, attributes: AttributeSet, mask: &Plane) -> bool {
    let moving: AttributeSet = [A::DisplacedLayers, A::Distortion, A::Halo, A::Haze].into();
    let rim = 8.0 * head.unit();
    let touched = |(&m, &depth): (&f32, &f32)| m > 0.0 && (0.0..rim).contains(&depth);
    !attributes.intersection(moving).is_empty() || mask.values().iter().zip(head.depth.values()).any(touched)
}

/// How much larger a mask is in one half of the brain than in the other: in shares of the image, and of the mask.
fn imbalance(head: &Head, mask: &Plane) -> Option<(f32, f32)> {
    head.midline?;
    let side = mask.side();
    let (mut sum, mut all) = (0.0f32, 0.0f32);
    for (index, &share) in mask.values().iter().enumerate().filter(|pixel| *pixel.1 > 0.0) {
        let at = ((index % side) as f32, (index / side) as f32);
        sum += share * head.beside(at)?.signum();
        all += share;
    }
    Some((sum.abs() / (side * side) as f32, sum.abs() / all.max(1.0)))
}

/// Masses within the brain.
fn inner(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let count = weighted(stream, &[(1, 0.8), (2, 0.05), (3, 0.05), (6, 0.1)]);
    let side = section.image.side();
    let largest = if count == 1 { 0.17 } else { 0.075 };
    let mut places: Vec<(f32, f32, f32)> = Vec::new();
    for _ in 0..count {
        let radius = side as f32 * 0.03 * (largest / 0.03f32).powf(between(stream, 0.0, 1.0));
        if let Some(place) = section.free_place(stream, radius, &places) {
            places.push((place.0, place.1, radius));
        }
    }
    let number = A::of_count(places.len());
    let draw = |&(x, y, radius): &(f32, f32, f32)| {
        let lump = Lump::choose(stream, side, (x, y), radius).within(&section.head);
        section.body(stream, &lump, true, number)
    };
    places.iter().map(draw).collect()
}

/// A mass with a broad base on the skull or on the falx.
fn outer(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let side = section.image.side();
    let radius = side as f32 * 0.045 * (0.16f32 / 0.045).powf(between(stream, 0.0, 1.0));
    let head = &section.head;
    let on_falx = head.midline.filter(|_| stream.chance(0.25));
    let lump = match on_falx {
        Some(line) => {
            let along = between(stream, -0.7, 0.7) * length_of(head, line);
            let foot = (head.centre.0 + line.0 * along, head.centre.1 + line.1 * along);
            let sign = if stream.chance(0.5) { 1.0 } else { -1.0 };
            let out = radius * between(stream, 0.2, 0.6) * sign;
            let centre = (foot.0 + line.1 * out, foot.1 - line.0 * out);
            let flat = Plane::from_fn(side, |x, y| sign * head.beside((x, y)).unwrap_or(0.0) + 1.0);
            Lump::choose(stream, side, centre, radius).cut(&flat).within(head)
        }
        None => {
            let angle = head.side_angle(stream);
            let foot = head.surface(angle);
            let inwards = radius * between(stream, 0.15, 0.7);
            let centre = (foot.0 - angle.cos() * inwards, foot.1 - angle.sin() * inwards);
            Lump::choose(stream, side, centre, radius).cut(&head.depth.clone().map(|d| d + 1.0))
        }
    };
    let (mut set, mask) = section.body(stream, &lump, false, A::Single);
    if on_falx.is_none() && stream.chance(0.4) {
        section.tail(stream, &lump, &mut set);
    }
    if stream.chance(0.3) {
        section.cleft(&lump);
        // Bright fluid is a thin bright line as well.
        section.unknown.insert(A::Capsule);
    }
    vec![(set, mask)]
}

/// Half of the brain's length along a direction.
fn length_of(head: &Head, line: (f32, f32)) -> f32 {
    let end = head.surface(line.1.atan2(line.0));
    length(end.0 - head.centre.0, end.1 - head.centre.1)
}

/// A mass that rises from the sella, at times with a waist.
fn sellar(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let side = section.image.side();
    let Some(sella) = section.head.sella else { return Vec::new() };
    let radius = side as f32 * between(stream, 0.025, 0.1);
    // Upright slices show it rise; on axial ones it lies around its place.
    let upright = sella.1 > section.head.centre.1 + 0.08 * side as f32;
    let rise = if upright { radius * between(stream, 0.1, 0.8) } else { 0.0 };
    let centre = (sella.0 + between(stream, -0.15, 0.15) * radius, sella.1 - rise);
    let mut lump = Lump::choose(stream, side, centre, radius);
    if upright && radius > 0.04 * side as f32 && stream.chance(0.35) {
        let upper = radius * between(stream, 0.75, 1.05);
        let above = (centre.0 + between(stream, -0.2, 0.2) * radius, centre.1 - 0.8 * (radius + upper));
        let top = Lump::choose(stream, side, above, upper);
        let waisted = lump.softness < 0.35 * radius;
        lump = lump.joined(&top, if waisted { [A::Lobulated, A::Tall].into() } else { [A::Tall].into() });
    }
    vec![section.body(stream, &lump, false, A::Single)]
}

/// A mass in both hemispheres, joined across the midline.
fn crossing(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let side = section.image.side();
    let Some(line) = section.head.midline else { return Vec::new() };
    let along = between(stream, -0.5, 0.4) * length_of(&section.head, line);
    let centre = (section.head.centre.0 + line.0 * along, section.head.centre.1 + line.1 * along);
    let radius = side as f32 * between(stream, 0.06, 0.12);
    let place = |share: f32| (centre.0 + line.1 * share * radius, centre.1 - line.0 * share * radius);
    let (left, right) = (between(stream, 0.75, 1.1), between(stream, 0.75, 1.1));
    let first = Lump::choose(stream, side, place(left), radius);
    let other = radius * between(stream, 0.7, 1.1);
    let second = Lump::choose(stream, side, place(-right), other);
    let mut lump = first.joined(&second, [A::Wide].into()).within(&section.head);
    lump.words.insert(A::Bilateral);
    lump.centre = centre;
    vec![section.body(stream, &lump, true, A::Single)]
}

/// Many small spots, bright or dark.
fn spots(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let side = section.image.side();
    let unit = section.head.unit();
    let count = weighted(stream, &[(3, 1.0), (7, 1.0), (14, 1.0), (28, 0.7)]);
    let tiny = stream.chance(0.35);
    let bright = stream.chance(0.65);
    let everywhere = stream.chance(0.5);
    let (middle, spread) = (section.place(stream), between(stream, 0.1, 0.22) * side as f32);
    let under = Plane::from_fn(side, |x, y| {
        let near = everywhere || length(x - middle.0, y - middle.1) < spread;
        if near && section.head.depth_at((x, y)) > 5.0 * unit { 1.0 } else { 0.0 }
    });
    let radii = if tiny { (0.9, 1.7) } else { (2.0, 4.8) };
    let softness = if tiny { 0.7 } else { between(stream, 0.8, 2.0) * unit }.max(section.head.blur);
    let points = pattern::dots(stream, &under, count, ((radii.0 * unit).max(0.9), (radii.1 * unit).max(1.6)), softness);
    let level = section.head.level;
    let target =
        if bright { (level + between(stream, 0.3, 0.5)).min(0.97) } else { level * between(stream, 0.05, 0.35) };
    section.image = section.image.clone().zip(&points, |v, p| v + p * (target - v));
    let mut set: AttributeSet = [A::Small, if bright { A::Bright } else { A::Dark }].into();
    set.insert(if count < 5 { A::Few } else { A::Multiple });
    set.insert(if tiny && bright { A::BrightSpecks } else { A::Dots });
    if everywhere && count > 10 {
        set.insert(A::Diffuse);
    }
    section.unknown = section.unknown.union([A::Round, A::Sharp, A::Blurred, A::Bilateral].into());
    vec![(set, points.blurred(1.2).map(|p| if p > 0.08 { 1.0 } else { 0.0 }))]
}

/// A broad change of signal in one half or in both, with swollen gyri or without.
fn diffuse(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let side = section.image.side();
    let unit = section.head.unit();
    let one_half = section.head.midline.is_some() && stream.chance(0.5);
    let sign = if stream.chance(0.5) { 1.0 } else { -1.0 };
    let clouds = fractal(stream, side, 34.0 * unit, 2, 0.6);
    let least = if one_half { between(stream, -0.7, 0.2) } else { between(stream, -1.4, -0.5) };
    let smooth = section.image.blurred(1.2 * unit);
    let head = &section.head;
    let cover = Plane::from_fn(side, |x, y| {
        let index = y as usize * side + x as usize;
        let half = if one_half { soft_step(sign * head.beside((x, y)).unwrap_or(0.0), 6.0 * unit) } else { 1.0 };
        let tissue = soft_step(0.26 - (smooth.values()[index] - head.level).abs(), 0.1);
        let within = soft_step(head.depth.values()[index] - 5.0 * unit, 4.0 * unit);
        half * within * (0.12 + 0.88 * tissue) * soft_step(clouds.values()[index] - least, 0.7)
    });
    let bright = stream.chance(if head.bright_water == Some(false) { 0.3 } else { 0.65 });
    let target = if bright {
        (head.level + between(stream, 0.18, 0.35)).min(0.92)
    } else {
        head.level * between(stream, 0.45, 0.7)
    };
    let (strength, wave) = (between(stream, 0.5, 0.85), noise(stream, side, 12.0 * unit));
    if stream.chance(0.5) {
        section.flatten(stream, &cover);
    }
    let change = cover.clone().zip(&wave, |c, n| (c * strength * (1.0 + 0.15 * n)).clamp(0.0, 1.0));
    section.image = section.image.clone().zip(&change, |v, c| v + c * (target - v));
    let mut set: AttributeSet = [A::Haze, A::Blurred, if bright { A::Bright } else { A::Dark }].into();
    let mask = cover.map(|c| if c > 0.3 { 1.0 } else { 0.0 });
    if !one_half {
        set.insert(A::Diffuse);
        if imbalance(&section.head, &mask).is_some_and(|(_, of_mask)| of_mask < 0.6) {
            set.insert(A::Bilateral);
        }
    }
    section.unknown.insert(A::Large);
    vec![(set, mask)]
}

/// Thick bright meninges along a part of the skull.
fn cover(stream: &mut Stream, section: &mut Section) -> Vec<Drawn> {
    let unit = section.head.unit();
    let angle = section.head.side_angle(stream);
    let half = between(stream, 0.25, 1.1);
    let width = between(stream, 3.0, 7.0) * unit;
    let before = section.image.clone();
    let mask = section.band(stream, angle, half, width);
    let change = section.image.mean_under(&mask) - before.mean_under(&mask);
    let set: AttributeSet = [A::ThickLayer, A::Bright, A::Homogeneous, A::Single].into();
    if change < 0.12 {
        // On bright fluid it is not seen.
        section.image = before;
        return Vec::new();
    }
    section.unknown = section.unknown.union([A::Sharp, A::Linear, A::Capsule].into());
    vec![(set, mask)]
}
