//! Writing pictures and the report on them.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use easel_diffusion::{Finished, Picture};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Spent;
use crate::checkpoint;
use crate::cli::CommandError;
use crate::report;

/// The report of a run.
#[derive(Serialize)]
pub struct Report {
    images: Vec<Image>,
    model: Model,
    timings_s: Timings,
    steps_per_s: f64,
    peak_rss_bytes: u64,
}

#[derive(Serialize)]
struct Image {
    file: String,
    seed: u64,
    sha256: String,
    width: u32,
    height: u32,
    flagged: bool,
}

#[derive(Serialize)]
struct Model {
    id: String,
    hash: String,
    kind: &'static str,
}

#[derive(Serialize, Default)]
struct Timings {
    load: f64,
    text: f64,
    denoise: f64,
    decode: f64,
    total: f64,
}

impl Report {
    /// A report without pictures yet.
    pub fn new(model: &Path, kind: &'static str) -> std::io::Result<Self> {
        let model = Model {
            id: checkpoint::id(model),
            hash: checkpoint::hash(model)?,
            kind,
        };
        let timings_s = Timings::default();
        Ok(Self {
            images: Vec::new(),
            model,
            timings_s,
            steps_per_s: 0.0,
            peak_rss_bytes: 0,
        })
    }

    /// Writes the next picture as `<index>.png`.
    pub fn save(&mut self, directory: &Path, seed: u64, finished: &Finished) -> anyhow::Result<()> {
        let Finished { picture, flagged } = finished;
        let file = format!("{}.png", self.images.len());
        let mut encoded = Vec::new();
        PngEncoder::new(&mut encoded)
            .write_image(
                &picture.rgb,
                picture.width,
                picture.height,
                ExtendedColorType::Rgb8,
            )
            .context("encode picture")?;
        let path = directory.join(&file);
        std::fs::write(&path, &encoded).with_context(|| format!("write {}", path.display()))?;
        let sha256 = hex::encode(Sha256::digest(&encoded));
        let &Picture { width, height, .. } = picture;
        self.images.push(Image {
            file,
            seed,
            sha256,
            width,
            height,
            flagged: *flagged,
        });
        Ok(())
    }

    /// Prints the report, or the files' names.
    pub fn print(
        mut self,
        json: bool,
        spent: &Spent,
        total: Duration,
    ) -> Result<ExitCode, CommandError> {
        self.timings_s = Timings {
            load: spent.load.as_secs_f64(),
            text: spent.text.as_secs_f64(),
            denoise: spent.denoise.as_secs_f64(),
            decode: spent.decode.as_secs_f64(),
            total: total.as_secs_f64(),
        };
        self.steps_per_s = spent.steps as f64 / spent.denoise.as_secs_f64().max(f64::EPSILON);
        self.peak_rss_bytes = report::peak_rss_bytes();
        if json {
            return report::print_json(&self);
        }
        for image in &self.images {
            report::print_line(&image.file);
        }
        Ok(ExitCode::SUCCESS)
    }
}
