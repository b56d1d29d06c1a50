use sdmad_base::Stream;
use sdmad_engine::Matrix64;

use super::{AlignmentControl, AttributeReader, DomainAlignment};
use crate::loss::SignSets;

/// What an alignment says of the signs of a bank in an image, added to what the shots taught.
///
/// a'(x, s) = w · (t_s · v(x)) / σ, with t_s the attributes that the sign's text names, v(x) those that the image shows, and
/// σ the spread, over rendered images, of the means over a category's signs when the mean over categories is taken off.
/// It needs no shot, and depends on this image alone.
#[derive(Clone, Debug, PartialEq)]
pub struct SignPrior {
    /// From the image to v.
    pub reader: AttributeReader,
    /// t: `[signs][attributes]`.
    pub readings: Vec<Vec<f64>>,
    /// w / σ.
    pub scale: f64,
    /// The spread of each sign's a' over rendered images: what makes signs comparable without a shot.
    pub spreads: Vec<f64>,
}

impl SignPrior {
    /// The prior of signs with these text embeddings.
    pub(crate) fn new(
        alignment: &DomainAlignment,
        embeddings: &[Vec<f32>],
        sets: &SignSets,
        weight: f64,
        control: AlignmentControl,
        seed: u64,
    ) -> Self {
        let readings: Vec<Vec<f64>> = embeddings.iter().map(|e| alignment.text.read(e)).collect();
        let readings = controlled(readings, control, seed);
        let spread = column_spread(&readings, sets, &alignment.covariance);
        let scale = weight / spread.max(1e-9);
        let spreads = readings.iter().map(|t| scale * variance(t, &alignment.covariance).sqrt()).collect();
        SignPrior { reader: alignment.reader.clone(), readings, scale, spreads }
    }

    /// a' of every sign for an image with these attributes.
    pub fn similarities(&self, attributes: &[f32]) -> Vec<f64> {
        let shown = |t: &Vec<f64>| t.iter().zip(attributes).map(|(t, &v)| t * f64::from(v)).sum::<f64>();
        self.readings.iter().map(|t| self.scale * shown(t)).collect()
    }
}

/// Signs of normal, then of each category.
fn groups(sets: &SignSets) -> impl Iterator<Item = &[usize]> {
    std::iter::once(sets.normal()).chain((0..sets.categories()).map(|c| sets.category(c)))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), v| (sum + v, count + 1));
    sum / count.max(1) as f64
}

/// The root of the mean variance, over rendered images, of the centred category means.
fn column_spread(readings: &[Vec<f64>], sets: &SignSets, covariance: &Matrix64) -> f64 {
    let attributes = covariance.rows();
    let columns: Vec<Vec<f64>> = groups(sets)
        .map(|signs| (0..attributes).map(|a| mean(signs.iter().map(|&s| readings[s][a]))).collect())
        .collect();
    let centre: Vec<f64> = (0..attributes).map(|a| mean(columns.iter().map(|c| c[a]))).collect();
    let centred = |column: &Vec<f64>| column.iter().zip(&centre).map(|(x, m)| x - m).collect::<Vec<f64>>();
    mean(columns.iter().map(|c| variance(&centred(c), covariance))).sqrt()
}

/// tᵀ Σ t.
fn variance(t: &[f64], covariance: &Matrix64) -> f64 {
    let product = |row: usize| covariance.row(row).iter().zip(t).map(|(c, x)| c * x).sum::<f64>();
    t.iter().enumerate().map(|(row, x)| x * product(row)).sum::<f64>().max(0.0)
}

fn controlled(readings: Vec<Vec<f64>>, control: AlignmentControl, seed: u64) -> Vec<Vec<f64>> {
    let attributes = readings.first().map_or(0, Vec::len);
    match control {
        AlignmentControl::Aligned => readings,
        AlignmentControl::ShuffledText => {
            let mut order: Vec<usize> = (0..attributes).collect();
            Stream::new(seed, "alignment/shuffled text").shuffle(&mut order);
            readings.iter().map(|t| order.iter().map(|&a| t[a]).collect()).collect()
        }
        AlignmentControl::RandomBridge => {
            let stream = &mut Stream::new(seed, "alignment/random bridge");
            let map: Vec<Vec<f64>> =
                (0..attributes).map(|_| (0..attributes).map(|_| stream.normal()).collect()).collect();
            let through = |t: &Vec<f64>| map.iter().map(|row| row.iter().zip(t).map(|(m, x)| m * x).sum()).collect();
            readings.iter().map(through).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TextReader;
    use sdmad_engine::Matrix;
    use sdmad_synthesis::{Attribute, Domain};

    /// A text of direction a says attribute a; the attributes are independent and of spread 1.
    fn part() -> DomainAlignment {
        let attributes = Attribute::ALL.len();
        let mut weights = Matrix::zeros(2 * attributes, 3);
        (0..3).for_each(|a| weights.row_mut(a)[a] = 60.0);
        DomainAlignment {
            domain: Domain::General,
            reader: AttributeReader {
                whole: Matrix::zeros(attributes, 4),
                patch: Matrix::zeros(attributes, 4),
                offset: vec![0.0; attributes],
            },
            text: TextReader { mean: vec![0.0; 3], weights, bias: vec![0.0; 2 * attributes] },
            covariance: Matrix64::identity(attributes),
        }
    }

    fn prior(weight: f64, control: AlignmentControl) -> SignPrior {
        let texts = [[1.0f32, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(|t| t.to_vec());
        SignPrior::new(&part(), &texts, &SignSets::new(vec![vec![0], vec![1], vec![2]], 3), weight, control, 7)
    }

    fn image(attribute: usize) -> Vec<f32> {
        (0..Attribute::ALL.len()).map(|a| if a == attribute { 1.0 } else { 0.0 }).collect()
    }

    #[test]
    fn a_sign_follows_the_attribute_that_its_words_name() {
        let prior = prior(2.0, AlignmentControl::Aligned);
        // Columns are 3 independent numbers; with their mean taken off their spread is √(2/3).
        let unit = 2.0 / (2.0f64 / 3.0).sqrt();
        for a in 0..3 {
            let all = prior.similarities(&image(a));
            for (sign, value) in all.iter().enumerate() {
                let expected = if sign == a { unit } else { 0.0 };
                assert!((value - expected).abs() < 1e-6, "{all:?}");
            }
        }
        assert!(prior.spreads.iter().all(|s| (s - unit).abs() < 1e-6));
    }

    #[test]
    fn controls_cut_the_tie_between_words_and_attributes() {
        for control in [AlignmentControl::ShuffledText, AlignmentControl::RandomBridge] {
            let all = prior(1.0, control).similarities(&image(0));
            assert!(all[0] < 0.9 || all[1..].iter().any(|a| a.abs() > 0.1), "{control:?}: {all:?}");
        }
    }

    #[test]
    fn no_weight_says_nothing() {
        assert!(prior(0.0, AlignmentControl::Aligned).similarities(&image(1)).iter().all(|&a| a == 0.0));
    }
}
