//! The same bits for any number of threads and any batch, at each precision.

use crate::world::{TRAIN, World};

/// What must be equal of two runs and their evaluations.
const RUN_FILES: [&str; 8] = [
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "calibration.json",
    "selection.json",
    "shots.csv",
    "signs.toml",
    "support.safetensors",
];

/// Trains and evaluates with one thread and batch 1, and with more of both; nothing is taken from a cache.
fn check(settings: &str) {
    let mut world = World::new();
    for (name, threads, batch) in [("one", 1, 1), ("two", 2, 16), ("three", 3, 5)] {
        world.forget();
        world.succeeds(&format!("{TRAIN} {settings} --shots 4 --threads {threads} --out {name}/run"));
        world.forget();
        world.succeeds(&format!(
            "evaluate --run {name}/run --data data/manifest.csv --sign-truth data/signs.csv --threads {threads} \
             --batch {batch} --out {name}/eval"
        ));
    }
    for other in ["two", "three"] {
        for file in RUN_FILES {
            let read = |name: &str| world.bytes(&format!("{name}/run/{file}"));
            assert!(read("one") == read(other), "{file} of `{other}` differs");
        }
        for file in ["metrics.json", "scores.csv"] {
            assert_eq!(world.read(&format!("one/eval/{file}")), world.read(&format!("{other}/eval/{file}")), "{file}");
        }
    }
}

#[test]
fn of_the_closed_form() {
    check("");
}

#[test]
fn of_trained_adapters() {
    check("--preset paper --set adapters.epochs=2");
}

#[test]
fn of_losses_on_masks_and_anchors() {
    check("--preset paper --set adapters.epochs=2 --set loss.localisation_weight=1 --set loss.orthogonality_weight=1");
}

#[test]
fn in_bf16() {
    check("--precision bf16 --preset paper --set adapters.epochs=1");
}

#[test]
fn in_int8() {
    check("--precision int8 --preset paper --set adapters.epochs=1");
}

#[test]
fn of_what_was_packed_before() {
    let world = World::new();
    let image = world.images("test", |_| true).remove(0);
    for precision in ["f32", "bf16", "int8"] {
        world.succeeds(&format!("{TRAIN} --precision {precision} --shots 4 --out {precision}/run"));
        let packed = world.cache().join("packed");
        let predict = |place: &str| {
            std::fs::remove_dir_all(world.cache().join("features")).unwrap();
            world.succeeds(&format!("predict --run {precision}/run --out {precision}/{place} {image}"));
            world.read(&format!("{precision}/{place}/predictions.jsonl"))
        };
        let mapped = predict("mapped");
        std::fs::remove_dir_all(&packed).unwrap();
        assert_eq!(mapped, predict("packed"), "{precision}");
        assert!(packed.is_dir());
    }
}

#[test]
fn features_of_the_cache_are_those_that_were_computed() {
    let world = World::trained();
    let evaluate = "evaluate --run run --data data/manifest.csv --out";
    world.succeeds(&format!("{evaluate} cold"));
    world.succeeds(&format!("{evaluate} warm"));
    for file in ["metrics.json", "scores.csv"] {
        assert_eq!(world.read(&format!("cold/{file}")), world.read(&format!("warm/{file}")));
    }
}
