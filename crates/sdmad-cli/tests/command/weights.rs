//! Weights that are damaged, or not those that a run was trained with.

use std::fs;

use crate::world::{TRAIN, World, copy_folder, encoder_fixture, set_number, tensor_names};

const EVALUATE: &str = "evaluate --run run --data data/manifest.csv --out eval";
const PREDICT: &str = "predict --run run --out answers data/images";

#[test]
fn weights_that_are_no_numbers_are_refused() {
    let world = World::new();
    let weights = world.path("encoder/model.safetensors");
    let whole = fs::read(&weights).unwrap();
    let name = tensor_names(&weights).into_iter().find(|n| n.contains("vision_model.encoder.layers.1")).unwrap();
    for number in [f32::NAN, f32::INFINITY] {
        set_number(&weights, &name, 2, number);
        let train = format!("{TRAIN} --shots 4 --out run");
        world.refuses(2, &train, &["encoder/model.safetensors", &name, "finite"]);
        world.refuses(2, "encoder check ./encoder", &["encoder/model.safetensors", &name, "finite"]);
    }
    fs::write(&weights, &whole[..whole.len() - 100]).unwrap();
    world.refuses(2, "encoder check ./encoder", &["encoder/model.safetensors"]);
    fs::remove_file(&weights).unwrap();
    world.refuses(2, "encoder check ./encoder", &["model.safetensors"]);
}

#[test]
fn an_encoder_that_changed_after_training_is_refused() {
    let world = World::trained();
    let weights = world.path("encoder/model.safetensors");
    let name = tensor_names(&weights).into_iter().find(|n| n.contains("vision_model.encoder.layers.1")).unwrap();
    set_number(&weights, &name, 0, 0.123);
    let expected = world.json("run/adapter_config.json")["encoder"]["image_sha256"].as_str().unwrap().to_string();
    for arguments in [EVALUATE, PREDICT] {
        world.refuses(2, arguments, &["encoder", "SHA-256", &expected, "train again"]);
    }
    // An encoder of the cache has its hashes beside it.
    let folder = world.path("pair");
    copy_folder(&encoder_fixture("dinov2-minilm"), &folder);
    crate::encoder::write_encoder_file(&folder);
    world.succeeds("encoder check ./pair");
    let weights = folder.join("text.safetensors");
    set_number(&weights, &tensor_names(&weights)[0], 0, 0.5);
    world.refuses(2, "encoder check ./pair", &["pair/text.safetensors", "SHA-256"]);
}

#[test]
fn a_damaged_run_is_refused() {
    let world = World::trained();
    copy_folder(&world.path("run"), &world.path("whole"));
    let restore = |name: &str| fs::copy(world.path("whole").join(name), world.path("run").join(name)).unwrap();

    let tensors = world.path("run/adapter_model.safetensors");
    set_number(&tensors, "bridge.weight", 7, f32::NAN);
    for arguments in [EVALUATE, PREDICT] {
        world.refuses(2, arguments, &["run/adapter_model.safetensors", "bridge.weight", "NaN", "finite"]);
    }
    fs::write(&tensors, &world.bytes("whole/adapter_model.safetensors")[..200]).unwrap();
    world.refuses(2, EVALUATE, &["run/adapter_model.safetensors"]);
    restore("adapter_model.safetensors");

    let config = "run/adapter_config.json";
    world.edit(config, |text| text.replacen("\"format\": 6", "\"format\": 1", 1));
    for arguments in [EVALUATE, PREDICT] {
        world.refuses(2, arguments, &[config, "format 1", "formats 3 to 6"]);
    }
    // A newer format is named first, whatever else is new in the file.
    world.write(config, "{\"format\": 9, \"all_is_new\": true}");
    world.refuses(2, EVALUATE, &[config, "format 9"]);
    world.write(config, "{\"format\": \"one\"}");
    world.refuses(2, EVALUATE, &[config]);
    restore("adapter_config.json");
    world.edit(config, |text| text.replacen("\"draw\"", "\"drawn\"", 1));
    world.refuses(2, EVALUATE, &[config, "drawn"]);
    restore("adapter_config.json");

    // Settings that are edited by hand do not fit what was trained.
    for (before, after, parts) in [
        ("\"layers\": 5", "\"layers\": 1", vec!["64 features", "192"]),
        ("\"layers\": 5", "\"layers\": 0", vec!["features.layers = 0"]),
        ("\"lambda\": 0.9", "\"lambda\": 9", vec!["adapters.lambda = 9"]),
        ("\"method\": \"sdmad\"", "\"method\": \"pixels\"", vec!["an encoder", "Pixels"]),
    ] {
        world.edit(config, |text| text.replacen(before, after, 1));
        world.refuses(2, EVALUATE, &[&[config], &parts[..]].concat());
        restore("adapter_config.json");
    }
    // A shot that is missing in the list would be tested.
    world.edit("run/shots.csv", |text| text[..text.trim_end().rfind('\n').unwrap() + 1].to_string());
    world.refuses(2, EVALUATE, &["run/shots.csv", "adapter_config.json says"]);
    restore("shots.csv");
    let mut selection = world.json("run/selection.json");
    selection["signs"].as_array_mut().unwrap().pop();
    world.write("run/selection.json", selection.to_string());
    world.refuses(2, EVALUATE, &["run/selection.json", "signs.toml has"]);
    restore("selection.json");

    world.edit("run/signs.toml", |text| text.replacen("echo-free", "echo-poor", 1));
    world.refuses(2, EVALUATE, &["run/signs.toml", "SHA-256", "train again"]);
    restore("signs.toml");

    for name in world.names("whole") {
        fs::remove_file(world.path("run").join(&name)).unwrap();
        // The card and the log are for people.
        if !["README.md", "training.jsonl"].contains(&name.as_str()) {
            world.refuses(2, EVALUATE, &[&name]);
        }
        restore(&name);
        if name.ends_with(".json") {
            world.write(&format!("run/{name}"), "{ not json");
            world.refuses(2, EVALUATE, &[&name]);
            restore(&name);
        }
    }
    world.refuses(2, "evaluate --run data --data data/manifest.csv --out eval", &["data", "no run folder"]);
    world.succeeds(EVALUATE);
}
