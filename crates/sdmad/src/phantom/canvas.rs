//! What the tissue does to sound, pixel by pixel, before any beam.

/// Maps over `size` × `size` pixels, row by row from the skin down.
pub(super) struct Canvas {
    pub(super) size: usize,
    /// Backscatter of unresolved scatterers, in dB against average glandular tissue.
    pub(super) echo: Vec<f64>,
    /// Amplitude of smooth reflectors (fascia, walls, foci); 1 is that of average glandular tissue.
    pub(super) reflector: Vec<f64>,
    /// Loss beyond what the time gain makes up for, in dB for each pixel of depth; below 0 behind fluid.
    pub(super) loss: Vec<f64>,
}

impl Canvas {
    pub(super) fn new(size: usize) -> Self {
        let blank = vec![0.0; size * size];
        Canvas { size, echo: blank.clone(), reflector: blank.clone(), loss: blank }
    }

    /// Lengths below are given in pixels of an image of 256; this is what such a pixel is here.
    pub(super) fn unit(&self) -> f64 {
        self.size as f64 / 256.0
    }

    /// Calls `paint` with each pixel of the box around (x, y) and its index.
    pub(super) fn around(
        &mut self,
        x: f64,
        y: f64,
        reach: (f64, f64),
        mut paint: impl FnMut(&mut Self, usize, f64, f64),
    ) {
        let last = self.size as f64 - 1.0;
        let range = |centre: f64, reach: f64| {
            let (low, high) = ((centre - reach).max(0.0).ceil(), (centre + reach).min(last).floor());
            if high < low { 0..0 } else { low as usize..high as usize + 1 }
        };
        for row in range(y, reach.1) {
            for column in range(x, reach.0) {
                let index = row * self.size + column;
                paint(self, index, column as f64 - x, row as f64 - y);
            }
        }
    }

    /// Draws a bright thread through `points`, `width` pixels thick; where threads cross, the brighter one counts.
    pub(super) fn thread(&mut self, points: &[(f64, f64)], width: f64, amplitude: f64) {
        for &(x, y) in points {
            let reach = 3.0 * width;
            self.around(x, y, (reach, reach), |canvas, index, dx, dy| {
                let value = amplitude * (-(dx * dx + dy * dy) / (width * width)).exp();
                canvas.reflector[index] = canvas.reflector[index].max(value);
            });
        }
    }

    /// The loss above each pixel, in dB. The beam spreads, so edges soften with depth and narrow shadows fill up.
    pub(super) fn accumulated_loss(&self) -> Vec<f64> {
        let size = self.size;
        let share = 0.10 * self.unit().min(3.0);
        let mut sum = vec![0.0; size * size];
        for row in 1..size {
            let (above, below) = sum.split_at_mut(row * size);
            let above = &above[(row - 1) * size..];
            let loss = &self.loss[(row - 1) * size..row * size];
            for column in 0..size {
                let (left, right) = (above[column.max(1) - 1], above[(column + 1).min(size - 1)]);
                below[column] = above[column] + share * (left + right - 2.0 * above[column]) + loss[column];
            }
        }
        super::beam::gaussian_rows(&sum, size, 1.2 * self.unit())
    }
}

/// From `a` to `b` by the share `t`.
pub(super) fn mix(a: f64, b: f64, t: f64) -> f64 {
    a + t * (b - a)
}
