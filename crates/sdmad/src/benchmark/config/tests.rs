use super::*;

const TEXT: &str = r#"
schema = 1
shots = [4, 0]
[[sets]]
name = "a"
manifest = "a/manifest.csv"
signs = "phantom"
alignment = "words"
[[methods]]
name = "sdmad"
[[methods]]
name = "probe"
method = "linear-probe"
alignment = "none"
[[methods]]
name = "pixels"
method = "zero-shot-signs"
settings = { "selection.keep" = 3, "bridge.ridge" = [2.0] }
"#;

#[test]
fn defaults_places_and_the_baseline_are_filled_in() {
    let config = BenchmarkConfig::parse(TEXT, Path::new("conf"), "pair").unwrap();
    assert_eq!((config.encoders, config.shots, config.draws), (vec!["pair".to_string()], vec![0, 4], 5));
    assert_eq!(config.split, Measured::Test);
    let set = &config.sets[0];
    assert_eq!((set.manifest_place.as_path(), set.signs.as_str()), (Path::new("conf/a/manifest.csv"), "phantom"));
    assert_eq!(set.alignment.as_deref(), Some("conf/words"));
    assert_eq!(config.compare, [(0, 1), (0, 2), (0, 3)]);
    let [sdmad, probe, zero, added] = &config.methods[..] else { panic!("{:?}", config.methods) };
    assert!(!sdmad.own_alignment && probe.own_alignment && !probe.zero_shot);
    assert_eq!((zero.method, zero.zero_shot, zero.settings.selection.keep), (Method::Sdmad, true, 3));
    assert_eq!(zero.settings.bridge.ridge, [2.0]);
    assert_eq!((added.method, added.added, added.name.as_str()), (Method::Pixels, true, "pixels (added)"));
}

#[test]
fn variants_of_the_peers_protocol_stand_behind_all_methods() {
    let text = TEXT.replace("shots = [4, 0]", "shots = [4, 0]\npeers_protocol = true");
    let config = BenchmarkConfig::parse(&text, Path::new(""), "pair").unwrap();
    let of: Vec<Option<usize>> = config.methods.iter().map(|m| m.variant_of).collect();
    assert_eq!(of[..4], [None; 4]);
    assert_eq!(of[4..], [[Some(0); 5], [Some(1); 5]].concat());
    // Without a shot there is one draw and no variant.
    assert_eq!(config.cells().iter().filter(|c| c.shots == 0).count(), 4);
    assert_eq!(config.cells().iter().filter(|c| c.shots == 4).count(), 5 * 14);
}

#[test]
fn pairs_are_those_that_are_named_or_all_of_a_few() {
    let config = BenchmarkConfig::parse(TEXT, Path::new(""), "pair").unwrap();
    let mut set = config.sets[0].clone();
    let ids = |n: usize| (0..n).map(|i| format!("c{i}")).collect::<Vec<_>>();
    assert_eq!(set.pairs(&ids(3)).unwrap(), [(0, 1), (0, 2), (1, 2)]);
    assert_eq!(set.pairs(&ids(5)).unwrap(), []);
    set.critical_pairs = Some(vec![("c4".into(), "c1".into())]);
    assert_eq!(set.pairs(&ids(5)).unwrap(), [(4, 1)]);
    assert!(set.pairs(&ids(3)).unwrap_err().to_string().contains("`c4`"));
}

#[test]
fn the_committed_configurations_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench");
    for (name, sets) in [
        ("phantoms.toml", 1),
        ("measuring-sets.toml", 4),
        ("results.toml", 4),
        ("words-alone.toml", 4),
        ("precision.toml", 4),
    ] {
        let config = BenchmarkConfig::read(&folder.join(name), "pair").unwrap();
        assert_eq!(config.sets.len(), sets, "{name}");
    }
}
