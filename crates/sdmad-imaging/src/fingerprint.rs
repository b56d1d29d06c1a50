use std::fmt;

use crate::{Filter, RgbImage, resize_grey};

/// Columns and rows of comparisons.
const SIDE: usize = 16;

/// A difference hash of 256 bits, alike for images that look alike.
///
/// The image is turned to grey ([`RgbImage::to_grey`]) and resized to 17 x 16 pixels by [`Filter::Lanczos3`];
/// bit `16 y + x` is 1 when pixel `(x + 1, y)` is brighter than pixel `(x, y)`. Bit 0 is the highest bit of the
/// first word and stands first in the hexadecimal text (64 digits), which is the order of the Python package
/// `imagehash` (`dhash` with `hash_size=16`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u64; 4]);

impl Fingerprint {
    /// Bits of a fingerprint, and the greatest distance.
    pub const BITS: u32 = 256;

    /// The fingerprint of an image.
    pub fn from_image(image: &RgbImage) -> Fingerprint {
        let small = resize_grey(&image.to_grey(), SIDE + 1, SIDE, Filter::Lanczos3);
        let mut words = [0; 4];
        for (y, row) in small.data().chunks_exact(SIDE + 1).enumerate() {
            for (x, pair) in row.windows(2).enumerate() {
                let bit = y * SIDE + x;
                words[bit / 64] |= u64::from(pair[1] > pair[0]) << (63 - bit % 64);
            }
        }
        Fingerprint(words)
    }

    /// How many bits differ, `0..=256`. Copies that were scaled or saved again are mostly below 16; two different
    /// images of one kind lie around 80 to 128.
    pub fn distance(&self, other: &Fingerprint) -> u32 {
        self.0.iter().zip(&other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// The fingerprint with these words, as [`Fingerprint::words`] gave them.
    pub fn from_words(words: [u64; 4]) -> Fingerprint {
        Fingerprint(words)
    }

    /// The four words, highest bit first.
    pub fn words(&self) -> [u64; 4] {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{word:016x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_is_all_ones_and_its_mirror_all_zeros() {
        let data = (0..20 * 170).flat_map(|i| [(i % 170) as u8; 3]).collect();
        let ramp = RgbImage::new(170, 20, data).unwrap();
        let (rising, falling) = (Fingerprint::from_image(&ramp), Fingerprint::from_image(&ramp.flipped_horizontally()));
        assert_eq!(rising.to_string(), "f".repeat(64));
        assert_eq!(falling.to_string(), "0".repeat(64));
        assert_eq!(rising.distance(&falling), Fingerprint::BITS);
        assert_eq!(rising.distance(&rising), 0);
    }
}
