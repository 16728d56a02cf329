//! `render`: pictures from a prompt, on this machine, without any of the platform.

mod control;
mod input;
mod output;
mod steps;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::Context;
use easel_diffusion::{Finished, LoadError, NoisePlan, Pipeline, Sampler, Slot, Syntax, Task};

use crate::cli::CommandError;
use crate::device::{DeviceArgs, bad_checkpoint, task_error};
use crate::resize::SEEN_AROUND;
use control::ControlArgs;
use output::Report;
use steps::StepArgs;

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
    #[arg(long)]
    negative: Option<String>,
    /// Seed of the first picture; the others count up from it
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// Denoising steps
    #[arg(long, default_value_t = 50, allow_negative_numbers = true)]
    steps: u32,
    #[command(flatten)]
    own_steps: StepArgs,
    /// Scale of classifier-free guidance; at most 1 for none; by default 7.5, for SDXL 5
    #[arg(long, allow_negative_numbers = true)]
    guidance: Option<f64>,
    /// default (the checkpoint's own), ddim, pndm, euler, euler-a, dpmpp-2m, dpmpp-2m-karras, unipc, deis or lcm
    #[arg(long, default_value = "default")]
    sampler: Sampler,
    /// Width in pixels; by default the checkpoint's, or the start picture's where it is not masked
    #[arg(long)]
    width: Option<u32>,
    /// Height in pixels; by default the checkpoint's, or the start picture's where it is not masked
    #[arg(long)]
    height: Option<u32>,
    /// Number of pictures
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: u32,
    /// A picture to start from
    #[arg(long)]
    init_image: Option<PathBuf>,
    /// How much of a start picture to replace, above 0 and at most 1; by default 0.8, with a mask 1
    #[arg(long, allow_negative_numbers = true)]
    strength: Option<f64>,
    /// A picture of the start picture's size that is white where it is to be replaced
    #[arg(long, requires = "init_image")]
    mask: Option<PathBuf>,
    /// A low-rank adapter: its file, with a scale after a colon where it is not 1; may be given several times
    #[arg(long, value_name = "FILE[:SCALE]")]
    lora: Vec<LoraArg>,
    /// plain: the prompt is taken as it is, cut at 77 tokens; easel: with (weights:1.2), as long as need be
    #[arg(long, default_value = "plain")]
    prompt_syntax: SyntaxName,
    /// Layers of the text encoder to leave out at its end
    #[arg(long, default_value_t = 0)]
    clip_skip: u32,
    /// A learnt word: its file, whose stem is the word, or another word before an equals sign
    #[arg(long, value_name = "[WORD=]FILE")]
    textual_inversion: Vec<InversionArg>,
    /// Percent of the steps after which the run ends, 1 to 100: the picture is what it expects then
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=100))]
    stop: u8,
    /// Draw pictures that join copies of themselves without a seam
    #[arg(long)]
    tile: bool,
    /// Enlarge the pictures with this network of the ESRGAN family: a safetensors file
    #[arg(long, value_name = "FILE")]
    upscaler: Option<PathBuf>,
    /// Shares of the run between which there is guidance, as FROM-TO; by default 0-1
    #[arg(long, value_name = "FROM-TO")]
    guidance_interval: Option<Interval>,
    /// Ask the whole network at every so many steps only, and its outer layers between: faster, at a cost in fidelity
    #[arg(long, default_value_t = 1, value_name = "STEPS")]
    reuse: u32,
    #[command(flatten)]
    control: ControlArgs,
    #[command(flatten)]
    device: DeviceArgs,
    /// Directory for the pictures; made if it is missing
    #[arg(long)]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// An adapter's file and scale.
#[derive(Debug, Clone, PartialEq)]
struct LoraArg {
    file: PathBuf,
    scale: f64,
}

impl FromStr for LoraArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (file, scale) = scaled(text)?;
        Ok(Self { file, scale })
    }
}

/// A path and its scale: what follows the last colon, if it is a number; a path may have colons of its own.
fn scaled(text: &str) -> Result<(PathBuf, f64), String> {
    let both = text
        .rsplit_once(':')
        .filter(|(path, _)| !path.is_empty())
        .and_then(|(path, scale)| Some((path, scale.parse::<f64>().ok()?)));
    let (path, scale) = both.unwrap_or((text, 1.0));
    if !scale.is_finite() {
        return Err(format!("scale must be a number, not {scale}"));
    }
    Ok((PathBuf::from(path), scale))
}

/// A learnt word and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct InversionArg {
    word: String,
    file: PathBuf,
}

impl FromStr for InversionArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, file) = match text.split_once('=') {
            Some((word, file)) => (Some(word.to_owned()), PathBuf::from(file)),
            None => (None, PathBuf::from(text)),
        };
        let stem = || {
            file.file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
        };
        let word = word.or_else(stem).filter(|word| !word.trim().is_empty());
        word.map(|word| Self {
            word: word.clone(),
            file: file.clone(),
        })
        .ok_or_else(|| "names no word".to_owned())
    }
}

/// Two shares of a run.
#[derive(Debug, Clone, Copy)]
struct Interval((f64, f64));

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shares = text.split_once('-');
        let shares = shares.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        let message = || format!("must be two shares such as 0.2-0.8, not {text:?}");
        shares.map(Self).ok_or_else(message)
    }
}

/// How prompts are understood, by its name.
#[derive(Debug, Clone, Copy)]
struct SyntaxName(Syntax);

impl FromStr for SyntaxName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "plain" => Ok(Self(Syntax::Plain)),
            "easel" => Ok(Self(Syntax::Weighted)),
            _ => Err("must be plain or easel".to_owned()),
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
    if args.prompt.contains('\0') {
        return Err(CommandError::Bad("--prompt: has a zero byte".to_owned()));
    }
    let load = args.device.load_options()?;
    std::fs::create_dir_all(&args.out)
        .map_err(|error| CommandError::Bad(format!("--out {}: {error}", args.out.display())))?;
    let mut pipeline = Pipeline::load(&args.model, load).map_err(|error| bad_checkpoint(&error))?;
    adapt(args, &mut pipeline)?;
    let mut spent = Spent {
        load: began.elapsed(),
        ..Spent::default()
    };
    let task = task(args, &mut pipeline)?;
    let encoding = Instant::now();
    pipeline.encode_text(&task).map_err(task_error)?;
    spent.text = encoding.elapsed();
    let mut report =
        Report::new(&args.model, pipeline.checkpoint().kind()).context("hash the checkpoint")?;
    let seeds: Vec<u64> = (0..u64::from(args.count))
        .map(|index| args.seed.wrapping_add(index))
        .collect();
    for seeds in seeds.chunks(BATCH) {
        let mut drawn = draw(&mut pipeline, &task, seeds, &mut spent)?;
        if args.upscaler.is_some() {
            enlarge(&mut pipeline, &mut drawn, args.tile, &mut spent)?;
        }
        for (seed, finished) in seeds.iter().zip(drawn) {
            report.save(&args.out, *seed, &finished)?;
        }
    }
    report.print(args.json, &spent, began.elapsed())
}

/// Merges adapters, learns words, and reads what enlarges.
fn adapt(args: &RenderArgs, pipeline: &mut Pipeline) -> Result<(), CommandError> {
    for InversionArg { word, file } in &args.textual_inversion {
        pipeline
            .learn_word(word, file)
            .map_err(|error| CommandError::Bad(format!("--textual-inversion: {error}")))?;
    }
    if let Some(file) = &args.upscaler {
        pipeline
            .use_upscaler(file)
            .map_err(|error| CommandError::Bad(format!("--upscaler: {error}")))?;
    }
    let bad = |error: &LoadError| CommandError::Bad(format!("--lora: {error}"));
    let mut adapters = Vec::new();
    for LoraArg { file, scale } in &args.lora {
        let adapter = pipeline.read_lora(file).map_err(|error| bad(&error))?;
        adapters.push((adapter, *scale));
    }
    pipeline.set_loras(&adapters).map_err(task_error)
}

fn task(args: &RenderArgs, pipeline: &mut Pipeline) -> Result<Task, CommandError> {
    let checkpoint = pipeline.checkpoint();
    let read = |path| input::read(path, "--init-image");
    let start = args.init_image.as_deref().map(read).transpose()?;
    let mask = args.mask.as_deref().map(input::read_mask).transpose()?;
    let followed = args.control.pictures()?;
    let multiple = checkpoint.multiple();
    let down = |side: u32| (side / multiple * multiple).max(multiple);
    // As diffusers does it, a masked picture is fitted to the checkpoint; where a ControlNet is about, the checkpoint to the
    // picture.
    let (width, height) = match (&start, followed.first()) {
        (Some(start), _) if mask.is_none() || !followed.is_empty() => {
            (down(start.width), down(start.height))
        }
        (None, Some(picture)) => (down(picture.width), down(picture.height)),
        _ => checkpoint.native_size(),
    };
    let (width, height) = (args.width.unwrap_or(width), args.height.unwrap_or(height));
    let guidance = args.guidance.unwrap_or(checkpoint.default_guidance());
    let init = start.map(|start| {
        let strength = args
            .strength
            .unwrap_or(if mask.is_some() { 1.0 } else { 0.8 });
        input::init(start, mask, strength, width, height)
    });
    let pictures = followed.into_iter();
    let pictures = pictures.map(|picture| input::fitted(picture, width, height));
    let controls = args.control.read(pipeline, pictures.collect())?;
    Ok(Task {
        prompt: args.prompt.clone(),
        negative: args.negative.clone(),
        syntax: args.prompt_syntax.0,
        clip_skip: args.clip_skip,
        noise: NoisePlan::from(args.seed),
        width,
        height,
        steps: args.steps,
        own_steps: args.own_steps.own(),
        stop: f64::from(args.stop) / 100.0,
        seamless: args.tile,
        guidance,
        guidance_interval: args
            .guidance_interval
            .map_or((0.0, 1.0), |interval| interval.0),
        reuse: args.reuse,
        sampler: args.sampler,
        init: init.transpose()?,
        controls,
        ..Task::default()
    })
}

/// One batch: a picture for each seed.
fn draw(
    pipeline: &mut Pipeline,
    task: &Task,
    seeds: &[u64],
    spent: &mut Spent,
) -> Result<Vec<Finished>, CommandError> {
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
    if let Some((seed, _)) = seeds.iter().zip(&slots).find(|(_, slot)| !slot.is_finite()) {
        let message = "the picture has places without a number; less guidance, or less of what is merged, may help";
        return Err(CommandError::Bad(format!("seed {seed}: {message}")));
    }
    spent.denoise += preparing.elapsed();
    let decoding = Instant::now();
    let pictures = pipeline
        .finish(&slots.iter().collect::<Vec<_>>())
        .map_err(task_error)?;
    spent.decode += decoding.elapsed();
    Ok(pictures)
}

/// Enlarges what was drawn, one picture at a time.
fn enlarge(
    pipeline: &mut Pipeline,
    drawn: &mut [Finished],
    seamless: bool,
    spent: &mut Spent,
) -> Result<(), CommandError> {
    let enlarging = Instant::now();
    let margin = if seamless { SEEN_AROUND } else { 0 };
    for Finished { picture, .. } in drawn {
        let large = pipeline.upscale(&[picture.surrounded(margin)]);
        let large = large.map_err(task_error)?.swap_remove(0);
        *picture = large.trimmed(margin * pipeline.upscale_factor());
    }
    spent.decode += enlarging.elapsed();
    Ok(())
}
