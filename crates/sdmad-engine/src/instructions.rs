use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use sdmad_base::{Error, Result};

/// The instructions that products run on, each wider than the one before. Bits are equal between runs on one path and precision.
///
/// Whatever the path, every [`Precision`](crate::Precision) works; a path without instructions for it takes wider ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum InstructionPath {
    /// Plain loops, as wide as the compiler makes them for any processor of its kind.
    Portable,
    /// AVX2 and FMA: vectors of 8 numbers.
    Avx2Fma,
    /// AVX-512 (F, BW, DQ, VL): vectors of 16 numbers.
    Avx512,
    /// AVX-512 with products of bf16 (`vdpbf16ps`) and of int8 (`vpdpbusd`).
    Avx512Bf16Vnni,
    /// As before, and tiles of 16 x 16 sums for bf16 and int8 (AMX). Products in f32 are those of AVX-512.
    Amx,
}

/// What products in this process run on, once it is decided.
static CHOSEN: OnceLock<InstructionPath> = OnceLock::new();

#[cfg(test)]
thread_local! {
    /// What a test forces on its thread.
    pub(crate) static FORCED: std::cell::Cell<Option<InstructionPath>> = const { std::cell::Cell::new(None) };
}

impl InstructionPath {
    /// All of them, widest first.
    pub const ALL: [InstructionPath; 5] = [
        InstructionPath::Amx,
        InstructionPath::Avx512Bf16Vnni,
        InstructionPath::Avx512,
        InstructionPath::Avx2Fma,
        InstructionPath::Portable,
    ];

    /// Its name: `amx`, `avx512_bf16_vnni`, `avx512`, `avx2_fma` or `portable`.
    pub fn name(self) -> &'static str {
        match self {
            InstructionPath::Portable => "portable",
            InstructionPath::Avx2Fma => "avx2_fma",
            InstructionPath::Avx512 => "avx512",
            InstructionPath::Avx512Bf16Vnni => "avx512_bf16_vnni",
            InstructionPath::Amx => "amx",
        }
    }

    /// Whether this processor has the instructions, and the system lets us use them.
    pub fn is_available(self) -> bool {
        self <= widest()
    }
}

impl fmt::Display for InstructionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for InstructionPath {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        InstructionPath::ALL.into_iter().find(|path| path.name() == name).ok_or_else(|| {
            let names: Vec<_> = InstructionPath::ALL.iter().map(|path| path.name()).collect();
            Error::bad_input(format!("`{name}` is no instruction path; expected one of {}", names.join(", ")))
        })
    }
}

/// The path that products in this process run on: the widest that the processor has, or what [`use_instructions`] chose.
pub fn instruction_path() -> InstructionPath {
    #[cfg(test)]
    if let Some(forced) = FORCED.get() {
        return forced;
    }
    *CHOSEN.get_or_init(widest)
}

/// Chooses the path for the whole process. It must come before the first product, so that all bits of a process are of one path.
///
/// # Errors
/// When the processor has not these instructions, or another path is in use already.
pub fn use_instructions(path: InstructionPath) -> Result<()> {
    if !path.is_available() {
        return Err(Error::environment(format!("this processor has no instructions of the path {path}"))
            .with_hint(format!("the widest path here is {}", widest())));
    }
    match *CHOSEN.get_or_init(|| path) {
        chosen if chosen == path => Ok(()),
        chosen => Err(Error::bad_input(format!("the path {path} was chosen after the path {chosen} came into use"))),
    }
}

/// The widest path of this processor; asked once.
fn widest() -> InstructionPath {
    static WIDEST: OnceLock<InstructionPath> = OnceLock::new();
    *WIDEST.get_or_init(|| detect().min(limit()))
}

/// `scripts/sanitize` runs all tests once on each path.
#[cfg(sdmad_sanitize)]
fn limit() -> InstructionPath {
    let name = std::env::var("SDMAD_SANITIZE_INSTRUCTIONS").ok();
    name.map_or(InstructionPath::Amx, |name| name.parse().expect("a path in SDMAD_SANITIZE_INSTRUCTIONS"))
}

#[cfg(not(sdmad_sanitize))]
fn limit() -> InstructionPath {
    InstructionPath::Amx
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> InstructionPath {
    InstructionPath::Portable
}

#[cfg(target_arch = "x86_64")]
fn detect() -> InstructionPath {
    let all = |found: &[bool]| found.iter().all(|found| *found);
    // What compilers call x86-64-v3 and v4, and every processor with AVX2 or AVX-512 for sale has.
    let avx2 = all(&[is_x86_feature_detected!("avx2"), is_x86_feature_detected!("fma")]);
    let avx512 = avx2
        && all(&[
            is_x86_feature_detected!("avx512f"),
            is_x86_feature_detected!("avx512bw"),
            is_x86_feature_detected!("avx512dq"),
            is_x86_feature_detected!("avx512vl"),
        ]);
    let dot = avx512 && all(&[is_x86_feature_detected!("avx512bf16"), is_x86_feature_detected!("avx512vnni")]);
    if dot && crate::kernel::amx_permitted() {
        InstructionPath::Amx
    } else if dot {
        InstructionPath::Avx512Bf16Vnni
    } else if avx512 {
        InstructionPath::Avx512
    } else if avx2 {
        InstructionPath::Avx2Fma
    } else {
        InstructionPath::Portable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for path in InstructionPath::ALL {
            assert_eq!(path.name().parse::<InstructionPath>().unwrap(), path);
        }
        let error = "sse9".parse::<InstructionPath>().unwrap_err();
        assert!(error.to_string().contains("expected one of amx, avx512_bf16_vnni, avx512"), "{error}");
    }

    #[test]
    #[cfg(sdmad_sanitize)]
    fn the_path_that_was_asked_for_is_there() {
        assert_eq!(instruction_path(), limit());
    }

    #[test]
    fn paths_are_ordered_and_portable_is_everywhere() {
        assert!(InstructionPath::ALL.is_sorted_by(|a, b| a > b));
        assert!(InstructionPath::Portable.is_available());
        assert!(instruction_path().is_available());
    }
}
