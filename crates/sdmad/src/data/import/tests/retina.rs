//! Eyes: keywords with commas of full width, Excel files, blank rows and columns, names that come twice.

use super::super::sheet::testing::xlsx;
use super::*;

const ODIR: [&[&str]; 5] = [
    &[
        "ID",
        "Patient Age",
        "Patient Sex",
        "Left-Fundus",
        "Right-Fundus",
        "Left-Diagnostic Keywords",
        "Right-Diagnostic Keywords",
        "N",
        "D",
        "G",
        "C",
        "A",
        "H",
        "M",
        "O",
    ],
    &[
        "0",
        "69",
        "Female",
        "0_left.jpg",
        "0_right.jpg",
        "cataract",
        "normal fundus",
        "0",
        "0",
        "0",
        "1",
        "0",
        "0",
        "0",
        "0",
    ],
    &[
        "1",
        "57",
        "Male",
        "1_left.jpg",
        "1_right.jpg",
        "moderate non proliferative retinopathy，hypertensive retinopathy",
        "lens dust，normal fundus",
        "0",
        "1",
        "0",
        "0",
        "0",
        "1",
        "0",
        "0",
    ],
    &[
        "2",
        "57",
        "Male",
        "2_left.jpg",
        "2_right.jpg",
        "suspected glaucoma,cataract",
        "epiretinal membrane",
        "0",
        "0",
        "1",
        "1",
        "0",
        "0",
        "0",
        "1",
    ],
    &[
        "3",
        "57",
        "Male",
        "3_left.jpg",
        "3_right.jpg",
        "low image quality",
        "lens dust",
        "0",
        "0",
        "0",
        "0",
        "0",
        "0",
        "0",
        "1",
    ],
];

fn images(folder: &str) -> Vec<String> {
    (0..4).flat_map(|id| ["left", "right"].map(|eye| format!("d/{folder}/{id}_{eye}.jpg"))).collect()
}

#[test]
fn odir_labels_each_eye_by_its_keywords() {
    let names = images("ODIR-5K_Training_Dataset");
    let tree = Tree::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    tree.write("d/ODIR-5K_Training_Annotations(Updated)_V2.xlsx", &xlsx(&ODIR));
    let found = tree.import(ImportKind::Odir, "d", &PLAIN).unwrap();
    assert_eq!(found.manifest.categories, ["diabetic_retinopathy", "cataract", "hypertension"]);
    let expected =
        ["0_left.jpg:0,1,0", "0_right.jpg:0,0,0", "1_left.jpg:1,0,1", "1_right.jpg:0,0,0", "2_left.jpg:0,1,0"];
    assert_eq!(found.labels(false), expected);
    assert_eq!(found.manifest.rows[3].patient.as_deref(), Some("1"));
    for notice in [
        "1 images were left out: their keywords say that the photograph shows no fundus",
        "1 images were left out: they show only findings",
        "1 images were left out: the source neither",
        "1 keywords count as another disease, such as `epiretinal membrane`",
        "no image shows glaucoma, amd, myopia: no column",
        "--signs fundus",
    ] {
        assert!(found.has_notice(notice), "{notice}: {:?}", found.summary.notices);
    }

    // The same from a CSV; a guess may count.
    std::fs::remove_file(tree.path("d/ODIR-5K_Training_Annotations(Updated)_V2.xlsx")).unwrap();
    let text: Vec<String> =
        ODIR.iter().map(|row| row.iter().map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(",")).collect();
    tree.write("d/annotations.csv", text.join("\r\n").as_bytes());
    let options = ImportOptions { uncertain: Some(Label::Present), labels: Some(ImportLabels::Source), ..PLAIN };
    let found = tree.again().import(ImportKind::Odir, "d", &options).unwrap();
    assert_eq!(found.manifest.categories, ["diabetic_retinopathy", "glaucoma", "cataract", "hypertension", "other"]);
    assert_eq!(found.labels(false)[4..], ["2_left.jpg:0,1,1,0,0", "2_right.jpg:0,0,0,0,1"]);
}

#[test]
fn odir_as_kaggle_gives_it_out_has_a_row_for_each_eye_and_images_twice() {
    let mut names = images("preprocessed_images");
    names.extend(images("ODIR-5K/ODIR-5K/Training Images"));
    let tree = Tree::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    tree.write("d/ODIR-5K/data.xlsx", &xlsx(&ODIR));
    let mut text = format!("{},filepath,labels,target,filename\n", ODIR[0].join(","));
    for (row, file) in [(1, "0_right.jpg"), (1, "0_left.jpg"), (2, "1_left.jpg")] {
        let row: Vec<String> = ODIR[row].iter().map(|cell| format!("\"{cell}\"")).collect();
        text.push_str(&format!("{},../{file},\"['N']\",\"[1, 0]\",{file}\n", row.join(",")));
    }
    tree.write("d/full_df.csv", text.as_bytes());
    let found = tree.import(ImportKind::Odir, "d", &PLAIN).unwrap();
    assert_eq!(found.labels(false), ["0_right.jpg:0,0,0", "0_left.jpg:0,1,0", "1_left.jpg:1,0,1"]);
    assert!(found.manifest.rows.iter().all(|row| row.image.contains("preprocessed_images")));
    assert!(found.has_notice("5 images were left out: nothing says what they show"));
}

#[test]
fn idrid_grades_with_blank_rows_and_names_that_come_twice() {
    let tree = Tree::new(&[
        "d/B. Disease Grading/1. Original Images/a. Training Set/IDRiD_001.jpg",
        "d/B. Disease Grading/1. Original Images/a. Training Set/IDRiD_002.jpg",
        "d/B. Disease Grading/1. Original Images/a. Training Set/IDRiD_003.jpg",
        "d/B. Disease Grading/1. Original Images/b. Testing Set/IDRiD_001.jpg",
        "d/C. Localization/1. Original Images/a. Training Set/IDRiD_001.jpg",
    ]);
    let truth = "d/B. Disease Grading/2. Groundtruths";
    tree.write(
        &format!("{truth}/a. IDRiD_Disease Grading_Training Labels.csv"),
        "\u{feff}Image name,Retinopathy grade,Risk of macular edema ,,,,\r\nIDRiD_001,3,2,,,,\r\nIDRiD_002 ,0,0,,,,\r\n,,,,,,\r\nIDRiD_003,0,1,,,,\r\n".as_bytes(),
    );
    tree.write(
        &format!("{truth}/b. IDRiD_Disease Grading_Testing Labels.csv"),
        b"Image name,Retinopathy grade,Risk of macular edema \nIDRiD_001,1,0\n",
    );
    let found = tree.import(ImportKind::Idrid, "d", &PLAIN).unwrap();
    assert_eq!(found.manifest.categories, ["diabetic_retinopathy"]);
    assert_eq!(found.labels(true), ["IDRiD_001.jpg:train,,1", "IDRiD_002.jpg:train,,0", "IDRiD_001.jpg:test,,1"]);
    assert!(found.manifest.rows[0].image.contains("B. Disease Grading"));
    assert!(found.has_notice("1 images were left out: they show only findings"));
    let options = ImportOptions { labels: Some(ImportLabels::Source), ..PLAIN };
    let found = tree.again().import(ImportKind::Idrid, "d", &options).unwrap();
    assert_eq!(found.manifest.categories, ["retinopathy_grade_1", "retinopathy_grade_3", "macular_edema"]);
    let labels = ["IDRiD_001.jpg:0,1,1", "IDRiD_002.jpg:0,0,0", "IDRiD_003.jpg:0,0,1", "IDRiD_001.jpg:1,0,0"];
    assert_eq!(found.labels(false), labels);
}

#[test]
fn idrid_masks_by_lesion() {
    let images = "d/A. Segmentation/1. Original Images";
    let truth = "d/A. Segmentation/2. All Segmentation Groundtruths";
    let names = [
        format!("{images}/a. Training Set/IDRiD_01.jpg"),
        format!("{images}/b. Testing Set/IDRiD_55.jpg"),
        format!("{truth}/a. Training Set/1. Microaneurysms/IDRiD_01_MA.tif"),
        format!("{truth}/a. Training Set/3. Hard Exudates/IDRiD_01_EX.tif"),
        format!("{truth}/a. Training Set/5. Optic Disc/IDRiD_01_OD.tif"),
        format!("{truth}/b. Testing Set/1. Microaneurysms/IDRiD_55_MA.tif"),
        "d/B. Disease Grading/1. Original Images/a. Training Set/IDRiD_001.jpg".to_string(),
    ];
    let tree = Tree::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let part = ImportOptions { part: Some(ImportPart::Segmentation), ..PLAIN };
    let found = tree.import(ImportKind::Idrid, "d", &part).unwrap();
    assert_eq!(found.labels(true), ["IDRiD_01.jpg:train,,1", "IDRiD_55.jpg:test,,1"]);
    assert_eq!(found.manifest.rows[0].masks.of_category("diabetic_retinopathy").len(), 2);
    assert!(found.has_notice("1 masks of the optic disc") && found.has_notice("no normal images"));

    let options = ImportOptions { labels: Some(ImportLabels::Source), ..part };
    let found = tree.again().import(ImportKind::Idrid, "d", &options).unwrap();
    assert_eq!(found.manifest.categories, ["microaneurysms", "hard_exudates"]);
    assert_eq!(found.labels(false), ["IDRiD_01.jpg:1,1", "IDRiD_55.jpg:1,0"]);
    assert!(found.manifest.rows[0].masks.of_category("hard_exudates")[0].ends_with("IDRiD_01_EX.tif"));
}
