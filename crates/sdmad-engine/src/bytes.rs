//! Bytes that factors of products are packed into.

use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::{Arc, Mutex, PoisonError};

use sdmad_base::{Error, Result};

/// Where packed bytes should start: a line of the cache, and a row of a tile.
pub(crate) const ALIGNMENT: usize = 64;

/// The bytes of a packed weight, shared and never changed: memory of their own, or a part of a larger region such as a mapped file.
#[derive(Clone)]
pub struct PackedBytes {
    owner: Arc<dyn AsRef<[u8]> + Send + Sync>,
    range: Range<usize>,
}

impl PackedBytes {
    /// The bytes `range` of a region, which stays alive as long as they are used.
    ///
    /// They are used where they lie. For full speed they should start at an address that is a multiple of 64, as in a mapped
    /// file at an offset that is one; elsewhere results are the same, later.
    ///
    /// # Errors
    /// When the region is shorter.
    pub fn shared(owner: Arc<dyn AsRef<[u8]> + Send + Sync>, range: Range<usize>) -> Result<Self> {
        let length = (*owner).as_ref().len();
        if range.start > range.end || range.end > length {
            return Err(Error::bad_input(format!(
                "packed bytes {} to {} of a region of {length} bytes",
                range.start, range.end
            )));
        }
        Ok(PackedBytes { owner, range })
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &(*self.owner).as_ref()[self.range.clone()]
    }
}

impl From<AlignedBytes> for PackedBytes {
    fn from(bytes: AlignedBytes) -> Self {
        let range = 0..bytes.len();
        PackedBytes { owner: Arc::new(bytes), range }
    }
}

impl fmt::Debug for PackedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackedBytes({} bytes)", self.range.len())
    }
}

/// Bytes that start at a multiple of [`ALIGNMENT`], zero at first.
#[derive(Debug, Default)]
pub(crate) struct AlignedBytes {
    /// Longer than needed, so that an aligned part of the right length lies in it wherever it was allocated.
    room: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBytes {
    pub(crate) fn zeroed(length: usize) -> Self {
        let room = vec![0; length + ALIGNMENT];
        let start = room.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        AlignedBytes { room, start, length }
    }

    /// Makes it as long as this. What it holds is left from earlier use, or zero.
    pub(crate) fn lengthen(&mut self, length: usize) {
        // A sanitizer sees the end of an allocation, not that of what is used of it.
        if self.room.len() < length + ALIGNMENT || cfg!(sdmad_sanitize) {
            *self = AlignedBytes::zeroed(length);
        }
        self.length = length;
    }
}

/// Bytes of activations that are not in use, kept so that neither the system nor we need clear them anew for each product.
static POOL: Mutex<Vec<AlignedBytes>> = Mutex::new(Vec::new());

/// Buffers in the pool: as many as a block has in use at once, and some.
const POOLED: usize = 16;

/// Bytes from a pool, to which they return when they are dropped. What they hold at first is left from earlier use.
#[derive(Debug, Default)]
pub(crate) struct PooledBytes(AlignedBytes);

impl PooledBytes {
    pub(crate) fn new(length: usize) -> Self {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        // The smallest that is long enough.
        let fitting = |(_, bytes): &(usize, &AlignedBytes)| bytes.room.len() >= length + ALIGNMENT;
        let index = pool.iter().enumerate().filter(fitting).min_by_key(|(_, bytes)| bytes.room.len()).map(|(i, _)| i);
        let mut bytes = index.map_or_else(AlignedBytes::default, |index| pool.swap_remove(index));
        drop(pool);
        bytes.lengthen(length);
        PooledBytes(bytes)
    }
}

impl Drop for PooledBytes {
    fn drop(&mut self) {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() == POOLED {
            let smallest = pool.iter().enumerate().min_by_key(|(_, bytes)| bytes.room.len()).map(|(i, _)| i);
            smallest.map(|index| pool.swap_remove(index));
        }
        pool.push(std::mem::take(&mut self.0));
    }
}

impl Deref for PooledBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for PooledBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Deref for AlignedBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.room[self.start..self.start + self.length]
    }
}

impl DerefMut for AlignedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.room[self.start..self.start + self.length]
    }
}

impl AsRef<[u8]> for AlignedBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_aligned_and_parts_are_checked() {
        for length in [0, 1, 64, 1000] {
            let bytes = AlignedBytes::zeroed(length);
            assert_eq!((bytes.len(), bytes.as_ptr().align_offset(ALIGNMENT)), (length, 0));
        }
        let region: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(vec![1_u8, 2, 3, 4]);
        assert_eq!(PackedBytes::shared(Arc::clone(&region), 1..3).unwrap().as_slice(), [2, 3]);
        assert!(PackedBytes::shared(region, 1..5).is_err());
    }
}
