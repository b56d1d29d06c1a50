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

impl Activation {
    /// Applies it in place.
    pub fn forward(self, numbers: &mut [f32]) {
        match self {
            Activation::Gelu => numbers.iter_mut().for_each(|x| *x *= normal(*x).0),
            Activation::QuickGelu => numbers.iter_mut().for_each(|x| *x *= logistic(QUICK * *x)),
        }
    }

    /// The adjoint: multiplies `dy`, in place, by the slope at the input `x`.
    pub fn backward(self, x: &[f32], dy: &mut [f32]) {
        const DENSITY: f32 = 0.398_942_3; // 1 / sqrt(2 pi)
        assert_eq!(x.len(), dy.len());
        match self {
            Activation::Gelu => {
                for (d, x) in dy.iter_mut().zip(x) {
                    let (distribution, bell) = normal(*x);
                    *d *= distribution + x * DENSITY * bell;
                }
            }
            Activation::QuickGelu => {
                for (d, x) in dy.iter_mut().zip(x) {
                    let s = logistic(QUICK * x);
                    *d *= s + QUICK * x * s * (1.0 - s);
                }
            }
        }
    }
}
