//! The configuration of a `UNet2DConditionModel`, with the defaults of that class for missing keys.

use std::path::Path;

use serde::Deserialize;

use super::depth::{DepthConfig, Depths, depths};
use crate::config::{PerLevel, Sides};
use crate::error::LoadError;

/// `unet/config.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct UNetConfig {
    /// Latent height and width that the model was trained at.
    pub sample_size: Option<Sides>,
    /// Channels of the latents.
    pub in_channels: i64,
    /// Channels of the prediction.
    pub out_channels: i64,
    /// Whether inputs are mapped from 0..1 to -1..1 first.
    pub center_input_sample: bool,
    /// Whether the time embedding is `[cos, sin]` rather than `[sin, cos]`.
    pub flip_sin_to_cos: bool,
    /// Subtracted from the number of frequencies of the time embedding.
    pub freq_shift: f64,
    /// Classes of the blocks on the way down, outermost first.
    pub down_block_types: Vec<String>,
    /// Class of the block at the bottom; none when null.
    pub mid_block_type: Option<String>,
    /// Classes of the blocks on the way up, innermost first.
    pub up_block_types: Vec<String>,
    /// Whether both attentions of a transformer block look at the text.
    pub only_cross_attention: PerLevel<bool>,
    /// Channels of each level.
    pub block_out_channels: Vec<i64>,
    /// Residual blocks of each level on the way down; one more on the way up.
    pub layers_per_block: PerLevel<i64>,
    /// Padding of the strided convolutions; 0 pads right and bottom only.
    pub downsample_padding: i64,
    /// Divides the output of the middle's residual blocks.
    pub mid_block_scale_factor: f64,
    /// Activation of residual blocks and time embedding.
    pub act_fn: String,
    /// Groups of each group normalisation.
    pub norm_num_groups: Option<i64>,
    /// Epsilon of the group normalisations of residual blocks.
    pub norm_eps: f64,
    /// Features of the text states.
    pub cross_attention_dim: PerLevel<i64>,
    /// Transformer blocks in each attention.
    pub transformer_layers_per_block: DepthConfig,
    /// The same on the way up, innermost level first, where it is not the way down's.
    pub reverse_transformer_layers_per_block: Option<Vec<PerLevel<i64>>>,
    /// Heads of each level: the key's name is a well-known misnomer.
    pub attention_head_dim: PerLevel<i64>,
    /// Whether the projections around the transformer are linear layers rather than 1x1 convolutions.
    pub use_linear_projection: bool,
    /// Kernel size of the first convolution.
    pub conv_in_kernel: i64,
    /// Kernel size of the last convolution.
    pub conv_out_kernel: i64,
    /// How time enters the residual blocks: `default` (added) or `scale_shift`.
    pub resnet_time_scale_shift: String,
    /// Features of the time embedding where not four times the first level's channels.
    pub time_embedding_dim: Option<i64>,
    /// Features of a guidance embedding (LCM).
    pub time_cond_proj_dim: Option<i64>,
    /// What else is known of the picture: `text_time` for a summary of the text and sizes (SDXL).
    pub addition_embed_type: Option<String>,
    /// Features of each size.
    pub addition_time_embed_dim: Option<i64>,
    /// Features of summary and sizes together.
    pub projection_class_embeddings_input_dim: Option<i64>,
    #[serde(flatten)]
    unsupported: Unsupported,
}

/// Keys that must be absent, null or false: they change the computation in ways that this crate does not know.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Unsupported {
    class_embed_type: Option<String>,
    num_class_embeds: Option<i64>,
    encoder_hid_dim: Option<i64>,
    encoder_hid_dim_type: Option<String>,
    time_embedding_act_fn: Option<String>,
    timestep_post_act: Option<String>,
    dual_cross_attention: bool,
    resnet_skip_time_act: bool,
    class_embeddings_concat: bool,
    attention_type: Option<String>,
    time_embedding_type: Option<String>,
    /// Diffusers' class refuses it as well: `attention_head_dim` has always said how many heads there are.
    num_attention_heads: Option<PerLevel<i64>>,
}

impl Default for UNetConfig {
    fn default() -> Self {
        let names = |names: [&str; 4]| names.map(str::to_owned).to_vec();
        let (down, cross_down) = ("DownBlock2D", "CrossAttnDownBlock2D");
        let (up, cross_up) = ("UpBlock2D", "CrossAttnUpBlock2D");
        Self {
            sample_size: None,
            in_channels: 4,
            out_channels: 4,
            center_input_sample: false,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            down_block_types: names([cross_down, cross_down, cross_down, down]),
            mid_block_type: Some("UNetMidBlock2DCrossAttn".to_owned()),
            up_block_types: names([up, cross_up, cross_up, cross_up]),
            only_cross_attention: PerLevel::One(false),
            block_out_channels: vec![320, 640, 1280, 1280],
            layers_per_block: PerLevel::One(2),
            downsample_padding: 1,
            mid_block_scale_factor: 1.0,
            act_fn: "silu".to_owned(),
            norm_num_groups: Some(32),
            norm_eps: 1e-5,
            cross_attention_dim: PerLevel::One(1280),
            transformer_layers_per_block: DepthConfig::One(1),
            reverse_transformer_layers_per_block: None,
            attention_head_dim: PerLevel::One(8),
            use_linear_projection: false,
            conv_in_kernel: 3,
            conv_out_kernel: 3,
            resnet_time_scale_shift: "default".to_owned(),
            time_embedding_dim: None,
            time_cond_proj_dim: None,
            addition_embed_type: None,
            addition_time_embed_dim: None,
            projection_class_embeddings_input_dim: None,
            unsupported: Unsupported::default(),
        }
    }
}

/// Everything that one level of the network needs to know.
#[derive(Debug, Clone)]
pub struct Level {
    /// Channels.
    pub channels: i64,
    /// Residual blocks on the way down.
    pub layers: i64,
    /// Heads of attention.
    pub heads: i64,
    /// Transformer blocks in each attention.
    pub depths: Depths,
    /// Features of the text states.
    pub context: i64,
    /// Whether both attentions look at the text.
    pub only_cross_attention: bool,
}

impl UNetConfig {
    /// Refuses, by key, what this crate would compute wrongly.
    pub fn check(&self, path: &Path) -> Result<(), LoadError> {
        self.check_options(path)?;
        self.levels(path).map(|_| ())
    }

    /// Refuses options, by key, that change the computation in unknown ways.
    pub(crate) fn check_options(&self, path: &Path) -> Result<(), LoadError> {
        let other = &self.unsupported;
        let present = [
            ("class_embed_type", other.class_embed_type.is_some()),
            ("num_class_embeds", other.num_class_embeds.is_some()),
            (
                "addition_embed_type",
                self.addition_embed_type
                    .as_deref()
                    .is_some_and(|kind| kind != "text_time"),
            ),
            ("encoder_hid_dim", other.encoder_hid_dim.is_some()),
            ("encoder_hid_dim_type", other.encoder_hid_dim_type.is_some()),
            (
                "time_embedding_act_fn",
                other.time_embedding_act_fn.is_some(),
            ),
            ("timestep_post_act", other.timestep_post_act.is_some()),
            ("dual_cross_attention", other.dual_cross_attention),
            ("resnet_skip_time_act", other.resnet_skip_time_act),
            ("class_embeddings_concat", other.class_embeddings_concat),
            (
                "attention_type",
                other
                    .attention_type
                    .as_deref()
                    .is_some_and(|kind| kind != "default"),
            ),
            (
                "time_embedding_type",
                other
                    .time_embedding_type
                    .as_deref()
                    .is_some_and(|kind| kind != "positional"),
            ),
            ("num_attention_heads", other.num_attention_heads.is_some()),
            ("norm_num_groups", self.norm_num_groups.is_none()),
        ];
        match present.iter().find(|(_, present)| *present) {
            Some((key, _)) => Err(LoadError::key(
                path,
                *key,
                "this value is not supported yet",
            )),
            None => Ok(()),
        }
    }

    /// The levels, outermost first.
    pub fn levels(&self, path: &Path) -> Result<Vec<Level>, LoadError> {
        if self.up_block_types.len() != self.block_out_channels.len() {
            let message = "must have as many classes as there are levels";
            return Err(LoadError::key(path, "up_block_types", message));
        }
        self.levels_down(path)
    }

    /// The same where there is no way up.
    pub(crate) fn levels_down(&self, path: &Path) -> Result<Vec<Level>, LoadError> {
        let count = self.block_out_channels.len();
        let wrong = |key: &str| {
            LoadError::key(
                path,
                key,
                format!("must be one value or {count}, one for each level"),
            )
        };
        if count == 0 || self.down_block_types.len() != count {
            return Err(wrong("down_block_types"));
        }
        let heads = self
            .attention_head_dim
            .expand(count)
            .ok_or_else(|| wrong("attention_head_dim"))?;
        let layers = self
            .layers_per_block
            .expand(count)
            .ok_or_else(|| wrong("layers_per_block"))?;
        let context = self
            .cross_attention_dim
            .expand(count)
            .ok_or_else(|| wrong("cross_attention_dim"))?;
        let cross = self
            .only_cross_attention
            .expand(count)
            .ok_or_else(|| wrong("only_cross_attention"))?;
        if let Some(level) =
            (0..count).find(|&level| heads[level] < 1 || self.block_out_channels[level] < 1)
        {
            return Err(LoadError::key(
                path,
                "attention_head_dim",
                format!("level {level} is empty"),
            ));
        }
        // Beyond all networks that exist; a file that asks for more would only keep us busy.
        let sizes = [
            ("layers_per_block", &layers, 100),
            ("attention_head_dim", &heads, 100_000),
            ("cross_attention_dim", &context, 1_000_000),
            ("block_out_channels", &self.block_out_channels, 1_000_000),
        ];
        for (key, sizes, most) in sizes {
            if let Some(size) = sizes.iter().find(|size| !(0..=most).contains(*size)) {
                let message = format!("must be at most {most}, not {size}");
                return Err(LoadError::key(path, key, message));
            }
        }
        let depths = depths(
            &self.transformer_layers_per_block,
            self.reverse_transformer_layers_per_block.as_deref(),
            &layers,
            path,
        )?;
        let level = |index: usize| Level {
            channels: self.block_out_channels[index],
            layers: layers[index],
            heads: heads[index],
            depths: depths[index].clone(),
            context: context[index],
            only_cross_attention: cross[index],
        };
        Ok((0..count).map(level).collect())
    }

    /// Features of each size and of both together, where the network is told a summary of the text and sizes.
    pub fn text_time(&self, path: &Path) -> Result<Option<(i64, i64)>, LoadError> {
        if self.addition_embed_type.is_none() {
            return Ok(None);
        }
        let needed = |key: &str, value: Option<i64>| match value {
            Some(value) if value > 0 => Ok(value),
            _ => Err(LoadError::key(path, key, "text_time needs this number")),
        };
        let size = needed("addition_time_embed_dim", self.addition_time_embed_dim)?;
        let both = needed(
            "projection_class_embeddings_input_dim",
            self.projection_class_embeddings_input_dim,
        )?;
        Ok(Some((size, both)))
    }

    /// Whether a side of so many places can be halved at each level: without padding at both ends one place cannot.
    pub fn takes(&self, side: i64) -> bool {
        let halvings = self.block_out_channels.len().saturating_sub(1);
        let halved = |side: Option<i64>, _| match (side?, self.downsample_padding) {
            (1, 0) => None,
            (side, 0) => Some(side / 2),
            (side, _) => Some((side + 1) / 2),
        };
        (0..halvings).fold(Some(side), halved).is_some()
    }

    /// Groups of each group normalisation.
    pub fn groups(&self) -> i64 {
        self.norm_num_groups.unwrap_or(32)
    }

    /// Channels of the outermost level; 0 where there is none.
    pub fn first_channels(&self) -> i64 {
        self.block_out_channels.first().copied().unwrap_or_default()
    }

    /// Features of the time embedding.
    pub fn time_features(&self) -> i64 {
        self.time_embedding_dim.unwrap_or(self.first_channels() * 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_that_cannot_be_halved_often_enough_are_told_apart() {
        let config = |padding: i64| UNetConfig {
            downsample_padding: padding,
            ..UNetConfig::default()
        };
        // Four levels: three halvings.
        assert!(config(1).takes(1));
        assert!(config(0).takes(8) && !config(0).takes(7));
    }
    #[test]
    fn heads_by_the_name_that_diffusers_refuses_are_refused() {
        let read = |text: &str| serde_json::from_str::<UNetConfig>(text).unwrap();
        let path = Path::new("unet/config.json");
        assert!(read(r#"{"num_attention_heads": null}"#).check(path).is_ok());
        for heads in ["8", "[5, 10, 20, 20]"] {
            let config = read(&format!(r#"{{"num_attention_heads": {heads}}}"#));
            let error = config.check(path).unwrap_err().to_string();
            assert!(error.contains("num_attention_heads"), "{error}");
        }
    }
}
