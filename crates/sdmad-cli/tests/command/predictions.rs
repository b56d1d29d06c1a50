//! `predict`: a line for each image.

use std::fs;

use crate::world::World;

#[test]
fn an_image_is_answered_alone_as_among_others() {
    let mut world = World::trained();
    let images = world.images("test", |_| true);
    world.succeeds("predict --run run --out all data/images");
    let all = world.read("all/predictions.jsonl");
    assert_eq!(all.lines().count(), fs::read_dir(world.path("data/images")).unwrap().count());
    for (number, image) in images.iter().take(3).enumerate() {
        world.forget();
        world.succeeds(&format!("predict --run run --out alone-{number} {image}"));
        let alone = world.read(&format!("alone-{number}/predictions.jsonl"));
        assert!(all.lines().any(|line| format!("{line}\n") == alone), "{alone}");
    }

    let line: serde_json::Value = serde_json::from_str(all.lines().next().unwrap()).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(&line),
        ["categories", "coverage", "image", "maps", "model", "normal_probability", "prevalence", "warnings"]
    );
    assert_eq!(
        keys(&line["model"]),
        ["bank_sha256", "image_recipe_sha256", "image_tower_sha256", "instructions", "precision", "run_sha256"]
    );
    let probability = |value: &serde_json::Value| (0.0..=1.0).contains(&value.as_f64().unwrap());
    assert!(probability(&line["normal_probability"]));
    assert_eq!(line["categories"].as_array().unwrap().len(), 4);
    for category in line["categories"].as_array().unwrap() {
        assert_eq!(keys(category), ["beside_signs", "decision", "id", "interval", "probability", "signs", "threshold"]);
        assert!(probability(&category["probability"]) && category["threshold"].is_f64());
        assert!(["present", "absent", "uncertain"].contains(&category["decision"].as_str().unwrap()));
        for sign in category["signs"].as_array().unwrap() {
            assert_eq!(keys(sign), ["id", "probability", "selected", "similarity", "standardised", "text", "why_not"]);
            assert!(probability(&sign["probability"]));
            assert_eq!(sign["selected"].as_bool().unwrap(), sign["why_not"].is_null(), "{sign}");
        }
    }
}

#[test]
fn a_stated_prevalence_moves_probabilities_and_no_answer() {
    let world = World::trained();
    let image = world.images("test", |_| true).remove(0);
    let answer = |out: &str, options: &str| -> serde_json::Value {
        world.succeeds(&format!("predict --run run --no-report --out {out} {options} {image}"));
        serde_json::from_str(&world.read(&format!("{out}/predictions.jsonl"))).unwrap()
    };
    let (of_shots, rare) = (answer("plain", ""), answer("rare", "--prevalence cyst=0.01"));
    assert_eq!(rare["prevalence"], serde_json::json!({"cyst": 0.01}));
    for (before, after) in of_shots["categories"].as_array().unwrap().iter().zip(rare["categories"].as_array().unwrap())
    {
        let falls = before["probability"].as_f64() > after["probability"].as_f64();
        assert_eq!(falls, before["id"] == "cyst");
        assert_eq!(before["decision"], after["decision"]);
    }
    world.succeeds("evaluate --run run --data data/manifest.csv --no-report --prevalence cyst=0.01 --out figures");
    assert_eq!(world.json("figures/metrics.json")["run"]["prevalence"]["cyst"], 0.01);
}

#[test]
fn an_unreadable_image_has_a_line_and_the_others_are_answered() {
    let world = World::trained();
    let image = world.images("test", |_| true).remove(0);
    let whole = world.bytes(&image);
    world.write("in/a.png", &whole);
    world.write("in/b.png", &whole[..whole.len() / 2]);
    world.write("in/c.png", "no picture at all");
    world.write("in/d.png", &whole);
    let outcome = world.sdmad("predict --run run --out out in");
    assert_eq!(outcome.status, Some(1), "{outcome:#?}");
    assert!(outcome.stdout.contains("2 of 4 images answered"), "{outcome:#?}");
    let lines = world.json_lines("out/predictions.jsonl");
    assert_eq!(lines.len(), 4);
    for (line, name) in lines.iter().zip(["in/a.png", "in/b.png", "in/c.png", "in/d.png"]) {
        assert_eq!(line["image"], name);
        let damaged = name.contains('b') || name.contains('c');
        assert_eq!(line.get("error").is_some(), damaged, "{line}");
        assert!(!damaged || line["error"].as_str().unwrap().contains(name), "{line}");
    }
    assert_eq!(lines[0]["categories"], lines[3]["categories"]);
}

#[test]
fn a_prediction_that_was_stopped_goes_on_and_gives_the_same_files() {
    let world = World::trained();
    world.succeeds("predict --run run --out whole data/images");
    // No file may be as long as the report: every image is done, and the page cannot be written.
    let blocks = (world.bytes("whole/report.html").len() - 20_000) / 1024;
    let mut command = std::process::Command::new("bash");
    let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    command.args(["-c", &limited, "bash", env!("CARGO_BIN_EXE_sdmad")]);
    command.args("predict --run run --out stopped data/images".split_whitespace());
    assert_eq!(world.prepared(command).output().unwrap().status.code(), Some(1));
    let kept = world.names("stopped");
    assert_eq!(kept.len(), 2, "{kept:?}");
    // As it lies there when the machine stopped after two images, in the middle of the third.
    for file in kept {
        let name = format!("stopped/{file}");
        world.edit(&name, |text| text.split_inclusive('\n').take(2).chain(["{\"image\":\"torn"]).collect());
    }
    let outcome = world.succeeds("predict --run run --out stopped data/images");
    assert!(outcome.stderr.contains("2 of "), "{outcome:#?}");
    assert_eq!(world.names("stopped"), ["predictions.jsonl", "report.html"]);
    for file in ["predictions.jsonl", "report.html"] {
        assert!(world.bytes(&format!("whole/{file}")) == world.bytes(&format!("stopped/{file}")), "{file}");
    }
}

/// The lines of a report's images, as they are kept on the way.
fn report_lines(page: &str) -> Vec<String> {
    let element = |id: &str| {
        let start = format!("id=\"{id}\">");
        let from = page.find(&start).unwrap() + start.len();
        page[from..].split("</script>").next().unwrap().to_string()
    };
    let head: serde_json::Value = serde_json::from_str(&element("report")).unwrap();
    let images = head["images"].as_array().unwrap();
    images.iter().enumerate().map(|(i, summary)| format!("{summary}\t{}\n", element(&format!("image-{i}")))).collect()
}

#[test]
fn a_report_stands_alone_and_says_what_the_lines_say() {
    let world = World::trained();
    let image = world.images("test", |_| true).remove(0);
    world.write("in/a.png", world.bytes(&image));
    world.write("in/<b>.png", "no picture");
    assert_eq!(world.sdmad("predict --run run --out out in").status, Some(1));
    let page = world.read("out/report.html");
    assert!(page.contains("Research use only, not a medical device."));
    let places = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!places.contains("http://") && !places.contains("https://"), "it names no place but a namespace");
    assert!(!page.contains("<b>"), "a name is no markup");
    assert!(page.contains("default-src 'none'"));
    let line = world.json_lines("out/predictions.jsonl").into_iter().find(|l| l["error"].is_null()).unwrap();
    let lines = report_lines(&page);
    assert_eq!(lines.len(), 2);
    let answered = lines.iter().find(|l| l.contains("in/a.png")).unwrap();
    let (summary, detail) = answered.split_once('\t').unwrap();
    let (summary, detail): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(summary).unwrap(), serde_json::from_str(detail).unwrap());
    for (c, category) in line["categories"].as_array().unwrap().iter().enumerate() {
        let p = category["probability"].as_f64().unwrap();
        assert!((summary["p"][c].as_f64().unwrap() - p).abs() < 1e-4);
        assert_eq!(summary["d"][c], category["decision"]);
        assert_eq!(
            detail["categories"][c]["signs"].as_array().unwrap().len(),
            category["signs"].as_array().unwrap().len()
        );
    }
    assert!(detail["picture"].as_str().unwrap().starts_with("data:image/jpeg;base64,"));
    assert_eq!(detail["nearest"].as_array().unwrap().len(), 3);
    world.succeeds("predict --run run --out mapped --maps in/a.png");
    let line = world.json_lines("mapped/predictions.jsonl").remove(0);
    let files: Vec<&str> = line["maps"].as_array().unwrap().iter().map(|m| m["file"].as_str().unwrap()).collect();
    assert_eq!(files.len(), 5, "any anomaly and four categories: {files:?}");
    let map = sdmad_imaging::read_image(&world.path(&format!("mapped/{}", files[0]))).unwrap();
    let picture = sdmad_imaging::read_image(&world.path("in/a.png")).unwrap();
    assert_eq!((map.width(), map.height()), (picture.width(), picture.height()));
    world.succeeds("predict --run run --out bare --no-report in/a.png");
    assert_eq!(world.names("bare"), ["predictions.jsonl"]);
}

#[test]
fn inputs_and_places_that_cannot_be_are_refused() {
    let world = World::trained();
    fs::create_dir(world.path("hollow")).unwrap();
    world.write("there/predictions.jsonl", "precious\n");
    let image = world.images("test", |_| true).remove(0);
    for (arguments, parts) in [
        ("predict --run run --out out gone.png", vec!["gone.png"]),
        ("predict --run run --out out hollow", vec!["hollow", "no image"]),
        ("predict --run gone --out out data/images", vec!["gone", "adapter_config.json"]),
        (&format!("predict --run run --out there {image}"), vec!["there/predictions.jsonl", "exists"]),
        (&format!("predict --run run --out data/manifest.csv {image}"), vec!["manifest.csv"]),
        (&format!("predict --run run --out out --coverage 1 {image}"), vec!["--coverage 1", "above 0 and below 1"]),
        (
            &format!("predict --run run --out out --prevalence cyst {image}"),
            vec!["--prevalence cyst", "CATEGORY=SHARE"],
        ),
        (
            &format!("predict --run run --out out --prevalence tumour=0.1 {image}"),
            vec!["tumour", "no such category", "cyst"],
        ),
        (&format!("predict --run run --out out --prevalence cyst=1.5 {image}"), vec!["cyst", "1.5", "below 1"]),
    ] {
        world.refuses(2, arguments, &parts);
    }
}
