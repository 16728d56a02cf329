//! `fetch`: a checkpoint from a model hub, or from whatever `HF_ENDPOINT` names.

mod choice;

use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use serde::Serialize;

use crate::cli::CommandError;
use crate::report;

/// Tries of each file after the first; every one goes on where the last ended.
const RETRIES: usize = 4;

/// Where parts of files lie until they are whole, below the checkpoint's directory. Hidden: not part of its hash.
const PARTS: &str = ".fetch";

/// What to load, and where to.
#[derive(Debug, clap::Args)]
pub struct FetchArgs {
    /// The repository, as OWNER/NAME
    repo: String,
    /// Branch, tag or commit
    #[arg(long, default_value = "main")]
    revision: String,
    /// Weights of this variant where there are any, for example fp16
    #[arg(long)]
    variant: Option<String>,
    /// Leave out all weights: for a checkpoint whose weights are in one file that you have
    #[arg(long, conflicts_with = "variant")]
    without_weights: bool,
    /// Directory for the checkpoint; made if it is missing. What an earlier, broken run left there is used.
    #[arg(long)]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    dir: String,
    files: Vec<String>,
    bytes: u64,
}

/// Loads every file that a checkpoint needs and that is not there yet.
pub fn run(args: &FetchArgs) -> Result<ExitCode, CommandError> {
    check(args)?;
    let parts = args.out.join(PARTS);
    std::fs::create_dir_all(&parts)
        .map_err(|error| CommandError::Bad(format!("--out {}: {error}", args.out.display())))?;
    let repo = open(args, &parts)?;
    let info = repo.info().map_err(|error| refused(args, &error))?;
    let names: Vec<String> = info
        .siblings
        .into_iter()
        .map(|file| file.rfilename)
        .collect();
    if let Some(name) = names.iter().find(|name| !is_inside(name)) {
        let message = format!("{}: lists the file {name:?}, which lies outside", args.repo);
        return Err(CommandError::Bad(message));
    }
    let mut files = choice::choose(&names, args.variant.as_deref());
    if args.without_weights {
        files.retain(|name| !choice::is_weight(name));
    }
    if !files
        .iter()
        .any(|name| [choice::INDEX, choice::CONFIG].contains(&&**name))
    {
        let message = format!(
            "{}: has neither {} nor {}: not a diffusers checkpoint, and no network such as a classifier",
            args.repo,
            choice::INDEX,
            choice::CONFIG
        );
        return Err(CommandError::Bad(message));
    }
    start_over_for_another_commit(args, &parts, &info.sha).context("prepare --out")?;
    let mut bytes = 0;
    for name in &files {
        bytes += place(args, &repo, name)?;
    }
    // Only links to what has been moved away are left in it, and the note of the commit.
    std::fs::remove_dir_all(&parts).context("remove what is left of parts")?;
    let report = Report {
        dir: args.out.display().to_string(),
        files,
        bytes,
    };
    if args.json {
        return report::print_json(&report);
    }
    let count = report.files.len();
    report::print_line(&format!("{count} files, {bytes} bytes in {}", report.dir));
    Ok(ExitCode::SUCCESS)
}

fn check(args: &FetchArgs) -> Result<(), CommandError> {
    let plain = |text: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !text.is_empty() && text.chars().all(allowed) && text != "." && text != ".."
    };
    let parts: Vec<&str> = args.repo.split('/').collect();
    if parts.len() > 2 || !parts.iter().all(|part| plain(part)) {
        let message = format!("{:?} is not of the form OWNER/NAME", args.repo);
        return Err(CommandError::Bad(message));
    }
    let revision = args.revision.split('/').all(plain);
    let variant = args.variant.as_deref().is_none_or(plain);
    if !revision || !variant {
        let message = "--revision and --variant are words of letters, digits, dots and dashes";
        return Err(CommandError::Bad(message.to_owned()));
    }
    Ok(())
}

fn open(args: &FetchArgs, parts: &Path) -> Result<ApiRepo, CommandError> {
    let mut builder = ApiBuilder::from_cache(Cache::new(parts.to_owned()))
        .with_progress(!args.json)
        .with_retries(RETRIES);
    if let Ok(endpoint) = std::env::var("HF_ENDPOINT") {
        builder = builder.with_endpoint(endpoint);
    }
    if let Ok(token) = std::env::var("HF_TOKEN") {
        builder = builder.with_token(Some(token));
    }
    let api = builder.build().context("set up the hub's client")?;
    let revision = args.revision.clone();
    Ok(api.repo(Repo::with_revision(
        args.repo.clone(),
        RepoType::Model,
        revision,
    )))
}

/// What the hub does not have, or does not give to us, is the user's to change; the rest may go better next time.
fn refused(args: &FetchArgs, error: &ApiError) -> CommandError {
    let text = error.to_string();
    if ["401", "403", "404"].iter().any(|code| text.contains(code)) {
        let FetchArgs { repo, revision, .. } = args;
        let hint = "is there no such repository or revision, or does it want HF_TOKEN?";
        return CommandError::Bad(format!("{repo} at {revision}: {text}; {hint}"));
    }
    CommandError::Failed(anyhow!("{}: {text}", args.repo))
}

/// A path below the checkpoint's directory, and no other.
fn is_inside(name: &str) -> bool {
    let plain = |component: Component| matches!(component, Component::Normal(_));
    !name.is_empty() && !name.contains('\\') && Path::new(name).components().all(plain)
}

/// Files of another commit that an earlier run left do not belong to this one.
fn start_over_for_another_commit(
    args: &FetchArgs,
    parts: &Path,
    commit: &str,
) -> std::io::Result<()> {
    let note = args.out.join(".commit");
    let (parts_note, before) = (parts.join("commit"), std::fs::read_to_string(&note));
    if before.as_deref().is_ok_and(|before| before != commit) {
        clear(&args.out, args.without_weights)?;
    }
    std::fs::write(parts_note, commit)?;
    std::fs::write(note, commit)
}

/// Removes what an earlier commit left. Weights stay where none are loaded: they are somebody's own.
fn clear(directory: &Path, keep_weights: bool) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.file_type()? {
            _ if name.starts_with('.') => {}
            kind if kind.is_dir() && keep_weights => clear(&entry.path(), true)?,
            kind if kind.is_dir() => std::fs::remove_dir_all(entry.path())?,
            _ if keep_weights && choice::is_weight(&name) => {}
            _ => std::fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

/// Loads a file and moves it to its place, where only whole files lie. Returns its size in bytes.
fn place(args: &FetchArgs, repo: &ApiRepo, name: &str) -> Result<u64, CommandError> {
    let target = args.out.join(name);
    if !target.is_file() {
        let loaded = repo.get(name).map_err(|error| refused(args, &error))?;
        // The cache holds a link to the bytes.
        let whole = loaded
            .canonicalize()
            .with_context(|| format!("find {name}"))?;
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("make room for {name}"))?;
        }
        // Equal files share their bytes in the cache: copied, not moved.
        let temporary = target.with_extension("fetching");
        std::fs::copy(&whole, &temporary)
            .and_then(|_| std::fs::rename(&temporary, &target))
            .with_context(|| format!("place {name}"))?;
    }
    let size = std::fs::metadata(&target).map(|metadata| metadata.len());
    Ok(size.with_context(|| format!("look at {name}"))?)
}

#[cfg(test)]
mod tests {
    use super::is_inside;

    #[test]
    fn only_files_below_the_directory_are_inside() {
        for name in ["model_index.json", "unet/config.json", "a/b/c.txt"] {
            assert!(is_inside(name), "{name}");
        }
        for name in ["", "/etc/passwd", "../x", "unet/../../x", "..\\x"] {
            assert!(!is_inside(name), "{name}");
        }
    }
}
