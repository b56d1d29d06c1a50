//! One image with its truth.

use sdmad_base::{Result, Stream};
use sdmad_imaging::{Filter, RgbImage, resize};

use crate::canvas::Canvas;
use crate::domain::Domain;
use crate::field::{between, grain};
use crate::scene::{Rendering, Scene};

/// Draws images of a domain. Image `number` of a seed is the same on every machine.
#[derive(Clone, Debug)]
pub struct Renderer {
    /// The kind of image.
    pub domain: Domain,
    /// Pixels of a side.
    pub side: usize,
    /// Of all random numbers.
    pub seed: u64,
    /// The share of images without a finding.
    pub normal_share: f64,
}

impl Renderer {
    /// Images of 224 pixels a side, an eighth of them without a finding.
    pub fn new(domain: Domain, seed: u64) -> Self {
        Renderer { domain, side: 224, seed, normal_share: 0.125 }
    }

    /// Image `number`, on `normal` or, without one, on tissue of our own.
    ///
    /// # Errors
    /// When `normal` cannot be cropped, which no valid image does.
    pub fn render(&self, normal: Option<&RgbImage>, number: u64) -> Result<Rendering> {
        let stream = &mut Stream::new(self.seed, &format!("synthesis/{}/{number}", self.domain.id()));
        let mut scene = match normal {
            Some(image) => {
                let normal = self.prepared(stream, image);
                self.domain.on_normal(stream, normal)
            }
            None => self.domain.tissue(stream, self.side),
        };
        if !stream.chance(self.normal_share) {
            self.domain.draw(stream, &mut scene);
        }
        self.domain.distract(stream, &mut scene);
        disturb(stream, &mut scene);
        scene.finish()
    }

    /// A square window of a normal image, mirrored, darker or brighter at random.
    fn prepared(&self, stream: &mut Stream, image: &RgbImage) -> Canvas {
        let shorter = image.width().min(image.height());
        let window = ((shorter as f64 * stream.between(0.88, 1.0)) as usize).max(1);
        let (left, top) = (stream.below(image.width() - window + 1), stream.below(image.height() - window + 1));
        let mut square = resize(&image.cropped(left, top, window, window), self.side, self.side, Filter::Bicubic);
        if self.domain.may_mirror() && stream.chance(0.5) {
            square = square.flipped_horizontally();
        }
        let mut canvas = Canvas::from_image(&square);
        let gamma = between(stream, 0.85, 1.18);
        for plane in canvas.planes_mut() {
            plane.values_mut().iter_mut().for_each(|v| *v = v.powf(gamma));
        }
        canvas
    }
}

/// What every picture may have, with and without a finding: a little blur, noise, another gain. So neither a crisp
/// edge nor a smooth patch gives a finding away.
fn disturb(stream: &mut Stream, scene: &mut Scene) {
    if stream.chance(0.3) {
        scene.canvas = scene.canvas.blurred(between(stream, 0.4, 0.9));
    }
    if stream.chance(0.4) {
        let level = between(stream, 0.004, 0.02);
        let noise = grain(stream, scene.side()).map(|v| v * level);
        scene.canvas.add(&noise);
    }
    let (gain, offset) = (between(stream, 0.9, 1.1), between(stream, -0.03, 0.03));
    for plane in scene.canvas.planes_mut() {
        plane.values_mut().iter_mut().for_each(|v| *v = *v * gain + offset);
    }
}
