//! What the labels of the MedMNIST files mean (`medmnist/info.py`, version 2.1.0 of the package of that name).

/// One file of MedMNIST.
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) labels: Labels,
    /// What a user of the figures should know.
    pub(super) notice: Option<&'static str>,
}

/// What the label columns hold.
#[derive(Clone, Copy)]
pub(super) enum Labels {
    /// One class number for each image; `normal` is one of the ids.
    Classes(&'static [&'static str]),
    /// One 0 or 1 for each id; all 0 is normal.
    Findings(&'static [&'static str]),
    /// One class number, and no class that could stand for normal; ids to begin from.
    NoNormal(&'static [&'static str]),
}

const ORGANS: Labels = Labels::NoNormal(&[
    "bladder",
    "femur_left",
    "femur_right",
    "heart",
    "kidney_left",
    "kidney_right",
    "liver",
    "lung_left",
    "lung_right",
    "pancreas",
    "spleen",
]);

pub(super) const FLAGS: [Flag; 12] = [
    Flag {
        name: "chestmnist",
        labels: Labels::Findings(&[
            "atelectasis",
            "cardiomegaly",
            "effusion",
            "infiltration",
            "mass",
            "nodule",
            "pneumonia",
            "pneumothorax",
            "consolidation",
            "edema",
            "emphysema",
            "fibrosis",
            "pleural_thickening",
            "hernia",
        ]),
        notice: Some(
            "the publisher split by patient, but the file does not name the patients; its class `pleural` became `pleural_thickening`",
        ),
    },
    Flag { name: "octmnist", labels: Labels::Classes(&["cnv", "dme", "drusen", "normal"]), notice: None },
    Flag { name: "pneumoniamnist", labels: Labels::Classes(&["normal", "pneumonia"]), notice: None },
    Flag {
        name: "breastmnist",
        labels: Labels::Classes(&["malignant", "normal"]),
        notice: Some("label 0 is malignant; label 1, normal or benign together, was taken as normal"),
    },
    Flag {
        name: "retinamnist",
        labels: Labels::Classes(&[
            "normal",
            "retinopathy_grade_1",
            "retinopathy_grade_2",
            "retinopathy_grade_3",
            "retinopathy_grade_4",
        ]),
        notice: Some(
            "grades of diabetic retinopathy are categories of their own; for one category give --categories normal and then its id four times",
        ),
    },
    Flag {
        name: "dermamnist",
        labels: Labels::NoNormal(&[
            "actinic_keratosis",
            "basal_cell_carcinoma",
            "benign_keratosis",
            "dermatofibroma",
            "melanoma",
            "melanocytic_nevus",
            "vascular_lesion",
        ]),
        notice: Some("the publisher split by image: images of one lesion can be in several splits"),
    },
    Flag {
        name: "bloodmnist",
        labels: Labels::NoNormal(&[
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature_granulocyte",
            "lymphocyte",
            "monocyte",
            "neutrophil",
            "platelet",
        ]),
        notice: None,
    },
    Flag {
        name: "pathmnist",
        labels: Labels::NoNormal(&[
            "adipose",
            "background",
            "debris",
            "lymphocytes",
            "mucus",
            "smooth_muscle",
            "normal_colon_mucosa",
            "cancer_associated_stroma",
            "colorectal_adenocarcinoma_epithelium",
        ]),
        notice: None,
    },
    Flag {
        name: "tissuemnist",
        labels: Labels::NoNormal(&[
            "collecting_duct_connecting_tubule",
            "distal_convoluted_tubule",
            "glomerular_endothelial_cells",
            "interstitial_endothelial_cells",
            "leukocytes",
            "podocytes",
            "proximal_tubule_segments",
            "thick_ascending_limb",
        ]),
        notice: None,
    },
    Flag { name: "organamnist", labels: ORGANS, notice: None },
    Flag { name: "organcmnist", labels: ORGANS, notice: None },
    Flag { name: "organsmnist", labels: ORGANS, notice: None },
];

/// The flag of a file: `octmnist_224.npz` is `octmnist`.
pub(super) fn flag_of(stem: &str) -> Option<&'static Flag> {
    let stem = stem.to_ascii_lowercase();
    let base = ["_64", "_128", "_224"].iter().find_map(|size| stem.strip_suffix(size)).unwrap_or(&stem);
    FLAGS.iter().find(|flag| flag.name == base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_can_be_a_header_and_names_its_flag() {
        for flag in &FLAGS {
            let (ids, normals) = match flag.labels {
                Labels::Classes(ids) => (ids, 1),
                Labels::Findings(ids) | Labels::NoNormal(ids) => (ids, 0),
            };
            assert_eq!(ids.iter().filter(|id| **id == "normal").count(), normals, "{}", flag.name);
            for (number, id) in ids.iter().enumerate() {
                assert!(*id == "normal" || super::super::draft::check_id(id).is_ok(), "{id}");
                assert!(!ids[..number].contains(id), "{id} twice");
            }
            assert!(flag_of(&format!("{}_128", flag.name.to_uppercase())).is_some_and(|f| f.name == flag.name));
        }
        assert!(flag_of("octmnist_12").is_none());
    }
}
