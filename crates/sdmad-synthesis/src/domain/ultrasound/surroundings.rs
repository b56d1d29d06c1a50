//! What a mass does to the tissue around it.

use std::f32::consts::TAU;

use sdmad_base::Stream;

use super::site::Site;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, noise, one_of};
use crate::pattern;
use crate::plane::Plane;

/// Draws the tissue towards the mass: layers bend to it, straight strands run to it.
pub(super) fn draw_in(stream: &mut Stream, image: &mut Plane, site: &Site) -> AttributeSet {
    // Slower than 1 to 1, lest tissue be smeared along the rays.
    let decay = between(stream, 0.8, 1.3);
    let pull = decay * between(stream, 0.35, 0.6);
    warp(image, site, 3.0, |reach| reach + pull * (-(reach - 0.8).max(0.0) / decay).exp());
    strands(stream, image, site);
    [A::Distortion].into()
}

/// Bends the layers around the mass, and two bright ones that hug it.
pub(super) fn push_aside(stream: &mut Stream, image: &mut Plane, site: &Site) -> AttributeSet {
    let (push, decay) = (between(stream, 0.75, 0.97), between(stream, 1.2, 2.5));
    warp(image, site, 3.5, |reach| {
        let squared = reach * reach - push * (-(reach * reach - 1.0).max(0.0) / decay).exp();
        squared.max(0.01).sqrt()
    });
    let gap = between(stream, 2.0, 4.5);
    let width = between(stream, 1.0, 1.35) * site.half.0;
    for sign in [-1.0, 1.0] {
        let bump = move |x: f32| {
            let away = (x - site.centre.0) / width;
            site.centre.1 + sign * (gap + (site.half.1 + 1.0) * (-away * away).exp())
        };
        let span = (site.centre.0, between(stream, 1.6, 3.5) * site.half.0);
        layer(stream, image, span, bump);
    }
    [A::DisplacedLayers].into()
}

/// A bright layer, or two, that the mass will interrupt when it is drawn over them.
pub(super) fn broken_layer(stream: &mut Stream, image: &mut Plane, site: &Site) -> AttributeSet {
    let count = if site.half.1 > 18.0 { 1 + stream.below(2) } else { 1 };
    for _ in 0..count {
        let row = site.centre.1 + site.half.1 * between(stream, -0.45, 0.45);
        let slope = between(stream, -0.12, 0.12);
        let span = (site.centre.0, site.half.0 * between(stream, 1.7, 3.5) + 10.0);
        layer(stream, image, span, move |x| row + slope * (x - site.centre.0));
    }
    [A::InterruptedLayer].into()
}

/// Fetches the pixels around the mass from nearer or farther: `from` gives the distance, as of [`Site::reach`].
fn warp(image: &mut Plane, site: &Site, limit: f32, from: impl Fn(f32) -> f32) {
    let before = image.clone();
    let margin = (limit - 1.0) * site.half.0.max(site.half.1);
    site.window(image.side(), margin).change(image, |x, y, _, value| {
        let reach = site.reach(x, y);
        if !(0.3..limit).contains(&reach) {
            return value;
        }
        // Near the limit the warp fades out.
        let factor = 1.0 + (from(reach) / reach - 1.0) * ((limit - reach) / 0.6).min(1.0);
        let fetch = |at: f32, centre: f32| reflected(centre + (at - centre) * factor, before.side());
        before.sample(fetch(x, site.centre.0), fetch(y, site.centre.1))
    });
}

/// A coordinate beyond the image, mirrored back into it.
fn reflected(at: f32, side: usize) -> f32 {
    let last = side as f32 - 1.0;
    last - (last - at.abs()).abs()
}

/// Straight bright and dark strands that run to the mass from all sides.
fn strands(stream: &mut Stream, image: &mut Plane, site: &Site) {
    let side = image.side();
    let uneven = noise(stream, side, 6.0);
    for sign in [1.0, -1.0] {
        let mut plane = Plane::filled(side, 0.0);
        for _ in 0..5 + stream.below(6) {
            let angle = between(stream, 0.0, TAU);
            let (start, end) = (between(stream, 0.8, 1.1), between(stream, 1.5, 2.3));
            let point = |share: f32| site.outline.point(angle, share);
            let width = between(stream, 1.0, 2.0);
            pattern::thread(&mut plane, &[point(start), point(end)], width, 0.8);
        }
        let strength = between(stream, 0.12, 0.32);
        let margin = 1.6 * site.half.0.max(site.half.1);
        site.window(side, margin).change(image, |x, y, index, value| {
            let fade = (1.2 - 0.4 * site.reach(x, y)).clamp(0.0, 1.0);
            let share = plane.values()[index] * fade * strength * (1.0 + 0.4 * uneven.values()[index]);
            if sign > 0.0 { value + share * (0.9 - value) } else { value * (1.0 - share.min(0.8)) }
        });
    }
}

/// A thin bright layer along `row`, uneven as real ones are; `span` is the column of its middle and how far it reaches
/// to both sides.
pub(super) fn layer(stream: &mut Stream, image: &mut Plane, span: (f32, f32), row: impl Fn(f32) -> f32) {
    let side = image.side();
    let (thickness, strength) = (between(stream, 0.9, 2.0), between(stream, 0.25, 0.55));
    let wave = one_of(stream, &[18.0, 30.0, 45.0]);
    let waves = super::behind::columns(stream, side, wave);
    let shine = super::behind::columns(stream, side, 11.0);
    for x in 0..side {
        let middle = row(x as f32) + waves[x];
        let ends = ((span.1 - (x as f32 - span.0).abs()) / (0.35 * span.1)).clamp(0.0, 1.0);
        let here = (strength * (1.0 + 0.4 * shine[x])).clamp(0.08, 0.8) * ends;
        for y in (middle - 5.0).max(0.0) as usize..((middle + 6.0).max(0.0) as usize).min(side) {
            let away = (y as f32 - middle) / thickness;
            let value = &mut image.values_mut()[y * side + x];
            *value += here * (-away * away).exp() * (0.95 - *value).max(0.0);
        }
    }
}
