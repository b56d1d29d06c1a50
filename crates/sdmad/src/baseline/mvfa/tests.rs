use sdmad_base::Stream;

use super::super::ImageReader;
use super::super::tests::{problem, support};
use super::*;

const WIDTH: usize = 64;

/// What a finding looks like.
fn sign(number: usize) -> f32 {
    if number.is_multiple_of(3) { 1.0 } else { -1.0 }
}

/// Patches that are alike but for noise, on two levels; on the first, in two patches of nine, every image but the normal
/// ones has a finding of this size.
fn tokens(images: usize, size: f32, seed: u64) -> Vec<Vec<Matrix>> {
    let mut stream = Stream::new(seed, "mvfa patches test");
    let mut image = |i: usize| {
        let mut level = |size: f32| {
            let patch = |stream: &mut Stream| -> Vec<f32> {
                (0..WIDTH).map(|d| (d % 2) as f32 * 2.0 - 1.0 + stream.normal() as f32).collect()
            };
            let mut patches = Matrix::from_vec(9, WIDTH, (0..9).flat_map(|_| patch(&mut stream)).collect());
            for place in [3, 4].into_iter().filter(|_| !i.is_multiple_of(3)) {
                patches.row_mut(place).iter_mut().enumerate().for_each(|(d, x)| *x += size * sign(d));
            }
            patches
        };
        vec![level(size), level(0.0)]
    };
    (0..images).map(&mut image).collect()
}

fn rows(images: usize) -> Vec<Vec<f32>> {
    vec![vec![0.0; 4]; images]
}

/// How often an image with a finding has more of something than a normal one.
fn auroc_of(found: &[f64]) -> f64 {
    let truth: Vec<bool> = (0..found.len()).map(|i| !i.is_multiple_of(3)).collect();
    crate::auroc(found, &truth).value().unwrap()
}

fn against_normal(columns: &[Vec<f64>]) -> Vec<f64> {
    columns.iter().map(|z| z[1] - z[0]).collect()
}

fn fitted(images: usize, size: f32, folds: bool, directions: &[Option<Vec<f32>>]) -> (Fitted, AdaptedPatches) {
    let support = support(&rows(images));
    let readings = vec![Vec::new(); images];
    let tokens = tokens(images, size, 1);
    fit(&problem(&support, &readings, folds), &Patches { tokens: &tokens, directions })
}

/// What other images are read as.
fn new_readings(reader: &AdaptedPatches, size: f32) -> Vec<Vec<f32>> {
    let new = tokens(60, size, 2);
    let patches = Patches { tokens: &new, directions: &[] };
    (0..60).map(|i| patches.reading(reader, i)).collect()
}

fn model_of(fitted: &Fitted) -> &Mvfa {
    let FittedBaseline::Mvfa(model) = &fitted.baseline else { unreachable!() };
    model
}

fn new_columns((fitted, reader): &(Fitted, AdaptedPatches), size: f32) -> Vec<Vec<f64>> {
    new_readings(reader, size).iter().map(|r| model_of(fitted).columns(r)).collect()
}

#[test]
fn a_planted_patch_is_found_out_of_fold_and_after_by_each_branch() {
    let size = 1.5;
    let both = fitted(36, size, true, &[None, None]);
    let (fitted, reader) = &both;
    let held = auroc_of(&against_normal(fitted.out_of_fold.as_ref().unwrap()));
    let new = auroc_of(&against_normal(&new_columns(&both, size)));
    let readings = new_readings(reader, size);
    let branch =
        |b: usize| -> Vec<f64> { readings.iter().map(|r| branch_of(model_of(fitted).statistic, b, r)).collect() };
    let (trained, memory) = (auroc_of(&branch(0)), auroc_of(&branch(1)));
    let found = format!("{held} {new} {trained} {memory} {:?}", fitted.choices);
    assert!(held > 0.85 && new > 0.85 && trained > 0.8 && memory > 0.8, "{found}");
    assert!(fitted.choices.out_of_fold_loss.unwrap() < 0.6, "{found}");
    for columns in new_columns(&both, size) {
        assert_eq!(columns[1], columns[2]);
        assert_eq!(columns[0], -columns[1]);
    }
}

#[test]
fn where_nothing_is_planted_nothing_is_found() {
    let both = fitted(36, 0.0, true, &[None, None]);
    let new = auroc_of(&against_normal(&new_columns(&both, 0.0)));
    assert!((0.25..0.75).contains(&new), "{new}");
}

#[test]
fn what_words_say_is_where_training_starts() {
    let direction: Vec<f32> = (0..WIDTH).map(sign).collect();
    let without = fitted(3, 1.5, false, &[None, None]);
    let with = fitted(3, 1.5, false, &[Some(direction), None]);
    assert!(with.0.out_of_fold.is_none() && with.0.choices.out_of_fold_loss.is_none());
    assert_eq!(with.0.choices.steps, Some(DEFAULT_END));
    let of = |both| auroc_of(&against_normal(&new_columns(both, 1.5)));
    assert!(of(&with) > of(&without), "{} {}", of(&with), of(&without));
}

#[test]
fn the_same_bits_for_any_threads_and_a_hash_of_them() {
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fitted(12, 1.5, true, &[None, None]))
    };
    let (one, two) = (with_threads(1), with_threads(3));
    assert_eq!(one.0.baseline, two.0.baseline);
    assert_eq!(one.0.out_of_fold, two.0.out_of_fold);
    let hash = |reader: &AdaptedPatches| ImageReader::AdaptedPatches(reader.clone()).sha256();
    assert_eq!(hash(&one.1), hash(&two.1));
    let mut other = one.1.clone();
    other.levels[1].detector.head.data_mut()[0] += 1e-3;
    assert_ne!(hash(&one.1), hash(&other));
}
