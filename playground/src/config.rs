//! What a playground is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use easel_domain::{Clock, Entropy};
use easel_service::{SystemClock, SystemEntropy};

use crate::world::{Rules, Seed};

/// The bot token of a playground that is given none.
pub const DEFAULT_TOKEN: &str = "playground.token.not-a-secret";

/// How to start a playground. The default listens on a free port of this machine and keeps Discord's own times.
pub struct PlaygroundConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The origin under which the bot reaches it, for links and the gateway's address: `http://host:port`.
    /// Without one it is the address listened on.
    pub origin: Option<String>,
    /// The token that the bot must present.
    pub token: String,
    /// Who and what is there at the start.
    pub seed: Seed,
    /// Times, sizes and limits.
    pub rules: Rules,
    /// The wall clock that the two interaction clocks are read from.
    pub clock: Arc<dyn Clock>,
    /// Source of tokens and session ids.
    pub entropy: Box<dyn Entropy>,
    /// Serve the chat page from here instead of from the binary.
    pub web_dir: Option<PathBuf>,
    /// Keep messages, commands and files here over a restart.
    pub state_dir: Option<PathBuf>,
}

impl Default for PlaygroundConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            origin: None,
            token: DEFAULT_TOKEN.to_owned(),
            seed: Seed::default(),
            rules: Rules::default(),
            clock: Arc::new(SystemClock),
            entropy: Box::new(SystemEntropy),
            web_dir: None,
            state_dir: None,
        }
    }
}
