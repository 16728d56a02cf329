//! The command line.

use std::panic::{AssertUnwindSafe, catch_unwind};
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
    /// Measure the engine's own loop, without any model.
    BenchEngine(crate::bench_engine::BenchEngineArgs),
    /// Load a checkpoint from a model hub.
    Fetch(crate::fetch::FetchArgs),
    /// Serve as a node of the fleet until stopped.
    Run(easel_service::config::ConfigArgs),
}

/// Longest message about a bad command line: what is wrong, without the usage that follows it.
const PARSE_MESSAGE_LINES: usize = 3;

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
    let command = match Cli::try_parse() {
        Ok(Cli { command }) => command,
        Err(error) => return explain(&error),
    };
    let outcome = match command {
        Command::Render(args) => quietly(|| crate::render::run(&args)),
        Command::Inspect(args) => quietly(|| crate::inspect::run(&args)),
        Command::Bench(args) => quietly(|| crate::bench::run(&args)),
        Command::BenchEngine(args) => quietly(|| crate::bench_engine::run(&args)),
        Command::Fetch(args) => quietly(|| crate::fetch::run(&args)),
        Command::Run(args) => return crate::run::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        error.exit_code()
    })
}

/// Help and versions are answers; anything else is told in short, with exit code 2.
fn explain(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Nobody is left to tell when this fails.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let lines = text.lines().take_while(|line| !line.trim().is_empty());
    let lines: Vec<&str> = lines.take(PARSE_MESSAGE_LINES).map(str::trim).collect();
    eprintln!("{}", lines.join(" "));
    ExitCode::from(2)
}

/// libtorch's exceptions arrive as panics. They are told like other errors: nobody at a command line wants a backtrace.
fn quietly(
    command: impl FnOnce() -> Result<ExitCode, CommandError>,
) -> Result<ExitCode, CommandError> {
    std::panic::set_hook(Box::new(|_| ()));
    catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let first = text
            .and_then(|text| text.lines().next())
            .unwrap_or("unknown");
        Err(anyhow::anyhow!("internal error: {first}").into())
    })
}
