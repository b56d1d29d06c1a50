use super::*;

fn categories() -> Vec<Category> {
    with_normal(&[Category { id: "cyst".into(), name: "simple cyst".into() }])
}

/// Eight signs for each category.
pub(crate) fn good_answer() -> String {
    let things =
        ["round shape", "sharp edge", "dark core", "bright rim", "fine grain", "long tail", "thin wall", "wide gap"];
    let signs: Vec<Value> = [("cyst", "strikingly"), ("normal", "evenly")]
        .iter()
        .flat_map(|(category, adverb)| {
            things.map(|t| json!({
                "id": format!("{category}_{}", t.replace(' ', "_")), "text": format!("{adverb} {t}"), "categories": [category]
            }))
        })
        .collect();
    json!({ "signs": signs }).to_string()
}

fn read(text: &str) -> Result<Accepted, Vec<String>> {
    read_answer(text, "cysts", "a picture", &categories())
}

#[test]
fn fences_and_words_around_the_json_are_no_matter() {
    let plain = read(&good_answer()).ok().unwrap();
    assert!(plain.warnings.is_empty(), "{:?}", plain.warnings);
    let good = good_answer();
    for wrapped in [
        format!("```json\n{good}\n```"),
        format!("Here you are:\n```\n{good}\n```\nGood luck."),
        format!("\n {good}\n"),
    ] {
        assert_eq!(read(&wrapped).ok().unwrap().bank, plain.bank);
    }
}

#[test]
fn a_sign_written_for_each_category_becomes_a_shared_one() {
    let mut answer: Value = serde_json::from_str(&good_answer()).unwrap();
    answer["signs"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": "other_id", "text": "Strikingly Round Shape.", "categories": ["normal", "cyst"]}));
    let bank = read(&answer.to_string()).ok().unwrap().bank;
    assert_eq!(bank.signs.len(), 16);
    assert_eq!(bank.signs[0].categories, ["cyst", "normal"]);
}

#[test]
fn what_is_wrong_is_said_to_the_model() {
    let good = good_answer();
    let cases = [
        ("not json".to_string(), "not JSON"),
        ("[1, 2]".to_string(), "not JSON"),
        ("{}".to_string(), "missing field `signs`"),
        (r#"{"signs": []}"#.to_string(), "no sign"),
        (good.replacen("\"text\"", "\"label\"", 1), "label"),
        (good.replacen("[\"cyst\"]", "[\"cist\"]", 1), "unknown category `cist`"),
        (good.replacen("cyst_round_shape", "cyst_sharp_edge", 1), "`cyst_sharp_edge` stands twice"),
        (good.replacen("cyst_round_shape", "Round Shape!", 1), "snake_case"),
        (good.replacen("strikingly round shape", "  ", 1), "no text"),
        (good.replacen("strikingly round shape", &"long ".repeat(200), 1), "longer than 400"),
        (good.replacen("[\"normal\"]", "[]", 8), "`normal` has no sign"),
        (" ".repeat(LONGEST + 1), "bytes"),
    ];
    for (answer, expected) in cases {
        let reasons = read(&answer).err().unwrap_or_else(|| panic!("taken: {expected}"));
        assert!(reasons.len() <= MOST_REASONS + 1);
        assert!(reasons.iter().any(|r| r.contains(expected)), "{expected}: {reasons:?}");
    }
}

#[test]
fn what_could_be_better_is_a_warning() {
    let answer = good_answer().replacen("strikingly round shape", "round shape in a smoker", 1);
    let warnings = read(&answer).ok().unwrap().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("smoker"), "{warnings:?}");
}

#[test]
fn the_schema_names_the_categories() {
    let schema = answer_schema(&categories());
    assert_eq!(
        schema["properties"]["signs"]["items"]["properties"]["categories"]["items"]["enum"],
        json!(["cyst", "normal"])
    );
}
