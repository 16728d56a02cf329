//! `release-node`: an operator lets a quarantined node work again (G6).

use std::process::ExitCode;

use easel_domain::NodeId;
use easel_service::BadInput;
use easel_service::config::{ConfigArgs, DatabaseConfig, Sources};
use easel_store::{Store, StoreConfig};
use serde::Deserialize;

/// Options of `release-node`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReleaseNodeArgs {
    /// Name of the node
    node: NodeId,
    /// Who says so and why, for the record
    #[arg(long)]
    by: String,
}

#[derive(Debug, Deserialize)]
struct Settings {
    database: DatabaseConfig,
}

/// Releases it.
pub(crate) fn run(args: ReleaseNodeArgs, config: &ConfigArgs) -> ExitCode {
    let settings = Sources::from_args(config)
        .map_err(anyhow::Error::from)
        .and_then(|sources| {
            Ok(easel_service::config::load::<Settings>("dispatcher", &sources)?.config)
        });
    easel_service::once("dispatcher", move || async move {
        let store = Store::new(&StoreConfig::new(settings?.database.url))?;
        match store.release_node(&args.node, &args.by).await {
            Err(error) if error.is_lost_race() => {
                Err(BadInput(format!("node {} is not quarantined", args.node)).into())
            }
            done => Ok(done?),
        }
    })
}
