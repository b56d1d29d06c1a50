use std::process::ExitCode;

use serde_json::json;

use sdmad_base::{Error, Monitor, Result};
use sdmad_encoders::{Encoder, EncoderOptions, PackedWeights, export, import, list, pull};

use super::{encoder_at, print_json, print_line};
use crate::args::{EncoderAction, EncoderArgs};
use crate::tables::markdown;
use crate::terminal::Terminal;

pub(crate) fn run(args: EncoderArgs, terminal: &Terminal) -> Result<ExitCode> {
    match args.action {
        EncoderAction::List { json } => show_list(json)?,
        EncoderAction::Pull { name } => {
            let folder = pull(&name, terminal)?;
            terminal.notice(&format!("{name} is in {}", folder.display()));
        }
        EncoderAction::Export { name, file } => {
            export(&name, &file, terminal)?;
            terminal.notice(&format!("wrote {}", file.display()));
        }
        EncoderAction::Import { file } => {
            let folder = import(&file, terminal)?;
            terminal.notice(&format!("imported into {}", folder.display()));
        }
        EncoderAction::Check { name, precision, json } => check(&name, &precision, json, terminal)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn show_list(as_json: bool) -> Result<()> {
    let encoders = list()?;
    if as_json {
        let rows: Vec<_> = encoders
            .iter()
            .map(|e| {
                json!({"name": e.name, "summary": e.summary, "folder": e.folder, "cached": e.cached, "bytes": e.bytes,
                    "licences": e.licences})
            })
            .collect();
        return print_json(&rows);
    }
    let mut rows = vec![["name", "in the cache", "MB", "licences", "what it is"].map(String::from)];
    for e in &encoders {
        let cached = if e.cached { "yes" } else { "no" };
        let megabytes = (e.bytes as f64 / 1e6).round().to_string();
        rows.push([e.name.clone(), cached.into(), megabytes, e.licences.join(", "), e.summary.clone()]);
    }
    print_line(&markdown(&rows))
}

/// Reads every file in full: verifies hashes and shapes, refuses weights that are not finite, and packs them anew.
fn check(name: &str, precision: &str, as_json: bool, terminal: &Terminal) -> Result<()> {
    let precision = precision.parse().map_err(|e: Error| e.at("--precision"))?;
    let options = EncoderOptions { precision, packed: PackedWeights::Renewed(PackedWeights::folder()?) };
    let encoder = Encoder::open_with(&encoder_at(name, terminal)?, &options)?;
    let identity = encoder.identity();
    let (image, text) = (encoder.image_tower(), encoder.text_tower());
    let side = image.preprocess().size;
    if as_json {
        return print_json(&json!({
            "name": identity.name,
            "image_sha256": identity.image_sha256,
            "text_sha256": identity.text_sha256,
            "image": {"layers": image.layers(), "width": image.width(), "side": side},
            "text": {"layers": text.layers(), "width": text.width()},
            "joint_space": encoder.joint().is_some(),
            "precision": precision.name(),
            "instructions": sdmad_engine::instruction_path().name(),
        }));
    }
    let joint = if encoder.joint().is_some() { "yes" } else { "no: the bridge is learned" };
    let rows = [
        ["encoder".to_string(), identity.name.clone()],
        ["image tower".into(), format!("{} layers of width {}, {side} px", image.layers(), image.width())],
        ["image weights SHA-256".into(), identity.image_sha256.clone()],
        ["text tower".into(), format!("{} layers of width {}", text.layers(), text.width())],
        ["text weights SHA-256".into(), identity.text_sha256.clone()],
        ["joint space".into(), joint.into()],
        ["precision of the blocks".into(), precision.name().into()],
        ["instruction path".into(), sdmad_engine::instruction_path().name().into()],
    ];
    print_line(&markdown(&rows))?;
    print_line("hashes, shapes and weights are as they should be")
}
