use std::collections::BTreeMap;
use std::fs;

use sdmad_base::{Kind, Silent, sha256_hex};

use super::*;
use crate::EncoderFile;
use crate::cache::{FILES_FORMAT, FileEntry, Files};

/// Names and contents of an archive.
type Entries<'a> = Vec<(&'a str, &'a [u8])>;

/// A cache with an encoder called `mine` of two files.
fn cache() -> tempfile::TempDir {
    let cache = tempfile::tempdir().unwrap();
    let folder = encoders_dir(cache.path()).join("mine");
    fs::create_dir_all(&folder).unwrap();
    let mut files = BTreeMap::new();
    for (name, text) in [("config.json", "{}"), ("model.safetensors", "weights")] {
        fs::write(folder.join(name), text).unwrap();
        files.insert(name.to_string(), FileEntry { bytes: text.len() as u64, sha256: sha256_hex(text.as_bytes()) });
    }
    Files { format: FILES_FORMAT, name: "mine".to_string(), provenance: BTreeMap::new(), files }
        .write(&folder.join(FILES_NAME))
        .unwrap();
    cache
}

fn record(cache: &Path) -> Vec<u8> {
    fs::read(encoders_dir(cache).join("mine").join(FILES_NAME)).unwrap()
}

fn zip(path: &Path, entries: &[(&str, &[u8])]) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn there_and_back_with_equal_bytes() {
    let from = cache();
    let folder = encoders_dir(from.path()).join("mine");
    // What does not belong to the encoder stays at home.
    fs::write(folder.join("notes.txt"), "private").unwrap();
    let (first, second) = (from.path().join("a.zip"), from.path().join("b.zip"));
    export_folder(&folder, &first, &Silent).unwrap();
    export_folder(&folder, &second, &Silent).unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    assert_eq!(export_folder(&folder, &first, &Silent).unwrap_err().kind(), Kind::BadInput);

    let to = tempfile::tempdir().unwrap();
    let imported = import_into(&first, to.path(), &Silent).unwrap();
    assert_eq!(imported, encoders_dir(to.path()).join("mine"));
    assert_eq!(fs::read(imported.join("model.safetensors")).unwrap(), b"weights");
    assert!(!imported.join("notes.txt").exists());
    verify(&imported, &Silent).unwrap();
    let error = import_into(&first, to.path(), &Silent).unwrap_err();
    assert!(error.to_string().contains("there already"), "{error}");
}

#[test]
fn a_damaged_encoder_is_not_exported() {
    let from = cache();
    let folder = encoders_dir(from.path()).join("mine");
    fs::write(folder.join("config.json"), "[]").unwrap();
    let out = from.path().join("a.zip");
    assert!(export_folder(&folder, &out, &Silent).is_err());
    assert!(!out.exists());
    fs::remove_file(folder.join(FILES_NAME)).unwrap();
    assert!(export_folder(&folder, &out, &Silent).unwrap_err().to_string().contains(FILES_NAME));
}

#[test]
fn bad_archives_are_refused_and_leave_nothing() {
    let from = cache();
    let record = record(from.path());
    let good: [(&str, &[u8]); 3] =
        [("mine/files.json", &record), ("mine/config.json", b"{}"), ("mine/model.safetensors", b"weights")];
    let path = from.path().join("bad.zip");
    let renamed = String::from_utf8(record.clone()).unwrap().replace("\"mine\"", "\"other\"");
    let newer = String::from_utf8(record.clone()).unwrap().replace("\"format\": 1", "\"format\": 9");
    let cases: [(&str, Entries<'_>); 10] = [
        ("..", vec![good[0], good[1], ("mine/../../evil", b"x")]),
        ("/etc", vec![good[0], ("/etc/passwd", b"x")]),
        ("encoder/file", vec![good[0], ("loose", b"x")]),
        ("two encoders", vec![good[0], good[1], ("yours/model.safetensors", b"weights")]),
        ("holds", vec![good[0], good[1]]),
        ("holds", vec![good[0], good[1], good[2], ("mine/more", b"x")]),
        ("SHA-256", vec![good[0], good[1], ("mine/model.safetensors", b"Weights")]),
        ("neither encoder.json", vec![good[1], good[2]]),
        ("names the encoder", vec![("mine/files.json", renamed.as_bytes()), good[1], good[2]]),
        ("format 9", vec![("mine/files.json", newer.as_bytes()), good[1], good[2]]),
    ];
    for (says, entries) in cases {
        zip(&path, &entries);
        let to = tempfile::tempdir().unwrap();
        let error = import_into(&path, to.path(), &Silent).unwrap_err();
        assert!(error.kind() == Kind::BadInput && error.to_string().contains(says), "{says}: {error}");
        let left = fs::read_dir(encoders_dir(to.path())).map_or(0, |entries| entries.count());
        assert!(left <= 1, "only a lock file may stay: {says}");
    }
    fs::write(&path, "no zip").unwrap();
    assert!(import_into(&path, from.path(), &Silent).unwrap_err().to_string().contains("zip"));
    zip(&path, &good);
    import_into(&path, tempfile::tempdir().unwrap().path(), &Silent).unwrap();
}

#[test]
fn a_shipped_name_needs_the_shipped_hashes() {
    let mut file = EncoderFile::default_pair();
    file.name = "dinov2s-minilm".to_string();
    for entry in [&mut file.image.weights, &mut file.text.weights, &mut file.text.tokenizer] {
        entry.sha256 = sha256_hex(b"x");
    }
    let folder = tempfile::tempdir().unwrap();
    let (record, path) = (folder.path().join("encoder.json"), folder.path().join("a.zip"));
    file.write(&record).unwrap();
    let record = fs::read(record).unwrap();
    let mut entries: Entries<'_> = vec![("dinov2s-minilm/encoder.json", &record)];
    entries.extend(["image.safetensors", "text.safetensors", "tokenizer.json"].map(|name| match name {
        "image.safetensors" => ("dinov2s-minilm/image.safetensors", &b"x"[..]),
        "text.safetensors" => ("dinov2s-minilm/text.safetensors", &b"x"[..]),
        _ => ("dinov2s-minilm/tokenizer.json", &b"x"[..]),
    }));
    zip(&path, &entries);
    let error = import_into(&path, folder.path(), &Silent).unwrap_err();
    let pin = &Shipped::get().encoders[0].image.weights_sha256;
    assert!(error.to_string().contains(pin.as_str()), "{error}");
}
