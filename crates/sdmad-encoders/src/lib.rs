//! Frozen image and text towers, and all that it takes to have them: files, weights, tokenizers.
//!
//! An [`Encoder`] is a pair of towers, read from a model folder. Pictures and texts go through each tower step by step, or all at once with
//! `embed`; between blocks stand hidden states as [`Matrix`](sdmad_engine::Matrix) `[tokens, width]`. [`Adapted`] puts trainable shift
//! adapters behind chosen layers and gives their gradients; nothing else in a tower can be trained.
//!
//! ```
//! use sdmad_encoders::Encoder;
//! use sdmad_imaging::RgbImage;
//!
//! # fn main() -> sdmad_base::Result<()> {
//! # let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/towers/biomed-clip");
//! let encoder = Encoder::open(&folder)?;
//! let (image, text) = (encoder.image_tower(), encoder.text_tower());
//!
//! let picture = RgbImage::new(40, 30, vec![90; 40 * 30 * 3])?;
//! let pixels = image.preprocess().apply(&picture);
//! let (a, b) = (image.embed(&pixels), text.embed("breast ultrasound showing a dark mass"));
//! if let Some(joint) = encoder.joint() {
//!     let logit = joint.logit_scale * a.iter().zip(&b).map(|(a, b)| a * b).sum::<f32>();
//!     assert!(logit.abs() <= joint.logit_scale);
//! }
//!
//! // Patch tokens of an inner layer: 4 x 4 patches and the class token in front.
//! let [first] = &image.hidden(&pixels, &[1])[..] else { unreachable!() };
//! assert_eq!((image.patch_grid(), first.rows(), first.columns()), ((4, 4), 17, image.width()));
//! # Ok(())
//! # }
//! ```
//!
//! # Model folders
//!
//! What a folder holds is found out from its files, the first of these that is there:
//!
//! | file | folder | weights | towers |
//! |---|---|---|---|
//! | `encoder.json` | of sdmad's cache, [`EncoderFile`] | `image.safetensors`, `text.safetensors`, with their SHA-256 | DINOv2 and a BERT (the default pair) |
//! | `open_clip_config.json` | of open_clip | `open_clip_model.safetensors` | CLIP; a timm vision transformer and a BERT (BiomedCLIP) |
//! | `config.json` | of Hugging Face transformers | `model.safetensors` | CLIP |
//!
//! Beside them stand the tokenizer ([`Tokenizer::open`]) and, for transformers, `preprocessor_config.json`. Weights may be F32, F16 or BF16.
//! Some open_clip configurations give a timm or BERT model by name only; those of `data/known-models.json` are known, and
//! a file `known-models.json` of the same form in the folder adds to them.
//!
//! A missing tensor, one left over, one of another shape, one with a number that is not finite, a wrong hash, and any setting that would
//! change what is computed and is not supported here are errors that name both sides.
//!
//! **What cannot be read**: checkpoints of PyTorch. A `.bin` or `.pth` is a Python pickle, and OpenAI's `.pt` files are TorchScript archives, a
//! program and pickles in a zip file. Convert them once in Python; the result is a folder as above:
//!
//! ```text
//! # transformers
//! CLIPModel.from_pretrained(NAME).save_pretrained(FOLDER); CLIPProcessor.from_pretrained(NAME).save_pretrained(FOLDER)
//! # open_clip, OpenAI's files too: create_model(NAME, pretrained="openai" or a .pt file), then
//! open_clip.push_to_hf_hub.save_for_hf(model, tokenizer, config, FOLDER, safe_serialization=True)
//! ```
//!
//! Neither can weights in several files, networks that are not plain transformers (ResNet, Swin, ConvNeXt), SigLIP and CoCa.
//!
//! # Map
//!
//! | module | holds |
//! |---|---|
//! | `encoder` | [`Encoder`]: opens a folder with [`EncoderOptions`], builds both towers, checks hashes and what is left over |
//! | `image_tower`, `text_tower` | [`ImageTower`], [`TextTower`]: from input to embedding, each step apart |
//! | `activation_room` | [`ActivationRoom`]: memory for what a backward pass need not compute again |
//! | `adapted` | [`Adapted`]: shift adapters behind layers, from a cached prefix, with gradients |
//! | `head`, `blocks`, `positions` | pooling and projection with adjoints; hidden states; resized position embeddings |
//! | `architecture` | [`ImageArchitecture`], [`TextArchitecture`]: what a tower is made of, as data |
//! | `layout` | tensor names, written where layers are built; one file for each family, its source on top |
//! | `weights` | tensors of a safetensors file by name, shape and type |
//! | `packed` | [`PackedWeights`]: weights packed once, on disk, mapped at the next start; hashes of files that did not change |
//! | `folder` | configurations of the three kinds of folder to architectures |
//! | `encoder_file` | [`EncoderFile`]: `encoder.json`, with a format number |
//! | `tokenizer` | [`Tokenizer`]: CLIP's byte pairs and BERT's WordPiece |
//! | `pull`, `download` | [`ensure`] and [`pull`]: the default pair by pinned packages, converted once; CLIP folders of a hub |
//! | `cache`, `archive` | where encoders live ([`encoder_folder`]), [`list`] and [`verify`]; [`export()`] and [`import`] as one file |
//!
//! Reference values are those of transformers, open_clip, timm and onnxruntime: `scripts/reference/towers.py` and `default_pair.py`.

mod activation_room;
mod adapted;
mod architecture;
mod archive;
mod blocks;
mod cache;
mod download;
mod encoder;
mod encoder_file;
mod folder;
mod head;
mod image_tower;
mod layout;
mod packed;
mod positions;
mod pull;
mod text_tower;
mod tokenizer;
mod weights;

pub use activation_room::ActivationRoom;
pub use adapted::{Adapted, AdapterGradient, ShiftAdapters, Trace};
pub use architecture::{
    ActivationName, ImageArchitecture, ImageLayout, ImagePooling, NormPosition, ProjectionShape, TextArchitecture,
    TextLayout, TextPooling,
};
pub use archive::{export, import};
pub use cache::{Listed, Verified, VerifiedFile, cache_dir, encoder_folder, list, verify};
pub use encoder::{Encoder, EncoderIdentity, EncoderOptions, Joint};
pub use encoder_file::{
    ENCODER_FORMAT, EncoderFile, FilterName, FitName, HashedFile, ImageEntry, PreprocessEntry, TextEntry,
};
pub use image_tower::ImageTower;
pub use packed::PackedWeights;
pub use pull::{clip_vocabulary_path, ensure, ensure_clip_vocabulary, pull};
pub use text_tower::TextTower;
pub use tokenizer::{CLIP_VOCABULARY, Cleaning, Tokenizer};

/// The encoder that is used where none is named: DINOv2 ViT-S/14 for images and MiniLM-L6 for text.
pub const DEFAULT_ENCODER: &str = "dinov2s-minilm";
