use sdmad_base::Result;

use super::directory::{COLOUR_MAP, Directory, PHOTOMETRIC_INTERPRETATION};
use crate::format::Format;

/// The colour table of a TIFF file whose samples are indices (TIFF 6.0, section 5).
///
/// The decoder of the `tiff` crate refuses such files, though it can unpack their samples. So the one tag that
/// says "indices" is changed to "grey" in a copy of the file, and the table is applied here.
pub(super) struct Palette {
    /// Where the value of the tag stands that says what samples mean, and "grey" as it is written in this file.
    grey: (usize, [u8; 2]),
    colours: Vec<[u8; 3]>,
}

const INDICES: u32 = 3;
const BLACK_IS_ZERO: u16 = 1;

impl Palette {
    /// The table of the first picture, when its samples are indices.
    ///
    /// # Errors
    /// When they are, and the table is not there.
    pub(super) fn find(bytes: &[u8], name: &str) -> Result<Option<Palette>> {
        let Some(directory) = Directory::first(bytes) else { return Ok(None) };
        let Some(meaning) = directory.entry(PHOTOMETRIC_INTERPRETATION) else { return Ok(None) };
        if directory.number(meaning) != Some(INDICES) {
            return Ok(None);
        }
        // All reds, then all greens, then all blues, 16 bits each; 256 of each at most for samples of 8 bits.
        let table = directory
            .entry(COLOUR_MAP)
            .and_then(|entry| directory.shorts(entry))
            .ok_or_else(|| Format::Tiff.damaged(name, "its colour table is not there"))?;
        let length = table.len() / 3;
        let colour = |index: usize| [0, 1, 2].map(|channel| (table[channel * length + index] >> 8) as u8);
        let colours = (0..length.min(256)).map(colour).collect();
        Ok(Some(Palette { grey: (meaning.value_at(), directory.encode(BLACK_IS_ZERO)), colours }))
    }

    /// A copy of the file which says that its samples are grey.
    pub(super) fn indices_as_grey(&self, bytes: &[u8]) -> Vec<u8> {
        let mut copy = bytes.to_vec();
        if let Some(place) = copy.get_mut(self.grey.0..self.grey.0 + 2) {
            place.copy_from_slice(&self.grey.1);
        }
        copy
    }

    /// RGB for the first of each `channels` samples; black for an index behind the table's end.
    pub(super) fn colours(&self, indices: &[u8], channels: usize) -> Vec<u8> {
        let colour = |&index: &u8| self.colours.get(usize::from(index)).copied().unwrap_or_default();
        indices.iter().step_by(channels).flat_map(colour).collect()
    }
}
