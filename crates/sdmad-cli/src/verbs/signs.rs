mod explain;
mod try_out;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use sdmad::{
    Bank, Category, DraftRequest, OpenAiChat, Severity, Transcript, check_signs, draft_signs, shipped_names,
    shipped_text,
};
use sdmad_base::{AtomicFile, Error, Kind, Monitor, Result, write_atomic};
use sdmad_engine::Precision;

use super::{open_encoder, print_json, print_line};
use crate::args::{DraftArgs, SignsAction, SignsArgs};
use crate::terminal::Terminal;

/// How long an answer of a language model may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

pub(crate) fn run(args: SignsArgs, terminal: &Terminal) -> Result<ExitCode> {
    match args.action {
        SignsAction::List => {
            for name in shipped_names() {
                print_line(name)?;
            }
        }
        SignsAction::Show { name } => {
            let text = shipped_text(&name).ok_or_else(|| {
                let names = shipped_names().join(", ");
                Error::bad_input(format!("there is no shipped bank `{name}`: expected one of {names}"))
            })?;
            print_line(text.trim_end())?;
        }
        SignsAction::Check { bank, encoder, no_encoder, json } => {
            return check(&bank, (!no_encoder).then_some(encoder.as_str()), json, terminal);
        }
        SignsAction::Explain(args) => explain::run(&args)?,
        SignsAction::Try(args) => try_out::run(&args, terminal)?,
        SignsAction::Draft(args) => draft(&args, terminal)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check(spec: &str, encoder: Option<&str>, as_json: bool, terminal: &Terminal) -> Result<ExitCode> {
    let bank = Bank::open_unchecked(spec)?;
    let encoder = encoder.map(|name| open_encoder(name, Precision::F32, terminal)).transpose()?;
    let findings = match &encoder {
        Some(encoder) => check_signs(&bank, Some(&|text: &str| encoder.text_tower().embed(text))),
        None => check_signs(&bank, None),
    };
    let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
    if as_json {
        let rows: Vec<_> = findings
            .iter()
            .map(|f| {
                json!({"severity": f.severity.to_string(), "code": f.code, "sign": f.sign, "category": f.category,
                    "message": f.message, "hint": f.hint})
            })
            .collect();
        print_json(&rows)?;
    } else {
        for f in &findings {
            print_line(&format!("{}[{}]: {}\n  hint: {}", f.severity, f.code, f.message, f.hint))?;
        }
        let (signs, warnings) = (bank.signs.len(), findings.len() - errors);
        print_line(&format!("{}: {signs} signs, {errors} errors, {warnings} warnings", bank.name))?;
    }
    Ok(if errors > 0 { ExitCode::from(Kind::Findings.exit_status()) } else { ExitCode::SUCCESS })
}

fn draft(args: &DraftArgs, terminal: &Terminal) -> Result<()> {
    if args.out.exists() {
        return Err(Error::bad_input(format!("{} exists", args.out.display()))
            .with_hint("name another file with --out, or move this one away; nothing was written over"));
    }
    let categories = args
        .categories
        .iter()
        .map(|spec| {
            let (id, name) = spec.split_once('=').unwrap_or((spec, spec));
            Category { id: id.to_string(), name: name.replace('_', " ") }
        })
        .collect();
    let request = DraftRequest {
        name: args.name.clone(),
        modality: args.modality.clone(),
        categories,
        per_category: args.per_category,
        model: args.model.clone(),
        date: time::OffsetDateTime::now_utc().date().to_string(),
    };
    let lookup = |name: &str| std::env::var(name).ok();
    let chat = OpenAiChat::from_environment(args.base_url.as_deref(), ANSWER_TIMEOUT, &lookup)?;
    // No model is asked for what could not be written.
    drop(AtomicFile::create(&args.out)?);
    let mut transcript = Transcript::default();
    let drafted = draft_signs(&request, &chat, &std::thread::sleep, terminal, &mut transcript);
    // What was said is kept even when no bank came of it.
    if !transcript.entries.is_empty() {
        write_atomic(&transcript_path(&args.out), transcript.to_jsonl().as_bytes())?;
    }
    let drafted = drafted?;
    write_atomic(&args.out, drafted.bank.to_toml().as_bytes())?;
    drafted.warnings.iter().for_each(|w| terminal.notice(w));
    terminal.notice(&format!("wrote {}; read it with a clinician before you use it", args.out.display()));
    Ok(())
}

fn transcript_path(bank: &Path) -> PathBuf {
    bank.with_extension("transcript.jsonl")
}
