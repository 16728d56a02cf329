//! One picture on its way from noise.

use tch::{Kind, Tensor};

use crate::noise::{Generator, NoisePlan};
use crate::picture::{Mask, Picture};
use crate::pipeline::ControlNetId;
use crate::placement::carried;
use crate::schedulers::{Memory, OwnSteps, Sampler, Scheduler};
use crate::text::Conditioning;
use crate::weighting::Syntax;

/// A picture to start from instead of pure noise (Meng et al. 2021, arXiv 2108.01073).
#[derive(Debug, Clone, PartialEq)]
pub struct Init {
    /// The picture, of the wanted size.
    pub picture: Picture,
    /// How much of it to replace: above 0, at most 1.
    pub strength: f64,
    /// Which parts of it to replace; nothing for all of it.
    pub mask: Option<Mask>,
}

/// A picture whose edges, depths or poses another one is to follow (Zhang et al. 2023, arXiv 2302.05543).
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// The network that sees it, of the same pipeline.
    pub net: ControlNetId,
    /// The picture, of the wanted size; what it must show, the network's authors say.
    pub picture: Picture,
    /// How much the network counts; 1 for as much as it was trained to.
    pub scale: f64,
    /// Shares of the run between which it counts; a step that is not wholly within does without the network.
    pub interval: (f64, f64),
    /// Whether it counts for what is wanted alone, and its outer layers less: for prompts that say little.
    pub guess: bool,
}

/// What one picture is to be.
#[derive(Clone, PartialEq)]
pub struct Task {
    /// What it should show.
    pub prompt: String,
    /// What it should not show. Nothing is not the same as no words: some families then use zeros.
    pub negative: Option<String>,
    /// How both texts are understood.
    pub syntax: Syntax,
    /// Layers of the text encoder to leave out at its end.
    pub clip_skip: u32,
    /// Its initial noise.
    pub noise: NoisePlan,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Denoising steps.
    pub steps: u32,
    /// Steps of one's own: the run takes these, in place of `steps` of the sampler's.
    pub own_steps: Option<OwnSteps>,
    /// Scale of classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598); at most 1 means none.
    pub guidance: f64,
    /// How far the guided prediction's deviation is drawn back to the unguided one's, 0 to 1 (Lin et al. 2023,
    /// arXiv 2305.08891, section 3.4).
    pub guidance_rescale: f64,
    /// Shares of the run, from its start, between which there is guidance: it costs a second row (Kynkäänniemi et al. 2024,
    /// arXiv 2404.07724).
    pub guidance_interval: (f64, f64),
    /// The whole network is asked at every so many steps; at those between, its deep layers count as they were. 1 for all
    /// steps; each more costs fidelity (the crate's page has a table).
    pub reuse: u32,
    /// Share of the run after which it ends, above 0 and at most 1: the picture is then what the last step expected.
    pub stop: f64,
    /// Whether the picture goes on at its opposite edge, so that copies of it join without a seam. Exactly so where its
    /// latents can be halved as often as the network does.
    pub seamless: bool,
    /// Sampler.
    pub sampler: Sampler,
    /// Where to start; nothing for pure noise.
    pub init: Option<Init>,
    /// What it is to follow; several add up.
    pub controls: Vec<Control>,
}

impl Default for Task {
    fn default() -> Self {
        Self {
            prompt: String::new(),
            negative: None,
            syntax: Syntax::Plain,
            clip_skip: 0,
            noise: NoisePlan::default(),
            width: 512,
            height: 512,
            steps: 50,
            own_steps: None,
            guidance: 7.5,
            guidance_rescale: 0.0,
            guidance_interval: (0.0, 1.0),
            reuse: 1,
            stop: 1.0,
            seamless: false,
            sampler: Sampler::Checkpoint,
            init: None,
            controls: Vec::new(),
        }
    }
}

/// What keeps the parts of a picture that are not to be replaced.
pub(crate) enum Keeping {
    /// They are put back after every step, as noisy as that step is.
    Blend {
        /// 1 where the picture is replaced, `[1, 1, height, width]`.
        mask: Tensor,
        /// The picture's latents.
        clean: Tensor,
        /// The noise it started with.
        noise: Tensor,
    },
    /// The network is shown mask and remains, `[1, 1 + channels, height, width]`.
    Channels(Tensor),
}

/// Scale, rescaling and interval of guidance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guidance {
    pub scale: f64,
    pub rescale: f64,
    pub interval: (f64, f64),
}

/// A picture to follow as its network sees it.
pub(crate) struct Controlling {
    /// The network's place in the pipeline.
    pub net: usize,
    /// What the network made of it, `[1, channels, height, width]`.
    pub hint: Tensor,
    /// How much each of the network's outputs counts.
    pub scales: Vec<f32>,
    pub interval: (f64, f64),
    /// Whether it counts for what is wanted alone.
    pub guess: bool,
}

/// The state of one picture between steps.
pub struct Slot {
    pub(crate) latents: Tensor,
    pub(crate) denoised: Option<Tensor>,
    pub(crate) scheduler: Box<dyn Scheduler>,
    pub(crate) memory: Memory,
    pub(crate) generator: Generator,
    pub(crate) index: usize,
    pub(crate) first: usize,
    /// Where it ends: before the schedule does, if it is to stop early.
    pub(crate) end: usize,
    pub(crate) seamless: bool,
    pub(crate) prompt: Conditioning,
    /// Present when there is guidance.
    pub(crate) negative: Option<Conditioning>,
    pub(crate) guidance: Guidance,
    /// The scale as the network is told it, `[1, features]`, where it is.
    pub(crate) guidance_embedding: Option<Tensor>,
    pub(crate) keeping: Option<Keeping>,
    pub(crate) controls: Vec<Controlling>,
    pub(crate) reuse: u32,
    /// Deep features of the last whole call, `[rows, channels, height, width]`, where they are reused.
    pub(crate) deep: Option<Tensor>,
}

impl Slot {
    /// Steps done.
    pub fn done(&self) -> u32 {
        (self.index - self.first) as u32
    }

    /// Steps in all: fewer than asked for when it starts from a picture or stops early, more with samplers that ask the
    /// network twice.
    pub fn steps(&self) -> u32 {
        (self.end - self.first) as u32
    }

    /// Whether the latents are ready to be decoded.
    pub fn is_finished(&self) -> bool {
        self.index == self.end
    }

    /// The latents as they are, `[1, channels, height, width]`.
    pub fn latents(&self) -> &Tensor {
        &self.latents
    }

    /// Whether every number of the latents is one: half precision may overflow, and broken hardware may do worse.
    pub fn is_finite(&self) -> bool {
        bool::try_from(self.latents.isfinite().all()).unwrap_or(false)
    }

    /// What must be equal for slots to share a call of the network: the sizes of latents and text states, and what lies
    /// beyond their edges.
    pub fn shape(&self) -> (Vec<i64>, Vec<i64>, bool) {
        (
            self.latents.size(),
            self.prompt.states.size(),
            self.seamless,
        )
    }

    /// Steps that there would be if none were left out at the end.
    fn whole_steps(&self) -> f64 {
        (self.scheduler.timesteps().len() - self.first).max(1) as f64
    }

    /// What is not wanted, at steps with guidance.
    pub(crate) fn guiding(&self) -> Option<&Conditioning> {
        let share = f64::from(self.done()) / self.whole_steps();
        let (from, to) = self.guidance.interval;
        self.negative
            .as_ref()
            .filter(|_| from <= share && (share < to || to >= 1.0))
    }

    /// What it follows at the next step.
    pub(crate) fn followed(&self) -> impl Iterator<Item = &Controlling> {
        let (whole, done) = (self.whole_steps(), f64::from(self.done()));
        let (from, to) = (done / whole, (done + 1.0) / whole);
        let within = move |control: &&Controlling| {
            let (first, last) = control.interval;
            from >= first && to <= last
        };
        self.controls.iter().filter(within)
    }

    /// The places of the networks that it follows at the next step.
    pub(crate) fn networks(&self) -> Vec<usize> {
        self.followed().map(|control| control.net).collect()
    }

    /// Rows that it takes in the next model call: two with guidance.
    pub(crate) fn rows(&self) -> i64 {
        if self.guiding().is_some() { 2 } else { 1 }
    }

    /// Whether its next step reuses deep features. Not when guidance has begun or ended since they were computed.
    pub(crate) fn is_shallow(&self) -> bool {
        let deep = self.deep.as_ref();
        !self.done().is_multiple_of(self.reuse)
            && deep.is_some_and(|deep| deep.size()[0] == self.rows())
    }

    /// `outputs`: its rows of the network's output, the unwanted first.
    pub(crate) fn finish_step(&mut self, outputs: &Tensor) {
        let output = if self.rows() == 2 {
            self.guided(&outputs.narrow(0, 0, 1), &outputs.narrow(0, 1, 1))
        } else {
            outputs.shallow_clone()
        };
        let noise = self
            .scheduler
            .draws_noise(self.index)
            .then(|| carried(&self.generator.next(), self.latents.device()));
        let step = self.scheduler.step(
            &output,
            self.index,
            &self.latents,
            &mut self.memory,
            noise.as_ref(),
        );
        self.index += 1;
        let stops_early = self.is_finished() && self.end < self.scheduler.timesteps().len();
        // What is still noisy is no picture; what the step took for its end is.
        self.latents = self.kept(if stops_early {
            step.denoised.shallow_clone()
        } else {
            step.next
        });
        self.denoised = Some(step.denoised);
    }

    fn guided(&self, unwanted: &Tensor, wanted: &Tensor) -> Tensor {
        let guided = unwanted + (wanted - unwanted) * self.guidance.scale;
        let rescale = self.guidance.rescale;
        if rescale <= 0.0 {
            return guided;
        }
        let deviation = |x: &Tensor| x.std(true).to_kind(Kind::Float);
        let rescaled = &guided * (deviation(wanted) / deviation(&guided));
        rescaled * rescale + guided * (1.0 - rescale)
    }

    fn kept(&self, latents: Tensor) -> Tensor {
        let Some(Keeping::Blend { mask, clean, noise }) = &self.keeping else {
            return latents;
        };
        let proper = if self.is_finished() {
            clean.shallow_clone()
        } else {
            self.scheduler.add_noise(clean, noise, self.index)
        };
        (1.0 - mask) * proper + mask * latents
    }
}
