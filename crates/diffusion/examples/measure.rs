//! What loading and stepping take on this machine's processors.
//!
//! ```text
//! measure load CHECKPOINT     reading a checkpoint, its memory, and how much longer the first step takes than a warm one
//! measure step ARCHITECTURE   one call of the network of sd15, sd21 or sdxl with random weights, one picture, no guidance
//! measure savers CHECKPOINT   time and fidelity of what may be left out: guidance at some steps, deep layers at others
//! ```
//!
//! Start it with `OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0` and a number of threads after the rest (default 2). Prints JSON.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use easel_diffusion::{LoadOptions, NoisePlan, Picture, Pipeline, Sampler, Slot, Task};

/// Measured calls, after one that warms up.
const CALLS: usize = 5;

/// Pictures that fidelity is measured over.
const PICTURES: u64 = 4;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command, subject, rest @ ..] = arguments.as_slice() else {
        return Err("measure load|step|savers SUBJECT [THREADS]".into());
    };
    let workers = rest.first().map_or(Ok(2), |threads| threads.parse())?;
    let options = LoadOptions {
        workers,
        ..LoadOptions::default()
    };
    match command.as_str() {
        "load" => load(Path::new(subject), options),
        "step" => step(Pipeline::random(subject.parse()?, options)?),
        "savers" => savers(Pipeline::load(Path::new(subject), options)?),
        other => Err(format!("{other:?} is not load, step or savers").into()),
    }
}

fn task(pipeline: &Pipeline, seed: u64) -> Task {
    let (width, height) = pipeline.checkpoint().native_size();
    Task {
        prompt: "a red sailboat on the sea at sunset".to_owned(),
        noise: NoisePlan::from(seed),
        width,
        height,
        steps: 20,
        guidance: 4.0,
        sampler: Sampler::Ddim,
        ..Task::default()
    }
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Memory that belongs to no file, in bytes.
fn anonymous_bytes() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    Ok(1024.0 * kib.ok_or("no RssAnon in /proc/self/status")?)
}

/// Seconds that this thread has spent on a processor: what others take from it does not count.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().ok_or("no figure in schedstat")?;
    Ok(nanoseconds.parse::<f64>()? / 1e9)
}

fn load(directory: &Path, options: LoadOptions) -> Outcome {
    let (before, used) = (anonymous_bytes()?, processor_seconds()?);
    let began = Instant::now();
    let mut pipeline = Pipeline::load(directory, options)?;
    let loaded = began.elapsed().as_secs_f64();
    let used = processor_seconds()? - used;
    let grown = anonymous_bytes()? - before;
    let began = Instant::now();
    pipeline.warm_up()?;
    let warmed = began.elapsed().as_secs_f64();
    let weights = pipeline.weight_bytes() as f64;
    let task = task(&pipeline, 1);
    let began = Instant::now();
    let mut slot = pipeline.prepare(&task)?;
    let prepared = began.elapsed().as_secs_f64();
    let mut steps = Vec::new();
    while !slot.is_finished() {
        let began = Instant::now();
        pipeline.step(&mut [&mut slot])?;
        steps.push(began.elapsed().as_secs_f64());
    }
    let (first, warm) = (steps[0], median(steps.split_off(1)));
    println!(
        "{{\"load_s\": {loaded:.3}, \"load_processor_s\": {used:.3}, \"weights_mb\": {:.1}, \"anonymous_per_weight\": {:.3}, \"warm_up_s\": {warmed:.3}, \"text_s\": {prepared:.4}, \
         \"first_step_s\": {first:.4}, \"warm_step_s\": {warm:.4}, \"first_per_warm\": {:.2}}}",
        weights / 1e6,
        grown / weights,
        first / warm
    );
    Ok(())
}

fn step(mut pipeline: Pipeline) -> Outcome {
    let task = Task {
        guidance: 1.0,
        ..task(&pipeline, 1)
    };
    let mut slot = pipeline.prepare(&task)?;
    let mut seconds = Vec::new();
    for _ in 0..=CALLS {
        let began = Instant::now();
        pipeline.step(&mut [&mut slot])?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    let first = seconds[0];
    let warm = median(seconds.split_off(1));
    println!("{{\"first_s\": {first:.3}, \"warm_s\": {warm:.3}}}");
    Ok(())
}

fn draw(pipeline: &mut Pipeline, task: &Task) -> Result<(Vec<Picture>, f64), Box<dyn Error>> {
    let began = Instant::now();
    let prepare = |seed| {
        pipeline.prepare(&Task {
            noise: NoisePlan::from(seed),
            ..task.clone()
        })
    };
    let mut slots = (1..=PICTURES)
        .map(prepare)
        .collect::<Result<Vec<Slot>, _>>()?;
    while slots.iter().any(|slot| !slot.is_finished()) {
        pipeline.step(&mut slots.iter_mut().collect::<Vec<_>>())?;
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok((pipeline.decode(&slots.iter().collect::<Vec<_>>())?, seconds))
}

/// Mean difference of bytes, and the peak's ratio to the noise between two sets of pictures in decibels.
fn fidelity(wanted: &[Picture], found: &[Picture]) -> (f64, f64) {
    let bytes = |pictures: &[Picture]| -> Vec<f64> {
        let all = pictures.iter().flat_map(|picture| &picture.rgb);
        all.map(|byte| f64::from(*byte)).collect()
    };
    let (wanted, found) = (bytes(wanted), bytes(found));
    let pairs = || wanted.iter().zip(&found).map(|(a, b)| (a - b).abs());
    let count = wanted.len().max(1) as f64;
    let square = pairs().map(|off| off * off).sum::<f64>() / count;
    (
        pairs().sum::<f64>() / count,
        10.0 * (255.0 * 255.0 / square).log10(),
    )
}

fn savers(mut pipeline: Pipeline) -> Outcome {
    let plain = task(&pipeline, 1);
    draw(&mut pipeline, &plain)?;
    let with = |interval, reuse| Task {
        guidance_interval: interval,
        reuse,
        ..plain.clone()
    };
    let rows = [
        ("all of it", with((0.0, 1.0), 1)),
        ("guidance in 0-0.8", with((0.0, 0.8), 1)),
        ("guidance in 0.2-0.8", with((0.2, 0.8), 1)),
        ("guidance in 0-0.5", with((0.0, 0.5), 1)),
        ("reuse 2", with((0.0, 1.0), 2)),
        ("reuse 3", with((0.0, 1.0), 3)),
        ("reuse 5", with((0.0, 1.0), 5)),
        ("reuse 2, guidance in 0-0.8", with((0.0, 0.8), 2)),
    ];
    let mut seconds = vec![Vec::new(); rows.len()];
    let mut pictures = Vec::new();
    for round in 0..CALLS {
        for (index, (_, task)) in rows.iter().enumerate() {
            let (drawn, took) = draw(&mut pipeline, task)?;
            seconds[index].push(took);
            if round == 0 {
                pictures.push(drawn);
            }
        }
    }
    let whole = median(seconds[0].clone());
    for (index, (name, _)) in rows.iter().enumerate() {
        let took = median(seconds[index].clone());
        let (mean, decibels) = fidelity(&pictures[0], &pictures[index]);
        println!(
            "{{\"saver\": \"{name}\", \"denoise_s\": {took:.3}, \"faster\": {:.2}, \"mean_byte\": {mean:.2}, \"psnr_db\": {decibels:.1}}}",
            whole / took
        );
    }
    Ok(())
}
