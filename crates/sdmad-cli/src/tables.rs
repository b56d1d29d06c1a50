//! Tables for people.

use sdmad::{Figure, FigureId, FigureTable, Label, Measure, Scope, TestSet};

/// The line that stands under every table of results.
pub(crate) const RESEARCH_USE: &str = "Research use only, not a medical device.";

/// A figure with its interval: `.914 [.880, .943]`, with `*` where it rests on few images, or `–` with no value.
pub(crate) fn figure(figure: Option<&Figure>) -> String {
    let Some(figure) = figure else { return "–".into() };
    let Some(value) = figure.value() else { return "–".into() };
    let interval = figure.interval().map_or_else(String::new, |(lo, hi)| format!(" [{}, {}]", short(lo), short(hi)));
    format!("{}{interval}{}", short(value), if figure.few() { "*" } else { "" })
}

/// `.914`; a difference keeps its sign.
pub(crate) fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    match text.strip_prefix("0.") {
        Some(rest) => format!(".{rest}"),
        None => text.strip_prefix("-0.").map_or(text.clone(), |rest| format!("-.{rest}")),
    }
}

/// The macro figures of the three protocols, as rows of a Markdown table: name and figure.
pub(crate) const MAIN_FIGURES: [(&str, FigureId); 10] = [
    ("P1 detection AUROC", FigureId::Detection(Measure::Auroc)),
    ("P1 detection AP", FigureId::Detection(Measure::AveragePrecision)),
    ("P2 against normal, macro AUROC", FigureId::VsNormal(Scope::Macro, Measure::Auroc)),
    ("P2 against others, macro AUROC", FigureId::VsOther(Scope::Macro, Measure::Auroc)),
    ("P3 multi-label, macro AUROC", FigureId::AmongAll(Scope::Macro, Measure::Auroc)),
    ("P3 multi-label, mAP", FigureId::AmongAll(Scope::Macro, Measure::AveragePrecision)),
    ("P3 macro F1", FigureId::F1(Scope::Macro)),
    ("P3 exact match", FigureId::ExactMatch),
    ("P3 expected calibration error", FigureId::CalibrationError),
    ("P3 the same without calibration", FigureId::CalibrationErrorBefore),
];

/// All main figures of one evaluation, then each category, then signs.
pub(crate) fn figure_table(set: &TestSet, table: &FigureTable) -> String {
    let mut rows = vec![["figure".to_string(), "value [95 % interval]".to_string()]];
    for (name, id) in MAIN_FIGURES {
        rows.push([name.into(), figure(table.get(id))]);
    }
    for (name, class) in [("with a category", Label::Present), ("without it", Label::Absent)] {
        for (what, id) in [
            ("not denied", FigureId::Covered(Scope::Macro, class)),
            ("uncertain", FigureId::Uncertain(Scope::Macro, class)),
        ] {
            rows.push([format!("answers, images {name}: {what}"), figure(table.get(id))]);
        }
    }
    for (c, category) in set.categories().iter().enumerate() {
        for (name, id) in [
            ("against normal", FigureId::VsNormal(Scope::Category(c), Measure::Auroc)),
            ("against others", FigureId::VsOther(Scope::Category(c), Measure::Auroc)),
            ("among all", FigureId::AmongAll(Scope::Category(c), Measure::Auroc)),
        ] {
            rows.push([format!("{category} {name}, AUROC"), figure(table.get(id))]);
        }
    }
    for (s, sign) in set.signs().iter().enumerate() {
        rows.push([format!("sign {sign}, AUROC"), figure(table.get(FigureId::Sign(s)))]);
    }
    if !set.signs().is_empty() {
        rows.push(["pairwise sign accuracy".into(), figure(table.get(FigureId::SignPairs))]);
    }
    let marked = rows.iter().any(|r| r[1].ends_with('*'));
    let note = if marked { "\n* fewer than 20 positives or negatives: no claim rests on it." } else { "" };
    format!("{}{note}\n{RESEARCH_USE}", markdown(&rows))
}

/// Rows of cells, the first being the header, as a Markdown table that reads as well in a terminal.
pub(crate) fn markdown<const N: usize>(rows: &[[String; N]]) -> String {
    markdown_rows(&rows.iter().map(|r| r.to_vec()).collect::<Vec<_>>())
}

/// As [`markdown`], for any number of columns.
pub(crate) fn markdown_rows(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> =
        (0..columns).map(|c| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0)).collect();
    let line = |row: &[String]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &w)| format!("{cell:w$}")).collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule: Vec<String> = widths.iter().map(|&w| "-".repeat(w)).collect();
    let mut lines: Vec<String> = rows.iter().map(|r| line(r)).collect();
    if !lines.is_empty() {
        lines.insert(1, format!("|-{}-|", rule.join("-|-")));
    }
    lines.join("\n")
}
