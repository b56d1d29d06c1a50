use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sdmad_base::{AtomicDir, AtomicFile, Error, Monitor, Result, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::cache::{
    FILES_NAME, Inventory, Lock, cache_dir, check_name, encoder_folder, encoders_dir, verify, with_cache_hint,
};
use crate::pull::Shipped;

/// Files in an archive, at most.
const MOST_FILES: usize = 64;
/// Sizes above which a file of an archive, and all together, are refused, in bytes.
const LARGEST_FILE: u64 = 20 << 30;
const LARGEST_RECORD: u64 = 4 << 20;

/// Writes an encoder of the cache into one file, for a machine without network: a zip file, not compressed, in
/// which everything lies below the encoder's name. Equal encoders give equal bytes.
///
/// # Errors
/// When the encoder is not in the cache, one of its files has a wrong hash, or the file cannot be written.
pub fn export(name: &str, file: &Path, monitor: &dyn Monitor) -> Result<()> {
    let folder = encoder_folder(name)?;
    if !folder.is_dir() {
        return Err(Error::bad_input(format!("the encoder {name} is not in the cache ({})", folder.display()))
            .with_hint(format!("fetch it first: `sdmad encoder pull {name}`")));
    }
    export_folder(&folder, file, monitor)
}

fn export_folder(folder: &Path, file: &Path, monitor: &dyn Monitor) -> Result<()> {
    let inventory = Inventory::read(folder)?.ok_or_else(|| {
        Error::bad_input(format!(
            "{} has neither encoder.json nor {FILES_NAME}, so its hashes are not known",
            folder.display()
        ))
        .with_hint("copy a folder of your own as it is, and give it with --encoder")
    })?;
    check_name(&inventory.name)?;
    if file.exists() {
        return Err(Error::bad_input(format!("{} is there already; nothing was written over", file.display()))
            .with_hint("name another file, or remove this one"));
    }
    let verified = verify(folder, monitor)?;
    let total: u64 = verified.files.iter().map(|f| f.bytes).sum();
    monitor.begin(&format!("writing {}", file.display()), usize::try_from(total).unwrap_or(usize::MAX));
    let failed = |e: zip::result::ZipError| Error::io("write", file, e.into());
    let mut zip = ZipWriter::new(BufWriter::with_capacity(1 << 20, AtomicFile::create(file)?));
    // The record first: a reader checks each file against it as it comes.
    let names = std::iter::once(inventory.source).chain(inventory.hashes.keys().map(String::as_str));
    for name in names {
        let path = folder.join(name);
        let mut source = File::open(&path).map_err(|e| Error::io("read", &path, e))?;
        let large = source.metadata().map_err(|e| Error::io("read", &path, e))?.len() >= u64::from(u32::MAX);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(0o644)
            .large_file(large);
        zip.start_file(format!("{}/{name}", inventory.name), options).map_err(failed)?;
        copy(&mut source, &path, |bytes| {
            monitor.check()?;
            monitor.advance(bytes.len());
            zip.write_all(bytes).map_err(|e| Error::io("write", file, e))
        })?;
    }
    let out = zip.finish().map_err(failed)?;
    out.into_inner().map_err(|e| Error::io("write", file, e.into_error()))?.commit()?;
    monitor.end();
    Ok(())
}

/// Puts an encoder that [`export`] wrote into the cache and gives its folder. Every file is checked against its
/// recorded hash; an encoder that sdmad can pull by name must have the hashes that a pull would give.
///
/// # Errors
/// [`Kind::BadInput`](sdmad_base::Kind::BadInput) when the file is no such archive, has names that lead elsewhere, files too
/// many, too large or not recorded, or a wrong hash; when the cache has this encoder already. Nothing stays behind then.
pub fn import(file: &Path, monitor: &dyn Monitor) -> Result<PathBuf> {
    import_into(file, &cache_dir()?, monitor)
}

fn import_into(file: &Path, cache: &Path, monitor: &dyn Monitor) -> Result<PathBuf> {
    let refuse = |why: String| {
        Error::bad_input(format!("{}: {why}", file.display()))
            .with_hint("write it again with `sdmad encoder export NAME FILE`")
    };
    let source = File::open(file).map_err(|e| Error::io("read", file, e))?;
    let mut archive = ZipArchive::new(source).map_err(|e| refuse(format!("not a zip file: {e}")))?;
    if archive.len() < 2 || archive.len() > MOST_FILES {
        return Err(refuse(format!("{} files, expected 2 to {MOST_FILES}", archive.len())));
    }
    let mut encoder = String::new();
    let mut names = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|e| refuse(format!("entry {index}: {e}")))?;
        let path = std::str::from_utf8(entry.name_raw())
            .map_err(|_| refuse(format!("the name of entry {index} is no UTF-8")))?;
        // Exactly `<encoder>/<file>`, both plain: nothing can lead out of the folder.
        let parts =
            path.split_once('/').filter(|(folder, name)| check_name(folder).is_ok() && check_name(name).is_ok());
        let Some((folder, name)) = parts else {
            return Err(refuse(format!("{path:?} is no `encoder/file`")));
        };
        if index > 0 && folder != encoder {
            return Err(refuse(format!("it holds two encoders, {encoder:?} and {folder:?}")));
        }
        if entry.is_symlink() || entry.size() > LARGEST_FILE {
            return Err(refuse(format!("{path:?} is a link, or larger than {LARGEST_FILE} bytes")));
        }
        encoder = folder.to_string();
        names.push(name.to_string());
    }
    let record = names.iter().position(|name| name == "encoder.json" || name == FILES_NAME);
    let record = record.ok_or_else(|| refuse(format!("it has neither encoder.json nor {FILES_NAME}")))?;

    let root = encoders_dir(cache);
    let target = root.join(&encoder);
    let _lock = Lock::acquire(&root, &encoder, monitor)?;
    if target.is_dir() {
        return Err(Error::bad_input(format!("{} is there already; nothing was written over", target.display()))
            .with_hint("remove that folder to import the encoder again"));
    }
    let staging = AtomicDir::create(&target).map_err(with_cache_hint)?;
    unpack(&mut archive, record, &staging.path().join(&names[record]), LARGEST_RECORD, file, monitor)?;
    let inventory = Inventory::read(staging.path())
        .map_err(|e| e.at(file.display()))?
        .ok_or_else(|| refuse("it has no record".to_string()))?;
    if inventory.name != encoder {
        return Err(refuse(format!(
            "{} names the encoder {:?}, the archive {encoder:?}",
            inventory.source, inventory.name
        )));
    }
    expect_shipped(&inventory).map_err(|e| e.at(file.display()))?;
    let listed: BTreeSet<&str> = names.iter().map(String::as_str).filter(|name| *name != inventory.source).collect();
    let recorded: BTreeSet<&str> = inventory.hashes.keys().map(String::as_str).collect();
    if listed != recorded || listed.len() + 1 != names.len() {
        return Err(refuse(format!("it holds {listed:?}, its {} names {recorded:?}", inventory.source)));
    }
    monitor.begin("importing the encoder", names.len() - 1);
    for (index, name) in names.iter().enumerate().filter(|(index, _)| *index != record) {
        let hash = unpack(&mut archive, index, &staging.path().join(name), LARGEST_FILE, file, monitor)?;
        if inventory.hashes.get(name) != Some(&hash) {
            let expected = &inventory.hashes[name];
            return Err(refuse(format!("{name} has SHA-256 {hash}, expected {expected}; nothing was imported")));
        }
        monitor.advance(1);
    }
    monitor.end();
    staging.commit()?;
    Ok(target)
}

/// An encoder under a shipped name must be that encoder.
fn expect_shipped(inventory: &Inventory) -> Result<()> {
    let Some(pair) = Shipped::get().encoders.iter().find(|pair| pair.name == inventory.name) else { return Ok(()) };
    let pins = [&pair.image.weights_sha256, &pair.text.weights_sha256, &pair.text.tokenizer_sha256];
    for pin in pins {
        if !inventory.hashes.values().any(|hash| hash == pin) {
            return Err(Error::bad_input(format!(
                "it is called {}, but no file of it has SHA-256 {pin}; the hashes are {:?}",
                inventory.name, inventory.hashes
            ))
            .with_hint("it is another encoder, or was written by another version of sdmad"));
        }
    }
    Ok(())
}

/// Unpacks an entry into a new file and gives its SHA-256.
fn unpack(
    archive: &mut ZipArchive<File>,
    index: usize,
    to: &Path,
    limit: u64,
    from: &Path,
    monitor: &dyn Monitor,
) -> Result<String> {
    let mut entry = archive.by_index(index).map_err(|e| Error::bad_input(format!("{}: {e}", from.display())))?;
    let mut out = AtomicFile::create(to)?;
    let (mut hash, mut total) = (Sha256::new(), 0);
    copy(&mut entry, from, |bytes| {
        monitor.check()?;
        total += bytes.len() as u64;
        if total > limit {
            return Err(Error::bad_input(format!("{}: entry {index} has more than {limit} bytes", from.display())));
        }
        hash.update(bytes);
        out.write_all(bytes).map_err(|e| Error::io("write", to, e))
    })?;
    out.commit()?;
    Ok(hash.finish())
}

fn copy(source: &mut impl Read, path: &Path, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => take(&buffer[..count])?,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::io("read", path, e)),
        }
    }
}

#[cfg(test)]
mod tests;
