use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use sdmad_base::{AtomicFile, Error, Result, sha256_hex};
use sdmad_engine::{Linear, PACKED_LAYOUT, PackedBytes, Precision, SharedBytes, shared_bytes};
use serde::{Deserialize, Serialize};

use super::{PACKED_FORMAT, PackedKey};
use crate::weights::WeightFile;

/// The first bytes of a packed file. Behind them stand the length of the header (8 bytes, little-endian), its SHA-256 (64 hexadecimal digits),
/// the header as JSON, and the numbers, each tensor at a multiple of [`ALIGNMENT`].
const MAGIC: &[u8; 8] = b"sdmadpak";
const FRONT: usize = 8 + 8 + 64;
const ALIGNMENT: usize = 64;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    /// Of packed weights.
    layout: u32,
    sha256: String,
    tower: String,
    precision: String,
    /// Bytes behind the header and what fills it up.
    length: usize,
    checksum: u64,
    /// Tensors of f32.
    tensors: BTreeMap<String, Entry>,
    /// Packed weights of linear layers, `[output, input]`.
    weights: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    shape: Vec<usize>,
    offset: usize,
}

/// All that a tower was built of, opened; it remembers what was taken, as a [`WeightFile`] does.
pub(crate) struct PackedFile {
    bytes: SharedBytes,
    /// Where the numbers start.
    start: usize,
    header: Header,
    precision: Precision,
    taken: Mutex<BTreeSet<String>>,
}

impl PackedFile {
    /// Opens the file of this key; `None` when there is none, or one that is not whole.
    pub(super) fn open(path: &Path, key: &PackedKey<'_>) -> Option<Self> {
        let bytes = shared_bytes(path).ok()?;
        let all = (*bytes).as_ref();
        let (front, rest) = all.split_at_checked(FRONT)?;
        let (magic, front) = front.split_first_chunk::<8>()?;
        let (length, digest) = front.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let text = rest.get(..length)?;
        if magic != MAGIC || sha256_hex(text).as_bytes() != digest {
            return None;
        }
        let header: Header = serde_json::from_slice(text).ok()?;
        let start = (FRONT + length).next_multiple_of(ALIGNMENT);
        let same = (header.format, header.layout) == (PACKED_FORMAT, PACKED_LAYOUT)
            && header.sha256 == key.sha256
            && header.tower == key.tower
            && header.precision == key.precision.name();
        let numbers = all.get(start..)?;
        let whole = same && numbers.len() == header.length && checksum(numbers) == header.checksum;
        whole.then_some(PackedFile { bytes, start, header, precision: key.precision, taken: Mutex::default() })
    }

    pub(crate) fn precision(&self) -> Precision {
        self.precision
    }

    /// A tensor of exactly this shape.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let range = self.range(&self.header.tensors, name, shape, 4 * shape.iter().product::<usize>())?;
        let (numbers, _) = (*self.bytes).as_ref().get(range).unwrap_or_default().as_chunks::<4>();
        Ok(numbers.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    /// Whether there is a tensor of this shape.
    pub(crate) fn has(&self, name: &str, shape: &[usize]) -> bool {
        self.header.tensors.get(name).is_some_and(|entry| entry.shape == shape)
    }

    /// The packed weight of a linear layer.
    pub(crate) fn weight(&self, name: &str, output: usize, input: usize) -> Result<PackedBytes> {
        let length = Linear::packed_length(output, input, self.precision);
        let range = self.range(&self.header.weights, name, &[output, input], length)?;
        PackedBytes::shared(self.bytes.clone(), range)
    }

    fn range(
        &self,
        entries: &BTreeMap<String, Entry>,
        name: &str,
        shape: &[usize],
        length: usize,
    ) -> Result<std::ops::Range<usize>> {
        let entry = entries.get(name).filter(|entry| entry.shape == shape);
        let first = entry.and_then(|entry| self.start.checked_add(entry.offset));
        let last = first.and_then(|first| first.checked_add(length)).filter(|l| *l <= (*self.bytes).as_ref().len());
        // Whoever opens the file then takes the weights themselves, which say what is wrong.
        let (Some(first), Some(last)) = (first, last) else {
            return Err(Error::bad_input(format!("no packed `{name}` of shape {shape:?}")));
        };
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_string());
        Ok(first..last)
    }

    /// Whether nothing was left over.
    pub(crate) fn is_used_up(&self) -> bool {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        self.header.tensors.keys().chain(self.header.weights.keys()).all(|name| taken.contains(name))
    }
}

/// Writes all that was taken from a weight file, piece by piece: a second copy in memory would make the first start the largest.
pub(super) fn write(path: &Path, key: &PackedKey<'_>, file: &WeightFile) -> Result<()> {
    let (plain, layers) = (file.plain_tensors(), file.packed_layers());
    let mut length = 0_usize;
    let mut place = |shape: Vec<usize>, bytes: usize| {
        let offset = length;
        length = (offset + bytes).next_multiple_of(ALIGNMENT);
        Entry { shape, offset }
    };
    let bytes_of = |shape: &[usize]| 4 * shape.iter().product::<usize>();
    let tensors = plain.iter().map(|(name, shape)| (name.clone(), place(shape.clone(), bytes_of(shape)))).collect();
    let weights = layers
        .iter()
        .map(|(name, layer)| {
            let shape = vec![layer.output_width(), layer.input_width()];
            (name.clone(), place(shape, layer.packed().as_slice().len()))
        })
        .collect();
    // The same numbers in the same order, each filled up to the alignment.
    let numbers = |take: &mut dyn FnMut(&[u8]) -> Result<()>| {
        let mut filled = |bytes: &[u8]| {
            take(bytes)?;
            take(&[0; ALIGNMENT][..bytes.len().next_multiple_of(ALIGNMENT) - bytes.len()])
        };
        for (name, shape) in &plain {
            let bytes: Vec<u8> = file.read(name, shape)?.iter().flat_map(|x| x.to_le_bytes()).collect();
            filled(&bytes)?;
        }
        layers.values().try_for_each(|layer| filled(layer.packed().as_slice()))
    };
    let mut sum = Checksum::default();
    numbers(&mut |bytes| {
        sum.update(bytes);
        Ok(())
    })?;
    let header = Header {
        format: PACKED_FORMAT,
        layout: PACKED_LAYOUT,
        sha256: key.sha256.to_string(),
        tower: key.tower.to_string(),
        precision: key.precision.name().to_string(),
        length,
        checksum: sum.finish(),
        tensors,
        weights,
    };
    let text = serde_json::to_vec(&header)
        .map_err(|e| Error::environment(format!("{}: the header cannot be written: {e}", path.display())))?;
    let mut out = AtomicFile::create(path)?;
    let mut put = |bytes: &[u8]| out.write_all(bytes).map_err(|e| Error::io("write", path, e));
    put(MAGIC)?;
    put(&(text.len() as u64).to_le_bytes())?;
    put(sha256_hex(&text).as_bytes())?;
    put(&text)?;
    put(&[0; ALIGNMENT][..(FRONT + text.len()).next_multiple_of(ALIGNMENT) - FRONT - text.len()])?;
    numbers(&mut put)?;
    out.commit()
}

/// Bytes of a piece whose checksum is taken by itself.
const PIECE: usize = 1 << 22;

/// A number that any one changed byte changes, at the speed of reading: against damage, not against people.
fn checksum(bytes: &[u8]) -> u64 {
    let pieces: Vec<u64> = bytes.par_chunks(PIECE).map(piece_checksum).collect();
    mixed(pieces.into_iter().fold(0, mixed), bytes.len() as u64)
}

/// The same of bytes that come one after another.
#[derive(Default)]
struct Checksum {
    sum: u64,
    length: u64,
    waiting: Vec<u8>,
}

impl Checksum {
    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            if self.waiting.len() == PIECE {
                self.end_piece();
            }
            bytes = later;
        }
    }

    fn end_piece(&mut self) {
        self.sum = mixed(self.sum, piece_checksum(&self.waiting));
        self.length += self.waiting.len() as u64;
        self.waiting.clear();
    }

    fn finish(mut self) -> u64 {
        if !self.waiting.is_empty() {
            self.end_piece();
        }
        mixed(self.sum, self.length)
    }
}

fn piece_checksum(bytes: &[u8]) -> u64 {
    let mut lanes = [0_u64; 8];
    let (lines, rest) = bytes.as_chunks::<64>();
    for line in lines {
        for (lane, word) in lanes.iter_mut().zip(line.as_chunks::<8>().0) {
            *lane = mixed(*lane, u64::from_le_bytes(*word));
        }
    }
    let rest = rest.iter().fold(rest.len() as u64, |sum, byte| mixed(sum, u64::from(*byte)));
    lanes.into_iter().fold(rest, mixed)
}

/// For each of the two a one-to-one map of the other, since the factor is odd.
fn mixed(sum: u64, word: u64) -> u64 {
    (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_that_of_all_bytes_whatever_parts_they_come_in() {
        let bytes: Vec<u8> = (0..2 * PIECE + 1000).map(|i| (i * i % 253) as u8).collect();
        for length in [0, 1, 63, PIECE, PIECE + 1, 2 * PIECE + 1000] {
            let mut sum = Checksum::default();
            bytes[..length].chunks(977_777).for_each(|part| sum.update(part));
            assert_eq!(sum.finish(), checksum(&bytes[..length]), "{length}");
        }
    }
}
