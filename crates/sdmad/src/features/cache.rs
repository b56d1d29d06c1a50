use std::path::{Path, PathBuf};

use sdmad_base::{Sha256, sha256_hex, write_atomic};
use sdmad_engine::{InstructionPath, Precision};
use sdmad_imaging::Fingerprint;

use super::{FeatureSettings, ImageFeatures, Rows};

/// Changes whenever the same pixels would give other features.
const FEATURE_VERSION: &str = "sdmad features 2";

/// Features on disk, one small file for each image, named by what they depend on: the bytes of the image, the
/// encoder's weights, precision, instruction path and the settings. It holds numbers, no pictures.
#[derive(Clone, Debug)]
pub struct FeatureCache {
    folder: PathBuf,
}

impl FeatureCache {
    /// The cache in `folder` for one encoder and one way to take features. `encoder_sha256` stands for all that the tower is: weights,
    /// architecture, preprocessing.
    pub fn new(
        folder: &Path,
        encoder_sha256: &str,
        precision: Precision,
        path: InstructionPath,
        settings: &FeatureSettings,
    ) -> Self {
        let arithmetic = precision.arithmetic();
        let key = format!("{FEATURE_VERSION}\n{encoder_sha256}\n{arithmetic}\n{path}\n{settings:?}");
        let key = sha256_hex(key.as_bytes());
        FeatureCache { folder: folder.join(&key[..16]) }
    }

    /// What is kept of the image whose bytes have this SHA-256; none where nothing is, or it cannot be read.
    pub(super) fn kept(&self, image_sha256: &str, rows: Rows) -> Option<ImageFeatures> {
        decode(&std::fs::read(self.file(image_sha256, rows)).ok()?)
    }

    /// Keeps what was computed of an image. A file that cannot be written costs time and nothing else.
    pub(super) fn keep(&self, image_sha256: &str, rows: Rows, features: &ImageFeatures) {
        let path = self.file(image_sha256, rows);
        if let Some(folder) = path.parent()
            && std::fs::create_dir_all(folder).is_ok()
        {
            let _ = write_atomic(&path, &encode(features));
        }
    }

    fn file(&self, image_sha256: &str, rows: Rows) -> PathBuf {
        let ending = match rows {
            Rows::Views => "",
            Rows::Mean => ".mean",
        };
        self.folder.join(&image_sha256[..2]).join(format!("{image_sha256}{ending}"))
    }
}

/// Views, width, fingerprint, rows, and the SHA-256 of all that, so that a damaged file is computed again.
fn encode(features: &ImageFeatures) -> Vec<u8> {
    let width = features.views.first().map_or(0, Vec::len);
    let mut bytes = Vec::with_capacity(48 + 4 * width * features.views.len() + 64);
    bytes.extend((features.views.len() as u32).to_le_bytes());
    bytes.extend((width as u32).to_le_bytes());
    features.fingerprint.words().iter().for_each(|w| bytes.extend(w.to_le_bytes()));
    features.views.iter().flatten().for_each(|v| bytes.extend(v.to_le_bytes()));
    let digest = digest(&bytes);
    bytes.extend(digest.as_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<ImageFeatures> {
    let (body, tail) = bytes.split_at_checked(bytes.len().checked_sub(64)?)?;
    if digest(body).as_bytes() != tail {
        return None;
    }
    let (views, rest) = body.split_first_chunk::<4>()?;
    let (width, mut rest) = rest.split_first_chunk::<4>()?;
    let (views, width) = (u32::from_le_bytes(*views) as usize, u32::from_le_bytes(*width) as usize);
    let mut words = [0u64; 4];
    for word in &mut words {
        let (first, more) = rest.split_first_chunk::<8>()?;
        *word = u64::from_le_bytes(*first);
        rest = more;
    }
    if width == 0 || rest.len() != 4 * views * width {
        return None;
    }
    let numbers: Vec<f32> = rest.chunks_exact(4).filter_map(|b| b.try_into().ok().map(f32::from_le_bytes)).collect();
    let views = numbers.chunks_exact(width).map(<[f32]>::to_vec).collect();
    Some(ImageFeatures { views, fingerprint: Fingerprint::from_words(words), attributes: Vec::new() })
}

fn digest(bytes: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(bytes);
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_comes_back_and_damage_is_noticed() {
        let features = ImageFeatures {
            views: vec![vec![1.0, -2.5], vec![f32::MIN_POSITIVE, 3.0]],
            fingerprint: Fingerprint::from_words([1, 2, 3, u64::MAX]),
            attributes: vec![],
        };
        let mut bytes = encode(&features);
        assert_eq!(decode(&bytes), Some(features));
        bytes[20] ^= 1;
        assert_eq!(decode(&bytes), None);
        assert_eq!(decode(&bytes[..30]), None);
    }

    #[test]
    fn kept_features_are_of_one_image_one_tower_and_one_way() {
        let folder = tempfile::tempdir().unwrap();
        let (f32, portable) = (Precision::F32, InstructionPath::Portable);
        let settings = FeatureSettings::default();
        let cache = |precision, path, settings| FeatureCache::new(folder.path(), "weights", precision, path, settings);
        let features = ImageFeatures {
            views: vec![vec![0.5; 3]; 5],
            fingerprint: Fingerprint::from_words([0; 4]),
            attributes: vec![],
        };
        let mean = ImageFeatures { views: vec![features.mean()], ..features.clone() };
        let first = cache(f32, portable, &settings);
        assert_eq!(first.kept("ab12", Rows::Views), None);
        first.keep("ab12", Rows::Views, &features);
        first.keep("ab12", Rows::Mean, &mean);
        let again = cache(f32, portable, &settings);
        assert_eq!(again.kept("ab12", Rows::Views), Some(features));
        assert_eq!(again.kept("ab12", Rows::Mean), Some(mean));
        assert_eq!(again.kept("ab13", Rows::Views), None);
        let fewer = FeatureSettings { layers: 2, ..settings.clone() };
        for other in [
            cache(f32, portable, &fewer),
            cache(Precision::Bf16, portable, &settings),
            cache(f32, InstructionPath::Avx512, &settings),
        ] {
            assert_eq!(other.kept("ab12", Rows::Views), None);
        }
    }
}
