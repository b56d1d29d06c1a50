use super::testing::{PLAIN, Tree, npy, npz};
use super::*;
use crate::Masks;

mod chest;
mod options;
mod retina;
mod sorted;

fn categories(ids: &str) -> ImportOptions {
    ImportOptions { categories: Some(ids.split(',').map(String::from).collect()), ..PLAIN }
}

#[test]
fn folders_of_categories_are_split_with_a_seed() {
    let names: Vec<String> =
        (0..60).map(|i| format!("d/{}/{i}.png", ["Normal", "Lung Opacity", "cyst"][i % 3])).collect();
    let tree = Tree::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    tree.write("d/readme.txt", b"");
    let first = tree.import(ImportKind::Folders, "d", &PLAIN).unwrap();
    assert_eq!(first.manifest.categories, ["cyst", "lung_opacity"]);
    assert_eq!((first.summary.images, first.summary.normal), ([24, 0, 36], [8, 0, 12]));
    assert_eq!(first.summary.categories[1], ImportedCategory { id: "lung_opacity".into(), images: [8, 0, 12] });
    assert!(first.has_notice("`Lung Opacity` became the category `lung_opacity`"));
    assert!(first.has_notice("no patient is known for 60 of 60 images; these were split one by one"));
    assert!(first.has_notice("left out: 1 .txt"));
    let mut ran = Vec::new();
    for (seed, fractions) in [(0, None), (1, None), (0, Some([0.5, 0.2, 0.3]))] {
        std::fs::remove_file(tree.path("manifest.csv")).unwrap();
        let options = ImportOptions { seed, fractions, ..PLAIN };
        ran.push(tree.import(ImportKind::Folders, "d", &options).unwrap().manifest.rows);
    }
    assert_eq!(ran[0], first.manifest.rows);
    assert_ne!(ran[1], first.manifest.rows);
    assert_eq!(ran[2].iter().filter(|row| row.split == Split::Valid).count(), 12);
    let options = ImportOptions { fractions: Some([1.0, 1.0, 0.0]), ..PLAIN };
    let error = import(ImportKind::Folders, &tree.path("d"), &options, &tree.path("n.csv"), &sdmad_base::Silent);
    assert!(error.is_err());
}

#[test]
fn folders_with_splits_masks_and_patients() {
    let tree = Tree::new(&[
        "d/Train/good/a.png",
        "d/Train/malignant/m (1).png",
        "d/Train/malignant/m (1)_mask.png",
        "d/Train/malignant/m (1)_mask_1.png",
        "d/val/GOOD/deep/er/b.JPG",
        "d/test/CNV/CNV-77-1.jpeg",
        "d/test/good/n_mask.png",
        "d/test/good/n.png",
        "d/test/.hidden/x.png",
    ]);
    let found = tree.import(ImportKind::Folders, "d", &PLAIN).unwrap();
    assert_eq!(
        found.lines(),
        [
            "d/Train/good/a.png,train,,,0,0",
            "d/Train/malignant/m (1).png,train,,malignant=d/Train/malignant/m (1)_mask.png;malignant=d/Train/malignant/m (1)_mask_1.png,0,1",
            "d/val/GOOD/deep/er/b.JPG,valid,,,0,0",
            "d/test/CNV/CNV-77-1.jpeg,test,77,,1,0",
            "d/test/good/n.png,test,,,0,0",
        ]
    );
    assert!(found.has_notice("2 files were taken as masks"));
    assert!(found.has_notice("the split train has no image of cnv: no shots can be drawn"));
    assert!(found.has_notice("the split test has no image of malignant"));
    let error = tree.import(ImportKind::Folders, "d", &PLAIN).err().unwrap().to_string();
    assert!(error.contains("manifest.csv is there already"), "{error}");
}

#[test]
fn other_trees_are_refused_with_what_was_looked_for_and_found() {
    let fractions = ImportOptions { fractions: Some([0.5, 0.0, 0.5]), ..PLAIN };
    for (kind, files, options, parts) in [
        (
            ImportKind::Folders,
            &["d/a.png", "d/x.txt"][..],
            &PLAIN,
            &["one folder for each category", "no folders; 1 images and 1 other files"][..],
        ),
        (ImportKind::Folders, &["d/train/cyst/a.png", "d/mass/b.png"], &PLAIN, &["also `mass` with images"]),
        (ImportKind::Folders, &["d/train/a.png"], &PLAIN, &["train has not the layout `folders`"]),
        (ImportKind::Folders, &["d/val/a/a.png", "d/valid/a/a.png"], &PLAIN, &["both `val` and `valid`"]),
        (ImportKind::Folders, &["d/train/cyst/a.png"], &fractions, &["has splits of its own", "--fractions"]),
        (ImportKind::Folders, &["d/Cyst/a.png", "d/cyst/b.png"], &PLAIN, &["would both be `cyst`"]),
        (ImportKind::Folders, &["d/good/a.png"], &PLAIN, &["all 1 images are normal"]),
        (ImportKind::Folders, &["d/mask/a.png"], &PLAIN, &["`mask` is no category id"]),
        (ImportKind::Folders, &["d/cyst/a.png"], &categories("mass"), &["categories mass; found cyst"]),
        (ImportKind::Bmad, &["d/cyst/a.png"], &PLAIN, &["`good` and `Ungood`", "found 1 folders: cyst"]),
        (
            ImportKind::Bmad,
            &["d/A/test/good/a.png", "d/B/test/good/a.png"],
            &PLAIN,
            &["holds 2 sets: A, B", "name one"],
        ),
        (ImportKind::Bmad, &["d/test/good/img/a.png"], &fractions, &["has splits of its own"]),
        (ImportKind::Bmad, &["d/test/good/x.txt"], &PLAIN, &["images below"]),
        (
            ImportKind::Mvtec,
            &["d/bottle/train/good/a.png", "d/bottle/test/good/a.png"],
            &PLAIN,
            &["`train/good`", "name the folder of one class"],
        ),
        (ImportKind::Mvtec, &["d/x.png"], &PLAIN, &["has not the layout `mvtec`"]),
        (ImportKind::Medmnist, &["d/x.png"], &PLAIN, &["is a folder; expected one .npz file"]),
    ] {
        let message = Tree::new(files).refused(kind, "d", options);
        for part in parts {
            assert!(message.contains(part), "{kind:?} {files:?}: {message}");
        }
    }
    let error = Tree::new(&[]).refused(ImportKind::Folders, "missing", &PLAIN);
    assert!(error.contains("missing"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_back_is_an_error_and_no_endless_walk() {
    let tree = Tree::new(&["d/cyst/a.png"]);
    std::os::unix::fs::symlink(tree.path("d"), tree.path("d/cyst/back")).unwrap();
    assert!(tree.refused(ImportKind::Folders, "d", &PLAIN).contains("lies in itself"));
}

#[test]
fn the_four_layouts_of_bmad() {
    // A: flat, labels only.
    let tree =
        Tree::new(&["camelyon16/train/good/a.png", "camelyon16/valid/Ungood/b.png", "camelyon16/test/Ungood/c.png"]);
    let found = tree.import(ImportKind::Bmad, "camelyon16", &categories("tumour")).unwrap();
    assert_eq!(found.manifest.categories, ["tumour"]);
    assert_eq!(found.summary.images, [1, 1, 1]);
    assert!(found.has_notice("no image of tumour: no shots"));

    // B: with masks; the volume is the patient.
    let tree = Tree::new(&[
        "Brain/train/good/img/00003_60.png",
        "Brain/valid/Ungood/img/00004_7.png",
        "Brain/valid/Ungood/anomaly_mask/00004_7.png",
        "Brain/test/Ungood/img/00005_8.png",
        "Brain/test/Ungood/anomaly_mask/00005_9.png",
        "Brain/test/good/img/00005_10.png",
    ]);
    let found = tree.import(ImportKind::Bmad, "Brain", &PLAIN).unwrap();
    assert_eq!(
        found.lines(),
        [
            "Brain/train/good/img/00003_60.png,train,00003,,0",
            "Brain/valid/Ungood/img/00004_7.png,valid,00004,Brain/valid/Ungood/anomaly_mask/00004_7.png,1",
            "Brain/test/good/img/00005_10.png,test,00005,,0",
            "Brain/test/Ungood/img/00005_8.png,test,00005,,1",
        ]
    );
    assert!(found.has_notice("1 images in") && found.has_notice("have no mask of their name"));
    assert!(found.has_notice("1 masks in") && found.has_notice("was taken as the patient"));

    // C: no train; classes and patients in the names; one set in the named folder.
    let tree = Tree::new(&[
        "data/Retina_OCT2017_AD/valid/good/img/NORMAL-1-1.jpeg",
        "data/Retina_OCT2017_AD/valid/Ungood/img/CNV-2-1.jpeg",
        "data/Retina_OCT2017_AD/test/Ungood/img/DRUSEN-3-1.jpeg",
    ]);
    let found = tree.import(ImportKind::Bmad, "data", &PLAIN).unwrap();
    assert_eq!(found.manifest.categories, ["cnv", "drusen"]);
    assert_eq!(found.lines()[2], "data/Retina_OCT2017_AD/test/Ungood/img/DRUSEN-3-1.jpeg,test,3,,0,1");
    assert!(found.has_notice("the set `Retina_OCT2017_AD` was read"));

    // D: masks in `label`, also for good images; names of the chest set.
    let tree = Tree::new(&[
        "Chest/train/good/img/Normal-ab.png",
        "Chest/train/good/label/Normal-ab.png",
        "Chest/test/Ungood/img/Lung_Opacity_cd.png",
        "Chest/test/Ungood/img/No-Not-Normal_ef.png",
        "Chest/test/Ungood/label/Lung_Opacity_cd.png",
    ]);
    let found = tree.import(ImportKind::Bmad, "Chest", &categories("no_opacity_not_normal,lung_opacity")).unwrap();
    assert_eq!(found.lines()[0], "Chest/train/good/img/Normal-ab.png,train,ab,,0,0");
    let row = found.row("Chest/test/Ungood/img/Lung_Opacity_cd.png");
    assert_eq!(row.masks, Masks::Whole("Chest/test/Ungood/label/Lung_Opacity_cd.png".into()));
    assert_eq!(row.labels, [Label::Absent, Label::Present]);

    // Only some names have a class: one category.
    let tree = Tree::new(&["x/test/Ungood/CNV-2-1.jpeg", "x/test/Ungood/other.jpeg"]);
    let found = tree.import(ImportKind::Bmad, "x", &PLAIN).unwrap();
    assert_eq!(found.manifest.categories, ["anomaly"]);
    assert!(found.has_notice("1 of 2 abnormal files") && found.has_notice("no normal images"));
}

#[test]
fn mvtec_defects_are_categories() {
    let tree = Tree::new(&[
        "bottle/train/good/000.png",
        "bottle/test/good/000.png",
        "bottle/test/broken-large/000.png",
        "bottle/test/cut=deep/001.png",
        "bottle/ground_truth/broken-large/000_mask.png",
        "bottle/ground_truth/cut=deep/001.png",
        "bottle/license.txt",
    ]);
    let found = tree.import(ImportKind::Mvtec, "bottle", &PLAIN).unwrap();
    assert_eq!(
        found.lines(),
        [
            "bottle/train/good/000.png,train,,,0,0",
            "bottle/test/broken-large/000.png,test,,bottle/ground_truth/broken-large/000_mask.png,1,0",
            "bottle/test/cut=deep/001.png,test,,cut_deep=bottle/ground_truth/cut=deep/001.png,0,1",
            "bottle/test/good/000.png,test,,,0,0",
        ]
    );
    assert!(found.has_notice("`broken-large` became the category `broken_large`"));
}

/// Six arrays with as many 2 x 3 images as there are labels.
fn medmnist(labels: [&[u8]; 3], columns: usize) -> Vec<(&'static str, Vec<u8>)> {
    let names = [("train_images", "train_labels"), ("val_images", "val_labels"), ("test_images", "test_labels")];
    let mut arrays = Vec::new();
    for ((images, label), values) in names.into_iter().zip(labels) {
        let count = values.len() / columns;
        let pixels: Vec<u8> = (0..count * 6).map(|i| (i * 7 % 256) as u8).collect();
        arrays.push((images, npy("|u1", &format!("({count}, 2, 3)"), &pixels)));
        arrays.push((label, npy("|u1", &format!("({count}, {columns})"), values)));
    }
    arrays
}

#[test]
fn medmnist_files_keep_pixels_labels_and_splits() {
    let tree = Tree::new(&[]);
    npz(&tree.path("octmnist_64.npz"), &medmnist([&[3, 0, 1], &[2], &[3, 2]], 1));
    let found = tree.import(ImportKind::Medmnist, "octmnist_64.npz", &PLAIN).unwrap();
    assert_eq!(
        found.lines(),
        [
            "manifest_images/train/000000.png,train,,,0,0,0",
            "manifest_images/train/000001.png,train,,,1,0,0",
            "manifest_images/train/000002.png,train,,,0,1,0",
            "manifest_images/valid/000000.png,valid,,,0,0,1",
            "manifest_images/test/000000.png,test,,,0,0,0",
            "manifest_images/test/000001.png,test,,,0,0,1",
        ]
    );
    let image = sdmad_imaging::read_image(&tree.path("manifest_images/train/000001.png")).unwrap();
    assert_eq!((image.width(), image.height()), (3, 2));
    assert_eq!(image.to_grey().data(), [42, 49, 56, 63, 70, 77]);
    assert!(found.has_notice("no image of drusen: no shots"));
}

#[test]
fn medmnist_classes_by_name_and_by_option() {
    for (file, labels, columns, options, ids, train) in [
        ("breastmnist.npz", [&[0, 1][..], &[1], &[0]], 1, &PLAIN, "malignant", ["1", "0"]),
        (
            "chestmnist_64.npz",
            [&[0; 14][..], &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], &[0; 14]],
            14,
            &PLAIN,
            "atelectasis,cardiomegaly,effusion,infiltration,mass,nodule,pneumonia,pneumothorax,consolidation,edema,emphysema,fibrosis,pleural_thickening,hernia",
            ["0,0,0,0,0,0,0,0,0,0,0,0,0,0", "1,0,0,0,0,0,0,0,0,0,0,0,1,0"],
        ),
        ("retinamnist.npz", [&[4, 0], &[1], &[0]], 1, &PLAIN, "diabetic_retinopathy", ["1", "0"]),
        (
            "dermamnist_64.npz",
            [&[5, 4], &[0], &[0]],
            1,
            &PLAIN,
            "actinic_keratosis,basal_cell_carcinoma,benign_keratosis,dermatofibroma,melanoma,vascular_lesion",
            ["0,0,0,0,0,0", "0,0,0,0,1,0"],
        ),
        ("pneumoniamnist.npz", [&[0, 1], &[1], &[0]], 1, &PLAIN, "pneumonia", ["0", "1"]),
        ("mine.npz", [&[0, 2], &[1], &[0]], 1, &categories("cyst,normal,cyst"), "cyst", ["1", "1"]),
        ("mine.npz", [&[0, 0, 1, 1], &[1, 0], &[0, 1]], 2, &categories("cyst,mass"), "cyst,mass", ["0,0", "1,1"]),
        (
            "dermamnist.npz",
            [&[5, 6], &[4], &[4]],
            1,
            &categories("a,b,c,d,melanoma,normal,v"),
            "a,b,c,d,melanoma,v",
            ["0,0,0,0,0,0", "0,0,0,0,0,1"],
        ),
    ] {
        let tree = Tree::new(&[]);
        npz(&tree.path(file), &medmnist(labels, columns));
        let found = tree.import(ImportKind::Medmnist, file, options).unwrap();
        assert_eq!(found.manifest.categories.join(","), ids);
        for (line, labels) in found.lines().iter().zip(train) {
            assert!(line.ends_with(&format!(",,,{labels}")), "{file}: {line}");
        }
    }
}

#[test]
fn medmnist_files_that_do_not_fit_are_refused() {
    let set = medmnist([&[0, 1], &[1], &[0]], 1);
    let source = ImportOptions { labels: Some(ImportLabels::Source), ..PLAIN };
    let with = |name: &'static str, bytes: Vec<u8>| {
        let mut arrays = set.clone();
        arrays.retain(|(n, _)| *n != name);
        arrays.push((name, bytes));
        arrays
    };
    for (file, arrays, options, part) in [
        ("mine.npz", set.clone(), &PLAIN, "so its classes are not known"),
        ("dermamnist.npz", set.clone(), &source, "melanoma,melanocytic_nevus"),
        ("dermamnist.npz", set.clone(), &categories("a,normal"), "2 categories (a,normal); expected 7"),
        ("chestmnist.npz", set.clone(), &PLAIN, "one label column; expected 14"),
        ("mine.npz", set.clone(), &categories("normal,normal"), "every class is `normal`"),
        ("mine.npz", set.clone(), &categories("normal,A"), "`A` is no category id"),
        ("breastmnist.npz", medmnist([&[0, 2], &[1], &[0]], 1), &PLAIN, "image 1: label 2; expected 0 to 1"),
        ("mine.npz", medmnist([&[0, 2], &[1, 1], &[0, 0]], 2), &categories("a,b"), "label 2; expected 0 or 1"),
        ("breastmnist.npz", set[..5].to_vec(), &PLAIN, "has no array `test_labels`; found test_images"),
        ("breastmnist.npz", with("val_images", npy("<f4", "(1, 2, 3)", &[0; 24])), &PLAIN, "expected whole numbers"),
        ("breastmnist.npz", with("val_images", npy("<u2", "(1, 2, 3)", &[0; 12])), &PLAIN, "8 bits"),
        ("breastmnist.npz", with("val_images", npy("|u1", "(1, 2, 3, 2)", &[0; 12])), &PLAIN, "volumes"),
        ("breastmnist.npz", with("val_images", npy("|u1", "(9, 9, 9)", &[0; 6])), &PLAIN, "its header says [9, 9, 9]"),
        ("breastmnist.npz", with("val_images", npy("|u1", "(1, 0, 3)", &[])), &PLAIN, "pixels a side"),
        ("breastmnist.npz", with("val_labels", npy("|i1", "(1,)", &[255])), &PLAIN, "label below 0"),
        (
            "breastmnist.npz",
            with("val_labels", npy("|u1", "(2, 1)", &[0, 0])),
            &PLAIN,
            "2 rows; expected one for each of 1",
        ),
    ] {
        let tree = Tree::new(&[]);
        npz(&tree.path(file), &arrays);
        let message = tree.refused(ImportKind::Medmnist, file, options);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn damaged_files_are_errors_or_read_and_never_panic() {
    let tree = Tree::new(&[]);
    let path = tree.path("breastmnist.npz");
    npz(&path, &medmnist([&[0, 1], &[1], &[0]], 1));
    let whole = std::fs::read(&path).unwrap();
    for cut in (0..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        tree.refused(ImportKind::Medmnist, "breastmnist.npz", &PLAIN);
    }
    for at in (0..whole.len()).step_by(5) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8); // 5 and 8 have no factor in common: every bit has its turn.
        std::fs::write(&path, &bytes).unwrap();
        if tree.import(ImportKind::Medmnist, "breastmnist.npz", &PLAIN).is_ok() {
            std::fs::remove_file(tree.path("manifest.csv")).unwrap();
            std::fs::remove_dir_all(tree.path("manifest_images")).unwrap();
        }
    }
}
