use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Endings that CLIP splits off, in the order in which they are tried.
const CONTRACTIONS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

/// A letter in the sense of Unicode's general category L.
///
/// `char::is_alphabetic` is wider (it takes in vowel signs and letter-like numbers), so that it would split otherwise.
fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { c.general_category_group() == GeneralCategoryGroup::Letter }
}

/// Neither space, letter nor number.
fn is_other(c: char) -> bool {
    !c.is_whitespace() && !is_letter(c) && !c.is_numeric()
}

/// Splits cleaned text into CLIP's words: a special token, a contraction's ending, a run of letters, one single
/// number character, or a run of anything else that is no space (the pattern of Radford et al. 2021's tokenizer).
pub(super) fn clip_words<'a>(text: &'a str, specials: &'a [(String, u32)]) -> impl Iterator<Item = &'a str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let run = |accept: fn(char) -> bool| rest.find(|c| !accept(c)).unwrap_or(rest.len());
        let fixed =
            specials.iter().map(|(word, _)| word.as_str()).chain(CONTRACTIONS).find(|word| rest.starts_with(word));
        let length = if let Some(word) = fixed {
            word.len()
        } else if is_letter(first) {
            run(is_letter)
        } else if first.is_numeric() {
            first.len_utf8()
        } else {
            run(is_other)
        };
        let (word, after) = rest.split_at(length);
        rest = after;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::clip_words;

    #[test]
    fn words_are_letters_single_digits_and_runs_of_signs() {
        let specials = [("<|endoftext|>".to_string(), 0)];
        let cases: [(&str, &[&str]); 6] = [
            ("the patient's mass", &["the", "patient", "'s", "mass"]),
            ("12 mm, t2-weighted!?", &["1", "2", "mm", ",", "t", "2", "-", "weighted", "!?"]),
            ("we'll don't", &["we", "'ll", "don", "'t"]),
            ("a<|endoftext|>b", &["a", "<|endoftext|>", "b"]),
            ("½ ⅷ", &["½", "ⅷ"]),
            ("   ", &[]),
        ];
        for (text, words) in cases {
            assert_eq!(clip_words(text, &specials).collect::<Vec<_>>(), words, "{text}");
        }
    }
}
