//! Normal slices of the brain.

use std::f32::consts::PI;

use sdmad_base::Stream;

use super::anatomy::Head;
use super::contrast::{Levels, Tissue};
use super::parts::{self, Fill, Part, Sides, View};
use crate::field::{between, fractal, noise, weighted};
use crate::outline::{Form, Outline};
use crate::pattern;
use crate::plane::{Plane, length, soft_step};
use crate::window::Window;

/// Where a head lies in the picture.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Column and row of the brain's middle.
    centre: (f32, f32),
    /// Half of its height in pixels.
    half: f32,
    /// Cosine and sine of its turn.
    turn: (f32, f32),
    /// -1 where a sagittal slice looks to the right.
    flip: f32,
}

impl Frame {
    fn choose(stream: &mut Stream, side: usize, view: &View) -> Self {
        let size = side as f32;
        let zoom = view.zoom * between(stream, 0.82, 1.04);
        let turn = between(stream, -1.0, 1.0).powi(3) * 0.25;
        let middle = if view.face.is_empty() { 0.5 } else { 0.46 };
        let centre = (between(stream, 0.47, 0.53) * size, between(stream, middle - 0.04, middle + 0.03) * size);
        let flip = if stream.chance(0.5) { 1.0 } else { -1.0 };
        Frame { centre, half: zoom * size, turn: (turn.cos(), turn.sin()), flip }
    }

    /// A pixel's place in the head.
    fn local(&self, x: f32, y: f32) -> (f32, f32) {
        let (dx, dy) = ((x - self.centre.0) / self.half, (y - self.centre.1) / self.half);
        (self.flip * (dx * self.turn.0 + dy * self.turn.1), dy * self.turn.0 - dx * self.turn.1)
    }

    /// The pixel of a place in the head.
    fn pixel(&self, (u, v): (f32, f32)) -> (f32, f32) {
        let u = self.flip * u;
        let (dx, dy) = (u * self.turn.0 - v * self.turn.1, u * self.turn.1 + v * self.turn.0);
        (self.centre.0 + dx * self.half, self.centre.1 + dy * self.half)
    }
}

/// What covers the brain, in pixels; nothing where it was stripped off.
#[derive(Clone, Copy, Debug)]
struct Cover {
    bone: f32,
    scalp: f32,
}

/// A slice being drawn.
struct Slice {
    view: View,
    frame: Frame,
    levels: Levels,
    cover: Option<Cover>,
    /// How far inside the brain's outline each pixel is, in pixels.
    depth: Plane,
    /// Pixels in one 224th of the side.
    unit: f32,
}

/// A normal slice, and its landmarks.
pub(super) fn draw(stream: &mut Stream, side: usize) -> (Plane, Head) {
    let slice = Slice::choose(stream, side);
    let mut image = slice.covers(stream);
    slice.cortex(stream, &mut image);
    if slice.view.mirrored {
        slice.fissure(stream, &mut image);
    }
    slice.structures(stream, &mut image);
    let sharpness = between(stream, 0.45, 1.1) * slice.unit;
    let image = image.blurred(sharpness);
    let head = Head { blur: sharpness, ..slice.head(&image) };
    (image, head)
}

impl Slice {
    fn choose(stream: &mut Stream, side: usize) -> Self {
        let unit = side as f32 / 224.0;
        let view = weighted(
            stream,
            &[
                (parts::AXIAL_MIDDLE, 1.2),
                (parts::AXIAL_HIGH, 1.0),
                (parts::AXIAL_TOP, 0.7),
                (parts::AXIAL_LOW, 0.8),
                (parts::CORONAL_FRONT, 1.0),
                (parts::CORONAL_BACK, 0.7),
                (parts::SAGITTAL_MIDDLE, 1.1),
                (parts::SAGITTAL_SIDE, 0.7),
            ],
        );
        let frame = Frame::choose(stream, side, &view);
        let cover = (!stream.chance(0.25))
            .then(|| Cover { bone: between(stream, 3.0, 7.5) * unit, scalp: between(stream, 2.5, 8.0) * unit });
        let width = view.width * between(stream, 0.93, 1.05);
        let tilt = frame.turn.1.atan2(frame.turn.0);
        let radius = frame.half * width.sqrt();
        let outline = Outline::draw(stream, Form::Round, frame.centre, radius, width, tilt);
        let uneven = noise(stream, side, 24.0 * unit);
        let mut depth = Plane::from_fn(side, |x, y| {
            let (u, v) = frame.local(x, y);
            let place = length(u / width, v);
            // Far from the outline it need not be exact.
            let inside =
                if (0.45..1.45).contains(&place) { outline.depth(x, y) } else { (1.0 - place) * outline.radius };
            if v < 0.3 {
                return inside;
            }
            // The base of the skull is uneven: lobes hang lower beside the middle.
            let floor = view.floor - 0.07 * (5.0 * u).cos();
            inside.min((floor - v) * frame.half)
        });
        depth = depth.zip(&uneven, |d, n| d + 0.8 * unit * n);
        Slice { view, frame, levels: Levels::choose(stream), cover, depth, unit }
    }

    fn side(&self) -> usize {
        self.depth.side()
    }

    fn level(&self, tissue: Tissue) -> f32 {
        self.levels.of(tissue)
    }

    /// Air, scalp, face and bone, with fluid where the brain will be.
    fn covers(&self, stream: &mut Stream) -> Plane {
        let side = self.side();
        let Some(cover) = self.cover else {
            let fluid = self.level(Tissue::Fluid);
            return self.depth.clone().map(|d| fluid * soft_step(d, 1.0));
        };
        let (lumps, waves) = (fractal(stream, side, 14.0 * self.unit, 3, 0.7), noise(stream, side, 40.0 * self.unit));
        let [fat, bone, muscle, fluid] =
            [Tissue::Fat, Tissue::Bone, Tissue::Muscle, Tissue::Fluid].map(|t| self.level(t));
        let marrow = between(stream, 0.0, 0.5) * fat;
        Plane::from_fn(side, |x, y| {
            let index = y as usize * side + x as usize;
            let (depth, lump, wave) = (self.depth.values()[index], lumps.values()[index], waves.values()[index]);
            if depth > 3.0 {
                return fluid;
            }
            let place = self.frame.local(x, y);
            let thick = cover.bone * (1.0 + 0.2 * wave);
            let scalp = cover.scalp * (1.0 - 0.25 * wave);
            let face = self.view.face.iter().map(|f| f.depth(place)).fold(-9.0, f32::max) * self.frame.half;
            let head = (depth + thick + scalp).max(face);
            if head < -2.0 {
                return 0.0;
            }
            let soft = muscle + (fat - muscle) * soft_step(lump - 0.5, 0.5) * 0.8;
            let skin = soft_step(scalp - head, 1.5 * self.unit);
            let mut value = soft + (fat * (1.0 + 0.1 * lump) - soft) * skin;
            value *= soft_step(head, 1.0);
            value += (bone - value) * soft_step(depth + thick, 0.8);
            let within = soft_step(0.22 * thick - (depth + 0.5 * thick).abs(), 0.6);
            value += marrow * within;
            value + (fluid - value) * soft_step(depth + 0.5, 0.8)
        })
    }

    /// The folded ribbon of grey matter on white matter, with fluid in the folds.
    fn cortex(&self, stream: &mut Stream, image: &mut Plane) {
        let (side, unit) = (self.side(), self.unit);
        let pitch = between(stream, 14.0, 24.0) * unit;
        let walls = pattern::cells(stream, side, pitch, 0.95);
        let bends = [noise(stream, side, 11.0 * unit), noise(stream, side, 11.0 * unit)];
        let apart = noise(stream, side, 30.0 * unit);
        let reach = noise(stream, side, 26.0 * unit);
        let texture = fractal(stream, side, 20.0 * unit, 3, 0.6);
        let deepest = between(stream, 0.2, 0.36) * self.frame.half;
        let width = between(stream, 0.1, 1.3) * unit;
        let gap = between(stream, 0.2, 3.0) * unit;
        let ribbon = between(stream, 2.6, 4.2) * unit;
        let bend = between(stream, 2.5, 5.0) * unit;
        let [fluid, grey, white] = [Tissue::Fluid, Tissue::Grey, Tissue::White].map(|t| self.level(t));
        let grain = between(stream, 0.01, 0.05);
        let before = image.clone();
        *image = Plane::from_fn(side, |x, y| {
            let index = y as usize * side + x as usize;
            let depth = self.depth.values()[index] - gap;
            if depth < -2.0 {
                return before.values()[index];
            }
            let shine = 1.0 + grain * texture.values()[index];
            if depth > 2.5 * deepest + width + ribbon {
                return white * shine;
            }
            let (mut u, v) = self.frame.local(x, y);
            if self.view.mirrored {
                u = u.abs();
            }
            let at = self.frame.pixel((u, v));
            let own = 0.3 * bend * apart.values()[index];
            let at = (at.0 + bend * bends[0].sample(at.0, at.1) + own, at.1 + bend * bends[1].sample(at.0, at.1) - own);
            let limit = deepest * (1.0 + 0.45 * reach.sample(at.0, at.1));
            let fold = walls.sample(at.0, at.1) + 0.7 * (depth - limit).max(0.0);
            let mut value = white + (grey - white) * soft_step(ribbon - fold.min(depth), 0.9 * unit);
            value += (fluid - value) * soft_step(width - fold - 0.3 * unit, 0.8 * unit);
            before.values()[index] + (value * shine - before.values()[index]) * soft_step(depth, 0.8 * unit)
        });
    }

    /// The fissure between the hemispheres, and the falx in it.
    fn fissure(&self, stream: &mut Stream, image: &mut Plane) {
        let (side, unit) = (self.side(), self.unit);
        let (width, falx) = (between(stream, 0.4, 1.8) * unit, between(stream, 0.2, 0.8) * unit);
        let wave = noise(stream, side, 22.0 * unit);
        let [fluid, grey, dura] = [Tissue::Fluid, Tissue::Grey, Tissue::Falx].map(|t| self.level(t));
        let (top, bottom) = self.view.closed;
        let whole = Window::new(side, (0.0, side as f32), (0.0, side as f32));
        whole.change(image, |x, y, index, value| {
            let depth = self.depth.values()[index];
            let (u, v) = self.frame.local(x, y);
            let across = (u * self.frame.half + 1.2 * unit * wave.values()[index]).abs();
            if depth < 0.0 || across > 12.0 * unit {
                return value;
            }
            let open = soft_step((top - v).max(v - bottom) * self.frame.half, 3.0 * unit) * soft_step(depth, 1.0);
            let mut new = value + (grey - value) * soft_step(width + 3.2 * unit - across, unit);
            new += (fluid - new) * soft_step(width - across, 0.8 * unit);
            new += (dura - new) * soft_step(falx - across, 0.6 * unit);
            value + open * (new - value)
        });
    }

    /// All that lies within, and of the face where it is not stripped off.
    fn structures(&self, stream: &mut Stream, image: &mut Plane) {
        let wide = between(stream, 0.75, 1.45);
        let side = self.side();
        let (pitch, waviness) = (between(stream, 3.6, 5.5) * self.unit, between(stream, 1.0, 2.5));
        let tilt = between(stream, -0.2, 0.2);
        let bend = between(stream, 0.8, 2.2) * self.unit / self.frame.half;
        let bends = [(); 2].map(|()| noise(stream, side, 13.0 * self.unit).map(|v| bend * v));
        let folded = self.view.parts.iter().any(|part| part.fill == Fill::Leaves);
        let leaves =
            if folded { pattern::streaks(stream, side, pitch, tilt, waviness) } else { Plane::filled(side, 0.0) };
        for part in self.view.parts {
            let own = if part.fill == Fill::Ventricle { wide } else { 1.0 };
            let scale = own * between(stream, 0.88, 1.12);
            let by = (between(stream, -0.015, 0.015), between(stream, -0.02, 0.02));
            let both: &[f32] = if part.sides == Sides::Both { &[1.0, -1.0] } else { &[1.0] };
            for &sign in both {
                // Halves are alike, not the same.
                let jitter = if part.sides == Sides::Both { between(stream, 0.94, 1.06) } else { 1.0 };
                let by = if part.sides == Sides::Both { by } else { (0.4 * by.0, by.1) };
                let part = Part { shape: part.shape.moved(by, scale * jitter), ..*part };
                self.structure(image, &part, sign, &leaves, &bends);
            }
        }
    }

    /// One of them, on the side `sign`; `bends` are what places are moved by.
    fn structure(&self, image: &mut Plane, part: &Part, sign: f32, leaves: &Plane, bends: &[Plane; 2]) {
        let (middle, reach) = part.shape.bounds();
        let centre = self.frame.pixel((sign * middle.0, middle.1));
        let reach = (1.1 * reach + 0.1) * self.frame.half;
        let window =
            Window::new(self.side(), (centre.0 - reach, centre.0 + reach), (centre.1 - reach, centre.1 + reach));
        let (soft, grey, fluid) = (0.9 * self.unit, self.level(Tissue::Grey), self.level(Tissue::Fluid));
        let outside = matches!(part.fill, Fill::Plain(Tissue::Air | Tissue::Bone | Tissue::Fat | Tissue::Muscle));
        let bare = self.cover.is_none();
        if bare && outside {
            return;
        }
        window.change(image, |x, y, index, value| {
            let (u, v) = self.frame.local(x, y);
            let (u, v) = (sign * u + bends[0].values()[index], v + bends[1].values()[index]);
            let mut share = soft_step(part.shape.depth((u, v)) * self.frame.half, soft);
            if bare && part.fill != Fill::Leaves && part.fill != Fill::Plain(Tissue::White) {
                share *= soft_step(self.depth.values()[index], 1.0);
            }
            let level = match part.fill {
                Fill::Plain(tissue) => self.level(tissue),
                Fill::Leaves => grey + 0.45 * (fluid - grey) * leaves.values()[index],
                Fill::Ventricle => fluid,
            };
            value + share * (level - value)
        });
    }

    /// Where things are.
    fn head(&self, image: &Plane) -> Head {
        let mut depth = self.depth.clone();
        if !self.view.mirrored {
            let side = self.side();
            for part in self.view.parts.iter().filter(|part| part.fill == Fill::Leaves) {
                let own = Plane::from_fn(side, |x, y| part.shape.depth(self.frame.local(x, y)) * self.frame.half);
                depth = depth.max(&own);
            }
        }
        let up = self.frame.turn.1.atan2(self.frame.turn.0) + 0.5 * PI;
        let midline = self.view.mirrored.then(|| (up.cos(), up.sin()));
        let sella = self.view.sella.map(|place| self.frame.pixel(place));
        Head::new(image, depth, self.frame.centre, midline, sella, Some(self.levels.bright_water))
    }
}
