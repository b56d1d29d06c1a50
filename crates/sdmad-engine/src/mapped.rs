//! Files as bytes that are shared and never change: what packed weights are read from.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use sdmad_base::{Error, Result};

use crate::bytes::AlignedBytes;

/// Bytes that several owners hold and none changes.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// The bytes of a file, from an address that is a multiple of 64: mapped where permissions say that nobody else changes them, else read.
///
/// A mapped file costs no copy, and processes share its pages. Another program that wrote into it would change weights under us, and one that cut
/// it off would end our process. So a file is mapped only where it belongs to this process's user, or to root, and its permissions let no one else
/// write; these two are trusted, as with the program itself. (A file system of a network may not keep that promise.) Replacing the file by renaming another to its name, and deleting it, leave mapped bytes as they are.
///
/// # Errors
/// Names the file when it is missing or cannot be read.
pub fn shared_bytes(path: &Path) -> Result<SharedBytes> {
    let unreadable = |e: io::Error| Error::io("read", path, e);
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length > 0 && only_its_owner_writes(&file).map_err(unreadable)? {
        // SAFETY: bytes behind a shared reference must not change. We only read them through it, and of others only the owner
        // of the file could write; sdmad itself never writes into such a file again once it has its name (`AtomicFile`).
        return Ok(Arc::new(unsafe { memmap2::Mmap::map(&file) }.map_err(unreadable)?));
    }
    let too_large = |_| Error::bad_input(format!("{} has {length} bytes, more than memory", path.display()));
    let mut bytes = AlignedBytes::zeroed(usize::try_from(length).map_err(too_large)?);
    file.read_exact(&mut bytes).map_err(unreadable)?;
    Ok(Arc::new(bytes))
}

#[cfg(unix)]
fn only_its_owner_writes(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_WRITE: u32 = 0o022;
    let metadata = file.metadata()?;
    let trusted = [0, rustix::process::geteuid().as_raw()];
    Ok(metadata.mode() & OTHERS_WRITE == 0 && trusted.contains(&metadata.uid()))
}

/// Elsewhere permissions are not asked: files are read.
#[cfg(not(unix))]
fn only_its_owner_writes(_file: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn mapped_and_read_bytes_are_those_of_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        let content: Vec<u8> = (0..10_000_u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        for (mode, mapped) in [(0o644, true), (0o444, true), (0o664, false), (0o646, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(only_its_owner_writes(&File::open(&path).unwrap()).unwrap(), mapped, "{mode:o}");
            let bytes = shared_bytes(&path).unwrap();
            assert!((*bytes).as_ref() == content, "{mode:o}");
            assert_eq!((*bytes).as_ref().as_ptr().align_offset(64), 0, "{mode:o}");
        }
        // A file that is replaced leaves what was mapped.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let bytes = shared_bytes(&path).unwrap();
        sdmad_base::write_atomic(&path, b"other").unwrap();
        assert!((*bytes).as_ref() == content);
        std::fs::write(&path, b"").unwrap();
        assert!((*shared_bytes(&path).unwrap()).as_ref().is_empty());
        assert!(shared_bytes(&folder.path().join("gone")).is_err());
    }
}
