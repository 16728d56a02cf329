//! `make bench-bot`: the real bot against the playground, with the platform behind it played by rows and messages.
//!
//! Prints one JSON object for each part: `answers` (how long until the first answer), `live` (messages that count up and
//! end), `memory` and `restart` (results that a dead bot left undelivered). Needs a stack's environment.

mod bot;
mod jobs;
mod parts;

use std::io::Write;

use anyhow::{Context as _, Result};
use clap::Parser;
use serde_json::Value;

/// What is measured.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// The bot's binary.
    #[arg(long)]
    bot: std::path::PathBuf,
    /// Interactions a second while answers are measured.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Live messages.
    #[arg(long, default_value_t = 2_000)]
    live: u32,
    /// Channels.
    #[arg(long, default_value_t = 200)]
    channels: u32,
    /// Seconds for which live messages are measured, after as many seconds as a job takes.
    #[arg(long, default_value_t = 40)]
    seconds: u32,
    /// Guilds while memory is measured.
    #[arg(long, default_value_t = 2_500)]
    guilds: u32,
    /// Live jobs while memory is measured.
    #[arg(long, default_value_t = 10_000)]
    jobs: u32,
    /// Results that wait for the bot when it starts again.
    #[arg(long, default_value_t = 10_000)]
    undelivered: u32,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start a runtime")?;
    runtime.block_on(async {
        for report in [
            parts::answers_and_live(&arguments).await?,
            parts::memory(&arguments).await?,
            parts::restart(&arguments).await?,
        ]
        .into_iter()
        .flatten()
        {
            print_line(&report)?;
        }
        Ok(())
    })
}

fn print_line(report: &Value) -> Result<()> {
    writeln!(std::io::stdout(), "{report}").context("print the report")
}
