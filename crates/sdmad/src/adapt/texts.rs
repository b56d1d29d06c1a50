use std::collections::BTreeMap;

use rayon::prelude::*;

use sdmad_base::Result;
use sdmad_encoders::{Adapted, AdapterGradient, Encoder, ShiftAdapters, TextTower, Trace};
use sdmad_engine::{Matrix, l2_normalize, l2_normalize_backward};

use super::AdaptProblem;
use crate::sign_text::{SignSpace, TextSource, effective_bank, sign_embeddings, sign_prompts, sign_sets};
use crate::{Bank, SignMap, TextSettings};

/// All signs of a run up to the first adapted layer of the text tower, and the fixed map from embeddings to coordinates.
pub(crate) struct TextSide<'a> {
    tower: &'a TextTower,
    /// `[signs][prompts]`: token ids and the frozen prefix.
    prompts: Vec<Vec<(Vec<u32>, Matrix)>>,
    /// The map from embeddings to coordinates, of the unadapted texts.
    pub(super) space: SignSpace,
    /// The coordinates of the unadapted texts.
    plain: Vec<Vec<f64>>,
    /// Whether the text takes part at all.
    has_text: bool,
}

/// Sign coordinates under the present adapters, with what the backward pass needs.
pub(super) struct TextPass {
    /// `[signs][categories + 1]`.
    pub(super) coordinates: Vec<Vec<f64>>,
    /// Text embeddings of length 1, `[signs][text width]`; empty without text.
    pub(super) embeddings: Vec<Vec<f64>>,
    traces: Vec<Vec<Trace>>,
    /// Sums of a sign's normalised prompt embeddings, before they are scaled to length 1.
    sums: Vec<Vec<f32>>,
}

impl<'a> TextSide<'a> {
    pub(super) fn new(problem: &AdaptProblem<'a>, adapters: &ShiftAdapters) -> Result<Self> {
        TextSide::of(problem.encoder, problem.bank, problem.categories, &problem.settings.text, adapters)
    }

    fn of(
        encoder: &'a Encoder,
        bank: &Bank,
        categories: &[String],
        settings: &TextSettings,
        adapters: &ShiftAdapters,
    ) -> Result<Self> {
        let tower = encoder.text_tower();
        let bank = effective_bank(bank, settings);
        let adapted = tower.adapted(adapters.clone())?;
        let prompts = bank
            .signs
            .iter()
            .map(|sign| {
                sign_prompts(&bank, sign, settings)
                    .iter()
                    .map(|prompt| {
                        let ids = tower.tokenize(prompt);
                        let prefix = adapted.prefix(tower.tokens(&ids));
                        (ids, prefix)
                    })
                    .collect()
            })
            .collect();
        let embeddings = sign_embeddings(&bank, encoder, settings);
        let space = SignSpace::new(&embeddings, sign_sets(&bank, categories), settings.membership)?;
        let plain = space.map(&embeddings).coordinates;
        Ok(TextSide { tower, prompts, space, plain, has_text: settings.source != TextSource::OneHot })
    }

    pub(super) fn tower(&self) -> &'a TextTower {
        self.tower
    }

    pub(super) fn forward(&self, adapted: &Adapted<'_>) -> TextPass {
        if !self.has_text {
            let coordinates = self.plain.clone();
            return TextPass { coordinates, embeddings: Vec::new(), traces: Vec::new(), sums: Vec::new() };
        }
        let passes: Vec<(Vec<Trace>, Vec<f32>)> = self
            .prompts
            .par_iter()
            .map(|prompts| {
                let mut sum = vec![0.0f32; self.tower.embedding_width()];
                let traces = prompts
                    .iter()
                    .map(|(ids, prefix)| {
                        let trace = adapted.forward(prefix);
                        let unit = l2_normalize(&row(self.embedding(ids, &trace)));
                        sum.iter_mut().zip(unit.row(0)).for_each(|(s, u)| *s += u);
                        trace
                    })
                    .collect();
                (traces, sum)
            })
            .collect();
        let embeddings: Vec<Vec<f64>> = passes
            .iter()
            .map(|(_, sum)| l2_normalize(&row(sum.clone())).row(0).iter().map(|&x| f64::from(x)).collect())
            .collect();
        let coordinates = embeddings.iter().enumerate().map(|(sign, e)| self.space.coordinates_of(sign, e)).collect();
        let (traces, sums) = passes.into_iter().unzip();
        TextPass { coordinates, embeddings, traces, sums }
    }

    fn embedding(&self, ids: &[u32], trace: &Trace) -> Vec<f32> {
        self.tower.project(&self.tower.pool(ids, trace.last()))
    }

    /// Gradients of the text adapters for each sign, from gradients with respect to its coordinates, and where a loss looks at embeddings,
    /// with respect to its embedding.
    pub(super) fn backward(
        &self,
        adapted: &Adapted<'_>,
        pass: &TextPass,
        gradient: &[Vec<f64>],
        embedding_gradient: Option<&[Vec<f64>]>,
    ) -> Vec<BTreeMap<usize, AdapterGradient>> {
        if !self.has_text {
            return Vec::new();
        }
        (0..self.prompts.len())
            .into_par_iter()
            .flat_map_iter(|sign| {
                let mut d_unit = self.space.coordinates_backward(self.tower.embedding_width(), &gradient[sign]);
                if let Some(own) = embedding_gradient {
                    d_unit.iter_mut().zip(&own[sign]).for_each(|(d, o)| *d += o);
                }
                let d_unit: Vec<f32> = d_unit.iter().map(|&x| x as f32).collect();
                let d_sum = l2_normalize_backward(&row(pass.sums[sign].clone()), &row(d_unit));
                self.prompts[sign]
                    .iter()
                    .zip(&pass.traces[sign])
                    .map(|((ids, _), trace)| {
                        let pooled = self.tower.pool(ids, trace.last());
                        let embedding = row(self.tower.project(&pooled));
                        let d_embedding = l2_normalize_backward(&embedding, &d_sum);
                        let d_pooled = self.tower.project_backward(&pooled, d_embedding.row(0));
                        let d_last = self.tower.pool_backward(ids, trace.last(), &d_pooled);
                        adapted.backward(trace, &d_last)
                    })
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

fn row(data: Vec<f32>) -> Matrix {
    Matrix::from_vec(1, data.len(), data)
}

/// The sign map with coordinates under trained text adapters.
pub(crate) fn adapted_sign_coordinates(
    encoder: &Encoder,
    bank: &Bank,
    categories: &[String],
    settings: &TextSettings,
    adapters: &ShiftAdapters,
) -> Result<SignMap> {
    let texts = TextSide::of(encoder, bank, categories, settings, adapters)?;
    let adapted = texts.tower.adapted(adapters.clone())?;
    let coordinates = texts.forward(&adapted).coordinates;
    Ok(SignMap { coordinates, sets: texts.space.sets })
}
