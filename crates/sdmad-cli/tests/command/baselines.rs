//! The methods of others: each trains, evaluates and predicts, and gives the same bits for any number of threads.

use crate::world::{World, tensor_names};

const METHODS: [&str; 8] =
    ["prototype", "zero-shot-name", "tip-adapter", "tip-adapter-f", "clip-adapter", "coop", "normal-knn", "mvfa"];

fn train(method: &str, rest: &str) -> String {
    let shots = if method == "zero-shot-name" { "" } else { "--shots 4" };
    format!("train --data data/manifest.csv --signs phantom --encoder encoder --method {method} {shots} {rest}")
}

#[test]
fn every_method_trains_evaluates_and_predicts_with_the_same_bits_for_any_threads() {
    let mut world = World::new();
    let image = world.images("test", |_| true).remove(0);
    for method in METHODS {
        for (name, threads, batch) in [("one", 1, 1), ("two", 2, 7)] {
            // Nothing is taken from a cache.
            world.forget();
            world.succeeds(&train(method, &format!("--threads {threads} --out {method}/{name}/run")));
            world.forget();
            world.succeeds(&format!(
                "evaluate --run {method}/{name}/run --data data/manifest.csv --threads {threads} --batch {batch} --out \
                 {method}/{name}/eval"
            ));
            world.succeeds(&format!(
                "predict --run {method}/{name}/run --threads {threads} --out {method}/{name} {image}"
            ));
        }
        for file in [
            "run/README.md",
            "run/adapter_config.json",
            "run/adapter_model.safetensors",
            "run/calibration.json",
            "eval/metrics.json",
            "eval/scores.csv",
            "predictions.jsonl",
        ] {
            let read = |name: &str| world.bytes(&format!("{method}/{name}/{file}"));
            assert!(read("one") == read("two"), "{method}: {file} differs");
        }
        let config = world.json(&format!("{method}/one/run/adapter_config.json"));
        assert_eq!(config["method"], method);
        assert!(config["baseline"]["width"].as_u64().unwrap() > 0, "{config}");
        let metrics = world.json(&format!("{method}/one/eval/metrics.json"));
        assert_eq!(
            metrics["run"]["method"].as_str().or(metrics["about"]["method"].as_str()),
            Some(method),
            "{metrics}"
        );
        let prediction = &world.json_lines(&format!("{method}/one/predictions.jsonl"))[0];
        let probability = prediction["categories"][0]["probability"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&probability), "{prediction}");
    }
}

#[test]
fn one_shot_of_each_is_enough() {
    let world = World::new();
    for method in METHODS.into_iter().filter(|m| *m != "zero-shot-name") {
        world.succeeds(&train(method, &format!("--out {method}")).replace("--shots 4", "--shots 1"));
        let config = world.json(&format!("{method}/adapter_config.json"));
        assert!(config["baseline"]["choices"]["out_of_fold_loss"].is_null(), "{config}");
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let world = World::new();
    for method in METHODS.into_iter().filter(|m| *m != "zero-shot-name") {
        let arguments = train(method, "--out none").replace("--shots 4", "--shots 0");
        world.refuses(2, &arguments, &[method, "learns from shots", "--shots 1"]);
    }
}

#[test]
fn damaged_runs_are_refused_and_older_ones_read() {
    let world = World::new();
    world.succeeds(&train("tip-adapter", "--out tip"));
    world.succeeds(&train("prototype", "--out prototype"));
    let tensors = tensor_names(&world.path("tip/adapter_model.safetensors"));
    assert!(tensors.contains(&"baseline.keys".to_string()) && !tensors.contains(&"bridge.weight".to_string()));

    let evaluate = |run: &str| format!("evaluate --run {run} --data data/manifest.csv --out eval");
    // Tensors of another method.
    std::fs::copy(world.path("prototype/adapter_model.safetensors"), world.path("tip/adapter_model.safetensors"))
        .unwrap();
    world.refuses(2, &evaluate("tip"), &["baseline.keys", "missing"]);
    world.succeeds(&train("mvfa", "--out mvfa"));
    let tensors = tensor_names(&world.path("mvfa/adapter_model.safetensors"));
    for part in ["level.0.down", "level.0.up", "level.0.head", "level.0.bias", "level.0.patches", "branches"] {
        assert!(tensors.contains(&format!("baseline.{part}")), "{part}: {tensors:?}");
    }
    std::fs::copy(world.path("prototype/adapter_model.safetensors"), world.path("mvfa/adapter_model.safetensors"))
        .unwrap();
    world.refuses(2, &evaluate("mvfa"), &["baseline.level.0.down", "missing"]);
    let config = world.read("prototype/adapter_config.json");
    for (from, to, part) in [
        ("\"method\": \"prototype\"", "\"method\": \"linear-probe\"", "a record of a baseline"),
        ("\"format\": 6", "\"format\": 7", "reads the formats 3 to 6"),
        ("\"temperature\"", "\"temper\"", "temper"),
    ] {
        world.edit("prototype/adapter_config.json", |text| text.replace(from, to));
        world.refuses(2, &evaluate("prototype"), &[part]);
        world.write("prototype/adapter_config.json", &config);
    }

    // A run of the format before, which had nothing of this.
    world.succeeds(&train("sdmad", "--out old"));
    world.edit("old/adapter_config.json", |text| text.replace("\"format\": 6", "\"format\": 3"));
    world.succeeds(&evaluate("old"));
}

#[test]
fn the_probe_says_which_form_it_has() {
    let world = World::new();
    world.succeeds(&train("linear-probe", "--out probe"));
    let form = world.json("probe/adapter_config.json")["probe"].clone();
    assert!(form == "one_against_rest" || form == "multinomial", "{form}");
    let log = world.read("probe/training.jsonl");
    let exclusive = world.json("probe/adapter_config.json")["coexistence"] == "exclusive";
    assert_eq!(log.contains("form of the probe"), exclusive, "{log}");
    world.succeeds("evaluate --run probe --data data/manifest.csv --out eval");
}
