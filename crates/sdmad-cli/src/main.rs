//! The `sdmad` command.
fn main() {}
