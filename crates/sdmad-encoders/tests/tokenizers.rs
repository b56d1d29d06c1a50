//! Token ids equal those of transformers and open_clip on 1,000 phrases (scripts/reference/token_ids.py).

use std::path::{Path, PathBuf};

use sdmad_encoders::{Cleaning, Tokenizer};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokenizers").join(name)
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(name)).unwrap()).unwrap()
}

/// The ids of one reference; where it has none of its own, those of `base`.
fn expected(reference: &Value, base: &Value) -> Vec<String> {
    let (own, base) = (reference.as_array().unwrap(), base.as_array().unwrap());
    own.iter().zip(base).map(|(own, base)| own.as_str().or(base.as_str()).unwrap().to_string()).collect()
}

#[track_caller]
fn assert_equal_ids(tokenizer: Tokenizer, reference: &Value, base: &Value) {
    let tokenizer = tokenizer.with_context(77);
    let phrases = json("phrases.json");
    let phrases = phrases.as_array().unwrap();
    let expected = expected(reference, base);
    assert_eq!((phrases.len(), expected.len()), (1000, 1000));
    let mut wrong = Vec::new();
    for (phrase, expected) in phrases.iter().zip(&expected) {
        let ids = tokenizer.encode(phrase.as_str().unwrap());
        assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocabulary_size()));
        let ids = ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        if ids != *expected {
            wrong.push(format!("{phrase}\n  ours   {ids}\n  theirs {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} of 1000 differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn small_clip_in_every_file_form() {
    let small = json("small.json");
    let (transformers, open_clip) = (&small["clip"], &small["clip_open_clip"]);
    assert_equal_ids(Tokenizer::open(&fixture("small-clip")).unwrap(), transformers, transformers);
    // vocab.json and merges.txt come before the packed vocabulary in the same folder.
    assert_equal_ids(Tokenizer::open(&fixture("small-clip-forms")).unwrap(), transformers, transformers);
    let packed = fixture("small-clip-forms").join(sdmad_encoders::CLIP_VOCABULARY);
    assert_equal_ids(Tokenizer::from_clip_vocabulary(&packed).unwrap(), open_clip, transformers);
}

#[test]
fn small_word_piece_cased_and_uncased() {
    let small = json("small.json");
    for name in ["cased", "uncased"] {
        for folder in [format!("small-{name}"), format!("small-{name}-forms")] {
            assert_equal_ids(Tokenizer::open(&fixture(&folder)).unwrap(), &small[name], &small[name]);
        }
    }
}

#[test]
fn a_text_without_end_is_cut_and_keeps_its_end() {
    let long = "hyperreflective".repeat(20_000);
    for folder in ["small-clip", "small-uncased"] {
        let tokenizer = Tokenizer::open(&fixture(folder)).unwrap().with_cleaning(Cleaning::OpenClip).with_context(77);
        let ids = tokenizer.encode(&long);
        assert!(ids.len() <= 77);
        assert_eq!((ids[0], ids.last().copied()), (tokenizer.start(), Some(tokenizer.end())));
        assert_eq!(tokenizer.encode("").len(), 2);
    }
}

#[test]
fn damaged_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8], &str); 8] = [
        ("tokenizer.json", b"{", "not valid JSON"),
        ("tokenizer.json", b"[]", "vocabulary"),
        ("tokenizer.json", br#"{"model":{"type":"Unigram","vocab":{}}}"#, "model.type"),
        ("tokenizer.json", br#"{"model":{"type":"BPE","vocab":{"a":-1}}}"#, "whole number"),
        ("tokenizer.json", br#"{"model":{"type":"BPE","vocab":{"a":1},"merges":[]}}"#, "end_of_word_suffix"),
        ("vocab.txt", b"a\nb\n", "[UNK]"),
        ("vocab.txt", b"\xff\xfe", "UTF-8"),
        (sdmad_encoders::CLIP_VOCABULARY, b"no gzip", "gzip"),
    ];
    for (name, bytes, says) in cases {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = Tokenizer::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains(says) && error.to_string().contains(name), "{error}");
        std::fs::remove_file(path).unwrap();
    }
    assert!(Tokenizer::open(folder.path()).unwrap_err().hint().is_some());
}
