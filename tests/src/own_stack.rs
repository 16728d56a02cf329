//! A stack of servers that one test may break.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::real::binary;
use crate::servers::{self, Vhost, variable};

/// A stack of its own. Dropping it takes it down with its data.
#[derive(Debug)]
pub struct OwnStack {
    name: String,
    script: String,
    storage: PathBuf,
}

impl OwnStack {
    /// Starts one with empty data. The name carries this process's id, so that two runs do not meet.
    pub async fn start(name: &str) -> Result<Self> {
        let stack = Self {
            name: format!("{name}-{}", std::process::id()),
            script: variable("EASEL_TEST_STACK")?,
            storage: binary("easel-s3")?,
        };
        stack.run(["up", "--fresh"]).await?;
        Ok(stack)
    }

    /// A virtual host on its broker.
    pub async fn vhost(&self) -> Result<Vhost> {
        let environment = self.run(["env"]).await?;
        let value = |name: &str| {
            let found = environment
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            found
                .map(str::to_owned)
                .with_context(|| format!("the stack does not name {name}"))
        };
        let url = value("EASEL_TEST_BROKER_URL")?
            .parse()
            .context("read the broker's address")?;
        servers::make_vhost(url, value("EASEL_TEST_BROKER_MANAGEMENT_URL")?).await
    }

    /// Kills the broker as a crash would, starts it again and waits until it answers.
    pub async fn restart_broker(&self) -> Result<()> {
        self.run(["restart", "broker"]).await.map(drop)
    }

    async fn run<const N: usize>(&self, arguments: [&str; N]) -> Result<String> {
        let output = self
            .command(arguments)
            .output()
            .await
            .with_context(|| format!("run {}", self.script))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "stack {arguments:?} ended with {}: {errors}",
            output.status
        );
        String::from_utf8(output.stdout).context("read the stack's answer")
    }

    fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Command {
        let mut command = Command::new(&self.script);
        command
            .args(arguments)
            .args(["--name", &self.name])
            .env("EASEL_S3_BIN", &self.storage)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

impl Drop for OwnStack {
    fn drop(&mut self) {
        // What stays behind is removed by name; there is nobody left to tell.
        let _ = self
            .command(["remove"])
            .into_std()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}
