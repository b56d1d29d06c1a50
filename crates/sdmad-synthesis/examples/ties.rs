//! Which attributes come together: `ties DOMAIN [COUNT]` renders COUNT images (600) and prints the pairs of attributes
//! with the largest phi coefficients, how often each attribute is drawn, and the time that an image takes.

use std::time::Instant;

use sdmad_base::{Error, Result};
use sdmad_synthesis::{Attribute, Domain, Renderer};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [domain, rest @ ..] = arguments.as_slice() else {
        return Err(Error::bad_input("ties DOMAIN [COUNT]"));
    };
    let count = rest.first().and_then(|count| count.parse().ok()).unwrap_or(600);
    let renderer = Renderer::new(Domain::from_id(domain)?, 1);
    let start = Instant::now();
    let mut sets = Vec::new();
    for number in 0..count {
        sets.push(renderer.render(None, number)?.present);
    }
    println!("{:.1} ms an image", 1e3 * start.elapsed().as_secs_f64() / count as f64);

    let holds = |a: Attribute| sets.iter().map(|set| f64::from(u8::from(set.contains(a)))).collect::<Vec<_>>();
    let drawn: Vec<(Attribute, Vec<f64>)> =
        Attribute::ALL.iter().map(|&a| (a, holds(a))).filter(|(_, held)| held.contains(&1.0)).collect();
    for (attribute, held) in &drawn {
        println!("{:5.1} %  {}", 100.0 * held.iter().sum::<f64>() / count as f64, attribute.id());
    }
    let mut ties: Vec<(f64, &str, &str)> = Vec::new();
    for (index, (a, x)) in drawn.iter().enumerate() {
        for (b, y) in &drawn[index + 1..] {
            ties.push((phi(x, y), a.id(), b.id()));
        }
    }
    ties.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    for (phi, a, b) in ties.iter().take(20) {
        println!("{phi:+.2}  {a}  {b}");
    }
    Ok(())
}

/// The correlation of two lists of zeros and ones.
fn phi(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (p, q) = (mean(x), mean(y));
    let both = x.iter().zip(y).map(|(a, b)| a * b).sum::<f64>() / n;
    let spread = (p * (1.0 - p) * q * (1.0 - q)).sqrt();
    if spread > 0.0 { (both - p * q) / spread } else { 0.0 }
}
