//! The body of a finding: how far inside of it each pixel is.

use sdmad_base::Stream;

use super::anatomy::Head;
use crate::attribute::{Attribute as A, AttributeSet};
use crate::domain::general;
use crate::field::between;
use crate::outline::{Form, Outline};
use crate::plane::{Plane, soft_step};

/// A body.
#[derive(Clone, Debug)]
pub(super) struct Lump {
    /// How far inside of it each pixel is, in pixels; negative outside.
    pub(super) depth: Plane,
    /// Its middle.
    pub(super) centre: (f32, f32),
    /// Its mean radius in pixels.
    pub(super) radius: f32,
    /// How wide its edge is, in pixels.
    pub(super) softness: f32,
    /// What can be said of form, edge and size.
    pub(super) words: AttributeSet,
    /// What of it is too small or too blurred to be told, or cut off.
    pub(super) unknown: AttributeSet,
}

impl Lump {
    /// One of any form, `radius` pixels large.
    pub(super) fn choose(stream: &mut Stream, side: usize, centre: (f32, f32), radius: f32) -> Self {
        let (form, words, stretch) = form(stream, radius);
        let tilt = between(stream, 0.0, std::f32::consts::PI);
        let outline = Outline::draw(stream, form, centre, radius, stretch, tilt);
        let words = words.union(outline.orientation_words());
        let (softness, edge) = edge(stream, form, radius);
        let seen = form.is_seen(radius, softness);
        let said = if seen { words } else { AttributeSet::EMPTY };
        Lump {
            depth: near_depth(&outline, side),
            centre,
            radius,
            softness,
            words: said.union([edge].into()).union(size(radius, side)),
            unknown: words.without(said),
        }
    }

    /// Together with another, as one body whose form is `words`; how large both are together is not said.
    pub(super) fn joined(mut self, other: &Lump, words: AttributeSet) -> Self {
        let forms: AttributeSet = form_words();
        self.depth = self.depth.max(&other.depth);
        self.words = self.words.without(forms).without([A::Small].into()).union(words);
        self.unknown = forms.without(words).union([A::Large].into());
        self
    }

    /// Cut off where `limit` is below 0: what is left has no simple form.
    pub(super) fn cut(mut self, limit: &Plane) -> Self {
        let simple: AttributeSet = [A::Round, A::Oval, A::Wide, A::Tall].into();
        self.depth = self.depth.zip(limit, f32::min);
        self.unknown = self.unknown.union(self.words.intersection(simple));
        self.words = self.words.without(simple);
        self
    }

    /// Cut off by the skull.
    pub(super) fn within(self, head: &Head) -> Self {
        let limit = head.depth.clone().map(|d| d + 1.0);
        let outside = self.depth.values().iter().zip(limit.values()).any(|(&own, &l)| own > 2.0 && l < 0.0);
        if outside { self.cut(&limit) } else { self }
    }

    /// 1 up to `reach` pixels outside of the body, softly; 0 inside of it and farther out.
    pub(super) fn around(&self, reach: f32) -> Plane {
        self.depth.clone().map(|d| if d > 0.0 { 0.0 } else { soft_step(reach + d, 0.5 * reach) })
    }
}

/// How far inside an outline each pixel is; far from it, some large negative number.
fn near_depth(outline: &Outline, side: usize) -> Plane {
    let reach = 3.6 * outline.radius + 0.14 * side as f32;
    let far = |at: f32, centre: f32| (at - centre).abs() > reach;
    Plane::from_fn(
        side,
        |x, y| {
            if far(x, outline.centre.0) || far(y, outline.centre.1) { -1e3 } else { outline.depth(x, y) }
        },
    )
}

/// What is said of a form.
fn form_words() -> AttributeSet {
    [A::Round, A::Oval, A::Lobulated, A::Irregular, A::Angular, A::Scalloped, A::Spiculated, A::Wide, A::Tall].into()
}

/// A form that can be told at a radius: corners and scallops only of larger bodies, and seldom.
fn form(stream: &mut Stream, radius: f32) -> (Form, AttributeSet, f32) {
    loop {
        let choice = general::form(stream);
        let fine = matches!(choice.0, Form::Scalloped | Form::Angular | Form::Spiculated);
        let taken = if fine { radius > 15.0 && stream.chance(0.12) } else { stream.chance(0.7) };
        if taken {
            return choice;
        }
    }
}

/// The width of the edge in pixels, and its name; details of a form must not drown in it.
fn edge(stream: &mut Stream, form: Form, radius: f32) -> (f32, A) {
    if stream.chance(0.5) {
        return (between(stream, 0.8, 1.8), A::Sharp);
    }
    let share = match form {
        Form::Round | Form::Oval | Form::Irregular => between(stream, 0.25, 0.45),
        Form::Lobulated => between(stream, 0.2, 0.32),
        Form::Angular => between(stream, 0.15, 0.25),
        Form::Scalloped | Form::Spiculated => between(stream, 0.1, 0.17),
    };
    ((share * radius).max(2.5), A::Blurred)
}

/// What can be said of the size.
fn size(radius: f32, side: usize) -> AttributeSet {
    match radius / side as f32 {
        share if share < 0.055 => [A::Small].into(),
        share if share > 0.12 => [A::Large].into(),
        _ => AttributeSet::EMPTY,
    }
}
