//! A platform without Discord and without a model: the real dispatcher and the real node agent over real servers, an
//! engine that paints flat colours, and the test in the place of the bot.

mod community;
mod invariants;
mod jobs;
mod settings;
mod voices;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use easel_blobs::BlobStore;
use easel_broker::account::create_node_account;
use easel_broker::{Action, Broker, Delivery, Lane, Names, Subscription, Topology};
use easel_dispatcher::DispatcherConfig;
use easel_dispatcher::config::LaneConfig;
use easel_domain::clock::EntropyExt;
use easel_domain::message::{DeliveryHint, ProgressNote, Residency};
use easel_domain::model::{ModelProfile, ModelRef};
use easel_domain::spec::Sampler;
use easel_domain::{NodeId, UserId};
use easel_gpu_node::agent::Models;
use easel_gpu_node::config::{AgentConfig, NodeConfig};
use easel_gpu_node::engine::fake::{FakeEngine, Gate};
use easel_service::SystemEntropy;
use easel_service::config::{
    BrokerConfig, DatabaseConfig, HttpConfig, LogConfig, S3Config, ShutdownConfig,
};
use easel_store::testing::TestDatabase;
use secrecy::SecretString;
use tokio::sync::{Mutex, mpsc};

use crate::running::Running;
use crate::servers::{self, Vhost};

pub use community::Community;
pub use jobs::{QUOTE, Request, STEPS};
pub use voices::Voice;
pub use watch::{Step, eventually};

/// Leases and leadership last this long, so that a loss is noticed soon and a busy machine causes none.
const TERM: Duration = Duration::from_secs(3);
const SWEEP: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_millis(250);
const GRACE: Duration = Duration::from_secs(20);
const NOTES: usize = 4_096;
const PREFETCH: u16 = 100;

/// The name, and hash, of a model that nodes have on their disks and not in memory.
pub const OTHER_MODEL: &str = "other";

/// Credits that a member has at first.
pub const PURSE: i64 = 100;

/// One platform, with a database, names in the broker and accounts of its own.
pub struct World {
    /// Its database.
    pub database: TestDatabase,
    /// The test's own connection: what the bot would have.
    pub broker: Broker,
    /// The object store, under the platform's account.
    pub blobs: BlobStore,
    /// The lane of all jobs.
    pub lane: Lane,
    /// The model of all jobs.
    pub model: ModelRef,
    /// Randomness for ids.
    pub entropy: Arc<SystemEntropy>,
    vhost: Vhost,
    prefix: String,
    member: (easel_domain::DiscordId, UserId),
    // Read only where no bot does.
    deliveries: Mutex<Option<mpsc::Receiver<DeliveryHint>>>,
    progress: Mutex<Option<mpsc::Receiver<ProgressNote>>>,
    dead: Mutex<Option<mpsc::Receiver<serde_json::Value>>>,
    accounts: Mutex<BTreeSet<String>>,
    checked: bool,
}

/// A node of the world.
pub struct Node {
    /// Its process.
    pub process: Running,
    /// Its engine.
    pub engine: Arc<FakeEngine>,
}

impl Node {
    /// Ends it as `kill -9` does: no goodbye, no hand-back.
    pub fn kill(self) {
        self.process.kill();
    }
}

impl World {
    /// A platform in which nothing runs yet.
    pub async fn new() -> Result<Self> {
        Self::at(servers::vhost().await?).await
    }

    /// The same, on some broker.
    pub async fn at(vhost: Vhost) -> Result<Self> {
        let database = TestDatabase::create().await;
        let entropy = Arc::new(SystemEntropy);
        let prefix = format!("t{}.", &entropy.random_uuid().simple().to_string()[..12]);
        let names = Names::new(&prefix)?;
        let lane = Lane::new("local", "main")?;
        let topology = Topology::none().lane(&names, &lane).shard(&names, 0);
        let mut config = BrokerConfig::new(vhost.url.as_str());
        config.prefix.clone_from(&prefix);
        let broker =
            Broker::connect(&config, "easel-test", topology, Arc::clone(&entropy) as _).await?;
        let world = Self {
            blobs: BlobStore::new(&servers::s3()?, &servers::cdn()?)?,
            member: jobs::new_member(&database.store, &*entropy).await?,
            model: ModelRef {
                id: "flat".into(),
                hash: "f".repeat(64),
            },
            database,
            broker,
            lane,
            entropy,
            vhost,
            prefix,
            deliveries: Mutex::default(),
            progress: Mutex::default(),
            dead: Mutex::default(),
            accounts: Mutex::default(),
            checked: false,
        };
        Ok(world)
    }

    /// The names of this world's queues.
    pub fn names(&self) -> &Names {
        self.broker.names()
    }

    fn broker_config(&self, url: impl Into<String>) -> BrokerConfig {
        let mut config = BrokerConfig::new(url);
        config.prefix.clone_from(&self.prefix);
        config
    }

    /// Starts a dispatcher: the leader, or a standby if there is one.
    pub fn dispatcher(&self) -> Result<Running> {
        self.dispatcher_with(servers::s3()?, |_| {})
    }

    /// The same, with an object store that may be elsewhere.
    pub fn dispatcher_with_storage(&self, s3: S3Config) -> Result<Running> {
        self.dispatcher_with(s3, |_| {})
    }

    /// The same, with other settings of its lane.
    pub fn dispatcher_with_lane(&self, change: impl FnOnce(&mut LaneConfig)) -> Result<Running> {
        self.dispatcher_with(servers::s3()?, change)
    }

    fn dispatcher_with(
        &self,
        s3: S3Config,
        change: impl FnOnce(&mut LaneConfig),
    ) -> Result<Running> {
        let mut config = DispatcherConfig {
            http: HttpConfig::default(),
            log: LogConfig::default(),
            shutdown: ShutdownConfig::default(),
            database: self.database_config(),
            broker: self.broker_config(self.vhost.url.as_str()),
            s3,
            cdn: servers::cdn()?,
            dispatcher: LaneConfig {
                leadership_term: TERM,
                lease_term: TERM,
                sweep_every: SWEEP,
                relay_after: SWEEP,
                ..LaneConfig::default()
            },
        };
        change(&mut config.dispatcher);
        Running::start("dispatcher", |ctx| {
            easel_dispatcher::leader::run(ctx, config)
        })
    }

    /// Settings for a process that uses this world's database.
    pub fn database_config(&self) -> DatabaseConfig {
        DatabaseConfig {
            url: SecretString::from(self.database.url.clone()),
            pool_size: 6,
            connect_timeout: Duration::from_secs(10),
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(10),
        }
    }

    /// Starts a node that takes one job at a time; its engine takes as many steps as `gate` lets through.
    pub async fn node(&self, name: &str, gate: Gate) -> Result<Node> {
        self.node_with(name, gate, |_, _, _| {}).await
    }

    /// The same, with other settings, an engine that is not as it should be, or models that are something else.
    pub async fn node_with(
        &self,
        name: &str,
        gate: Gate,
        change: impl FnOnce(&mut NodeConfig, &FakeEngine, &mut Models),
    ) -> Result<Node> {
        let id: NodeId = name.parse()?;
        let mut config = AgentConfig {
            http: HttpConfig::default(),
            log: LogConfig::default(),
            shutdown: ShutdownConfig {
                grace: GRACE,
                hard_limit: GRACE,
            },
            broker: self.broker_config(self.node_address(&id).await?),
            node: NodeConfig {
                // The engine that only counts has eyes as well, and loads nothing.
                describe: Some("eyes".into()),
                describe_phrases: None,
                id,
                region: self.lane.region.clone(),
                pool: self.lane.pool.clone(),
                class: "fake".into(),
                model: Some("/nowhere".into()),
                models: Vec::new(),
                checker: None,
                picture_policy: None,
                memory_gib: None,
                step_deadline: Duration::from_mins(4),
                check_every: Duration::ZERO,
                answers: None,
                device: "cpu".into(),
                threads: 1,
                capacity: 1,
                heartbeat_every: HEARTBEAT,
                progress_every: Duration::ZERO,
                store_patience: Duration::from_mins(10),
            },
        };
        let stock = [
            (&*self.model.id, &*self.model.hash, Residency::Resident),
            (OTHER_MODEL, OTHER_MODEL, Residency::Stored),
        ];
        let engine = Arc::new(FakeEngine::stocked(&stock, gate));
        let other = ModelProfile {
            id: OTHER_MODEL.into(),
            ..self.profile()
        };
        let mut models = Models {
            profiles: BTreeMap::from([
                (self.model.hash.clone(), self.profile()),
                (OTHER_MODEL.into(), other),
            ]),
            ..Models::default()
        };
        change(&mut config.node, &engine, &mut models);
        let device = Arc::clone(&engine);
        let process = Running::start("gpu-node", |ctx| {
            easel_gpu_node::agent::run(ctx, config, device, models)
        })?;
        Ok(Node { process, engine })
    }

    /// The model as nodes announce it.
    pub fn profile(&self) -> ModelProfile {
        ModelProfile {
            id: self.model.id.clone(),
            native_width: 64,
            native_height: 64,
            max_side: 96,
            multiple: 16,
            default_steps: 4,
            default_guidance: 5.0,
            default_sampler: Sampler::Default,
            safe: true,
            finish_scale: 1,
            aliases: Vec::new(),
        }
    }

    /// Where a node finds the broker, under an account of its own that may do no more than a node needs.
    async fn node_address(&self, node: &NodeId) -> Result<String> {
        let password = self.entropy.random_uuid().simple().to_string();
        let secret = SecretString::from(password.clone());
        let vhost = &self.vhost;
        let user = create_node_account(
            &vhost.management()?,
            &vhost.name,
            self.names(),
            &self.lane,
            node,
            &secret,
        )
        .await?;
        let mut url = vhost.url.clone();
        // Both refuse only addresses that have no place for an account.
        let _ = url.set_username(&user);
        let _ = url.set_password(Some(&password));
        self.accounts.lock().await.insert(user);
        Ok(url.into())
    }

    /// Checks what must hold after any test, and clears the world away.
    pub async fn close(mut self) -> Result<()> {
        self.checked = true;
        invariants::check(&self.database.store).await?;
        let management = self.vhost.management()?;
        for user in self.accounts.lock().await.iter() {
            management
                .delete_user(user)
                .await
                .context("delete a node's account")?;
        }
        self.broker.close().await;
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.checked && !std::thread::panicking() {
            // A test that ended early with an error says so itself.
            tracing::warn!("a world was dropped without `close`: its invariants were not checked");
        }
    }
}

/// Everything that comes into a queue.
fn inbox<T>(broker: &Broker, queue: Subscription) -> mpsc::Receiver<T>
where
    T: serde::de::DeserializeOwned + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(NOTES);
    // The consumer lives as long as its connection.
    broker.consume(queue, move |message: Delivery<T>| {
        let sender = sender.clone();
        async move {
            // Nobody may be listening any more.
            let _ = sender.send(message.body).await;
            Action::ack()
        }
    });
    receiver
}
