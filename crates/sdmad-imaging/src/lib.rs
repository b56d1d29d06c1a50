//! Medical image files to pixels, exact resampling, and what towers take.
//!
//! ```
//! use sdmad_imaging::{Filter, Fingerprint, Fit, IMAGENET_MEAN, IMAGENET_STD, Preprocess, read_image, write_png};
//! # use sdmad_imaging::RgbImage;
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("scan.png");
//! let grey = |x: usize, y: usize| ((x * x + 2 * y * y) / 700) as u8;
//! let scan = RgbImage::new(300, 200, (0..60_000).flat_map(|i| [grey(i % 300, i / 300); 3]).collect())?;
//! write_png(&path, &scan)?;
//!
//! let image = read_image(&path)?;
//! assert_eq!(image, scan);
//! let preprocess = Preprocess {
//!     size: 224,
//!     fit: Fit::ShortestThenCenterCrop,
//!     filter: Filter::Bicubic,
//!     mean: IMAGENET_MEAN,
//!     std: IMAGENET_STD,
//! };
//! let pixels = preprocess.apply(&image);
//! assert_eq!(pixels.data().len(), 3 * 224 * 224);
//!
//! let smaller = sdmad_imaging::resize(&image, 150, 100, Filter::Lanczos3);
//! assert!(Fingerprint::from_image(&image).distance(&Fingerprint::from_image(&smaller)) < 16);
//! # Ok::<(), sdmad_base::Error>(())
//! ```
//!
//! # Map
//! | module | holds |
//! |---|---|
//! | `rgb_image`, `grey_image` | [`RgbImage`], [`GreyImage`]: 8-bit pixels |
//! | `decode`, `format`, `raster`, `limits` | [`read_image`], [`read_mask`]: files and bytes to pixels, with limits checked before memory is taken |
//! | `encode` | [`write_png`], [`write_png_grey`] |
//! | `resample`, `filter` | [`resize`], [`resize_grey`]: equal to Pillow on every pixel |
//! | `preprocess` | [`Preprocess`] to [`Pixels`]: what an image tower takes |
//! | `augment` | flips, crops, shifts, turns, brightness and contrast of [`RgbImage`] |
//! | `fingerprint` | [`Fingerprint`]: near-duplicates |
//!
//! # What is read
//! The first bytes decide, not the name. Files with several pictures (TIFF, animated PNG and WebP) give the first.
//!
//! | format | read | not read (a clear error) |
//! |---|---|---|
//! | PNG | grey and palette of 1, 2, 4, 8 bits; grey of 16; RGB of 8, 16; each with alpha or a transparent colour; interlaced | |
//! | JPEG | baseline and progressive; grey, YCbCr, RGB, CMYK | 12 bits, lossless, arithmetic |
//! | TIFF | strips and tiles; none, LZW, Deflate, PackBits, JPEG, CCITT 4; grey of 1, 2, 4, 8, 16 bits (black or white is zero); palette; RGB of 8, 16; CMYK, YCbCr of 8; planar; alpha; BigTIFF (without palette) | signed, float, 32 bits, Lab, Zstandard |
//! | BMP | 1, 2, 4, 8, 16, 24, 32 bits, RLE, bit fields | embedded JPEG or PNG |
//! | WebP | lossy, lossless, alpha | |
//!
//! The meaning is that of Pillow's `convert("RGB")` and, for masks, `convert("L")`, with one difference, in 16 bits:
//! - Alpha is dropped, not blended. A palette is looked up; 1 bit becomes 0 and 255.
//! - **16 bits**: Pillow clips grey at 255, which turns most of a medical image white. [`read_image`] takes the high
//!   byte instead, 0..=65535 to 0..=255 (for RGB Pillow does so too). An image with 12 bits in the low end of 16
//!   therefore comes out dark: window it before. [`read_mask`] clips, so that a label of 1 stays above 0.
//! - EXIF orientation and colour profiles are not applied, as Pillow's `convert` does not apply them: masks and boxes
//!   are in the stored orientation.
//! - PNG, BMP, TIFF and WebP give Pillow's pixels exactly on the fixtures (16-bit BMP: within a level). JPEG comes
//!   from another decoder than Pillow's, which rounds otherwise: on 160 real images up to 5 levels, most where chroma
//!   is halved, with 0.4 to 12 % of the values off by one or more.
//! - A JPEG or WebP file that ends too early is refused, though its decoder would fill the rest with grey.
//!
//! No bytes make a reader panic: tests cut and flip files of every kind, and a panic inside a decoder would be caught.
//!
//! # Resampling
//! [`resize`] is bit-equal to **Pillow 13.0.0**'s `Image.resize`, without `box` and `reducing_gap`, for modes RGB and L: weights
//! are computed in f64 with the filter's support scaled by the shrinking factor, cut at the image's edge and divided
//! by their sum, then rounded to fixed point with 22 fractional bits; each pass adds half and cuts to `0..=255`. An
//! axis whose length stays is left alone. Each pass rounds, so the order of the two shows: since version 13 Pillow
//! runs the vertical pass first when `height − new height` is above 0 and above `2 (width − new width)`, else
//! the horizontal one. Up to version 12.0 the horizontal pass always came first, and tall images differ from ours by a
//! level here and there.

mod augment;
mod decode;
mod encode;
mod filter;
mod fingerprint;
mod format;
mod grey_image;
mod limits;
mod preprocess;
mod raster;
mod resample;
mod rgb_image;

pub use decode::{decode_image, decode_mask, read_image, read_mask};
pub use encode::{encode_jpeg, write_png, write_png_grey};
pub use filter::Filter;
pub use fingerprint::Fingerprint;
pub use grey_image::GreyImage;
pub use limits::{MAX_FILE_BYTES, MAX_PIXELS, MAX_SIDE};
pub use preprocess::{CLIP_MEAN, CLIP_STD, Fit, IMAGENET_MEAN, IMAGENET_STD, Pixels, Preprocess};
pub use resample::{resize, resize_grey, shrink_to};
pub use rgb_image::RgbImage;
