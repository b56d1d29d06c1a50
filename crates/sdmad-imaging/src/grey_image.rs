use sdmad_base::Result;

use crate::RgbImage;
use crate::rgb_image::check_length;

/// 8-bit grey pixels or a mask: row-major, `[height, width]`, each value in `0..=255`.
///
/// Neither side is ever zero.
#[derive(Clone, PartialEq, Eq)]
pub struct GreyImage {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl GreyImage {
    /// An image of `width` x `height` pixels.
    ///
    /// # Errors
    /// When a side is zero or `data` does not hold `width * height` values.
    pub fn new(width: usize, height: usize, data: Vec<u8>) -> Result<Self> {
        check_length(width, height, 1, data.len())?;
        Ok(GreyImage { width, height, data })
    }

    /// For what this crate has computed itself: sides above zero and a length that fits.
    pub(crate) fn from_parts(width: usize, height: usize, data: Vec<u8>) -> Self {
        debug_assert!(check_length(width, height, 1, data.len()).is_ok());
        GreyImage { width, height, data }
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All values, `[height, width]`.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The values, without a copy.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// The pixel in column `x` of row `y`.
    ///
    /// # Panics
    /// When the pixel lies outside, as slice indexing does.
    pub fn pixel(&self, x: usize, y: usize) -> u8 {
        assert!(x < self.width, "column {x} of an image {} wide", self.width);
        self.data[y * self.width + x]
    }

    /// The same grey in three channels.
    pub fn to_rgb(&self) -> RgbImage {
        let mut data = vec![0; self.data.len() * 3];
        for (pixel, &value) in data.as_chunks_mut::<3>().0.iter_mut().zip(&self.data) {
            *pixel = [value; 3];
        }
        RgbImage::from_parts(self.width, self.height, data)
    }
}

impl std::fmt::Debug for GreyImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GreyImage {} x {}", self.width, self.height)
    }
}
