//! Which files of a repository a checkpoint needs, or a single network.

use std::collections::BTreeSet;

/// Endings of weights that are read.
const WEIGHTS: [&str; 2] = [".safetensors", ".safetensors.index.json"];

/// Configuration, vocabularies, and what lies beside them.
const OTHERS: [&str; 3] = [".json", ".txt", ".model"];

/// What makes a repository a checkpoint of several parts.
pub const INDEX: &str = "model_index.json";
/// What makes any other one a single network, such as a classifier, whose files all lie at the top.
pub const CONFIG: &str = "config.json";

/// The files to load, sorted. Weights of a variant replace the plain ones of the same directory; without a variant only
/// plain ones are loaded, or, where a directory has no plain ones, those of the first variant.
pub fn choose(names: &[String], variant: Option<&str>) -> Vec<String> {
    let mut chosen = BTreeSet::new();
    let mut directories = BTreeSet::new();
    let parts = names.iter().any(|name| name == INDEX);
    for name in names {
        match name.rsplit_once('/') {
            // Beside a single network lie the same weights for other programs.
            Some(_) if !parts => {}
            Some((directory, _)) if is_weight(name) => {
                directories.insert(Some(directory));
            }
            // Weights at the top of a checkpoint are whole models in one file, for other programs too.
            None if is_weight(name) && parts => {}
            None if is_weight(name) => {
                directories.insert(None);
            }
            _ if OTHERS.iter().any(|ending| name.ends_with(ending)) => {
                chosen.insert(name.clone());
            }
            _ => {}
        }
    }
    for directory in directories {
        let here = names.iter().filter(|name| {
            let inside = name.rsplit_once('/').map(|(parent, _)| parent);
            inside == directory && is_weight(name)
        });
        let here: Vec<&String> = here.collect();
        let of = |wanted: Option<&str>| {
            let matching = here.iter().filter(move |name| variant_of(name) == wanted);
            matching.map(|name| (*name).clone()).collect::<Vec<_>>()
        };
        let first = here.iter().find_map(|name| variant_of(name));
        let choices = [variant.map(Some), Some(None), Some(first)];
        let weights = choices.into_iter().flatten().map(of);
        chosen.extend(
            weights
                .into_iter()
                .find(|found| !found.is_empty())
                .unwrap_or_default(),
        );
    }
    chosen.into_iter().collect()
}

/// Whether it is a file of weights, or the index of some.
pub fn is_weight(name: &str) -> bool {
    WEIGHTS.iter().any(|ending| name.ends_with(ending)) || is_variant_index(name)
}

/// `model.safetensors.index.fp16.json`: the variant stands inside.
fn is_variant_index(name: &str) -> bool {
    name.split_once(".safetensors.index.")
        .is_some_and(|(_, rest)| rest.strip_suffix(".json").is_some())
}

/// The word between a file's stem and its ending: `fp16` of `model.fp16.safetensors`, and of a shard or index of it.
fn variant_of(name: &str) -> Option<&str> {
    let file = name.rsplit_once('/').map_or(name, |(_, file)| file);
    if let Some((_, index)) = file.split_once(".safetensors.index.") {
        return index.strip_suffix(".json").filter(|word| !word.is_empty());
    }
    let stem = file
        .strip_suffix(".safetensors.index.json")
        .or_else(|| file.strip_suffix(".safetensors"))?;
    let (before, last) = stem.split_once('.')?;
    // Shards of a variant: model.fp16-00001-of-00002.safetensors; of the plain weights there is no dot.
    let word = last.split_once('-').map_or(last, |(word, _)| word);
    (!before.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    const ALL: [&str; 13] = [
        "README.md",
        "model_index.json",
        "v1-5-pruned.safetensors",
        "unet/config.json",
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "text_encoder/model.fp16-00001-of-00002.safetensors",
        "text_encoder/model.safetensors.index.fp16.json",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
        "sample.png",
    ];

    #[test]
    fn plain_weights_are_chosen_or_the_only_ones_there_are() {
        let wanted = [
            "model_index.json",
            "text_encoder/model.fp16-00001-of-00002.safetensors",
            "text_encoder/model.safetensors.index.fp16.json",
            "tokenizer/merges.txt",
            "tokenizer/vocab.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.safetensors",
        ];
        assert_eq!(choose(&names(&ALL), None), wanted);
    }

    #[test]
    fn a_single_network_lies_at_the_top() {
        let all = [
            "README.md",
            "config.json",
            "model.safetensors",
            "onnx/config.json",
            "onnx/model.safetensors",
            "preprocessor_config.json",
            "pytorch_model.bin",
        ];
        let wanted = [
            "config.json",
            "model.safetensors",
            "preprocessor_config.json",
        ];
        assert_eq!(choose(&names(&all), None), wanted);
    }

    #[test]
    fn a_variant_replaces_the_plain_weights_where_it_exists() {
        let chosen = choose(&names(&ALL), Some("fp16"));
        assert!(chosen.contains(&"unet/diffusion_pytorch_model.fp16.safetensors".to_owned()));
        assert!(!chosen.contains(&"unet/diffusion_pytorch_model.safetensors".to_owned()));
        let plain = [INDEX, "vae/model.safetensors"];
        assert_eq!(choose(&names(&plain), Some("fp16")), plain);
    }
}
