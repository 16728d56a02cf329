//! `easel-smoke`: one conversation with a running platform, or many short ones to measure it.

use std::process::ExitCode;

use clap::Parser;
use easel_tests::smoke::{Arguments, run};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("easel-smoke: start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("easel-smoke: {error:#}");
            ExitCode::FAILURE
        }
    }
}
