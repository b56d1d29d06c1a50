//! The peers' protocol: what figures would be claimed if the test set were looked at.

use serde::Serialize;

use sdmad_base::Result;

use super::config::BenchmarkMethod;
use super::measure::{MethodCells, Name};
use crate::{AdapterChoice, DrawOutputs, FigureId, FigureTable, Label, Method, Outputs, TestSet, best_f1_threshold};

/// Strengths of ridge regression, and of logistic regression, among which the best on the test set is taken.
const STRENGTHS: [f64; 5] = [0.03, 0.3, 1.0, 3.0, 30.0];

/// The variants of a method among which the peers' protocol takes the one that does best on the test set: a strength for closed
/// forms, a number of epochs where adapters are trained. A method without such a choice has none.
pub(super) fn variants(number: usize, method: &BenchmarkMethod) -> Vec<BenchmarkMethod> {
    if method.zero_shot || method.added {
        return Vec::new();
    }
    let variant = |name: String, change: &dyn Fn(&mut BenchmarkMethod)| {
        let mut variant = BenchmarkMethod { name, variant_of: Some(number), ..method.clone() };
        change(&mut variant);
        variant
    };
    let trains = method.settings.adapters.mode != AdapterChoice::Off;
    match method.method {
        Method::Sdmad if trains => {
            let epochs =
                std::iter::successors(Some(1), |e| Some(e * 2)).take_while(|e| *e < method.settings.adapters.epochs);
            epochs
                .map(|e| {
                    variant(format!("{} / {e} epochs", method.name), &|m| {
                        m.settings.adapters.epochs = e;
                        // What is kept in any case shows the epoch; what may fall back hides it.
                        m.settings.adapters.mode = AdapterChoice::On;
                    })
                })
                .collect()
        }
        Method::Sdmad => STRENGTHS
            .iter()
            .map(|&s| variant(format!("{} / ridge {s}", method.name), &|m| m.settings.bridge.ridge = vec![s]))
            .collect(),
        Method::LinearProbe => STRENGTHS
            .iter()
            .map(|&s| {
                variant(format!("{} / L2 {s}", method.name), &|m| {
                    m.settings.bridge.probe_l2 = vec![s];
                    m.settings.bridge.probe_l2_default = s;
                })
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// What the peers' protocol would claim of one figure, beside the sealed one.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Claim {
    /// The sealed figure: mean over draws.
    pub(super) sealed: Option<f64>,
    /// With scores scaled over the test set and thresholds taken from it.
    pub(super) min_max: Option<f64>,
    /// Of the luckiest draw.
    pub(super) best_draw: Option<f64>,
    /// With the variant that does best on the test set, draw by draw; none where the method has no variant.
    pub(super) best_variant: Option<f64>,
    /// All of them at once.
    pub(super) all_together: Option<f64>,
}

/// Outputs as the peers' protocol makes them: every score scaled to 0 … 1 by its lowest and highest value in the test set, scores of the
/// same question added, and a category called present from the threshold on that is best on the test set.
///
/// With s̃ for a scaled score: d' = d̃ + max over c of ñ_c, n_c' = ñ_c + d̃, r_c' = r̃_c + ñ_c, p_c' = r̃_c.
fn min_max(set: &TestSet, draw: &DrawOutputs) -> DrawOutputs {
    let kept: Vec<&Outputs> = draw.outputs.iter().flatten().collect();
    let scale = |of: &dyn Fn(&Outputs) -> f64| {
        let (low, high) =
            kept.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), o| (low.min(of(o)), high.max(of(o))));
        move |value: f64| if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 }
    };
    let categories = 0..set.categories().len();
    let detection = scale(&|o| o.detection);
    let against: Vec<_> = categories.clone().map(|c| scale(&move |o: &Outputs| o.against_normal[c])).collect();
    let among: Vec<_> = categories.clone().map(|c| scale(&move |o: &Outputs| o.among_all[c])).collect();
    let outputs: Vec<Option<Outputs>> = draw
        .outputs
        .iter()
        .map(|outputs| {
            outputs.as_ref().map(|o| {
                let d = detection(o.detection);
                let n: Vec<f64> = categories.clone().map(|c| against[c](o.against_normal[c])).collect();
                let r: Vec<f64> = categories.clone().map(|c| among[c](o.among_all[c])).collect();
                Outputs {
                    detection: d + n.iter().copied().fold(0.0, f64::max),
                    against_normal: n.iter().map(|n| n + d).collect(),
                    among_all: r.iter().zip(&n).map(|(r, n)| r + n).collect(),
                    probability: r,
                    uncalibrated: o.uncalibrated.clone(),
                    answers: o.answers.clone(),
                    signs: o.signs.clone(),
                }
            })
        })
        .collect();
    let threshold = |c: usize| {
        let known = set.images().iter().zip(&outputs).filter(|(i, _)| i.labels[c] != Label::Unknown);
        let (p, positive): (Vec<f64>, Vec<bool>) =
            known.filter_map(|(i, o)| o.as_ref().map(|o| (o.probability[c], i.labels[c] == Label::Present))).unzip();
        best_f1_threshold(&p, &positive)
    };
    DrawOutputs { thresholds: categories.map(threshold).collect(), outputs }
}

/// The claims for every main figure of a method, given its cells and those of its variants.
pub(super) fn claims(method: &MethodCells, variants: &[&MethodCells]) -> Result<Vec<(String, Claim)>> {
    let Some(set) = &method.set else { return Ok(Vec::new()) };
    let variants: Vec<&&MethodCells> = variants.iter().filter(|v| v.draws == method.draws).collect();
    let tables = |cells: &MethodCells, looked: bool| -> Result<Vec<FigureTable>> {
        let set = cells.set.as_ref().unwrap_or(set);
        let table = |draw: &DrawOutputs| {
            if looked { FigureTable::of_draw(set, &min_max(set, draw)) } else { FigureTable::of_draw(set, draw) }
        };
        cells.outputs.iter().map(table).collect()
    };
    let sealed = tables(method, false)?;
    let looked = tables(method, true)?;
    let mut sealed_variants = vec![sealed.clone()];
    let mut looked_variants = vec![looked.clone()];
    for variant in &variants {
        sealed_variants.push(tables(variant, false)?);
        looked_variants.push(tables(variant, true)?);
    }
    let claim = |id: FigureId| {
        let value = |table: &FigureTable| table.get(id).and_then(crate::Figure::value);
        let better = |a: f64, b: f64| if id.lower_is_better() { a.min(b) } else { a.max(b) };
        let best = |values: Vec<Option<f64>>| values.into_iter().flatten().reduce(better);
        let mean = |values: Vec<Option<f64>>| {
            let values: Option<Vec<f64>> = values.into_iter().collect();
            values.filter(|v| !v.is_empty()).map(|v| v.iter().sum::<f64>() / v.len() as f64)
        };
        let of_draws = |tables: &[FigureTable]| tables.iter().map(value).collect::<Vec<_>>();
        let best_variants = |all: &[Vec<FigureTable>]| -> Vec<Option<f64>> {
            (0..method.draws.len()).map(|d| best(all.iter().map(|tables| value(&tables[d])).collect())).collect()
        };
        Claim {
            sealed: mean(of_draws(&sealed)),
            min_max: mean(of_draws(&looked)),
            best_draw: best(of_draws(&sealed)),
            best_variant: if variants.is_empty() { None } else { mean(best_variants(&sealed_variants)) },
            all_together: best(best_variants(&looked_variants)),
        }
    };
    let main = |id: &FigureId| {
        Name { text: String::new(), id: *id, pair: false }.is_main()
            && !matches!(id, FigureId::Covered(..) | FigureId::Uncertain(..))
            && *id != FigureId::SignPairs
    };
    let ids = FigureId::all(set.categories().len(), 0).into_iter().filter(main);
    Ok(ids.map(|id| (id.name(set), claim(id))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TestImage;

    #[test]
    fn scores_are_scaled_over_the_measured_images_and_thresholds_taken_from_them() {
        let image = |present: bool| TestImage {
            image: "i".into(),
            patient: None,
            labels: vec![if present { Label::Present } else { Label::Absent }],
        };
        let output = |d: f64, n: f64, r: f64| {
            Some(Outputs {
                detection: d,
                against_normal: vec![n],
                among_all: vec![r],
                probability: vec![0.5],
                uncalibrated: vec![0.5],
                answers: vec![crate::Decision::Uncertain],
                signs: Vec::new(),
            })
        };
        let set = TestSet::new(vec!["c".into()], [true, false, true].map(image).into()).unwrap();
        // The third image is left out: it must not move the scale.
        let outputs = vec![output(3.0, 10.0, -1.0), output(1.0, 20.0, -3.0), None];
        let looked = min_max(&set, &DrawOutputs { outputs, thresholds: vec![0.5] });
        let [Some(first), Some(second), None] = &looked.outputs[..] else { panic!("{looked:?}") };
        assert_eq!((first.detection, second.detection), (1.0, 1.0));
        assert_eq!((&first.against_normal[..], &second.against_normal[..]), (&[1.0][..], &[1.0][..]));
        assert_eq!((&first.among_all[..], &second.among_all[..]), (&[1.0][..], &[1.0][..]));
        assert_eq!((first.probability[0], second.probability[0], looked.thresholds[0]), (1.0, 0.0, 0.5));
    }
}
