//! What every crate of sdmad shares.
//!
//! | module | holds |
//! |---|---|
//! | `error` | [`Error`], its [`Kind`] and the exit status that follows from it |
//! | `files` | reading with named errors; files and folders that appear whole or not at all |
//! | `hash` | [`Sha256`] digests as text |
//! | `monitor` | [`Monitor`]: progress, notices and interruption, without a terminal in sight |
//! | `stream` | [`Stream`]: named, seeded random numbers with the same bits everywhere |
//!
//! ```
//! use sdmad_base::Stream;
//! let mut a = Stream::new(7, "shots");
//! let mut b = Stream::new(7, "shots");
//! assert_eq!(a.below(100), b.below(100));
//! ```

mod error;
mod files;
mod hash;
mod monitor;
mod stream;

pub use error::{Error, Kind, Result};
pub use files::{AtomicDir, AtomicFile, read, read_to_string, write_atomic};
pub use hash::{Sha256, sha256_file, sha256_hex};
pub use monitor::{Monitor, Silent};
pub use stream::Stream;
