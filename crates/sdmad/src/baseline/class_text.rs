use sdmad_encoders::Encoder;
use sdmad_engine::Matrix;

use crate::align::{PriorWeights, WordEmbeddings, mean_of};
use crate::category_names::{WAYS, name_prompts};
use crate::features::ImageReader;
use crate::loss::SignSets;
use crate::{Bank, ChosenAlignment, DomainAlignment, Settings, SignPrior};

/// What the names of normal and of the categories say of an image's reading: one logit each, the mean taken off.
///
/// An encoder with a joint space (CLIP) reads the image's embedding, and a logit is κ times its cosine with the mean
/// embedding of the prompts. Another one reads attributes by an alignment, and a logit is the inner product with what
/// the prompts name, in units of its spread over rendered images.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassText {
    /// `[columns, reading]`.
    pub weights: Matrix,
}

/// Spread of the logits of an alignment, as of zero-shot signs: their weight without a shot times the sharpness of the
/// softmax over findings.
const ALIGNED_SPREAD: f64 = 2.0;

impl ClassText {
    /// The logits of an image, normal first.
    pub fn logits(&self, reading: &[f32]) -> Vec<f64> {
        (0..self.weights.rows())
            .map(|c| self.weights.row(c).iter().zip(reading).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum())
            .collect()
    }

    /// By the joint space of an encoder, else by an alignment; none without either.
    pub(crate) fn of(
        encoder: &Encoder,
        alignment: Option<&ChosenAlignment>,
        bank: Option<&Bank>,
        categories: &[String],
        settings: &Settings,
    ) -> Option<Self> {
        let prompts = name_prompts(bank, categories);
        let flat: Vec<&String> = prompts.iter().flatten().collect();
        let embed = || encoder.text_tower().embed_all(&flat);
        let rows: Vec<Vec<f64>> = if let Some(joint) = encoder.joint() {
            let embeddings = embed();
            let class = |part: &[Vec<f32>]| scaled(mean(part), f64::from(joint.logit_scale));
            embeddings.chunks_exact(WAYS).map(class).collect()
        } else {
            let prior = aligned(&alignment?.part, &embed(), settings);
            let class = |readings: &[Vec<f64>]| mean_of(readings).iter().map(|x| prior.scale * x).collect();
            prior.readings.chunks_exact(WAYS).map(class).collect()
        };
        Some(ClassText { weights: centred(&rows) })
    }
}

/// What an alignment says of prompts with these embeddings, [`WAYS`] of them for each class.
fn aligned(part: &DomainAlignment, embeddings: &[Vec<f32>], settings: &Settings) -> SignPrior {
    let places = |class: usize| (class * WAYS..(class + 1) * WAYS).collect();
    let sets = SignSets::new((0..embeddings.len() / WAYS).map(places).collect(), embeddings.len());
    let words = WordEmbeddings { signs: embeddings.to_vec(), names: Vec::new() };
    let weights = PriorWeights { words: ALIGNED_SPREAD, names: 0.0, finding: 0.0 };
    SignPrior::new(part, &words, &sets, &weights, settings.alignment.control, settings.text.seed)
}

/// The factor of an alignment's inner products that gives the logits of names their spread.
pub(super) fn aligned_scale(
    encoder: &Encoder,
    part: &DomainAlignment,
    bank: Option<&Bank>,
    categories: &[String],
    settings: &Settings,
) -> f64 {
    let flat: Vec<String> = name_prompts(bank, categories).concat();
    aligned(part, &encoder.text_tower().embed_all(&flat), settings).scale
}

/// What reads an image so that names can be compared with it: the joint space where there is one, else the alignment.
pub fn text_reader(encoder: &Encoder, alignment: Option<&ChosenAlignment>) -> Option<ImageReader> {
    match (encoder.joint(), alignment) {
        (Some(_), _) => Some(ImageReader::Embedding),
        (None, Some(chosen)) => Some(ImageReader::Attributes(chosen.part.reader.clone())),
        (None, None) => None,
    }
}

fn mean(rows: &[Vec<f32>]) -> Vec<f64> {
    let wide: Vec<Vec<f64>> = rows.iter().map(|r| r.iter().map(|&x| f64::from(x)).collect()).collect();
    mean_of(&wide)
}

/// At a length.
fn scaled(row: Vec<f64>, length: f64) -> Vec<f64> {
    let own = row.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
    row.iter().map(|x| x * length / own).collect()
}

pub(super) fn centred(rows: &[Vec<f64>]) -> Matrix {
    let centre = mean_of(rows);
    let data = rows.iter().flat_map(|r| r.iter().zip(&centre).map(|(x, m)| (x - m) as f32)).collect();
    Matrix::from_vec(rows.len(), centre.len(), data)
}
