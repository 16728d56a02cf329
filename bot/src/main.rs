//! `easel-bot`.

use std::process::ExitCode;

use easel_bot::cli::Cli;

fn main() -> ExitCode {
    match Cli::of(std::env::args_os()) {
        Ok(cli) => cli.run(),
        Err(error) => error.exit(),
    }
}
