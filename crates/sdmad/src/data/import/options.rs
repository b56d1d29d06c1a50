use super::super::Label;

/// What [`import`](super::import) may be told beyond the layout. What is `None` has its default, and an option that
/// says nothing about a kind is refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportOptions {
    /// Category ids. For MedMNIST one for each class of the file, where `normal` may be one and an id may stand
    /// several times, which merges classes; elsewhere the ids that are found, in the order in which the manifest
    /// shall have them. A set with the one category `anomaly` takes another name from here.
    pub categories: Option<Vec<String>>,
    /// Shares of train, valid and test for a set without splits of its own; .4, 0 and .6 unless told. Refused for a
    /// set that has splits.
    pub fractions: Option<[f64; 3]>,
    /// The seed of the split.
    pub seed: u64,
    /// Which categories the manifest has; those of the bank unless told.
    pub labels: Option<ImportLabels>,
    /// What a label becomes that the source calls uncertain; unknown unless told.
    pub uncertain: Option<Label>,
    /// What a label becomes that the source leaves blank because the report does not mention it; unknown unless told.
    pub blank: Option<Label>,
    /// Which views of the chest are taken; frontal ones unless told.
    pub views: Option<ImportViews>,
    /// How several readers of an image become one label; by majority unless told.
    pub readers: Option<ImportReaders>,
    /// Which part of a set that has several; its grading unless told.
    pub part: Option<ImportPart>,
    /// What becomes of boxes around findings; they are left out unless told.
    pub boxes: Option<ImportBoxes>,
}

/// What becomes of boxes around findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImportBoxes {
    /// They are left out.
    #[default]
    Leave,
    /// They become masks, written beside the manifest. A box holds more than its finding.
    Masks,
}

/// Which categories a manifest has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImportLabels {
    /// Those of the shipped bank that fits. Images that show only something else are left out: the manifest could not
    /// tell them from normal ones.
    #[default]
    Bank,
    /// All findings that the source names.
    Source,
}

/// Which views of the chest are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImportViews {
    /// Frontal ones: the signs of the bank are those of frontal views.
    #[default]
    Frontal,
    /// All.
    All,
}

/// How several readers of an image become one label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImportReaders {
    /// Present when more than half of the readers say so.
    #[default]
    Majority,
    /// Unknown where readers differ.
    Unanimous,
}

/// A part of IDRiD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImportPart {
    /// Images with a grade.
    #[default]
    Grading,
    /// Images with a mask for each lesion.
    Segmentation,
}
