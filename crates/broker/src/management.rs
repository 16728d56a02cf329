//! The management plugin's HTTP interface: vhosts, accounts and their permissions.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

const LIMIT: Duration = Duration::from_secs(10);

/// A management request that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagementError {
    /// The address is no http address.
    #[error(
        "management address: {0}; set `broker.management_url` (EASEL_BROKER__MANAGEMENT_URL) to http://user:password@host:port"
    )]
    Address(String),
    /// No answer.
    #[error("{what} at {address}")]
    Unreachable {
        /// What was asked.
        what: String,
        /// The address without credentials.
        address: String,
        /// Why.
        source: reqwest::Error,
    },
    /// An answer other than success.
    #[error("{what} at {address}: answered {status}: {body}")]
    Refused {
        /// What was asked.
        what: String,
        /// The address without credentials.
        address: String,
        /// The status.
        status: StatusCode,
        /// The first words of the answer.
        body: String,
    },
}

/// What an account may do in a vhost: three regular expressions over names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Permissions {
    /// Names it may declare and delete.
    pub configure: String,
    /// Names it may write to or bind.
    pub write: String,
    /// Names it may read from.
    pub read: String,
}

impl Permissions {
    /// Everything.
    pub fn all() -> Self {
        Self {
            configure: ".*".into(),
            write: ".*".into(),
            read: ".*".into(),
        }
    }
}

/// What an account may do on one topic exchange: regular expressions over routing keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicPermissions {
    /// The exchange.
    pub exchange: String,
    /// Keys it may publish with.
    pub write: String,
    /// Keys it may bind with.
    pub read: String,
}

/// A connection as the broker lists it, a few seconds after it opened.
#[derive(Debug, Clone, Deserialize)]
pub struct ConnectionInfo {
    /// The broker's name for it.
    pub name: String,
    /// Its vhost.
    #[serde(default)]
    pub vhost: String,
    /// Its account.
    #[serde(default)]
    pub user: String,
    /// The name that the client gave itself.
    #[serde(default)]
    pub user_provided_name: Option<String>,
}

/// Client of the management interface.
#[derive(Debug, Clone)]
pub struct Management {
    http: reqwest::Client,
    base: Url,
    user: String,
    password: SecretString,
}

impl Management {
    /// A client for `http://user:password@host:port`. Nothing is asked yet.
    ///
    /// # Errors
    /// An address that is no http address.
    pub fn new(address: &SecretString) -> Result<Self, ManagementError> {
        let bad = |reason: String| ManagementError::Address(reason);
        let mut base =
            Url::parse(address.expose_secret()).map_err(|error| bad(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(bad("it does not begin with http:// or https://".into()));
        }
        let user = percent_decoded(base.username());
        let password = SecretString::from(percent_decoded(base.password().unwrap_or_default()));
        // Both refuse only for addresses that have no place for credentials.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.set_path("");
        let http = reqwest::Client::builder().timeout(LIMIT).no_proxy().build();
        let http = http.map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            http,
            base,
            user,
            password,
        })
    }

    /// Creates a vhost; one that exists is left as it is.
    pub async fn create_vhost(&self, vhost: &str) -> Result<(), ManagementError> {
        self.put(&["vhosts", vhost], &serde_json::json!({})).await
    }

    /// Deletes a vhost with all that is in it.
    pub async fn delete_vhost(&self, vhost: &str) -> Result<(), ManagementError> {
        self.ask(Method::DELETE, &["vhosts", vhost], None)
            .await
            .map(drop)
    }

    /// Creates an account without management rights, or sets its password.
    pub async fn create_user(
        &self,
        user: &str,
        password: &SecretString,
    ) -> Result<(), ManagementError> {
        let body = serde_json::json!({ "password": password.expose_secret(), "tags": "" });
        self.put(&["users", user], &body).await
    }

    /// Deletes an account.
    pub async fn delete_user(&self, user: &str) -> Result<(), ManagementError> {
        self.ask(Method::DELETE, &["users", user], None)
            .await
            .map(drop)
    }

    /// Sets what an account may do in a vhost.
    pub async fn set_permissions(
        &self,
        vhost: &str,
        user: &str,
        rights: &Permissions,
    ) -> Result<(), ManagementError> {
        self.put(&["permissions", vhost, user], &serde_json::json!(rights))
            .await
    }

    /// Sets what an account may do on a topic exchange.
    pub async fn set_topic_permissions(
        &self,
        vhost: &str,
        user: &str,
        rights: &TopicPermissions,
    ) -> Result<(), ManagementError> {
        self.put(
            &["topic-permissions", vhost, user],
            &serde_json::json!(rights),
        )
        .await
    }

    /// All open connections that the broker has taken note of.
    pub async fn connections(&self) -> Result<Vec<ConnectionInfo>, ManagementError> {
        let answer = self.ask(Method::GET, &["connections"], None).await?;
        let what = "read the list of connections".to_string();
        answer
            .json()
            .await
            .map_err(|source| ManagementError::Unreachable {
                what,
                address: self.base.to_string(),
                source,
            })
    }

    /// Closes a connection by the broker's name for it.
    pub async fn close_connection(&self, name: &str) -> Result<(), ManagementError> {
        self.ask(Method::DELETE, &["connections", name], None)
            .await
            .map(drop)
    }

    async fn put(&self, path: &[&str], body: &serde_json::Value) -> Result<(), ManagementError> {
        self.ask(Method::PUT, path, Some(body)).await.map(drop)
    }

    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&serde_json::Value>,
    ) -> Result<reqwest::Response, ManagementError> {
        let what = format!("{method} {}", path.join("/"));
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push("api").extend(path);
        }
        let request = self
            .http
            .request(method, url)
            .basic_auth(&self.user, Some(self.password.expose_secret()));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let address = self.base.to_string();
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(source) => {
                return Err(ManagementError::Unreachable {
                    what,
                    address,
                    source: source.without_url(),
                });
            }
        };
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = answer
            .text()
            .await
            .unwrap_or_default()
            .chars()
            .take(200)
            .collect();
        Err(ManagementError::Refused {
            what,
            address,
            status,
            body,
        })
    }
}

fn percent_decoded(text: &str) -> String {
    let query = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(query.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
