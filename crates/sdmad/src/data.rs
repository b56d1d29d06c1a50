//! Labelled images on disk: the manifest, its importers, checks and splits. docs/data.md describes the format.

mod check;
mod import;
mod label;
mod manifest;
mod masks;
mod read;
mod split;
mod table_text;

pub use check::{
    BaselineFigure, CategoryCount, DataFinding, DataReport, DataSeverity, NearDuplicate, NearDuplicates, PixelBaseline,
    ShotSupply, SplitCount, check,
};
pub use import::{
    ImportBoxes, ImportKind, ImportLabels, ImportOptions, ImportPart, ImportReaders, ImportSummary, ImportViews,
    ImportedCategory, import,
};
pub use label::{Label, Split};
pub use manifest::{Manifest, PatientKey, Row};
pub use masks::Masks;
pub(crate) use split::assign;
pub use split::{SplitFractions, split};
