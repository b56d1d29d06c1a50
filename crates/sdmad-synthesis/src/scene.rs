//! An image being drawn, with what is known about it.

use sdmad_base::Result;
use sdmad_imaging::RgbImage;

use crate::attribute::{Attribute, AttributeSet};
use crate::canvas::Canvas;
use crate::domain::Landmarks;
use crate::evidence;
use crate::plane::{Plane, length};

/// One finding: where it is and what it looks like.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What can be said of it.
    pub attributes: AttributeSet,
    /// Where it is: 0 to 1 for each pixel.
    pub mask: Plane,
}

/// A drawn image with the truth.
#[derive(Clone, Debug)]
pub struct Rendering {
    /// The image, square.
    pub image: RgbImage,
    /// What was drawn, each with its place.
    pub findings: Vec<Finding>,
    /// What can be said of the image: everything of the findings, and what holds of the whole.
    pub present: AttributeSet,
    /// What may or may not be there: a real normal image has an appearance of its own.
    pub unknown: AttributeSet,
}

/// What a domain draws on.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    /// The image so far.
    pub(crate) canvas: Canvas,
    /// Findings so far.
    pub(crate) findings: Vec<Finding>,
    /// What holds of the whole image.
    pub(crate) present: AttributeSet,
    /// What may or may not be there.
    pub(crate) unknown: AttributeSet,
    /// Where anatomy is, once a domain has looked for it.
    pub(crate) landmarks: Option<Landmarks>,
    /// Whether a finding was refused: what was taken back for its sake is not known.
    refused: bool,
}

impl Scene {
    /// Tissue without a finding.
    pub(crate) fn new(canvas: Canvas) -> Self {
        Scene {
            canvas,
            findings: Vec::new(),
            present: AttributeSet::EMPTY,
            unknown: AttributeSet::EMPTY,
            landmarks: None,
            refused: false,
        }
    }

    /// Pixels of a side.
    pub(crate) fn side(&self) -> usize {
        self.canvas.side()
    }

    /// Notes a finding that was drawn. [`Attribute::Finding`] and its place are added. A mask without weight is
    /// refused; says whether it was not.
    pub(crate) fn note(&mut self, attributes: impl Into<AttributeSet>, mask: Plane) -> bool {
        let noted = evidence::has_weight(&mask);
        if noted {
            let mut attributes = attributes.into();
            attributes.insert(Attribute::Finding);
            attributes = attributes.union(places(&mask));
            self.findings.push(Finding { attributes, mask });
        } else {
            self.refused = true;
        }
        noted
    }

    /// Makes attributes of the whole image such as may or may not hold.
    pub(crate) fn doubt(&mut self, attributes: impl Into<AttributeSet>) {
        let attributes = attributes.into();
        self.present = self.present.without(attributes);
        self.unknown = self.unknown.union(attributes);
    }

    /// Holds what was noted against what can be seen, `before` being the scene without findings: one that changed
    /// nothing goes, and so do bright and dark where the level does not differ; what the whole image is said to be
    /// for the sake of one that went is no longer known. `by_change` as in [`evidence::unseen_levels`].
    pub(crate) fn settle(&mut self, before: &Scene, by_change: bool) {
        let noted = self.findings.len();
        let canvas = &self.canvas;
        self.findings.retain(|finding| evidence::is_changed(&before.canvas, canvas, &finding.mask));
        if self.refused || self.findings.len() < noted {
            let (lost, gained) = (before.present.without(self.present), self.present.without(before.present));
            self.doubt(lost.union(gained));
        }
        if self.findings.is_empty() {
            return;
        }
        let (ground, level) = (evidence::brightness(&before.canvas), evidence::brightness(&self.canvas));
        for finding in &mut self.findings {
            let unseen = evidence::unseen_levels(finding.attributes, &ground, &level, &finding.mask, by_change);
            finding.attributes = finding.attributes.without(unseen);
            self.unknown = self.unknown.union(unseen);
        }
    }

    /// The image and the truth. Without a finding, [`Attribute::Nothing`] holds.
    ///
    /// # Errors
    /// Never for a canvas with a pixel.
    pub(crate) fn finish(self) -> Result<Rendering> {
        let mut present = self.findings.iter().fold(self.present, |set, f| set.union(f.attributes));
        match self.findings.len() {
            0 => present.insert(Attribute::Nothing),
            1 => {}
            // One of several is not the only one.
            _ => present = present.without([Attribute::Single].into()),
        }
        let unknown = self.unknown.without(present);
        Ok(Rendering { image: self.canvas.to_image()?, findings: self.findings, present, unknown })
    }
}

/// Where a finding is, from the centre of its mask; nothing for one that fills the image.
fn places(mask: &Plane) -> AttributeSet {
    let side = mask.side() as f32;
    let (mut x, mut y, mut weight) = (0.0f32, 0.0f32, 0.0f32);
    for (index, &value) in mask.values().iter().enumerate() {
        x += value * (index % mask.side()) as f32;
        y += value * (index / mask.side()) as f32;
        weight += value;
    }
    let mut set = AttributeSet::EMPTY;
    if weight < 1.0 || weight > 0.45 * side * side {
        return set;
    }
    let (x, y) = (x / weight / side - 0.5, y / weight / side - 0.5);
    let mut insert = |attribute, holds| {
        if holds {
            set.insert(attribute);
        }
    };
    insert(Attribute::Left, x < -0.14);
    insert(Attribute::Right, x > 0.14);
    insert(Attribute::Upper, y < -0.14);
    insert(Attribute::Lower, y > 0.14);
    insert(Attribute::Central, length(x, y) < 0.15);
    insert(Attribute::Peripheral, length(x, y) > 0.32);
    set
}
