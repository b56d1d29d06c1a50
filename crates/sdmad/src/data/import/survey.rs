//! All files of a set whose labels are in tables: images by name, and the tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Monitor, Result};

use super::draft::Draft;
use super::tree::{Listing, OTHER_TREES, is_dicom, walk};

/// An image that a table may name.
#[derive(Debug, Default)]
struct Entry {
    /// Files with this name; more than one in copies of a set.
    paths: Vec<PathBuf>,
    taken: bool,
}

/// The files below a folder.
#[derive(Debug)]
pub(super) struct Survey {
    kind: &'static str,
    root: Listing,
    images: BTreeMap<String, Entry>,
    files: Vec<(PathBuf, bool)>,
    /// Part of the path, in lower case, of the file to take where several have one name.
    preferred: &'static str,
}

impl Survey {
    /// Goes through `root`. A key is made of the last `parts` parts of a path, without the ending, in lower case, with
    /// `/` between them.
    pub(super) fn read(kind: &'static str, root: &Path, parts: usize, monitor: &dyn Monitor) -> Result<Self> {
        let mut survey =
            Survey { kind, root: Listing::read(root)?, images: BTreeMap::new(), files: Vec::new(), preferred: "" };
        let mut visit = |listing: &Listing| {
            for path in listing.image_paths() {
                survey.images.entry(key(&path, parts)).or_default().paths.push(path);
            }
            for name in &listing.others {
                let path = listing.path.join(name);
                if is_dicom(name) {
                    survey.images.entry(key(&path, parts)).or_default().paths.push(path);
                } else {
                    survey.files.push((path, false));
                }
            }
        };
        walk(root, &mut Vec::new(), &mut visit, monitor)?;
        Ok(survey)
    }

    /// Where several files have one name, the one with this in its path (lower case) is taken.
    pub(super) fn prefer(&mut self, part: &'static str) {
        self.preferred = part;
    }

    /// The file that is no image and whose name, in lower case, is wanted.
    ///
    /// # Errors
    /// When there are several.
    pub(super) fn file(&mut self, wanted: impl Fn(&str) -> bool) -> Result<Option<PathBuf>> {
        let named = |path: &Path| path.file_name().is_some_and(|n| wanted(&n.to_string_lossy().to_lowercase()));
        let mut found = self.files.iter_mut().filter(|(path, _)| named(path));
        let Some((path, used)) = found.next() else { return Ok(None) };
        if let Some((other, _)) = found.next() {
            return Err(several(path, other));
        }
        *used = true;
        Ok(Some(path.clone()))
    }

    /// The file whose name has all of these parts, for the first of the rows that has one.
    pub(super) fn first(&mut self, rows: &[&[&str]]) -> Result<Option<PathBuf>> {
        for parts in rows {
            if let Some(path) = self.file(|name| parts.iter().all(|part| name.contains(part)))? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// As [`Survey::file`], for a file without which the tree is not the layout.
    pub(super) fn needed(&mut self, looked_for: &str, wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
        match self.file(wanted)? {
            Some(path) => Ok(path),
            None => Err(self.unexpected(looked_for)),
        }
    }

    /// The error of a tree that is not the layout.
    pub(super) fn unexpected(&self, looked_for: &str) -> Error {
        let names: Vec<String> = self
            .files
            .iter()
            .take(12)
            .filter_map(|(p, _)| p.file_name())
            .map(|n| n.to_string_lossy().into_owned())
            .collect();
        let tables = if names.is_empty() { String::new() } else { format!(", and files such as {}", names.join(", ")) };
        Error::bad_input(format!(
            "{} has not the layout `{}`: looked for {looked_for}, there or in folders below; found {}; with the folders below {} images in all{tables}",
            self.root.path.display(),
            self.kind,
            self.root.describe(),
            self.images.len()
        ))
        .with_hint(OTHER_TREES)
    }

    /// Takes the image of this name, with or without an ending; counts why there is none.
    pub(super) fn claim(&mut self, name: &str, draft: &mut Draft) -> Result<Option<PathBuf>> {
        let lower = name.to_lowercase();
        let without = lower.rsplit_once('.').map(|(stem, _)| stem.to_string());
        let key = [Some(lower), without].into_iter().flatten().find(|key| self.images.contains_key(key));
        let Some(entry) = key.and_then(|key| self.images.get_mut(&key)) else {
            draft.skip("a table names them, but there is no such file");
            return Ok(None);
        };
        if entry.taken {
            draft.skip("a table has a further row for them; the first one counts");
            return Ok(None);
        }
        entry.taken = true;
        pick(&entry.paths, self.preferred).map(Some)
    }

    /// The keys of all images, in order.
    pub(super) fn keys(&self) -> Vec<String> {
        self.images.keys().cloned().collect()
    }

    /// All files of a key, without taking them.
    pub(super) fn paths(&self, key: &str) -> &[PathBuf] {
        self.images.get(key).map_or(&[], |entry| &entry.paths)
    }

    /// Counts the files that are no images and were not used.
    pub(super) fn leave_files(&self, draft: &mut Draft) {
        for (path, _) in self.files.iter().filter(|(_, used)| !used) {
            draft.left_out.add_file(&path.file_name().unwrap_or_default().to_string_lossy());
        }
    }

    /// Puts what was not used into the draft's counts.
    ///
    /// # Errors
    /// When no image was taken at all.
    pub(super) fn finish(self, looked_for: &str, draft: &mut Draft) -> Result<()> {
        let untaken = self.images.values().filter(|entry| !entry.taken).count();
        draft.skip_all("nothing says what they show", untaken);
        self.finish_part(looked_for, draft)
    }

    /// As [`Survey::finish`], where images of other parts may be in the tree.
    pub(super) fn finish_part(self, looked_for: &str, draft: &mut Draft) -> Result<()> {
        if !self.images.values().any(|entry| entry.taken) {
            return Err(self.unexpected(looked_for));
        }
        let copies: usize = self.images.values().filter(|e| e.taken).map(|e| e.paths.len() - 1).sum();
        if copies > 0 {
            draft.notices.push(format!("{copies} further files with names of images that were taken were passed over"));
        }
        self.leave_files(draft);
        let dicoms = draft.images.iter().filter(|found| is_dicom(&found.image.to_string_lossy())).count();
        if dicoms > 0 {
            draft.notices.push(format!(
                "{dicoms} images are DICOM files, which cannot be read yet. Convert them to PNG of the same name, in the same folder or another below {}, and import again: \
                 images are then taken before DICOM files. Where a file's photometric interpretation is MONOCHROME1, low values are white and the conversion must invert it",
                self.root.path.display()
            ));
        }
        Ok(())
    }
}

fn key(path: &Path, parts: usize) -> String {
    let mut names: Vec<String> =
        path.iter().rev().take(parts).map(|name| name.to_string_lossy().trim().to_lowercase()).collect();
    names.reverse();
    if let Some(last) = names.last_mut()
        && let Some((stem, _)) = last.rsplit_once('.')
    {
        *last = stem.to_string();
    }
    names.join("/")
}

/// The file to take: one that can be read before a DICOM file, then the preferred one.
fn pick(paths: &[PathBuf], preferred: &str) -> Result<PathBuf> {
    let mut best: Vec<&PathBuf> = paths.iter().collect();
    let narrow = |best: &mut Vec<&PathBuf>, test: &dyn Fn(&str) -> bool| {
        let some: Vec<&PathBuf> = best.iter().copied().filter(|p| test(&p.to_string_lossy().to_lowercase())).collect();
        if !some.is_empty() {
            *best = some;
        }
    };
    narrow(&mut best, &|path| !is_dicom(path));
    narrow(&mut best, &|path| path.contains(preferred));
    let length = |path: &Path| std::fs::metadata(path).map(|data| data.len()).ok();
    let (first, others) = best.split_first().ok_or_else(|| Error::bad_input("an image without a file"))?;
    // Some archives hold the whole set twice; a resized copy has another length.
    match others.iter().find(|other| length(other) != length(first)) {
        Some(other) => Err(several(first, other)),
        None => Ok((*first).clone()),
    }
}

fn several(one: &Path, other: &Path) -> Error {
    Error::bad_input(format!("both {} and {} could be meant; expected one of them", one.display(), other.display()))
        .with_hint("name the folder of one copy as ROOT, or move the other away")
}
