//! Ultrasound-like phantoms with the truth of every sign: what `sdmad data phantom` makes. docs/phantom.md has the
//! physics.
//!
//! | file | holds |
//! |---|---|
//! | `config`, `plan` | how many images, of what, of whom |
//! | `sign` | the signs, the categories, and how likely each sign is in each |
//! | `traits`, `shape`, `lesion`, `foci` | what is drawn of a lesion, and how it changes the tissue |
//! | `tissue` | layers of skin, fat, gland, fascia, muscle, and their normal variation |
//! | `canvas`, `field` | the maps that all of these paint on; smooth randomness |
//! | `beam` | point spread, speckle, attenuation, noise, log compression |
//! | `render` | one image with its masks and the truth of its signs |
//! | `generate` | a set of them in a folder |

mod beam;
mod canvas;
mod config;
mod field;
mod foci;
mod generate;
mod lesion;
mod plan;
mod render;
mod shape;
mod sign;
mod tissue;
mod traits;

pub use config::PhantomConfig;
pub use generate::{PhantomSummary, generate, phantom_image};
pub use render::PhantomImage;
pub use sign::{PHANTOM_CATEGORIES, PhantomSign};

#[cfg(test)]
mod tests;
