use std::path::Path;
use std::time::Instant;

use sdmad_base::{Silent, Stream};
use sdmad_imaging::{GreyImage, write_png_grey};

use super::*;
use crate::data::{Label, Masks, Row, Split};

fn image(seed: u64, level: u8) -> GreyImage {
    let mut stream = Stream::new(seed, "check test");
    let cells: Vec<u8> = (0..64).map(|_| level.saturating_add(stream.below(100) as u8)).collect();
    // Blocks of 5 x 5 pixels, so that fingerprints are far apart.
    let data = (0..40 * 40).map(|i| cells[(i / 40 / 5) * 8 + (i % 40) / 5]).collect();
    GreyImage::new(40, 40, data).unwrap()
}

fn row(image: &str, split: Split, patient: Option<&str>, mask: &str, labels: &[u8]) -> Row {
    let label = |l: &u8| match l {
        0 => Label::Absent,
        1 => Label::Present,
        _ => Label::Unknown,
    };
    let masks = if mask.is_empty() { Masks::None } else { Masks::Whole(mask.into()) };
    Row {
        image: image.into(),
        split,
        patient: patient.map(String::from),
        masks,
        labels: labels.iter().map(label).collect(),
    }
}

/// `count` images of which every second is abnormal and `brighter` by so many levels.
fn set(folder: &Path, count: usize, brighter: u8) -> Manifest {
    let mut rows = Vec::new();
    for i in 0..count {
        let name = format!("{i}.png");
        let abnormal = i % 2 == 1;
        write_png_grey(&folder.join(&name), &image(i as u64, if abnormal { brighter } else { 0 })).unwrap();
        let split = if i % 4 < 2 { Split::Train } else { Split::Test };
        rows.push(row(&name, split, None, "", &[u8::from(abnormal), 0]));
    }
    manifest(folder, rows)
}

fn manifest(folder: &Path, rows: Vec<Row>) -> Manifest {
    Manifest::new(&folder.join("manifest.csv"), vec!["a".into(), "b".into()], rows).unwrap()
}

fn finding<'a>(report: &'a DataReport, code: &str) -> Option<&'a DataFinding> {
    report.findings.iter().find(|f| f.code == code)
}

#[test]
fn what_must_be_mended_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..4 {
        write_png_grey(&folder.path().join(format!("{i}.png")), &image(i, 0)).unwrap();
    }
    let bytes = std::fs::read(folder.path().join("3.png")).unwrap();
    std::fs::write(folder.path().join("cut.png"), &bytes[..bytes.len() / 2]).unwrap();
    let small = GreyImage::new(8, 8, vec![255; 64]).unwrap();
    write_png_grey(&folder.path().join("small.png"), &small).unwrap();
    let rows = vec![
        row("0.png", Split::Train, Some("p"), "small.png", &[1, 1]),
        row("1.png", Split::Test, Some("p"), "gone.png", &[1, 2]),
        row("2.png", Split::Train, Some("q"), "cut.png", &[0, 0]),
        row("./3.png", Split::Valid, None, "", &[0, 0]),
        row("cut.png", Split::Train, None, "", &[1, 0]),
        row("lost.png", Split::Train, None, "", &[1, 0]),
        row("../lost.png", Split::Train, None, "", &[1, 0]),
    ];
    let report = check(&manifest(folder.path(), rows), &Silent).unwrap();
    assert!(report.has_errors());
    let items = |code: &str| finding(&report, code).map(|f| f.items.join("|")).unwrap_or_default();
    assert_eq!(items("missing_images"), "lost.png|../lost.png");
    assert!(items("unreadable_images").starts_with("cut.png: "));
    assert_eq!(items("missing_masks"), "gone.png");
    assert!(items("unreadable_masks").starts_with("cut.png: "));
    assert_eq!(items("mask_sizes"), "small.png is 8 x 8 pixels; 0.png is 40 x 40");
    assert_eq!(items("patients_across_splits"), "p (train, test)");
    assert_eq!(items("paths_outside"), "../lost.png");
    assert_eq!(items("no_normals"), "test");
    assert_eq!(items("no_positives"), "b");
    assert_eq!(report.co_occurrence, [[5, 1], [1, 1]]);
    let test = &report.splits[2];
    assert_eq!((test.images, test.abnormal, test.patients, test.categories[1].unknown), (1, 1, 1, 1));
    assert!(report.pixel_baseline.detection.why().unwrap().contains("no readable normal image in test"));
    let text = report.to_string();
    for part in [
        "- **error** (2): missing images",
        "    - lost.png\n",
        "| a      |            4 |         4 |",
        "try `sdmad data split`",
        "2 (+3 images)",
        "0 (+1 unknown)",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let severities: Vec<DataSeverity> = report.findings.iter().map(|f| f.severity).collect();
    assert!(severities.is_sorted());
}

#[test]
fn a_set_that_pixels_solve_is_told_from_one_that_they_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let solved = check(&set(folder.path(), 160, 60), &Silent).unwrap();
    assert!(solved.pixel_baseline.detection.value().unwrap() > 0.95);
    let warning = finding(&solved, "pixels_solve_it").unwrap();
    assert_eq!((warning.severity, warning.count), (DataSeverity::Warning, 2));
    assert!(!solved.has_errors());
    assert!(solved.pixel_baseline.categories[1].auroc.value().is_none());

    let folder = tempfile::tempdir().unwrap();
    let honest = check(&set(folder.path(), 160, 0), &Silent).unwrap();
    assert!(honest.pixel_baseline.detection.value().unwrap() < 0.75);
    assert!(finding(&honest, "pixels_solve_it").is_none());
    assert_eq!(honest.pixel_baseline.images, [80, 80]);
}

#[test]
fn images_that_look_alike_are_paired() {
    let folder = tempfile::tempdir().unwrap();
    let first = image(1, 0);
    let brighter: Vec<u8> = first.data().iter().map(|&p| p.saturating_add(5)).collect();
    write_png_grey(&folder.path().join("a.png"), &first).unwrap();
    write_png_grey(&folder.path().join("b.png"), &GreyImage::new(40, 40, brighter).unwrap()).unwrap();
    write_png_grey(&folder.path().join("c.png"), &image(2, 0)).unwrap();
    write_png_grey(&folder.path().join("d.png"), &first).unwrap();
    let rows = vec![
        row("a.png", Split::Train, None, "", &[0, 0]),
        row("b.png", Split::Test, None, "", &[1, 0]),
        row("c.png", Split::Test, None, "", &[0, 0]),
        row("d.png", Split::Train, None, "", &[0, 0]),
    ];
    let report = check(&manifest(folder.path(), rows), &Silent).unwrap();
    let found = &report.near_duplicates;
    assert_eq!((found.within_splits, found.across_splits, found.labels_differ), (1, 2, 2));
    assert!(found.pairs[0].across_splits() && found.pairs[0].distance <= 10 && !found.pairs[0].identical);
    assert_eq!((found.identical_within_splits, found.identical_across_splits), (1, 0));
    assert_eq!((found.train_and_test, found.test_images_like_train, found.same_patient), (2, 1, 0));
    assert_eq!((found.pairs[2].first.as_str(), found.pairs[2].second.as_str()), ("a.png", "d.png"));
    assert!(found.pairs[2].identical);
    assert_eq!(finding(&report, "near_duplicates_across_splits").unwrap().count, 2);
    assert_eq!(
        finding(&report, "near_duplicates_within_splits").unwrap().items,
        ["a.png (train) and d.png (train): identical"]
    );

    // Copies across splits are found by their pixels, and pairs of one patient are as they should be.
    let rows = vec![
        row("a.png", Split::Train, Some("p"), "", &[0, 0]),
        row("b.png", Split::Train, Some("p"), "", &[0, 0]),
        row("c.png", Split::Train, None, "", &[0, 0]),
        row("d.png", Split::Test, None, "", &[0, 0]),
    ];
    let found = check(&manifest(folder.path(), rows), &Silent).unwrap().near_duplicates;
    assert_eq!((found.same_patient, found.within_splits), (1, 0));
    assert_eq!((found.across_splits, found.identical_across_splits, found.test_images_like_train), (2, 1, 1));
    assert!(found.pairs[0].identical && found.pairs[0].splits == [Split::Train, Split::Test]);
}

#[test]
fn shots_are_counted_by_patients() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows: Vec<Row> = (0..20).map(|i| row(&format!("n{i}"), Split::Train, None, "", &[0, 0])).collect();
    for i in 0..6 {
        rows.push(row(&format!("a{i}"), Split::Train, Some(["p", "q", "r"][i / 2]), "", &[1, 2]));
        rows.push(row(&format!("t{i}"), Split::Test, None, "", &[1, 1]));
    }
    let report = check(&manifest(folder.path(), rows), &Silent).unwrap();
    let supply: Vec<(&str, usize, usize)> = report.shots.iter().map(|s| (s.id.as_str(), s.images, s.at_most)).collect();
    assert_eq!(supply, [("normal", 20, 20), ("a", 6, 3), ("b", 0, 0)]);
    assert_eq!(finding(&report, "few_shots").unwrap().items, ["a (K at most 3)"]);
    assert_eq!(finding(&report, "no_shots").unwrap().items, ["b"]);
}

#[test]
fn the_structure_names_every_file_and_the_text_fifty() {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..300).map(|i| row(&format!("{i}.png"), Split::Train, None, "", &[0, 0])).collect();
    let report = check(&manifest(folder.path(), rows), &Silent).unwrap();
    let missing: Vec<&DataFinding> = report.errors().collect();
    assert_eq!((missing.len(), missing[0].count, missing[0].items.len()), (1, 300, 300));
    let text = report.to_text();
    assert!(text.contains("    - 49.png\n    - … and 250 more") && !text.contains("    - 50.png"), "{text}");
}

#[test]
fn many_copies_are_counted_and_the_list_is_bounded() {
    let split = |i: usize| if i.is_multiple_of(2) { Split::Train } else { Split::Valid };
    let rows = (0..60).map(|i| row(&format!("{i}"), split(i), None, "", &[0, u8::from(i == 59)])).collect();
    let files: Vec<inspect::Inspected> = (0..60).map(|i| inspect::Inspected::of([0; 4], &i.to_string())).collect();
    let found = duplicates::find(&manifest(Path::new("."), rows), &files, &Silent).unwrap();
    assert_eq!((found.across_splits, found.within_splits, found.labels_differ), (900, 870, 59));
    assert_eq!((found.train_and_test, found.pairs.len()), (0, 400));
    let counts: Vec<(usize, usize)> = duplicates::findings(&found).iter().map(|f| (f.count, f.items.len())).collect();
    assert_eq!((counts[0], counts[2]), ((900, 200), (870, 200)));
}

#[test]
fn threads_do_not_change_the_report_and_the_phantoms_pass() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    let config = crate::PhantomConfig { images: 60, size: 128, ..Default::default() };
    let path = crate::generate_phantoms(&config, &out, &Silent).unwrap().manifest;
    let manifest = Manifest::read(&path).unwrap();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| check(&manifest, &Silent)).unwrap()
    };
    let one = run(1);
    assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&run(4)).unwrap());
    assert!(!one.has_errors(), "{one}");
    assert_eq!(one.near_duplicates.across_splits, 0, "{one}");
}

/// Prints what ten thousand fingerprints cost: `cargo test -- --ignored ten_thousand --nocapture`.
#[test]
#[ignore = "a measurement"]
fn ten_thousand_fingerprints() {
    let rows = (0..10_000).map(|i| row(&format!("{i}"), Split::Train, None, "", &[0, 0])).collect();
    let manifest = manifest(Path::new("."), rows);
    let mut stream = Stream::new(1, "fingerprints");
    let files: Vec<inspect::Inspected> =
        (0..10_000).map(|_| inspect::Inspected::of(std::array::from_fn(|_| stream.bits()), "")).collect();
    let start = Instant::now();
    let found = duplicates::find(&manifest, &files, &Silent).unwrap();
    println!("{} pairs in {:?}", found.within_splits, start.elapsed());
}

/// Prints the report on the manifest that `SDMAD_MANIFEST` names: `cargo test -- --ignored given_manifest --nocapture`.
#[test]
#[ignore = "reads a set that is not here"]
fn report_on_a_given_manifest() {
    let path = std::env::var_os("SDMAD_MANIFEST").expect("SDMAD_MANIFEST names a manifest");
    let start = Instant::now();
    let report = check(&Manifest::read(Path::new(&path)).unwrap(), &Silent).unwrap();
    println!("{report}in {:?}", start.elapsed());
}
