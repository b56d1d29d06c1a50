use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sdmad_base::{Kind, Silent};

use super::*;
use crate::data::{Label, Manifest};

fn small() -> PhantomConfig {
    PhantomConfig { images: 32, size: 128, seed: 5, ..Default::default() }
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.strip_prefix(folder).unwrap().to_path_buf(), std::fs::read(&path).unwrap());
        }
    }
    found
}

fn generated(threads: usize, config: &PhantomConfig, out: &Path) -> PhantomSummary {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| generate(config, out, &Silent)).unwrap()
}

#[test]
fn any_number_of_threads_makes_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let (one, four) = (folder.path().join("one"), folder.path().join("four"));
    generated(1, &small(), &one);
    generated(4, &small(), &four);
    assert_eq!(files(&one), files(&four));
    let other = folder.path().join("other");
    generated(2, &PhantomConfig { seed: 6, ..small() }, &other);
    assert_ne!(
        std::fs::read(one.join("images/00000.png")).unwrap(),
        std::fs::read(other.join("images/00000.png")).unwrap()
    );
}

#[test]
fn labels_masks_and_signs_agree() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    let summary = generated(2, &small(), &out);
    let manifest = Manifest::read(&summary.manifest).unwrap();
    assert_eq!(manifest.categories, PHANTOM_CATEGORIES);
    assert_eq!(manifest.rows.len(), 32);
    assert_eq!(summary.images.iter().sum::<usize>(), 32);
    assert_eq!(summary.normal, manifest.rows.iter().filter(|r| r.is_normal()).count());
    let signs = std::fs::read_to_string(out.join("signs.csv")).unwrap();
    let lines: Vec<Vec<&str>> = signs.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!(lines[0][0], "image");
    assert_eq!(lines[0][1..], PhantomSign::ALL.iter().map(|s| s.id()).collect::<Vec<_>>());
    for (row, line) in manifest.rows.iter().zip(&lines[1..]) {
        assert_eq!(row.image, line[0]);
        let truth = |sign: PhantomSign| line[1 + sign.index()] == "1";
        let present = |c: usize| row.labels[c] == Label::Present;
        assert_eq!(truth(PhantomSign::NoFocalLesion), row.is_normal());
        assert_eq!(truth(PhantomSign::BrightEchogenicFoci), present(3));
        assert!(!truth(PhantomSign::ClusteredFoci) || present(3));
        assert!(!truth(PhantomSign::AnechoicInterior) || present(0));
        assert!(!truth(PhantomSign::SpiculatedMargin) || present(2));
        for (c, category) in manifest.categories.iter().enumerate() {
            let masks = row.masks.of_category(category);
            assert_eq!(masks.len(), usize::from(present(c)), "{} {category}", row.image);
            for mask in masks {
                let mask = sdmad_imaging::read_mask(&manifest.file_path(mask)).unwrap();
                assert_eq!((mask.width(), mask.height()), (128, 128));
                let inside = mask.data().iter().filter(|&&v| v > 0).count();
                assert!((5..128 * 128 / 3).contains(&inside), "{} {category}: {inside} pixels", row.image);
            }
        }
    }
}

/// Mean grey levels speak for the physics: a cyst is darker inside than its surroundings, and brighter behind when
/// enhancement was drawn.
#[test]
fn signs_can_be_measured_in_the_pixels() {
    let config = PhantomConfig { images: 120, size: 192, normal: 0.1, co_occurring: 0.0, ..Default::default() };
    let (mut inside, mut outside, mut cysts) = (0.0, 0.0, 0.0);
    let mut behind: BTreeMap<bool, Vec<f64>> = BTreeMap::new();
    for number in 0..config.images {
        let phantom = phantom_image(&config, number).unwrap();
        let Some((category, mask)) = phantom.masks.first() else { continue };
        if *category == 3 {
            continue;
        }
        let (pixels, mask) = (phantom.image.data(), mask.data());
        let rows: Vec<usize> = (0..192).filter(|y| (0..192).any(|x| mask[y * 192 + x] > 0)).collect();
        let (top, bottom) = (rows[0], rows[rows.len() - 1]);
        let columns: Vec<usize> = (0..192).filter(|x| (top..=bottom).any(|y| mask[y * 192 + x] > 0)).collect();
        let (left, right) = (columns[columns.len() / 3], columns[2 * columns.len() / 3]);
        let mean = |x: std::ops::Range<usize>, y: std::ops::Range<usize>| {
            let values: Vec<f64> = y.flat_map(|y| x.clone().map(move |x| f64::from(pixels[y * 192 + x]))).collect();
            values.iter().sum::<f64>() / values.len().max(1) as f64
        };
        if phantom.signs[PhantomSign::AnechoicInterior.index()] {
            inside += mean(left..right + 1, top + (bottom - top) / 3..bottom - (bottom - top) / 3 + 1);
            outside += mean(20..172, 40..120);
            cysts += 1.0;
        }
        let below = (bottom + 4).min(180)..(bottom + 24).min(190);
        let beside = if left > 100 { 15..left - 50 } else { right + 50..178 };
        let contrast = mean(left..right + 1, below.clone()) - mean(beside, below);
        let enhanced = phantom.signs[PhantomSign::PosteriorEnhancement.index()];
        let shadowed = phantom.signs[PhantomSign::PosteriorShadowing.index()];
        if enhanced != shadowed {
            behind.entry(enhanced).or_default().push(contrast);
        }
    }
    assert!(cysts >= 10.0 && inside / cysts + 40.0 < outside / cysts, "{inside} {outside} {cysts}");
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    assert!(mean(&behind[&true]) > 10.0 && mean(&behind[&false]) < -20.0, "{behind:?}");
}

#[test]
fn each_sign_is_neither_always_there_nor_never_in_its_category() {
    let config = PhantomConfig { images: 240, size: 128, normal: 0.2, co_occurring: 0.1, ..Default::default() };
    let mut counts = vec![0; PhantomSign::ALL.len()];
    for number in 0..config.images {
        for (count, truth) in counts.iter_mut().zip(phantom_image(&config, number).unwrap().signs) {
            *count += usize::from(truth);
        }
    }
    for (sign, count) in PhantomSign::ALL.iter().zip(counts) {
        assert!((8..=220).contains(&count), "{}: {count} of 240", sign.id());
    }
}

#[test]
fn what_is_out_of_range_is_refused_and_nothing_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    for (config, part) in [
        (PhantomConfig { images: 3, ..small() }, "images = 3"),
        (PhantomConfig { size: 64, ..small() }, "size = 64"),
        (PhantomConfig { normal: 1.0, ..small() }, "normal = 1"),
        (PhantomConfig { co_occurring: f64::NAN, ..small() }, "co_occurring = NaN"),
        (PhantomConfig { train: 0.9, valid: 0.1, ..small() }, "something left for test"),
    ] {
        let error = generate(&config, &out, &Silent).unwrap_err();
        assert!(error.kind() == Kind::BadInput && error.to_string().contains(part), "{error}");
    }
    assert!(!out.exists());
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("mine.txt"), "").unwrap();
    assert!(generate(&small(), &out, &Silent).unwrap_err().to_string().contains("not empty"));
    assert!(phantom_image(&small(), 32).is_err());
}
