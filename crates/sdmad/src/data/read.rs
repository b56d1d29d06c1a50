//! `manifest.csv` from bytes: every departure from the format is named by line, column, value and expectation.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};
use sdmad_base::{Error, Result};

use super::table_text::table_text;
use super::{Label, Masks, Row, Split};

/// The columns before the categories.
pub(super) const FIXED_COLUMNS: [&str; 4] = ["image", "split", "patient", "mask"];

const HEADER_HINT: &str = "the first line is `image,split,patient,mask` and then one column for each category; `patient` and `mask` may be empty";

/// Categories and rows of the manifest `path` with these bytes.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<(Vec<String>, Vec<Row>)> {
    let text = table_text(path, bytes)?;
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records();
    let header = match records.next() {
        Some(record) => record.map_err(|e| unreadable(path, e))?,
        None => {
            return Err(Error::bad_input(format!("{} is empty", path.display())).with_hint(HEADER_HINT));
        }
    };
    let categories = read_header(path, &header)?;
    let mut rows = Vec::new();
    let mut seen: HashMap<PathBuf, (u64, usize)> = HashMap::new();
    for record in records {
        let record = record.map_err(|e| unreadable(path, e))?;
        let line = line_of(&record);
        let row = read_row(path, line, &record, &header, &categories)?;
        if let Some((first, earlier)) = seen.insert(plain(&row.image), (line, rows.len())) {
            // A line that says nothing new is no contradiction: published tables have such lines.
            if rows.get(earlier) == Some(&row) {
                seen.insert(plain(&row.image), (first, earlier));
                continue;
            }
            return Err(cell(path, line, "image", &row.image, &format!("an image that line {first} does not have"))
                .with_hint("an image with several categories has one row, with a 1 in each of their columns"));
        }
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(Error::bad_input(format!(
            "{} has a header but no rows; expected one for each image",
            path.display()
        )));
    }
    Ok((categories, rows))
}

fn read_header(path: &Path, header: &StringRecord) -> Result<Vec<String>> {
    let wrong = |message: String| {
        Error::bad_input(format!("{}, line {}: {message}", path.display(), line_of(header))).with_hint(HEADER_HINT)
    };
    for (number, name) in FIXED_COLUMNS.into_iter().enumerate() {
        match header.get(number) {
            Some(found) if found == name => {}
            Some(found) => return Err(wrong(format!("column {} is `{found}`; expected `{name}`", number + 1))),
            None => return Err(wrong(format!("column {} is missing; expected `{name}`", number + 1))),
        }
    }
    let categories: Vec<String> = header.iter().skip(FIXED_COLUMNS.len()).map(String::from).collect();
    if categories.is_empty() {
        return Err(wrong("there is no category column; expected at least one after `mask`".into()));
    }
    for (number, id) in categories.iter().enumerate() {
        let column = FIXED_COLUMNS.len() + number + 1;
        if id.is_empty() {
            return Err(wrong(format!("column {column} has no name; expected a category id")));
        }
        if id == "normal" {
            return Err(wrong(format!(
                "column {column} is `normal`, which is no category: an image is normal when all its categories are 0"
            ))
            .with_hint("remove the column `normal`, and give normal images a 0 in every category"));
        }
        if FIXED_COLUMNS.contains(&id.as_str()) || categories[..number].contains(id) {
            return Err(wrong(format!("column {column} is `{id}` once more; expected each column once")));
        }
        if !is_snake_case(id) {
            return Err(wrong(format!(
                "column {column} is `{id}`; expected a category id in snake_case, such as `{}`",
                snake_case(id)
            )));
        }
    }
    Ok(categories)
}

fn read_row(
    path: &Path,
    line: u64,
    record: &StringRecord,
    header: &StringRecord,
    categories: &[String],
) -> Result<Row> {
    if record.len() != header.len() {
        return Err(Error::bad_input(format!(
            "{}, line {line}: {} cells; expected {}, as in the header",
            path.display(),
            record.len(),
            header.len()
        ))
        .with_hint("a cell that has a comma or a quote in it stands in double quotes"));
    }
    let get = |column: usize| record.get(column).unwrap_or("");
    let image = get(0);
    if image.is_empty() {
        return Err(cell(path, line, "image", image, "the path of an image"));
    }
    let split =
        Split::from_name(get(1)).ok_or_else(|| cell(path, line, "split", get(1), "`train`, `valid` or `test`"))?;
    let masks = Masks::parse(get(3), categories)
        .map_err(|e| e.at(format!("{}, line {line}, column `mask`", path.display())))?;
    let mut labels = Vec::with_capacity(categories.len());
    for (number, category) in categories.iter().enumerate() {
        let value = get(FIXED_COLUMNS.len() + number);
        let label = Label::from_cell(value)
            .ok_or_else(|| cell(path, line, category, value, "1 (present), 0 (absent) or an empty cell (unknown)"))?;
        labels.push(label);
    }
    let patient = Some(get(2)).filter(|p| !p.is_empty()).map(String::from);
    Ok(Row { image: image.to_string(), split, patient, masks, labels })
}

fn cell(path: &Path, line: u64, column: &str, value: &str, expected: &str) -> Error {
    Error::bad_input(format!("{}, line {line}, column `{column}`: `{value}`; expected {expected}", path.display()))
}

fn unreadable(path: &Path, error: csv::Error) -> Error {
    let place = match error.position() {
        Some(position) => format!("{}, line {}", path.display(), position.line()),
        None => path.display().to_string(),
    };
    Error::bad_input(format!("{place}: not a CSV table: {error}"))
}

/// The line on which a record starts, from 1.
fn line_of(record: &StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

/// The path without `.` and with `..` taken back, so that two spellings of a file are seen to be one.
fn plain(path: &str) -> PathBuf {
    let mut parts = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(parts.components().next_back(), Some(Component::Normal(_))) => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts
}

/// Whether `id` may name a category: a lower-case letter, then letters, digits and single underscores.
pub(crate) fn is_snake_case(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !id.ends_with('_')
        && !id.contains("__")
}

/// A category id made from a name: `"Lung Opacity"` gives `"lung_opacity"`. Never empty.
pub(crate) fn snake_case(name: &str) -> String {
    let mut id = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            id.push(c.to_ascii_lowercase());
        } else if !id.is_empty() && !id.ends_with('_') {
            id.push('_');
        }
    }
    let id = id.trim_end_matches('_');
    match id.chars().next() {
        None => "category".to_string(),
        Some(c) if c.is_ascii_digit() => format!("category_{id}"),
        Some(_) => id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Manifest;
    use super::*;

    const HEADER: &str = "image,split,patient,mask,cyst,mass\n";

    fn refused(text: &str) -> String {
        let error = Manifest::parse(Path::new("data/manifest.csv"), text.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), sdmad_base::Kind::BadInput);
        error.to_string()
    }

    #[test]
    fn every_fault_is_named() {
        for (text, expected) in [
            ("", "data/manifest.csv is empty"),
            ("image,split,mask,patient,cyst\n", "line 1: column 3 is `mask`; expected `patient`"),
            ("image,split,patient\n", "line 1: column 4 is missing; expected `mask`"),
            ("image,split,patient,mask\n", "there is no category column"),
            ("image,split,patient,mask,cyst,cyst\n", "column 6 is `cyst` once more"),
            ("image,split,patient,mask,cyst,image\n", "column 6 is `image` once more"),
            ("image,split,patient,mask,cyst,\n", "column 6 has no name"),
            (
                "image,split,patient,mask,Lung Opacity\n",
                "column 5 is `Lung Opacity`; expected a category id in snake_case, such as `lung_opacity`",
            ),
            ("image,split,patient,mask,normal\n", "an image is normal when all its categories are 0"),
            (HEADER, "no rows"),
        ] {
            let message = refused(text);
            assert!(message.contains(expected), "{message}");
        }
        for (row, expected) in [
            ("a.png,train,,,2,0", "line 3, column `cyst`: `2`; expected 1 (present), 0 (absent)"),
            ("a.png,train,,,1, 0", "line 3, column `mass`: ` 0`"),
            ("a.png,train,,,1.0,0", "column `cyst`: `1.0`"),
            ("a.png,Train,,,1,0", "column `split`: `Train`; expected `train`, `valid` or `test`"),
            (",train,,,1,0", "line 3, column `image`: ``"),
            ("a.png,train,,,1", "line 3: 5 cells; expected 6"),
            ("a.png,train,,,1,0,", "line 3: 7 cells; expected 6"),
            (
                "./x/../z.png,train,,,1,0",
                "line 3, column `image`: `./x/../z.png`; expected an image that line 2 does not have",
            ),
            ("a.png,train,,m.png;n.png,1,0", "line 3, column `mask`: mask `m.png;n.png`"),
        ] {
            let message = refused(&format!("{HEADER}z.png,test,,,0,0\n{row}\n"));
            assert!(message.starts_with("data/manifest.csv") && message.contains(expected), "{message}");
        }
    }

    #[test]
    fn marks_line_ends_and_blank_lines_are_accepted() {
        let text = "\u{feff}image,split,patient,mask,cyst\r\n\r\na.png,train,p1,,1\r\n\"b,1.png\",test,,m.png,\r\n";
        let manifest = Manifest::parse(Path::new("m.csv"), text.as_bytes()).unwrap();
        assert_eq!(manifest.root, Path::new("."));
        assert_eq!(manifest.rows[1].image, "b,1.png");
        assert_eq!(manifest.rows[1].labels, [Label::Unknown]);
        assert_eq!(manifest.rows[0].patient.as_deref(), Some("p1"));
        assert_eq!(manifest.rows[1].masks, Masks::Whole("m.png".into()));
        let bad = [HEADER.as_bytes(), b"\nx,train,,,1,0\n\xff,train,,,1,0\n"].concat();
        let error = Manifest::parse(Path::new("m.csv"), &bad).unwrap_err().to_string();
        assert_eq!(error, "m.csv, line 4: not UTF-8 text");
    }

    #[test]
    fn names_become_ids() {
        for (name, id) in
            [("Lung Opacity", "lung_opacity"), ("Ungood ", "ungood"), ("2 cm", "category_2_cm"), ("é", "category")]
        {
            assert_eq!(snake_case(name), id);
            assert!(is_snake_case(id));
        }
        for id in ["", "1a", "a__b", "a_", "A", "a-b"] {
            assert!(!is_snake_case(id), "{id}");
        }
    }
}
