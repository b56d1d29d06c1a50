//! Tiles of 16 x 16 sums (AMX). The language has no stable functions for them, so they are driven in assembly.
//!
//! A tile register takes a tile of either factor as it lies. Registers 0 to 3 hold the sums of a block of two by two tiles, 4 takes a tile
//! of the left factor and 5 one of the right. With 6 and 7 in use too, four products would need four loads instead of five; but
//! where another thread of the same core uses tiles, there are then no spare registers to load into while products run, and a block
//! takes 1.4 times as long (measured on Sapphire Rapids). Alone it makes no difference.
//!
//! `tdpbf16ps` takes numbers below 1.2e-38 as zero and rounds to nearest.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};

use super::Piece;
use crate::panels::PANEL;
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

/// The tiles of this thread, set up; given back when it is dropped, so that the system need not keep them with the thread.
pub(super) struct Tiles(());

impl Tiles {
    /// # Safety
    /// [`permitted`] said yes.
    pub(super) unsafe fn set_up() -> Self {
        // SAFETY: `ldtilecfg` reads the 64 bytes of SHAPE; the caller sees to it that the processor has it.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &SHAPE, options(nostack, readonly)) };
        Tiles(())
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: a `Tiles` is only made where the processor has tiles; this puts them back into their first state.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// A kernel with this instruction.
macro_rules! tiles {
    ($(#[$doc:meta])* $name:ident, $product:literal) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// The pointers of the piece can be read and written as far as [`Piece`] says, and [`Tiles`] of this thread are set up.
        pub(super) unsafe fn $name(piece: &Piece) {
            if piece.rows > GROUP && piece.column_groups == 2 {
                // SAFETY: tiles are 16 lines of 64 bytes. Each is loaded from `steps` consecutive tiles of one of the groups that the piece
                // has, and the sums from and to four squares of 16 x 16 in lines of PANEL numbers, which are their block. What is
                // prefetched need not exist. Tile registers are declared as changed; nothing else lives in them.
                unsafe {
                    asm!(
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
                        ".p2align 4",
                        "2:",
                        "tileloadd tmm4, [{left} + {line}]",
                        "tileloadd tmm5, [{right} + {line}]",
                        concat!($product, " tmm0, tmm4, tmm5"),
                        "prefetcht1 [{ahead}]",
                        "prefetcht1 [{ahead} + 64]",
                        "tileloadd tmm5, [{right_2} + {line}]",
                        concat!($product, " tmm1, tmm4, tmm5"),
                        "add {left}, 1024",
                        "tileloadd tmm4, [{left_2} + {line}]",
                        concat!($product, " tmm3, tmm4, tmm5"),
                        "prefetcht1 [{ahead} + 128]",
                        "prefetcht1 [{ahead} + 192]",
                        "add {left_2}, 1024",
                        "add {right_2}, 1024",
                        "tileloadd tmm5, [{right} + {line}]",
                        concat!($product, " tmm2, tmm4, tmm5"),
                        "add {right}, 1024",
                        "add {ahead}, 256",
                        "dec {steps}",
                        "jnz 2b",
                        "tilestored [{sums} + {sums_stride}], tmm0",
                        "tilestored [{sums} + {sums_stride} + 64], tmm1",
                        "tilestored [{sums} + {sums_stride} + 2048], tmm2",
                        "tilestored [{sums} + {sums_stride} + 2112], tmm3",
                        left = inout(reg) piece.left => _,
                        left_2 = inout(reg) piece.left.wrapping_add(piece.left_stride) => _,
                        right = inout(reg) piece.right => _,
                        right_2 = inout(reg) piece.right.wrapping_add(piece.right_stride) => _,
                        ahead = inout(reg) piece.ahead => _,
                        steps = inout(reg) piece.steps => _,
                        line = in(reg) LINE,
                        sums = in(reg) piece.sums,
                        sums_stride = in(reg) 4 * PANEL,
                        add = in(reg) u32::from(piece.add),
                        out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm5") _,
                        options(nostack),
                    );
                }
                return;
            }
            for row_group in 0..piece.rows.div_ceil(GROUP) {
                for column_group in 0..piece.column_groups {
                    // SAFETY: as above, with one tile of sums, in its place in the block.
                    unsafe {
                        asm!(
                            "test {add:e}, {add:e}",
                            "jnz 3f",
                            "tilezero tmm0",
                            "jmp 2f",
                            "3:",
                            "tileloadd tmm0, [{sums} + {sums_stride}]",
                            "2:",
                            "tileloadd tmm4, [{left} + {line}]",
                            "tileloadd tmm5, [{right} + {line}]",
                            concat!($product, " tmm0, tmm4, tmm5"),
                            "add {left}, 1024",
                            "add {right}, 1024",
                            "dec {steps}",
                            "jnz 2b",
                            "tilestored [{sums} + {sums_stride}], tmm0",
                            left = inout(reg) piece.left.wrapping_add(row_group * piece.left_stride) => _,
                            right = inout(reg) piece.right.wrapping_add(column_group * piece.right_stride) => _,
                            steps = inout(reg) piece.steps => _,
                            line = in(reg) LINE,
                            sums = in(reg) piece.sums.wrapping_add(row_group * GROUP * PANEL + column_group * GROUP),
                            sums_stride = in(reg) 4 * PANEL,
                            add = in(reg) u32::from(piece.add),
                            out("tmm0") _, out("tmm4") _, out("tmm5") _,
                            options(nostack),
                        );
                    }
                }
            }
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
