//! The image as a film: absorption that adds up, and what was noted of it.

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::outline::Outline;
use crate::plane::{Plane, soft_step};
use crate::scene::Scene;

use super::chest::Chest;

/// The least mean change of level under a mask that counts as visible.
const VISIBLE: f32 = 0.022;

/// A chest X-ray being drawn on.
#[derive(Clone, Debug)]
pub(super) struct Film {
    /// Levels from 0 (black) to 1.
    pub(super) level: Plane,
    /// Where the lungs are.
    pub(super) chest: Chest,
    /// 1 within each lung.
    pub(super) covers: [Plane; 2],
    /// The level of tissue that hardly anything passes, for each column.
    white: Vec<f32>,
}

impl Film {
    /// The film of an image on which the lungs have been found.
    pub(super) fn new(level: Plane, chest: Chest) -> Self {
        let covers = [chest.lungs[0].cover(), chest.lungs[1].cover()];
        let white = white(&level, &chest);
        Film { level, chest, covers, white }
    }

    /// Pixels of a side.
    pub(super) fn side(&self) -> usize {
        self.level.side()
    }

    /// Covers anew, after the chest was changed.
    pub(super) fn outline_lungs(&mut self) {
        self.covers = [self.chest.lungs[0].cover(), self.chest.lungs[1].cover()];
    }

    /// Both lungs.
    pub(super) fn lungs(&self) -> Plane {
        self.covers[0].clone().max(&self.covers[1])
    }

    /// Adds absorption (or takes it away, where `density` is below 0), as attenuation in a projection: detail stays,
    /// fainter. Says whether the change shows under `mask`; without that the film stays as it was.
    pub(super) fn absorb(&mut self, density: &Plane, mask: &Plane) -> bool {
        let mut exposed = self.level.clone();
        let rows = exposed.values_mut().chunks_exact_mut(self.white.len());
        for (row, densities) in rows.zip(density.values().chunks_exact(self.white.len())) {
            for ((value, &d), &white) in row.iter_mut().zip(densities).zip(&self.white) {
                if d != 0.0 && *value < white {
                    *value = (white - (white - *value) * (-d).exp()).max(0.0);
                }
            }
        }
        let change = exposed.clone().zip(&self.level, |a, b| (a - b).abs());
        let shows = change.mean_under(mask) > VISIBLE;
        if shows {
            self.level = exposed;
        }
        shows
    }

    /// As [`Film::absorb`], after smoothing by `smear`: the share of each pixel and how many pixels. What is refused
    /// leaves no smear.
    pub(super) fn veil(&mut self, smear: Option<(Plane, f32)>, density: &Plane, mask: &Plane) -> bool {
        let Some((share, sigma)) = smear else { return self.absorb(density, mask) };
        let before = self.level.clone();
        self.smear(&share, sigma);
        let shows = self.absorb(density, mask);
        if !shows {
            self.level = before;
        }
        shows
    }

    /// Smooths by `sigma` pixels, by the share of each pixel in `share`.
    fn smear(&mut self, share: &Plane, sigma: f32) {
        let smooth = self.level.blurred(sigma);
        for ((v, &s), &a) in self.level.values_mut().iter_mut().zip(smooth.values()).zip(share.values()) {
            *v += a.clamp(0.0, 1.0) * (s - *v);
        }
    }

    /// Fetches each pixel from where `from` says.
    pub(super) fn warp(&mut self, from: impl Fn(f32, f32) -> (f32, f32)) {
        self.level = Plane::from_fn(self.side(), |x, y| {
            let (u, v) = from(x, y);
            if (u, v) == (x, y) { self.level.at(x as i64, y as i64) } else { self.level.sample(u, v) }
        });
    }

    /// Whether the mask reaches one of the angles between diaphragm and chest wall.
    pub(super) fn reaches_angle(&self, mask: &Plane) -> bool {
        self.chest.lungs.iter().any(|lung| {
            let (x, y) = lung.angle();
            let up = 0.03 * self.side() as f32;
            mask.sample(x, y - up).max(mask.sample(x - lung.outward * up, y - up)) > 0.3
        })
    }

    /// Notes a finding in the lungs, which are no longer clear; angles that it reaches are no longer known to be sharp.
    /// Says whether it was noted: a mask without weight is not.
    pub(super) fn note(&self, scene: &mut Scene, attributes: AttributeSet, mask: Plane) -> bool {
        let at_angle = self.reaches_angle(&mask);
        let noted = scene.note(attributes, mask);
        if noted {
            scene.present = scene.present.without([A::ClearLungs].into());
            scene.unknown = scene.unknown.without([A::ClearLungs].into());
            if at_angle {
                scene.doubt([A::SharpAngles]);
            }
        }
        noted
    }

    /// As [`Film::note`], one finding for each side of the midline where there is a part of the mask. Says whether
    /// there was one.
    pub(super) fn note_sides(&self, scene: &mut Scene, mut attributes: AttributeSet, mask: &Plane) -> bool {
        let halves = [-1.0, 1.0].map(|outward| self.half(mask, outward));
        let filled = halves.iter().filter(|h| h.mean() > 0.001).count();
        if filled == 2 {
            attributes.insert(A::Bilateral);
        }
        let mut noted = false;
        for half in halves.into_iter().filter(|h| h.mean() > if filled > 0 { 0.001 } else { 0.0 }) {
            noted |= self.note(scene, attributes, half);
        }
        noted
    }

    /// As [`Film::note_sides`], of things that can be counted: those of each side, and all of them for the image.
    /// Things that run together count once, but not below `drawn` of a side: those that can be told where they overlap.
    pub(super) fn note_counted(
        &self,
        scene: &mut Scene,
        attributes: AttributeSet,
        mask: &Plane,
        drawn: [usize; 2],
    ) -> bool {
        let halves = [-1.0, 1.0].map(|outward| self.half(mask, outward));
        let count = |index: usize| match parts(&halves[index]) {
            0 => 0,
            count => count.max(drawn[index]),
        };
        let counts = [count(0), count(1)];
        let all = A::of_count(counts[0] + counts[1]);
        let on_both = counts.iter().all(|&count| count > 0);
        let mut noted = false;
        for (half, count) in halves.into_iter().zip(counts).filter(|half| half.1 > 0) {
            let mut words = attributes;
            if on_both {
                words.insert(A::Bilateral);
            }
            // A few on one side are not what is said of many.
            if A::of_count(count) != A::Few || all == A::Few {
                words.insert(A::of_count(count));
            }
            noted |= self.note(scene, words, half);
        }
        if noted {
            scene.present.insert(all);
        }
        noted
    }

    /// The part of a mask on one side of the midline.
    fn half(&self, mask: &Plane, outward: f32) -> Plane {
        let (side, middle) = (mask.side(), self.chest.middle);
        let mut half = mask.clone();
        for row in half.values_mut().chunks_exact_mut(side) {
            for (x, value) in row.iter_mut().enumerate() {
                if (x as f32 - middle) * outward <= 0.0 {
                    *value = 0.0;
                }
            }
        }
        half
    }

    /// Puts the film back into the scene.
    pub(super) fn develop(self, scene: &mut Scene) {
        scene.canvas = Canvas::grey(self.level);
    }
}

/// How many connected parts a mask has, without crumbs.
fn parts(mask: &Plane) -> usize {
    let side = mask.side();
    // A disc of four and a half pixels across, at 224 pixels a side.
    let least = (16 * side * side) / (224 * 224);
    let mut left: Vec<bool> = mask.values().iter().map(|&v| v > 0.5).collect();
    let mut count = 0;
    let mut open = Vec::new();
    for start in 0..left.len() {
        if !std::mem::take(&mut left[start]) {
            continue;
        }
        open.push(start);
        let mut size = 0;
        while let Some(index) = open.pop() {
            size += 1;
            let (column, row) = (index % side, index / side);
            let beside = [
                (column > 0).then(|| index - 1),
                (column + 1 < side).then(|| index + 1),
                (row > 0).then(|| index - side),
                (row + 1 < side).then(|| index + side),
            ];
            for next in beside.into_iter().flatten() {
                if std::mem::take(&mut left[next]) {
                    open.push(next);
                }
            }
        }
        count += usize::from(size >= least.max(4));
    }
    count
}

/// The level of thick tissue for each column: between that of the mediastinum and that below the diaphragm.
fn white(level: &Plane, chest: &Chest) -> Vec<f32> {
    let side = level.side();
    let smooth = |x: f32, y: f32| {
        let parts = (-2..3).flat_map(|i| (-2..3).map(move |j| (i as f32, j as f32)));
        parts.map(|(i, j)| level.sample(x + 2.0 * i, y + 2.0 * j)).sum::<f32>() / 25.0
    };
    let (low, high) = (chest.lungs[0].place(0.5, 1.0).1, chest.lungs[0].apex);
    let middle = smooth(chest.middle, 0.35 * high + 0.65 * low).max(smooth(chest.middle, 0.6 * high + 0.4 * low));
    let below = [0, 1].map(|i| {
        let (x, y) = chest.lungs[i].place(0.5, 1.0);
        0.2 * middle + 0.8 * smooth(x, y + 0.07 * side as f32).max(0.75 * middle)
    });
    let half = chest.half_width().max(1.0);
    (0..side)
        .map(|x| {
            let away = (x as f32 - chest.middle) / half;
            let lateral = below[usize::from(away > 0.0)];
            (middle + (2.0 * away.abs()).min(1.0) * (lateral - middle)).clamp(0.3, 1.0)
        })
        .collect()
}

/// Draws an outline's fill onto a plane, with an edge of about `softness` pixels; where fills meet, the stronger
/// counts. Only the pixels around the outline are visited. `ruffle` moves the edge by a field times so many pixels.
pub(super) fn stamp(plane: &mut Plane, outline: &Outline, softness: f32, ruffle: Option<(&Plane, f32)>) {
    let side = plane.side();
    let mut reach = (0.0f32, 0.0f32);
    for i in 0..48 {
        let (x, y) = outline.point(std::f32::consts::TAU * i as f32 / 48.0, 1.0);
        reach = (reach.0.max((x - outline.centre.0).abs()), reach.1.max((y - outline.centre.1).abs()));
    }
    let margin = 2.0 * softness + 0.4 * outline.radius + 2.0;
    let range = |centre: f32, reach: f32| {
        let (low, high) = ((centre - reach - margin).max(0.0), (centre + reach + margin).max(0.0));
        low as usize..(high as usize + 1).min(side)
    };
    for y in range(outline.centre.1, reach.1) {
        for x in range(outline.centre.0, reach.0) {
            let index = y * side + x;
            let moved = ruffle.map_or(0.0, |(field, scale)| scale * field.values()[index]);
            let inside = soft_step(outline.depth(x as f32, y as f32) + moved, softness);
            let value = &mut plane.values_mut()[index];
            *value = value.max(inside);
        }
    }
}

/// 1 where a plane is above `least`, else 0.
pub(super) fn mask_of(plane: &Plane, least: f32) -> Plane {
    plane.clone().map(|v| if v > least { 1.0 } else { 0.0 })
}

/// Small or large, wide or tall, as measured on a mask.
pub(super) fn extent(mask: &Plane) -> AttributeSet {
    let side = mask.side();
    let (mut sum, mut x, mut y, mut xx, mut yy) = (0.0f64, 0.0f64, 0.0f64, 0.0f64, 0.0f64);
    for (index, &value) in mask.values().iter().enumerate() {
        if value > 0.0 {
            let (w, column, row) = (f64::from(value), (index % side) as f64, (index / side) as f64);
            (sum, x, y) = (sum + w, x + w * column, y + w * row);
            (xx, yy) = (xx + w * column * column, yy + w * row * row);
        }
    }
    let mut set = AttributeSet::EMPTY;
    if sum < 1.0 {
        return set;
    }
    let radius = (sum / std::f64::consts::PI).sqrt() / side as f64;
    let spread = |first: f64, second: f64| (second / sum - (first / sum).powi(2)).max(0.0).sqrt();
    let (across, down) = (spread(x, xx), spread(y, yy));
    let measured = [
        (A::Small, radius < 0.07),
        (A::Large, radius > 0.17),
        (A::Wide, across > 1.25 * down),
        (A::Tall, down > 1.25 * across),
    ];
    measured.iter().filter(|m| m.1).for_each(|m| set.insert(m.0));
    set
}

#[cfg(test)]
mod tests {
    use sdmad_base::Stream;

    use super::super::anatomy;
    use super::*;

    fn film() -> Film {
        let level = anatomy::chest(&mut Stream::new(1, "film"), 224);
        let chest = Chest::locate(&level);
        Film::new(level, chest)
    }

    #[test]
    fn what_is_refused_leaves_no_smear() {
        let mut film = film();
        let before = film.level.clone();
        let (lungs, mask) = (film.lungs(), mask_of(&film.lungs(), 0.5));
        assert!(!film.veil(Some((lungs.clone(), 2.0)), &Plane::filled(224, 0.0), &mask));
        assert!(film.level == before, "the smear stayed");
        assert!(film.veil(Some((lungs.clone(), 2.0)), &lungs, &mask));
        assert!(film.level != before);
    }

    #[test]
    fn parts_are_counted_on_each_side() {
        let film = film();
        for (spots, said, of_all) in [
            (vec![0.3, 0.7], vec![A::Single, A::Single], A::Few),
            (vec![0.1, 0.2, 0.3, 0.8], vec![A::Few, A::Single], A::Few),
            (vec![0.1, 0.18, 0.26, 0.34, 0.42, 0.8], vec![A::Multiple, A::Single], A::Multiple),
        ] {
            let mask = Plane::from_fn(224, |x, y| {
                let near = |s: &f32| (x - s * 224.0).powi(2) + (y - 112.0).powi(2) < 36.0;
                if spots.iter().any(near) { 1.0 } else { 0.0 }
            });
            let mut scene = Scene::new(Canvas::grey(film.level.clone()));
            assert!(film.note_counted(&mut scene, [A::Bright].into(), &mask, [0, 0]));
            let words: Vec<AttributeSet> = scene.findings.iter().map(|f| f.attributes).collect();
            assert_eq!(words.len(), 2);
            for (words, said) in words.iter().zip(&said) {
                assert!(words.contains(*said), "{spots:?}: {}", said.id());
                assert!(words.contains(A::Bilateral));
            }
            assert!(scene.present.contains(of_all), "{spots:?}: {}", of_all.id());
        }
    }
}
