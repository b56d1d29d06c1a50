use std::collections::HashMap;

use sdmad_base::{Error, Result};
use serde_json::Value;

use super::byte_pair::WORD_END;
use super::word_piece::BertNormalizer;

/// What a `tokenizer.json` of the `tokenizers` library says, as far as the two kinds of tokenizer here need it.
pub(super) struct Description {
    pub(super) model: ModelDescription,
    /// Special tokens that stand for themselves wherever they occur in a text.
    pub(super) specials: Vec<(String, u32)>,
    /// Ids of the tokens that begin and end each sequence.
    pub(super) start: u32,
    pub(super) end: u32,
    /// Length to which the file itself truncates, if it does.
    pub(super) truncation: Option<usize>,
}

pub(super) enum ModelDescription {
    BytePair {
        vocabulary: HashMap<String, u32>,
        merges: Vec<(String, String)>,
        unknown: Option<u32>,
    },
    WordPiece {
        vocabulary: HashMap<String, u32>,
        unknown: u32,
        prefix: String,
        longest_word: usize,
        normalizer: BertNormalizer,
    },
}

fn wrong(what: &str, found: &Value, expected: &str) -> Error {
    let mut found = found.to_string();
    if found.chars().count() > 120 {
        found = found.chars().take(120).chain(['…']).collect();
    }
    Error::bad_input(format!("{what} is {found}, expected {expected}"))
        .with_hint("sdmad reads CLIP's byte pair tokenizers and BERT's WordPiece tokenizers")
}

/// Reads the text of a `tokenizer.json`.
///
/// # Errors
/// When it is no JSON, describes another kind of tokenizer, or misses something that is needed.
pub(super) fn parse(text: &str) -> Result<Description> {
    let root: Value = serde_json::from_str(text).map_err(|e| Error::bad_input(format!("not valid JSON: {e}")))?;
    let model = &root["model"];
    let vocabulary = vocabulary(&model["vocab"])?;
    // Files of before 2021 have no `type` in the model; merges tell the two apart.
    let kind = model["type"].as_str().unwrap_or(if model["merges"].is_null() { "WordPiece" } else { "BPE" });
    let model = match kind {
        "BPE" => byte_pair(&root, vocabulary)?,
        "WordPiece" => word_piece(&root, vocabulary)?,
        _ => return Err(wrong("model.type", &model["type"], "BPE or WordPiece")),
    };
    let mut specials = Vec::new();
    for token in root["added_tokens"].as_array().into_iter().flatten() {
        if let (Some(content), Some(id)) = (token["content"].as_str(), id_of(&token["id"]))
            && !content.is_empty()
        {
            specials.push((content.to_string(), id));
        }
    }
    let (start, end) = ends(&root["post_processor"])?;
    let truncation = root["truncation"]["max_length"].as_u64().and_then(|n| usize::try_from(n).ok());
    Ok(Description { model, specials, start, end, truncation })
}

fn id_of(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// A JSON object from token to id.
pub(super) fn vocabulary(value: &Value) -> Result<HashMap<String, u32>> {
    let object = value.as_object().ok_or_else(|| wrong("the vocabulary", value, "an object from token to id"))?;
    object
        .iter()
        .map(|(token, id)| match id_of(id) {
            Some(id) => Ok((token.clone(), id)),
            None => Err(wrong(&format!("the id of token {token:?}"), id, "a whole number")),
        })
        .collect()
}

fn byte_pair(root: &Value, vocabulary: HashMap<String, u32>) -> Result<ModelDescription> {
    let model = &root["model"];
    if model["end_of_word_suffix"].as_str() != Some(WORD_END) {
        return Err(wrong("model.end_of_word_suffix", &model["end_of_word_suffix"], "\"</w>\""));
    }
    // CLIP's normaliser is always the same: NFC, white space to one space, lower case.
    let kinds: Vec<&str> =
        root["normalizer"]["normalizers"].as_array().into_iter().flatten().filter_map(|n| n["type"].as_str()).collect();
    if kinds != ["NFC", "Replace", "Lowercase"] {
        return Err(wrong("normalizer", &root["normalizer"], "the sequence NFC, Replace, Lowercase"));
    }
    let list = model["merges"].as_array().ok_or_else(|| wrong("model.merges", &model["merges"], "a list"))?;
    let merges = list
        .iter()
        .map(|merge| {
            let pair = match merge {
                Value::String(text) => text.split_once(' '),
                Value::Array(pair) if pair.len() == 2 => pair[0].as_str().zip(pair[1].as_str()),
                _ => None,
            };
            pair.map(|(a, b)| (a.to_string(), b.to_string())).ok_or_else(|| wrong("a merge", merge, "two tokens"))
        })
        .collect::<Result<Vec<_>>>()?;
    let unknown = model["unk_token"].as_str().and_then(|token| vocabulary.get(token).copied());
    Ok(ModelDescription::BytePair { vocabulary, merges, unknown })
}

fn word_piece(root: &Value, vocabulary: HashMap<String, u32>) -> Result<ModelDescription> {
    let (model, normalizer) = (&root["model"], &root["normalizer"]);
    if normalizer["type"].as_str() != Some("BertNormalizer") {
        return Err(wrong("normalizer.type", &normalizer["type"], "BertNormalizer"));
    }
    let token = model["unk_token"].as_str().unwrap_or("[UNK]");
    let unknown = vocabulary
        .get(token)
        .copied()
        .ok_or_else(|| Error::bad_input(format!("the vocabulary lacks the unknown token {token:?}")))?;
    let lowercase = normalizer["lowercase"].as_bool().unwrap_or(true);
    Ok(ModelDescription::WordPiece {
        vocabulary,
        unknown,
        prefix: model["continuing_subword_prefix"].as_str().unwrap_or("##").to_string(),
        longest_word: model["max_input_chars_per_word"].as_u64().unwrap_or(100).min(100_000) as usize,
        normalizer: BertNormalizer {
            clean_text: normalizer["clean_text"].as_bool().unwrap_or(true),
            space_ideographs: normalizer["handle_chinese_chars"].as_bool().unwrap_or(true),
            strip_accents: normalizer["strip_accents"].as_bool().unwrap_or(lowercase),
            lowercase,
        },
    })
}

/// Ids of the first and last token of a sequence, from either way of writing them down.
fn ends(processor: &Value) -> Result<(u32, u32)> {
    let pair = match processor["type"].as_str() {
        Some("RobertaProcessing" | "BertProcessing") => id_of(&processor["cls"][1]).zip(id_of(&processor["sep"][1])),
        Some("TemplateProcessing") => {
            let name = |piece: Option<&Value>| piece?["SpecialToken"]["id"].as_str().map(String::from);
            let single = processor["single"].as_array();
            let id = |name: String| id_of(&processor["special_tokens"][name.as_str()]["ids"][0]);
            let first = name(single.and_then(|s| s.first())).and_then(id);
            first.zip(name(single.and_then(|s| s.last())).and_then(id))
        }
        _ => None,
    };
    pair.ok_or_else(|| wrong("post_processor", processor, "a start and an end token around one sequence"))
}
