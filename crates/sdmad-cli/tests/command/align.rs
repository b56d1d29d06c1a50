//! Alignments: made, used without and beside shots, and refused.

use crate::world::{TRAIN, World};

const ALIGN: &str = "align --encoder encoder --domain general --images 200";

/// A world with an alignment of its encoder in `words`.
fn aligned() -> World {
    let world = World::new();
    world.succeeds(&format!("{ALIGN} --out words"));
    world
}

#[test]
fn is_the_same_for_any_number_of_threads_and_says_what_it_was_made_of() {
    let world = World::new();
    for (name, threads) in [("one", 1), ("three", 3)] {
        world.succeeds(&format!("{ALIGN} --seed 5 --threads {threads} --out {name}"));
    }
    for file in ["alignment.json", "alignment.safetensors"] {
        assert!(world.bytes(&format!("one/{file}")) == world.bytes(&format!("three/{file}")), "{file}");
    }
    let record = world.json("one/alignment.json");
    assert_eq!(record["command"], "sdmad align --images 200 --seed 5 --domain general");
    assert_eq!(record["domains"][0]["domain"], "general");
    let auroc = record["domains"][0]["attribute_auroc"].as_f64().unwrap();
    assert!((0.4..=1.0).contains(&auroc), "{auroc}");
}

#[test]
fn reads_signs_without_a_shot_by_their_words() {
    let world = aligned();
    let train = |option: &str, out: &str| {
        world.succeeds(&format!("{TRAIN} --alignment words {option} --out {out}"));
    };
    train("--shots 0", "zero");
    train("--method zero-shot-signs", "method");
    train("--shots 0 --set text.source=swapped", "swapped");
    train("--shots 0 --set alignment.control=shuffled_text", "shuffled");
    train("--shots 0 --set alignment.control=random_bridge", "random");
    let model = |run: &str| world.bytes(&format!("{run}/adapter_model.safetensors"));
    assert!(model("zero") == model("method"));
    let config = world.json("zero/adapter_config.json");
    assert_eq!(config["alignment"]["domain"], "general");
    assert_eq!(config["support_counts"], serde_json::json!([0, 0, 0, 0, 0]));
    let scores = |run: &str| {
        world.succeeds(&format!("evaluate --run {run} --data data/manifest.csv --out {run}-figures"));
        world.read(&format!("{run}-figures/scores.csv"))
    };
    let zero = scores("zero");
    for other in ["swapped", "shuffled", "random"] {
        assert_ne!(zero, scores(other), "{other}");
    }
    // Without a shot there is nothing to choose a precision by.
    train("--shots 0 --precision auto", "chosen");
    assert_eq!(world.json("chosen/adapter_config.json")["encoder"]["precision"], "f32");
    world.succeeds("predict --run zero --out answers data/images");
    // A sign is set against the signs of normal, so its probability follows its similarity within an image.
    for line in world.json_lines("answers/predictions.jsonl") {
        let categories = line["categories"].as_array().unwrap();
        let mut signs: Vec<(f64, f64)> = categories
            .iter()
            .flat_map(|c| c["signs"].as_array().unwrap())
            .map(|s| (s["similarity"].as_f64().unwrap(), s["probability"].as_f64().unwrap()))
            .collect();
        signs.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(signs.is_sorted_by(|a, b| a.1 <= b.1), "{signs:?}");
    }
}

#[test]
fn stands_beside_the_shots_with_a_weight_that_can_be_none() {
    let world = aligned();
    let run = |option: &str, out: &str| {
        world.succeeds(&format!("{TRAIN} --shots 4 {option} --out {out}"));
        world.succeeds(&format!("evaluate --run {out} --data data/manifest.csv --out {out}-figures"));
        world.read(&format!("{out}-figures/scores.csv"))
    };
    let without = run("--alignment none", "without");
    let ignored = "--alignment words --set alignment.weight=0 --set alignment.normal_variation=ignored";
    let weightless = run(ignored, "weightless");
    let whitened = run("--alignment words --set alignment.weight=0", "whitened");
    let beside = run("--alignment words", "beside");
    assert_eq!(without, weightless);
    // How normal images differ counts beside the words.
    assert_ne!(without, whitened);
    assert_ne!(whitened, beside);
    // Maps are read by the words beside masks, by words alone, or not at all.
    for (source, origin) in [("auto", "masks_and_words"), ("words", "words")] {
        let out = format!("maps-{source}");
        world.succeeds(&format!("{TRAIN} --shots 4 --alignment words --set maps.source={source} --out {out}"));
        assert_eq!(world.json(&format!("{out}/adapter_config.json"))["maps"], origin);
        world.succeeds(&format!("evaluate --run {out} --data data/manifest.csv --no-report --out {out}-figures"));
        let metrics = world.json(&format!("{out}-figures/metrics.json"));
        assert_eq!(metrics["localisation"]["origin"], origin);
    }
    world.succeeds(&format!("{TRAIN} --shots 4 --set maps.source=off --out mapless"));
    assert!(world.json("mapless/adapter_config.json")["maps"].is_null());
    world.refuses(2, "predict --run mapless --maps --out answers data/images", &["--maps", "mapless", "no maps"]);

    // By the rule for four shots, in the domain of images that were not drawn.
    let weight = world.json("beside/adapter_config.json")["alignment"]["weight"].as_f64().unwrap();
    assert!((weight - 0.1 / (1.0 + 4.0 / 15.0)).abs() < 1e-12, "{weight}");
    assert!(world.json("without/adapter_config.json")["alignment"].is_null());

    // Signs are read anew in the domain of the run, whichever would be taken today.
    let image = world.images("test", |_| true).remove(0);
    let reread = ["signs", "try", "beside", "a thick bright rim", &image, "--category", "cyst"];
    assert_eq!(world.sdmad_with(&reread).status, Some(0));
    world.edit("beside/adapter_config.json", |text| text.replace("\"domain\": \"general\"", "\"domain\": \"oct\""));
    let refused = world.sdmad_with(&reread);
    assert_eq!(refused.status, Some(2), "{refused:#?}");
    assert!(format!("{refused:?}").contains("alignment.domain = oct"), "{refused:#?}");
}

#[test]
fn is_drawn_on_given_normal_images_and_remembers_which() {
    let world = World::new();
    let command = "align --encoder encoder --images 200 --domain ultrasound";
    world.succeeds(&format!("{command} --normals data/manifest.csv --out words"));
    let record = world.json("words/alignment.json");
    let normals = world.images("train", |labels| labels.iter().all(|&l| l == "0"));
    assert_eq!(record["domains"][0]["normals_sha256"].as_array().unwrap().len(), normals.len());
    assert_eq!(record["domains"][0]["domain"], "ultrasound");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let world = aligned();
    world.write("empty/notes.txt", "no image");
    for (arguments, parts) in [
        ("--domain magic --out new", vec!["magic", "ultrasound"]),
        ("--images 10 --out new", vec!["--images 10", "200 or more"]),
        ("--normals empty --out new", vec!["empty"]),
        ("--normals gone --out new", vec!["gone"]),
        ("--domain oct --normals ultrasound=data/images --out new", vec!["ultrasound", "--domain"]),
        ("--domain oct --domain oct --out new", vec!["--domain oct", "twice"]),
        ("--domain oct --domain xray --normals data/images --out new", vec!["2 domains", "--normals DOMAIN=DIR"]),
        ("--out words", vec!["words"]),
    ] {
        world.refuses(2, &format!("align --encoder encoder {arguments}"), &parts);
    }
    let train = |option: &str| format!("{TRAIN} --shots 4 {option} --out new");
    world.refuses(2, &train("--alignment gone"), &["alignment.source = gone", "sdmad align"]);
    world.refuses(2, &train("--alignment empty"), &["alignment.json", "sdmad align"]);
    let unknown = train("--alignment words --set alignment.domain=xray");
    world.refuses(2, &unknown, &["alignment.domain = xray", "general"]);
    world.refuses(2, &train("--set alignment.weight=-1"), &["alignment.weight = -1", "0 to 100"]);
    let mut bytes = world.bytes("words/alignment.safetensors");
    bytes.truncate(bytes.len() / 2);
    world.write("words/alignment.safetensors", bytes);
    world.refuses(2, &train("--alignment words"), &["alignment.safetensors", "sdmad align"]);
    world.edit("words/alignment.json", |text| text.replace("\"format\": 1", "\"format\": 9"));
    world.refuses(2, &train("--alignment words"), &["alignment format 9"]);
}
