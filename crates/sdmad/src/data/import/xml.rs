//! Just enough XML for the parts of an Excel file: elements, attributes, text and the named entities. Comments,
//! declarations and processing instructions are passed over; what is damaged ends the events.

use std::borrow::Cow;

/// A piece of a document. Names have no prefix.
#[derive(Debug, PartialEq)]
pub(super) enum Event<'a> {
    Open { name: &'a str, attributes: Attributes<'a> },
    Close(&'a str),
    Text(Cow<'a, str>),
}

/// What stands in an opening tag after its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Attributes<'a>(&'a str);

/// Goes through a document.
pub(super) struct Reader<'a> {
    rest: &'a str,
    /// The name of an element without content, which is yet to be closed.
    closing: Option<&'a str>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Reader { rest: text, closing: None }
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        if let Some(name) = self.closing.take() {
            return Some(Event::Close(name));
        }
        loop {
            if !self.rest.starts_with('<') {
                if self.rest.is_empty() {
                    return None;
                }
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                return Some(Event::Text(unescape(text)));
            }
            let passed =
                [("<!--", "-->"), ("<?", "?>"), ("<!", ">")].into_iter().find(|(o, _)| self.rest.starts_with(o));
            if let Some((_, close)) = passed {
                let end = self.rest.find(close)?;
                self.rest = &self.rest[end + close.len()..];
                continue;
            }
            let end = tag_end(self.rest)?;
            let inside = &self.rest[1..end];
            self.rest = &self.rest[end + 1..];
            if let Some(name) = inside.strip_prefix('/') {
                return Some(Event::Close(local(name.trim())));
            }
            let (inside, empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
            let (name, attributes) = inside.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((inside, ""));
            let name = local(name);
            self.closing = empty.then_some(name);
            return Some(Event::Open { name, attributes: Attributes(attributes) });
        }
    }
}

impl<'a> Attributes<'a> {
    /// The value of an attribute, as written.
    pub(super) fn get(self, wanted: &str) -> Option<&'a str> {
        let mut rest = self.0;
        loop {
            let (name, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, after) = after[1..].split_once(quote)?;
            if name.trim() == wanted {
                return Some(value);
            }
            rest = after;
        }
    }
}

/// The place of the `>` that ends a tag: one in quotes does not.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    text.bytes().position(|byte| {
        match (quote, byte) {
            (None, b'>') => return true,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
        false
    })
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, name)| name)
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let known = after.split_once(';').and_then(|(name, after)| Some((entity(name)?, after)));
        rest = match known {
            Some((character, after)) => {
                plain.push(character);
                after
            }
            // No entity: the sign stands for itself.
            None => {
                plain.push('&');
                after
            }
        };
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_attributes_and_text() {
        let text = "<?xml v='1'?><!-- <a> --><x:a k = \"1>2\" l='m'>t &amp; &#x4e00;&no; é<b/></x:a>";
        let mut events = Reader::new(text);
        let Some(Event::Open { name: "a", attributes }) = events.next() else { panic!("opens") };
        assert_eq!((attributes.get("k"), attributes.get("l"), attributes.get("z")), (Some("1>2"), Some("m"), None));
        assert_eq!(events.next(), Some(Event::Text("t & 一&no; é".into())));
        assert!(matches!(events.next(), Some(Event::Open { name: "b", .. })));
        assert_eq!([events.next(), events.next()], [Some(Event::Close("b")), Some(Event::Close("a"))]);
        assert_eq!(events.next(), None);
        assert_eq!(Reader::new("<a").count() + Reader::new("<!--").count(), 0);
    }
}
