//! The bot's configuration.

use std::time::Duration;

use easel_broker::Lane;
use easel_service::ProcessConfig;
use easel_service::config::{
    BrokerConfig, CdnConfig, DatabaseConfig, HttpConfig, LogConfig, S3Config, ShutdownConfig,
    duration,
};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::fetch::{FetchConfig, is_public};
use crate::inputs::InputsConfig;
use crate::link::WebLinks;

/// Everything the bot is told.
#[derive(Debug, Clone, Deserialize)]
pub struct BotConfig {
    /// The bot's credential (`DISCORD_TOKEN`).
    pub discord_token: SecretString,
    /// Origin of Discord (`EASEL_DISCORD_API`); `/api/v10` is appended.
    #[serde(default = "discord")]
    pub discord_api: Url,
    /// Origin of Discord's client on the web (`EASEL_DISCORD_WEB`), for links to messages; by default that of the API.
    pub discord_web: Option<Url>,
    /// Section `discord`.
    #[serde(default)]
    pub discord: DiscordConfig,
    /// Section `database`.
    pub database: DatabaseConfig,
    /// Section `broker`.
    pub broker: BrokerConfig,
    /// Section `s3`; only members' pictures are kept there, and only if `inputs` takes them.
    pub s3: Option<S3Config>,
    /// Section `inputs`.
    #[serde(default)]
    pub inputs: InputsConfig,
    /// Section `cdn`; without it pictures cannot be shown.
    pub cdn: CdnConfig,
    /// Section `intake`.
    #[serde(default)]
    pub intake: IntakeConfig,
    /// Section `delivery`.
    #[serde(default)]
    pub delivery: DeliveryConfig,
    /// Section `fetch`.
    #[serde(default)]
    pub fetch: FetchConfig,
    /// Section `http`.
    #[serde(default)]
    pub http: HttpConfig,
    /// Section `log`.
    #[serde(default)]
    pub log: LogConfig,
    /// Section `shutdown`.
    #[serde(default)]
    pub shutdown: ShutdownConfig,
}

/// `discord`: which part of the gateway this process serves, and how patient it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct DiscordConfig {
    /// First shard of this process.
    pub first_shard: u32,
    /// Last shard of this process, itself included; by default the first.
    pub last_shard: Option<u32>,
    /// Shards in all processes together.
    pub total_shards: u32,
    /// Whether the commands are registered when they differ.
    pub register: bool,
    /// Limit for one REST try.
    #[serde(with = "duration")]
    pub try_timeout: Duration,
    /// Limit for the first answer to an interaction, all tries together.
    #[serde(with = "duration")]
    pub answer_timeout: Duration,
    /// Limit for any other call, all tries and waits together.
    #[serde(with = "duration")]
    pub call_timeout: Duration,
    /// How long a start asks an overloaded Discord for its gateway before it gives up.
    #[serde(with = "duration")]
    pub start_timeout: Duration,
    /// Most requests a second with the bot's own credential, of all processes together: Discord allows the whole bot 50.
    /// Those that own shards divide them evenly.
    pub requests_per_second: u32,
    /// Whether a process that is connected asks the owner of its shards to let go of them and end, should that have been
    /// started before. Without it, it stands by until they are free.
    pub take_over: bool,
    /// A number that grows with every deployment. A process takes shards over from none of a higher one, so that an old bot
    /// that is started again asks for nothing back.
    pub release: u32,
    /// From one session to the next of the same start key, over all processes. Discord asks for 5 seconds.
    #[serde(with = "duration")]
    pub identify_every: Duration,
    /// The process ends where one of its shards shows no sign of life for so long, to be started again: more than three
    /// heartbeats, which are 41 s apart.
    #[serde(with = "duration")]
    pub silent_after: Duration,
}

impl Default for DiscordConfig {
    fn default() -> Self {
        Self {
            first_shard: 0,
            last_shard: None,
            total_shards: 1,
            register: true,
            try_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_millis(2_600),
            call_timeout: Duration::from_secs(30),
            start_timeout: Duration::from_secs(30),
            requests_per_second: 49,
            take_over: false,
            release: 0,
            identify_every: Duration::from_millis(5_100),
            silent_after: Duration::from_secs(150),
        }
    }
}

impl DiscordConfig {
    /// The shards of this process.
    pub fn shards(&self) -> std::ops::RangeInclusive<u32> {
        self.first_shard..=self.last_shard.unwrap_or(self.first_shard)
    }
}

/// `intake`: what becomes of a request.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct IntakeConfig {
    /// Region of new jobs.
    pub region: String,
    /// Pool of new jobs.
    pub pool: String,
    /// Tier of members who have none.
    pub default_tier: String,
    /// Most interactions handled at once; more are told to try again.
    pub concurrency: usize,
    /// How long the first answer waits for its row, so that whatever dies after it leaves nobody waiting. A database that is
    /// slower holds up no answer.
    #[serde(with = "duration")]
    pub note_first: Duration,
    /// The same words within this time, while the first job runs, are one job.
    #[serde(with = "duration")]
    pub same_words: Duration,
    /// The same button within this time is one job.
    #[serde(with = "duration")]
    pub same_click: Duration,
    /// How long several jobs that were proposed may be agreed to. Their message can be changed for a quarter of an hour.
    #[serde(with = "duration")]
    pub proposal_life: Duration,
    /// Directory with prompt lists beside the shipped ones.
    pub lists: Option<std::path::PathBuf>,
}

impl Default for IntakeConfig {
    fn default() -> Self {
        Self {
            region: "local".into(),
            pool: "main".into(),
            default_tier: "standard".into(),
            concurrency: 256,
            note_first: Duration::from_millis(20),
            same_words: Duration::from_secs(10),
            same_click: Duration::from_secs(3),
            proposal_life: Duration::from_mins(10),
            lists: None,
        }
    }
}

/// How finished pictures reach the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pictures {
    /// By link where Discord can fetch it, else as an attachment.
    #[default]
    Auto,
    /// Always by link.
    Link,
    /// Always as an attachment.
    Attach,
}

/// `delivery`: how messages are kept up to date.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct DeliveryConfig {
    /// Shortest time between two progress edits of one message; a quarter of it for the first ones.
    #[serde(with = "duration")]
    pub edit_interval: Duration,
    /// Most edits in flight.
    pub edits_in_flight: usize,
    /// How often rows are searched for messages that are out of date.
    #[serde(with = "duration")]
    pub sweep_every: Duration,
    /// From an interaction's creation until its token is no longer used; Discord's limit is 15 minutes.
    #[serde(with = "duration")]
    pub token_life: Duration,
    /// How long this process owns its shards without a sign of life.
    #[serde(with = "duration")]
    pub owner_term: Duration,
    /// An interaction that is open for longer was left "thinking" by a process that died. Longer than a process that lives
    /// takes to fetch pictures and to submit while the database fails over.
    #[serde(with = "duration")]
    pub abandoned_after: Duration,
    /// How finished pictures reach the message.
    pub pictures: Pictures,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            edit_interval: Duration::from_secs(2),
            edits_in_flight: 256,
            sweep_every: Duration::from_secs(2),
            token_life: Duration::from_secs(14 * 60 + 30),
            owner_term: Duration::from_secs(6),
            abandoned_after: Duration::from_secs(45),
            pictures: Pictures::Auto,
        }
    }
}

/// Whether only this network reaches the host.
fn local(url: &Url) -> bool {
    url.host_str().is_none_or(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || !host.contains(['.', ':']) || address.is_ok_and(|ip| !is_public(ip))
    })
}

fn discord() -> Url {
    Url::parse("https://discord.com").expect("a constant address is valid")
}

impl BotConfig {
    /// The lane of new jobs.
    ///
    /// # Errors
    ///
    /// A region or pool that cannot be part of a queue name.
    pub fn lane(&self) -> Result<Lane, String> {
        Lane::new(&self.intake.region, &self.intake.pool)
            .map_err(|error| format!("`intake.region`, `intake.pool`: {error}"))
    }

    /// Where members open links to messages.
    pub fn web_links(&self) -> WebLinks {
        WebLinks::new(self.discord_web.as_ref().unwrap_or(&self.discord_api))
    }

    /// Whether Discord is a stand-in within this network.
    pub fn serves_local_discord(&self) -> bool {
        local(&self.discord_api)
    }

    /// Whether finished pictures are sent as attachments, because the real Discord cannot reach the CDN.
    pub fn attaches_pictures(&self) -> bool {
        match self.delivery.pictures {
            Pictures::Auto => local(&self.cdn.base_url) && !self.serves_local_discord(),
            Pictures::Link => false,
            Pictures::Attach => true,
        }
    }
}

impl ProcessConfig for BotConfig {
    fn http(&self) -> &HttpConfig {
        &self.http
    }

    fn log(&self) -> &LogConfig {
        &self.log
    }

    fn shutdown(&self) -> ShutdownConfig {
        self.shutdown
    }

    fn check(&self) -> Result<(), String> {
        let shards = self.discord.shards();
        if shards.is_empty() {
            return Err("`discord.last_shard` must not be below `discord.first_shard`".into());
        }
        if *shards.end() >= self.discord.total_shards {
            return Err("`discord.total_shards` must be above `discord.last_shard`".into());
        }
        if self.intake.concurrency == 0 || self.delivery.edits_in_flight == 0 {
            return Err(
                "`intake.concurrency` and `delivery.edits_in_flight` must be at least 1".into(),
            );
        }
        if self.inputs.unchecked && self.s3.is_none() {
            return Err("`inputs.unchecked` needs the section `s3` (EASEL_S3__…)".into());
        }
        let is_origin = |url: &Url| matches!(url.scheme(), "http" | "https");
        if !is_origin(&self.discord_api) {
            return Err("`discord_api` (EASEL_DISCORD_API) must be an http or https origin".into());
        }
        if !self.discord_web.as_ref().is_none_or(is_origin) {
            return Err("`discord_web` (EASEL_DISCORD_WEB) must be an http or https origin".into());
        }
        self.lane().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_service::config::{Sources, load};

    fn sources() -> Sources {
        Sources::default().environment([
            ("DISCORD_TOKEN", "t"),
            ("EASEL_DATABASE__URL", "postgres://a:b@localhost/c"),
            ("EASEL_BROKER__URL", "amqp://a:b@localhost/c"),
            ("EASEL_CDN__BASE_URL", "http://127.0.0.1:1"),
        ])
    }

    #[test]
    fn the_least_configuration_serves_the_real_discord_with_attachments() {
        let config = load::<BotConfig>("bot", &sources()).unwrap().config;
        assert_eq!(config.discord_api.as_str(), "https://discord.com/");
        assert!(config.attaches_pictures());
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn a_cdn_that_only_this_network_reaches_is_no_link_for_discord() {
        for (cdn, attaches) in [
            ("http://192.168.1.10:8081", true),
            ("http://10.0.0.7", true),
            ("http://cdn:8081", true),
            ("https://pictures.example.org", false),
            ("https://93.184.215.14", false),
        ] {
            let sources = sources().environment([("EASEL_CDN__BASE_URL", cdn)]);
            let config = load::<BotConfig>("bot", &sources).unwrap().config;
            assert_eq!(config.attaches_pictures(), attaches, "{cdn}");
        }
    }

    #[test]
    fn the_example_file_holds_the_defaults() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/easel-bot.example.toml");
        let defaults = load::<BotConfig>("bot", &sources()).unwrap().config;
        let example = load::<BotConfig>("bot", &sources().file(file))
            .unwrap()
            .config;
        let told = |config: &BotConfig| format!("{:?} {:?}", config.intake, config.delivery);
        assert_eq!(told(&example), told(&defaults));
        assert_eq!(example.check(), Ok(()));
    }

    #[test]
    fn a_local_discord_gets_links() {
        let sources = sources().environment([("EASEL_DISCORD_API", "http://127.0.0.1:2")]);
        assert!(
            !load::<BotConfig>("bot", &sources)
                .unwrap()
                .config
                .attaches_pictures()
        );
    }

    #[test]
    fn a_missing_token_says_how_to_set_it() {
        let sources = Sources::default().environment([("EASEL_DATABASE__URL", "x")]);
        let message = load::<BotConfig>("bot", &sources).unwrap_err().to_string();
        assert!(message.contains("DISCORD_TOKEN"), "{message}");
    }

    #[test]
    fn shards_outside_the_total_are_refused() {
        let sources = sources().flag("discord.first_shard", "1");
        let config = load::<BotConfig>("bot", &sources).unwrap().config;
        assert!(config.check().unwrap_err().contains("total_shards"));
    }
}
