use std::ops::Range;

use rayon::prelude::*;

use crate::{Filter, GreyImage, RgbImage};

/// Fractional bits of a weight: 32 less 8 for the pixel and 2 for sums outside of `0..=255`.
const FRACTION: u32 = 32 - 8 - 2;
const HALF: i32 = 1 << (FRACTION - 1);

/// `image` resized to `width` x `height`, ignoring its aspect ratio; equal to Pillow 13.0.0's
/// `Image.resize` on every pixel (see the crate's page for the rules).
///
/// # Panics
/// When `width` or `height` is zero.
pub fn resize(image: &RgbImage, width: usize, height: usize, filter: Filter) -> RgbImage {
    resize_window(image, (width, height), 0..width, 0..height, filter)
}

/// `image` with its longer side at most `longest` pixels, its aspect ratio kept; a smaller one as it is.
///
/// # Panics
/// When `longest` is zero.
pub fn shrink_to(image: &RgbImage, longest: usize) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let now = width.max(height);
    if now <= longest {
        return image.clone();
    }
    let side = |length: usize| ((length * longest + now / 2) / now).max(1);
    resize(image, side(width), side(height), Filter::Bicubic)
}

/// [`resize`] for one channel, equal to Pillow's in mode `L`.
///
/// # Panics
/// When `width` or `height` is zero.
pub fn resize_grey(image: &GreyImage, width: usize, height: usize, filter: Filter) -> GreyImage {
    let source = Source::<1> { width: image.width(), height: image.height(), data: image.data() };
    GreyImage::from_parts(width, height, source.resample((width, height), 0..width, 0..height, filter))
}

/// The part `columns` x `rows` of what [`resize`] to `size` would give, at the cost of that part alone.
pub(crate) fn resize_window(
    image: &RgbImage,
    size: (usize, usize),
    columns: Range<usize>,
    rows: Range<usize>,
    filter: Filter,
) -> RgbImage {
    let source = Source::<3> { width: image.width(), height: image.height(), data: image.data() };
    let (width, height) = (columns.len(), rows.len());
    RgbImage::from_parts(width, height, source.resample(size, columns, rows, filter))
}

/// Interleaved pixels of `C` channels, or some rows or columns of them.
struct Source<'a, const C: usize> {
    width: usize,
    height: usize,
    data: &'a [u8],
}

impl<const C: usize> Source<'_, C> {
    fn resample(&self, size: (usize, usize), columns: Range<usize>, rows: Range<usize>, filter: Filter) -> Vec<u8> {
        assert!(size.0 > 0 && size.1 > 0, "an image cannot be resized to {} x {} pixels", size.0, size.1);
        let horizontal = Axis::new(self.width, size.0, columns, filter);
        let vertical = Axis::new(self.height, size.1, rows, filter);
        // Each pass rounds to 8 bits, so that their order shows in the result.
        if horizontal_first((self.width, self.height), size) {
            let used = vertical.used();
            let middle = self.pass_along_rows(&horizontal, used.clone());
            Source::<C> { width: horizontal.len(), height: used.len(), data: &middle }.pass_along_columns(
                &vertical,
                used.start,
                0..horizontal.len(),
            )
        } else {
            let used = horizontal.used();
            let middle = self.pass_along_columns(&vertical, 0, used.clone());
            Source::<C> { width: used.len(), height: vertical.len(), data: &middle }
                .pass_along_rows(&horizontal.moved(used.start), 0..vertical.len())
        }
    }

    /// Resamples each of `rows` to the axis' outputs: `[rows, axis, C]`.
    fn pass_along_rows(&self, axis: &Axis, rows: Range<usize>) -> Vec<u8> {
        let stride = self.width * C;
        let source = &self.data[rows.start * stride..rows.end * stride];
        let mut output = vec![0; rows.len() * axis.len() * C];
        output.par_chunks_exact_mut(axis.len() * C).zip(source.par_chunks_exact(stride)).for_each(|(output, row)| {
            let pixels = row.as_chunks::<C>().0;
            for (pixel, (start, weights)) in output.as_chunks_mut::<C>().0.iter_mut().zip(axis.taps()) {
                let mut sums = [HALF; C];
                for (values, &weight) in pixels[start..start + weights.len()].iter().zip(weights) {
                    for (sum, &value) in sums.iter_mut().zip(values) {
                        *sum = sum.wrapping_add(i32::from(value).wrapping_mul(weight));
                    }
                }
                *pixel = sums.map(clip);
            }
        });
        output
    }

    /// Resamples `columns` to the axis' outputs: `[axis, columns, C]`. `first` is the source row which
    /// stands first in `data`.
    fn pass_along_columns(&self, axis: &Axis, first: usize, columns: Range<usize>) -> Vec<u8> {
        /// Values whose sums stay in the nearest cache.
        const BLOCK: usize = 512;
        let stride = self.width * C;
        let (left, width) = (columns.start * C, columns.len() * C);
        let mut output = vec![0; axis.len() * width];
        output.par_chunks_exact_mut(width).enumerate().for_each(|(index, output)| {
            let (start, weights) = axis.tap(index);
            let mut sums = [0; BLOCK];
            for (block, output) in output.chunks_mut(BLOCK).enumerate() {
                let sums = &mut sums[..output.len()];
                sums.fill(HALF);
                for (row, &weight) in (start - first..).zip(weights) {
                    let values = &self.data[row * stride + left + block * BLOCK..][..sums.len()];
                    for (sum, &value) in sums.iter_mut().zip(values) {
                        *sum = sum.wrapping_add(i32::from(value).wrapping_mul(weight));
                    }
                }
                for (value, &sum) in output.iter_mut().zip(sums.iter()) {
                    *value = clip(sum);
                }
            }
        });
        output
    }
}

/// Pillow 13 runs the vertical pass first when it takes away more than twice as many rows as the
/// horizontal pass takes away columns (columns that are added count below zero); 12.0 and earlier never do.
fn horizontal_first(from: (usize, usize), to: (usize, usize)) -> bool {
    let removed = |from: usize, to: usize| from as i128 - to as i128;
    let rows = removed(from.1, to.1);
    !(rows > 0 && rows > 2 * removed(from.0, to.0))
}

fn clip(sum: i32) -> u8 {
    (sum >> FRACTION).clamp(0, 255) as u8
}

/// For each output of one axis, where its source pixels begin and what they weigh.
struct Axis {
    starts: Vec<usize>,
    lengths: Vec<usize>,
    /// `[output, most]`, fixed point with [`FRACTION`] bits.
    weights: Vec<i32>,
    most: usize,
}

impl Axis {
    /// The outputs `window` of an axis that goes from `input` to `output` pixels.
    fn new(input: usize, output: usize, window: Range<usize>, filter: Filter) -> Axis {
        if input == output {
            // The reference leaves this pass out; a weight of 1 gives the same.
            let (starts, lengths) = (window.clone().collect(), vec![1; window.len()]);
            return Axis { starts, lengths, weights: vec![1 << FRACTION; window.len()], most: 1 };
        }
        let scale = input as f64 / output as f64;
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let inverse = 1.0 / stretch;
        let most = (support.ceil() as usize * 2 + 1).min(input);
        let mut axis = Axis {
            starts: Vec::with_capacity(window.len()),
            lengths: Vec::with_capacity(window.len()),
            weights: vec![0; window.len() * most],
            most,
        };
        let mut exact = vec![0.0; most];
        for (position, fixed) in window.zip(axis.weights.chunks_exact_mut(most)) {
            let centre = (position as f64 + 0.5) * scale;
            // Conversion to an integer cuts towards zero, and what is below zero becomes zero.
            let start = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(input);
            let exact = &mut exact[..end - start];
            let mut total = 0.0;
            for (offset, weight) in exact.iter_mut().enumerate() {
                *weight = filter.weight(((offset + start) as f64 - centre + 0.5) * inverse);
                total += *weight;
            }
            for (fixed, weight) in fixed.iter_mut().zip(exact.iter()) {
                let share = if total != 0.0 { weight / total } else { *weight };
                let scaled = share * f64::from(1 << FRACTION);
                *fixed = if share < 0.0 { (scaled - 0.5) as i32 } else { (scaled + 0.5) as i32 };
            }
            axis.starts.push(start);
            axis.lengths.push(end - start);
        }
        axis
    }

    fn len(&self) -> usize {
        self.starts.len()
    }

    fn tap(&self, output: usize) -> (usize, &[i32]) {
        (self.starts[output], &self.weights[output * self.most..][..self.lengths[output]])
    }

    fn taps(&self) -> impl Iterator<Item = (usize, &[i32])> {
        (0..self.len()).map(|output| self.tap(output))
    }

    /// The source pixels that any output needs.
    fn used(&self) -> Range<usize> {
        let last = self.len() - 1;
        self.starts[0]..self.starts[last] + self.lengths[last]
    }

    /// The same axis for a source whose first `by` pixels are cut off.
    fn moved(mut self, by: usize) -> Axis {
        self.starts.iter_mut().for_each(|start| *start -= by);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_passes_is_pillow_13s() {
        assert!(horizontal_first((1024, 512), (224, 224)));
        assert!(!horizontal_first((512, 1024), (224, 224)));
        assert!(horizontal_first((300, 376), (224, 224)), "76 columns and 152 rows: not more than twice");
        assert!(!horizontal_first((300, 377), (224, 224)));
        assert!(!horizontal_first((100, 225), (224, 224)), "columns are added");
        assert!(horizontal_first((100, 224), (224, 224)));
    }

    #[test]
    fn a_window_is_a_part_of_the_whole() {
        let stream = &mut sdmad_base::Stream::new(1, "resample/window");
        for _ in 0..40 {
            let (w, h) = (1 + stream.below(40), 1 + stream.below(60));
            let data = (0..w * h * 3).map(|_| stream.below(256) as u8).collect();
            let image = RgbImage::new(w, h, data).unwrap();
            let (tw, th) = (2 + stream.below(50), 2 + stream.below(50));
            let (x, y) = (stream.below(tw), stream.below(th));
            let (ww, wh) = (1 + stream.below(tw - x), 1 + stream.below(th - y));
            let whole = resize(&image, tw, th, Filter::Bicubic);
            let part = resize_window(&image, (tw, th), x..x + ww, y..y + wh, Filter::Bicubic);
            assert_eq!(part, whole.cropped(x, y, ww, wh), "{w}x{h} to {tw}x{th}, {ww}x{wh} at {x},{y}");
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let data = (0..150 * 90 * 3).map(|i: usize| (i.wrapping_mul(2654435761) >> 13) as u8).collect();
        let image = RgbImage::new(150, 90, data).unwrap();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| resize(&image, 61, 77, Filter::Lanczos3))
        };
        assert_eq!(run(1), run(2));
        assert_eq!(run(1), run(4));
    }
}
