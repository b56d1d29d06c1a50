//! Frozen image and text towers.

mod architecture;
mod encoder_file;
mod tokenizer;

pub use architecture::{
    ActivationName, ImageArchitecture, ImageLayout, ImagePooling, NormPosition, ProjectionShape, TextArchitecture,
    TextLayout, TextPooling,
};
pub use encoder_file::{
    ENCODER_FORMAT, EncoderFile, FilterName, FitName, HashedFile, ImageEntry, PreprocessEntry, TextEntry,
};
pub use tokenizer::{CLIP_VOCABULARY, Cleaning, Tokenizer};
