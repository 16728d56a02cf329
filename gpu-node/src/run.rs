//! `run`: the node as a service.

use std::process::ExitCode;
use std::sync::Arc;

use easel_service::BadInput;
use easel_service::config::ConfigArgs;

use crate::agent;
use crate::config::{AgentConfig, NodeConfig};
use crate::engine::torch::{StartError, TorchEngine, TorchOptions};
use crate::engine::{Engine, EngineInfo};
use crate::profile::read_profile;
use easel_diffusion::{Device, Precision};

/// Pictures that are denoised together at most: two full grids.
const MAX_PICTURES: u32 = 8;

/// Serves until stopped.
pub fn run(args: &ConfigArgs) -> ExitCode {
    easel_service::serve("gpu-node", args, |ctx, config: AgentConfig| async move {
        let profile =
            read_profile(&config.node.model).map_err(|error| BadInput(describe(&error)))?;
        let options = engine_options(&config.node)?;
        let engine = tokio::task::spawn_blocking(move || TorchEngine::start(options))
            .await?
            .map_err(refuse)?;
        let engine: Arc<dyn Engine> = Arc::new(engine);
        let EngineInfo {
            model_id,
            model_hash,
            ..
        } = engine.info();
        tracing::info!(model.hash = %model_hash, "model {model_id} is loaded");
        let served = agent::run(ctx, config, Arc::clone(&engine), profile).await;
        tokio::task::spawn_blocking(move || engine.shutdown()).await?;
        served
    })
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
        model: node.model.clone(),
        device,
        precision: Precision::default(),
        workers: if node.threads == 0 {
            cores()
        } else {
            node.threads
        },
        max_pictures: MAX_PICTURES,
    })
}

/// A checkpoint that cannot be loaded is bad input; anything else is a failure.
fn refuse(error: StartError) -> anyhow::Error {
    match error {
        StartError::Load(error) => BadInput(format!("`node.model`: {error}")).into(),
        other => other.into(),
    }
}

fn describe(error: &dyn std::error::Error) -> String {
    error
        .source()
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
