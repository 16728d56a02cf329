//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Renders pictures with a checkpoint on this machine's device.
#[derive(Debug, Parser)]
#[command(name = "easel-gpu-node", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draw pictures from a prompt and write them as PNG files.
    Render(Box<crate::render::RenderArgs>),
    /// Check a checkpoint and say what it is made of.
    Inspect(crate::inspect::InspectArgs),
    /// Measure how fast this device draws.
    Bench(crate::bench::BenchArgs),
    /// Serve as a node of the fleet until stopped.
    Run(easel_service::config::ConfigArgs),
}

/// Why a command ended without its result.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The user asked for something that cannot be: exit code 2.
    #[error("{0}")]
    Bad(String),
    /// It could have worked: exit code 1.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

impl CommandError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Bad(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::from(1),
        }
    }
}

/// Parses the arguments, runs the command, and turns its outcome into an exit code.
pub fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let outcome = match command {
        Command::Render(args) => crate::render::run(&args),
        Command::Inspect(args) => crate::inspect::run(&args),
        Command::Bench(args) => crate::bench::run(&args),
        Command::Run(args) => return crate::run::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        error.exit_code()
    })
}
