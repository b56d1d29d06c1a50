use std::path::Path;

use sdmad_base::{Error, Result};

/// The text of a table, without a byte order mark.
///
/// # Errors
/// When it is not UTF-8; the message names `path` and the line.
pub(super) fn table_text<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|e| {
        let line = 1 + bytes[..e.valid_up_to()].iter().filter(|&&b| b == b'\n').count();
        Error::bad_input(format!("{}, line {line}: not UTF-8 text", path.display()))
            .with_hint("save the table as CSV in UTF-8")
    })
}
