//! Where field, disc, macula and vessels are on a photograph.

use crate::canvas::Canvas;
use crate::plane::{Plane, length, soft_step};
use crate::smooth::{BLOCK, darkness, reduced, smooth_inside};

/// The landmarks of a photograph, in pixels.
#[derive(Clone, Debug)]
pub(crate) struct Eye {
    /// 1 in the field of view, 0 in the black around it.
    pub(super) field: Plane,
    /// The middle of the field.
    pub(super) centre: (f32, f32),
    /// Half the width of the field.
    pub(super) radius: f32,
    /// The middle of the optic disc, or where it is most likely.
    pub(super) disc: (f32, f32),
    /// The radius of the disc.
    pub(super) disc_radius: f32,
    /// Whether the disc stands out.
    pub(super) disc_seen: bool,
    /// The macula, 2.5 disc diameters from the disc.
    pub(super) macula: (f32, f32),
    /// 1 on vessels and other thin dark lines.
    pub(super) vessels: Plane,
    /// Brightness without detail, 0 to 1.
    pub(super) light: Plane,
    /// How far thin dark lines stand out: the root mean square of their relative darkness.
    clarity: f32,
}

impl Eye {
    /// Finds the landmarks. Always finds some; [`Eye::disc_seen`] says whether the disc is to be trusted.
    pub(super) fn find(canvas: &Canvas) -> Eye {
        let luma = canvas.luma();
        let (centre, radii) = extent(canvas);
        let radius = radii.0;
        let field = field(canvas, centre, radii);
        let unit = luma.side() as f32 / 224.0;
        let light = smooth_inside(&luma, &field, 10.0 * unit);
        let drop = darkness(canvas, &field, unit);
        let inner = inner_field(luma.side(), centre, radii);
        let clarity = drop.clone().map(|d| d * d).mean_under(&inner).sqrt();
        let vessels = drop.map(|d| soft_step(d - 0.085, 0.05)).times(&inner);
        let typical = 0.142 * radius;
        let rough = brightest_disc(canvas, &field, &vessels, centre, radius);
        let (disc, disc_radius, contrast) = refined_disc(&luma, rough, typical);
        let off = (disc.0 - centre.0) / radius;
        let disc_seen = contrast > 0.1 && length(off, (disc.1 - centre.1) / radius) < 0.93;
        let macula = macula(&light, centre, radius, disc, disc_radius);
        Eye { field, centre, radius, disc, disc_radius, disc_seen, macula, vessels, light, clarity }
    }

    /// Whether vessels stand out crisply.
    pub(super) fn is_clear(&self) -> bool {
        self.clarity > 0.033
    }

    /// Pixels in one 224th of the side: sizes are given in these.
    pub(super) fn unit(&self) -> f32 {
        self.field.side() as f32 / 224.0
    }

    /// Whether a place is in the field, `margin` pixels from its edge.
    pub(super) fn holds(&self, place: (f32, f32), margin: f32) -> bool {
        let away = length(place.0 - self.centre.0, place.1 - self.centre.1);
        away < self.radius - margin && self.field.at(place.0 as i64, place.1 as i64) > 0.5
    }

    /// Whether a place is on the disc or close to it.
    pub(super) fn on_disc(&self, place: (f32, f32)) -> bool {
        length(place.0 - self.disc.0, place.1 - self.disc.1) < 1.35 * self.disc_radius
    }
}

/// The middle of the field and its half axes: how far light reaches from the middle of the image.
fn extent(canvas: &Canvas) -> ((f32, f32), (f32, f32)) {
    let side = canvas.side() as i64;
    let level = |x: i64, y: i64| canvas.planes().iter().map(|p| p.at(x, y)).fold(0.0, f32::max);
    let middle = side / 2;
    let inner = (-8..=8).map(|d| level(middle + d * side / 40, middle)).sum::<f32>() / 17.0;
    let dark = (0.22 * inner).clamp(0.03, 0.1);
    let reach = |dx: i64, dy: i64| {
        let (mut last, mut missed) = (1, 0);
        for step in 1..=middle {
            let lit = (-3..=3).any(|o: i64| {
                level(middle + dx * step + dy * o * side / 30, middle + dy * step + dx * o * side / 30) > dark
            });
            missed = if lit { 0 } else { missed + 1 };
            if lit {
                last = step;
            }
            if missed > side / 30 {
                break;
            }
        }
        last as f32
    };
    let (left, right, up, down) = (reach(-1, 0), reach(1, 0), reach(0, -1), reach(0, 1));
    let middle = middle as f32;
    let centre = (middle + 0.5 * (right - left), middle + 0.5 * (down - up));
    let across = (0.5 * (left + right)).max(0.25 * side as f32);
    let high = 0.5 * (up + down);
    let cut = up + down > 1.96 * middle || high < 0.7 * across;
    (centre, (across, if cut { across.max(high) } else { high }))
}

/// The share of the way from the middle to the edge of an ellipse, below 1 inside.
fn outwards(place: (f32, f32), centre: (f32, f32), radii: (f32, f32)) -> f32 {
    length((place.0 - centre.0) / radii.0, (place.1 - centre.1) / radii.1)
}

/// From the first to the last lit pixel of each row, not far outside the ellipse.
fn field(canvas: &Canvas, centre: (f32, f32), radii: (f32, f32)) -> Plane {
    let side = canvas.side();
    let [red, green, blue] = canvas.planes();
    let generous = (1.12 * radii.0, 1.12 * radii.0.max(radii.1));
    let mut field = Plane::filled(side, 0.0);
    for y in 0..side {
        let lit = |x: &usize| {
            let i = y * side + x;
            let level = red.values()[i].max(green.values()[i]).max(blue.values()[i]);
            level > 0.07 && outwards((*x as f32, y as f32), centre, generous) < 1.0
        };
        let (first, last) = ((0..side).find(lit), (0..side).rev().find(lit));
        if let (Some(first), Some(last)) = (first, last) {
            field.values_mut()[y * side + first..=y * side + last].fill(1.0);
        }
    }
    field.blurred(0.5)
}

/// Away from the edge, where brightness falls to black.
fn inner_field(side: usize, centre: (f32, f32), radii: (f32, f32)) -> Plane {
    Plane::from_fn(side, |x, y| {
        let inside = outwards((x, y), centre, radii) < 0.94;
        if inside && y > 3.0 && y < side as f32 - 4.0 { 1.0 } else { 0.0 }
    })
}

/// The spot of the disc's size that is brightest against its surroundings, crossed by vessels.
fn brightest_disc(canvas: &Canvas, field: &Plane, vessels: &Plane, centre: (f32, f32), radius: f32) -> (f32, f32) {
    let block = BLOCK as f32;
    let size = 0.142 * radius / block;
    let mask = reduced(field);
    let [red, green, _] = canvas.planes();
    let warm = reduced(&red.clone().zip(green, |r, g| 0.4 * r + 0.6 * g));
    let near = smooth_inside(&warm, &mask, 0.55 * size);
    let far = smooth_inside(&warm, &mask, 2.4 * size);
    let crossed = smooth_inside(&reduced(vessels), &mask, 1.1 * size);
    let contrast = near.zip(&far, |n, f| (n - f) / (f + 0.05));
    let mut score = contrast.zip(&crossed, |c, v| c.min(0.8) + 1.1 * v.min(0.4));
    let side = score.side();
    for (i, value) in score.values_mut().iter_mut().enumerate() {
        let place = ((i % side) as f32 * block, (i / side) as f32 * block);
        let (dx, dy) = ((place.0 - centre.0) / radius, (place.1 - centre.1) / radius);
        let unlikely = 0.35 * (dy.abs() - 0.3).max(0.0) + 0.25 * (0.25 - dx.abs()).max(0.0);
        *value -= unlikely + if length(dx, dy) > 0.93 { 10.0 } else { 0.0 };
    }
    let (x, y) = score.brightest();
    ((x as f32 + 0.5) * block, (y as f32 + 0.5) * block)
}

/// Middle, radius and contrast of the bright spot near `rough`.
fn refined_disc(luma: &Plane, rough: (f32, f32), typical: f32) -> ((f32, f32), f32, f32) {
    let mut centre = rough;
    let (mut area, mut contrast) = (0.0f32, 0.0f32);
    for _ in 0..3 {
        let inside = ring_mean(luma, centre, 0.0, 0.7 * typical);
        let outside = ring_mean(luma, centre, 1.35 * typical, 1.9 * typical);
        contrast = (inside - outside) / (outside + 0.03);
        let bar = outside + 0.4 * (inside - outside);
        let (mut x_sum, mut y_sum) = (0.0f32, 0.0f32);
        area = 0.0;
        for_disc(centre, 1.45 * typical, |x, y, _| {
            if luma.at(x, y) > bar {
                x_sum += x as f32;
                y_sum += y as f32;
                area += 1.0;
            }
        });
        if area > 0.5 * typical * typical {
            centre = (x_sum / area, y_sum / area);
        }
    }
    let radius = (area / std::f32::consts::PI).sqrt().clamp(0.9 * typical, 1.25 * typical);
    (centre, radius, contrast)
}

/// Calls `f` with column, row and distance of each pixel up to `radius` from `centre`.
fn for_disc(centre: (f32, f32), radius: f32, mut f: impl FnMut(i64, i64, f32)) {
    for y in (centre.1 - radius) as i64..=(centre.1 + radius) as i64 {
        for x in (centre.0 - radius) as i64..=(centre.0 + radius) as i64 {
            let away = length(x as f32 - centre.0, y as f32 - centre.1);
            if away <= radius {
                f(x, y, away);
            }
        }
    }
}

/// The mean between two distances from a place.
pub(super) fn ring_mean(plane: &Plane, centre: (f32, f32), from: f32, to: f32) -> f32 {
    let (mut sum, mut count) = (0.0f32, 0.0f32);
    for_disc(centre, to, |x, y, away| {
        if away >= from {
            sum += plane.at(x, y);
            count += 1.0;
        }
    });
    sum / count.max(1.0)
}

/// The darkest place about 2.5 disc diameters from the disc towards the middle.
fn macula(light: &Plane, centre: (f32, f32), radius: f32, disc: (f32, f32), disc_radius: f32) -> (f32, f32) {
    let towards = if disc.0 < centre.0 { 1.0 } else { -1.0 };
    let mut best = (disc.0 + towards * 5.0 * disc_radius, disc.1 + 0.5 * disc_radius);
    let mut least = f32::MAX;
    for step in -4i8..=4 {
        for reach in [4.4f32, 5.0, 5.6] {
            let angle = 0.1 + 0.08 * f32::from(step);
            let apart = reach * disc_radius;
            let place = (disc.0 + towards * apart * angle.cos(), disc.1 + apart * angle.sin());
            let outside = length(place.0 - centre.0, place.1 - centre.1) > 0.8 * radius;
            let value = light.at(place.0 as i64, place.1 as i64);
            if !outside && value < least {
                (least, best) = (value, place);
            }
        }
    }
    best
}
