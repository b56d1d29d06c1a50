use std::collections::HashMap;

use sdmad_base::{Error, Result};

use super::split::clip_words;

/// What CLIP puts behind the last character of a word.
pub(super) const WORD_END: &str = "</w>";

/// Byte pair encoding as CLIP uses it: words of bytes, written as printable characters, merged pair by pair in the
/// order in which the merges were learned (Sennrich et al. 2016; Radford et al. 2021).
#[derive(Debug)]
pub(super) struct BytePair {
    /// Token id of each byte inside a word, and of each byte at its end.
    inside: Vec<Option<u32>>,
    last: Vec<Option<u32>>,
    /// Pair of token ids -> (rank, id of the joined token). The smallest rank is merged first.
    merges: HashMap<(u32, u32), (u32, u32)>,
    unknown: Option<u32>,
    /// Words that the splitter keeps whole, with their ids.
    specials: Vec<(String, u32)>,
}

/// The printable character that stands for each byte in a byte-level vocabulary: printable Latin-1 stands for
/// itself, and the others follow from U+0100 on, in order.
pub(super) fn byte_characters() -> [char; 256] {
    let mut next = 256;
    std::array::from_fn(|byte| {
        let byte = byte as u8;
        if matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF) {
            char::from(byte)
        } else {
            next += 1;
            char::from_u32(next - 1).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
    })
}

/// Bytes in the order in which CLIP numbers them: the printable ones first.
pub(super) fn byte_order() -> impl Iterator<Item = u8> {
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    (0..=255u8).filter(printable).chain((0..=255u8).filter(move |byte| !printable(byte)))
}

impl BytePair {
    /// `merges` in the order of their learning; `specials` are words that the splitter keeps whole, with their ids.
    ///
    /// # Errors
    /// When a merge names a token that the vocabulary lacks.
    pub(super) fn new(
        vocabulary: &HashMap<String, u32>,
        merges: &[(String, String)],
        unknown: Option<u32>,
        specials: &[(&str, u32)],
    ) -> Result<Self> {
        let characters = byte_characters();
        let id = |token: &str| {
            vocabulary.get(token).copied().ok_or_else(|| {
                Error::bad_input(format!("a merge names the token {token:?}, which the vocabulary lacks"))
                    .with_hint("vocabulary and merges must come from the same model")
            })
        };
        let mut table = HashMap::with_capacity(merges.len());
        for (rank, (first, second)) in merges.iter().enumerate() {
            // A pair that is listed twice keeps its last rank, as in the two reference implementations.
            let joined = id(&format!("{first}{second}"))?;
            table.insert((id(first)?, id(second)?), (rank as u32, joined));
        }
        Ok(BytePair {
            inside: characters.iter().map(|c| vocabulary.get(&c.to_string()).copied()).collect(),
            last: characters.iter().map(|c| vocabulary.get(&format!("{c}{WORD_END}")).copied()).collect(),
            merges: table,
            unknown,
            specials: specials.iter().map(|&(word, id)| (word.to_string(), id)).collect(),
        })
    }

    /// Adds the token ids of cleaned text, without start and end; stops early once `limit` ids are there.
    pub(super) fn encode(&self, text: &str, limit: usize, ids: &mut Vec<u32>) {
        for word in clip_words(text, &self.specials) {
            if ids.len() >= limit {
                return;
            }
            match self.specials.iter().find(|(special, _)| special == word) {
                Some(&(_, id)) => ids.push(id),
                None => self.encode_word(word, ids),
            }
        }
    }

    fn encode_word(&self, word: &str, ids: &mut Vec<u32>) {
        let count = word.len();
        let mut symbols: Vec<u32> = Vec::with_capacity(count);
        for (index, byte) in word.bytes().enumerate() {
            let table = if index + 1 == count { &self.last } else { &self.inside };
            symbols.extend(table[usize::from(byte)].or(self.unknown));
        }
        merge(&mut symbols, &self.merges);
        ids.extend(symbols);
    }
}

/// Merges the pair of lowest rank, all its occurrences from left to right, until no pair is left.
///
/// Candidates wait in a heap, so that a word of n bytes costs n log n: a caller may send megabytes without a space.
fn merge(symbols: &mut Vec<u32>, merges: &HashMap<(u32, u32), (u32, u32)>) {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    const NONE: usize = usize::MAX;
    let count = symbols.len();
    let mut next: Vec<usize> = (1..=count).map(|i| if i < count { i } else { NONE }).collect();
    let mut previous: Vec<usize> = (0..count).map(|i| i.wrapping_sub(1)).collect();
    let mut gone = vec![false; count];
    let mut heap = BinaryHeap::new();
    let offer = |heap: &mut BinaryHeap<_>, symbols: &[u32], left: usize, right: usize| {
        let pair = (symbols[left], symbols[right]);
        if let Some(&(rank, joined)) = merges.get(&pair) {
            heap.push(Reverse((rank, left, right, pair, joined)));
        }
    };
    for left in 0..count.saturating_sub(1) {
        offer(&mut heap, symbols, left, left + 1);
    }
    while let Some(Reverse((_, left, right, pair, joined))) = heap.pop() {
        // What was merged meanwhile makes an offer stale.
        if gone[left] || gone[right] || next[left] != right || (symbols[left], symbols[right]) != pair {
            continue;
        }
        symbols[left] = joined;
        gone[right] = true;
        next[left] = next[right];
        if next[left] != NONE {
            previous[next[left]] = left;
            offer(&mut heap, symbols, left, next[left]);
        }
        if previous[left] != NONE {
            offer(&mut heap, symbols, previous[left], left);
        }
    }
    let mut index = 0;
    symbols.retain(|_| {
        index += 1;
        !gone[index - 1]
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> BytePair {
        let mut tokens: Vec<String> = Vec::new();
        let characters = byte_characters();
        tokens.extend(byte_order().map(|b| characters[usize::from(b)].to_string()));
        tokens.extend(byte_order().map(|b| format!("{}{WORD_END}", characters[usize::from(b)])));
        let merges = [("l", "o"), ("lo", "w</w>"), ("e", "r</w>"), ("lo", "w")];
        tokens.extend(merges.iter().map(|(a, b)| format!("{a}{b}")));
        let vocabulary: HashMap<String, u32> = tokens.into_iter().zip(0..).collect();
        let merges: Vec<_> = merges.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        BytePair::new(&vocabulary, &merges, None, &[]).unwrap()
    }

    fn encode(text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        small().encode(text, usize::MAX, &mut ids);
        ids
    }

    #[test]
    fn pairs_merge_by_rank() {
        // Ids: 512 "lo", 513 "low</w>", 514 "er</w>", 515 "low".
        assert_eq!(encode("low lower"), [513, 515, 514]);
        assert_eq!(encode("lolo").first(), Some(&512));
    }

    #[test]
    fn the_byte_table_is_clips() {
        let order: Vec<u8> = byte_order().collect();
        assert_eq!((order[0], order[93], order[94], order[188]), (b'!', b'~', 0xA1, 0));
        let characters = byte_characters();
        assert_eq!((characters[0], characters[usize::from(b' ')]), ('\u{100}', '\u{120}'));
    }

    #[test]
    fn a_long_word_is_no_trap() {
        assert_eq!(encode(&"lo".repeat(200_000)).len(), 200_001);
    }

    #[test]
    fn a_merge_without_token_is_named() {
        let merges = [("a".to_string(), "b".to_string())];
        let error = BytePair::new(&HashMap::new(), &merges, None, &[]).unwrap_err();
        assert!(error.to_string().contains("\"ab\""), "{error}");
    }
}
