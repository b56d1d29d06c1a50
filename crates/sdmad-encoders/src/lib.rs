//! Frozen image and text towers.

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
mod positions;
mod pull;
mod text_tower;
mod tokenizer;
mod weights;

pub use adapted::{Adapted, AdapterGradient, ShiftAdapters, Trace};
pub use architecture::{
    ActivationName, ImageArchitecture, ImageLayout, ImagePooling, NormPosition, ProjectionShape, TextArchitecture,
    TextLayout, TextPooling,
};
pub use archive::{export, import};
pub use cache::{Listed, Verified, VerifiedFile, cache_dir, encoder_folder, list, verify};
pub use encoder::{Encoder, EncoderIdentity, Joint};
pub use encoder_file::{
    ENCODER_FORMAT, EncoderFile, FilterName, FitName, HashedFile, ImageEntry, PreprocessEntry, TextEntry,
};
pub use image_tower::ImageTower;
pub use pull::{clip_vocabulary_path, ensure, ensure_clip_vocabulary, pull};
pub use text_tower::TextTower;
pub use tokenizer::{CLIP_VOCABULARY, Cleaning, Tokenizer};

/// The encoder that is used where none is named: DINOv2 ViT-S/14 for images and MiniLM-L6 for text.
pub const DEFAULT_ENCODER: &str = "dinov2s-minilm";
