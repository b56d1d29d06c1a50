use std::collections::BTreeMap;

use rayon::prelude::*;

use sdmad_base::{Monitor, Result};
use sdmad_encoders::{Adapted, ImageTower, ShiftAdapters, Trace};
use sdmad_engine::{Matrix, l2_normalize_backward};
use sdmad_imaging::read_image;

use super::AdaptProblem;
use crate::View;
use crate::features::{finished_token, last_layers, summary_token};

/// Bytes of cached prefixes beyond which images keep fewer views.
const MOST_PREFIX_BYTES: usize = 400 << 20;

/// The support images up to the first adapted layer, which training never changes.
pub(crate) struct TrainingImages<'a> {
    tower: &'a ImageTower,
    layers: Vec<usize>,
    /// `[images][views]`.
    prefixes: Vec<Vec<Prefix>>,
}

struct Prefix {
    /// Input of the first adapted layer's block, `[tokens, width]`.
    state: Matrix,
    /// Finished tokens of the layers before it, by layer.
    tokens: BTreeMap<usize, Matrix>,
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
                let prefixes = views.iter().map(|v| Prefix::of(tower, &adapted, &layers, &v.of(&image))).collect();
                monitor.advance(1);
                Ok(prefixes)
            })
            .collect::<Result<_>>()?;
        monitor.end();
        Ok(TrainingImages { tower, layers, prefixes })
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
        let features = self
            .layers
            .iter()
            .flat_map(|layer| match prefix.tokens.get(layer) {
                Some(token) => token.data().to_vec(),
                None => trace.output(*layer).map_or_else(Vec::new, |h| finished_token(self.tower, h).into_vec()),
            })
            .collect();
        ImagePass { features, trace }
    }

    /// Gradients of the adapters' `down` and `up` by layer, from the gradient with respect to the features.
    pub(super) fn backward(
        &self,
        adapted: &Adapted<'_>,
        pass: &ImagePass,
        gradient: &[f32],
    ) -> BTreeMap<usize, sdmad_encoders::AdapterGradient> {
        let width = self.tower.width();
        let taps: BTreeMap<usize, Matrix> = self
            .layers
            .iter()
            .zip(gradient.chunks_exact(width))
            .filter(|(layer, _)| **layer >= adapted.first_layer())
            .filter_map(|(&layer, part)| {
                let hidden = pass.trace.output(layer)?;
                Some((layer, finished_token_backward(self.tower, hidden, part)))
            })
            .collect();
        adapted.backward_from(&pass.trace, &taps.iter().map(|(&l, m)| (l, m)).collect())
    }
}

impl Prefix {
    fn of(tower: &ImageTower, adapted: &Adapted<'_>, layers: &[usize], image: &sdmad_imaging::RgbImage) -> Self {
        let mut state = tower.tokens(&tower.preprocess().apply(image));
        let mut tokens = BTreeMap::new();
        for layer in 1..adapted.first_layer() {
            state = tower.blocks()[layer - 1].forward(&state);
            if layers.contains(&layer) {
                tokens.insert(layer, finished_token(tower, &state));
            }
        }
        Prefix { state, tokens }
    }
}

/// The adjoint of [`finished_token`]: gradient with respect to the layer's output.
fn finished_token_backward(tower: &ImageTower, hidden: &Matrix, gradient: &[f32]) -> Matrix {
    let summary = summary_token(tower, hidden);
    let dy = Matrix::from_vec(1, gradient.len(), gradient.to_vec());
    let token_gradient = match tower.final_norm() {
        Some(norm) => norm.backward(&summary, &l2_normalize_backward(&norm.forward(&summary), &dy)),
        None => l2_normalize_backward(&summary, &dy),
    };
    let mut hidden_gradient = Matrix::zeros(hidden.rows(), hidden.columns());
    if tower.class_token() {
        hidden_gradient.row_mut(0).copy_from_slice(token_gradient.row(0));
    } else {
        let share = 1.0 / hidden.rows() as f32;
        for row in 0..hidden.rows() {
            hidden_gradient.row_mut(row).iter_mut().zip(token_gradient.row(0)).for_each(|(h, t)| *h = share * t);
        }
    }
    hidden_gradient
}
