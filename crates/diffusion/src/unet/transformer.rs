//! The transformer inside a UNet (Rombach et al. 2021, arXiv 2112.10752): self-attention over pixels, cross-attention to
//! the text, and a gated feed-forward layer (Shazeer 2020, arXiv 2002.05202).

use std::cell::RefCell;

use tch::{Device, Tensor};

use super::config::Level;
use crate::error::LoadError;
use crate::layers::{GroupNorm, LayerNorm, Linear, attend};
use crate::placement::is_channels_innermost;
use crate::weights::Weights;

/// Epsilon of the layer normalisations.
const LAYER_NORM_EPSILON: f64 = 1e-5;

/// Epsilon of the group normalisation before the projections; unlike elsewhere in the network.
const GROUP_NORM_EPSILON: f64 = 1e-6;

/// The feed-forward layer is this many times as wide inside.
const FEED_FORWARD_FACTOR: i64 = 4;

struct Attention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: i64,
    memo: RefCell<Option<Memo>>,
}

/// Keys and values of a context. It stays the same from step to step, and so do they.
struct Memo {
    /// Kept, so that no other context comes to lie at its address.
    context: Tensor,
    keys: Tensor,
    values: Tensor,
}

impl Memo {
    fn is_of(&self, context: &Tensor) -> bool {
        self.context.data_ptr() == context.data_ptr() && self.context.size() == context.size()
    }
}

impl Attention {
    fn load(weights: &Weights, features: i64, context: i64, heads: i64) -> Result<Self, LoadError> {
        Ok(Self {
            to_q: Linear::load_without_bias(&weights.child("to_q"), features, features)?,
            to_k: Linear::load_without_bias(&weights.child("to_k"), context, features)?,
            to_v: Linear::load_without_bias(&weights.child("to_v"), context, features)?,
            to_out: Linear::load(&weights.child("to_out.0"), features, features)?,
            heads,
            memo: RefCell::default(),
        })
    }

    /// Attention to what changes with every call.
    fn forward(&self, x: &Tensor, seen: &Tensor) -> Tensor {
        self.attend(x, &self.to_k.forward(seen), &self.to_v.forward(seen))
    }

    /// Attention to a context. On a CPU its keys and values are remembered until another comes: callers that change
    /// weights must come with other ones.
    fn forward_to(&self, x: &Tensor, context: &Tensor) -> Tensor {
        if context.device() != Device::Cpu {
            return self.forward(x, context);
        }
        let mut memo = self.memo.borrow_mut();
        if !memo.as_ref().is_some_and(|memo| memo.is_of(context)) {
            *memo = Some(Memo {
                context: context.shallow_clone(),
                keys: self.to_k.forward(context),
                values: self.to_v.forward(context),
            });
        }
        match memo.as_ref() {
            Some(Memo { keys, values, .. }) => self.attend(x, keys, values),
            None => self.forward(x, context),
        }
    }

    fn attend(&self, x: &Tensor, keys: &Tensor, values: &Tensor) -> Tensor {
        let mixed = attend(&self.to_q.forward(x), keys, values, self.heads, false);
        self.to_out.forward(&mixed)
    }
}

struct FeedForward {
    proj: Linear,
    out: Linear,
}

impl FeedForward {
    fn load(weights: &Weights, features: i64) -> Result<Self, LoadError> {
        let inner = FEED_FORWARD_FACTOR * features;
        let proj = Linear::load(&weights.child("net.0.proj"), features, 2 * inner)?;
        Ok(Self {
            proj,
            out: Linear::load(&weights.child("net.2"), inner, features)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let halves = self.proj.forward(x).chunk(2, -1);
        self.out.forward(&halves[1].gelu("none").g_mul_(&halves[0]))
    }
}

struct BasicTransformerBlock {
    norm1: LayerNorm,
    attn1: Attention,
    norm2: LayerNorm,
    attn2: Attention,
    norm3: LayerNorm,
    ff: FeedForward,
    only_cross_attention: bool,
}

impl BasicTransformerBlock {
    fn load(weights: &Weights, level: &Level) -> Result<Self, LoadError> {
        let (features, heads) = (level.channels, level.heads);
        let norm = |name: &str| LayerNorm::load(&weights.child(name), features, LAYER_NORM_EPSILON);
        let first_context = if level.only_cross_attention {
            level.context
        } else {
            features
        };
        Ok(Self {
            norm1: norm("norm1")?,
            attn1: Attention::load(&weights.child("attn1"), features, first_context, heads)?,
            norm2: norm("norm2")?,
            attn2: Attention::load(&weights.child("attn2"), features, level.context, heads)?,
            norm3: norm("norm3")?,
            ff: FeedForward::load(&weights.child("ff"), features)?,
            only_cross_attention: level.only_cross_attention,
        })
    }

    fn forward(&self, x: &Tensor, context: &Tensor) -> Tensor {
        let normed = self.norm1.forward(x);
        let mut first = if self.only_cross_attention {
            self.attn1.forward_to(&normed, context)
        } else {
            self.attn1.forward(&normed, &normed)
        };
        let x = first.g_add_(x);
        let x = self
            .attn2
            .forward_to(&self.norm2.forward(&x), context)
            .g_add_(&x);
        self.ff.forward(&self.norm3.forward(&x)).g_add_(&x)
    }
}

/// A stack of transformer blocks over the pixels of a feature map.
pub struct Transformer2D {
    norm: GroupNorm,
    proj_in: Linear,
    transformer_blocks: Vec<BasicTransformerBlock>,
    proj_out: Linear,
}

impl Transformer2D {
    /// Heads and text features come from the level; `depth` is the number of transformer blocks.
    pub fn load(
        weights: &Weights,
        level: &Level,
        depth: i64,
        groups: i64,
    ) -> Result<Self, LoadError> {
        if level.channels % level.heads != 0 {
            let message = format!(
                "{} channels do not split into {} heads",
                level.channels, level.heads
            );
            return Err(LoadError::key(
                weights.path(),
                "attention_head_dim",
                message,
            ));
        }
        let blocks = weights.child("transformer_blocks");
        Ok(Self {
            norm: GroupNorm::load(
                &weights.child("norm"),
                groups,
                level.channels,
                GROUP_NORM_EPSILON,
            )?,
            // Checkpoints may store these as convolutions of kernel 1, which are linear layers over pixels.
            proj_in: Linear::load(&weights.child("proj_in"), level.channels, level.channels)?,
            transformer_blocks: (0..depth)
                .map(|index| BasicTransformerBlock::load(&blocks.child(index), level))
                .collect::<Result<_, _>>()?,
            proj_out: Linear::load(&weights.child("proj_out"), level.channels, level.channels)?,
        })
    }

    /// `x`: `[batch, channels, height, width]`; `context`: `[batch, tokens, features]`.
    pub fn forward(&self, x: &Tensor, context: &Tensor) -> Tensor {
        let (batch, channels, height, width) =
            x.size4().expect("feature maps have four dimensions");
        let pixels =
            self.norm
                .forward(x)
                .permute([0, 2, 3, 1])
                .reshape([batch, height * width, channels]);
        let mut h = self.proj_in.forward(&pixels);
        for block in &self.transformer_blocks {
            h = block.forward(&h, context);
        }
        let mixed = self.proj_out.forward(&h);
        let map = mixed
            .reshape([batch, height, width, channels])
            .permute([0, 3, 1, 2]);
        // In the order of the rest.
        let mut map = if is_channels_innermost(x) {
            map
        } else {
            map.contiguous()
        };
        map.g_add_(x)
    }
}
