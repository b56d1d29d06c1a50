use sdmad_engine::Matrix;

/// The cubic kernel's parameter; PyTorch's `interpolate(mode="bicubic")` uses this one, Pillow −0.5.
const A: f64 = -0.75;

/// Resizes position embeddings of a square grid, `[from², width]` to `[to², width]`, by bicubic interpolation.
///
/// Output sample i looks at (i + ½) from / to − ½, without smoothing when it shrinks, and samples beyond the edge repeat the edge: what
/// `torch.nn.functional.interpolate(size=…, mode="bicubic", align_corners=False)` does. The scale is exactly from / to; DINOv2's own code
/// adds 0.1 to the target size, and towers exported without that differ visibly.
pub(crate) fn resize_positions(grid: &Matrix, from: usize, to: usize) -> Matrix {
    if from == to {
        return grid.clone();
    }
    let taps: Vec<[(usize, f64); 4]> = (0..to).map(|i| taps(i, from, to)).collect();
    let width = grid.columns();
    let mut resized = Matrix::zeros(to * to, width);
    for (y, rows) in taps.iter().enumerate() {
        for (x, columns) in taps.iter().enumerate() {
            let mut sums = vec![0.0f64; width];
            for (row, row_weight) in rows {
                for (column, column_weight) in columns {
                    let weight = row_weight * column_weight;
                    let source = grid.row(row * from + column);
                    sums.iter_mut().zip(source).for_each(|(sum, number)| *sum += weight * f64::from(*number));
                }
            }
            let target = resized.row_mut(y * to + x);
            target.iter_mut().zip(sums).for_each(|(number, sum)| *number = sum as f32);
        }
    }
    resized
}

/// The four source samples of output sample `i` and their weights.
fn taps(i: usize, from: usize, to: usize) -> [(usize, f64); 4] {
    let place = (i as f64 + 0.5) * (from as f64 / to as f64) - 0.5;
    let first = place.floor();
    let t = place - first;
    let near = |d: f64| ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0;
    let far = |d: f64| ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A;
    let weights = [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)];
    std::array::from_fn(|k| {
        let index = (first as i64 + k as i64 - 1).clamp(0, from as i64 - 1);
        (index as usize, weights[k])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_torch() {
        // Drawn and resized by scripts/reference/towers.py.
        let bytes = include_bytes!("../tests/fixtures/towers/dinov2-minilm/expected.safetensors");
        let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
        let matrix = |name: &str| {
            let tensor = file.tensor(name).unwrap();
            let numbers = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
            Matrix::from_vec(tensor.shape()[0], tensor.shape()[1], numbers)
        };
        let (grid, theirs) = (matrix("positions.grid"), matrix("positions.resized"));
        let ours = resize_positions(&grid, 37, 16);
        let difference = ours.data().iter().zip(theirs.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(difference <= 1e-5, "{difference}");
        assert_eq!(resize_positions(&grid, 37, 37), grid);
    }
}
