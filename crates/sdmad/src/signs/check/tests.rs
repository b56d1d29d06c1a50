use super::*;
use crate::signs::{Category, Code, NORMAL, Provenance, shipped_names, shipped_text};

/// A bank of two categories without any finding, to be spoilt.
fn clean() -> Bank {
    let things =
        ["round shape", "sharp edge", "dark core", "bright rim", "fine grain", "long tail", "thin wall", "wide gap"];
    let mut signs = Vec::new();
    for (category, adverb) in [("cyst", "strikingly"), (NORMAL, "evenly")] {
        for thing in things {
            let id = format!("{category}_{}", thing.replace(' ', "_"));
            signs.push(Sign { id, text: format!("{adverb} {thing}"), categories: vec![category.into()], code: None });
        }
    }
    let text = |s: &str| Some(s.to_string());
    Bank {
        name: "clean".into(),
        modality: "a picture".into(),
        provenance: Provenance {
            model: text("a person"),
            date: text("2026-11-24"),
            prompt: text("signs"),
            reviewed_by: text("not reviewed by a clinician"),
            ..Provenance::default()
        },
        categories: [("cyst", "simple cyst"), (NORMAL, "normal tissue")]
            .map(|(id, name)| Category { id: id.into(), name: name.into() })
            .to_vec(),
        signs,
    }
}

fn codes(bank: &Bank) -> Vec<&'static str> {
    check(bank, None).iter().map(|f| f.code).collect()
}

fn code(scheme: &str, value: &str, meaning: &str) -> Option<Code> {
    Some(Code { scheme: scheme.into(), value: value.into(), meaning: meaning.into() })
}

#[test]
fn every_shipped_bank_is_clean() {
    for name in shipped_names() {
        let text = shipped_text(name).unwrap();
        let bank = Bank::parse(text, name).unwrap();
        assert_eq!(bank.name, name);
        let findings = check(&bank, None);
        assert!(findings.is_empty(), "{name}: {findings:#?}");
        assert!(bank.provenance.reviewed_by.as_deref() == Some("not reviewed by a clinician"), "{name}");
        assert!(bank.category_index(NORMAL).is_some());
        assert_eq!(Bank::parse(&bank.to_toml(), name).unwrap(), bank);
    }
    assert!(Bank::shipped("no-such-bank").is_none());
}

#[test]
fn shared_signs_are_explicit() {
    let shared = |name: &str| Bank::shipped(name).unwrap().signs.iter().filter(|s| s.categories.len() > 1).count();
    for name in shipped_names() {
        assert!(shared(name) > 0, "{name}");
    }
    assert!(shared("chest-xray") >= 25);
}

#[test]
fn the_dermoscopy_ids_are_those_of_the_sign_truth() {
    let bank = Bank::shipped("dermoscopy").unwrap();
    let truth =
        ["atypical_pigment_network", "atypical_dots_globules", "streaks", "regression_areas", "blue_whitish_veil"];
    for id in truth {
        assert!(bank.sign_index(id).is_some(), "{id}");
    }
}

#[test]
fn the_phantom_bank_is_the_generators() {
    let bank = Bank::shipped("phantom").unwrap();
    let drawn: [(&str, &[&str]); 5] = [
        (
            "cyst",
            &[
                "round_or_oval_shape",
                "anechoic_interior",
                "posterior_enhancement",
                "thin_smooth_wall",
                "circumscribed_margin",
            ],
        ),
        (
            "benign_mass",
            &[
                "round_or_oval_shape",
                "circumscribed_margin",
                "parallel_orientation",
                "hypoechoic_interior",
                "homogeneous_texture",
            ],
        ),
        (
            "malignant_mass",
            &[
                "irregular_shape",
                "spiculated_margin",
                "indistinct_margin",
                "taller_than_wide",
                "hypoechoic_interior",
                "heterogeneous_texture",
                "posterior_shadowing",
                "echogenic_halo",
            ],
        ),
        ("calcification", &["bright_echogenic_foci", "clustered_foci", "posterior_shadowing"]),
        (
            NORMAL,
            &["intact_tissue_layers", "uniform_speckle", "no_focal_lesion", "uninterrupted_fascia", "even_brightness"],
        ),
    ];
    let all: Vec<&str> = drawn.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    for (category, ids) in drawn {
        for id in &all {
            let sign = &bank.signs[bank.sign_index(id).unwrap()];
            assert_eq!(sign.categories.iter().any(|c| c == category), ids.contains(id), "{category} {id}");
        }
    }
}

#[test]
fn a_clean_bank_stays_clean() {
    assert!(check(&clean(), None).is_empty(), "{:#?}", check(&clean(), None));
}

#[test]
fn each_lint_finds_its_mistake() {
    type Spoil = fn(&mut Bank);
    let cases: [(&str, Spoil); 22] = [
        ("duplicate_id", |b| b.signs[1].id = b.signs[0].id.clone()),
        ("duplicate_id", |b| b.categories[1].id = "cyst".into()),
        ("duplicate_text", |b| b.signs[1].text = "The Strikingly round-shape.".into()),
        ("empty_text", |b| b.signs[1].text = " - ".into()),
        ("empty_text", |b| b.modality = " ".into()),
        ("empty_code", |b| b.signs[0].code = code("RADLEX", "", "x")),
        ("code_conflict", |b| {
            b.signs[0].code = code("RadLex", "RID1", "one");
            b.signs[1].code = code("RADLEX", "rid1", "another");
        }),
        ("duplicate_code", |b| {
            b.signs[0].code = code("RADLEX", "RID1", "one");
            b.signs[1].code = code("RADLEX", "RID1", "One");
        }),
        ("unknown_code_scheme", |b| b.signs[0].code = code("MYLEX", "1", "one")),
        ("unknown_code_scheme", |b| b.signs[0].code = code("SNOMED-CT", "1", "")),
        ("id_not_snake_case", |b| b.signs[0].id = "Round".into()),
        ("repeated_category", |b| b.signs[0].categories.push("cyst".into())),
        ("sign_without_category", |b| b.signs[0].categories.clear()),
        ("too_few_signs", |b| b.signs.retain(|s| !s.id.starts_with("cyst") || s.id.ends_with('e'))),
        ("unknown_category", |b| b.signs[0].categories.push("cists".into())),
        ("unused_category", |b| b.categories.push(Category { id: "scar".into(), name: "scar".into() })),
        ("class_name", |b| b.signs[0].text = "wall of several cysts".into()),
        ("few_or_many_signs", |b| drop(b.signs.remove(0))),
        ("indistinct_categories", |b| {
            for sign in &mut b.signs {
                sign.categories = vec!["cyst".into(), NORMAL.into()];
            }
        }),
        ("not_visual", |b| b.signs[0].text = "round shape in a smoker".into()),
        ("provenance_missing", |b| b.provenance.reviewed_by = None),
        ("too_long", |b| b.signs[0].text = "dim ".repeat(21)),
    ];
    let mut found: Vec<&str> = vec!["near_duplicate"]; // needs a text tower: below
    for (code, spoil) in cases {
        let mut bank = clean();
        spoil(&mut bank);
        let findings = check(&bank, None);
        let finding = findings.iter().find(|f| f.code == code).unwrap_or_else(|| panic!("{code}: {findings:#?}"));
        assert!(!finding.message.is_empty() && !finding.hint.is_empty());
        assert!(findings.is_sorted_by_key(|f| f.severity));
        found.push(code);
    }
    for lint in LINTS {
        assert!(found.contains(&lint.code), "no test for {}", lint.code);
    }
}

#[test]
fn words_are_found_whole() {
    for text in ["historyless painter", "unpatiently aged-like"] {
        let mut bank = clean();
        bank.signs[0].text = text.into();
        assert_eq!(codes(&bank).contains(&"not_visual"), text.contains("aged"), "{text}");
    }
    for text in ["blood pressure", "woman of 50 years", "History of fever", "laboratory"] {
        let mut bank = clean();
        bank.signs[0].text = text.into();
        assert!(codes(&bank).contains(&"not_visual"), "{text}");
    }
}

/// Counts letters: a text tower of a sort, with a large part that all texts share.
fn letters(text: &str) -> Vec<f32> {
    let mut counts = vec![0.0; 27];
    counts[26] = 40.0;
    for byte in text.to_lowercase().bytes().filter(u8::is_ascii_lowercase) {
        counts[usize::from(byte - b'a')] += 1.0;
    }
    counts
}

#[test]
fn near_duplicates_are_found_beneath_what_all_texts_share() {
    let texts = [
        "quick brown fox",
        "wizened hedge",
        "lumpy jumper",
        "mild vortex",
        "zigzag alley",
        "kiwi bark",
        "chalky stripes",
        "vague foghorn",
    ];
    let mut bank = clean();
    bank.signs.truncate(8);
    for (sign, text) in bank.signs.iter_mut().zip(texts) {
        sign.text = text.into();
    }
    let near = |bank: &Bank, embed: &TextEmbedding<'_>| {
        check(bank, Some(embed)).into_iter().filter(|f| f.code == "near_duplicate").collect::<Vec<_>>()
    };
    assert!(near(&bank, &letters).is_empty(), "{:#?}", near(&bank, &letters));
    bank.signs[7].text = "brown quick foxes".into();
    let findings = near(&bank, &letters);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].sign.as_deref(), Some(bank.signs[7].id.as_str()));
    assert!(findings[0].message.contains(&bank.signs[0].id));
    // A tower that answers nonsense finds nothing, and does not stop the check.
    assert!(near(&bank, &|_| Vec::new()).is_empty());
    assert!(near(&bank, &|_| vec![f32::NAN; 3]).is_empty());
    bank.signs.truncate(7);
    assert!(near(&bank, &letters).is_empty());
}

#[test]
fn the_documents_table_is_this_one() {
    let document = include_str!("../../../../../docs/signs.md");
    for lint in LINTS {
        let row = format!("| `{}` | {} | {} |", lint.code, lint.severity, lint.finds);
        assert!(document.contains(&row), "docs/signs.md lacks the row {row}");
    }
    for name in shipped_names() {
        assert!(document.contains(&format!("| `{name}` |")), "docs/signs.md lacks `{name}`");
    }
}
