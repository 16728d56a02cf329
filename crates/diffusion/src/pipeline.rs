//! A loaded checkpoint: tasks in, pictures out, one step at a time.
//!
//! The caller holds [`Slot`]s and decides after every step which of them go on, so pictures can join, leave or be
//! dropped between any two steps. Slots of one latent shape share each call of the network; each keeps its own schedule,
//! guidance and noise, so its neighbours do not change it.

mod adapters;
mod batch;
mod control;
mod finish;
mod load;
mod prepare;
mod tiles;
mod warm;
mod weigh;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::OnceLock;

use tch::{Kind, Tensor};

use batch::{Batch, Joined};
pub use control::ControlNetId;
use control::Networks;
pub use finish::Finished;
pub use load::Progress;
pub use weigh::Weighing;

use crate::architecture::Architecture;
use crate::checkpoint::Checkpoint;
use crate::device::{Device, Precision};
use crate::error::{LoadError, TaskError};
use crate::preview::PreviewFactors;
use crate::slot::{Slot, Task};
use crate::text::{Reading, TextEncoders};
use crate::upscaler::Upscaler;
use crate::vae::Vae;
use crate::vision::Judge;
use crate::weights::Tensors;
use crate::workers;

/// Longest side of a picture, in pixels.
const LONGEST_SIDE: u32 = 8192;

/// How to load a checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct LoadOptions {
    /// Where to compute.
    pub device: Device,
    /// How precisely.
    pub precision: Precision,
    /// Single-thread workers that share a batch on a CPU.
    pub workers: usize,
    /// Whether to load the checkpoint's safety checker, where it has one. Without it nothing is flagged: for those who judge
    /// the pictures themselves.
    pub safety_checker: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            device: Device::Cpu,
            precision: Precision::F32,
            workers: 1,
            safety_checker: true,
        }
    }
}

/// A checkpoint with its weights on a device.
pub struct Pipeline {
    checkpoint: Checkpoint,
    options: LoadOptions,
    texts: TextEncoders,
    /// One for each worker.
    networks: Vec<Networks>,
    /// Of the networks beside the denoising one, by their places.
    controls: Vec<ControlNetId>,
    vaes: Vec<Vae>,
    upscalers: Vec<Upscaler>,
    safety: Option<Judge>,
    /// Fitted when first asked for, where the checkpoint does not bring it.
    preview: OnceLock<Option<PreviewFactors>>,
    /// Weights that adapters may change, by part.
    tensors: HashMap<&'static str, Tensors>,
    /// What is merged into them now.
    adapters: adapters::Merged,
    joined: Joined,
    weight_bytes: u64,
}

impl Pipeline {
    /// Reads configuration and weights.
    pub fn load(directory: &Path, options: LoadOptions) -> Result<Self, LoadError> {
        Self::load_with(directory, options, &mut |_| ())
    }

    /// The same, and says before each part that its turn has come.
    pub fn load_with(
        directory: &Path,
        options: LoadOptions,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Self, LoadError> {
        if !options.device.is_available() {
            let message = format!("this libtorch has no device {}", options.device);
            return Err(LoadError::file(directory, message));
        }
        // Each worker computes alone; on a GPU the host only launches.
        tch::set_num_threads(1);
        let mut checkpoint = Checkpoint::open(directory)?;
        checkpoint.safety = checkpoint.safety.filter(|_| options.safety_checker);
        guarded(|| load::parts(checkpoint, options, load::Source::Files, progress))
            .map_err(|error| LoadError::file(directory, error.to_string()))?
    }

    /// The shape of a well-known family with random weights, to measure speed with. Its pictures are noise.
    pub fn random(architecture: Architecture, options: LoadOptions) -> Result<Self, LoadError> {
        let checkpoint = architecture.checkpoint();
        if !options.device.is_available() {
            let message = format!("this libtorch has no device {}", options.device);
            return Err(LoadError::file(&checkpoint.directory, message));
        }
        tch::set_num_threads(1);
        let source = load::Source::Random;
        guarded(|| load::parts(checkpoint, options, source, &mut |_| ()))
            .map_err(|error| LoadError::file(Path::new("random weights"), error.to_string()))?
    }

    /// The configuration it was loaded from.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Memory that the weights take, in bytes.
    pub fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }

    /// Encodes the texts of a task ahead of [`Self::prepare`], which finds them cached.
    pub fn encode_text(&mut self, task: &Task) -> Result<(), TaskError> {
        let reading = Reading {
            syntax: task.syntax,
            clip_skip: task.clip_skip,
        };
        let negative = task.negative.as_deref();
        let guided = self.is_guided(task);
        let texts = &mut self.texts;
        let negative = guided.then_some(negative.unwrap_or_default());
        guarded(|| texts.encode(&task.prompt, negative, reading))?.map(|_| ())
    }

    /// Whether the network is told the scale of guidance. Of diffusers' pipelines with a `ControlNet` only those that start
    /// from noise do so.
    fn is_told_guidance(&self, task: &Task) -> bool {
        let told = task.controls.is_empty() || task.init.is_none();
        told && self.checkpoint.has_guidance_embedding()
    }

    /// Whether a task's guidance takes a second row of the network.
    fn is_guided(&self, task: &Task) -> bool {
        use crate::checkpoint::Family;
        // Diffusers has no pipeline of that family that takes a ControlNet: the usual one draws then.
        let consistent = self.checkpoint.family == Family::LatentConsistency;
        task.guidance > 1.0
            && !self.is_told_guidance(task)
            && !(consistent && task.controls.is_empty())
    }

    /// One step of every slot that is not finished.
    pub fn step(&mut self, slots: &mut [&mut Slot]) -> Result<(), TaskError> {
        guarded(|| {
            tch::no_grad(|| {
                let kind = |slot: &Slot| (slot.shape(), slot.is_shallow(), slot.networks());
                let running = slots.iter().filter(|slot| !slot.is_finished());
                let kinds: BTreeSet<_> = running.map(|slot| kind(slot)).collect();
                // By what they are before this step: none is to take two.
                let groups: Vec<Vec<usize>> = kinds
                    .iter()
                    .map(|wanted| {
                        let at = |index: &usize| {
                            !slots[*index].is_finished() && kind(slots[*index]) == *wanted
                        };
                        (0..slots.len()).filter(at).collect()
                    })
                    .collect();
                for group in groups {
                    let members = slots.iter_mut().enumerate();
                    let members = members.filter(|(index, _)| group.contains(index));
                    let mut members: Vec<&mut Slot> =
                        members.map(|(_, slot)| &mut **slot).collect();
                    self.step_group(&mut members);
                }
            });
        })
    }

    fn step_group(&mut self, slots: &mut [&mut Slot]) {
        let Some(batch) = Batch::gather(slots, self.options.precision.kind(), &mut self.joined)
        else {
            return;
        };
        let parts = batch.split(self.networks.len());
        let predict = |networks: &Networks, batch: Batch| batch.predict(networks);
        let places = batch.places();
        let predictions = workers::run(&mut self.networks, parts, places, predict);
        let outputs: Vec<&Tensor> = predictions.iter().map(|part| &part.output).collect();
        let outputs = Tensor::cat(&outputs, 0).to_kind(Kind::Float);
        let deep: Vec<&Tensor> = predictions
            .iter()
            .filter_map(|part| part.deep.as_ref())
            .collect();
        let deep = (!deep.is_empty()).then(|| Tensor::cat(&deep, 0));
        let mut row = 0;
        for slot in slots {
            let rows = slot.rows();
            if let Some(deep) = deep.as_ref().filter(|_| slot.reuse > 1) {
                // A copy: a view would keep the rows of all others alive.
                slot.deep = Some(deep.narrow(0, row, rows).copy());
            }
            slot.finish_step(&outputs.narrow(0, row, rows));
            row += rows;
        }
    }
}

/// Turns a panic of the bindings into an error: libtorch's exceptions arrive as panics, for example out of memory.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, TaskError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("unknown failure");
        TaskError::Torch(text.lines().next().unwrap_or_default().to_owned())
    })
}
