//! `data phantom`, `check`, `split` and `import`.

use std::fs;

use crate::world::World;

#[test]
fn phantoms_are_generated_the_same_each_time() {
    let world = World::empty();
    let outcome = world.succeeds("data phantom --out one --images 12 --seed 3 --threads 1");
    assert!(outcome.stdout.contains("12 phantoms"), "{outcome:#?}");
    world.succeeds("data phantom --out two --images 12 --seed 3 --threads 2");
    assert_eq!(world.names("one"), ["README.md", "images", "manifest.csv", "masks", "signs.csv"]);
    assert_eq!(world.names("one/images").len(), 12);
    for part in ["", "images", "masks"] {
        assert_eq!(world.names(&format!("one/{part}")), world.names(&format!("two/{part}")));
    }
    for name in ["manifest.csv", "signs.csv", "images/00000.png", "images/00011.png"] {
        assert!(world.bytes(&format!("one/{name}")) == world.bytes(&format!("two/{name}")), "{name}");
    }
    world.refuses(2, "data phantom --out one --images 12", &["one", "not empty"]);
    world.refuses(2, "data phantom --out three --images 3", &["images = 3", "8 to"]);
}

#[test]
fn a_check_tells_what_a_user_must_mend() {
    let world = World::new();
    let outcome = world.succeeds("data check data/manifest.csv");
    assert!(outcome.stdout.contains("cyst"), "{outcome:#?}");
    assert!(world.succeeds("data check data/manifest.csv --json").json().is_object());

    let image = world.images("test", |_| true).remove(0);
    fs::remove_file(world.path(&image)).unwrap();
    let before = world.content();
    let outcome = world.sdmad("data check data/manifest.csv");
    assert_eq!(outcome.status, Some(1), "{outcome:#?}");
    assert!(outcome.stdout.contains(image.strip_prefix("data/").unwrap()), "{outcome:#?}");
    assert_eq!(world.sdmad("data check data/manifest.csv --json").status, Some(1));
    assert_eq!(before, world.content());
    world.refuses(2, "data check gone.csv", &["gone.csv"]);
}

#[test]
fn a_split_is_a_new_manifest_beside_the_old_one() {
    let world = World::new();
    world.succeeds("data split data/manifest.csv --out data/half.csv --fractions 0.5,0,0.5 --seed 1");
    let lines = |name: &str| world.read(name).lines().count();
    assert_eq!(lines("data/half.csv"), lines("data/manifest.csv"));
    assert!(!world.read("data/half.csv").contains(",valid,"));
    let split = "data split data/manifest.csv --out";
    for (arguments, parts) in [
        (format!("{split} data/half.csv"), vec!["data/half.csv", "exists"]),
        (format!("{split} elsewhere.csv"), vec!["elsewhere.csv", "data"]),
        (format!("{split} data/new.csv --fractions 0.5,0.5"), vec!["--fractions", "three"]),
        (format!("{split} data/new.csv --fractions 0.5,0.6,0.7"), vec!["0.5"]),
    ] {
        world.refuses(2, &arguments, &parts);
    }
}

#[test]
fn folders_of_categories_become_a_manifest() {
    let world = World::new();
    for (number, image) in world.images("train", |_| true).iter().take(24).enumerate() {
        let name = ["normal", "cyst", "benign_mass"][number % 3];
        world.write(&format!("set/{name}/{number}.png"), world.bytes(image));
    }
    world.succeeds("data import folders set --out set/manifest.csv --fractions 0.6,0,0.4");
    let manifest = world.read("set/manifest.csv");
    assert!(manifest.starts_with("image,split,patient,mask,benign_mass,cyst\n"), "{manifest}");
    assert_eq!(manifest.lines().count(), 25);
    world.succeeds("train --data set/manifest.csv --signs phantom --encoder encoder --shots 2 --out run");

    let import = "data import folders set --out";
    world.refuses(2, &format!("{import} set/manifest.csv"), &["set/manifest.csv"]);
    world.refuses(2, "data import dicom-dir set --out set/new.csv", &["dicom-dir", "folders"]);
    world.refuses(2, "data import folders gone --out set/new.csv", &["gone"]);
}

#[test]
fn a_published_set_trains_with_the_bank_that_its_import_names() {
    let world = World::new();
    for (number, image) in world.images("train", |_| true).iter().take(24).enumerate() {
        let class = ["CNV", "DME", "DRUSEN", "NORMAL"][number % 4];
        let split = if number < 16 { "train" } else { "test" };
        world.write(&format!("OCT2017 /{split}/{class}/{class}-{number}-1.png"), world.bytes(image));
    }
    let outcome = world.succeeds("data import oct2017 . --out oct.csv");
    assert!(outcome.stderr.contains("--signs retinal-oct"), "{outcome:#?}");
    assert!(world.read("oct.csv").starts_with("image,split,patient,mask,cnv,dme,drusen\n"));
    world.succeeds("train --data oct.csv --signs retinal-oct --encoder encoder --shots 2 --out run");

    let help = world.succeeds("data import --help").stdout;
    assert!(help.contains("mimic-cxr-jpg") && help.contains("--uncertain"), "{help}");
    let import = "data import busi data --out new.csv";
    world.refuses(2, &format!("{import} --readers unanimous"), &["--readers", "busi", "vindr"]);
    world.refuses(2, import, &["busi", "looked for", "found"]);
    world.refuses(2, &format!("{import} --uncertain maybe"), &["maybe", "unknown"]);
}
