use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sdmad::{AlignPlan, AlignSettings, DomainNormals, align, read_normals};
use sdmad_base::{AtomicDir, Error, Monitor, Result};
use sdmad_engine::Precision;
use sdmad_synthesis::Domain;

use super::open_encoder;
use crate::args::AlignArgs;
use crate::terminal::Terminal;

pub(crate) fn run(args: AlignArgs, terminal: &Terminal) -> Result<ExitCode> {
    // Nothing is computed that could not be written.
    drop(AtomicDir::create(&args.out)?);
    let plan = AlignPlan {
        settings: AlignSettings { seed: args.seed, images: args.images },
        domains: domains(&args)?,
        command: command(&args),
    };
    let encoder = open_encoder(&args.encoder, Precision::Bf16, terminal)?;
    align(&plan, &encoder, &args.out, terminal)?;
    terminal.notice(&format!(
        "wrote {}; `sdmad train --alignment {}` starts from it",
        args.out.display(),
        args.out.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// The domains that are asked for, or all, each on tissue of its own or on the normal images that are given for it; `--normals DIR` is of the
/// one `--domain`, or of general.
fn domains(args: &AlignArgs) -> Result<Vec<DomainNormals>> {
    let asked = args.domain.iter().map(|id| Domain::from_id(id)).collect::<Result<Vec<_>>>()?;
    if let Some(twice) = (1..asked.len()).find(|&at| asked[..at].contains(&asked[at])) {
        return Err(Error::bad_input(format!("--domain {} is given twice: expected once", asked[twice].id())));
    }
    let mut given = Vec::new();
    let mut of_one = Vec::new();
    for text in &args.normals {
        match text.split_once('=').and_then(|(id, path)| Some((Domain::from_id(id).ok()?, path))) {
            Some((domain, path)) => given.push((domain, read_normals(Path::new(path))?)),
            None => of_one.extend(read_normals(Path::new(text))?),
        }
    }
    if !of_one.is_empty() {
        if !given.is_empty() {
            return Err(Error::bad_input("--normals DIR and --normals DOMAIN=DIR are both given: expected one kind")
                .with_hint("name the domain of each folder"));
        }
        let domain = match asked.as_slice() {
            [] => Domain::General,
            [domain] => *domain,
            _ => {
                let message = format!("--normals DIR is given, and {} domains: expected one", asked.len());
                return Err(Error::bad_input(message).with_hint("name the domain of each folder: --normals DOMAIN=DIR"));
            }
        };
        return Ok(vec![DomainNormals { domain, files: of_one }]);
    }
    let wanted = if asked.is_empty() { Domain::ALL.to_vec() } else { asked };
    if let Some((other, _)) = given.iter().find(|(domain, _)| !wanted.contains(domain)) {
        return Err(Error::bad_input(format!(
            "--normals {}=… is given, and --domain {} names others: expected it among them",
            other.id(),
            args.domain.join(" --domain ")
        ))
        .with_hint(format!("add --domain {}, or leave out --domain for all", other.id())));
    }
    let files = |domain: Domain| -> Vec<PathBuf> {
        given.iter().filter(|(d, _)| *d == domain).flat_map(|(_, files)| files.clone()).collect()
    };
    Ok(wanted.into_iter().map(|domain| DomainNormals { domain, files: files(domain) }).collect())
}

/// What was typed, with the names of folders but not where they are.
fn command(args: &AlignArgs) -> String {
    let mut words = vec![format!("sdmad align --images {} --seed {}", args.images, args.seed)];
    words.extend(args.domain.iter().map(|d| format!("--domain {d}")));
    for text in &args.normals {
        let (domain, path) = text.split_once('=').map_or((String::new(), text.as_str()), |(d, p)| (format!("{d}="), p));
        let parts: Vec<_> =
            Path::new(path).components().rev().take(2).map(|c| c.as_os_str().to_string_lossy()).collect();
        let end: Vec<&str> = parts.iter().rev().map(AsRef::as_ref).collect();
        words.push(format!("--normals {domain}{}", end.join("/")));
    }
    words.join(" ")
}
