//! Rows of several slots in one call of the network.

use tch::{Kind, Tensor};

use super::control::{Guide, Networks};
use crate::edges;
use crate::placement::carried;
use crate::slot::{Keeping, Slot};
use crate::unet::{Extra, Residuals};
use crate::workers;

/// Rows of one call of the network.
pub struct Batch {
    /// Latents as the network wants to see them, `[rows, channels, height, width]`.
    pub samples: Tensor,
    /// Training steps, `[rows]`.
    pub timesteps: Tensor,
    /// Text states, `[rows, tokens, features]`.
    pub contexts: Tensor,
    /// What else the network is told.
    pub extra: Extra,
    /// Deep features of an earlier call to go by, `[rows, channels, height', width']`.
    pub deep: Option<Tensor>,
    /// Whether deep features of this call will be wanted.
    pub keep: bool,
    /// Whether the rows go on at their opposite edges.
    pub seamless: bool,
    /// What its rows follow.
    pub guides: Vec<Guide>,
}

/// What the network makes of a batch.
pub struct Prediction {
    /// Its output, `[rows, channels, height, width]`.
    pub output: Tensor,
    /// Its deep features, where they will be wanted.
    pub deep: Option<Tensor>,
}

/// Rows of one kind, of which either all are there or none.
#[derive(Default)]
struct Rows(Vec<Tensor>);

impl Rows {
    fn push(&mut self, row: Option<&Tensor>) {
        self.0.extend(row.map(Tensor::shallow_clone));
    }

    fn joined(&self, kind: Kind) -> Option<Tensor> {
        let first = self.0.first()?;
        let device = first.device();
        Some(Tensor::cat(&self.0, 0).to_device(device).to_kind(kind))
    }
}

/// The text states of the last call: while the same slots go on, they are the same tensor at the same place, from which
/// layers know that they have seen it.
#[derive(Default)]
pub struct Joined {
    rows: Rows,
    states: Option<Tensor>,
}

impl Joined {
    fn of(&mut self, rows: Rows, kind: Kind) -> Option<Tensor> {
        let places = |rows: &Rows| rows.0.iter().map(Tensor::data_ptr).collect::<Vec<_>>();
        // The rows of before are still held, so none of these can lie at the address of another.
        if self.states.is_none() || places(&self.rows) != places(&rows) {
            self.states = rows.joined(kind);
            self.rows = rows;
        }
        self.states.as_ref().map(Tensor::shallow_clone)
    }
}

impl Batch {
    /// One row for each slot, two for those with guidance: what is not wanted first. Either all go by deep features or none, all
    /// or none are seamless, and all follow the same networks. `joined` is what the last call left.
    pub fn gather(slots: &[&mut Slot], kind: Kind, joined: &mut Joined) -> Option<Self> {
        let (mut samples, mut timesteps) = (Rows::default(), Vec::new());
        let (mut contexts, mut pooled) = (Rows::default(), Rows::default());
        let (mut time_ids, mut guidance) = (Rows::default(), Rows::default());
        let mut deep = Rows::default();
        for slot in slots {
            let mut sample = slot.scheduler.scale_input(&slot.latents, slot.index);
            if let Some(Keeping::Channels(channels)) = &slot.keeping {
                sample = Tensor::cat(&[&sample, channels], 1);
            }
            deep.push(slot.deep.as_ref().filter(|_| slot.is_shallow()));
            for row in slot.guiding().into_iter().chain([&slot.prompt]) {
                samples.push(Some(&sample));
                timesteps.push(slot.scheduler.timesteps()[slot.index] as f32);
                contexts.push(Some(&row.states));
                pooled.push(row.pooled.as_ref());
                time_ids.push(row.time_ids.as_ref());
                guidance.push(slot.guidance_embedding.as_ref());
            }
        }
        let samples = samples.joined(kind)?;
        let device = samples.device();
        let there = |rows: &Rows, kind: Kind| rows.joined(kind).map(|rows| carried(&rows, device));
        Some(Self {
            timesteps: carried(&Tensor::from_slice(&timesteps), device),
            contexts: joined.of(contexts, kind)?,
            extra: Extra {
                pooled: there(&pooled, kind),
                time_ids: there(&time_ids, Kind::Float),
                guidance: there(&guidance, kind),
            },
            deep: deep.joined(kind),
            keep: slots.iter().any(|slot| slot.reuse > 1),
            seamless: slots.iter().any(|slot| slot.seamless),
            guides: Guide::gather(slots),
            samples,
        })
    }

    /// Asks the networks.
    pub fn predict(&self, networks: &Networks) -> Prediction {
        edges::with(self.seamless, || self.ask(networks))
    }

    fn ask(&self, networks: &Networks) -> Prediction {
        let unet = &networks.unet;
        let (samples, timesteps) = (&self.samples, &self.timesteps);
        let (contexts, extra) = (&self.contexts, &self.extra);
        if let Some(deep) = &self.deep {
            let output = unet.forward_shallow(samples, timesteps, contexts, extra, deep);
            return Prediction { output, deep: None };
        }
        let residuals = self.residuals(networks);
        let residuals = residuals.as_ref();
        let (output, deep) = unet.forward_keeping(samples, timesteps, contexts, extra, residuals);
        let deep = deep.filter(|_| self.keep);
        Prediction { output, deep }
    }

    /// What the networks beside the denoising one add to it, together.
    fn residuals(&self, networks: &Networks) -> Option<Residuals> {
        let ask = |guide: &Guide| {
            networks.controls[guide.net].forward(
                &self.samples,
                &guide.hints,
                &self.timesteps,
                &self.contexts,
                &self.extra,
                &guide.scales,
            )
        };
        let each = self.guides.iter().map(ask);
        each.reduce(|sum, next| sum.plus(&next))
    }

    /// Places of each row's latents.
    pub fn places(&self) -> i64 {
        let size = self.samples.size();
        size[2] * size[3]
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
                extra: Extra {
                    pooled: self.extra.pooled.as_ref().map(narrow),
                    time_ids: self.extra.time_ids.as_ref().map(narrow),
                    guidance: self.extra.guidance.as_ref().map(narrow),
                },
                deep: self.deep.as_ref().map(narrow),
                keep: self.keep,
                seamless: self.seamless,
                guides: self
                    .guides
                    .iter()
                    .map(|guide| guide.narrow(start, size))
                    .collect(),
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
