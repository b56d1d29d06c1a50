//! `encoder list`, `check`, `export` and `import`, without a network.

use std::path::Path;

use sdmad_base::sha256_file;
use sdmad_encoders::EncoderFile;

use crate::world::{World, copy_folder, encoder_fixture};

/// Makes the small DINOv2 and MiniLM of the fixtures an encoder of sdmad: the default pair's file with their sizes.
pub(crate) fn write_encoder_file(folder: &Path) {
    let mut file = EncoderFile::default_pair();
    file.name = "small-pair".to_string();
    let image = &mut file.image.architecture;
    (image.image_size, image.patch_size, image.position_grid) = (24, 6, 9);
    (image.width, image.layers, image.heads, image.mlp_width) = (32, 3, 4, 64);
    file.image.preprocess.size = 24;
    let text = &mut file.text.architecture;
    (text.vocabulary, text.positions, text.context_length) = (19, 32, 24);
    (text.width, text.layers, text.heads, text.mlp_width) = (24, 2, 3, 48);
    let hash = |name: &str| sha256_file(&folder.join(name)).unwrap();
    file.image.weights.sha256 = hash("image.safetensors");
    file.text.weights.sha256 = hash("text.safetensors");
    file.text.tokenizer.sha256 = hash("tokenizer.json");
    file.write(&folder.join("encoder.json")).unwrap();
}

#[test]
fn an_empty_cache_is_listed_without_a_network() {
    let world = World::empty();
    let list = world.succeeds("encoder list --json").json();
    let default = list.as_array().unwrap().iter().find(|e| e["name"] == "dinov2s-minilm").unwrap();
    let keys: Vec<&String> = default.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["bytes", "cached", "folder", "licences", "name", "summary"]);
    assert_eq!(default["cached"], false);
    assert!(default["bytes"].as_u64().unwrap() > 1_000_000);
    assert!(world.succeeds("encoder list").stdout.contains("dinov2s-minilm"));
    assert_eq!(std::fs::read_dir(world.cache()).unwrap().count(), 0);
}

#[test]
fn a_folder_is_checked_and_described() {
    let world = World::new();
    let report = world.succeeds("encoder check ./encoder --json").json();
    assert_eq!((&report["image"]["layers"], &report["text"]["layers"]), (&3.into(), &2.into()));
    assert_eq!((&report["image"]["width"], &report["image"]["side"]), (&32.into(), &32.into()));
    assert_eq!((&report["joint_space"], &report["precision"]), (&true.into(), &"bf16".into()));
    assert_eq!(report["image_sha256"].as_str().unwrap().len(), 64);
    assert!(report["instructions"].as_str().is_some_and(|path| !path.is_empty()));
    let table = world.succeeds("encoder check ./encoder").stdout;
    assert!(table.contains("instruction path") && table.contains("3 layers of width 32"), "{table}");
    for fixture in ["open-clip", "biomed-clip"] {
        copy_folder(&encoder_fixture(fixture), &world.path(fixture));
    }
    world.succeeds("encoder check ./open-clip");
    world.refuses(2, "encoder check ./gone", &["./gone", "encoder list"]);
    world.refuses(2, "encoder check ./data", &["data"]);
    world.refuses(2, "encoder check no-such-name", &["no-such-name", "dinov2s-minilm"]);
}

#[test]
fn an_encoder_is_carried_to_a_machine_without_a_network() {
    let (here, there) = (World::empty(), World::empty());
    let folder = here.cache().join("encoders/small-pair");
    copy_folder(&encoder_fixture("dinov2-minilm"), &folder);
    write_encoder_file(&folder);
    assert!(here.succeeds("encoder list").stdout.contains("small-pair"));
    here.succeeds("encoder export small-pair pair.sdmad");
    there.write("pair.sdmad", here.bytes("pair.sdmad"));
    there.succeeds("encoder import pair.sdmad");
    let hashes = |world: &World| world.succeeds("encoder check small-pair --json").json();
    assert_eq!(hashes(&here), hashes(&there));

    let whole = here.bytes("pair.sdmad");
    let other = World::empty();
    for (number, bytes) in [whole[..whole.len() / 2].to_vec(), b"no archive".to_vec()].into_iter().enumerate() {
        let name = format!("damaged-{number}");
        other.write(&name, bytes);
        other.refuses(2, &format!("encoder import {name}"), &[&name]);
    }
    other.refuses(2, "encoder import gone", &["gone"]);
    other.refuses(2, "encoder export no-such-name x", &["no-such-name"]);
    assert!(!other.succeeds("encoder list --json").stdout.contains("small-pair"));
}
