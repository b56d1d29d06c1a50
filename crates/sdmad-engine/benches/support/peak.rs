//! The processor's peak: the product instruction of a precision on this path, again and again on registers.
#![allow(unsafe_code)]

use sdmad_engine::{InstructionPath, Precision, instruction_path};

use super::now;

/// 10⁹ operations a second of CPU time; an addition and a multiplication are two. Median of 5.
pub fn peak(precision: Precision) -> f64 {
    let mut rates: Vec<f64> = (0..5).map(|_| once(precision)).collect();
    rates.sort_by(f64::total_cmp);
    rates[2]
}

/// Runs an instruction 16 times, on registers of its own each, `$rounds` times.
#[cfg(target_arch = "x86_64")]
macro_rules! vectors {
    ($instruction:literal, $register:literal, $rounds:expr) => {
        // SAFETY: only registers are used, all of them declared; the caller asked for the path.
        unsafe {
            std::arch::asm!(
                "2:",
                concat!($instruction, " ", $register, "0, ", $register, "15, ", $register, "14"),
                concat!($instruction, " ", $register, "1, ", $register, "15, ", $register, "14"),
                concat!($instruction, " ", $register, "2, ", $register, "15, ", $register, "14"),
                concat!($instruction, " ", $register, "3, ", $register, "15, ", $register, "14"),
                concat!($instruction, " ", $register, "4, ", $register, "15, ", $register, "14"),
                concat!($instruction, " ", $register, "5, ", $register, "15, ", $register, "14"),
                concat!($instruction, " ", $register, "6, ", $register, "15, ", $register, "14"),
                concat!($instruction, " ", $register, "7, ", $register, "15, ", $register, "14"),
                concat!($instruction, " ", $register, "8, ", $register, "15, ", $register, "14"),
                concat!($instruction, " ", $register, "9, ", $register, "15, ", $register, "14"),
                concat!($instruction, " ", $register, "10, ", $register, "15, ", $register, "14"),
                concat!($instruction, " ", $register, "11, ", $register, "15, ", $register, "14"),
                "dec {rounds}",
                "jnz 2b",
                rounds = inout(reg) $rounds => _,
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _,
                out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                options(nostack, nomem),
            )
        }
    };
}

#[cfg(target_arch = "x86_64")]
fn once(precision: Precision) -> f64 {
    const ROUNDS: u64 = 2_000_000;
    let path = instruction_path();
    let start = now();
    let operations = match (path, precision) {
        (InstructionPath::Amx, Precision::Bf16 | Precision::Int8) => {
            let rounds = ROUNDS / 16;
            tiles(precision, rounds);
            rounds * 4 * 16 * 16 * 2 * if precision == Precision::Bf16 { 32 } else { 64 }
        }
        (InstructionPath::Avx512Bf16Vnni, Precision::Bf16) => {
            vectors!("vdpbf16ps", "zmm", ROUNDS);
            ROUNDS * 12 * 16 * 4
        }
        (InstructionPath::Avx512Bf16Vnni, Precision::Int8) => {
            vectors!("vpdpbusd", "zmm", ROUNDS);
            ROUNDS * 12 * 16 * 8
        }
        (InstructionPath::Portable, _) => {
            vectors!("vmulps", "xmm", ROUNDS);
            ROUNDS * 12 * 4
        }
        (InstructionPath::Avx2Fma, _) => {
            vectors!("vfmadd231ps", "ymm", ROUNDS);
            ROUNDS * 12 * 8 * 2
        }
        _ => {
            vectors!("vfmadd231ps", "zmm", ROUNDS);
            ROUNDS * 12 * 16 * 2
        }
    };
    operations as f64 / (now() - start)
}

/// Four products of tiles a round.
#[cfg(target_arch = "x86_64")]
fn tiles(precision: Precision, rounds: u64) {
    #[repr(C, align(64))]
    struct Shape([u8; 64]);
    let mut shape = Shape([0; 64]);
    shape.0[0] = 1;
    for tile in 0..8 {
        shape.0[16 + 2 * tile] = 64;
        shape.0[48 + tile] = 16;
    }
    macro_rules! rounds {
        ($instruction:literal) => {
            // SAFETY: only called on the path AMX, for which the system gave leave; tiles are set up before and given back behind.
            unsafe {
                std::arch::asm!(
                    "ldtilecfg [{shape}]",
                    "tilezero tmm4",
                    "tilezero tmm5",
                    "2:",
                    concat!($instruction, " tmm0, tmm4, tmm5"),
                    concat!($instruction, " tmm1, tmm4, tmm5"),
                    concat!($instruction, " tmm2, tmm4, tmm5"),
                    concat!($instruction, " tmm3, tmm4, tmm5"),
                    "dec {rounds}",
                    "jnz 2b",
                    "tilerelease",
                    shape = in(reg) &shape,
                    rounds = inout(reg) rounds => _,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm5") _,
                    options(nostack),
                );
            }
        };
    }
    match precision {
        Precision::Int8 => rounds!("tdpbusd"),
        _ => rounds!("tdpbf16ps"),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn once(_precision: Precision) -> f64 {
    f64::NAN
}
