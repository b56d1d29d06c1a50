use serde_json::json;

use sdmad_base::{Monitor, Result};

use super::trainer::Trainer;
use super::{AdaptProblem, TrainingImages};
use crate::PixelFigures;
use crate::loss::PatchTarget;

/// When maps are looked at.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    /// With the adapters and the bridge that training starts from.
    Untrained,
    /// After the last epoch.
    Trained,
}

/// How well category maps show the masks of images that training has not seen, before and after it.
///
/// Counted are the patches of the first view, each category of each image that has a target; a patch is inside when at least half of it
/// is covered. Nothing is chosen by these figures.
pub(super) struct MapMerit {
    wanted: bool,
    /// Untrained and trained.
    figures: [PixelFigures; 2],
    images: usize,
}

/// The share of a patch from which on it counts as inside.
const INSIDE: f64 = 0.5;

impl MapMerit {
    /// Nothing yet; and nothing ever where no mask trains.
    pub(super) fn of(problem: &AdaptProblem<'_>) -> Self {
        let wanted = problem.settings.loss.localisation_weight > 0.0;
        let bins = if wanted { 65_536 } else { 2 };
        MapMerit { wanted, figures: [PixelFigures::new(bins), PixelFigures::new(bins)], images: 0 }
    }

    pub(super) fn add(
        &mut self,
        stage: Stage,
        trainer: &Trainer<'_>,
        images: &TrainingImages<'_>,
        held_out: &[usize],
    ) -> Result<()> {
        let columns = images.tower().patch_grid().1;
        for &image in held_out.iter().filter(|&&i| self.wanted && !images.targets(i, 0).is_empty()) {
            for (map, target) in trainer.maps(image).iter().zip(images.targets(image, 0)) {
                let inside = match target {
                    PatchTarget::Unknown => continue,
                    PatchTarget::Nowhere => vec![false; map.len()],
                    PatchTarget::Shares(shares) => shares.iter().map(|&t| t >= INSIDE).collect(),
                };
                self.figures[stage as usize].add(columns, map, &inside).map_err(|e| {
                    e.at(format!("the maps of shot {image}"))
                        .with_hint("if values are NaN, training diverged: lower adapters.bridge_learning_rate")
                })?;
            }
            self.images += usize::from(matches!(stage, Stage::Trained));
        }
        Ok(())
    }

    /// AUROC over patches, untrained and trained; none without patches on either side.
    pub(super) fn auroc(&self) -> [Option<f64>; 2] {
        [0, 1].map(|stage| self.figures[stage].auroc().value())
    }

    pub(super) fn report(&self, monitor: &dyn Monitor, log: &mut Vec<serde_json::Value>) {
        if !self.wanted {
            return;
        }
        let [untrained, trained] = self.auroc();
        log.push(json!({
            "stage": "maps out of fold", "trained": trained, "untrained": untrained, "images": self.images,
        }));
        if let [Some(untrained), Some(trained)] = [untrained, trained] {
            monitor.notice(&format!("out of fold: maps {trained:.4}, untrained {untrained:.4} (AUROC over patches)"));
        }
    }
}
