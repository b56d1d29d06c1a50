use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use rayon::prelude::*;

use sdmad_base::{Error, Monitor, Result};
use sdmad_encoders::{Adapted, AdapterGradient, ImageTower, ShiftAdapters, Trace};
use sdmad_engine::Matrix;
use sdmad_imaging::{RgbImage, read_image};

use super::AdaptProblem;
use super::targets::ShotMasks;
use super::tokens::{finished_patches, finished_patches_backward};
use crate::features::last_layers;
use crate::loss::PatchTarget;
use crate::{Summary, View};

/// Bytes of cached prefixes beyond which images keep fewer views.
const MOST_PREFIX_BYTES: usize = 400 << 20;

/// The support images up to the first adapted layer, which training never changes.
pub(crate) struct TrainingImages<'a> {
    tower: &'a ImageTower,
    layers: Vec<usize>,
    summaries: Vec<Summary>,
    /// `[images][views]`.
    prefixes: Vec<Vec<Prefix>>,
}

struct Prefix {
    /// Input of the first adapted layer's block, `[tokens, width]`.
    state: Matrix,
    /// Summaries of the layers before it, by layer, in the order of the settings.
    summaries: BTreeMap<usize, Vec<Matrix>>,
    /// Finished patches of the layers before `state`'s own, by layer; only where there are targets.
    patches: BTreeMap<usize, Matrix>,
    /// What the patches are to show of each category; empty where the image takes no part in L_loc.
    targets: Vec<PatchTarget>,
}

/// The features of one view under the present adapters, with what the backward pass needs.
pub(super) struct ImagePass {
    pub(super) features: Vec<f32>,
    trace: Trace,
    pub(super) image: usize,
    pub(super) view: usize,
}

impl<'a> TrainingImages<'a> {
    /// # Errors
    /// When an image or a mask that is needed cannot be read, a mask does not fit its image, or masks are to train and no shot has one.
    pub(super) fn prepare(problem: &AdaptProblem<'a>, adapters: &ShiftAdapters, monitor: &dyn Monitor) -> Result<Self> {
        let tower = problem.encoder.image_tower();
        let adapted = tower.adapted(adapters.clone())?;
        let layers = last_layers(tower, problem.settings.features.layers);
        let summaries = problem.settings.features.summaries.clone();
        let masks_train = problem.settings.loss.localisation_weight > 0.0;
        let (rows, columns) = tower.patch_grid();
        // The state, and where masks train the patches of earlier layers.
        let kept = 1 + layers.iter().filter(|&&l| masks_train && l + 1 < adapted.first_layer()).count();
        let bytes = 4 * tower.width() * (rows * columns + 1) * kept;
        let most = (MOST_PREFIX_BYTES / bytes / problem.paths.len().max(1)).max(1);
        let views: Vec<View> = problem.settings.features.views.iter().copied().take(most).collect();
        monitor.begin("frozen prefix", problem.paths.len());
        let read: Vec<(Vec<Prefix>, bool)> = (0..problem.paths.len())
            .into_par_iter()
            .map(|i| {
                monitor.check()?;
                let image = read_image(&problem.paths[i])?;
                let labels = &problem.support.labels[i];
                let masks = match masks_train {
                    true => Some(ShotMasks::read(&problem.paths[i], &image, labels, &problem.masks[i])?),
                    false => None,
                };
                let prefixes = views
                    .iter()
                    .map(|&view| {
                        let targets =
                            masks.as_ref().map_or_else(Vec::new, |m| m.targets(view, tower, tower.patch_grid()));
                        let part = targets.iter().any(|t| *t != PatchTarget::Unknown);
                        let targets = if part { targets } else { Vec::new() };
                        Prefix::of(tower, &adapted, &layers, &summaries, &view.of(&image), targets)
                    })
                    .collect();
                monitor.advance(1);
                Ok((prefixes, masks.is_some_and(|m| m.has_a_mask())))
            })
            .collect::<Result<_>>()?;
        monitor.end();
        if masks_train && !read.iter().any(|(_, has_a_mask)| *has_a_mask) {
            return Err(no_mask(problem.settings.loss.localisation_weight, problem.paths));
        }
        let prefixes = read.into_iter().map(|(prefixes, _)| prefixes).collect();
        Ok(TrainingImages { tower, layers, summaries, prefixes })
    }

    pub(super) fn tower(&self) -> &'a ImageTower {
        self.tower
    }

    /// How many views each image has.
    pub(super) fn views(&self) -> usize {
        self.prefixes.first().map_or(0, Vec::len)
    }

    pub(super) fn forward(&self, adapted: &Adapted<'_>, image: usize, view: usize) -> ImagePass {
        let prefix = &self.prefixes[image][view];
        let trace = adapted.forward(&prefix.state);
        let mut features = Vec::new();
        for (index, summary) in self.summaries.iter().enumerate() {
            for layer in &self.layers {
                match (prefix.summaries.get(layer), trace.output(*layer)) {
                    (Some(known), _) => features.extend(known[index].data()),
                    (None, Some(hidden)) => features.extend(summary.of(self.tower, hidden).into_vec()),
                    (None, None) => {}
                }
            }
        }
        ImagePass { features, trace, image, view }
    }

    /// What the patches of this view are to show, for each category; empty where the image takes no part.
    pub(super) fn targets(&self, image: usize, view: usize) -> &[PatchTarget] {
        &self.prefixes[image][view].targets
    }

    /// Patches of a layer as the bridge reads them, `[patches, width]`. They are made anew where they are needed: kept for all
    /// layers and all images of a step they would be as large as the traces.
    fn patches_of(&self, pass: &ImagePass, layer: usize) -> Cow<'_, Matrix> {
        match (self.prefixes[pass.image][pass.view].patches.get(&layer), pass.trace.output(layer)) {
            (Some(patches), _) => Cow::Borrowed(patches),
            (None, Some(hidden)) => Cow::Owned(finished_patches(self.tower, hidden)),
            (None, None) => Cow::Owned(Matrix::zeros(0, self.tower.width())),
        }
    }

    /// Where the class token of the layer at `place` stands in a feature row: the part of the bridge that reads patches too. With L_loc there
    /// is always one ([`Settings::validated`](crate::Settings::validated)).
    fn class_token_block(&self, place: usize) -> Range<usize> {
        let index = self.summaries.iter().position(|s| *s == Summary::ClassToken).unwrap_or(0);
        let first = (index * self.layers.len() + place) * self.tower.width();
        first..first + self.tower.width()
    }

    /// The bridge's scores of each patch, `[patches][categories + 1]`. `bridge` is `[categories + 1, features + 1]`, the bias last.
    pub(super) fn patch_scores(&self, pass: &ImagePass, bridge: &Matrix) -> Vec<Vec<f64>> {
        let (rows, columns) = self.tower.patch_grid();
        let bias: Vec<f64> = (0..bridge.rows()).map(|c| f64::from(bridge.row(c)[bridge.columns() - 1])).collect();
        let mut scores = vec![bias; rows * columns];
        for (place, &layer) in self.layers.iter().enumerate() {
            let patches = self.patches_of(pass, layer);
            for (p, scores) in scores.iter_mut().enumerate().take(patches.rows()) {
                for (c, score) in scores.iter_mut().enumerate() {
                    let weights = &bridge.row(c)[self.class_token_block(place)];
                    *score +=
                        weights.iter().zip(patches.row(p)).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum::<f64>();
                }
            }
        }
        scores
    }

    /// Gradient of the bridge from gradients with respect to patch scores; shapes as in [`TrainingImages::patch_scores`].
    pub(super) fn bridge_backward(&self, pass: &ImagePass, d_scores: &[Vec<f64>], bridge: &mut Matrix) {
        let width = self.tower.width();
        let last = bridge.columns() - 1;
        for c in 0..bridge.rows() {
            bridge.row_mut(c)[last] += d_scores.iter().map(|d| d[c]).sum::<f64>() as f32;
        }
        for (place, &layer) in self.layers.iter().enumerate() {
            let patches = self.patches_of(pass, layer);
            for c in 0..bridge.rows() {
                let mut sum = vec![0.0f64; width];
                for (p, d) in d_scores.iter().enumerate().take(patches.rows()) {
                    sum.iter_mut().zip(patches.row(p)).for_each(|(s, &x)| *s += d[c] * f64::from(x));
                }
                let part = &mut bridge.row_mut(c)[self.class_token_block(place)];
                part.iter_mut().zip(&sum).for_each(|(g, &s)| *g += s as f32);
            }
        }
    }

    /// Gradients of the adapters' `down` and `up` by layer, from the gradient with respect to the features, and where the view takes
    /// part in L_loc with respect to its patch scores.
    pub(super) fn backward(
        &self,
        adapted: &Adapted<'_>,
        pass: &ImagePass,
        gradient: &[f32],
        d_scores: Option<&[Vec<f64>]>,
        bridge: &Matrix,
    ) -> BTreeMap<usize, AdapterGradient> {
        let parts: Vec<&[f32]> = gradient.chunks_exact(self.tower.width()).collect();
        let taps: BTreeMap<usize, Matrix> = self
            .layers
            .iter()
            .enumerate()
            .filter(|(_, layer)| **layer >= adapted.first_layer())
            .filter_map(|(place, &layer)| {
                let hidden = pass.trace.output(layer)?;
                let mut tap = Matrix::zeros(hidden.rows(), hidden.columns());
                for (index, summary) in self.summaries.iter().enumerate() {
                    tap.add(&summary.backward(self.tower, hidden, parts[index * self.layers.len() + place]));
                }
                if let Some(d_scores) = d_scores {
                    let weights: Vec<&[f32]> =
                        (0..bridge.rows()).map(|c| &bridge.row(c)[self.class_token_block(place)]).collect();
                    finished_patches_backward(self.tower, hidden, &through(d_scores, &weights), &mut tap);
                }
                Some((layer, tap))
            })
            .collect();
        adapted.backward_from(&pass.trace, &taps.iter().map(|(&l, m)| (l, m)).collect())
    }
}

/// Gradients of patches, `[patches, width]`, from those of their scores and the bridge's weights on one layer.
fn through(d_scores: &[Vec<f64>], weights: &[&[f32]]) -> Matrix {
    let mut d_patches = Matrix::zeros(d_scores.len(), weights.first().map_or(0, |w| w.len()));
    for (p, d) in d_scores.iter().enumerate() {
        let row = d_patches.row_mut(p);
        for (&d, weights) in d.iter().zip(weights) {
            row.iter_mut().zip(*weights).for_each(|(g, &w)| *g += d as f32 * w);
        }
    }
    d_patches
}

fn no_mask(weight: f64, paths: &[PathBuf]) -> Error {
    let first = paths.first().map_or_else(String::new, |p| format!(" (the first is {})", p.display()));
    Error::bad_input(format!(
        "loss.localisation_weight = {weight}, but none of the {} shots{first} has a mask of a category that it has: expected at \
         least one",
        paths.len()
    ))
    .with_hint("name mask files in the manifest's column `mask` (docs/data.md), or set loss.localisation_weight=0")
}

impl Prefix {
    fn of(
        tower: &ImageTower,
        adapted: &Adapted<'_>,
        layers: &[usize],
        summaries: &[Summary],
        image: &RgbImage,
        targets: Vec<PatchTarget>,
    ) -> Self {
        let mut state = tower.tokens(&tower.preprocess().apply(image));
        let (mut known, mut patches) = (BTreeMap::new(), BTreeMap::new());
        for layer in 1..adapted.first_layer() {
            state = tower.blocks()[layer - 1].forward(&state);
            if layers.contains(&layer) {
                known.insert(layer, summaries.iter().map(|summary| summary.of(tower, &state)).collect());
                // The last of these layers is the state itself.
                if !targets.is_empty() && layer + 1 < adapted.first_layer() {
                    patches.insert(layer, finished_patches(tower, &state));
                }
            }
        }
        Prefix { state, summaries: known, patches, targets }
    }
}
