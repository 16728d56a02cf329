//! `add-node`: the broker account of a node, with its own inbox, its own routing keys and nothing else (G11).

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use easel_broker::account::create_node_account;
use easel_broker::management::Management;
use easel_broker::{Lane, Names, Segment};
use easel_domain::NodeId;
use easel_domain::clock::EntropyExt;
use easel_service::config::{BrokerConfig, ConfigArgs, Sources};
use easel_service::{BadInput, SystemEntropy};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

/// Options of `add-node`.
#[derive(Debug, clap::Args)]
pub(crate) struct AddNodeArgs {
    /// Name of the node: 1 to 64 of a-z, 0-9, - and _
    node: NodeId,
    /// Region whose jobs it takes
    #[arg(long, default_value = "local")]
    region: Segment,
    /// Pool whose jobs it takes
    #[arg(long, default_value = "main")]
    pool: Segment,
    /// Write the node's broker address into this file, readable by its owner alone, instead of printing it
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Settings {
    broker: BrokerConfig,
}

/// Creates the account, or gives an existing one a new password, and hands out the address for the node.
pub(crate) fn run(args: AddNodeArgs, config: &ConfigArgs) -> ExitCode {
    let settings = Sources::from_args(config)
        .map_err(anyhow::Error::from)
        .and_then(|sources| {
            Ok(easel_service::config::load::<Settings>("dispatcher", &sources)?.config)
        });
    easel_service::once("dispatcher", move || async move {
        let broker = settings?.broker;
        let address = create(&args, &broker).await?;
        hand_out(&args, &address)
    })
}

async fn create(args: &AddNodeArgs, broker: &BrokerConfig) -> anyhow::Result<String> {
    let management = broker.management_url.as_ref().ok_or_else(|| {
        BadInput(
            "`broker.management_url` (EASEL_BROKER__MANAGEMENT_URL) is not set: accounts are made through the broker's \
             management plugin, so give its address, such as http://user:password@127.0.0.1:15672"
                .into(),
        )
    })?;
    let management = Management::new(management).map_err(|error| BadInput(error.to_string()))?;
    let mut url = Url::parse(broker.url.expose_secret())
        .map_err(|error| BadInput(format!("`broker.url`: {error}")))?;
    let path = url.path().trim_start_matches('/').to_owned();
    let vhost = if path.is_empty() {
        "/".to_owned()
    } else {
        path.replace("%2F", "/").replace("%2f", "/")
    };
    let names = Names::new(&broker.prefix).map_err(|error| BadInput(error.to_string()))?;
    let lane = Lane {
        region: args.region.clone(),
        pool: args.pool.clone(),
    };
    let password = format!(
        "{}{}",
        SystemEntropy.random_uuid().simple(),
        SystemEntropy.random_uuid().simple()
    );
    let secret = SecretString::from(password.clone());
    let user = create_node_account(&management, &vhost, &names, &lane, &args.node, &secret)
        .await
        .context("create the account at the broker")?;
    url.set_username(&user).ok();
    url.set_password(Some(&password)).ok();
    Ok(url.into())
}

#[expect(clippy::print_stdout, reason = "the address is this command's result")]
fn hand_out(args: &AddNodeArgs, address: &str) -> anyhow::Result<()> {
    let line = format!("EASEL_BROKER__URL={address}\n");
    match &args.out {
        None => print!("{line}"),
        Some(path) => {
            write_private(path, &line).with_context(|| format!("write {}", path.display()))?;
        }
    }
    Ok(())
}

fn write_private(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}
