//! Names of figures, and numbers as people read them.

use super::results::DifferenceFigure;
use crate::{Figure, Verdict};

/// Labels and names of the figures of the protocols, in the order of tables.
pub(super) const MAIN: [(&str, &str); 18] = [
    ("P1 detection, AUROC", "detection.auroc"),
    ("P1 detection, AP", "detection.ap"),
    ("P2 against normal, macro AUROC", "vs_normal.macro.auroc"),
    ("P2 against normal, macro AP", "vs_normal.macro.ap"),
    ("P2 against others, macro AUROC", "vs_other.macro.auroc"),
    ("P2 against others, macro AP", "vs_other.macro.ap"),
    ("P3 multi-label, macro AUROC", "multilabel.macro_auroc"),
    ("P3 multi-label, mAP", "multilabel.map"),
    ("P3 macro F1", "multilabel.macro_f1"),
    ("P3 micro F1", "multilabel.micro_f1"),
    ("P3 exact match", "multilabel.exact_match"),
    ("P3 Hamming loss (lower is better)", "multilabel.hamming"),
    ("P3 calibration error (lower is better)", "multilabel.ece"),
    ("the same without calibration (lower is better)", "multilabel.ece_before"),
    ("answers, with the category: not denied", "answers.macro.present.covered"),
    ("answers, with the category: uncertain (lower is better)", "answers.macro.present.uncertain"),
    ("answers, without the category: not denied", "answers.macro.absent.covered"),
    ("answers, without the category: uncertain (lower is better)", "answers.macro.absent.uncertain"),
];

/// The four figures that pictures show: label and name.
pub(super) const HEADLINES: [(&str, &str); 4] = [
    ("P1 detection", "detection.auroc"),
    ("P2 against normal", "vs_normal.macro.auroc"),
    ("P2 against others", "vs_other.macro.auroc"),
    ("P3 multi-label", "multilabel.macro_auroc"),
];

/// The label of a figure of two categories or of a sign; none for any other.
pub(super) fn special(name: &str) -> Option<String> {
    if name == "signs.pairwise_accuracy" {
        return Some("pairwise sign accuracy".into());
    }
    let middle = |prefix: &str| name.strip_prefix(prefix).and_then(|n| n.strip_suffix(".auroc"));
    match (middle("pair."), middle("signs.")) {
        (Some(pair), _) => Some(format!("{}, AUROC", pair.replace('.', " against "))),
        (_, Some(sign)) => Some(format!("sign {sign}, AUROC")),
        _ => None,
    }
}

/// `K = 4`, or `no shot`.
pub(super) fn shots_in_words(shots: usize) -> String {
    if shots == 0 { "no shot".into() } else { format!("K = {shots}") }
}

/// `.914`; a difference keeps its sign.
pub(super) fn short(value: f64) -> String {
    // What rounds to nothing has no sign.
    let text = format!("{:.3}", if value.abs() < 0.0005 { 0.0 } else { value });
    match text.strip_prefix("0.") {
        Some(rest) => format!(".{rest}"),
        None => text.strip_prefix("-0.").map_or(text.clone(), |rest| format!("-.{rest}")),
    }
}

/// A figure with its interval: `.914 [.880, .943]`, with `*` where it rests on few images, or `–` with no value.
pub(super) fn figure(figure: Option<&Figure>) -> String {
    let Some(value) = figure.and_then(Figure::value) else { return "–".into() };
    let interval = figure.and_then(Figure::interval);
    let interval = interval.map_or_else(String::new, |(lo, hi)| format!(" [{}, {}]", short(lo), short(hi)));
    let few = figure.is_some_and(Figure::few);
    format!("{}{interval}{}", short(value), if few { "*" } else { "" })
}

/// A difference with its interval and verdict: `+.018 [.002, .036] above`.
pub(super) fn difference(figure: Option<&DifferenceFigure>) -> String {
    let Some((figure, value)) = figure.and_then(|f| f.value.map(|v| (f, v))) else { return "–".into() };
    let interval =
        figure.lo.zip(figure.hi).map_or_else(String::new, |(lo, hi)| format!(" [{}, {}]", short(lo), short(hi)));
    format!("{}{interval} {}", signed(value), word(figure.verdict))
}

/// With a plus where it is above zero.
pub(super) fn signed(value: f64) -> String {
    format!("{}{}", if value >= 0.0005 { "+" } else { "" }, short(value))
}

/// A verdict in a word.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Above => "above",
        Verdict::Level => "level",
        Verdict::Below => "below",
        Verdict::Undecided => "undecided",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_their_sign() {
        assert_eq!([0.5, -0.0125, 1.0, -0.0001].map(short), [".500", "-.013", "1.000", ".000"].map(String::from));
        assert_eq!([0.5, -0.25, 0.0].map(signed), ["+.500", "-.250", ".000"].map(String::from));
        assert_eq!(special("pair.cyst.mass.auroc").as_deref(), Some("cyst against mass, AUROC"));
        assert_eq!(special("vs_other.cyst.auroc"), None);
    }
}
