use std::path::Path;

use sdmad_base::{Error, Result, read_to_string, write_atomic};

use crate::{Decision, DrawOutputs, Label, Outputs, TestImage, TestSet};

/// The content of `scores.csv`: every measured image, its labels and every score, from which all figures can be computed
/// again.
///
/// Columns: `image`, `patient`, `left_out`, then for each category `label:ID`, `n:ID`, `r:ID`, `p:ID`, `threshold:ID`,
/// `uncalibrated:ID`, `answer:ID`, then `d`, then for each sign of the truth `sign_label:ID` and `sign:ID`. Scores are written with as many digits as bring
/// the same number back; those of an image that is left out are empty.
#[derive(Clone, Debug)]
pub struct ScoresFile {
    /// The images.
    pub set: TestSet,
    /// Their scores.
    pub outputs: DrawOutputs,
}

impl ScoresFile {
    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// When the folder is missing or read-only, or the disk is full.
    pub fn write(&self, path: &Path) -> Result<()> {
        let broken = |e: csv::Error| Error::environment(format!("cannot write {}: {e}", path.display()));
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(header(self.set.categories(), self.set.signs())).map_err(broken)?;
        for (index, (image, outputs)) in self.set.images().iter().zip(&self.outputs.outputs).enumerate() {
            let mut cells = vec![image.image.clone(), image.patient.clone().unwrap_or_default()];
            cells.push(if outputs.is_none() { "1".into() } else { String::new() });
            let cell = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
            for (c, label) in image.labels.iter().enumerate() {
                cells.push(label.cell().into());
                let scores = outputs.as_ref();
                cells.push(cell(scores.map(|o| o.against_normal[c])));
                cells.push(cell(scores.map(|o| o.among_all[c])));
                cells.push(cell(scores.map(|o| o.probability[c])));
                cells.push(self.outputs.thresholds[c].to_string());
                cells.push(cell(scores.map(|o| o.uncalibrated[c])));
                cells.push(scores.map_or_else(String::new, |o| o.answers[c].name().into()));
            }
            cells.push(cell(outputs.as_ref().map(|o| o.detection)));
            for s in 0..self.set.signs().len() {
                cells.push(self.set.sign_label(index, s).cell().into());
                cells.push(cell(outputs.as_ref().map(|o| o.signs[s])));
            }
            writer.write_record(cells).map_err(broken)?;
        }
        let bytes =
            writer.into_inner().map_err(|e| Error::environment(format!("cannot write {}: {e}", path.display())))?;
        write_atomic(path, &bytes)
    }

    /// Reads a file that [`ScoresFile::write`] wrote.
    ///
    /// # Errors
    /// Names file, line and column of what is missing or no number.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let text = read_to_string(path)
            .map_err(|e| e.with_hint("`sdmad evaluate --out` writes scores.csv; name its folder"))?;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let broken = |e: csv::Error| Error::bad_input(format!("{name}: {e}"));
        let columns = reader.headers().map_err(broken)?.clone();
        let ids = |prefix: &str| -> Vec<String> {
            columns.iter().filter_map(|c| c.strip_prefix(prefix)).map(String::from).collect()
        };
        let (categories, signs) = (ids("label:"), ids("sign:"));
        if columns.iter().ne(header(&categories, &signs)) {
            return Err(Error::bad_input(format!("{name}: its columns are not those of a scores.csv of this version"))
                .with_hint("run `sdmad evaluate` again"));
        }
        let mut images = Vec::new();
        let mut outputs = Vec::new();
        let mut thresholds = vec![0.5; categories.len()];
        let mut truth_rows = Vec::new();
        for (line, record) in reader.records().enumerate() {
            let record = record.map_err(broken)?;
            let number = |column: usize| -> Result<f64> {
                let cell = record.get(column).unwrap_or("");
                cell.parse().map_err(|_| {
                    let id = columns.get(column).unwrap_or("");
                    Error::bad_input(format!("{name}, line {}, column {id}: `{cell}` is no number", line + 2))
                })
            };
            let label = |column: usize| -> Result<Label> {
                let cell = record.get(column).unwrap_or("");
                Label::from_cell(cell).ok_or_else(|| {
                    Error::bad_input(format!("{name}, line {}: label `{cell}`: expected 1, 0 or empty", line + 2))
                })
            };
            let of_category = |c: usize, part: usize| 3 + PARTS.len() * c + part;
            let after = 3 + PARTS.len() * categories.len();
            let answer = |column: usize| -> Result<Decision> {
                let cell = record.get(column).unwrap_or("");
                Decision::named(cell).ok_or_else(|| {
                    let expected = "expected present, absent or uncertain";
                    Error::bad_input(format!("{name}, line {}: answer `{cell}`: {expected}", line + 2))
                })
            };
            let labels = (0..categories.len()).map(|c| label(of_category(c, 0))).collect::<Result<_>>()?;
            for (c, threshold) in thresholds.iter_mut().enumerate() {
                *threshold = number(of_category(c, 4))?;
            }
            let filled = |cell: &str| (!cell.is_empty()).then(|| cell.to_string());
            let image = record.get(0).unwrap_or("").to_string();
            truth_rows.push((0..signs.len()).map(|s| label(after + 1 + 2 * s)).collect::<Result<Vec<_>>>()?);
            images.push(TestImage { image, patient: filled(record.get(1).unwrap_or("")), labels });
            outputs.push(if record.get(2) == Some("1") {
                None
            } else {
                let column = |part: usize| (0..categories.len()).map(|c| number(of_category(c, part))).collect();
                let against_normal: Result<Vec<f64>> = column(1);
                let among_all: Result<Vec<f64>> = column(2);
                let probability: Result<Vec<f64>> = column(3);
                let uncalibrated: Result<Vec<f64>> = column(5);
                let answers: Result<_> = (0..categories.len()).map(|c| answer(of_category(c, 6))).collect();
                Some(Outputs {
                    detection: number(after)?,
                    against_normal: against_normal?,
                    among_all: among_all?,
                    probability: probability?,
                    uncalibrated: uncalibrated?,
                    answers: answers?,
                    signs: (0..signs.len()).map(|s| number(after + 2 + 2 * s)).collect::<Result<_>>()?,
                })
            });
        }
        let mut set = TestSet::new(categories, images)?;
        if !signs.is_empty() {
            set = set.with_sign_labels(signs, truth_rows)?;
        }
        Ok(ScoresFile { set, outputs: DrawOutputs { outputs, thresholds } })
    }
}

/// The columns of a category.
const PARTS: [&str; 7] = ["label", "n", "r", "p", "threshold", "uncalibrated", "answer"];

fn header(categories: &[String], signs: &[String]) -> Vec<String> {
    let mut columns: Vec<String> = ["image", "patient", "left_out"].map(String::from).into();
    for c in categories {
        columns.extend(PARTS.map(|part| format!("{part}:{c}")));
    }
    columns.push("d".into());
    for s in signs {
        columns.extend([format!("sign_label:{s}"), format!("sign:{s}")]);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SignTruth;

    #[test]
    fn every_number_comes_back() {
        let images = (0..2)
            .map(|i| TestImage {
                image: format!("a,{i}.png"),
                patient: (i == 1).then(|| "p".to_string()),
                labels: vec![Label::Present, Label::Unknown],
            })
            .collect();
        let truth = SignTruth::parse("image,halo\n\"a,0.png\",1\n\"a,1.png\",\n", "signs.csv").unwrap();
        let set = TestSet::new(vec!["x".into(), "y".into()], images).unwrap().with_signs(&truth).unwrap();
        let one = Outputs {
            detection: 0.1 + 0.2,
            against_normal: vec![-1e-17, 3.0],
            among_all: vec![1.0 / 3.0, -2.5],
            probability: vec![0.25, 1e-300],
            uncalibrated: vec![1.0 / 7.0, 1.0],
            answers: vec![Decision::Absent, Decision::Uncertain],
            signs: vec![-0.7],
        };
        let outputs = DrawOutputs { outputs: vec![Some(one), None], thresholds: vec![0.5, 0.123] };
        let file = ScoresFile { set, outputs };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.csv");
        file.write(&path).unwrap();
        let back = ScoresFile::read(&path).unwrap();
        assert_eq!(back.outputs, file.outputs);
        assert_eq!(back.set.images(), file.set.images());
        assert_eq!(back.set.sign_label(0, 0), Label::Present);
        assert_eq!(back.set.sign_label(1, 0), Label::Unknown);
    }

    #[test]
    fn a_broken_number_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.csv");
        std::fs::write(&path, "image,patient,left_out,label:x,n:x,r:x,p:x,threshold:x,uncalibrated:x,answer:x,d\na,,,1,0.5,oops,0.1,0.5,0.2,absent,1\n")
            .unwrap();
        let error = ScoresFile::read(&path).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("r:x") && error.contains("oops"), "{error}");
    }
}
