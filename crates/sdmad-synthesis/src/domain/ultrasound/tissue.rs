//! Normal layers: skin, fat, gland, fascia, muscle, ribs.

use sdmad_base::Stream;

use super::behind::columns;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, fractal, stretched_noise};
use crate::plane::{Plane, soft_step};

/// Where layers end, as shares of the depth, and how bright each is.
struct Layers {
    skin: f32,
    fat: f32,
    gland: f32,
    muscle: f32,
    skin_level: f32,
    fat_level: f32,
    gland_level: f32,
    muscle_level: f32,
    deep_level: f32,
}

impl Layers {
    fn choose(stream: &mut Stream) -> Self {
        let skin = between(stream, 0.02, 0.06);
        let fat = skin + between(stream, 0.04, 0.3);
        // From a breast of fat alone to one of gland down to the muscle.
        let gland = fat + between(stream, 0.05, 0.5);
        Layers {
            skin,
            fat,
            gland,
            muscle: gland + between(stream, 0.08, 0.35),
            skin_level: between(stream, 0.45, 0.75),
            fat_level: between(stream, 0.24, 0.42),
            gland_level: between(stream, 0.42, 0.68),
            muscle_level: between(stream, 0.2, 0.4),
            deep_level: between(stream, 0.05, 0.3),
        }
    }
}

/// Smooth fields that the layers are made of.
struct Fields {
    /// Bright wisps of gland, along the layers.
    wisps: Plane,
    /// Dark ducts and lobules in gland.
    lobules: Plane,
    /// Fibres of muscle.
    fibres: Plane,
    /// Slow unevenness of everything.
    clouds: Plane,
}

impl Fields {
    fn draw(stream: &mut Stream, side: usize) -> Self {
        let wisp = (between(stream, 14.0, 45.0), between(stream, 3.5, 7.0));
        let height = between(stream, 7.0, 15.0);
        let lobule = (height * between(stream, 1.3, 3.0), height);
        let fibre = (between(stream, 35.0, 90.0), between(stream, 2.5, 4.5));
        Fields {
            wisps: stretched_noise(stream, side, wisp),
            lobules: stretched_noise(stream, side, lobule),
            fibres: stretched_noise(stream, side, fibre),
            clouds: fractal(stream, side, 60.0, 3, 0.7),
        }
    }
}

/// A normal sonogram, and what its septa, fasciae and fibres and the shadows of its ribs may be taken for.
pub(super) fn draw(stream: &mut Stream, side: usize) -> (Plane, AttributeSet) {
    let size = side as f32;
    let layers = Layers::choose(stream);
    let fields = Fields::draw(stream, side);
    let wave = (between(stream, 50.0, 130.0), between(stream, 60.0, 160.0));
    let waves = stretched_noise(stream, side, wave);
    let (height, slope) = (between(stream, 0.005, 0.04), between(stream, -0.12, 0.12));
    let contrast = (between(stream, 0.1, 0.7), between(stream, 0.1, 0.35), between(stream, 0.1, 0.45));
    let fading = between(stream, 0.0, 1.3);
    let lateral = columns(stream, side, 30.0);
    let grains = speckle(stream, side);
    let roughness = between(stream, 0.12, 0.24);
    let at = |plane: &Plane, x: f32, y: f32| plane.values()[y as usize * side + x as usize];
    let mut image = Plane::from_fn(side, |x, y| {
        let depth = y / size;
        // Nearer to the skin the layers are pressed flat.
        let bend = (depth * 6.0).min(1.0) * (height * at(&waves, x, y) + slope * (x / size - 0.5));
        let place = depth + bend;
        // Textures run along their layer.
        let cloud = at(&fields.clouds, x, y);
        let (column, row) = (x + 7.0 * cloud, (y + bend * size).clamp(0.0, size - 1.0));
        let (wisp, fibre) = (fields.wisps.sample(column, row + 3.0 * cloud), fields.fibres.sample(x, row));
        let fat = layers.fat_level * (1.0 + 0.12 * cloud + 0.05 * wisp);
        let lobule = soft_step(fields.lobules.sample(column, y + 4.0 * cloud) - 0.4, 0.45);
        let gland = layers.gland_level * (1.0 + 0.16 * cloud - contrast.0 * lobule + contrast.1 * wisp);
        let muscle = layers.muscle_level * (1.0 + contrast.2 * (fibre + 0.4 * fibre * fibre));
        let value = blend(&layers, depth, place, [fat, gland, muscle]);
        let gain = (1.0 + 0.05 * lateral[x as usize]) * (1.0 + roughness * at(&grains, x, y));
        value * gain * (-fading * (depth - 0.25).max(0.0)).exp()
    });
    boundaries(stream, &mut image, &layers, &waves, (height, slope));
    septa(stream, &mut image, &layers);
    let mut own: AttributeSet = [A::Linear, A::Branching, A::Streaks, A::Mesh].into();
    if stream.chance(0.25) {
        ribs(stream, &mut image, layers.muscle);
        own.insert(A::Shadow);
    }
    (image, own)
}

/// The brightness at a depth, the layers blended over their boundaries.
fn blend(layers: &Layers, depth: f32, place: f32, [fat, gland, muscle]: [f32; 3]) -> f32 {
    let step = |edge: f32, softness: f32| soft_step(place - edge, softness);
    let mut value = layers.skin_level + (fat - layers.skin_level) * soft_step(depth - layers.skin, 0.006);
    value += (gland - value) * step(layers.fat, 0.025);
    value += (muscle - value) * step(layers.gland, 0.015);
    value + (layers.deep_level + 0.25 * (muscle - layers.muscle_level) - value) * step(layers.muscle, 0.04)
}

/// Bright lines at the skin and along the fasciae.
fn boundaries(stream: &mut Stream, image: &mut Plane, layers: &Layers, waves: &Plane, bend: (f32, f32)) {
    let size = image.side() as f32;
    super::surroundings::layer(stream, image, (0.5 * size, 2.0 * size), |_| layers.skin * size);
    for edge in [layers.fat, layers.gland, layers.gland + 0.03, layers.muscle] {
        if edge > 0.95 || stream.chance(0.35) {
            continue;
        }
        super::surroundings::layer(stream, image, (0.5 * size, 1.5 * size), |x| {
            let wave = waves.sample(x, edge * size);
            (edge - bend.0 * wave - bend.1 * (x / size - 0.5)) * size
        });
    }
}

/// Thin bright arcs between lobules of fat, and some in deeper layers.
fn septa(stream: &mut Stream, image: &mut Plane, layers: &Layers) {
    let size = image.side() as f32;
    for arc in 0..4 + stream.below(14) {
        let deepest = if arc % 3 == 0 { layers.muscle } else { layers.fat + 0.05 };
        let top = between(stream, layers.skin, deepest.max(layers.skin + 0.1)) * size;
        let (middle, half) = (between(stream, 0.0, 1.0) * size, between(stream, 0.05, 0.22) * size);
        let (sag, slope) = (between(stream, -0.05, 0.05) * size, between(stream, -0.3, 0.3));
        super::surroundings::layer(stream, image, (middle, half), |x| {
            let away = (x - middle) / half;
            top + sag * away * away + slope * (x - middle)
        });
    }
}

/// Rounded ribs beneath the muscle with shadows below them.
fn ribs(stream: &mut Stream, image: &mut Plane, depth: f32) {
    let size = image.side() as f32;
    let top = depth.min(0.85) * size;
    let (pitch, width) = (between(stream, 0.45, 0.8) * size, between(stream, 0.12, 0.2) * size);
    let first = between(stream, -0.2, 0.4) * size;
    let strength = between(stream, 0.5, 0.85);
    *image = Plane::from_fn(image.side(), |x, y| {
        let value = image.at(x as i64, y as i64);
        let away = (x - first + 0.5 * pitch).rem_euclid(pitch) - 0.5 * pitch;
        let arch = top + 0.35 * away * away / width;
        let share = soft_step(width - away.abs(), 0.3 * width) * soft_step(y - arch, 1.5);
        value * (1.0 - strength * share)
    });
}

/// Speckle: finest grains, more dark than bright, mean 0 and standard deviation near 1.
pub(super) fn speckle(stream: &mut Stream, side: usize) -> Plane {
    let scale = between(stream, 0.8, 1.2);
    // Two grids that do not match, so that neither shows.
    let first = stretched_noise(stream, side, (3.3 * scale, 1.7 * scale));
    let second = stretched_noise(stream, side, (2.1 * scale, 1.4 * scale));
    first.zip(&second, |a, b| {
        let v = 0.71 * (a + b);
        v.clamp(-2.0, 2.2) - 0.1 * (v * v - 1.0).min(3.0)
    })
}
