use sdmad_base::Sha256;
use sdmad_encoders::ImageTower;
use sdmad_engine::Matrix;
use sdmad_imaging::RgbImage;

use super::tokens::ImageTokens;

/// From an image to its attributes: for each a linear score of the whole image and the mean of its highest scores over
/// patches.
///
/// v_a = w_a · whole + mean of the eight highest of (u_a · patch) + b_a, scaled so that over rendered images it
/// has mean 0 and a spread of at most 1, less for attributes that are told less well.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeReader {
    /// w: `[attributes, whole]`; zeros for an attribute that was not drawn.
    pub whole: Matrix,
    /// u: `[attributes, patch]`.
    pub patch: Matrix,
    /// b: `[attributes]`.
    pub offset: Vec<f32>,
}

/// How many patches make up a finding's score: about a thirtieth of 256.
pub(crate) const TOP_PATCHES: usize = 8;

impl AttributeReader {
    /// The attributes of an image, in the order of [`Attribute::ALL`](sdmad_synthesis::Attribute::ALL).
    pub fn read(&self, tower: &ImageTower, image: &RgbImage) -> Vec<f32> {
        self.read_tokens(&ImageTokens::of(tower, image))
    }

    /// SHA-256 of all its numbers.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for numbers in [self.whole.data(), self.patch.data(), &self.offset] {
            numbers.iter().for_each(|v| hash.update(&v.to_le_bytes()));
        }
        hash.finish()
    }

    pub(crate) fn read_tokens(&self, tokens: &ImageTokens) -> Vec<f32> {
        let whole = whole_scores(&self.whole, &tokens.whole);
        let patch = patch_scores(&self.patch, &tokens.patches);
        whole.iter().zip(&patch).zip(&self.offset).map(|((w, p), &b)| (w + p) as f32 + b).collect()
    }
}

/// `maps · whole`, for each row of `maps`.
pub(crate) fn whole_scores(maps: &Matrix, whole: &[f32]) -> Vec<f64> {
    (0..maps.rows()).map(|row| dot(maps.row(row), whole)).collect()
}

/// For each row of `maps` the mean of its highest scores over patches.
pub(crate) fn patch_scores(maps: &Matrix, patches: &Matrix) -> Vec<f64> {
    let top = TOP_PATCHES.min(patches.rows()).max(1);
    (0..maps.rows())
        .map(|row| {
            let map = maps.row(row);
            let mut scores: Vec<f64> = (0..patches.rows()).map(|p| dot(map, patches.row(p))).collect();
            scores.sort_unstable_by(|a, b| b.total_cmp(a));
            scores[..top.min(scores.len())].iter().sum::<f64>() / top as f64
        })
        .collect()
}

/// Eight running sums, so that the order of additions is fixed and the compiler may use wide registers.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0f32; 8];
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    for (a, b) in a8.iter().zip(b8) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().map(|&s| f64::from(s)).sum::<f64>() + f64::from(rest)
}
