//! `train`: the run folder, its shots, the baselines and the trained adapters.

use std::collections::BTreeSet;

use crate::world::{Outcome, TRAIN, World, copy_folder, encoder_fixture, tensor_names};

/// The files of a run folder, in order.
const FILES: [&str; 10] = [
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "calibration.json",
    "scope.json",
    "selection.json",
    "shots.csv",
    "signs.toml",
    "support.safetensors",
    "training.jsonl",
];

const CATEGORIES: [&str; 4] = ["cyst", "benign_mass", "malignant_mass", "calcification"];

#[test]
fn a_run_folder_has_the_files_of_the_interface() {
    let world = World::new();
    let outcome = world.succeeds(&format!("{TRAIN} --shots 4 --draw 2 --out deep/run"));
    assert_eq!(outcome.stdout, "");
    assert_eq!(world.names("deep/run"), FILES);
    assert_eq!(world.names("deep"), ["run"]);

    let config = world.json("deep/run/adapter_config.json");
    assert_eq!(config["format"], 6);
    assert_eq!(config["method"], "sdmad");
    assert_eq!((&config["shots"], &config["draw"]), (&"4".into(), &2.into()));
    assert_eq!(config["categories"], serde_json::json!(CATEGORIES));
    for hash in [
        &config["encoder"]["image_sha256"],
        &config["encoder"]["text_sha256"],
        &config["bank"]["sha256"],
        &config["manifest_sha256"],
    ] {
        assert_eq!(hash.as_str().unwrap().len(), 64);
    }
    for section in ["text", "features", "bridge", "adapters", "loss", "selection"] {
        assert!(config["settings"][section].is_object(), "{section}");
    }

    let selection = world.json("deep/run/selection.json");
    let ids: Vec<&str> =
        selection["categories"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&["normal"], &CATEGORIES[..]].concat());
    for choice in selection["categories"].as_array().unwrap().iter().flat_map(|c| c["signs"].as_array().unwrap()) {
        let keys: Vec<&String> = choice.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["choice", "id", "margin"]);
    }

    let shots = world.read("deep/run/shots.csv");
    assert_eq!(shots.lines().next(), Some("image,patient,fingerprint,shows"));
    for id in [&["normal"], &CATEGORIES[..]].concat() {
        let count = shots.lines().filter(|l| l.rsplit(',').next().unwrap().split(';').any(|s| s == id)).count();
        assert!(count >= 4, "{count} shots of {id}");
    }
    let train: BTreeSet<String> = world.images("train", |_| true).into_iter().collect();
    assert!(shots.lines().skip(1).all(|l| train.contains(&format!("data/{}", l.split(',').next().unwrap()))));

    assert!(world.json_lines("deep/run/training.jsonl").iter().all(|line| line["stage"].is_string()));
    assert!(world.read("deep/run/README.md").contains("Research use only, not a medical device"));
    assert!(world.read("deep/run/signs.toml").starts_with("schema = 1"));
    let tensors = tensor_names(&world.path("deep/run/adapter_model.safetensors"));
    let (folds, rest): (Vec<_>, Vec<_>) = tensors.into_iter().partition(|t| t.starts_with("without_fold."));
    assert_eq!(rest, ["bridge.bias", "bridge.weight", "maps.bias", "maps.weight", "signs.coordinates"]);
    assert_eq!(folds.len() as u64, 2 * config["fold_models"].as_u64().unwrap());
    assert_eq!(tensor_names(&world.path("deep/run/support.safetensors")), ["features"]);
}

#[test]
fn baselines_train_evaluate_and_predict() {
    let world = World::new();
    for method in ["linear-probe", "pixels"] {
        let (run, out) = (format!("{method}/run"), format!("{method}/eval"));
        world.succeeds(&format!("{TRAIN} --method {method} --shots 4 --out {run}"));
        let files: Vec<&str> = FILES.into_iter().filter(|f| !["selection.json", "signs.toml"].contains(f)).collect();
        assert_eq!(world.names(&run), files);
        world.succeeds(&format!("evaluate --run {run} --data data/manifest.csv --out {out}"));
        let metrics = world.json(&format!("{out}/metrics.json"));
        assert_eq!(metrics["run"]["method"], method);
        assert!(metrics["protocols"]["detection"]["auroc"]["value"].is_f64());
        assert!(metrics["signs"].is_null());
        let image = world.images("test", |_| true).remove(0);
        world.succeeds(&format!("predict --run {run} --out {method} {image}"));
        let line = world.json_lines(&format!("{method}/predictions.jsonl")).remove(0);
        assert_eq!(line["categories"][0]["signs"], serde_json::json!([]));
        let truth = format!("evaluate --run {run} --data data/manifest.csv --sign-truth data/signs.csv --out none");
        world.refuses(2, &truth, &["has no signs", "--sign-truth"]);
    }
    // Pixels need no encoder at all, and say so in the run.
    assert!(world.json("pixels/run/adapter_config.json")["encoder"].is_null());
}

#[test]
fn the_papers_preset_trains_adapters_and_measures_through_them() {
    let world = World::new();
    world.succeeds(&format!("{TRAIN} --preset paper --set adapters.epochs=2 --shots 4 --out run"));
    let tensors = tensor_names(&world.path("run/adapter_model.safetensors"));
    // The tower of three layers has an adapter behind each, that of two as well.
    for name in ["image.layer.3.down.weight", "image.layer.1.up.weight", "text.layer.2.up.weight"] {
        assert!(tensors.iter().any(|t| t == name), "{name} is missing: {tensors:?}");
    }
    let config = world.json("run/adapter_config.json");
    assert_eq!(config["image_adapters"], serde_json::json!([1, 2, 3]));
    assert_eq!(config["text_adapters"], serde_json::json!([1, 2]));
    assert_eq!(config["settings"]["adapters"]["mode"], "on");
    let steps = world.json_lines("run/training.jsonl");
    assert!(steps.iter().any(|s| s["stage"] == "adapters"), "{steps:?}");

    world.succeeds("evaluate --run run --data data/manifest.csv --out through");
    let anew = "evaluate --run run --data data/manifest.csv --signs phantom --out anew";
    world.refuses(2, anew, &["trained its text tower", "edit the bank"]);
    // Another number in an adapter gives other scores: evaluation does go through them.
    copy_folder(&world.path("run"), &world.path("other"));
    let file = world.path("other/adapter_model.safetensors");
    for place in 0..32 {
        crate::world::set_number(&file, "image.layer.3.up.weight", place, 3.0);
    }
    world.succeeds("evaluate --run other --data data/manifest.csv --out otherwise");
    assert_ne!(world.read("through/scores.csv"), world.read("otherwise/scores.csv"));
}

#[test]
fn a_pair_without_a_joint_space_trains_too() {
    let world = World::new();
    // The layout of the default pair, under a name of the cache.
    let folder = world.cache().join("encoders/small-pair");
    copy_folder(&encoder_fixture("dinov2-minilm"), &folder);
    crate::encoder::write_encoder_file(&folder);
    world.succeeds("train --data data/manifest.csv --signs phantom --encoder small-pair --shots 4 --out run");
    assert_eq!(world.json("run/adapter_config.json")["encoder"]["name"], "small-pair");
    world.succeeds("evaluate --run run --data data/manifest.csv --out eval");
    assert!(world.json("eval/metrics.json")["protocols"]["multilabel"]["macro_auroc"]["value"].is_f64());
}

#[test]
fn a_run_finds_an_encoder_folder_again_from_another_place() {
    let world = World::trained();
    let image = world.images("test", |_| true).remove(0);
    std::fs::create_dir(world.path("elsewhere")).unwrap();
    let mut command = world.command();
    command.current_dir(world.path("elsewhere"));
    let outcome = Outcome::of(command.args(["predict", "--run", "../run", "--out", "."]).arg(world.path(&image)));
    assert_eq!(outcome.status, Some(0), "{outcome:#?}");
}

#[test]
fn shots_are_drawn_listed_or_all() {
    let world = World::new();
    world.succeeds(&format!("{TRAIN} --shots 4 --draw 1 --out first"));
    world.succeeds(&format!("{TRAIN} --shots 4 --draw 2 --out second"));
    assert_ne!(world.read("first/shots.csv"), world.read("second/shots.csv"));
    // A run's shots are a list that gives the same shots again.
    world.succeeds(&format!("{TRAIN} --support first/shots.csv --out listed"));
    assert_eq!(world.read("first/shots.csv"), world.read("listed/shots.csv"));
    world.succeeds(&format!("{TRAIN} --shots all --out all"));
    assert_eq!(world.read("all/shots.csv").lines().count() - 1, world.images("train", |_| true).len());
    // More than there are: refused, or taken and recorded.
    let refused = world.refuses(2, &format!("{TRAIN} --shots 12 --out short"), &["manifest.csv", "12 shots asked for"]);
    assert!(refused.stderr.contains("--short-supply"), "{refused:#?}");
    world.succeeds(&format!("{TRAIN} --shots 12 --short-supply --out short"));
    assert!(!world.json("short/adapter_config.json")["short"].as_array().unwrap().is_empty());
    assert!(world.read("short/README.md").contains("Fewer shots than asked for"));
}

#[test]
fn development_measures_train_images_that_are_no_shots() {
    let world = World::trained();
    world.succeeds("evaluate --run run --data data/manifest.csv --split train --out eval");
    let metrics = world.json("eval/metrics.json");
    let shots = world.read("run/shots.csv").lines().count() - 1;
    assert!(metrics["data"]["left_out"].as_u64().unwrap() as usize >= shots);
    assert_eq!(metrics["data"]["images"].as_u64().unwrap() as usize, world.images("train", |_| true).len());
    world.refuses(2, "evaluate --run run --data data/manifest.csv --split dev --out none", &["--split dev", "valid"]);
}
