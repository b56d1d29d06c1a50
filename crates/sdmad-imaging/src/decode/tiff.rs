mod directory;
mod palette;

use std::borrow::Cow;
use std::io::{self, Cursor};

use sdmad_base::{Error, Result};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::{ColorType, TiffError};

use crate::format::Format;
use crate::limits::{MAX_DECODED_BYTES, check_size};
use crate::raster::{Depth, Raster, Samples, keep_first};
use directory::Directory;
use palette::Palette;

/// What the samples of a pixel mean.
#[derive(Clone, Copy)]
enum Colour {
    /// Grey, or an index into a palette, and maybe alpha.
    Single,
    Rgb,
    Cmyk,
    YCbCr,
}

/// The first picture of a TIFF file.
pub(super) fn decode(bytes: &[u8], name: &str, depth: Depth) -> Result<Raster> {
    let fail = |e| translate(e, name);
    if let Some((width, height)) = Directory::first(bytes).and_then(Directory::size) {
        check_size(name, width, height, 1)?;
    }
    let palette = Palette::find(bytes, name)?;
    let bytes = palette.as_ref().map_or(Cow::Borrowed(bytes), |palette| Cow::Owned(palette.indices_as_grey(bytes)));

    let mut decoder = Decoder::new(Cursor::new(&*bytes)).map_err(fail)?;
    let (width, height) = decoder.dimensions().map_err(fail)?;
    check_size(name, width.into(), height.into(), 1)?;
    let (colour, bits, channels) = match decoder.colortype().map_err(fail)? {
        ColorType::Gray(bits) => (Colour::Single, bits, 1),
        ColorType::GrayA(bits) => (Colour::Single, bits, 2),
        ColorType::Multiband { bit_depth, num_samples } => (Colour::Single, bit_depth, usize::from(num_samples)),
        ColorType::RGB(bits) => (Colour::Rgb, bits, 3),
        ColorType::RGBA(bits) => (Colour::Rgb, bits, 4),
        ColorType::CMYK(bits) => (Colour::Cmyk, bits, 4),
        ColorType::YCbCr(bits) => (Colour::YCbCr, bits, 3),
        other => return Err(Format::Tiff.not_read(name, format!("its colours are {other:?}"))),
    };
    if !matches!((bits, channels), (1 | 2 | 4, 1) | (8 | 16, _)) {
        return Err(Format::Tiff.not_read(name, format!("it has {channels} samples of {bits} bits")));
    }
    let channel_bytes = u64::from(bits.div_ceil(8));
    check_size(name, width.into(), height.into(), channels as u64 * channel_bytes)?;
    let (width, height) = (width as usize, height as usize);

    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_DECODED_BYTES as usize;
    limits.intermediate_buffer_size = MAX_DECODED_BYTES as usize;
    let mut decoder = decoder.with_limits(limits);
    let mut samples = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut samples).map_err(fail)?;
    let data = match samples {
        DecodingResult::U8(data) if bits < 8 => unpack(&data, width, bits, palette.is_none()),
        DecodingResult::U8(data) => data,
        DecodingResult::U16(data) if palette.is_none() => data.iter().map(|&v| depth.reduce(v)).collect(),
        _ => return Err(Format::Tiff.not_read(name, "its samples are signed, floating or of more than 16 bits")),
    };
    let data = if layout.planes > 1 { interleave(&data, width * height, layout.planes) } else { data };
    if data.len() != width * height * channels {
        return Err(Format::Tiff.damaged(name, "its planes do not hold all its pixels"));
    }

    let samples = match (colour, palette) {
        (Colour::Single, Some(palette)) => Samples::Rgb(palette.colours(&data, channels)),
        (Colour::Single, None) => {
            let mut data = data;
            keep_first(&mut data, channels, 1);
            Samples::Grey(data)
        }
        (Colour::Rgb, _) => Samples::without_alpha(data, channels),
        (Colour::Cmyk, _) => Samples::Rgb(data.as_chunks::<4>().0.iter().flat_map(|&p| from_cmyk(p)).collect()),
        (Colour::YCbCr, _) => Samples::Rgb(data.as_chunks::<3>().0.iter().flat_map(|&p| from_ycbcr(p)).collect()),
    };
    Ok(Raster { width, height, samples })
}

/// Samples of 1, 2 or 4 bits, rows filled up to whole bytes, to one byte each; `scale` brings them to `0..=255`.
fn unpack(packed: &[u8], width: usize, bits: u8, scale: bool) -> Vec<u8> {
    let (bits, most) = (usize::from(bits), (1 << bits) - 1);
    let factor = if scale { 255 / most } else { 1 };
    let sample = |row: &[u8], x: usize| (row[x * bits / 8] >> (8 - bits - x * bits % 8) & most) * factor;
    packed.chunks_exact((width * bits).div_ceil(8)).flat_map(|row| (0..width).map(move |x| sample(row, x))).collect()
}

fn interleave(data: &[u8], pixels: usize, planes: usize) -> Vec<u8> {
    let plane = data.len() / planes;
    if plane != pixels {
        return Vec::new();
    }
    (0..pixels).flat_map(|pixel| (0..planes).map(move |p| data[p * plane + pixel])).collect()
}

/// Inks that take away from white, without a colour profile.
fn from_cmyk([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let light = 255 - u32::from(k);
    [c, m, y].map(|ink| {
        let product = u32::from(ink) * light + 128;
        (light - (((product >> 8) + product) >> 8)) as u8
    })
}

/// Full-range ITU-R BT.601, as in JPEG files (ITU-T T.871).
fn from_ycbcr([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    // Conversion to u8 cuts to 0..=255.
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|v| (v + 0.5) as u8)
}

fn translate(error: TiffError, name: &str) -> Error {
    match error {
        TiffError::IoError(e) if e.kind() == io::ErrorKind::UnexpectedEof => Format::Tiff.truncated(name),
        TiffError::UnsupportedError(e) => Format::Tiff.not_read(name, e),
        TiffError::LimitsExceeded => {
            Format::Tiff.damaged(name, "it needs more memory than an image of its size should")
        }
        other => Format::Tiff.damaged(name, other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_samples_are_scaled_or_not() {
        assert_eq!(unpack(&[0b1010_0000, 0b0100_0000], 3, 1, true), [255, 0, 255, 0, 255, 0]);
        assert_eq!(unpack(&[0b1101_1000], 3, 2, false), [3, 1, 2]);
        assert_eq!(unpack(&[0x3f], 2, 4, true), [51, 255]);
    }

    #[test]
    fn inks_as_pillow_mixes_them() {
        // Pillow 13: Image.new("CMYK", (1, 1), inks).convert("RGB")
        assert_eq!(from_cmyk([0, 0, 0, 0]), [255, 255, 255]);
        assert_eq!(from_cmyk([255, 0, 100, 51]), [0, 204, 124]);
        assert_eq!(from_cmyk([10, 20, 30, 255]), [0, 0, 0]);
    }
}
