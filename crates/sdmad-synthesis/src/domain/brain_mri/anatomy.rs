//! Where the brain and its landmarks are in a picture.

use std::f32::consts::TAU;

use sdmad_base::Stream;

use crate::field::between;
use crate::plane::{Plane, length};

/// Rays on which the skull is looked for.
const RAYS: usize = 96;

/// The landmarks of a slice.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// How far inside the skull each pixel is, in pixels; negative outside of the brain.
    pub(super) depth: Plane,
    /// The brain's middle.
    pub(super) centre: (f32, f32),
    /// The direction of the midline, of length 1, where the slice shows two halves.
    pub(super) midline: Option<(f32, f32)>,
    /// Where the pituitary lies, if the slice shows it.
    pub(super) sella: Option<(f32, f32)>,
    /// Whether water in tissue is bright; nothing where it cannot be told.
    pub(super) bright_water: Option<bool>,
    /// The brain's median brightness.
    pub(super) level: f32,
    /// How blurred the slice is: the standard deviation of its point spread, in pixels.
    pub(super) blur: f32,
}

impl Head {
    /// Landmarks of a slice of which all but the brightness is known.
    pub(super) fn new(
        image: &Plane,
        depth: Plane,
        centre: (f32, f32),
        midline: Option<(f32, f32)>,
        sella: Option<(f32, f32)>,
        bright_water: Option<bool>,
    ) -> Self {
        let level = median_inside(image, &depth);
        let blur = 0.7 * depth.side() as f32 / 224.0;
        Head { depth, centre, midline, sella, bright_water, level, blur }
    }

    /// Looks for the brain in a picture: the head is what is not black, its middle the centre of gravity, and the inner
    /// table of the skull the end of the dark band near the head's edge on each ray, if there is one. Nothing where no
    /// head stands out.
    pub(super) fn find(image: &Plane) -> Option<Self> {
        let side = image.side();
        let unit = side as f32 / 224.0;
        let smooth = image.blurred(1.4 * unit);
        let mut sorted = smooth.values().to_vec();
        sorted.sort_by(f32::total_cmp);
        let (low, high) = (sorted[sorted.len() / 50], sorted[sorted.len() * 49 / 50]);
        let threshold = low + 0.16 * (high - low);
        let centre = centre_above(&smooth, threshold)?;
        let share = 1.0 - sorted.partition_point(|&v| v <= threshold) as f32 / sorted.len() as f32;
        if high - low < 0.12 || !(0.1..0.93).contains(&share) {
            return None;
        }
        let rays: Vec<f32> = (0..RAYS)
            .map(|ray| {
                let angle = TAU * ray as f32 / RAYS as f32;
                inner_edge(&smooth, centre, (angle.cos(), angle.sin()), threshold)
            })
            .collect();
        let edge = even(&rays);
        let solid = smooth.clone().map(|v| if v > threshold { 1.0 } else { 0.0 }).blurred(3.5 * unit);
        let depth = Plane::from_fn(side, |x, y| {
            let (dx, dy) = (x - centre.0, y - centre.1);
            let place = (dy.atan2(dx) / TAU).rem_euclid(1.0) * RAYS as f32;
            let (first, rest) = (place as usize % RAYS, place.fract());
            let depth = edge[first] * (1.0 - rest) + edge[(first + 1) % RAYS] * rest - length(dx, dy);
            // Between lobes that stand apart rays see no gap.
            let notch = 14.0 * unit * (solid.sample(x, y) - 0.5);
            if depth < 26.0 * unit { depth.min(notch) } else { depth }
        });
        let inside = depth.values().iter().filter(|&&d| d > 4.0 * unit).count();
        if inside * 12 < side * side {
            return None;
        }
        let midline = midline(&smooth, &depth, centre);
        Some(Head::new(image, depth, centre, midline, None, None))
    }

    /// Pixels in one 224th of the side.
    pub(super) fn unit(&self) -> f32 {
        self.depth.side() as f32 / 224.0
    }

    /// How far a pixel is from the midline, in pixels, negative on one side of it; nothing without a midline.
    pub(super) fn beside(&self, at: (f32, f32)) -> Option<f32> {
        let (dx, dy) = (at.0 - self.centre.0, at.1 - self.centre.1);
        self.midline.map(|line| dx * line.1 - dy * line.0)
    }

    /// How far inside the skull the nearest pixel is.
    pub(super) fn depth_at(&self, at: (f32, f32)) -> f32 {
        self.depth.at(at.0.round() as i64, at.1.round() as i64)
    }

    /// The direction of a place on the brain's surface, as an angle: where no midline is seen, mostly one on the upper
    /// side, since the lower one of a sagittal slice is no smooth vault.
    pub(super) fn side_angle(&self, stream: &mut Stream) -> f32 {
        let whole = self.midline.is_some() || stream.chance(0.2);
        between(stream, if whole { 0.0 } else { 0.5 * TAU }, TAU)
    }

    /// The place where a ray from the brain's middle meets the skull.
    pub(super) fn surface(&self, angle: f32) -> (f32, f32) {
        let point = |away: f32| (self.centre.0 + angle.cos() * away, self.centre.1 + angle.sin() * away);
        let mut away = 0.0;
        while away < self.depth.side() as f32 && self.depth_at(point(away)) > 0.0 {
            away += 1.0;
        }
        point(away)
    }
}

/// The median inside the brain.
fn median_inside(image: &Plane, depth: &Plane) -> f32 {
    let pairs = image.values().iter().zip(depth.values()).step_by(3);
    let mut inside: Vec<f32> = pairs.filter(|pair| *pair.1 > 4.0).map(|pair| *pair.0).collect();
    inside.sort_by(f32::total_cmp);
    inside.get(inside.len() / 2).copied().unwrap_or(0.5)
}

/// The centre of gravity of what is brighter than `threshold`.
fn centre_above(image: &Plane, threshold: f32) -> Option<(f32, f32)> {
    let (mut x, mut y, mut count) = (0.0f32, 0.0f32, 0.0f32);
    for (index, _) in image.values().iter().enumerate().filter(|pixel| *pixel.1 > threshold) {
        x += (index % image.side()) as f32;
        y += (index / image.side()) as f32;
        count += 1.0;
    }
    (count > 0.0).then(|| (x / count, y / count))
}

/// The distance along a ray from the middle to the inner table of the skull; to the head's edge where there is none.
fn inner_edge(image: &Plane, centre: (f32, f32), step: (f32, f32), threshold: f32) -> f32 {
    let side = image.side() as f32;
    let point = |away: f32| (centre.0 + step.0 * away, centre.1 + step.1 * away);
    let within = |at: (f32, f32)| at.0 >= 0.0 && at.1 >= 0.0 && at.0 < side && at.1 < side;
    let reach = (0..image.side()).take_while(|&away| within(point(away as f32))).count();
    let values: Vec<f32> = (0..reach).map(|away| point(away as f32)).map(|p| image.sample(p.0, p.1)).collect();
    let Some(edge) = values.iter().rposition(|&v| v > threshold) else { return 0.0 };
    let core = &values[..(edge / 2).max(1)];
    let level = core.iter().sum::<f32>() / core.len() as f32;
    let outer = (edge * 7 / 10)..edge;
    let Some(darkest) = outer.min_by(|&a, &b| values[a].total_cmp(&values[b])) else { return edge as f32 };
    let scalp = values[darkest..=edge].iter().copied().fold(0.0, f32::max);
    if values[darkest] > 0.55 * level || scalp < 1.5 * values[darkest] + 0.05 {
        return edge as f32;
    }
    values[..darkest].iter().rposition(|&v| v > 0.65 * level).unwrap_or(edge) as f32 + 1.0
}

/// The median of seven rays, then the mean of three.
fn even(rays: &[f32]) -> Vec<f32> {
    let count = rays.len();
    let near = |rays: &[f32], ray: usize, reach: usize| -> Vec<f32> {
        (0..2 * reach + 1).map(|step| rays[(ray + count + step - reach) % count]).collect()
    };
    let medians: Vec<f32> = (0..count)
        .map(|ray| {
            let mut window = near(rays, ray, 3);
            window.sort_by(f32::total_cmp);
            window[3]
        })
        .collect();
    (0..count).map(|ray| near(&medians, ray, 1).iter().sum::<f32>() / 3.0).collect()
}

/// The direction, near the vertical, in which a mirror shows the same brain; nothing where none does.
fn midline(image: &Plane, depth: &Plane, centre: (f32, f32)) -> Option<(f32, f32)> {
    /// Correlation of the halves of a slice that shows both.
    const ALIKE: f32 = 0.55;
    let angles = (-4..=4).map(|step| 0.25 * TAU + 0.06 * step as f32);
    let alike = angles.map(|angle| {
        let line = (angle.cos(), angle.sin());
        (likeness(image, depth, centre, line), line)
    });
    let best = alike.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > ALIKE).then_some(best.1)
}

/// The correlation of the brain with its mirror image.
fn likeness(image: &Plane, depth: &Plane, centre: (f32, f32), line: (f32, f32)) -> f32 {
    let side = image.side();
    let mut sums = [0.0f32; 6];
    for y in (0..side).step_by(4) {
        for x in (0..side).step_by(4) {
            if depth.values()[y * side + x] < 3.0 {
                continue;
            }
            let away = (x as f32 - centre.0) * line.1 - (y as f32 - centre.1) * line.0;
            let twin = (x as f32 - 2.0 * away * line.1, y as f32 + 2.0 * away * line.0);
            let (a, b) = (image.values()[y * side + x], image.sample(twin.0, twin.1));
            [1.0, a, b, a * a, b * b, a * b].into_iter().zip(&mut sums).for_each(|(v, sum)| *sum += v);
        }
    }
    let [n, a, b, aa, bb, ab] = sums;
    let spread = (aa - a * a / n.max(1.0)) * (bb - b * b / n.max(1.0));
    if spread > 1e-6 { (ab - a * b / n) / spread.sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::brain_mri::tissue;

    #[test]
    fn the_brain_of_a_drawn_slice_is_found_in_its_picture() {
        let (mut shares, mut midlines, mut halves) = (Vec::new(), 0, 0);
        for number in 0..24 {
            let (image, known) = tissue::draw(&mut Stream::new(5, &format!("slice {number}")), 224);
            let Some(found) = Head::find(&image) else { continue };
            let pairs = known.depth.values().iter().zip(found.depth.values());
            let (both, either) = pairs.fold((0.0f32, 0.0f32), |(both, either), (&a, &b)| {
                (both + f32::from(u8::from(a > 0.0 && b > 0.0)), either + f32::from(u8::from(a > 0.0 || b > 0.0)))
            });
            shares.push(both / either);
            if known.midline.is_some() {
                halves += 1;
                midlines += usize::from(found.midline.is_some());
            }
        }
        shares.sort_by(f32::total_cmp);
        assert!(shares.len() > 20, "{} of 24 heads are found", shares.len());
        assert!(shares[shares.len() / 2] > 0.8, "the overlaps are {shares:?}");
        assert!(2 * midlines > halves, "{midlines} of {halves} midlines are found");
    }

    #[test]
    fn no_head_is_found_where_none_is() {
        for level in [0.0, 0.5, 1.0] {
            assert!(Head::find(&Plane::filled(224, level)).is_none(), "{level}");
        }
    }
}
