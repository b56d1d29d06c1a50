/// The first directory of a TIFF file (TIFF 6.0, section 2), as far as something is asked of it before the decoder
/// sees the file. BigTIFF files are not looked at.
#[derive(Clone, Copy)]
pub(super) struct Directory<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    start: usize,
}

/// An entry of the directory: where it stands.
#[derive(Clone, Copy)]
pub(super) struct Entry(usize);

impl Entry {
    /// Where a value of up to four bytes stands.
    pub(super) fn value_at(self) -> usize {
        self.0 + 8
    }
}

pub(super) const IMAGE_WIDTH: u16 = 256;
pub(super) const IMAGE_LENGTH: u16 = 257;
pub(super) const PHOTOMETRIC_INTERPRETATION: u16 = 262;
pub(super) const COLOUR_MAP: u16 = 320;

const SHORT: u16 = 3;
const LONG: u16 = 4;

impl<'a> Directory<'a> {
    pub(super) fn first(bytes: &'a [u8]) -> Option<Directory<'a>> {
        let mut directory = Directory { bytes, big_endian: bytes.starts_with(b"MM"), start: 0 };
        if directory.short(2)? != 42 {
            return None;
        }
        directory.start = directory.long(4)? as usize;
        Some(directory)
    }

    /// Width and height, when both are said.
    pub(super) fn size(self) -> Option<(u64, u64)> {
        let number = |tag| self.number(self.entry(tag)?);
        Some((number(IMAGE_WIDTH)?.into(), number(IMAGE_LENGTH)?.into()))
    }

    pub(super) fn entry(self, tag: u16) -> Option<Entry> {
        let count = usize::from(self.short(self.start)?);
        let mut places = (0..count).map(|index| self.start + 2 + index * 12);
        places.find(|&place| self.short(place) == Some(tag)).map(Entry)
    }

    /// The one number of an entry.
    pub(super) fn number(self, entry: Entry) -> Option<u32> {
        match (self.short(entry.0 + 2)?, self.long(entry.0 + 4)?) {
            (SHORT, 1) => self.short(entry.value_at()).map(u32::from),
            (LONG, 1) => self.long(entry.value_at()),
            _ => None,
        }
    }

    /// More than two numbers of 16 bits, which stand elsewhere in the file.
    pub(super) fn shorts(self, entry: Entry) -> Option<Vec<u16>> {
        let (kind, count, start) = (self.short(entry.0 + 2)?, self.long(entry.0 + 4)?, self.long(entry.0 + 8)?);
        if kind != SHORT || count < 3 {
            return None;
        }
        let values = self.bytes.get(start as usize..)?.get(..count as usize * 2)?;
        Some(values.as_chunks::<2>().0.iter().map(|&two| self.decode(two)).collect())
    }

    fn decode(self, two: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) }
    }

    /// `value` as it stands in this file.
    pub(super) fn encode(self, value: u16) -> [u8; 2] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn short(self, at: usize) -> Option<u16> {
        Some(self.decode(*self.bytes.get(at..)?.first_chunk()?))
    }

    fn long(self, at: usize) -> Option<u32> {
        let four = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    }
}
