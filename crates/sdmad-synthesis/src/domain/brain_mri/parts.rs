//! What lies within the brain and around it, plane by plane, as tables. Places and sizes are in halves of the brain's
//! height, from its middle: across to the right (to the back in sagittal planes) and down.

use super::contrast::Tissue::{self, Air, Bone, Falx, Fat, Fluid, Gland, Grey, Muscle, Vein, White};
use crate::plane::length;

/// The direction of an ellipse's first axis, of length 1.
pub(super) type Tilt = (f32, f32);

/// The direction of a small angle in radians, up to its third power (sines are no constants).
const fn turned(angle: f32) -> Tilt {
    let square = angle * angle;
    (1.0 - 0.5 * square + square * square / 24.0, angle * (1.0 - square / 6.0))
}

/// A form in the head.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// An ellipse: its centre, half of its width and height, and how it is turned.
    Ellipse((f32, f32), (f32, f32), Tilt),
    /// A line through points, and half of its width.
    Line(&'static [(f32, f32)], f32),
}

impl Shape {
    /// How far a place is inside, about; negative outside.
    pub(super) fn depth(&self, (u, v): (f32, f32)) -> f32 {
        match *self {
            Shape::Ellipse(centre, half, tilt) => {
                let (du, dv) = (u - centre.0, v - centre.1);
                let (cosine, sine) = (tilt.0, tilt.1);
                let (a, b) = ((du * cosine + dv * sine) / half.0, (dv * cosine - du * sine) / half.1);
                (1.0 - length(a, b)) * half.0.min(half.1)
            }
            Shape::Line(points, half) => {
                let near = points.windows(2).map(|p| to_segment((u, v), p[0], p[1])).fold(f32::MAX, f32::min);
                half - near
            }
        }
    }

    /// The middle of a circle around it, and its radius.
    pub(super) fn bounds(&self) -> ((f32, f32), f32) {
        match *self {
            Shape::Ellipse(centre, half, _) => (centre, half.0.max(half.1)),
            Shape::Line(points, half) => {
                let count = points.len() as f32;
                let sum = points.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
                let middle = (sum.0 / count, sum.1 / count);
                let far = points.iter().map(|p| length(p.0 - middle.0, p.1 - middle.1)).fold(0.0, f32::max);
                (middle, far + half)
            }
        }
    }

    /// The same form, `by` moved and `scale` as large.
    pub(super) fn moved(self, by: (f32, f32), scale: f32) -> Self {
        match self {
            Shape::Ellipse(c, half, tilt) => {
                Shape::Ellipse((c.0 + by.0, c.1 + by.1), (half.0 * scale, half.1 * scale), tilt)
            }
            Shape::Line(points, half) => Shape::Line(points, half * scale),
        }
    }
}

/// The distance of a place to a segment.
fn to_segment(at: (f32, f32), from: (f32, f32), to: (f32, f32)) -> f32 {
    let (across, down) = (to.0 - from.0, to.1 - from.1);
    let along = (at.0 - from.0) * across + (at.1 - from.1) * down;
    let t = (along / (across * across + down * down).max(1e-6)).clamp(0.0, 1.0);
    length(at.0 - from.0 - t * across, at.1 - from.1 - t * down)
}

/// How often a part is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sides {
    /// Once.
    One,
    /// On the left and on the right.
    Both,
}

/// How it is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// With one tissue.
    Plain(Tissue),
    /// With the narrow leaves of the cerebellum.
    Leaves,
    /// With a ventricle's fluid: their width differs from head to head.
    Ventricle,
}

/// One structure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// What it is made of.
    pub(super) fill: Fill,
    /// Its form.
    pub(super) shape: Shape,
    /// Whether it has a twin.
    pub(super) sides: Sides,
}

/// A slice: the outline's width against its height, where it is cut off below, what is within, and where the sella is.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// The brain's width in heights.
    pub(super) width: f32,
    /// Below this the brain's outline is cut.
    pub(super) floor: f32,
    /// Half of its height in shares of the image's side, at most.
    pub(super) zoom: f32,
    /// Whether halves are mirrored.
    pub(super) mirrored: bool,
    /// Rows between which the fissure between the hemispheres is closed.
    pub(super) closed: (f32, f32),
    /// What of the head is no skull, in addition to it: jaws, neck, orbits.
    pub(super) face: &'static [Shape],
    /// What lies within, in the order of drawing.
    pub(super) parts: &'static [Part],
    /// Where the sella is.
    pub(super) sella: Option<(f32, f32)>,
}

const fn one(tissue: Tissue, centre: (f32, f32), half: (f32, f32), tilt: f32) -> Part {
    Part { fill: Fill::Plain(tissue), shape: Shape::Ellipse(centre, half, turned(tilt)), sides: Sides::One }
}

const fn two(tissue: Tissue, centre: (f32, f32), half: (f32, f32), tilt: f32) -> Part {
    Part { fill: Fill::Plain(tissue), shape: Shape::Ellipse(centre, half, turned(tilt)), sides: Sides::Both }
}

const fn line(tissue: Tissue, points: &'static [(f32, f32)], half: f32, sides: Sides) -> Part {
    Part { fill: Fill::Plain(tissue), shape: Shape::Line(points, half), sides }
}

const fn ventricle(centre: (f32, f32), half: (f32, f32), tilt: f32, sides: Sides) -> Part {
    Part { fill: Fill::Ventricle, shape: Shape::Ellipse(centre, half, turned(tilt)), sides }
}

const fn leaves(centre: (f32, f32), half: (f32, f32), sides: Sides) -> Part {
    Part { fill: Fill::Leaves, shape: Shape::Ellipse(centre, half, turned(0.0)), sides }
}

const SYLVIAN: &[(f32, f32)] = &[(0.8, -0.12), (0.56, -0.03), (0.55, 0.2)];
const INSULA: &[(f32, f32)] = &[(0.56, -0.2), (0.56, -0.03), (0.52, 0.2)];

/// Through the frontal horns and the thalami.
pub(super) const AXIAL_MIDDLE: View = View {
    width: 0.8,
    floor: 9.0,
    zoom: 0.44,
    mirrored: true,
    closed: (-0.45, 0.42),
    face: &[],
    parts: &[
        line(Grey, SYLVIAN, 0.06, Sides::Both),
        line(Grey, INSULA, 0.06, Sides::Both),
        line(Fluid, SYLVIAN, 0.018, Sides::Both),
        line(Fluid, INSULA, 0.014, Sides::Both),
        one(White, (0.0, -0.42), (0.22, 0.07), 0.0),
        one(White, (0.0, 0.3), (0.26, 0.08), 0.0),
        two(Grey, (0.35, -0.03), (0.075, 0.19), -0.2),
        ventricle((0.1, -0.27), (0.045, 0.16), -0.3, Sides::Both),
        two(Grey, (0.17, -0.24), (0.05, 0.11), -0.25),
        two(Grey, (0.13, 0.1), (0.1, 0.15), -0.3),
        ventricle((0.0, 0.05), (0.018, 0.14), 0.0, Sides::One),
        ventricle((0.27, 0.36), (0.05, 0.17), 0.35, Sides::Both),
        two(Vein, (0.25, 0.34), (0.025, 0.05), 0.3),
        one(Vein, (0.0, 0.97), (0.03, 0.035), 0.0),
    ],
    sella: None,
};

/// Through the bodies of the lateral ventricles.
pub(super) const AXIAL_HIGH: View = View {
    closed: (-0.38, 0.4),
    parts: &[
        one(White, (0.0, -0.38), (0.2, 0.08), 0.0),
        one(White, (0.0, 0.36), (0.22, 0.08), 0.0),
        ventricle((0.1, 0.0), (0.05, 0.32), 0.06, Sides::Both),
        two(Grey, (0.18, -0.08), (0.04, 0.18), -0.1),
        ventricle((0.17, 0.26), (0.05, 0.12), -0.5, Sides::Both),
        one(Vein, (0.0, 0.97), (0.03, 0.035), 0.0),
    ],
    ..AXIAL_MIDDLE
};

/// Above the ventricles.
pub(super) const AXIAL_TOP: View = View {
    width: 0.83,
    closed: (9.0, 9.0),
    zoom: 0.42,
    parts: &[one(Vein, (0.0, 0.95), (0.035, 0.04), 0.0), one(Vein, (0.0, -0.97), (0.02, 0.025), 0.0)],
    ..AXIAL_MIDDLE
};

/// Through midbrain, basal cisterns, cerebellum and orbits.
pub(super) const AXIAL_LOW: View = View {
    width: 0.84,
    zoom: 0.39,
    closed: (-0.3, 2.0),
    face: &[Shape::Ellipse((0.0, -0.75), (0.68, 0.6), turned(0.0))],
    parts: &[
        one(Air, (0.0, -1.14), (0.13, 0.14), 0.0),
        two(Fat, (0.4, -1.02), (0.24, 0.22), 0.3),
        two(Fluid, (0.42, -1.06), (0.15, 0.15), 0.0),
        line(Bone, &[(0.25, -0.36), (0.72, -0.5)], 0.035, Sides::Both),
        line(Fluid, &[(0.2, -0.2), (0.68, -0.36)], 0.025, Sides::Both),
        one(Fluid, (0.0, 0.0), (0.3, 0.26), 0.0),
        leaves((0.0, 0.5), (0.58, 0.36), Sides::One),
        line(Bone, &[(0.32, 0.14), (0.72, 0.24)], 0.04, Sides::Both),
        one(White, (0.0, 0.1), (0.2, 0.17), 0.0),
        one(Grey, (0.0, 0.08), (0.09, 0.05), 0.0),
        ventricle((0.0, 0.31), (0.07, 0.045), 0.0, Sides::One),
        one(Gland, (0.0, -0.16), (0.06, 0.045), 0.0),
        two(Vein, (0.12, -0.15), (0.03, 0.03), 0.0),
        one(Vein, (0.0, 0.96), (0.04, 0.035), 0.0),
    ],
    sella: Some((0.0, -0.16)),
    ..AXIAL_MIDDLE
};

/// Through the sella.
pub(super) const CORONAL_FRONT: View = View {
    width: 0.98,
    floor: 0.78,
    zoom: 0.39,
    mirrored: true,
    closed: (-0.28, 9.0),
    face: &[Shape::Ellipse((0.0, 0.95), (0.82, 0.95), turned(0.0))],
    parts: &[
        line(Grey, &[(0.95, 0.22), (0.58, 0.14), (0.58, -0.08)], 0.06, Sides::Both),
        line(Fluid, &[(0.98, 0.22), (0.58, 0.14), (0.58, -0.08)], 0.02, Sides::Both),
        line(Fluid, &[(0.58, 0.14), (0.56, 0.3)], 0.015, Sides::Both),
        one(White, (0.0, -0.22), (0.3, 0.05), 0.0),
        two(Grey, (0.35, 0.08), (0.09, 0.14), 0.2),
        ventricle((0.14, -0.1), (0.13, 0.05), -0.45, Sides::Both),
        two(Grey, (0.24, -0.02), (0.05, 0.08), 0.5),
        ventricle((0.0, 0.18), (0.02, 0.12), 0.0, Sides::One),
        one(Fluid, (0.0, 0.45), (0.3, 0.1), 0.0),
        line(White, &[(-0.13, 0.44), (0.13, 0.44)], 0.022, Sides::One),
        one(Bone, (0.0, 0.85), (0.42, 0.3), 0.0),
        one(Air, (0.0, 0.9), (0.24, 0.19), 0.0),
        two(Gland, (0.19, 0.62), (0.07, 0.1), 0.0),
        two(Air, (0.18, 0.62), (0.03, 0.03), 0.0),
        one(Gland, (0.0, 0.6), (0.13, 0.06), 0.0),
        line(Gland, &[(0.0, 0.44), (0.0, 0.56)], 0.012, Sides::One),
        one(Air, (0.0, 1.3), (0.3, 0.12), 0.0),
        two(Muscle, (0.55, 1.15), (0.16, 0.3), 0.2),
        one(Vein, (0.0, -0.98), (0.04, 0.035), 0.0),
    ],
    sella: Some((0.0, 0.6)),
};

/// Through brainstem and cerebellum.
pub(super) const CORONAL_BACK: View = View {
    floor: 0.86,
    face: &[Shape::Ellipse((0.0, 0.9), (0.7, 0.75), turned(0.0))],
    parts: &[
        line(Fluid, &[(0.98, 0.05), (0.6, 0.02)], 0.016, Sides::Both),
        one(White, (0.0, -0.2), (0.3, 0.05), 0.0),
        ventricle((0.22, -0.06), (0.06, 0.15), 0.5, Sides::Both),
        two(Grey, (0.12, 0.06), (0.09, 0.1), 0.0),
        ventricle((0.42, 0.3), (0.08, 0.03), 0.3, Sides::Both),
        one(Fluid, (0.0, 0.26), (0.13, 0.09), 0.0),
        line(Falx, &[(0.0, 0.25), (0.4, 0.42), (0.8, 0.42)], 0.05, Sides::Both),
        leaves((0.34, 0.66), (0.38, 0.24), Sides::Both),
        two(White, (0.3, 0.62), (0.12, 0.07), 0.3),
        one(White, (0.0, 0.56), (0.15, 0.3), 0.0),
        ventricle((0.0, 0.5), (0.05, 0.06), 0.0, Sides::One),
        one(White, (0.0, 1.0), (0.1, 0.25), 0.0),
        one(Vein, (0.0, -0.98), (0.04, 0.035), 0.0),
        two(Vein, (0.82, 0.45), (0.05, 0.04), 0.0),
    ],
    sella: None,
    ..CORONAL_FRONT
};

const CALLOSUM: &[(f32, f32)] =
    &[(-0.42, 0.16), (-0.5, 0.04), (-0.42, -0.1), (-0.15, -0.21), (0.15, -0.21), (0.38, -0.1), (0.46, 0.04)];
const CINGULATE: &[(f32, f32)] = &[(-0.66, 0.1), (-0.64, -0.14), (-0.36, -0.38), (0.0, -0.46), (0.36, -0.42)];
const CLIVUS: &[(f32, f32)] = &[(-0.08, 0.66), (0.02, 0.84), (0.12, 1.02)];
const STEM: &[(f32, f32)] = &[(0.08, 0.3), (0.12, 0.6), (0.2, 0.95), (0.28, 1.5)];

/// Through the midline, from the front on the left to the back on the right.
pub(super) const SAGITTAL_MIDDLE: View = View {
    width: 1.28,
    floor: 0.5,
    zoom: 0.345,
    mirrored: false,
    closed: (-9.0, 9.0),
    face: &[
        Shape::Ellipse((-0.45, 1.0), (0.75, 1.1), turned(0.0)),
        Shape::Ellipse((0.35, 1.4), (0.55, 1.2), turned(0.0)),
        Shape::Ellipse((0.62, 0.6), (0.62, 0.6), turned(0.0)),
    ],
    parts: &[
        one(Grey, (0.0, 0.02), (0.6, 0.36), 0.0),
        line(Fluid, CINGULATE, 0.016, Sides::One),
        one(Fluid, (0.55, 0.72), (0.58, 0.42), 0.0),
        ventricle((-0.04, 0.0), (0.4, 0.13), 0.0, Sides::One),
        line(White, CALLOSUM, 0.065, Sides::One),
        one(Grey, (0.06, 0.13), (0.2, 0.13), 0.0),
        one(Fluid, (-0.12, 0.42), (0.24, 0.12), 0.0),
        line(Fluid, STEM, 0.2, Sides::One),
        leaves((0.68, 0.66), (0.38, 0.3), Sides::One),
        line(White, &[(0.42, 0.62), (0.62, 0.62), (0.8, 0.5)], 0.025, Sides::One),
        line(White, &[(0.62, 0.62), (0.82, 0.76)], 0.02, Sides::One),
        line(White, STEM, 0.11, Sides::One),
        one(White, (0.08, 0.66), (0.17, 0.19), 0.0),
        ventricle((0.35, 0.66), (0.05, 0.1), -0.2, Sides::One),
        one(Bone, (-0.3, 0.8), (0.3, 0.25), 0.3),
        one(Air, (-0.38, 0.82), (0.2, 0.13), 0.3),
        line(Bone, CLIVUS, 0.1, Sides::One),
        line(Fat, CLIVUS, 0.06, Sides::One),
        one(Gland, (-0.2, 0.58), (0.1, 0.055), 0.1),
        line(Gland, &[(-0.14, 0.38), (-0.18, 0.55)], 0.014, Sides::One),
        one(Air, (-0.75, 0.95), (0.25, 0.16), 0.0),
        one(Muscle, (-0.6, 1.5), (0.35, 0.22), 0.0),
        one(Air, (-0.08, 1.4), (0.06, 0.35), -0.1),
        line(Fat, &[(0.75, 1.25), (0.72, 1.9)], 0.12, Sides::One),
    ],
    sella: Some((-0.2, 0.58)),
};

/// Beside the midline.
pub(super) const SAGITTAL_SIDE: View = View {
    floor: 0.62,
    face: &[
        Shape::Ellipse((-0.35, 0.95), (0.6, 0.8), turned(0.0)),
        Shape::Ellipse((0.5, 1.0), (0.55, 0.7), turned(0.0)),
    ],
    parts: &[
        line(Grey, &[(-0.55, 0.3), (-0.2, 0.12), (0.3, 0.0)], 0.07, Sides::One),
        line(Fluid, &[(-0.62, 0.34), (-0.2, 0.12), (0.3, 0.0)], 0.02, Sides::One),
        ventricle((0.32, 0.06), (0.1, 0.05), -0.6, Sides::One),
        ventricle((0.12, 0.28), (0.16, 0.03), -0.2, Sides::One),
        one(Grey, (0.0, 0.2), (0.14, 0.07), 0.0),
        one(Fluid, (0.6, 0.72), (0.48, 0.32), 0.0),
        leaves((0.62, 0.72), (0.4, 0.25), Sides::One),
        one(White, (0.5, 0.7), (0.16, 0.08), 0.0),
        one(Fat, (-0.95, 0.6), (0.2, 0.16), 0.0),
        one(Fluid, (-1.0, 0.6), (0.12, 0.12), 0.0),
        one(Muscle, (-0.5, 1.2), (0.3, 0.35), 0.3),
        one(Air, (-0.75, 0.95), (0.15, 0.12), 0.0),
    ],
    sella: None,
    ..SAGITTAL_MIDDLE
};
