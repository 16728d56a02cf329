//! The command line.

use std::ffi::OsString;
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
        /// The prompt; it may begin with dashes.
        #[arg(allow_hyphen_values = true)]
        text: String,
        /// Tier whose caps apply: free, standard, premium, enterprise.
        #[arg(long, default_value = "premium")]
        tier: String,
        /// Rules of a model version: easel, v3 to v7, niji4 to niji6, lcm.
        #[arg(long, default_value = "easel")]
        profile: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

impl Cli {
    /// Reads the arguments of the process. A prompt may be nothing but two dashes, which elsewhere end the flags.
    pub fn of(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let (dashes, others): (Vec<_>, Vec<_>) =
            arguments.iter().cloned().partition(|one| one == "--");
        let alone = others.into_iter().chain(["--".into(), "--".into()]);
        match Self::try_parse_from(alone) {
            Ok(cli) if dashes.len() == 1 => Ok(cli),
            Ok(_) | Err(_) => Self::try_parse_from(arguments),
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_may_begin_with_dashes_and_flags_may_stand_on_either_side() {
        for arguments in [
            &["--ar 16:9", "--json"][..],
            &["--json", "--ar 16:9"],
            &["--tier", "free", "--tile", "--json"],
            &["-5 degrees", "--profile", "v6", "--json"],
            &["--", "--json"],
            &["--json", "--"],
            &["--tier", "free", "--", "--json"],
            &["--json", "--", "--tile"],
            &["--", "--json", "--json"],
        ] {
            let all = ["easel-bot", "parse"].iter().chain(arguments).copied();
            let parsed = Cli::of(all.map(OsString::from)).map(|cli| cli.command);
            match (parsed, arguments) {
                // Behind a bare "--" nothing is a flag, so the second word is one too many.
                (Err(_), ["--", _, _]) => {}
                (Ok(Some(Command::Parse { text, json, .. })), _) => {
                    assert!(json && text.starts_with('-'), "{arguments:?}: {text}");
                }
                (other, _) => panic!("{arguments:?}: {:?}", other.err()),
            }
        }
    }
}
