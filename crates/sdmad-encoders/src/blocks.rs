use sdmad_engine::{Block, Matrix};

/// The outputs of the named blocks, counted from 1, in the order of `layers`.
pub(crate) fn hidden(blocks: &[Block], tokens: Matrix, layers: &[usize]) -> Vec<Matrix> {
    let deepest = layers.iter().copied().max().unwrap_or(0);
    let mut outputs = vec![Matrix::default(); layers.len()];
    let mut x = tokens;
    for (index, block) in blocks.iter().take(deepest).enumerate() {
        x = block.forward(&x);
        for (output, _) in outputs.iter_mut().zip(layers).filter(|(_, layer)| **layer == index + 1) {
            *output = x.clone();
        }
    }
    outputs
}
