//! Frontal chest X-rays: a radiograph is a projection, so findings add absorption under the detail that is there.
//!
//! | module | draws |
//! |---|---|
//! | `anatomy` | a procedural chest without a finding |
//! | `chest` | nothing: finds the lungs of any image |
//! | `film` | absorption, smear and warps; notes what shows |
//! | `opacity` | haze, wings around the hila, patches, dense lung, triangles, nodules and masses |
//! | `strand` | nets and lines of the interstitium, smeared vessels, strands from the hila, plates |
//! | `pleura` | fluid, thick pleura, air outside of the lung, too much air |
//! | `shape` | a high diaphragm, a wide heart |
//! | `clutter` | letters, cables, electrodes, tubes, edges, patches without a meaning |

mod anatomy;
mod chest;
mod clutter;
mod film;
mod opacity;
mod pleura;
mod shape;
mod strand;

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::domain::Landmarks;
use crate::field::weighted;
use crate::scene::Scene;

pub(crate) use chest::Chest;
use film::Film;

/// What a real image without a known finding may still show.
const OFTEN_THERE: [A; 5] = [A::WideHeart, A::RaisedDiaphragm, A::PlateBands, A::InterstitialLines, A::FuzzyVessels];

/// What ribs, vessels, cables and electrodes of any image show: no sign of a finding, and not to be denied.
const ANYWHERE: [A; 4] = [A::Linear, A::Streaks, A::Branching, A::Ring];

/// Kinds of findings, in the order in which they are drawn: what moves tissue first, then what hides it, then what
/// lies on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    RaisedDiaphragm,
    WideHeart,
    TooMuchAir,
    FuzzyVessels,
    InterstitialLines,
    HilarStrands,
    PlateBands,
    Nodules,
    Patches,
    Haze,
    PerihilarHaze,
    ThickPleura,
    Triangle,
    Consolidation,
    Effusion,
    Pneumothorax,
}

/// Each kind with its weight.
const KINDS: [(Kind, f32); 16] = [
    (Kind::RaisedDiaphragm, 0.7),
    (Kind::WideHeart, 0.9),
    (Kind::TooMuchAir, 0.5),
    (Kind::FuzzyVessels, 0.9),
    (Kind::InterstitialLines, 1.1),
    (Kind::HilarStrands, 0.7),
    (Kind::PlateBands, 1.0),
    (Kind::Nodules, 1.4),
    (Kind::Patches, 1.6),
    (Kind::Haze, 1.2),
    (Kind::PerihilarHaze, 1.0),
    (Kind::ThickPleura, 0.5),
    (Kind::Triangle, 0.6),
    (Kind::Consolidation, 1.2),
    (Kind::Effusion, 1.7),
    (Kind::Pneumothorax, 0.5),
];

/// A procedural chest, with clutter.
pub(super) fn tissue(stream: &mut Stream, side: usize) -> Scene {
    let mut level = anatomy::chest(stream, side);
    clutter::draw(stream, &mut level);
    let mut scene = Scene::new(Canvas::grey(level));
    scene.present = [A::ClearLungs, A::SharpAngles].into();
    scene.unknown = ANYWHERE.into();
    scene
}

/// A real image, with clutter of its own and some of ours.
pub(super) fn on_normal(stream: &mut Stream, normal: Canvas) -> Scene {
    let mut level = normal.luma();
    let chest = Chest::locate(&level);
    let seen = chest.is_clear();
    clutter::draw(stream, &mut level);
    let mut scene = Scene::new(Canvas::grey(level));
    scene.unknown = AttributeSet::from(OFTEN_THERE).union(ANYWHERE.into());
    scene.landmarks = Some(Landmarks::Chest(chest));
    for attribute in [A::ClearLungs, A::SharpAngles] {
        if seen {
            scene.present.insert(attribute);
        } else {
            scene.unknown.insert(attribute);
        }
    }
    scene
}

/// One to four kinds of findings.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene) {
    let count = weighted(stream, &[(1, 0.35), (2, 0.33), (3, 0.22), (4, 0.1)]);
    let mut kinds: Vec<Kind> = (0..count).map(|_| weighted(stream, &KINDS)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let level = scene.canvas.luma();
    let chest = match scene.landmarks.take() {
        Some(Landmarks::Chest(chest)) => chest,
        _ => Chest::locate(&level),
    };
    let mut film = Film::new(level, chest);
    for kind in kinds {
        draw_kind(stream, &mut film, scene, kind);
    }
    film.develop(scene);
}

fn draw_kind(stream: &mut Stream, film: &mut Film, scene: &mut Scene, kind: Kind) {
    match kind {
        Kind::RaisedDiaphragm => shape::raised_diaphragm(stream, film, scene),
        Kind::WideHeart => shape::wide_heart(stream, film, scene),
        Kind::TooMuchAir => pleura::too_much_air(stream, film, scene),
        Kind::FuzzyVessels => strand::fuzzy_vessels(stream, film, scene),
        Kind::InterstitialLines => strand::interstitial(stream, film, scene),
        Kind::HilarStrands => strand::from_hila(stream, film, scene),
        Kind::PlateBands => strand::plates(stream, film, scene),
        Kind::Nodules => opacity::nodules(stream, film, scene),
        Kind::Patches => opacity::patches(stream, film, scene, false),
        Kind::Haze => opacity::haze(stream, film, scene),
        Kind::PerihilarHaze => opacity::wings(stream, film, scene),
        Kind::ThickPleura => pleura::thick(stream, film, scene),
        Kind::Triangle => opacity::triangle(stream, film, scene),
        Kind::Consolidation => opacity::patches(stream, film, scene, true),
        Kind::Effusion => pleura::fluid(stream, film, scene),
        Kind::Pneumothorax => pleura::air(stream, film, scene),
    }
}
