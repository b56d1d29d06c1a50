//! Colour endoscopy of the gastrointestinal tract: growths, ulcers, inflammation, blood, specks and veins on a lining
//! of many kinds, and what light, water and instruments add without meaning.

mod flat;
mod folds;
mod growth;
mod inflamed;
mod mucosa;
mod nuisance;
mod raised;
mod spots;
mod tint;
mod ulcer;
mod vessels;
mod view;

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::domain::Landmarks;
use crate::field::weighted;
use crate::plane::Plane;
use crate::scene::Scene;

pub(crate) use view::View;

/// What folds, vessels and glints of any lining show.
const OF_ANY_LINING: [A; 9] =
    [A::Linear, A::Streaks, A::Branching, A::Ring, A::Pink, A::BrightSpecks, A::Dark, A::Shadow, A::Heterogeneous];

/// What a real normal view may show beside that.
const OF_A_REAL_VIEW: [A; 16] = [
    A::Red,
    A::White,
    A::Yellow,
    A::Dots,
    A::Granular,
    A::Mesh,
    A::ClearView,
    A::SmoothLayers,
    A::LostVessels,
    A::FuzzyVessels,
    A::Blurred,
    A::Haze,
    A::Homogeneous,
    A::ThickLayer,
    A::Irregular,
    A::Multiple,
];

/// Draws one kind of finding.
type Draw = fn(&mut Stream, &mut Scene, &View);

/// Each with its layer and its chance. What smooths a wide area comes first, and small things last: none is erased.
const KINDS: [((u8, Draw), f32); 14] = [
    ((1, growth::draw), 3.2),
    ((1, ulcer::draw), 1.7),
    ((0, inflamed::draw), 1.6),
    ((2, inflamed::red_streaks), 0.7),
    ((1, flat::patch), 1.2),
    ((1, flat::tongues), 0.8),
    ((2, spots::blood), 0.8),
    ((2, spots::red_points), 0.7),
    ((2, spots::specks), 0.8),
    ((2, spots::curds), 0.6),
    ((2, spots::veins), 0.7),
    ((2, spots::spider), 0.35),
    ((1, flat::narrowing), 0.5),
    ((0, flat::bare), 1.5),
];

/// Normal lining of our own.
pub(super) fn tissue(stream: &mut Stream, side: usize) -> Scene {
    mucosa::tissue(stream, side)
}

/// A real view without a finding: what it shows by itself is not known.
pub(super) fn on_normal(normal: Canvas) -> Scene {
    let mut scene = Scene::new(normal);
    scene.unknown = AttributeSet::from(OF_ANY_LINING).union(OF_A_REAL_VIEW.into());
    scene.landmarks = Some(Landmarks::View(Box::new(View::find(&scene.canvas))));
    scene
}

/// One to three findings, now and then none.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene) {
    let view = landmarks(scene);
    let count = weighted(stream, &[(0, 0.05), (1, 0.5), (2, 0.29), (3, 0.16)]);
    let mut kinds: Vec<(u8, Draw)> = (0..count).map(|_| weighted(stream, &KINDS)).collect();
    kinds.sort_by_key(|kind| kind.0);
    for (_, kind) in kinds {
        kind(stream, scene, &view);
    }
    scene.landmarks = Some(Landmarks::View(view));
}

/// What light, water and instruments add.
pub(super) fn distract(stream: &mut Stream, scene: &mut Scene) {
    let view = landmarks(scene);
    nuisance::draw(stream, scene, &view);
}

/// The landmarks, taken from the scene or found in it.
fn landmarks(scene: &mut Scene) -> Box<View> {
    match scene.landmarks.take() {
        Some(Landmarks::View(view)) => view,
        _ => Box::new(View::find(&scene.canvas)),
    }
}

/// How many clumps there are; one may fall apart.
fn of_clumps(scene: &mut Scene, count: usize) -> AttributeSet {
    if count > 1 {
        return [A::of_count(count)].into();
    }
    scene.unknown = scene.unknown.union([A::Single, A::Few].into());
    AttributeSet::EMPTY
}

/// Small or large, where a radius clearly is.
fn size(radius: f32, side: usize) -> AttributeSet {
    let share = radius / side as f32;
    if share < 0.06 {
        [A::Small].into()
    } else if share > 0.15 {
        [A::Large].into()
    } else {
        AttributeSet::EMPTY
    }
}

/// Several that lie in different directions have none.
fn of_one_direction(scene: &mut Scene, set: AttributeSet) -> AttributeSet {
    let both = AttributeSet::from([A::Wide, A::Tall]);
    if set.intersection(both) != both {
        return set;
    }
    scene.unknown = scene.unknown.union(both);
    set.without(both)
}

/// No longer holds of the image, nor is it open: for a finding that was noted.
fn refute(scene: &mut Scene, attribute: A) {
    scene.present = scene.present.without([attribute].into());
    scene.unknown = scene.unknown.without([attribute].into());
}

/// Whether a mask lies on vessels that can be seen.
fn has_vessels(view: &View, mask: &Plane) -> bool {
    view.vessels.mean_under(mask) > 0.07
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `check` with drawn lining, the same after one kind of finding, the view and a name: for each kind.
    fn each_kind(check: impl Fn(&Scene, Scene, &View, String)) {
        for number in 0..4 {
            let mut before = tissue(&mut Stream::new(number, "lining"), 224);
            let view = landmarks(&mut before);
            for (kind, ((_, draw), _)) in KINDS.iter().enumerate() {
                let mut scene = before.clone();
                draw(&mut Stream::new(number, &format!("kind {kind}")), &mut scene, &view);
                check(&before, scene, &view, format!("kind {kind} on lining {number}"));
            }
        }
    }

    /// By how much a pixel's channels differ at most.
    fn change(before: &Canvas, after: &Canvas) -> Plane {
        let apart = |c: usize| before.planes()[c].clone().zip(&after.planes()[c], |a, b| (a - b).abs());
        apart(0).max(&apart(1)).max(&apart(2))
    }

    #[test]
    fn a_finding_is_under_its_mask_and_not_in_the_frame() {
        each_kind(|before, scene, view, name| {
            let change = change(&before.canvas, &scene.canvas);
            assert_eq!(scene.findings.len(), 1, "{name}");
            let mask = &scene.findings[0].mask;
            let (inside, outside) = (change.mean_under(mask), change.mean_under(&mask.clone().map(|m| 1.0 - m)));
            assert!(inside > 4.0 * outside, "{name}: changed by {inside} under the mask and {outside} beside it");
            let in_field = mask.values().iter().zip(view.field.values()).all(|(&m, &f)| m == 0.0 || f > 0.33);
            assert!(in_field, "{name}: the mask lies on the frame");
            // The relief of inflamed lining ends a few pixels outside of the field.
            let near = view.field.blurred(3.0 * view.unit());
            let black = change.values().iter().zip(near.values()).all(|(&c, &n)| c == 0.0 || n > 1e-3);
            assert!(black, "{name}: the frame is changed");
        });
    }

    #[test]
    fn of_a_finding_that_cannot_be_seen_nothing_is_said() {
        each_kind(|before, mut scene, _, name| {
            scene.canvas = before.canvas.clone();
            scene.settle(before, false);
            let rendering = scene.finish().expect("an image");
            assert!(rendering.findings.is_empty(), "{name}");
            assert_eq!(rendering.present.without(before.present), [A::Nothing].into(), "{name}");
            // What it took back may or may not hold: it is not denied.
            let open = rendering.present.union(rendering.unknown);
            assert!(before.present.without(open).is_empty(), "{name}");
        });
    }
}
