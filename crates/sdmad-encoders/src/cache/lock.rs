use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use sdmad_base::{Error, Monitor, Result};

use super::with_cache_hint;

/// Held while an encoder is fetched and converted, so that two processes do not do it at once.
///
/// The operating system frees it when the process ends, however it ends; the empty file stays.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock `.<name>.lock` in `folder`, which is made when missing.
    pub(crate) fn acquire(folder: &Path, name: &str, monitor: &dyn Monitor) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|e| with_cache_hint(Error::io("make", folder, e)))?;
        let path = folder.join(format!(".{name}.lock"));
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| with_cache_hint(Error::io("write", &path, e)))?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        monitor.notice(&format!("another process is fetching {name}; waiting for it"));
                        told = true;
                    }
                    monitor.check()?;
                    std::thread::sleep(Duration::from_millis(100));
                }
                // Some network file systems have no locks. The folder still appears whole, by renaming.
                Err(TryLockError::Error(e)) if e.kind() == std::io::ErrorKind::Unsupported => {
                    return Ok(Lock { _file: file });
                }
                Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path, e)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use sdmad_base::Silent;

    use super::*;

    /// Stops at the first check.
    struct Stop(AtomicBool);

    impl Monitor for Stop {
        fn begin(&self, _: &str, _: usize) {}
        fn advance(&self, _: usize) {}
        fn end(&self) {}
        fn notice(&self, _: &str) {
            self.0.store(true, Ordering::Relaxed);
        }
        fn check(&self) -> Result<()> {
            Err(Error::new(sdmad_base::Kind::Interrupted, "stopped"))
        }
    }

    #[test]
    fn the_second_waits_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::acquire(folder.path(), "a", &Silent).unwrap();
        let monitor = Stop(AtomicBool::new(false));
        assert!(Lock::acquire(folder.path(), "a", &monitor).is_err());
        assert!(monitor.0.load(Ordering::Relaxed));
        Lock::acquire(folder.path(), "b", &Silent).unwrap();
        drop(first);
        Lock::acquire(folder.path(), "a", &Silent).unwrap();
    }
}
