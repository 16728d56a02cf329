//! From an adapter's names to those of weights.

use std::collections::HashMap;

use crate::weights::Tensors;

/// What a tensor of an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The factor that lowers the rank.
    Down,
    /// The factor that raises it again.
    Up,
    /// The number that is divided by the rank.
    Alpha,
    /// Lengths of the rows afterwards.
    Magnitude,
}

/// Endings of names, longest first where one ends in another.
const ENDINGS: [(&str, Role); 17] = [
    (".lora_A.default.weight", Role::Down),
    (".lora_B.default.weight", Role::Up),
    (".lora_A.weight", Role::Down),
    (".lora_B.weight", Role::Up),
    (".lora_down.weight", Role::Down),
    (".lora_up.weight", Role::Up),
    (".lora_linear_layer.down.weight", Role::Down),
    (".lora_linear_layer.up.weight", Role::Up),
    (".lora.down.weight", Role::Down),
    (".lora.up.weight", Role::Up),
    ("_lora.down.weight", Role::Down),
    ("_lora.up.weight", Role::Up),
    (".lora_magnitude_vector.default.weight", Role::Magnitude),
    (".lora_magnitude_vector.weight", Role::Magnitude),
    (".lora_magnitude_vector", Role::Magnitude),
    (".dora_scale", Role::Magnitude),
    (".alpha", Role::Alpha),
];

/// What marks tensors of adapters that are no product of two factors, as `LyCORIS` (Yeh et al. 2023, arXiv 2309.14859) and
/// peft write them.
const FOREIGN: [(&str, &str); 6] = [
    (".hada_", "LoHa"),
    (".lokr_", "LoKr"),
    (".lora_mid.", "LoCon with a core"),
    (".oft_", "OFT"),
    (".boft_", "BOFT"),
    (".ia3_", "IA3"),
];

/// The kind of adapter that a tensor belongs to, where that is none that can be merged here.
pub fn foreign(key: &str) -> Option<&'static str> {
    let mut kinds = FOREIGN.iter();
    kinds.find_map(|(mark, kind)| key.contains(mark).then_some(*kind))
}

/// Beginnings of names, and the part that each stands for.
const BEGINNINGS: [(&str, &str); 9] = [
    ("lora_unet_", "unet"),
    ("lora_te1_", "text_encoder"),
    ("lora_te2_", "text_encoder_2"),
    ("lora_te_", "text_encoder"),
    ("base_model.model.", "unet"),
    ("unet.", "unet"),
    ("text_encoder_2.", "text_encoder_2"),
    ("text_encoder.", "text_encoder"),
    ("", "unet"),
];

/// Where a tensor belongs: a part and a module's path with underscores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    part: &'static str,
    path: String,
}

/// Takes a name apart; nothing when it is no adapter's.
pub fn parse(key: &str) -> Option<(Role, Place)> {
    let (stem, role) = ENDINGS
        .iter()
        .find_map(|(ending, role)| Some((key.strip_suffix(ending)?, *role)))?;
    let (rest, part) = BEGINNINGS
        .iter()
        .find_map(|(beginning, part)| Some((stem.strip_prefix(beginning)?, *part)))?;
    let path = rest.replace('.', "_").replace("_processor_", "_");
    // Alphas of the old form follow the layer's own name.
    let path = path.strip_suffix("_lora").unwrap_or(&path).to_owned();
    Some((role, Place { part, path }))
}

impl Place {
    /// Names it may stand for, likeliest first.
    pub fn candidates(&self, blocks: &Blocks) -> Vec<(&'static str, String)> {
        let mut paths = vec![self.path.clone()];
        if let Some(base) = self.path.strip_suffix("_to_out") {
            paths.push(format!("{base}_to_out_0"));
        }
        if self.part == "unet" {
            paths.extend(blocks.translate(&self.path));
        } else {
            let bare = self.path.strip_prefix("text_model_").unwrap_or(&self.path);
            paths.push(bare.to_owned());
            // The oldest adapters of text encoders name their layers as the UNet's.
            for (old, new) in [
                ("_to_q", "_q_proj"),
                ("_to_k", "_k_proj"),
                ("_to_v", "_v_proj"),
                ("_to_out", "_out_proj"),
            ] {
                paths.extend(bare.strip_suffix(old).map(|base| format!("{base}{new}")));
            }
        }
        paths.into_iter().map(|path| (self.part, path)).collect()
    }
}

/// The weights of a checkpoint by part and by their modules' paths with underscores.
pub fn table(
    tensors: &HashMap<&'static str, Tensors>,
) -> HashMap<(&'static str, String), (&'static str, String)> {
    let mut table = HashMap::new();
    for (&part, tensors) in tensors {
        for (name, tensor) in tensors {
            let Some(module) = name.strip_suffix(".weight").filter(|_| tensor.dim() > 1) else {
                continue;
            };
            let path = module.replace('.', "_");
            if let Some(bare) = path.strip_prefix("text_model_") {
                table.insert((part, bare.to_owned()), (part, name.clone()));
            }
            table.insert((part, path), (part, name.clone()));
        }
    }
    table
}

/// How many residual blocks each level of a UNet has: what is needed to read the names of its original code.
#[derive(Debug, Clone)]
pub(crate) struct Blocks {
    /// Outermost first.
    pub layers: Vec<usize>,
}

impl Blocks {
    /// The path of diffusers for one of the original code, where it is one.
    fn translate(&self, path: &str) -> Option<String> {
        let fixed = [
            ("time_embed_0", "time_embedding_linear_1"),
            ("time_embed_2", "time_embedding_linear_2"),
            ("label_emb_0_0", "add_embedding_linear_1"),
            ("label_emb_0_2", "add_embedding_linear_2"),
            ("input_blocks_0_0", "conv_in"),
            ("out_2", "conv_out"),
        ];
        if let Some((_, found)) = fixed.iter().find(|(original, _)| *original == path) {
            return Some((*found).to_owned());
        }
        if let Some(rest) = path.strip_prefix("middle_block_") {
            let (index, rest) = number(rest)?;
            return match index {
                0 => Some(format!("mid_block_resnets_0_{}", resnet(rest))),
                1 => Some(format!("mid_block_attentions_0_{rest}")),
                2 => Some(format!("mid_block_resnets_1_{}", resnet(rest))),
                _ => None,
            };
        }
        if let Some(rest) = path.strip_prefix("input_blocks_") {
            let (index, rest) = number(rest)?;
            let (inner, rest) = number(rest)?;
            return self.down(index, inner, rest);
        }
        let (index, rest) = number(path.strip_prefix("output_blocks_")?)?;
        let (inner, rest) = number(rest)?;
        self.up(index, inner, rest)
    }

    fn down(&self, index: usize, inner: usize, rest: &str) -> Option<String> {
        let mut before = 1;
        for (level, &layers) in self.layers.iter().enumerate() {
            if index < before + layers {
                return Some(layer("down_blocks", level, index - before, inner, rest));
            }
            if index == before + layers {
                return Some(format!("down_blocks_{level}_downsamplers_0_conv"));
            }
            before += layers + 1;
        }
        None
    }

    fn up(&self, index: usize, inner: usize, rest: &str) -> Option<String> {
        let mut before = 0;
        for (level, &layers) in self.layers.iter().rev().enumerate() {
            if index <= before + layers {
                if inner > 0 && rest == "conv" {
                    return Some(format!("up_blocks_{level}_upsamplers_0_conv"));
                }
                return Some(layer("up_blocks", level, index - before, inner, rest));
            }
            before += layers + 1;
        }
        None
    }
}

fn layer(blocks: &str, level: usize, index: usize, inner: usize, rest: &str) -> String {
    if inner == 0 {
        format!("{blocks}_{level}_resnets_{index}_{}", resnet(rest))
    } else {
        format!("{blocks}_{level}_attentions_{index}_{rest}")
    }
}

/// A number at the beginning, and what follows the underscore after it.
fn number(text: &str) -> Option<(usize, &str)> {
    let (number, rest) = text.split_once('_')?;
    Some((number.parse().ok()?, rest))
}

fn resnet(rest: &str) -> &str {
    match rest {
        "in_layers_2" => "conv1",
        "emb_layers_1" => "time_emb_proj",
        "out_layers_3" => "conv2",
        "skip_connection" => "conv_shortcut",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(key: &str) -> Vec<String> {
        let blocks = Blocks {
            layers: vec![2, 2, 2],
        };
        let (_, place) = parse(key).expect("an adapter's name");
        let candidates = place.candidates(&blocks).into_iter();
        candidates
            .map(|(part, path)| format!("{part}:{path}"))
            .collect()
    }

    #[test]
    fn every_trainers_names_lead_to_the_same_weight() {
        let wanted = "unet:down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q";
        for key in [
            "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight",
            "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight",
            "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.up.weight",
            "base_model.model.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.lora_B.default.weight",
            "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.alpha",
        ] {
            assert!(
                names(key).contains(&wanted.to_owned()),
                "{key}: {:?}",
                names(key)
            );
        }
        let out = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.down.weight";
        let wanted = "unet:mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0";
        assert!(names(out).contains(&wanted.to_owned()));
        let text = "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight";
        let wanted = "text_encoder:encoder_layers_0_self_attn_q_proj";
        assert!(names(text).contains(&wanted.to_owned()));
    }

    #[test]
    fn blocks_of_the_original_code_are_counted_through() {
        let rows = [
            (
                "lora_unet_input_blocks_3_0_op.alpha",
                "unet:down_blocks_0_downsamplers_0_conv",
            ),
            (
                "lora_unet_input_blocks_5_0_in_layers_2.alpha",
                "unet:down_blocks_1_resnets_1_conv1",
            ),
            (
                "lora_unet_middle_block_1_proj_in.alpha",
                "unet:mid_block_attentions_0_proj_in",
            ),
            (
                "lora_unet_output_blocks_2_2_conv.alpha",
                "unet:up_blocks_0_upsamplers_0_conv",
            ),
            (
                "lora_unet_output_blocks_5_1_proj_out.alpha",
                "unet:up_blocks_1_attentions_2_proj_out",
            ),
        ];
        for (key, wanted) in rows {
            assert!(
                names(key).contains(&wanted.to_owned()),
                "{key}: {:?}",
                names(key)
            );
        }
    }

    #[test]
    fn adapters_that_are_no_product_of_two_factors_are_known_by_name() {
        let path = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
        for (ending, kind) in [
            (".hada_w1_a", Some("LoHa")),
            (".hada_t1", Some("LoHa")),
            (".lokr_w1", Some("LoKr")),
            (".lora_mid.weight", Some("LoCon with a core")),
            (".oft_blocks", Some("OFT")),
            (".lora_down.weight", None),
            (".dora_scale", None),
            (".alpha", None),
        ] {
            assert_eq!(foreign(&format!("{path}{ending}")), kind, "{ending}");
        }
    }

    #[test]
    fn other_tensors_are_no_adapters() {
        assert_eq!(parse("conv_in.weight"), None);
    }
}
