//! What sound does behind a mass: shadow, enhancement, shadows of its edges.

use sdmad_base::Stream;

use super::plan::{Behind, Plan};
use super::site::Site;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::field::{between, normal, one_of};
use crate::plane::{Plane, soft_step};
use crate::window::Window;

/// A mean change of brightness that is clear to see.
const CLEAR: f32 = 0.05;
/// A mean change of brightness that is hardly seen.
const FAINT: f32 = 0.015;

/// Draws what was planned behind a mass. Returns what is clear to see, and what is there but faint.
pub(super) fn draw(
    stream: &mut Stream,
    image: &mut Plane,
    site: &Site,
    plan: &Plan,
    mask: &Plane,
) -> (AttributeSet, AttributeSet) {
    let (mut seen, mut unknown) = (AttributeSet::EMPTY, AttributeSet::EMPTY);
    let mut judge = |attribute, change: f32| {
        if change > CLEAR {
            seen.insert(attribute);
        } else if change > FAINT {
            unknown.insert(attribute);
        }
    };
    match plan.behind {
        Behind::Same => {}
        Behind::Shadow => judge(A::Shadow, band(stream, image, site, mask, true)),
        Behind::Enhancement => judge(A::Enhancement, band(stream, image, site, mask, false)),
    }
    if plan.edge_shadows {
        judge(A::EdgeShadows, edge_shadows(stream, image, site));
    }
    (seen, unknown)
}

/// A dark or bright band from the mass's rear downwards. Returns the mean change just behind the mass.
fn band(stream: &mut Stream, image: &mut Plane, site: &Site, mask: &Plane, dark: bool) -> f32 {
    let side = image.side();
    let size = side as f32;
    let rear = rear(site, mask);
    let streaks = columns(stream, side, 6.0);
    let spread = between(stream, -0.15, 0.3);
    let strength = if dark { between(stream, 0.5, 0.92) } else { between(stream, 0.6, 1.5) };
    let (soft, fading) = (between(stream, 0.25, 0.7), between(stream, 0.0, if dark { 0.6 } else { 1.2 }));
    // A shadow may swallow the rear of its mass, too.
    let rise = between(stream, 0.05, 0.3) * one_of(stream, &[1.0, 1.0, 2.5]) * site.half.1 + 1.0;
    let lead = if dark { rise } else { 0.0 };
    let reach = site.half.0 * 1.5 + 4.0;
    let rows = (site.centre.1, size);
    let window = Window::new(side, (site.centre.0 - reach, site.centre.0 + reach), rows);
    let before = image.clone();
    window.change(image, |x, y, _, value| {
        let below = (y - site.centre.1 - site.half.1).max(0.0) / size;
        let across = (x - site.centre.0) / (site.half.0 * (1.0 + spread * below));
        let column = ((site.centre.0 + across * site.half.0).max(0.0) as usize).min(side - 1);
        let depth = y - rear[column] + lead;
        if depth <= 0.0 {
            return value;
        }
        let share = soft_step(1.0 - soft * 0.5 - across.abs(), soft) * soft_step(depth - 0.5 * rise, 0.5 * rise);
        let share = share * (1.0 - fading * below).max(0.0) * (1.0 + 0.1 * streaks[x as usize]).clamp(0.4, 1.3);
        if dark {
            value * (1.0 - (strength * share).min(0.97))
        } else {
            value + share * strength * (value + 0.04) * (1.0 - value).max(0.0)
        }
    });
    mean_change(&before, image, site)
}

/// The row of the mass's rear in each column; that of its centre beside it.
fn rear(site: &Site, mask: &Plane) -> Vec<f32> {
    let side = mask.side();
    let window = site.window(side, 0.0);
    let rows: Vec<f32> = (0..side)
        .map(|x| {
            let inside = (window.top..window.bottom).rev().find(|&y| mask.values()[y * side + x] > 0.5);
            inside.map_or(site.centre.1, |y| y as f32)
        })
        .collect();
    // What is behind does not mirror each notch of the rear.
    let reach = 2 + (0.12 * site.half.0) as usize;
    (0..side)
        .map(|x| {
            let near = &rows[x.saturating_sub(reach)..(x + reach + 1).min(side)];
            near.iter().sum::<f32>() / near.len() as f32
        })
        .collect()
}

/// Two narrow dark bands below the left and the right end of a mass. Returns the mean change in them.
fn edge_shadows(stream: &mut Stream, image: &mut Plane, site: &Site) -> f32 {
    let side = image.side();
    let width = between(stream, 3.0, 5.0 + 0.12 * site.half.0);
    let strength = between(stream, 0.45, 0.75);
    let (lean, fading) = (between(stream, -0.02, 0.1), between(stream, 0.5, 2.0));
    let (mut change, mut weight) = (0.0, 0.0f32);
    for sign in [-1.0, 1.0] {
        let start = (site.centre.0 + sign * (site.half.0 - 0.3 * width), site.centre.1 + 0.15 * site.half.1);
        let columns = (start.0 - 2.0 * width - 12.0, start.0 + 2.0 * width + 12.0);
        for y in start.1.max(0.0) as usize..side {
            let below = y as f32 - start.1;
            let middle = start.0 + sign * lean * below;
            for x in columns.0.clamp(0.0, side as f32) as usize..columns.1.clamp(0.0, side as f32) as usize {
                let share = soft_step(0.5 * width - (x as f32 - middle).abs(), 0.8 * width)
                    * soft_step(below - 3.0, 3.0)
                    * (1.0 - fading * below / side as f32);
                let value = &mut image.values_mut()[y * side + x];
                let after = *value * (1.0 - strength * share.max(0.0));
                if below < 0.25 * side as f32 {
                    change += share * (*value - after);
                    weight += share;
                }
                *value = after;
            }
        }
    }
    if weight > 100.0 { change / weight } else { 0.0 }
}

/// The mean change in the middle behind a mass, down to a fifth of the image below it; 0 where there is no room.
fn mean_change(before: &Plane, after: &Plane, site: &Site) -> f32 {
    let side = before.side();
    let bottom = site.centre.1 + site.half.1;
    let columns = (site.centre.0 - 0.6 * site.half.0, site.centre.0 + 0.6 * site.half.0);
    let window = Window::new(side, columns, (bottom + 2.0, bottom + 0.2 * side as f32));
    if window.bottom.saturating_sub(window.top) * 14 < side || window.right <= window.left {
        return 0.0;
    }
    let (mut sum, mut count) = (0.0, 0.0);
    for y in window.top..window.bottom {
        for index in y * side + window.left..y * side + window.right {
            sum += (after.values()[index] - before.values()[index]).abs();
            count += 1.0;
        }
    }
    sum / count
}

/// A smooth random number for each column, standard deviation near 1.
pub(super) fn columns(stream: &mut Stream, side: usize, cell: f32) -> Vec<f32> {
    let nodes: Vec<f32> = (0..(side as f32 / cell) as usize + 3).map(|_| normal(stream)).collect();
    (0..side)
        .map(|x| {
            let place = x as f32 / cell;
            let (node, share) = (place as usize, place.fract());
            1.2 * (nodes[node] + share * (nodes[node + 1] - nodes[node]))
        })
        .collect()
}
