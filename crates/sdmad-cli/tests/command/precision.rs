//! `--precision` and `--instructions`: what a run keeps, and what is refused.

use serde_json::json;

use crate::world::{TRAIN, World};

const EVALUATE: &str = "evaluate --run run --data data/manifest.csv";

#[test]
fn a_run_keeps_its_precision_and_path() {
    let world = World::new();
    let told = world.succeeds(&format!("{TRAIN} --precision bf16 --shots 4 --out run")).stderr;
    let config = world.json("run/adapter_config.json");
    let path = config["instructions"].as_str().unwrap();
    assert_eq!(config["encoder"]["precision"], "bf16");
    assert_eq!(told.matches(&format!("bf16, instruction path {path}")).count(), 1, "{told}");

    world.succeeds(&format!("{EVALUATE} --out own"));
    world.succeeds(&format!("{EVALUATE} --precision bf16 --out said"));
    assert_eq!(world.read("own/metrics.json"), world.read("said/metrics.json"));
    let metrics = world.json("own/metrics.json");
    assert_eq!(
        (&metrics["run"]["encoder"]["precision"], &metrics["run"]["instructions"]),
        (&"bf16".into(), &path.into())
    );
    for precision in ["f32", "int8"] {
        let parts = ["run", "bf16", precision, "train again"];
        world.refuses(2, &format!("{EVALUATE} --precision {precision} --out none"), &parts);
        world.refuses(2, &format!("predict --run run --precision {precision} --out none data/images"), &parts);
    }
    let image = world.images("test", |_| true).remove(0);
    world.succeeds(&format!("predict --run run --precision auto --out answers {image}"));
    let model = world.json_lines("answers/predictions.jsonl").remove(0)["model"].clone();
    assert_eq!((&model["precision"], &model["instructions"]), (&"bf16".into(), &path.into()));
}

#[test]
fn a_run_that_does_not_say_is_refused() {
    let world = World::trained();
    let whole = world.json("run/adapter_config.json");
    for (key, part) in [("precision", "precision"), ("instructions", "instructions")] {
        let mut config = whole.clone();
        config.as_object_mut().unwrap().remove(key);
        config["encoder"].as_object_mut().unwrap().remove(key);
        world.write("run/adapter_config.json", config.to_string());
        world.refuses(2, &format!("{EVALUATE} --out none"), &["run/adapter_config.json", part]);
    }
    let mut config = whole;
    config["encoder"]["precision"] = "f16".into();
    world.write("run/adapter_config.json", config.to_string());
    world.refuses(2, &format!("{EVALUATE} --out none"), &["run/adapter_config.json", "`f16`", "f32, bf16, int8"]);
}

#[test]
fn other_preprocessing_gets_other_features_and_is_refused_for_a_run() {
    let world = World::trained();
    let folders = || std::fs::read_dir(world.cache().join("features")).unwrap().count();
    let before = folders();
    world.edit("encoder/preprocessor_config.json", |text| text.replacen("\"resample\": 3", "\"resample\": 2", 1));
    world.refuses(2, &format!("{EVALUATE} --out none"), &["preprocessing", "run", "train again"]);
    world.succeeds(&format!("{TRAIN} --shots 4 --out other"));
    assert_eq!(folders(), before + 1);
}

#[test]
fn narrower_instructions_can_be_asked_for_and_others_are_refused() {
    let mut world = World::new();
    world.succeeds(&format!("{TRAIN} --shots 4 --out run --instructions portable"));
    assert_eq!(world.json("run/adapter_config.json")["instructions"], "portable");
    world.succeeds(&format!("{EVALUATE} --instructions portable --out eval"));
    world.forget();
    world.succeeds(&format!("{EVALUATE} --instructions portable --out again"));
    assert_eq!(world.read("eval/scores.csv"), world.read("again/scores.csv"));
    let report = world.succeeds("--instructions portable encoder check ./encoder --json").json();
    assert_eq!(report["instructions"], "portable");
    let widest = world.succeeds("encoder check ./encoder --json").json()["instructions"].clone();
    let told = world.succeeds(&format!("{EVALUATE} --out elsewhere")).stderr;
    assert_eq!(told.contains("trained on the instruction path portable"), widest != "portable", "{told}");
    // Features of one path are not taken for those of another.
    let folders = || std::fs::read_dir(world.cache().join("features")).unwrap().count();
    assert_eq!(folders(), if widest == "portable" { 1 } else { 2 });

    world.refuses(2, "encoder check ./encoder --instructions sse9", &["--instructions", "`sse9`", "avx2_fma"]);
    if widest != "amx" {
        let parts = ["--instructions", "amx", widest.as_str().unwrap()];
        world.refuses(1, "encoder check ./encoder --instructions amx", &parts);
    }
}

#[test]
fn encoders_are_checked_at_each_precision() {
    let world = World::new();
    for precision in ["f32", "bf16", "int8"] {
        let report = world.succeeds(&format!("encoder check ./encoder --precision {precision} --json")).json();
        assert_eq!(report["precision"], precision);
    }
    for precision in ["auto", "f16"] {
        world.refuses(
            2,
            &format!("encoder check ./encoder --precision {precision}"),
            &["--precision", "f32, bf16, int8"],
        );
    }
    world.refuses(2, &format!("{TRAIN} --shots 4 --precision f16 --out run"), &["--precision", "bf16"]);
}

#[test]
fn auto_measures_on_the_shots_and_says_so() {
    let world = World::new();
    let train = format!("{TRAIN} --precision auto");
    let told = world.succeeds(&format!("{train} --shots 4 --out run")).stderr;
    let chosen = world.json("run/adapter_config.json")["encoder"]["precision"].clone();
    assert!(told.contains(&format!("precision auto: {}", chosen.as_str().unwrap())), "{told}");
    let lines = world.json_lines("run/training.jsonl");
    let lines: Vec<_> = lines.iter().filter(|l| l["stage"] == "precision").collect();
    assert_eq!(lines.last().unwrap()["chosen"], chosen, "{lines:?}");
    world.succeeds(&format!("{EVALUATE} --out eval"));
    // Nothing to measure with.
    world.succeeds(&format!("{train} --shots 1 --out one"));
    assert_eq!(world.json("one/adapter_config.json")["encoder"]["precision"], json!("f32"));
    world.succeeds(&format!("{train} --shots 4 --method linear-probe --out probe"));
    world.succeeds(&format!("{train} --shots 4 --method pixels --out pixels"));
}
