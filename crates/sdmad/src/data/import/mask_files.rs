//! Masks that are written anew beside the manifest, since their files cannot be used as they are.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sdmad_base::{AtomicDir, Monitor, Result};
use sdmad_imaging::{GreyImage, read_mask, write_png_grey};

/// Grey from which on a pixel of a JPEG mask is lesion. Compression leaves greys of any value around the edge of white on
/// black, and above 0 in the black, where a manifest's masks count every pixel above 0.
const THRESHOLD: u8 = 128;
/// Masks between two looks at whether to stop.
const CHUNK: usize = 64;

/// Writes each mask as black and white PNG into a folder of its own, whole or not at all. The second of a pair is the name there.
pub(super) fn write(masks: &[(PathBuf, String)], target: &Path, monitor: &dyn Monitor) -> Result<()> {
    let staging = AtomicDir::create(target)?;
    monitor.begin("writing masks", masks.len());
    for chunk in masks.chunks(CHUNK) {
        monitor.check()?;
        chunk.par_iter().try_for_each(|(source, name)| -> Result<()> {
            let mask = read_mask(source)?;
            let (width, height) = (mask.width(), mask.height());
            let white = |grey: &u8| if *grey >= THRESHOLD { u8::MAX } else { 0 };
            let mask = GreyImage::new(width, height, mask.data().iter().map(white).collect())?;
            write_png_grey(&staging.path().join(name), &mask)
        })?;
        monitor.advance(chunk.len());
    }
    monitor.end();
    staging.commit()
}
