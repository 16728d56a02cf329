//! `easel-playground`: a Discord on localhost with a chat page.

use anyhow::Context;
use clap::Parser;
use easel_playground::{Arguments, Playground};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let config = Arguments::parse().into_config();
    let listen = config.listen;
    let started = Playground::start(config).await;
    let playground = started.with_context(|| format!("open the playground on {listen}"))?;
    tracing::info!(url = playground.origin(), "the playground is open");
    easel_playground::until_signalled().await?;
    playground.shutdown().await;
    Ok(())
}
