//! Stands in for the types of branch `data`, with the same names and shapes: delete this file and its two lines in
//! `lib.rs` when that branch is merged.
#![allow(missing_docs)]
use std::fmt;
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    Present,
    Absent,
    Unknown,
}
impl Label {
    pub fn from_cell(cell: &str) -> Option<Self> {
        match cell {
            "1" => Some(Label::Present),
            "0" => Some(Label::Absent),
            "" => Some(Label::Unknown),
            _ => None,
        }
    }
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    Train,
    Valid,
    Test,
}
impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Split::Train => "train",
            Split::Valid => "valid",
            Split::Test => "test",
        })
    }
}
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Masks {
    #[default]
    None,
}
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub image: String,
    pub split: Split,
    pub patient: Option<String>,
    pub masks: Masks,
    pub labels: Vec<Label>,
}
impl Row {
    pub fn is_normal(&self) -> bool {
        self.labels.iter().all(|&l| l == Label::Absent)
    }
    pub fn is_abnormal(&self) -> bool {
        self.labels.contains(&Label::Present)
    }
    pub fn patient_key(&self) -> PatientKey<'_> {
        match &self.patient {
            Some(patient) => PatientKey::Patient(patient),
            None => PatientKey::Image(&self.image),
        }
    }
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PatientKey<'a> {
    Patient(&'a str),
    Image(&'a str),
}
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    pub path: PathBuf,
    pub root: PathBuf,
    pub sha256: String,
    pub categories: Vec<String>,
    pub rows: Vec<Row>,
}
