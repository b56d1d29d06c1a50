//! Settings by preset, file and `--set`; and the command line itself.

use crate::world::{TRAIN, World};

#[test]
fn a_file_goes_over_the_preset_and_single_settings_over_both() {
    let world = World::new();
    world.write("my.toml", "[selection]\nmode = \"none\"\nkeep = 3\n\n[features]\nviews = [\"plain\"]\n");
    world.succeeds(&format!(
        "{TRAIN} --config my.toml --set selection.keep=4 --set loss.margin=0.5 --shots 4 --out run"
    ));
    let settings = &world.json("run/adapter_config.json")["settings"];
    assert_eq!(settings["selection"]["mode"], "none");
    assert_eq!(settings["selection"]["keep"], 4);
    assert_eq!(settings["features"]["views"], serde_json::json!(["plain"]));
    assert_eq!(settings["loss"]["margin"], 0.5);
    assert_eq!(world.json("run/selection.json")["mode"], "none");
}

#[test]
fn settings_that_are_none_are_refused_by_name() {
    let world = World::new();
    world.write("keys.toml", "[selection]\nmodus = \"none\"\n");
    world.write("section.toml", "[selektion]\nmode = \"none\"\n");
    world.write("broken.toml", "[selection\n");
    world.write("range.toml", "[adapters]\nlambda = 1.5\n");
    for (option, parts) in [
        ("--config keys.toml", vec!["keys.toml", "modus"]),
        ("--config section.toml", vec!["section.toml", "selektion"]),
        ("--config broken.toml", vec!["broken.toml", "TOML"]),
        ("--config range.toml", vec!["range.toml", "adapters.lambda = 1.5", "0 to 1"]),
        ("--config gone.toml", vec!["gone.toml"]),
        ("--set selection.modus=none", vec!["--set selection.modus=none", "modus"]),
        ("--set selection.mode=never", vec!["never"]),
        ("--set selection", vec!["KEY=VALUE"]),
        ("--set features.layers=0", vec!["features.layers = 0", "1 or more"]),
        ("--set features.views=[]", vec!["features.views"]),
        ("--preset fast", vec!["`fast`", "best or paper"]),
    ] {
        world.refuses(2, &format!("{TRAIN} --shots 4 {option} --out run"), &parts);
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let world = World::trained();
    let train = |option: &str| format!("{TRAIN} {option} --out new");
    for (arguments, parts) in [
        (train("--shots 0"), vec!["--shots 0", "sdmad align"]),
        (train("--shots abc"), vec!["--shots abc", "or all"]),
        (train("--shots -3"), vec!["-3"]),
        (train("--shots 1.5"), vec!["--shots 1.5"]),
        (train("--shots 1000"), vec!["manifest.csv", "1000 shots asked for", "eligible"]),
        (train(""), vec!["--shots", "--support"]),
        (train("--shots 4 --threads 0"), vec!["--threads 0", "1 to 1024"]),
        (train("--shots 4 --threads 100000"), vec!["--threads 100000", "1 to 1024"]),
        (train("--shots 4 --draw one"), vec!["one"]),
        (train("--shots 4 --method magic"), vec!["magic", "linear-probe"]),
        (train("--shots 4 --support run/shots.csv"), vec!["--support", "--shots"]),
        ("evaluate --run run --data data/manifest.csv --batch 0 --out new".into(), vec!["--batch 0", "1 or more"]),
        ("explain".into(), vec!["explain"]),
    ] {
        world.refuses(2, &arguments, &parts);
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let world = World::empty();
    let help = world.succeeds("--help");
    for part in ["train", "evaluate", "predict", "not a medical device"] {
        assert!(help.stdout.contains(part), "{part}");
    }
    for verb in ["demo", "encoder", "data", "signs", "align", "train", "evaluate", "compare", "predict"] {
        world.succeeds(&format!("{verb} --help"));
    }
    assert!(world.succeeds("--version").stdout.starts_with("sdmad "));
    // Without a verb the help is an error's answer.
    assert_eq!(world.sdmad("").status, Some(2));
}
