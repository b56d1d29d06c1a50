use crate::kernel::vectorised;
use crate::vector::{logistic, normal};

/// What stands between the two linear layers of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// x Φ(x), with Φ the normal distribution function (the exact form, not its tanh approximation).
    Gelu,
    /// x σ(1.702 x), which CLIP of OpenAI was trained with.
    QuickGelu,
}

const QUICK: f32 = 1.702;

const DENSITY: f32 = 0.398_942_3; // 1 / sqrt(2 pi)

impl Activation {
    /// Applies it in place.
    pub fn forward(self, numbers: &mut [f32]) {
        match self {
            Activation::Gelu => gelu(numbers),
            Activation::QuickGelu => quick_gelu(numbers),
        }
    }

    /// The adjoint: multiplies `dy`, in place, by the slope at the input `x`.
    ///
    /// # Panics
    /// When lengths differ.
    pub fn backward(self, x: &[f32], dy: &mut [f32]) {
        assert_eq!(x.len(), dy.len(), "input and gradient of an activation");
        match self {
            Activation::Gelu => gelu_backward(x, dy),
            Activation::QuickGelu => quick_gelu_backward(x, dy),
        }
    }
}

vectorised! {
    fn gelu(numbers: &mut [f32]) {
        for x in numbers {
            *x *= normal(*x).0;
        }
    }
}

vectorised! {
    fn quick_gelu(numbers: &mut [f32]) {
        for x in numbers {
            *x *= logistic(QUICK * *x);
        }
    }
}

vectorised! {
    fn gelu_backward(x: &[f32], dy: &mut [f32]) {
        for (d, x) in dy.iter_mut().zip(x) {
            let (distribution, bell) = normal(*x);
            *d *= distribution + x * DENSITY * bell;
        }
    }
}

vectorised! {
    fn quick_gelu_backward(x: &[f32], dy: &mut [f32]) {
        for (d, x) in dy.iter_mut().zip(x) {
            let s = logistic(QUICK * x);
            *d *= s + QUICK * x * s * (1.0 - s);
        }
    }
}
