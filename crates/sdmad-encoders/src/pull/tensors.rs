use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Where the numbers of a tensor come from; they are made one tensor at a time, while writing.
#[derive(Debug)]
pub(super) enum Source<'a> {
    /// As they are.
    Plain(&'a [u8]),
    /// A matrix `[rows, columns]` of f32, to be written as `[columns, rows]`.
    Transposed { bytes: &'a [u8], rows: usize, columns: usize },
    /// One after the other.
    Joined(&'a [u8], &'a [u8]),
}

/// A tensor of f32 to be written: its shape, and its numbers as little-endian bytes.
#[derive(Debug)]
pub(super) struct Tensor<'a> {
    pub(super) shape: Vec<usize>,
    pub(super) source: Source<'a>,
}

impl Tensor<'_> {
    fn length(&self) -> usize {
        match self.source {
            Source::Plain(bytes) | Source::Transposed { bytes, .. } => bytes.len(),
            Source::Joined(first, second) => first.len() + second.len(),
        }
    }

    fn bytes(&self) -> Cow<'_, [u8]> {
        match self.source {
            Source::Plain(bytes) => Cow::Borrowed(bytes),
            Source::Joined(first, second) => Cow::Owned([first, second].concat()),
            Source::Transposed { bytes, rows, columns } => {
                let mut turned = Vec::with_capacity(bytes.len());
                for column in 0..columns {
                    for row in 0..rows {
                        let at = 4 * (row * columns + column);
                        turned.extend_from_slice(&bytes[at..at + 4]);
                    }
                }
                Cow::Owned(turned)
            }
        }
    }
}

/// Writes a safetensors file: length of the header (u64, little-endian), header (JSON, padded with spaces to a
/// multiple of 8), numbers. Tensors stand in the order of their names, so equal tensors give equal bytes.
///
/// `between` is called before each tensor, and may stop the writing.
pub(super) fn write<E: From<io::Error>>(
    out: &mut impl Write,
    tensors: &BTreeMap<String, Tensor<'_>>,
    mut between: impl FnMut() -> Result<(), E>,
) -> Result<(), E> {
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".to_string(), serde_json::json!({ "format": "pt" }));
    let mut offset = 0;
    for (name, tensor) in tensors {
        let end = offset + tensor.length();
        let entry = serde_json::json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, end] });
        header.insert(name.clone(), entry);
        offset = end;
    }
    let mut text = serde_json::Value::Object(header).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    out.write_all(&(text.len() as u64).to_le_bytes())?;
    out.write_all(&text)?;
    for tensor in tensors.values() {
        between()?;
        out.write_all(&tensor.bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_safetensors_crate_reads_it() {
        let numbers: Vec<u8> = (0..6).flat_map(|n| (n as f32).to_le_bytes()).collect();
        let tensors = BTreeMap::from([
            (
                "b".to_string(),
                Tensor { shape: vec![3, 2], source: Source::Transposed { bytes: &numbers, rows: 2, columns: 3 } },
            ),
            ("a".to_string(), Tensor { shape: vec![12], source: Source::Joined(&numbers, &numbers) }),
            ("c".to_string(), Tensor { shape: vec![6], source: Source::Plain(&numbers) }),
        ]);
        let mut bytes = Vec::new();
        write::<io::Error>(&mut bytes, &tensors, || Ok(())).unwrap();
        let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let turned: Vec<u8> = [0f32, 3., 1., 4., 2., 5.].iter().flat_map(|n| n.to_le_bytes()).collect();
        assert_eq!((read.tensor("b").unwrap().data(), read.tensor("b").unwrap().shape()), (&turned[..], &[3, 2][..]));
        assert_eq!(read.tensor("a").unwrap().data(), [&numbers[..], &numbers].concat());
        assert_eq!(read.tensor("c").unwrap().data(), numbers);
    }
}
