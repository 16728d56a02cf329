//! From a host's name to addresses that may be connected to.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use super::is_public;

/// What a look-up gives: an owned future, because the client keeps it.
pub type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Looks hosts up.
pub trait HostResolver: Send + Sync + 'static {
    /// Every address of the host.
    fn look_up(&self, host: &str) -> Lookup;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl HostResolver for SystemResolver {
    fn look_up(&self, host: &str) -> Lookup {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A host has an address that is not public.
#[derive(Debug, Error)]
#[error("the host has an address that is not public")]
pub(super) struct Forbidden;

/// Hands out only addresses that were checked; the client connects to these and to no others.
pub(super) struct GuardedResolver {
    inner: Arc<dyn HostResolver>,
    trusted: BTreeSet<String>,
}

impl GuardedResolver {
    /// Hosts in `trusted` may have any address.
    pub(super) fn new(inner: Arc<dyn HostResolver>, trusted: BTreeSet<String>) -> Self {
        Self { inner, trusted }
    }
}

impl fmt::Debug for GuardedResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedResolver").finish_non_exhaustive()
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let trusted = self.trusted.contains(name.as_str());
        let lookup = self.inner.look_up(name.as_str());
        Box::pin(async move {
            let found = lookup.await?;
            // One private address among public ones is an attempt, not a coincidence.
            if !trusted && !found.iter().copied().all(is_public) {
                return Err(Forbidden.into());
            }
            let addresses: Addrs = Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}
