//! `easel-playground`: a Discord on localhost with a chat page.

use clap::Parser;
use easel_playground::{Arguments, Playground};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let playground = Playground::start(Arguments::parse().into_config()).await?;
    tracing::info!(url = playground.origin(), "the playground is open");
    easel_playground::until_signalled().await?;
    playground.shutdown().await;
    Ok(())
}
