//! The precision of the frozen towers, fixed or chosen on the shots.

use serde_json::{Value, json};

use sdmad_base::{Monitor, Result};
use sdmad_encoders::ImageTower;
use sdmad_engine::{InstructionPath, Precision, instruction_path};

use crate::adapt::merit;
use crate::features::{DEFAULT_BATCH, Rows};
use crate::{Bridge, Extractor, TrainPlan};

/// How the precision of a run comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrecisionChoice {
    /// It is this one.
    Fixed(Precision),
    /// The fastest one that costs nothing on the shots, by [`choose_precision`].
    Auto,
}

/// How much lower the mean AUROC over normal and all categories, out of fold, may be than in f32.
const MOST_LOSS: f64 = 0.002;

/// The precisions that are faster than f32 on an instruction path, the fastest first (docs/engine.md has the figures). What is level is not
/// among them. On Intel's processors without AMX bf16 is not faster on `avx512_bf16_vnni`; it comes behind int8 there, which is.
fn faster(path: InstructionPath) -> &'static [Precision] {
    match path {
        InstructionPath::Amx | InstructionPath::Avx512Bf16Vnni => &[Precision::Int8, Precision::Bf16],
        InstructionPath::Avx2Fma => &[Precision::Int8],
        _ => &[],
    }
}

/// Chooses the fastest precision whose closed form loses at most .002 of f32's AUROC out of fold, on the shots of a plan; f32 where there
/// are too few shots for folds. Adapters take no part in the choice.
///
/// `open` gives the image tower at a precision, `extract` its features. The second result are lines for `training.jsonl`.
///
/// # Errors
/// Those of `open`, and of features and bridge, as in [`train`](crate::train).
pub fn choose_precision(
    plan: &TrainPlan,
    open: &dyn Fn(Precision) -> Result<ImageTower>,
    extract: &dyn for<'a> Fn(&'a ImageTower) -> Result<Extractor<'a>>,
    monitor: &dyn Monitor,
) -> Result<(Precision, Vec<Value>)> {
    let settings = plan.applied_settings();
    let measure = |precision: Precision| -> Result<Option<f64>> {
        if plan.support.rows.is_empty() {
            return Ok(None);
        }
        let tower = open(precision)?;
        let extractor = extract(&tower)?;
        let features = extractor.files(&plan.shot_paths(), Rows::Views, DEFAULT_BATCH, monitor)?;
        let support = plan.support_set(&features.into_iter().collect::<Result<Vec<_>>>()?, extractor.blocks())?;
        let fitted = Bridge::fit(&support, &settings.bridge, plan.draw)?;
        Ok(fitted.out_of_fold.map(|scores| merit(&scores, &support.labels)))
    };
    choose(instruction_path(), measure, monitor)
}

/// The rule, given the AUROC at each precision that is asked for.
fn choose(
    path: InstructionPath,
    measure: impl Fn(Precision) -> Result<Option<f64>>,
    monitor: &dyn Monitor,
) -> Result<(Precision, Vec<Value>)> {
    let mut log = Vec::new();
    let mut measured = Vec::new();
    let mut note = |precision: Precision, merit: f64| {
        log.push(json!({"stage": "precision", "precision": precision.name(), "out_of_fold_auroc": merit}));
        measured.push(format!("{precision} {merit:.4}"));
    };
    let faster = faster(path);
    let (chosen, why) = if faster.is_empty() {
        (Precision::F32, format!("since none is faster on the instruction path {path}"))
    } else if let Some(exact) = measure(Precision::F32)? {
        note(Precision::F32, exact);
        let mut chosen = Precision::F32;
        for &precision in faster {
            let Some(merit) = measure(precision)? else { continue };
            note(precision, merit);
            if merit >= exact - MOST_LOSS {
                chosen = precision;
                break;
            }
        }
        (chosen, format!("mean AUROC out of fold {}", measured.join(", ")))
    } else {
        (Precision::F32, "since there are too few shots for folds".to_string())
    };
    log.push(json!({"stage": "precision", "chosen": chosen.name(), "why": why}));
    monitor.notice(&format!("precision auto: {chosen}, {why}"));
    Ok((chosen, log))
}

/// A precision in JSON, by its name.
pub(crate) mod name {
    use sdmad_engine::Precision;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(precision: &Precision, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(precision.name())
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Precision, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use sdmad_base::Silent;

    use super::*;

    const PATH: InstructionPath = InstructionPath::Amx;

    fn chosen(path: InstructionPath, merits: [Option<f64>; 3]) -> (Precision, Vec<Value>) {
        let measure = |precision| {
            let index = Precision::ALL.iter().position(|p| *p == precision).unwrap();
            Ok(merits[index])
        };
        choose(path, measure, &Silent).unwrap()
    }

    #[test]
    fn the_fastest_that_loses_almost_nothing_is_taken() {
        assert_eq!(chosen(PATH, [Some(0.9), Some(0.9), Some(0.8981)]).0, Precision::Int8);
        assert_eq!(chosen(PATH, [Some(0.9), Some(0.95), Some(0.8979)]).0, Precision::Bf16);
        assert_eq!(chosen(PATH, [Some(0.9), Some(0.8), Some(0.8)]).0, Precision::F32);
        assert_eq!(chosen(PATH, [Some(0.9), Some(f64::NAN), Some(f64::NAN)]).0, Precision::F32);
        assert_eq!(chosen(InstructionPath::Avx2Fma, [Some(0.9), Some(0.9), Some(0.8)]).0, Precision::F32);
        assert_eq!(chosen(InstructionPath::Avx512, [Some(0.9); 3]).0, Precision::F32);
        let (precision, log) = chosen(PATH, [None, Some(0.9), Some(0.9)]);
        assert_eq!((precision, log.len()), (Precision::F32, 1));
        assert!(log[0]["why"].as_str().unwrap().contains("too few shots"), "{log:?}");
    }
}
