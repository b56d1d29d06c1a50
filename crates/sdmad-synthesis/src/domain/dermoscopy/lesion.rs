//! The lesion: found in a picture, or painted.

use std::f32::consts::{PI, TAU};

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::field::{between, fractal, grain, weighted};
use crate::outline::{Form, Outline};
use crate::plane::{Plane, length, soft_step};
use crate::scene::Scene;

use super::coarse;
use super::optics::{self, Dye};

/// Directions of which the edge is known.
const RAYS: usize = 128;

/// A pigmented lesion in a picture.
#[derive(Clone, Debug)]
pub(crate) struct Lesion {
    /// 1 where it is, 0 outside, soft at the edge.
    pub(super) cover: Plane,
    /// 0 at the edge and outside, 1 deep inside.
    pub(super) inside: Plane,
    /// Column and row of the centre of gravity.
    pub(super) centre: (f32, f32),
    /// The radius of a circle as large, in pixels.
    pub(super) radius: f32,
    /// What its pigment absorbs.
    pub(super) dye: Dye,
    /// The mean density of its pigment.
    pub(super) tone: f32,
    /// The skin as it would be without it.
    pub(super) bare: Canvas,
    /// The distance of the edge from the centre in [`RAYS`] directions, in pixels.
    reach: Vec<f32>,
}

/// How a lesion of our own looks.
struct Plan {
    form: Form,
    stretch: f32,
    radius: f32,
    /// The radius over the picture's side.
    share: f32,
    centre: (f32, f32),
    sharp: bool,
    /// The softness of its edge, in pixels.
    softness: f32,
    lopsided: bool,
    uneven: bool,
    pale_centre: bool,
}

impl Lesion {
    /// The darkest thing around the middle of the picture that is large enough, if it stands out.
    pub(super) fn find(canvas: &Canvas) -> Option<Lesion> {
        let luma = canvas.luma();
        let cover = darkest(&luma)?;
        let share = cover.mean();
        let outside = around(&cover);
        let contrast = luma.mean_under(&outside) - luma.mean_under(&cover);
        if !(0.012..0.9).contains(&share) || contrast < 0.07 {
            return None;
        }
        let bare = erased(canvas, &cover, &outside);
        let (own, skin) = (optics::mean_colour(canvas, &cover), optics::mean_colour(&bare, &cover));
        let absorbed = [0, 1, 2].map(|c| ((skin[c] + 0.01) / (own[c] + 0.01)).ln().max(0.02));
        let tone = absorbed[1].max(0.15);
        // What is added is duller than what is there: twice the same dye would look red.
        let dull = [0.75, 1.0, 1.15];
        let dye = [0, 1, 2].map(|c| 0.4 * (absorbed[c] / tone).clamp(0.3, 1.9) + 0.6 * dull[c]);
        Some(Lesion::new(cover, dye, tone, bare))
    }

    /// A plain nevus: even, mostly round or oval.
    pub(super) fn paint_nevus(stream: &mut Stream, scene: &mut Scene) -> Lesion {
        let form =
            weighted(stream, &[(Form::Round, 1.0), (Form::Oval, 1.3), (Form::Lobulated, 0.2), (Form::Irregular, 0.3)]);
        let uneven = stream.chance(0.35);
        let plan = Plan::new(stream, scene.side(), form, uneven, false);
        let (lesion, words) = Lesion::paint(stream, scene, &plan);
        scene.present = scene.present.union(words);
        lesion
    }

    /// A lesion of any form, edge, size and evenness.
    pub(super) fn paint_any(stream: &mut Stream, scene: &mut Scene) -> Lesion {
        let form =
            weighted(stream, &[(Form::Round, 0.7), (Form::Oval, 0.9), (Form::Lobulated, 0.5), (Form::Irregular, 1.3)]);
        let (uneven, lopsided) = (stream.chance(0.5), stream.chance(0.45));
        let plan = Plan::new(stream, scene.side(), form, uneven, lopsided);
        let (lesion, words) = Lesion::paint(stream, scene, &plan);
        let abnormal = words.intersection([A::Asymmetric, A::Irregular].into());
        if !abnormal.is_empty() {
            scene.note(abnormal, lesion.cover.clone().map(|v| soft_step(v - 0.4, 0.1)));
        }
        scene.present = scene.present.union(words);
        lesion
    }

    /// The picture with skin in the lesion's place.
    pub(super) fn without_it(&self, canvas: &Canvas) -> Canvas {
        let mut skin = canvas.clone();
        skin.mix_canvas(&wide(&self.cover), &self.bare);
        skin
    }

    /// The point in a direction, `share` of the way from the centre to the edge.
    pub(super) fn point(&self, angle: f32, share: f32) -> (f32, f32) {
        let ray = (angle / TAU).rem_euclid(1.0) * RAYS as f32;
        let length = self.reach[ray as usize % RAYS] * share;
        (self.centre.0 + length * angle.cos(), self.centre.1 + length * angle.sin())
    }

    /// The farthest that it reaches from its centre, in pixels.
    pub(super) fn extent(&self) -> f32 {
        self.reach.iter().fold(self.radius, |most, &reach| most.max(reach))
    }

    /// A ragged area inside, `share` of the lesion's radius large, its middle `offset` of the way to the edge.
    pub(super) fn area(&self, stream: &mut Stream, share: f32, offset: f32, softness: f32) -> Plane {
        let side = self.cover.side();
        let angle = between(stream, 0.0, TAU);
        let centre = self.point(angle, offset);
        let radius = (share * self.radius).max(4.0);
        let (stretch, tilt) = (between(stream, 1.0, 1.6), between(stream, 0.0, PI));
        let outline = Outline::draw(stream, Form::Oval, centre, radius, stretch, tilt);
        let ragged = fractal(stream, side, (0.9 * radius).max(8.0), 2, 0.5);
        let ragged_by = between(stream, 0.1, 0.24) * radius;
        coarse::depths(&outline, side, 2.5 * radius)
            .zip(&ragged, |depth, rough| soft_step(depth + ragged_by * rough, softness * radius))
            .zip(&self.cover, |area, cover| area * soft_step(cover - 0.5, 0.45))
    }

    /// Paints by a plan; says what holds of it.
    fn paint(stream: &mut Stream, scene: &mut Scene, plan: &Plan) -> (Lesion, AttributeSet) {
        let side = scene.side();
        let bare = scene.canvas.clone();
        let tilt = between(stream, 0.0, PI);
        // No simple form: an ellipse that noise deforms.
        let smooth = if plan.form == Form::Irregular { Form::Oval } else { plan.form };
        let outline = Outline::draw(stream, smooth, plan.centre, plan.radius, plan.stretch, tilt);
        let cover = plan.cover(stream, side, &outline);
        let tone = 0.25 + 1.25 * between(stream, 0.0, 1.0).powf(1.4);
        let lesion = Lesion::new(cover, dye(stream, tone), tone, bare);
        let density = plan.density(stream, &lesion);
        optics::absorb(&mut scene.canvas, &density, lesion.dye, &lesion.bare);
        let (mut words, unseen) = plan.words(&outline);
        scene.unknown = scene.unknown.union(unseen);
        let [red, green, blue] = optics::mean_colour(&scene.canvas, &lesion.cover);
        if red + green + blue < 0.55 {
            words.insert(A::Black);
        } else if red > 1.25 * blue {
            words.insert(A::Brown);
        }
        (lesion, words)
    }

    fn new(cover: Plane, dye: Dye, tone: f32, bare: Canvas) -> Lesion {
        let side = cover.side();
        let (mut x, mut y, mut area) = (0.0f32, 0.0f32, 1e-3f32);
        for (index, &weight) in cover.values().iter().enumerate() {
            x += weight * (index % side) as f32;
            y += weight * (index / side) as f32;
            area += weight;
        }
        let (centre, radius) = ((x / area, y / area), (area / PI).sqrt().max(4.0));
        let inside = coarse::broad(&cover, 0.3 * radius).map(|v| (2.0 * v - 0.9).clamp(0.0, 1.0));
        let reach = (0..RAYS).map(|ray| reach(&cover, centre, TAU * ray as f32 / RAYS as f32)).collect();
        Lesion { cover, inside, centre, radius, dye, tone, bare, reach }
    }
}

impl Plan {
    /// Sizes, places and edges at random.
    fn new(stream: &mut Stream, side: usize, form: Form, uneven: bool, lopsided: bool) -> Plan {
        let size = side as f32;
        let radius = size * weighted(stream, &[(0.12, 1.0), (0.18, 1.4), (0.25, 1.4), (0.34, 1.0), (0.46, 0.5)]);
        let radius = radius * between(stream, 0.85, 1.2);
        let free = (0.42 * size - radius).max(0.05 * size);
        let middle = 0.5 * size;
        let (unit, sharp) = (size / 224.0, stream.chance(0.45));
        let softness =
            if sharp { unit * between(stream, 1.6, 3.0) } else { 4.5 * unit + radius * between(stream, 0.15, 0.35) };
        Plan {
            form,
            stretch: if form == Form::Round { between(stream, 1.0, 1.12) } else { between(stream, 1.2, 1.8) },
            radius,
            share: radius / size,
            centre: (middle + free * between(stream, -0.8, 0.8), middle + free * between(stream, -0.8, 0.8)),
            sharp,
            softness: softness.max(1.0),
            lopsided,
            uneven,
            pale_centre: stream.chance(0.08),
        }
    }

    /// Where the lesion is; its edge frays along the furrows of the skin.
    fn cover(&self, stream: &mut Stream, side: usize, outline: &Outline) -> Plane {
        let softness = self.softness;
        let fraying = softness * between(stream, 0.1, 0.35) + 0.01 * self.radius;
        let cell = between(stream, 6.0, 18.0);
        let frayed = fractal(stream, side, cell, 2, 0.7);
        let mut depth = coarse::depths(outline, side, 2.0 * self.radius + 20.0);
        if self.form == Form::Irregular {
            let bulge = between(stream, 0.16, 0.26) * self.radius;
            let deformed = fractal(stream, side, (0.9 * self.radius).max(8.0), 2, 0.5);
            depth = depth.zip(&deformed, |depth, rough| depth + bulge * rough);
        }
        depth.zip(&frayed, |depth, rough| soft_step(depth + fraying * rough, softness))
    }

    /// The density of pigment: deeper towards the centre or not, mottled or even, darker on one side or not.
    fn density(&self, stream: &mut Stream, lesion: &Lesion) -> Plane {
        let side = lesion.cover.side();
        let deepening = if self.pale_centre { between(stream, -0.75, -0.5) } else { between(stream, -0.05, 0.7) };
        let mottling = if self.uneven { between(stream, 0.2, 0.42) } else { between(stream, 0.03, 0.09) };
        let cell = if self.uneven { between(stream, 8.0, 0.8 * self.radius + 10.0) } else { 8.0 };
        let mottle = fractal(stream, side, cell, if self.uneven { 4 } else { 2 }, 0.75);
        let grain = grain(stream, side).blurred(0.8);
        let rough = between(stream, 0.03, 0.2);
        let (angle, slope) = (between(stream, 0.0, TAU), between(stream, 0.5, 0.85));
        let slope = if self.lopsided { slope / self.radius } else { 0.0 };
        let (along, down) = (angle.cos() * slope, angle.sin() * slope);
        let (left, top) = lesion.centre;
        let tone = lesion.tone;
        Plane::from_fn(side, |x, y| (1.0 + along * (x - left) + down * (y - top)).clamp(0.15, 1.9))
            .zip(&lesion.inside, |gain, inside| gain * (1.0 + deepening * inside))
            .zip(&mottle, |gain, m| gain * (1.0 + mottling * m).max(0.1))
            .zip(&grain, |gain, g| gain * (1.0 + rough * g).max(0.2))
            .zip(&lesion.cover, |gain, cover| tone * gain * cover)
            .blurred(between(stream, 0.4, 1.1))
    }

    /// What can be seen of the plan, and what cannot.
    fn words(&self, outline: &Outline) -> (AttributeSet, AttributeSet) {
        let mut form: AttributeSet = match self.form {
            Form::Round => [A::Round].into(),
            Form::Oval => [A::Oval].into(),
            Form::Lobulated => [A::Lobulated].into(),
            _ => [A::Irregular].into(),
        };
        // Noise may turn an ellipse around.
        if self.form != Form::Irregular {
            form = form.union(outline.orientation_words());
        }
        let (mut words, unseen) = if self.form.is_seen(self.radius, self.softness) {
            (form, AttributeSet::EMPTY)
        } else {
            (AttributeSet::EMPTY, form)
        };
        words.insert(if self.sharp { A::Sharp } else { A::Blurred });
        words.insert(if self.uneven { A::Heterogeneous } else { A::Homogeneous });
        if self.share < 0.15 {
            words.insert(A::Small);
        } else if self.share > 0.29 {
            words.insert(A::Large);
        }
        if self.lopsided {
            words.insert(A::Asymmetric);
        } else if matches!(self.form, Form::Round | Form::Oval) {
            words.insert(A::Symmetric);
        }
        if self.pale_centre {
            words.insert(A::Ring);
        } else if !self.uneven && !self.lopsided {
            words.insert(A::OneColour);
        }
        (words, unseen)
    }
}

/// Melanin: the denser, the less its hue shows.
fn dye(stream: &mut Stream, tone: f32) -> Dye {
    let dull = (0.3 * tone + between(stream, -0.1, 0.4)).clamp(0.0, 1.0);
    [0.38 + 0.5 * dull, 1.0, 1.85 - 0.8 * dull + between(stream, -0.1, 0.1)]
}

/// The cover of the darkest connected part around the middle.
fn darkest(luma: &Plane) -> Option<Plane> {
    let small = coarse::smoothed(&coarse::shrunk(luma), 2.5).map(|v| 1.0 - v);
    let (grid, values) = (small.side(), small.values());
    let seen: Vec<bool> = (0..grid * grid).map(|i| within_lens(i % grid, i / grid, grid)).collect();
    let visible: Vec<f32> = values.iter().zip(&seen).filter(|pair| *pair.1).map(|pair| *pair.0).collect();
    let threshold = otsu(&visible);
    let dark: Vec<bool> = values.iter().zip(&seen).map(|(&v, &seen)| seen && v > threshold).collect();
    let component = best_component(&dark, grid)?;
    let member = |x: f32, y: f32| f32::from(u8::from(component[y as usize * grid + x as usize]));
    let soft = coarse::smoothed(&Plane::from_fn(grid, member), 2.5);
    Some(coarse::grown(&soft, luma.side()))
}

/// How far the cover reaches from the centre in a direction.
fn reach(cover: &Plane, centre: (f32, f32), angle: f32) -> f32 {
    let (across, down) = (angle.cos(), angle.sin());
    let limit = 0.75 * cover.side() as f32;
    let mut last = 2.0f32;
    let mut step = 2.0f32;
    while step < limit {
        let (x, y) = (centre.0 + step * across, centre.1 + step * down);
        if cover.at(x as i64, y as i64) > 0.5 {
            last = step;
        }
        step += 1.5;
    }
    last
}

/// Whether a point of the grid is within the round view.
fn within_lens(column: usize, row: usize, grid: usize) -> bool {
    let half = 0.5 * grid as f32;
    length(column as f32 + 0.5 - half, row as f32 + 0.5 - half) < 0.95 * half
}

/// The threshold that divides values between 0 and 1 into two groups that differ most.
fn otsu(values: &[f32]) -> f32 {
    const BINS: usize = 64;
    let mut counts = [0.0f32; BINS];
    for &value in values {
        counts[((value * BINS as f32) as usize).min(BINS - 1)] += 1.0;
    }
    let total: f32 = counts.iter().sum();
    let moment: f32 = counts.iter().enumerate().map(|(bin, n)| bin as f32 * n).sum();
    let (mut below, mut below_moment, mut best, mut threshold) = (0.0f32, 0.0f32, 0.0f32, 0.5f32);
    for (bin, &count) in counts.iter().enumerate() {
        below += count;
        below_moment += bin as f32 * count;
        let above = total - below;
        if below > 0.0 && above > 0.0 {
            let apart = below_moment / below - (moment - below_moment) / above;
            let spread = below * above * apart * apart;
            if spread > best {
                (best, threshold) = (spread, (bin as f32 + 1.0) / BINS as f32);
            }
        }
    }
    threshold
}

/// The connected part of a square grid that is largest, counted less the farther from the middle.
fn best_component(dark: &[bool], grid: usize) -> Option<Vec<bool>> {
    let half = 0.5 * grid as f32;
    let weight = |i: usize| {
        let away = length((i % grid) as f32 + 0.5 - half, (i / grid) as f32 + 0.5 - half) / half;
        (1.2 - away).max(0.05)
    };
    let mut left = dark.to_vec();
    let mut best: Option<(f32, Vec<usize>)> = None;
    for start in 0..left.len() {
        if !left[start] {
            continue;
        }
        let members = flood(&mut left, grid, start);
        let score = members.iter().map(|&i| weight(i)).sum();
        if best.as_ref().is_none_or(|b| score > b.0) {
            best = Some((score, members));
        }
    }
    let (_, members) = best?;
    let mut component = vec![false; dark.len()];
    members.into_iter().for_each(|i| component[i] = true);
    Some(component)
}

/// Takes the connected part around `start` out of `left`; its members.
fn flood(left: &mut [bool], grid: usize, start: usize) -> Vec<usize> {
    let mut members = vec![start];
    left[start] = false;
    let mut next = 0;
    while next < members.len() {
        let (column, row) = (members[next] % grid, members[next] / grid);
        next += 1;
        let neighbours = [
            (column > 0).then(|| row * grid + column - 1),
            (column + 1 < grid).then(|| row * grid + column + 1),
            (row > 0).then(|| (row - 1) * grid + column),
            (row + 1 < grid).then(|| (row + 1) * grid + column),
        ];
        for index in neighbours.into_iter().flatten() {
            if left[index] {
                left[index] = false;
                members.push(index);
            }
        }
    }
    members
}

/// A cover with what pigment lies around it, fading out.
fn wide(cover: &Plane) -> Plane {
    coarse::broad(cover, 7.0).map(|v| soft_step(v - 0.09, 0.08))
}

/// The fine relief of the place with most skin, laid side by side, each tile mirrored.
fn tiled_relief(canvas: &Canvas, outside: &Plane) -> Plane {
    const TILE: usize = 44;
    let luma = canvas.luma();
    let smooth = coarse::broad(&luma, 5.0);
    let relief = luma.zip(&smooth, |v, s| (v - s).clamp(-0.03, 0.03));
    let side = relief.side();
    let (column, row) = coarse::broad(outside, 0.3 * TILE as f32).brightest();
    let start = |middle: usize| middle.saturating_sub(TILE / 2).min(side.saturating_sub(TILE));
    let (left, top) = (start(column), start(row));
    let mirrored = |place: f32| {
        let within = place as usize % (2 * TILE);
        within.min(2 * TILE - 1 - within)
    };
    Plane::from_fn(side, |x, y| relief.at((left + mirrored(x)) as i64, (top + mirrored(y)) as i64))
}

/// Skin some way off a lesion, without the dark corners.
fn around(cover: &Plane) -> Plane {
    let half = 0.5 * cover.side() as f32;
    let wide = coarse::broad(cover, 5.0);
    Plane::from_fn(cover.side(), |x, y| if length(x - half, y - half) < 0.97 * half { 1.0 } else { 1e-3 })
        .zip(&wide, |view, lesion| view * (1.0 - soft_step(lesion - 0.05, 0.04)) + 1e-5)
}

/// The picture with smooth skin from around in place of the cover, with the relief of skin beside it.
fn erased(canvas: &Canvas, cover: &Plane, outside: &Plane) -> Canvas {
    let side = cover.side();
    let sigma = (0.5 * (cover.mean() * (side * side) as f32 / PI).sqrt()).max(8.0);
    let weight = coarse::smoothed(&coarse::shrunk(outside), sigma);
    let wide = wide(cover);
    let relief = tiled_relief(canvas, outside);
    let mut bare = canvas.clone();
    for plane in bare.planes_mut() {
        let weighted = coarse::shrunk(&plane.clone().times(outside));
        let skin = coarse::smoothed(&weighted, sigma).zip(&weight, |v, w| v / w.max(1e-6));
        let skin = coarse::grown(&skin, side);
        let pixels = plane.values_mut().iter_mut().zip(skin.values()).zip(relief.values()).zip(wide.values());
        pixels.for_each(|(((value, &smooth), &detail), &share)| *value += share * (smooth + detail - *value));
    }
    bare
}
