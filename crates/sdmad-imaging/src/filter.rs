/// A resampling filter. When an image shrinks, its support grows with the scale, so that every source
/// pixel counts (no aliasing).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The triangle; support 1.
    Bilinear,
    /// Cubic convolution with a = −0.5 (Keys 1981, "Cubic convolution interpolation for digital image
    /// processing"); support 2.
    Bicubic,
    /// The sinc windowed by a sinc three times as wide; support 3.
    Lanczos3,
}

impl Filter {
    /// Half the width of the filter in pixels at scale 1.
    pub(crate) fn support(self) -> f64 {
        match self {
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos3 => 3.0,
        }
    }

    /// The filter's value at `x`. The order of the operations decides the last bit and is the reference's.
    pub(crate) fn weight(self, x: f64) -> f64 {
        match self {
            Filter::Bilinear => {
                let x = x.abs();
                if x < 1.0 { 1.0 - x } else { 0.0 }
            }
            Filter::Bicubic => {
                const A: f64 = -0.5;
                let x = x.abs();
                if x < 1.0 {
                    ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
                } else if x < 2.0 {
                    (((x - 5.0) * x + 8.0) * x - 4.0) * A
                } else {
                    0.0
                }
            }
            Filter::Lanczos3 => {
                if (-3.0..3.0).contains(&x) {
                    sinc(x) * sinc(x / 3.0)
                } else {
                    0.0
                }
            }
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}
