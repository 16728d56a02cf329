//! `inspect`: check a checkpoint and say what it is made of.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use easel_diffusion::{Inspection, Precision};
use serde::Serialize;

use crate::checkpoint;
use crate::cli::CommandError;
use crate::report;

/// What to inspect.
#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// The checkpoint's directory
    directory: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    id: String,
    hash: String,
    kind: Option<&'static str>,
    parts: Vec<Part>,
    memory_bytes: Memory,
    problems: Vec<Problem>,
}

#[derive(Serialize)]
struct Part {
    name: &'static str,
    class: &'static str,
    parameters: u64,
    bytes: u64,
    dtype: String,
}

/// Memory that the weights take, by their type.
#[derive(Serialize)]
struct Memory {
    f32: u64,
    f16: u64,
}

#[derive(Serialize)]
struct Problem {
    file: String,
    key: Option<String>,
    message: String,
}

/// Prints the report; exit code 1 when something stands in the way of loading the checkpoint.
pub fn run(args: &InspectArgs) -> Result<ExitCode, CommandError> {
    if !args.directory.is_dir() {
        return Err(CommandError::Bad(format!(
            "{} is not a directory",
            args.directory.display()
        )));
    }
    let report = report(args)?;
    if args.json {
        report::print_json(&report)?;
    } else {
        print(&report);
    }
    Ok(if report.problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn report(args: &InspectArgs) -> Result<Report, CommandError> {
    let Inspection {
        kind,
        parts,
        problems,
    } = easel_diffusion::inspect(&args.directory);
    let parameters: u64 = parts.iter().map(|part| part.stored.parameters).sum();
    let part = |part: easel_diffusion::InspectedPart| Part {
        name: part.name,
        class: part.class,
        parameters: part.stored.parameters,
        bytes: part.stored.bytes,
        dtype: part.stored.dtype.to_lowercase(),
    };
    let problem = |problem: easel_diffusion::LoadError| {
        let file = problem
            .file
            .strip_prefix(&args.directory)
            .unwrap_or(&problem.file);
        Problem {
            file: file.display().to_string(),
            key: problem.key,
            message: problem.message,
        }
    };
    Ok(Report {
        id: checkpoint::id(&args.directory),
        hash: checkpoint::hash(&args.directory).context("hash the checkpoint")?,
        kind,
        parts: parts.into_iter().map(part).collect(),
        memory_bytes: Memory {
            f32: parameters * Precision::F32.bytes(),
            f16: parameters * Precision::F16.bytes(),
        },
        problems: problems.into_iter().map(problem).collect(),
    })
}

fn print(report: &Report) {
    report::print_line(&format!(
        "{} ({}), {}",
        report.id,
        report.kind.unwrap_or("unknown kind"),
        report.hash
    ));
    for part in &report.parts {
        let megabytes = part.bytes as f64 / 1e6;
        let Part {
            name,
            class,
            parameters,
            dtype,
            ..
        } = part;
        report::print_line(&format!(
            "  {name}: {class}, {parameters} parameters, {megabytes:.1} MB of {dtype}"
        ));
    }
    for problem in &report.problems {
        let key = problem
            .key
            .as_deref()
            .map(|key| format!(", {key}"))
            .unwrap_or_default();
        report::print_line(&format!(
            "  problem: {}{key}: {}",
            problem.file, problem.message
        ));
    }
}
