//! Arrays of numpy as they come in `.npy` files, format versions 1 to 3 (numpy.lib.format).

use std::io::Read;

use sdmad_base::{Error, Result};

/// Bytes of a header, at most; numpy itself reads no more than 10,000.
const LONGEST_HEADER: usize = 10_000;
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The kind and form of an array in row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArrayHeader {
    pub(super) number: Number,
    pub(super) shape: Vec<u64>,
    /// Bytes before the first element.
    pub(super) length: u64,
}

/// The type of the elements: whole numbers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    signed: bool,
    big_endian: bool,
    /// 1, 2, 4 or 8.
    pub(super) bytes: usize,
}

impl Number {
    pub(super) const U8: Number = Number { signed: false, big_endian: false, bytes: 1 };

    fn parse(text: &str) -> Option<Self> {
        let (order, rest) = match text.as_bytes().first()? {
            b'<' | b'>' | b'|' | b'=' => text.split_at(1),
            _ => ("|", text),
        };
        let (signed, bytes) = match rest {
            "u1" | "b1" | "?" => (false, 1),
            "i1" => (true, 1),
            "u2" => (false, 2),
            "i2" => (true, 2),
            "u4" => (false, 4),
            "i4" => (true, 4),
            "u8" => (false, 8),
            "i8" => (true, 8),
            _ => return None,
        };
        Some(Number { signed, big_endian: bytes > 1 && order == ">", bytes })
    }

    /// The element that these bytes are; `None` when it is negative or the length is another.
    pub(super) fn value(self, bytes: &[u8]) -> Option<u64> {
        if bytes.len() != self.bytes {
            return None;
        }
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let value = if self.big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) };
        let negative = self.signed && value >> (8 * self.bytes - 1) & 1 == 1;
        (!negative).then_some(value)
    }
}

impl ArrayHeader {
    /// Reads up to the first element. `place` names file and array in errors.
    pub(super) fn read(reader: &mut impl Read, place: &str) -> Result<Self> {
        let mut start = [0; 8];
        fill(reader, &mut start, place)?;
        let refuse =
            |what: String| Error::bad_input(format!("{place}: {what}")).with_hint("save it again with numpy.savez");
        if start[..6] != *MAGIC {
            return Err(refuse("it does not begin as a numpy array does".into()));
        }
        let (size, before) = match start[6] {
            1 => {
                let mut bytes = [0; 2];
                fill(reader, &mut bytes, place)?;
                (usize::from(u16::from_le_bytes(bytes)), 10)
            }
            2 | 3 => {
                let mut bytes = [0; 4];
                fill(reader, &mut bytes, place)?;
                (usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX), 12)
            }
            version => return Err(refuse(format!("format version {version}; expected 1, 2 or 3"))),
        };
        if size > LONGEST_HEADER {
            return Err(refuse(format!("a header of {size} bytes; expected at most {LONGEST_HEADER}")));
        }
        let mut header = vec![0; size];
        fill(reader, &mut header, place)?;
        let text = std::str::from_utf8(&header).map_err(|_| refuse("a header that is no text".into()))?;
        let fields =
            Fields::parse(text).ok_or_else(|| refuse(format!("a header that cannot be read: {}", text.trim())))?;
        if fields.column_major && fields.shape.len() > 1 {
            return Err(refuse("the array is in column-major (Fortran) order; expected row-major".into()));
        }
        let number = Number::parse(&fields.descr)
            .ok_or_else(|| refuse(format!("elements of type `{}`; expected whole numbers", fields.descr)))?;
        Ok(ArrayHeader { number, shape: fields.shape, length: before + size as u64 })
    }

    /// Bytes of the elements; `None` when that is no number of 64 bits.
    pub(super) fn data_bytes(&self) -> Option<u64> {
        self.shape.iter().try_fold(self.number.bytes as u64, |total, side| total.checked_mul(*side))
    }
}

/// Reads exactly as many bytes as the buffer has.
pub(super) fn fill(reader: &mut impl Read, buffer: &mut [u8], place: &str) -> Result<()> {
    reader.read_exact(buffer).map_err(|e| {
        Error::bad_input(format!("{place}: it ends too early or is damaged: {e}"))
            .with_hint("fetch the file again, and compare its MD5 with the publisher's")
    })
}

/// The three fields of the header's dictionary, each exactly once.
struct Fields {
    descr: String,
    column_major: bool,
    shape: Vec<u64>,
}

impl Fields {
    fn parse(text: &str) -> Option<Self> {
        let (mut descr, mut column_major, mut shape) = (None, None, None);
        let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
        while !rest.is_empty() {
            let (key, after) = quoted(rest)?;
            let value = after.trim_start().strip_prefix(':')?.trim_start();
            let after = match key {
                "descr" => {
                    let (text, after) = quoted(value)?;
                    descr.replace(text.to_string()).is_none().then_some(after)?
                }
                "fortran_order" => {
                    let (flag, after) = match value.strip_prefix("True") {
                        Some(after) => (true, after),
                        None => (false, value.strip_prefix("False")?),
                    };
                    column_major.replace(flag).is_none().then_some(after)?
                }
                "shape" => {
                    let (sides, after) = value.strip_prefix('(')?.split_once(')')?;
                    let sides = sides.trim().trim_end_matches(',');
                    let sides: Option<Vec<u64>> = match sides {
                        "" => Some(Vec::new()),
                        _ => sides.split(',').map(|side| side.trim().parse().ok()).collect(),
                    };
                    shape.replace(sides?).is_none().then_some(after)?
                }
                _ => return None,
            };
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None if after.is_empty() => after,
                None => return None,
            };
        }
        Some(Fields { descr: descr?, column_major: column_major?, shape: shape? })
    }
}

/// A string in single or double quotes at the start, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| *c == '\'' || *c == '"')?;
    text[1..].split_once(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(version: u8, header: &str) -> Vec<u8> {
        let mut bytes = [MAGIC.as_slice(), &[version, 0]].concat();
        match version {
            1 => bytes.extend((header.len() as u16).to_le_bytes()),
            _ => bytes.extend((header.len() as u32).to_le_bytes()),
        }
        bytes.extend(header.as_bytes());
        bytes
    }

    #[test]
    fn headers_as_numpy_writes_them() {
        let text = "{'descr': '<i8', 'fortran_order': False, 'shape': (546, 1), }   \n";
        for version in [1, 2, 3] {
            let bytes = npy(version, text);
            let header = ArrayHeader::read(&mut bytes.as_slice(), "a").unwrap();
            assert_eq!((header.shape.as_slice(), header.length), ([546, 1].as_slice(), bytes.len() as u64));
            assert_eq!(header.data_bytes(), Some(546 * 8));
        }
        let flat = npy(1, "{'shape': (3,), 'descr': '|u1', 'fortran_order': True}");
        assert_eq!(ArrayHeader::read(&mut flat.as_slice(), "a").unwrap().number, Number::U8);
        assert_eq!(Number::parse(">i2").unwrap().value(&[1, 2]), Some(258));
        assert_eq!(Number::parse("<u4").unwrap().value(&[1, 2, 0, 0]), Some(513));
        assert_eq!(Number::parse("<i8").unwrap().value(&[255; 8]), None);
        assert_eq!(Number::parse("<u8").unwrap().value(&[255; 8]), Some(u64::MAX));
    }

    #[test]
    fn other_headers_are_refused_and_no_bytes_panic() {
        for text in [
            "",
            "{}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }",
            "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2), }",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1, , 2), }",
            "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (1,), }",
            "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,), }",
            "{'descr': 'é', 'fortran_order': False, 'shape': (1,), }",
        ] {
            assert!(ArrayHeader::read(&mut npy(1, text).as_slice(), "a").is_err(), "{text}");
        }
        let huge = npy(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (18446744073709551615, 2), }");
        assert_eq!(ArrayHeader::read(&mut huge.as_slice(), "a").unwrap().data_bytes(), None);
        let whole = npy(2, "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }");
        for cut in 0..whole.len() {
            assert!(ArrayHeader::read(&mut &whole[..cut], "a").is_err());
            for flip in 1..8u8 {
                let mut bytes = whole.clone();
                bytes[cut] ^= 1 << flip;
                let _ = ArrayHeader::read(&mut bytes.as_slice(), "a");
            }
        }
    }
}
