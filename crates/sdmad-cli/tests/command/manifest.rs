//! Manifests that cannot be learnt from.

use crate::world::{TRAIN, World};

#[test]
fn a_faulty_manifest_is_refused_by_line_and_value() {
    let world = World::new();
    let train = format!("{TRAIN} --shots 4 --out run");
    let whole = world.read("data/manifest.csv");
    let header = whole.lines().next().unwrap().to_string();
    let first = whole.lines().nth(1).unwrap().to_string();
    let cells: Vec<&str> = first.split(',').collect();
    let with = |line: String| whole.replacen(&first, &line, 1);
    let last = &first[..first.len() - 1];
    let cases = [
        (whole.replacen("patient", "person", 1), vec!["line 1", "`person`", "`patient`"]),
        (whole.replacen(",cyst", "", 1), vec!["line 2", "cells"]),
        (whole.replacen(",cyst,", ",Cyst,", 1), vec!["line 1", "`Cyst`", "snake_case"]),
        (whole.replacen(",cyst,", ",normal,", 1), vec!["line 1", "`normal`"]),
        (with(format!("{last}2")), vec!["line 2", "`calcification`", "`2`", "1 (present)"]),
        (with(format!("{last}yes")), vec!["line 2", "`calcification`", "`yes`"]),
        (with(first.replacen(cells[1], "practice", 1)), vec!["line 2", "`practice`", "`train`"]),
        (with(format!("{first},1")), vec!["line 2", "cells"]),
        // The same image once more, and something else is said of it.
        (format!("{whole}{last}\n"), vec![cells[0], "line 2"]),
        (format!("{header}\n"), vec!["no rows"]),
        (String::new(), vec!["empty"]),
    ];
    for (text, parts) in cases {
        world.write("data/manifest.csv", text);
        world.refuses(2, &train, &[&["data/manifest.csv"], &parts[..]].concat());
    }
    world.write("data/manifest.csv", b"image,split,patient,mask,cyst\n\xff,train,,,1\n");
    world.refuses(2, &train, &["data/manifest.csv", "line 2", "UTF-8"]);
    std::fs::remove_file(world.path("data/manifest.csv")).unwrap();
    world.refuses(2, &train, &["data/manifest.csv"]);
}

#[test]
fn a_category_that_nobody_has_is_refused_by_name() {
    let world = World::new();
    world.edit("data/manifest.csv", |text| text.replace(",1\n", ",0\n"));
    for shots in ["--shots 4", "--shots 4 --short-supply", "--shots all"] {
        world.refuses(2, &format!("{TRAIN} {shots} --out run"), &["calcification"]);
    }
}

#[test]
fn a_support_list_that_does_not_fit_is_refused() {
    let world = World::new();
    let (train, test) = (world.images("train", |_| true), world.images("test", |_| true));
    let of_manifest = |image: &String| image.strip_prefix("data/").unwrap().to_string();
    let (train, test) = (of_manifest(&train[0]), of_manifest(&test[0]));
    for (text, parts) in [
        (format!("image\n{test}\n"), vec![test.as_str(), "train image"]),
        ("image\nimages/none.png\n".into(), vec!["images/none.png", "manifest.csv"]),
        (format!("image\n{train}\n{train}\n"), vec![train.as_str(), "twice"]),
        (format!("picture\n{train}\n"), vec!["image"]),
        ("image\n".into(), vec!["no image"]),
        // One image cannot show every category.
        (format!("image\n{train}\n"), vec!["no image of"]),
    ] {
        world.write("list.csv", text);
        world.refuses(2, &format!("{TRAIN} --support list.csv --out run"), &parts);
    }
}
