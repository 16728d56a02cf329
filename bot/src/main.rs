//! `easel-bot`.

use std::process::ExitCode;

use clap::Parser;
use easel_bot::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
