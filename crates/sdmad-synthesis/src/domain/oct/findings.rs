//! Findings of the retina's layers.

use sdmad_base::Stream;

use super::surfaces::Surfaces;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::domain::general;
use crate::field::{between, fractal, grain, noise, weighted};
use crate::outline::{Form, Outline};
use crate::pattern;
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;

/// A section being changed.
struct Section {
    image: Plane,
    surfaces: Surfaces,
    /// What is too small or too blurred to be told.
    unknown: AttributeSet,
}

impl Section {
    /// Pixels in one 224th of the side: sizes are given in these.
    fn unit(&self) -> f32 {
        self.image.side() as f32 / 224.0
    }

    /// Half the height of the pigment epithelium, in pixels.
    fn pigment(&self) -> f32 {
        4.0 * self.unit()
    }

    /// `words` of a form where it can be told; else none, and they are unknown.
    fn form(&mut self, form: Form, words: AttributeSet, radius: f32, softness: f32) -> AttributeSet {
        if form.is_seen(radius, softness) {
            return words;
        }
        self.unknown = self.unknown.union(words);
        AttributeSet::EMPTY
    }
}

/// What was drawn: what can be said of it, and where it is.
type Drawn = (AttributeSet, Plane);

/// Draws one to three kinds of findings, each at most once; shapes without anatomy where no retina is seen.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene) {
    let image = scene.canvas.luma();
    let Some(surfaces) = Surfaces::find(&image) else {
        scene.present = scene.present.without([A::SmoothLayers].into());
        general::draw(stream, scene);
        return;
    };
    let mut section = Section { image, surfaces, unknown: AttributeSet::EMPTY };
    let mut kinds: [fn(&mut Stream, &mut Section) -> Drawn; 7] =
        [dome, bumps, cysts, thickening, gaps, specks, deposit];
    stream.shuffle(&mut kinds);
    let count = weighted(stream, &[(1, 0.5), (2, 0.35), (3, 0.15)]);
    for kind in &kinds[..count] {
        let (attributes, mask) = kind(stream, &mut section);
        if scene.note(attributes, mask) && !attributes.intersection(disorder()).is_empty() {
            scene.present = scene.present.without([A::SmoothLayers].into());
        }
    }
    scene.unknown = scene.unknown.union(section.unknown);
    scene.canvas = Canvas::grey(section.image);
}

/// What layers that run smoothly do not have.
fn disorder() -> AttributeSet {
    [A::ElevatedLayer, A::LayerBumps, A::FluidPocket, A::ThickLayer, A::InterruptedLayer, A::Bright].into()
}

/// A layer lifted like a dome, over fluid or over grey material: the retina alone, or with the pigment epithelium.
fn dome(stream: &mut Stream, section: &mut Section) -> Drawn {
    let size = section.image.side() as f32;
    let (middle, half) = (between(stream, 0.25, 0.75) * size, between(stream, 0.1, 0.26) * size);
    let height = (half * between(stream, 0.25, 0.7)).min(0.17 * size).max(0.04 * size);
    let steepness = between(stream, 0.8, 1.6);
    let lift = move |x: f32| {
        let away = ((x - middle) / half).powi(2);
        if away < 1.0 { height * (1.0 - away).powf(steepness) } else { 0.0 }
    };
    let with_pigment = stream.chance(0.5);
    let fluid = stream.chance(0.55);
    let mut set: AttributeSet = [A::ElevatedLayer, A::Single, A::Wide].into();
    if half > 0.18 * size {
        set.insert(A::Large);
    }
    let mask = raise(stream, section, lift, with_pigment, fluid, &mut set);
    (set, mask)
}

/// Several small lifts of the pigment epithelium.
fn bumps(stream: &mut Stream, section: &mut Section) -> Drawn {
    let size = section.image.side() as f32;
    let count = 2 + stream.below(9);
    let hills: Vec<(f32, f32, f32)> = (0..count)
        .map(|_| {
            let half = between(stream, 0.018, 0.05) * size;
            (between(stream, 0.08, 0.92) * size, half, (half * between(stream, 0.6, 1.2)).max(0.018 * size))
        })
        .collect();
    let lift = |x: f32| {
        let hill = |&(middle, half, height): &(f32, f32, f32)| height * (-((x - middle) / half).powi(2)).exp();
        hills.iter().map(hill).fold(0.0, f32::max)
    };
    let mut set: AttributeSet = [A::LayerBumps, A::Small].into();
    set.insert(if count < 5 { A::Few } else { A::Multiple });
    let mask = raise(stream, section, lift, true, false, &mut set);
    (set, mask)
}

/// Lifts everything above the pigment epithelium, or with it, by `lift` pixels, and fills the gap. Farther up the
/// retina is lifted less.
fn raise(
    stream: &mut Stream,
    section: &mut Section,
    lift: impl Fn(f32) -> f32,
    with_pigment: bool,
    fluid: bool,
    set: &mut AttributeSet,
) -> Plane {
    let side = section.image.side();
    let before = section.image.clone();
    let uneven = !fluid && stream.chance(0.4);
    set.insert(if uneven { A::Heterogeneous } else { A::Homogeneous });
    if fluid {
        [A::FluidPocket, A::Dark, A::EchoFree].into_iter().for_each(|a| set.insert(a));
    }
    let level = if fluid { between(stream, 0.03, 0.1) } else { between(stream, 0.28, 0.5) };
    let reach = between(stream, 35.0, 70.0) * section.unit();
    let pigment = section.pigment();
    let lumps = fractal(stream, side, 9.0, 2, 0.7);
    let grains = grain(stream, side).blurred(0.7);
    let mut mask = Plane::filled(side, 0.0);
    for x in 0..side {
        let rise = lift(x as f32);
        if rise < 0.5 {
            continue;
        }
        let floor = section.surfaces.outer[x] + if with_pigment { pigment } else { -pigment };
        for y in 0..(floor.max(0.0) as usize + 1).min(side) {
            let index = y * side + x;
            let above = (floor - rise - y as f32).max(0.0);
            let lifted = before.sample(x as f32, y as f32 + rise * (0.4 + 0.6 * (-above / reach).exp()));
            let inside = soft_step(y as f32 - (floor - rise), 1.0) * soft_step(floor - y as f32, 0.8);
            let change = if uneven { 0.35 * lumps.values()[index] } else { 0.05 * lumps.values()[index] };
            let filling = level * (1.0 + change) + (0.02 + 0.25 * level) * grains.values()[index];
            section.image.values_mut()[index] = lifted + inside * (filling.max(0.0) - lifted);
            mask.values_mut()[index] = if inside > 0.4 { 1.0 } else { 0.0 };
        }
        section.surfaces.inner[x] -= 0.5 * rise;
        if with_pigment {
            section.surfaces.outer[x] -= rise;
        }
    }
    mask
}

/// Round or oval dark spaces within the retina.
fn cysts(stream: &mut Stream, section: &mut Section) -> Drawn {
    let side = section.image.side();
    let mut set: AttributeSet = [A::FluidPocket, A::Dark].into();
    let count = weighted(stream, &[(1, 1.0), (3, 1.0), (6, 1.0), (10, 0.7)]);
    set.insert(match count {
        1 => A::Single,
        3 => A::Few,
        _ => A::Multiple,
    });
    let form = weighted(stream, &[(Form::Round, 1.0), (Form::Oval, 1.0), (Form::Lobulated, 0.6)]);
    let upright = stream.chance(0.5);
    let words: AttributeSet = match form {
        Form::Round => [A::Round].into(),
        Form::Oval => [A::Oval, if upright { A::Tall } else { A::Wide }].into(),
        _ => [A::Lobulated].into(),
    };
    let sharp = stream.chance(0.6);
    set.insert(if sharp { A::Sharp } else { A::Blurred });
    let unit = section.unit();
    let middle = between(stream, 0.25, 0.75) * side as f32;
    let spread = (2.0 + 10.0 * count as f32) * unit;
    let mut alpha = Plane::filled(side, 0.0);
    for _ in 0..count {
        let x = (middle + between(stream, -spread, spread)).clamp(4.0, side as f32 - 5.0);
        let thickness = section.surfaces.thickness(x as usize).max(8.0 * unit);
        let radius = thickness * between(stream, 0.08, 0.2) + unit * if count == 1 { 3.0 } else { 1.0 };
        let row = section.surfaces.inner[x as usize] + thickness * between(stream, 0.3, 0.62);
        let (stretch, tilt) = match form {
            Form::Oval => (between(stream, 1.5, 2.0), if upright { 1.57 } else { 0.0 }),
            _ => (1.0, 0.0),
        };
        let outline = Outline::draw(stream, form, (x, row), radius, stretch, tilt);
        let softness = if sharp { 0.8 } else { 0.4 * radius + 0.5 };
        set = set.union(section.form(form, words, radius, softness));
        let reach = 2.5 * radius + 3.0;
        for y in (row - reach).max(0.0) as usize..((row + reach).max(0.0) as usize).min(side) {
            for column in (x - reach).max(0.0) as usize..((x + reach) as usize).min(side) {
                let value = &mut alpha.values_mut()[y * side + column];
                *value = value.max(soft_step(outline.depth(column as f32, y as f32), softness));
            }
        }
    }
    let rest = between(stream, 0.08, 0.3);
    darken(&mut section.image, &alpha, rest);
    (set, alpha.map(|a| if a > 0.4 { 1.0 } else { 0.0 }))
}

/// The retina swollen, everywhere or in part; the pit is lifted or levelled.
fn thickening(stream: &mut Stream, section: &mut Section) -> Drawn {
    let side = section.image.side();
    let size = side as f32;
    let (middle, half) = (between(stream, 0.3, 0.7) * size, between(stream, 0.15, 0.5) * size);
    let swelling = size * between(stream, 0.06, 0.15);
    let haze = stream.chance(0.4);
    let mut set: AttributeSet = [A::ThickLayer].into();
    let before = section.image.clone();
    let unit = section.unit();
    let smooth = before.blurred(3.0 * unit);
    let level = between(stream, 0.25, 0.4);
    let mut mask = Plane::filled(side, 0.0);
    for x in 0..side {
        let here = swelling * (-((x as f32 - middle) / half).powi(2)).exp();
        let (outer, thickness) = (section.surfaces.outer[x], section.surfaces.thickness(x).max(6.0 * unit));
        let top = outer - thickness - here;
        for y in 0..(outer.max(0.0) as usize).min(side) {
            let (index, row) = (y * side + x, y as f32);
            let above = row < top;
            let from = if above { row + here } else { outer - (outer - row) * thickness / (thickness + here) };
            let mut value = before.sample(x as f32, from);
            if !above && haze {
                // Fluid among the fibres blurs the layers into grey.
                let share = 0.8 * here / swelling * soft_step(outer - 6.0 * unit - row, 4.0 * unit);
                let grey =
                    0.5 * (smooth.sample(x as f32, from) + level) + 0.6 * (value - smooth.sample(x as f32, from));
                value += share * (grey - value);
            }
            section.image.values_mut()[index] = value;
            mask.values_mut()[index] = if !above && here > 0.4 * swelling { 1.0 } else { 0.0 };
        }
        section.surfaces.inner[x] -= here;
    }
    if haze {
        set.insert(A::Haze);
    }
    if half > 0.35 * size {
        set.insert(A::Diffuse);
    }
    (set, mask)
}

/// The bright outer lines are broken.
fn gaps(stream: &mut Stream, section: &mut Section) -> Drawn {
    let side = section.image.side();
    let count = 1 + stream.below(4);
    let (unit, pigment) = (section.unit(), section.pigment());
    let mut alpha = Plane::filled(side, 0.0);
    let mut mask = Plane::filled(side, 0.0);
    for _ in 0..count {
        let (middle, half) = (between(stream, 0.15, 0.85) * side as f32, unit * between(stream, 5.0, 16.0));
        for x in (middle - half - 3.0).max(0.0) as usize..((middle + half + 4.0) as usize).min(side) {
            let along = soft_step(half - (x as f32 - middle).abs(), 2.5 * unit);
            let row = section.surfaces.outer[x] - 0.5 * pigment;
            for y in (row - 12.0 * unit).max(0.0) as usize..((row + 14.0 * unit).max(0.0) as usize).min(side) {
                let share = along * soft_step(1.7 * pigment - (y as f32 - row).abs(), 2.0 * unit);
                let index = y * side + x;
                alpha.values_mut()[index] = alpha.values()[index].max(share);
                mask.values_mut()[index] = if alpha.values()[index] > 0.4 { 1.0 } else { 0.0 };
            }
        }
    }
    // What is left there is as dark as the nuclei above, but for a trace of the lines.
    let before = section.image.clone();
    let (above, trace) = ((3.5 * pigment) as usize * side, between(stream, 0.05, 0.3));
    for (index, value) in section.image.values_mut().iter_mut().enumerate().skip(above) {
        let target = before.values()[index - above] + trace * (*value - before.values()[index - above]);
        *value += alpha.values()[index] * (target - *value);
    }
    let mut set: AttributeSet = [A::InterruptedLayer, A::Dark].into();
    set.insert(if count == 1 { A::Single } else { A::Few });
    (set, mask)
}

/// Small bright dots within the retina.
fn specks(stream: &mut Stream, section: &mut Section) -> Drawn {
    let side = section.image.side();
    let (middle, spread) = (between(stream, 0.2, 0.8), between(stream, 0.1, 0.4));
    let (unit, pigment) = (section.unit(), section.pigment());
    let within = Plane::from_fn(side, |x, y| {
        let (inner, outer) = (section.surfaces.inner[x as usize], section.surfaces.outer[x as usize]);
        let near = (x / side as f32 - middle).abs() < spread;
        if near && y > inner + 5.0 * unit && y < outer - 3.0 * pigment { 1.0 } else { 0.0 }
    });
    let count = 4 + stream.below(18);
    let radii = ((1.0 * unit).max(0.8), (2.2 * unit).max(1.2));
    let points = pattern::dots(stream, &within, count, radii, 0.8);
    brighten(&mut section.image, &points, between(stream, 0.75, 0.95));
    let mut set: AttributeSet = [A::BrightSpecks].into();
    set.insert(if count < 5 { A::Few } else { A::Multiple });
    (set, points.blurred(1.5).map(|p| if p > 0.08 { 1.0 } else { 0.0 }))
}

/// A clump of bright material in or under the retina, with or without a shadow.
fn deposit(stream: &mut Stream, section: &mut Section) -> Drawn {
    let side = section.image.side();
    let unit = section.unit();
    let (form, words, stretch) = general::form(stream);
    let x = between(stream, 0.2, 0.8) * side as f32;
    let thickness = section.surfaces.thickness(x as usize).max(10.0 * unit);
    let radius = (thickness * between(stream, 0.12, 0.3)).max(5.0 * unit);
    let row = section.surfaces.inner[x as usize] + thickness * between(stream, 0.35, 0.85);
    let tilt = between(stream, -0.2, 0.2);
    let outline = Outline::draw(stream, form, (x, row), radius, stretch, tilt);
    let sharp = stream.chance(0.5);
    let softness = if sharp { 1.0 } else { 0.35 * radius + 1.0 };
    let mut set = section.form(form, words.union(outline.orientation_words()), radius, softness);
    if radius < 0.055 * side as f32 {
        set.insert(A::Small);
    }
    let alpha = outline.fill(side, softness);
    if stream.chance(0.5) {
        set.insert(A::Shadow);
        cast(stream, &mut section.image, (x, row), radius);
    }
    let uneven = noise(stream, side, 0.5 * radius).map(|v| (0.85 + 0.25 * v).clamp(0.4, 1.0));
    let rough = stream.chance(0.5);
    set.insert(if rough { A::Heterogeneous } else { A::Homogeneous });
    let share = if rough { alpha.clone().times(&uneven) } else { alpha.clone().map(|a| 0.9 * a) };
    brighten(&mut section.image, &share, between(stream, 0.7, 0.9));
    [A::Bright, A::Single, if sharp { A::Sharp } else { A::Blurred }].into_iter().for_each(|a| set.insert(a));
    (set, alpha.map(|a| if a > 0.4 { 1.0 } else { 0.0 }))
}

/// A dark band below a place.
fn cast(stream: &mut Stream, image: &mut Plane, from: (f32, f32), half: f32) {
    let side = image.side();
    let strength = between(stream, 0.5, 0.85);
    for y in from.1.max(0.0) as usize..side {
        for x in (from.0 - 2.0 * half).max(0.0) as usize..((from.0 + 2.0 * half) as usize).min(side) {
            let share = soft_step(half - (x as f32 - from.0).abs(), 0.3 * half)
                * soft_step(y as f32 - from.1, 0.2 * half + 1.0);
            image.values_mut()[y * side + x] *= 1.0 - strength * share;
        }
    }
}

/// Leaves the share `rest` of the brightness where `alpha` is 1, with less speckle.
fn darken(image: &mut Plane, alpha: &Plane, rest: f32) {
    let smooth = image.blurred(3.0);
    for (index, value) in image.values_mut().iter_mut().enumerate() {
        let target = (0.3 * smooth.values()[index] + 0.4 * *value) * rest + 0.02;
        *value += alpha.values()[index] * (target - *value);
    }
}

/// Moves pixels towards `level` where `alpha` is above 0; their speckle stays.
fn brighten(image: &mut Plane, alpha: &Plane, level: f32) {
    let smooth = image.blurred(2.0);
    for (index, value) in image.values_mut().iter_mut().enumerate() {
        let target = level + 0.7 * (*value - smooth.values()[index]);
        *value += alpha.values()[index] * (target - *value).max(0.0);
    }
}
