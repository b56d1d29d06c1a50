//! Where a mass lies.

use std::f32::consts::TAU;

use sdmad_base::Stream;

use crate::field::between;
use crate::outline::Outline;
use crate::plane::{Plane, length};
use crate::window::Window;

/// The depth of pixels too far from a mass to matter.
const FAR: f32 = -1e3;

/// An outline and where it is.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// The mass's outline.
    pub(super) outline: Outline,
    /// How far inside of it each pixel is, in pixels; [`FAR`] away from it.
    pub(super) depth: Plane,
    /// The middle of its bounds.
    pub(super) centre: (f32, f32),
    /// Half of its width and of its height.
    pub(super) half: (f32, f32),
}

impl Site {
    /// The place of `outline` in an image with `side` pixels a side.
    pub(super) fn new(outline: Outline, side: usize) -> Self {
        let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
        for i in 0..96 {
            let (x, y) = outline.point(TAU * i as f32 / 96.0, 1.0);
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        let centre = (0.5 * (low.0 + high.0), 0.5 * (low.1 + high.1));
        let half = (0.5 * (high.0 - low.0), 0.5 * (high.1 - low.1));
        let mut site = Site { depth: Plane::filled(side, FAR), outline, centre, half };
        let window = site.window(side, 0.8 * site.outline.radius + 6.0);
        let Site { outline, depth, .. } = &mut site;
        window.change(depth, |x, y, _, _| outline.depth(x, y));
        site
    }

    /// Its bounds with `margin` pixels around.
    pub(super) fn window(&self, side: usize, margin: f32) -> Window {
        let limits = |centre: f32, half: f32| (centre - half - margin, centre + half + margin + 1.0);
        Window::new(side, limits(self.centre.0, self.half.0), limits(self.centre.1, self.half.1))
    }

    /// The distance from the centre, 1 on the ellipse of its bounds.
    pub(super) fn reach(&self, x: f32, y: f32) -> f32 {
        length((x - self.centre.0) / self.half.0, (y - self.centre.1) / self.half.1)
    }
}

/// A place for a mass of `radius` pixels, away from `others` (centre and radius) and out of the dark: mostly in the
/// upper two thirds.
pub(super) fn free_place(
    stream: &mut Stream,
    image: &Plane,
    radius: f32,
    others: &[(f32, f32, f32)],
) -> Option<(f32, f32)> {
    let size = image.side() as f32;
    for attempt in 0..12 {
        let rows = if stream.chance(0.8) { (0.2, 0.6) } else { (0.12, 0.85) };
        let x = between(stream, 0.14, 0.86) * size;
        let y = (between(stream, rows.0, rows.1) * size).max(0.75 * radius + 0.05 * size);
        let clear = others.iter().all(|o| length(o.0 - x, o.1 - y) > 1.5 * (o.2 + radius));
        if clear && (attempt > 8 || level_around(image, (x, y), radius) > 0.17) {
            return Some((x, y));
        }
    }
    None
}

/// The mean value on and around a circle.
pub(super) fn level_around(image: &Plane, centre: (f32, f32), radius: f32) -> f32 {
    let mut sum = 0.0;
    for i in 0..96 {
        let angle = TAU * (i % 24) as f32 / 24.0;
        let length = radius * (0.8 + 0.25 * (i / 24) as f32);
        sum += image.at((centre.0 + angle.cos() * length) as i64, (centre.1 + angle.sin() * length) as i64);
    }
    sum / 96.0
}
