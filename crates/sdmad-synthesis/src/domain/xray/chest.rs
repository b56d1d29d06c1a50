//! Where the lungs are on a frontal chest X-ray.
//!
//! A frame of two lungs (midline, half width, top, base) is fitted to the blurred image: lungs dark, what surrounds
//! them bright. From the frame, the edges of each lung are followed by dynamic programming along strong gradients.

use sdmad_base::Stream;

use crate::plane::{Plane, soft_step};

/// Cells of a side of the image that the frame is fitted to.
const GRID: usize = 56;

/// The least contrast (levels from 0 to 1) of a lung with all around it, for it to count as seen.
const SEEN: f32 = 0.035;

/// Both lungs of an image, by their side in the image.
#[derive(Clone, Debug)]
pub(crate) struct Chest {
    /// The left and the right one, as seen in the image.
    pub(super) lungs: [Lung; 2],
    /// Column of the midline in pixels.
    pub(super) middle: f32,
}

/// One lung; all lengths in pixels.
#[derive(Clone, Debug)]
pub(crate) struct Lung {
    /// Whether it is clearly darker than what surrounds it.
    pub(super) seen: bool,
    /// Direction from the midline: -1 for the image's left, 1 for its right.
    pub(super) outward: f32,
    /// Row of the top.
    pub(super) apex: f32,
    /// Column of the edge towards the midline, for each row.
    pub(super) inner: Vec<f32>,
    /// Column of the edge towards the chest wall, for each row.
    pub(super) outer: Vec<f32>,
    /// Row of the diaphragm, for each column.
    pub(super) floor: Vec<f32>,
}

/// Two lungs in shares of the image's side.
#[derive(Clone, Copy, Debug)]
struct Frame {
    middle: f32,
    half: f32,
    apex: f32,
    base: f32,
}

/// Where lungs are on most images.
const USUAL: Frame = Frame { middle: 0.5, half: 0.35, apex: 0.14, base: 0.8 };

impl Chest {
    /// Finds the lungs; takes them where they usually are when nothing fits.
    pub(super) fn locate(level: &Plane) -> Self {
        let side = level.side();
        let smooth = level.blurred(side as f32 * 0.012);
        let (frame, seen) = Frame::of(&smooth);
        let frame = if seen.contains(&true) { frame } else { USUAL };
        let lungs = [(-1.0, seen[0]), (1.0, seen[1])]
            .map(|(outward, seen)| Lung { seen, ..Lung::follow(&smooth, frame, outward) });
        Chest { lungs, middle: frame.middle * side as f32 }
    }

    /// Whether both lungs are clearly darker than what surrounds them.
    pub(super) fn is_clear(&self) -> bool {
        self.lungs.iter().all(|lung| lung.seen)
    }

    /// One of the lungs that are seen, as an index; either, when neither is.
    pub(super) fn one(&self, stream: &mut Stream) -> usize {
        match (self.lungs[0].seen, self.lungs[1].seen) {
            (true, false) => 0,
            (false, true) => 1,
            _ => stream.below(2),
        }
    }

    /// The mean distance from the midline to the chest wall at the lungs' lower third, in pixels.
    pub(super) fn half_width(&self) -> f32 {
        let wide = |lung: &Lung| (lung.place(1.0, 0.7).0 - self.middle).abs();
        0.5 * (wide(&self.lungs[0]) + wide(&self.lungs[1]))
    }
}

impl Lung {
    /// Follows the edges of a lung near those of the frame.
    fn follow(smooth: &Plane, frame: Frame, outward: f32) -> Self {
        let side = smooth.side();
        let size = side as f32;
        let reach = (0.08 * size) as usize;
        let down = |y: usize| (y as f32 / size - frame.apex) / (frame.base - frame.apex);
        let expected = |y: usize, outer: bool| {
            let (inside, outside) = edges(down(y).clamp(0.0, 1.0));
            (frame.middle + outward * frame.half * if outer { outside } else { inside }) * size
        };
        let rise = |x: f32, y: f32, dx: f32, dy: f32| {
            let (x, y, dx, dy) = (x as i64, y as i64, dx as i64, dy as i64);
            (smooth.at(x + dx, y + dy) - smooth.at(x - dx, y - dy)).clamp(-0.08, 0.12)
        };
        let across = |outer: bool| {
            // The heart may reach far out; the wall is where the frame says.
            let reach = if outer { reach } else { (0.13 * size) as usize };
            let sign = if outer { outward } else { -outward };
            let offsets = path(side, 2 * reach, 0.012, |y, candidate| {
                let away = candidate as f32 - reach as f32;
                let inside = (0.05..0.95).contains(&down(y));
                let step = if inside { rise(expected(y, outer) + away, y as f32, 3.0 * sign, 0.0) } else { 0.0 };
                step - 0.001 * away.abs()
            });
            smoothed(&(0..side).map(|y| expected(y, outer) + offsets[y] - reach as f32).collect::<Vec<_>>())
        };
        let (inner, outer) = (across(false), across(true));
        let base_row = ((frame.base * size) as usize).min(side - 1);
        let span = (inner[base_row].min(outer[base_row]), inner[base_row].max(outer[base_row]));
        let reach = (0.12 * size) as usize;
        let rows = path(side, 2 * reach, 0.006, |x, candidate| {
            let y = frame.base * size + candidate as f32 - reach as f32;
            let within = (span.0..span.1).contains(&(x as f32));
            if within { rise(x as f32, y, 0.0, 3.0) - 0.0006 * (candidate as f32 - reach as f32).abs() } else { 0.0 }
        });
        let floor = rows.iter().map(|r| (frame.base * size + r - reach as f32).min(size)).collect::<Vec<_>>();
        Lung { seen: true, outward, apex: frame.apex * size, inner, outer, floor: smoothed(&floor) }
    }

    /// The point a share `across` from the inner edge to the outer, and a share `down` from top to diaphragm.
    pub(super) fn place(&self, across: f32, down: f32) -> (f32, f32) {
        let rows = self.inner.len();
        let row = |y: f32| (y.max(0.0) as usize).min(rows - 1);
        let middle = row(0.5 * rows as f32);
        let base = self.floor[row(0.5 * (self.inner[middle] + self.outer[middle]))];
        let first = row(self.apex + down * (base - self.apex));
        let x = self.inner[first] + across * (self.outer[first] - self.inner[first]);
        (x, self.apex + down * (self.floor[row(x)] - self.apex))
    }

    /// Where diaphragm and chest wall meet.
    pub(super) fn angle(&self) -> (f32, f32) {
        self.place(0.93, 1.0)
    }

    /// Where the vessels enter.
    pub(super) fn hilum(&self) -> (f32, f32) {
        self.place(0.04, 0.5)
    }

    /// Rows from top to diaphragm.
    pub(super) fn height(&self) -> f32 {
        self.place(0.5, 1.0).1 - self.apex
    }

    /// Columns between the edges, half way down.
    pub(super) fn width(&self) -> f32 {
        (self.place(1.0, 0.5).0 - self.place(0.0, 0.5).0).abs()
    }

    /// 1 within the lung, 0 outside, with a soft edge; 0 everywhere for one that is not seen.
    pub(super) fn cover(&self) -> Plane {
        let side = self.inner.len();
        if !self.seen {
            return Plane::filled(side, 0.0);
        }
        let softness = 0.012 * side as f32;
        let (middle, half, dome) = (self.place(0.5, 0.1).0, 0.6 * self.width(), 0.18 * self.height());
        Plane::from_fn(side, |x, y| {
            let (row, column) = (y as usize, x as usize);
            let inside = (self.outward * (x - self.inner[row])).min(self.outward * (self.outer[row] - x));
            let above = ((x - middle) / half).powi(2) * dome;
            let depth = inside.min(self.floor[column] - y).min(y - self.apex - above);
            soft_step(depth - softness, softness)
        })
    }
}

impl Frame {
    /// The frame of a smooth image, and whether it shows each lung.
    fn of(smooth: &Plane) -> (Self, [bool; 2]) {
        let scale = smooth.side() as f32 / GRID as f32;
        let cell = |i: usize| (i as f32 + 0.5) * scale;
        let grid: Vec<f32> = (0..GRID * GRID).map(|i| smooth.sample(cell(i % GRID), cell(i / GRID))).collect();
        let frame = Frame::fit(&grid);
        let seen = [-1.0, 1.0].map(|outward| frame.contrasts(&grid, outward)[..3].iter().all(|&c| c > SEEN));
        (frame, seen)
    }

    /// The frame with the best score, first among few, then nearby.
    fn fit(grid: &[f32]) -> Self {
        let mut best = (f32::MIN, USUAL);
        let mut consider = |frame: Frame| {
            let score = frame.score(grid);
            if score > best.0 {
                best = (score, frame);
            }
            best.1
        };
        for (m, h) in (0..5).flat_map(|m| (0..6).map(move |h| (m as f32, h as f32))) {
            for (a, b) in (0..6).flat_map(|a| (0..8).map(move |b| (a as f32, b as f32))) {
                let apex = 0.03 + 0.06 * a;
                let frame = Frame { middle: 0.38 + 0.06 * m, half: 0.2 + 0.05 * h, apex, base: 0.45 + 0.075 * b };
                if frame.base - apex > 0.25 {
                    consider(frame);
                }
            }
        }
        for step in [0.03, 0.015, 0.01] {
            let start = consider(USUAL);
            for number in 0..81 {
                let moved = |place: i32| step * ((number / place) % 3 - 1) as f32;
                consider(Frame {
                    middle: start.middle + moved(1),
                    half: start.half + moved(3),
                    apex: start.apex + moved(9),
                    base: (start.base + moved(27)).min(1.0),
                });
            }
        }
        best.1
    }

    /// How well lungs and surroundings differ; larger frames win when nothing else decides.
    fn score(&self, grid: &[f32]) -> f32 {
        let sides: f32 = [-1.0, 1.0]
            .iter()
            .map(|&outward| {
                let [middle, wall, below, above] = self.contrasts(grid, outward).map(|c| c.clamp(-0.2, 0.24));
                // The belly is brighter than a breast before the lung; other contrasts need only be clear.
                middle.min(0.16) + 1.2 * wall.min(0.16) + below + 0.6 * above.min(0.16)
            })
            .sum();
        sides + 0.2 * (self.half + self.base - self.apex) - 0.4 * (self.middle - 0.5).abs()
    }

    /// How much brighter than a lung are the middle, the chest wall, what is below, and what is above.
    fn contrasts(&self, grid: &[f32], outward: f32) -> [f32; 4] {
        let at = |across: f32, down: f32| {
            let x = self.middle + outward * self.half * across;
            let y = self.apex + down * (self.base - self.apex);
            let cell = |v: f32| ((v * GRID as f32) as i64).clamp(0, GRID as i64 - 1) as usize;
            grid[cell(y) * GRID + cell(x)]
        };
        let mean = |points: &[(f32, f32)]| points.iter().map(|p| at(p.0, p.1)).sum::<f32>() / points.len() as f32;
        let inside = [
            (0.5, 0.12),
            (0.5, 0.3),
            (0.75, 0.3),
            (0.45, 0.5),
            (0.85, 0.5),
            (0.6, 0.7),
            (0.88, 0.7),
            (0.7, 0.88),
            (0.88, 0.88),
        ];
        // Lung is dark all over: the brightest point counts once more.
        let brightest = inside.iter().map(|p| at(p.0, p.1)).fold(0.0, f32::max);
        let lung = 0.65 * mean(&inside) + 0.35 * brightest;
        let middle = mean(&[(0.0, 0.15), (0.0, 0.35), (0.05, 0.5), (0.1, 0.7), (0.1, 0.9)]);
        let wall = mean(&[(0.98, 0.25), (1.07, 0.45), (1.1, 0.65), (1.1, 0.85)]);
        let below = mean(&[(0.45, 1.12), (0.75, 1.15)]);
        let above = mean(&[(0.35, -0.1), (0.65, -0.02)]);
        [middle - lung, wall - lung, below - lung, above - lung]
    }
}

/// Inner and outer edge of a usual lung at a share of the way down, in shares of half the chest.
fn edges(down: f32) -> (f32, f32) {
    (0.2 + 0.12 * down, 1.0 - 0.5 * (1.0 - down).powi(3))
}

/// The path through `steps` with one of `candidates` each, of the largest sum of scores; a move to a neighbouring
/// candidate costs `price`, two are the most.
fn path(steps: usize, candidates: usize, price: f32, score: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let mut sums: Vec<f32> = (0..candidates).map(|c| score(0, c)).collect();
    let mut from = vec![0usize; steps * candidates];
    for step in 1..steps {
        let next = (0..candidates).map(|c| {
            let reachable = c.saturating_sub(2)..(c + 3).min(candidates);
            let (mut best, mut origin) = (f32::MIN, c);
            for before in reachable {
                let sum = sums[before] - price * before.abs_diff(c) as f32;
                if sum > best {
                    (best, origin) = (sum, before);
                }
            }
            from[step * candidates + c] = origin;
            best + score(step, c)
        });
        sums = next.collect();
    }
    let mut at = (0..candidates).max_by(|&a, &b| sums[a].total_cmp(&sums[b])).unwrap_or(0);
    let mut places = vec![0.0; steps];
    for step in (0..steps).rev() {
        places[step] = at as f32;
        at = from[step * candidates + at];
    }
    places
}

/// The running mean over 7 values.
fn smoothed(values: &[f32]) -> Vec<f32> {
    (0..values.len())
        .map(|i| {
            let near = &values[i.saturating_sub(3)..(i + 4).min(values.len())];
            near.iter().sum::<f32>() / near.len() as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::anatomy;
    use super::*;

    #[test]
    fn lungs_of_procedural_chests_are_found() {
        for number in 0..8 {
            let level = anatomy::chest(&mut Stream::new(number, "chest"), 224);
            let chest = Chest::locate(&level);
            assert!((chest.middle / 224.0 - 0.5).abs() < 0.1, "midline of {number}: {}", chest.middle);
            for lung in chest.lungs {
                let (inside, floor) = (lung.place(0.6, 0.6), lung.place(0.5, 1.0).1);
                let below = level.sample(inside.0, (floor + 20.0).min(223.0));
                assert!(level.sample(inside.0, inside.1) < below, "lung of {number}");
            }
        }
    }

    #[test]
    fn the_path_follows_the_best_candidates() {
        let ramp = path(5, 9, 0.01, |step, candidate| if candidate == step + 2 { 1.0 } else { 0.0 });
        assert_eq!(ramp, [2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
