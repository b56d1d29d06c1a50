use std::path::{Component, Path, PathBuf};

use sdmad_base::{Error, Result};

/// The folder of the manifest, made when missing, with links resolved.
pub(super) fn out_folder(out: &Path) -> Result<PathBuf> {
    if out.file_name().is_none() {
        return Err(Error::bad_input(format!("{} names no file; expected a manifest to write", out.display()))
            .with_hint("try --out manifest.csv"));
    }
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(|e| Error::io("make", folder, e))?;
    std::fs::canonicalize(folder).map_err(|e| Error::io("read", folder, e))
}

/// How a manifest in `folder` names `path`, and whether that is relative. Both are absolute and without `..`.
///
/// Relative when the two have a folder in common other than the root of the file system: a manifest and its images
/// can then be moved together.
pub(super) fn manifest_path(path: &Path, folder: &Path) -> Result<(String, bool)> {
    let to: Vec<Component<'_>> = path.components().collect();
    let from: Vec<Component<'_>> = folder.components().collect();
    let common = to.iter().zip(&from).take_while(|(a, b)| a == b).count();
    let near = common == from.len() || to[..common].iter().any(|c| matches!(c, Component::Normal(_)));
    let text = if near {
        let up = from[common..].iter().map(|_| Some(".."));
        let parts: Option<Vec<&str>> = up.chain(to[common..].iter().map(|c| c.as_os_str().to_str())).collect();
        parts.map(|parts| parts.join("/"))
    } else {
        path.to_str().map(String::from)
    };
    let text = text.ok_or_else(|| not_utf8(path))?;
    Ok((text, near))
}

pub(super) fn not_utf8(path: &Path) -> Error {
    Error::bad_input(format!("the name of {} is no UTF-8, and a manifest is", path.display()))
        .with_hint("rename the file or folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_relative_and_far_is_absolute() {
        for (path, folder, expected) in [
            ("/d/set/a/1.png", "/d/set", ("a/1.png", true)),
            ("/d/set/a/1.png", "/d/out/x", ("../../set/a/1.png", true)),
            ("/d/set/a/1.png", "/home", ("/d/set/a/1.png", false)),
            ("/d/1.png", "/", ("d/1.png", true)),
        ] {
            let (text, near) = manifest_path(Path::new(path), Path::new(folder)).unwrap();
            assert_eq!((text.as_str(), near), expected);
        }
    }
}
