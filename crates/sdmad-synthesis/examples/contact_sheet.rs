//! Draws a sheet of renderings to look at: `contact_sheet DOMAIN OUT.png [NORMAL.png ...]`. What was drawn is printed,
//! image by image; the seed is the environment's SEED.

use std::path::Path;

use sdmad_base::{Error, Result};
use sdmad_imaging::{RgbImage, read_image, write_png};
use sdmad_synthesis::{Domain, Renderer};

const COLUMNS: usize = 6;
const ROWS: usize = 4;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [domain, out, normals @ ..] = arguments.as_slice() else {
        return Err(Error::bad_input("contact_sheet DOMAIN OUT.png [NORMAL.png ...]"));
    };
    let seed = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let renderer = Renderer::new(Domain::from_id(domain)?, seed);
    let normals = normals.iter().map(|p| read_image(Path::new(p))).collect::<Result<Vec<_>>>()?;
    let side = renderer.side;
    let width = COLUMNS * side;
    let mut sheet = vec![0u8; width * ROWS * side * 3];
    let start = std::time::Instant::now();
    for number in 0..COLUMNS * ROWS {
        let normal = if normals.is_empty() { None } else { Some(&normals[number % normals.len()]) };
        let rendering = renderer.render(normal, number as u64)?;
        let words: Vec<&str> = rendering.present.iter().map(|a| a.id()).collect();
        println!("{number}: {}", words.join(" "));
        let (left, top) = (number % COLUMNS * side, number / COLUMNS * side);
        for y in 0..side {
            let from = &rendering.image.data()[y * side * 3..(y + 1) * side * 3];
            let at = ((top + y) * width + left) * 3;
            sheet[at..at + side * 3].copy_from_slice(from);
        }
    }
    println!("{:.1} images/s", (COLUMNS * ROWS) as f64 / start.elapsed().as_secs_f64());
    write_png(Path::new(out), &RgbImage::new(width, ROWS * side, sheet)?)
}
