//! A road to a server that a test can close: connections then end, and new ones are refused an answer.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

const PATIENCE: Duration = Duration::from_mins(1);

/// A way to one server. Dropping it closes it.
#[derive(Debug)]
pub struct Road {
    /// Where the server seems to be.
    pub address: Url,
    open: watch::Sender<bool>,
    turned_away: watch::Receiver<u32>,
    _carrier: JoinSet<()>,
}

impl Road {
    /// A road to the server at `address`, open.
    pub async fn to(address: &Url) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("listen for the road")?;
        let host = address.host_str().context("the server has a host")?;
        let port = address
            .port_or_known_default()
            .context("the server has a port")?;
        let server = (host.to_owned(), port);
        let mut seen = address.clone();
        let own = listener.local_addr().context("learn the road's port")?;
        let _ = seen.set_port(Some(own.port()));
        let (open, is_open) = watch::channel(true);
        let (refusals, turned_away) = watch::channel(0);
        let mut carrier = JoinSet::new();
        carrier.spawn(carry(listener, server, is_open, refusals));
        Ok(Self {
            address: seen,
            open,
            turned_away,
            _carrier: carrier,
        })
    }

    /// Ends every connection and takes no new one.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    /// Waits until this many connections have been turned away.
    pub async fn until_turned_away(&self, count: u32) -> Result<()> {
        let mut turned_away = self.turned_away.clone();
        let waiting = turned_away.wait_for(|so_far| *so_far >= count);
        timeout(PATIENCE, waiting)
            .await
            .with_context(|| format!("wait until {count} connections were turned away"))??;
        Ok(())
    }

    /// Lets connections through again.
    pub fn reopen(&self) {
        self.open.send_replace(true);
    }
}

async fn carry(
    listener: TcpListener,
    server: (String, u16),
    is_open: watch::Receiver<bool>,
    turned_away: watch::Sender<u32>,
) {
    let mut ways = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        if !*is_open.borrow() {
            turned_away.send_modify(|count| *count += 1);
            continue;
        }
        let (server, mut is_open) = (server.clone(), is_open.clone());
        ways.spawn(async move {
            let Ok(mut far) = TcpStream::connect((server.0.as_str(), server.1)).await else {
                return;
            };
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = is_open.wait_for(|open| !open) => {}
            }
        });
        while ways.try_join_next().is_some() {}
    }
}
