use std::path::Path;
use std::process::ExitCode;

use sdmad::{
    ImportKind, ImportOptions, Manifest, PhantomConfig, SplitFractions, check_data, generate_phantoms, import_data,
    split_data,
};
use sdmad_base::{Error, Kind, Monitor, Result};

use super::{print_json, print_line};
use crate::args::{DataAction, DataArgs};
use crate::tables::markdown_rows;
use crate::terminal::Terminal;

pub(crate) fn run(args: DataArgs, terminal: &Terminal) -> Result<ExitCode> {
    match args.action {
        DataAction::Import(args) => import(&args.kind, &args.root, &args.options(three)?, &args.out, terminal)?,
        DataAction::Check { manifest, json } => return check(&manifest, json, terminal),
        DataAction::Split { manifest, out, fractions, seed } => {
            refuse_existing(&out)?;
            let [train, valid, test] = three(fractions)?;
            let fractions = SplitFractions::new(train, valid, test)?;
            let manifest = Manifest::read(&manifest)?;
            same_folder(&manifest, &out)?;
            let split = split_data(&manifest, &fractions, seed)?;
            split.write(&out)?;
            terminal.notice(&format!("wrote {}", out.display()));
        }
        DataAction::Phantom { out, images, seed } => {
            let config = PhantomConfig { images, seed, ..PhantomConfig::default() };
            let summary = generate_phantoms(&config, &out, terminal)?;
            let [train, valid, test] = summary.images;
            print_line(&format!(
                "{images} phantoms of {} patients ({train} train, {valid} valid, {test} test; {} normal, {} with several \
                 findings): {}",
                summary.patients,
                summary.normal,
                summary.co_occurring,
                summary.manifest.display()
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn three(fractions: Vec<f64>) -> Result<[f64; 3]> {
    <[f64; 3]>::try_from(fractions).map_err(|given| {
        Error::bad_input(format!("--fractions: {} numbers; expected three, for train, valid and test", given.len()))
            .with_hint("for example --fractions 0.4,0,0.6")
    })
}

fn refuse_existing(path: &Path) -> Result<()> {
    if path.exists() {
        return Err(Error::bad_input(format!("{} exists", path.display()))
            .with_hint("name another file with --out, or move this one away; nothing was written over"));
    }
    Ok(())
}

/// Image paths are relative to the manifest's folder, so a manifest does not move.
fn same_folder(manifest: &Manifest, out: &Path) -> Result<()> {
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let resolved = |path: &Path| path.canonicalize().map_err(|e| Error::io("find", path, e));
    if resolved(folder)? != resolved(&manifest.root)? {
        return Err(Error::bad_input(format!(
            "--out {}: expected a file in {}",
            out.display(),
            manifest.root.display()
        ))
        .with_hint("image paths are relative to the manifest's folder: write the new manifest beside the old one"));
    }
    Ok(())
}

fn import(kind: &str, root: &Path, options: &ImportOptions, out: &Path, terminal: &Terminal) -> Result<()> {
    let summary = import_data(ImportKind::named(kind)?, root, options, out, terminal)?;
    summary.notices.iter().for_each(|n| terminal.notice(n));
    let mut rows = vec![["", "train", "valid", "test"].map(String::from).to_vec()];
    let row = |name: &str, counts: [usize; 3]| {
        std::iter::once(name.to_string()).chain(counts.iter().map(usize::to_string)).collect::<Vec<_>>()
    };
    rows.push(row("images", summary.images));
    rows.push(row("normal", summary.normal));
    rows.extend(summary.categories.iter().map(|c| row(&c.id, c.images)));
    print_line(&markdown_rows(&rows))?;
    terminal.notice(&format!("wrote {}; look at it with `sdmad data check`", summary.manifest.display()));
    Ok(())
}

fn check(path: &Path, as_json: bool, terminal: &Terminal) -> Result<ExitCode> {
    let report = check_data(&Manifest::read(path)?, terminal)?;
    if as_json {
        print_json(&report)?;
    } else {
        print_line(report.to_string().trim_end())?;
    }
    Ok(if report.has_errors() { ExitCode::from(Kind::Findings.exit_status()) } else { ExitCode::SUCCESS })
}
