use serde::Deserialize;

use sdmad_base::Stream;
use sdmad_engine::{Matrix, Matrix64};

use super::problem::Problem;
use super::tip_adapter_f::loss_and_gradient;
use super::*;
use crate::congruential::Congruential;
use crate::{Coexistence, FeatureBlock, Label, SupportSet};

#[derive(Deserialize)]
struct Fixture {
    first: Vec<f64>,
    distances: Vec<Vec<f64>>,
    tip: Vec<Vec<f64>>,
    tip_centred: Vec<Vec<f64>>,
    adapter: Vec<Vec<f64>>,
    nearest: Vec<f64>,
}

/// Rows of numbers from −1 to 1, as scripts/reference/baselines.py rounds them.
fn rows(random: &mut Congruential, rows: usize, columns: usize) -> Vec<Vec<f32>> {
    (0..rows).map(|_| (0..columns).map(|_| (2.0 * random.uniform() - 1.0) as f32).collect()).collect()
}

/// Images of one view, with one category each: number % 3, 0 is normal.
pub(super) fn support(rows: &[Vec<f32>]) -> SupportSet {
    let label = |i: usize, c: usize| if i % 3 == c { Label::Present } else { Label::Absent };
    SupportSet {
        views: rows.iter().map(|r| vec![r.clone()]).collect(),
        labels: (0..rows.len()).map(|i| (1..3).map(|c| label(i, c)).collect()).collect(),
        patients: vec![None; rows.len()],
        blocks: vec![FeatureBlock { width: rows[0].len(), weight: 1.0 }],
        variation: None,
    }
}

pub(super) fn problem<'a>(support: &'a SupportSet, readings: &'a [Vec<f32>], folds: bool) -> Problem<'a> {
    Problem {
        support,
        readings,
        means: support.views.iter().map(|v| v[0].clone()).collect(),
        folds: if folds { support.folds(4, 0) } else { None },
        coexistence: Coexistence::Exclusive,
        text: None,
        seed: 0,
    }
}

fn close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance * e.abs().max(1.0), "{what}: {found:?} and {expected:?}");
    }
}

fn matrix(rows: &[Vec<f32>]) -> Matrix {
    Matrix::from_vec(rows.len(), rows[0].len(), rows.concat())
}

#[test]
fn columns_equal_those_of_other_implementations() {
    let fixture: Fixture = serde_json::from_str(include_str!("../../tests/fixtures/baselines.json")).unwrap();
    let mut random = Congruential(7);
    let (x, test) = (rows(&mut random, 9, 12), rows(&mut random, 4, 12));
    close(&x[0][..3].iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), &fixture.first, 1e-12, "generator");
    let support = support(&x);
    let readings = vec![Vec::new(); 9];
    let problem = problem(&support, &readings, false);

    // Without folds: raw features, a temperature of its own.
    let FittedBaseline::Prototype(mut model) = prototype::fit(&problem).baseline else { unreachable!() };
    model.temperature = -1.0 / f64::from(model.space.scale).powi(2);
    for (row, expected) in test.iter().zip(&fixture.distances) {
        close(&model.columns(row), expected, 1e-5, "distances from class means");
    }

    let FittedBaseline::TipAdapter(mut model) = tip_adapter::fit(&problem).baseline else { unreachable!() };
    model.blend = Blend { alpha: 3.0, beta: 5.5, text: 0.0 };
    for (row, expected) in test.iter().zip(&fixture.tip_centred) {
        close(&model.columns(row, &[]), expected, 1e-5, "Tip-Adapter, centred");
    }
    let (space, keys) = problem.space(SpaceName::Unit, &problem.whole().fitted);
    let model = TipAdapter { space, keys: Matrix::from(&keys), ..model };
    for (row, expected) in test.iter().zip(&fixture.tip) {
        close(&model.columns(row, &[]), expected, 1e-5, "Tip-Adapter");
    }

    let (down, up, weights) =
        (matrix(&rows(&mut random, 3, 12)), matrix(&rows(&mut random, 12, 3)), matrix(&rows(&mut random, 3, 12)));
    let adapter = ClipAdapter { space: Some(model.space), down, up, ratio: 0.2, weights, text: None, text_weight: 0.0 };
    for (row, expected) in test.iter().zip(&fixture.adapter) {
        close(&adapter.columns(row, &[]), expected, 1e-5, "CLIP-Adapter");
    }

    let unit = |rows: &[Vec<f32>]| sdmad_engine::l2_normalize(&matrix(rows));
    let found = PatchMemory::new(unit(&x)).statistics(&unit(&test));
    close(&found.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), &fixture.nearest, 1e-5, "nearest patches");
}

#[test]
fn the_gradient_of_keys_equals_finite_differences() {
    let mut stream = Stream::new(2, "tip adapter test");
    let mut normal = |rows: usize, columns: usize, scale: f64| {
        Matrix64::from_vec(rows, columns, (0..rows * columns).map(|_| scale * stream.normal()).collect())
    };
    let (mut keys, queries, values) = (normal(4, 6, 0.4), normal(5, 6, 0.4), normal(4, 3, 1.0));
    let rows = vec![vec![0.0]; 5];
    let labels: Vec<Vec<Label>> = support(&rows).labels;
    let blend = Blend { alpha: 1.5, beta: 2.0, text: 0.0 };
    for coexistence in [Coexistence::Exclusive, Coexistence::MultiLabel] {
        let loss = BalancedLoss::of(&labels, coexistence);
        let at = |keys: &Matrix64| {
            loss_and_gradient(keys, &queries, &values, blend, |i, z| (loss.of_image(i, z), loss.gradient(i, z)))
        };
        let gradient = at(&keys).1;
        for place in 0..24 {
            let mut moved = |step: f64| {
                keys.data_mut()[place] += step;
                let value = at(&keys).0;
                keys.data_mut()[place] -= step;
                value
            };
            let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((gradient.data()[place] - expected).abs() < 1e-8, "{coexistence:?} {place}");
        }
    }
}

/// Noisy images around three centres.
fn noisy(each: usize) -> Vec<Vec<f32>> {
    let mut stream = Stream::new(9, "baseline test");
    let centre = |group: usize, d: usize| f64::from(u8::from(d == group)) + 0.5;
    (0..3 * each).map(|i| (0..16).map(|d| (centre(i % 3, d) + 0.25 * stream.normal()) as f32).collect()).collect()
}

#[test]
fn every_method_tells_the_classes_apart_out_of_fold_and_after() {
    let rows = noisy(6);
    let support = support(&rows);
    let readings = vec![Vec::new(); rows.len()];
    for coexistence in [Coexistence::Exclusive, Coexistence::MultiLabel] {
        let problem = Problem { coexistence, ..problem(&support, &readings, true) };
        let methods: [(&str, Fitted); 4] = [
            ("prototype", prototype::fit(&problem)),
            ("tip-adapter", tip_adapter::fit(&problem)),
            ("tip-adapter-f", tip_adapter_f::fit(&problem)),
            ("clip-adapter", clip_adapter::fit(&problem, false)),
        ];
        for (name, fitted) in methods {
            let best = |z: &[f64]| (0..3).max_by(|&a, &b| z[a].total_cmp(&z[b])).unwrap();
            let right = |columns: &dyn Fn(usize) -> Vec<f64>| (0..18).filter(|&i| best(&columns(i)) == i % 3).count();
            let held = fitted.out_of_fold.clone().unwrap();
            assert!(right(&|i| held[i].clone()) >= 14, "{name} {coexistence:?}");
            let choices = fitted.choices.clone();
            let baseline = Baseline { fitted: fitted.baseline, reader: None, choices, width: 16 };
            assert!(right(&|i| baseline.columns(&rows[i], &[])) >= 15, "{name} {coexistence:?}");
            assert!(fitted.choices.out_of_fold_loss.unwrap() < 1.0, "{name} {coexistence:?} {:?}", fitted.choices);
        }
    }
}

#[test]
fn names_count_beside_the_shots_as_much_as_they_help() {
    // Names that are always right, and shots of noise alone.
    let mut stream = Stream::new(1, "baseline names test");
    let rows: Vec<Vec<f32>> = (0..12).map(|_| (0..16).map(|_| stream.normal() as f32).collect()).collect();
    let support = support(&rows);
    let readings: Vec<Vec<f32>> = (0..12).map(|i| (0..3).map(|c| f32::from(u8::from(i % 3 == c))).collect()).collect();
    let weights = Matrix::from_vec(3, 3, vec![4.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 4.0]);
    let with = Problem { text: Some(ClassText { weights: weights.clone() }), ..problem(&support, &readings, true) };
    let fitted = tip_adapter::fit(&with);
    assert_eq!(fitted.choices.text_weight, Some(1.0));
    // Names that are always wrong have no weight, and are not read.
    let mut wrong = weights;
    wrong.scale(-1.0);
    let without = Problem { text: Some(ClassText { weights: wrong }), ..problem(&support, &readings, true) };
    let FittedBaseline::TipAdapter(model) = tip_adapter::fit(&without).baseline else { unreachable!() };
    assert_eq!((model.blend.text, model.text), (0.0, None));
}
