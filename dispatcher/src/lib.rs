//! The dispatcher: the one writer of job states.
//!
//! Of all dispatcher processes of a lane one leads, by a lease in the database with an epoch; the others stand by. The
//! leader learns of waiting jobs by hints and by sweeping the table, gives them to nodes under leases, renews those by
//! heartbeats, requeues what nodes lose, grants uploads, and ends each job in one transaction.
//!
//! - [`scheduler`]: who is next and where: `easel_scheduler`'s policy over rows and nodes; pure.
//! - [`leader`]: taking and keeping the lead.
//! - `term`: what runs while leading; `coordinator` owns the scheduler; `live` and `reports` take what nodes say; `relay`
//!   sends what others could not.

mod add_node;
mod bench;
pub mod config;
mod coordinator;
mod dead_letters;
mod ends;
mod garbage;
mod grants;
mod hints;
mod lanes;
pub mod leader;
mod live;
mod mentions;
pub mod metric;
mod relay;
mod release_node;
mod reports;
mod scale;
pub mod scheduler;
mod simulate;
mod term;
mod uploads;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use easel_service::config::ConfigArgs;

pub use config::DispatcherConfig;

#[derive(Debug, Parser)]
#[command(
    name = "easel-dispatcher",
    version,
    about = "Leases Easel's jobs to GPU nodes"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until stopped (the default).
    Run,
    /// Make the broker account of a node and print the address it connects to.
    AddNode(add_node::AddNodeArgs),
    /// Let a quarantined node work again.
    ReleaseNode(release_node::ReleaseNodeArgs),
    /// Look at messages that nothing could read, send them again, or drop them.
    DeadLetters(dead_letters::DeadLettersArgs),
    /// Run a scenario in virtual time and report what becomes of its jobs.
    Simulate(simulate::SimulateArgs),
    /// Measure jobs through the real path with nodes that finish at once, over a database that can be thrown away.
    Bench(bench::BenchArgs),
}

/// The whole process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        None | Some(Command::Run) => {
            easel_service::serve("dispatcher", &cli.config, |ctx, config| {
                leader::run(ctx, config)
            })
        }
        Some(Command::ReleaseNode(args)) => release_node::run(args, &cli.config),
        Some(Command::DeadLetters(args)) => dead_letters::run(args, &cli.config),
        Some(Command::Simulate(args)) => simulate::run(&args),
        Some(Command::AddNode(args)) => add_node::run(args, &cli.config),
        Some(Command::Bench(args)) => bench::run(args, &cli.config),
    }
}
