//! Tables that publishers ship: CSV with any of three separators, gzipped or not, and Excel files.

use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};
use flate2::read::MultiGzDecoder;
use sdmad_base::{Error, Result};

use super::super::read::snake_case;
use super::super::table_text::table_text;

/// Bytes of a table, unpacked, at most: ten times the largest of a published set.
const MOST_BYTES: u64 = 512 << 20;
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// A table with a header. Cells have no blanks at either end; rows without any content are not in it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) path: PathBuf,
    header: Vec<String>,
    /// Line and cells. Records, since a table of a large set has millions of cells.
    rows: Vec<(u64, StringRecord)>,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    table: &'a Table,
    /// The line in the file.
    number: u64,
    cells: &'a StringRecord,
}

impl Table {
    /// Reads `.csv`, `.csv.gz` or `.xlsx`. The separator is the one that the header has most of.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = sdmad_base::read(path)?;
        // What the first bytes say, whatever the ending: zip archives begin with PK, gzip with 1f 8b.
        if bytes.starts_with(b"PK") {
            let rows = super::sheet::rows(path, &bytes)?;
            return Table::new(path, rows.into_iter().map(|(line, cells)| (line, cells.into())).collect());
        }
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut unpacked = Vec::new();
            MultiGzDecoder::new(bytes.as_slice())
                .take(MOST_BYTES + 1)
                .read_to_end(&mut unpacked)
                .map_err(|e| damaged(path, &e))?;
            return Table::parse(path, &unpacked);
        }
        Table::parse(path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        if bytes.len() as u64 > MOST_BYTES {
            return Err(Error::bad_input(format!(
                "{}: more than {} MiB; expected a table of labels",
                path.display(),
                MOST_BYTES >> 20
            )));
        }
        let text = table_text(path, bytes)?;
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        let most = |separator: &u8| (first.bytes().filter(|b| b == separator).count(), *separator == b',');
        let separator = SEPARATORS.into_iter().max_by_key(most).unwrap_or(b',');
        let mut reader =
            ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| damaged(path, &e))?;
            let line = record.position().map_or(0, csv::Position::line);
            rows.push((line, record));
        }
        Table::new(path, rows)
    }

    /// The first row with content is the header.
    fn new(path: &Path, mut rows: Vec<(u64, StringRecord)>) -> Result<Self> {
        rows.retain(|(_, cells)| cells.iter().any(|cell| !cell.trim().is_empty()));
        if rows.len() < 2 {
            return Err(Error::bad_input(format!(
                "{}: {} rows; expected a header and a row for each image",
                path.display(),
                rows.len()
            )));
        }
        let (_, header) = rows.remove(0);
        let header = header.iter().map(|name| name.trim().to_string()).collect();
        Ok(Table { path: path.to_path_buf(), header, rows })
    }

    /// The position of the column with one of these names; case, blanks and signs do not matter.
    pub(super) fn column(&self, names: &[&str]) -> Result<usize> {
        self.optional(names).ok_or_else(|| {
            let found: Vec<&str> = self.header.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
            Error::bad_input(format!(
                "{}: no column `{}`; found {}",
                self.path.display(),
                names.join("` or `"),
                found.join(", ")
            ))
            .with_hint("the first line is the header; fetch the table again if it was edited")
        })
    }

    /// As [`Table::column`], for a column that need not be there.
    pub(super) fn optional(&self, names: &[&str]) -> Option<usize> {
        let wanted: Vec<String> = names.iter().map(|name| snake_case(name)).collect();
        self.header.iter().position(|name| !name.is_empty() && wanted.contains(&snake_case(name)))
    }

    /// Every column with a name.
    pub(super) fn header(&self) -> impl Iterator<Item = (usize, &str)> {
        self.header.iter().map(String::as_str).enumerate().filter(|(_, name)| !name.is_empty())
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.rows.iter().map(|(number, cells)| Line { table: self, number: *number, cells })
    }
}

impl<'a> Line<'a> {
    /// A cell; empty where the row is shorter than the header.
    pub(super) fn cell(self, column: usize) -> &'a str {
        self.cells.get(column).map_or("", str::trim)
    }

    /// The error of a cell that is not what was expected.
    pub(super) fn unexpected(self, column: usize, expected: &str) -> Error {
        Error::bad_input(format!("{}: `{}`; expected {expected}", self.place(column), self.cell(column)))
    }

    /// File, line and column, for errors.
    pub(super) fn place(self, column: usize) -> impl Display {
        let name = self.table.header.get(column).map_or("?", String::as_str);
        format!("{}, line {}, column `{name}`", self.table.path.display(), self.number)
    }
}

fn damaged(path: &Path, error: &dyn Display) -> Error {
    Error::bad_input(format!("{} cannot be read: {error}", path.display())).with_hint("fetch the file again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn table(bytes: &[u8]) -> Result<Table> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, bytes).unwrap();
        Table::read(&path)
    }

    #[test]
    fn tables_of_every_kind_read_alike() {
        let plain = "Image name,Retinopathy grade,Risk of macular edema ,,,\n a ,1,0,,,\n,,,,,\nb,2\n";
        let mut gz = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(plain.as_bytes()).unwrap();
        for bytes in [
            plain.as_bytes().to_vec(),
            format!("\u{feff}{}", plain.replace('\n', "\r\n")).into_bytes(),
            plain.replace(',', ";").into_bytes(),
            format!("\n{}", plain.replace(',', "\t")).into_bytes(),
            gz.finish().unwrap(),
        ] {
            let table = table(&bytes).unwrap();
            let column = table.column(&["risk", "risk of Macular_Edema"]).unwrap();
            let cells: Vec<_> = table.lines().map(|line| (line.cell(0), line.cell(column))).collect();
            assert_eq!(cells, [("a", "0"), ("b", "")]);
            let error = table.column(&["x"]).unwrap_err().to_string();
            assert!(error.contains("no column `x`; found Image name, Retinopathy grade, Risk"), "{error}");
            assert_eq!(table.header().count(), 3);
        }
    }

    #[test]
    fn what_is_no_table_is_refused_by_line() {
        for (bytes, part) in [
            (&b"a,b\n"[..], "1 rows; expected a header and a row"),
            (b"a,b\n1,\xe9\n", "line 2: not UTF-8"),
            (b"\x1f\x8bxx", "cannot be read"),
            (b"PKxx", "is no Excel file"),
        ] {
            let error = table(bytes).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let table = table(b"a,b\n1,x\n").unwrap();
        let error = table.lines().next().unwrap().unexpected(1, "0 or 1").to_string();
        assert!(error.ends_with("t.csv, line 2, column `b`: `x`; expected 0 or 1"), "{error}");
    }
}
