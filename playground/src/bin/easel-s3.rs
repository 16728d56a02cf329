//! `easel-s3`: the local S3 server as a process. The secret comes from the environment or a file, so that `ps` never
//! shows it.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use easel_playground::s3::{S3Config, S3Server};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

/// A small S3 server on this machine's files. Reads the account's secret from the variable `EASEL_S3__SECRET_KEY`, or
/// from the file that `EASEL_S3__SECRET_KEY_FILE` names.
#[derive(Parser)]
struct Arguments {
    /// Address to listen on.
    #[arg(long, env = "EASEL_S3__LISTEN", default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// Directory that holds the buckets.
    #[arg(long, env = "EASEL_S3__ROOT")]
    root: PathBuf,
    /// Bucket to make if it does not exist.
    #[arg(long, env = "EASEL_S3__BUCKET", default_value = "easel")]
    bucket: String,
    /// Name of the only account.
    #[arg(long, env = "EASEL_S3__ACCESS_KEY")]
    access_key: String,
}

fn secret_key() -> anyhow::Result<SecretString> {
    if let Ok(value) = std::env::var("EASEL_S3__SECRET_KEY") {
        return Ok(value.into());
    }
    let path = std::env::var("EASEL_S3__SECRET_KEY_FILE")
        .context("neither EASEL_S3__SECRET_KEY nor EASEL_S3__SECRET_KEY_FILE is set")?;
    let value =
        std::fs::read_to_string(&path).with_context(|| format!("read the secret from {path}"))?;
    Ok(value.trim_end().to_owned().into())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let arguments = Arguments::parse();
    let secret_key = secret_key()?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("listen on {}", arguments.listen))?;
    let config = S3Config {
        root: arguments.root,
        bucket: arguments.bucket,
        access_key: arguments.access_key,
        secret_key,
    };
    let server = S3Server::new(listener, config)?;
    tracing::info!(address = %server.address()?, "serving");
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    server.run(stop).await;
    Ok(())
}
