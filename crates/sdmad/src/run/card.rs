use std::fmt::Write as _;

use crate::{Method, NORMAL, TrainedRun};

/// The model card of a run.
pub(super) fn card(run: &TrainedRun) -> String {
    let config = &run.config;
    let mut text = String::from("# A run of sdmad\n\n**Research use only, not a medical device.**\n\n");
    let method = match config.method {
        Method::Sdmad => "sign-driven few-shot multi-anomaly detection",
        Method::LinearProbe => "linear probe (logistic regression on the frozen image tower)",
        Method::Pixels => "pixel baseline (logistic regression on 16 × 16 grey pixels)",
        Method::Prototype => "nearest class mean (Snell et al. 2017) on the frozen image tower",
        Method::ZeroShotName => "zero-shot by the names of the classes (Radford et al. 2021)",
        Method::TipAdapter => "Tip-Adapter (Zhang et al. 2022)",
        Method::TipAdapterF => "Tip-Adapter-F (Zhang et al. 2022)",
        Method::ClipAdapter => "CLIP-Adapter (Gao et al. 2021)",
        Method::Coop => "CoOp (Zhou et al. 2022)",
        Method::NormalKnn => "memory of normal patches (Roth et al. 2022, Jeong et al. 2023)",
        Method::Mvfa => "MVFA, detection alone (Huang et al. 2024)",
    };
    let _ = writeln!(text, "| | |\n|---|---|\n| method | {method} |");
    if let Some(encoder) = &config.encoder {
        let _ = writeln!(text, "| encoder | {}, frozen, {} |", encoder.name, encoder.precision);
    }
    if let Some(bank) = &config.bank {
        let _ = writeln!(text, "| sign bank | {} ({}) |", bank.name, &bank.sha256[..12]);
    }
    if let Some(a) = &config.alignment {
        let _ =
            writeln!(text, "| alignment | {} ({}), {}, weight {:.3} |", a.source, &a.sha256[..12], a.domain, a.weight);
    }
    let _ = writeln!(text, "| shots | {} (draw {}) |", config.shots, config.draw);
    let names = std::iter::once(NORMAL).chain(config.categories.iter().map(String::as_str));
    for (name, count) in names.zip(&config.support_counts) {
        let _ = writeln!(text, "| images of {name} | {count} |");
    }
    let _ = writeln!(text, "| written by | sdmad {} |", config.sdmad);
    if !config.short.is_empty() {
        let _ = writeln!(text, "\nFewer shots than asked for: {}.", config.short.join(", "));
    }
    if !config.used_up.is_empty() {
        let _ = writeln!(text, "\nMore than half of the train patients are shots: {}.", config.used_up.join(", "));
    }
    let promises: Vec<&str> = run.model.calibration.categories.iter().filter_map(|c| c.no_promise.as_deref()).collect();
    if let Some(why) = promises.first() {
        let _ = writeln!(text, "\nProbabilities of {} categories promise nothing: {why}.", promises.len());
    }
    text.push_str(
        "\nWhat is here: settings (`adapter_config.json`), trained tensors (`adapter_model.safetensors`), the signs of the run \
         (`signs.toml`), how they were selected (`selection.json`), the shots (`shots.csv`, and their features without \
         pictures in `support.safetensors`), calibration (`calibration.json`) and the course of training (`training.jsonl`).\n",
    );
    text
}
