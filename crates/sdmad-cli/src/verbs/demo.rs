use std::process::ExitCode;
use sdmad_base::{Error, Result};
use crate::args::DemoArgs;
use crate::terminal::Terminal;
pub(crate) fn run(_args: DemoArgs, _terminal: &Terminal) -> Result<ExitCode> {
    Err(Error::bad_input("not yet"))
}
