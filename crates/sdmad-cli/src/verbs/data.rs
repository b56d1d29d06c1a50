use crate::args::DataArgs;
use crate::terminal::Terminal;
use sdmad_base::{Error, Result};
use std::process::ExitCode;
pub(crate) fn run(_args: DataArgs, _terminal: &Terminal) -> Result<ExitCode> {
    Err(Error::bad_input("not yet"))
}
