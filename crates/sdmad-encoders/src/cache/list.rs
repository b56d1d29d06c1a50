use std::fs;
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Result};

use super::inventory::{Inventory, plain_files};
use super::{cache_dir, encoders_dir};
use crate::pull::Shipped;

/// An encoder that `sdmad encoder list` shows.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What it is called with `--encoder`.
    pub name: String,
    /// What it is, in a line; empty for a folder that nothing is known about.
    pub summary: String,
    /// Where it is, or will be.
    pub folder: PathBuf,
    /// Whether it is there; else it can be pulled.
    pub cached: bool,
    /// Size of its files in bytes, or what they will be.
    pub bytes: u64,
    /// Licences of its parts, as SPDX names where the source uses them.
    pub licences: Vec<String>,
}

/// The encoders that sdmad can pull by name, and whatever else is in the cache, by name.
///
/// # Errors
/// When there is no cache folder, or it cannot be listed.
pub fn list() -> Result<Vec<Listed>> {
    list_in(&cache_dir()?)
}

fn list_in(cache: &Path) -> Result<Vec<Listed>> {
    let shipped = Shipped::get();
    let root = encoders_dir(cache);
    let mut names: Vec<String> = match fs::read_dir(&root) {
        Ok(entries) => entries
            .filter_map(|entry| entry.ok().filter(|e| e.path().is_dir())?.file_name().into_string().ok())
            .filter(|name| super::check_name(name).is_ok())
            .collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(Error::io("list", &root, e)),
    };
    names.extend(shipped.encoders.iter().map(|e| e.name.clone()));
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            let folder = root.join(&name);
            let known = shipped.encoders.iter().find(|e| e.name == name);
            let cached = folder.is_dir();
            // A damaged record must not hide the others: `check` is where it is told.
            let inventory = if cached { Inventory::read(&folder).unwrap_or_default() } else { None };
            let bytes = match cached {
                true => plain_files(&folder)?
                    .iter()
                    .map(|file| fs::metadata(folder.join(file)).map_or(0, |data| data.len()))
                    .sum(),
                false => known.map_or(0, |e| e.bytes),
            };
            let (mut licences, found) = match (inventory, known) {
                (Some(inventory), _) => (inventory.licences, inventory.summary),
                (None, Some(known)) => (vec![known.image.licence.clone(), known.text.licence.clone()], String::new()),
                (None, None) => Default::default(),
            };
            licences.dedup();
            let summary = known.map_or(found, |e| e.summary.clone());
            Ok(Listed { name, summary, folder, cached, bytes, licences })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_names_and_folders_of_the_cache() {
        let cache = tempfile::tempdir().unwrap();
        let before = list_in(cache.path()).unwrap();
        assert!(before.iter().any(|e| e.name == "dinov2s-minilm" && !e.cached && e.bytes > 100_000_000));
        let folder = encoders_dir(cache.path()).join("mine");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("x"), "1234").unwrap();
        let after = list_in(cache.path()).unwrap();
        assert!(after.iter().any(|e| e.name == "mine" && e.cached && e.bytes == 4));
        assert_eq!(after.len(), before.len() + 1);
    }
}
