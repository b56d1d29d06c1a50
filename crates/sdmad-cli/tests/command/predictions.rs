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
    assert_eq!(keys(&line), ["categories", "image", "maps", "model", "normal_probability", "warnings"]);
    assert_eq!(
        keys(&line["model"]),
        ["bank_sha256", "image_recipe_sha256", "image_tower_sha256", "instructions", "precision", "run_sha256"]
    );
    let probability = |value: &serde_json::Value| (0.0..=1.0).contains(&value.as_f64().unwrap());
    assert!(probability(&line["normal_probability"]));
    assert_eq!(line["categories"].as_array().unwrap().len(), 4);
    for category in line["categories"].as_array().unwrap() {
        assert_eq!(keys(category), ["decision", "id", "probability", "signs", "threshold"]);
        assert!(probability(&category["probability"]) && category["threshold"].is_f64());
        assert!(["present", "absent", "uncertain"].contains(&category["decision"].as_str().unwrap()));
        for sign in category["signs"].as_array().unwrap() {
            assert_eq!(keys(sign), ["id", "probability", "selected", "similarity", "text", "why_not"]);
            assert!(probability(&sign["probability"]));
            assert_eq!(sign["selected"].as_bool().unwrap(), sign["why_not"].is_null(), "{sign}");
        }
    }
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
    ] {
        world.refuses(2, arguments, &parts);
    }
}
