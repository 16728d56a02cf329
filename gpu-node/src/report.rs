//! What commands print, and the figures of this process in it.

use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

use crate::cli::CommandError;

/// Prints one JSON object as the only line on stdout.
pub fn print_json(report: &impl Serialize) -> Result<ExitCode, CommandError> {
    let line = serde_json::to_string(report).context("write report")?;
    print_line(&line);
    Ok(ExitCode::SUCCESS)
}

/// Prints a line on stdout.
#[expect(
    clippy::print_stdout,
    reason = "stdout is where a command's result belongs"
)]
pub fn print_line(line: &str) {
    println!("{line}");
}

/// The most memory that this process has had resident, in bytes; 0 where the system does not say.
pub fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
