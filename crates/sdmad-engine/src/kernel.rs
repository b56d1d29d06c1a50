//! Products of packed factors on every instruction path: with its files below `kernel/` the only place with `unsafe`.
//!
//! | file | unsafe for |
//! |---|---|
//! | `amx.rs` | asking the system for tiles; products on tiles, in assembly |
//! | `avx512_dot.rs`, `avx512.rs`, `avx2.rs` | products on vectors, by intrinsics |
//! | `double.rs` | the call of the `gemm` crate (f64) |
//! | `target.rs`, `multiply.rs` | several threads writing parts of one slice that do not overlap, and memory that holds nothing yet |
//! | `vectorised.rs` | entering functions compiled for wider vectors, after the processor was asked |
//! | this one | choosing the product by the path |
//!
//! **Same bits for any number of threads and any batch.** A number of the output is one chain of sums in the order of the depth, of
//! fixed links: a unit, or a tile of AMX. Where the chain is interrupted, so that pieces of the factors stay in the nearest cache,
//! the sum is put away and taken up again as it was. Threads share whole blocks of the output, never a sum.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_dot;
pub(crate) mod double;
mod multiply;
mod portable;
mod target;
#[cfg(test)]
mod tests;
mod vectorised;

pub(crate) use multiply::{Block, Out, Spread, multiplied, multiplied_into, multiply};
pub(crate) use target::Target;
pub(crate) use vectorised::vectorised;

use crate::InstructionPath;
use crate::panels::PANEL;
use crate::tile::{Format, GROUP, TILE};

#[cfg(target_arch = "x86_64")]
pub(crate) use amx::permitted as amx_permitted;

/// Rows of a block: two groups.
pub(crate) const BLOCK_ROWS: usize = 2 * GROUP;
/// Sums of a block, `[BLOCK_ROWS, PANEL]`.
pub(crate) const BLOCK: usize = BLOCK_ROWS * PANEL;

/// How two formats are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    /// f32 by f32.
    F32,
    /// f32, rounded to bf16 before, by bf16: for processors without products of bf16. Both are exact as f32.
    WideBf16,
    /// bf16 by bf16.
    Bf16,
    /// Unsigned by signed int8; the sums are i32, stored as the bits of f32.
    Int8,
}

impl Arithmetic {
    /// How factors of this format of the right one are multiplied on a path.
    pub(crate) fn of(path: InstructionPath, right: Format) -> Self {
        match right {
            Format::F32 => Arithmetic::F32,
            Format::Bf16 if path >= InstructionPath::Avx512Bf16Vnni => Arithmetic::Bf16,
            Format::Bf16 => Arithmetic::WideBf16,
            Format::Int8 => Arithmetic::Int8,
        }
    }

    /// The format that the left factor must have.
    pub(crate) fn left(self) -> Format {
        match self {
            Arithmetic::F32 | Arithmetic::WideBf16 => Format::F32,
            Arithmetic::Bf16 => Format::Bf16,
            Arithmetic::Int8 => Format::Int8,
        }
    }

    /// Tiles of the left factor for a tile of the right one.
    fn left_tiles(self) -> usize {
        if self == Arithmetic::WideBf16 { 2 } else { 1 }
    }
}

/// Pointers into both factors and to the sums of one block; what a kernel works on.
#[derive(Clone, Copy)]
struct Piece {
    /// Tiles of the first group of rows; the second's, if `rows` are more than 16, begin `left_stride` bytes behind.
    left: *const u8,
    left_stride: usize,
    /// 1 to 32. Kernels may compute whole groups; what is beyond the rows is room to write.
    rows: usize,
    /// Tiles of the first group of columns; the second's begin `right_stride` bytes behind.
    right: *const u8,
    right_stride: usize,
    /// 1 or 2.
    column_groups: usize,
    /// Tiles of the right factor to go through, at least 1.
    steps: usize,
    /// `[32, 32]` numbers.
    sums: *mut f32,
    /// Whether the products are added to what the sums hold.
    add: bool,
    /// What the next pieces will need of the right factor: 256 bytes for each step may be fetched from here on. They need not exist.
    ahead: *const u8,
}

/// The kernel of a path: computes the sums of a [`Piece`].
#[derive(Clone, Copy)]
struct Kernel {
    run: unsafe fn(&Piece),
    /// Of `run`: f32 where it `widens`.
    arithmetic: Arithmetic,
    path: InstructionPath,
    /// Whether bf16 of the right factor are made f32 beforehand, once for all rows of a task. With 16 registers that is faster than to widen
    /// them beside the sums, and gives the same bits: the links of a chain are the same.
    widens: bool,
}

/// What a thread needs around the use of a kernel, until it is dropped.
#[cfg(target_arch = "x86_64")]
type Ready = Option<amx::Tiles>;
#[cfg(not(target_arch = "x86_64"))]
type Ready = ();

impl Kernel {
    fn of(path: InstructionPath, arithmetic: Arithmetic) -> Self {
        let widens = arithmetic == Arithmetic::WideBf16 && path == InstructionPath::Avx2Fma;
        let arithmetic = if widens { Arithmetic::F32 } else { arithmetic };
        Kernel { run: function(path, arithmetic), arithmetic, path, widens }
    }

    /// Whether its sums are in tiles of AMX.
    fn uses_tiles(self) -> bool {
        self.path == InstructionPath::Amx && self.arithmetic.left() != Format::F32
    }

    /// Makes this thread ready.
    fn ready(self) -> Ready {
        // SAFETY: the path is available, so there is leave to use tiles.
        #[cfg(target_arch = "x86_64")]
        self.uses_tiles().then(|| unsafe { amx::Tiles::set_up() })
    }
}

/// The function of a path.
fn function(path: InstructionPath, arithmetic: Arithmetic) -> unsafe fn(&Piece) {
    #[cfg(target_arch = "x86_64")]
    match (path, arithmetic) {
        (InstructionPath::Amx, Arithmetic::Bf16) => return amx::bf16,
        (InstructionPath::Amx, Arithmetic::Int8) => return amx::int8,
        (InstructionPath::Avx512Bf16Vnni, Arithmetic::Bf16) => return avx512_dot::bf16,
        (InstructionPath::Avx512Bf16Vnni, Arithmetic::Int8) => return avx512_dot::int8,
        // Wide bf16 come as f32: their kernel `widens`.
        (InstructionPath::Avx2Fma, Arithmetic::F32 | Arithmetic::WideBf16) => return avx2::f32,
        (InstructionPath::Avx2Fma, Arithmetic::Int8) => return avx2::int8,
        (InstructionPath::Portable, _) => {}
        (_, Arithmetic::F32) => return avx512::f32,
        (_, Arithmetic::WideBf16) => return avx512::wide_bf16,
        (_, Arithmetic::Int8) => return avx512::int8,
        (_, Arithmetic::Bf16) => {}
    }
    match arithmetic {
        Arithmetic::F32 => portable::f32,
        Arithmetic::WideBf16 => portable::wide_bf16,
        Arithmetic::Int8 => portable::int8,
        Arithmetic::Bf16 => unreachable!("{path} has no products of bf16"),
    }
}

/// Both factors of a block: groups of rows and of columns, each with its tiles one after another.
struct Operands<'a> {
    left: &'a [u8],
    left_stride: usize,
    rows: usize,
    right: &'a [u8],
    right_stride: usize,
    column_groups: usize,
    steps: usize,
    ahead: *const u8,
}

/// `sums [rows, 32] = left · right`, or added to what they hold. The thread was made [`Ready`].
fn run(kernel: Kernel, _ready: &Ready, operands: &Operands<'_>, sums: &mut [f32; BLOCK], add: bool) {
    let &Operands { left, left_stride, rows, right, right_stride, column_groups, steps, ahead } = operands;
    assert!((1..=BLOCK_ROWS).contains(&rows) && (1..=2).contains(&column_groups) && steps > 0);
    let row_groups = rows.div_ceil(GROUP);
    assert!(left.len() >= (row_groups - 1) * left_stride + steps * kernel.arithmetic.left_tiles() * TILE);
    assert!(right.len() >= (column_groups - 1) * right_stride + steps * TILE);
    let (left, right, sums) = (left.as_ptr(), right.as_ptr(), sums.as_mut_ptr());
    let piece = Piece { left, left_stride, rows, right, right_stride, column_groups, steps, sums, add, ahead };
    // SAFETY: a kernel reads `steps` tiles of each group of columns and so many times `left_tiles` of each group of rows, and reads and
    // writes the sums of a whole block; the asserts above and the type of `sums` bound them. It was chosen by a path that is available,
    // and what it needs of the thread is set up as long as `_ready` lives.
    unsafe { (kernel.run)(&piece) }
}
