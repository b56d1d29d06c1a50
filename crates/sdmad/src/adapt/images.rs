use std::collections::BTreeMap;

use rayon::prelude::*;

use sdmad_base::{Monitor, Result};
use sdmad_encoders::{Adapted, ImageTower, ShiftAdapters, Trace};
use sdmad_engine::Matrix;
use sdmad_imaging::read_image;

use super::AdaptProblem;
use crate::features::last_layers;
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
}

/// The features of one view under the present adapters, with what the backward pass needs.
pub(super) struct ImagePass {
    pub(super) features: Vec<f32>,
    trace: Trace,
}

impl<'a> TrainingImages<'a> {
    pub(super) fn prepare(problem: &AdaptProblem<'a>, adapters: &ShiftAdapters, monitor: &dyn Monitor) -> Result<Self> {
        let tower = problem.encoder.image_tower();
        let adapted = tower.adapted(adapters.clone())?;
        let layers = last_layers(tower, problem.settings.features.layers);
        let summaries = problem.settings.features.summaries.clone();
        let (rows, columns) = tower.patch_grid();
        let bytes = 4 * tower.width() * (rows * columns + 1);
        let most = (MOST_PREFIX_BYTES / bytes / problem.paths.len().max(1)).max(1);
        let views: Vec<View> = problem.settings.features.views.iter().copied().take(most).collect();
        monitor.begin("frozen prefix", problem.paths.len());
        let prefixes = problem
            .paths
            .par_iter()
            .map(|path| {
                monitor.check()?;
                let image = read_image(path)?;
                let prefixes =
                    views.iter().map(|v| Prefix::of(tower, &adapted, &layers, &summaries, &v.of(&image))).collect();
                monitor.advance(1);
                Ok(prefixes)
            })
            .collect::<Result<_>>()?;
        monitor.end();
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
        ImagePass { features, trace }
    }

    /// Gradients of the adapters' `down` and `up` by layer, from the gradient with respect to the features.
    pub(super) fn backward(
        &self,
        adapted: &Adapted<'_>,
        pass: &ImagePass,
        gradient: &[f32],
    ) -> BTreeMap<usize, sdmad_encoders::AdapterGradient> {
        let parts: Vec<&[f32]> = gradient.chunks_exact(self.tower.width()).collect();
        let taps: BTreeMap<usize, Matrix> = self
            .layers
            .iter()
            .enumerate()
            .filter(|(_, layer)| **layer >= adapted.first_layer())
            .filter_map(|(place, &layer)| {
                let hidden = pass.trace.output(layer)?;
                let mut sum = Matrix::zeros(hidden.rows(), hidden.columns());
                for (index, summary) in self.summaries.iter().enumerate() {
                    sum.add(&summary.backward(self.tower, hidden, parts[index * self.layers.len() + place]));
                }
                Some((layer, sum))
            })
            .collect();
        adapted.backward_from(&pass.trace, &taps.iter().map(|(&l, m)| (l, m)).collect())
    }
}

impl Prefix {
    fn of(
        tower: &ImageTower,
        adapted: &Adapted<'_>,
        layers: &[usize],
        summaries: &[Summary],
        image: &sdmad_imaging::RgbImage,
    ) -> Self {
        let mut state = tower.tokens(&tower.preprocess().apply(image));
        let mut known = BTreeMap::new();
        for layer in 1..adapted.first_layer() {
            state = tower.blocks()[layer - 1].forward(&state);
            if layers.contains(&layer) {
                known.insert(layer, summaries.iter().map(|summary| summary.of(tower, &state)).collect());
            }
        }
        Prefix { state, summaries: known }
    }
}
