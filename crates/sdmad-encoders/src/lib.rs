//! Frozen image and text towers.

mod adapted;
mod architecture;
mod blocks;
mod encoder;
mod encoder_file;
mod folder;
mod head;
mod image_tower;
mod layout;
mod positions;
mod text_tower;
mod tokenizer;
mod weights;

pub use adapted::{Adapted, AdapterGradient, ShiftAdapters, Trace};
pub use architecture::{
    ActivationName, ImageArchitecture, ImageLayout, ImagePooling, NormPosition, ProjectionShape, TextArchitecture,
    TextLayout, TextPooling,
};
pub use encoder::{Encoder, EncoderIdentity, Joint};
pub use encoder_file::{
    ENCODER_FORMAT, EncoderFile, FilterName, FitName, HashedFile, ImageEntry, PreprocessEntry, TextEntry,
};
pub use image_tower::ImageTower;
pub use text_tower::TextTower;
pub use tokenizer::{CLIP_VOCABULARY, Cleaning, Tokenizer};
