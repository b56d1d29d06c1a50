//! Banks of signs: `signs list`, `show` and `check`, and banks that cannot be trained with.

use crate::world::{TRAIN, World};

#[test]
fn shipped_banks_are_listed_shown_and_without_errors() {
    let world = World::empty();
    let list = world.succeeds("signs list").stdout;
    assert!(list.lines().any(|name| name == "phantom"), "{list}");
    for name in list.lines() {
        let bank = world.succeeds(&format!("signs show {name}")).stdout;
        assert!(bank.contains("schema = 1") && bank.contains(&format!("name = \"{name}\"")), "{bank}");
        world.write("bank.toml", &bank);
        for place in [name, "bank.toml"] {
            let checked = world.succeeds(&format!("signs check {place} --no-encoder"));
            assert!(checked.stdout.contains(" 0 errors"), "{checked:#?}");
        }
    }
    world.refuses(2, "signs show liver", &["`liver`", "phantom"]);
    world.refuses(2, "signs check liver --no-encoder", &["`liver`", "phantom"]);
    world.refuses(2, "signs check gone.toml --no-encoder", &["gone.toml"]);
}

#[test]
fn a_bank_with_errors_gives_findings_and_status_1() {
    let world = World::new();
    world.write("bank.toml", world.succeeds("signs show phantom").stdout);
    let sign = "\n[[sign]]\nid = \"spiculated_margin\"\ntext = \"margin with spikes\"\ncategories = [\"tumour\"]\n";
    world.edit("bank.toml", |text| format!("{text}{sign}"));
    let outcome = world.sdmad("signs check bank.toml --no-encoder");
    assert_eq!(outcome.status, Some(1), "{outcome:#?}");
    assert!(outcome.stdout.contains("error[") && outcome.stdout.contains("spiculated_margin"), "{outcome:#?}");
    let outcome = world.sdmad("signs check bank.toml --no-encoder --json");
    assert_eq!(outcome.status, Some(1), "{outcome:#?}");
    let findings = outcome.json();
    let errors: Vec<_> = findings.as_array().unwrap().iter().filter(|f| f["severity"] == "error").collect();
    assert!(errors.iter().any(|f| f["message"].as_str().unwrap().contains("tumour")), "{findings}");
    for finding in findings.as_array().unwrap() {
        let keys: Vec<&String> = finding.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["category", "code", "hint", "message", "severity", "sign"]);
    }
    // The text tower of a folder finds near-duplicates.
    world.write("bank.toml", world.succeeds("signs show phantom").stdout);
    world.edit("bank.toml", |text| text.replacen("echo-free black interior", "thin, smooth, bright wall", 1));
    let outcome = world.sdmad("signs check bank.toml --encoder ./encoder");
    assert!(outcome.stdout.contains("thin_smooth_wall"), "{outcome:#?}");
    world.refuses(2, "signs check bank.toml --encoder ./gone", &["./gone", "encoder list"]);
}

#[test]
fn a_bank_that_does_not_fit_is_refused() {
    let world = World::new();
    let train = "train --data data/manifest.csv --signs bank.toml --encoder encoder --shots 4 --out run";
    let whole = world.succeeds("signs show phantom").stdout;
    let category = "[[category]]\nid = \"calcification\"\nname = \"calcification\"\n";
    assert!(whole.contains(category));
    let without = whole.replace(category, "").replace(", \"calcification\"", "").replace("\"calcification\", ", "");
    let without = without.replace("[\"calcification\"]", "[\"malignant_mass\"]");
    // Its signs are taken away, the category stays.
    let hollow = whole.replace(", \"cyst\"", "").replace("\"cyst\", ", "").replace("[\"cyst\"]", "[\"benign_mass\"]");
    for (text, parts) in [
        (without, vec!["calcification"]),
        (hollow, vec!["bank.toml", "cyst"]),
        (whole.replacen("schema = 1", "schema = 2", 1), vec!["bank.toml", "schema", "2"]),
        (whole.replacen("modality =", "modus =", 1), vec!["bank.toml", "modus"]),
        (whole.replacen("id = \"anechoic_interior\"", "id = \"halo halo\"", 1), vec!["bank.toml", "halo halo"]),
        (whole.replacen("[[sign]]", "[[sign", 1), vec!["bank.toml", "line"]),
        (whole.replace("\"normal\"", "\"usual\""), vec!["normal"]),
        (String::new(), vec!["bank.toml", "schema"]),
    ] {
        world.write("bank.toml", text);
        world.refuses(2, train, &parts);
    }
    world.refuses(2, &train.replace("bank.toml", "liver"), &["`liver`", "phantom"]);
    world.refuses(2, &train.replace("bank.toml", "gone/bank.toml"), &["gone/bank.toml"]);
}

#[test]
fn categories_of_the_bank_that_the_data_lacks_are_left_out_with_a_notice() {
    let world = World::new();
    world.edit("data/manifest.csv", |text| {
        let cut = |line: &str| line.rsplit_once(',').unwrap().0.to_string();
        // A mask of the category that goes would name no column.
        let rows = text.lines().filter(|l| !l.contains("calcification=")).map(|l| cut(l) + "\n");
        rows.collect()
    });
    let outcome = world.succeeds(&format!("{TRAIN} --shots 4 --short-supply --out run"));
    assert!(outcome.stderr.contains("calcification"), "{outcome:#?}");
    assert!(!world.read("run/signs.toml").contains("[[category]]\nid = \"calcification\""));
}
