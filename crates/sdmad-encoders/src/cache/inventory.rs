use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sdmad_base::{Error, Monitor, Result, read_to_string, sha256_file, write_atomic};
use serde::{Deserialize, Serialize};

use crate::EncoderFile;

/// The list of files of a folder that was fetched as it is, beside its files.
pub(crate) const FILES_NAME: &str = "files.json";
/// The number of the format of [`Files`].
pub(crate) const FILES_FORMAT: u32 = 1;

/// `files.json`: what a folder fetched from a hub holds, and where it came from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Files {
    pub(crate) format: u32,
    pub(crate) name: String,
    pub(crate) provenance: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<String, FileEntry>,
}

/// Size and hash of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FileEntry {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl Files {
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::bad_input(format!("{} cannot be written: {e}", path.display())))?;
        text.push('\n');
        write_atomic(path, text.as_bytes())
    }
}

/// What a folder says about its own files: from `encoder.json` of a converted pair, or from `files.json`.
#[derive(Clone, Debug)]
pub(crate) struct Inventory {
    pub(crate) name: String,
    /// The file that says so; it has no hash itself.
    pub(crate) source: &'static str,
    /// SHA-256 by file name.
    pub(crate) hashes: BTreeMap<String, String>,
    pub(crate) licences: Vec<String>,
    /// What it is and where it came from, in a line.
    pub(crate) summary: String,
}

impl Inventory {
    /// Reads the inventory of a folder; `None` when it has none (a folder that a user made).
    ///
    /// # Errors
    /// When it is damaged or of a newer format.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let encoder = folder.join("encoder.json");
        if encoder.is_file() {
            let file = EncoderFile::read(&encoder)?;
            let hashed = [&file.image.weights, &file.text.weights, &file.text.tokenizer];
            let sources = [&file.image.provenance, &file.text.provenance];
            return Ok(Some(Inventory {
                name: file.name.clone(),
                source: "encoder.json",
                hashes: hashed.iter().map(|h| (h.file.clone(), h.sha256.clone())).collect(),
                licences: sources.iter().filter_map(|p| p.get("licence").cloned()).collect(),
                summary: sources.iter().filter_map(|p| p.get("model").cloned()).collect::<Vec<_>>().join(" and "),
            }));
        }
        let path = folder.join(FILES_NAME);
        if !path.is_file() {
            return Ok(None);
        }
        let text = read_to_string(&path)?;
        let damaged = |e: serde_json::Error| {
            Error::bad_input(format!("{} is no {FILES_NAME} of format {FILES_FORMAT}: {e}", path.display()))
                .with_hint("remove the folder and pull the encoder again")
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(damaged)?;
        if value["format"] != FILES_FORMAT {
            return Err(Error::bad_input(format!(
                "{} is of format {}; this sdmad reads format {FILES_FORMAT}",
                path.display(),
                value["format"]
            ))
            .with_hint("use the version of sdmad that wrote it, or pull the encoder again"));
        }
        let files: Files = serde_json::from_value(value).map_err(damaged)?;
        for name in files.files.keys() {
            super::check_name(name).map_err(|e| e.at(path.display()))?;
        }
        Ok(Some(Inventory {
            name: files.name,
            source: FILES_NAME,
            hashes: files.files.into_iter().map(|(name, entry)| (name, entry.sha256)).collect(),
            licences: files.provenance.get("licence").cloned().into_iter().collect(),
            summary: match (files.provenance.get("model"), files.provenance.get("commit")) {
                (Some(model), Some(commit)) => format!("{model} from a hub, at {commit}"),
                _ => String::new(),
            },
        }))
    }
}

/// The files of an encoder's folder, each read again and hashed.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The files, by name.
    pub files: Vec<VerifiedFile>,
    /// Whether the folder says what its hashes must be; else they are only what was found.
    pub recorded: bool,
}

/// A file that was read and hashed.
#[derive(Clone, Debug)]
pub struct VerifiedFile {
    /// Its name, without the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 as 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Reads every file of an encoder's folder and compares its SHA-256 with the one that was recorded when it was fetched.
///
/// A folder without record (one that a user made) is hashed all the same.
///
/// # Errors
/// [`Kind::BadInput`](sdmad_base::Kind::BadInput) when a file is missing or has another hash, naming both.
pub fn verify(folder: &Path, monitor: &dyn Monitor) -> Result<Verified> {
    let inventory = Inventory::read(folder)?;
    let recorded = inventory.is_some();
    let hashes: BTreeMap<String, Option<String>> = match inventory {
        Some(inventory) => inventory.hashes.into_iter().map(|(name, hash)| (name, Some(hash))).collect(),
        None => plain_files(folder)?.into_iter().map(|name| (name, None)).collect(),
    };
    monitor.begin("verifying files", hashes.len());
    let mut files = Vec::with_capacity(hashes.len());
    for (name, expected) in hashes {
        monitor.check()?;
        let path = folder.join(&name);
        let bytes = fs::metadata(&path).map_err(|e| Error::io("read", &path, e))?.len();
        let sha256 = sha256_file(&path)?;
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            return Err(Error::bad_input(format!("{} has SHA-256 {sha256}, expected {expected}", path.display()))
                .with_hint(format!(
                    "it was changed or damaged: remove {} and pull or import it again",
                    folder.display()
                )));
        }
        files.push(VerifiedFile { name, bytes, sha256 });
        monitor.advance(1);
    }
    monitor.end();
    Ok(Verified { files, recorded })
}

/// Names of the regular files in a folder, sorted.
pub(super) fn plain_files(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| Error::io("list", folder, e))? {
        let entry = entry.map_err(|e| Error::io("list", folder, e))?;
        let file = entry.file_type().is_ok_and(|kind| kind.is_file());
        names.extend(entry.file_name().into_string().ok().filter(|_| file));
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use sdmad_base::{Silent, sha256_hex};

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), "{}").unwrap();
        let entry = FileEntry { bytes: 2, sha256: sha256_hex(b"{}") };
        Files {
            format: FILES_FORMAT,
            name: "x".to_string(),
            provenance: BTreeMap::from([("licence".to_string(), "MIT".to_string())]),
            files: BTreeMap::from([("config.json".to_string(), entry)]),
        }
        .write(&folder.path().join(FILES_NAME))
        .unwrap();
        folder
    }

    #[test]
    fn a_changed_file_is_named_with_both_hashes() {
        let folder = folder();
        assert!(verify(folder.path(), &Silent).unwrap().recorded);
        fs::write(folder.path().join("config.json"), "{} ").unwrap();
        let error = verify(folder.path(), &Silent).unwrap_err().to_string();
        assert!(error.contains("config.json") && error.contains(&sha256_hex(b"{}")), "{error}");
        fs::remove_file(folder.path().join("config.json")).unwrap();
        assert!(verify(folder.path(), &Silent).is_err());
    }

    #[test]
    fn a_folder_without_record_is_hashed_and_a_newer_record_refused() {
        let folder = folder();
        let path = folder.path().join(FILES_NAME);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
        assert!(verify(folder.path(), &Silent).unwrap_err().to_string().contains("format 2"));
        fs::remove_file(&path).unwrap();
        let found = verify(folder.path(), &Silent).unwrap();
        assert!(!found.recorded && found.files.len() == 1);
    }
}
