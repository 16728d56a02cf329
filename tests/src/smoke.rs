//! What `make smoke` and `make bench-bot` do with a running platform: they use the chat page's own interface, as a
//! visitor would, and look up in the database and in `/proc` only what a visitor cannot see.

mod bench;
mod conversation;
mod numbers;
mod records;
mod visitor;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use records::Records;
use visitor::Visitor;

/// One conversation with a running platform: `/imagine`, U1, V1.
#[derive(Debug, Parser)]
#[command(name = "easel-smoke", version)]
pub struct Arguments {
    /// Origin of the chat page.
    #[arg(long)]
    playground: Url,
    /// Directory for the pictures.
    #[arg(long)]
    out: PathBuf,
    /// Who asks.
    #[arg(long, default_value = "ada")]
    user: String,
    /// The platform's database, for the times of what a visitor does not see.
    #[arg(long, env = "EASEL_DATABASE__URL", hide_env_values = true)]
    database: String,
    /// Have this many conversations.
    #[arg(long, default_value_t = 1)]
    repeat: u32,
    /// Instead of a conversation: this many jobs that are cancelled at once, to measure how long the bot takes.
    #[arg(long)]
    interactions: Option<u32>,
    /// A process whose memory is to be told, as NAME=PID.
    #[arg(long = "process", value_name = "NAME=PID")]
    processes: Vec<String>,
    /// Accepted for uniformity: the last line on stdout is always one JSON object.
    #[arg(long)]
    json: bool,
}

/// Does what the arguments ask for.
///
/// # Errors
///
/// A platform that does not answer, or does not do what it must.
pub async fn run(arguments: &Arguments) -> Result<()> {
    std::fs::create_dir_all(&arguments.out)
        .with_context(|| format!("make {}", arguments.out.display()))?;
    let records = Records::open(SecretString::from(arguments.database.clone()))?;
    let mut visitor = Visitor::arrive(&arguments.playground, &arguments.user).await?;
    let report = match arguments.interactions {
        Some(count) => {
            let mut report = bench::run(&mut visitor, &records, count).await?;
            report["memory_bytes"] = numbers::memory(&arguments.processes);
            report
        }
        None => conversation::run(&mut visitor, &records, arguments).await?,
    };
    print_line(&report)
}

fn print_line(report: &Value) -> Result<()> {
    writeln!(std::io::stdout(), "{report}").context("print the report")
}
