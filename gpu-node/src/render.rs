//! `render`: pictures from a prompt, on this machine, without any of the platform.

mod input;
mod output;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::Context;
use easel_diffusion::{Init, NoisePlan, Pipeline, Sampler, Slot, Task};

use crate::cli::CommandError;
use crate::device::{DeviceArgs, bad_checkpoint, task_error};
use output::Report;

/// Pictures that are denoised together; more are drawn in turn.
const BATCH: usize = 8;

/// What to draw.
#[derive(Debug, clap::Args)]
pub struct RenderArgs {
    /// The checkpoint's directory, in diffusers' layout
    #[arg(long)]
    model: PathBuf,
    /// What the pictures should show
    #[arg(long)]
    prompt: String,
    /// What they should not show
    #[arg(long, default_value = "")]
    negative: String,
    /// Seed of the first picture; the others count up from it
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// Denoising steps
    #[arg(long, default_value_t = 50, allow_negative_numbers = true)]
    steps: u32,
    /// Scale of classifier-free guidance; at most 1 for none
    #[arg(long, default_value_t = 7.5, allow_negative_numbers = true)]
    guidance: f64,
    /// default (the checkpoint's own), ddim or euler
    #[arg(long, default_value = "default")]
    sampler: SamplerName,
    /// Width in pixels; by default the checkpoint's, or the start picture's
    #[arg(long)]
    width: Option<u32>,
    /// Height in pixels; by default the checkpoint's, or the start picture's
    #[arg(long)]
    height: Option<u32>,
    /// Number of pictures
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: u32,
    /// A picture to start from
    #[arg(long)]
    init_image: Option<PathBuf>,
    /// How much of a start picture to replace, above 0 and at most 1
    #[arg(long, default_value_t = 0.8, allow_negative_numbers = true)]
    strength: f64,
    /// Not supported yet
    #[arg(long, hide = true)]
    mask: Option<PathBuf>,
    /// Not supported yet
    #[arg(long, hide = true)]
    lora: Vec<String>,
    /// plain: the prompt is taken as it is, cut at 77 tokens
    #[arg(long, default_value = "plain")]
    prompt_syntax: String,
    #[command(flatten)]
    device: DeviceArgs,
    /// Directory for the pictures; made if it is missing
    #[arg(long)]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A sampler by its name on the command line.
#[derive(Debug, Clone, Copy)]
struct SamplerName(Sampler);

impl FromStr for SamplerName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "default" => Ok(Self(Sampler::Checkpoint)),
            "ddim" => Ok(Self(Sampler::Ddim)),
            "euler" => Ok(Self(Sampler::Euler)),
            "pndm" | "euler-a" | "dpmpp-2m" | "dpmpp-2m-karras" | "unipc" | "lcm" => Err(format!(
                "{name} is not supported yet; use default, ddim or euler"
            )),
            _ => Err("must be default, ddim or euler".to_owned()),
        }
    }
}

/// Time spent so far.
#[derive(Debug, Default)]
struct Spent {
    load: Duration,
    text: Duration,
    denoise: Duration,
    decode: Duration,
    /// Steps, counted for each picture.
    steps: u64,
}

/// Draws the pictures and prints the report.
pub fn run(args: &RenderArgs) -> Result<ExitCode, CommandError> {
    let began = Instant::now();
    refuse_unsupported(args)?;
    let load = args.device.load_options()?;
    std::fs::create_dir_all(&args.out)
        .map_err(|error| CommandError::Bad(format!("--out {}: {error}", args.out.display())))?;
    let mut pipeline = Pipeline::load(&args.model, load).map_err(|error| bad_checkpoint(&error))?;
    if pipeline.checkpoint().has_safety_checker {
        eprintln!(
            "warning: this checkpoint's safety checker is not run yet: look at its pictures before you show them"
        );
    }
    let mut spent = Spent {
        load: began.elapsed(),
        ..Spent::default()
    };
    let task = task(args, &pipeline)?;
    let encoding = Instant::now();
    pipeline.encode_text(&task.prompt).map_err(task_error)?;
    if task.guidance > 1.0 {
        pipeline.encode_text(&task.negative).map_err(task_error)?;
    }
    spent.text = encoding.elapsed();
    let mut report =
        Report::new(&args.model, pipeline.checkpoint().kind()).context("hash the checkpoint")?;
    let seeds: Vec<u64> = (0..u64::from(args.count))
        .map(|index| args.seed.wrapping_add(index))
        .collect();
    for seeds in seeds.chunks(BATCH) {
        for (seed, picture) in seeds
            .iter()
            .zip(draw(&mut pipeline, &task, seeds, &mut spent)?)
        {
            report.save(&args.out, *seed, &picture)?;
        }
    }
    report.print(args.json, &spent, began.elapsed())
}

fn refuse_unsupported(args: &RenderArgs) -> Result<(), CommandError> {
    let refused = [
        ("--mask", args.mask.is_some()),
        ("--lora", !args.lora.is_empty()),
        ("--prompt-syntax", args.prompt_syntax != "plain"),
    ];
    match refused.iter().find(|(_, present)| *present) {
        Some((name, _)) => Err(CommandError::Bad(format!(
            "{name}: this is not supported yet"
        ))),
        None => Ok(()),
    }
}

fn task(args: &RenderArgs, pipeline: &Pipeline) -> Result<Task, CommandError> {
    let start = args.init_image.as_deref().map(input::read).transpose()?;
    let multiple = pipeline.checkpoint().multiple();
    let down = |side: u32| (side / multiple * multiple).max(multiple);
    let native = pipeline.checkpoint().native_size();
    let (width, height) = start
        .as_ref()
        .map_or(native, |start| (down(start.width), down(start.height)));
    let (width, height) = (args.width.unwrap_or(width), args.height.unwrap_or(height));
    let init = start.map(|start| {
        let picture = input::resized(start, width, height)?;
        Ok::<_, CommandError>(Init {
            picture,
            strength: args.strength,
        })
    });
    Ok(Task {
        prompt: args.prompt.clone(),
        negative: args.negative.clone(),
        noise: NoisePlan::from(args.seed),
        width,
        height,
        steps: args.steps,
        guidance: args.guidance,
        sampler: args.sampler.0,
        init: init.transpose()?,
    })
}

/// One batch: a picture for each seed.
fn draw(
    pipeline: &mut Pipeline,
    task: &Task,
    seeds: &[u64],
    spent: &mut Spent,
) -> Result<Vec<easel_diffusion::Picture>, CommandError> {
    let preparing = Instant::now();
    let prepare = |&seed: &u64| {
        pipeline.prepare(&Task {
            noise: NoisePlan::from(seed),
            ..task.clone()
        })
    };
    let slots: Result<Vec<Slot>, _> = seeds.iter().map(prepare).collect();
    let mut slots = slots.map_err(task_error)?;
    while slots.iter().any(|slot| !slot.is_finished()) {
        pipeline
            .step(&mut slots.iter_mut().collect::<Vec<_>>())
            .map_err(task_error)?;
        spent.steps += slots.len() as u64;
    }
    spent.denoise += preparing.elapsed();
    let decoding = Instant::now();
    let pictures = pipeline
        .decode(&slots.iter().collect::<Vec<_>>())
        .map_err(task_error)?;
    spent.decode += decoding.elapsed();
    Ok(pictures)
}
