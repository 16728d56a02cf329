//! What processes are told, by the names of the configuration.

use anyhow::Result;
use secrecy::ExposeSecret;

use super::World;
use crate::servers;

type Settings = Vec<(&'static str, String)>;

impl World {
    /// What a dispatcher is told.
    pub(crate) fn dispatcher_settings(&self) -> Result<Settings> {
        let s3 = servers::s3()?;
        Ok(vec![
            ("database.url", self.database.url.clone()),
            ("broker.url", self.vhost.url.to_string()),
            ("broker.prefix", self.prefix.clone()),
            ("s3.endpoint", s3.endpoint.to_string()),
            ("s3.bucket", s3.bucket),
            ("s3.region", s3.region),
            ("s3.access_key", s3.access_key.expose_secret().to_owned()),
            ("s3.secret_key", s3.secret_key.expose_secret().to_owned()),
            ("cdn.base_url", servers::cdn()?.base_url.to_string()),
        ])
    }

    /// What a node is told, but for its model.
    pub(crate) async fn node_settings(&self, name: &str) -> Result<Settings> {
        Ok(vec![
            ("broker.url", self.node_address(&name.parse()?).await?),
            ("broker.prefix", self.prefix.clone()),
            ("node.id", name.to_owned()),
        ])
    }
}
