use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// How BERT's text is normalised before it is split (Devlin et al. 2019, the released `BasicTokenizer`).
#[derive(Clone, Copy, Debug)]
pub(super) struct BertNormalizer {
    /// Drops control characters, makes every white space a space.
    pub(super) clean_text: bool,
    /// Puts spaces around ideographs, so that each is a word.
    pub(super) space_ideographs: bool,
    /// Decomposes canonically and drops non-spacing marks.
    pub(super) strip_accents: bool,
    pub(super) lowercase: bool,
}

impl BertNormalizer {
    pub(super) fn apply(self, text: &str) -> String {
        let mut text = text.to_string();
        if self.clean_text {
            text = text
                .chars()
                .filter(|&c| c != '\0' && c != char::REPLACEMENT_CHARACTER && !is_control(c))
                .map(|c| if c.is_whitespace() { ' ' } else { c })
                .collect();
        }
        if self.space_ideographs {
            let mut spaced = String::with_capacity(text.len());
            for c in text.chars() {
                if is_ideograph(c) {
                    spaced.extend([' ', c, ' ']);
                } else {
                    spaced.push(c);
                }
            }
            text = spaced;
        }
        if self.strip_accents {
            text = text.nfd().filter(|c| c.general_category() != GeneralCategory::NonspacingMark).collect();
        }
        if self.lowercase {
            // Character by character: no final sigma, as in the reference.
            text = text.chars().flat_map(char::to_lowercase).collect();
        }
        text
    }
}

/// Category C, less what counts as white space.
fn is_control(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r')
        && matches!(
            c.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::PrivateUse
                | GeneralCategory::Surrogate
        )
}

/// The blocks of CJK ideographs that BERT knows; Hangul and kana are not among them.
fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c),
        0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x20000..=0x2A6DF | 0x2A700..=0x2B73F | 0x2B740..=0x2B81F
        | 0x2B920..=0x2CEAF | 0xF900..=0xFAFF | 0x2F800..=0x2FA1F)
}

/// Every ASCII sign counts as punctuation, `$` and `^` too.
fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_punctuation()
    } else {
        c.general_category_group() == GeneralCategoryGroup::Punctuation
    }
}

/// WordPiece: the longest known piece first, then the longest known continuation, and so on; a word that cannot be
/// covered is unknown as a whole (Wu et al. 2016; Devlin et al. 2019).
#[derive(Debug)]
pub(super) struct WordPiece {
    pub(super) vocabulary: HashMap<String, u32>,
    pub(super) unknown: u32,
    /// What continuations begin with: `##`.
    pub(super) prefix: String,
    /// Longer words are unknown, in characters.
    pub(super) longest_word: usize,
    pub(super) normalizer: BertNormalizer,
}

impl WordPiece {
    /// Adds the token ids of raw text, without `[CLS]` and `[SEP]`; stops early once `limit` ids are there.
    pub(super) fn encode(&self, text: &str, limit: usize, ids: &mut Vec<u32>) {
        let text = self.normalizer.apply(text);
        for word in text.split(char::is_whitespace) {
            let mut rest = word;
            while !rest.is_empty() {
                if ids.len() >= limit {
                    return;
                }
                let length = match rest.find(is_punctuation) {
                    Some(0) => rest.chars().next().map_or(rest.len(), char::len_utf8),
                    Some(at) => at,
                    None => rest.len(),
                };
                let (piece, after) = rest.split_at(length);
                self.encode_word(piece, ids);
                rest = after;
            }
        }
    }

    fn encode_word(&self, word: &str, ids: &mut Vec<u32>) {
        let begin = ids.len();
        if word.chars().count() > self.longest_word {
            ids.push(self.unknown);
            return;
        }
        let mut rest = word;
        let mut candidate = String::with_capacity(word.len() + self.prefix.len());
        while !rest.is_empty() {
            candidate.clear();
            if rest.len() < word.len() {
                candidate.push_str(&self.prefix);
            }
            let bare = candidate.len();
            candidate.push_str(rest);
            loop {
                if let Some(&id) = self.vocabulary.get(&candidate) {
                    ids.push(id);
                    break;
                }
                candidate.pop();
                if candidate.len() <= bare {
                    ids.truncate(begin);
                    ids.push(self.unknown);
                    return;
                }
            }
            rest = &rest[candidate.len() - bare..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> WordPiece {
        let tokens = ["[UNK]", "mass", "##es", "cafe", ",", "中", "a"];
        WordPiece {
            vocabulary: tokens.iter().map(|t| t.to_string()).zip(0..).collect(),
            unknown: 0,
            prefix: "##".to_string(),
            longest_word: 100,
            normalizer: BertNormalizer {
                clean_text: true,
                space_ideographs: true,
                strip_accents: true,
                lowercase: true,
            },
        }
    }

    #[test]
    fn pieces_accents_ideographs_and_the_unknown() {
        let cases: [(&str, &[u32]); 6] = [
            ("Masses, mass", &[1, 2, 4, 1]),
            ("CAFÉ", &[3]),
            ("a中a", &[6, 5, 6]),
            ("massive", &[0]),
            ("ma\u{200d}ss\u{0}", &[1]),
            ("", &[]),
        ];
        for (text, ids) in cases {
            let mut found = Vec::new();
            small().encode(text, usize::MAX, &mut found);
            assert_eq!(found, ids, "{text}");
        }
    }

    #[test]
    fn a_word_of_101_characters_is_unknown() {
        let mut ids = Vec::new();
        small().encode(&"é".repeat(101), usize::MAX, &mut ids);
        assert_eq!(ids, [0]);
    }
}
