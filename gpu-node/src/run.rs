//! `run`: the node as a service.

use std::process::ExitCode;
use std::sync::Arc;

use easel_domain::model::ModelProfile;
use easel_service::BadInput;
use easel_service::config::ConfigArgs;

use crate::agent::{self, Models};
use crate::checker::Checkers;
use crate::checker::network::{self, Painter};
use crate::config::{AgentConfig, NodeConfig};
use crate::engine::Engine;
use crate::engine::torch::{EyesOptions, StartError, Stored, TorchEngine, TorchOptions};
use crate::profile::read_profile;
use easel_diffusion::{Device, Precision};

/// Pictures that are denoised together at most: two full grids.
const MAX_PICTURES: u32 = 8;

/// Serves until stopped.
pub fn run(args: &ConfigArgs) -> ExitCode {
    easel_service::serve("gpu-node", args, |ctx, config: AgentConfig| async move {
        let mut profiles = Vec::new();
        for one in config.node.stock() {
            let profile =
                read_profile(&one.directory).map_err(|error| BadInput(describe(&error)))?;
            profiles.push(profile);
        }
        let (node, read) = (config.node.clone(), profiles.clone());
        let checkers = tokio::task::spawn_blocking(move || load_checkers(&node, &read)).await??;
        let options = engine_options(&config.node)?;
        let engine = tokio::task::spawn_blocking(move || TorchEngine::start(options))
            .await?
            .map_err(refuse)?;
        let engine: Arc<dyn Engine> = Arc::new(engine);
        let models = engine.models();
        for model in &models {
            tracing::info!(model.hash = %model.hash, "model {} is {:?}", model.id, model.residency);
        }
        // The engine names them in the order in which it was given them.
        let hashes = || models.iter().map(|model| model.hash.clone());
        let directories = config.node.stock().into_iter().map(|one| one.directory);
        let described = Models {
            profiles: hashes().zip(profiles).collect(),
            directories: hashes().zip(directories).collect(),
            checkers,
        };
        let served = agent::run(ctx, config, Arc::clone(&engine), described).await;
        tokio::task::spawn_blocking(move || engine.shutdown()).await?;
        served
    })
}

/// What looks at the pictures of the models, as far as anything does.
fn load_checkers(node: &NodeConfig, profiles: &[ModelProfile]) -> Result<Checkers, BadInput> {
    let stock = node.stock();
    let painters: Vec<Painter<'_>> = stock
        .iter()
        .zip(profiles)
        .map(|(one, profile)| Painter {
            directory: &one.directory,
            safe: profile.safe,
        })
        .collect();
    network::load(node, &painters).map_err(|error| BadInput(error.to_string()))
}

/// Share of the memory that is free at the start that a node on a CPU takes, unless told otherwise.
const SHARE_OF_FREE: f64 = 0.8;

/// More memory than any device has, in bytes.
const UNBOUNDED: u64 = 1 << 50;

/// Memory for weights and pictures, in bytes. What is pinned stays whatever the budget says, so that a GPU that holds nothing
/// else does without one.
fn memory_bytes(node: &NodeConfig, device: Device) -> Result<u64, BadInput> {
    if let Some(gib) = node.memory_gib {
        return Ok((gib * f64::from(1 << 30)) as u64);
    }
    if device != Device::Cpu && node.stock().iter().all(|model| model.pin) {
        tracing::warn!(
            "`node.memory_gib` is missing: nothing is refused before the GPU itself runs out of memory"
        );
        return Ok(UNBOUNDED);
    }
    if device != Device::Cpu {
        let message =
            "`node.memory_gib` is missing: say how much of the GPU's memory this node may use";
        return Err(BadInput(message.to_owned()));
    }
    let free = std::fs::read_to_string("/proc/meminfo").ok();
    let free = free.as_deref().and_then(available_kib).ok_or_else(|| {
        BadInput(
            "`node.memory_gib` is missing, and this system does not tell its free memory"
                .to_owned(),
        )
    })?;
    Ok((free as f64 * 1024.0 * SHARE_OF_FREE) as u64)
}

/// `MemAvailable` of `/proc/meminfo`, in KiB.
fn available_kib(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn engine_options(node: &NodeConfig) -> anyhow::Result<TorchOptions> {
    let device: Device = node.device.parse().map_err(|_| {
        BadInput(format!(
            "`node.device`: {:?} is neither cpu nor cuda:N",
            node.device
        ))
    })?;
    if !device.is_available() {
        return Err(BadInput(format!(
            "`node.device`: this libtorch has no device {device}"
        ))
        .into());
    }
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    Ok(TorchOptions {
        models: node
            .stock()
            .into_iter()
            .map(|one| Stored {
                directory: one.directory,
                pinned: one.pin,
            })
            .collect(),
        device,
        precision: Precision::default(),
        workers: if node.threads == 0 {
            cores()
        } else {
            node.threads
        },
        max_pictures: MAX_PICTURES,
        memory_bytes: memory_bytes(node, device)?,
        step_deadline: node.step_deadline,
        eyes: node
            .eyes()
            .map(|(directory, phrases)| EyesOptions { directory, phrases }),
    })
}

/// A checkpoint that cannot be loaded is bad input; anything else is a failure.
fn refuse(error: StartError) -> anyhow::Error {
    match error {
        StartError::Load(ref error) => BadInput(format!("`node.models`: {error}")).into(),
        StartError::Eyes(ref error) => BadInput(format!("`node.describe`: {error}")).into(),
        StartError::Thread(_) => error.into(),
    }
}

fn describe(error: &dyn std::error::Error) -> String {
    error
        .source()
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

#[cfg(test)]
mod tests {
    use super::available_kib;

    #[test]
    fn free_memory_is_what_the_kernel_calls_available() {
        let meminfo = "MemTotal:       8000000 kB\nMemFree:  100 kB\nMemAvailable:    1234 kB\n";
        assert_eq!(available_kib(meminfo), Some(1234));
        assert_eq!(available_kib("MemTotal: 1 kB"), None);
    }
}
