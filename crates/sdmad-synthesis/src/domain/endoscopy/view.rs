//! Where the lit field, the dark lumen and vessels are in an endoscopy image.

use sdmad_base::Stream;

use crate::canvas::Canvas;
use crate::field::between;
use crate::plane::{Plane, length, soft_step};
use crate::smooth::{darkness, smooth_inside};

/// The landmarks of a view, in pixels.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// 1 where lining is lit, 0 in the black frame, its text and its inset.
    pub(super) field: Plane,
    /// 1 in the dark hole of the lumen.
    pub(super) lumen: Plane,
    /// The hole's radius, where there is one in view.
    pub(super) hole: Option<f32>,
    /// The farthest place, in or beyond the view: light falls off towards it.
    pub(super) depth: (f32, f32),
    /// 1 on vessels and other thin dark lines.
    pub(super) vessels: Plane,
    /// Brightness without detail, 0 to 1.
    pub(super) light: Plane,
    /// Whether the lining is pale, as in the oesophagus.
    pub(super) is_pale: bool,
}

impl View {
    /// Finds the landmarks. Always finds some.
    pub(super) fn find(canvas: &Canvas) -> View {
        let unit = canvas.side() as f32 / 224.0;
        let field = lit_field(canvas);
        let light = light(canvas, &field);
        let inner = inner(&field);
        let (lumen, depth, hole) = dark_hole(&light, &inner);
        let open = inner.zip(&lumen, |i, l| i * (1.0 - l));
        let vessels = darkness(canvas, &field, unit).map(|d| soft_step(d - 0.085, 0.05)).times(&open);
        let [red, green, _] = [0, 1, 2].map(|c| canvas.planes()[c].mean_under(&field));
        View { field, lumen, hole, depth, vessels, light, is_pale: green > 0.68 * red }
    }

    /// Pixels in one 224th of the side: sizes are given in these.
    pub(super) fn unit(&self) -> f32 {
        self.field.side() as f32 / 224.0
    }

    /// Whether lit lining is at a place, `margin` pixels from the field's edge.
    pub(super) fn holds(&self, place: (f32, f32), margin: f32) -> bool {
        let at = |plane: &Plane, across: f32, down: f32| plane.at((place.0 + across) as i64, (place.1 + down) as i64);
        let around = [(0.0, 0.0), (margin, 0.0), (-margin, 0.0), (0.0, margin), (0.0, -margin)];
        let last = self.field.side() as f32;
        around.iter().all(|&(across, down)| {
            let (x, y) = (place.0 + across, place.1 + down);
            x >= 0.0 && y >= 0.0 && x < last && y < last && at(&self.field, across, down) > 0.5
        }) && at(&self.lumen, 0.0, 0.0) < 0.4
    }

    /// A place on lit lining.
    pub(super) fn place(&self, stream: &mut Stream, margin: f32) -> (f32, f32) {
        let side = self.field.side() as f32;
        let mut place = (0.5 * side, 0.5 * side);
        for attempt in 0..40 {
            let margin = if attempt < 20 { margin } else { 3.0 };
            let found = (between(stream, 0.05, 0.95) * side, between(stream, 0.05, 0.95) * side);
            if self.holds(found, margin) {
                place = found;
                break;
            }
        }
        place
    }

    /// Places around a middle on lit lining; the middle where there is no other.
    pub(super) fn scatter(
        &self,
        stream: &mut Stream,
        middle: (f32, f32),
        spread: f32,
        count: usize,
    ) -> Vec<(f32, f32)> {
        let mut places = Vec::with_capacity(count);
        for _ in 0..4 * count {
            let off = (between(stream, -1.0, 1.0), between(stream, -1.0, 1.0));
            let place = (middle.0 + spread * off.0, middle.1 + spread * off.1);
            if places.len() < count && length(off.0, off.1) < 1.0 && self.holds(place, 3.0) {
                places.push(place);
            }
        }
        if places.is_empty() {
            places.push(middle);
        }
        places
    }

    /// The direction from a place towards the depth, of length 1.
    pub(super) fn inwards(&self, place: (f32, f32)) -> (f32, f32) {
        let (across, down) = (self.depth.0 - place.0, self.depth.1 - place.1);
        let away = length(across, down);
        if away > 1.0 { (across / away, down / away) } else { (0.0, 1.0) }
    }
}

/// Brightness without detail, inside the field.
pub(super) fn light(canvas: &Canvas, field: &Plane) -> Plane {
    smooth_inside(&canvas.luma(), field, 8.0 * canvas.side() as f32 / 224.0)
}

/// Away from the field's edge.
fn inner(field: &Plane) -> Plane {
    field.blurred(3.5 * field.side() as f32 / 224.0).map(|f| soft_step(f - 0.93, 0.05))
}

/// The dark hole, the darkest place, and the hole's radius where there is one.
fn dark_hole(light: &Plane, inner: &Plane) -> (Plane, (f32, f32), Option<f32>) {
    let mean = light.mean_under(inner);
    let bar = 0.42 * mean;
    let lumen = light.clone().zip(inner, |l, f| f * soft_step(bar - l, 0.05));
    let (x, y) = inner.clone().zip(light, |f, l| f * (1.0 - l)).brightest();
    let area: f32 = lumen.values().iter().sum();
    let side = light.side() as f32;
    let hole = (area > 0.002 * side * side && area < 0.2 * side * side).then(|| (area / std::f32::consts::PI).sqrt());
    (lumen, (x as f32, y as f32), hole)
}

/// Lit lining: between the outermost columns and rows that are mostly lit, from the first to the last lit pixel of
/// each row, without a cool inset in a lower corner. All of an image that is dark.
fn lit_field(canvas: &Canvas) -> Plane {
    let side = canvas.side();
    let [red, green, blue] = canvas.planes();
    let level = red.clone().max(green).max(blue).blurred(0.8);
    let lit = level.clone().map(|v| if v > 0.09 { 1.0 } else { 0.0 });
    let sum = |of: &dyn Fn(usize, usize) -> usize, line: usize| -> f32 {
        (0..side).map(|i| lit.values()[of(line, i)]).sum::<f32>() / side as f32
    };
    let (left, right) = extent(side, |x| sum(&|x, y| y * side + x, x));
    let (top, bottom) = extent(side, |y| sum(&|y, x| y * side + x, y));
    let mut field = Plane::filled(side, 0.0);
    for y in top..=bottom {
        let is_lit = |x: &usize| lit.values()[y * side + x] > 0.5;
        let (first, last) = ((left..=right).find(is_lit), (left..=right).rev().find(is_lit));
        if let (Some(first), Some(last)) = (first, last) {
            field.values_mut()[y * side + first..=y * side + last].fill(1.0);
        }
    }
    let cool = green.clone().max(blue).zip(red, |cool, red| if cool > 1.12 * red + 0.02 { 1.0 } else { 0.0 });
    let cool = cool.times(&lit).blurred(4.0 * side as f32 / 224.0);
    let middle = side as f32 / 2.0;
    let corner =
        Plane::from_fn(side, |x, y| if (x - middle).abs() > 0.1 * middle && y > 1.1 * middle { 1.0 } else { 0.0 });
    field = field.zip(&cool.times(&corner), |f, c| if c > 0.4 { 0.0 } else { f });
    if field.mean() < 0.15 { Plane::filled(side, 1.0) } else { field.blurred(0.5) }
}

/// The first and last line that is mostly lit, from the middle outwards.
fn extent(side: usize, share: impl Fn(usize) -> f32) -> (usize, usize) {
    let middle = side / 2;
    let is_dark = |&line: &usize| share(line) < 0.3;
    let first = (0..middle).rev().find(is_dark).map_or(0, |line| line + 1);
    let last = (middle..side).find(is_dark).map_or(side - 1, |line| line.saturating_sub(1));
    (first.min(middle), last.max(middle))
}

#[cfg(test)]
mod tests {
    use super::super::mucosa;
    use super::*;
    use crate::domain::Landmarks;

    const SIDE: usize = 224;

    /// 1 in a disc, 0 around it.
    fn disc(centre: (f32, f32), radius: f32) -> Plane {
        Plane::from_fn(SIDE, |x, y| if length(x - centre.0, y - centre.1) < radius { 1.0 } else { 0.0 })
    }

    /// 1 between two columns and two rows, 0 around them.
    fn block(columns: (f32, f32), rows: (f32, f32)) -> Plane {
        let within = |at: f32, limits: (f32, f32)| at >= limits.0 && at < limits.1;
        Plane::from_fn(SIDE, |x, y| if within(x, columns) && within(y, rows) { 1.0 } else { 0.0 })
    }

    /// What two fields share of what either covers, 0 to 1.
    fn overlap(a: &Plane, b: &Plane) -> f32 {
        a.clone().times(b).mean() / a.clone().max(b).mean()
    }

    #[test]
    fn a_disc_of_lining_and_its_hole_are_found_beside_text_and_an_inset() {
        let (middle, radius) = ((141.0, 88.0), 18.0);
        let (hole, text, inset) =
            (disc(middle, radius), block((2.0, 16.0), (8.0, 12.0)), block((30.0, 80.0), (140.0, 190.0)));
        let field = disc((120.0, 110.0), 100.0).zip(&inset, |f, i| f * (1.0 - i));
        let mut canvas = Canvas::filled(SIDE, [0.02; 3]);
        canvas.mix(&field, [0.8, 0.45, 0.35]);
        canvas.mix(&hole, [0.06, 0.03, 0.02]);
        canvas.mix(&text, [0.8; 3]);
        canvas.mix(&inset, [0.05, 0.5, 0.35]);
        let view = View::find(&canvas);
        assert!(overlap(&view.field, &field) > 0.92, "the fields share {}", overlap(&view.field, &field));
        assert!(view.field.mean_under(&text) < 0.05 && view.field.mean_under(&inset) < 0.05);
        assert!(length(view.depth.0 - middle.0, view.depth.1 - middle.1) < 4.0, "the depth is at {:?}", view.depth);
        assert!(view.hole.is_some_and(|r| r > 0.5 * radius && r < 1.2 * radius), "{:?}", view.hole);
        assert!(view.lumen.mean_under(&disc(middle, 0.5 * radius)) > 0.9);
        assert!(view.lumen.mean_under(&hole.map(|h| 1.0 - h)) < 0.01);
    }

    #[test]
    fn the_field_and_the_depth_of_a_drawn_view_are_found_in_its_picture() {
        let (mut shared, mut apart) = (Vec::new(), Vec::new());
        for number in 0..24 {
            let scene = mucosa::tissue(&mut Stream::new(5, &format!("view {number}")), SIDE);
            let Some(Landmarks::View(known)) = &scene.landmarks else { panic!("no view of {number}") };
            let found = View::find(&scene.canvas);
            shared.push(overlap(&known.field, &found.field));
            if known.hole.is_some() {
                apart.push(length(known.depth.0 - found.depth.0, known.depth.1 - found.depth.1));
            }
        }
        apart.sort_by(f32::total_cmp);
        assert!(shared.iter().all(|&share| share > 0.9), "the fields share {shared:?}");
        assert!(apart.len() > 8 && apart[apart.len() / 2] < 20.0, "the depths are {apart:?} pixels apart");
    }
}
