use sdmad_base::Stream;

use super::super::ImageReader;
use super::super::tests::{problem, support};
use super::*;

const WIDTH: usize = 64;

/// What a finding looks like.
fn sign(number: usize) -> f32 {
    if number % 3 == 0 { 1.0 } else { -1.0 }
}

/// Patches of noise, on two levels; on the first, in two patches of nine, every image but the normal ones has a finding.
fn tokens(images: usize, seed: u64) -> Vec<Vec<Matrix>> {
    let mut stream = Stream::new(seed, "mvfa patches test");
    let mut image = |i: usize| {
        let mut level = |planted: bool| {
            let mut patches = Matrix::from_vec(9, WIDTH, (0..9 * WIDTH).map(|_| stream.normal() as f32).collect());
            let sick = [3, 4].into_iter().filter(|_| planted && i % 3 != 0);
            sick.for_each(|patch| patches.row_mut(patch).iter_mut().enumerate().for_each(|(d, x)| *x += 1.5 * sign(d)));
            patches
        };
        vec![level(true), level(false)]
    };
    (0..images).map(&mut image).collect()
}

fn rows(images: usize) -> Vec<Vec<f32>> {
    vec![vec![0.0; 4]; images]
}

/// How often an image with a finding has a greater n_c than a normal one.
fn auroc_of(columns: &[Vec<f64>]) -> f64 {
    let d: Vec<f64> = columns.iter().map(|z| z[1] - z[0]).collect();
    let truth: Vec<bool> = (0..d.len()).map(|i| i % 3 != 0).collect();
    crate::auroc(&d, &truth).value().unwrap()
}

fn fitted(images: usize, folds: bool, directions: &[Option<Vec<f32>>]) -> (Fitted, AdaptedPatches) {
    let support = support(&rows(images));
    let readings = vec![Vec::new(); images];
    let tokens = tokens(images, 1);
    fit(&problem(&support, &readings, folds), &Patches { tokens: &tokens, directions })
}

fn columns_of_new_images(fitted: &Fitted, reader: &AdaptedPatches) -> Vec<Vec<f64>> {
    let FittedBaseline::Mvfa(model) = &fitted.baseline else { unreachable!() };
    let new = tokens(60, 2);
    let patches = Patches { tokens: &new, directions: &[] };
    (0..60).map(|i| model.columns(&patches.reading(reader, i))).collect()
}

#[test]
fn a_planted_patch_is_found_out_of_fold_and_after() {
    let (fitted, reader) = fitted(36, true, &[None, None]);
    let held = auroc_of(fitted.out_of_fold.as_ref().unwrap());
    let new = auroc_of(&columns_of_new_images(&fitted, &reader));
    assert!(held > 0.8 && new > 0.85, "{held} {new} {:?}", fitted.choices);
    assert!(fitted.choices.out_of_fold_loss.unwrap() < 0.6, "{:?}", fitted.choices);
    for columns in columns_of_new_images(&fitted, &reader) {
        assert_eq!(columns[1], columns[2]);
        assert_eq!(columns[0], -columns[1]);
    }
}

#[test]
fn what_words_say_is_where_training_starts() {
    let direction: Vec<f32> = (0..WIDTH).map(sign).collect();
    let without = fitted(3, false, &[None, None]);
    let with = fitted(3, false, &[Some(direction), None]);
    assert!(with.0.out_of_fold.is_none() && with.0.choices.out_of_fold_loss.is_none());
    assert_eq!(with.0.choices.steps, Some(DEFAULT_END));
    let of = |(fitted, reader): &(Fitted, AdaptedPatches)| auroc_of(&columns_of_new_images(fitted, reader));
    assert!(of(&with) > of(&without), "{} {}", of(&with), of(&without));
}

#[test]
fn the_same_bits_for_any_threads_and_a_hash_of_them() {
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fitted(12, true, &[None, None]))
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
