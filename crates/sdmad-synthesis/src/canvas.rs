//! A colour image being drawn on.

use sdmad_base::Result;
use sdmad_imaging::RgbImage;

use crate::plane::Plane;

/// A colour as red, green and blue from 0 to 1, in the image's own (gamma) levels.
pub(crate) type Colour = [f32; 3];

/// Red, green and blue planes with values from 0 to 1.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    planes: [Plane; 3],
}

impl Canvas {
    /// One colour everywhere.
    pub(crate) fn filled(side: usize, colour: Colour) -> Self {
        Canvas { planes: colour.map(|v| Plane::filled(side, v)) }
    }

    /// Three equal planes.
    pub(crate) fn grey(plane: Plane) -> Self {
        Canvas { planes: [plane.clone(), plane.clone(), plane] }
    }

    /// Planes of one size.
    ///
    /// # Panics
    /// When their sides differ.
    pub(crate) fn from_planes(planes: [Plane; 3]) -> Self {
        assert!(planes.iter().all(|p| p.side() == planes[0].side()), "planes of one size");
        Canvas { planes }
    }

    /// A square image.
    ///
    /// # Panics
    /// When `image` is not square.
    pub(crate) fn from_image(image: &RgbImage) -> Self {
        assert_eq!(image.width(), image.height(), "a square image");
        let side = image.width();
        let plane = |channel: usize| {
            let mut plane = Plane::filled(side, 0.0);
            for (value, pixel) in plane.values_mut().iter_mut().zip(image.data().chunks_exact(3)) {
                *value = f32::from(pixel[channel]) / 255.0;
            }
            plane
        };
        Canvas { planes: [plane(0), plane(1), plane(2)] }
    }

    /// The image with 8 bits, values cut to 0..=1 before.
    ///
    /// # Errors
    /// Never for a canvas with a pixel.
    pub(crate) fn to_image(&self) -> Result<RgbImage> {
        let side = self.side();
        let mut data = vec![0; side * side * 3];
        for (channel, plane) in self.planes.iter().enumerate() {
            for (pixel, value) in data.chunks_exact_mut(3).zip(plane.values()) {
                pixel[channel] = (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
            }
        }
        RgbImage::new(side, side, data)
    }

    /// Pixels of a side.
    pub(crate) fn side(&self) -> usize {
        self.planes[0].side()
    }

    /// Red, green and blue.
    pub(crate) fn planes(&self) -> &[Plane; 3] {
        &self.planes
    }

    /// Red, green and blue, to be changed.
    pub(crate) fn planes_mut(&mut self) -> &mut [Plane; 3] {
        &mut self.planes
    }

    /// The mean of red, green and blue.
    pub(crate) fn luma(&self) -> Plane {
        let [r, g, b] = &self.planes;
        let sum = r.clone().zip(g, |a, b| a + b).zip(b, |a, b| a + b);
        sum.map(|v| v / 3.0)
    }

    /// Moves each pixel towards `colour` by the share `alpha` (0 to 1).
    pub(crate) fn mix(&mut self, alpha: &Plane, colour: Colour) {
        for (plane, target) in self.planes.iter_mut().zip(colour) {
            for (value, &a) in plane.values_mut().iter_mut().zip(alpha.values()) {
                *value += a * (target - *value);
            }
        }
    }

    /// Moves each pixel towards that of `other` by the share `alpha`.
    pub(crate) fn mix_canvas(&mut self, alpha: &Plane, other: &Canvas) {
        for (plane, target) in self.planes.iter_mut().zip(&other.planes) {
            let targets = target.values();
            for ((value, &a), &t) in plane.values_mut().iter_mut().zip(alpha.values()).zip(targets) {
                *value += a * (t - *value);
            }
        }
    }

    /// Multiplies each pixel by a gain.
    pub(crate) fn scale(&mut self, gain: &Plane) {
        for plane in &mut self.planes {
            plane.values_mut().iter_mut().zip(gain.values()).for_each(|(v, &g)| *v *= g);
        }
    }

    /// Adds a plane to each channel.
    pub(crate) fn add(&mut self, amount: &Plane) {
        for plane in &mut self.planes {
            plane.values_mut().iter_mut().zip(amount.values()).for_each(|(v, &a)| *v += a);
        }
    }

    /// Smooths by `sigma` pixels.
    pub(crate) fn blurred(&self, sigma: f32) -> Canvas {
        Canvas { planes: [0, 1, 2].map(|c| self.planes[c].blurred(sigma)) }
    }
}
