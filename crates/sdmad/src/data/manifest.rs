use std::path::{Path, PathBuf};

use sdmad_base::{Result, sha256_hex, write_atomic};

use super::{Label, Masks, Split};

/// A table of labelled images: `manifest.csv`, read and checked for form.
///
/// Whether the files exist and can be decoded is the matter of [`check_data`](crate::check_data).
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Where it was read from, or where it is to be written.
    pub path: PathBuf,
    /// The manifest's folder: image and mask paths start here.
    pub root: PathBuf,
    /// SHA-256 of the file's bytes.
    pub sha256: String,
    /// Category ids, in the order of the columns. At least one; `normal` is never among them.
    pub categories: Vec<String>,
    /// The images, in the order of the file. At least one.
    pub rows: Vec<Row>,
}

/// One image of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Path of the image, relative to the manifest's folder (or absolute), as written.
    pub image: String,
    /// The part of the data set.
    pub split: Split,
    /// The patient, where known.
    pub patient: Option<String>,
    /// The mask files, where there are any.
    pub masks: Masks,
    /// One label for each category of the manifest, in its order.
    pub labels: Vec<Label>,
}

impl Row {
    /// Whether every category is known to be absent.
    pub fn is_normal(&self) -> bool {
        self.labels.iter().all(|&label| label == Label::Absent)
    }

    /// Whether any category is known to be present.
    pub fn is_abnormal(&self) -> bool {
        self.labels.contains(&Label::Present)
    }

    /// What is sampled as one: the patient, or the image itself where no patient is known.
    pub fn patient_key(&self) -> PatientKey<'_> {
        match &self.patient {
            Some(patient) => PatientKey::Patient(patient),
            None => PatientKey::Image(&self.image),
        }
    }
}

/// What two rows must share to be of one patient; see [`Row::patient_key`].
///
/// A patient never equals an image, even when the two are spelt alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PatientKey<'a> {
    /// A known patient.
    Patient(&'a str),
    /// An image without a known patient.
    Image(&'a str),
}

impl Manifest {
    /// A manifest from its parts, for importers and generators; form is checked as in [`Manifest::read`].
    ///
    /// Nothing is written. `path` says where it is to stand: image paths are relative to that folder.
    ///
    /// # Errors
    /// [`Kind::BadInput`](sdmad_base::Kind::BadInput), as for a file.
    pub fn new(path: &Path, categories: Vec<String>, rows: Vec<Row>) -> Result<Self> {
        let table = to_csv(&categories, &rows);
        Manifest::parse(path, table.as_bytes())
    }

    /// Reads a manifest.
    ///
    /// A byte order mark, CRLF line ends, blank lines and lines that repeat an earlier one whole are accepted;
    /// everything else that is not the format is refused.
    ///
    /// # Errors
    /// Names the file, the line, the column, the value and what was expected.
    pub fn read(path: &Path) -> Result<Self> {
        Manifest::parse(path, &sdmad_base::read(path)?)
    }

    /// Reads a manifest from the bytes of the file `path`; the file itself is not touched.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let (categories, rows) = super::read::parse(path, bytes)?;
        let root = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        };
        Ok(Manifest { path: path.to_path_buf(), root, sha256: sha256_hex(bytes), categories, rows })
    }

    /// Writes the manifest whole or not at all. Paths are written as they are, so `path` should be in
    /// [`Manifest::root`].
    ///
    /// # Errors
    /// When the folder is missing or read-only, or the disk is full.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomic(path, self.to_csv().as_bytes())
    }

    /// The manifest as a file's text, lines ended by `\n`.
    pub fn to_csv(&self) -> String {
        to_csv(&self.categories, &self.rows)
    }

    /// Where the image of a row is.
    pub fn image_path(&self, row: &Row) -> PathBuf {
        self.file_path(&row.image)
    }

    /// Where a file is that the manifest names: masks have such paths too.
    pub fn file_path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The rows of one split, with their numbers.
    pub fn rows_of(&self, split: Split) -> impl Iterator<Item = (usize, &Row)> {
        self.rows.iter().enumerate().filter(move |(_, row)| row.split == split)
    }
}

fn to_csv(categories: &[String], rows: &[Row]) -> String {
    let mut text = super::read::FIXED_COLUMNS.join(",");
    for category in categories {
        text.push(',');
        push_cell(&mut text, category);
    }
    text.push('\n');
    for row in rows {
        push_cell(&mut text, &row.image);
        text.push(',');
        text.push_str(row.split.name());
        text.push(',');
        push_cell(&mut text, row.patient.as_deref().unwrap_or(""));
        text.push(',');
        push_cell(&mut text, &row.masks.cell());
        for label in &row.labels {
            text.push(',');
            text.push_str(label.cell());
        }
        text.push('\n');
    }
    text
}

/// RFC 4180: a cell with a comma, a quote or a line end is quoted.
pub(crate) fn push_cell(text: &mut String, cell: &str) {
    if cell.contains([',', '"', '\n', '\r']) {
        text.push('"');
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_equal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.csv");
        let row = |image: &str, patient: Option<&str>, masks, labels| Row {
            image: image.to_string(),
            split: Split::Train,
            patient: patient.map(String::from),
            masks,
            labels,
        };
        let pairs = Masks::PerCategory(vec![("mass".into(), "m/1.png".into())]);
        let rows = vec![
            row("a, \"b\" (1).png", Some("7"), pairs, vec![Label::Present, Label::Unknown]),
            row("c.png", None, Masks::None, vec![Label::Absent, Label::Absent]),
        ];
        let manifest = Manifest::new(&path, vec!["mass".into(), "cyst".into()], rows).unwrap();
        manifest.write(&path).unwrap();
        let read = Manifest::read(&path).unwrap();
        assert_eq!(read, manifest);
        assert_eq!(read.sha256, sdmad_base::sha256_file(&path).unwrap());
        assert!(read.rows[0].is_abnormal() && !read.rows[0].is_normal() && read.rows[1].is_normal());
        assert_eq!(read.rows[0].patient_key(), PatientKey::Patient("7"));
        assert_eq!(read.rows[1].patient_key(), PatientKey::Image("c.png"));
        assert_eq!(read.image_path(&read.rows[1]), folder.path().join("c.png"));
    }
}
