//! Options that do not fit, and trees that are not the layout: each is refused with its reason.

use super::*;

#[test]
fn an_option_that_says_nothing_about_a_kind_is_refused() {
    let tree = Tree::new(&["d/cyst/a.png"]);
    for (kind, options, part) in [
        (
            ImportKind::Folders,
            ImportOptions { labels: Some(ImportLabels::Bank), ..PLAIN },
            "--labels says nothing about `folders`",
        ),
        (
            ImportKind::Busi,
            ImportOptions { readers: Some(ImportReaders::Majority), ..PLAIN },
            "expected it for vindr only",
        ),
        (ImportKind::Odir, ImportOptions { blank: Some(Label::Absent), ..PLAIN }, "for chexpert, mimic-cxr-jpg only"),
        (ImportKind::Vindr, ImportOptions { part: Some(ImportPart::Grading), ..PLAIN }, "leave --part out"),
    ] {
        let message = tree.refused(kind, "d", &options);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_wrong_tree_says_what_was_looked_for_and_found() {
    let tree = Tree::new(&["d/some/a.png", "d/some/b.png"]);
    tree.write("d/labels.csv", b"id,label\na,1\n");
    for kind in ImportKind::ALL {
        if matches!(kind, ImportKind::Folders | ImportKind::Medmnist) {
            continue;
        }
        let message = tree.refused(kind, "d", &PLAIN);
        for part in
            [format!("the layout `{}`", kind.name()).as_str(), "looked for", "found 1 folders: some", "docs/data.md"]
        {
            assert!(message.contains(part), "{kind:?}: {message}");
        }
    }
}

#[test]
fn copies_of_a_set_are_taken_once_and_other_files_of_one_name_are_refused() {
    let tree = Tree::new(&["d/HAM10000_images_part_1/ISIC_1.jpg", "d/copy/ISIC_1.jpg", "d/images/ISIC_2.jpg"]);
    tree.write(
        "d/HAM10000_metadata.csv",
        b"lesion_id,image_id,dx\nHAM_1,ISIC_1,mel\nHAM_2,ISIC_2,nv\nHAM_2,ISIC_2,nv\n",
    );
    let found = tree.import(ImportKind::Ham10000, "d", &PLAIN).unwrap();
    assert_eq!(found.labels(false), ["ISIC_1.jpg:1", "ISIC_2.jpg:0"]);
    assert!(found.has_notice("1 further files with names of images that were taken were passed over"));
    assert!(found.has_notice("1 images were left out: a table has a further row for them"));
    tree.write("d/copy/ISIC_1.jpg", b"smaller");
    let message = tree.again().refused(ImportKind::Ham10000, "d", &PLAIN);
    assert!(message.contains("could be meant") && message.contains("copy"), "{message}");
    tree.write("d/b/HAM10000_metadata.csv", b"");
    assert!(tree.refused(ImportKind::Ham10000, "d", &PLAIN).contains("b/HAM10000_metadata.csv"));
}

#[test]
fn when_nothing_is_left_the_reasons_are_said() {
    let tree =
        Tree::new(&["d/train/patient00001/study1/view1_lateral.jpg", "d/train/patient00002/study1/view1_frontal.jpg"]);
    let rows = "train/patient00001/study1/view1_lateral.jpg,1,\ntrain/patient00002/study1/view1_frontal.jpg,,\n";
    tree.write("d/train.csv", format!("Path,No Finding,Cardiomegaly\n{rows}").as_bytes());
    let message = tree.refused(ImportKind::Chexpert, "d", &PLAIN);
    for part in
        ["no image has a row", "1 images were left out: they are lateral", "1 images were left out: the source neither"]
    {
        assert!(message.contains(part), "{message}");
    }
    let options = ImportOptions { views: Some(ImportViews::All), ..PLAIN };
    assert!(tree.refused(ImportKind::Chexpert, "d", &options).contains("all 1 images are normal"));
}

#[test]
fn tables_whose_images_are_missing_are_refused() {
    let tree = Tree::new(&["d/other.png"]);
    tree.write("d/HAM10000_metadata.csv", b"lesion_id,image_id,dx\nHAM_1,ISIC_1,nv\n");
    let message = tree.refused(ImportKind::Ham10000, "d", &PLAIN);
    assert!(message.contains("images called ISIC_…") && message.contains("HAM10000_metadata.csv"), "{message}");
    tree.write("d/HAM10000_metadata.csv", b"image_id,dx\nISIC_1,nv\n");
    let message = tree.refused(ImportKind::Ham10000, "d", &PLAIN);
    assert!(message.contains("no column `lesion_id`; found image_id, dx"), "{message}");
}
