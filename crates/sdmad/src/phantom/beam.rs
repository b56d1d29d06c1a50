//! From scatterers to grey levels: point spread, envelope, noise, gain and log compression.

use sdmad_base::Stream;

use super::canvas::Canvas;
use super::field::{Curve, normal_pair};

/// How an image was taken: drawn for each patient, so that it says nothing about the lesion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// The echo that is white, in dB against average glandular tissue.
    white: f64,
    /// From black to white, in dB.
    range: f64,
    /// Error of the time gain at the lower end of the image, in dB.
    slope: f64,
    /// Error of the time gain half way, in dB.
    bend: f64,
    /// Electronic noise at the skin, in dB, and what the time gain adds to it down to the lower end.
    noise: (f64, f64),
    /// Depth of the focus, as a share of the height.
    focus: f64,
    /// Standard deviations of the point spread in pixels of an image of 256: along the beam, and across it in focus.
    spread: (f64, f64),
    /// Black columns at the left and right, as shares of the width.
    pub(super) margins: (f64, f64),
}

impl Settings {
    pub(super) fn draw(stream: &mut Stream) -> Self {
        let narrow = stream.chance(0.35);
        let mut margin = || if narrow { stream.between(0.0, 0.07) } else { 0.0 };
        let margins = (margin(), margin());
        Settings {
            white: stream.between(9.0, 19.0),
            range: stream.between(46.0, 62.0),
            slope: stream.between(-7.0, 5.0),
            bend: stream.between(-3.0, 3.0),
            noise: (stream.between(-52.0, -42.0), stream.between(6.0, 20.0)),
            focus: stream.between(0.25, 0.65),
            spread: (stream.between(0.7, 0.95), stream.between(1.0, 1.4)),
            margins,
        }
    }
}

/// Grey levels of the canvas as seen with `settings`. `contact` is the loss of each column at the skin, in dB.
pub(super) fn image(
    canvas: &Canvas,
    loss: &[f64],
    contact: &[f64],
    settings: &Settings,
    stream: &mut Stream,
) -> Vec<u8> {
    let size = canvas.size;
    let unit = canvas.unit();
    let (mut real, mut imaginary) = scatterers(canvas, stream);
    for part in [&mut real, &mut imaginary] {
        *part = filtered_columns(part, size, &kernel(settings.spread.0 * unit));
        *part = across_rows(part, size, |row| {
            let out_of_focus = (row as f64 / size as f64 - settings.focus).abs();
            unit * (settings.spread.1 + 2.0 * out_of_focus)
        });
    }
    let mut grey = vec![0.0; size * size];
    let sides = ((settings.margins.0 * size as f64) as usize, size - (settings.margins.1 * size as f64) as usize);
    for row in 0..size {
        let depth = row as f64 / size as f64;
        let gain = settings.slope * depth + settings.bend * (std::f64::consts::PI * depth).sin();
        let noise = amplitude(settings.noise.0 + settings.noise.1 * depth + gain);
        for (column, contact) in contact.iter().enumerate() {
            let index = row * size + column;
            let (a, b) = normal_pair(stream);
            if column < sides.0 || column >= sides.1 {
                continue;
            }
            let signal = amplitude(gain - loss[index] - contact);
            let power = (real[index] * signal + a * noise).powi(2) + (imaginary[index] * signal + b * noise).powi(2);
            let level = 10.0 * (0.5 * power + 1e-12).log10();
            grey[index] = (255.0 * (1.0 + (level - settings.white) / settings.range)).clamp(0.0, 255.0);
        }
    }
    // The scan converter interpolates.
    let smooth = filtered_columns(&gaussian_rows(&grey, size, 0.95 * unit), size, &averaging_kernel(0.7 * unit));
    smooth
        .iter()
        .enumerate()
        .map(|(index, &g)| {
            let column = index % size;
            if column < sides.0 || column >= sides.1 { 0 } else { g.round().clamp(0.0, 255.0) as u8 }
        })
        .collect()
}

/// The loss of each column at the skin, in dB, when one side of the probe has poor contact.
pub(super) fn poor_contact(size: usize, stream: &mut Stream) -> Vec<f64> {
    let reach = stream.between(0.18, 0.38);
    let depth = stream.between(9.0, 18.0);
    let from_left = stream.chance(0.5);
    let ripple = Curve::draw(stream, 3, 5.0);
    (0..size)
        .map(|column| {
            let x = (column as f64 + 0.5) / size as f64;
            let x = if from_left { x } else { 1.0 - x };
            let inside = super::field::blend((reach - x) / (0.5 * reach));
            (depth * inside * (1.0 + 0.2 * ripple.at(x))).max(0.0)
        })
        .collect()
}

fn amplitude(decibels: f64) -> f64 {
    10f64.powf(decibels / 20.0)
}

/// Complex scatterers: random for unresolved tissue, of even phase for reflectors.
fn scatterers(canvas: &Canvas, stream: &mut Stream) -> (Vec<f64>, Vec<f64>) {
    let mut real = Vec::with_capacity(canvas.echo.len());
    let mut imaginary = Vec::with_capacity(canvas.echo.len());
    for (&echo, &reflector) in canvas.echo.iter().zip(&canvas.reflector) {
        let (a, b) = normal_pair(stream);
        let strength = amplitude(echo);
        real.push(strength * a + reflector);
        imaginary.push(strength * b);
    }
    (real, imaginary)
}

/// A Gaussian of standard deviation `sigma` pixels whose squares add up to 1, so that it keeps the speckle's power.
fn kernel(sigma: f64) -> Vec<f64> {
    let reach = (3.0 * sigma).ceil() as i64;
    let weights: Vec<f64> =
        (-reach..=reach).map(|d| (-(d * d) as f64 / (2.0 * sigma * sigma).max(1e-9)).exp()).collect();
    let norm = weights.iter().map(|w| w * w).sum::<f64>().sqrt();
    weights.iter().map(|w| w / norm).collect()
}

/// As [`kernel`], with weights that add up to 1.
fn averaging_kernel(sigma: f64) -> Vec<f64> {
    let weights = kernel(sigma);
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

fn filtered_row(row: &[f64], kernel: &[f64], out: &mut [f64]) {
    let reach = kernel.len() / 2;
    let mut padded = vec![row[0]; reach];
    padded.extend_from_slice(row);
    padded.resize(row.len() + 2 * reach, row[row.len() - 1]);
    out.fill(0.0);
    for (offset, weight) in kernel.iter().enumerate() {
        for (out, value) in out.iter_mut().zip(&padded[offset..]) {
            *out += weight * value;
        }
    }
}

/// Filters each row with a point spread that depends on its depth.
fn across_rows(map: &[f64], size: usize, sigma: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut out = vec![0.0; map.len()];
    for (number, (row, out)) in map.chunks_exact(size).zip(out.chunks_exact_mut(size)).enumerate() {
        filtered_row(row, &kernel(sigma(number)), out);
    }
    out
}

/// Smooths each row by a Gaussian of `sigma` pixels.
pub(super) fn gaussian_rows(map: &[f64], size: usize, sigma: f64) -> Vec<f64> {
    let kernel = averaging_kernel(sigma);
    let mut out = vec![0.0; map.len()];
    for (row, out) in map.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
        filtered_row(row, &kernel, out);
    }
    out
}

/// Filters along the columns.
fn filtered_columns(map: &[f64], size: usize, kernel: &[f64]) -> Vec<f64> {
    let reach = kernel.len() as i64 / 2;
    let mut out = vec![0.0; map.len()];
    for row in 0..size {
        let target = &mut out[row * size..(row + 1) * size];
        for (offset, weight) in kernel.iter().enumerate() {
            let from = (row as i64 + offset as i64 - reach).clamp(0, size as i64 - 1) as usize;
            for (out, value) in target.iter_mut().zip(&map[from * size..(from + 1) * size]) {
                *out += weight * value;
            }
        }
    }
    out
}
