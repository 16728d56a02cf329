//! The command line.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use easel_service::config::ConfigArgs;

use crate::config::BotConfig;
use crate::parse::parse_command;
use crate::process;

/// Easel's Discord bot.
#[derive(Debug, Parser)]
#[command(name = "easel-bot", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a range of shards (the default).
    Run(ConfigArgs),
    /// Show what a prompt becomes, without a Discord, a database or a broker.
    Parse {
        /// The prompt.
        text: String,
        /// Tier whose caps apply.
        #[arg(long, default_value = "premium")]
        tier: String,
        /// Parameter profile of the model.
        #[arg(long, default_value = "easel")]
        profile: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

impl Cli {
    /// Does what the command line asks for.
    pub fn run(self) -> ExitCode {
        match self.command {
            None => easel_service::serve::<BotConfig, _, _>("bot", &self.config, process::run),
            Some(Command::Run(config)) => {
                easel_service::serve::<BotConfig, _, _>("bot", &config, process::run)
            }
            Some(Command::Parse {
                text,
                tier,
                profile,
                json,
            }) => parse(&text, &tier, &profile, json),
        }
    }
}

fn parse(text: &str, tier: &str, profile: &str, json: bool) -> ExitCode {
    let output = parse_command(text, tier, profile, json);
    // Nothing is left to tell if the streams are closed.
    if !output.stdout.is_empty() {
        let _ = writeln!(std::io::stdout(), "{}", output.stdout);
    }
    if !output.stderr.is_empty() {
        let _ = writeln!(std::io::stderr(), "{}", output.stderr);
    }
    ExitCode::from(output.exit_code)
}
