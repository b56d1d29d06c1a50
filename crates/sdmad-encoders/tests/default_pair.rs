//! The real default pair against onnxruntime and transformers (scripts/reference/default_pair.py). Its weights are taken from the cache;
//! when they are not there, these tests say so and pass.

mod common;

use common::{Expected, difference};
use sdmad_encoders::{Encoder, EncoderFile, encoder_folder};
use sdmad_engine::Matrix;
use sdmad_imaging::RgbImage;

const PHRASES: [&str; 3] = [
    "breast ultrasound showing an irregular hypoechoic mass with a spiculated margin",
    "a normal chest X-ray",
    "drusen",
];
const TOKENS: [usize; 4] = [0, 1, 101, 256];

fn encoder() -> Option<Encoder> {
    let folder = encoder_folder(&EncoderFile::default_pair().name).unwrap();
    if !folder.is_dir() {
        eprintln!("SKIPPED: {} is not there; `sdmad encoder pull` fetches it", folder.display());
        return None;
    }
    Some(Encoder::open(&folder).unwrap())
}

/// Triangle waves of three periods, in whole numbers; 224 x 224, as the script draws it.
fn picture() -> RgbImage {
    let mut data = Vec::with_capacity(224 * 224 * 3);
    for y in 0..224i32 {
        for x in 0..224i32 {
            for c in 0..3i32 {
                let first = ((x * (c + 2) + y * (5 - c)) % 256 - 128).abs();
                let second = ((3 * x - 2 * y + 40 * c).rem_euclid(100) - 50).abs();
                let third = (x / 28 + y / 28) % 2 * 60;
                data.push((first + second + third).clamp(0, 255) as u8);
            }
        }
    }
    RgbImage::new(224, 224, data).unwrap()
}

fn close(what: &str, ours: &[f32], theirs: &[f32], limit: f32) {
    let difference = difference(ours, theirs);
    let largest = theirs.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    println!("{what}: {difference:.1e} (largest number {largest:.1})");
    assert!(difference <= limit, "{what}: {difference}");
}

fn picked(rows: &Matrix) -> Vec<f32> {
    TOKENS.iter().flat_map(|token| rows.row(*token)).copied().collect()
}

#[test]
fn pictures_as_by_onnxruntime() {
    let Some(encoder) = encoder() else { return };
    let expected = Expected::of("../default-pair");
    let tower = encoder.image_tower();
    let pixels = tower.preprocess().apply(&picture());
    let hidden = tower.hidden(&pixels, &[6, 9, 12]);
    for (layer, hidden) in [6, 9, 12].iter().zip(&hidden) {
        let theirs = expected.numbers(&format!("image.{layer}"));
        close(&format!("behind layer {layer}"), &picked(hidden), &theirs, 1e-4 * largest(&theirs));
    }
    let last = &hidden[2];
    let normed = tower.final_norm().unwrap().forward(last);
    close("behind the final norm", &picked(&normed), &expected.numbers("image.norm"), 1e-4);
    close("class token, pooled", &tower.pool(last), &expected.numbers("image.norm")[..384], 1e-4);
    let mut mean = vec![0.0f32; 384];
    for row in 1..normed.rows() {
        mean.iter_mut().zip(normed.row(row)).for_each(|(sum, number)| *sum += number / 256.0);
    }
    close("mean patch", &mean, &expected.numbers("image.patch_mean"), 1e-4);
}

#[test]
fn phrases_as_by_transformers() {
    let Some(encoder) = encoder() else { return };
    let expected = Expected::of("../default-pair");
    let tower = encoder.text_tower();
    for (number, phrase) in PHRASES.iter().enumerate() {
        let last = tower.last(&tower.tokenize(phrase));
        let rows = [last.row(0), last.row(last.rows() - 1)].concat();
        close(
            &format!("first and last token of {number}"),
            &rows,
            &expected.numbers(&format!("text.{number}.rows")),
            1e-4,
        );
        close(
            &format!("embedding of {number}"),
            &tower.embed(phrase),
            &expected.numbers(&format!("text.{number}.embedding")),
            1e-5,
        );
    }
    assert_eq!(tower.embed_all(&PHRASES), PHRASES.map(|phrase| tower.embed(phrase)));
}

fn largest(numbers: &[f32]) -> f32 {
    numbers.iter().fold(1.0, |a, b| a.max(b.abs()))
}
