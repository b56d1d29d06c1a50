use std::process::ExitCode;

use sdmad::{CellStore, Found, Plan};
use sdmad_base::{AtomicDir, Error, Monitor, Result};

use super::benchmark::write_results;
use crate::args::MergeArgs;
use crate::terminal::Terminal;

/// Copies the cells of all shards into one folder and writes the results that follow from them.
pub(crate) fn run(args: MergeArgs, terminal: &Terminal) -> Result<ExitCode> {
    let dir = AtomicDir::create(&args.out)?;
    let first = &args.shards[0];
    let plan = Plan::read(first)?;
    for shard in &args.shards[1..] {
        if Plan::read(shard)? != plan {
            return Err(Error::bad_input(format!(
                "{} and {} are shards of different benchmarks: their plan.json differ",
                first.display(),
                shard.display()
            ))
            .with_hint(
                "run all shards with the same configuration, data, encoders and instruction path (--instructions)",
            ));
        }
    }
    let stores: Vec<CellStore> = args.shards.iter().map(|s| CellStore::of(s)).collect();
    let merged = CellStore::of(dir.path());
    let keys = plan.keys();
    let mut missing = 0;
    terminal.begin("copying cells", keys.len());
    for key in &keys {
        terminal.check()?;
        let mut found = false;
        for store in &stores {
            match store.find(key) {
                Found::Whole(_) if !found => {
                    merged.copy_from(store, key)?;
                    found = true;
                }
                Found::Damaged(why) => {
                    terminal.notice(&format!("{} is damaged: {why}", store.place(key).display()));
                }
                _ => {}
            }
        }
        missing += usize::from(!found);
        terminal.advance(1);
    }
    terminal.end();
    if missing > 0 {
        return Err(Error::bad_input(format!("{missing} of {} cells are whole in none of the folders", keys.len()))
            .with_hint("run `sdmad benchmark --shard` again for the shards that were not finished"));
    }
    plan.write(dir.path())?;
    let place = dir.path().to_path_buf();
    write_results(&plan, &merged, &place, &args.out, terminal)?;
    dir.commit()?;
    Ok(ExitCode::SUCCESS)
}
