use std::ops::Range;

use sdmad_base::{Error, Result};

use crate::resample::resize_window;
use crate::{Filter, RgbImage};

/// Channel means of CLIP's training images, in `[0, 1]` (Radford et al. 2021, released code).
pub const CLIP_MEAN: [f32; 3] = [0.48145466, 0.4578275, 0.40821073];
/// Channel standard deviations of CLIP's training images.
pub const CLIP_STD: [f32; 3] = [0.26862954, 0.261_302_6, 0.275_777_1];
/// Channel means of ImageNet, in `[0, 1]`.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Channel standard deviations of ImageNet.
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// How an image is brought to a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fit {
    /// Both sides are resized to the size; the aspect ratio is lost.
    Squash,
    /// The shorter side is resized to the size, the longer one to `floor(size * longer / shorter)`, and the middle
    /// is cut out: torchvision's `Resize(size)` and `CenterCrop(size)`, which CLIP and open_clip use. The margin
    /// on the left (or top) is half of what is left over, halves to the even number.
    ShortestThenCenterCrop,
}

/// From an image of any size to what an image tower takes.
///
/// `pixel[c] = (value / 255 - mean[c]) / std[c]` in f32, in this order of operations, after the resize.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    /// Pixels of a side of the result.
    pub size: usize,
    /// How the image is brought to a square.
    pub fit: Fit,
    /// The resampling filter.
    pub filter: Filter,
    /// What is taken away from each channel, in `[0, 1]`.
    pub mean: [f32; 3],
    /// What each channel is divided by.
    pub std: [f32; 3],
}

impl Preprocess {
    /// The greatest [`Preprocess::size`] that [`Preprocess::check`] lets pass.
    pub const MAX_SIZE: usize = 4096;

    /// Whether the numbers make sense; for what was read from a file.
    ///
    /// # Errors
    /// When the size is not in `1..=4096`, or a mean or standard deviation is not finite, or a standard
    /// deviation is not above zero.
    pub fn check(&self) -> Result<()> {
        if !(1..=Self::MAX_SIZE).contains(&self.size) {
            return Err(Error::bad_input(format!("image size {} is not in 1 to {}", self.size, Self::MAX_SIZE)));
        }
        if let Some(mean) = self.mean.iter().find(|mean| !mean.is_finite()) {
            return Err(Error::bad_input(format!("the mean {mean} of a channel is not a finite number")));
        }
        if let Some(std) = self.std.iter().find(|std| !std.is_finite() || **std <= 0.0) {
            return Err(Error::bad_input(format!("the standard deviation {std} of a channel is not above zero")));
        }
        Ok(())
    }

    /// Brings `image` to `[3, size, size]`.
    ///
    /// Memory and time are those of the square, however long and thin the image is.
    ///
    /// # Panics
    /// When the size is zero.
    pub fn apply(&self, image: &RgbImage) -> Pixels {
        self.normalize(&self.square(image))
    }

    /// The first half of [`Preprocess::apply`]: the square of 8-bit pixels.
    ///
    /// # Panics
    /// When the size is zero.
    pub fn square(&self, image: &RgbImage) -> RgbImage {
        let size = self.size;
        assert!(size > 0, "the size of a preprocessed image is above zero");
        match self.fit {
            Fit::Squash => resize_window(image, (size, size), 0..size, 0..size, self.filter),
            Fit::ShortestThenCenterCrop => {
                let (width, height) = shortest_side_to(size, image.width(), image.height());
                resize_window(image, (width, height), middle(width, size), middle(height, size), self.filter)
            }
        }
    }

    /// The part of an image of `width` x `height` that the square shows, in pixels of the image: left, top, width and
    /// height. For what belongs to places of an image, such as masks, and must go the same way.
    ///
    /// # Panics
    /// When a side is zero.
    pub fn seen(&self, width: usize, height: usize) -> [f64; 4] {
        match self.fit {
            Fit::Squash => [0.0, 0.0, width as f64, height as f64],
            Fit::ShortestThenCenterCrop => {
                let resized = shortest_side_to(self.size, width, height);
                let along = |side: usize, resized: usize| {
                    let pixel = side as f64 / resized as f64;
                    (middle(resized, self.size).start as f64 * pixel, self.size as f64 * pixel)
                };
                let (left, seen_width) = along(width, resized.0);
                let (top, seen_height) = along(height, resized.1);
                [left, top, seen_width, seen_height]
            }
        }
    }

    fn normalize(&self, square: &RgbImage) -> Pixels {
        let mut data = Vec::with_capacity(square.data().len());
        for channel in 0..3 {
            let table: [f32; 256] =
                std::array::from_fn(|value| (value as f32 / 255.0 - self.mean[channel]) / self.std[channel]);
            data.extend(square.data().as_chunks::<3>().0.iter().map(|pixel| table[usize::from(pixel[channel])]));
        }
        Pixels { size: self.size, data }
    }
}

/// Width and height after the shorter one became `size`.
fn shortest_side_to(size: usize, width: usize, height: usize) -> (usize, usize) {
    let longer = |long: usize, short: usize| (size as u128 * long as u128 / short as u128) as usize;
    if width <= height { (size, longer(height, width)) } else { (longer(width, height), size) }
}

/// The middle `size` of `length`; Python's `round` takes halves to the even number.
fn middle(length: usize, size: usize) -> Range<usize> {
    let spare = length - size;
    let start = if spare % 4 == 3 { spare / 2 + 1 } else { spare / 2 };
    start..start + size
}

/// What an image tower takes: planar f32, `[3, size, size]`, red, green, blue.
#[derive(Clone, PartialEq)]
pub struct Pixels {
    size: usize,
    data: Vec<f32>,
}

impl Pixels {
    /// Pixels from planar values `[3, size, size]`, already normalised.
    ///
    /// # Errors
    /// When the size is zero or `data` does not hold `3 * size * size` values.
    pub fn new(size: usize, data: Vec<f32>) -> Result<Pixels> {
        if size == 0 || size.checked_mul(size).and_then(|n| n.checked_mul(3)) != Some(data.len()) {
            return Err(Error::bad_input(format!("{} values do not make 3 planes of {size} x {size}", data.len())));
        }
        Ok(Pixels { size, data })
    }

    /// Pixels of a side.
    pub fn size(&self) -> usize {
        self.size
    }

    /// All values, `[3, size, size]`.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// One channel, `[size, size]`; 0 is red.
    ///
    /// # Panics
    /// When `channel` is above 2.
    pub fn channel(&self, channel: usize) -> &[f32] {
        let plane = self.size * self.size;
        &self.data[channel * plane..(channel + 1) * plane]
    }
}

impl std::fmt::Debug for Pixels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pixels [3, {0}, {0}]", self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(size: usize) -> Preprocess {
        let fit = Fit::ShortestThenCenterCrop;
        Preprocess { size, fit, filter: Filter::Bicubic, mean: CLIP_MEAN, std: CLIP_STD }
    }

    #[test]
    fn the_longer_side_is_cut_down_and_the_margin_rounded_to_even() {
        assert_eq!(shortest_side_to(224, 512, 1024), (224, 448));
        assert_eq!(shortest_side_to(224, 301, 200), (337, 224));
        assert_eq!(middle(225, 224).start, 0);
        assert_eq!(middle(227, 224).start, 2);
        assert_eq!(middle(229, 224).start, 2);
        assert_eq!(middle(224, 224).start, 0);
    }

    #[test]
    fn what_is_seen_is_all_or_the_middle() {
        assert_eq!(clip(224).seen(512, 1024), [0.0, 256.0, 512.0, 512.0]);
        assert_eq!(clip(224).seen(448, 448), [0.0, 0.0, 448.0, 448.0]);
        assert_eq!(Preprocess { fit: Fit::Squash, ..clip(224) }.seen(512, 1024), [0.0, 0.0, 512.0, 1024.0]);
    }

    #[test]
    fn a_very_long_image_costs_no_more_than_its_square() {
        let thin = RgbImage::new(1, 16_384, vec![90; 3 * 16_384]).unwrap();
        let pixels = clip(32).apply(&thin);
        assert_eq!(pixels.data().len(), 3 * 32 * 32);
        assert!(pixels.channel(0).iter().all(|&v| v == (90.0 / 255.0 - CLIP_MEAN[0]) / CLIP_STD[0]));
    }

    #[test]
    fn numbers_without_sense_are_refused() {
        assert!(clip(224).check().is_ok());
        assert!(clip(0).check().is_err());
        assert!(Preprocess { std: [1.0, 0.0, 1.0], ..clip(8) }.check().is_err());
        assert!(Preprocess { mean: [f32::NAN; 3], ..clip(8) }.check().is_err());
        assert!(Pixels::new(2, vec![0.0; 11]).is_err());
    }
}
