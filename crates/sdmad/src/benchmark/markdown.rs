//! `results.md`: tables for people.

use std::fmt::Write as _;

use super::labels::{MAIN, difference, figure, short, shots_in_words};
use super::results::{Averages, Group, RESEARCH_USE, Results};

impl Results {
    /// The tables as Markdown that reads as well in a terminal.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("# {}\n\n{RESEARCH_USE}\n\n{}\n", self.title, self.about());
        for set in self.sets.iter() {
            if let Some(why) = &set.skipped {
                let _ = writeln!(text, "\n**{} was skipped**: {why}.", set.name);
            }
        }
        for averages in self.averages.iter().filter(|a| self.counted_sets() > 1 && a.has_figures()) {
            text.push_str(&self.averages_section(averages));
        }
        for group in &self.groups {
            text.push_str(&self.group_section(group));
        }
        let _ = write!(text, "\n{}\n", self.legend());
        text
    }

    /// How many sets are there.
    pub(super) fn counted_sets(&self) -> usize {
        self.sets.iter().filter(|s| s.skipped.is_none()).count()
    }

    /// One sentence on what was measured.
    pub(super) fn about(&self) -> String {
        format!(
            "Measured on {} images, {} of shots, sdmad {}, instruction path {}, configuration {}.",
            self.split,
            if self.draws == 1 { "one draw".into() } else { format!("{} draws", self.draws) },
            self.sdmad,
            self.instructions,
            &self.config_sha256[..12]
        )
    }

    /// What marks mean.
    pub(super) fn legend(&self) -> String {
        format!(
            "Means over draws with {:.0} % intervals ({} replicates: draws, then patients, resampled; for averages within each set). `*`: fewer \
             than 20 positives or negatives, no claim. `°`: pixels do as well, the set proves nothing in this figure and is not in its \
             average. Differences are paired: above (lower end above 0), level (lower end above -.005), below (upper end below 0), \
             else undecided. {RESEARCH_USE}",
            100.0 * self.bootstrap.level,
            self.bootstrap.replicates
        )
    }

    /// ` (encoder)` where there are several.
    pub(super) fn encoder_suffix(&self, encoder: &str) -> String {
        if self.encoders.len() > 1 { format!(", {encoder}") } else { String::new() }
    }

    fn averages_section(&self, averages: &Averages) -> String {
        let heading = format!("Average over sets, {}", shots_in_words(averages.shots));
        let mut text = format!("\n## {heading}{}\n\n", self.encoder_suffix(&averages.encoder));
        let mut rows = vec![header("figure", averages.methods.iter().map(|m| m.method.as_str()))];
        let most = averages.methods.iter().flat_map(|m| m.figures.0.iter().map(|f| f.1.sets.len())).max().unwrap_or(0);
        let fewer = |sets: usize| if sets > 0 && sets < most { format!(" ({sets} sets)") } else { String::new() };
        for (label, name) in MAIN {
            let cells = averages.methods.iter().map(|m| match m.figures.get(name) {
                Some(over) => format!("{}{}", figure(Some(&over.mean)), fewer(over.sets.len())),
                None => "–".into(),
            });
            rows.push(std::iter::once(label.to_string()).chain(cells).collect());
        }
        text.push_str(&table(&rows));
        if !averages.differences.is_empty() {
            let names: Vec<String> =
                averages.differences.iter().map(|d| format!("{} − {}", d.method, d.minus)).collect();
            let mut rows = vec![header("paired difference", names.iter().map(String::as_str))];
            for (label, name) in MAIN {
                let cells = averages.differences.iter().map(|d| match d.figures.get(name) {
                    Some(over) => format!("{}{}", difference(Some(&over.mean)), fewer(over.sets.len())),
                    None => "–".into(),
                });
                rows.push(std::iter::once(label.to_string()).chain(cells).collect());
            }
            let _ = write!(text, "\n{}", table(&rows));
        }
        text
    }

    fn group_section(&self, group: &Group) -> String {
        let mut text =
            format!("\n## {}, {}{}\n\n", group.set, shots_in_words(group.shots), self.encoder_suffix(&group.encoder));
        let mut rows = vec![header("figure", group.methods.iter().map(|m| m.method.as_str()))];
        for (label, name) in group.rows() {
            let mark = if group.proves_nothing.contains(&name) { " °" } else { "" };
            let cells = group.methods.iter().map(|m| figure(m.figures.get(&name)));
            rows.push(std::iter::once(format!("{label}{mark}")).chain(cells).collect());
        }
        text.push_str(&table(&rows));
        for method in group.methods.iter().filter(|m| !m.why.is_empty()) {
            let _ = writeln!(text, "\n{}: {}", method.method, method.why.join("; "));
        }
        let compared: Vec<_> = group.differences.iter().filter(|d| d.why.is_none()).collect();
        if !compared.is_empty() {
            let names: Vec<String> = compared.iter().map(|d| format!("{} − {}", d.method, d.minus)).collect();
            let mut rows = vec![header("paired difference", names.iter().map(String::as_str))];
            for (label, name) in group.rows() {
                let cells = compared.iter().map(|d| difference(d.figures.get(&name)));
                rows.push(std::iter::once(label).chain(cells).collect());
            }
            let _ = write!(text, "\n{}", table(&rows));
        }
        for notice in group.notices() {
            let _ = writeln!(text, "\n{notice}");
        }
        if !group.peers_protocol.is_empty() {
            let _ = write!(text, "\n### What the peers' protocol would claim\n\n{}", claims(group));
        }
        text
    }
}

impl Averages {
    /// Whether there is any.
    fn has_figures(&self) -> bool {
        self.methods.iter().any(|m| m.figures.0.iter().any(|(_, over)| !over.sets.is_empty()))
    }
}

impl Group {
    /// Labels and names of the figures that are shown: those of the protocols, pairs, signs.
    pub(super) fn rows(&self) -> Vec<(String, String)> {
        let mut rows: Vec<(String, String)> = MAIN.iter().map(|(l, n)| (l.to_string(), n.to_string())).collect();
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.methods.iter().flat_map(|m| &m.figures.0) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        for name in names {
            if let Some(label) = super::labels::special(name) {
                rows.push((label, name.to_string()));
            }
        }
        rows
    }

    /// What a reader must know of the group.
    pub(super) fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        let [patients, duplicates] = self.left_out;
        if patients + duplicates > 0 {
            notices.push(format!(
                "Left out, all draws together: {patients} images of a patient with a shot, {duplicates} near-duplicates of a shot."
            ));
        }
        if !self.used_up.is_empty() {
            notices.push(format!(
                "Shots use up more than half of the train patients of {}: draws overlap, and intervals are too narrow.",
                self.used_up.join(", ")
            ));
        }
        if !self.short.is_empty() {
            notices.push(format!("Fewer shots than asked for of {}.", self.short.join(", ")));
        }
        if self.resampled == Some("images") {
            notices.push("No patient is known: images were resampled.".into());
        }
        for difference in &self.differences {
            if let Some(why) = &difference.why {
                notices.push(format!("{} − {}: not compared, {why}.", difference.method, difference.minus));
            }
        }
        notices
    }
}

fn claims(group: &Group) -> String {
    let header = ["method", "figure", "sealed", "min-max on test", "best draw", "best variant on test", "all together"];
    let mut rows = vec![header.map(String::from).to_vec()];
    let value = |v: Option<f64>| v.map_or_else(|| "–".into(), short);
    for claims in &group.peers_protocol {
        for (label, name) in MAIN {
            if let Some(c) = claims.figures.get(name) {
                let values = [c.sealed, c.min_max, c.best_draw, c.best_variant, c.all_together].map(value);
                rows.push([claims.method.clone(), label.to_string()].into_iter().chain(values).collect());
            }
        }
    }
    table(&rows)
}

fn header<'a>(first: &'a str, rest: impl Iterator<Item = &'a str>) -> Vec<String> {
    std::iter::once(first).chain(rest).map(|cell| cell.replace('|', "\\|")).collect()
}

/// Rows of cells, the first being the header, with columns as wide as their widest cell. Rows without a figure are left out, and
/// with them a table of such rows alone.
fn table(rows: &[Vec<String>]) -> String {
    let said = |row: &&Vec<String>| row.iter().skip(1).any(|cell| cell != "–");
    let rows: Vec<&Vec<String>> = rows.iter().filter(said).collect();
    if rows.len() < 2 {
        return String::new();
    }
    let columns = rows.first().map_or(0, |row| row.len());
    let widths: Vec<usize> =
        (0..columns).map(|c| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &w)| format!("{cell:w$}")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
        if number == 0 {
            let rule: Vec<String> = widths.iter().map(|&w| "-".repeat(w)).collect();
            let _ = writeln!(text, "|-{}-|", rule.join("-|-"));
        }
    }
    text
}
