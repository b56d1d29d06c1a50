//! What a source calls its findings, and what becomes of them in a manifest.

use std::collections::BTreeMap;

use sdmad_base::{Error, Result};

use super::super::Label;
use super::super::read::snake_case;
use super::draft::{Draft, Found};
use super::options::ImportLabels;

/// What a name of the source stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The image is normal.
    Normal,
    /// A category of the manifest.
    Category(&'static str),
    /// A finding that has no category: an image that shows it is not normal.
    Outside,
    /// No finding at all, such as a pacemaker or dust on the lens.
    Ignored,
}

/// A name that the source uses. Several names may stand for one category.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    name: &'static str,
    source: Place,
    bank: Place,
}

/// A finding that the bank calls as the source does.
pub(super) const fn same(name: &'static str, id: &'static str) -> Term {
    mapped(name, id, id)
}

/// A finding with an id of its own and one in the bank.
pub(super) const fn mapped(name: &'static str, id: &'static str, bank: &'static str) -> Term {
    Term { name, source: Place::Category(id), bank: Place::Category(bank) }
}

/// A finding that the bank has not.
pub(super) const fn outside(name: &'static str, id: &'static str) -> Term {
    Term { name, source: Place::Category(id), bank: Place::Outside }
}

/// What the bank counts as normal, and the source names.
pub(super) const fn normal_in_bank(name: &'static str, id: &'static str) -> Term {
    Term { name, source: Place::Category(id), bank: Place::Normal }
}

/// The name of normality.
pub(super) const fn normal(name: &'static str) -> Term {
    Term { name, source: Place::Normal, bank: Place::Normal }
}

/// A name that says nothing about findings.
pub(super) const fn ignored(name: &'static str) -> Term {
    Term { name, source: Place::Ignored, bank: Place::Ignored }
}

/// Why an image has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Without {
    /// It shows findings, but none that has a category.
    Outside,
    /// Nothing is known for sure, or it is neither called normal nor has a finding for sure.
    Nothing,
    /// The source calls it normal and names a finding.
    Contradiction,
}

impl Without {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Without::Outside => {
                "they show only findings that have no category here, and a row without a finding would call them normal (--labels source keeps them)"
            }
            Without::Nothing => "the source neither calls them normal nor is sure of a finding that has a category",
            Without::Contradiction => "the source calls them normal and names a finding",
        }
    }
}

/// The terms of a source, with the categories that they make.
#[derive(Debug)]
pub(super) struct Vocabulary {
    terms: &'static [Term],
    /// Ids in the order of the terms.
    pub(super) categories: Vec<String>,
    /// What each term stands for, with the category's position.
    places: Vec<(Place, usize)>,
    by_name: BTreeMap<String, usize>,
}

impl Vocabulary {
    pub(super) fn new(terms: &'static [Term], labels: Option<ImportLabels>) -> Self {
        let labels = labels.unwrap_or_default();
        let mut categories: Vec<String> = Vec::new();
        let places = terms
            .iter()
            .map(|term| {
                let place = if labels == ImportLabels::Bank { term.bank } else { term.source };
                let Place::Category(id) = place else { return (place, 0) };
                let number = categories.iter().position(|c| c == id).unwrap_or_else(|| {
                    categories.push(id.to_string());
                    categories.len() - 1
                });
                (place, number)
            })
            .collect();
        let by_name = terms.iter().enumerate().map(|(number, term)| (snake_case(term.name), number)).collect();
        Vocabulary { terms, categories, places, by_name }
    }

    /// The number of the term with this name; case, spaces and signs do not matter.
    pub(super) fn term(&self, name: &str) -> Option<usize> {
        self.by_name.get(&snake_case(name)).copied()
    }

    /// As [`Vocabulary::term`]; an unknown name is an error at `place`.
    pub(super) fn known(&self, name: &str, place: &dyn std::fmt::Display) -> Result<usize> {
        self.term(name).ok_or_else(|| {
            Error::bad_input(format!("{place}: `{name}`; expected one of {}", self.names().join(", ")))
                .with_hint("is this another release of the set? Sort its images into one folder for each category, and import `folders`")
        })
    }

    /// The source's names.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.terms.iter().map(|term| term.name).collect()
    }

    /// The position of a term's category, where it has one.
    pub(super) fn category(&self, term: usize) -> Option<usize> {
        self.places.get(term).filter(|(place, _)| matches!(place, Place::Category(_))).map(|&(_, number)| number)
    }

    /// The source's names of what counts as normal.
    pub(super) fn names_of_normal(&self) -> Vec<&'static str> {
        let normal = self.places.iter().zip(self.terms).filter(|((place, _), _)| *place == Place::Normal);
        normal.map(|(_, term)| term.name).collect()
    }

    /// One label for each term, all absent.
    pub(super) fn absent(&self) -> Vec<Label> {
        vec![Label::Absent; self.terms.len()]
    }

    /// One label for each term of a source that has only the given ones: what another of its names tells is absent here, all
    /// else is unknown.
    pub(super) fn without(&self, has: &[usize]) -> Vec<Label> {
        let told = |term: usize| has.iter().any(|&other| self.places[other] == self.places[term]);
        (0..self.terms.len()).map(|term| if told(term) { Label::Absent } else { Label::Unknown }).collect()
    }

    /// What of the given labels, one for each term, goes into a row: positions of the categories that are present and
    /// of those that are not known.
    ///
    /// Where the terms have a name of normality, an image is normal only when the source says so; what it then says
    /// nothing about is absent.
    pub(super) fn row(&self, labels: &[Label]) -> std::result::Result<(Vec<usize>, Vec<usize>), Without> {
        let mut of_category = vec![Label::Absent; self.categories.len()];
        let (mut elsewhere, mut called_normal, mut names_normal) = (Label::Absent, false, false);
        for (&(place, number), &label) in self.places.iter().zip(labels) {
            match place {
                Place::Category(_) => of_category[number] = either(of_category[number], label),
                Place::Outside => elsewhere = either(elsewhere, label),
                Place::Normal => {
                    names_normal = true;
                    called_normal |= label == Label::Present;
                }
                Place::Ignored => {}
            }
        }
        let of =
            |wanted: Label| -> Vec<usize> { (0..of_category.len()).filter(|&c| of_category[c] == wanted).collect() };
        let (present, unknown) = (of(Label::Present), of(Label::Unknown));
        if called_normal {
            let contradicted = !present.is_empty() || elsewhere == Label::Present;
            return if contradicted { Err(Without::Contradiction) } else { Ok((Vec::new(), Vec::new())) };
        }
        if present.is_empty() {
            if elsewhere == Label::Present && (unknown.is_empty() || unknown.len() == of_category.len()) {
                return Err(Without::Outside);
            }
            let says_nothing = unknown.len() == of_category.len();
            let would_be_normal = unknown.is_empty() && (names_normal || elsewhere != Label::Absent);
            if says_nothing || would_be_normal {
                return Err(Without::Nothing);
            }
        }
        Ok((present, unknown))
    }

    /// Adds an image with these labels to the draft, or counts why not.
    pub(super) fn add(&self, draft: &mut Draft, found: Found, labels: &[Label]) {
        match self.row(labels) {
            Ok((present, unknown)) => draft.images.push(Found { present, unknown, ..found }),
            Err(without) => draft.skip(without.reason()),
        }
    }
}

/// The label of a category that two names stand for.
fn either(a: Label, b: Label) -> Label {
    match (a, b) {
        (Label::Present, _) | (_, Label::Present) => Label::Present,
        (Label::Unknown, _) | (_, Label::Unknown) => Label::Unknown,
        _ => Label::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: &[Term] = &[
        normal("No Finding"),
        mapped("Pleural Effusion", "pleural_effusion", "effusion"),
        same("Edema", "edema"),
        mapped("Oedema", "edema", "edema"),
        outside("Fracture", "fracture"),
        ignored("Support Devices"),
    ];

    #[test]
    fn every_source_maps_to_categories_of_its_bank() {
        use super::super::{ImportKind, chestxray14, chexpert, idrid, isic, odir, rsna, sorted, vindr};
        for (kind, terms) in [
            (ImportKind::ChestXray14, chestxray14::TERMS),
            (ImportKind::Chexpert, chexpert::TERMS),
            (ImportKind::MimicCxrJpg, chexpert::TERMS),
            (ImportKind::Vindr, vindr::TERMS),
            (ImportKind::Rsna, rsna::TERMS),
            (ImportKind::Oct2017, sorted::OCT2017.terms),
            (ImportKind::Odir, odir::TERMS),
            (ImportKind::Idrid, idrid::GRADES),
            (ImportKind::Idrid, idrid::LESIONS),
            (ImportKind::Isic2018, isic::TERMS),
            (ImportKind::Ham10000, isic::TERMS),
            (ImportKind::Hyperkvasir, sorted::HYPERKVASIR.terms),
            (ImportKind::Busi, sorted::BUSI.terms),
        ] {
            let bank = crate::shipped_text(kind.bank().expect("a bank")).expect("shipped");
            let vocabulary = Vocabulary::new(terms, None);
            for id in &vocabulary.categories {
                assert!(bank.contains(&format!("[[category]]\nid = \"{id}\"\n")), "{kind:?}: {id}");
            }
            let source = Vocabulary::new(terms, Some(ImportLabels::Source));
            for id in &source.categories {
                assert!(super::super::draft::check_id(id).is_ok(), "{kind:?}: {id}");
            }
            for (number, name) in vocabulary.names().into_iter().enumerate() {
                assert_eq!(vocabulary.term(name), Some(number), "{kind:?}: two terms are called `{name}`");
            }
        }
    }

    #[test]
    fn a_row_is_normal_only_when_the_source_says_so() {
        let (p, a, u) = (Label::Present, Label::Absent, Label::Unknown);
        let bank = Vocabulary::new(TERMS, None);
        let source = Vocabulary::new(TERMS, Some(ImportLabels::Source));
        assert_eq!(bank.categories, ["effusion", "edema"]);
        assert_eq!(source.categories, ["pleural_effusion", "edema", "fracture"]);
        let cases: [([Label; 6], _, _); 10] = [
            ([p, u, u, u, u, u], Ok((vec![], vec![])), Ok((vec![], vec![]))),
            ([p, a, a, a, a, p], Ok((vec![], vec![])), Ok((vec![], vec![]))),
            ([a, p, a, p, p, a], Ok((vec![0, 1], vec![])), Ok((vec![0, 1, 2], vec![]))),
            ([a, p, u, a, u, u], Ok((vec![0], vec![1])), Ok((vec![0], vec![1, 2]))),
            ([a, a, a, a, p, a], Err(Without::Outside), Ok((vec![2], vec![]))),
            ([u, u, u, u, p, u], Err(Without::Outside), Ok((vec![2], vec![0, 1]))),
            ([u, a, u, a, p, u], Ok((vec![], vec![1])), Ok((vec![2], vec![1]))),
            ([a, a, a, a, a, p], Err(Without::Nothing), Err(Without::Nothing)),
            ([u, u, u, u, u, u], Err(Without::Nothing), Err(Without::Nothing)),
            ([p, p, a, a, a, a], Err(Without::Contradiction), Err(Without::Contradiction)),
        ];
        for (labels, in_bank, in_source) in cases {
            assert_eq!(bank.row(&labels), in_bank, "{labels:?}");
            assert_eq!(source.row(&labels), in_source, "{labels:?}");
        }
        assert_eq!(bank.term("support_devices"), Some(5));
        assert!(
            bank.known("Mass", &"a.csv, line 2").unwrap_err().to_string().contains("a.csv, line 2: `Mass`; expected")
        );
    }
}
