//! The `sdmad` command: arguments to plans, plans to library calls, results to stdout, progress to stderr.

mod args;
mod tables;
mod terminal;
mod verbs;

use std::process::ExitCode;

use clap::Parser;
use sdmad_base::Error;
use sdmad_engine::use_instructions;

use crate::args::{Arguments, Verb};
use crate::terminal::Terminal;

/// More than any machine has; starting many more takes minutes.
const MOST_THREADS: usize = 1024;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let terminal = Terminal::new(arguments.quiet);
    match run(arguments, &terminal) {
        Ok(code) => code,
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(error.kind().exit_status())
        }
    }
}

fn run(arguments: Arguments, terminal: &Terminal) -> Result<ExitCode, Error> {
    if let Some(threads) = arguments.threads.filter(|n| !(1..=MOST_THREADS).contains(n)) {
        return Err(Error::bad_input(format!("--threads {threads}: expected 1 to {MOST_THREADS}"))
            .with_hint("leave it out to use every core"));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.threads.unwrap_or(0))
        .build_global()
        .map_err(|e| Error::environment(format!("cannot start {:?} threads: {e}", arguments.threads)))?;
    if let Some(name) = &arguments.instructions {
        name.parse().and_then(use_instructions).map_err(|e| e.at("--instructions"))?;
    }
    terminal.watch_for_interrupt()?;
    match arguments.verb {
        Verb::Demo(args) => verbs::demo::run(args, terminal),
        Verb::Encoder(args) => verbs::encoder::run(args, terminal),
        Verb::Data(args) => verbs::data::run(args, terminal),
        Verb::Signs(args) => verbs::signs::run(args, terminal),
        Verb::Align(args) => verbs::align::run(args, terminal),
        Verb::Train(args) => verbs::train::run(args, terminal),
        Verb::Evaluate(args) => verbs::evaluate::run(args, terminal),
        Verb::Compare(args) => verbs::compare::run(args, terminal),
        Verb::Benchmark(args) => verbs::benchmark::run(args, terminal),
        Verb::Merge(args) => verbs::merge::run(args, terminal),
        Verb::Predict(args) => verbs::predict::run(args, terminal),
    }
}
