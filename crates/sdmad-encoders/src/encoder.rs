use std::path::Path;

use sdmad_base::{Error, Result, sha256_file, sha256_hex};
use sdmad_engine::Precision;
use sdmad_imaging::{Filter, Fit, Preprocess};

use crate::folder::{ModelFolder, WeightFiles};
use crate::layout::{self, LOGIT_SCALE, UNUSED};
use crate::packed::{PackedKey, PackedWeights};
use crate::weights::{WeightFile, Weights};
use crate::{FilterName, FitName, ImageArchitecture, ImageTower, PreprocessEntry, TextTower, Tokenizer};

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
    /// That of the linear layers in the blocks of both towers; all else is f32.
    pub precision: Precision,
}

/// How the towers of a model folder are opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncoderOptions {
    /// That of the linear layers of the blocks: query, key and value, output, and the two of the branch behind. Patch embedding, positions,
    /// token embeddings, norms, biases and projections are f32.
    pub precision: Precision,
    /// Where packed weights are kept, if they are.
    pub packed: PackedWeights,
}

/// The space that both embeddings of a pair like CLIP lie in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Joint {
    /// κ: cosines times this are logits. Up to 100 in published models.
    pub logit_scale: f32,
}

impl Encoder {
    /// Loads both towers of a model folder, whatever it is: one of sdmad's cache (`encoder.json`), of open_clip (`open_clip_config.json`,
    /// CLIP and BiomedCLIP) or of Hugging Face transformers (`config.json`, CLIP). In f32, every file read and hashed.
    ///
    /// # Errors
    /// [`Kind::BadInput`](sdmad_base::Kind::BadInput) when a file is missing or damaged or of a model that is not supported; when a tensor is missing, left over, of another shape
    /// than the configuration says, or holds a number that is not finite; when a file has not the hash that `encoder.json` gives.
    pub fn open(folder: &Path) -> Result<Self> {
        Encoder::open_with(folder, &EncoderOptions::default())
    }

    /// The same at a precision, and from packed weights on disk where they are wanted.
    ///
    /// # Errors
    /// As [`Encoder::open`].
    pub fn open_with(folder: &Path, options: &EncoderOptions) -> Result<Self> {
        let model = ModelFolder::read(folder)?;
        let hashes = match &model.weights {
            WeightFiles::Together(path) => options.packed.hash_of(path).map(|hash| (hash.clone(), hash))?,
            WeightFiles::Apart { .. } => {
                let (image, text) =
                    rayon::join(|| hash_of(image_file(&model), options), || hash_of(text_file(&model), options));
                (image?, text?)
            }
        };
        let (image, text) =
            rayon::join(|| load_image(&model, hashes.0, options), || load_text(&model, hashes.1, options));
        let (image, text) = (image?, text?);
        let joint = joint(&model)?;
        if joint.is_some() && image.embedding_width() != text.embedding_width() {
            return Err(Error::bad_input(format!(
                "{}: image embeddings have {} numbers and text embeddings {}; a joint space has one width",
                folder.display(),
                image.embedding_width(),
                text.embedding_width()
            )));
        }
        let identity = EncoderIdentity {
            name: model.name,
            image_sha256: image.sha256().to_string(),
            text_sha256: text.sha256().to_string(),
            precision: options.precision,
        };
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

    /// Name, hashes and precision.
    pub fn identity(&self) -> &EncoderIdentity {
        &self.identity
    }
}

pub(crate) fn open_image_tower(folder: &Path, options: &EncoderOptions) -> Result<ImageTower> {
    let model = ModelFolder::read(folder)?;
    let sha256 = hash_of(image_file(&model), options)?;
    load_image(&model, sha256, options)
}

pub(crate) fn open_text_tower(folder: &Path, options: &EncoderOptions) -> Result<TextTower> {
    let model = ModelFolder::read(folder)?;
    let sha256 = hash_of(text_file(&model), options)?;
    load_text(&model, sha256, options)
}

/// A weight file and the hash that it must have, if that is known.
type Hashed<'a> = (&'a Path, Option<&'a str>);

fn image_file(model: &ModelFolder) -> Hashed<'_> {
    match &model.weights {
        WeightFiles::Apart { image: (path, sha256), .. } => (path, Some(sha256)),
        WeightFiles::Together(path) => (path, None),
    }
}

fn text_file(model: &ModelFolder) -> Hashed<'_> {
    match &model.weights {
        WeightFiles::Apart { text: (path, sha256), .. } => (path, Some(sha256)),
        WeightFiles::Together(path) => (path, None),
    }
}

/// The SHA-256 of a weight file. One of another hash is why its tensors would not fit, so this comes first.
fn hash_of((path, expected): Hashed<'_>, options: &EncoderOptions) -> Result<String> {
    let sha256 = options.packed.hash_of(path)?;
    if let Some(expected) = expected {
        same_hash(path, &sha256, expected)?;
    }
    Ok(sha256)
}

fn load_image(model: &ModelFolder, sha256: String, options: &EncoderOptions) -> Result<ImageTower> {
    let preprocess = preprocess(&model.preprocess);
    preprocess.check().map_err(|e| e.at(format!("{}, preprocessing", model.folder.display())))?;
    let ImageArchitecture { width, mlp_width, layout, .. } = model.image;
    check_depth(model, options.precision, width.max(mlp_width))?;
    let (path, expected) = image_file(model);
    let key = PackedKey { sha256: &sha256, tower: "image", precision: options.precision };
    let concerns = |name: &str| expected.is_some() || layout::is_image_tensor(layout, name);
    let layers = load(path, &key, options, &concerns, |weights| layout::image_layers(weights, &model.image))?;
    Ok(ImageTower {
        architecture: model.image.clone(),
        preprocess,
        stem: layers.stem,
        blocks: layers.blocks,
        head: layers.head,
        precision: options.precision,
        sha256,
        recipe_sha256: recipe_sha256(model)?,
    })
}

/// SHA-256 of an image tower's architecture and preprocessing.
fn recipe_sha256(model: &ModelFolder) -> Result<String> {
    let json = serde_json::to_vec(&(&model.image, &model.preprocess))
        .map_err(|e| Error::bad_input(format!("{}: architecture as JSON: {e}", model.folder.display())))?;
    Ok(sha256_hex(&json))
}

fn load_text(model: &ModelFolder, sha256: String, options: &EncoderOptions) -> Result<TextTower> {
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
    check_depth(model, options.precision, model.text.width.max(model.text.mlp_width))?;
    let (path, expected) = text_file(model);
    let key = PackedKey { sha256: &sha256, tower: "text", precision: options.precision };
    let layout = model.image.layout;
    let concerns = |name: &str| expected.is_some() || !(layout::is_image_tensor(layout, name) || name == LOGIT_SCALE);
    let layers = load(path, &key, options, &concerns, |weights| layout::text_layers(weights, &model.text))?;
    Ok(TextTower {
        architecture: model.text.clone(),
        tokenizer,
        stem: layers.stem,
        blocks: layers.blocks,
        head: layers.head,
        precision: options.precision,
        sha256,
    })
}

/// The layers of a tower: from what was packed of its file earlier, or from the file itself.
fn load<L>(
    path: &Path,
    key: &PackedKey<'_>,
    options: &EncoderOptions,
    concerns: &dyn Fn(&str) -> bool,
    build: impl Fn(&Weights<'_>) -> Result<L>,
) -> Result<L> {
    if let Some(packed) = options.packed.open(key)
        && let Ok(layers) = build(&packed.root())
        && packed.is_used_up()
    {
        return Ok(layers);
    }
    let file = WeightFile::open(path)?;
    let layers = build(&file.at(options.precision))?;
    file.finish(concerns, UNUSED, &format!("{} tower", key.tower))?;
    // What could not be kept is packed again at the next start.
    let _ = options.packed.keep(key, &file);
    Ok(layers)
}

/// The engine's exact sums of int8 end at so many inputs of a layer.
fn check_depth(model: &ModelFolder, precision: Precision, deepest: usize) -> Result<()> {
    const MOST: usize = 1 << 16;
    if precision == Precision::Int8 && deepest > MOST {
        return Err(Error::bad_input(format!(
            "{}: a layer of {deepest} inputs; int8 takes up to {MOST}",
            model.folder.display()
        ))
        .with_hint("open it in f32 or bf16"));
    }
    Ok(())
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
    let logarithm = WeightFile::open(path)?.at(Precision::F32).scalar(LOGIT_SCALE)?;
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
