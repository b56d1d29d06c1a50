use crate::RgbImage;

/// Changes for augmentation. They draw nothing at random: the same arguments give the same pixels.
impl RgbImage {
    /// Left and right exchanged.
    pub fn flipped_horizontally(&self) -> RgbImage {
        let mut data = Vec::with_capacity(self.data().len());
        for row in self.data().chunks_exact(self.width() * 3) {
            data.extend(row.as_chunks::<3>().0.iter().rev().flatten());
        }
        RgbImage::from_parts(self.width(), self.height(), data)
    }

    /// The rectangle of `width` x `height` pixels whose upper left pixel is `(x, y)`.
    ///
    /// # Panics
    /// When the rectangle is empty or reaches outside, as slicing does.
    pub fn cropped(&self, x: usize, y: usize, width: usize, height: usize) -> RgbImage {
        let fits = |start: usize, length: usize, whole: usize| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= whole)
        };
        assert!(
            fits(x, width, self.width()) && fits(y, height, self.height()),
            "{width} x {height} pixels at {x},{y} of {} x {}",
            self.width(),
            self.height()
        );
        let rows = self.data().chunks_exact(self.width() * 3).skip(y).take(height);
        let data = rows.flat_map(|row| &row[x * 3..(x + width) * 3]).copied().collect();
        RgbImage::from_parts(width, height, data)
    }

    /// Moved by `right` and `down` pixels (below zero: left and up); the edge is repeated into what comes free.
    pub fn shifted(&self, right: isize, down: isize) -> RgbImage {
        let from = |at: usize, by: isize, length: usize| at.saturating_add_signed(by.saturating_neg()).min(length - 1);
        let mut data = Vec::with_capacity(self.data().len());
        for y in 0..self.height() {
            let y = from(y, down, self.height());
            data.extend((0..self.width()).flat_map(|x| self.pixel(from(x, right, self.width()), y)));
        }
        RgbImage::from_parts(self.width(), self.height(), data)
    }

    /// Turned counter-clockwise by `degrees` about the centre, in the same frame.
    ///
    /// Bilinear between the four nearest pixels, rounded half up; the edge is repeated into the corners that
    /// come free. An angle that is not finite turns nothing.
    pub fn rotated(&self, degrees: f64) -> RgbImage {
        if !degrees.is_finite() || degrees == 0.0 {
            return self.clone();
        }
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let (right, bottom) = ((self.width() - 1) as f64, (self.height() - 1) as f64);
        let (centre_x, centre_y) = (right / 2.0, bottom / 2.0);
        let mut data = Vec::with_capacity(self.data().len());
        for y in 0..self.height() {
            let dy = y as f64 - centre_y;
            for x in 0..self.width() {
                let dx = x as f64 - centre_x;
                // Rows count downwards: this is the inverse of a counter-clockwise turn.
                let source_x = (centre_x + cosine * dx - sine * dy).clamp(0.0, right);
                let source_y = (centre_y + sine * dx + cosine * dy).clamp(0.0, bottom);
                data.extend(self.between(source_x, source_y));
            }
        }
        RgbImage::from_parts(self.width(), self.height(), data)
    }

    /// Brightness and contrast: every value becomes `gain * value + offset`, rounded half up and cut to `0..=255`.
    pub fn with_gain(&self, gain: f64, offset: f64) -> RgbImage {
        // Conversion to u8 cuts, and makes 0 of what is not a number.
        let table: [u8; 256] = std::array::from_fn(|value| (gain * value as f64 + offset + 0.5) as u8);
        let data = self.data().iter().map(|&value| table[usize::from(value)]).collect();
        RgbImage::from_parts(self.width(), self.height(), data)
    }

    /// Bilinear at a place inside `[0, width - 1] x [0, height - 1]`.
    fn between(&self, x: f64, y: f64) -> [u8; 3] {
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let (left, top) = (left as usize, top as usize);
        let (right, bottom) = ((left + 1).min(self.width() - 1), (top + 1).min(self.height() - 1));
        let corners = [(left, top), (right, top), (left, bottom), (right, bottom)].map(|(x, y)| self.pixel(x, y));
        std::array::from_fn(|channel| {
            let [a, b, c, d] = corners.map(|pixel| f64::from(pixel[channel]));
            let upper = a + (b - a) * fx;
            let lower = c + (d - c) * fx;
            (upper + (lower - upper) * fy + 0.5) as u8
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(width: usize, height: usize) -> RgbImage {
        RgbImage::new(width, height, (0..width * height * 3).map(|i| (i * 7 % 251) as u8).collect()).unwrap()
    }

    #[test]
    fn flipping_twice_is_nothing() {
        let image = numbered(5, 3);
        let flipped = image.flipped_horizontally();
        assert_eq!(flipped.pixel(0, 2), image.pixel(4, 2));
        assert_eq!(flipped.flipped_horizontally(), image);
    }

    #[test]
    fn quarter_turns_move_whole_pixels() {
        let image = numbered(5, 5);
        let turned = image.rotated(90.0);
        for (x, y) in (0..5).flat_map(|x| (0..5).map(move |y| (x, y))) {
            // Counter-clockwise: the right column becomes the top row.
            assert_eq!(turned.pixel(x, y), image.pixel(4 - y, x));
        }
        assert_eq!(image.rotated(0.0), image);
        assert_eq!(numbered(1, 1).rotated(33.0), numbered(1, 1));
        assert_eq!(image.rotated(f64::NAN), image);
    }

    #[test]
    fn a_flat_image_stays_flat() {
        let flat = RgbImage::new(9, 7, [10, 100, 200].repeat(63)).unwrap();
        assert_eq!(flat.rotated(7.5), flat);
        assert_eq!(flat.shifted(3, -2), flat);
    }

    #[test]
    fn shifting_repeats_the_edge() {
        let image = numbered(4, 3);
        let shifted = image.shifted(1, -1);
        assert_eq!(shifted.pixel(0, 0), image.pixel(0, 1));
        assert_eq!(shifted.pixel(3, 0), image.pixel(2, 1));
        assert_eq!(shifted.pixel(3, 2), image.pixel(2, 2));
        assert_eq!(image.shifted(isize::MIN, isize::MAX).pixel(0, 0), image.pixel(3, 0));
    }

    #[test]
    fn gain_is_cut_to_the_range() {
        let image = RgbImage::new(1, 1, vec![0, 100, 200]).unwrap();
        assert_eq!(image.with_gain(1.5, -10.0).pixel(0, 0), [0, 140, 255]);
        assert_eq!(image.with_gain(1.0, 0.0), image);
        assert_eq!(image.with_gain(f64::NAN, 0.0).pixel(0, 0), [0, 0, 0]);
    }

    #[test]
    fn a_crop_is_where_it_was() {
        let image = numbered(6, 5);
        let part = image.cropped(2, 1, 3, 4);
        assert_eq!((part.width(), part.height()), (3, 4));
        assert_eq!(part.pixel(2, 3), image.pixel(4, 4));
    }
}
