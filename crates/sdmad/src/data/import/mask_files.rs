//! Masks that are written beside the manifest: copies of files that cannot be used as they are, and boxes.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sdmad_base::{AtomicDir, Error, Monitor, Result};
use sdmad_imaging::{GreyImage, MAX_PIXELS, read_mask, write_png_grey};

use super::draft::MaskForm;
use super::table::Line;

/// Grey from which on a pixel of a JPEG mask is lesion. Compression leaves greys of any value around the edge of white on
/// black, and above 0 in the black, where a manifest's masks count every pixel above 0.
const THRESHOLD: u8 = 128;
/// Masks between two looks at whether to stop.
const CHUNK: usize = 64;
/// The side in pixels of the images that boxes were drawn on, in ChestX-ray14 and in RSNA.
const BOXED_SIDE: f64 = 1024.0;

/// A rectangle on an image of [`BOXED_SIDE`] pixels: left, top, width, height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rectangle([f64; 4]);

impl Rectangle {
    /// From four cells of a table.
    pub(super) fn read(line: Line<'_>, columns: [usize; 4]) -> Result<Self> {
        let mut numbers = [0.0; 4];
        for (place, (number, column)) in numbers.iter_mut().zip(columns).enumerate() {
            let least = if place < 2 { 0.0 } else { f64::MIN_POSITIVE };
            let read = line.cell(column).parse::<f64>().ok().filter(|n| (least..=BOXED_SIDE).contains(n));
            *number = read.ok_or_else(|| line.unexpected(column, "a number of pixels, at most 1024"))?;
        }
        Ok(Rectangle(numbers))
    }

    /// The pixels that the rectangle touches along one axis of an image with so many.
    fn range(self, axis: usize, pixels: usize) -> std::ops::Range<usize> {
        let scale = pixels as f64 / BOXED_SIDE;
        let end = (self.0[axis] + self.0[axis + 2]) * scale;
        // Both are within 0 and twice the side, so nothing is cut off but fractions.
        ((self.0[axis] * scale).floor() as usize).min(pixels)..(end.ceil() as usize).min(pixels)
    }
}

/// A mask to be written.
#[derive(Debug)]
pub(super) struct MaskFile {
    /// The mask, or for boxes the image, of which the size is looked up.
    pub(super) source: PathBuf,
    pub(super) form: MaskForm,
    /// The name in the folder of masks.
    pub(super) name: String,
}

/// Writes each mask as black and white PNG into a folder of its own, whole or not at all.
pub(super) fn write(masks: &[MaskFile], target: &Path, monitor: &dyn Monitor) -> Result<()> {
    let staging = AtomicDir::create(target)?;
    monitor.begin("writing masks", masks.len());
    for chunk in masks.chunks(CHUNK) {
        monitor.check()?;
        chunk.par_iter().try_for_each(|mask| -> Result<()> {
            let drawn = match &mask.form {
                MaskForm::Boxes(boxes) => draw(&mask.source, boxes)?,
                MaskForm::Plain | MaskForm::Lossy => black_and_white(&mask.source)?,
            };
            write_png_grey(&staging.path().join(&mask.name), &drawn)
        })?;
        monitor.advance(chunk.len());
    }
    monitor.end();
    staging.commit()
}

fn black_and_white(source: &Path) -> Result<GreyImage> {
    let mask = read_mask(source)?;
    let white = |grey: &u8| if *grey >= THRESHOLD { u8::MAX } else { 0 };
    GreyImage::new(mask.width(), mask.height(), mask.data().iter().map(white).collect())
}

/// The boxes in white, of the image's size: of the image no more than its header is read.
fn draw(image: &Path, boxes: &[Rectangle]) -> Result<GreyImage> {
    let refuse =
        |what: &str| Error::bad_input(format!("{}: {what}", image.display())).with_hint("import without --boxes masks");
    let reader = image::ImageReader::open(image).and_then(image::ImageReader::with_guessed_format);
    let (width, height) = reader
        .map_err(|e| Error::io("read", image, e))?
        .into_dimensions()
        .map_err(|e| refuse(&format!("its size cannot be read: {e}")))?;
    let (width, height) = (width as usize, height as usize);
    if width != height || (width * height) as u64 > MAX_PIXELS as u64 {
        return Err(refuse(&format!(
            "{width} x {height} pixels; expected a square, as the image that its boxes were drawn on"
        )));
    }
    let mut pixels = vec![0; width * height];
    for rectangle in boxes {
        for row in rectangle.range(1, height) {
            pixels[row * width..][rectangle.range(0, width)].fill(u8::MAX);
        }
    }
    GreyImage::new(width, height, pixels)
}
