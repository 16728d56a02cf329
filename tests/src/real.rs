//! The platform as processes: the binaries that are shipped, with the model that is shipped, over real servers.
//!
//! Only Discord is in the test's own process, so that a test can look at it and disturb it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use easel_domain::JobId;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::people::People;
use crate::servers::Vhost;
use crate::world::{World, eventually};

/// Longest time that a process may take to drain.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// The platform, its processes not started yet.
pub struct Platform {
    /// Its database, its queues, its accounts.
    pub world: World,
    /// Its members.
    pub people: People,
    logs: TempDir,
}

/// One process. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// `kill -9`.
    pub async fn kill(mut self) -> Result<()> {
        self.expect_alive()?;
        self.child.kill().await.context("kill a process")
    }

    /// Whether it has ended by itself, and well.
    pub fn has_ended(&mut self) -> Result<bool> {
        match self.child.try_wait()? {
            None => Ok(false),
            Some(status) if status.success() => Ok(true),
            Some(_) => self.expect_alive().map(|()| false),
        }
    }

    /// SIGTERM, and waits until it has ended well.
    pub async fn terminate(mut self) -> Result<()> {
        self.expect_alive()?;
        let id = self.child.id().context("the process has ended")?;
        let mut signal = Command::new("kill");
        let told = signal.arg("-TERM").arg(id.to_string());
        ensure!(told.status().await?.success(), "cannot signal process {id}");
        let ended = tokio::time::timeout(DRAIN_LIMIT, self.child.wait()).await;
        let status = ended.context("it did not end after SIGTERM")??;
        if status.success() {
            return Ok(());
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        bail!("it ended with {status}:\n{log}")
    }

    fn expect_alive(&mut self) -> Result<()> {
        let Some(status) = self.child.try_wait()? else {
            return Ok(());
        };
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        bail!("it has ended by itself with {status}:\n{log}")
    }
}

/// A binary of this workspace, as cargo has built it beside the test.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe().context("find the test's own place")?;
    let profile = test
        .parent()
        .and_then(Path::parent)
        .context("find the build directory")?;
    let binary = profile.join(name);
    ensure!(
        binary.is_file(),
        "{} is not there: run `cargo build --workspace --bins` first",
        binary.display()
    );
    Ok(binary)
}

fn shipped(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../models")
        .join(model)
}

impl Platform {
    /// Database, queues and people on the stack's servers.
    pub async fn new() -> Result<Self> {
        Self::with(World::new().await?).await
    }

    /// The same, on some broker.
    pub async fn at(vhost: Vhost) -> Result<Self> {
        Self::with(World::at(vhost).await?).await
    }

    async fn with(world: World) -> Result<Self> {
        let logs = TempDir::new().context("make a directory for logs")?;
        Ok(Self {
            world,
            people: People::gather().await?,
            logs,
        })
    }

    /// Starts a dispatcher.
    pub fn dispatcher(&self) -> Result<Process> {
        self.start("easel-dispatcher", &self.world.dispatcher_settings()?)
    }

    /// Starts a node with the shipped model and waits until it is known.
    pub async fn node(&self, name: &str) -> Result<Process> {
        let mut settings = self.world.node_settings(name).await?;
        settings.push(("node.model", shipped("easel-tiny").display().to_string()));
        settings.push(("node.describe", shipped("easel-eyes").display().to_string()));
        let node = self.start("easel-gpu-node", &settings)?;
        self.alive(node, self.world.until_served()).await
    }

    /// Starts a bot and waits until it serves.
    pub async fn bot(&self) -> Result<Process> {
        self.bot_with(&[]).await
    }

    /// The same, with other settings.
    pub async fn bot_with(&self, settings: &[(&'static str, &str)]) -> Result<Process> {
        let mut all = self.world.bot_settings(&self.people)?;
        all.extend(
            settings
                .iter()
                .map(|(key, value)| (*key, (*value).to_owned())),
        );
        let bot = self.start("easel-bot", &all)?;
        self.alive(bot, self.people.until_served()).await
    }

    async fn alive(
        &self,
        mut process: Process,
        ready: impl Future<Output = Result<()>>,
    ) -> Result<Process> {
        let ready = ready.await;
        process.expect_alive()?;
        ready?;
        Ok(process)
    }

    fn start(&self, program: &str, settings: &[(&'static str, String)]) -> Result<Process> {
        let log = self.logs.path().join(format!("{program}.log"));
        let output = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&log)
            .context("open a log")?;
        let environment = settings.iter().map(|(key, value)| match *key {
            "discord_token" => ("DISCORD_TOKEN".to_owned(), value),
            key => (
                format!("EASEL_{}", key.to_uppercase().replace('.', "__")),
                value,
            ),
        });
        let path = std::env::var_os("PATH").unwrap_or_default();
        let child = Command::new(binary(program)?)
            .arg("run")
            .env_clear()
            .env("PATH", path)
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("share a log")?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {program}"))?;
        Ok(Process { child, log })
    }

    /// The newest job.
    pub async fn newest_job(&self) -> Result<JobId> {
        eventually("a job", || async {
            let connection = self.world.database.store.connection().await?;
            let row = connection
                .query_opt("SELECT id FROM jobs ORDER BY id DESC LIMIT 1", &[])
                .await?;
            Ok(row.map(|row| row.get(0)))
        })
        .await
    }

    /// The end of each process's log, for a test that failed.
    pub fn logs(&self) -> String {
        let mut all = String::new();
        for program in ["easel-bot", "easel-dispatcher", "easel-gpu-node"] {
            let text = std::fs::read_to_string(self.logs.path().join(format!("{program}.log")))
                .unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let end = lines.len().saturating_sub(30);
            all.extend(["--- ", program, "\n", &lines[end..].join("\n"), "\n"]);
        }
        all
    }
}
