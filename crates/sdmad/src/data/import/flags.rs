//! What the labels of the MedMNIST files mean (`medmnist/info.py`, version 2.1.0 of the package of that name).

use super::ImportLabels;

/// One file of MedMNIST.
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) labels: Labels,
    /// The shipped bank that fits, and what the labels are called there if not as above.
    pub(super) bank: Option<(&'static str, Option<Labels>)>,
    /// What a user of the figures should know.
    pub(super) notice: Option<&'static str>,
}

impl Flag {
    /// What the label columns hold, by the names that are asked for.
    pub(super) fn labels(&self, names: ImportLabels) -> Labels {
        match (names, self.bank) {
            (ImportLabels::Bank, Some((_, Some(labels)))) => labels,
            _ => self.labels,
        }
    }
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
        bank: Some(("chest-xray", None)),
        notice: Some(
            "the publisher split by patient, but the file does not name the patients; its class `pleural` became `pleural_thickening`",
        ),
    },
    Flag {
        name: "octmnist",
        labels: Labels::Classes(&["cnv", "dme", "drusen", "normal"]),
        bank: Some(("retinal-oct", None)),
        notice: None,
    },
    Flag {
        name: "pneumoniamnist",
        labels: Labels::Classes(&["normal", "pneumonia"]),
        bank: Some(("chest-xray", None)),
        notice: None,
    },
    Flag {
        name: "breastmnist",
        labels: Labels::Classes(&["malignant", "normal"]),
        bank: Some(("breast-ultrasound", None)),
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
        bank: Some((
            "fundus",
            Some(Labels::Classes(&[
                "normal",
                "diabetic_retinopathy",
                "diabetic_retinopathy",
                "diabetic_retinopathy",
                "diabetic_retinopathy",
            ])),
        )),
        notice: Some(
            "grades 1 to 4 of diabetic retinopathy are one category in the bank, and four with --labels source",
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
        bank: Some((
            "dermoscopy",
            Some(Labels::Classes(&[
                "actinic_keratosis",
                "basal_cell_carcinoma",
                "benign_keratosis",
                "dermatofibroma",
                "melanoma",
                "normal",
                "vascular_lesion",
            ])),
        )),
        notice: Some(
            "nevi count as normal in the bank; with --labels source say which class does. The publisher split by image: images of one lesion can be in several splits",
        ),
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
        bank: None,
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
        bank: None,
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
        bank: None,
        notice: None,
    },
    Flag { name: "organamnist", labels: ORGANS, bank: None, notice: None },
    Flag { name: "organcmnist", labels: ORGANS, bank: None, notice: None },
    Flag { name: "organsmnist", labels: ORGANS, bank: None, notice: None },
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
            if let Some((bank, labels)) = flag.bank {
                let bank = crate::shipped_text(bank).expect(bank);
                let (Labels::Classes(ids) | Labels::Findings(ids) | Labels::NoNormal(ids)) =
                    labels.unwrap_or(flag.labels);
                for id in ids {
                    assert!(bank.contains(&format!("id = \"{id}\"")), "{}: {id}", flag.name);
                }
            }
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
