use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Result, read, read_to_string};
use unicode_normalization::UnicodeNormalization;

mod byte_pair;
mod clean;
mod json;
mod split;
mod word_piece;

pub use clean::Cleaning;

use byte_pair::{BytePair, WORD_END, byte_characters, byte_order};
use json::{Description, ModelDescription};
use word_piece::{BertNormalizer, WordPiece};

/// File name of CLIP's vocabulary as the open_clip package carries it.
pub const CLIP_VOCABULARY: &str = "bpe_simple_vocab_16e6.txt.gz";

/// Context length of every published CLIP, in tokens.
const CLIP_CONTEXT: usize = 77;
/// Positions of BERT, in tokens.
const BERT_CONTEXT: usize = 512;
/// Largest number of merges in CLIP's vocabulary file that count; what follows them is left out.
const CLIP_MERGES: usize = 49152 - 256 - 2;
/// Unpacked size above which a vocabulary file is refused, in bytes.
const LARGEST: u64 = 64 << 20;

/// Text to token ids: CLIP's byte pairs or BERT's WordPiece.
///
/// A sequence is `start, pieces …, end`; a text that is too long loses its last pieces, never the end token.
/// Ids equal those of `transformers` 5 ([`Cleaning::None`]) and open_clip 3 ([`Cleaning::OpenClip`]).
///
/// ```
/// # fn main() -> sdmad_base::Result<()> {
/// # let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokenizers/small-clip");
/// let tokenizer = sdmad_encoders::Tokenizer::open(&folder)?.with_context(8);
/// let ids = tokenizer.encode("a dark acoustic shadow behind the mass, a dark acoustic shadow");
/// assert_eq!((ids.len(), ids[0], ids[7]), (8, tokenizer.start(), tokenizer.end()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Tokenizer {
    model: Model,
    cleaning: Cleaning,
    specials: Vec<(String, u32)>,
    start: u32,
    end: u32,
    context: usize,
    vocabulary_size: usize,
}

#[derive(Debug)]
enum Model {
    /// `normalize`: NFC and lower-casing character by character, as in `tokenizer.json`.
    BytePair {
        pairs: BytePair,
        normalize: bool,
    },
    WordPiece(WordPiece),
}

impl Tokenizer {
    /// Reads the tokenizer of a model folder: `tokenizer.json`; or `vocab.json` and `merges.txt`; or `vocab.txt`; or
    /// CLIP's `bpe_simple_vocab_16e6.txt.gz`, the first of them that is there.
    ///
    /// In an open_clip folder (`open_clip_config.json`) texts are cleaned as open_clip does, and the packed vocabulary may be
    /// the one in the cache, for open_clip writes none into its folders.
    ///
    /// # Errors
    /// When none of them is there, or one cannot be read; the message names the file.
    pub fn open(folder: &Path) -> Result<Self> {
        let has = |name: &str| folder.join(name).is_file();
        let open_clip = has("open_clip_config.json");
        let tokenizer = if has("tokenizer.json") {
            Tokenizer::from_json(&folder.join("tokenizer.json"))?
        } else if has("vocab.json") && has("merges.txt") {
            Tokenizer::from_vocabulary_and_merges(&folder.join("vocab.json"), &folder.join("merges.txt"))?
        } else if has("vocab.txt") {
            Tokenizer::from_word_list(&folder.join("vocab.txt"), is_lower_case(folder)?)?
        } else if has(CLIP_VOCABULARY) {
            return Tokenizer::from_clip_vocabulary(&folder.join(CLIP_VOCABULARY));
        } else if let Some(vocabulary) = open_clip.then(cached_clip_vocabulary).flatten() {
            return Tokenizer::from_clip_vocabulary(&vocabulary);
        } else {
            return Err(Error::bad_input(format!(
                "{} has no tokenizer: none of tokenizer.json, vocab.json with merges.txt, vocab.txt, {CLIP_VOCABULARY}",
                folder.display()
            ))
            .with_hint(
                "copy the model's tokenizer files into the folder; the one of open_clip's models comes with \
                 `sdmad encoder pull clip-vocabulary`",
            ));
        };
        Ok(if open_clip { tokenizer.with_cleaning(Cleaning::OpenClip) } else { tokenizer })
    }

    /// Reads a `tokenizer.json` of the `tokenizers` library.
    ///
    /// # Errors
    /// When the file cannot be read, or is neither CLIP's byte pairs nor BERT's WordPiece.
    pub fn from_json(path: &Path) -> Result<Self> {
        json::parse(&bounded_text(path)?).and_then(Tokenizer::from_description).map_err(|e| e.at(path.display()))
    }

    /// Reads CLIP's tokenizer as older `transformers` wrote it: `vocab.json` and `merges.txt`.
    ///
    /// # Errors
    /// When a file cannot be read, or a merge names a token that the vocabulary lacks.
    pub fn from_vocabulary_and_merges(vocabulary: &Path, merges: &Path) -> Result<Self> {
        let (start, end) = ("<|startoftext|>", "<|endoftext|>");
        let table = serde_json::from_str(&bounded_text(vocabulary)?)
            .map_err(|e| Error::bad_input(format!("not valid JSON: {e}")))
            .and_then(|value| json::vocabulary(&value))
            .map_err(|e| e.at(vocabulary.display()))?;
        let pairs = merge_lines(&bounded_text(merges)?).map_err(|e| e.at(merges.display()))?;
        let id = |token: &str| {
            table.get(token).copied().ok_or_else(|| {
                Error::bad_input(format!("{} lacks the token {token:?}", vocabulary.display()))
                    .with_hint("sdmad reads vocab.json and merges.txt of CLIP only")
            })
        };
        let specials = vec![(start.to_string(), id(start)?), (end.to_string(), id(end)?)];
        let (start, end) = (specials[0].1, specials[1].1);
        let model = ModelDescription::BytePair { unknown: Some(end), vocabulary: table, merges: pairs };
        Tokenizer::from_description(Description { model, specials, start, end, truncation: None })
            .map_err(|e| e.at(merges.display()))
    }

    /// Reads BERT's `vocab.txt`, a token a line; `lowercase` for an uncased model.
    ///
    /// # Errors
    /// When the file cannot be read, or lacks `[UNK]`, `[CLS]` or `[SEP]`.
    pub fn from_word_list(path: &Path, lowercase: bool) -> Result<Self> {
        let text = bounded_text(path)?;
        let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n');
        let vocabulary: HashMap<String, u32> = lines.map(|l| l.trim_end_matches('\r').to_string()).zip(0..).collect();
        let id = |token: &str| {
            vocabulary
                .get(token)
                .copied()
                .ok_or_else(|| Error::bad_input(format!("{} lacks the token {token:?}", path.display())))
        };
        let (unknown, start, end) = (id("[UNK]")?, id("[CLS]")?, id("[SEP]")?);
        let specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
            .into_iter()
            .filter_map(|token| Some((token.to_string(), *vocabulary.get(token)?)))
            .collect();
        let normalizer =
            BertNormalizer { clean_text: true, space_ideographs: true, strip_accents: lowercase, lowercase };
        let model = ModelDescription::WordPiece {
            vocabulary,
            unknown,
            prefix: "##".to_string(),
            longest_word: 100,
            normalizer,
        };
        Tokenizer::from_description(Description { model, specials, start, end, truncation: None })
    }

    /// Reads CLIP's vocabulary as open_clip's package carries it (gzip; a title line, then a merge a line), with
    /// open_clip's cleaning.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn from_clip_vocabulary(path: &Path) -> Result<Self> {
        let packed = read(path)?;
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(packed.as_slice())
            .take(LARGEST)
            .read_to_string(&mut text)
            .map_err(|e| Error::bad_input(format!("{} is no gzip file of UTF-8 text: {e}", path.display())))?;
        let mut merges = merge_lines(&text).map_err(|e| e.at(path.display()))?;
        merges.truncate(CLIP_MERGES);
        // Ids follow from the order: bytes, bytes at a word's end, joined tokens, the two specials.
        let characters = byte_characters();
        let bytes = || byte_order().map(|byte| characters[usize::from(byte)]);
        let specials = ["<start_of_text>", "<end_of_text>"];
        let tokens = bytes()
            .map(String::from)
            .chain(bytes().map(|c| format!("{c}{WORD_END}")))
            .chain(merges.iter().map(|(a, b)| format!("{a}{b}")))
            .chain(specials.map(String::from));
        let vocabulary: HashMap<String, u32> = tokens.zip(0..).collect();
        let (start, end) = (vocabulary[specials[0]], vocabulary[specials[1]]);
        let whole = [(specials[0], start), (specials[1], end)];
        let pairs = BytePair::new(&vocabulary, &merges, None, &whole).map_err(|e| e.at(path.display()))?;
        Ok(Tokenizer {
            model: Model::BytePair { pairs, normalize: false },
            cleaning: Cleaning::OpenClip,
            // The splitter finds open_clip's specials in the cleaned text.
            specials: Vec::new(),
            start,
            end,
            context: CLIP_CONTEXT,
            vocabulary_size: end as usize + 1,
        })
    }

    fn from_description(description: Description) -> Result<Self> {
        let Description { model, mut specials, start, end, truncation } = description;
        // The longest first: a special may be the beginning of another.
        specials.sort_by_key(|(content, _)| std::cmp::Reverse(content.len()));
        let largest = specials.iter().map(|s| s.1).chain([start, end]).max().unwrap_or(0);
        let size = |vocabulary: &HashMap<String, u32>| {
            vocabulary.values().copied().chain([largest]).max().map_or(0, |id| id as usize + 1)
        };
        let (model, context, vocabulary_size) = match model {
            ModelDescription::BytePair { vocabulary, merges, unknown } => {
                // Specials were taken out of the raw text before; one that only lower-casing made is no special.
                let pairs = BytePair::new(&vocabulary, &merges, unknown, &[])?;
                (Model::BytePair { pairs, normalize: true }, CLIP_CONTEXT, size(&vocabulary))
            }
            ModelDescription::WordPiece { vocabulary, unknown, prefix, longest_word, normalizer } => {
                let vocabulary_size = size(&vocabulary);
                let pieces = WordPiece { vocabulary, unknown, prefix, longest_word, normalizer };
                (Model::WordPiece(pieces), BERT_CONTEXT, vocabulary_size)
            }
        };
        let context = truncation.unwrap_or(context).max(2);
        Ok(Tokenizer { model, cleaning: Cleaning::None, specials, start, end, context, vocabulary_size })
    }

    /// Sets the longest sequence, in tokens with start and end; at least 2.
    #[must_use]
    pub fn with_context(mut self, context: usize) -> Self {
        self.context = context.max(2);
        self
    }

    /// Sets what is done to a text first.
    #[must_use]
    pub fn with_cleaning(mut self, cleaning: Cleaning) -> Self {
        self.cleaning = cleaning;
        self
    }

    /// Token ids of a text, `start … end`, not padded: between 2 and [`Tokenizer::context`] of them.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let text = self.cleaning.apply(text);
        let limit = self.context - 1;
        let mut ids = vec![self.start];
        let mut rest = text.as_str();
        // Special tokens stand for themselves wherever they occur; the text between them is encoded.
        while !rest.is_empty() && ids.len() < limit {
            let found = self
                .specials
                .iter()
                .filter_map(|(content, id)| Some((rest.find(content.as_str())?, content.len(), *id)))
                .min_by_key(|&(at, length, _)| (at, std::cmp::Reverse(length)));
            let (before, after) = match found {
                Some((at, length, _)) => (&rest[..at], &rest[at + length..]),
                None => (rest, ""),
            };
            self.encode_plain(before, limit, &mut ids);
            ids.extend(found.map(|(_, _, id)| id));
            rest = after;
        }
        ids.truncate(limit);
        ids.push(self.end);
        ids
    }

    fn encode_plain(&self, text: &str, limit: usize, ids: &mut Vec<u32>) {
        match &self.model {
            Model::BytePair { pairs, normalize: true } => {
                let text: String = text.nfc().flat_map(char::to_lowercase).collect();
                pairs.encode(&text, limit, ids);
            }
            Model::BytePair { pairs, normalize: false } => pairs.encode(&text.to_lowercase(), limit, ids),
            Model::WordPiece(pieces) => pieces.encode(text, limit, ids),
        }
    }

    /// Id of the first token of every sequence: `<|startoftext|>` or `[CLS]`.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// Id of the last token of every sequence: `<|endoftext|>` or `[SEP]`.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// Longest sequence, in tokens with start and end.
    pub fn context(&self) -> usize {
        self.context
    }

    /// One more than the largest id: rows that the table of token embeddings must have.
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary_size
    }
}

/// Reads a text file of bounded size.
fn bounded_text(path: &Path) -> Result<String> {
    let size = std::fs::metadata(path).map_err(|e| Error::io("read", path, e))?.len();
    if size > LARGEST {
        return Err(Error::bad_input(format!(
            "{} has {size} bytes; a tokenizer's file has at most {LARGEST}",
            path.display()
        )));
    }
    read_to_string(path)
}

/// Merges, one a line, after a title line.
fn merge_lines(text: &str) -> Result<Vec<(String, String)>> {
    let mut merges = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let mut tokens = line.split_whitespace();
        match (tokens.next(), tokens.next(), tokens.next()) {
            (Some(first), Some(second), None) => merges.push((first.to_string(), second.to_string())),
            (None, ..) => {}
            _ => return Err(Error::bad_input(format!("line {}: {line:?} is not two tokens", number + 1))),
        }
        if merges.len() >= CLIP_MERGES {
            break;
        }
    }
    Ok(merges)
}

/// CLIP's vocabulary, if it was fetched.
fn cached_clip_vocabulary() -> Option<PathBuf> {
    crate::clip_vocabulary_path().ok().filter(|path| path.is_file())
}

/// Whether a BERT folder is uncased: `do_lower_case` of its `tokenizer_config.json`, true when not said.
fn is_lower_case(folder: &Path) -> Result<bool> {
    let path: PathBuf = folder.join("tokenizer_config.json");
    if !path.is_file() {
        return Ok(true);
    }
    let value: serde_json::Value = serde_json::from_str(&bounded_text(&path)?)
        .map_err(|e| Error::bad_input(format!("{} is not valid JSON: {e}", path.display())))?;
    Ok(value["do_lower_case"].as_bool().unwrap_or(true))
}
