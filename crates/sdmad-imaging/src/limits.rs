use sdmad_base::{Error, Result};

/// The greatest width and height that is read, in pixels.
pub const MAX_SIDE: usize = 16_384;
/// The greatest number of pixels that is read.
pub const MAX_PIXELS: usize = 100_000_000;
/// The greatest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 30;
/// The greatest buffer of decoded samples, before they are brought to 8 bits, in bytes.
pub(crate) const MAX_DECODED_BYTES: u64 = 512 << 20;

/// Refuses a size from a header before anything of that size is allocated.
///
/// `bytes_per_pixel` is that of the decoded samples.
pub(crate) fn check_size(name: &str, width: u64, height: u64, bytes_per_pixel: u64) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::bad_input(format!("{name} says that it is {width} x {height} pixels: it has no pixel"))
            .with_hint("export the image again, or take it out of the list"));
    }
    let too_large = |what: String| {
        Error::bad_input(format!("{name} is {width} x {height} pixels: {what}"))
            .with_hint("reduce the image, or cut it into tiles")
    };
    let (side, most) = (MAX_SIDE as u64, MAX_PIXELS as u64);
    if width > side || height > side || width * height > most {
        return Err(too_large(format!("at most {side} a side and {most} in all are read")));
    }
    let decoded = width * height * bytes_per_pixel;
    if decoded > MAX_DECODED_BYTES {
        return Err(too_large(format!("it decodes to {decoded} bytes, at most {MAX_DECODED_BYTES} are read")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_at_the_edge() {
        assert!(check_size("a", 16_384, 6_000, 3).is_ok());
        assert!(check_size("a", 16_385, 1, 3).is_err());
        assert!(check_size("a", 16_384, 16_384, 1).is_err());
        assert!(check_size("a", 10_000, 10_000, 6).is_err());
        assert!(check_size("a", 10_000, 10_000, 4).is_ok());
        assert!(check_size("a", u64::MAX, u64::MAX, 4).is_err());
        let error = check_size("scan.png", 60_000, 60_000, 3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "scan.png is 60000 x 60000 pixels: at most 16384 a side and 100000000 in all are read"
        );
    }
}
