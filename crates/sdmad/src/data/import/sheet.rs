//! The first sheet of an Excel file (`.xlsx`): a zip archive with XML in it. Values only, no formulas and no formats.

use std::io::{Cursor, Read};
use std::path::Path;

use sdmad_base::{Error, Result};
use zip::ZipArchive;

use super::xml::{Event, Reader};

/// Bytes of one part of the file, unpacked, at most.
const MOST_BYTES: u64 = 64 << 20;
/// Columns of a sheet, at most, as in Excel.
const MOST_COLUMNS: usize = 16_384;
/// Cells in all, blank ones among them, at most: a damaged reference must not fill the memory.
const MOST_CELLS: usize = 16 << 20;

/// The rows of the first sheet with their numbers.
pub(super) fn rows(path: &Path, bytes: &[u8]) -> Result<Vec<(u64, Vec<String>)>> {
    let refuse = |why: &str| {
        Error::bad_input(format!("{} is no Excel file that can be read: {why}", path.display()))
            .with_hint("open it in a spreadsheet program and save the sheet as CSV in UTF-8, in the same folder")
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| refuse(&e.to_string()))?;
    let mut part = |name: &str| -> Result<Option<String>> {
        let Some(index) = archive.index_for_name(name) else { return Ok(None) };
        let file = archive.by_index(index).map_err(|e| refuse(&e.to_string()))?;
        let mut text = String::new();
        file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(|e| refuse(&e.to_string()))?;
        if text.len() as u64 > MOST_BYTES {
            return Err(refuse(&format!("`{name}` has more than {} MiB", MOST_BYTES >> 20)));
        }
        Ok(Some(text))
    };
    let shared = part("xl/sharedStrings.xml")?.map_or_else(Vec::new, |text| shared_strings(&text));
    let sheet =
        part("xl/worksheets/sheet1.xml")?.ok_or_else(|| refuse("it has no sheet `xl/worksheets/sheet1.xml`"))?;
    read_sheet(&sheet, &shared).map_err(|why| refuse(&why))
}

/// The texts that cells refer to by number. Phonetic guides (`rPh`) are no part of a text.
fn shared_strings(text: &str) -> Vec<String> {
    let (mut strings, mut in_text, mut in_guide) = (Vec::<String>::new(), false, false);
    for event in Reader::new(text) {
        match event {
            Event::Open { name: "si", .. } => strings.push(String::new()),
            Event::Open { name: "rPh", .. } => in_guide = true,
            Event::Close("rPh") => in_guide = false,
            Event::Open { name: "t", .. } => in_text = true,
            Event::Close("t") => in_text = false,
            Event::Text(part) if in_text && !in_guide => {
                if let Some(last) = strings.last_mut() {
                    last.push_str(&part);
                }
            }
            _ => {}
        }
    }
    strings
}

fn read_sheet(text: &str, shared: &[String]) -> std::result::Result<Vec<(u64, Vec<String>)>, String> {
    let mut rows: Vec<(u64, Vec<String>)> = Vec::new();
    let (mut column, mut is_shared, mut value, mut in_value) = (0, false, String::new(), false);
    let mut total = 0;
    for event in Reader::new(text) {
        match event {
            Event::Open { name: "row", attributes } => {
                let number = attributes.get("r").and_then(|r| r.parse().ok());
                rows.push((
                    number.unwrap_or_else(|| rows.last().map_or(1, |(last, _)| last.saturating_add(1))),
                    Vec::new(),
                ));
            }
            Event::Open { name: "c", attributes } => {
                let (_, cells) = rows.last().ok_or("a cell outside of a row")?;
                column = attributes.get("r").and_then(column_of).unwrap_or(cells.len());
                is_shared = attributes.get("t") == Some("s");
                value.clear();
            }
            // `v` holds a number or a reference, `t` within `is` a text of the cell's own.
            Event::Open { name: "v" | "t", .. } => in_value = true,
            Event::Close("v" | "t") => in_value = false,
            Event::Text(part) if in_value => value.push_str(&part),
            Event::Close("c") => {
                let (_, cells) = rows.last_mut().ok_or("a cell outside of a row")?;
                let before = cells.len();
                if column >= MOST_COLUMNS {
                    return Err(format!("a cell in column {}", column + 1));
                }
                if cells.len() <= column {
                    cells.resize(column + 1, String::new());
                }
                total += cells.len() - before;
                if total > MOST_CELLS {
                    return Err(format!("more than {MOST_CELLS} cells"));
                }
                cells[column] = if is_shared {
                    let text = value.trim().parse::<usize>().ok().and_then(|number| shared.get(number));
                    text.ok_or_else(|| format!("a cell refers to text `{value}` of {}", shared.len()))?
                        .trim()
                        .to_string()
                } else {
                    value.trim().to_string()
                };
            }
            _ => {}
        }
    }
    Ok(rows)
}

/// The column of a reference: `B7` is 1, `AA1` is 26.
fn column_of(reference: &str) -> Option<usize> {
    let letters = reference.bytes().take_while(u8::is_ascii_uppercase);
    let column = letters.take(4).fold(0, |column, letter| column * 26 + usize::from(letter - b'A') + 1);
    column.checked_sub(1)
}

#[cfg(test)]
pub(super) mod testing {
    use std::io::Write;
    use zip::write::SimpleFileOptions;

    /// An Excel file of these rows; texts are shared, numbers are values, empty cells are left out.
    pub(crate) fn xlsx(rows: &[&[&str]]) -> Vec<u8> {
        let mut shared = String::from("<?xml version=\"1.0\"?><sst>");
        let mut sheet = String::from("<worksheet><sheetData>");
        let mut count = 0;
        for (r, cells) in rows.iter().enumerate() {
            sheet.push_str(&format!("<row r=\"{}\">", r + 1));
            for (c, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                let at = format!("{}{}", char::from(b'A' + c as u8), r + 1);
                if cell.parse::<f64>().is_ok() {
                    sheet.push_str(&format!("<c r=\"{at}\"><v>{cell}</v></c>"));
                } else {
                    shared.push_str(&format!(
                        "<si><r><t>{}</t></r><rPh><t>x</t></rPh></si>",
                        cell.replace('&', "&amp;").replace('<', "&lt;")
                    ));
                    sheet.push_str(&format!("<c r=\"{at}\" t=\"s\"><v>{count}</v></c>"));
                    count += 1;
                }
            }
            sheet.push_str("</row>");
        }
        sheet.push_str("</sheetData></worksheet>");
        shared.push_str("</sst>");
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, text) in [("xl/sharedStrings.xml", shared), ("xl/worksheets/sheet1.xml", sheet)] {
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_inline_and_missing_cells_are_read() {
        let bytes = testing::xlsx(&[&["ID", "", "A & <B>，c"], &[], &["7", "", "x"]]);
        let read = rows(Path::new("t.xlsx"), &bytes).unwrap();
        assert_eq!(
            read,
            [
                (1, vec!["ID".into(), String::new(), "A & <B>，c".into()]),
                (2, vec![]),
                (3, vec!["7".into(), String::new(), "x".into()])
            ]
        );
        let inline = "<row><c t=\"inlineStr\"><is><t xml:space=\"preserve\"> a&#10;b </t></is></c><c><v>2</v></c><c r=\"D1\"/></row>";
        assert_eq!(
            read_sheet(inline, &[]).unwrap(),
            [(1, vec!["a\nb".into(), "2".into(), String::new(), String::new()])]
        );
        assert_eq!((column_of("A1"), column_of("AB12"), column_of("7")), (Some(0), Some(27), None));
    }

    #[test]
    fn damaged_files_are_errors_and_never_panic() {
        let whole = testing::xlsx(&[&["ID", "b"], &["1", "x"]]);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 7);
            let _ = rows(Path::new("t.xlsx"), &bytes);
            assert!(rows(Path::new("t.xlsx"), &whole[..at]).is_err());
        }
        for text in [
            "<c></c>",
            "<row><c r=\"ZZZZ1\"><v>1</v></c></row>",
            "<row><c t=\"s\"><v>9</v></c></row>",
            "<row",
            "<row><c a=b",
            "<row r=\"18446744073709551615\"></row><row></row>",
        ] {
            let _ = read_sheet(text, &[]);
        }
        assert!(read_sheet("<row><c t=\"s\"><v>9</v></c></row>", &[]).unwrap_err().contains("`9` of 0"));
    }
}
