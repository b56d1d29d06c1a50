//! Dermoscopy: a pigmented lesion on skin, seen through a contact lens.
//!
//! Normal is skin with a plain nevus. Pigment is drawn as light absorbed ([`optics`]), so that what lies below shows
//! through. Into the nevus, or into a lesion of our own in its place ([`lesion`]), go structures ([`structures`]:
//! network, globules, streaks at the edge, vessels) and zones of other colours ([`zones`]: veil, scar, blotch). Hair,
//! bubbles, rulers, ink and dark corners mean nothing ([`skin`]).

mod coarse;
mod lesion;
mod optics;
mod skin;
mod structures;
mod zones;

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::canvas::Canvas;
use crate::domain::Landmarks;
use crate::field::one_of;
use crate::scene::Scene;

pub(crate) use lesion::Lesion;

/// Draws one kind of finding into a lesion.
type Draw = fn(&mut Stream, &mut Scene, &Lesion);

/// A kind of finding.
#[derive(Clone, Copy)]
struct Kind {
    draw: Draw,
    /// How likely it is drawn.
    chance: f64,
    /// Whether a regular network or regular globules cannot be beside it.
    unruly: bool,
}

const fn kind(draw: Draw, chance: f64, unruly: bool) -> Kind {
    Kind { draw, chance, unruly }
}

/// What is drawn into a lesion beside and above its zones, each for itself, from below upwards.
const STRUCTURES: [Kind; 7] = [
    kind(structures::atypical_network, 0.3, true),
    kind(structures::irregular_globules, 0.26, true),
    kind(structures::edge_streaks, 0.25, false),
    kind(structures::vessels, 0.1, false),
    kind(zones::film, 0.08, false),
    kind(zones::notches, 0.18, false),
    kind(structures::bright_specks, 0.1, false),
];

/// Zones of another colour, which lie below and beside one another.
const ZONES: [Kind; 4] = [
    kind(zones::blotch, 0.2, false),
    kind(zones::coloured, 0.28, false),
    kind(zones::scar, 0.2, false),
    kind(zones::veil, 0.22, false),
];

/// What a real nevus may have without us knowing.
const OF_A_NEVUS: [A; 35] = [
    A::RegularNetwork,
    A::Mesh,
    A::Honeycomb,
    A::RegularGlobules,
    A::IrregularGlobules,
    A::Dots,
    A::Granular,
    A::Homogeneous,
    A::Heterogeneous,
    A::Streaks,
    A::Brown,
    A::Black,
    A::Grey,
    A::Pink,
    A::Red,
    A::Yellow,
    A::OneColour,
    A::ManyColours,
    A::Symmetric,
    A::Asymmetric,
    A::Round,
    A::Oval,
    A::Irregular,
    A::Lobulated,
    A::Scalloped,
    A::Angular,
    A::Spiculated,
    A::Sharp,
    A::Blurred,
    A::Small,
    A::Large,
    A::Wide,
    A::Tall,
    A::Ring,
    A::Dark,
];

/// Skin with a plain nevus of even colour, sometimes with a regular network or globules.
pub(super) fn tissue(stream: &mut Stream, side: usize) -> Scene {
    let (skin, unknown) = skin::bare(stream, side);
    let mut scene = Scene::new(skin);
    scene.unknown = unknown;
    let nevus = Lesion::paint_nevus(stream, &mut scene);
    regular_structure(stream, &mut scene, &nevus);
    reconcile(&mut scene);
    scene.landmarks = Some(Landmarks::Lesion(Box::new(nevus)));
    scene
}

/// A real common nevus.
pub(super) fn on_normal(normal: Canvas) -> Scene {
    let mut scene = Scene::new(normal);
    scene.unknown = OF_A_NEVUS.into();
    scene
}

/// Findings in the nevus, or in a lesion of our own in its place; now and then nothing but another plain nevus or
/// regular structure, so that being drawn upon means nothing.
pub(super) fn draw(stream: &mut Stream, scene: &mut Scene) {
    let plain = stream.chance(0.1);
    // What was painted is known, however large.
    let found = match scene.landmarks.take() {
        Some(Landmarks::Lesion(lesion)) => Some(*lesion),
        _ => Lesion::find(&scene.canvas),
    };
    let lesion = match found {
        // A lesion that fills the view leaves no skin to take its place.
        Some(found) if found.radius > 0.24 * scene.side() as f32 || !stream.chance(0.5) => found,
        found => replace(stream, scene, found, plain),
    };
    if plain {
        regular_structure(stream, scene, &lesion);
    } else {
        findings(stream, scene, &lesion);
    }
    reconcile(scene);
}

/// Hair, bubbles, glints, a ruler, ink, dark corners.
pub(super) fn distract(stream: &mut Stream, scene: &mut Scene) {
    skin::distract(stream, &mut scene.canvas);
}

/// Takes the lesion away, if there is one, and draws one of our own, of which all is known.
fn replace(stream: &mut Stream, scene: &mut Scene, found: Option<Lesion>, plain: bool) -> Lesion {
    if let Some(found) = found {
        scene.canvas = found.without_it(&scene.canvas);
        scene.present = AttributeSet::EMPTY;
        // Freckles stay.
        scene.unknown = scene.unknown.intersection([A::Dots].into());
    }
    if plain { Lesion::paint_nevus(stream, scene) } else { Lesion::paint_any(stream, scene) }
}

/// Each finding by its own chance, one at least, and regular structure where nothing forbids it.
fn findings(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    let mut zones: Vec<Kind> = ZONES.into_iter().filter(|kind| stream.chance(kind.chance)).collect();
    let mut structures: Vec<Kind> = STRUCTURES.into_iter().filter(|kind| stream.chance(kind.chance)).collect();
    if zones.is_empty() && structures.is_empty() {
        let all = [STRUCTURES.as_slice(), &ZONES].concat();
        structures.push(one_of(stream, &all));
    }
    // The first zone has the choice of place.
    stream.shuffle(&mut zones);
    zones.iter().for_each(|kind| (kind.draw)(stream, scene, lesion));
    zones::doubt_below_zones(scene, lesion);
    if !structures.iter().any(|kind| kind.unruly) {
        regular_structure(stream, scene, lesion);
    }
    structures.iter().for_each(|kind| (kind.draw)(stream, scene, lesion));
}

/// A regular network, regular globules or neither: what benign lesions have.
fn regular_structure(stream: &mut Stream, scene: &mut Scene, lesion: &Lesion) {
    match stream.below(10) {
        0..4 => structures::regular_network(stream, scene, lesion),
        4..6 => structures::regular_globules(stream, scene, lesion),
        _ => {}
    }
}

/// The attributes of all findings.
fn drawn(scene: &Scene) -> AttributeSet {
    scene.findings.iter().fold(AttributeSet::EMPTY, |set, finding| set.union(finding.attributes))
}

/// Takes back what findings contradict, and counts colours.
fn reconcile(scene: &mut Scene) {
    let drawn = drawn(scene);
    let mut refuted = AttributeSet::EMPTY;
    let mut doubtful: AttributeSet = [A::Dark].into();
    if drawn.contains(A::AtypicalNetwork) {
        refuted.insert(A::RegularNetwork);
        doubtful.insert(A::RegularGlobules);
    }
    if drawn.contains(A::IrregularGlobules) {
        refuted.insert(A::RegularGlobules);
        doubtful.insert(A::RegularNetwork);
    }
    // What was there before the findings may have been covered.
    scene.present = scene.present.without(doubtful);
    let all = drawn.union(scene.present);
    let colours = [A::Red, A::Pink, A::Brown, A::Black, A::BlueWhite, A::Grey, A::Yellow, A::White];
    let seen = colours.into_iter().filter(|&c| all.contains(c)).count();
    if seen >= 2 {
        refuted.insert(A::OneColour);
    }
    if seen >= 3 {
        scene.present.insert(A::ManyColours);
    }
    let rough = [A::Mesh, A::Dots, A::EdgeStreaks, A::ScarLikeArea, A::BlueWhiteVeil, A::DarkBlotch];
    if rough.into_iter().any(|a| all.contains(a)) {
        refuted.insert(A::Homogeneous);
        doubtful.insert(A::Heterogeneous);
    }
    if all.contains(A::Asymmetric) || all.contains(A::NotchedBorder) {
        refuted.insert(A::Symmetric);
    }
    if all.contains(A::RegularNetwork) {
        doubtful.insert(A::Honeycomb);
    }
    if all.contains(A::EdgeStreaks) || all.contains(A::NotchedBorder) {
        let outline = [A::Round, A::Oval, A::Sharp, A::Blurred, A::Spiculated, A::Scalloped, A::Irregular, A::Streaks];
        doubtful = doubtful.union(outline.into());
    }
    scene.present = scene.present.without(refuted);
    scene.unknown = scene.unknown.union(doubtful).without(refuted);
}
