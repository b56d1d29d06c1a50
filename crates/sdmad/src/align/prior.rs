use sdmad_base::Stream;
use sdmad_engine::Matrix64;
use sdmad_synthesis::Attribute;

use super::settings::weighs_in_full;
use super::{AlignmentControl, AttributeReader, DomainAlignment};
use crate::Standard;
use crate::loss::SignSets;
use crate::select::median;

/// What an alignment says of the signs of a bank in an image, added to what the shots taught.
///
/// a'(x, s) = w · (t_s · v(x)) / σ, with t_s the attributes that the sign's text names, v(x) those that the image shows, and
/// σ the spread that the means over a category's signs, with the mean over categories taken off, would have over rendered images if
/// every attribute had the spread 1. It has less where it is told less well, so that words weigh less in a domain that is read
/// less well. Beside its signs a category has a name, read in the same way, and that it is a finding at all: the attribute "finding",
/// of which normal images have none. It needs no shot, and depends on this image alone.
#[derive(Clone, Debug, PartialEq)]
pub struct SignPrior {
    /// From the image to v.
    pub reader: AttributeReader,
    /// t: `[signs][attributes]`.
    pub readings: Vec<Vec<f64>>,
    /// w / σ, for signs.
    pub scale: f64,
    /// The spread of each sign's a' over rendered images.
    pub spreads: Vec<f64>,
    /// What the name of normal and of each category adds to the mean over its signs, per attribute: `[columns][attributes]`.
    pub names: Vec<Vec<f64>>,
    /// What the attribute "finding" adds, half to each category and less half to normal.
    pub finding: f64,
    /// What words say of normal against its best rival counts this much in d(x), beside −z₀ of the shots.
    pub in_detection: f64,
}

/// What an alignment reads of a bank, as text embeddings.
pub(crate) struct WordEmbeddings {
    /// Of each sign.
    pub(crate) signs: Vec<Vec<f32>>,
    /// For normal and each category, of each way to say its name; empty where names are not read.
    pub(crate) names: Vec<Vec<Vec<f32>>>,
}

/// How much the parts of a prior weigh.
pub(crate) struct PriorWeights {
    /// w: the spread of a category's signs and name together, were every attribute told without fail.
    pub(crate) words: f64,
    /// The share of names in it, in [0, 1].
    pub(crate) names: f64,
    /// The weight of "finding" beside it.
    pub(crate) finding: f64,
}

/// Shots know normal as a class, words as the absence of everything; d(x) takes half of what the difference of two columns of words says.
const IN_DETECTION: f64 = 0.5;

impl SignPrior {
    /// The prior of a bank with these text embeddings.
    pub(crate) fn new(
        alignment: &DomainAlignment,
        words: &WordEmbeddings,
        sets: &SignSets,
        weights: &PriorWeights,
        control: AlignmentControl,
        seed: u64,
    ) -> Self {
        let covariance = &alignment.covariance;
        let told_well = correlation(covariance);
        let ways = words.names.first().map_or(0, Vec::len);
        let all = words.signs.iter().chain(words.names.iter().flatten());
        let mut readings = controlled(all.map(|e| alignment.text.read(e)).collect(), control, seed);
        let of_names = readings.split_off(words.signs.len());
        let signs = centred(groups(sets).map(|signs| mean_of(signs.iter().map(|&s| &readings[s]))));
        let of_signs = spread(&signs, &told_well);
        let named = if ways == 0 { Vec::new() } else { centred(of_names.chunks(ways).map(mean_of)) };
        let share = if named.is_empty() { 0.0 } else { weights.names };
        let (sign_share, name_share) = ((1.0 - share) / of_signs, share / spread(&named, &told_well));
        let both: Vec<Vec<f64>> = signs
            .iter()
            .zip(&named)
            .map(|(s, n)| s.iter().zip(n).map(|(s, n)| sign_share * s + name_share * n).collect())
            .collect();
        let unit = weights.words / if share == 0.0 { 1.0 } else { spread(&both, &told_well) };
        let scale = unit * sign_share;
        let spreads = readings.iter().map(|t| scale * variance(t, covariance).sqrt()).collect();
        SignPrior {
            reader: alignment.reader.clone(),
            readings,
            scale,
            spreads,
            names: named.iter().map(|n| n.iter().map(|x| unit * name_share * x).collect()).collect(),
            finding: weights.words * weights.finding,
            in_detection: IN_DETECTION,
        }
    }

    /// The same in the units of a run of before format 6, which weighed words otherwise: its bridge and its calibration are of those.
    pub(crate) fn in_units_of(mut self, old: &SignPrior) -> Self {
        // Words of weight 0 say nothing in any units.
        let factor = if self.scale == 0.0 { 0.0 } else { old.scale / self.scale };
        self.spreads.iter_mut().for_each(|spread| *spread *= factor);
        (self.scale, self.in_detection) = (old.scale, old.in_detection);
        self
    }

    /// What makes scores of different signs comparable by words: log-odds that the sign is there, with what the shots taught counted from its mean over
    /// the shots, `taught`. None where the alignment does not know what it reads in images with and without an attribute, words have no weight, or the
    /// shots' own scores say it better: with folds, in a domain whose words weigh less beside shots. A sign that names nothing which is told has standard
    /// deviations instead.
    pub(crate) fn standards(
        &self,
        alignment: &DomainAlignment,
        with_folds: bool,
        taught: &[f64],
    ) -> Option<Vec<Standard>> {
        let presence = alignment.presence.as_ref().filter(|_| self.scale > 0.0)?;
        if with_folds && !weighs_in_full(alignment.domain) {
            return None;
        }
        let of_sign = |(t, &spread): (&Vec<f64>, &f64)| {
            let log_odds = presence.log_odds(t, self.scale, &alignment.covariance);
            log_odds.unwrap_or_else(|| Standard::of_spread(spread))
        };
        let all: Vec<Standard> = self.readings.iter().zip(&self.spreads).map(of_sign).collect();
        let least = LEAST_UNIT * median(all.iter().map(|standard| standard.unit()).collect());
        Some(all.into_iter().zip(taught).map(|(s, &taught)| s.with_unit_from(least).shifted(taught)).collect())
    }

    /// What stands beside the mean over the signs of normal and of each of `categories`: name, and finding or none.
    pub fn beside_signs(&self, attributes: &[f32], categories: usize) -> Vec<f64> {
        let half = 0.5 * self.finding * attributes.get(Attribute::Finding as usize).map_or(0.0, |&v| f64::from(v));
        (0..=categories)
            .map(|column| {
                let name = self.names.get(column).map_or(0.0, |n| shown(n, attributes));
                name + if column == 0 { -half } else { half }
            })
            .collect()
    }

    /// a' of every sign for an image with these attributes.
    pub fn similarities(&self, attributes: &[f32]) -> Vec<f64> {
        self.readings.iter().map(|t| self.scale * shown(t, attributes)).collect()
    }
}

/// The least unit of a sign, in units of the median one of its bank: where words name next to nothing their unit is tiny, and what the shots taught
/// would count for everything.
const LEAST_UNIT: f64 = 1.0 / 3.0;

/// Spreads below this say that there is nothing to tell apart.
const LEAST_SPREAD: f64 = 1e-9;

fn shown(t: &[f64], attributes: &[f32]) -> f64 {
    t.iter().zip(attributes).map(|(t, &v)| t * f64::from(v)).sum()
}

/// Signs of normal, then of each category.
fn groups(sets: &SignSets) -> impl Iterator<Item = &[usize]> {
    std::iter::once(sets.normal()).chain((0..sets.categories()).map(|c| sets.category(c)))
}

/// The mean of rows of equal width, at least one.
pub(crate) fn mean_of<'a>(rows: impl IntoIterator<Item = &'a Vec<f64>>) -> Vec<f64> {
    let mut sum: Vec<f64> = Vec::new();
    let mut count = 0.0;
    for row in rows {
        sum.resize(row.len(), 0.0);
        sum.iter_mut().zip(row).for_each(|(s, x)| *s += x);
        count += 1.0;
    }
    sum.iter_mut().for_each(|s| *s /= count);
    sum
}

/// Columns with their mean taken off.
fn centred(columns: impl Iterator<Item = Vec<f64>>) -> Vec<Vec<f64>> {
    let mut columns: Vec<Vec<f64>> = columns.collect();
    let centre = mean_of(&columns);
    columns.iter_mut().for_each(|c| c.iter_mut().zip(&centre).for_each(|(x, m)| *x -= m));
    columns
}

/// The root of the mean variance of columns over rendered images.
fn spread(columns: &[Vec<f64>], covariance: &Matrix64) -> f64 {
    let sum: f64 = columns.iter().map(|c| variance(c, covariance)).sum();
    (sum / columns.len().max(1) as f64).sqrt().max(LEAST_SPREAD)
}

/// tᵀ Σ t.
pub(super) fn variance(t: &[f64], covariance: &Matrix64) -> f64 {
    let product = |row: usize| covariance.row(row).iter().zip(t).map(|(c, x)| c * x).sum::<f64>();
    t.iter().enumerate().map(|(row, x)| x * product(row)).sum::<f64>().max(0.0)
}

/// Covariances with every variance made 1; 0 for an attribute that does not vary.
fn correlation(covariance: &Matrix64) -> Matrix64 {
    let count = covariance.rows();
    let deviation: Vec<f64> = (0..count).map(|a| covariance.row(a)[a].max(0.0).sqrt()).collect();
    let mut scaled = Matrix64::zeros(count, count);
    for a in 0..count {
        for (b, value) in scaled.row_mut(a).iter_mut().enumerate() {
            let both = deviation[a] * deviation[b];
            *value = if both > LEAST_SPREAD { covariance.row(a)[b] / both } else { 0.0 };
        }
    }
    scaled
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
    use crate::{Presence, TextReader};
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
            presence: None,
        }
    }

    const TEXTS: [[f32; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

    fn with_names(names: [usize; 3], weights: &PriorWeights) -> SignPrior {
        let signs = TEXTS.map(|t| t.to_vec()).to_vec();
        let words = WordEmbeddings { signs, names: names.map(|n| vec![TEXTS[n].to_vec(); 2]).to_vec() };
        let sets = SignSets::new(vec![vec![0], vec![1], vec![2]], 3);
        SignPrior::new(&part(), &words, &sets, weights, AlignmentControl::Aligned, 7)
    }

    fn prior(weight: f64, control: AlignmentControl) -> SignPrior {
        let words = WordEmbeddings { signs: TEXTS.map(|t| t.to_vec()).to_vec(), names: Vec::new() };
        let weights = PriorWeights { words: weight, names: 0.5, finding: 0.0 };
        SignPrior::new(&part(), &words, &SignSets::new(vec![vec![0], vec![1], vec![2]], 3), &weights, control, 7)
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
    fn a_name_shares_the_weight_with_the_signs_of_its_category() {
        let of = |prior: &SignPrior, attribute: usize| -> Vec<f64> {
            let signs = prior.similarities(&image(attribute));
            let columns: Vec<f64> =
                signs.iter().zip(prior.beside_signs(&image(attribute), 2)).map(|(s, n)| s + n).collect();
            let centre = columns.iter().sum::<f64>() / 3.0;
            columns.iter().map(|c| c - centre).collect()
        };
        let alone = of(&prior(1.0, AlignmentControl::Aligned), 1);
        // Names that say what the signs say change nothing, whatever their share.
        for share in [0.0, 0.25, 1.0] {
            let same = with_names([0, 1, 2], &PriorWeights { words: 1.0, names: share, finding: 0.0 });
            of(&same, 1).iter().zip(&alone).for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{share}"));
        }
        // Names that say another category's sign turn an image over once they have more than half.
        let turned = |share| of(&with_names([0, 2, 1], &PriorWeights { words: 1.0, names: share, finding: 0.0 }), 1);
        assert!(turned(0.4)[1] > turned(0.4)[2] && turned(0.6)[1] < turned(0.6)[2]);
        // Signs and names together keep the spread of signs alone.
        let squares = |c: &[f64]| c.iter().map(|x| x * x).sum::<f64>();
        let total: f64 = (0..3)
            .map(|a| squares(&of(&with_names([0, 2, 1], &PriorWeights { words: 1.0, names: 0.4, finding: 0.0 }), a)))
            .sum();
        assert!((total - 3.0).abs() < 1e-6, "{total}");
    }

    #[test]
    fn a_finding_speaks_for_every_category_and_against_normal() {
        let prior = with_names([0, 1, 2], &PriorWeights { words: 0.5, names: 0.0, finding: 2.0 });
        assert_eq!(prior.beside_signs(&image(Attribute::Finding as usize), 2), [-0.5, 0.5, 0.5]);
    }

    #[test]
    fn an_old_run_is_read_anew_in_its_own_units() {
        let alone = PriorWeights { words: 1.0, names: 0.0, finding: 0.0 };
        let today = || with_names([0, 1, 2], &alone);
        let old = SignPrior {
            scale: 1.3 * today().scale,
            spreads: today().spreads.iter().map(|s| 1.3 * s).collect(),
            names: Vec::new(),
            in_detection: 1.0,
            ..today()
        };
        let anew = today().in_units_of(&old);
        assert_eq!((anew.scale, anew.in_detection), (old.scale, 1.0));
        assert!(anew.spreads.iter().zip(&old.spreads).all(|(a, o)| (a - o).abs() < 1e-12));
        assert_eq!(anew.similarities(&image(1)), old.similarities(&image(1)));
        assert_eq!(anew.beside_signs(&image(1), 2), old.beside_signs(&image(1), 2));
        let silent = || with_names([0, 1, 2], &PriorWeights { words: 0.0, ..alone });
        assert_eq!(silent().in_units_of(&silent()).spreads, [0.0; 3]);
    }

    #[test]
    fn words_weigh_less_in_a_domain_that_is_read_less_well() {
        let mut poor = part();
        let count = Attribute::ALL.len();
        for a in 0..count {
            poor.covariance.row_mut(a)[a] = 0.25;
        }
        let words = WordEmbeddings { signs: TEXTS.map(|t| t.to_vec()).to_vec(), names: Vec::new() };
        let weights = PriorWeights { words: 1.0, names: 0.0, finding: 0.0 };
        let sets = SignSets::new(vec![vec![0], vec![1], vec![2]], 3);
        let of = |part| SignPrior::new(part, &words, &sets, &weights, AlignmentControl::Aligned, 7);
        let (good, poor) = (of(&part()), of(&poor));
        // The same map from attributes, whose numbers are half as large there.
        assert_eq!(good.scale, poor.scale);
        assert!(good.spreads.iter().zip(&poor.spreads).all(|(g, p)| (g - 2.0 * p).abs() < 1e-9));
    }

    #[test]
    fn signs_are_compared_by_words_where_words_can_tell() {
        let mut part = part();
        let mut presence = Presence::nothing();
        presence.shares[0] = 0.5;
        presence.with.row_mut(0)[0] = 1.0;
        presence.without.row_mut(0)[0] = -1.0;
        let of = |part: &DomainAlignment, weight: f64, with_folds: bool| {
            let prior = prior(weight, AlignmentControl::Aligned);
            let spread = prior.spreads[1];
            prior.standards(part, with_folds, &[0.5, 0.25, 0.0]).map(|standards| (standards, spread))
        };
        // An alignment that does not know what is read with and without an attribute.
        assert!(of(&part, 1.0, false).is_none());
        part.presence = Some(presence);
        let (standards, spread) = of(&part, 1.0, false).unwrap();
        // Halfway between with and without, beyond what the shots taught on average.
        assert!(standards[0].apply(0.5).abs() < 1e-6);
        assert_eq!(standards[1], Standard::of_spread(spread).shifted(0.25));
        assert!(of(&part, 0.0, false).is_none());
        // Words of `general` weigh less beside shots, so with folds the shots' own scores decide.
        assert!(of(&part, 1.0, true).is_none());
        part.domain = Domain::Ultrasound;
        assert!(of(&part, 1.0, true).is_some());
    }

    #[test]
    fn words_that_name_next_to_nothing_do_not_leave_a_sign_to_the_shots() {
        let mut part = DomainAlignment { domain: Domain::Ultrasound, ..part() };
        let mut presence = Presence::nothing();
        for a in 0..3 {
            presence.shares[a] = 0.5;
            presence.with.row_mut(a)[a] = 0.8;
            presence.without.row_mut(a)[a] = -0.8;
        }
        part.presence = Some(presence);
        let mut prior = prior(1.0, AlignmentControl::Aligned);
        prior.readings[0].iter_mut().for_each(|t| *t *= 0.01);
        let units: Vec<f64> = prior.standards(&part, true, &[0.0; 3]).unwrap().iter().map(|s| s.unit()).collect();
        // By itself it would be a hundredth of the others.
        assert!((units[0] - units[1] / 3.0).abs() < 1e-6 && (units[1] - units[2]).abs() < 1e-6, "{units:?}");
    }

    #[test]
    fn no_weight_says_nothing() {
        assert!(prior(0.0, AlignmentControl::Aligned).similarities(&image(1)).iter().all(|&a| a == 0.0));
    }
}
