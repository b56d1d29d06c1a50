//! The tensors of a method of others.

use std::collections::BTreeMap;

use sdmad_base::Result;

use super::{Reader, Tensor, put_attribute_reader};
use crate::train::{BaselineRecord, ReaderName, RunConfig};
use crate::{
    AdaptedPatches, Baseline, BaselineChoices, Blend, ClassText, ClipAdapter, Coexistence, FeatureSpace,
    FittedBaseline, ImageReader, Method, Mvfa, NormalKnn, PatchDetector, PatchLevel, PatchMemory, Prototype, SpaceName,
    Statistic, TipAdapter,
};

pub(super) fn put(tensors: &mut BTreeMap<String, Tensor>, baseline: &Baseline) {
    let mut put = |name: &str, tensor: Tensor| tensors.insert(format!("baseline.{name}"), tensor);
    let (space, text) = match &baseline.fitted {
        FittedBaseline::Prototype(model) => {
            put("present", Tensor::matrix(&model.present));
            if model.absent.rows() > 0 {
                put("absent", Tensor::matrix(&model.absent));
            }
            (Some(&model.space), None)
        }
        FittedBaseline::Names(text) => (None, Some(text)),
        FittedBaseline::TipAdapter(model) => {
            put("keys", Tensor::matrix(&model.keys));
            put("values", Tensor::matrix(&model.values));
            (Some(&model.space), model.text.as_ref())
        }
        FittedBaseline::ClipAdapter(model) => {
            put("down", Tensor::matrix(&model.down));
            put("up", Tensor::matrix(&model.up));
            put("weights", Tensor::matrix(&model.weights));
            (model.space.as_ref(), model.text.as_ref())
        }
        FittedBaseline::NormalKnn(_) => (None, None),
        FittedBaseline::Mvfa(model) => {
            put("branches", Tensor::matrix(&model.branches));
            (None, None)
        }
    };
    if let Some(space) = space {
        put("space.centre", Tensor::f32(vec![space.centre.len()], space.centre.iter().copied()));
        put("space.scale", Tensor::f32(vec![1], std::iter::once(space.scale)));
    }
    if let Some(text) = text {
        put("text", Tensor::matrix(&text.weights));
    }
    match &baseline.reader {
        Some(ImageReader::Attributes(reader)) => put_attribute_reader(tensors, reader),
        Some(ImageReader::Patches(memory)) => {
            put("patches", Tensor::matrix(&memory.patches));
        }
        Some(ImageReader::AdaptedPatches(patches)) => {
            for (level, PatchLevel { detector, memory }) in patches.levels.iter().enumerate() {
                let mut put = |name: &str, matrix| put(&format!("level.{level}.{name}"), Tensor::matrix(matrix));
                put("down", &detector.adapter.down);
                put("up", &detector.adapter.up);
                put("head", &detector.head);
                put("bias", &detector.bias);
                put("patches", &memory.patches);
            }
        }
        Some(ImageReader::Embedding) | None => {}
    }
}

pub(super) fn take(from: &mut Reader<'_>, config: &RunConfig, record: &BaselineRecord) -> Result<Baseline> {
    let (columns, width) = (config.categories.len() + 1, record.width);
    let choices = &record.choices;
    let reader = match record.reader {
        Some(ReaderName::Attributes) => Some(ImageReader::Attributes(from.attribute_reader()?)),
        Some(ReaderName::Embedding) => Some(ImageReader::Embedding),
        Some(ReaderName::Patches) => Some(ImageReader::Patches(PatchMemory::new(from.matrix("baseline.patches")?))),
        Some(ReaderName::AdaptedPatches) => Some(ImageReader::AdaptedPatches(adapted_patches(from)?)),
        None => None,
    };
    let attributes = match &reader {
        Some(ImageReader::Attributes(reader)) => Some(reader.whole.rows()),
        _ => None,
    };
    let text = |from: &mut Reader<'_>| -> Result<ClassText> {
        Ok(ClassText { weights: from.shaped("baseline.text", Some(columns), attributes)? })
    };
    // Beside the shots, names are read where they have a weight and something reads the image for them.
    let text_beside = |from: &mut Reader<'_>| match choices.text_weight {
        Some(weight) if weight > 0.0 => text(from).map(Some),
        _ => Ok(None),
    };
    let fitted = match config.method {
        Method::Prototype => {
            let present = from.shaped("baseline.present", Some(columns), Some(width))?;
            let absent = match config.coexistence {
                Coexistence::MultiLabel => from.shaped("baseline.absent", Some(columns), Some(width))?,
                Coexistence::Exclusive => sdmad_engine::Matrix::zeros(0, width),
            };
            FittedBaseline::Prototype(Prototype {
                space: space(from, choices, width)?,
                present,
                absent,
                temperature: number(from, "temperature", choices.temperature)?,
            })
        }
        Method::TipAdapter | Method::TipAdapterF => {
            let keys = from.shaped("baseline.keys", None, Some(width))?;
            let values = from.shaped("baseline.values", Some(keys.rows()), Some(columns))?;
            FittedBaseline::TipAdapter(TipAdapter {
                space: space(from, choices, width)?,
                keys,
                values,
                text: text_beside(from)?,
                blend: Blend {
                    alpha: number(from, "alpha", choices.alpha)?,
                    beta: number(from, "beta", choices.beta)?,
                    text: choices.text_weight.unwrap_or(0.0),
                },
            })
        }
        Method::ClipAdapter => {
            let joint = record.reader == Some(ReaderName::Embedding);
            let inner = if joint { None } else { Some(width) };
            let down = from.shaped("baseline.down", None, inner)?;
            let up = from.shaped("baseline.up", Some(down.columns()), Some(down.rows()))?;
            let weights = from.shaped("baseline.weights", Some(columns), Some(down.columns()))?;
            FittedBaseline::ClipAdapter(ClipAdapter {
                space: if joint { None } else { Some(space(from, choices, width)?) },
                down,
                up,
                ratio: number(from, "ratio", choices.ratio)?,
                weights,
                text: text_beside(from)?,
                text_weight: choices.text_weight.unwrap_or(0.0),
            })
        }
        Method::NormalKnn => FittedBaseline::NormalKnn(NormalKnn {
            statistic: choices.statistic.unwrap_or(Statistic::Largest),
            centre: number(from, "centre", choices.centre)?,
            scale: number(from, "scale", choices.scale.filter(|s| *s > 0.0))?,
            columns,
        }),
        Method::Mvfa => {
            let branches = from.shaped("baseline.branches", Some(2), Some(2))?;
            if !(0..2).all(|b| branches.row(b)[0].is_finite() && branches.row(b)[1] > 0.0) {
                return Err(from.error("tensor baseline.branches is not two centres with their units".into()));
            }
            let statistic = choices.statistic.unwrap_or(Statistic::Mean);
            FittedBaseline::Mvfa(Mvfa { statistic, branches, columns })
        }
        _ => FittedBaseline::Names(text(from)?),
    };
    Ok(Baseline { fitted, reader, choices: choices.clone(), width })
}

/// As many levels as there are tensors of; the tower says later whether they are its own ([`Baseline::check_tower`]).
fn adapted_patches(from: &mut Reader<'_>) -> Result<AdaptedPatches> {
    let mut levels = Vec::new();
    while levels.is_empty() || from.tensors.tensor(&format!("baseline.level.{}.down", levels.len())).is_ok() {
        let of = |name: &str| format!("baseline.level.{}.{name}", levels.len());
        let down = from.matrix(&of("down"))?;
        let width = Some(down.columns());
        let up = from.shaped(&of("up"), width, Some(down.rows()))?;
        let head = from.shaped(&of("head"), Some(1), width)?;
        let bias = from.shaped(&of("bias"), Some(1), Some(1))?;
        let memory = PatchMemory::new(from.shaped(&of("patches"), None, width)?);
        levels.push(PatchLevel {
            detector: PatchDetector { adapter: PatchDetector::residual(down, up), head, bias },
            memory,
        });
    }
    Ok(AdaptedPatches { levels })
}

/// A number that the method has to have.
fn number(from: &Reader<'_>, name: &str, value: Option<f64>) -> Result<f64> {
    match value {
        Some(value) if value.is_finite() => Ok(value),
        _ => {
            Err(from.error(format!("adapter_config.json has no baseline.choices.{name} that is a number in its range")))
        }
    }
}

fn space(from: &mut Reader<'_>, choices: &BaselineChoices, width: usize) -> Result<FeatureSpace> {
    let centre = from.shaped("baseline.space.centre", Some(1), Some(width))?.into_vec();
    let scale = from.shaped("baseline.space.scale", Some(1), Some(1))?.into_vec();
    let name = choices.space.unwrap_or(SpaceName::Unit);
    Ok(FeatureSpace { name, centre, scale: scale[0] })
}
