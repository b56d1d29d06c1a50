use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sdmad::{ImportBoxes, ImportLabels, ImportOptions, ImportPart, ImportReaders, ImportViews, Label};
use sdmad_base::Result;

/// What stands under the options of `data import --help`.
const KINDS: &str = "\
Kinds:
  folders        <category>/*, or train, valid and test above such folders
  bmad           one set of BMAD, in any of its four layouts
  mvtec          train/good, test/<defect>, ground_truth/<defect>
  medmnist       one .npz file
  medianomaly    one set of MedIAnomaly
  chestxray14    Data_Entry_2017….csv and its images               bank chest-xray
  chexpert       train.csv, valid.csv, test labels                 bank chest-xray
  mimic-cxr-jpg  mimic-cxr-….csv.gz and files/                     bank chest-xray
  vindr          PhysioNet's or Kaggle's tables of VinDr-CXR       bank chest-xray
  rsna           stage_2_….csv of the pneumonia challenge          bank chest-xray
  oct2017        {train,test}/{CNV,DME,DRUSEN,NORMAL}              bank retinal-oct
  odir           ODIR-5K: .xlsx, a CSV of it, or full_df.csv       bank fundus
  idrid          grading, or lesion masks with --part              bank fundus
  isic2018       ISIC2018_Task3_*_GroundTruth.csv                  bank dermoscopy
  ham10000       HAM10000_metadata.csv                             bank dermoscopy
  hyperkvasir    labeled-images/**/<class>/*                       bank gi-endoscopy
  busi           {benign,malignant,normal}/* with masks            bank breast-ultrasound

ROOT is the set's folder or one above it; a wrong tree is refused with what was looked for and found. What was left out
is counted and said. docs/data.md has each tree, what becomes of its labels, and its traps.";

#[derive(Debug, Args)]
#[command(after_help = KINDS)]
pub(crate) struct ImportArgs {
    /// The layout; see below.
    pub(crate) kind: String,
    /// The data set's folder, or for medmnist its .npz file.
    pub(crate) root: PathBuf,
    /// The manifest to write.
    #[arg(long, value_name = "CSV")]
    pub(crate) out: PathBuf,
    /// Category ids: their order, or names where the data set has none.
    #[arg(long, value_delimiter = ',', value_name = "ID,…")]
    categories: Option<Vec<String>>,
    /// Categories of the shipped bank that fits (default), or all that the source names (where these differ).
    #[arg(long, value_enum)]
    labels: Option<LabelsName>,
    /// What an uncertain label becomes (chexpert, mimic-cxr-jpg, odir; default: unknown).
    #[arg(long, value_enum)]
    uncertain: Option<LabelName>,
    /// What a label becomes that the report does not mention (chexpert, mimic-cxr-jpg; default: unknown).
    #[arg(long, value_enum)]
    blank: Option<BlankName>,
    /// Which views are taken (chexpert, mimic-cxr-jpg; default: frontal).
    #[arg(long, value_enum)]
    views: Option<ViewsName>,
    /// How several readers become one label (vindr; default: majority).
    #[arg(long, value_enum)]
    readers: Option<ReadersName>,
    /// Which part of the set (idrid; default: grading).
    #[arg(long, value_enum)]
    part: Option<PartName>,
    /// What becomes of boxes (chestxray14, rsna; default: leave).
    #[arg(long, value_enum)]
    boxes: Option<BoxesName>,
    /// Fractions of train, valid and test for a set without a split of its own (default: 0.4,0,0.6).
    #[arg(long, value_delimiter = ',', value_name = "F,F,F")]
    fractions: Option<Vec<f64>>,
    /// Seed of the split.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl ImportArgs {
    /// The options as the library takes them; `three` makes fractions of the numbers.
    pub(crate) fn options(&self, three: impl Fn(Vec<f64>) -> Result<[f64; 3]>) -> Result<ImportOptions> {
        Ok(ImportOptions {
            categories: self.categories.clone(),
            fractions: self.fractions.clone().map(three).transpose()?,
            seed: self.seed,
            labels: self.labels.map(|labels| match labels {
                LabelsName::Bank => ImportLabels::Bank,
                LabelsName::Source => ImportLabels::Source,
            }),
            uncertain: self.uncertain.map(|label| match label {
                LabelName::Unknown => Label::Unknown,
                LabelName::Present => Label::Present,
                LabelName::Absent => Label::Absent,
            }),
            blank: self.blank.map(|label| match label {
                BlankName::Unknown => Label::Unknown,
                BlankName::Absent => Label::Absent,
            }),
            views: self.views.map(|views| match views {
                ViewsName::Frontal => ImportViews::Frontal,
                ViewsName::All => ImportViews::All,
            }),
            readers: self.readers.map(|readers| match readers {
                ReadersName::Majority => ImportReaders::Majority,
                ReadersName::Unanimous => ImportReaders::Unanimous,
            }),
            part: self.part.map(|part| match part {
                PartName::Grading => ImportPart::Grading,
                PartName::Segmentation => ImportPart::Segmentation,
            }),
            boxes: self.boxes.map(|boxes| match boxes {
                BoxesName::Leave => ImportBoxes::Leave,
                BoxesName::Masks => ImportBoxes::Masks,
            }),
        })
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LabelsName {
    /// Those of the shipped bank; images that show only something else are left out.
    Bank,
    /// All that the source names; needs a bank of your own.
    Source,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LabelName {
    /// No part in any loss or figure.
    Unknown,
    /// 1.
    Present,
    /// 0.
    Absent,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BlankName {
    /// No part in any loss or figure.
    Unknown,
    /// 0.
    Absent,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ViewsName {
    /// From the front or the back.
    Frontal,
    /// Lateral ones too.
    All,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReadersName {
    /// Present when more than half say so.
    Majority,
    /// Unknown where they differ.
    Unanimous,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PartName {
    /// Grades of retinopathy.
    Grading,
    /// A mask for each lesion.
    Segmentation,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BoxesName {
    /// Left out.
    Leave,
    /// Drawn as masks beside the manifest.
    Masks,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_kind_and_its_bank() {
        for kind in sdmad::ImportKind::ALL {
            let line = KINDS.lines().find(|line| line.split_whitespace().next() == Some(kind.name()));
            let line = line.unwrap_or_else(|| panic!("{} is not in the help", kind.name()));
            assert_eq!(line.split_once("  bank ").map(|(_, bank)| bank), kind.bank(), "{line}");
        }
    }
}
