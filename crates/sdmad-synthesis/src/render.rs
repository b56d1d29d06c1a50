//! One image with its truth.

use sdmad_base::{Error, Result, Stream};
use sdmad_imaging::{Filter, RgbImage, resize};

use crate::canvas::Canvas;
use crate::domain::Domain;
use crate::field::{between, grain};
use crate::scene::{Rendering, Scene};

/// The least pixels of a side on which findings can be told.
pub const SMALLEST_SIDE: usize = 64;

/// Draws images of a domain. Image `number` of a seed is the same for any number of threads, on one platform and
/// build: sines and logarithms are the platform's.
#[derive(Clone, Debug)]
pub struct Renderer {
    /// The kind of image.
    pub domain: Domain,
    /// Pixels of a side, [`SMALLEST_SIDE`] or more; textures are tuned for 224.
    pub side: usize,
    /// Of all random numbers.
    pub seed: u64,
    /// The share of images on which no finding is tried, 0 to 1; some others stay without one, too.
    pub normal_share: f64,
}

impl Renderer {
    /// Images of 224 pixels a side, an eighth of them without a finding tried.
    pub fn new(domain: Domain, seed: u64) -> Self {
        Renderer { domain, side: 224, seed, normal_share: 0.125 }
    }

    /// Image `number`, on `normal` or, without one, on tissue of our own.
    ///
    /// # Errors
    /// When the side is below 64 pixels.
    pub fn render(&self, normal: Option<&RgbImage>, number: u64) -> Result<Rendering> {
        if self.side < SMALLEST_SIDE {
            let side = self.side;
            return Err(Error::bad_input(format!("a side of {side} pixels; findings need {SMALLEST_SIDE} or more")));
        }
        let (_, mut scene, mut stream) = self.drawn(normal, number);
        self.domain.distract(&mut stream, &mut scene);
        disturb(&mut stream, &mut scene);
        scene.finish()
    }

    /// The scene without findings and with them, before anything is laid over it, and the stream for that.
    fn drawn(&self, normal: Option<&RgbImage>, number: u64) -> (Scene, Scene, Stream) {
        let mut own = Stream::new(self.seed, &format!("synthesis/{}/{number}", self.domain.id()));
        let stream = &mut own;
        let mut before = match normal {
            Some(image) => {
                let normal = self.prepared(stream, image);
                self.domain.on_normal(stream, normal)
            }
            None => self.domain.tissue(stream, self.side),
        };
        // Landmarks are large, and of use to what draws alone.
        let landmarks = before.landmarks.take();
        let mut scene = before.clone();
        scene.landmarks = landmarks;
        if !stream.chance(self.normal_share) {
            self.domain.draw(stream, &mut scene);
            scene.settle(&before, self.domain.is_projection());
        }
        (before, scene, own)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders a few numbers of each domain on `normal`, or on tissue of its own. All that is drawn must be finite; each
    /// mask must have weight, and the picture must differ from the normal one under it.
    fn stays_sound(side: usize, name: &str, normal: Option<&RgbImage>) {
        for domain in Domain::ALL {
            let renderer = Renderer { side, ..Renderer::new(domain, 3) };
            for number in 0..12 {
                let (before, mut scene, mut stream) = renderer.drawn(normal, number);
                let name = format!("{} {number} on {name}", domain.id());
                for finding in &scene.findings {
                    assert!(finding.mask.values().iter().all(|v| (0.0..=1.0).contains(v)), "a mask of {name}");
                    let weight: f32 = finding.mask.values().iter().sum();
                    let words: Vec<&str> = finding.attributes.iter().map(|a| a.id()).collect();
                    assert!(weight > 2.0, "{name}: a mask without weight: {}", words.join(" "));
                    let changed = (0..side * side).any(|i| {
                        let levels = |scene: &Scene| {
                            scene.canvas.planes().each_ref().map(|p| (p.values()[i].clamp(0.0, 1.0) * 255.0) as u8)
                        };
                        finding.mask.values()[i] > 0.0 && levels(&before) != levels(&scene)
                    });
                    assert!(changed, "{name}: nothing is changed by {}", words.join(" "));
                }
                domain.distract(&mut stream, &mut scene);
                disturb(&mut stream, &mut scene);
                let finite = |plane: &crate::plane::Plane| plane.values().iter().all(|v| v.is_finite());
                assert!(scene.canvas.planes().iter().all(finite), "{name}");
            }
        }
    }

    #[test]
    fn any_image_can_be_drawn_on() {
        let stream = &mut Stream::new(1, "test/noise");
        let mut image = |width: usize, height: usize, level: Option<u8>| {
            let data = (0..width * height * 3).map(|_| level.unwrap_or_else(|| stream.below(256) as u8)).collect();
            RgbImage::new(width, height, data).expect("the size fits")
        };
        stays_sound(224, "black", Some(&image(256, 256, Some(0))));
        stays_sound(224, "white", Some(&image(256, 256, Some(255))));
        stays_sound(224, "grey", Some(&image(256, 256, Some(128))));
        stays_sound(SMALLEST_SIDE, "small black", Some(&image(80, 80, Some(0))));
        stays_sound(SMALLEST_SIDE, "small white", Some(&image(80, 80, Some(255))));
        stays_sound(SMALLEST_SIDE, "small grey", Some(&image(80, 80, Some(128))));
        stays_sound(224, "noise", Some(&image(256, 256, None)));
        stays_sound(224, "one pixel", Some(&image(1, 1, Some(90))));
        stays_sound(224, "a narrow strip", Some(&image(3, 400, None)));
    }

    #[test]
    fn any_side_can_be_drawn() {
        for side in [SMALLEST_SIDE, 97, 225] {
            stays_sound(side, &format!("{side} pixels"), None);
        }
        let small = Renderer { side: SMALLEST_SIDE - 1, ..Renderer::new(Domain::Oct, 1) };
        assert!(small.render(None, 0).is_err());
    }
}
