//! Time embeddings (Vaswani et al. 2017, arXiv 1706.03762, section 3.5; Ho et al. 2020, arXiv 2006.11239).

use tch::{Kind, Tensor};

use crate::error::LoadError;
use crate::layers::{Activation, Linear};
use crate::weights::Weights;

/// The longest wave of the sinusoids, in steps.
const LONGEST_PERIOD: f64 = 10_000.0;

/// Sinusoids of a step number.
#[derive(Debug, Clone, Copy)]
pub struct Sinusoids {
    /// Features: half sines, half cosines.
    pub features: i64,
    /// `[cos, sin]` rather than `[sin, cos]`.
    pub flip_sin_to_cos: bool,
    /// Subtracted from the number of frequencies.
    pub freq_shift: f64,
}

impl Sinusoids {
    /// `timesteps`: `[batch]`, fractions allowed, to `[batch, features]` in fp32.
    pub fn forward(&self, timesteps: &Tensor) -> Tensor {
        let half = self.features / 2;
        let options = (Kind::Float, timesteps.device());
        let exponent =
            Tensor::arange(half, options) * -LONGEST_PERIOD.ln() / (half as f64 - self.freq_shift);
        let angles = timesteps.to_kind(Kind::Float).unsqueeze(1) * exponent.exp().unsqueeze(0);
        let (sin, cos) = (angles.sin(), angles.cos());
        let waves = if self.flip_sin_to_cos {
            [cos, sin]
        } else {
            [sin, cos]
        };
        let waves = Tensor::cat(&waves, -1);
        if self.features % 2 == 1 {
            waves.constant_pad_nd([0, 1])
        } else {
            waves
        }
    }
}

/// The guidance scale as latent consistency models are told it (Luo et al. 2023, arXiv 2310.04378): sinusoids of a
/// thousand times the scale less 1, `[1, features]`.
pub fn guidance_waves(guidance: f64, features: i64) -> Tensor {
    let half = features / 2;
    let options = (Kind::Float, tch::Device::Cpu);
    let exponent = Tensor::arange(half, options) * (-LONGEST_PERIOD.ln() / (half as f64 - 1.0));
    let scaled = f64::from((guidance - 1.0) as f32 * 1000.0);
    let angles = (exponent.exp() * scaled).unsqueeze(0);
    let waves = Tensor::cat(&[angles.sin(), angles.cos()], -1);
    if features % 2 == 1 {
        waves.constant_pad_nd([0, 1])
    } else {
        waves
    }
}

/// Two linear layers over the sinusoids.
pub struct TimestepEmbedding {
    linear_1: Linear,
    cond_proj: Option<Linear>,
    linear_2: Linear,
    activation: Activation,
}

impl TimestepEmbedding {
    /// From `inputs` to `outputs` features. A `condition` of that many features may be added to the inputs.
    pub fn load(
        weights: &Weights,
        inputs: i64,
        outputs: i64,
        activation: Activation,
        condition: Option<i64>,
    ) -> Result<Self, LoadError> {
        let cond_proj = condition.map(|features| {
            Linear::load_without_bias(&weights.child("cond_proj"), features, inputs)
        });
        let linear_1 = Linear::load(&weights.child("linear_1"), inputs, outputs)?;
        let linear_2 = Linear::load(&weights.child("linear_2"), outputs, outputs)?;
        Ok(Self {
            linear_1,
            cond_proj: cond_proj.transpose()?,
            linear_2,
            activation,
        })
    }

    /// `[batch, inputs]` to `[batch, outputs]`; the condition is `[batch, features]`.
    pub fn forward(&self, waves: &Tensor, condition: Option<&Tensor>) -> Tensor {
        let conditioned = self.cond_proj.as_ref().zip(condition);
        let waves = match conditioned {
            Some((layer, condition)) => waves + layer.forward(condition),
            None => waves.shallow_clone(),
        };
        self.linear_2
            .forward(&self.activation.forward(&self.linear_1.forward(&waves)))
    }
}
