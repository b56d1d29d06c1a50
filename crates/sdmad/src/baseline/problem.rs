use sdmad_engine::Matrix64;

use super::{BalancedLoss, ClassText, FeatureSpace, SpaceName};
use crate::bridge::column_label;
use crate::{Coexistence, Folds, Label, SupportSet};

/// What a baseline is fitted on.
pub(crate) struct Problem<'a> {
    /// Views, labels and patients of the shots.
    pub(crate) support: &'a SupportSet,
    /// What an image reader read in each shot; empty rows without one.
    pub(crate) readings: &'a [Vec<f32>],
    /// Mean feature row of each shot.
    pub(crate) means: Vec<Vec<f32>>,
    /// The folds of the shots; none where there are too few.
    pub(crate) folds: Option<Folds>,
    pub(crate) coexistence: Coexistence,
    /// What the classes' names say of a reading.
    pub(crate) text: Option<ClassText>,
    /// The number of the draw.
    pub(crate) seed: u64,
}

/// The shots of one fit: all, or all but a fold.
pub(crate) struct Part {
    /// What is learned from.
    pub(crate) fitted: Vec<usize>,
    /// What is scored.
    pub(crate) held: Vec<usize>,
}

impl<'a> Problem<'a> {
    pub(crate) fn columns(&self) -> usize {
        self.support.labels.first().map_or(0, |l| l.len() + 1)
    }

    pub(crate) fn images(&self) -> usize {
        self.support.labels.len()
    }

    /// Every fold as what is held out; empty without folds.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let Some(folds) = &self.folds else { return Vec::new() };
        let of = |fold: usize| (0..self.images()).partition(|&i| folds.of_row[i] != fold);
        (0..folds.count)
            .map(|fold| {
                let (fitted, held) = of(fold);
                Part { fitted, held }
            })
            .collect()
    }

    /// All images, none held out.
    pub(crate) fn whole(&self) -> Part {
        Part { fitted: (0..self.images()).collect(), held: Vec::new() }
    }

    /// For normal and each category the places, within `images`, of those that have it.
    pub(crate) fn members(&self, images: &[usize]) -> Vec<Vec<usize>> {
        self.places(images, Label::Present)
    }

    /// The same of those that are known not to have it.
    pub(crate) fn others(&self, images: &[usize]) -> Vec<Vec<usize>> {
        self.places(images, Label::Absent)
    }

    /// Of `images`, those that are known to be normal, and those that are known not to be.
    pub(crate) fn sides(&self, images: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let of = |label: Label| -> Vec<usize> {
            images.iter().copied().filter(|&i| column_label(&self.support.labels[i], 0) == label).collect()
        };
        (of(Label::Present), of(Label::Absent))
    }

    /// One label of each image: whether it is known not to be normal.
    pub(crate) fn binary_labels(&self) -> Vec<Vec<Label>> {
        let turned = |normal: Label| match normal {
            Label::Present => Label::Absent,
            Label::Absent => Label::Present,
            Label::Unknown => Label::Unknown,
        };
        self.support.labels.iter().map(|labels| vec![turned(column_label(labels, 0))]).collect()
    }

    fn places(&self, images: &[usize], label: Label) -> Vec<Vec<usize>> {
        (0..self.columns())
            .map(|column| {
                let has = |&place: &usize| column_label(&self.support.labels[images[place]], column) == label;
                (0..images.len()).filter(has).collect()
            })
            .collect()
    }

    pub(crate) fn means_of(&self, images: &[usize]) -> Vec<Vec<f32>> {
        images.iter().map(|&i| self.means[i].clone()).collect()
    }

    /// The space of some images, and their mean rows in it.
    pub(crate) fn space(&self, name: SpaceName, images: &[usize]) -> (FeatureSpace, Matrix64) {
        let means = self.means_of(images);
        let space = FeatureSpace::fit(name, &means, &self.members(images));
        let rows = space.rows(means.iter().map(Vec::as_slice));
        (space, rows)
    }

    pub(crate) fn loss(&self, images: &[usize]) -> BalancedLoss {
        let labels: Vec<Vec<Label>> = images.iter().map(|&i| self.support.labels[i].clone()).collect();
        BalancedLoss::of(&labels, self.coexistence)
    }

    /// The loss of columns of all images.
    pub(crate) fn whole_loss(&self) -> BalancedLoss {
        BalancedLoss::of(&self.support.labels, self.coexistence)
    }

    /// What the names say of an image's columns; zeros without names.
    pub(crate) fn text_logits(&self, image: usize) -> Vec<f64> {
        match &self.text {
            Some(text) => text.logits(&self.readings[image]),
            None => vec![0.0; self.columns()],
        }
    }
}

/// The candidate of least loss, the first among equals, with its loss.
pub(crate) fn least<T>(candidates: impl IntoIterator<Item = T>, loss: impl Fn(&T) -> f64) -> Option<(T, f64)> {
    let mut best: Option<(T, f64)> = None;
    for candidate in candidates {
        let value = loss(&candidate);
        if value.is_finite() && best.as_ref().is_none_or(|(_, least)| value < *least) {
            best = Some((candidate, value));
        }
    }
    best
}

/// `Σ_c factors_c · parts_c`, image by image and column by column.
pub(crate) fn combined(parts: &[(f64, &[Vec<f64>])]) -> Vec<Vec<f64>> {
    let images = parts.first().map_or(0, |(_, p)| p.len());
    (0..images)
        .map(|i| {
            let columns = parts[0].1[i].len();
            (0..columns).map(|c| parts.iter().map(|(factor, p)| factor * p[i][c]).sum()).collect()
        })
        .collect()
}
