//! A reader of what the conversion needs of an ONNX file: the graph's nodes and its constants.
//!
//! Field numbers are those of `onnx.proto` (ONNX 1.17): ModelProto.graph 7; GraphProto.node 1, .initializer 5;
//! NodeProto.input 1, .output 2, .name 3, .op_type 4; TensorProto.dims 1, .data_type 2, .name 8, .raw_data 9.

use std::collections::BTreeMap;

use sdmad_base::{Error, Result};

/// TensorProto.DataType.FLOAT.
const FLOAT: u64 = 1;
/// Bounds of what a file may hold; a graph of a vision transformer is far below.
const MOST_NODES: usize = 200_000;
const MOST_TENSORS: usize = 50_000;
const MOST_DIMENSIONS: usize = 8;

/// Nodes in order, and constants by name.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) constants: BTreeMap<&'a str, Constant<'a>>,
}

/// An operation.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    pub(super) operation: &'a str,
    pub(super) inputs: Vec<&'a str>,
}

/// A constant tensor of f32, row-major, as little-endian bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Constant<'a> {
    pub(super) shape: Vec<usize>,
    pub(super) bytes: &'a [u8],
    float: bool,
}

impl<'a> Graph<'a> {
    /// Reads the graph of a model. Constants of other types than f32 are left out.
    ///
    /// # Errors
    /// When the bytes are no such file: it never panics, and never allocates more than the file's own size allows.
    pub(super) fn parse(model: &'a [u8]) -> Result<Self> {
        let mut graph = Graph::default();
        let mut found = false;
        for field in Fields(model) {
            if let (7, Value::Bytes(body)) = field? {
                found = true;
                graph.read(body)?;
            }
        }
        if found { Ok(graph) } else { Err(damaged("it has no graph")) }
    }

    fn read(&mut self, body: &'a [u8]) -> Result<()> {
        for field in Fields(body) {
            match field? {
                (1, Value::Bytes(node)) => self.nodes.push(read_node(node)?),
                (5, Value::Bytes(tensor)) => {
                    let (name, constant) = read_constant(tensor)?;
                    if constant.float {
                        let elements = constant.shape.iter().try_fold(4usize, |n, &d| n.checked_mul(d));
                        if elements != Some(constant.bytes.len()) {
                            return Err(damaged(&format!(
                                "the constant {name:?} of shape {:?} has {} bytes",
                                constant.shape,
                                constant.bytes.len()
                            )));
                        }
                        if self.constants.insert(name, constant).is_some() {
                            return Err(damaged(&format!("the constant {name:?} is there twice")));
                        }
                    }
                }
                _ => {}
            }
            if self.nodes.len() > MOST_NODES || self.constants.len() > MOST_TENSORS {
                return Err(damaged("its graph is too large"));
            }
        }
        Ok(())
    }
}

fn damaged(why: &str) -> Error {
    Error::bad_input(format!("not a readable ONNX file: {why}"))
}

fn read_node(body: &[u8]) -> Result<Node<'_>> {
    let mut node = Node::default();
    for field in Fields(body) {
        match field? {
            (1, Value::Bytes(input)) => node.inputs.push(text(input)?),
            (3, Value::Bytes(name)) => node.name = text(name)?,
            (4, Value::Bytes(operation)) => node.operation = text(operation)?,
            _ => {}
        }
    }
    Ok(node)
}

fn read_constant(body: &[u8]) -> Result<(&str, Constant<'_>)> {
    let mut name = "";
    let mut constant = Constant::default();
    let dimension = |shape: &mut Vec<usize>, value: u64| {
        let value = usize::try_from(value).map_err(|_| damaged("a dimension is too large"))?;
        shape.push(value);
        if shape.len() > MOST_DIMENSIONS { Err(damaged("a constant has too many dimensions")) } else { Ok(()) }
    };
    for field in Fields(body) {
        match field? {
            (1, Value::Number(value)) => dimension(&mut constant.shape, value)?,
            (1, Value::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    dimension(&mut constant.shape, number(&mut packed)?)?;
                }
            }
            (2, Value::Number(kind)) => constant.float = kind == FLOAT,
            (8, Value::Bytes(bytes)) => name = text(bytes)?,
            (9, Value::Bytes(bytes)) => constant.bytes = bytes,
            _ => {}
        }
    }
    Ok((name, constant))
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| damaged("a name is no UTF-8"))
}

/// A field's content in the protobuf wire format.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Four or eight bytes of a fixed-size number, which nothing here needs.
    Fixed,
}

/// The fields of a message, one after the other: number and content.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            // Nothing after a damaged field can be trusted.
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u64, Value<'a>)> {
        let key = number(&mut self.0)?;
        let value = match key & 7 {
            0 => Value::Number(number(&mut self.0)?),
            1 => self.bytes(8).map(|_| Value::Fixed)?,
            2 => {
                let length = number(&mut self.0)?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => self.bytes(4).map(|_| Value::Fixed)?,
            other => return Err(damaged(&format!("wire type {other}"))),
        };
        Ok((key >> 3, value))
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8]> {
        let split = usize::try_from(length).ok().and_then(|length| self.0.split_at_checked(length));
        let (bytes, rest) = split.ok_or_else(|| damaged("it ends inside a field"))?;
        self.0 = rest;
        Ok(bytes)
    }
}

/// A number of variable length: seven bits a byte, the lowest first.
fn number(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or_else(|| damaged("it ends inside a number"))?;
        *bytes = rest;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Ok(value);
        }
    }
    Err(damaged("a number is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_written_file() {
        // TensorProto { dims: [1], data_type: 1, name: "c", raw_data: 1.0f32 }, in a graph with a node "n".
        let tensor = [8, 1, 16, 1, 66, 1, b'c', 74, 4, 0, 0, 128, 63];
        let node = [10, 1, b'c', 26, 1, b'n', 34, 3, b'A', b'd', b'd'];
        let mut graph = vec![10, node.len() as u8];
        graph.extend(node);
        graph.extend([42, tensor.len() as u8]);
        graph.extend(tensor);
        let mut model = vec![8, 7, 58, graph.len() as u8];
        model.extend(graph);
        let parsed = Graph::parse(&model).unwrap();
        assert_eq!((parsed.nodes[0].name, parsed.nodes[0].operation), ("n", "Add"));
        assert_eq!((&parsed.nodes[0].inputs[..], &parsed.constants["c"].bytes), (&["c"][..], &&[0, 0, 128, 63][..]));
        // Cut anywhere, and with any byte changed, it is an error or another graph, never a panic.
        for length in 0..model.len() {
            let _ = Graph::parse(&model[..length]);
            for byte in [0, 1, 127, 128, 255] {
                let mut changed = model.clone();
                changed[length] = byte;
                let _ = Graph::parse(&changed);
            }
        }
        assert!(Graph::parse(&model[..model.len() - 1]).is_err());
        assert!(Graph::parse(b"").is_err());
    }
}
