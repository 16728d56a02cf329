//! Residual blocks (He et al. 2015, arXiv 1512.03385) as in diffusion models (Ho et al. 2020, arXiv 2006.11239), with
//! the resampling layers between levels.

use tch::Tensor;

use crate::error::LoadError;
use crate::layers::{Activation, Conv2d, GroupNorm, Linear};
use crate::weights::Weights;

/// What all residual blocks of a network share.
#[derive(Debug, Clone, Copy)]
pub struct ResnetStyle {
    /// Groups of the normalisations.
    pub groups: i64,
    /// Epsilon of the normalisations.
    pub epsilon: f64,
    /// Activation.
    pub activation: Activation,
    /// Features of the time embedding; none in an autoencoder.
    pub time_features: Option<i64>,
    /// Whether time scales and shifts rather than being added.
    pub scale_shift: bool,
    /// Divides the output.
    pub output_scale: f64,
}

/// Two convolutions beside a shortcut.
pub struct ResnetBlock {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
    style: ResnetStyle,
}

impl ResnetBlock {
    /// From `inputs` to `outputs` channels.
    pub fn load(
        weights: &Weights,
        inputs: i64,
        outputs: i64,
        style: ResnetStyle,
    ) -> Result<Self, LoadError> {
        let time_outputs = if style.scale_shift {
            2 * outputs
        } else {
            outputs
        };
        let time = style.time_features;
        let conv_shortcut = (inputs != outputs)
            .then(|| Conv2d::load(&weights.child("conv_shortcut"), inputs, outputs, 1));
        Ok(Self {
            norm1: GroupNorm::load(&weights.child("norm1"), style.groups, inputs, style.epsilon)?,
            conv1: Conv2d::load(&weights.child("conv1"), inputs, outputs, 3)?,
            time_emb_proj: time
                .map(|features| {
                    Linear::load(&weights.child("time_emb_proj"), features, time_outputs)
                })
                .transpose()?,
            norm2: GroupNorm::load(
                &weights.child("norm2"),
                style.groups,
                outputs,
                style.epsilon,
            )?,
            conv2: Conv2d::load(&weights.child("conv2"), outputs, outputs, 3)?,
            conv_shortcut: conv_shortcut.transpose()?,
            style,
        })
    }

    /// `x`: `[batch, inputs, height, width]`; `time`: `[batch, time_features]`, past the activation.
    pub fn forward(&self, x: &Tensor, time: Option<&Tensor>) -> Tensor {
        let act = self.style.activation;
        // Every layer's output is its own: what follows works in its memory.
        let mut h = self
            .conv1
            .forward(&act.forward_owned(self.norm1.forward(x)));
        let time = self.time_emb_proj.as_ref().zip(time);
        let time = time.map(|(layer, time)| layer.forward(time).unsqueeze(-1).unsqueeze(-1));
        let h = match &time {
            Some(time) if self.style.scale_shift => {
                let halves = time.chunk(2, 1);
                self.norm2.forward(&h) * (&halves[0] + 1.0) + &halves[1]
            }
            Some(time) => self.norm2.forward(&h.g_add_(time)),
            None => self.norm2.forward(&h),
        };
        let mut h = self.conv2.forward(&act.forward_owned(h));
        let sum = match &self.conv_shortcut {
            Some(shortcut) => h.g_add_(&shortcut.forward(x)),
            None => h.g_add_(x),
        };
        if (self.style.output_scale - 1.0).abs() < f64::EPSILON {
            sum
        } else {
            sum / self.style.output_scale
        }
    }
}

/// Halves height and width by a strided convolution.
pub struct Downsample {
    conv: Conv2d,
    padding: i64,
}

impl Downsample {
    /// With padding 0 the picture is padded by one row and column at the end, as autoencoders do.
    pub fn load(weights: &Weights, channels: i64, padding: i64) -> Result<Self, LoadError> {
        let conv = Conv2d::load_strided(&weights.child("conv"), channels, channels, 3, 2, padding)?;
        Ok(Self { conv, padding })
    }

    /// Halves height and width.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        if self.padding == 0 {
            self.conv.forward(&x.constant_pad_nd([0, 1, 0, 1]))
        } else {
            self.conv.forward(x)
        }
    }
}

/// Enlarges by repeating pixels, then convolves.
pub struct Upsample {
    conv: Conv2d,
}

impl Upsample {
    /// Keeps the channels.
    pub fn load(weights: &Weights, channels: i64) -> Result<Self, LoadError> {
        Ok(Self {
            conv: Conv2d::load(&weights.child("conv"), channels, channels, 3)?,
        })
    }

    /// Enlarges to `size` (height, width), or to twice the size.
    pub fn forward(&self, x: &Tensor, size: Option<(i64, i64)>) -> Tensor {
        let (_, _, height, width) = x.size4().expect("feature maps have four dimensions");
        let (height, width) = size.unwrap_or((2 * height, 2 * width));
        self.conv
            .forward(&x.upsample_nearest2d([height, width], None, None))
    }
}
