//! Wordings of attributes, as data, and texts that combine them.

use std::collections::BTreeMap;

use sdmad_base::{Error, Result, Stream};

use crate::attribute::{Attribute, AttributeSet};
use crate::domain::Domain;
use crate::field::one_of;

/// The grammar's files, by name: attributes in groups of a kind.
const SHIPPED: [(&str, &str); 9] = [
    ("grammar/shape.toml", include_str!("../grammar/shape.toml")),
    ("grammar/margin.toml", include_str!("../grammar/margin.toml")),
    ("grammar/colour.toml", include_str!("../grammar/colour.toml")),
    ("grammar/texture.toml", include_str!("../grammar/texture.toml")),
    ("grammar/place.toml", include_str!("../grammar/place.toml")),
    ("grammar/effects.toml", include_str!("../grammar/effects.toml")),
    ("grammar/chest.toml", include_str!("../grammar/chest.toml")),
    ("grammar/retina.toml", include_str!("../grammar/retina.toml")),
    ("grammar/skin.toml", include_str!("../grammar/skin.toml")),
];

/// Which wordings are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// Those to learn from.
    Learnt,
    /// Those kept back for testing.
    HeldOut,
}

/// A text, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// The words.
    pub text: String,
    /// What they say is there.
    pub says: AttributeSet,
    /// What they say is not there.
    pub denies: AttributeSet,
}

/// All wordings of all attributes.
#[derive(Clone, Debug)]
pub struct Grammar {
    /// In the order of [`Attribute::ALL`].
    entries: Vec<Entry>,
}

/// The wordings of one attribute.
#[derive(Clone, Debug, Default)]
struct Entry {
    words: Vec<String>,
    held_out: Vec<String>,
    absent: Vec<String>,
    /// By domain: to learn from, and held out.
    special: BTreeMap<Domain, [Vec<String>; 2]>,
}

impl Grammar {
    /// The grammar of this project.
    ///
    /// # Errors
    /// Never in a released version: tests read it.
    pub fn shipped() -> Result<Self> {
        let mut found: BTreeMap<Attribute, Entry> = BTreeMap::new();
        for (name, text) in SHIPPED {
            for (id, lists) in parse(name, text)? {
                let attribute = Attribute::ALL.iter().copied().find(|a| a.id() == id).ok_or_else(|| {
                    Error::bad_input(format!("{name}: [{id}] is no attribute that the renderer draws"))
                })?;
                let entry = entry(lists).map_err(|e| e.at(format!("{name}: [{id}]")))?;
                if found.insert(attribute, entry).is_some() {
                    return Err(Error::bad_input(format!("{name}: [{id}] stands in another file, too")));
                }
            }
        }
        let entries = Attribute::ALL.iter().map(|a| {
            found.remove(a).ok_or_else(|| Error::bad_input(format!("no wordings of the attribute {}", a.id())))
        });
        Ok(Grammar { entries: entries.collect::<Result<_>>()? })
    }

    /// The wordings of an attribute in a domain: those of every image and the domain's own.
    pub fn wordings(&self, attribute: Attribute, domain: Domain, which: Wording) -> Vec<&str> {
        let entry = &self.entries[attribute as usize];
        let general = if which == Wording::Learnt { &entry.words } else { &entry.held_out };
        let special = entry.special.get(&domain).map(|s| &s[usize::from(which == Wording::HeldOut)]);
        general.iter().chain(special.into_iter().flatten()).map(String::as_str).collect()
    }

    /// Texts that deny an attribute.
    pub fn denials(&self, attribute: Attribute) -> &[String] {
        &self.entries[attribute as usize].absent
    }

    /// One text that says all of `attributes`, in random order and wording. Empty for none.
    pub fn phrase(&self, stream: &mut Stream, attributes: &[Attribute], domain: Domain, which: Wording) -> Phrase {
        let mut order = attributes.to_vec();
        stream.shuffle(&mut order);
        let joint = one_of(stream, &[", ", " with ", " and "]);
        let parts: Vec<&str> = order.iter().map(|&a| one_of(stream, &self.wordings(a, domain, which))).collect();
        Phrase { text: parts.join(joint), says: attributes.iter().copied().collect(), denies: AttributeSet::EMPTY }
    }

    /// Every wording to learn from on its own, and every denial.
    pub fn single_phrases(&self, domain: Domain) -> Vec<Phrase> {
        let mut phrases = Vec::new();
        for &attribute in Attribute::ALL {
            let set = AttributeSet::from([attribute]);
            phrases.extend(self.wordings(attribute, domain, Wording::Learnt).into_iter().map(|text| Phrase {
                text: text.to_string(),
                says: set,
                denies: AttributeSet::EMPTY,
            }));
            phrases.extend(self.denials(attribute).iter().map(|text| Phrase {
                text: text.clone(),
                says: AttributeSet::EMPTY,
                denies: set,
            }));
        }
        phrases
    }
}

type Lists = BTreeMap<String, Vec<String>>;

fn parse(name: &str, text: &str) -> Result<BTreeMap<String, Lists>> {
    toml::from_str(text).map_err(|e| Error::bad_input(format!("{name}: {e}")))
}

fn entry(mut lists: Lists) -> Result<Entry> {
    let mut entry = Entry {
        words: lists.remove("words").unwrap_or_default(),
        held_out: lists.remove("held_out").unwrap_or_default(),
        absent: lists.remove("absent").unwrap_or_default(),
        special: BTreeMap::new(),
    };
    if entry.words.is_empty() || entry.held_out.is_empty() || entry.absent.is_empty() {
        return Err(Error::bad_input("expected the lists words, held_out and absent, none of them empty"));
    }
    for (key, list) in lists {
        let (id, held_out) = key.strip_suffix("_held_out").map_or((key.as_str(), false), |id| (id, true));
        entry.special.entry(Domain::from_id(id)?).or_default()[usize::from(held_out)] = list;
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_has_many_wordings_and_none_is_said_twice() {
        let grammar = Grammar::shipped().unwrap();
        let mut seen = std::collections::HashSet::new();
        for (attribute, entry) in Attribute::ALL.iter().zip(&grammar.entries) {
            assert!(entry.words.len() >= 80, "{}: {} wordings", attribute.id(), entry.words.len());
            assert!(entry.held_out.len() >= 8, "{}: {} held out", attribute.id(), entry.held_out.len());
            assert!(entry.absent.len() >= 14, "{}: {} denials", attribute.id(), entry.absent.len());
            for text in learnt(entry).chain(held_out(entry)) {
                assert!(seen.insert(bare(text)), "{}: {text:?} stands twice", attribute.id());
            }
        }
    }

    /// All texts of an attribute that are learnt from.
    fn learnt(entry: &Entry) -> impl Iterator<Item = &String> {
        entry.words.iter().chain(&entry.absent).chain(entry.special.values().flat_map(|lists| &lists[0]))
    }

    /// All texts of an attribute that are kept back.
    fn held_out(entry: &Entry) -> impl Iterator<Item = &String> {
        entry.held_out.iter().chain(entry.special.values().flat_map(|lists| &lists[1]))
    }

    /// A text's words only, without case and punctuation.
    fn bare(text: &str) -> String {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ").to_lowercase()
    }

    #[test]
    fn no_wording_is_a_sign_of_a_shipped_bank() {
        #[derive(serde::Deserialize)]
        struct Bank {
            sign: Vec<Sign>,
        }
        #[derive(serde::Deserialize)]
        struct Sign {
            text: String,
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../signs");
        let mut signs = std::collections::HashSet::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let bank: Bank = toml::from_str(&std::fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
            signs.extend(bank.sign.iter().map(|sign| bare(&sign.text)));
        }
        assert!(signs.len() > 100, "{} signs", signs.len());
        for (attribute, entry) in Attribute::ALL.iter().zip(&Grammar::shipped().unwrap().entries) {
            for text in learnt(entry).chain(held_out(entry)) {
                assert!(!signs.contains(&bare(text)), "{}: {text:?} is a sign", attribute.id());
            }
        }
    }

    #[test]
    fn a_phrase_says_each_of_its_attributes_in_a_wording_of_theirs() {
        let grammar = Grammar::shipped().unwrap();
        let stream = &mut Stream::new(1, "phrase");
        let (a, b) = (Attribute::Round, Attribute::Dark);
        for _ in 0..20 {
            let phrase = grammar.phrase(stream, &[a, b], Domain::Ultrasound, Wording::Learnt);
            for attribute in [a, b] {
                assert!(phrase.says.contains(attribute));
                let known = grammar.wordings(attribute, Domain::Ultrasound, Wording::Learnt);
                assert!(known.iter().any(|w| phrase.text.contains(w)), "{:?}", phrase.text);
            }
        }
    }
}
