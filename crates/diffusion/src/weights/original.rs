//! Checkpoints in one file, whose tensors have the names of the code that Stable Diffusion was first trained with.
//!
//! Each is found under the name that diffusers has for it: residual blocks are counted through in the original, level by
//! level in diffusers. `OpenCLIP`'s text encoders also keep queries, keys and values in one tensor.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use crate::error::LoadError;

const UNET: &str = "model.diffusion_model.";
const VAE: &str = "first_stage_model.";

/// The parts that such a file may hold.
pub const PARTS: [&str; 4] = ["unet", "vae", "text_encoder", "text_encoder_2"];

/// Text encoders by the part that they are and how they are stored: transformers' or `OpenCLIP`'s.
const TEXTS: [(&str, &str, bool); 5] = [
    ("text_encoder", "cond_stage_model.transformer.", false),
    ("text_encoder", "cond_stage_model.model.", true),
    (
        "text_encoder",
        "conditioner.embedders.0.transformer.",
        false,
    ),
    ("text_encoder_2", "conditioner.embedders.1.model.", true),
    // The refiner has no other.
    ("text_encoder_2", "conditioner.embedders.0.model.", true),
];

/// What of a stored tensor is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// All of it.
    Whole,
    /// One of three equal parts of its rows, from 0.
    Third(usize),
    /// All of it, rows for columns.
    Transposed,
}

impl Piece {
    /// The shape of the piece of a tensor of that shape; none where it cannot be cut so.
    pub fn shape(self, stored: &[i64]) -> Option<Vec<i64>> {
        let mut shape = stored.to_vec();
        match self {
            Self::Whole => {}
            Self::Third(_) => {
                let rows = shape.first_mut()?;
                if *rows % 3 != 0 {
                    return None;
                }
                *rows /= 3;
            }
            Self::Transposed => shape.reverse(),
        }
        Some(shape)
    }

    /// The shape of what a piece of that shape is cut from.
    pub fn whole(self, piece: &[i64]) -> Vec<i64> {
        let mut shape = piece.to_vec();
        match self {
            Self::Whole => {}
            Self::Third(_) => shape.iter_mut().take(1).for_each(|rows| *rows *= 3),
            Self::Transposed => shape.reverse(),
        }
        shape
    }

    /// How many pieces there are.
    pub fn share(self) -> u64 {
        match self {
            Self::Whole | Self::Transposed => 1,
            Self::Third(_) => 3,
        }
    }

    /// The piece, of that shape, cut from all the bytes of a tensor.
    pub fn tensor(self, bytes: &[u8], shape: &[i64], kind: Kind) -> Tensor {
        match self {
            Self::Whole => Tensor::from_data_size(bytes, shape, kind),
            Self::Third(place) => {
                let size = bytes.len() / 3;
                let own = &bytes[place * size..(place + 1) * size];
                Tensor::from_data_size(own, shape, kind)
            }
            Self::Transposed => {
                let around: Vec<i64> = (0..shape.len() as i64).rev().collect();
                let stored = Tensor::from_data_size(bytes, &self.whole(shape), kind);
                stored.permute(around).contiguous()
            }
        }
    }
}

/// The file beside a part's directory that holds a whole checkpoint, where there is one.
pub fn beside(part: &Path) -> Result<Option<PathBuf>, LoadError> {
    let Some(entries) = part.parent().and_then(|root| fs::read_dir(root).ok()) else {
        return Ok(None);
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|found| found == "safetensors"))
        .collect();
    files.sort();
    match files.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        [first, second, ..] => {
            let second = second.file_name().unwrap_or_default().display();
            let message = format!("there is {second}, too: which of them is the checkpoint?");
            Err(LoadError::file(first, message))
        }
    }
}

/// For each tensor of a part its name in diffusers' layout, the stored one, and which piece of that it is.
pub fn names(part: &str, stored: &[String]) -> Vec<(String, String, Piece)> {
    let below = |prefix: &'static str| {
        let names = stored.iter();
        names.filter_map(move |name| Some((name, name.strip_prefix(prefix)?)))
    };
    let whole = |(name, new): (&String, Option<String>)| Some((new?, name.clone(), Piece::Whole));
    match part {
        "unet" => {
            let levels = Levels::of(below(UNET).map(|(_, rest)| rest));
            let new = below(UNET).map(|(name, rest)| (name, levels.name(rest)));
            new.filter_map(whole).collect()
        }
        "vae" => {
            let ups = below(VAE).filter_map(|(_, rest)| number(rest.strip_prefix("decoder.up.")?));
            let levels = ups
                .map(|(level, _)| level.saturating_add(1))
                .max()
                .unwrap_or(0);
            let new = below(VAE).map(|(name, rest)| (name, vae(rest, levels)));
            new.filter_map(whole).collect()
        }
        _ => {
            let encoders = TEXTS.iter().filter(|(whose, ..)| *whose == part);
            let tensors = encoders.flat_map(|&(_, prefix, open)| {
                below(prefix).flat_map(move |(name, rest)| {
                    let pieces = if open {
                        open_clip(rest)
                    } else {
                        vec![(rest.to_owned(), Piece::Whole)]
                    };
                    let pieces = pieces.into_iter();
                    pieces.map(|(new, piece)| (new, name.clone(), piece))
                })
            });
            tensors.collect()
        }
    }
}

/// A number at the beginning, and what follows the dot after it.
fn number(text: &str) -> Option<(usize, &str)> {
    let (number, rest) = text.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

/// The first of the rows whose first half begins the name, with its second half in its place.
fn renamed(name: &str, rows: &[(&str, &str)]) -> Option<String> {
    rows.iter()
        .find_map(|(old, new)| Some(format!("{new}{}", name.strip_prefix(old)?)))
}

/// Which of the UNet's blocks end a level: those that change the size of the map.
struct Levels {
    down: BTreeSet<usize>,
    up: BTreeSet<usize>,
}

impl Levels {
    fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let (mut down, mut up) = (BTreeSet::new(), BTreeSet::new());
        for name in names {
            if let Some((index, rest)) = name.strip_prefix("input_blocks.").and_then(number) {
                if rest.starts_with("0.op.") {
                    down.insert(index);
                }
            } else if let Some((index, rest)) = name.strip_prefix("output_blocks.").and_then(number)
                && number(rest).is_some_and(|(inner, rest)| inner > 0 && rest.starts_with("conv."))
            {
                up.insert(index);
            }
        }
        Self { down, up }
    }

    fn name(&self, name: &str) -> Option<String> {
        if let Some((index, rest)) = name.strip_prefix("input_blocks.").and_then(number) {
            let (inner, rest) = number(rest)?;
            if index == 0 {
                return Some(format!("conv_in.{rest}"));
            }
            let level = self.down.range(..index).count();
            // The first block of all is no level's.
            let before = self.down.range(..index).next_back().map_or(0, |end| *end) + 1;
            return match rest.strip_prefix("op.") {
                Some(rest) => Some(format!("down_blocks.{level}.downsamplers.0.conv.{rest}")),
                None => layer(&format!("down_blocks.{level}"), index - before, inner, rest),
            };
        }
        if let Some((index, rest)) = name.strip_prefix("output_blocks.").and_then(number) {
            let (inner, rest) = number(rest)?;
            let level = self.up.range(..index).count();
            let before = self.up.range(..index).next_back().map_or(0, |end| end + 1);
            return match rest.strip_prefix("conv.").filter(|_| inner > 0) {
                Some(rest) => Some(format!("up_blocks.{level}.upsamplers.0.conv.{rest}")),
                None => layer(&format!("up_blocks.{level}"), index - before, inner, rest),
            };
        }
        if let Some((place, rest)) = name.strip_prefix("middle_block.").and_then(number) {
            return match place {
                0 | 2 => layer("mid_block", place / 2, 0, rest),
                1 => layer("mid_block", 0, 1, rest),
                _ => None,
            };
        }
        let rest = [
            ("time_embed.0.", "time_embedding.linear_1."),
            ("time_embed.2.", "time_embedding.linear_2."),
            ("label_emb.0.0.", "add_embedding.linear_1."),
            ("label_emb.0.2.", "add_embedding.linear_2."),
            ("out.0.", "conv_norm_out."),
            ("out.2.", "conv_out."),
        ];
        renamed(name, &rest)
    }
}

/// A layer of a block: a residual one, or the attention after it.
fn layer(block: &str, index: usize, inner: usize, rest: &str) -> Option<String> {
    let names = [
        ("in_layers.0.", "norm1."),
        ("in_layers.2.", "conv1."),
        ("emb_layers.1.", "time_emb_proj."),
        ("out_layers.0.", "norm2."),
        ("out_layers.3.", "conv2."),
        ("skip_connection.", "conv_shortcut."),
    ];
    match inner {
        0 => Some(format!(
            "{block}.resnets.{index}.{}",
            renamed(rest, &names)?
        )),
        1 => Some(format!("{block}.attentions.{index}.{rest}")),
        _ => None,
    }
}

/// A tensor of an autoencoder of so many levels.
fn vae(name: &str, levels: usize) -> Option<String> {
    let side = ["encoder", "decoder"]
        .into_iter()
        .find_map(|side| Some((side, name.strip_prefix(side)?.strip_prefix('.')?)));
    let Some((side, rest)) = side else {
        let ends = name.starts_with("quant_conv.") || name.starts_with("post_quant_conv.");
        return ends.then(|| name.to_owned());
    };
    let resnet = |rest: &str| {
        renamed(rest, &[("nin_shortcut.", "conv_shortcut.")]).unwrap_or_else(|| rest.to_owned())
    };
    if let Some(rest) = rest.strip_prefix("mid.") {
        let names = [
            ("block_1.", "resnets.0."),
            ("block_2.", "resnets.1."),
            ("attn_1.norm.", "attentions.0.group_norm."),
            ("attn_1.q.", "attentions.0.to_q."),
            ("attn_1.k.", "attentions.0.to_k."),
            ("attn_1.v.", "attentions.0.to_v."),
            ("attn_1.proj_out.", "attentions.0.to_out.0."),
        ];
        let rest = renamed(rest, &names)?;
        return Some(format!("{side}.mid_block.{rest}"));
    }
    for (old, way, sampler) in [("down.", "down", "downsample."), ("up.", "up", "upsample.")] {
        let Some((level, rest)) = rest.strip_prefix(old).and_then(number) else {
            continue;
        };
        // The original counts the decoder's levels from the picture, too.
        let level = match way {
            "up" => levels.checked_sub(level.saturating_add(1))?,
            _ => level,
        };
        let block = format!("{side}.{way}_blocks.{level}");
        if let Some((index, rest)) = rest.strip_prefix("block.").and_then(number) {
            return Some(format!("{block}.resnets.{index}.{}", resnet(rest)));
        }
        let rest = rest.strip_prefix(sampler)?;
        return Some(format!("{block}.{way}samplers.0.{rest}"));
    }
    let ends = [
        ("conv_in.", "conv_in."),
        ("norm_out.", "conv_norm_out."),
        ("conv_out.", "conv_out."),
    ];
    Some(format!("{side}.{}", renamed(rest, &ends)?))
}

/// What a tensor of an `OpenCLIP` text encoder is in transformers' one.
fn open_clip(name: &str) -> Vec<(String, Piece)> {
    let whole = |new: &str| vec![(new.to_owned(), Piece::Whole)];
    match name {
        "text_projection" => vec![("text_projection.weight".to_owned(), Piece::Transposed)],
        "token_embedding.weight" => whole("text_model.embeddings.token_embedding.weight"),
        "positional_embedding" => whole("text_model.embeddings.position_embedding.weight"),
        _ => {
            if let Some(rest) = name.strip_prefix("ln_final.") {
                return whole(&format!("text_model.final_layer_norm.{rest}"));
            }
            let layer = name.strip_prefix("transformer.resblocks.");
            let Some((index, rest)) = layer.and_then(number) else {
                return Vec::new();
            };
            let layer = format!("text_model.encoder.layers.{index}");
            if let Some(rest) = rest.strip_prefix("attn.in_proj_") {
                let thirds = ["q", "k", "v"].into_iter().enumerate();
                return thirds
                    .map(|(place, which)| {
                        let new = format!("{layer}.self_attn.{which}_proj.{rest}");
                        (new, Piece::Third(place))
                    })
                    .collect();
            }
            let names = [
                ("ln_1.", "layer_norm1."),
                ("ln_2.", "layer_norm2."),
                ("attn.out_proj.", "self_attn.out_proj."),
                ("mlp.c_fc.", "mlp.fc1."),
                ("mlp.c_proj.", "mlp.fc2."),
            ];
            renamed(rest, &names)
                .map(|rest| (format!("{layer}.{rest}"), Piece::Whole))
                .into_iter()
                .collect()
        }
    }
}
