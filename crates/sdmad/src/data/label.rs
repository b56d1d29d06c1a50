use serde::{Deserialize, Serialize};

/// What a manifest says about one category in one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// The cell is `1`.
    Present,
    /// The cell is `0`.
    Absent,
    /// The cell is empty: it takes part in no loss and no figure.
    Unknown,
}

impl Label {
    /// The label of a cell, when it is `1`, `0` or empty.
    pub fn from_cell(cell: &str) -> Option<Self> {
        match cell {
            "1" => Some(Label::Present),
            "0" => Some(Label::Absent),
            "" => Some(Label::Unknown),
            _ => None,
        }
    }

    /// The cell of the label: `1`, `0` or empty.
    pub fn cell(self) -> &'static str {
        match self {
            Label::Present => "1",
            Label::Absent => "0",
            Label::Unknown => "",
        }
    }
}

/// The part of a data set that an image belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Shots are drawn from here alone.
    Train,
    /// For choices that are made outside the sealed runner.
    Valid,
    /// Figures are measured here; nothing is chosen on it.
    Test,
}

impl Split {
    /// All splits, in the order in which reports name them.
    pub const ALL: [Split; 3] = [Split::Train, Split::Valid, Split::Test];

    /// The name in the manifest: `train`, `valid` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Valid => "valid",
            Split::Test => "test",
        }
    }

    /// The split of a name as manifests write it.
    pub fn from_name(name: &str) -> Option<Self> {
        Split::ALL.into_iter().find(|split| split.name() == name)
    }

    /// The position in [`Split::ALL`].
    pub fn index(self) -> usize {
        match self {
            Split::Train => 0,
            Split::Valid => 1,
            Split::Test => 2,
        }
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
