use sdmad_base::{Error, Result};

/// A format that is read; recognised by the first bytes, never by the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    Jpeg,
    Tiff,
    Bmp,
    WebP,
}

/// What stands at which offset, and what it is.
const READ: &[(usize, &[u8], Format)] = &[
    (0, b"\x89PNG\r\n\x1a\n", Format::Png),
    (0, b"\xff\xd8\xff", Format::Jpeg),
    (0, b"II*\0", Format::Tiff),
    (0, b"MM\0*", Format::Tiff),
    (0, b"II+\0", Format::Tiff),
    (0, b"MM\0+", Format::Tiff),
    (0, b"BM", Format::Bmp),
    (8, b"WEBP", Format::WebP),
];

/// What people name by mistake.
const NOT_READ: &[(usize, &[u8], &str)] = &[
    (128, b"DICM", "a DICOM file"),
    (344, b"n+1\0", "a NIfTI volume"),
    (344, b"ni1\0", "a NIfTI header"),
    (0, b"\x1f\x8b", "a gzip file"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"GIF8", "a GIF image"),
    (0, b"%PDF", "a PDF document"),
    (4, b"jP  ", "a JPEG 2000 image"),
    (4, b"ftyp", "a HEIF or AVIF image, or a video"),
    (0, b"\x00\x00\x01\x00", "an icon file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF", "an HDF5 file"),
];

impl Format {
    pub(crate) fn of(bytes: &[u8], name: &str) -> Result<Format> {
        let stands = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        if let Some(&(_, _, format)) = READ.iter().find(|&&(offset, magic, _)| stands(offset, magic)) {
            return Ok(format);
        }
        let what = if bytes.is_empty() {
            "is empty (0 bytes)".to_owned()
        } else if let Some((_, _, what)) = NOT_READ.iter().find(|&&(offset, magic, _)| stands(offset, magic)) {
            format!("is {what}, which is not read")
        } else if READ.iter().any(|&(offset, magic, _)| offset == 0 && magic.starts_with(bytes))
            || (bytes.len() < 12 && (bytes.starts_with(b"RIFF") || b"RIFF".starts_with(bytes)))
        {
            format!("ends after {} bytes, within the first mark of an image file", bytes.len())
        } else if bytes.iter().take(64).all(|&b| (b' '..0x7f).contains(&b) || b.is_ascii_whitespace()) {
            "is text, not an image".to_owned()
        } else {
            let start: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
            format!("is not an image file: it begins with the bytes {}", start.join(" "))
        };
        Err(Error::bad_input(format!("{name} {what}"))
            .with_hint("PNG, JPEG, TIFF, BMP and WebP are read; convert it to one of them"))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Png => "PNG",
            Format::Jpeg => "JPEG",
            Format::Tiff => "TIFF",
            Format::Bmp => "BMP",
            Format::WebP => "WebP",
        }
    }

    /// The error for a file that ends too early.
    pub(crate) fn truncated(self, name: &str) -> Error {
        Error::bad_input(format!("{name} is truncated: the {} file ends before its last pixel", self.name()))
            .with_hint("copy or export the file again")
    }

    /// The error for a file whose content is broken.
    pub(crate) fn damaged(self, name: &str, why: impl std::fmt::Display) -> Error {
        Error::bad_input(format!("{name} is a damaged {} file: {why}", self.name()))
            .with_hint("copy or export the file again")
    }

    /// The error for a good file of a kind that is not read.
    pub(crate) fn not_read(self, name: &str, why: impl std::fmt::Display) -> Error {
        Error::bad_input(format!("{name} is a {} file of a kind that is not read: {why}", self.name()))
            .with_hint("save it with 8 bits a channel, grey or RGB, in PNG")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8]) -> String {
        Format::of(bytes, "a").unwrap_err().to_string()
    }

    #[test]
    fn the_first_bytes_decide() {
        assert_eq!(Format::of(b"RIFF\0\0\0\0WEBPVP8 ", "a.png").unwrap(), Format::WebP);
        assert_eq!(message(b""), "a is empty (0 bytes)");
        assert_eq!(message(b"\x89PN"), "a ends after 3 bytes, within the first mark of an image file");
        assert_eq!(message(b"RIFF\0\0"), "a ends after 6 bytes, within the first mark of an image file");
        assert_eq!(message(b"image,split\n"), "a is text, not an image");
        assert_eq!(message(b"\x01\x02\xf3"), "a is not an image file: it begins with the bytes 01 02 f3");
        assert_eq!(message(&[&[0; 128], &b"DICM"[..]].concat()), "a is a DICOM file, which is not read");
    }
}
