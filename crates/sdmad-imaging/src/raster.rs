use sdmad_base::Result;

use crate::{GreyImage, RgbImage};

/// How samples of 16 bits become 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The high byte: 0..=65535 goes to 0..=255. For images.
    HighByte,
    /// What is above 255 becomes 255, so that a label of 1 stays above 0. For masks.
    Clip,
}

impl Depth {
    pub(crate) fn reduce(self, value: u16) -> u8 {
        match self {
            Depth::HighByte => (value >> 8) as u8,
            Depth::Clip => value.min(255) as u8,
        }
    }
}

/// Decoded samples of 8 bits, grey or RGB, without alpha.
pub(crate) struct Raster {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) samples: Samples,
}

pub(crate) enum Samples {
    /// `[height, width]`
    Grey(Vec<u8>),
    /// `[height, width, 3]`
    Rgb(Vec<u8>),
}

impl Samples {
    /// Keeps the colours of interleaved pixels with `channels` samples: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and
    /// alpha. Alpha is dropped, not blended.
    pub(crate) fn without_alpha(mut data: Vec<u8>, channels: usize) -> Samples {
        let colours = if channels < 3 { 1 } else { 3 };
        if channels != colours {
            keep_first(&mut data, channels, colours);
        }
        if colours == 1 { Samples::Grey(data) } else { Samples::Rgb(data) }
    }
}

/// Keeps the first `kept` of each `channels` samples, in place.
pub(crate) fn keep_first(data: &mut Vec<u8>, channels: usize, kept: usize) {
    let pixels = data.len() / channels;
    for pixel in 0..pixels {
        data.copy_within(pixel * channels..pixel * channels + kept, pixel * kept);
    }
    data.truncate(pixels * kept);
    data.shrink_to_fit();
}

impl Raster {
    pub(crate) fn into_rgb(self) -> Result<RgbImage> {
        match self.samples {
            Samples::Grey(data) => Ok(GreyImage::new(self.width, self.height, data)?.to_rgb()),
            Samples::Rgb(data) => RgbImage::new(self.width, self.height, data),
        }
    }

    pub(crate) fn into_grey(self) -> Result<GreyImage> {
        match self.samples {
            Samples::Grey(data) => GreyImage::new(self.width, self.height, data),
            Samples::Rgb(data) => Ok(RgbImage::new(self.width, self.height, data)?.to_grey()),
        }
    }
}
