//! The configuration of a `ControlNetModel`, with the defaults of that class for missing keys.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::checkpoint::Checkpoint;
use crate::config::{PerLevel, read_json};
use crate::error::LoadError;
use crate::unet::{Level, UNetConfig};

/// The class that directories name.
pub const CLASS: &str = "ControlNetModel";

/// Beyond all networks that exist; a file that asks for more would only keep us busy.
const MOST_EMBEDDING_LEVELS: usize = 12;

/// In which order a network expects the colours of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// `config.json` of a `ControlNet`'s directory.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct ControlNetConfig {
    #[serde(rename = "_class_name")]
    class: String,
    conditioning_channels: i64,
    controlnet_conditioning_channel_order: String,
    conditioning_embedding_out_channels: Vec<i64>,
    global_pool_conditions: bool,
    /// Unlike the denoising network's class, this one takes it, before `attention_head_dim`.
    num_attention_heads: Option<PerLevel<i64>>,
    /// The keys that it has in common with the network that it was copied from.
    #[serde(flatten)]
    unet: UNetConfig,
    #[serde(skip)]
    path: PathBuf,
}

impl Default for ControlNetConfig {
    fn default() -> Self {
        Self {
            class: String::new(),
            conditioning_channels: 3,
            controlnet_conditioning_channel_order: "rgb".to_owned(),
            conditioning_embedding_out_channels: vec![16, 32, 96, 256],
            global_pool_conditions: false,
            num_attention_heads: None,
            unet: UNetConfig::default(),
            path: PathBuf::new(),
        }
    }
}

impl ControlNetConfig {
    /// Whether a directory says that it is of this or a related class. A whole checkpoint has no configuration there.
    pub fn is_at(directory: &Path) -> bool {
        let class = read_json::<serde_json::Value>(&directory.join("config.json"));
        let class = class.as_ref().map(|config| config["_class_name"].as_str());
        class.is_ok_and(|class| class.is_some_and(|class| class.contains("ControlNet")))
    }

    /// Reads a directory's `config.json`, and refuses by key what this crate would compute wrongly.
    pub fn read(directory: &Path) -> Result<Self, LoadError> {
        let path = directory.join("config.json");
        if !path.is_file() {
            let message = "missing file: this is not the directory of a ControlNet";
            return Err(LoadError::file(&path, message));
        }
        let mut config: Self = read_json(&path)?;
        config.path.clone_from(&path);
        let unet = &mut config.unet;
        if let Some(heads) = config.num_attention_heads.take() {
            unet.attention_head_dim = heads;
        }
        // Keys that the denoising network's class has and this one has not.
        unet.center_input_sample = false;
        unet.conv_in_kernel = UNetConfig::default().conv_in_kernel;
        unet.reverse_transformer_layers_per_block = None;
        unet.time_cond_proj_dim = None;
        unet.time_embedding_dim = None;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), LoadError> {
        if self.class != CLASS {
            let message = format!("{:?} is not supported, only {CLASS} is", self.class);
            return Err(self.wrong("_class_name", message));
        }
        self.unet.check_options(&self.path)?;
        self.unet.levels_down(&self.path)?;
        self.order()?;
        if self.unet.mid_block_type.is_none() {
            return Err(self.wrong("mid_block_type", "must name a class"));
        }
        if self.conditioning_channels != 3 {
            let message = format!(
                "is {}, but pictures have three channels",
                self.conditioning_channels
            );
            return Err(self.wrong("conditioning_channels", message));
        }
        let channels = &self.conditioning_embedding_out_channels;
        if !(1..=MOST_EMBEDDING_LEVELS).contains(&channels.len())
            || !channels.iter().all(|count| (1..=100_000).contains(count))
        {
            let message = format!("must be 1 to {MOST_EMBEDDING_LEVELS} counts of channels");
            return Err(self.wrong("conditioning_embedding_out_channels", message));
        }
        Ok(())
    }

    /// Whether its outputs can be added to what this checkpoint's network computes.
    pub fn check_fit(&self, checkpoint: &Checkpoint) -> Result<(), LoadError> {
        let other = &checkpoint.unet;
        let path = checkpoint.directory.join("unet/config.json");
        let (mine, its) = (self.levels()?, other.levels(&path)?);
        let channels =
            |levels: &[Level]| -> Vec<i64> { levels.iter().map(|level| level.channels).collect() };
        let layers =
            |levels: &[Level]| -> Vec<i64> { levels.iter().map(|level| level.layers).collect() };
        self.same("block_out_channels", &channels(&mine), &channels(&its))?;
        self.same("layers_per_block", &layers(&mine), &layers(&its))?;
        if mine.len() > 1 {
            let (mine, its) = (self.unet.downsample_padding, other.downsample_padding);
            self.same("downsample_padding", &[mine], &[its])?;
        }
        let latent = checkpoint.vae.latent_channels();
        self.same("in_channels", &[self.unet.in_channels], &[latent])?;
        let states = checkpoint.text_features();
        if self.reads_text() && mine.iter().any(|level| level.context != states) {
            let message = format!(
                "is {}, but this checkpoint's text states have {states} features: it belongs to another family",
                mine[0].context
            );
            return Err(self.wrong("cross_attention_dim", message));
        }
        if self.unet.addition_embed_type.is_some() && other.addition_embed_type.is_none() {
            let message = "needs a summary of the text, which this checkpoint does not give: it belongs to another family";
            return Err(self.wrong("addition_embed_type", message));
        }
        checkpoint.check_text_time(&self.unet, &self.path)?;
        let (mine, its) = (self.factor(), checkpoint.vae.factor());
        if mine != its {
            let message =
                format!("make pictures {mine} times smaller, the autoencoder {its} times");
            return Err(self.wrong("conditioning_embedding_out_channels", message));
        }
        Ok(())
    }

    fn same(&self, key: &str, mine: &[i64], its: &[i64]) -> Result<(), LoadError> {
        if mine == its {
            return Ok(());
        }
        let message = format!("is {mine:?}, but this checkpoint has {its:?}");
        Err(self.wrong(key, message))
    }

    fn wrong(&self, key: &str, message: impl Into<String>) -> LoadError {
        LoadError::key(&self.path, key, message)
    }

    fn reads_text(&self) -> bool {
        let mut classes = self
            .unet
            .down_block_types
            .iter()
            .chain(&self.unet.mid_block_type);
        classes.any(|class| class.contains("CrossAttn"))
    }

    /// What its way down has in common with a denoising network's.
    pub fn unet(&self) -> &UNetConfig {
        &self.unet
    }

    /// The levels, outermost first.
    pub fn levels(&self) -> Result<Vec<Level>, LoadError> {
        self.unet.levels_down(&self.path)
    }

    /// Channels of a picture and of each level of its embedding.
    pub fn embedding(&self) -> (i64, &[i64]) {
        (
            self.conditioning_channels,
            &self.conditioning_embedding_out_channels,
        )
    }

    /// How many times smaller than a picture its embedding is, in height and width.
    fn factor(&self) -> i64 {
        1 << (self.conditioning_embedding_out_channels.len() - 1)
    }

    /// The order of a picture's colours.
    pub fn order(&self) -> Result<ChannelOrder, LoadError> {
        match self.controlnet_conditioning_channel_order.as_str() {
            "rgb" => Ok(ChannelOrder::Rgb),
            "bgr" => Ok(ChannelOrder::Bgr),
            other => {
                let message = format!("{other:?} is neither rgb nor bgr");
                Err(self.wrong("controlnet_conditioning_channel_order", message))
            }
        }
    }

    /// Whether only the means of its outputs count.
    pub fn pools(&self) -> bool {
        self.global_pool_conditions
    }
}
