/// A map of patches on the pixels of an image: between the centres of patches values go over linearly, beyond the outermost ones
/// they stay. `map` is row by row over `grid` (rows, columns), which covers the part `seen` (left, top, width, height, in pixels) of the image.
///
/// # Panics
/// When `map` has not as many values as the grid has patches.
pub fn spread_out(map: &[f32], grid: (usize, usize), seen: [f64; 4], width: usize, height: usize) -> Vec<f32> {
    assert_eq!(map.len(), grid.0 * grid.1, "a value for each patch");
    let [left, top, seen_width, seen_height] = seen;
    let across = steps(width, left, seen_width, grid.1);
    let down = steps(height, top, seen_height, grid.0);
    let mut pixels = Vec::with_capacity(width * height);
    for &(y, below, v) in &down {
        let rows = [&map[y * grid.1..], &map[below * grid.1..]];
        for &(x, right, u) in &across {
            let along = |row: &[f32]| row[x] + (row[right] - row[x]) * u;
            let (upper, lower) = (along(rows[0]), along(rows[1]));
            pixels.push((upper + (lower - upper) * v).clamp(0.0, 1.0));
        }
    }
    pixels
}

/// For each pixel of a line the two cells that it lies between, and how far it is towards the second.
fn steps(pixels: usize, start: f64, length: f64, cells: usize) -> Vec<(usize, usize, f32)> {
    (0..pixels)
        .map(|pixel| {
            let place = ((pixel as f64 + 0.5 - start) / length * cells as f64 - 0.5).clamp(0.0, (cells - 1) as f64);
            let first = place as usize;
            (first, (first + 1).min(cells - 1), (place - first as f64) as f32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_over_between_the_centres_of_patches() {
        let pixels = spread_out(&[0.0, 1.0], (1, 2), [0.0, 0.0, 4.0, 1.0], 4, 2);
        assert_eq!(pixels, [0.0, 0.25, 0.75, 1.0, 0.0, 0.25, 0.75, 1.0]);
        // Only the right half of the image is seen: what is left of it has the value of its edge.
        let pixels = spread_out(&[0.2, 0.8], (1, 2), [4.0, 0.0, 4.0, 1.0], 8, 1);
        assert_eq!(pixels[..5], [0.2; 5]);
        assert_eq!(pixels[7], 0.8);
    }
}
