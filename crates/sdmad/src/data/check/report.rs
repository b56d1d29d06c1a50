//! The findings of a check, as a structure and as text.

use std::fmt;

use serde::Serialize;

use super::{NearDuplicates, PixelBaseline, ShotSupply, SplitCount};

/// The version of the report's form.
pub(super) const SCHEMA: u32 = 1;
/// Items that the text shows of each error.
const SHOWN_OF_ERRORS: usize = 50;
/// Items that the text shows of each other finding.
const SHOWN: usize = 10;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DataSeverity {
    /// Must be mended: figures would be wrong, or a run would fail.
    Error,
    /// Figures may mean less than they seem.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for DataSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DataSeverity::Error => "error",
            DataSeverity::Warning => "warning",
            DataSeverity::Note => "note",
        })
    }
}

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DataFinding {
    /// How bad it is.
    pub severity: DataSeverity,
    /// What it is, for programs: `missing_images`, `patients_across_splits` …
    pub code: String,
    /// What it is, for people.
    pub what: String,
    /// How many of them there are.
    pub count: usize,
    /// Which: every one, but for pairs that look alike (see [`NearDuplicates::pairs`]).
    pub items: Vec<String>,
}

impl DataFinding {
    /// A finding with these items, or none when there are no items.
    pub(super) fn of(severity: DataSeverity, code: &str, what: &str, items: Vec<String>) -> Option<Self> {
        DataFinding::counted(severity, code, what, items.len(), items)
    }

    /// A finding of which `items` lists only a part, or none when the count is 0.
    pub(super) fn counted(
        severity: DataSeverity,
        code: &str,
        what: &str,
        count: usize,
        items: Vec<String>,
    ) -> Option<Self> {
        (count > 0).then(|| DataFinding { severity, code: code.to_string(), what: what.to_string(), count, items })
    }
}

impl fmt::Display for DataFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "- **{}** ({}): {}", self.severity, self.count, self.what)?;
        let most = if self.severity == DataSeverity::Error { SHOWN_OF_ERRORS } else { SHOWN };
        let shown = self.items.len().min(most);
        for item in &self.items[..shown] {
            write!(f, "\n    - {item}")?;
        }
        if self.count > shown {
            write!(f, "\n    - … and {} more", self.count - shown)?;
        }
        Ok(())
    }
}

/// What [`check_data`](crate::check_data) found. Its text form is for people, its serialised form for programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataReport {
    /// The version of this form: 1.
    pub schema: u32,
    /// The manifest.
    pub manifest: String,
    /// SHA-256 of the manifest.
    pub manifest_sha256: String,
    /// How many images it lists.
    pub images: usize,
    /// Counts of train, valid and test.
    pub splits: Vec<SplitCount>,
    /// Category ids, in the order of the table below.
    pub categories: Vec<String>,
    /// Images with both categories, `[category][category]`; the diagonal counts the category itself.
    pub co_occurrence: Vec<Vec<usize>>,
    /// What train offers as shots: normal, then each category.
    pub shots: Vec<ShotSupply>,
    /// Images that look alike.
    pub near_duplicates: NearDuplicates,
    /// What 16 x 16 grey pixels already tell.
    pub pixel_baseline: PixelBaseline,
    /// All findings, errors first.
    pub findings: Vec<DataFinding>,
}

impl DataReport {
    /// Whether anything must be mended.
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// The findings that must be mended.
    pub fn errors(&self) -> impl Iterator<Item = &DataFinding> {
        self.findings.iter().filter(|finding| finding.severity == DataSeverity::Error)
    }

    /// The report for people: Markdown whose tables read well in a terminal. Up to 50 items of each error and 10 of
    /// each other finding are shown.
    pub fn to_text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for DataReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} images\n", self.manifest, self.images)?;
        self.write_counts(f)?;
        if self.categories.len() > 1 {
            writeln!(f, "\nImages with both:\n")?;
            let header: Vec<String> = std::iter::once(String::new()).chain(self.categories.iter().cloned()).collect();
            let rows =
                self.categories.iter().zip(&self.co_occurrence).map(|(id, counts)| {
                    std::iter::once(id.clone()).chain(counts.iter().map(usize::to_string)).collect()
                });
            write_table(f, std::iter::once(header).chain(rows).collect())?;
        }
        writeln!(f, "\nShots that train supports (at most one image of a patient):\n")?;
        let header = ["", "train images", "K at most"].map(String::from).to_vec();
        let rows = self.shots.iter().map(|s| vec![s.id.clone(), s.images.to_string(), s.at_most.to_string()]);
        write_table(f, std::iter::once(header).chain(rows).collect())?;
        let baseline = &self.pixel_baseline;
        writeln!(f, "\nWhat 16 x 16 grey pixels tell, train to test:\n")?;
        let named = std::iter::once(("any finding", &baseline.detection))
            .chain(baseline.categories.iter().map(|c| (c.id.as_str(), &c.auroc)));
        let rows = named.map(|(name, figure)| {
            let text = match (figure.value(), figure.why()) {
                (Some(value), _) => format!("{value:.3}{}", if figure.few() { " (few images)" } else { "" }),
                (None, why) => format!("none: {}", why.unwrap_or("unknown")),
            };
            vec![name.to_string(), text]
        });
        let header = ["against normal", "AUROC"].map(String::from).to_vec();
        write_table(f, std::iter::once(header).chain(rows).collect())?;
        writeln!(f)?;
        if self.findings.is_empty() {
            writeln!(f, "Nothing found.")?;
        }
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        Ok(())
    }
}

impl DataReport {
    fn write_counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut header = vec!["split", "images", "patients", "masks", "normal", "abnormal", "two or more"]
            .into_iter()
            .map(String::from)
            .collect::<Vec<_>>();
        header.extend(self.categories.iter().cloned());
        let mut table = vec![header];
        for split in self.splits.iter().filter(|split| split.images > 0) {
            let patients = match (split.patients, split.without_patient) {
                (0, _) => "unknown".to_string(),
                (known, 0) => known.to_string(),
                (known, unknown) => format!("{known} (+{unknown} images)"),
            };
            let mut row = vec![split.split.to_string(), split.images.to_string(), patients];
            row.extend([split.with_mask, split.normal, split.abnormal, split.co_occurring].map(|n| n.to_string()));
            row.extend(split.categories.iter().map(|c| match c.unknown {
                0 => c.present.to_string(),
                unknown => format!("{} (+{unknown} unknown)", c.present),
            }));
            table.push(row);
        }
        write_table(f, table)
    }
}

/// A Markdown table; the first column to the left, the others to the right.
fn write_table(f: &mut fmt::Formatter<'_>, rows: Vec<Vec<String>>) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(|c| width(c).max(3)).collect();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(c, (cell, &width))| if c == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") })
            .collect();
        writeln!(f, "| {} |", cells.join(" | "))?;
        if number == 0 {
            let rule = |(c, width): (usize, &usize)| match c {
                0 => "-".repeat(width + 2),
                _ => format!("{}:", "-".repeat(width + 1)),
            };
            writeln!(f, "|{}|", widths.iter().enumerate().map(rule).collect::<Vec<_>>().join("|"))?;
        }
    }
    Ok(())
}
