//! One phantom, from its plan to pixels, masks and the truth of its signs.

use sdmad_base::{Result, Stream};
use sdmad_imaging::GreyImage;

use super::beam::{self, Settings};
use super::canvas::Canvas;
use super::foci::Foci;
use super::lesion::Lesion;
use super::plan::Plan;
use super::shape::Shape;
use super::sign::PhantomSign;
use super::tissue::{self, Build, Layers, Variation};
use super::traits::{Behind, Interior, Mass, Orientation, Outline, Traits};

/// A phantom with everything that is known about it.
#[derive(Clone, Debug)]
pub struct PhantomImage {
    /// The image, square.
    pub image: GreyImage,
    /// For each present category, by its position in [`PHANTOM_CATEGORIES`](crate::PHANTOM_CATEGORIES), a mask with
    /// 255 inside.
    pub masks: Vec<(usize, GreyImage)>,
    /// The truth of each sign, in the order of [`PhantomSign::ALL`].
    pub signs: Vec<bool>,
}

/// Draws image `number` of `seed`. Its streams have its own names, so that images do not depend on one another.
pub(super) fn render(size: usize, seed: u64, number: usize, plan: &Plan) -> Result<PhantomImage> {
    let mut patient = Stream::new(seed, &format!("phantom/patient/{}", plan.patient));
    let (build, settings) = (Build::draw(&mut patient), Settings::draw(&mut patient));
    let stream = &mut Stream::new(seed, &format!("phantom/image/{number}"));
    let variation = Variation::draw(stream);
    let layers = Layers::draw(&build, &variation, size, stream);
    let mut canvas = Canvas::new(size);
    tissue::paint(&mut canvas, &layers, &build, &variation, stream);

    let mut lesions: Vec<Lesion> = Vec::new();
    for (category, mass) in [Mass::Cyst, Mass::Benign, Mass::Malignant].into_iter().enumerate() {
        if plan.categories[category] {
            let lesion = place(Traits::draw(mass, stream), size, &layers, &lesions, stream);
            lesions.push(lesion);
        }
    }
    let foci = plan.categories[3].then(|| Foci::draw(size, &layers, &lesions, stream));
    for lesion in &lesions {
        lesion.paint(&mut canvas, stream);
    }
    if let Some(foci) = &foci {
        foci.paint(&mut canvas, stream);
    }
    let contact = if variation.poor_contact { beam::poor_contact(size, stream) } else { vec![0.0; size] };
    let loss = canvas.accumulated_loss();
    let pixels = beam::image(&canvas, &loss, &contact, &settings, stream);

    let signs = truth(&Scene {
        size,
        lesions: &lesions,
        foci: &foci,
        layers: &layers,
        variation,
        loss: &loss,
        contact: &contact,
    });
    let mut masks = Vec::new();
    for lesion in &lesions {
        masks.push((lesion.traits.mass as usize, GreyImage::new(size, size, lesion.mask(size))?));
    }
    if let Some(foci) = &foci {
        masks.push((3, GreyImage::new(size, size, foci.mask(size))?));
    }
    Ok(PhantomImage { image: GreyImage::new(size, size, pixels)?, masks, signs })
}

/// Finds a place in or near the gland, apart from the lesions that are there.
fn place(traits: Traits, size: usize, layers: &Layers, others: &[Lesion], stream: &mut Stream) -> Lesion {
    let s = size as f64;
    let mut shape = Shape::draw(&traits, size, stream);
    for attempt in 0..60 {
        let (a, b) = shape.extent;
        shape.x = stream.between((a + 0.06 * s).min(0.5 * s), (s - a - 0.06 * s).max(0.5 * s));
        let column = (shape.x as usize).min(size - 1);
        let top = layers.fat[column] + 0.5 * b;
        let bottom = (layers.gland[column] - 0.7 * b).min(0.78 * s - b);
        shape.y = if bottom > top { stream.between(top, bottom) } else { 0.5 * (top + bottom) };
        shape.y = shape.y.max(layers.skin[column] + b + 0.02 * s);
        let free = others.iter().all(|other| {
            let (dx, dy) = ((other.shape.x - shape.x).abs(), (other.shape.y - shape.y).abs());
            dx > 1.1 * (a + other.shape.extent.0) || dy > 1.1 * (b + other.shape.extent.1)
        });
        if free {
            break;
        }
        if attempt % 10 == 9 {
            shape = Shape::draw(&traits, size, stream);
        }
    }
    Lesion { traits, shape }
}

struct Scene<'a> {
    size: usize,
    lesions: &'a [Lesion],
    foci: &'a Option<Foci>,
    layers: &'a Layers,
    variation: Variation,
    loss: &'a [f64],
    contact: &'a [f64],
}

/// The truth of each sign, from what was drawn and, where signs speak of the picture, from the maps.
fn truth(scene: &Scene) -> Vec<bool> {
    use PhantomSign as S;
    let any = |has: &dyn Fn(&Traits) -> bool| scene.lesions.iter().any(|l| has(&l.traits));
    let echoes = |t: &Traits| t.interior != Interior::Anechoic;
    let no_lesion = scene.lesions.is_empty() && scene.foci.is_none();
    let foci = |has: fn(&Foci) -> bool| scene.foci.as_ref().is_some_and(has);
    S::ALL
        .iter()
        .map(|sign| match sign {
            S::RoundOrOvalShape => any(&|t| t.outline == Outline::Oval),
            S::AnechoicInterior => any(&|t| t.interior == Interior::Anechoic),
            S::PosteriorEnhancement => any(&|t| t.behind == Behind::Enhancement),
            S::ThinSmoothWall => any(&|t| t.wall),
            S::CircumscribedMargin => any(&|t| !t.indistinct && !t.spiculated && t.outline != Outline::Irregular),
            S::ParallelOrientation => any(&|t| t.orientation == Orientation::Parallel),
            S::HypoechoicInterior => any(&|t| t.interior == Interior::Hypoechoic),
            S::HomogeneousTexture => any(&|t| echoes(t) && !t.heterogeneous),
            S::IrregularShape => any(&|t| t.outline == Outline::Irregular),
            S::SpiculatedMargin => any(&|t| t.spiculated),
            S::IndistinctMargin => any(&|t| t.indistinct),
            S::TallerThanWide => any(&|t| t.orientation == Orientation::Taller),
            S::HeterogeneousTexture => any(&|t| echoes(t) && t.heterogeneous),
            S::PosteriorShadowing => any(&|t| t.behind == Behind::Shadow) || foci(|f| f.shadowing),
            S::BrightEchogenicFoci => scene.foci.is_some(),
            S::ClusteredFoci => foci(|f| f.clustered),
            S::EchogenicHalo => any(&|t| t.halo),
            S::IntactTissueLayers => !scene.variation.jagged_layers && !scene.crosses_a_layer(),
            S::UniformSpeckle => no_lesion && !scene.variation.mottled,
            S::NoFocalLesion => no_lesion,
            S::UninterruptedFascia => scene.fascia_is_whole(),
            S::EvenBrightness => scene.is_even(),
        })
        .collect()
}

impl Scene<'_> {
    fn crosses_a_layer(&self) -> bool {
        let (fat, fascia) = (&self.layers.fat, &self.layers.fascia);
        let crossed = |lesion: &Lesion| {
            // A touch of less than a hundredth of the width is no crossing.
            let columns = (0..self.size).filter(|&c| {
                let x = c as f64;
                lesion.covers(x, fat[c]) || lesion.covers(x, fascia[c])
            });
            columns.count() * 100 > self.size
        };
        self.lesions.iter().any(crossed)
    }

    fn fascia_is_whole(&self) -> bool {
        (0..self.size).all(|column| {
            let y = self.layers.fascia[column];
            let row = (y.max(0.0) as usize).min(self.size - 1);
            self.layers.has_fascia(column)
                && self.loss[row * self.size + column] < 8.0
                && !self.lesions.iter().any(|l| l.covers(column as f64, y))
                && !self.foci.as_ref().is_some_and(|f| f.covers(column as f64, y))
        })
    }

    fn is_even(&self) -> bool {
        (0..self.size).step_by((self.size / 32).max(1)).all(|row| {
            let levels: Vec<f64> = (0..self.size).map(|c| self.loss[row * self.size + c] + self.contact[c]).collect();
            let mut sorted = levels.clone();
            sorted.sort_by(f64::total_cmp);
            let median = sorted[self.size / 2];
            levels.iter().all(|level| (level - median).abs() <= 5.0)
        })
    }
}
