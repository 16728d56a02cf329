//! One playground, one database, one set of queues, and a bot that can be killed.

use std::time::Duration;

use easel_bot::config::BotConfig;
use easel_bot::process;
use easel_broker::management::{Management, Permissions};
use easel_domain::clock::EntropyExt;
use easel_playground::{Playground, PlaygroundConfig, PlaygroundHandle, Seed, SeenMessage};
use easel_service::config::{Sources, load};
use easel_service::{Context, SystemEntropy};
use easel_store::testing::TestDatabase;
use secrecy::SecretString;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use url::Url;

use crate::conformance;
use crate::platform::Platform;

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);
const VHOST: &str = "easel-test-bot";
pub const CDN: &str = "http://cdn.test/pictures";

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `make test`, or run this under `compose/local/stack run`")
    })
}

/// The address of this binary's vhost, made anew once per run.
async fn vhost_url() -> Url {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let mut url = Url::parse(&variable("EASEL_TEST_BROKER_URL")).expect("an AMQP address");
    let user = url.username().to_string();
    MADE.get_or_init(|| async {
        let address = SecretString::from(variable("EASEL_TEST_BROKER_MANAGEMENT_URL"));
        let management = Management::new(&address).expect("a management address");
        // Absent at the first run.
        let _ = management.delete_vhost(VHOST).await;
        management
            .create_vhost(VHOST)
            .await
            .expect("the vhost can be made");
        management
            .set_permissions(VHOST, &user, &Permissions::all())
            .await
            .expect("rights can be given");
    })
    .await;
    url.set_path(VHOST);
    url
}

/// Everything around one test.
pub struct World {
    pub discord: PlaygroundHandle,
    pub platform: Platform,
    database: TestDatabase,
    settings: Vec<(String, String)>,
    bot: Option<Bot>,
    /// A second process of the same bot.
    beside: Option<Bot>,
}

/// A bot on a runtime of its own, so that killing it leaves nothing running and nothing cleaned up.
struct Bot {
    runtime: Option<Runtime>,
    ctx: Context,
}

impl Bot {
    fn start(config: BotConfig) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let ctx = Context::new("bot");
        let (body, tasks) = (ctx.clone(), ctx.tasks.clone());
        runtime.spawn(async move { tasks.spawn_finite("bot", process::run(body, config)) });
        Self {
            runtime: Some(runtime),
            ctx,
        }
    }

    fn left(&self) -> Vec<&'static str> {
        let running = self.ctx.tasks.running().into_iter();
        running.filter(|task| *task != "health").collect()
    }

    fn is_done(&self) -> bool {
        self.left().is_empty()
    }

    /// Ends it as SIGTERM does.
    async fn drain(self) {
        self.ctx.shutdown.drain();
        let drained = within(PATIENCE, || async { self.is_done().then_some(()) }).await;
        assert!(drained.is_some(), "does not drain: {:?}", self.left());
        self.ctx.shutdown.stop();
        let failure = self.ctx.tasks.failure();
        assert!(failure.is_none(), "{failure:?}");
    }
}

/// A test that fails drops its bot inside of its own runtime, where waiting for another is not allowed.
impl Drop for Bot {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl World {
    /// A world with a model, and a bot that is connected and has its commands registered.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with settings of the bot.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut world = Self::without_bot(settings).await;
        world.platform.announce_model().await;
        world.start_bot().await;
        world
    }

    /// A world whose bot has not started.
    pub async fn without_bot(settings: &[(&str, &str)]) -> Self {
        let mut playground = PlaygroundConfig {
            seed: Seed::default().with_places_elsewhere(),
            ..PlaygroundConfig::default()
        };
        for user in &mut playground.seed.users {
            // Alan's Discord speaks German.
            if user.name == "alan" {
                "de".clone_into(&mut user.locale);
            }
        }
        let discord = Playground::start(playground).await.expect("a playground");
        let database = TestDatabase::create().await;
        let broker = vhost_url().await;
        let prefix = format!(
            "t{}.",
            &SystemEntropy.random_uuid().simple().to_string()[..12]
        );
        let platform = Platform::connect(database.store.clone(), broker.as_str(), &prefix).await;
        // Tests press faster than people do; `limits` sets a pace of its own.
        platform.set_pace("standard", 10_000, 10_000).await;
        let own = [
            ("discord_token", discord.token()),
            ("discord_api", discord.origin()),
            ("database.url", database.url.clone()),
            ("database.pool_size", "4".to_owned()),
            ("broker.url", broker.to_string()),
            ("broker.prefix", prefix),
            ("cdn.base_url", CDN.to_owned()),
            ("delivery.pictures", "link".to_owned()),
            ("delivery.edit_interval", "100ms".to_owned()),
            ("delivery.sweep_every", "300ms".to_owned()),
            ("delivery.owner_term", "1500ms".to_owned()),
            ("delivery.abandoned_after", "1s".to_owned()),
            ("discord.identify_every", "1ms".to_owned()),
        ];
        let given = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let settings = own
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .chain(given)
            .collect();
        Self {
            discord,
            platform,
            database,
            settings,
            bot: None,
            beside: None,
        }
    }

    pub fn config(&self) -> BotConfig {
        self.config_with(&[])
    }

    fn config_with(&self, more: &[(&str, &str)]) -> BotConfig {
        let own = self.settings.iter().map(|(key, value)| (&**key, &**value));
        let sources = own
            .chain(more.iter().copied())
            .fold(Sources::default(), |sources, (key, value)| {
                sources.flag(key, value)
            });
        load("bot", &sources)
            .expect("the settings of the test are valid")
            .config
    }

    /// Starts the bot and waits until it can be used.
    pub async fn start_bot(&mut self) {
        self.bot = Some(Bot::start(self.config()));
        let tasks = self
            .bot
            .as_ref()
            .expect("it was just started")
            .ctx
            .tasks
            .clone();
        assert!(
            self.discord.wait_for_bot(PATIENCE).await,
            "the bot does not connect; running {:?}, failed {:?}",
            tasks.running(),
            tasks.failure()
        );
        assert!(
            self.discord
                .wait_for_command("imagine", PATIENCE)
                .await
                .is_some(),
            "no command is registered"
        );
    }

    /// Starts a second process of the bot, with other settings where they are given, and waits until its sessions are there.
    pub async fn start_beside(&mut self, settings: &[(&str, &str)]) {
        let bot = Bot::start(self.config_with(settings));
        let readiness = bot.ctx.readiness.clone();
        self.beside = Some(bot);
        eventually("the second process to be ready", || async {
            readiness.report().ready.then_some(())
        })
        .await;
    }

    /// Waits until the first process has ended by itself; the second is the bot then.
    pub async fn until_first_has_left(&mut self) {
        let first = self.bot.take().expect("a bot is running");
        eventually("the first process to end", || async {
            first.is_done().then_some(())
        })
        .await;
        assert!(first.ctx.shutdown.is_draining(), "it ended by itself");
        assert!(
            first.ctx.tasks.failure().is_none(),
            "{:?}",
            first.ctx.tasks.failure()
        );
        self.bot = self.beside.take();
    }

    /// Waits until the bot has ended by itself; why it did.
    pub async fn until_failed(&mut self) -> String {
        let bot = self.bot.take().expect("a bot is running");
        eventually("the bot to end", || async { bot.is_done().then_some(()) }).await;
        let failure = bot.ctx.tasks.failure();
        format!("{:?}", failure.expect("it ended with an error"))
    }

    /// Ends the first process as SIGKILL would; the second is the bot then.
    pub fn kill_first_bot(&mut self) {
        drop(self.bot.take().expect("a bot is running"));
        self.bot = self.beside.take();
    }

    /// Ends the bot as SIGKILL would: nothing is finished, nothing is given back.
    pub async fn kill_bot(&mut self) {
        drop(self.bot.take().expect("a bot is running"));
        assert!(
            self.discord.wait_for_silence(PATIENCE).await,
            "the killed bot is still connected"
        );
    }

    /// Ends the bot as SIGTERM does.
    pub async fn stop_bot(&mut self) {
        let bot = self.bot.take().expect("a bot is running");
        bot.drain().await;
    }

    /// All messages of the bot in a channel that everybody sees, oldest first.
    pub fn public_messages(&self) -> Vec<SeenMessage> {
        let messages = self.discord.user("ada").messages();
        messages
            .into_iter()
            .filter(|message| message.is_by_bot() && !message.is_ephemeral())
            .collect()
    }

    /// Checks what must hold after every conversation.
    pub async fn close(mut self) {
        if let Some(beside) = self.beside.take() {
            beside.drain().await;
        }
        if self.bot.is_some() {
            self.stop_bot().await;
        }
        conformance::check(&self.discord.requests());
        self.platform.close().await;
        self.discord.shutdown().await;
        drop(self.database);
    }
}

/// The address of a CDN that hands out the same kilobyte for every key, and the task that it ends with.
pub async fn picture_server() -> (String, JoinSet<()>) {
    serving(vec![0_u8; 1_000]).await
}

/// The same with these bytes.
pub async fn serving(body: Vec<u8>) -> (String, JoinSet<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    let router = axum::Router::new().fallback(move || std::future::ready(body.clone()));
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    (format!("http://{address}/"), server)
}

/// Waits until `ready` gives something.
pub async fn eventually<T, F>(what: &str, ready: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let found = within(PATIENCE, ready).await;
    found.unwrap_or_else(|| panic!("waited in vain for {what}"))
}

/// The same, and nothing where it takes longer than `patience`.
pub async fn within<T, F>(patience: Duration, mut ready: impl FnMut() -> F) -> Option<T>
where
    F: Future<Output = Option<T>>,
{
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        let found = ready().await;
        if found.is_some() || tokio::time::Instant::now() >= deadline {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
