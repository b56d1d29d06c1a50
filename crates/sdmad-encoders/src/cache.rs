use std::env;
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Result};

mod inventory;
mod list;
mod lock;

pub(crate) use inventory::{FILES_FORMAT, FILES_NAME, FileEntry, Files, Inventory};
pub use inventory::{Verified, VerifiedFile, verify};
pub use list::{Listed, list};
pub(crate) use lock::Lock;

/// The folder in which sdmad keeps what it fetched and converted: `SDMAD_CACHE`, else `sdmad` in `XDG_CACHE_HOME`, else
/// `~/.cache/sdmad`. It need not exist.
///
/// # Errors
/// When none of `SDMAD_CACHE`, `XDG_CACHE_HOME` and `HOME` is set.
pub fn cache_dir() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("SDMAD_CACHE")
        // A relative path in this variable counts as not set (XDG base directory specification 0.8).
        .or_else(|| set("XDG_CACHE_HOME").filter(|path| path.is_absolute()).map(|path| path.join("sdmad")))
        .or_else(|| set("HOME").or_else(|| set("USERPROFILE")).map(|path| path.join(".cache/sdmad")))
        .ok_or_else(|| {
            Error::environment("there is no place for the cache: SDMAD_CACHE, XDG_CACHE_HOME and HOME are not set")
                .with_hint("set SDMAD_CACHE to a folder that you may write to")
        })
}

/// The cache folder of the encoder called `name`, `<cache>/encoders/<name>`; it need not exist.
///
/// # Errors
/// When `name` cannot be an encoder's name, or there is no cache folder.
pub fn encoder_folder(name: &str) -> Result<PathBuf> {
    check_name(name)?;
    Ok(encoders_dir(&cache_dir()?).join(name))
}

pub(crate) fn encoders_dir(cache: &Path) -> PathBuf {
    cache.join("encoders")
}

/// Refuses what is no plain folder name: it could lead anywhere.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > 200 || name.starts_with(['.', '-']) || !name.chars().all(plain) {
        return Err(Error::bad_input(format!(
            "{name:?} is no encoder's name: expected letters, digits, `.`, `_` and `-`, beginning with a letter or digit"
        ))
        .with_hint("`sdmad encoder list` shows the names; a folder is given with a `/` in it"));
    }
    Ok(())
}

/// Adds to an error about the cache folder that it can be elsewhere.
pub(crate) fn with_cache_hint(error: Error) -> Error {
    if error.hint().is_some_and(|hint| hint.starts_with("free some space")) {
        error.with_hint("free some space, or set SDMAD_CACHE to a folder on another disk")
    } else {
        error.with_hint("set SDMAD_CACHE to a folder that you may write to")
    }
}

#[cfg(test)]
mod tests {
    use sdmad_base::Kind;

    use super::*;

    #[test]
    fn names_are_plain() {
        for name in ["dinov2s-minilm", "hf--org--Name.v2_1"] {
            check_name(name).unwrap();
        }
        for name in ["", "..", ".hidden", "a/b", "a\\b", "-x", "a b", "é"] {
            assert_eq!(check_name(name).unwrap_err().kind(), Kind::BadInput, "{name}");
        }
    }
}
