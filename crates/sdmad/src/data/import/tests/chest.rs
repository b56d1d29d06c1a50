//! Chest X-ray: commas in headers, ragged boxes, uncertain and blank labels, labels by study, three readers, DICOM.

use std::io::Write;

use super::*;

const NIH_HEADER: &str = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]";

fn gz(text: &str) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap()
}

/// The categories that images have; others have no column.
fn ids(found: &super::super::testing::Imported) -> String {
    found.manifest.categories.join(",")
}

#[test]
fn chestxray14_with_commas_in_its_header_and_the_official_lists() {
    let tree = Tree::new(&[
        "d/images_001/images/1_0.png",
        "d/images_002/images/2_0.png",
        "d/images/2_1.png",
        "d/images/3_0.png",
        "d/images/4_0.png",
    ]);
    // The first release ends its lines with a comma.
    let rows = "1_0.png,Cardiomegaly|Pleural_Thickening,0,1,58,M,PA,2894,2729,0.1,0.1\n2_0.png,No Finding,0,2,058Y,M,AP,1,1,0.1,0.1,\n\n2_1.png,Cardiomegaly,1,2,58,M,PA,1,1,0.1,0.1\n9_9.png,Mass,1,9,58,M,PA,1,1,0.1,0.1\n3_0.png,Pleural_Thickening,1,3,5,F,PA,1,1,0.1,0.1\n";
    tree.write(
        "d/Data_Entry_2017_v2020.csv",
        format!("\u{feff}{NIH_HEADER}\r\n{}", rows.replace('\n', "\r\n")).as_bytes(),
    );
    tree.write("d/BBox_List_2017.csv", b"Image Index,Finding Label,Bbox [x,y,w,h],,,\n1_0.png,Infiltrate,1,2,3,4\n");
    let found = tree.import(ImportKind::ChestXray14, "d", &PLAIN).unwrap();
    assert_eq!(ids(&found), "cardiomegaly,pleural_thickening");
    assert!(found.has_notice("no `train_val_list.txt`") && found.has_notice("boxes of BBox_List were left out"));
    assert!(found.has_notice("1 images were left out: a table names them, but there is no such file"));
    assert!(found.has_notice("1 images were left out: nothing says what they show"));
    assert!(found.has_notice("no image shows atelectasis,") && found.has_notice("--signs chest-xray"));

    tree.write("d/train_val_list.txt", b"1_0.png\r\n2_0.png\r\n2_1.png\r\n");
    tree.write("d/test_list.txt", b"9_9.png");
    let found = tree.again().import(ImportKind::ChestXray14, "d", &PLAIN).unwrap();
    assert_eq!(found.labels(true), ["1_0.png:train,1,1,1", "2_0.png:train,2,0,0", "2_1.png:train,2,1,0"]);
    assert!(found.has_notice("1 images were left out: they are in neither list"));

    let fractions = ImportOptions { fractions: Some([0.5, 0.0, 0.5]), ..PLAIN };
    assert!(tree.again().refused(ImportKind::ChestXray14, "d", &fractions).contains("splits of its own"));
    tree.write("d/Data_Entry_2017_v2020.csv", format!("{NIH_HEADER}\n1_0.png,Cough,0,1\n").as_bytes());
    let error = tree.refused(ImportKind::ChestXray14, "d", &PLAIN);
    assert!(
        error.contains("line 2, column `Finding Labels`: `Cough`; expected one of No Finding, Atelectasis"),
        "{error}"
    );
}

#[test]
fn boxes_become_masks_when_wanted() {
    let tree = Tree::new(&[]);
    let png = |name: &str, side: usize| {
        let path = tree.write(name, b"");
        let image = sdmad_imaging::GreyImage::new(side, side, vec![7; side * side]).unwrap();
        sdmad_imaging::write_png_grey(&path, &image).unwrap();
    };
    png("d/images/1_0.png", 8);
    png("d/images/2_0.png", 8);
    tree.write(
        "d/Data_Entry_2017.csv",
        format!("{NIH_HEADER}\n1_0.png,Infiltration|Mass,0,1\n2_0.png,No Finding,0,2\n").as_bytes(),
    );
    // Header and rows differ in length. The last box is of a finding that the image does not have.
    let rows = "1_0.png,Infiltrate,128,0,256,1024,,,\n1_0.png,Infiltrate,0,0,1,1\n2_0.png,Mass,1,1,1,1\n";
    tree.write("d/BBox_List_2017.csv", format!("Image Index,Finding Label,Bbox [x,y,w,h],,,\n{rows}").as_bytes());
    let masks = ImportOptions { boxes: Some(ImportBoxes::Masks), ..PLAIN };
    let found = tree.import(ImportKind::ChestXray14, "d", &masks).unwrap();
    assert_eq!(found.row("d/images/1_0.png").masks.cell(), "infiltration=manifest_masks/000000.png");
    assert!(found.row("d/images/2_0.png").masks.is_none());
    let mask = sdmad_imaging::read_mask(&tree.path("manifest_masks/000000.png")).unwrap();
    assert_eq!(
        (mask.width(), &mask.data()[..16]),
        (8, &[255, 255, 255, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0][..])
    );

    std::fs::remove_dir_all(tree.path("manifest_masks")).unwrap();
    tree.again().write("d/BBox_List_2017.csv", b"Image Index,Finding Label,Bbox [x,y,w,h],,,\n1_0.png,Mass,1,1,-1,1\n");
    assert!(tree.refused(ImportKind::ChestXray14, "d", &masks).contains("`-1`; expected a number of pixels"));
    tree.write("d/images/1_0.png", b"no image");
    tree.write("d/BBox_List_2017.csv", b"Image Index,Finding Label,Bbox [x,y,w,h],,,\n1_0.png,Mass,1,1,1,1\n");
    assert!(tree.refused(ImportKind::ChestXray14, "d", &masks).contains("its size cannot be read"));

    let tree = Tree::new(&["r/b.dcm"]);
    let path = tree.write("r/a.png", b"");
    sdmad_imaging::write_png_grey(&path, &sdmad_imaging::GreyImage::new(4, 4, vec![7; 16]).unwrap()).unwrap();
    tree.write(
        "r/stage_2_train_labels.csv",
        b"patientId,x,y,width,height,Target\na,0,0,300,300,1\na,512,512,512,512,1\nb,1,1,1,1,1\n",
    );
    let found = tree.import(ImportKind::Rsna, "r", &masks).unwrap();
    assert_eq!(found.row("r/a.png").masks.cell(), "pneumonia=manifest_masks/000000.png");
    assert!(found.row("r/b.dcm").masks.is_none());
    let mask = sdmad_imaging::read_mask(&tree.path("manifest_masks/000000.png")).unwrap();
    assert_eq!(mask.data(), [255, 255, 0, 0, 255, 255, 0, 0, 0, 0, 255, 255, 0, 0, 255, 255]);
}

const CHEXPERT: &str = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices
CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg,F,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0
CheXpert-v1.0-small/train/patient00002/study1/view1_frontal.jpg,F,68,Frontal,AP,,,1.0,,,-1.0,,,,,0.0,,,
CheXpert-v1.0-small/train/patient00002/study1/view2_lateral.jpg,F,68,Lateral,,,,1.0,,,-1.0,,,,,0.0,,,
CheXpert-v1.0-small/train/patient00003/study1/view1_frontal.jpg,F,68,Frontal,PA,,,,,,,,,,,,,1.0,
CheXpert-v1.0-small/train/patient00004/study1/view1_frontal.jpg,F,68,Frontal,PA,,,,1.0,,1.0,,,,,1.0,,,
";

#[test]
fn chexpert_policies_for_uncertain_and_blank_labels() {
    let files = [1, 2, 3, 4].map(|p| format!("d/CheXpert-v1.0-small/train/patient0000{p}/study1/view1_frontal.jpg"));
    let mut files: Vec<&str> = files.iter().map(String::as_str).collect();
    files.push("d/CheXpert-v1.0-small/train/patient00002/study1/view2_lateral.jpg");
    files.push("d/CheXpert-v1.0-small/valid/patient64541/study1/view1_frontal.jpg");
    let tree = Tree::new(&files);
    tree.write("d/CheXpert-v1.0-small/train.csv", CHEXPERT.as_bytes());
    let header = CHEXPERT.lines().next().unwrap();
    tree.write("d/CheXpert-v1.0-small/valid.csv", format!("{header}\nCheXpert-v1.0/valid/patient64541/study1/view1_frontal.jpg,M,1,Frontal,AP,0.0,0,1,0,0,0,0,0,0,0,0,0,0,0\n").as_bytes());

    let found = tree.import(ImportKind::Chexpert, "d", &PLAIN).unwrap();
    assert_eq!(ids(&found), "cardiomegaly,edema,effusion");
    assert_eq!(
        found.labels(true),
        [
            "view1_frontal.jpg:train,patient00001,0,0,0",
            "view1_frontal.jpg:train,patient00002,1,,0",
            "view1_frontal.jpg:train,patient00004,,1,1",
            "view1_frontal.jpg:valid,patient64541,1,0,0",
        ]
    );
    assert!(found.has_notice("1 images were left out: they are lateral views"));
    assert!(found.has_notice("1 images were left out: they show only findings that have no category"));
    assert!(found.has_notice("uncertain labels (-1) became unknown, blank ones unknown"));

    let options = ImportOptions {
        uncertain: Some(Label::Present),
        blank: Some(Label::Absent),
        views: Some(ImportViews::All),
        labels: Some(ImportLabels::Source),
        ..PLAIN
    };
    let found = tree.again().import(ImportKind::Chexpert, "d/CheXpert-v1.0-small", &options).unwrap();
    assert_eq!(ids(&found), "cardiomegaly,lung_opacity,edema,pleural_effusion,fracture");
    let expected = ["0,0,0,0,0", "1,0,1,0,0", "1,0,1,0,0", "0,0,0,0,1", "0,1,1,1,0", "1,0,0,0,0"];
    let labels: Vec<String> = found.labels(false).iter().map(|l| l.split_once(':').unwrap().1.to_string()).collect();
    assert_eq!(labels, expected);

    tree.write("d/CheXpert-v1.0-small/train.csv", CHEXPERT.replace("-1.0", "maybe").as_bytes());
    let error = tree.again().refused(ImportKind::Chexpert, "d", &PLAIN);
    assert!(error.contains("line 3, column `Edema`: `maybe`; expected 1, 0, -1"), "{error}");
}

#[test]
fn mimic_labels_of_a_study_go_to_its_images() {
    let base = "d/files/p10/p10000032/s5";
    let names = ["a1", "a2", "b1", "c1", "e1"].map(|n| format!("{base}/{n}.jpg"));
    let tree = Tree::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let findings = "Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,Lung Opacity,No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices";
    tree.write(
        "d/mimic-cxr-2.0.0-chexpert.csv.gz",
        &gz(&format!(
            "subject_id,study_id,{findings}\n10,5,1.0,,,-1.0,,,,,,,,,,\n11,6,,,,,,,,,1.0,,,,,\n12,7,,1,,,,,,,,,,,,\n"
        )),
    );
    tree.write("d/mimic-cxr-2.0.0-split.csv.gz", &gz("dicom_id,study_id,subject_id,split\na1,5,10,train\na2,5,10,train\nb1,6,11,validate\nc1,7,12,test\ne1,8,13,test\n"));
    tree.write("d/mimic-cxr-2.0.0-metadata.csv.gz", &gz("dicom_id,subject_id,study_id,ViewPosition\na1,10,5,PA\na2,10,5,LATERAL\nb1,11,6,AP\nc1,12,7,\ne1,13,8,PA\n"));
    let found = tree.import(ImportKind::MimicCxrJpg, "d", &PLAIN).unwrap();
    assert_eq!(ids(&found), "cardiomegaly,atelectasis");
    assert_eq!(found.labels(true), ["a1.jpg:train,10,,1", "b1.jpg:valid,11,0,0", "c1.jpg:test,12,1,"]);
    assert!(
        found.has_notice("1 images were left out: they are lateral")
            && found.has_notice("1 images were left out: their study has no labels")
    );

    // Labels by hand win, and call an opacity otherwise.
    tree.write(
        "d/mimic-cxr-2.1.0-test-set-labeled.csv",
        format!("study_id,{}\n7,1,0,0,0,0,0,0,1,0,0,0,0,0,0\n", findings.replace("Lung Opacity", "Airspace Opacity"))
            .as_bytes(),
    );
    let found = tree.again().import(ImportKind::MimicCxrJpg, "d", &PLAIN).unwrap();
    assert_eq!(found.labels(false), ["a1.jpg:1", "b1.jpg:0", "c1.jpg:1"]);
    assert!(found.has_notice("1 studies have the labels of"));
    std::fs::remove_file(tree.path("d/mimic-cxr-2.0.0-chexpert.csv.gz")).unwrap();
    assert!(
        tree.again()
            .refused(ImportKind::MimicCxrJpg, "d", &PLAIN)
            .contains("looked for `mimic-cxr-….-chexpert.csv.gz`")
    );
}

#[test]
fn vindr_readers_vote_and_dicom_gives_way_to_conversions() {
    let header = "image_id,rad_id,Cardiomegaly,Pleural effusion,Nodule/Mass,Other diseases,No finding";
    let train = format!(
        "{header}\na,R1,1,0,0,0,0\na,R2,1,1,0,0,0\na,R3,0,0,0,0,1\nb,R1,0,0,0,0,1\nb,R2,0,0,0,0,1\nb,R3,0,0,0,0,1\nc,R1,0,0,1,0,0\nc,R2,0,0,1,0,0\nc,R3,0,0,1,0,0\ne,R1,0,0,1,0,0\ne,R2,0,0,0,0,1\ne,R3,0,1,0,0,0\n"
    );
    let tree = Tree::new(&[
        "d/train/a.dicom",
        "d/train/b.dicom",
        "d/train/c.dicom",
        "d/png/b.png",
        "d/train/e.dicom",
        "d/test/t.dicom",
    ]);
    tree.write("d/annotations/image_labels_train.csv", train.as_bytes());
    tree.write(
        "d/annotations/image_labels_test.csv",
        b"image_id,Cardiomegaly,Pleural effusion,Nodule/Mass,Other disease,No finding\nt,0,1,0,1,0\n",
    );
    let found = tree.import(ImportKind::Vindr, "d", &PLAIN).unwrap();
    assert_eq!(ids(&found), "cardiomegaly,effusion");
    assert_eq!(found.labels(true), ["a.dicom:train,,1,0", "b.png:train,,0,0", "t.dicom:test,,0,1"]);
    assert!(found.has_notice("2 images are DICOM files, which cannot be read yet") && found.has_notice("MONOCHROME1"));
    assert!(found.has_notice("4 images have several readers, who differ on 2; more than half"));
    assert!(found.has_notice("1 images were left out: the source neither calls them normal"));

    let options =
        ImportOptions { readers: Some(ImportReaders::Unanimous), labels: Some(ImportLabels::Source), ..PLAIN };
    let found = tree.again().import(ImportKind::Vindr, "d", &options).unwrap();
    assert_eq!(ids(&found), "nodule_or_mass,pleural_effusion,other_disease");
    assert_eq!(found.labels(false), ["a.dicom:0,,0", "b.png:0,0,0", "c.dicom:1,0,0", "e.dicom:,,0", "t.dicom:0,1,1"]);
}

#[test]
fn vindr_as_kaggle_gives_it_out() {
    let tree = Tree::new(&["d/train/a.dicom", "d/train/b.png", "d/train/c.png", "d/test/z.dicom"]);
    let rows = "a,Cardiomegaly,3,R1,1,2,3,4\na,Cardiomegaly,3,R1,5,6,7,8\na,Cardiomegaly,3,R2,1,2,3,4\na,No finding,14,R3,,,,\nb,No finding,14,R1,,,,\nb,No finding,14,R2,,,,\nb,No finding,14,R3,,,,\nc,Other lesion,7,R1,1,1,1,1\nc,Other lesion,7,R2,1,1,1,1\nc,Other lesion,7,R3,1,1,1,1\n";
    tree.write(
        "d/train.csv",
        format!("image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n{rows}").as_bytes(),
    );
    let found = tree.import(ImportKind::Vindr, "d", &PLAIN).unwrap();
    assert_eq!(ids(&found), "cardiomegaly");
    assert_eq!(found.labels(false), ["a.dicom:1", "b.png:0"]);
    assert!(
        found.has_notice("boxes were left out") && found.has_notice("1 images were left out: they show only findings")
    );
}

#[test]
fn rsna_has_a_row_for_each_box() {
    let tree = Tree::new(&[
        "d/stage_2_train_images/a.dcm",
        "d/stage_2_train_images/b.dcm",
        "d/x/c.png",
        "d/stage_2_test_images/t.dcm",
    ]);
    tree.write(
        "d/stage_2_train_labels.csv",
        b"patientId,x,y,width,height,Target\na,1,2,3,4,1\na,5,6,7,8,1\nb,,,,,0\nc,,,,,0\n",
    );
    let found = tree.import(ImportKind::Rsna, "d", &PLAIN).unwrap();
    assert_eq!(found.labels(false), ["a.dcm:1", "b.dcm:0", "c.png:0"]);
    assert!(found.has_notice("count as normal, though more than half"));
    tree.write(
        "d/stage_2_detailed_class_info.csv",
        b"patientId,class\na,Lung Opacity\na,Lung Opacity\nb,No Lung Opacity / Not Normal\nc,Normal\n",
    );
    let found = tree.again().import(ImportKind::Rsna, "d", &PLAIN).unwrap();
    assert_eq!(
        (ids(&found).as_str(), found.labels(false)),
        ("pneumonia", vec!["a.dcm:1".to_string(), "c.png:0".into()])
    );
    assert!(found.has_notice("1 images were left out: they show only findings that have no category"));
    assert!(found.has_notice("1 images were left out: nothing says what they show"));
    let options = ImportOptions { labels: Some(ImportLabels::Source), ..PLAIN };
    let found = tree.again().import(ImportKind::Rsna, "d", &options).unwrap();
    assert_eq!(found.labels(false), ["a.dcm:1,0", "b.dcm:0,1", "c.png:0,0"]);
}
