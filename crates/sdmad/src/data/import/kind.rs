use sdmad_base::{Error, Result};
use serde::Serialize;

use super::ImportOptions;

/// How a data set is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImportKind {
    /// `ROOT/<category>/…`, with or without `train`, `valid` and `test` above.
    Folders,
    /// One set of BMAD, in any of its four layouts.
    Bmad,
    /// One class of MVTec AD, or a set in its layout.
    Mvtec,
    /// A `.npz` file of MedMNIST.
    Medmnist,
    /// One set of MedIAnomaly.
    Medianomaly,
    /// ChestX-ray14 of the NIH.
    ChestXray14,
    /// CheXpert.
    Chexpert,
    /// MIMIC-CXR-JPG.
    MimicCxrJpg,
    /// VinDr-CXR, as PhysioNet or Kaggle gives it out.
    Vindr,
    /// The RSNA Pneumonia Detection Challenge.
    Rsna,
    /// OCT2017 (Kermany).
    Oct2017,
    /// ODIR-5K.
    Odir,
    /// IDRiD: grading, or the lesions' masks.
    Idrid,
    /// ISIC 2018, task 3.
    Isic2018,
    /// HAM10000.
    Ham10000,
    /// The labelled images of HyperKvasir.
    Hyperkvasir,
    /// BUSI.
    Busi,
}

/// What is said about a kind, and which of the further options it takes.
struct Facts {
    kind: ImportKind,
    name: &'static str,
    /// The shipped bank whose categories the manifest has unless told otherwise.
    bank: Option<&'static str>,
    takes: &'static [&'static str],
}

const fn facts(
    kind: ImportKind,
    name: &'static str,
    bank: Option<&'static str>,
    takes: &'static [&'static str],
) -> Facts {
    Facts { kind, name, bank, takes }
}

const FACTS: [Facts; 17] = [
    facts(ImportKind::Folders, "folders", None, &[]),
    facts(ImportKind::Bmad, "bmad", None, &[]),
    facts(ImportKind::Mvtec, "mvtec", None, &[]),
    facts(ImportKind::Medmnist, "medmnist", None, &["labels"]),
    facts(ImportKind::Medianomaly, "medianomaly", None, &[]),
    facts(ImportKind::ChestXray14, "chestxray14", Some("chest-xray"), &["boxes"]),
    facts(ImportKind::Chexpert, "chexpert", Some("chest-xray"), &["labels", "uncertain", "blank", "views"]),
    facts(ImportKind::MimicCxrJpg, "mimic-cxr-jpg", Some("chest-xray"), &["labels", "uncertain", "blank", "views"]),
    facts(ImportKind::Vindr, "vindr", Some("chest-xray"), &["labels", "readers"]),
    facts(ImportKind::Rsna, "rsna", Some("chest-xray"), &["labels", "boxes"]),
    facts(ImportKind::Oct2017, "oct2017", Some("retinal-oct"), &[]),
    facts(ImportKind::Odir, "odir", Some("fundus"), &["labels", "uncertain"]),
    facts(ImportKind::Idrid, "idrid", Some("fundus"), &["labels", "part"]),
    facts(ImportKind::Isic2018, "isic2018", Some("dermoscopy"), &["labels"]),
    facts(ImportKind::Ham10000, "ham10000", Some("dermoscopy"), &["labels"]),
    facts(ImportKind::Hyperkvasir, "hyperkvasir", Some("gi-endoscopy"), &["labels"]),
    facts(ImportKind::Busi, "busi", Some("breast-ultrasound"), &[]),
];

impl ImportKind {
    /// All kinds.
    pub const ALL: [ImportKind; 17] = {
        let mut all = [ImportKind::Folders; 17];
        let mut number = 0;
        while number < FACTS.len() {
            all[number] = FACTS[number].kind;
            number += 1;
        }
        all
    };

    fn facts(self) -> &'static Facts {
        // A test goes through all kinds, so the first entry never stands in for another.
        FACTS.iter().find(|facts| facts.kind == self).unwrap_or(&FACTS[0])
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The shipped bank whose category ids the manifest has, where one fits.
    pub fn bank(self) -> Option<&'static str> {
        self.facts().bank
    }

    /// The kind of a name.
    ///
    /// # Errors
    /// [`Kind::BadInput`](sdmad_base::Kind::BadInput) for another name; lists the kinds.
    pub fn named(name: &str) -> Result<Self> {
        ImportKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let known = ImportKind::ALL.map(ImportKind::name).join(", ");
            Error::bad_input(format!("`{name}` is no layout; expected one of {known}"))
                .with_hint("sort the images into one folder for each category, and import `folders`")
        })
    }

    /// Refuses an option that says nothing about sets of this kind.
    pub(super) fn check(self, options: &ImportOptions) -> Result<()> {
        let given = [
            ("labels", options.labels.is_some()),
            ("uncertain", options.uncertain.is_some()),
            ("blank", options.blank.is_some()),
            ("views", options.views.is_some()),
            ("readers", options.readers.is_some()),
            ("part", options.part.is_some()),
            ("boxes", options.boxes.is_some()),
        ];
        let takes = self.facts().takes;
        for (name, given) in given {
            if given && !takes.contains(&name) {
                let of: Vec<&str> = FACTS.iter().filter(|f| f.takes.contains(&name)).map(|f| f.name).collect();
                return Err(Error::bad_input(format!(
                    "--{name} says nothing about `{}`; expected it for {} only",
                    self.name(),
                    of.join(", ")
                ))
                .with_hint(format!("leave --{name} out")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_name_and_only_shipped_banks() {
        for (number, kind) in ImportKind::ALL.into_iter().enumerate() {
            assert_eq!(ImportKind::named(kind.name()).unwrap(), kind);
            assert!(!ImportKind::ALL[..number].contains(&kind), "{kind:?} twice");
            if let Some(bank) = kind.bank() {
                assert!(crate::shipped_text(bank).is_some(), "{bank}");
            }
        }
        let error = ImportKind::named("dicom-dir").unwrap_err().to_string();
        assert!(
            error.starts_with("`dicom-dir` is no layout; expected one of folders, bmad, mvtec, medmnist"),
            "{error}"
        );
    }
}
