//! The bot's process and what is around it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use easel_broker::management::{Management, Permissions};
use easel_domain::clock::EntropyExt;
use easel_playground::{
    GuildSeed, Playground, PlaygroundConfig, PlaygroundHandle, Rules, Seed, UserSeed,
};
use easel_service::SystemEntropy;
use easel_store::testing::TestDatabase;
use secrecy::SecretString;
use time::OffsetDateTime;
use tokio::process::{Child, Command};
use url::Url;

use crate::jobs::Jobs;

/// How long anything may take to start.
const PATIENCE: Duration = Duration::from_mins(1);
const VHOST: &str = "easel-bench-bot";
/// One way of a request and its answer together.
const LATENCY: Duration = Duration::from_millis(100);
const USERS: u32 = 40;

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set: run `make bench-bot`"))
}

/// A playground, a database, queues and a bot.
pub struct Bench {
    pub discord: PlaygroundHandle,
    pub jobs: Jobs,
    database: TestDatabase,
    environment: Vec<(String, String)>,
    process: Option<Child>,
}

impl Bench {
    /// Everything but the bot.
    pub async fn prepare(channels: u32, guilds: u32) -> Result<Self> {
        let discord = Playground::start(PlaygroundConfig {
            seed: seed(channels, guilds),
            rules: Rules {
                latency: LATENCY,
                kept_messages: 100_000,
                ..Rules::default()
            },
            ..PlaygroundConfig::default()
        })
        .await
        .context("start a playground")?;
        let database = TestDatabase::create().await;
        let broker = vhost().await?;
        let prefix = format!(
            "b{}.",
            &SystemEntropy.random_uuid().simple().to_string()[..8]
        );
        let jobs = Jobs::connect(database.store.clone(), broker.as_str(), &prefix).await?;
        let environment = [
            ("DISCORD_TOKEN", discord.token()),
            ("EASEL_DISCORD_API", discord.origin()),
            ("EASEL_DATABASE__URL", database.url.clone()),
            ("EASEL_BROKER__URL", broker.to_string()),
            ("EASEL_BROKER__PREFIX", prefix),
            ("EASEL_CDN__BASE_URL", "http://cdn.test/pictures".to_owned()),
            ("EASEL_DELIVERY__PICTURES", "link".to_owned()),
            ("EASEL_HTTP__LISTEN", "127.0.0.1:0".to_owned()),
            ("EASEL_LOG__FILTER", "warn".to_owned()),
        ];
        let environment = environment
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Ok(Self {
            discord,
            jobs,
            database,
            environment,
            process: None,
        })
    }

    /// Starts the bot and waits until its commands are there.
    pub async fn start_bot(&mut self, program: &Path) -> Result<()> {
        let child = Command::new(program)
            .arg("run")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        self.process = Some(child);
        ensure!(
            self.discord.wait_for_bot(PATIENCE).await,
            "the bot does not connect"
        );
        let command = self.discord.wait_for_command("imagine", PATIENCE).await;
        command.context("the bot registers no command")?;
        Ok(())
    }

    /// Ends the bot as a crash does.
    pub async fn stop_bot(&mut self) -> Result<()> {
        let mut process = self.process.take().context("the bot does not run")?;
        process.kill().await.context("end the bot")?;
        ensure!(
            self.discord.wait_for_silence(PATIENCE).await,
            "the killed bot is still connected"
        );
        Ok(())
    }

    /// Memory that the bot has resident, in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let pid = self.process.as_ref().and_then(Child::id);
        let pid = pid.context("the bot does not run")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
            .context("read the bot's status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        Ok(kib.context("the status has no VmRSS")? * 1_024)
    }

    /// Ends everything.
    pub async fn close(mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill().await.context("end the bot")?;
        }
        self.jobs.close().await;
        self.discord.shutdown().await;
        drop(self.database);
        Ok(())
    }
}

fn seed(channels: u32, guilds: u32) -> Seed {
    let user = |n: u32| UserSeed {
        name: format!("user{n}"),
        display_name: format!("User {n}"),
        avatar_color: "#5865f2".to_owned(),
        is_moderator: false,
        locale: "en-US".to_owned(),
    };
    let guild = |n: u32| GuildSeed {
        name: format!("Guild {n}"),
        icon_text: "G".to_owned(),
        channels: (0..if n == 0 { channels } else { 4 })
            .map(|c| (format!("channel{n}-{c}"), String::new(), false))
            .collect(),
        created_at: OffsetDateTime::UNIX_EPOCH
            + time::Duration::days(19_000)
            + time::Duration::seconds(i64::from(n)),
        premium_tier: 0,
        has_bot: true,
    };
    Seed {
        bot_name: "easel".to_owned(),
        users: (0..USERS).map(user).collect(),
        guilds: (0..guilds.max(1)).map(guild).collect(),
        private: Vec::new(),
    }
}

/// The name of the channel that the `n`th message goes to.
pub fn channel(n: u32, channels: u32) -> String {
    format!("channel0-{}", n % channels.max(1))
}

/// The name of the member who asks for the `n`th message.
pub fn user(n: u32) -> String {
    format!("user{}", n % USERS)
}

async fn vhost() -> Result<Url> {
    let mut url = Url::parse(&variable("EASEL_TEST_BROKER_URL")?).context("an AMQP address")?;
    let owner = url.username().to_string();
    let address = SecretString::from(variable("EASEL_TEST_BROKER_MANAGEMENT_URL")?);
    let management = Management::new(&address).context("a management address")?;
    // Absent at the first run.
    let _ = management.delete_vhost(VHOST).await;
    management
        .create_vhost(VHOST)
        .await
        .context("make a vhost")?;
    management
        .set_permissions(VHOST, &owner, &Permissions::all())
        .await
        .context("give rights")?;
    url.set_path(VHOST);
    Ok(url)
}
