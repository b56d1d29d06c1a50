use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sdmad_base::{Error, Result, sha256_hex, write_atomic};

/// A file that changed less than this ago may change again without another time: the clocks of file systems tick in steps.
const SETTLED: Duration = Duration::from_secs(3);

/// Place, size and times of a weight file, which are enough to know it again without hashing 90 MB at every start.
///
/// Whoever writes to the file changes its times. Bits that fall over on a disk do not; `sdmad encoder check` hashes in full.
pub(super) struct Stamp {
    /// Where the file is, without links.
    place: PathBuf,
    /// Size, times and, where there are such, numbers of device and file.
    state: String,
    settled: bool,
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Result<Self> {
        let unreadable = |e| Error::io("read", path, e);
        let about = fs::metadata(path).map_err(unreadable)?;
        let place = fs::canonicalize(path).map_err(unreadable)?;
        let (modified, state) = (about.modified().map_err(unreadable)?, state(&about));
        let age = SystemTime::now().duration_since(modified).unwrap_or_default();
        Ok(Stamp { place, state, settled: age > SETTLED && changed_age(&about) > SETTLED })
    }

    #[cfg(test)]
    pub(super) fn settle(&mut self) {
        self.settled = true;
    }

    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("hash-{}", &sha256_hex(self.place.as_os_str().as_encoded_bytes())[..32]))
    }

    /// The hash that was kept of this file, if it is as it was.
    pub(super) fn hash_in(&self, folder: &Path) -> Option<String> {
        let text = fs::read_to_string(self.path(folder)).ok()?;
        let (sha256, state) = text.split_once('\n')?;
        let is_hash = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
        (is_hash && state == self.state).then(|| sha256.to_string())
    }

    /// Keeps the hash. A folder that cannot be written to costs the next start its time.
    pub(super) fn keep(&self, folder: &Path, sha256: &str) {
        if self.settled && fs::create_dir_all(folder).is_ok() {
            let _ = write_atomic(&self.path(folder), format!("{sha256}\n{}", self.state).as_bytes());
        }
    }
}

#[cfg(unix)]
fn state(about: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    let times = [about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec()];
    format!("{} bytes, device {}, file {}, times {times:?}\n", about.len(), about.dev(), about.ino())
}

#[cfg(not(unix))]
fn state(about: &Metadata) -> String {
    format!("{} bytes, {:?}\n", about.len(), about.modified().ok())
}

/// How long ago the file or what is known of it changed: a time that no program can set back.
#[cfg(unix)]
fn changed_age(about: &Metadata) -> Duration {
    use std::os::unix::fs::MetadataExt;
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(about.ctime().try_into().unwrap_or_default());
    SystemTime::now().duration_since(changed).unwrap_or_default()
}

#[cfg(not(unix))]
fn changed_age(_about: &Metadata) -> Duration {
    Duration::MAX
}
