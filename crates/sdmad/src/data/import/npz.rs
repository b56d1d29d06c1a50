use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Result};
use zip::ZipArchive;
use zip::read::ZipFile;

use super::npy::ArrayHeader;

/// Arrays in a file, at most; MedMNIST has six.
const MOST_ARRAYS: usize = 64;

/// A `.npz` file: a zip archive of numpy arrays.
pub(super) struct Npz {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
}

/// An array that is being read: its header is, its elements come from `data`.
pub(super) struct ArrayReader<'a> {
    pub(super) header: ArrayHeader,
    pub(super) data: ZipFile<'a, BufReader<File>>,
    /// File and array, for errors.
    pub(super) place: String,
}

impl Npz {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io("read", path, e))?;
        if file.metadata().map_err(|e| Error::io("read", path, e))?.is_dir() {
            return Err(Error::bad_input(format!(
                "{} is a folder; expected one .npz file of MedMNIST",
                path.display()
            ))
            .with_hint("name the file, such as octmnist_224.npz"));
        }
        let refuse = |why: String| {
            Error::bad_input(format!("{} is no .npz file: {why}", path.display()))
                .with_hint("fetch the file again, and compare its MD5 with the publisher's")
        };
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|e| refuse(e.to_string()))?;
        if archive.len() > MOST_ARRAYS {
            return Err(refuse(format!("{} arrays; expected at most {MOST_ARRAYS}", archive.len())));
        }
        Ok(Npz { path: path.to_path_buf(), archive })
    }

    /// The names of the arrays, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .archive
            .file_names()
            .map(|name| name.map_or_else(|_| "?".to_string(), |n| n.trim_end_matches(".npy").to_string()))
            .collect();
        names.sort_unstable();
        names
    }

    /// Begins to read an array. Its size is what its header says, or this fails.
    pub(super) fn array(&mut self, name: &str) -> Result<ArrayReader<'_>> {
        let place = format!("{}, array `{name}`", self.path.display());
        let damaged = |why: String| {
            Error::bad_input(format!("{place}: {why}"))
                .with_hint("fetch the file again, and compare its MD5 with the publisher's")
        };
        let Some(index) = self.archive.index_for_name(&format!("{name}.npy")) else {
            return Err(Error::bad_input(format!(
                "{} has no array `{name}`; found {}",
                self.path.display(),
                self.names().join(", ")
            ))
            .with_hint("expected train_images, train_labels, val_images, val_labels, test_images and test_labels"));
        };
        let mut data = self.archive.by_index(index).map_err(|e| damaged(e.to_string()))?;
        let header = ArrayHeader::read(&mut data, &place)?;
        let expected = header.data_bytes().and_then(|bytes| bytes.checked_add(header.length));
        if expected != Some(data.size()) {
            return Err(damaged(format!(
                "{} bytes; its header says {:?}, {} bytes each",
                data.size(),
                header.shape,
                header.number.bytes
            )));
        }
        Ok(ArrayReader { header, data, place })
    }
}

impl ArrayReader<'_> {
    /// Reads the next `buffer.len()` bytes.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        super::npy::fill(&mut self.data, buffer, &self.place)
    }

    /// Reads past the last element, where the checksum is compared.
    pub(super) fn end(mut self) -> Result<()> {
        match self.data.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Error::bad_input(format!("{}: more bytes than its header says", self.place))),
            Err(e) => Err(Error::bad_input(format!("{}: damaged: {e}", self.place))
                .with_hint("fetch the file again, and compare its MD5 with the publisher's")),
        }
    }
}
