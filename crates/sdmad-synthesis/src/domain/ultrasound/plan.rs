//! What a mass is to look like, chosen before it is drawn.

use std::f32::consts::PI;

use sdmad_base::Stream;

use crate::attribute::{Attribute as A, AttributeSet};
use crate::domain::general;
use crate::field::{between, one_of, weighted};
use crate::outline::{Form, Outline};

/// How much a mass echoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// Not at all.
    Free,
    /// Less than its surroundings.
    Low,
    /// As they do.
    Equal,
    /// More than they do.
    High,
    /// Less in some parts, more in others.
    Mixed,
}

/// What is inside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interior {
    /// Even speckle.
    Even,
    /// Slight unevenness, which nothing is said of.
    Plain,
    /// Darker and brighter areas.
    Uneven,
    /// Parallel strands along the layers.
    Strands,
    /// Small round spots.
    Spots,
    /// Settled echoes below a horizontal level.
    Level,
    /// A core of other brightness.
    Core,
}

/// What is around its edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rim {
    /// Nothing.
    Bare,
    /// A thin bright line.
    Capsule,
    /// A broad bright haze.
    Halo,
}

/// What it does to the layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Around {
    /// Nothing but to cover them.
    Covered,
    /// They are drawn towards it.
    DrawnIn,
    /// They bend around it.
    PushedAside,
    /// One that was clear to see ends at it.
    Broken,
}

/// What sound does behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// Nothing.
    Same,
    /// It is swallowed.
    Shadow,
    /// It is stronger.
    Enhancement,
}

/// The choices for one mass.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Its outline.
    pub(super) outline: Outline,
    /// How wide its edge is, in pixels.
    pub(super) softness: f32,
    /// From where its edge is blurred, as an angle; everywhere without one.
    pub(super) blurred_from: Option<f32>,
    /// How much it echoes.
    pub(super) echo: Echo,
    /// What is inside.
    pub(super) interior: Interior,
    /// Whether there are bright specks inside.
    pub(super) specks: bool,
    /// What is around its edge.
    pub(super) rim: Rim,
    /// What it does to the layers.
    pub(super) around: Around,
    /// What sound does behind it.
    pub(super) behind: Behind,
    /// Whether its sides cast narrow shadows.
    pub(super) edge_shadows: bool,
    /// What can be said of its form, size and margin.
    pub(super) attributes: AttributeSet,
    /// What of its form is too small or too blurred to be told.
    pub(super) unknown: AttributeSet,
}

impl Plan {
    /// A plan for a mass in an image with `side` pixels a side, on tissue of brightness `level`; `radius` in pixels.
    pub(super) fn choose(stream: &mut Stream, side: usize, centre: (f32, f32), radius: f32, level: f32) -> Self {
        let (form, words, stretch) = form(stream, radius);
        let outline = outline(stream, form, centre, radius, stretch);
        let sharp = stream.chance(0.5);
        let softness = if sharp { between(stream, 0.7, 1.7) } else { blur(stream, form, radius) };
        let words = words.union(outline.orientation_words());
        let seen = form.is_seen(radius, softness);
        let mut attributes = if seen { words } else { AttributeSet::EMPTY };
        attributes = attributes.union(size(&outline, side));
        attributes.insert(if sharp { A::Sharp } else { A::Blurred });
        let echo = echo(stream, level);
        let behind = one_of(stream, &[Behind::Same, Behind::Shadow, Behind::Enhancement]);
        Plan {
            outline,
            softness,
            blurred_from: (!sharp && stream.chance(0.25)).then(|| between(stream, 0.0, 2.0 * PI)),
            echo,
            interior: interior(stream, echo),
            specks: !matches!(echo, Echo::High) && stream.chance(0.2),
            rim: rim(stream, echo, sharp),
            around: around(stream, form),
            behind,
            edge_shadows: behind != Behind::Shadow && stream.chance(0.25),
            attributes,
            unknown: words.without(attributes),
        }
    }
}

/// A form with its attributes and the ratio of its axes. Scallops, corners and spikes of a tiny mass are too fine to be
/// seen; of larger ones they are as frequent as smooth forms.
fn form(stream: &mut Stream, radius: f32) -> (Form, AttributeSet, f32) {
    loop {
        let choice = general::form(stream);
        let fine = matches!(choice.0, Form::Scalloped | Form::Angular | Form::Spiculated);
        let take = if fine { radius > 15.0 } else { stream.chance(0.6) };
        if take {
            return choice;
        }
    }
}

/// An outline that lies along the layers, stands across them, or neither.
fn outline(stream: &mut Stream, form: Form, centre: (f32, f32), radius: f32, stretch: f32) -> Outline {
    let (stretch, tilt) = match form {
        Form::Round => (stretch, 0.0),
        _ => {
            let along = weighted(stream, &[(0.0, 0.45), (0.5 * PI, 0.38), (0.25 * PI, 0.08), (0.75 * PI, 0.09)]);
            (stretch * between(stream, 1.0, 1.3), along + between(stream, -0.25, 0.25))
        }
    };
    // Spicules are drawn as lines of their own, on an irregular body.
    let body = if form == Form::Spiculated { Form::Irregular } else { form };
    Outline::draw(stream, body, centre, radius, stretch, tilt)
}

/// What can be said of the size.
fn size(outline: &Outline, side: usize) -> AttributeSet {
    let mut set = AttributeSet::EMPTY;
    let share = outline.radius / side as f32;
    if share < 0.08 {
        set.insert(A::Small);
    }
    if share > 0.17 {
        set.insert(A::Large);
    }
    set
}

/// The width of a blurred edge in pixels; less where details of the form would drown in it.
fn blur(stream: &mut Stream, form: Form, radius: f32) -> f32 {
    let share = match form {
        Form::Round | Form::Oval | Form::Irregular => between(stream, 0.22, 0.45),
        Form::Lobulated => between(stream, 0.18, 0.3),
        Form::Angular => between(stream, 0.14, 0.22),
        Form::Scalloped | Form::Spiculated => between(stream, 0.08, 0.13),
    };
    (share * radius).max(2.5)
}

/// In the dark, nothing but more echoes can be seen.
fn echo(stream: &mut Stream, level: f32) -> Echo {
    if level < 0.14 {
        return Echo::High;
    }
    weighted(
        stream,
        &[(Echo::Free, 0.16), (Echo::Low, 0.46), (Echo::Equal, 0.07), (Echo::High, 0.19), (Echo::Mixed, 0.12)],
    )
}

fn interior(stream: &mut Stream, echo: Echo) -> Interior {
    match echo {
        Echo::Free => weighted(stream, &[(Interior::Even, 0.85), (Interior::Level, 0.15)]),
        Echo::Mixed => Interior::Uneven,
        _ => weighted(
            stream,
            &[
                (Interior::Even, 0.37),
                (Interior::Plain, 0.08),
                (Interior::Uneven, 0.33),
                (Interior::Strands, 0.07),
                (Interior::Spots, 0.08),
                (Interior::Core, 0.07),
            ],
        ),
    }
}

/// A capsule belongs to a sharp edge, a halo to a mass that is not as bright; equal echoes need either to be seen.
fn rim(stream: &mut Stream, echo: Echo, sharp: bool) -> Rim {
    let needed = echo == Echo::Equal;
    if sharp && stream.chance(if needed { 0.7 } else { 0.3 }) {
        Rim::Capsule
    } else if echo != Echo::High && (needed || stream.chance(0.22)) {
        Rim::Halo
    } else {
        Rim::Bare
    }
}

fn around(stream: &mut Stream, form: Form) -> Around {
    let smooth = matches!(form, Form::Round | Form::Oval | Form::Lobulated);
    let pushed = if smooth { 0.3 } else { 0.0 };
    weighted(
        stream,
        &[(Around::Covered, 0.35), (Around::DrawnIn, 0.22), (Around::PushedAside, pushed), (Around::Broken, 0.2)],
    )
}
