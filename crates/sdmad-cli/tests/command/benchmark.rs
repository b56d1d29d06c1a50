//! `benchmark` and `merge`: sealed figures over sets, shots, draws and methods, whatever happens on the way.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::world::{TRAIN, World};

/// Two sets (one of them missing), three numbers of shots, two draws, four methods and the pixels that are always there.
const CONFIG: &str = r#"
schema = 1
title = "Small"
encoders = ["encoder"]
shots = [0, 1, 4]
draws = 2
split = "test"
peers_protocol = true
replicates = 60
compare = [["sdmad", "linear-probe"], ["sdmad", "no text"], ["sdmad", "pixels"]]

[[sets]]
name = "phantoms"
manifest = "data/manifest.csv"
signs = "phantom"
sign_truth = "data/signs.csv"

[[sets]]
name = "elsewhere"
manifest = "elsewhere/manifest.csv"
signs = "phantom"
optional = true

[[methods]]
name = "sdmad"
precision = "f32"

[[methods]]
name = "linear-probe"
precision = "f32"

[[methods]]
name = "no text"
method = "sdmad"
precision = "f32"
settings = { "text.source" = "one_hot", "selection.mode" = "none" }

[[methods]]
name = "zero-shot-signs"
precision = "f32"
"#;

const BENCHMARK: &str = "benchmark --config bench.toml --out";

/// A world with a small benchmark, of `config` changed.
fn world(change: impl Fn(&str) -> String) -> World {
    let world = World::new();
    world.write("bench.toml", change(CONFIG));
    world
}

/// The same with fewer cells.
fn small() -> World {
    world(|text| {
        let text = text.replace("shots = [0, 1, 4]", "shots = [1, 4]").replace("peers_protocol = true", "");
        text[..text.rfind("[[methods]]").unwrap()].to_string()
    })
}

const RESULTS: [&str; 4] = ["plan.json", "results.json", "results.md", "results.html"];

fn assert_same_results(world: &World, a: &str, b: &str) {
    for file in RESULTS {
        assert!(
            world.bytes(&format!("{a}/{file}")) == world.bytes(&format!("{b}/{file}")),
            "{file} of {a} and {b} differ"
        );
    }
}

fn cells(world: &World, out: &str) -> Vec<String> {
    let mut names =
        if world.path(&format!("{out}/cells")).is_dir() { world.names(&format!("{out}/cells")) } else { vec![] };
    names.retain(|n| !n.ends_with(".partial"));
    names
}

fn find<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|v| v[key] == name).unwrap_or_else(|| panic!("{key} {name}: {list}"))
}

#[test]
fn results_trace_every_figure_and_are_what_train_and_evaluate_give() {
    let world = world(str::to_string);
    let outcome = world.succeeds(&format!("{BENCHMARK} out"));
    assert!(outcome.stderr.contains("skipped: set `elsewhere`"), "{outcome:#?}");
    let results = world.json("out/results.json");
    assert_eq!(
        (&results["schema"], &results["notice"]),
        (&1.into(), &"Research use only, not a medical device.".into())
    );
    assert_eq!(find(&results["sets"], "name", "elsewhere")["skipped"], "there is no elsewhere/manifest.csv");

    // K = 0, 1, 4 of the one set.
    let groups = results["groups"].as_array().unwrap();
    let shots: Vec<u64> = groups.iter().map(|g| g["shots"].as_u64().unwrap()).collect();
    assert_eq!(shots, [0, 1, 4]);
    // The tiny encoder has no alignment: without a shot nothing can be said, and the reason stands there.
    for name in ["sdmad", "linear-probe", "pixels", "zero-shot-signs"] {
        let method = find(&groups[0]["methods"], "method", name);
        assert!(method["draws"].as_array().unwrap().is_empty(), "{method}");
        assert!(method["why"][0].as_str().is_some_and(|w| w.contains("shot")), "{method}");
    }
    let zero = find(&groups[1]["methods"], "method", "zero-shot-signs");
    assert!(zero["why"][0].as_str().unwrap().contains("K = 0"), "{zero}");

    let four = &groups[2];
    let method = find(&four["methods"], "method", "sdmad");
    assert_eq!(method["draws"], serde_json::json!([0, 1]));
    assert!(method["figures"]["signs.pairwise_accuracy"].is_object(), "{method}");
    assert!(find(&four["methods"], "method", "pixels")["figures"]["signs.pairwise_accuracy"].is_null());
    let difference = &four["differences"][0];
    assert_eq!((&difference["method"], &difference["minus"]), (&"sdmad".into(), &"linear-probe".into()));
    assert!(difference["figures"]["pair.cyst.benign_mass.auroc"]["verdict"].is_string(), "{difference}");
    let claims = find(&four["peers_protocol"], "method", "sdmad");
    let claim = &claims["figures"]["multilabel.macro_auroc"];
    let value = |key: &str| claim[key].as_f64().unwrap_or_else(|| panic!("{key}: {claim}"));
    assert!(value("best_draw") >= value("sealed") && value("best_variant") >= value("sealed"), "{claim}");
    let average = find(&results["averages"][2]["methods"], "method", "sdmad");
    assert!(average["figures"]["detection.auroc"]["sets"].is_array(), "{average}");

    // A cell is what the other verbs give, to the last bit.
    let line = results["cells"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["method"] == "sdmad" && c["shots"] == 4 && c["draw"] == 1);
    let line = line.unwrap();
    world.succeeds(&format!("{TRAIN} --precision f32 --shots 4 --draw 1 --out run"));
    world.succeeds("evaluate --run run --data data/manifest.csv --sign-truth data/signs.csv --out eval");
    let scores = world.bytes(&format!("out/{}", line["scores"].as_str().unwrap()));
    assert!(scores == world.bytes("eval/scores.csv"));
    assert_eq!(line["scores_sha256"], sdmad_base::sha256_hex(&scores));
    assert!(world.bytes(&format!("out/{}", line["shots_list"].as_str().unwrap())) == world.bytes("run/shots.csv"));

    // And the intervals are those of `compare`.
    let other = results["cells"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["method"] == "sdmad" && c["shots"] == 4 && c["draw"] == 0);
    let folder = |line: &Value| format!("out/cells/{}", line["key"].as_str().unwrap());
    let draws = format!("{},{}", folder(other.unwrap()), folder(line));
    let compared = world.succeeds(&format!("compare --json a={draws}")).json();
    let (ours, theirs) = (&method["figures"]["detection.auroc"], &compared["methods"][0]["figures"]["detection.auroc"]);
    assert_eq!(ours["value"], theirs["value"]);

    for file in ["results.md", "results.html"] {
        assert!(world.read(&format!("out/{file}")).contains("Research use only, not a medical device."), "{file}");
    }
    assert!(world.read("out/results.md").contains("| answers, with the category: not denied"));
    // Nothing is told by denying nothing: no set is left out of what answers average.
    for group in results["groups"].as_array().unwrap() {
        let marked = group["proves_nothing"].as_array().unwrap();
        assert!(marked.iter().all(|name| !name.as_str().unwrap().starts_with("answers.")), "{marked:?}");
    }
    assert!(outcome.stdout.contains("phantoms, K = 4") && outcome.stdout.contains("sdmad − linear-probe"));
}

#[test]
fn training_of_adapters_is_told_beforehand_and_shows_its_best_epoch() {
    let world = world(|text| {
        let text = text.replace("shots = [0, 1, 4]", "shots = [1]").replace("draws = 2", "draws = 1");
        let text = text.replacen("precision = \"f32\"", "preset = \"paper\"\nsettings = { adapters.epochs = 2 }", 1);
        text.replacen("\"no text\"], [\"sdmad\", ", "", 1)
    });
    let outcome = world.succeeds(&format!("{BENCHMARK} out"));
    assert!(outcome.stderr.contains("2 cells train adapters in the towers: about"), "{outcome:#?}");
    let results = world.json("out/results.json");
    let cells = results["cells"].as_array().unwrap();
    for name in ["sdmad", "sdmad / 1 epochs"] {
        let cell = cells.iter().find(|c| c["method"] == name).unwrap();
        assert!(!cell["adapters"][0].as_array().unwrap().is_empty(), "{cell}");
    }
    assert!(find(&results["groups"][0]["peers_protocol"], "method", "sdmad")["figures"].is_object());
}

#[test]
fn the_page_stands_alone() {
    let world = small();
    world.succeeds(&format!("{BENCHMARK} out"));
    let page = world.read("out/results.html");
    for part in
        ["http:", "https:", "//", "<script", "<img", "<iframe", "<link", "url(", "@import", "src=", "href=\"h", "data:"]
    {
        assert!(!page.contains(part), "{part}");
    }
    for part in ["<!doctype html>", "<svg", "<title>", "prefers-color-scheme", "<table", "role=\"img\"", "K = 4"] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
}

#[test]
fn a_killed_run_goes_on_and_leaves_no_trace() {
    let world = small();
    world.succeeds(&format!("{BENCHMARK} whole"));
    let all = cells(&world, "whole").len();
    for round in 0..10 {
        let mut command = world.command();
        command.args(format!("--quiet --threads 1 {BENCHMARK} out").split_whitespace());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Killed after so many cells more, at any point of the next one, or at its own end.
        let goal = (all * (round + 1)) / 11;
        while child.try_wait().unwrap().is_none() && cells(&world, "out").len() < goal {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(7 * round as u64));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // A cell that was damaged since is noticed.
    let broken = cells(&world, "out").remove(0);
    let record = format!("out/cells/{broken}/cell.json");
    world.edit(&record, |text| text.replacen("\"draw\": ", "\"draw\": 1", 1));
    let outcome = world.succeeds(&format!("{BENCHMARK} out"));
    assert!(outcome.stderr.contains(&broken) && outcome.stderr.contains("computed again"), "{outcome:#?}");
    assert_same_results(&world, "whole", "out");
    assert!(world.names("out/cells").iter().all(|n| !n.ends_with(".partial")));
    // Once more there is nothing to do.
    let outcome = world.succeeds(&format!("{BENCHMARK} out"));
    assert!(outcome.stderr.contains(&format!("{all} of {all} cells are there already")), "{outcome:#?}");
    assert_same_results(&world, "whole", "out");
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_done_and_the_next_run_goes_on() {
    let world = small();
    world.succeeds(&format!("{BENCHMARK} whole"));
    let mut command = world.command();
    command.args(format!("--threads 1 {BENCHMARK} out").split_whitespace());
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // A benchmark of so many cells has not ended when its first one is there.
    while cells(&world, "out").is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    interrupt(&child);
    let outcome = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(outcome.stderr).unwrap();
    assert_eq!(outcome.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("stopping at the next safe point") && stderr.contains("are done and kept"), "{stderr}");
    assert!(!world.path("out/results.json").exists());
    assert!(world.names("out/cells").iter().all(|n| !n.ends_with(".partial")));
    world.succeeds(&format!("{BENCHMARK} out"));
    assert_same_results(&world, "whole", "out");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_nothing_half_written() {
    let world = World::new();
    let before = world.content();
    let mut command = world.command();
    command.args("data phantom --images 20000 --out many".split_whitespace());
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // It draws into a hidden folder until all are there.
    while world.content() == before {
        std::thread::sleep(Duration::from_millis(5));
    }
    interrupt(&child);
    let outcome = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(outcome.stderr).unwrap();
    assert_eq!(outcome.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("nothing unfinished was kept"), "{stderr}");
    assert_eq!(world.content(), before);
}

/// What a terminal sends for Ctrl-C.
#[cfg(unix)]
fn interrupt(child: &std::process::Child) {
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn threads_and_shards_change_no_byte() {
    let mut world = small();
    for (out, threads) in [("one", 1), ("two", 2)] {
        world.forget();
        world.succeeds(&format!("--threads {threads} {BENCHMARK} {out}"));
    }
    assert_same_results(&world, "one", "two");
    for part in 1..=3 {
        world.succeeds(&format!("{BENCHMARK} shard-{part} --shard {part}/3"));
        assert!(!world.path(&format!("shard-{part}/results.json")).exists());
    }
    world.refuses(2, "merge --out merged shard-1 shard-3", &["whole in none", "--shard"]);
    world.succeeds("merge --out merged shard-1 shard-2 shard-3");
    assert_same_results(&world, "one", "merged");
    world.refuses(2, "merge --out merged shard-1 shard-2 shard-3", &["merged", "not empty"]);
    // A merged folder is a benchmark's folder.
    assert!(world.succeeds(&format!("{BENCHMARK} merged")).stderr.contains("are there already"));
    world.edit("bench.toml", |text| text.replace("draws = 2", "draws = 1"));
    world.succeeds(&format!("{BENCHMARK} other --shard 1/3"));
    world.refuses(2, "merge --out mixed shard-1 other", &["shard-1", "other", "different benchmarks"]);
    world.refuses(2, "merge --out mixed data", &["data", "no folder of a benchmark"]);
}

#[test]
fn a_changed_configuration_computes_only_what_changed() {
    let world = small();
    world.succeeds(&format!("{BENCHMARK} out"));
    let before = cells(&world, "out");
    let computed = |change: &dyn Fn(&str) -> String| {
        world.edit("bench.toml", change);
        let there = cells(&world, "out");
        world.succeeds(&format!("{BENCHMARK} out"));
        cells(&world, "out").into_iter().filter(|c| !there.contains(c)).count()
    };
    // Names, order and comparisons are no part of a cell.
    assert_eq!(computed(&|t| t.replace("\"no text\"", "\"without text\"").replace("Small", "Large")), 0);
    // One method's setting: its two draws at two numbers of shots.
    assert_eq!(computed(&|t| t.replace("\"selection.mode\" = \"none\"", "\"selection.mode\" = \"image\"")), 4);
    // One draw more: four methods at two numbers of shots.
    assert_eq!(computed(&|t| t.replace("draws = 2", "draws = 3")), 8);
    // Back again, everything is there.
    assert_eq!(
        computed(&|_| CONFIG
            .to_string()
            .replace("shots = [0, 1, 4]", "shots = [1, 4]")
            .replace("peers_protocol = true", "")),
        0
    );
    let after = cells(&world, "out");
    assert!(before.iter().all(|c| after.contains(c)));
    // A changed label is another manifest: all is computed again.
    let there = cells(&world, "out").len();
    world.edit("data/manifest.csv", |text| format!("{text}\n"));
    world.succeeds(&format!("{BENCHMARK} out"));
    assert_eq!(cells(&world, "out").len(), there + before.len());
}

#[test]
fn what_cannot_be_is_said_and_the_rest_goes_on() {
    let world =
        world(|text| text.replace("shots = [0, 1, 4]", "shots = [4, 500]").replace("peers_protocol = true", ""));
    world.succeeds(&format!("{BENCHMARK} out"));
    let results = world.json("out/results.json");
    let many = &results["groups"][1];
    let method = find(&many["methods"], "method", "sdmad");
    let why = method["why"][0].as_str().unwrap();
    assert!(why.contains("eligible train patient") && why.contains("500 shots"), "{why}");
    assert!(many["differences"][0]["why"].as_str().unwrap().contains("no figure"), "{many}");
    // A picture that is broken is the matter of every cell that needs it.
    let image = world.images("test", |_| true).remove(0);
    fs::write(world.path(&image), "no picture").unwrap();
    world.succeeds(&format!("{BENCHMARK} out"));
    let results = world.json("out/results.json");
    let method = find(&results["groups"][0]["methods"], "method", "linear-probe");
    assert!(method["why"][0].as_str().unwrap().contains(image.trim_start_matches("data/")), "{method}");
}

#[test]
fn faults_of_a_configuration_are_named() {
    let world = world(str::to_string);
    let first_set = "manifest = \"data/manifest.csv\"";
    for (before, after, parts) in [
        ("schema = 1", "schema = 2", vec!["schema = 2", "expected 1"]),
        ("schema = 1", "", vec!["no `schema`"]),
        ("title =", "titel =", vec!["titel", "line 3"]),
        ("draws = 2", "draws = 0", vec!["draws = 0"]),
        ("draws = 2", "draws = \"two\"", vec!["line 6"]),
        ("shots = [0, 1, 4]", "shots = []", vec!["shots = []"]),
        ("shots = [0, 1, 4]", "shots = [4, 4]", vec!["shots names 4 twice"]),
        ("split = \"test\"", "split = \"tests\"", vec!["tests", "test, valid or train"]),
        ("[\"encoder\"]", "[\"gone/encoder\"]", vec!["gone/encoder"]),
        ("[\"sdmad\", \"pixels\"]", "[\"sdmad\", \"tip\"]", vec!["compare", "`tip`", "linear-probe"]),
        ("[\"sdmad\", \"pixels\"]", "[\"sdmad\", \"sdmad\"]", vec!["`sdmad` with itself"]),
        ("method = \"sdmad\"", "method = \"magic\"", vec!["no text", "magic", "linear-probe"]),
        ("precision = \"f32\"", "precision = \"f31\"", vec!["f31", "bf16"]),
        ("\"text.source\"", "\"text.sauce\"", vec!["no text", "sauce"]),
        ("\"one_hot\"", "\"two_hot\"", vec!["no text", "two_hot"]),
        ("name = \"linear-probe\"", "name = \"sdmad\"", vec!["methods", "`sdmad`", "twice"]),
        (first_set, "manifest = \"gone.csv\"", vec!["set `phantoms`", "gone.csv"]),
        ("signs = \"phantom\"", "signs = \"ghost\"", vec!["set `phantoms`", "ghost"]),
        ("sign_truth = \"data", "sign_truth = \"gone", vec!["gone/signs.csv"]),
        (
            first_set,
            "manifest = \"data/manifest.csv\"\ncritical_pairs = [[\"cyst\", \"fist\"]]",
            vec!["`fist`", "cyst"],
        ),
        (first_set, "manifest = \"data/manifest.csv\"\ncolour = 1", vec!["colour"]),
    ] {
        world.write("bench.toml", CONFIG.replacen(before, after, 1));
        assert_ne!(world.read("bench.toml"), CONFIG, "{before}");
        world.refuses(2, &format!("{BENCHMARK} out"), &parts);
    }
    world.write("bench.toml", CONFIG);
    world.refuses(2, "benchmark --config gone.toml --out out", &["gone.toml"]);
    for shard in ["0/3", "4/3", "2", "a/b"] {
        world.refuses(2, &format!("{BENCHMARK} out --shard {shard}"), &["--shard", shard, "I/N"]);
    }
    world.refuses(2, &format!("{BENCHMARK} data"), &["data", "holds no benchmark"]);
}
