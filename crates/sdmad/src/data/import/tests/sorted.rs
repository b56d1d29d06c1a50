//! Sets in folders of classes, one-hot tables, and the layouts of MedIAnomaly.

use super::*;

#[test]
fn oct2017_has_patients_in_its_names_and_a_blank_at_the_end_of_its_folder() {
    let tree = Tree::new(&[
        "d/OCT2017 /train/CNV/CNV-1-1.jpeg",
        "d/OCT2017 /train/NORMAL/NORMAL-2-1.jpeg",
        "d/OCT2017 /val/DME/DME-3-1.jpeg",
        "d/OCT2017 /test/CNV/CNV-1-9.jpeg",
        "d/oct2017/OCT2017 /train/CNV/CNV-1-1.jpeg",
    ]);
    let found = tree.import(ImportKind::Oct2017, "d", &PLAIN).unwrap();
    assert_eq!(found.manifest.categories, ["cnv", "dme"]);
    let expected = [
        "CNV-1-1.jpeg:train,1,1,0",
        "CNV-1-9.jpeg:test,1,1,0",
        "NORMAL-2-1.jpeg:train,2,0,0",
        "DME-3-1.jpeg:valid,3,0,1",
    ];
    assert_eq!(found.labels(true), expected);
    assert!(found.has_notice("1 patients are in several of the publisher's splits"));
    assert!(found.has_notice("1 images were left out: a copy with the same name"));
}

#[test]
fn busi_has_second_masks_and_masks_of_normal_images() {
    let tree = Tree::new(&[
        "d/Dataset_BUSI_with_GT/benign/benign (1).png",
        "d/Dataset_BUSI_with_GT/benign/benign (1)_mask.png",
        "d/Dataset_BUSI_with_GT/benign/benign (1)_mask_1.png",
        "d/Dataset_BUSI_with_GT/malignant/malignant (1).png",
        "d/Dataset_BUSI_with_GT/malignant/malignant (1)_mask.png",
        "d/Dataset_BUSI_with_GT/normal/normal (1).png",
        "d/Dataset_BUSI_with_GT/normal/normal (1)_mask.png",
        "d/Dataset_BUSI_with_GT/figures/x.png",
    ]);
    let found = tree.import(ImportKind::Busi, "d", &PLAIN).unwrap();
    let row = |name: &str| found.row(&format!("d/Dataset_BUSI_with_GT/{name}"));
    assert_eq!(row("benign/benign (1).png").masks.of_category("benign").len(), 2);
    assert_eq!(row("malignant/malignant (1).png").masks.files().len(), 1);
    assert!(row("normal/normal (1).png").masks.is_none() && row("normal/normal (1).png").is_normal());
    assert_eq!(found.manifest.rows.len(), 3);
    assert!(found.has_notice("their folder `figures` is no class of `busi`") && found.has_notice("sdmad data split"));
}

#[test]
fn hyperkvasir_classes_have_other_names_in_the_folds() {
    let tree = Tree::new(&[
        "d/labeled-images/lower-gi-tract/pathological-findings/polyps/p1.jpg",
        "d/labeled-images/lower-gi-tract/pathological-findings/hemorrhoids/h1.jpg",
        "d/labeled-images/lower-gi-tract/pathological-findings/ulcerative-colitis-grade-0-1/u1.jpg",
        "d/labeled-images/lower-gi-tract/anatomical-landmarks/cecum/c1.jpg",
        "d/labeled-images/lower-gi-tract/quality-of-mucosal-views/bbps-0-1/b1.jpg",
        "d/labeled-images/upper-gi-tract/pathological-findings/esophagitis-a/e1.jpg",
        "d/segmented-images/images/p1.jpg",
    ]);
    // JPEG leaves greys near both ends; what is written is black and white.
    let grey = sdmad_imaging::GreyImage::new(2, 1, vec![9, 240]).unwrap();
    let mask = tree.path("d/segmented-images/masks/p1.jpg");
    std::fs::create_dir_all(mask.parent().unwrap()).unwrap();
    sdmad_imaging::write_png_grey(&mask, &grey).unwrap();
    tree.write("d/labeled-images/image-labels.csv", b"Video file,Organ,Finding,Classification\n");
    let found = tree.import(ImportKind::Hyperkvasir, "d", &PLAIN).unwrap();
    assert_eq!(found.manifest.categories, ["polyp", "oesophagitis", "ulcerative_colitis", "haemorrhoids"]);
    assert_eq!(found.manifest.rows.len(), 5);
    for notice in [
        "official folds were not used",
        "1 images were left out: they lie beside",
        "1 masks were written anew",
        "show only findings",
        "normal are the classes cecum",
        "1 .csv",
    ] {
        assert!(found.has_notice(notice), "{notice}");
    }
    let row = found.row("d/labeled-images/lower-gi-tract/pathological-findings/polyps/p1.jpg");
    assert_eq!(row.masks, Masks::Whole("manifest_masks/000000.png".into()));
    let written = sdmad_imaging::read_mask(&tree.path("manifest_masks/000000.png")).unwrap();
    assert_eq!(written.data(), [0, 255]);
    std::fs::remove_file(tree.path("manifest.csv")).unwrap();
    let error = tree.import(ImportKind::Hyperkvasir, "d", &PLAIN).err().expect("the folder of masks is there");
    assert!(error.to_string().contains("manifest_masks is not empty"), "{error}");
    std::fs::remove_dir_all(tree.path("manifest_masks")).unwrap();
    tree.write("manifest.csv", b"");

    tree.write(
        "d/official_splits/2_fold_split.csv",
        b"file-name;class-name;split-index\np1.jpg;polyp;0\nh1.jpg;hemorroids;1\nc1.jpg;normal-cecum;0\nu1.jpg;x;1\n",
    );
    let options = ImportOptions { labels: Some(ImportLabels::Source), ..PLAIN };
    let found = tree.again().import(ImportKind::Hyperkvasir, "d", &options).unwrap();
    assert_eq!(found.manifest.categories, ["polyp", "ulcerative_colitis_grade_0_1", "haemorrhoids", "cecum"]);
    let expected = ["c1.jpg:train,,0,0,0,1", "h1.jpg:test,,0,0,1,0", "p1.jpg:train,,1,0,0,0", "u1.jpg:test,,0,1,0,0"];
    assert_eq!(found.labels(true), expected);
    assert!(found.has_notice("2 images were left out: the split file does not name them"));
}

#[test]
fn skin_lesions_stand_for_patients_and_nevi_are_normal() {
    let tree = Tree::new(&[
        "d/HAM10000_images_part_1/ISIC_1.jpg",
        "d/HAM10000_images_part_2/ISIC_2.jpg",
        "d/HAM10000_images_part_2/ISIC_3.jpg",
    ]);
    let table =
        "lesion_id,image_id,dx,dx_type\nHAM_1,ISIC_1,mel,histo\nHAM_1,ISIC_2,mel,histo\nHAM_2,ISIC_3,nv,histo\n";
    tree.write("d/HAM10000_metadata", table.replace(',', "\t").as_bytes());
    let found = tree.import(ImportKind::Ham10000, "d", &PLAIN).unwrap();
    assert_eq!(found.manifest.categories, ["melanoma"]);
    let rows = &found.manifest.rows;
    assert_eq!((rows[0].split, rows[0].patient.as_deref()), (rows[1].split, Some("HAM_1")));
    assert!(rows[2].is_normal() && found.has_notice("nevi (NV) count as normal"));

    tree.write(
        "d/ISIC2018_Task3_Training_GroundTruth/ISIC2018_Task3_Training_GroundTruth.csv",
        b"image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\nISIC_1,1.0,0.0,0.0,0.0,0.0,0.0,0.0\nISIC_3,0.0,1.0,0.0,0.0,0.0,0.0,0.0\n",
    );
    tree.write(
        "d/ISIC2018_Task3_Test_GroundTruth.csv",
        b"image,MEL,NV,BCC,AKIEC,BKL,DF,VASC,score_weight,validation_weight\nISIC_2,0,0,0,1,0,0,0,1,1\n",
    );
    let found = tree.again().import(ImportKind::Isic2018, "d", &PLAIN).unwrap();
    assert_eq!(found.manifest.categories, ["melanoma", "actinic_keratosis"]);
    assert_eq!(
        found.labels(true),
        ["ISIC_1.jpg:train,HAM_1,1,0", "ISIC_3.jpg:train,HAM_2,0,0", "ISIC_2.jpg:test,HAM_1,0,1"]
    );
    let options = ImportOptions { labels: Some(ImportLabels::Source), ..PLAIN };
    let found = tree.again().import(ImportKind::Isic2018, "d", &options).unwrap();
    assert_eq!(found.manifest.categories, ["melanoma", "melanocytic_nevus", "actinic_keratosis"]);
    assert!(found.has_notice("no normal images") && found.has_notice("1 patients are in several"));
}

#[test]
fn medianomaly_in_its_layouts() {
    let tree = Tree::new(&["r/images/a.png", "r/images/b.png", "r/images/c.png"]);
    tree.write(
        "r/data.json",
        br#"{"train": {"0": ["a.png"], "unlabeled": {}}, "test": {"0": ["gone.png"], "1": ["b.png"]}}"#,
    );
    let found = tree.import(ImportKind::Medianomaly, "r", &categories("tumour")).unwrap();
    assert_eq!(found.manifest.categories, ["tumour"]);
    assert_eq!(found.labels(true), ["a.png:train,,0", "b.png:test,,1"]);
    for notice in [
        "1 images were left out: data.json names them",
        "1 images were left out: data.json does not",
        "`unlabeled` of `train`",
    ] {
        assert!(found.has_notice(notice), "{notice}");
    }
    tree.write("r/data.json", b"{\"test\": [1]}");
    assert!(tree.again().refused(ImportKind::Medianomaly, "r", &PLAIN).contains("`test` is no object"));

    let tree = Tree::new(&[
        "b/train/B_00_flair_60.png",
        "b/test/normal/B_01_flair_60.png",
        "b/test/tumor/B_02_flair_60.png",
        "b/test/annotation/B_02_seg_60.png",
    ]);
    let found = tree.import(ImportKind::Medianomaly, "b", &PLAIN).unwrap();
    assert_eq!(
        found.labels(true),
        ["B_00_flair_60.png:train,B_00,0", "B_01_flair_60.png:test,B_01,0", "B_02_flair_60.png:test,B_02,1"]
    );
    assert_eq!(found.manifest.rows[2].masks, Masks::Whole("b/test/annotation/B_02_seg_60.png".into()));

    let tree =
        Tree::new(&["c/train/good/a.png", "c/test/Ungood/b.png", "o/train/NORMAL/a.jpeg", "o/test/DRUSEN/b.jpeg"]);
    assert_eq!(tree.import(ImportKind::Medianomaly, "c", &PLAIN).unwrap().manifest.categories, ["anomaly"]);
    assert_eq!(tree.again().import(ImportKind::Medianomaly, "o", &PLAIN).unwrap().manifest.categories, ["drusen"]);
}
