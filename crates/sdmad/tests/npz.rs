//! Files that numpy wrote (`scripts/reference/npz.py`) come in as numpy reads them.

use std::path::Path;

use sdmad::{ImportKind, ImportOptions, Label, Manifest, Split, import_data};

#[test]
fn pixels_and_labels_are_those_that_numpy_reads() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npz");
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(fixtures.join("npz.json")).unwrap()).unwrap();
    for file in ["grey_64", "colour"] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("set.csv");
        let categories = Some(["normal", "cyst", "mass"].map(String::from).to_vec());
        let options = ImportOptions { categories, ..ImportOptions::default() };
        let npz = fixtures.join(format!("{file}.npz"));
        import_data(ImportKind::Medmnist, &npz, &options, &out, &sdmad_base::Silent).unwrap();
        let manifest = Manifest::read(&out).unwrap();
        for (split, name) in Split::ALL.into_iter().zip(["train", "val", "test"]) {
            let array = |kind: &str| &expected[file][format!("{name}_{kind}")];
            let values = |kind: &str| -> Vec<u64> {
                array(kind)["values"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect()
            };
            let (labels, pixels, grey) =
                (values("labels"), values("images"), array("images")["shape"].as_array().unwrap().len() == 3);
            let mut found = Vec::new();
            for ((_, row), label) in manifest.rows_of(split).zip(&labels) {
                let image = sdmad_imaging::read_image(&manifest.image_path(row)).unwrap();
                let data = if grey { image.to_grey().data().to_vec() } else { image.data().to_vec() };
                found.extend(data.into_iter().map(u64::from));
                let present = row.labels.iter().position(|l| *l == Label::Present).map_or(0, |p| p as u64 + 1);
                assert_eq!(present, *label, "{file} {name}");
            }
            assert_eq!(manifest.rows_of(split).count(), labels.len());
            assert_eq!(found, pixels, "{file} {name}");
        }
    }
}
