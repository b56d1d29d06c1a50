//! Adds to an alignment what it reads in images with each attribute and without it ([`sdmad::Presence`]), as `sdmad align` keeps it today: for alignments
//! of before it was kept, on the rendered images of their reports.
//!
//! ```sh
//! cargo run --release -p sdmad --example alignment_presence -- FOLDER OUT [DOMAIN=NORMALS …]
//! ```
//!
//! Normal images are those that the alignment was made with.

use std::path::Path;

use sdmad::{Alignment, DomainNormals, learn_presence, read_normals};
use sdmad_base::{Error, Result, Silent};
use sdmad_encoders::{DEFAULT_ENCODER, Encoder, EncoderOptions, encoder_folder};
use sdmad_engine::Precision;
use sdmad_synthesis::Domain;

fn main() {
    if let Err(error) = run() {
        eprintln!("alignment_presence: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, normals @ ..] = arguments.as_slice() else {
        return Err(Error::bad_input("alignment_presence FOLDER OUT [DOMAIN=NORMALS …]"));
    };
    let normals = normals
        .iter()
        .map(|given| {
            let (domain, path) =
                given.split_once('=').ok_or_else(|| Error::bad_input(format!("{given}: expected DOMAIN=NORMALS")))?;
            Ok(DomainNormals { domain: Domain::from_id(domain)?, files: read_normals(Path::new(path))? })
        })
        .collect::<Result<Vec<_>>>()?;
    let options = EncoderOptions { precision: Precision::Bf16, ..EncoderOptions::default() };
    let encoder = Encoder::open_with(&encoder_folder(DEFAULT_ENCODER)?, &options)?;
    let alignment = Alignment::open(Path::new(folder), &encoder)?;
    learn_presence(alignment, &normals, &encoder, &Silent)?.write(Path::new(out))
}
