use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sdmad_base::{Error, Result, read_to_string};

use crate::Label;

/// The truth of signs in images, read from a `signs.csv`: `image`, then one column for each sign id; 1, 0 or empty.
#[derive(Clone, Debug)]
pub struct SignTruth {
    name: String,
    signs: Vec<String>,
    images: BTreeMap<String, Vec<Label>>,
}

impl SignTruth {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or as [`SignTruth::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        SignTruth::parse(&read_to_string(path)?, &path.display().to_string())
    }

    /// Reads CSV text; `name` stands in the messages.
    ///
    /// # Errors
    /// Names line and value: no `image` column, no sign, a column or an image twice, a cell that is not 1, 0 or empty.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let broken = |e: csv::Error| Error::bad_input(format!("{name}: {e}")).with_hint("mend the line named");
        let headers = reader.headers().map_err(broken)?.clone();
        let expected = "expected `image` and then one column for each sign id";
        if headers.get(0) != Some("image") {
            let found = headers.get(0).unwrap_or("");
            return Err(Error::bad_input(format!("{name}: the first column is `{found}`: {expected}")));
        }
        let signs: Vec<String> = headers.iter().skip(1).map(String::from).collect();
        if signs.is_empty() {
            return Err(Error::bad_input(format!("{name}: no sign column: {expected}")));
        }
        let mut seen = BTreeSet::new();
        if let Some(sign) = signs.iter().find(|s| s.is_empty() || !seen.insert(s.as_str())) {
            return Err(Error::bad_input(format!("{name}: column `{sign}` is empty or stands twice: {expected}")));
        }
        let mut images = BTreeMap::new();
        for (number, record) in reader.records().enumerate() {
            let record = record.map_err(broken)?;
            let line = record.position().map_or(number as u64 + 2, csv::Position::line);
            let at = |e: Error| e.at(format!("{name}, line {line}"));
            let image = record.get(0).unwrap_or("");
            if image.is_empty() {
                return Err(at(Error::bad_input("the image cell is empty: expected a path as in the manifest")));
            }
            let labels = (record.iter().skip(1).zip(&signs))
                .map(|(cell, sign)| {
                    let expected = || Error::bad_input(format!("`{cell}` for sign `{sign}`: expected 1, 0 or empty"));
                    Label::from_cell(cell).ok_or_else(|| at(expected()))
                })
                .collect::<Result<Vec<Label>>>()?;
            if images.insert(image.to_string(), labels).is_some() {
                return Err(at(Error::bad_input(format!("`{image}` stands twice: expected one line for each image"))));
            }
        }
        Ok(SignTruth { name: name.to_string(), signs, images })
    }

    /// Ids of the signs, in the file's order.
    pub fn signs(&self) -> &[String] {
        &self.signs
    }

    /// Fails when a sign is not among `known`: the ids of a bank, called `bank` in the message.
    ///
    /// # Errors
    /// Names the sign.
    pub fn check_known<'a>(&self, known: impl IntoIterator<Item = &'a str>, bank: &str) -> Result<()> {
        let known: BTreeSet<&str> = known.into_iter().collect();
        match self.signs.iter().find(|s| !known.contains(s.as_str())) {
            Some(sign) => Err(Error::bad_input(format!("{}: sign `{sign}` is not in the bank {bank}", self.name))
                .with_hint("rename the column to the id of the bank's sign, or leave the column out")),
            None => Ok(()),
        }
    }

    /// The truth for each of `images`, `[image][sign]`; unknown for images that the file lacks.
    ///
    /// # Errors
    /// When the file knows none of them.
    pub(crate) fn for_images<'a>(&self, images: impl Iterator<Item = &'a str> + Clone) -> Result<Vec<Vec<Label>>> {
        if images.clone().next().is_some() && !images.clone().any(|i| self.images.contains_key(i)) {
            let first = images.clone().next().unwrap_or("");
            return Err(Error::bad_input(format!(
                "{}: it knows none of the test images, `{first}` for one",
                self.name
            ))
            .with_hint("write images in it as the manifest writes them"));
        }
        let unknown = vec![Label::Unknown; self.signs.len()];
        Ok(images.map(|i| self.images.get(i).unwrap_or(&unknown).clone()).collect())
    }
}

/// What a sign's score counts from, and its unit, so that scores of different signs can be compared: the middle and unit of log-odds by rendered images,
/// or mean and standard deviation over the support set or rendered images; never from test images. Which of them a run has, docs/method.md says.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Standard {
    mean: f64,
    deviation: f64,
}

impl Standard {
    /// From the scores of one sign on the support set. Without spread (fewer than two scores, or all equal) the
    /// deviation is 1, so that only the mean is taken off.
    pub fn of(scores: &[f64]) -> Self {
        let count = scores.len().max(1) as f64;
        let mean = scores.iter().sum::<f64>() / count;
        let variance = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / count;
        let deviation = if variance.sqrt() > 1e-12 { variance.sqrt() } else { 1.0 };
        Standard { mean, deviation }
    }

    /// Of scores with mean 0 and this standard deviation.
    pub(crate) fn of_spread(deviation: f64) -> Self {
        Standard { mean: 0.0, deviation: if deviation > 1e-12 { deviation } else { 1.0 } }
    }

    /// (score − `middle`) / `unit`; none where the unit is 0 or below.
    pub(crate) fn of_line(middle: f64, unit: f64) -> Option<Self> {
        (unit > 1e-12).then_some(Standard { mean: middle, deviation: unit })
    }

    /// The same for scores with `by` added.
    pub(crate) fn shifted(self, by: f64) -> Self {
        Standard { mean: self.mean + by, ..self }
    }

    /// The unit.
    pub(crate) fn unit(self) -> f64 {
        self.deviation
    }

    /// The same with a unit of at least `unit`.
    pub(crate) fn with_unit_from(self, unit: f64) -> Self {
        Standard { deviation: self.deviation.max(unit), ..self }
    }

    /// The score from the middle on, in units.
    pub fn apply(&self, score: f64) -> f64 {
        (score - self.mean) / self.deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_fills_in() {
        let truth = SignTruth::parse("image, halo,spicules\na.png,1,\nb.png,0,1\n", "signs.csv").unwrap();
        assert_eq!(truth.signs(), ["halo", "spicules"]);
        let labels = truth.for_images(["b.png", "c.png"].into_iter()).unwrap();
        assert_eq!(labels, [vec![Label::Absent, Label::Present], vec![Label::Unknown; 2]]);
        assert!(truth.for_images(["c.png"].into_iter()).is_err());
        assert!(truth.check_known(["halo", "spicules", "cyst"], "b").is_ok());
        let error = truth.check_known(["halo"], "breast").unwrap_err();
        assert_eq!(error.to_string(), "signs.csv: sign `spicules` is not in the bank breast");
    }

    #[test]
    fn errors_name_line_and_value() {
        let message = |text: &str| SignTruth::parse(text, "s.csv").unwrap_err().to_string();
        assert!(message("").contains("the first column is ``"));
        assert!(message("file,halo\n").contains("the first column is `file`"));
        assert!(message("image\na.png\n").contains("no sign column"));
        assert!(message("image,halo,halo\n").contains("`halo` is empty or stands twice"));
        assert_eq!(message("image,halo\na,2\n"), "s.csv, line 2: `2` for sign `halo`: expected 1, 0 or empty");
        assert_eq!(
            message("image,halo\na,1\na,1\n"),
            "s.csv, line 3: `a` stands twice: expected one line for each image"
        );
        assert!(message("image,halo\na,1,0\n").contains("s.csv"));
        assert!(message("image,halo\n,1\n").contains("line 2: the image cell is empty"));
    }

    #[test]
    fn standards_centre_and_scale() {
        let standard = Standard::of(&[1.0, 3.0]);
        assert_eq!((standard.apply(2.0), standard.apply(4.0)), (0.0, 2.0));
        assert_eq!(Standard::of(&[5.0; 3]).apply(7.0), 2.0);
        assert_eq!(Standard::of(&[]).apply(7.0), 7.0);
    }
}
