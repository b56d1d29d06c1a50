use super::*;
use crate::signs::PromptForm;
use sdmad_base::Kind;

const SMALL: &str = r#"
schema = 1
name = "small"
modality = "a breast ultrasound image"
[provenance]
model = "a person"
date = 2026-11-24
[[category]]
id = "malignant"
name = "malignant breast mass"
[[category]]
id = "calcification"
name = "calcification"
[[sign]]
id = "posterior_shadowing"
text = "dark acoustic shadow"
categories = ["malignant", "calcification"]
code = { scheme = "RADLEX", value = "RID1", meaning = "shadow" }
[[sign]]
id = "bright_specks"
text = "bright \"specks\""
categories = ["calcification"]
[[sign]]
id = "even_layers"
text = "even layers"
categories = ["normal"]
"#;

fn small() -> Bank {
    Bank::parse(SMALL, "small.toml").unwrap()
}

#[test]
fn normal_and_an_unquoted_date_need_no_ceremony() {
    let bank = small();
    assert_eq!(
        bank.categories.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(),
        ["malignant", "calcification", NORMAL]
    );
    assert_eq!(bank.provenance.date.as_deref(), Some("2026-11-24"));
    assert_eq!(bank.signs_of("calcification"), [0, 1]);
    assert_eq!(bank.relation(), [[true, true, false], [false, true, false], [false, false, true]]);
}

#[test]
fn prompts_are_those_of_the_method() {
    let bank = small();
    let (sign, category) = (&bank.signs[0], &bank.categories[0]);
    assert_eq!(bank.prompt(sign), "a breast ultrasound image showing dark acoustic shadow");
    assert_eq!(bank.prompt_for(sign, category, PromptForm::default()), bank.prompt(sign));
    assert_eq!(
        bank.prompt_for(sign, category, PromptForm::IndicatingCategory),
        "dark acoustic shadow, indicating malignant breast mass"
    );
}

#[test]
fn writing_and_reading_again_changes_nothing() {
    let mut bank = small();
    bank.signs[1].text = "tab\there, \\ back\u{7}slash, \"quotes\", ß and\nanother line".into();
    bank.provenance.prompt = Some("many\nlines".into());
    let text = bank.to_toml();
    let again = Bank::parse(&text, "again").unwrap();
    assert_eq!(again, bank);
    assert_eq!(again.to_toml(), text);
    // Layout and comments are not content; words are.
    let spaced = SMALL.replace("\n[[sign]]", "\n\n# next\n[[sign]]").replace("id = ", "id   =   ");
    assert_eq!(Bank::parse(&spaced, "spaced").unwrap().sha256(), small().sha256());
    assert_ne!(bank.sha256(), small().sha256());
}

#[test]
fn the_hash_of_a_bank_is_the_same_in_every_version() {
    // A format promise: this changes only together with the schema number. The value is `sha256sum`'s of the canonical
    // text as typed by hand.
    assert_eq!(small().sha256(), "943f4d5d8295fe012537f61cc2667540bdbad5ea40d0435752dffa7b7464fdb7");
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let cases: [(&str, &str, &[&str]); 14] = [
        ("schema = 1", "schema = 2\nfuture = true", &["schema = 2", "expected 1"]),
        ("schema = 1", "", &["no `schema`"]),
        ("name = \"small\"", "nmae = \"small\"", &["line 3", "nmae"]),
        ("text = \"even layers\"", "text = 3", &["line 25", "string"]),
        ("text = \"even layers\"", "text = \"  \"", &["line 23", "`even_layers` has no text"]),
        ("text = \"even layers\"", "text = \"Dark acoustic-shadow\"", &["line 23", "same text"]),
        ("id = \"even_layers\"", "id = \"bright_specks\"", &["line 23", "`bright_specks` stands twice"]),
        ("id = \"even_layers\"", "id = \"Even\"", &["line 23", "snake_case"]),
        ("\"calcification\"]\ncode", "\"calcium\"]\ncode", &["line 14", "unknown category `calcium`"]),
        ("[\"normal\"]", "[]", &["lists no category"]),
        ("[\"normal\"]", "[\"malignant\"]", &["no sign lists `normal`"]),
        ("[\"normal\"]", "[\"normal\", \"normal\"]", &["`normal` twice"]),
        ("meaning = \"shadow\" }", "meaning = \"shadow\", kind = 1 }", &["line 18", "kind"]),
        ("id = \"malignant\"", "id = \"mass\"", &["line 14", "unknown category `malignant`"]),
    ];
    for (from, to, expected) in cases {
        assert!(SMALL.contains(from), "{from}");
        let error = Bank::parse(&SMALL.replacen(from, to, 1), "b.toml").unwrap_err();
        assert_eq!(error.kind(), Kind::BadInput);
        assert!(error.hint().is_some());
        let message = error.to_string();
        assert!(message.starts_with("b.toml"), "{message}");
        for part in expected {
            assert!(message.contains(part), "{from} -> {to}: {message}");
        }
    }
}

#[test]
fn an_empty_category_is_refused_and_still_checked() {
    let text =
        SMALL.replace("[[sign]]\nid = \"even", "[[category]]\nid = \"cyst\"\nname = \"cyst\"\n[[sign]]\nid = \"even");
    let error = Bank::parse(&text, "b.toml").unwrap_err().to_string();
    assert!(error.contains("category `cyst` has no sign"), "{error}");
    assert_eq!(Bank::parse_unchecked(&text, "b.toml").unwrap().categories.len(), 4);
}

#[test]
fn no_text_makes_the_reader_panic() {
    for cut in (0..SMALL.len()).filter(|&i| SMALL.is_char_boundary(i)) {
        let _ = Bank::parse(&SMALL[..cut], "cut");
    }
    for text in ["", "\u{0}", "schema = 1e400", "[[sign]]\nschema = 1", "schema = 1\nsign = 3", "schema = [1]"] {
        assert!(Bank::parse(text, "odd").is_err());
    }
}

#[test]
fn a_bank_is_opened_by_name_or_path() {
    assert_eq!(Bank::open("phantom").unwrap().name, "phantom");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.toml");
    std::fs::write(&path, SMALL).unwrap();
    assert_eq!(Bank::open(&path.display().to_string()).unwrap(), small());
    let error = Bank::open("fantom").unwrap_err();
    assert!(error.hint().unwrap_or_default().contains("phantom"));
    assert!(Bank::open("no/such.toml").unwrap_err().to_string().contains("no/such.toml"));
    assert!(Bank::open(&folder.path().display().to_string()).is_err());
    std::fs::write(&path, vec![b'#'; (LONGEST + 1) as usize]).unwrap();
    assert!(Bank::read(&path).unwrap_err().to_string().contains("bytes"));
}

#[test]
fn a_manifest_takes_its_part_of_a_bank() {
    let columns = |list: &[&str]| list.iter().map(|c| c.to_string()).collect::<Vec<_>>();
    let (bank, notices) = small().restricted_to(&columns(&["calcification", "malignant"])).unwrap();
    assert_eq!(
        bank.categories.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(),
        ["calcification", "malignant", NORMAL]
    );
    assert!(notices.is_empty());
    let (bank, notices) = small().restricted_to(&columns(&["malignant"])).unwrap();
    assert_eq!(bank.signs.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["posterior_shadowing", "even_layers"]);
    assert_eq!(bank.signs[0].categories, ["malignant"]);
    assert!(notices.len() == 1 && notices[0].contains("calcification") && notices[0].contains("1 of 3"), "{notices:?}");
    assert_eq!(Bank::parse(&bank.to_toml(), "restricted").unwrap(), bank);
    let error = small().restricted_to(&columns(&["malignant", "cyst", "scar"])).unwrap_err().to_string();
    assert!(error.contains("`cyst`, `scar`"), "{error}");
    assert!(small().restricted_to(&columns(&["normal"])).is_err());
}
