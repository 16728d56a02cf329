//! Pictures that others are made to follow.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use tch::Tensor;

use super::{Pipeline, guarded};
use crate::controlnet::{ControlNet, ControlNetConfig};
use crate::edges;
use crate::error::{LoadError, TaskError};
use crate::placement::carried;
use crate::slot::{Control, Controlling, Task};
use crate::unet::{UNet, UNetConfig};
use crate::weights::Weights;

/// Networks read so far: each has a number of its own.
static READ: AtomicU64 = AtomicU64::new(0);

/// A `ControlNet` that a pipeline has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlNetId(u64);

/// What one worker computes a step with.
pub struct Networks {
    /// The denoising network.
    pub unet: UNet,
    /// The networks beside it, in the order in which they were read.
    pub controls: Vec<ControlNet>,
}

impl Networks {
    /// The denoising network alone.
    pub fn load(weights: &Weights, config: &UNetConfig) -> Result<Self, LoadError> {
        Ok(Self {
            unet: UNet::load(weights, config)?,
            controls: Vec::new(),
        })
    }
}

/// Most networks that one picture follows: each costs about a third of a step.
const MOST_CONTROLS: usize = 8;

impl Pipeline {
    /// Reads a `ControlNet` of diffusers' layout (`config.json` and its weights) for this checkpoint, in its precision. It
    /// changes nothing but the pictures of tasks that name it, and stays until the pipeline is dropped.
    ///
    /// # Errors
    ///
    /// [`LoadError`] names the file and key that is missing, broken, unknown, or does not fit this checkpoint.
    pub fn read_controlnet(&mut self, directory: &Path) -> Result<ControlNetId, LoadError> {
        let config = ControlNetConfig::read(directory)?;
        config.check_fit(&self.checkpoint)?;
        let (device, precision) = (self.options.device.torch(), self.options.precision);
        let read = || {
            let weights = ControlNet::open(directory, precision.kind(), device)?;
            let networks = self.networks.iter();
            let copies = networks.map(|_| ControlNet::load(&weights, &config));
            let copies = copies.collect::<Result<Vec<_>, LoadError>>()?;
            Ok((copies, weights.stored().parameters))
        };
        let read = guarded(read).map_err(|error| LoadError::file(directory, error.to_string()))?;
        let (copies, parameters) = read?;
        for (networks, copy) in self.networks.iter_mut().zip(copies) {
            networks.controls.push(copy);
        }
        self.weight_bytes += parameters * precision.bytes();
        let id = ControlNetId(READ.fetch_add(1, Ordering::Relaxed));
        self.controls.push(id);
        Ok(id)
    }

    pub(super) fn check_controls(&self, task: &Task) -> Result<(), TaskError> {
        const NAME: &str = "control";
        if task.controls.len() > MOST_CONTROLS {
            let message = format!("at most {MOST_CONTROLS} networks can be followed");
            return Err(TaskError::bad(NAME, message));
        }
        if task.reuse > 1 && !task.controls.is_empty() {
            let message = "deep features know nothing of a ControlNet: use one or the other";
            return Err(TaskError::bad("reuse", message));
        }
        for control in &task.controls {
            if !self.controls.contains(&control.net) {
                let message = "this ControlNet was read by another pipeline";
                return Err(TaskError::bad(NAME, message));
            }
            let picture = &control.picture;
            if !picture.is_whole() || (picture.width, picture.height) != (task.width, task.height) {
                let message = "must have the size of the wanted picture";
                return Err(TaskError::bad("control image", message));
            }
            if !control.scale.is_finite() {
                let message = format!("must be a number, not {}", control.scale);
                return Err(TaskError::bad("control scale", message));
            }
            let (from, to) = control.interval;
            if !(from >= 0.0 && from < to && to <= 1.0) {
                let message = format!("must lie within 0 and 1, not {from} to {to}");
                return Err(TaskError::bad("control interval", message));
            }
        }
        Ok(())
    }

    /// What a task's pictures are to the networks that see them.
    pub(super) fn controlling(&self, task: &Task) -> Vec<Controlling> {
        let networks = &self.networks[0].controls;
        let place = |control: &Control| self.controls.iter().position(|id| *id == control.net);
        let known = task
            .controls
            .iter()
            .filter_map(|control| Some((place(control)?, control)));
        // As diffusers has it: where the first network's outputs are means, all of them guess. Its pipeline for masked pictures
        // of XL checkpoints alone does not.
        let masked = task.init.as_ref().is_some_and(|init| init.mask.is_some());
        let first = task.controls.first().and_then(place);
        let pooled = first.is_some_and(|first| networks[first].pools());
        let all_guess = pooled && !(masked && self.checkpoint.is_xl());
        let (device, kind) = (self.options.device.torch(), self.options.precision.kind());
        let controlling = |(place, control): (usize, &Control)| {
            let network = &networks[place];
            let picture = carried(&control.picture.to_unit(), device).to_kind(kind);
            let guess = control.guess || all_guess;
            Controlling {
                net: place,
                hint: edges::with(task.seamless, || tch::no_grad(|| network.embed(&picture))),
                scales: network.scales(control.scale, guess),
                interval: control.interval,
                guess,
            }
        };
        known.map(controlling).collect()
    }
}

/// What one network sees of a batch.
pub struct Guide {
    /// Its place among the networks.
    pub net: usize,
    /// Embedded pictures, `[rows, channels, height, width]`.
    pub hints: Tensor,
    /// How much each of its outputs counts, `[rows, outputs]`, in fp32.
    pub scales: Tensor,
}

impl Guide {
    /// Of every network that these slots follow now: the same for each of them.
    pub fn gather(slots: &[&mut crate::slot::Slot]) -> Vec<Self> {
        let followed = slots.first().map_or(0, |slot| slot.followed().count());
        let guide = |place: usize| {
            let (mut net, mut hints, mut scales) = (0, Vec::new(), Vec::new());
            for slot in slots {
                let Some(control) = slot.followed().nth(place) else {
                    continue;
                };
                net = control.net;
                let rows = slot.rows();
                for row in 0..rows {
                    let unwanted = row + 1 < rows;
                    let counts = if control.guess && unwanted { 0.0 } else { 1.0 };
                    hints.push(control.hint.shallow_clone());
                    scales.extend(control.scales.iter().map(|scale| scale * counts));
                }
            }
            let hints = Tensor::cat(&hints, 0);
            let scales = Tensor::from_slice(&scales).view([hints.size()[0], -1]);
            Self {
                net,
                scales: carried(&scales, hints.device()),
                hints,
            }
        };
        (0..followed).map(guide).collect()
    }

    /// Some of its rows.
    pub fn narrow(&self, start: i64, size: i64) -> Self {
        Self {
            net: self.net,
            hints: self.hints.narrow(0, start, size),
            scales: self.scales.narrow(0, start, size),
        }
    }
}
