//! Plain loops, compiled once for each width of vectors.

/// Compiles a function of plain loops over slices once for each instruction set, and chooses at run time.
///
/// Since the compiler never fuses a multiplication and an addition unasked, all copies give the same bits.
macro_rules! vectorised {
    ($(#[$attribute:meta])* $visible:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$attribute])*
        #[allow(unsafe_code)]
        $visible fn $name($($argument: $type),*) {
            #[inline(always)]
            fn portable($($argument: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq")]
                fn avx512($($argument: $type),*) {
                    portable($($argument),*);
                }
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) {
                    portable($($argument),*);
                }
                match $crate::instruction_path() {
                    $crate::InstructionPath::Portable => {}
                    // SAFETY: the processor has these instructions: a path is only in use when all its features were found.
                    $crate::InstructionPath::Avx2Fma => return unsafe { avx2($($argument),*) },
                    // SAFETY: as above; the wider paths have those of AVX-512 too.
                    _ => return unsafe { avx512($($argument),*) },
                }
            }
            portable($($argument),*);
        }
    };
}
pub(crate) use vectorised;
