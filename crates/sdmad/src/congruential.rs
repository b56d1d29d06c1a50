//! Numbers of scripts/reference/congruential.py, for tests whose reference values start from them.

/// The generator; its number is the state, and the seed at first.
pub(crate) struct Congruential(pub(crate) u64);

impl Congruential {
    /// The next number, in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}
