//! What a picture shows of a finding: whether anything changed, and whether it is brighter or darker than its
//! surroundings. Values are cut to 0..=1 first, as in the image.

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::plane::Plane;

/// The least weight of a mask, in pixels.
const LEAST_WEIGHT: f32 = 4.0;
/// The change of a channel that can be seen at a pixel: three grey levels.
const CHANGED: f32 = 3.0 / 255.0;
/// The least mean difference of brightness that is called bright or dark: five grey levels.
const CLEAR: f32 = 5.0 / 255.0;
/// A mask above this share of the image has no surroundings to be compared with.
const WIDE: f32 = 0.4;

/// Whether a mask has weight: some pixels of it, and some that are clearly within.
pub(crate) fn has_weight(mask: &Plane) -> bool {
    let (mut most, mut sum) = (0.0f32, 0.0f32);
    mask.values().iter().for_each(|&v| (most, sum) = (most.max(v), sum + v));
    most > 0.5 && sum >= LEAST_WEIGHT
}

/// Whether enough pixels under the mask were changed to be seen: one in a hundred, two at least.
pub(crate) fn is_changed(before: &Canvas, after: &Canvas, mask: &Plane) -> bool {
    let (mut weight, mut changed) = (0.0f32, 0.0f32);
    for (index, &share) in mask.values().iter().enumerate().filter(|pixel| *pixel.1 > 0.0) {
        let apart = |channel: usize| {
            let level = |canvas: &Canvas| canvas.planes()[channel].values()[index].clamp(0.0, 1.0);
            (level(after) - level(before)).abs()
        };
        weight += share;
        if (0..3).any(|channel| apart(channel) >= CHANGED) {
            changed += share;
        }
    }
    changed >= (0.01 * weight).max(2.0)
}

/// Which of bright and dark cannot be seen of a finding that is said to be so.
///
/// The finished picture decides: the mean under the mask against a ring around it. Where that is level (a gap in a
/// bright layer has bright neighbours), or there is no ring, the change from the normal picture counts. `by_change`
/// asks for that alone: on a projection the surroundings are bone, heart and air.
pub(crate) fn unseen_levels(
    words: AttributeSet,
    before: &Plane,
    after: &Plane,
    mask: &Plane,
    by_change: bool,
) -> AttributeSet {
    let said = words.intersection([A::Bright, A::Dark].into());
    if said.is_empty() {
        return said;
    }
    let inside = after.mean_under(mask);
    let change = inside - before.mean_under(mask);
    let contrast = if by_change { None } else { surroundings(after, mask).map(|level| inside - level) };
    let seen = |sign: f32| match contrast {
        Some(contrast) => sign * contrast >= CLEAR || (sign * change >= CLEAR && sign * contrast > -CLEAR),
        None => sign * change >= CLEAR,
    };
    let unseen = [(A::Bright, 1.0), (A::Dark, -1.0)].into_iter().filter(|&(_, sign)| !seen(sign)).map(|pair| pair.0);
    unseen.collect::<AttributeSet>().intersection(said)
}

/// The brightness of a picture, cut to 0..=1 in each channel.
pub(crate) fn brightness(canvas: &Canvas) -> Plane {
    let [red, green, blue] = canvas.planes();
    let cut = |v: f32| v.clamp(0.0, 1.0);
    let sum = red.clone().zip(green, |r, g| cut(r) + cut(g));
    sum.zip(blue, |sum, b| (sum + cut(b)) / 3.0)
}

/// The mean level in a ring around a mask; none where the mask is wide, or nothing is around it.
fn surroundings(level: &Plane, mask: &Plane) -> Option<f32> {
    let share = mask.mean();
    if share > WIDE {
        return None;
    }
    let radius = (share / std::f32::consts::PI).sqrt() * mask.side() as f32;
    let near = mask.blurred((0.25 * radius).clamp(1.5, 10.0));
    let ring = near.zip(mask, |near, inside| if near > 0.04 && inside < 0.05 { 1.0 } else { 0.0 });
    has_weight(&ring).then(|| level.mean_under(&ring))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 in a disc of `radius` pixels in the middle of 64.
    fn disc(radius: f32) -> Plane {
        Plane::from_fn(64, |x, y| if (x - 32.0).powi(2) + (y - 32.0).powi(2) < radius * radius { 1.0 } else { 0.0 })
    }

    #[test]
    fn a_mask_needs_weight() {
        assert!(!has_weight(&Plane::filled(64, 0.0)));
        assert!(!has_weight(&Plane::filled(64, 0.4)), "nothing is clearly within");
        assert!(!has_weight(&disc(1.0)), "a single pixel");
        assert!(has_weight(&disc(4.0)));
    }

    #[test]
    fn a_change_beyond_black_is_none() {
        let black = Canvas::grey(Plane::filled(64, 0.0));
        let mut darker = black.clone();
        darker.add(&disc(9.0).map(|v| -0.3 * v));
        assert!(!is_changed(&black, &darker, &disc(9.0)));
        let mut brighter = black.clone();
        brighter.add(&disc(9.0).map(|v| 0.3 * v));
        assert!(is_changed(&black, &brighter, &disc(9.0)));
    }

    #[test]
    fn bright_and_dark_are_against_a_ring() {
        let ground = Plane::filled(64, 0.5);
        let both: AttributeSet = [A::Bright, A::Dark, A::Round].into();
        for (change, unseen) in [(0.2, vec![A::Dark]), (-0.2, vec![A::Bright]), (0.005, vec![A::Dark, A::Bright])] {
            let after = ground.clone().zip(&disc(9.0), |v, m| v + change * m);
            let unseen: AttributeSet = unseen.into_iter().collect();
            for by_change in [false, true] {
                assert_eq!(unseen_levels(both, &ground, &after, &disc(9.0), by_change), unseen, "{change} {by_change}");
            }
        }
        // Brighter than it was, and still darker than all around.
        let pit = ground.clone().zip(&disc(9.0), |v, m| v - 0.3 * m);
        let after = ground.zip(&disc(9.0), |v, m| v - 0.2 * m);
        assert_eq!(unseen_levels([A::Bright].into(), &pit, &after, &disc(9.0), false), [A::Bright].into());
        assert_eq!(unseen_levels([A::Bright].into(), &pit, &after, &disc(9.0), true), AttributeSet::EMPTY);
    }
}
