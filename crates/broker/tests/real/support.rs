//! The vhost of this binary and what the tests share.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use easel_broker::management::{Management, Permissions};
use easel_broker::{Broker, Lane, Names, Topology};
use easel_domain::clock::EntropyExt;
use easel_service::SystemEntropy;
use easel_service::config::BrokerConfig;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;
use url::Url;

pub const LIMIT: Duration = Duration::from_secs(30);
const VHOST: &str = "easel-test-broker";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub n: u64,
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `make test`, or set it to the address of a RabbitMQ")
    })
}

pub fn management() -> Management {
    Management::new(&SecretString::from(variable(
        "EASEL_TEST_BROKER_MANAGEMENT_URL",
    )))
    .expect("a management address")
}

/// The address of this binary's vhost, made anew once per run.
pub async fn vhost_url() -> Url {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let mut url = Url::parse(&variable("EASEL_TEST_BROKER_URL")).expect("an AMQP address");
    let user = url.username().to_string();
    MADE.get_or_init(|| async {
        let management = management();
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

/// One test's own names, and the settings that lead to them.
pub struct World {
    pub config: BrokerConfig,
    pub names: Names,
    pub lane: Lane,
    pub vhost: &'static str,
}

impl World {
    pub async fn new() -> Self {
        let url = vhost_url().await;
        let prefix = format!(
            "t{}.",
            &SystemEntropy.random_uuid().simple().to_string()[..12]
        );
        let mut config = BrokerConfig::new(url.as_str());
        config.prefix.clone_from(&prefix);
        Self {
            names: Names::new(&prefix).expect("a prefix"),
            lane: Lane::new("eu", "main").expect("a lane"),
            config,
            vhost: VHOST,
        }
    }

    pub fn topology(&self) -> Topology {
        Topology::default()
            .lane(&self.names, &self.lane)
            .shard(&self.names, 0)
    }

    pub async fn broker(&self, client: &str) -> Broker {
        let entropy = Arc::new(SystemEntropy);
        Broker::connect(&self.config, client, self.topology(), entropy)
            .await
            .expect("the broker is there")
    }

    /// The same vhost through another account.
    pub async fn as_user(&self, user: &str, password: &str) -> BrokerConfig {
        let mut url = vhost_url().await;
        url.set_username(user)
            .expect("an account fits into the address");
        url.set_password(Some(password))
            .expect("a password fits into the address");
        BrokerConfig {
            url: SecretString::from(url.to_string()),
            ..self.config.clone()
        }
    }

    /// A connection past our own layer.
    pub async fn raw(&self) -> Raw {
        Raw::connect(vhost_url().await.as_str()).await
    }

    /// What lies in the dead-letter queue, waiting until there is something.
    pub async fn next_dead(&self) -> (String, Vec<u8>) {
        let raw = self.raw().await;
        let queue = self.names.dead();
        eventually("a dead letter", || async {
            let got = raw
                .channel
                .basic_get(queue.name().into(), BasicGetOptions::default())
                .await
                .expect("a get");
            let got = got?;
            got.acker
                .ack(BasicAckOptions::default())
                .await
                .expect("an ack");
            let headers = got.properties.headers().clone().unwrap_or_default();
            let reason = headers
                .inner()
                .get("x-easel-reason")
                .and_then(|v| v.as_long_string())
                .expect("a reason");
            Some((reason.to_string(), got.delivery.data))
        })
        .await
    }
}

pub struct Raw {
    pub connection: Connection,
    pub channel: Channel,
}

impl Raw {
    pub async fn connect(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        Self {
            connection,
            channel,
        }
    }

    pub async fn send(&self, queue: &str, body: &[u8]) {
        self.channel
            .basic_publish(
                "".into(),
                queue.into(),
                BasicPublishOptions::default(),
                body,
                BasicProperties::default(),
            )
            .await
            .expect("a raw publish");
    }
}

/// Asks until there is an answer, at most [`LIMIT`].
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let asking = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(LIMIT, asking)
        .await
        .unwrap_or_else(|_| panic!("waited {LIMIT:?} for {what}"))
}

/// The next value of a channel, at most [`LIMIT`].
pub async fn next<T>(receiver: &mut tokio::sync::mpsc::Receiver<T>) -> T {
    let next = tokio::time::timeout(LIMIT, receiver.recv()).await;
    next.expect("a value in time").expect("the channel is open")
}
