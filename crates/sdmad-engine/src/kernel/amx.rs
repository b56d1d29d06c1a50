//! Tiles of 16 x 16 sums (AMX). The language has no stable functions for them, so they are driven in assembly.
//!
//! A tile register takes a tile of either factor as it lies. Registers 0 to 3 hold the sums of a block of two by two tiles, 4 and 5 two
//! tiles of the left factor, 6 and 7 two of the right one: four products for four loads. `tdpbf16ps` takes numbers below 1.2e-38 as
//! zero and rounds to nearest.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};

use super::Piece;
use crate::factor::PANEL;
use crate::tile::{GROUP, LINE, TILE};

/// Asks the processor for tiles with bf16 and int8, and Linux for leave to use them, which holds for all threads of the process.
pub(crate) fn permitted() -> bool {
    if !cfg!(target_os = "linux") || __cpuid(0).eax < 7 {
        return false;
    }
    // Intel's manual, CPUID leaf 7: bits 22, 24 and 25 of EDX are AMX-BF16, AMX-TILE and AMX-INT8.
    const NEEDED: u32 = 1 << 22 | 1 << 24 | 1 << 25;
    if __cpuid_count(7, 0).edx & NEEDED != NEEDED {
        return false;
    }
    // arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA), Documentation/arch/x86/xstate.rst of Linux.
    const ARCH_PRCTL: i64 = 158;
    const REQUEST_PERMISSION: u64 = 0x1023;
    const TILE_DATA: u64 = 18;
    let mut result = ARCH_PRCTL;
    // SAFETY: a system call that takes two numbers, and changes nothing but what this process may use; registers that the
    // kernel changes are declared. An old kernel answers with an error.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") result,
            in("rdi") REQUEST_PERMISSION,
            in("rsi") TILE_DATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result == 0
}

/// What `ldtilecfg` reads: palette 1, every tile with 16 lines of 64 bytes.
#[repr(C, align(64))]
struct Shape {
    palette: u8,
    start: u8,
    reserved: [u8; 14],
    line_bytes: [u16; 16],
    lines: [u8; 16],
}

/// The shape.
static SHAPE: Shape = {
    let mut shape = Shape { palette: 1, start: 0, reserved: [0; 14], line_bytes: [0; 16], lines: [0; 16] };
    let mut tile = 0;
    while tile < 8 {
        shape.line_bytes[tile] = LINE as u16;
        shape.lines[tile] = GROUP as u8;
        tile += 1;
    }
    shape
};

/// A kernel with this instruction. Each piece sets the tiles up and gives them back, so that no thread keeps a state that the
/// system would have to save, and nothing is left behind where a caller forgets.
macro_rules! tiles {
    ($(#[$doc:meta])* $name:ident, $product:literal) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// The pointers of the piece can be read and written as far as [`Piece`] says, and [`permitted`] said yes.
        pub(super) unsafe fn $name(piece: &Piece) {
            // SAFETY: `ldtilecfg` reads the 64 bytes of SHAPE.
            unsafe { asm!("ldtilecfg [{}]", in(reg) &SHAPE, options(nostack, readonly)) };
            let row_groups = piece.rows.div_ceil(GROUP);
            for first in 0..row_groups {
                let two_rows = row_groups == 2 && piece.column_groups == 2;
                if two_rows && first == 1 {
                    break;
                }
                let left = piece.left.wrapping_add(first * piece.left_stride);
                let sums = piece.sums.wrapping_add(first * GROUP * PANEL);
                // SAFETY: tiles are configured as 16 lines of 64 bytes. Each is loaded from `steps` consecutive tiles of a group that the
                // piece has, and sums from and to squares of 16 x 16 in lines of PANEL numbers, all inside the piece and its block.
                // Tile registers are declared as changed; nothing else lives in them.
                unsafe {
                    match (two_rows, piece.column_groups) {
                        (true, _) => asm!(
                            "test {add:e}, {add:e}",
                            "jnz 3f",
                            "tilezero tmm0",
                            "tilezero tmm1",
                            "tilezero tmm2",
                            "tilezero tmm3",
                            "jmp 2f",
                            "3:",
                            "tileloadd tmm0, [{sums} + {sums_stride}]",
                            "tileloadd tmm1, [{sums} + {sums_stride} + 64]",
                            "tileloadd tmm2, [{sums} + {sums_stride} + 2048]",
                            "tileloadd tmm3, [{sums} + {sums_stride} + 2112]",
                            "2:",
                            "tileloadd tmm4, [{left} + {line}]",
                            "tileloadd tmm6, [{right} + {line}]",
                            "tileloadd tmm7, [{right_2} + {line}]",
                            concat!($product, " tmm0, tmm4, tmm6"),
                            "tileloadd tmm5, [{left_2} + {line}]",
                            concat!($product, " tmm1, tmm4, tmm7"),
                            "add {left}, 1024",
                            "add {right}, 1024",
                            concat!($product, " tmm2, tmm5, tmm6"),
                            "add {left_2}, 1024",
                            "add {right_2}, 1024",
                            concat!($product, " tmm3, tmm5, tmm7"),
                            "dec {steps}",
                            "jnz 2b",
                            "tilestored [{sums} + {sums_stride}], tmm0",
                            "tilestored [{sums} + {sums_stride} + 64], tmm1",
                            "tilestored [{sums} + {sums_stride} + 2048], tmm2",
                            "tilestored [{sums} + {sums_stride} + 2112], tmm3",
                            left = inout(reg) left => _,
                            left_2 = inout(reg) left.wrapping_add(piece.left_stride) => _,
                            right = inout(reg) piece.right => _,
                            right_2 = inout(reg) piece.right.wrapping_add(piece.right_stride) => _,
                            steps = inout(reg) piece.steps => _,
                            line = in(reg) LINE,
                            sums = in(reg) sums,
                            sums_stride = in(reg) 4 * PANEL,
                            add = in(reg) u32::from(piece.add),
                            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                            options(nostack),
                        ),
                        (false, 2) => asm!(
                            "test {add:e}, {add:e}",
                            "jnz 3f",
                            "tilezero tmm0",
                            "tilezero tmm1",
                            "jmp 2f",
                            "3:",
                            "tileloadd tmm0, [{sums} + {sums_stride}]",
                            "tileloadd tmm1, [{sums} + {sums_stride} + 64]",
                            "2:",
                            "tileloadd tmm4, [{left} + {line}]",
                            "tileloadd tmm6, [{right} + {line}]",
                            "tileloadd tmm7, [{right_2} + {line}]",
                            concat!($product, " tmm0, tmm4, tmm6"),
                            concat!($product, " tmm1, tmm4, tmm7"),
                            "add {left}, 1024",
                            "add {right}, 1024",
                            "add {right_2}, 1024",
                            "dec {steps}",
                            "jnz 2b",
                            "tilestored [{sums} + {sums_stride}], tmm0",
                            "tilestored [{sums} + {sums_stride} + 64], tmm1",
                            left = inout(reg) left => _,
                            right = inout(reg) piece.right => _,
                            right_2 = inout(reg) piece.right.wrapping_add(piece.right_stride) => _,
                            steps = inout(reg) piece.steps => _,
                            line = in(reg) LINE,
                            sums = in(reg) sums,
                            sums_stride = in(reg) 4 * PANEL,
                            add = in(reg) u32::from(piece.add),
                            out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
                            options(nostack),
                        ),
                        _ => asm!(
                            "test {add:e}, {add:e}",
                            "jnz 3f",
                            "tilezero tmm0",
                            "jmp 2f",
                            "3:",
                            "tileloadd tmm0, [{sums} + {sums_stride}]",
                            "2:",
                            "tileloadd tmm4, [{left} + {line}]",
                            "tileloadd tmm6, [{right} + {line}]",
                            concat!($product, " tmm0, tmm4, tmm6"),
                            "add {left}, 1024",
                            "add {right}, 1024",
                            "dec {steps}",
                            "jnz 2b",
                            "tilestored [{sums} + {sums_stride}], tmm0",
                            left = inout(reg) left => _,
                            right = inout(reg) piece.right => _,
                            steps = inout(reg) piece.steps => _,
                            line = in(reg) LINE,
                            sums = in(reg) sums,
                            sums_stride = in(reg) 4 * PANEL,
                            add = in(reg) u32::from(piece.add),
                            out("tmm0") _, out("tmm4") _, out("tmm6") _,
                            options(nostack),
                        ),
                    }
                }
            }
            // SAFETY: puts the tiles back into their first state.
            unsafe { asm!("tilerelease", options(nostack, nomem)) };
        }
    };
}

tiles! {
    /// bf16 by bf16.
    bf16, "tdpbf16ps"
}

tiles! {
    /// Unsigned by signed int8.
    int8, "tdpbusd"
}

const _: () = assert!(TILE == 1024 && 4 * PANEL * GROUP == 2048 && 4 * GROUP == 64, "numbers written in the assembly");
