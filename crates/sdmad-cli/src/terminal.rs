//! Progress, notices and errors on stderr, and Ctrl-C.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sdmad_base::{Error, Kind, Monitor, Result};

/// Work that is done sooner shows no bar.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a log file, which has no bar, hears how far the work is.
const LOG_EVERY: Duration = Duration::from_secs(15);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The person's end of a run: the [`Monitor`] of the command.
pub(crate) struct Terminal {
    quiet: bool,
    bar: Mutex<Option<Task>>,
}

struct Task {
    name: String,
    bar: ProgressBar,
    started: Instant,
    logged: Instant,
    shown: bool,
}

impl Terminal {
    pub(crate) fn new(quiet: bool) -> Self {
        Terminal { quiet, bar: Mutex::new(None) }
    }

    /// From now on Ctrl-C asks the work to stop at its next step; a second one ends the process at once.
    pub(crate) fn watch_for_interrupt(&self) -> Result<()> {
        ctrlc::set_handler(|| {
            if INTERRUPTED.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(Kind::Interrupted.exit_status()));
            }
            eprintln!("\nstopping at the next safe point; press Ctrl-C again to stop at once");
        })
        .map_err(|e| Error::environment(format!("cannot listen for Ctrl-C: {e}")))
    }

    pub(crate) fn error(&self, error: &Error) {
        self.end();
        eprintln!("error: {error}");
        if let Some(hint) = error.hint() {
            eprintln!("  hint: {hint}");
        }
    }

    fn with_task(&self, change: impl FnOnce(&mut Option<Task>)) {
        // A poisoned lock only means that another thread panicked while it drew.
        change(&mut self.bar.lock().unwrap_or_else(|e| e.into_inner()));
    }
}

/// `40 s`, `12 min`, `3 h 20 min`.
pub(crate) fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..100 => format!("{} s", seconds.max(1)),
        100..6000 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

impl Monitor for Terminal {
    fn begin(&self, task: &str, total: usize) {
        self.end();
        if self.quiet {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg:30} {bar:30} {pos}/{len}  {elapsed} so far, {eta} to go");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_message(task.to_string());
        let now = Instant::now();
        self.with_task(|slot| *slot = Some(Task { name: task.into(), bar, started: now, logged: now, shown: false }));
    }

    fn advance(&self, steps: usize) {
        self.with_task(|slot| {
            let Some(task) = slot else { return };
            task.bar.inc(steps as u64);
            if task.started.elapsed() < PATIENCE {
                return;
            }
            if std::io::stderr().is_terminal() {
                if !task.shown {
                    task.bar.set_draw_target(ProgressDrawTarget::stderr());
                    task.shown = true;
                }
            } else if task.logged.elapsed() >= LOG_EVERY {
                task.logged = Instant::now();
                let (done, all) = (task.bar.position(), task.bar.length().unwrap_or(0));
                let rest = task.started.elapsed().mul_f64(all.saturating_sub(done) as f64 / done.max(1) as f64);
                eprintln!("{}: {done} of {all}, about {} to go", task.name, spoken(rest));
            }
        });
    }

    fn end(&self) {
        self.with_task(|slot| {
            if let Some(task) = slot.take() {
                task.bar.finish_and_clear();
            }
        });
    }

    fn notice(&self, message: &str) {
        if self.quiet {
            return;
        }
        self.with_task(|slot| match slot {
            Some(task) if task.shown => task.bar.suspend(|| eprintln!("{message}")),
            _ => eprintln!("{message}"),
        });
    }

    fn check(&self) -> Result<()> {
        if INTERRUPTED.load(Ordering::SeqCst) {
            return Err(Error::new(Kind::Interrupted, "interrupted; nothing unfinished was kept")
                .with_hint("run the same command again: what was cached is not computed twice"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_the_unit_that_fits() {
        let said = |seconds| spoken(Duration::from_secs(seconds));
        let expected = ["1 s", "99 s", "3 min", "100 min", "3 h 20 min"];
        assert_eq!([0, 99, 150, 5999, 12_000].map(said), expected.map(String::from));
    }
}
