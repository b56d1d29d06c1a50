//! From a text to the attributes that it names.

use sdmad_base::{Result, Stream};
use sdmad_encoders::TextTower;
use sdmad_engine::{Matrix, Matrix64};
use sdmad_synthesis::{Attribute, Domain, Grammar, Phrase, Wording};

/// Multinomial logistic regression from text embeddings to "says a" and "denies a", for each attribute a.
#[derive(Clone, Debug, PartialEq)]
pub struct TextReader {
    /// What is taken off an embedding: `[text width]`.
    pub mean: Vec<f32>,
    /// `[2 · attributes, text width]`: says, then denies.
    pub weights: Matrix,
    /// `[2 · attributes]`.
    pub bias: Vec<f32>,
}

/// Strength of the squared penalty on weights, for embeddings of unit spread.
const PENALTY: f64 = 0.01;

/// Steps of the optimiser; the objective is convex, and beyond this held-out wordings gain nothing.
const STEPS: usize = 250;

/// Texts of two or three attributes that are made beside the single ones.
const COMBINED: usize = 4_000;

impl TextReader {
    /// The share of a text that says each attribute, minus the share that denies it: about 1 for a text of one attribute,
    /// about ½ each for two.
    pub fn read(&self, embedding: &[f32]) -> Vec<f64> {
        let shares = softmax(&self.logits(embedding));
        let half = shares.len() / 2;
        (0..half).map(|a| shares[a] - shares[half + a]).collect()
    }

    /// The adjoint of [`TextReader::read`] at an embedding: the gradient with respect to it.
    pub(crate) fn read_backward(&self, embedding: &[f32], gradient: &[f64]) -> Vec<f64> {
        let shares = softmax(&self.logits(embedding));
        let half = shares.len() / 2;
        let d_share = |k: usize| if k < half { gradient[k] } else { -gradient[k - half] };
        let mean: f64 = shares.iter().enumerate().map(|(k, p)| p * d_share(k)).sum();
        let mut d_embedding = vec![0.0; embedding.len()];
        for (k, p) in shares.iter().enumerate() {
            let d_logit = p * (d_share(k) - mean);
            d_embedding.iter_mut().zip(self.weights.row(k)).for_each(|(d, &w)| *d += d_logit * f64::from(w));
        }
        d_embedding
    }

    fn logits(&self, embedding: &[f32]) -> Vec<f64> {
        (0..self.weights.rows())
            .map(|row| {
                let centred = embedding.iter().zip(&self.mean).map(|(&e, &m)| f64::from(e) - f64::from(m));
                let weights = self.weights.row(row).iter().map(|&w| f64::from(w));
                weights.zip(centred).map(|(w, x)| w * x).sum::<f64>() + f64::from(self.bias[row])
            })
            .collect()
    }

    /// Learns from the grammar's wordings in a domain: each on its own, denials, and random pairs and triples, half of them
    /// after words for the kind of image.
    pub(crate) fn fit(tower: &TextTower, grammar: &Grammar, domain: Domain, seed: u64) -> Result<Self> {
        let phrases = phrases(grammar, domain, seed);
        let texts: Vec<&str> = phrases.iter().map(|p| p.text.as_str()).collect();
        let embeddings = tower.embed_all(&texts);
        Ok(regression(&embeddings, &phrases))
    }
}

/// What images of a domain are called.
pub(crate) fn modalities(domain: Domain) -> &'static [&'static str] {
    match domain {
        Domain::Ultrasound => &["a breast ultrasound image", "an ultrasound image", "a sonogram"],
        Domain::XRay => &["a frontal chest X-ray", "a chest radiograph", "an X-ray image"],
        Domain::Fundus => &["a colour fundus photograph", "a photograph of the retina"],
        Domain::Dermoscopy => &["a dermoscopy image of a skin lesion", "a dermoscopic image of a mole"],
        Domain::Oct => &["a retinal OCT scan", "an optical coherence tomography image"],
        Domain::Endoscopy => &["an endoscopy image", "a colour endoscopic view of the gastrointestinal tract"],
        Domain::BrainMri => &["a brain MRI slice", "a magnetic resonance image of the brain"],
        Domain::General => &["a medical image", "an image", "a scan"],
    }
}

/// What a text reader of a domain learns from.
fn phrases(grammar: &Grammar, domain: Domain, seed: u64) -> Vec<Phrase> {
    let stream = &mut Stream::new(seed, &format!("alignment texts/{}", domain.id()));
    let mut phrases = grammar.single_phrases(domain);
    for _ in 0..COMBINED {
        let mut attributes = Attribute::ALL.to_vec();
        stream.shuffle(&mut attributes);
        let count = if stream.chance(2.0 / 3.0) { 2 } else { 3 };
        phrases.push(grammar.phrase(stream, &attributes[..count], domain, Wording::Learnt));
    }
    for phrase in &mut phrases {
        if stream.chance(0.5) {
            let modalities = modalities(domain);
            phrase.text = format!("{} showing {}", modalities[stream.below(modalities.len())], phrase.text);
        }
    }
    phrases
}

fn regression(embeddings: &[Vec<f32>], phrases: &[Phrase]) -> TextReader {
    let (count, width) = (embeddings.len(), embeddings.first().map_or(0, Vec::len));
    let classes = 2 * Attribute::ALL.len();
    let mut mean = vec![0.0f64; width];
    for e in embeddings {
        mean.iter_mut().zip(e).for_each(|(m, &x)| *m += f64::from(x) / count as f64);
    }
    let mut rows = Matrix64::zeros(count, width);
    for (row, e) in embeddings.iter().enumerate() {
        let centred = e.iter().zip(&mean).map(|(&x, m)| f64::from(x) - m);
        rows.row_mut(row).iter_mut().zip(centred).for_each(|(r, x)| *r = x);
    }
    let spread = (rows.data().iter().map(|x| x * x).sum::<f64>() / rows.data().len().max(1) as f64).sqrt().max(1e-12);
    rows.data_mut().iter_mut().for_each(|x| *x /= spread);

    let targets: Vec<Vec<(usize, f64)>> = phrases.iter().map(target).collect();
    let mut bias = vec![1e-9f64; classes];
    targets.iter().flatten().for_each(|&(class, share)| bias[class] += share / count as f64);
    bias.iter_mut().for_each(|b| *b = b.ln());

    // Adam (Kingma and Ba 2015) on all texts at once.
    let mut weights = Matrix64::zeros(classes, width);
    let (mut first, mut second) = (vec![0.0f64; classes * width], vec![0.0f64; classes * width]);
    for _ in 0..STEPS {
        let mut errors = rows.times_transposed(&weights);
        for (row, target) in targets.iter().enumerate() {
            let logits: Vec<f64> = errors.row(row).iter().zip(&bias).map(|(z, b)| z + b).collect();
            let error = errors.row_mut(row);
            error.copy_from_slice(&softmax(&logits));
            target.iter().for_each(|&(class, share)| error[class] -= share);
        }
        let gradient = errors.transposed_times(&rows);
        let moments = first.iter_mut().zip(&mut second);
        for ((w, g), (m, v)) in weights.data_mut().iter_mut().zip(gradient.data()).zip(moments) {
            let g = g / count as f64 + PENALTY * *w;
            *m = 0.9 * *m + 0.1 * g;
            *v = 0.99 * *v + 0.01 * g * g;
            *w -= 0.03 * *m / (v.sqrt() + 1e-6);
        }
    }
    TextReader {
        mean: mean.iter().map(|&m| m as f32).collect(),
        weights: Matrix::from_vec(classes, width, weights.data().iter().map(|w| (w / spread) as f32).collect()),
        bias: bias.iter().map(|&b| b as f32).collect(),
    }
}

/// Equal shares of what a phrase says and denies.
fn target(phrase: &Phrase) -> Vec<(usize, f64)> {
    let classes = Attribute::ALL.len();
    let said = phrase.says.iter().map(|a| a as usize);
    let denied = phrase.denies.iter().map(|a| classes + a as usize);
    let all: Vec<usize> = said.chain(denied).collect();
    all.iter().map(|&class| (class, 1.0 / all.len() as f64)).collect()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|z| (z - top).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sdmad_synthesis::AttributeSet;

    #[test]
    fn a_text_is_read_as_what_texts_like_it_said() {
        let direction = |a: usize| -> Vec<f32> { (0..4).map(|d| if d == a { 1.0 } else { 0.0 }).collect() };
        let said =
            |a: Attribute| Phrase { text: String::new(), says: AttributeSet::from([a]), denies: AttributeSet::EMPTY };
        let denied = Phrase {
            says: AttributeSet::EMPTY,
            denies: AttributeSet::from([Attribute::Dark]),
            ..said(Attribute::Dark)
        };
        let embeddings = vec![direction(0), direction(1), direction(2), direction(0)];
        let phrases = [said(Attribute::Dark), said(Attribute::Bright), denied, said(Attribute::Dark)];
        let reader = regression(&embeddings, &phrases);
        let read = |a: usize| reader.read(&direction(a));
        assert!(read(0)[Attribute::Dark as usize] > 0.8);
        assert!(read(1)[Attribute::Bright as usize] > 0.8);
        assert!(read(2)[Attribute::Dark as usize] < -0.8);

        let (at, along) = ([0.3f32, -0.2, 0.5, 0.1], [0.7f32, 0.4, -0.3, 0.2]);
        let weights: Vec<f64> = (0..Attribute::ALL.len()).map(|a| (a as f64).sin()).collect();
        let value = |step: f32| -> f64 {
            let moved: Vec<f32> = at.iter().zip(&along).map(|(x, d)| x + step * d).collect();
            reader.read(&moved).iter().zip(&weights).map(|(t, w)| t * w).sum()
        };
        let gradient = reader.read_backward(&at, &weights);
        let found: f64 = gradient.iter().zip(&along).map(|(g, &d)| g * f64::from(d)).sum();
        let expected = (value(1e-2) - value(-1e-2)) / 2e-2;
        assert!((found - expected).abs() < 2e-3 * expected.abs().max(1.0), "{found} {expected}");
    }
}
