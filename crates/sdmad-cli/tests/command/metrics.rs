//! `evaluate`: the shape of metrics.json and scores.csv.

use serde_json::{Map, Value};

use crate::world::World;

/// A figure is a value with its interval, or says why there is none.
fn check_figure(path: &str, figure: &Value) {
    let figure = figure.as_object().unwrap_or_else(|| panic!("{path}: {figure}"));
    if figure["value"].is_null() {
        assert!(figure["why"].as_str().is_some_and(|w| !w.is_empty()), "{path}: {figure:?}");
        return;
    }
    let number = |key: &str| figure[key].as_f64().unwrap_or_else(|| panic!("{path}.{key}: {figure:?}"));
    let (value, lo, hi) = (number("value"), number("lo"), number("hi"));
    assert!((0.0..=1.0).contains(&value) && lo <= hi && (0.0..=1.0).contains(&lo), "{path}: {figure:?}");
}

/// An object with these keys and no others, each a figure.
fn check_figures(path: &str, object: &Value, keys: &[&str]) {
    check_keys(path, object, keys);
    keys.iter().for_each(|key| check_figure(&format!("{path}.{key}"), &object[key]));
}

fn check_keys<'a>(path: &str, object: &'a Value, keys: &[&str]) -> &'a Map<String, Value> {
    let object = object.as_object().unwrap_or_else(|| panic!("{path}: {object}"));
    let mut found: Vec<&str> = object.keys().map(String::as_str).collect();
    let mut expected = keys.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{path}");
    object
}

const CATEGORIES: [&str; 4] = ["cyst", "benign_mass", "malignant_mass", "calcification"];

#[test]
fn metrics_have_the_shape_of_the_interface() {
    let world = World::trained();
    let outcome =
        world.succeeds("evaluate --run run --data data/manifest.csv --sign-truth data/signs.csv --out eval --json");
    assert_eq!(world.names("eval"), ["metrics.json", "report.html", "scores.csv"]);
    let metrics = world.json("eval/metrics.json");
    assert_eq!(outcome.json(), metrics);

    let top = ["schema", "run", "data", "protocols", "answers", "localisation", "signs", "pairwise_sign_accuracy"];
    check_keys("metrics", &metrics, &top);
    assert_eq!(metrics["schema"], 1);
    assert_eq!((&metrics["run"]["method"], &metrics["run"]["shots"]), (&"sdmad".into(), &"4".into()));
    let test = world.images("test", |_| true);
    assert_eq!(metrics["data"]["images"].as_u64().unwrap() as usize, test.len());
    assert!(metrics["data"]["left_out"].is_u64());
    assert_eq!(metrics["data"]["manifest_sha256"], sdmad_base::sha256_hex(&world.bytes("data/manifest.csv")));

    let protocols = &metrics["protocols"];
    check_keys("protocols", protocols, &["detection", "discrimination", "multilabel"]);
    check_figures("detection", &protocols["detection"], &["auroc", "ap"]);
    check_keys("discrimination", &protocols["discrimination"], &["vs_normal", "vs_other"]);
    for part in ["vs_normal", "vs_other"] {
        let part = &protocols["discrimination"][part];
        check_keys("discrimination", part, &["macro", "per_category"]);
        check_figures("macro", &part["macro"], &["auroc", "ap"]);
        check_keys("per_category", &part["per_category"], &CATEGORIES);
        CATEGORIES.iter().for_each(|c| check_figures(c, &part["per_category"][c], &["auroc", "ap"]));
    }
    let multilabel = &protocols["multilabel"];
    let figures = ["macro_auroc", "map", "macro_f1", "micro_f1", "exact_match", "hamming", "ece", "ece_before"];
    check_keys("multilabel", multilabel, &[&figures[..], &["per_category"]].concat());
    figures.iter().for_each(|f| check_figure(f, &multilabel[f]));
    CATEGORIES.iter().for_each(|c| check_figures(c, &multilabel["per_category"][c], &["auroc", "ap", "f1"]));

    // Phantoms have masks, and so has the run maps that can be measured.
    let maps = ["pixel_auroc", "pixel_ap", "pro"];
    let keys = ["centre_prior", "per_category", "origin", "images", "abnormal"];
    check_keys("localisation", &metrics["localisation"], &[&maps[..], &keys].concat());
    maps.iter().for_each(|f| check_figure(f, &metrics["localisation"][f]));
    check_figures("centre_prior", &metrics["localisation"]["centre_prior"], &maps);
    check_keys("per_category", &metrics["localisation"]["per_category"], &CATEGORIES);
    assert_eq!(metrics["localisation"]["origin"], "masks");
    let answers = &metrics["answers"];
    check_keys("answers", answers, &["macro", "per_category"]);
    check_keys("answers", &answers["per_category"], &CATEGORIES);
    for class in ["present", "absent"] {
        check_figures(class, &answers["macro"][class], &["covered", "uncertain"]);
    }
    assert_eq!(metrics["run"]["coverage"], 0.9);
    let truth = world.read("data/signs.csv");
    let signs: Vec<&str> = truth.lines().next().unwrap().split(',').skip(1).collect();
    check_keys("signs", &metrics["signs"], &signs);
    signs.iter().for_each(|s| check_figures(s, &metrics["signs"][s], &["auroc"]));
    check_figure("pairwise_sign_accuracy", &metrics["pairwise_sign_accuracy"]);

    let scores = world.read("eval/scores.csv");
    assert_eq!(scores.lines().count() - 1, test.len());
    let header = scores.lines().next().unwrap();
    assert!(header.starts_with("image,patient,left_out,label:cyst,n:cyst,r:cyst,p:cyst,threshold:cyst,"), "{header}");
    assert!(signs.iter().all(|s| header.contains(&format!("sign_label:{s},sign:{s}"))), "{header}");
}

#[test]
fn a_person_gets_a_table_and_a_figure_without_data_says_why() {
    let world = World::trained();
    // Nobody has calcifications any more among what is tested.
    world.edit("data/manifest.csv", |text| {
        let rows = text.lines().filter(|line| !(line.contains(",test,") && line.ends_with(",1")));
        rows.map(|line| format!("{line}\n")).collect()
    });
    let outcome = world.succeeds("evaluate --run run --data data/manifest.csv --out eval");
    for part in ["P1 detection AUROC", "P3 multi-label, macro AUROC", "cyst against normal", "not a medical device"] {
        assert!(outcome.stdout.contains(part), "{part}: {outcome:#?}");
    }
    let metrics = world.json("eval/metrics.json");
    let figure = &metrics["protocols"]["multilabel"]["per_category"]["calcification"]["auroc"];
    check_figure("calcification", figure);
    assert!(figure["value"].is_null(), "{figure}");
    assert!(metrics["signs"].is_null() && metrics["pairwise_sign_accuracy"].is_null());
    let quiet = world.succeeds("--quiet evaluate --run run --data data/manifest.csv --out quiet");
    assert_eq!((quiet.stderr.as_str(), &quiet.stdout), ("", &outcome.stdout));
}

#[test]
fn sign_truth_that_does_not_fit_is_refused() {
    let world = World::trained();
    let evaluate = "evaluate --run run --data data/manifest.csv --sign-truth truth.csv --out eval";
    let image = world.images("test", |_| true).remove(0).replace("data/", "");
    for (text, parts) in [
        (format!("image,no_such_sign\n{image},1\n"), vec!["no_such_sign", "phantom"]),
        (format!("image,spiculated_margin\n{image},2\n"), vec!["truth.csv", "`2`"]),
        (format!("picture,spiculated_margin\n{image},1\n"), vec!["truth.csv", "picture"]),
    ] {
        world.write("truth.csv", text);
        world.refuses(2, evaluate, &parts);
    }
}

#[test]
fn a_run_is_measured_on_its_own_categories_only() {
    let world = World::trained();
    world.edit("data/manifest.csv", |text| text.replacen(",cyst,", ",echo_free_hollow,", 1));
    // The mask column names categories too.
    world.edit("data/manifest.csv", |text| text.replace("cyst=", "echo_free_hollow="));
    let evaluate = "evaluate --run run --data data/manifest.csv --out eval";
    world.refuses(2, evaluate, &["echo_free_hollow", "cyst", "manifest.csv"]);
}
