//! How a connection to the database comes about: over a socket that does not wait for ever.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use deadpool_postgres::{ConfigConnectImpl, Connect};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, Error, NoTls};

use crate::silence::Bounded;

type Connecting<'c> =
    Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + 'c>>;

/// Connects over TCP with a limit on silence; a socket of this machine is left to the driver.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoundedConnect {
    /// Longest silence after a request.
    pub silence: Duration,
}

impl Connect for BoundedConnect {
    fn connect(&self, config: &Config) -> Connecting<'_> {
        let (config, silence) = (config.clone(), self.silence);
        Box::pin(async move {
            match open(&config).await {
                Some(stream) => {
                    let stream = Bounded::new(stream, silence);
                    let (client, connection) = config.connect_raw(stream, NoTls).await?;
                    // Owned by the pool, which ends it with the connection.
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "the handle goes to the pool, which is its owner"
                    )]
                    let task = tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::warn!("a connection to the database broke: {error}");
                        }
                    });
                    Ok((client, task))
                }
                // No TCP address, or none that answers: the driver's own attempt says what is wrong.
                None => ConfigConnectImpl { tls: NoTls }.connect(&config).await,
            }
        })
    }
}

/// The first address that takes a connection.
async fn open(config: &Config) -> Option<TcpStream> {
    let ports = config.get_ports();
    for (number, host) in config.get_hosts().iter().enumerate() {
        let port = ports.get(number).or(ports.first()).copied().unwrap_or(5432);
        let stream = match host {
            Host::Tcp(name) => TcpStream::connect((name.as_str(), port)).await,
            #[cfg(unix)]
            Host::Unix(_) => return None,
        };
        if let Ok(stream) = stream
            && stream.set_nodelay(true).is_ok()
        {
            return Some(stream);
        }
    }
    None
}
