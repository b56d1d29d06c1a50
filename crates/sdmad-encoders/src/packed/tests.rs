use std::fs::{File, FileTimes};
use std::time::{Duration, SystemTime};

use super::*;
use crate::{Encoder, EncoderOptions};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/towers").join(name)
}

/// The file of a kind of tower in a folder of packed weights.
fn packed_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| !path.file_name().unwrap().to_str().unwrap().starts_with("hash-"));
    files.sort();
    files
}

fn open(name: &str, precision: Precision, packed: PackedWeights) -> Encoder {
    Encoder::open_with(&fixture(name), &EncoderOptions { precision, packed }).unwrap()
}

fn embedding(encoder: &Encoder) -> (Vec<f32>, Vec<f32>) {
    let tower = encoder.image_tower();
    let pixels = (0..40 * 30 * 3).map(|i| (i * 7 % 255) as u8).collect();
    let image = sdmad_imaging::RgbImage::new(40, 30, pixels).unwrap();
    (tower.embed_image(&image), encoder.text_tower().embed("a dark mass"))
}

#[test]
fn what_was_packed_gives_the_bits_of_the_file() {
    for name in ["hugging-face-clip", "open-clip", "biomed-clip"] {
        for precision in Precision::ALL {
            let folder = tempfile::tempdir().unwrap();
            let kept = PackedWeights::Kept(folder.path().to_path_buf());
            let expected = embedding(&open(name, precision, PackedWeights::Off));
            assert_eq!(embedding(&open(name, precision, kept.clone())), expected, "{name} {precision}");
            let files = packed_files(folder.path());
            assert_eq!(files.len(), 2, "{files:?}");
            let times = || files.iter().map(|f| fs::metadata(f).unwrap().modified().unwrap()).collect::<Vec<_>>();
            let before = times();
            let again = open(name, precision, kept);
            assert_eq!(embedding(&again), expected, "{name} {precision}");
            assert_eq!((again.identity().precision, times()), (precision, before));
        }
    }
}

#[test]
fn damaged_and_foreign_files_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let kept = PackedWeights::Kept(folder.path().to_path_buf());
    let name = "hugging-face-clip";
    let expected = embedding(&open(name, Precision::Bf16, kept.clone()));
    let file = packed_files(folder.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    let mut damages: Vec<Vec<u8>> = [0, 7, 90, whole.len() / 2, whole.len() - 1].map(|n| whole[..n].to_vec()).into();
    for place in [3, 9, 40, 100, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[place] ^= 4;
        damages.push(bytes);
    }
    damages.push([&whole[..], &[0]].concat());
    // That of the other tower, under this name.
    damages.push(fs::read(packed_files(folder.path()).remove(1)).unwrap());
    for (number, bytes) in damages.into_iter().enumerate() {
        fs::write(&file, bytes).unwrap();
        assert_eq!(embedding(&open(name, Precision::Bf16, kept.clone())), expected, "damage {number}");
        assert!(fs::read(&file).unwrap() == whole, "damage {number} was not mended");
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_costs_only_time() {
    let folder = tempfile::tempdir().unwrap();
    // A file stands where the folder would be: that refuses root, too.
    let place = folder.path().join("packed");
    fs::write(&place, "").unwrap();
    let kept = PackedWeights::Kept(place);
    let expected = embedding(&open("open-clip", Precision::F32, PackedWeights::Off));
    assert_eq!(embedding(&open("open-clip", Precision::F32, kept)), expected);
}

#[test]
fn a_configuration_that_does_not_fit_is_an_error_with_packed_weights_too() {
    let (folder, model) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for entry in fs::read_dir(fixture("hugging-face-clip")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), model.path().join(entry.file_name())).unwrap();
    }
    let options =
        EncoderOptions { packed: PackedWeights::Kept(folder.path().to_path_buf()), ..EncoderOptions::default() };
    Encoder::open_with(model.path(), &options).unwrap();
    let config = model.path().join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2")).unwrap();
    let error = Encoder::open_with(model.path(), &options).err().expect("tensors are left over").to_string();
    assert!(error.contains("does not use"), "{error}");
}

#[test]
fn a_hash_is_kept_until_the_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let kept = PackedWeights::Kept(folder.path().join("packed"));
    let path = folder.path().join("weights");
    fs::write(&path, "first").unwrap();
    let stamps = || fs::read_dir(folder.path().join("packed")).map_or(0, Iterator::count);
    assert_eq!(kept.hash_of(&path).unwrap(), sdmad_base::sha256_hex(b"first"));
    // It may change again within the same tick of the clock.
    assert_eq!(stamps(), 0);
    let state = Stamp::of(&path).unwrap();
    let PackedWeights::Kept(packed) = &kept else { unreachable!() };
    fs::create_dir_all(packed).unwrap();
    let settled = |path: &Path| {
        let mut stamp = Stamp::of(path).unwrap();
        stamp.settle();
        stamp
    };
    settled(&path).keep(packed, &"a".repeat(64));
    assert_eq!(state.hash_in(packed), Some("a".repeat(64)));
    assert_eq!(kept.hash_of(&path).unwrap(), "a".repeat(64));
    // In full where that is asked for, which mends the stamp.
    let renewed = PackedWeights::Renewed(packed.clone());
    assert_eq!(renewed.hash_of(&path).unwrap(), sdmad_base::sha256_hex(b"first"));
    settled(&path).keep(packed, &"b".repeat(64));
    fs::write(&path, "other").unwrap();
    let past = SystemTime::now() - Duration::from_secs(3600);
    File::options().write(true).open(&path).unwrap().set_times(FileTimes::new().set_modified(past)).unwrap();
    assert_eq!(kept.hash_of(&path).unwrap(), sdmad_base::sha256_hex(b"other"));
    assert!(kept.hash_of(&folder.path().join("gone")).is_err());
}
