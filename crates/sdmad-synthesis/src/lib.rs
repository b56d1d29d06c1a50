//! Findings drawn on normal tissue, and the words that describe them.
//!
//! The renderer ([`Renderer`]) draws findings of known appearance onto normal images, a user's own or procedural ones,
//! and says what it drew: attributes of the image and, for each finding, its attributes and its mask. The grammar
//! ([`Grammar`]) has many wordings of each attribute. Together they teach image features and sign texts to meet,
//! without one label of a real finding.
//!
//! # Map
//! | module | holds |
//! |---|---|
//! | `attribute` | [`Attribute`], [`AttributeSet`]: what is drawn and named |
//! | `grammar` | [`Grammar`]: wordings of each attribute, and texts that combine them |
//! | `render`, `scene` | [`Renderer`], [`Rendering`]: one image with its truth |
//! | `domain` | [`Domain`], and a module for each kind of image: its tissue, its findings |
//! | `canvas`, `plane`, `window` | colour images, maps and parts of them to draw on |
//! | `evidence` | what a picture shows of a finding |
//! | `field`, `outline`, `pattern` | smooth randomness, closed outlines, textures |
//! | `ink`, `smooth` | colours laid over a picture, smoothing within its lit field |
//! | `clutter` | patches and letters that mean nothing, on grey pictures |

mod attribute;
mod canvas;
mod clutter;
mod domain;
mod evidence;
mod field;
mod grammar;
mod ink;
mod outline;
mod pattern;
mod plane;
mod render;
mod scene;
mod smooth;
mod window;

pub use attribute::{Attribute, AttributeSet};
pub use domain::Domain;
pub use grammar::{Grammar, Phrase, Wording};
pub use plane::Plane;
pub use render::{Renderer, SMALLEST_SIDE};
pub use scene::{Finding, Rendering};
