//! One file for each verb.

pub(crate) mod compare;
pub(crate) mod data;
pub(crate) mod demo;
pub(crate) mod encoder;
pub(crate) mod evaluate;
pub(crate) mod predict;
pub(crate) mod signs;
pub(crate) mod train;

use std::path::Path;

use sdmad::{Extractor, FeatureSettings};
use sdmad_base::{Error, Monitor, Result};
use sdmad_encoders::{Encoder, cache_dir, ensure};

/// Opens an encoder by name, pulling it when it is missing, or a model folder.
pub(crate) fn open_encoder(name: &str, monitor: &dyn Monitor) -> Result<Encoder> {
    let path = Path::new(name);
    if path.is_dir() {
        return Encoder::open(path);
    }
    if name.contains(['/', '\\']) && !name.starts_with("hf:") {
        return Err(Error::bad_input(format!("there is no folder {name}"))
            .with_hint("name an encoder of `sdmad encoder list`, or a model folder"));
    }
    Encoder::open(&ensure(name, monitor)?)
}

/// Features of the image tower, kept in the cache folder between runs.
pub(crate) fn cached_features<'a>(encoder: &'a Encoder, settings: &FeatureSettings) -> Result<Extractor<'a>> {
    Ok(Extractor::tower(encoder, settings.clone()).cached_in(&cache_dir()?.join("features")))
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::environment(format!("cannot write JSON to stdout: {e}")))?;
    print_line(&text)
}

/// Prints a line; a reader that closed the pipe is no error of ours but ends the output.
pub(crate) fn print_line(text: &str) -> Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{text}").map_err(|e| Error::environment(format!("cannot write to stdout: {e}")))
}
