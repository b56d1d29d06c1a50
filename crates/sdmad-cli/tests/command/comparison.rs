//! `compare`: several draws side by side.

use crate::world::{TRAIN, World};

#[test]
fn two_draws_of_two_methods_are_compared() {
    let world = World::new();
    for (method, draw) in [("sdmad", 0), ("sdmad", 1), ("linear-probe", 0), ("linear-probe", 1)] {
        let name = format!("{method}-{draw}");
        world.succeeds(&format!("{TRAIN} --method {method} --shots 4 --draw {draw} --out run/{name}"));
        // Only the first method says something of signs.
        let truth = if method == "sdmad" { "--sign-truth data/signs.csv" } else { "" };
        world
            .succeeds(&format!("evaluate --run run/{name} --data data/manifest.csv {truth} --out eval/{name} --quiet"));
    }
    let compare = "compare sdmad=eval/sdmad-0,eval/sdmad-1 probe=eval/linear-probe-0,eval/linear-probe-1";
    let outcome = world.succeeds(compare);
    for part in ["P1 detection AUROC", "paired difference", "sdmad − probe", "Means over 2 draws"] {
        assert!(outcome.stdout.contains(part), "{part}: {outcome:#?}");
    }
    let json = world.succeeds(&format!("{compare} --json")).json();
    assert_eq!((&json["schema"], &json["methods"][0]["draws"]), (&1.into(), &2.into()));
    let differences = json["differences"][0]["figures"].as_object().unwrap();
    assert!(!differences.is_empty());
    for (name, difference) in differences {
        let verdict = difference["verdict"].as_str().unwrap();
        assert!(["above", "level", "below", "undecided"].contains(&verdict), "{name}: {difference}");
    }
    // A method is level with itself.
    let same = world.succeeds("compare a=eval/sdmad-0 b=eval/sdmad-0 --json").json();
    for (name, difference) in same["differences"][0]["figures"].as_object().unwrap() {
        assert!(difference["value"].is_null() || difference["value"] == 0.0, "{name}: {difference}");
    }

    world.refuses(2, "compare eval/sdmad-0", &["eval/sdmad-0", "NAME=DIR"]);
    world.refuses(2, "compare a=eval/gone", &["eval/gone/scores.csv"]);
    world.succeeds("evaluate --run run/sdmad-0 --data data/manifest.csv --split valid --out eval/valid");
    world.refuses(2, "compare a=eval/sdmad-0 b=eval/valid", &["eval/valid/scores.csv", "other images"]);
    world.edit("eval/valid/scores.csv", |text| text.replacen("n:cyst", "m:cyst", 1));
    world.refuses(2, "compare a=eval/valid", &["eval/valid/scores.csv", "columns"]);
}
