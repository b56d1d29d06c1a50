//! Packed weights on disk: made once for each weight file and precision, mapped into memory at every later start.

use std::fs;
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Result, sha256_file};
use sdmad_engine::{PACKED_LAYOUT, Precision};

use crate::cache::{cache_dir, with_cache_hint};
use crate::weights::WeightFile;

mod file;
mod stamp;

pub(crate) use file::PackedFile;
use stamp::Stamp;

/// The number of the format of packed files. That of packed weights in them is the engine's, [`PACKED_LAYOUT`].
pub(crate) const PACKED_FORMAT: u32 = 1;

/// What is done with packed weights on disk when an encoder is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PackedWeights {
    /// Nothing: every file is read and hashed in full, and weights are packed in memory.
    #[default]
    Off,
    /// Taken from a folder, and made there where they are missing, damaged or of another file. A folder that cannot be written to costs time and
    /// nothing else.
    ///
    /// A weight file that has size, times and place of the last time is taken to have the hash of the last time, too.
    Kept(PathBuf),
    /// As [`PackedWeights::Off`], and what was packed is written into a folder, over what stood there.
    Renewed(PathBuf),
}

impl PackedWeights {
    /// The folder of the cache for them, `<cache>/packed`.
    ///
    /// # Errors
    /// When there is no cache folder.
    pub fn folder() -> Result<PathBuf> {
        Ok(cache_dir()?.join("packed"))
    }

    /// The SHA-256 of a weight file.
    pub(crate) fn hash_of(&self, path: &Path) -> Result<String> {
        let folder = match self {
            PackedWeights::Off => return sha256_file(path),
            PackedWeights::Kept(folder) | PackedWeights::Renewed(folder) => folder,
        };
        let stamp = Stamp::of(path)?;
        if matches!(self, PackedWeights::Kept(_))
            && let Some(sha256) = stamp.hash_in(folder)
        {
            return Ok(sha256);
        }
        let sha256 = sha256_file(path)?;
        stamp.keep(folder, &sha256);
        Ok(sha256)
    }

    /// What was packed of a tower earlier.
    pub(crate) fn open(&self, key: &PackedKey<'_>) -> Option<PackedFile> {
        let PackedWeights::Kept(folder) = self else { return None };
        PackedFile::open(&folder.join(key.name()), key)
    }

    /// Keeps what was packed of a tower.
    pub(crate) fn keep(&self, key: &PackedKey<'_>, weights: &WeightFile) -> Result<()> {
        let (PackedWeights::Kept(folder) | PackedWeights::Renewed(folder)) = self else { return Ok(()) };
        fs::create_dir_all(folder).map_err(|e| with_cache_hint(Error::io("make", folder, e)))?;
        file::write(&folder.join(key.name()), key, weights).map_err(with_cache_hint)
    }
}

/// What a packed file is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedKey<'a> {
    /// SHA-256 of the weight file.
    pub(crate) sha256: &'a str,
    /// `image` or `text`.
    pub(crate) tower: &'static str,
    pub(crate) precision: Precision,
}

impl PackedKey<'_> {
    fn name(&self) -> String {
        format!(
            "{}-{}-{}-{PACKED_FORMAT}.{PACKED_LAYOUT}",
            &self.sha256[..32.min(self.sha256.len())],
            self.tower,
            self.precision
        )
    }
}

#[cfg(test)]
mod tests;
