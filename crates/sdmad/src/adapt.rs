//! Stage 1 by gradient: shift adapters in both towers and the bridge, from the closed form on (docs/method.md, "Training by gradient").
//!
//! In the space of the category anchors an image is the bridge's scores u and a sign its coordinates q; a(x, s) = q·u.
//! Training moves the adapters of the image tower through u, those of the text tower through q, and the bridge itself, on
//! L_det + β L_inter + γ L_intra + δ L_loc and the orthogonality of anchors. The map from text embeddings to coordinates stays that of the unadapted texts: solved
//! again after training, it would undo at category level what the text adapters learned.

mod images;
mod map_merit;
mod maps;
mod settings;
mod targets;
mod texts;
mod tokens;
mod trainer;

use std::path::PathBuf;

use serde_json::json;

use sdmad_base::{Monitor, Result, Stream};
use sdmad_encoders::{Encoder, ShiftAdapters};
use sdmad_engine::{Matrix, ShiftAdapter};

use crate::bridge::column_label;
use crate::{Bank, FittedBridge, Label, Settings, SupportSet, auroc};

pub(crate) use images::TrainingImages;
use map_merit::{MapMerit, Stage};
pub use settings::{AdapterChoice, AdapterSettings, AdapterSource, LayerChoice};
pub(crate) use targets::{ShotMasks, mask_union};
pub(crate) use texts::{TextSide, adapted_sign_coordinates};
use trainer::Trainer;

/// Trained adapters of both towers, by layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TowerAdapters {
    /// Of the image tower.
    pub image: ShiftAdapters,
    /// Of the text tower.
    pub text: ShiftAdapters,
}

impl TowerAdapters {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.image.is_empty() && self.text.is_empty()
    }
}

/// What adapters are trained on.
pub(crate) struct AdaptProblem<'a> {
    pub(crate) encoder: &'a Encoder,
    pub(crate) bank: &'a Bank,
    pub(crate) settings: &'a Settings,
    pub(crate) categories: &'a [String],
    pub(crate) paths: &'a [PathBuf],
    /// Mask files, `[images][categories][files]`; read only where L_loc has a weight.
    pub(crate) masks: &'a [Vec<Vec<PathBuf>>],
    pub(crate) support: &'a SupportSet,
    pub(crate) draw: u64,
}

/// How much better macro AUROC must be out of fold for trained adapters to replace the closed form.
const ADAPTER_GAIN: f64 = 0.005;

/// Trains adapters from the closed form; with [`AdapterChoice::Auto`] gives the closed form back where training does not
/// beat it out of fold.
pub(crate) fn train_adapters(
    problem: &AdaptProblem<'_>,
    closed: FittedBridge,
    monitor: &dyn Monitor,
    log: &mut Vec<serde_json::Value>,
) -> Result<(FittedBridge, TowerAdapters)> {
    let settings = &problem.settings.adapters;
    let start = initial_adapters(problem);
    let images = TrainingImages::prepare(problem, &start.image, monitor)?;
    let texts = TextSide::new(problem, &start.text)?;
    let all: Vec<usize> = (0..problem.support.labels.len()).collect();

    let mut out_of_fold = None;
    let mut maps = MapMerit::of(problem);
    if let (Some(folds), Some(closed_scores)) = (&closed.folds, &closed.out_of_fold) {
        let mut scores = vec![Vec::new(); all.len()];
        for fold in 0..folds.count {
            let rest: Vec<usize> = all.iter().copied().filter(|&i| folds.of_row[i] != fold).collect();
            // The closed form that this fold starts from has not seen the held-out images either.
            let support = problem.support.filtered(|i| folds.of_row[i] != fold);
            let start_bridge = closed.fit_others(&support, &problem.settings.bridge)?;
            let mut trainer = Trainer::new(problem, &images, &texts, &start, start_bridge)?;
            let held_out: Vec<usize> = all.iter().copied().filter(|&i| folds.of_row[i] == fold).collect();
            maps.add(Stage::Untrained, &trainer, &images, &held_out)?;
            trainer.run(&rest, &format!("adapters, fold {} of {}", fold + 1, folds.count), monitor, log)?;
            maps.add(Stage::Trained, &trainer, &images, &held_out)?;
            for image in held_out {
                scores[image] = trainer.scores(image)?;
            }
        }
        let labels = &problem.support.labels;
        let (trained, plain) = (merit(&scores, labels), merit(closed_scores, labels));
        log.push(json!({"stage": "adapters out of fold", "trained": trained, "closed_form": plain}));
        monitor.notice(&format!("out of fold: adapters {trained:.4}, closed form {plain:.4} (mean AUROC)"));
        maps.report(monitor, log);
        if settings.mode == AdapterChoice::Auto && trained < plain + ADAPTER_GAIN {
            return Ok((closed, TowerAdapters::default()));
        }
        out_of_fold = Some(scores);
    } else if settings.mode == AdapterChoice::Auto {
        // Nothing to measure with: the closed form is the floor.
        return Ok((closed, TowerAdapters::default()));
    }
    let mut trainer = Trainer::new(problem, &images, &texts, &start, closed.bridge.clone())?;
    trainer.run(&all, "adapters", monitor, log)?;
    let (bridge, adapters) = trainer.finish();
    Ok((FittedBridge { bridge, out_of_fold, without_fold: Vec::new(), ..closed }, adapters))
}

/// Mean AUROC over normal and all categories, each against the rest.
pub(crate) fn merit(scores: &[Vec<f64>], labels: &[Vec<Label>]) -> f64 {
    let columns = labels.first().map_or(0, |l| l.len() + 1);
    let values: Vec<f64> = (0..columns)
        .filter_map(|column| {
            let (scores, positive): (Vec<f64>, Vec<bool>) = scores
                .iter()
                .zip(labels)
                .map(|(s, l)| (s[column], column_label(l, column)))
                .filter(|(_, label)| *label != Label::Unknown)
                .map(|(s, label)| (s, label == Label::Present))
                .unzip();
            auroc(&scores, &positive).value()
        })
        .collect();
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Adapters before training: W₁ normal with variance 1 / width; W₂ smaller by ten, so that training starts near the closed form.
fn initial_adapters(problem: &AdaptProblem<'_>) -> TowerAdapters {
    let settings = &problem.settings.adapters;
    let make = |tower: &str, layers: &[usize], width: usize| {
        layers
            .iter()
            .map(|&layer| {
                let mut stream = Stream::new(problem.draw, &format!("adapter/{tower}/{layer}"));
                let bottleneck = (width / settings.bottleneck).max(1);
                let mut normal = |rows: usize, columns: usize, scale: f64| {
                    let scale = scale / (columns as f64).sqrt();
                    let data = (0..rows * columns).map(|_| (scale * stream.normal()) as f32).collect();
                    Matrix::from_vec(rows, columns, data)
                };
                let adapter = ShiftAdapter {
                    down: normal(bottleneck, width, 1.0),
                    up: normal(width, bottleneck, 0.1),
                    lambda: settings.lambda as f32,
                    input: settings.input.into(),
                    norm_matching: settings.norm_matching,
                };
                (layer, adapter)
            })
            .collect()
    };
    let (image, text) = (problem.encoder.image_tower(), problem.encoder.text_tower());
    TowerAdapters {
        image: make("image", &settings.image_layers.resolved(image.layers()), image.width()),
        text: make("text", &settings.text_layers.resolved(text.layers()), text.width()),
    }
}
