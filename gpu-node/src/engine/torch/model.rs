//! A checkpoint as the engine's model.

use std::sync::{Arc, Mutex, PoisonError};

use easel_diffusion::vae::VaeConfig;
use easel_diffusion::vision::Describer;
use easel_diffusion::{
    Checkpoint, Init, NoiseMix, NoisePlan, Picture as Pixels, Pipeline, Precision, Sampler, Slot,
    Syntax, Task, TaskError, Weighing,
};
use easel_domain::spec::{self, Answer, GenerateSpec, MAX_DESCRIPTIONS, PromptText};

use crate::engine::memory::{Anatomy, Need};
use crate::engine::model::{Decoding, Model, ModelError, Started, Thought};
use crate::engine::{EngineWork, InitPicture, Picture};
use crate::resize;

/// What libtorch's messages about memory have in common.
const MEMORY_WORDS: [&str; 3] = [
    "out of memory",
    "not enough memory",
    "can't allocate memory",
];

impl From<TaskError> for ModelError {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Bad { .. } => Self::Bad(error.to_string()),
            TaskError::Torch(message) => {
                let lower = message.to_lowercase();
                if MEMORY_WORDS.iter().any(|words| lower.contains(words)) {
                    Self::Memory(message)
                } else {
                    Self::Broken(message)
                }
            }
        }
    }
}

fn bad(parameter: &str, message: impl std::fmt::Display) -> ModelError {
    ModelError::Bad(format!("{parameter}: {message}"))
}

/// Words that are weighed in one step: about as much work for a text encoder as one prompt with many neighbours.
const WORDS_A_STEP: usize = 8;

/// What is between steps.
pub enum TorchSlot {
    /// One picture.
    Picture(Box<Slot>),
    /// All words of a prompt.
    Words(Box<Weighing>),
}

impl TorchSlot {
    fn picture(&self) -> Option<&Slot> {
        match self {
            Self::Picture(slot) => Some(slot),
            Self::Words(_) => None,
        }
    }
}

/// The model that a pipeline is.
pub struct TorchModel {
    pipeline: Pipeline,
    anatomy: Anatomy,
    eyes: Option<SharedEyes>,
}

/// All models of an engine look with the same eyes, one after the other.
pub type SharedEyes = Arc<Mutex<Describer>>;

impl TorchModel {
    /// A pipeline with weights of that many bytes each, and eyes beside it.
    pub fn new(pipeline: Pipeline, precision: Precision, eyes: Option<SharedEyes>) -> Self {
        let anatomy = anatomy(pipeline.checkpoint(), precision);
        Self {
            pipeline,
            anatomy,
            eyes,
        }
    }

    /// The eyes are on the processor, and a look takes as long as many steps of a GPU: it happens beside them.
    fn describe(&self, seen: &[Picture]) -> Result<Thought, ModelError> {
        let eyes = self.eyes.clone();
        let eyes =
            eyes.ok_or_else(|| bad("pictures", "this node has no eyes (`node.describe`)"))?;
        let seen: Vec<Pixels> = seen.iter().cloned().map(pixels).collect();
        Ok(Box::new(move || {
            let eyes = eyes.lock().unwrap_or_else(PoisonError::into_inner);
            let found = eyes.describe(&seen, MAX_DESCRIPTIONS)?;
            let described = found.into_iter().map(|one| spec::Description {
                text: one.text,
                similarity: one.similarity,
            });
            let prompts = described.collect();
            Ok(Answer::Descriptions { prompts })
        }))
    }

    fn check_scale(&self, scale: u32) -> Result<(), ModelError> {
        let factor = self.pipeline.upscale_factor();
        if (1..=factor).contains(&scale) {
            return Ok(());
        }
        let message = format!("must be from 1 to this model's {factor}, not {scale}");
        Err(bad("scale", message))
    }
}

impl Model for TorchModel {
    type Slot = TorchSlot;

    fn need(&self, work: &EngineWork) -> Need {
        match work {
            EngineWork::Generate { spec, .. } => {
                self.anatomy
                    .need(spec.width, spec.height, spec.guidance > 1.0)
            }
            // Super-resolution alone: about as much as decoding to what it makes.
            EngineWork::Upscale { picture, scale, .. } => {
                let (width, height) = (picture.width * scale, picture.height * scale);
                let decode = self.anatomy.need(width, height, false).decode;
                Need {
                    call: decode,
                    ..Need::default()
                }
            }
            // A few rows of a text encoder: nothing beside any picture.
            // The eyes' own memory is set aside at the start.
            EngineWork::Weigh { .. } | EngineWork::Describe { .. } => Need::default(),
        }
    }

    fn shape(&self, slot: &TorchSlot) -> Vec<i64> {
        match slot {
            TorchSlot::Picture(slot) => {
                let (mut latents, states, seamless) = slot.shape();
                latents.extend(states);
                latents.push(i64::from(seamless));
                latents
            }
            TorchSlot::Words(_) => Vec::new(),
        }
    }

    fn start(&mut self, work: &EngineWork) -> Result<Started<TorchSlot>, ModelError> {
        match work {
            EngineWork::Generate { spec, text, init } => {
                self.check_scale(spec.finish_scale)?;
                let slots = tasks(spec, text, init.as_ref())?
                    .iter()
                    .map(|task| {
                        let slot = self.pipeline.prepare(task)?;
                        Ok(TorchSlot::Picture(Box::new(slot)))
                    })
                    .collect::<Result<_, ModelError>>()?;
                Ok(Started::Slots(slots))
            }
            EngineWork::Weigh { words } => {
                let weighing = self.pipeline.begin_weighing(words.clone())?;
                Ok(Started::Slots(vec![TorchSlot::Words(Box::new(weighing))]))
            }
            EngineWork::Describe { pictures } => {
                let thought = self.describe(pictures)?;
                Ok(Started::Thought(thought))
            }
            EngineWork::Upscale {
                picture,
                scale,
                seamless,
            } => {
                let pictures = self.enlarge(vec![picture.clone()], *scale, *seamless)?;
                Ok(Started::Pictures(pictures))
            }
        }
    }

    fn step(&mut self, slots: &mut [&mut TorchSlot]) -> Result<(), ModelError> {
        let mut pictures = Vec::new();
        for slot in slots.iter_mut() {
            match &mut **slot {
                TorchSlot::Picture(slot) => pictures.push(&mut **slot),
                TorchSlot::Words(words) => self.pipeline.weigh(words, WORDS_A_STEP)?,
            }
        }
        if !pictures.is_empty() {
            self.pipeline.step(&mut pictures)?;
        }
        Ok(())
    }

    fn progress(&self, slot: &TorchSlot) -> (u32, u32) {
        match slot {
            TorchSlot::Picture(slot) => (slot.done(), slot.steps()),
            TorchSlot::Words(words) => {
                let (done, all) = words.progress();
                (done as u32, all as u32)
            }
        }
    }

    fn preview(&self, slot: &TorchSlot) -> Option<Picture> {
        self.pipeline.preview(slot.picture()?).map(picture)
    }

    fn influences(&self, slot: &TorchSlot) -> Option<Vec<f32>> {
        match slot {
            TorchSlot::Picture(_) => None,
            TorchSlot::Words(words) => Some(words.influences().to_vec()),
        }
    }

    fn decode(&mut self, slots: &[&TorchSlot], how: Decoding) -> Result<Vec<Picture>, ModelError> {
        let slots: Vec<&Slot> = slots.iter().filter_map(|slot| slot.picture()).collect();
        let slots = slots.as_slice();
        if !slots.iter().all(|slot| slot.is_finite()) {
            let message = "the latents are not numbers any more";
            return Err(ModelError::Broken(message.to_owned()));
        }
        let finished = match how {
            Decoding::Whole => self.pipeline.finish(slots)?,
            Decoding::Tiled => self.pipeline.finish_in_tiles(slots)?,
        };
        Ok(finished
            .into_iter()
            .map(|finished| picture(finished.picture))
            .collect())
    }

    /// The network knows one factor; a smaller one is its result, made smaller.
    fn enlarge(
        &mut self,
        pictures: Vec<Picture>,
        scale: u32,
        seamless: bool,
    ) -> Result<Vec<Picture>, ModelError> {
        self.check_scale(scale)?;
        if scale == 1 {
            return Ok(pictures);
        }
        let margin = if seamless { resize::SEEN_AROUND } else { 0 };
        let inputs = pictures.into_iter().map(pixels);
        let inputs: Vec<_> = inputs.map(|picture| picture.surrounded(margin)).collect();
        let enlarged = self.pipeline.upscale(&inputs)?;
        let smaller = |(large, small): (Pixels, &Pixels)| {
            let (width, height) = (small.width * scale, small.height * scale);
            let exact = resize::lanczos(&picture(large), width, height);
            let exact = exact.map_err(|message| bad("scale", message))?;
            Ok(picture(pixels(exact).trimmed(margin * scale)))
        };
        enlarged.into_iter().zip(&inputs).map(smaller).collect()
    }
}

/// What the configuration says of a picture's need.
pub fn anatomy(checkpoint: &Checkpoint, precision: Precision) -> Anatomy {
    let first = |channels: &[i64]| channels.first().map_or(1, |first| first.unsigned_abs());
    let vae_channels = match &checkpoint.vae {
        VaeConfig::Variational(config) => first(&config.block_out_channels),
        VaeConfig::Tiny(config) => first(&config.decoder_block_out_channels),
    };
    Anatomy {
        unet_channels: first(&checkpoint.unet.block_out_channels),
        vae_channels,
        latent_channels: checkpoint.vae.latent_channels().unsigned_abs(),
        factor: checkpoint.vae.factor().unsigned_abs(),
        unet_bytes: precision.bytes(),
        vae_bytes: if checkpoint.vae.force_upcast() {
            Precision::F32.bytes()
        } else {
            precision.bytes()
        },
    }
}

/// One task for each picture of a spec.
fn tasks(
    spec: &GenerateSpec,
    text: &PromptText,
    init: Option<&InitPicture>,
) -> Result<Vec<Task>, ModelError> {
    let start = |init: &InitPicture| {
        let picture = resize::lanczos(&init.picture, spec.width, spec.height)
            .map_err(|message| bad("init image", message))?;
        let mask = init.mask.as_ref().map(|mask| {
            let sizes = ((mask.width, mask.height), (spec.width, spec.height));
            easel_diffusion::Mask {
                grey: easel_diffusion::resize_grey(
                    &mask.grey,
                    sizes.0,
                    sizes.1,
                    easel_diffusion::Filter::Lanczos,
                ),
                width: spec.width,
                height: spec.height,
            }
        });
        Ok::<_, ModelError>(Init {
            picture: pixels(picture),
            strength: init.strength,
            mask,
        })
    };
    let init = init.map(start).transpose()?;
    let task = |plan: &spec::NoisePlan| Task {
        prompt: stressed(&text.positive, plan),
        // Of a job without such words nothing is known but that; as in the checkpoint's own pipeline.
        negative: Some(text.negative.clone()).filter(|text| !text.is_empty()),
        syntax: Syntax::Weighted,
        noise: noise(plan),
        width: spec.width,
        height: spec.height,
        steps: spec.steps,
        stop: f64::from(spec.stop) / 100.0,
        seamless: spec.seamless,
        guidance: f64::from(spec.guidance),
        sampler: sampler(spec.sampler),
        init: init.clone(),
        ..Task::default()
    };
    if spec.pictures.is_empty() {
        return Err(bad("pictures", "none are asked for"));
    }
    Ok(spec.pictures.iter().map(task).collect())
}

/// The words as one picture takes them.
fn stressed(words: &str, plan: &spec::NoisePlan) -> String {
    if plan.chaos == 0 {
        return words.to_owned();
    }
    easel_diffusion::reweighed(words, |word| plan.emphasis(word))
}

fn noise(plan: &spec::NoisePlan) -> NoisePlan {
    let mix = |mix: &spec::NoiseMix| NoiseMix {
        seed: u64::from(mix.seed),
        strength: f64::from(mix.strength),
    };
    NoisePlan {
        seed: u64::from(plan.seed),
        mixes: plan.mixes.iter().map(mix).collect(),
    }
}

fn sampler(sampler: spec::Sampler) -> Sampler {
    match sampler {
        spec::Sampler::Default => Sampler::Checkpoint,
        spec::Sampler::Ddim => Sampler::Ddim,
        spec::Sampler::Pndm => Sampler::Pndm,
        spec::Sampler::Euler => Sampler::Euler,
        spec::Sampler::EulerA => Sampler::EulerAncestral,
        spec::Sampler::Dpmpp2m => Sampler::DpmPlusPlus2M,
        spec::Sampler::Dpmpp2mKarras => Sampler::DpmPlusPlus2MKarras,
        spec::Sampler::UniPc => Sampler::UniPc,
        spec::Sampler::Lcm => Sampler::Lcm,
    }
}

fn pixels(picture: Picture) -> Pixels {
    Pixels {
        width: picture.width,
        height: picture.height,
        rgb: picture.rgb,
    }
}

fn picture(pixels: Pixels) -> Picture {
    Picture {
        width: pixels.width,
        height: pixels.height,
        rgb: pixels.rgb,
    }
}
