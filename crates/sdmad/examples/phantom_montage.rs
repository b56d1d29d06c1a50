//! Draws the picture of the README: phantoms of the generator, one column for normal and for each category.
//!
//! `cargo run -p sdmad --release --example phantom_montage -- docs/images/phantoms.png`

use std::path::PathBuf;

use sdmad::{PHANTOM_CATEGORIES, PhantomConfig, phantom_image};
use sdmad_base::{Error, Result};
use sdmad_imaging::{Filter, GreyImage, resize_grey, write_png_grey};

/// Width and height of a picture, and the white gap between two, in pixels.
const SIDE: usize = 124;
const GAP: usize = 4;
const ROWS: usize = 2;

fn main() -> Result<()> {
    let out = std::env::args_os().nth(1).map(PathBuf::from);
    let out = out.ok_or_else(|| Error::bad_input("expected the PNG file to write"))?;
    let config = PhantomConfig { images: 60, ..PhantomConfig::default() };
    let columns = PHANTOM_CATEGORIES.len() + 1;
    let (width, height) = (columns * (SIDE + GAP) - GAP, ROWS * (SIDE + GAP) - GAP);
    let mut canvas = vec![255u8; width * height];
    let mut filled = vec![0; columns];
    for number in 0..config.images {
        let phantom = phantom_image(&config, number)?;
        // The first column is normal; images with two categories stay out.
        let column = match phantom.masks[..] {
            [] => 0,
            [(category, _)] => category + 1,
            _ => continue,
        };
        if filled[column] == ROWS {
            continue;
        }
        let small = resize_grey(&phantom.image, SIDE, SIDE, Filter::Lanczos3);
        let (left, top) = (column * (SIDE + GAP), filled[column] * (SIDE + GAP));
        for (y, row) in small.data().chunks_exact(SIDE).enumerate() {
            let start = (top + y) * width + left;
            canvas[start..start + SIDE].copy_from_slice(row);
        }
        filled[column] += 1;
    }
    write_png_grey(&out, &GreyImage::new(width, height, canvas)?)
}
