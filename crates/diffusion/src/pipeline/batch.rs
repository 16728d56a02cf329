//! Rows of several slots in one call of the network.

use tch::{Kind, Tensor};

use crate::slot::Slot;
use crate::workers;

/// Rows of one call of the network.
pub struct Batch {
    /// Latents as the network wants to see them, `[rows, channels, height, width]`.
    pub samples: Tensor,
    /// Training steps, `[rows]`.
    pub timesteps: Tensor,
    /// Text states, `[rows, tokens, features]`.
    pub contexts: Tensor,
}

impl Batch {
    /// One row for each slot, two for those with guidance: what is not wanted first.
    pub fn gather(slots: &[&mut Slot], kind: Kind) -> Option<Self> {
        let (mut samples, mut timesteps, mut contexts) = (Vec::new(), Vec::new(), Vec::new());
        for slot in slots {
            let sample = slot
                .scheduler
                .scale_input(&slot.latents, slot.index)
                .to_kind(kind);
            for context in slot.negative.iter().chain([&slot.prompt]) {
                samples.push(sample.shallow_clone());
                timesteps.push(slot.scheduler.timesteps()[slot.index] as f32);
                contexts.push(context.shallow_clone());
            }
        }
        let samples = samples.first().map(|_| Tensor::cat(&samples, 0))?;
        let timesteps = Tensor::from_slice(&timesteps).to_device(samples.device());
        Some(Self {
            samples,
            timesteps,
            contexts: Tensor::cat(&contexts, 0),
        })
    }

    /// Nearly equal parts, at most as many as there are rows.
    pub fn split(&self, parts: usize) -> Vec<Self> {
        let mut start = 0;
        let part = |size: i64| {
            let narrow = |tensor: &Tensor| tensor.narrow(0, start, size);
            let part = Self {
                samples: narrow(&self.samples),
                timesteps: narrow(&self.timesteps),
                contexts: narrow(&self.contexts),
            };
            start += size;
            part
        };
        workers::split(self.samples.size()[0], parts)
            .into_iter()
            .map(part)
            .collect()
    }
}
