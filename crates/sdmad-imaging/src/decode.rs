mod jpeg;
mod tiff;

use std::fs::File;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::error::LimitErrorKind;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader};
use sdmad_base::{Error, Result};

use crate::format::Format;
use crate::limits::{MAX_DECODED_BYTES, MAX_FILE_BYTES, check_size};
use crate::raster::{Depth, Raster, Samples};
use crate::{GreyImage, RgbImage};

/// Reads an image file as RGB; the crate's page has the table of what is read and how.
///
/// # Errors
/// [`BadInput`](sdmad_base::Kind::BadInput), with the path, when the file is missing, empty, no image, damaged,
/// truncated or above the limits ([`MAX_SIDE`](crate::MAX_SIDE), [`MAX_PIXELS`](crate::MAX_PIXELS),
/// [`MAX_FILE_BYTES`](crate::MAX_FILE_BYTES)).
pub fn read_image(path: &Path) -> Result<RgbImage> {
    decode_image(&read_bounded(path)?, &path.display().to_string())
}

/// [`read_image`] for bytes in memory; `name` stands in errors.
///
/// # Errors
/// As [`read_image`].
pub fn decode_image(bytes: &[u8], name: &str) -> Result<RgbImage> {
    raster(bytes, name, Depth::HighByte)?.into_rgb()
}

/// Reads a mask as grey: colours by their luma, samples of 16 bits cut at 255 (not scaled), so that a label of 1
/// stays 1 and what is above 0 stays above 0.
///
/// # Errors
/// As [`read_image`].
pub fn read_mask(path: &Path) -> Result<GreyImage> {
    decode_mask(&read_bounded(path)?, &path.display().to_string())
}

/// [`read_mask`] for bytes in memory; `name` stands in errors.
///
/// # Errors
/// As [`read_image`].
pub fn decode_mask(bytes: &[u8], name: &str) -> Result<GreyImage> {
    raster(bytes, name, Depth::Clip)?.into_grey()
}

fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let fail = |e| Error::io("read", path, e);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(fail)?;
    if let Ok(facts) = file.metadata() {
        bytes.reserve_exact(facts.len().min(MAX_FILE_BYTES) as usize);
    }
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::bad_input(format!("{} is larger than {MAX_FILE_BYTES} bytes", path.display()))
            .with_hint("reduce the image, or cut it into tiles"));
    }
    Ok(bytes)
}

fn raster(bytes: &[u8], name: &str, depth: Depth) -> Result<Raster> {
    let format = Format::of(bytes, name)?;
    // The decoders are other people's. A bug in one of them costs a file, not the run.
    let result = catch_unwind(AssertUnwindSafe(|| match format {
        Format::Tiff => tiff::decode(bytes, name, depth),
        Format::Jpeg if !jpeg::is_complete(bytes) => Err(format.truncated(name)),
        Format::WebP if !webp_is_complete(bytes) => Err(format.truncated(name)),
        _ => decode_by_image(bytes, name, format, depth),
    }));
    result.unwrap_or_else(|_| Err(format.damaged(name, "its decoder gave up on it")))
}

fn decode_by_image(bytes: &[u8], name: &str, format: Format, depth: Depth) -> Result<Raster> {
    let fail = |e| translate(e, name, format);
    if let Some((width, height)) = size_in_header(bytes, format) {
        check_size(name, width, height, 1)?;
    }
    let mut reader = ImageReader::with_format(
        Cursor::new(bytes),
        match format {
            Format::Png => ImageFormat::Png,
            Format::Jpeg => ImageFormat::Jpeg,
            Format::Tiff => ImageFormat::Tiff,
            Format::Bmp => ImageFormat::Bmp,
            Format::WebP => ImageFormat::WebP,
        },
    );
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(fail)?;

    let (width, height) = decoder.dimensions();
    let colour = decoder.color_type();
    check_size(name, width.into(), height.into(), colour.bytes_per_pixel().into())?;
    let (width, height) = (width as usize, height as usize);
    let mut data = vec![0; width * height * usize::from(colour.bytes_per_pixel())];
    decoder.read_image(&mut data).map_err(fail)?;

    let channels = usize::from(colour.channel_count());
    let data = match colour {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => data,
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            data.as_chunks::<2>().0.iter().map(|&pair| depth.reduce(u16::from_ne_bytes(pair))).collect()
        }
        other => return Err(format.not_read(name, format!("its samples are {other:?}"))),
    };
    Ok(Raster { width, height, samples: Samples::without_alpha(data, channels) })
}

/// Whether a WebP file is as long as its RIFF header says.
fn webp_is_complete(bytes: &[u8]) -> bool {
    let length = bytes.get(4..).and_then(|rest| rest.first_chunk()).map(|four| u32::from_le_bytes(*four));
    length.is_some_and(|length| u64::from(length) + 8 <= bytes.len() as u64)
}

/// Width and height where they stand at a fixed place, so that an absurd size is named before a decoder reserves
/// rows for it.
fn size_in_header(bytes: &[u8], format: Format) -> Option<(u64, u64)> {
    let four = |at: usize| bytes.get(at..at + 4)?.first_chunk::<4>().copied();
    match format {
        Format::Png if bytes.get(12..16)? == b"IHDR" => {
            Some((u32::from_be_bytes(four(16)?).into(), u32::from_be_bytes(four(20)?).into()))
        }
        // Below 40 is the oldest header, whose sides have 16 bits and cannot be absurd.
        Format::Bmp if u32::from_le_bytes(four(14)?) >= 40 => Some((
            i32::from_le_bytes(four(18)?).unsigned_abs().into(),
            // Below zero: the rows stand from top to bottom.
            i32::from_le_bytes(four(22)?).unsigned_abs().into(),
        )),
        _ => None,
    }
}

fn translate(error: ImageError, name: &str, format: Format) -> Error {
    match error {
        ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => format.truncated(name),
        ImageError::Unsupported(e) => format.not_read(name, e),
        ImageError::Limits(e) if matches!(e.kind(), LimitErrorKind::InsufficientMemory) => {
            format.damaged(name, "it needs more memory than an image of its size should")
        }
        other => format.damaged(name, innermost(&other)),
    }
}

/// The last cause: it is the one that says something.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
