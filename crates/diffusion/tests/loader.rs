//! A broken checkpoint is refused by file and key, never by a panic.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::fs;
use std::path::Path;

use easel_diffusion::{LoadError, LoadOptions, Pipeline, inspect};
use serde_json::{Value, json};
use tch::Tensor;

/// A copy of a good checkpoint, broken by `break_it`, loaded and inspected.
fn broken(break_it: impl FnOnce(&Path)) -> (LoadError, Vec<LoadError>) {
    let copy = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/classic");
    copy_tree(&source, copy.path());
    break_it(copy.path());
    let Err(error) = Pipeline::load(copy.path(), LoadOptions::default()) else {
        panic!("a broken checkpoint was loaded");
    };
    let short = |error: LoadError| LoadError {
        file: error
            .file
            .strip_prefix(copy.path())
            .unwrap_or(&error.file)
            .to_owned(),
        ..error
    };
    let problems = inspect(copy.path())
        .problems
        .into_iter()
        .map(short)
        .collect();
    (short(error), problems)
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn edit_json(path: &Path, edit: impl FnOnce(&mut Value)) {
    let mut content = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    edit(&mut content);
    fs::write(path, content.to_string()).unwrap();
}

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";

fn rewrite_unet(root: &Path, edit: impl FnOnce(&mut Vec<(String, Tensor)>)) {
    let mut tensors = Tensor::read_safetensors(root.join(UNET)).unwrap();
    edit(&mut tensors);
    Tensor::write_safetensors(&tensors, root.join(UNET)).unwrap();
}

#[test]
fn a_missing_tensor_is_named() {
    let (error, problems) = broken(|root| {
        rewrite_unet(root, |tensors| {
            tensors.retain(|(name, _)| name != "conv_in.weight" && name != "conv_out.bias");
        });
    });
    assert_eq!(
        (error.file.to_str(), error.key.as_deref()),
        (Some(UNET), Some("conv_in.weight"))
    );
    let keys: Vec<_> = problems
        .iter()
        .filter_map(|problem| problem.key.as_deref())
        .collect();
    assert_eq!(keys, ["conv_in.weight", "conv_out.bias"]);
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    let (error, _) = broken(|root| {
        rewrite_unet(root, |tensors| {
            let found = tensors
                .iter_mut()
                .find(|(name, _)| name == "conv_in.weight")
                .unwrap();
            found.1 = found.1.narrow(1, 0, 3).contiguous();
        });
    });
    assert_eq!(error.key.as_deref(), Some("conv_in.weight"));
    assert!(error.message.contains("[8, 3, 3, 3]") && error.message.contains("[8, 4, 3, 3]"));
}

#[test]
fn a_file_that_ends_too_early_is_named() {
    let (error, problems) = broken(|root| {
        let bytes = fs::read(root.join(UNET)).unwrap();
        fs::write(root.join(UNET), &bytes[..bytes.len() / 2]).unwrap();
    });
    assert_eq!(error.file.to_str(), Some(UNET));
    assert_eq!(problems, [error]);
}

#[test]
fn files_that_are_no_safetensors_are_refused() {
    for bytes in [&b""[..], b"not safetensors", &[0xff; 64]] {
        let (error, _) = broken(|root| fs::write(root.join(UNET), bytes).unwrap());
        assert_eq!(error.file.to_str(), Some(UNET));
    }
}

#[test]
fn a_missing_file_is_named_and_older_formats_get_a_hint() {
    let (error, _) = broken(|root| {
        fs::rename(
            root.join(UNET),
            root.join("unet/diffusion_pytorch_model.bin"),
        )
        .unwrap();
    });
    assert_eq!(error.file.to_str(), Some(UNET));
    assert!(error.message.contains("convert"));
    let (error, _) = broken(|root| fs::remove_file(root.join("tokenizer/merges.txt")).unwrap());
    assert_eq!(error.file.to_str(), Some("tokenizer/merges.txt"));
}

#[test]
fn a_shard_index_cannot_reach_outside_the_checkpoint() {
    let (error, _) = broken(|root| {
        fs::remove_file(root.join(UNET)).unwrap();
        let index = json!({"weight_map": {"conv_in.weight": "../../../etc/passwd"}});
        let path = root.join("unet/diffusion_pytorch_model.safetensors.index.json");
        fs::write(path, index.to_string()).unwrap();
    });
    assert!(error.message.contains("plain file name"), "{error}");
}

#[test]
fn shards_are_read_as_one() {
    let copy = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/classic");
    copy_tree(&source, copy.path());
    let tensors = Tensor::read_safetensors(copy.path().join(UNET)).unwrap();
    fs::remove_file(copy.path().join(UNET)).unwrap();
    let mut map = serde_json::Map::new();
    for (number, part) in tensors.chunks(tensors.len() / 2 + 1).enumerate() {
        let name = format!("part-{number}.safetensors");
        Tensor::write_safetensors(part, copy.path().join("unet").join(&name)).unwrap();
        map.extend(part.iter().map(|(key, _)| (key.clone(), json!(name))));
    }
    let index = copy
        .path()
        .join("unet/diffusion_pytorch_model.safetensors.index.json");
    fs::write(index, json!({"weight_map": map}).to_string()).unwrap();
    assert_eq!(inspect(copy.path()).problems, []);
    assert!(Pipeline::load(copy.path(), LoadOptions::default()).is_ok());
}

#[test]
fn classes_and_options_that_are_not_known_are_named() {
    let index = "model_index.json";
    let (error, _) = broken(|root| {
        edit_json(&root.join(index), |index| {
            index["_class_name"] = json!("FluxPipeline");
        });
    });
    assert_eq!(error.key.as_deref(), Some("_class_name"));
    assert!(error.message.contains("FluxPipeline"));
    let unet = "unet/config.json";
    let rows = [
        (
            "KDownBlock2D",
            "down_block_types",
            json!(["KDownBlock2D", "CrossAttnDownBlock2D"]),
        ),
        ("addition_embed_type", "addition_embed_type", json!("image")),
        ("attention_head_dim", "attention_head_dim", json!([2, 2, 2])),
        ("norm_num_groups", "norm_num_groups", json!(3)),
        ("attention_head_dim", "attention_head_dim", json!(0)),
        ("in_channels", "in_channels", json!(7)),
    ];
    for (key, option, value) in rows {
        let (error, _) = broken(|root| edit_json(&root.join(unet), |unet| unet[option] = value));
        assert_eq!(error.key.as_deref(), Some(key), "{error}");
    }
    let (error, _) = broken(|root| fs::write(root.join(unet), "{").unwrap());
    assert_eq!(error.file.to_str(), Some(unet));
}

#[test]
fn a_directory_that_is_no_checkpoint_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    let Err(error) = Pipeline::load(empty.path(), LoadOptions::default()) else {
        panic!("an empty directory was loaded");
    };
    assert!(error.file.ends_with("model_index.json"));
}
