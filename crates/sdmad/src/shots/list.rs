use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sdmad_base::{Error, Result, read_to_string, write_atomic};

use super::Traits;
use super::support::Support;
use crate::{Label, Manifest, NORMAL, Split};

/// One line of a run's `shots.csv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShotRecord {
    /// The image, as the manifest writes it.
    pub image: String,
    /// Its patient and fingerprint, by which test images are left out.
    pub traits: Traits,
    /// Ids of the categories that it has; `normal` alone for a normal image.
    pub shows: Vec<String>,
}

/// Reads a list of images to learn from: a CSV file with a column `image`; other columns are not looked at, so that a
/// run's `shots.csv` is such a list too.
///
/// # Errors
/// Names file, line and value: no `image` column, an image that the manifest lacks, that is not a train image, or that
/// stands twice; an empty list.
pub fn read_support_list(path: &Path, manifest: &Manifest) -> Result<Support> {
    let name = path.display().to_string();
    let numbers: BTreeMap<&str, usize> =
        manifest.rows.iter().enumerate().map(|(number, row)| (row.image.as_str(), number)).collect();
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for_each_line(&read_to_string(path)?, &name, &["image"], |cells| {
        let image = cells[0];
        let Some(&number) = numbers.get(image) else {
            return Err(Error::bad_input(format!("`{image}` is not an image of {}", manifest.path.display()))
                .with_hint("write images in the list as the manifest writes them"));
        };
        let split = manifest.rows[number].split;
        if split != Split::Train {
            return Err(Error::bad_input(format!("`{image}` is a {split} image: expected a train image"))
                .with_hint("learn from train images only; what is tested must not be learnt from"));
        }
        if !seen.insert(number) {
            return Err(Error::bad_input(format!("`{image}` stands twice: expected one line for each image")));
        }
        rows.push(number);
        Ok(())
    })?;
    if rows.is_empty() {
        return Err(Error::bad_input(format!("{name}: no image: expected at least one line below the header")));
    }
    Ok(Support::of(manifest, rows))
}

/// The records of a support set, in the order of its rows. `fingerprints` has one entry for each row, or none.
///
/// # Errors
/// When the numbers of rows and fingerprints differ, or a row is not in the manifest.
pub fn shot_records(manifest: &Manifest, support: &Support, fingerprints: &[[u64; 4]]) -> Result<Vec<ShotRecord>> {
    if !fingerprints.is_empty() && fingerprints.len() != support.rows.len() {
        return Err(Error::bad_input(format!("{} fingerprints for {} shots", fingerprints.len(), support.rows.len())));
    }
    let record = |(position, &number): (usize, &usize)| {
        let row = manifest.rows.get(number).ok_or_else(|| {
            Error::bad_input(format!("row {number}: {} has {} rows", manifest.path.display(), manifest.rows.len()))
        })?;
        let having = row.labels.iter().zip(&manifest.categories).filter(|(l, _)| **l == Label::Present);
        let mut shows: Vec<String> = having.map(|(_, id)| id.clone()).collect();
        if row.is_normal() {
            shows.push(NORMAL.into());
        }
        let fingerprint = fingerprints.get(position).copied();
        Ok(ShotRecord { image: row.image.clone(), traits: Traits { patient: row.patient.clone(), fingerprint }, shows })
    };
    support.rows.iter().enumerate().map(record).collect()
}

/// Writes `shots.csv`: `image,patient,fingerprint,shows`; a fingerprint is 64 hexadecimal digits, `shows` the ids of the
/// categories with `;` between them.
///
/// # Errors
/// When the folder is missing or read-only, or the disk is full.
pub fn write_shots(path: &Path, records: &[ShotRecord]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let broken = |e: csv::Error| Error::environment(format!("cannot write {}: {e}", path.display()));
    writer.write_record(COLUMNS).map_err(broken)?;
    for record in records {
        let hex = |words: [u64; 4]| words.map(|w| format!("{w:016x}")).concat();
        let fingerprint = record.traits.fingerprint.map(hex).unwrap_or_default();
        let patient = record.traits.patient.as_deref().unwrap_or_default();
        writer.write_record([&record.image, patient, &fingerprint, &record.shows.join(";")]).map_err(broken)?;
    }
    let bytes = writer.into_inner().map_err(|e| Error::environment(format!("cannot write {}: {e}", path.display())))?;
    write_atomic(path, &bytes)
}

const COLUMNS: [&str; 4] = ["image", "patient", "fingerprint", "shows"];

/// Reads a `shots.csv` that [`write_shots`] wrote.
///
/// # Errors
/// Names file, line and value when a column is missing or a fingerprint is not 64 hexadecimal digits.
pub fn read_shots(path: &Path) -> Result<Vec<ShotRecord>> {
    let mut records = Vec::new();
    for_each_line(&read_to_string(path)?, &path.display().to_string(), &COLUMNS, |cells| {
        let filled = |cell: &str| (!cell.is_empty()).then(|| cell.to_string());
        let fingerprint =
            match cells[2] {
                "" => None,
                digits => Some(fingerprint(digits).ok_or_else(|| {
                    Error::bad_input(format!("fingerprint `{digits}`: expected 64 hexadecimal digits"))
                })?),
            };
        let shows = cells[3].split(';').filter(|s| !s.is_empty()).map(String::from).collect();
        let traits = Traits { patient: filled(cells[1]), fingerprint };
        records.push(ShotRecord { image: cells[0].to_string(), traits, shows });
        Ok(())
    })?;
    Ok(records)
}

fn fingerprint(digits: &str) -> Option<[u64; 4]> {
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let word = |i: usize| u64::from_str_radix(&digits[16 * i..16 * (i + 1)], 16).ok();
    Some([word(0)?, word(1)?, word(2)?, word(3)?])
}

/// Gives the cells of `columns` in each line to `take`, and its errors a place.
fn for_each_line(text: &str, name: &str, columns: &[&str], mut take: impl FnMut(&[&str]) -> Result<()>) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let broken = |e: csv::Error| Error::bad_input(format!("{name}: {e}")).with_hint("mend the line named");
    let headers = reader.headers().map_err(broken)?.clone();
    let mut positions = Vec::new();
    for &column in columns {
        positions.push(headers.iter().position(|h| h == column).ok_or_else(|| {
            let found: Vec<&str> = headers.iter().collect();
            Error::bad_input(format!("{name}: no column `{column}`, found `{}`", found.join(",")))
        })?);
    }
    for (number, record) in reader.records().enumerate() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(number as u64 + 2, csv::Position::line);
        let cells: Vec<&str> = positions.iter().map(|&p| record.get(p).unwrap_or_default()).collect();
        take(&cells).map_err(|e| e.at(format!("{name}, line {line}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shots::draw::tests::{manifest, row};

    #[test]
    fn what_is_written_is_read_and_is_a_list_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shots.csv");
        let manifest =
            manifest(vec![row("b.png", Some("p,1"), "10"), row("a.png", None, "00"), row("c.png", None, "11")]);
        let support = Support::of(&manifest, vec![0, 1, 2]);
        assert_eq!(support.rows, [1, 0, 2]);
        let prints = [[1, 2, 3, u64::MAX], [0; 4], [5; 4]];
        let records = shot_records(&manifest, &support, &prints).unwrap();
        assert_eq!(records[2].shows, ["common", "rare"]);
        assert_eq!(records[0].shows, ["normal"]);
        write_shots(&path, &records).unwrap();
        assert_eq!(read_shots(&path).unwrap(), records);
        assert_eq!(read_support_list(&path, &manifest).unwrap(), support);
        assert!(shot_records(&manifest, &support, &prints[1..]).is_err());
        let plain = shot_records(&manifest, &support, &[]).unwrap();
        write_shots(&path, &plain).unwrap();
        assert_eq!(read_shots(&path).unwrap(), plain);
    }

    #[test]
    fn errors_name_line_and_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        let mut test = row("T.png", None, "10");
        test.split = Split::Test;
        let manifest = manifest(vec![row("a.png", None, "00"), test]);
        let message = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_support_list(&path, &manifest).unwrap_err().to_string()
        };
        assert!(message("file\na.png\n").ends_with("list.csv: no column `image`, found `file`"));
        assert!(message("image\n").contains("no image"));
        assert!(message("image\nx.png\n").contains("list.csv, line 2: `x.png` is not an image of"));
        assert!(message("image\nT.png\n").contains("`T.png` is a test image: expected a train image"));
        assert!(message("image\na.png\na.png\n").contains("line 3: `a.png` stands twice"));
        std::fs::write(&path, "image,patient,fingerprint,shows\na,,12,\n").unwrap();
        assert!(read_shots(&path).unwrap_err().to_string().contains("line 2: fingerprint `12`"));
    }
}
