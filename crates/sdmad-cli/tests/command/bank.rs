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

#[test]
fn signs_of_a_run_are_explained_and_other_words_tried() {
    let world = World::trained();
    let signs = world.read("run/signs.toml").matches("[[sign]]").count();
    let explained = world.succeeds("signs explain run --plot margins.svg");
    for part in ["| normal ", "| cyst ", "says nearly the same", "Research use only"] {
        assert!(explained.stdout.contains(part), "{part}: {explained:#?}");
    }
    let plot = world.read("margins.svg");
    assert!(plot.starts_with("<svg ") && plot.matches("<rect x=").count() >= signs, "{plot}");
    let rows = world.succeeds("signs explain run --json").json();
    let rows = rows.as_array().unwrap();
    let selection = world.json("run/selection.json");
    let margin = selection["categories"][1]["signs"][0]["margin"].as_f64().unwrap();
    assert!(rows.iter().any(|r| r["category"] == "cyst" && r["margin"].as_f64() == Some(margin)), "{rows:?}");
    world.refuses(2, "signs explain run --plot margins.svg", &["margins.svg", "exists"]);

    let image = world.images("test", |_| true).remove(0);
    let sign = rows[0]["sign"].as_str().unwrap();
    let words = rows[0]["text"].as_str().unwrap().to_string();
    // Its own words change nothing; arguments are not split, as the words have spaces.
    let same = world.sdmad_with(&["signs", "try", "run", &words, &image, "--instead-of", sign, "--json"]);
    assert_eq!(same.status, Some(0), "{same:#?}");
    for change in same.json()[0]["categories"].as_array().unwrap() {
        assert_eq!(change["before"], change["after"]);
    }
    let added = world.sdmad_with(&["signs", "try", "run", "a thick bright rim", &image, "--category", "cyst"]);
    assert!(added.stdout.contains("probability of cyst") && added.stdout.contains("→"), "{added:#?}");
    world.refuses(2, &format!("signs try run rim {image}"), &["--category", "--instead-of", "cyst"]);
    world.refuses(2, &format!("signs try run rim {image} --category stone"), &["stone", "cyst"]);
    world.refuses(2, &format!("signs try run rim {image} --instead-of nothing"), &["nothing"]);
}

#[test]
fn a_run_is_evaluated_with_another_bank() {
    let world = World::trained();
    let evaluate = "evaluate --run run --data data/manifest.csv --sign-truth data/signs.csv";
    world.succeeds(&format!("{evaluate} --out own"));
    world.succeeds(&format!("{evaluate} --signs run/signs.toml --out same"));
    assert_eq!(world.bytes("own/scores.csv"), world.bytes("same/scores.csv"));
    assert_eq!(world.json("own/metrics.json"), world.json("same/metrics.json"));
    assert_eq!(world.bytes("own/report.html"), world.bytes("same/report.html"));

    // A bank with a sign that the run never saw, and a truth of it.
    let sign =
        "\n[[sign]]\nid = \"grey_wedge\"\ntext = \"wedge of grey below the lump\"\ncategories = [\"benign_mass\"]\n";
    world.write("more.toml", world.read("run/signs.toml").replacen("name = \"phantom\"", "name = \"more\"", 1) + sign);
    let truth = world.read("data/signs.csv");
    let copied = |line: &str| format!("{line},{}\n", line.split(',').nth(1).unwrap());
    let (header, rows) = truth.split_once('\n').unwrap();
    world.write("data/more.csv", format!("{header},grey_wedge\n") + &rows.lines().map(copied).collect::<String>());
    let more = evaluate.replace("signs.csv", "more.csv");
    world.refuses(2, &format!("{more} --out figures"), &["grey_wedge", "phantom"]);
    world.succeeds(&format!("{more} --signs more.toml --out figures"));
    let (before, after) = (world.json("own/metrics.json"), world.json("figures/metrics.json"));
    assert!(after["signs"]["grey_wedge"]["auroc"]["value"].is_number(), "{after}");
    assert_eq!(after["run"]["bank"]["name"], "more");
    assert_ne!(after["run"]["bank"]["sha256"], before["run"]["bank"]["sha256"]);
    assert_eq!(after["run"]["trained_with_bank"], before["run"]["bank"]);
    assert_eq!(before["run"]["trained_with_bank"], before["run"]["bank"]);

    let without =
        world.read("run/signs.toml").replacen("id = \"cyst\"", "id = \"stone\"", 1).replace("[\"cyst\"", "[\"stone\"");
    world.write("stone.toml", without.replace("\"cyst\"]", "\"stone\"]"));
    world.refuses(2, &format!("{evaluate} --signs stone.toml --out no"), &["`cyst`", "stone"]);
    world.refuses(2, &format!("{evaluate} --signs liver --out no"), &["`liver`", "phantom"]);
    world.succeeds(&format!("{TRAIN} --shots 4 --method linear-probe --out probe"));
    let probe = evaluate.replace("--run run", "--run probe");
    world.refuses(2, &format!("{probe} --signs phantom --out no"), &["probe", "no signs", "--method sdmad"]);
}
