use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Reads a whole file.
///
/// # Errors
/// Names the file when it is missing or cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| Error::io("read", path, e))
}

/// Reads a whole text file as UTF-8; a byte order mark at its start is left out.
///
/// # Errors
/// Names the file when it is missing, cannot be read or is not UTF-8.
pub fn read_to_string(path: &Path) -> Result<String> {
    let text = String::from_utf8(read(path)?).map_err(|e| {
        Error::bad_input(format!(
            "{} is not UTF-8 text (first bad byte at {})",
            path.display(),
            e.utf8_error().valid_up_to()
        ))
        .with_hint("save the file as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(String::from).unwrap_or(text))
}

/// Writes a file so that it appears whole or not at all.
///
/// # Errors
/// When the folder is missing or read-only, or the disk is full; what stood there before is untouched.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(|e| Error::io("write", path, e))?;
    file.commit()
}

/// A file under a temporary name beside its target, which [`AtomicFile::commit`] renames.
///
/// Dropped without commit, it leaves nothing behind.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    temporary: tempfile::NamedTempFile,
}

impl AtomicFile {
    /// Opens a temporary file in the folder of `target`.
    ///
    /// # Errors
    /// When the folder is missing or cannot be written to.
    pub fn create(target: &Path) -> Result<Self> {
        let folder = match target.parent() {
            Some(p) if !p.as_os_str().is_empty() => p,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".sdmad-").suffix(".partial");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o644));
        }
        let temporary = builder.tempfile_in(folder).map_err(|e| Error::io("write", target, e))?;
        Ok(AtomicFile { target: target.to_path_buf(), temporary })
    }

    /// Flushes to disk and gives the file its name, over what stood there before.
    ///
    /// # Errors
    /// When flushing or renaming fails; the target is then as it was.
    pub fn commit(mut self) -> Result<()> {
        let target = self.target;
        self.temporary.flush().map_err(|e| Error::io("write", &target, e))?;
        self.temporary.as_file().sync_all().map_err(|e| Error::io("write", &target, e))?;
        self.temporary.persist(&target).map_err(|e| Error::io("write", &target, e.error))?;
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.temporary.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.temporary.seek(to)
    }
}

/// A folder under a temporary name beside its target, which [`AtomicDir::commit`] renames.
///
/// The target must not exist, or be an empty folder: nothing is written over.
#[derive(Debug)]
pub struct AtomicDir {
    target: PathBuf,
    temporary: tempfile::TempDir,
}

impl AtomicDir {
    /// Makes the temporary folder; parents of `target` are made when missing.
    ///
    /// # Errors
    /// [`Kind::BadInput`](crate::Kind::BadInput) when `target` is a file or a folder with something in it;
    /// [`Kind::Environment`](crate::Kind::Environment) when the place cannot be written to.
    pub fn create(target: &Path) -> Result<Self> {
        match fs::read_dir(target) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(Error::bad_input(format!("the folder {} is not empty", target.display()))
                        .with_hint("name another folder with --out, or move this one away; nothing was written over"));
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("write to", target, e)),
        }
        let parent = match target.parent() {
            Some(p) if !p.as_os_str().is_empty() => p.to_path_buf(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&parent).map_err(|e| Error::io("make", &parent, e))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".sdmad-").suffix(".partial");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o755));
        }
        let temporary = builder.tempdir_in(&parent).map_err(|e| Error::io("write", target, e))?;
        Ok(AtomicDir { target: target.to_path_buf(), temporary })
    }

    /// Where to write while the folder is not committed.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// When renaming fails; the target is then as it was.
    pub fn commit(self) -> Result<()> {
        // An empty folder at the target is replaced by the rename itself.
        fs::rename(self.temporary.path(), &self.target).map_err(|e| Error::io("write", &self.target, e))?;
        let _moved = self.temporary.keep();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn an_uncommitted_file_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomic(&path, b"old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_appears_whole_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("deep/run");
        let dir = AtomicDir::create(&target).unwrap();
        fs::write(dir.path().join("x"), "1").unwrap();
        assert!(!target.exists());
        dir.commit().unwrap();
        assert!(target.join("x").exists());
        assert_eq!(AtomicDir::create(&target).unwrap_err().kind(), Kind::BadInput);
        assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_byte_order_mark_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, b"\xef\xbb\xbfimage").unwrap();
        assert_eq!(read_to_string(&path).unwrap(), "image");
    }
}
