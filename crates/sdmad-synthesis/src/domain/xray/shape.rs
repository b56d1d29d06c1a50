//! Findings that move what is there.

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::between;
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;

use super::film::Film;

/// Lifts the diaphragm of one side clearly above the other's.
pub(super) fn raised_diaphragm(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    if !film.chest.is_clear() {
        // One diaphragm is high against the other: both must be known.
        return;
    }
    let side = film.side() as f32;
    let index = film.chest.one(stream);
    let lung = film.chest.lungs[index].clone();
    let (top, floor) = (lung.place(0.5, 0.25).1, lung.place(0.5, 1.0).1);
    let other = film.chest.lungs[1 - index].place(0.5, 1.0).1;
    let wanted = (floor - other).max(0.0) + side * between(stream, 0.07, 0.16);
    let lift = wanted.min(0.42 * (floor - top));
    if floor - lift > other - 0.05 * side {
        return;
    }
    let (inner, outer) = (film.chest.middle + lung.outward * 0.02 * side, lung.place(1.0, 0.95).0);
    let share = move |x: f32| {
        let away = (lung_side(x, inner, lung.outward)).min(lung_side(outer, x, lung.outward) + 0.09 * side);
        soft_step(away - 0.05 * side, 0.08 * side)
    };
    let end = (floor + 2.5 * lift).min(side - 1.0);
    film.warp(|x, y| {
        if y <= top || y >= end {
            return (x, y);
        }
        let rise = lift * share(x);
        // Above the new floor lung is squeezed, below it the belly is stretched.
        let new_floor = floor - rise;
        let from = if y < new_floor {
            top + (y - top) * (floor - top) / (new_floor - top)
        } else {
            end - (end - y) * (end - floor) / (end - new_floor).max(1.0)
        };
        (x, from)
    });
    let mask = Plane::from_fn(film.side(), |x, y| {
        let rise = lift * share(x);
        if rise > 0.3 * lift && y > floor - rise && y < floor + 0.02 * side { 1.0 } else { 0.0 }
    });
    for (x, row) in film.chest.lungs[index].floor.iter_mut().enumerate() {
        *row -= lift * share(x as f32) * ((*row - top) / (floor - top)).clamp(0.0, 1.0);
    }
    film.outline_lungs();
    scene.doubt([A::SharpAngles]);
    scene.note([A::RaisedDiaphragm, A::Bright, A::Single], mask);
}

/// How far `x` is outward of `from`.
fn lung_side(x: f32, from: f32, outward: f32) -> f32 {
    outward * (x - from)
}

/// Stretches the heart's shadow sideways until it is wider than half of the chest.
pub(super) fn wide_heart(stream: &mut Stream, film: &mut Film, scene: &mut Scene) {
    if !film.chest.is_clear() {
        // The heart's edges are those of the lungs.
        return;
    }
    let side = film.side() as f32;
    let (middle, half) = (film.chest.middle, film.chest.half_width());
    let [left, right] = film.chest.lungs.clone();
    let row = |share: f32| 0.5 * (left.place(0.2, share).1 + right.place(0.2, share).1);
    let (top, heart, bottom) = (row(0.3), row(0.75), row(1.0) + 0.06 * side);
    let at = (heart as usize).min(film.side() - 1);
    let reach = [(middle - left.inner[at]).max(4.0), (right.inner[at] - middle).max(4.0)];
    let ratio = (reach[0] + reach[1]) / (2.0 * half);
    let wanted = between(stream, 0.58, 0.78);
    let factor = (wanted / ratio).clamp(1.0, 1.8);
    if factor < 1.12 || ratio * factor < 0.56 {
        // It is wide already, or cannot be made so: nothing to be drawn.
        return;
    }
    let balance = between(stream, 0.85, 1.0);
    let factors = [1.0 + (factor - 1.0) * balance * 0.9, factor];
    let limit = 0.97 * half;
    let stretched = [0, 1].map(|i| (reach[i] * factors[i]).min(0.84 * limit));
    let strength = |y: f32| {
        let rising = soft_step(y - 0.5 * (top + heart), 0.5 * (heart - top));
        rising * soft_step(bottom + 0.05 * side - y, 0.08 * side)
    };
    film.warp(|x, y| {
        let share = strength(y);
        let away = (x - middle).abs();
        if share <= 0.0 || away >= limit {
            return (x, y);
        }
        let index = usize::from(x > middle);
        let edge = reach[index] + share * (stretched[index] - reach[index]);
        // Inside the edge the heart is stretched, outside lung is squeezed.
        let from = if away < edge {
            away * reach[index] / edge
        } else {
            limit - (limit - away) * (limit - reach[index]) / (limit - edge)
        };
        (middle + (x - middle).signum() * from, y)
    });
    let mask = Plane::from_fn(film.side(), |x, y| {
        let away = (x - middle).abs();
        let share = strength(y);
        let index = usize::from(x > middle);
        let edge = reach[index] + share * (stretched[index] - reach[index]);
        if share > 0.4 && y < bottom && away < edge { 1.0 } else { 0.0 }
    });
    for (index, lung) in film.chest.lungs.iter_mut().enumerate() {
        for (y, column) in lung.inner.iter_mut().enumerate() {
            *column += lung.outward * strength(y as f32) * (stretched[index] - reach[index]);
        }
    }
    film.outline_lungs();
    scene.doubt([A::SharpAngles]);
    let set: AttributeSet = [A::WideHeart, A::Large, A::Bright, A::Single].into();
    scene.note(set, mask);
}
