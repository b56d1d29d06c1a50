use sdmad_base::{Error, Result};

use crate::GreyImage;

/// 8-bit RGB pixels: row-major, interleaved, `[height, width, 3]`, each value in `0..=255`.
///
/// Neither side is ever zero.
#[derive(Clone, PartialEq, Eq)]
pub struct RgbImage {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl RgbImage {
    /// An image of `width` x `height` pixels from interleaved values.
    ///
    /// # Errors
    /// When a side is zero or `data` does not hold `width * height * 3` values.
    pub fn new(width: usize, height: usize, data: Vec<u8>) -> Result<Self> {
        check_length(width, height, 3, data.len())?;
        Ok(RgbImage { width, height, data })
    }

    /// For what this crate has computed itself: sides above zero and a length that fits.
    pub(crate) fn from_parts(width: usize, height: usize, data: Vec<u8>) -> Self {
        debug_assert!(check_length(width, height, 3, data.len()).is_ok());
        RgbImage { width, height, data }
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All values, `[height, width, 3]`.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The values, without a copy.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// Red, green and blue of the pixel in column `x` of row `y`.
    ///
    /// # Panics
    /// When the pixel lies outside, as slice indexing does.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        assert!(x < self.width, "column {x} of an image {} wide", self.width);
        let at = (y * self.width + x) * 3;
        [self.data[at], self.data[at + 1], self.data[at + 2]]
    }

    /// The luma of ITU-R BT.601 as Pillow's `convert("L")` rounds it:
    /// `(19595 r + 38470 g + 7471 b + 32768) >> 16`. Grey pixels keep their value.
    pub fn to_grey(&self) -> GreyImage {
        let data = self.data.as_chunks::<3>().0.iter().map(|&rgb| luma(rgb)).collect();
        GreyImage::from_parts(self.width, self.height, data)
    }
}

/// The weights add up to 65536, so that grey stays grey.
fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u8
}

pub(crate) fn check_length(width: usize, height: usize, channels: usize, length: usize) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::bad_input(format!("an image of {width} x {height} pixels has no pixel")));
    }
    let expected = width.checked_mul(height).and_then(|n| n.checked_mul(channels));
    if expected != Some(length) {
        return Err(Error::bad_input(format!(
            "{length} values do not make an image of {width} x {height} pixels with {channels} values each"
        )));
    }
    Ok(())
}

impl std::fmt::Debug for RgbImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RgbImage {} x {}", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert!(RgbImage::new(0, 3, vec![]).is_err());
        assert!(RgbImage::new(2, 2, vec![0; 11]).is_err());
        assert!(RgbImage::new(usize::MAX, 2, vec![0; 6]).is_err());
        assert_eq!(RgbImage::new(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap().pixel(1, 0), [4, 5, 6]);
    }

    #[test]
    fn grey_keeps_grey_and_weighs_colours() {
        for v in 0..=255 {
            assert_eq!(luma([v, v, v]), v);
        }
        // Pillow 13: Image.new("RGB", (1, 1), c).convert("L")
        assert_eq!([luma([255, 0, 0]), luma([0, 255, 0]), luma([0, 0, 255])], [76, 150, 29]);
    }
}
