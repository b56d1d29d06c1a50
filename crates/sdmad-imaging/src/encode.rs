use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use sdmad_base::{Error, Result, write_atomic};

use crate::{GreyImage, RgbImage};

/// Writes an 8-bit RGB PNG that appears whole or not at all.
///
/// # Errors
/// When the folder is missing or read-only, or the disk is full; what stood there before is untouched.
pub fn write_png(path: &Path, image: &RgbImage) -> Result<()> {
    write(path, image.data(), image.width(), image.height(), ExtendedColorType::Rgb8)
}

/// An 8-bit RGB image as JPEG bytes; `quality` from 1 to 100.
///
/// # Errors
/// When a side is longer than 65,535 pixels, JPEG's limit.
pub fn encode_jpeg(image: &RgbImage, quality: u8) -> Result<Vec<u8>> {
    let fail = |why: String| Error::bad_input(format!("an image cannot be written as JPEG: {why}"));
    let side =
        |length: usize| u16::try_from(length).map_err(|_| fail(format!("a side of {length} pixels is too long")));
    let (width, height) = (side(image.width())?, side(image.height())?);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100))
        .write_image(image.data(), u32::from(width), u32::from(height), ExtendedColorType::Rgb8)
        .map_err(|e| fail(e.to_string()))?;
    Ok(bytes)
}

/// [`write_png`] for 8-bit grey.
///
/// # Errors
/// As [`write_png`].
pub fn write_png_grey(path: &Path, image: &GreyImage) -> Result<()> {
    write(path, image.data(), image.width(), image.height(), ExtendedColorType::L8)
}

fn write(path: &Path, data: &[u8], width: usize, height: usize, colour: ExtendedColorType) -> Result<()> {
    let fail = |why: String| Error::bad_input(format!("cannot write {} as PNG: {why}", path.display()));
    let side =
        |length: usize| u32::try_from(length).map_err(|_| fail(format!("a side of {length} pixels is too long")));
    let (width, height) = (side(width)?, side(height)?);
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
        .write_image(data, width, height, colour)
        .map_err(|e| fail(e.to_string()))?;
    write_atomic(path, &bytes)
}
