//! `bench`: how fast this device draws.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use easel_diffusion::{Architecture, NoisePlan, Pipeline, Sampler, Slot, Task};
use serde::Serialize;

use crate::cli::CommandError;
use crate::device::{DeviceArgs, bad_checkpoint, task_error};
use crate::report;

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// The checkpoint's directory, in diffusers' layout
    #[arg(long, required_unless_present = "arch")]
    model: Option<PathBuf>,
    /// In place of a checkpoint: sd15, sd21 or sdxl, with random weights
    #[arg(long, conflicts_with = "model")]
    arch: Option<Architecture>,
    /// Width in pixels; by default the checkpoint's
    #[arg(long)]
    width: Option<u32>,
    /// Height in pixels; by default the checkpoint's
    #[arg(long)]
    height: Option<u32>,
    /// Denoising steps
    #[arg(long, default_value_t = 20)]
    steps: u32,
    /// Pictures drawn together
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=256))]
    batch: u64,
    /// Measured runs, after one that warms up
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeat: u32,
    #[command(flatten)]
    device: DeviceArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    images_per_s: f64,
    steps_per_s: f64,
    p50_s: f64,
    p95_s: f64,
    peak_memory_bytes: u64,
}

/// Draws the same batch again and again, from prompt to pixels.
pub fn run(args: &BenchArgs) -> Result<ExitCode, CommandError> {
    let options = args.device.load_options()?;
    let loaded = match (&args.model, args.arch) {
        (Some(model), _) => Pipeline::load(model, options),
        (None, Some(architecture)) => Pipeline::random(architecture, options),
        (None, None) => {
            let message = "--model or --arch must say what to measure";
            return Err(CommandError::Bad(message.to_owned()));
        }
    };
    let mut pipeline = loaded.map_err(|error| bad_checkpoint(&error))?;
    draw(args, &mut pipeline, 0)?;
    let mut seconds = Vec::new();
    for round in 1..=args.repeat {
        let began = Instant::now();
        draw(args, &mut pipeline, round)?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let total: f64 = seconds.iter().sum();
    let images = args.batch as f64 * f64::from(args.repeat);
    let report = Report {
        images_per_s: images / total,
        steps_per_s: images * f64::from(args.steps) / total,
        p50_s: quantile(&seconds, 0.5),
        p95_s: quantile(&seconds, 0.95),
        peak_memory_bytes: report::peak_rss_bytes(),
    };
    if args.json {
        return report::print_json(&report);
    }
    let Report {
        images_per_s,
        steps_per_s,
        p50_s,
        p95_s,
        ..
    } = report;
    report::print_line(&format!(
        "{images_per_s:.3} images/s, {steps_per_s:.2} steps/s, p50 {p50_s:.3} s, p95 {p95_s:.3} s"
    ));
    Ok(ExitCode::SUCCESS)
}

/// One batch with guidance; each round has prompts of its own, so that none comes from the cache of text states.
fn draw(args: &BenchArgs, pipeline: &mut Pipeline, round: u32) -> Result<(), CommandError> {
    let (width, height) = pipeline.checkpoint().native_size();
    let task = |seed: u64| Task {
        prompt: format!("a red sailboat on the sea at sunset, number {round}"),
        negative: Some(String::new()),
        noise: NoisePlan::from(seed),
        width: args.width.unwrap_or(width),
        height: args.height.unwrap_or(height),
        steps: args.steps,
        guidance: 7.5,
        sampler: Sampler::Ddim,
        ..Task::default()
    };
    let slots: Result<Vec<Slot>, _> = (0..args.batch)
        .map(|seed| pipeline.prepare(&task(seed)))
        .collect();
    let mut slots = slots.map_err(task_error)?;
    while slots.iter().any(|slot| !slot.is_finished()) {
        pipeline
            .step(&mut slots.iter_mut().collect::<Vec<_>>())
            .map_err(task_error)?;
    }
    pipeline
        .decode(&slots.iter().collect::<Vec<_>>())
        .map_err(task_error)?;
    Ok(())
}

/// The value that a share of the sorted values does not exceed.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_are_measured_values() {
        let seconds = [1.0, 2.0, 3.0, 4.0];
        let (middle, high) = (quantile(&seconds, 0.5), quantile(&seconds, 0.95));
        assert!((middle - 2.0).abs() < 1e-9 && (high - 4.0).abs() < 1e-9);
    }
}
