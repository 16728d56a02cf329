//! The local S3 server: the storage of a machine that has no cloud.
//!
//! `s3s` speaks the protocol and checks signatures, `s3s-fs` keeps objects as files; this module adds the one rule the
//! stock server lacks. A CDN reads without a signature, so keys under [`PUBLIC_PREFIX`] may be read by anyone, and
//! nothing else may be done by anyone. No lifecycle rules, no tagging, and a conditional GET is answered in full.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder as ConnectionBuilder;
use hyper_util::server::graceful::GracefulShutdown;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::path::S3Path;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};
use s3s_fs::FileSystem;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Keys that anyone may read; every other storage class needs a signature.
pub const PUBLIC_PREFIX: &str = "public/";

/// How long connections may finish their request after the stop.
const DRAIN: Duration = Duration::from_secs(10);

/// More simultaneous connections than this wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 512;

/// Where the server keeps its files and whom it believes.
#[derive(Debug)]
pub struct S3Config {
    /// Directory of all buckets; made if missing.
    pub root: PathBuf,
    /// Bucket that exists from the start.
    pub bucket: String,
    /// The only account's name.
    pub access_key: String,
    /// The only account's secret; requests are signed with it.
    pub secret_key: SecretString,
}

/// What keeps the server from starting or from going on.
#[derive(Debug, thiserror::Error)]
pub enum S3ServerError {
    /// The bucket's name would be no plain directory name.
    #[error("bucket name {0:?} is not made of 3 to 63 lowercase letters, digits, dots and dashes")]
    BucketName(String),
    /// The directory cannot be made or read.
    #[error("open the object directory {root}")]
    Root {
        /// The directory as given.
        root: PathBuf,
        /// What the file system said.
        #[source]
        source: std::io::Error,
    },
    /// The file store refused its directory.
    #[error("open the object store: {0}")]
    Store(String),
}

/// Everyone may read what is public; everything else must be signed.
struct PublicReads;

#[async_trait]
impl S3Access for PublicReads {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        // The file store resolves dot segments, so such a key could name another class's file or another bucket's.
        if let S3Path::Object { key, .. } = cx.s3_path()
            && !is_plain(key)
        {
            return Err(s3_error!(
                InvalidArgument,
                "Keys have no empty and no dot segments"
            ));
        }
        if cx.credentials().is_some() || may_read_unsigned(cx.s3_op().name(), cx.s3_path()) {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "Signature is required"))
    }
}

fn may_read_unsigned(operation: &str, path: &S3Path) -> bool {
    let reads = matches!(operation, "GetObject" | "HeadObject");
    reads && matches!(path, S3Path::Object { key, .. } if key.starts_with(PUBLIC_PREFIX))
}

/// A trailing slash is a directory marker and allowed.
fn is_plain(key: &str) -> bool {
    let key = key.strip_suffix('/').unwrap_or(key);
    key.split('/')
        .all(|segment| !matches!(segment, "" | "." | ".."))
}

fn is_bucket_name(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && !name.starts_with(['.', '-'])
        && !name.contains("..")
}

fn open(config: S3Config) -> Result<S3Service, S3ServerError> {
    if !is_bucket_name(&config.bucket) {
        return Err(S3ServerError::BucketName(config.bucket));
    }
    // A bucket of the file store is a directory.
    std::fs::create_dir_all(config.root.join(&config.bucket)).map_err(|source| {
        S3ServerError::Root {
            root: config.root.clone(),
            source,
        }
    })?;
    let store = FileSystem::new(&config.root)
        .map_err(|error| S3ServerError::Store(format!("{error:?}")))?;
    let mut builder = S3ServiceBuilder::new(store);
    builder.set_auth(SimpleAuth::from_single(
        config.access_key,
        config.secret_key.expose_secret(),
    ));
    builder.set_access(PublicReads);
    Ok(builder.build())
}

/// A server that has its port and its files, and answers once [`S3Server::run`].
pub struct S3Server {
    listener: TcpListener,
    service: S3Service,
}

impl S3Server {
    /// Opens the object directory of `config` and takes over an already bound `listener`.
    ///
    /// # Errors
    /// A bucket name that is none, or a directory that cannot be made or read.
    pub fn new(listener: TcpListener, config: S3Config) -> Result<Self, S3ServerError> {
        Ok(Self {
            listener,
            service: open(config)?,
        })
    }

    /// The address clients connect to; known even when port 0 was asked for.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` resolves, then lets open requests finish for up to ten seconds.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let http = ConnectionBuilder::new(TokioExecutor::new());
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept(), if connections.len() < MAX_CONNECTIONS => accepted,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((socket, _)) => {
                    let connection = http
                        .serve_connection(TokioIo::new(socket), self.service.clone())
                        .into_owned();
                    let connection = graceful.watch(connection);
                    connections.spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "connection ended early");
                        }
                    });
                }
                // Out of descriptors, or the peer left before we looked: the next accept may work.
                Err(error) => {
                    tracing::warn!(%error, "accept connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        if tokio::time::timeout(DRAIN, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("connections were still busy at the end of the drain and are dropped");
        }
        connections.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str) -> S3Path {
        S3Path::Object {
            bucket: "easel".into(),
            key: key.into(),
        }
    }

    #[test]
    fn only_reads_of_public_objects_need_no_signature() {
        assert!(may_read_unsigned("GetObject", &object("public/a.png")));
        assert!(may_read_unsigned("HeadObject", &object("public/a.png")));
        for operation in ["PutObject", "DeleteObject", "GetObjectAcl", "ListObjectsV2"] {
            assert!(
                !may_read_unsigned(operation, &object("public/a.png")),
                "{operation}"
            );
        }
        for key in [
            "private/a.png",
            "input/a",
            "scratch/a",
            "quarantine/a",
            "publicity/a",
            "a/public/b",
        ] {
            assert!(!may_read_unsigned("GetObject", &object(key)), "{key}");
        }
        assert!(!may_read_unsigned(
            "GetObject",
            &S3Path::Bucket {
                bucket: "easel".into()
            }
        ));
    }

    #[test]
    fn keys_that_climb_are_not_plain() {
        for key in [
            "public/../private/a",
            "public/./a",
            "public//a",
            "../a",
            "..",
            "",
        ] {
            assert!(!is_plain(key), "{key}");
        }
        for key in ["public/a", "public/..a", "public/a..b/c", "public/"] {
            assert!(is_plain(key), "{key}");
        }
    }

    #[test]
    fn bucket_names_are_plain_directory_names() {
        assert!(is_bucket_name("easel-1.x"));
        for name in ["", "ab", "../x", "Easel", ".easel", "a/b", "a..b"] {
            assert!(!is_bucket_name(name), "{name}");
        }
    }
}
