//! How near embeddings in bf16 and int8 come to those in f32, with the default pair on real images: the table of docs/precision.md.
//!
//! ```sh
//! SDMAD_DATA=../shared/data cargo run --release -p sdmad --example precision_cosines [IMAGES OF EACH SET]
//! ```
//!
//! Images are train rows at equal distances, texts `{modality} showing {sign}` for every sign of the shipped bank. Without the data or the pulled
//! encoder it says so and ends.

use std::path::{Path, PathBuf};

use sdmad::{Bank, Manifest, Split};
use sdmad_base::{Error, Result};
use sdmad_encoders::{DEFAULT_ENCODER, Encoder, EncoderOptions, PackedWeights, encoder_folder};
use sdmad_engine::{Precision, instruction_path};
use sdmad_imaging::read_image;

const SETS: [&str; 4] = ["breast-ultrasound", "chest-xray", "fundus", "dermoscopy"];
const IMAGES: usize = 64;

fn main() {
    if let Err(error) = run() {
        eprintln!("precision_cosines: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<()> {
    let count = match std::env::args().nth(1) {
        None => IMAGES,
        Some(text) => text.parse().map_err(|_| Error::bad_input(format!("{text}: expected a number of images")))?,
    };
    let data = std::env::var_os("SDMAD_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    let folder = encoder_folder(DEFAULT_ENCODER)?;
    if !data.is_dir() || !folder.is_dir() {
        eprintln!("skipped: needs the folder {} (SDMAD_DATA) and {}", data.display(), folder.display());
        return Ok(());
    }
    let open = |precision| {
        let packed = PackedWeights::Kept(PackedWeights::folder()?);
        Encoder::open_with(&folder, &EncoderOptions { precision, packed })
    };
    let exact = open(Precision::F32)?;
    println!("`{DEFAULT_ENCODER}`, instruction path {}: cosine to f32, mean (least)\n", instruction_path());
    println!("| set | images | bf16 | int8 | texts | bf16 | int8 |\n|---|---|---|---|---|---|---|");
    let others = [open(Precision::Bf16)?, open(Precision::Int8)?];
    for set in SETS {
        let images = images(&data.join(set).join("manifest.csv"), count)?;
        let bank = Bank::open(set)?;
        let texts: Vec<String> =
            bank.signs.iter().map(|sign| format!("{} showing {}", bank.modality, sign.text)).collect();
        let (mut by_image, mut by_text) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for path in &images {
            let image = read_image(path)?;
            let expected = exact.image_tower().embed_image(&image);
            for (cosines, other) in by_image.iter_mut().zip(&others) {
                cosines.push(cosine(&expected, &other.image_tower().embed_image(&image)));
            }
        }
        let expected = exact.text_tower().embed_all(&texts);
        for (cosines, other) in by_text.iter_mut().zip(&others) {
            cosines.extend(expected.iter().zip(other.text_tower().embed_all(&texts)).map(|(a, b)| cosine(a, &b)));
        }
        let [image_bf16, image_int8] = by_image.map(|c| cell(&c));
        let [text_bf16, text_int8] = by_text.map(|c| cell(&c));
        let (images, texts) = (images.len(), texts.len());
        println!("| {set} | {images} | {image_bf16} | {image_int8} | {texts} | {text_bf16} | {text_int8} |");
    }
    Ok(())
}

/// So many train images of a manifest, at equal distances.
fn images(manifest: &Path, count: usize) -> Result<Vec<PathBuf>> {
    let manifest = Manifest::read(manifest)?;
    let rows: Vec<_> = manifest.rows_of(Split::Train).map(|(_, row)| manifest.image_path(row)).collect();
    let step = rows.len().div_ceil(count.max(1)).max(1);
    Ok(rows.into_iter().step_by(step).collect())
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn cell(cosines: &[f64]) -> String {
    let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
    let least = cosines.iter().copied().fold(f64::INFINITY, f64::min);
    format!("{mean:.5} ({least:.5})")
}
