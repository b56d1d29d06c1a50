//! Alignment by synthesis: teaching a pair of towers that share no space to read signs (docs/alignment.md).
//!
//! Findings of known appearance are drawn on normal images ([`sdmad_synthesis`]). From what the frozen image tower says of
//! them, linear discriminants learn to see each attribute, in the whole image and in patches; from many wordings, a linear
//! map of text embeddings learns which attributes a text names. The space in which both meet is that of the attributes: a
//! sign's score is the inner product of what an image shows and what the text says. No label of a real finding takes part.
//!
//! | module | holds |
//! |---|---|
//! | `tokens` | what is taken from the image tower |
//! | `moments`, `discriminant` | sums over rendered images, and the directions that follow from them |
//! | `attribute_reader` | [`AttributeReader`]: from an image to its attributes |
//! | `text_reader` | [`TextReader`]: from a text to the attributes that it names |
//! | `normals` | [`read_normals`]: what is drawn on |
//! | `scored` | scores of rendered images, and the reader that is made of them |
//! | `normal_variation` | [`NormalVariation`]: how normal images differ, by which the bridge weighs directions |
//! | `fit` | [`align`]: both, for each domain |
//! | `alignment` | [`Alignment`]: what was learned, and its folder |
//! | `chosen` | [`ChosenAlignment`]: the part of an alignment that a run starts from |
//! | `presence` | [`Presence`]: what is read in images with an attribute and without it |
//! | `prior` | [`SignPrior`]: what an alignment says of the signs of a bank, before and beside any shot |

mod alignment;
mod attribute_reader;
mod chosen;
mod discriminant;
mod fit;
mod moments;
mod normal_variation;
mod normals;
mod presence;
mod prior;
mod scored;
mod settings;
mod text_reader;
mod tokens;

pub use alignment::{AlignedEncoder, Alignment, AlignmentRecord, DomainAlignment};
pub use attribute_reader::AttributeReader;
pub(crate) use attribute_reader::dot;
pub use chosen::{ChosenAlignment, RunAlignment};
pub use fit::{AlignPlan, AlignSettings, DomainNormals, DomainReport, align, learn_presence};
pub(crate) use moments::SecondMoments;
pub use normal_variation::NormalVariation;
pub use normals::read_normals;
pub use presence::Presence;
pub use prior::SignPrior;
pub(crate) use prior::{PriorWeights, WordEmbeddings, mean_of};
pub use settings::{AlignmentControl, AlignmentSettings, NormalVariationUse};
pub use text_reader::TextReader;
pub(crate) use tokens::{ImageTokens, patch_layers, patch_rows, patches_of_pass};
