/// The colour table of a TIFF file whose samples are indices (TIFF 6.0, section 5).
///
/// The decoder of the `tiff` crate refuses such files, though it can unpack their samples. So the one tag that
/// says "indices" is changed to "grey" in a copy of the file, and the table is applied here.
pub(super) struct Palette {
    /// Where the value of the tag stands that says what samples mean.
    meaning_at: usize,
    big_endian: bool,
    colours: Vec<[u8; 3]>,
}

const PHOTOMETRIC_INTERPRETATION: u16 = 262;
const COLOUR_MAP: u16 = 320;
const INDICES: u16 = 3;
const BLACK_IS_ZERO: u16 = 1;
const SHORT: u16 = 3;

/// Numbers at places in a file, or nothing behind its end.
#[derive(Clone, Copy)]
struct File<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl File<'_> {
    fn short(self, at: usize) -> Option<u16> {
        let two = *self.bytes.get(at..)?.first_chunk::<2>()?;
        Some(if self.big_endian { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
    }

    fn long(self, at: usize) -> Option<usize> {
        let four = *self.bytes.get(at..)?.first_chunk::<4>()?;
        Some(if self.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) } as usize)
    }
}

impl Palette {
    /// The table of the first picture, when its samples are indices. BigTIFF files are not looked at.
    pub(super) fn find(bytes: &[u8]) -> Option<Palette> {
        let file = File { bytes, big_endian: bytes.starts_with(b"MM") };
        if file.short(2)? != 42 {
            return None;
        }
        let directory = file.long(4)?;
        let entries = usize::from(file.short(directory)?);
        let mut meaning_at = None;
        let mut table = None;
        for entry in (0..entries).map(|index| directory + 2 + index * 12) {
            match (file.short(entry)?, file.short(entry + 2)?) {
                (PHOTOMETRIC_INTERPRETATION, SHORT) if file.short(entry + 8)? == INDICES => {
                    meaning_at = Some(entry + 8)
                }
                (COLOUR_MAP, SHORT) => table = Some((file.long(entry + 4)?, file.long(entry + 8)?)),
                _ => {}
            }
        }
        let (meaning_at, (values, start)) = (meaning_at?, table?);
        // All reds, then all greens, then all blues, 16 bits each; 256 of each at most for 8-bit samples.
        let length = (values / 3).min(256);
        let value = |channel: usize, index: usize| file.short(start + (channel * (values / 3) + index) * 2);
        let colours = (0..length)
            .map(|index| Some([value(0, index)?, value(1, index)?, value(2, index)?].map(|v| (v >> 8) as u8)))
            .collect::<Option<Vec<_>>>()?;
        Some(Palette { meaning_at, big_endian: file.big_endian, colours })
    }

    /// A copy of the file which says that its samples are grey.
    pub(super) fn indices_as_grey(&self, bytes: &[u8]) -> Vec<u8> {
        let mut copy = bytes.to_vec();
        let value = if self.big_endian { BLACK_IS_ZERO.to_be_bytes() } else { BLACK_IS_ZERO.to_le_bytes() };
        if let Some(place) = copy.get_mut(self.meaning_at..self.meaning_at + 2) {
            place.copy_from_slice(&value);
        }
        copy
    }

    /// RGB for the first of each `channels` samples; black for an index behind the table's end.
    pub(super) fn colours(&self, indices: &[u8], channels: usize) -> Vec<u8> {
        let colour = |&index: &u8| self.colours.get(usize::from(index)).copied().unwrap_or_default();
        indices.iter().step_by(channels).flat_map(colour).collect()
    }
}
