//! The layers that every block is made of, with the parameter names of a checkpoint: `weight` and `bias`.

use tch::Tensor;

use crate::edges;
use crate::error::LoadError;
use crate::products;
use crate::weights::Weights;

/// `y = x W^T + b`.
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// A layer with a bias.
    pub fn load(weights: &Weights, inputs: i64, outputs: i64) -> Result<Self, LoadError> {
        let bias = Some(weights.tensor("bias", &[outputs])?);
        Ok(Self {
            bias,
            ..Self::load_without_bias(weights, inputs, outputs)?
        })
    }

    /// A layer without a bias.
    pub fn load_without_bias(
        weights: &Weights,
        inputs: i64,
        outputs: i64,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            weight: weights.tensor("weight", &[outputs, inputs])?,
            bias: None,
        })
    }

    /// `[..., inputs]` to `[..., outputs]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        products::linear(x, &self.weight, self.bias.as_ref())
    }
}

/// A two-dimensional convolution.
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    stride: i64,
    padding: i64,
}

impl Conv2d {
    /// Stride 1, and padding that keeps the size.
    pub fn load(
        weights: &Weights,
        inputs: i64,
        outputs: i64,
        kernel: i64,
    ) -> Result<Self, LoadError> {
        Self::load_strided(weights, inputs, outputs, kernel, 1, (kernel - 1) / 2)
    }

    /// Any stride and padding.
    pub fn load_strided(
        weights: &Weights,
        inputs: i64,
        outputs: i64,
        kernel: i64,
        stride: i64,
        padding: i64,
    ) -> Result<Self, LoadError> {
        let weight = weights.tensor("weight", &[outputs, inputs, kernel, kernel])?;
        Ok(Self {
            weight,
            bias: Some(weights.tensor("bias", &[outputs])?),
            stride,
            padding,
        })
    }

    /// Patches of that many pixels a side, without overlap, padding or bias.
    pub fn load_patches(
        weights: &Weights,
        inputs: i64,
        outputs: i64,
        side: i64,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            weight: weights.tensor("weight", &[outputs, inputs, side, side])?,
            bias: None,
            stride: side,
            padding: 0,
        })
    }

    /// Padding that keeps the size before the stride, and no bias.
    pub fn load_without_bias(
        weights: &Weights,
        inputs: i64,
        outputs: i64,
        kernel: i64,
        stride: i64,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            weight: weights.tensor("weight", &[outputs, inputs, kernel, kernel])?,
            bias: None,
            stride,
            padding: (kernel - 1) / 2,
        })
    }

    /// Whether each pixel's outputs depend on that pixel alone.
    fn is_pointwise(&self) -> bool {
        self.weight.size()[2..] == [1, 1] && (self.stride, self.padding) == (1, 0)
    }

    /// `[batch, inputs, height, width]` to `[batch, outputs, height', width']`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        if self.is_pointwise() {
            return products::pointwise(x, &self.weight, self.bias.as_ref());
        }
        let (x, padding) = edges::padded(x, self.padding);
        let (stride, padding) = ([self.stride; 2], [padding; 2]);
        x.conv2d(&self.weight, self.bias.as_ref(), stride, padding, [1, 1], 1)
    }
}

/// Group normalisation (Wu & He 2018, arXiv 1803.08494) with learnt scale and shift.
pub struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: i64,
    epsilon: f64,
}

impl GroupNorm {
    /// `channels` must be a multiple of `groups`.
    pub fn load(
        weights: &Weights,
        groups: i64,
        channels: i64,
        epsilon: f64,
    ) -> Result<Self, LoadError> {
        if groups < 1 || channels % groups != 0 {
            let message = format!("{channels} channels do not split into {groups} groups");
            return Err(LoadError::key(weights.path(), "norm_num_groups", message));
        }
        let weight = weights.tensor("weight", &[channels])?;
        Ok(Self {
            weight,
            bias: weights.tensor("bias", &[channels])?,
            groups,
            epsilon,
        })
    }

    /// Keeps the shape `[batch, channels, ...]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.group_norm(
            self.groups,
            Some(&self.weight),
            Some(&self.bias),
            self.epsilon,
            true,
        )
    }
}

/// Layer normalisation (Ba et al. 2016, arXiv 1607.06450) with learnt scale and shift.
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f64,
}

impl LayerNorm {
    /// Normalises the last dimension, of size `features`.
    pub fn load(weights: &Weights, features: i64, epsilon: f64) -> Result<Self, LoadError> {
        let weight = weights.tensor("weight", &[features])?;
        Ok(Self {
            weight,
            bias: weights.tensor("bias", &[features])?,
            epsilon,
        })
    }

    /// Keeps the shape `[..., features]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.layer_norm(
            self.weight.size(),
            Some(&self.weight),
            Some(&self.bias),
            self.epsilon,
            true,
        )
    }
}

/// Activation functions by their names in configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x * sigmoid(x)`, also called swish.
    Silu,
    /// Gaussian error linear unit, exact.
    Gelu,
    /// Its approximation by tanh.
    GeluTanh,
    /// Its approximation `x * sigmoid(1.702 x)`.
    QuickGelu,
    /// `max(x, 0)`.
    Relu,
    /// `x * tanh(softplus(x))`.
    Mish,
}

impl Activation {
    /// The function of that name; `weights` only lends its path to the error.
    pub fn named(name: &str, key: &str, weights: &Weights) -> Result<Self, LoadError> {
        match name {
            "silu" | "swish" => Ok(Self::Silu),
            "gelu" => Ok(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Ok(Self::GeluTanh),
            "quick_gelu" => Ok(Self::QuickGelu),
            "relu" => Ok(Self::Relu),
            "mish" => Ok(Self::Mish),
            other => Err(LoadError::key(
                weights.path(),
                key,
                format!("activation {other:?} is not supported"),
            )),
        }
    }

    /// Element by element, in the memory of a tensor that nobody else needs.
    pub fn forward_owned(self, mut x: Tensor) -> Tensor {
        match self {
            Self::Silu => x.silu_(),
            Self::Relu => x.relu_(),
            Self::Gelu | Self::GeluTanh | Self::QuickGelu | Self::Mish => self.forward(&x),
        }
    }

    /// Element by element.
    pub fn forward(self, x: &Tensor) -> Tensor {
        match self {
            Self::Silu => x.silu(),
            Self::Gelu => x.gelu("none"),
            Self::GeluTanh => x.gelu("tanh"),
            Self::QuickGelu => x * (x * 1.702).sigmoid(),
            Self::Relu => x.relu(),
            Self::Mish => x.mish(),
        }
    }
}

/// Scaled dot-product attention over `heads` heads (Vaswani et al. 2017, arXiv 1706.03762).
///
/// `query` is `[batch, queries, features]`, `key` and `value` are `[batch, keys, features]`.
pub fn attend(query: &Tensor, key: &Tensor, value: &Tensor, heads: i64, causal: bool) -> Tensor {
    let (batch, queries, features) = query
        .size3()
        .expect("queries are built with three dimensions");
    let split = |x: &Tensor| x.view([batch, -1, heads, features / heads]).transpose(1, 2);
    let (q, k, v) = (split(query), split(key), split(value));
    let mixed =
        Tensor::scaled_dot_product_attention(&q, &k, &v, None::<&Tensor>, 0.0, causal, None, false);
    mixed.transpose(1, 2).reshape([batch, queries, features])
}
