//! The process's flags and environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{DEFAULT_TOKEN, PlaygroundConfig};
use crate::world::Seed;

/// A Discord on localhost: REST, gateway, and a chat page to try a bot with.
#[derive(Clone, Debug, Parser)]
pub struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(
        long,
        env = "EASEL_PLAYGROUND__LISTEN",
        default_value = "127.0.0.1:8088"
    )]
    listen: SocketAddr,
    /// Origin under which the bot reaches it (`http://host:port`), where that is not the address listened on.
    #[arg(long, env = "EASEL_PLAYGROUND__ORIGIN")]
    origin: Option<String>,
    /// Token that the bot must present.
    #[arg(long, env = "EASEL_PLAYGROUND__TOKEN", default_value = DEFAULT_TOKEN, hide_env_values = true)]
    token: String,
    /// Serve the chat page from this directory instead of from the binary.
    #[arg(long, env = "EASEL_PLAYGROUND__WEB")]
    web: Option<PathBuf>,
    /// Keep messages, commands and files in this directory over a restart.
    #[arg(long, env = "EASEL_PLAYGROUND__STATE")]
    state: Option<PathBuf>,
}

impl Arguments {
    /// The configuration that the flags ask for.
    pub fn into_config(self) -> PlaygroundConfig {
        PlaygroundConfig {
            listen: self.listen,
            origin: self
                .origin
                .map(|origin| origin.trim_end_matches('/').to_owned()),
            token: self.token,
            web_dir: self.web,
            state_dir: self.state,
            seed: Seed::default().with_places_elsewhere(),
            ..PlaygroundConfig::default()
        }
    }
}

/// Waits for SIGINT or SIGTERM.
pub async fn until_signalled() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
