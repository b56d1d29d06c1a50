use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Monitor, Result};

/// Endings of the images that can be read, in lower case.
const IMAGE_ENDINGS: [&str; 7] = ["png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp"];
/// What systems and archivers leave in folders.
const LITTER: [&str; 3] = ["__MACOSX", "Thumbs.db", "desktop.ini"];
/// Folders below a folder, at most: deeper than any data set.
const DEEPEST: usize = 16;

/// What to do with a tree that is no layout.
pub(super) const OTHER_TREES: &str = "docs/data.md shows the trees; for other trees sort the images into one folder for each category, and import `folders`";

/// What a folder holds, sorted by name. Hidden files are not in it.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) path: PathBuf,
    pub(super) folders: Vec<String>,
    pub(super) images: Vec<String>,
    /// Files that are no images.
    pub(super) others: Vec<String>,
}

impl Listing {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut listing = Listing { path: path.to_path_buf(), ..Listing::default() };
        for entry in fs::read_dir(path).map_err(|e| Error::io("list", path, e))? {
            let entry = entry.map_err(|e| Error::io("list", path, e))?;
            let name = entry.file_name().into_string().map_err(|_| super::paths::not_utf8(&entry.path()))?;
            if name.starts_with('.') || LITTER.contains(&name.as_str()) {
                continue;
            }
            // A link counts as what it leads to; one that leads nowhere is no image.
            let kind = fs::metadata(entry.path());
            if kind.as_ref().is_ok_and(fs::Metadata::is_dir) {
                listing.folders.push(name);
            } else if kind.is_ok_and(|k| k.is_file()) && is_image(&name) {
                listing.images.push(name);
            } else {
                listing.others.push(name);
            }
        }
        listing.folders.sort_unstable();
        listing.images.sort_unstable();
        listing.others.sort_unstable();
        Ok(listing)
    }

    /// The folder with one of these names, whatever their case.
    ///
    /// # Errors
    /// When there are two.
    pub(super) fn folder(&self, names: &[&str]) -> Result<Option<PathBuf>> {
        let mut found = self.folders.iter().filter(|f| names.iter().any(|n| n.eq_ignore_ascii_case(f)));
        let first = found.next();
        if let (Some(a), Some(b)) = (first, found.next()) {
            return Err(Error::bad_input(format!(
                "{} has both `{a}` and `{b}`; expected one of them",
                self.path.display()
            ))
            .with_hint("put them into one folder, or move one away"));
        }
        Ok(first.map(|name| self.path.join(name)))
    }

    /// The images as paths.
    pub(super) fn image_paths(&self) -> Vec<PathBuf> {
        self.images.iter().map(|name| self.path.join(name)).collect()
    }

    /// What is there, for error messages.
    pub(super) fn describe(&self) -> String {
        let folders = match self.folders.len() {
            0 => "no folders".to_string(),
            n if n > 12 => format!("{n} folders: {}, …", self.folders[..12].join(", ")),
            n => format!("{n} folders: {}", self.folders.join(", ")),
        };
        format!("{folders}; {} images and {} other files directly in it", self.images.len(), self.others.len())
    }
}

/// The error of a tree that is not the layout: what was looked for, and what is there.
pub(super) fn unexpected(kind: &str, found: &Listing, looked_for: &str) -> Error {
    Error::bad_input(format!(
        "{} has not the layout `{kind}`: looked for {looked_for}; found {}",
        found.path.display(),
        found.describe()
    ))
    .with_hint(OTHER_TREES)
}

/// Whether the name ends as images do.
pub(super) fn is_image(name: &str) -> bool {
    ending(name).is_some_and(|e| IMAGE_ENDINGS.contains(&e.as_str()))
}

/// Whether the name ends as DICOM files do.
pub(super) fn is_dicom(name: &str) -> bool {
    ending(name).is_some_and(|e| e == "dcm" || e == "dicom")
}

fn ending(name: &str) -> Option<String> {
    name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase())
}

/// The name without its ending.
pub(super) fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|s| s.to_str()).unwrap_or("")
}

/// Files that are no images, counted by ending.
#[derive(Debug, Default)]
pub(super) struct LeftOut(BTreeMap<String, usize>);

impl LeftOut {
    pub(super) fn add(&mut self, listing: &Listing) {
        listing.others.iter().for_each(|name| self.add_file(name));
    }

    pub(super) fn add_file(&mut self, name: &str) {
        let ending = ending(name).map_or("without an ending".to_string(), |e| format!(".{e}"));
        *self.0.entry(ending).or_default() += 1;
    }

    pub(super) fn notice(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let kinds: Vec<String> = self.0.iter().map(|(ending, count)| format!("{count} {ending}")).collect();
        Some(format!("files that are no images were left out: {}", kinds.join(", ")))
    }
}

/// All images in a folder and below, sorted within each folder.
pub(super) fn images_below(folder: &Path, left_out: &mut LeftOut, monitor: &dyn Monitor) -> Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    let mut visit = |listing: &Listing| {
        left_out.add(listing);
        images.extend(listing.image_paths());
    };
    walk(folder, &mut Vec::new(), &mut visit, monitor)?;
    Ok(images)
}

/// Shows `visit` the folder and then all folders below.
pub(super) fn walk(
    folder: &Path,
    above: &mut Vec<PathBuf>,
    visit: &mut dyn FnMut(&Listing),
    monitor: &dyn Monitor,
) -> Result<()> {
    monitor.check()?;
    let real = fs::canonicalize(folder).map_err(|e| Error::io("list", folder, e))?;
    if above.contains(&real) || above.len() >= DEEPEST {
        return Err(Error::bad_input(format!(
            "{} lies in itself, or more than {DEEPEST} folders deep",
            folder.display()
        ))
        .with_hint("remove the link that leads back"));
    }
    let listing = Listing::read(folder)?;
    visit(&listing);
    above.push(real);
    for name in &listing.folders {
        walk(&folder.join(name), above, visit, monitor)?;
    }
    above.pop();
    Ok(())
}
