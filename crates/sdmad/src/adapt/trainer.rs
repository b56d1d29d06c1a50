use std::collections::BTreeMap;

use rayon::prelude::*;
use serde_json::json;

use sdmad_base::{Monitor, Result, Stream};
use sdmad_encoders::{Adapted, AdapterGradient};
use sdmad_engine::{AdamW, Matrix, cosine_decay};

use super::maps::{Directions, MapStep};
use super::{AdaptProblem, TextSide, TowerAdapters, TrainingImages};
use crate::loss::{losses, orthogonality_loss};
use crate::{Bridge, Label};

/// Adapters and bridge in training.
pub(super) struct Trainer<'a> {
    problem: &'a AdaptProblem<'a>,
    images: &'a TrainingImages<'a>,
    texts: &'a TextSide<'a>,
    image: Adapted<'a>,
    text: Adapted<'a>,
    /// `[categories + 1, features + 1]`, the bias last.
    bridge: Matrix,
}

/// Losses of an epoch, as means over its steps.
#[derive(Default)]
struct Means {
    total: f64,
    detection: f64,
    inter: f64,
    intra: f64,
    orthogonality: f64,
    localisation: f64,
}

impl<'a> Trainer<'a> {
    pub(super) fn new(
        problem: &'a AdaptProblem<'a>,
        images: &'a TrainingImages<'a>,
        texts: &'a TextSide<'a>,
        start: &TowerAdapters,
        bridge: Bridge,
    ) -> Result<Self> {
        let width = bridge.weights.first().map_or(0, Vec::len) + 1;
        let data: Vec<f32> =
            bridge.weights.iter().zip(&bridge.bias).flat_map(|(w, &b)| w.iter().copied().chain([b])).collect();
        Ok(Trainer {
            problem,
            images,
            texts,
            image: images.tower().adapted(start.image.clone())?,
            text: texts.tower().adapted(start.text.clone())?,
            bridge: Matrix::from_vec(bridge.bias.len(), width, data),
        })
    }

    /// Trains on the named support images for the number of epochs that the settings say.
    pub(super) fn run(
        &mut self,
        chosen: &[usize],
        name: &str,
        monitor: &dyn Monitor,
        log: &mut Vec<serde_json::Value>,
    ) -> Result<()> {
        let settings = &self.problem.settings.adapters;
        let optimiser = |rate: f64, decay: f64| AdamW::new(rate as f32, decay as f32);
        let mut image_optimiser = optimiser(settings.image_learning_rate, settings.weight_decay);
        let mut text_optimiser = optimiser(settings.text_learning_rate, settings.weight_decay);
        let mut bridge_optimiser = optimiser(settings.bridge_learning_rate, 0.0);
        let mut order = chosen.to_vec();
        let mut stream = Stream::new(self.problem.draw, &format!("training order/{name}"));
        let steps_each = order.len().div_ceil(settings.batch);
        let steps = settings.epochs * steps_each;
        let mut step = 0;
        monitor.begin(name, steps);
        for epoch in 0..settings.epochs {
            stream.shuffle(&mut order);
            let mut means = Means::default();
            for batch in order.chunks(settings.batch) {
                monitor.check()?;
                let cases: Vec<(usize, usize)> =
                    batch.iter().map(|&i| (i, stream.below(self.images.views()))).collect();
                let gradients = self.gradients(&cases, &mut means);
                let schedule = cosine_decay(step, steps);
                step_adapters(&mut image_optimiser, &mut self.image, &gradients.image, schedule);
                step_adapters(&mut text_optimiser, &mut self.text, &gradients.text, schedule);
                bridge_optimiser.step(&mut [(&mut self.bridge, &gradients.bridge)], schedule);
                step += 1;
                monitor.advance(1);
            }
            let mean = |sum: f64| sum / steps_each as f64;
            log.push(json!({
                "stage": name, "epoch": epoch + 1, "loss": mean(means.total), "detection": mean(means.detection),
                "inter": mean(means.inter), "intra": mean(means.intra), "orthogonality": mean(means.orthogonality),
                "localisation": mean(means.localisation),
            }));
        }
        monitor.end();
        Ok(())
    }

    fn scores_of(&self, features: &[f32]) -> Vec<f64> {
        (0..self.bridge.rows())
            .map(|c| {
                let row = self.bridge.row(c);
                let product: f64 = row.iter().zip(features).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum();
                product + f64::from(row[features.len()])
            })
            .collect()
    }

    fn gradients(&self, cases: &[(usize, usize)], means: &mut Means) -> Gradients {
        let passes: Vec<_> =
            cases.par_iter().map(|&(image, view)| self.images.forward(&self.image, image, view)).collect();
        let text = self.texts.forward(&self.text);
        let scores: Vec<Vec<f64>> = passes.iter().map(|p| self.scores_of(&p.features)).collect();
        let a: Vec<Vec<f64>> = scores
            .iter()
            .map(|u| text.coordinates.iter().map(|q| q.iter().zip(u).map(|(q, u)| q * u).sum()).collect())
            .collect();
        let labels: Vec<Vec<Label>> = cases.iter().map(|&(i, _)| self.problem.support.labels[i].clone()).collect();
        let (settings, sets) = (&self.problem.settings.loss, &self.texts.space.sets);
        let loss = losses(&a, &labels, sets, settings);
        let maps = MapStep::of(self.images, &passes, &self.bridge, &text.coordinates, sets, settings);
        let anchors = (settings.orthogonality_weight > 0.0 && !text.embeddings.is_empty()).then(|| {
            let mut anchors = orthogonality_loss(&text.embeddings, sets);
            anchors.gradient.iter_mut().flatten().for_each(|g| *g *= settings.orthogonality_weight);
            anchors
        });
        let orthogonality = anchors.as_ref().map_or(0.0, |a| a.value);
        let localisation = maps.as_ref().map_or(0.0, |m| m.value);
        means.total +=
            loss.total + settings.orthogonality_weight * orthogonality + settings.localisation_weight * localisation;
        means.orthogonality += orthogonality;
        means.localisation += localisation;
        means.detection += loss.detection;
        means.inter += loss.inter;
        means.intra += loss.intra;

        let columns = self.bridge.rows();
        let d_scores: Vec<Vec<f64>> = loss
            .gradient
            .iter()
            .map(|d| (0..columns).map(|c| d.iter().zip(&text.coordinates).map(|(d, q)| d * q[c]).sum()).collect())
            .collect();
        let mut d_coordinates: Vec<Vec<f64>> = (0..text.coordinates.len())
            .map(|s| (0..columns).map(|c| loss.gradient.iter().zip(&scores).map(|(d, u)| d[s] * u[c]).sum()).collect())
            .collect();
        if let Some(maps) = &maps {
            let pairs = d_coordinates.iter_mut().flatten().zip(maps.coordinates.iter().flatten());
            pairs.for_each(|(d, own)| *d += own);
        }
        let d_patches: Vec<Option<&[Vec<f64>]>> = match &maps {
            Some(maps) => maps.scores.iter().map(Option::as_deref).collect(),
            None => vec![None; passes.len()],
        };
        let mut bridge = Matrix::zeros(columns, self.bridge.columns());
        for (pass, d) in passes.iter().zip(&d_scores) {
            for (c, &d) in d.iter().enumerate() {
                let one = [1.0f32];
                let inputs = pass.features.iter().chain(&one);
                bridge.row_mut(c).iter_mut().zip(inputs).for_each(|(g, &x)| *g += d as f32 * x);
            }
        }
        for (pass, d_patches) in passes.iter().zip(&d_patches) {
            if let Some(d_patches) = d_patches {
                self.images.bridge_backward(pass, d_patches, &mut bridge);
            }
        }
        let image_parts: Vec<BTreeMap<usize, AdapterGradient>> = passes
            .par_iter()
            .zip(&d_scores)
            .zip(&d_patches)
            .map(|((pass, d), d_patches)| {
                let d_features: Vec<f32> = (0..pass.features.len())
                    .map(|k| d.iter().enumerate().map(|(c, &d)| d as f32 * self.bridge.row(c)[k]).sum())
                    .collect();
                self.images.backward(&self.image, pass, &d_features, *d_patches, &self.bridge)
            })
            .collect();
        let text_parts =
            self.texts.backward(&self.text, &text, &d_coordinates, anchors.as_ref().map(|a| a.gradient.as_slice()));
        Gradients { image: summed(image_parts), text: summed(text_parts), bridge }
    }

    /// Scores of a support image by its mean over the views, `[categories + 1]`.
    pub(super) fn scores(&self, image: usize) -> Result<Vec<f64>> {
        let views: Vec<Vec<f64>> = (0..self.images.views())
            .into_par_iter()
            .map(|view| self.scores_of(&self.images.forward(&self.image, image, view).features))
            .collect();
        Ok((0..self.bridge.rows()).map(|c| views.iter().map(|v| v[c]).sum::<f64>() / views.len() as f64).collect())
    }

    /// Category maps of a support image in its first view, `[categories][patches]`: σ(z_c − z_0). κ is left out, since it changes no
    /// order and would round the far ends together.
    pub(super) fn maps(&self, image: usize) -> Vec<Vec<f32>> {
        let pass = self.images.forward(&self.image, image, 0);
        let scores = self.images.patch_scores(&pass, &self.bridge);
        let coordinates = self.texts.forward(&self.text).coordinates;
        let logits = Directions::new(&coordinates, &self.texts.space.sets, 1.0).logits(&scores);
        let probability = |x: f64| (1.0 / (1.0 + (-x).exp())) as f32;
        logits.into_iter().map(|map| map.into_iter().map(probability).collect()).collect()
    }

    pub(super) fn finish(self) -> (Bridge, TowerAdapters) {
        let width = self.bridge.columns() - 1;
        let bridge = Bridge {
            weights: (0..self.bridge.rows()).map(|c| self.bridge.row(c)[..width].to_vec()).collect(),
            bias: (0..self.bridge.rows()).map(|c| self.bridge.row(c)[width]).collect(),
        };
        (bridge, TowerAdapters { image: self.image.into_adapters(), text: self.text.into_adapters() })
    }
}

/// Gradients of one step, summed over its images or signs in their order.
struct Gradients {
    image: BTreeMap<usize, AdapterGradient>,
    text: BTreeMap<usize, AdapterGradient>,
    bridge: Matrix,
}

fn summed(parts: Vec<BTreeMap<usize, AdapterGradient>>) -> BTreeMap<usize, AdapterGradient> {
    let mut sum: BTreeMap<usize, AdapterGradient> = BTreeMap::new();
    for part in parts {
        for (layer, gradient) in part {
            match sum.get_mut(&layer) {
                Some(sum) => {
                    sum.down.add(&gradient.down);
                    sum.up.add(&gradient.up);
                }
                None => {
                    sum.insert(layer, gradient);
                }
            }
        }
    }
    sum
}

fn step_adapters(
    optimiser: &mut AdamW,
    adapted: &mut Adapted<'_>,
    gradients: &BTreeMap<usize, AdapterGradient>,
    schedule: f32,
) {
    let mut pairs = Vec::new();
    for (layer, adapter) in adapted.adapters_mut() {
        if let Some(gradient) = gradients.get(&layer) {
            pairs.push((&mut adapter.down, &gradient.down));
            pairs.push((&mut adapter.up, &gradient.up));
        }
    }
    if !pairs.is_empty() {
        optimiser.step(&mut pairs, schedule);
    }
}

#[cfg(test)]
mod tests;
