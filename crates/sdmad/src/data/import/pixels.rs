use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;
use sdmad_base::{Error, Monitor, Result};
use sdmad_imaging::{MAX_PIXELS, MAX_SIDE};

use super::npy::Number;
use super::npz::ArrayReader;

/// Images of a split, at most.
pub(super) const MOST_IMAGES: u64 = 2_000_000;
/// Bytes of all pixels of a split, at most: four times the largest file of MedMNIST.
const MOST_BYTES: u64 = 64 << 30;
/// Bytes of pixels in memory at a time, unless one image has more.
const CHUNK_BYTES: usize = 16 << 20;

/// Sizes of an array of 8-bit images, `[images, height, width]` or `[images, height, width, 1 or 3]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct PixelShape {
    pub(super) images: usize,
    height: usize,
    width: usize,
    channels: usize,
}

impl PixelShape {
    pub(super) fn of(array: &ArrayReader<'_>) -> Result<Self> {
        let header = &array.header;
        let refuse = |expected: &str| {
            Error::bad_input(format!("{}: shape {:?}; expected {expected}", array.place, header.shape))
        };
        if header.number != Number::U8 {
            return Err(Error::bad_input(format!("{}: expected pixels of 8 bits (uint8)", array.place))
                .with_hint("save the images with `.astype(numpy.uint8)`, scaled to 0..255"));
        }
        let (images, height, width, channels) = match header.shape[..] {
            [n, h, w] => (n, h, w, 1),
            [n, h, w, c @ (1 | 3)] => (n, h, w, c),
            [_, _, _, _] | [_, _, _, _, _] => {
                return Err(refuse("[images, height, width] or [images, height, width, 3]")
                    .with_hint("volumes, such as organmnist3d, are not read"));
            }
            _ => return Err(refuse("[images, height, width] or [images, height, width, 3]")),
        };
        let (side, pixels) = (MAX_SIDE as u64, MAX_PIXELS as u64);
        let sized = (1..=side).contains(&height) && (1..=side).contains(&width) && height * width <= pixels;
        if !sized || images > MOST_IMAGES || header.data_bytes().is_none_or(|bytes| bytes > MOST_BYTES) {
            return Err(refuse(&format!(
                "at most {MOST_IMAGES} images, 1 to {side} pixels a side, and {MOST_BYTES} bytes in all"
            )));
        }
        // All fit: they were compared with limits far below 2³².
        Ok(PixelShape {
            images: images as usize,
            height: height as usize,
            width: width as usize,
            channels: channels as usize,
        })
    }
}

/// The file name of an image of a split.
pub(super) fn image_name(number: usize) -> String {
    format!("{number:06}.png")
}

/// Writes every image of the array as PNG into `folder`.
///
/// The files are not flushed to disk one by one: that takes longer than all else, and the folder gets its name only
/// when it is whole.
pub(super) fn write_images(mut array: ArrayReader<'_>, folder: &Path, monitor: &dyn Monitor) -> Result<()> {
    let shape = PixelShape::of(&array)?;
    let size = shape.height * shape.width * shape.channels;
    let most = (CHUNK_BYTES / size).clamp(1, 1024);
    let mut start = 0;
    while start < shape.images {
        monitor.check()?;
        let count = most.min(shape.images - start);
        let mut pixels = vec![0; count * size];
        array.fill(&mut pixels)?;
        pixels.par_chunks_exact(size).enumerate().try_for_each(|(number, pixels)| {
            let path = folder.join(image_name(start + number));
            std::fs::write(&path, png(pixels, shape)?).map_err(|e| Error::io("write", &path, e))
        })?;
        start += count;
        monitor.advance(count);
    }
    array.end()
}

fn png(pixels: &[u8], shape: PixelShape) -> Result<Vec<u8>> {
    let colour = if shape.channels == 3 { ExtendedColorType::Rgb8 } else { ExtendedColorType::L8 };
    let mut bytes = Vec::new();
    // Sides are at most MAX_SIDE.
    PngEncoder::new(&mut bytes)
        .write_image(pixels, shape.width as u32, shape.height as u32, colour)
        .map_err(|e| Error::environment(format!("an image cannot be written as PNG: {e}")))?;
    Ok(bytes)
}
