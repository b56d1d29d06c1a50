//! What rises from the lining: heights, and how light falls on them.

use std::f32::consts::TAU;

use sdmad_base::Stream;

use crate::canvas::Canvas;
use crate::field::between;
use crate::outline::{Form, Outline, each_depth};
use crate::pattern;
use crate::plane::{Plane, length, soft_step};
use crate::smooth::smooth_inside;

use super::view::View;

/// Parts that stand above the lining, as they are put together before they are drawn at once.
pub(super) struct Raised {
    /// 1 within, 0 outside.
    pub(super) alpha: Plane,
    /// Pixels above the lining.
    pub(super) height: Plane,
    shadow: Plane,
    glints: Plane,
    /// From the light towards what lies behind.
    away: (f32, f32),
}

impl Raised {
    /// Nothing yet; `away` is the direction from the camera's light to what lies behind, of length 1.
    pub(super) fn new(side: usize, away: (f32, f32)) -> Raised {
        let empty = || Plane::filled(side, 0.0);
        Raised { alpha: empty(), height: empty(), shadow: empty(), glints: empty(), away }
    }

    /// Adds a dome `lift` radii high with an edge of `softness` pixels; `flatness` 0 is a dome, 1 a plateau. The light
    /// comes over each from the camera's side.
    pub(super) fn dome(&mut self, outline: &Outline, softness: f32, lift: f32, flatness: f32, shade: f32) {
        let side = self.alpha.side();
        let radius = outline.radius;
        let reach = 2.6 * radius + softness + 2.0;
        let slope = radius * (1.0 - 0.75 * flatness);
        let (alpha, height) = (self.alpha.values_mut(), self.height.values_mut());
        each_depth(outline, side, reach, |index, depth| {
            let inside = soft_step(depth, softness);
            let up = 1.0 - (depth / slope).clamp(0.0, 1.0);
            alpha[index] = alpha[index].max(inside);
            height[index] = height[index].max(lift * radius * (1.0 - up * up).max(0.0).sqrt());
        });
        let shift = radius * 0.4 * lift.min(1.0);
        let centre = (outline.centre.0 + shift * self.away.0, outline.centre.1 + shift * self.away.1);
        let mut behind = outline.clone();
        behind.centre = centre;
        let blur = (0.35 * radius).max(1.5);
        let shadow = self.shadow.values_mut();
        each_depth(&behind, side, reach + blur, |index, depth| {
            shadow[index] = shadow[index].max(shade * soft_step(depth + 0.1 * radius, blur));
        });
    }

    /// White reflexes on the near side.
    pub(super) fn glint(&mut self, stream: &mut Stream, outline: &Outline) {
        let near = (-self.away.1).atan2(-self.away.0);
        for _ in 0..1 + stream.below(4) {
            let (angle, out) = (near + between(stream, -0.9, 0.9), outline.radius * between(stream, 0.15, 0.6));
            let at = (outline.centre.0 + out * angle.cos(), outline.centre.1 + out * angle.sin());
            let (reach, turn) = (outline.radius * between(stream, 0.0, 0.22), angle + 0.25 * TAU);
            let end = (at.0 + reach * turn.cos(), at.1 + reach * turn.sin());
            let width = (outline.radius * between(stream, 0.06, 0.16)).clamp(0.8, 5.0);
            pattern::thread(&mut self.glints, &[at, end], width, 0.9);
        }
    }

    /// Takes away what lies below, vessels and folds, by `share`.
    pub(super) fn cover(&self, canvas: &mut Canvas, view: &View, share: f32) {
        let alpha = self.alpha.clone().zip(&view.field, |a, f| share * a * f);
        flatten(canvas, view, &alpha, 5.0);
    }

    /// Lets light fall: brighter on the near side, darker behind and around.
    pub(super) fn light(&self, canvas: &mut Canvas, view: &View, strength: f32, glint: f32) {
        let around = self.shadow.clone().zip(&self.alpha, |s, a| s * (1.0 - a));
        let relief = relief(&self.height, self.away, strength);
        let gain = relief.zip(&around, |r, s| r * (1.0 - s)).zip(&view.field, |g, f| 1.0 + f * (g - 1.0));
        canvas.scale(&gain);
        canvas.mix(&self.glints.clone().zip(&view.field, |g, f| glint * g * f), [1.0, 0.97, 0.94]);
    }
}

/// Round parts that make an irregular whole of about a radius.
pub(super) fn clump(stream: &mut Stream, at: (f32, f32), radius: f32) -> Vec<Outline> {
    let parts = 3 + stream.below(3);
    let start = between(stream, 0.0, TAU);
    let part = |number: usize| {
        let angle = start + TAU * number as f32 / parts as f32 + between(stream, -0.5, 0.5);
        let out = radius * between(stream, 0.3, 0.75);
        let centre = (at.0 + out * angle.cos(), at.1 + out * angle.sin());
        let own = radius * between(stream, 0.35, 0.7);
        let (stretch, tilt) = (between(stream, 1.0, 1.5), between(stream, 0.0, TAU));
        Outline::draw(stream, Form::Oval, centre, own, stretch, tilt)
    };
    (0..parts).map(part).collect()
}

/// Smooths away detail under `alpha`, over `sigma` 224ths of the side.
pub(super) fn flatten(canvas: &mut Canvas, view: &View, alpha: &Plane, sigma: f32) {
    let smooth = [0, 1, 2].map(|c| smooth_inside(&canvas.planes()[c], &view.field, sigma * view.unit()));
    canvas.mix_canvas(alpha, &Canvas::from_planes(smooth));
}

/// A gain around 1 from heights: brighter where the ground rises along `away`, darker where it falls or is steep.
pub(super) fn relief(height: &Plane, away: (f32, f32), strength: f32) -> Plane {
    let side = height.side();
    let mut gain = Plane::filled(side, 1.0);
    let values = height.values();
    for y in 1..side - 1 {
        for x in 1..side - 1 {
            let index = y * side + x;
            let across = 0.5 * (values[index + 1] - values[index - 1]);
            let down = 0.5 * (values[index + side] - values[index - side]);
            if across != 0.0 || down != 0.0 {
                let steep = length(across, down);
                let rise = (across * away.0 + down * away.1) / (1.0 + 0.8 * steep);
                let turned = steep * steep / (1.0 + steep * steep);
                gain.values_mut()[index] = (1.0 + strength * (0.75 * rise - 0.3 * turned)).max(0.4);
            }
        }
    }
    gain
}
