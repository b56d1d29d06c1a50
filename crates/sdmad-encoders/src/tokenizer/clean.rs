use unicode_normalization::UnicodeNormalization;

/// What is done to a text before it is split into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cleaning {
    /// Nothing: the tokenizer's own normaliser does it all, as in `transformers`.
    None,
    /// What open_clip does before its tokenizers: characters repaired as `ftfy` does, HTML entities resolved,
    /// white space collapsed. Lower-casing follows in the tokenizer.
    ///
    /// Left out: ftfy's guess at text that was decoded with the wrong encoding ("mojibake"), and HTML entities
    /// beyond numbers and the names in common use.
    OpenClip,
}

impl Cleaning {
    pub(super) fn apply(self, text: &str) -> String {
        match self {
            Cleaning::None => text.to_string(),
            Cleaning::OpenClip => {
                let mut fixed = text.split_inclusive('\n').map(repair).collect::<String>();
                for _ in 0..2 {
                    fixed = unescape(&fixed);
                }
                collapse(&fixed)
            }
        }
    }
}

/// White space as Python's `str.split` sees it: Unicode's, and the four separators of ASCII.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Single spaces between words, none at the ends.
fn collapse(text: &str) -> String {
    text.split(is_python_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The character repairs of ftfy 6 with its default settings, for one line; repeated until nothing changes.
fn repair(line: &str) -> String {
    let mut text = line.to_string();
    // Text that may be HTML keeps its entities in this step; the next one resolves them all the same.
    let entities = !line.contains('<');
    // Each pass shortens or settles the text; the bound only guards against an endless exchange.
    for _ in 0..8 {
        let source = if entities { unescape(&text) } else { text.clone() };
        let source = without_terminal_escapes(&source);
        let mut next = String::with_capacity(source.len());
        for c in source.chars() {
            match c {
                '\u{80}'..='\u{9f}' => next.push(windows_1252(c)),
                '\u{02bc}' | '\u{2018}'..='\u{201b}' => next.push('\''),
                '\u{201c}'..='\u{201f}' => next.push('"'),
                'ﬅ' => next.push_str("ſt"),
                // Latin ligatures and digraphs, half- and full-width forms: as compatibility decomposition has them.
                'Ĳ'
                | 'ĳ'
                | 'ŉ'
                | '\u{1c4}'..='\u{1cc}'
                | '\u{1f1}'..='\u{1f3}'
                | 'ﬀ'..='ﬄ'
                | 'ﬆ'
                | '\u{3000}'
                | '\u{ff01}'..='\u{ffef}' => next.extend(std::iter::once(c).nfkc()),
                '\r' | '\u{2028}' | '\u{2029}' => next.push('\n'),
                '\0'..='\u{8}'
                | '\u{b}'
                | '\u{e}'..='\u{1f}'
                | '\u{7f}'
                | '\u{206a}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffc}' => {}
                _ => next.push(c),
            }
        }
        let next: String = next.nfc().collect();
        if next == text {
            break;
        }
        text = next;
    }
    text
}

/// Drops `ESC [ numbers letter`.
fn without_terminal_escapes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        let body = &rest[at + 2..];
        let end = body.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(body.len());
        kept.push_str(&rest[..at]);
        if body[end..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            rest = &body[end + 1..];
        } else {
            kept.push_str("\u{1b}[");
            rest = body;
        }
    }
    kept.push_str(rest);
    kept
}

/// A C1 control character as the Windows-1252 character that was meant.
fn windows_1252(c: char) -> char {
    const TABLE: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    (u32::from(c)).checked_sub(0x80).and_then(|i| TABLE.get(i as usize)).copied().unwrap_or(c)
}

/// Names of HTML entities in common use (HTML 5, 13.5), without the Greek letters.
const ENTITIES: [(&str, &str); 32] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", "\u{a0}"),
    ("deg", "°"),
    ("plusmn", "±"),
    ("micro", "µ"),
    ("middot", "·"),
    ("times", "×"),
    ("frac12", "½"),
    ("frac14", "¼"),
    ("frac34", "¾"),
    ("sup2", "²"),
    ("sup3", "³"),
    ("copy", "©"),
    ("reg", "®"),
    ("trade", "™"),
    ("ndash", "–"),
    ("mdash", "—"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("hellip", "…"),
    ("bull", "•"),
    ("le", "≤"),
    ("ge", "≥"),
    ("ne", "≠"),
    ("rarr", "→"),
    ("euro", "€"),
];

/// Small Greek letters from U+03B1 on; the capitals have the same names with a capital letter.
const GREEK: [&str; 25] = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "omicron", "pi", "rho", "sigmaf", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
];

/// Resolves `&name;`, `&#233;` and `&#xe9;`; what it does not know stays.
fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_string();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let body = &rest[at + 1..];
        // No known name, and no number in range, is longer than this.
        let resolved = body
            .char_indices()
            .take(16)
            .find(|&(_, c)| c == ';')
            .and_then(|(end, _)| Some((entity(&body[..end])?, &body[end + 1..])));
        match resolved {
            Some((character, after)) => {
                plain.push_str(&character);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = body;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<String> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        let character = match code {
            0 => char::REPLACEMENT_CHARACTER,
            0x80..=0x9f => windows_1252(char::from_u32(code)?),
            _ => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
        };
        return Some(character.to_string());
    }
    if let Some((_, text)) = ENTITIES.iter().find(|(known, _)| *known == name) {
        return Some(text.to_string());
    }
    let index = GREEK.iter().position(|known| known.eq_ignore_ascii_case(name) && known[1..] == name[1..])?;
    let base = if name.starts_with(|c: char| c.is_ascii_uppercase()) { 0x391 } else { 0x3b1 };
    Some(char::from_u32(base + index as u32)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_widths_ligatures_and_entities() {
        let cases = [
            ("the \u{201c}halo\u{201d} sign\u{2019}s", "the \"halo\" sign's"),
            ("  two\t spaces \n", "two spaces"),
            ("ﬁbroadenoma ﬂuid", "fibroadenoma fluid"),
            ("ＣＴ　ｓｃａｎ", "CT scan"),
            ("a &lt; b &amp;amp; 5 &#177; 2 &mu;m &Delta;", "a < b & 5 ± 2 μm Δ"),
            ("&unknown; &; &", "&unknown; &; &"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("zero\u{0}width\u{feff}", "zerowidth"),
            ("", ""),
        ];
        for (text, clean) in cases {
            assert_eq!(Cleaning::OpenClip.apply(text), clean, "{text:?}");
        }
    }
}
