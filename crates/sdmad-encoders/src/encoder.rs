use std::path::Path;

use sdmad_base::{Error, Result, sha256_file};
use sdmad_imaging::{Filter, Fit, Preprocess};

use crate::folder::{ModelFolder, WeightFiles};
use crate::layout::{self, LOGIT_SCALE, UNUSED};
use crate::weights::WeightFile;
use crate::{FilterName, FitName, ImageTower, PreprocessEntry, TextTower, Tokenizer};

/// A frozen pair of an image tower and a text tower.
pub struct Encoder {
    image: ImageTower,
    text: TextTower,
    joint: Option<Joint>,
    identity: EncoderIdentity,
}

/// What a run writes down about its encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncoderIdentity {
    /// Name of the pair, or of its folder.
    pub name: String,
    /// SHA-256 of the file that the image tower came from, as 64 hexadecimal digits.
    pub image_sha256: String,
    /// The same of the text tower; equal to the other where both stand in one file.
    pub text_sha256: String,
}

/// The space that both embeddings of a pair like CLIP lie in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Joint {
    /// κ: cosines times this are logits. Up to 100 in published models.
    pub logit_scale: f32,
}

impl Encoder {
    /// Loads both towers of a model folder, whatever it is: one of sdmad's cache (`encoder.json`), of open_clip (`open_clip_config.json`,
    /// CLIP and BiomedCLIP) or of Hugging Face transformers (`config.json`, CLIP).
    ///
    /// # Errors
    /// [`Kind::BadInput`](sdmad_base::Kind::BadInput) when a file is missing or damaged or of a model that is not supported; when a tensor is missing, left over, of another shape
    /// than the configuration says, or holds a number that is not finite; when a file has not the hash that `encoder.json` gives.
    pub fn open(folder: &Path) -> Result<Self> {
        let model = ModelFolder::read(folder)?;
        let (image, text) = rayon::join(|| load_image(&model), || load_text(&model));
        let ((image, image_sha256), (text, text_sha256)) = (image?, text?);
        let joint = joint(&model)?;
        if joint.is_some() && image.embedding_width() != text.embedding_width() {
            return Err(Error::bad_input(format!(
                "{}: image embeddings have {} numbers and text embeddings {}; a joint space has one width",
                folder.display(),
                image.embedding_width(),
                text.embedding_width()
            )));
        }
        // Where both stand in one file, it was hashed once, on the image's side.
        let text_sha256 = text_sha256.unwrap_or_else(|| image_sha256.clone());
        let identity = EncoderIdentity { name: model.name, image_sha256, text_sha256 };
        Ok(Encoder { image, text, joint, identity })
    }

    /// The image tower.
    pub fn image_tower(&self) -> &ImageTower {
        &self.image
    }

    /// The text tower.
    pub fn text_tower(&self) -> &TextTower {
        &self.text
    }

    /// The joint space; none for a pair whose towers were trained apart.
    pub fn joint(&self) -> Option<&Joint> {
        self.joint.as_ref()
    }

    /// Name and hashes.
    pub fn identity(&self) -> &EncoderIdentity {
        &self.identity
    }
}

pub(crate) fn open_image_tower(folder: &Path) -> Result<ImageTower> {
    load_image(&ModelFolder::read(folder)?).map(|(tower, _)| tower)
}

pub(crate) fn open_text_tower(folder: &Path) -> Result<TextTower> {
    load_text(&ModelFolder::read(folder)?).map(|(tower, _)| tower)
}

/// The image tower and the SHA-256 of its file.
fn load_image(model: &ModelFolder) -> Result<(ImageTower, String)> {
    let preprocess = preprocess(&model.preprocess);
    preprocess.check().map_err(|e| e.at(format!("{}, preprocessing", model.folder.display())))?;
    let (path, expected) = match &model.weights {
        WeightFiles::Apart { image: (path, sha256), .. } => (path, Some(sha256)),
        WeightFiles::Together(path) => (path, None),
    };
    let file = WeightFile::open(path)?;
    let (layers, sha256) =
        rayon::join(|| layout::image_layers(&file.root(), &model.image), || checked_hash(&file, path, expected));
    // A file of another hash is why its tensors do not fit.
    let sha256 = sha256?;
    let layers = layers?;
    let concerns = |name: &str| expected.is_some() || layout::is_image_tensor(model.image.layout, name);
    file.finish(concerns, UNUSED, "image tower")?;
    let tower = ImageTower {
        architecture: model.image.clone(),
        preprocess,
        stem: layers.stem,
        blocks: layers.blocks,
        head: layers.head,
    };
    Ok((tower, sha256))
}

/// The text tower and the SHA-256 of its file, if that is not the image tower's.
fn load_text(model: &ModelFolder) -> Result<(TextTower, Option<String>)> {
    let (path, expected) = match &model.weights {
        WeightFiles::Apart { text: (path, sha256), .. } => (path, Some(sha256)),
        WeightFiles::Together(path) => (path, None),
    };
    if let WeightFiles::Apart { tokenizer: (path, sha256), .. } = &model.weights {
        same_hash(path, &sha256_file(path)?, sha256)?;
    }
    let tokenizer = Tokenizer::open(&model.folder)?.with_context(model.text.context_length);
    if tokenizer.vocabulary_size() > model.text.vocabulary {
        return Err(Error::bad_input(format!(
            "{}: the tokenizer has {} token ids, and the text tower {}",
            model.folder.display(),
            tokenizer.vocabulary_size(),
            model.text.vocabulary
        ))
        .with_hint("tokenizer and weights are of different models"));
    }
    let file = WeightFile::open(path)?;
    let (layers, sha256) = rayon::join(
        || layout::text_layers(&file.root(), &model.text),
        || expected.map(|expected| checked_hash(&file, path, Some(expected))).transpose(),
    );
    let sha256 = sha256?;
    let layers = layers?;
    let concerns =
        |name: &str| expected.is_some() || !(layout::is_image_tensor(model.image.layout, name) || name == LOGIT_SCALE);
    file.finish(concerns, UNUSED, "text tower")?;
    let tower = TextTower {
        architecture: model.text.clone(),
        tokenizer,
        stem: layers.stem,
        blocks: layers.blocks,
        head: layers.head,
    };
    Ok((tower, sha256))
}

fn checked_hash(file: &WeightFile, path: &Path, expected: Option<&String>) -> Result<String> {
    let sha256 = file.sha256()?;
    if let Some(expected) = expected {
        same_hash(path, &sha256, expected)?;
    }
    Ok(sha256)
}

fn same_hash(path: &Path, sha256: &str, expected: &str) -> Result<()> {
    if sha256 == expected {
        return Ok(());
    }
    Err(Error::bad_input(format!("{} has the SHA-256 {sha256}; encoder.json says {expected}", path.display()))
        .with_hint("the file was changed or damaged; delete the encoder's folder and pull it again"))
}

/// The temperature of a joint space; stored as its logarithm.
fn joint(model: &ModelFolder) -> Result<Option<Joint>> {
    let WeightFiles::Together(path) = &model.weights else { return Ok(None) };
    let logarithm = WeightFile::open(path)?.root().scalar(LOGIT_SCALE)?;
    let logit_scale = logarithm.exp();
    if !(logit_scale.is_finite() && logit_scale > 0.0) {
        return Err(Error::bad_input(format!(
            "{}: `{LOGIT_SCALE}` is {logarithm}, whose exponential is no factor",
            path.display()
        )));
    }
    Ok(Some(Joint { logit_scale }))
}

fn preprocess(entry: &PreprocessEntry) -> Preprocess {
    Preprocess {
        size: entry.size,
        fit: match entry.fit {
            FitName::Squash => Fit::Squash,
            FitName::ShortestThenCenterCrop => Fit::ShortestThenCenterCrop,
        },
        filter: match entry.filter {
            FilterName::Bilinear => Filter::Bilinear,
            FilterName::Bicubic => Filter::Bicubic,
            FilterName::Lanczos3 => Filter::Lanczos3,
        },
        mean: entry.mean,
        std: entry.std,
    }
}
