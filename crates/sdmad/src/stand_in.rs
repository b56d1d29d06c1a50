//! Stands in for the manifest until the branch `data` is here.
#![allow(missing_docs)]
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    Present,
    Absent,
    Unknown,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    Train,
    Valid,
    Test,
}
#[derive(Clone, Debug)]
pub struct Row {
    pub image: String,
    pub split: Split,
    pub patient: Option<String>,
    pub labels: Vec<Label>,
}
impl Row {
    pub fn is_normal(&self) -> bool {
        self.labels.iter().all(|&l| l == Label::Absent)
    }
    pub fn is_abnormal(&self) -> bool {
        self.labels.contains(&Label::Present)
    }
}
#[derive(Clone, Debug)]
pub struct Manifest {
    pub path: PathBuf,
    pub root: PathBuf,
    pub sha256: String,
    pub categories: Vec<String>,
    pub rows: Vec<Row>,
}
