//! Sections that several processes share.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::duration;

/// `http`: where health and metrics are served.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct HttpConfig {
    /// Address and port. The default is a free port of the loopback interface, which the log names.
    pub listen: SocketAddr,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// `log`: what is logged and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct LogConfig {
    /// How lines look.
    pub format: LogFormat,
    /// A filter such as `info` or `info,easel_bot=debug`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            filter: "info".into(),
        }
    }
}

/// `shutdown`: how long draining may take.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct ShutdownConfig {
    /// From the first signal until held work is given back.
    #[serde(with = "duration")]
    pub grace: Duration,
    /// From then until the process ends whatever is still running.
    #[serde(with = "duration")]
    pub hard_limit: Duration,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(30),
            hard_limit: Duration::from_secs(5),
        }
    }
}

/// `database`: the connection to Postgres.
#[derive(Debug, Clone, Deserialize)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host:port/name`.
    pub url: SecretString,
    /// Most connections held at once.
    #[serde(default = "pool_size")]
    pub pool_size: usize,
    /// Limit for opening one connection.
    #[serde(default = "five_seconds", with = "duration")]
    pub connect_timeout: Duration,
    /// Limit for waiting for a free connection of the pool.
    #[serde(default = "five_seconds", with = "duration")]
    pub acquire_timeout: Duration,
    /// Limit for one statement, enforced by the server.
    #[serde(default = "ten_seconds", with = "duration")]
    pub statement_timeout: Duration,
}

impl DatabaseConfig {
    /// The address without credentials, for messages.
    pub fn shown(&self) -> String {
        redacted(&self.url)
    }
}

/// `broker`: the connection to RabbitMQ.
#[derive(Debug, Clone, Deserialize)]
pub struct BrokerConfig {
    /// `amqp://user:password@host:port/vhost`, or `amqps://`.
    #[serde(deserialize_with = "broker_address")]
    pub url: SecretString,
    /// `http://user:password@host:port` of the management plugin, where accounts are made.
    #[serde(default)]
    pub management_url: Option<SecretString>,
    /// Put before every queue and exchange name, so that several platforms can share a vhost.
    #[serde(default)]
    pub prefix: String,
    /// Limit for opening a connection, a channel or declaring the topology.
    #[serde(default = "five_seconds", with = "duration")]
    pub connect_timeout: Duration,
    /// Limit for one publish, from the call to the broker's confirm.
    #[serde(default = "five_seconds", with = "duration")]
    pub confirm_timeout: Duration,
    /// Most publishes waiting for their confirm at once.
    #[serde(default = "in_flight")]
    pub in_flight: u16,
}

impl BrokerConfig {
    /// A configuration with all defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: SecretString::from(url.into()),
            management_url: None,
            prefix: String::new(),
            connect_timeout: five_seconds(),
            confirm_timeout: five_seconds(),
            in_flight: in_flight(),
        }
    }

    /// The address without credentials, for messages.
    pub fn shown(&self) -> String {
        redacted(&self.url)
    }
}

/// `s3`: the object store, as seen by those who hold its credentials.
#[derive(Debug, Clone, Deserialize)]
pub struct S3Config {
    /// Origin of the server; buckets are addressed by path.
    pub endpoint: Url,
    /// Name of the bucket.
    pub bucket: String,
    /// Region that requests are signed for.
    #[serde(default = "region")]
    pub region: String,
    /// The account.
    pub access_key: SecretString,
    /// Its secret.
    pub secret_key: SecretString,
    /// Secret from which object keys are derived. By default one derived from `secret_key`: then a new `secret_key` only
    /// costs deduplication with objects stored before.
    #[serde(default)]
    pub key_secret: Option<SecretString>,
    /// Limit for one request.
    #[serde(default = "ten_seconds", with = "duration")]
    pub request_timeout: Duration,
}

/// `cdn`: what stands in front of the public objects.
#[derive(Debug, Clone, Deserialize)]
pub struct CdnConfig {
    /// Address under which Discord and browsers find the key of a public object.
    pub base_url: Url,
    /// The same as the platform's own processes find it, where that is another address.
    #[serde(default)]
    pub fetch_url: Option<Url>,
}

/// Refuses an address of another protocol before anything is connected to. The address itself is never repeated: it may
/// hold a password.
fn broker_address<'de, D: serde::Deserializer<'de>>(from: D) -> Result<SecretString, D::Error> {
    let text = String::deserialize(from)?;
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "amqp" | "amqps") => Ok(SecretString::from(text)),
        Ok(url) => Err(serde::de::Error::custom(format!(
            "a broker's address begins with amqp:// or amqps://, not {}://",
            url.scheme()
        ))),
        Err(error) => Err(serde::de::Error::custom(format!(
            "not an address ({error}); expected amqp://user:password@host:port/vhost"
        ))),
    }
}

fn pool_size() -> usize {
    8
}

fn in_flight() -> u16 {
    64
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn region() -> String {
    "us-east-1".into()
}

/// Scheme, host, port and path of an address, without user, password and query.
pub fn redacted(address: &SecretString) -> String {
    let Ok(mut url) = Url::parse(address.expose_secret()) else {
        return "an unreadable address".into();
    };
    // Both refuse only for addresses that have no place for credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brokers_address_of_another_protocol_is_refused_without_its_password() {
        let read = |url: &str| BrokerConfig::deserialize(serde_json::json!({ "url": url }));
        assert!(read("amqps://bot:hunter2@rabbit/easel").is_ok());
        for wrong in ["http://bot:hunter2@rabbit:15672", "bot:hunter2@rabbit", ""] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(
                error.contains("amqp://") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_shown_address_has_no_credentials() {
        let config = BrokerConfig::new("amqp://bot:hunter2@127.0.0.1:5672/easel?heartbeat=5");
        assert_eq!(config.shown(), "amqp://127.0.0.1:5672/easel");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
