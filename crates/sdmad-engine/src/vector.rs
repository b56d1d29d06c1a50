//! Element-wise functions of f32 slices, written so that the compiler vectorises them.
//!
//! Only plain additions, multiplications, divisions and comparisons are used (no fused multiply-add, no library call), and sums go through
//! fixed partial sums: the bits are the same on every instruction set.

/// Partial sums side by side: two of the widest vectors, so that one need not wait for the other.
const LANES: usize = 32;

/// eˣ, relative error below 2e-7 for x in [-87, 88]; smaller x give e⁻⁸⁷ (1.6e-38), larger ones e⁸⁸.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts so that r is exact.
    const LN2_HIGH: f32 = 355.0 / 512.0;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding and taking away 1.5 * 2^23 rounds to the nearest integer, and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x > 88.0 { 88.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    // The Taylor polynomial of degree 7: its remainder is below 1e-8 on the interval.
    let p = 1.0 / 5040.0;
    let p = p * r + 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r + 1.0;
    let p = p * r + 1.0;
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    p * f32::from_bits(exponent)
}

/// The standard normal distribution function Φ(x) and e^(−x²/2), from which its density follows.
///
/// Φ by formula 7.1.26 of Abramowitz and Stegun, *Handbook of Mathematical Functions*; absolute error below 3e-7.
#[inline(always)]
pub(crate) fn normal(x: f32) -> (f32, f32) {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let bell = exp(-0.5 * x * x);
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let p = 1.061_405_4;
    let p = p * t - 1.453_152;
    let p = p * t + 1.421_413_7;
    let p = p * t - 0.284_496_74;
    let p = p * t + 0.254_829_6;
    let tail = 0.5 * p * t * bell;
    (if x < 0.0 { tail } else { 1.0 - tail }, bell)
}

/// The logistic function.
#[inline(always)]
pub(crate) fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The sum of `f` over pairs of numbers, in fixed partial sums.
#[inline(always)]
pub(crate) fn sum_of(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_chunks.remainder(), b_chunks.remainder());
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += f(*a, *b);
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
        *lane += f(*a, *b);
    }
    fold(&mut lanes, |a, b| a + b)
}

/// The sum of products.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    sum_of(a, b, |a, b| a * b)
}

/// The sum.
#[inline(always)]
pub(crate) fn sum(a: &[f32]) -> f32 {
    sum_of(a, a, |a, _| a)
}

/// The largest number of a row; −∞ of an empty one. What is not a number is passed over.
#[inline(always)]
pub(crate) fn largest(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane = if *x > *lane { *x } else { *lane };
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane = if *x > *lane { *x } else { *lane };
    }
    fold(&mut lanes, |a, b| if a > b { a } else { b })
}

/// exp(`scale` * (x − the largest)) in place of each x of a row; gives their sum. Their quotients are the softmax.
#[inline(always)]
pub(crate) fn softmax_numerators(row: &mut [f32], scale: f32) -> f32 {
    let largest = largest(row);
    for x in row.iter_mut() {
        *x = exp((*x - largest) * scale);
    }
    sum(row)
}

/// eˣ for x <= 0 to the precision of bf16: relative error below 6e-5, a thirtieth of its rounding. Smaller x than −87 give e⁻⁸⁷.
#[inline(always)]
fn rough_exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = x * std::f32::consts::LOG2_E;
    let x = if x < -126.0 { -126.0 } else { x };
    let shifted = x + ROUND;
    let r = x - (shifted - ROUND);
    // 2^r on [-1/2, 1/2]: the Taylor polynomial of degree 4.
    let p = 9.618_129e-3;
    let p = p * r + 5.550_411e-2;
    let p = p * r + 2.402_265e-1;
    let p = p * r + std::f32::consts::LN_2;
    let p = p * r + 1.0;
    let y = f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23));
    // The bits that were added could make a number of one that is none.
    if x.is_nan() { x } else { y }
}

/// As [`softmax_numerators`], to the precision of bf16: `take` gets lines of 32 numerators, the last filled up with zeros.
#[inline(always)]
pub(crate) fn rough_numerators(row: &[f32], scale: f32, mut take: impl FnMut(&[f32; LANES])) -> f32 {
    let largest = largest(row);
    let mut sums = [0.0; LANES];
    let mut add = |line: &[f32; LANES]| {
        for (sum, x) in sums.iter_mut().zip(line) {
            *sum += x;
        }
        take(line);
    };
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut line = [0.0; LANES];
    for chunk in chunks {
        for (to, x) in line.iter_mut().zip(chunk) {
            *to = rough_exp((*x - largest) * scale);
        }
        add(&line);
    }
    if !rest.is_empty() {
        line.fill(0.0);
        for (to, x) in line.iter_mut().zip(rest) {
            *to = rough_exp((*x - largest) * scale);
        }
        add(&line);
    }
    fold(&mut sums, |a, b| a + b)
}

/// The softmax of `scale * row`, in place.
#[inline(always)]
pub(crate) fn softmax(row: &mut [f32], scale: f32) {
    let factor = 1.0 / softmax_numerators(row, scale);
    for x in row.iter_mut() {
        *x *= factor;
    }
}

/// Folds the lanes by halves.
#[inline(always)]
fn fold(lanes: &mut [f32; LANES], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = f(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_its_bound() {
        for step in -87_000..=88_000 {
            let x = step as f32 / 1000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 2e-7, "exp({x})");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-1e30), exp(-87.0));
        assert_eq!(exp(f32::INFINITY), exp(88.0));
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn rough_exp_is_within_its_bound() {
        for step in 0..=86_000 {
            let x = -step as f32 / 1000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(rough_exp(x)) / exact - 1.0).abs() < 6e-5, "exp({x})");
        }
        assert_eq!(rough_exp(0.0), 1.0);
        assert!([0x7fc0_0000, 0x7fc0_0001, 0xffc0_01ff].iter().all(|&bits| rough_exp(f32::from_bits(bits)).is_nan()));
        assert!(rough_exp(f32::NEG_INFINITY) < 2e-38);
        assert!(rough_exp(f32::NAN).is_nan());
    }

    #[test]
    fn the_normal_distribution_is_within_its_bound() {
        for step in -20_000..=20_000 {
            let x = step as f32 / 1000.0;
            let exact = 0.5 * libm::erfc(-f64::from(x) / 2.0_f64.sqrt());
            assert!((f64::from(normal(x).0) - exact).abs() < 3e-7, "Φ({x})");
        }
    }

    #[test]
    fn softmax_sums_to_one_and_keeps_its_order() {
        for length in [1, 2, 31, 32, 33, 100] {
            let mut row: Vec<f32> = (0..length).map(|i| (i * 7 % 13) as f32 * 10.0 - 40.0).collect();
            let before = row.clone();
            softmax(&mut row, 0.5);
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            assert!(
                before
                    .iter()
                    .zip(&row)
                    .all(|(b, r)| before.iter().zip(&row).all(|(c, s)| b <= c || r > s || *r < 1e-30))
            );
        }
    }
}
