//! Checkpoints that exist in shape only: the real sizes of well-known families with random weights. How long a step takes
//! does not depend on what the weights are, so speed can be measured without owning any.

use std::path::PathBuf;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::checkpoint::{Checkpoint, Family, TextPart};
use crate::clip::ClipTextConfig;
use crate::schedulers::SchedulerFile;
use crate::vae::{VaeConfig, VariationalConfig};

/// A well-known shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// Stable Diffusion 1.5.
    Sd15,
    /// Stable Diffusion 2.1 for 768 pixels.
    Sd21,
    /// Stable Diffusion XL 1.0.
    Sdxl,
}

impl FromStr for Architecture {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "sd15" => Ok(Self::Sd15),
            "sd21" => Ok(Self::Sd21),
            "sdxl" => Ok(Self::Sdxl),
            _ => Err("must be sd15, sd21 or sdxl".to_owned()),
        }
    }
}

/// Shapes written here are complete; that they parse is tested.
fn parsed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("the shapes of known families are valid")
}

impl Architecture {
    fn unet(self) -> Value {
        match self {
            Self::Sd15 => json!({
                "sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8,
            }),
            Self::Sd21 => json!({
                "sample_size": 96, "cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20],
                "use_linear_projection": true,
            }),
            Self::Sdxl => json!({
                "sample_size": 128, "cross_attention_dim": 2048, "attention_head_dim": [5, 10, 20],
                "use_linear_projection": true, "block_out_channels": [320, 640, 1280],
                "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
                "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
                "transformer_layers_per_block": [1, 2, 10], "addition_embed_type": "text_time",
                "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816,
            }),
        }
    }

    fn texts(self) -> Vec<TextPart> {
        let small = json!({
            "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        });
        let part = |name, tokenizer, config: Value, projected| TextPart {
            name,
            tokenizer,
            config: parsed::<ClipTextConfig>(config),
            projected,
        };
        match self {
            Self::Sd15 => vec![part("text_encoder", "tokenizer", small, false)],
            Self::Sd21 => {
                let config = json!({
                    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23,
                    "num_attention_heads": 16, "hidden_act": "gelu",
                });
                vec![part("text_encoder", "tokenizer", config, false)]
            }
            Self::Sdxl => {
                let large = json!({
                    "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
                    "num_attention_heads": 20, "hidden_act": "gelu", "projection_dim": 1280,
                });
                vec![
                    part("text_encoder", "tokenizer", small, false),
                    part("text_encoder_2", "tokenizer_2", large, true),
                ]
            }
        }
    }

    /// A checkpoint of that shape, in no directory.
    pub(crate) fn checkpoint(self) -> Checkpoint {
        let vae: VariationalConfig = parsed(json!({
            "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
            "down_block_types": vec!["DownEncoderBlock2D"; 4], "up_block_types": vec!["UpDecoderBlock2D"; 4],
        }));
        let prediction = match self {
            Self::Sd21 => "v_prediction",
            Self::Sd15 | Self::Sdxl => "epsilon",
        };
        let scheduler = json!({
            "_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012,
            "beta_schedule": "scaled_linear", "clip_sample": false, "steps_offset": 1,
            "prediction_type": prediction,
        });
        Checkpoint {
            directory: PathBuf::new(),
            family: match self {
                Self::Sd15 | Self::Sd21 => Family::StableDiffusion,
                Self::Sdxl => Family::StableDiffusionXl,
            },
            unet: parsed(self.unet()),
            vae: VaeConfig::Variational(vae),
            texts: self.texts(),
            scheduler: SchedulerFile::from_json(scheduler),
            upscaler: None,
            safety: None,
            force_zeros_for_empty_prompt: true,
            requires_aesthetics_score: false,
            name: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_shape_is_a_sound_configuration() {
        for (name, size) in [("sd15", 512), ("sd21", 768), ("sdxl", 1024)] {
            let checkpoint = name.parse::<Architecture>().unwrap().checkpoint();
            checkpoint.unet.check(Path::new(name)).unwrap();
            checkpoint.vae.check(Path::new(name)).unwrap();
            checkpoint.check().unwrap();
            assert_eq!(checkpoint.native_size(), (size, size), "{name}");
        }
    }
}
