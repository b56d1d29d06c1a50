//! The kinds of images, and what each draws.

mod brain_mri;
mod dermoscopy;
mod endoscopy;
mod fundus;
mod general;
mod oct;
mod ultrasound;
mod xray;

use sdmad_base::{Error, Result, Stream};

use crate::canvas::Canvas;
use crate::scene::Scene;

use brain_mri::Head;
use dermoscopy::Lesion;
use endoscopy::View;
use fundus::Eye;
use xray::Chest;

/// Where anatomy is on an image, as far as a domain has looked for it: it is found once.
#[derive(Clone, Debug)]
pub(crate) enum Landmarks {
    /// On a photograph of the retina.
    Eye(Box<Eye>),
    /// On a chest X-ray.
    Chest(Chest),
    /// In an endoscopy image.
    View(Box<View>),
    /// On skin of our own.
    Lesion(Box<Lesion>),
    /// On a slice through the head.
    Head(Box<Head>),
}

/// A kind of image that the renderer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    /// Sonograms, of the breast above all.
    Ultrasound,
    /// Frontal chest X-rays.
    XRay,
    /// Colour photographs of the retina.
    Fundus,
    /// Dermoscopy of pigmented lesions.
    Dermoscopy,
    /// Optical coherence tomography of the retina.
    Oct,
    /// Colour endoscopy of the gastrointestinal tract.
    Endoscopy,
    /// Magnetic resonance slices of the brain, all planes and contrasts.
    BrainMri,
    /// Any other: shapes, textures and colours without physics.
    General,
}

impl Domain {
    /// All of them.
    pub const ALL: [Domain; 8] = [
        Domain::Ultrasound,
        Domain::XRay,
        Domain::Fundus,
        Domain::Dermoscopy,
        Domain::Oct,
        Domain::Endoscopy,
        Domain::BrainMri,
        Domain::General,
    ];

    /// The name in options and files.
    pub fn id(self) -> &'static str {
        match self {
            Domain::Ultrasound => "ultrasound",
            Domain::XRay => "xray",
            Domain::Fundus => "fundus",
            Domain::Dermoscopy => "dermoscopy",
            Domain::Oct => "oct",
            Domain::Endoscopy => "endoscopy",
            Domain::BrainMri => "brain_mri",
            Domain::General => "general",
        }
    }

    /// The domain called `id`.
    ///
    /// # Errors
    /// When there is none; the message lists all.
    pub fn from_id(id: &str) -> Result<Domain> {
        Domain::ALL.into_iter().find(|d| d.id() == id).ok_or_else(|| {
            let known = Domain::ALL.map(Domain::id).join(", ");
            Error::bad_input(format!("domain {id:?}; expected one of {known}"))
        })
    }

    /// Whether a mirrored image is as good as the image.
    pub(crate) fn may_mirror(self) -> bool {
        !matches!(self, Domain::XRay)
    }

    /// Whether what is seen is the sum of all that lies behind one another, so that a finding's surroundings say
    /// little of how bright it is.
    pub(crate) fn is_projection(self) -> bool {
        matches!(self, Domain::XRay)
    }

    /// Normal tissue of our own.
    pub(crate) fn tissue(self, stream: &mut Stream, side: usize) -> Scene {
        match self {
            Domain::Ultrasound => ultrasound::tissue(stream, side),
            Domain::XRay => xray::tissue(stream, side),
            Domain::Fundus => fundus::tissue(stream, side),
            Domain::Dermoscopy => dermoscopy::tissue(stream, side),
            Domain::Oct => oct::tissue(stream, side),
            Domain::Endoscopy => endoscopy::tissue(stream, side),
            Domain::BrainMri => brain_mri::tissue(stream, side),
            Domain::General => general::tissue(stream, side),
        }
    }

    /// A scene on a given normal image, with what means nothing below findings, as on our own tissue.
    pub(crate) fn on_normal(self, stream: &mut Stream, normal: Canvas) -> Scene {
        match self {
            Domain::Ultrasound => ultrasound::on_normal(stream, normal),
            Domain::XRay => xray::on_normal(stream, normal),
            Domain::Fundus => fundus::on_normal(normal),
            Domain::Dermoscopy => dermoscopy::on_normal(normal),
            Domain::Oct => oct::on_normal(stream, normal),
            Domain::Endoscopy => endoscopy::on_normal(normal),
            Domain::BrainMri => brain_mri::on_normal(stream, normal),
            Domain::General => Scene::new(normal),
        }
    }

    /// Draws findings.
    pub(crate) fn draw(self, stream: &mut Stream, scene: &mut Scene) {
        match self {
            Domain::Ultrasound => ultrasound::draw(stream, scene),
            Domain::XRay => xray::draw(stream, scene),
            Domain::Fundus => fundus::draw(stream, scene),
            Domain::Dermoscopy => dermoscopy::draw(stream, scene),
            Domain::Oct => oct::draw(stream, scene),
            Domain::Endoscopy => endoscopy::draw(stream, scene),
            Domain::BrainMri => brain_mri::draw(stream, scene),
            Domain::General => general::draw(stream, scene),
        }
    }

    /// Draws what means nothing and lies above all else, with and without a finding, on real and drawn tissue alike.
    pub(crate) fn distract(self, stream: &mut Stream, scene: &mut Scene) {
        match self {
            Domain::Fundus => fundus::distract(stream, scene),
            Domain::Dermoscopy => dermoscopy::distract(stream, scene),
            Domain::Endoscopy => endoscopy::distract(stream, scene),
            Domain::BrainMri => brain_mri::distract(stream, scene),
            // Theirs is part of the normal image.
            Domain::Ultrasound | Domain::XRay | Domain::Oct | Domain::General => {}
        }
    }
}
